"""Runs osv-index, sbom-match and vex-report over the whole advisories kit and holds the result against two others:
expected_matches.py (another implementation) and expected_matches.tsv (worked out by hand).

Usage: check_matches.py KIT_DIR PLUGIN_BUILD_DIR
"""

import functools
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
from random import Random

import expected_matches

HERE = pathlib.Path(__file__).parent
KIT, PROGRAMS = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
EPOCH = "1772442000"  # 2026-03-02T09:00:00Z


def run(program, folder, *args, **kwargs):
    env = {"SOURCE_DATE_EPOCH": EPOCH, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}
    subprocess.run([PROGRAMS / program, "--in", folder / "in", "--out", folder / "out", *args], check=True, env=env, **kwargs)


def chain(folder, sboms, reverse):
    """The three steps as the DAG wires them. `reverse` lays files down in the other order: results must not care."""
    steps = {name: folder / name for name in ("index", "match", "report")}
    for step in steps.values():
        (step / "in").mkdir(parents=True)
        (step / "out").mkdir()
    (steps["index"] / "in/osv").mkdir()
    for path in sorted((KIT / "data/osv").iterdir(), reverse=reverse):
        shutil.copy(path, steps["index"] / "in/osv")
    run("osv-index", steps["index"])
    shutil.copy(steps["index"] / "out/index.json", steps["match"] / "in/index")
    reports = {}
    for position, sbom in reversed(list(enumerate(sboms))) if reverse else enumerate(sboms):
        shutil.copy(KIT / "data/sboms" / sbom, steps["match"] / "in/sbom")
        run("sbom-match", steps["match"], "--name", sbom)
        target = steps["report"] / "in/matches" / str(position)
        target.mkdir(parents=True)
        shutil.move(steps["match"] / "out/matches.json", target)
        reports[sbom] = json.loads((target / "matches.json").read_text(encoding="utf-8"))
    run("vex-report", steps["report"], "--author", "tests")
    return steps["index"] / "out", reports, steps["report"] / "out"


def tree(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


class KitMatches(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = pathlib.Path(tempfile.mkdtemp(prefix="airlock-plugins-"))
        cls.sboms = sorted(p.name for p in (KIT / "data/sboms").iterdir())
        cls.index, cls.reports, cls.out = chain(cls.scratch / "a", cls.sboms, reverse=False)
        advisories = expected_matches.Advisories(KIT / "data/osv")
        cls.other = {}
        for sbom in cls.sboms:
            document = json.loads((KIT / "data/sboms" / sbom).read_text(encoding="utf-8"))
            cls.other[sbom] = expected_matches.match_sbom(advisories, document)
        cls.by_hand = {}
        for line in (HERE / "expected_matches.tsv").read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                sbom, purl, advisory, fixed, _why = line.split("\t")
                cls.by_hand[sbom, purl, advisory] = None if fixed == "-" else fixed

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.scratch)

    def triples(self):
        return {(sbom, m["purl"], m["advisory"]): m["fixed"] for sbom, report in self.reports.items() for m in report["matches"]}

    def test_the_plugins_find_exactly_what_was_worked_out_by_hand(self):
        self.assertEqual(self.triples(), self.by_hand)

    def test_the_plugins_agree_with_the_other_implementation(self):
        other = {(sbom, *pair): fixed for sbom, (matches, _) in self.other.items() for pair, fixed in matches.items()}
        self.assertEqual(self.triples(), other)

    def test_what_cannot_be_decided_is_listed_and_nothing_else(self):
        for sbom, (_, undecided) in self.other.items():
            self.assertEqual({item["purl"] for item in self.reports[sbom]["unknownVersions"]}, undecided, sbom)

    def test_every_package_url_is_counted_once(self):
        for sbom, report in self.reports.items():
            counts = report["counts"]
            parts = counts["affected"] + counts["unaffected"] + counts["unclear"] + counts["malformed"]
            self.assertEqual(counts["purls"], parts, sbom)

    def test_the_later_edition_of_a_record_counts(self):
        index = json.loads((self.index / "index.json").read_text(encoding="utf-8"))
        self.assertEqual(index["advisories"]["GO-2020-0001"]["file"], "lint-GO-2020-0001.json")
        self.assertEqual(index["superseded"], [{"by": "lint-GO-2020-0001.json", "file": "GO-2020-0001.json", "id": "GO-2020-0001"}])
        self.assertEqual(index["counts"]["documents"], 59)
        self.assertEqual(index["counts"]["advisories"], 58)

    def test_the_openvex_document_says_what_was_matched_and_no_verdict(self):
        vex = json.loads((self.out / "vex.openvex.json").read_text(encoding="utf-8"))
        self.assertEqual(vex["@context"], "https://openvex.dev/ns/v0.2.0")
        self.assertEqual((vex["author"], vex["version"], vex["timestamp"]), ("tests", 1, "2026-03-02T09:00:00.000Z"))
        id_ = vex.pop("@id")
        canonical = json.dumps(vex, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        self.assertEqual(id_, "urn:airlock:vex:sha256:" + hashlib.sha256(canonical).hexdigest())
        self.assertEqual({s["status"] for s in vex["statements"]}, {"under_investigation"})
        said = {(p["@id"], c["@id"], s["vulnerability"]["name"])
                for s in vex["statements"] for p in s["products"] for c in p["subcomponents"]}
        product = {sbom: report["sbom"]["product"] or report["sbom"]["serial"] for sbom, report in self.reports.items()}
        self.assertEqual(said, {(product[sbom], purl, advisory) for sbom, purl, advisory in self.by_hand})

    def test_the_summary_counts_what_the_reports_hold(self):
        counts = json.loads((self.out / "summary.json").read_text(encoding="utf-8"))["counts"]
        self.assertEqual(counts["sboms"], len(self.sboms))
        self.assertEqual(counts["matches"], len(self.by_hand))
        self.assertEqual(counts["advisories"], len({advisory for _, _, advisory in self.by_hand}))
        self.assertEqual(counts["sbomsWithMatches"], len({sbom for sbom, _, _ in self.by_hand}))
        self.assertEqual(counts["unclear"], sum(len(undecided) for _, undecided in self.other.values()))
        markdown = (self.out / "summary.md").read_text(encoding="utf-8")
        self.assertEqual(sum(line.startswith(("| GO-", "| MAL-")) for line in markdown.splitlines()), len(self.by_hand))

    def test_the_same_input_in_another_order_gives_the_same_bytes(self):
        index, _, out = chain(self.scratch / "b", self.sboms, reverse=True)
        self.assertEqual(tree(index), tree(self.index))
        self.assertEqual(tree(out), tree(self.out))

    def test_random_ranges_and_versions_are_judged_as_the_other_implementation_judges_them(self):
        random = Random(20260302)
        ids = ["0", "1", "2", "10", "alpha", "alpha.1", "rc.1", "rc.2", "rc.10", "0.20240101000000-abcdefabcdef"]

        def version():
            core = ".".join(str(random.choice([0, 1, 2, 9, 10, 11])) for _ in range(3))
            return core + ("-" + random.choice(ids) if random.random() < 0.4 else "")

        def range_():
            end = random.choice(["fixed", "last_affected"])  # the schema forbids both in one range
            key = functools.cmp_to_key(lambda a, b: expected_matches.compare(*map(expected_matches.parse_semver, (a, b))))
            events, kind = [{"introduced": "0"}], end
            for v in sorted({version() for _ in range(random.randint(1, 7))}, key=key):
                events.append({kind: v})
                kind = "introduced" if kind == end else random.choice(["introduced", end])
            if random.random() < 0.5 and len(events) > 2:
                del events[:2]  # starts above zero
            if "introduced" not in events[0]:
                events[0] = {"introduced": next(iter(events[0].values()))}
            random.shuffle(events)  # the schema does not ask for order
            return {"type": "SEMVER", "events": events}

        work = self.scratch / "random"
        for folder in ("i/in/osv", "i/out", "m/in", "m/out"):
            (work / folder).mkdir(parents=True)
        for n in range(200):
            packages = [random.choice("abcdefgh") for _ in range(random.randint(1, 3))]
            affected = [{"package": {"ecosystem": "Go", "name": f"example.com/{p}"}, "ranges": [range_() for _ in range(random.randint(1, 2))]}
                        for p in packages]
            record = {"id": f"GO-{n:04}", "modified": "2026-01-01T00:00:00Z", "affected": affected}
            (work / "i/in/osv" / f"{n}.json").write_text(json.dumps(record))
        purls = sorted({f"pkg:golang/example.com/{random.choice('abcdefgh')}@v{version()}" for _ in range(500)})
        sbom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": "x", "purl": purl} for purl in purls]}
        (work / "m/in/sbom").write_text(json.dumps(sbom))
        run("osv-index", work / "i")
        shutil.copy(work / "i/out/index.json", work / "m/in/index")
        run("sbom-match", work / "m")
        report = json.loads((work / "m/out/matches.json").read_text())
        other, _ = expected_matches.match_sbom(expected_matches.Advisories(work / "i/in/osv"), sbom)
        self.assertGreater(len(other), 1000)
        ours = {(m["purl"], m["advisory"]): m["fixed"] for m in report["matches"]}
        self.assertEqual(dict(sorted(ours.items() ^ other.items(), key=str)[:6]), {})

    def test_the_dag_runs_over_every_sbom_of_the_kit(self):
        lines = (KIT / "dags/advisory-match.yaml").read_text(encoding="utf-8").splitlines()
        self.assertEqual([line[10:] for line in lines if line.startswith("        - ") and not line.startswith("        - {")], self.sboms)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
