"""The repository's own rules, docs/architecture.md "Rules of the house", checked on its files.

Usage: check_rules.py SOURCE_DIR. Standard library only; reads files, runs nothing but `bash -n`.
"""

import os
import pathlib
import re
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from initializers import lines_with_try_behind_an_element  # noqa: E402

ROOT = pathlib.Path(sys.argv[1])

# What each module may include besides itself. The order is that of docs/architecture.md.
MAY_USE = {
    "base": set(),
    "archive": {"base"},
    "manifests": {"base"},
    "verify": {"base", "manifests"},
    "verify/time": {"base", "manifests", "verify"},
    "verify/sigstore": {"base", "manifests", "verify", "verify/time"},
    "verify/tuf": {"base", "manifests", "verify"},
    "trust": {"base", "manifests", "verify", "verify/tuf"},
    "oci": {"base", "archive"},
    "ledger": {"base"},
    "bundle": {"base", "archive", "oci", "manifests", "verify", "verify/time", "verify/sigstore", "verify/tuf", "trust", "ledger"},
    "jobs": {"base", "ledger"},
    "sandbox": {"base"},
    "runner": {"base", "manifests", "verify", "bundle", "ledger", "jobs", "sandbox"},
    "audit/verify": {"base", "archive", "manifests", "verify"},
    "audit": {"base", "archive", "manifests", "verify", "ledger", "audit/verify"},
    "cli/verify": {"base", "manifests", "verify", "audit/verify"},
    "cli": {"base", "manifests", "verify", "verify/time", "verify/sigstore", "verify/tuf", "trust", "ledger", "bundle", "jobs", "sandbox", "runner", "audit", "audit/verify"},
    "plugins": {"base"},
}
SKIPPED = {".git", "build", "fixtures", "__pycache__"}


def files(*endings):
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(f for f in folders if f not in SKIPPED and not f.startswith("build-"))
        for name in sorted(set(names) - SKIPPED):
            path = pathlib.Path(folder) / name
            if not endings or name.endswith(endings):
                yield path


def shown(path):
    return path.relative_to(ROOT).as_posix()


def module_of(relative):
    """The longest module name that is a prefix of a path: audit/verify before audit."""
    fitting = [m for m in MAY_USE if relative == m or relative.startswith(m + "/")]
    return max(fitting, key=len, default=None)


def lines_of(path):
    return path.read_text(encoding="utf-8").splitlines()


class Rules(unittest.TestCase):
    maxDiff = None

    def test_a_module_includes_only_what_the_architecture_allows(self):
        wrong = []
        for path in files(".h", ".cc"):
            module = module_of(shown(path))
            if module is None:
                continue
            for number, line in enumerate(lines_of(path), 1):
                found = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
                used = module_of(found[1]) if found else None
                if found and (module, found[1]) == ("cli/verify", "cli/render.h"):
                    continue  # the one file the two programs share; it may use base alone, see below
                if path.stem == "render" and module == "cli" and used not in (None, "base") and found[1] != "cli/render.h":
                    wrong.append(f"{shown(path)}:{number}: render is shared with airlock-verify and may use base alone")
                if used is not None and used != module and used not in MAY_USE[module]:
                    wrong.append(f"{shown(path)}:{number}: {module} may not use {used}")
        self.assertEqual(wrong, [])

    def test_every_folder_of_sources_is_a_known_module(self):
        known = set(MAY_USE) | {"tests", "bench"}
        wrong = [shown(p) for p in files(".cc", ".h") if shown(p).split("/")[0] not in {k.split("/")[0] for k in known}]
        self.assertEqual(wrong, [])

    def test_no_file_names_a_folder_of_some_machine(self):
        # Written so that this line does not find itself.
        machine = re.compile(r"(?<![\w.$}/])/(?:wo" r"rk|fa" r"rm|ro" r"ot|ho" r"me/\w+)/")
        wrong = []
        for path in files():
            try:
                for number, line in enumerate(lines_of(path), 1):
                    if machine.search(line):
                        wrong.append(f"{shown(path)}:{number}: {line.strip()[:100]}")
            except UnicodeDecodeError:
                continue
        self.assertEqual(wrong, [])

    def test_a_source_is_read_in_one_sitting(self):
        wrong = []
        for path in files(".cc", ".h", ".py"):
            length = len(lines_of(path))
            public = path.suffix == ".h" and module_of(shown(path)) is not None
            if length > 600:
                wrong.append(f"{shown(path)}: {length} lines, at most 600")
            elif public and length > 150:
                wrong.append(f"{shown(path)}: {length} lines, a header has at most 150")
        self.assertEqual(wrong, [])

    def test_a_header_begins_with_what_it_is(self):
        wrong = []
        for path in files(".h"):
            text = path.read_text(encoding="utf-8")
            if not text.startswith("// ") or "\n#pragma once\n" not in text:
                wrong.append(shown(path))
        self.assertEqual(wrong, [])

    def test_every_test_folder_is_compiled(self):
        wrong = []
        for path in files("_test.cc"):
            if shown(path).startswith("tests/") and not (path.parent / "CMakeLists.txt").exists():
                wrong.append(shown(path))
        self.assertEqual(wrong, [])
        for folder in sorted((ROOT / "tests").iterdir()):
            if folder.is_dir() and any(folder.glob("*_test.cc")):
                self.assertIn("airlock_test(", (folder / "CMakeLists.txt").read_text(encoding="utf-8"), shown(folder))

    def test_each_commit_point_names_a_test_that_exists(self):
        names = []
        for path in files(".cc"):
            if shown(path).startswith("tests/"):
                text = re.sub(r'"\s*\n\s*"', "", path.read_text(encoding="utf-8"))  # a name written in two pieces
                names += re.findall(r'TEST_CASE\(\s*"((?:[^"\\]|\\.)*)"', text)
        names += [p.name for p in files() if shown(p).startswith("tests/")]
        wrong, seen = [], 0
        for path in files(".cc", ".h"):
            if module_of(shown(path)) is None:
                continue
            lines = lines_of(path)
            for number, line in enumerate(lines):
                if "COMMIT POINT:" not in line:
                    continue
                seen += 1
                block = []
                for following in lines[number:]:
                    if not following.lstrip().startswith("//") and "//" not in following[: following.find("COMMIT")]:
                        break
                    block.append(following.split("//", 1)[1].strip())
                text = " ".join(block)
                named = re.search(r"tests?: (.+?)\.?$", text)
                wanted = named[1].strip(' "') if named else None
                if wanted is None or not any(wanted == n or wanted in n for n in names):
                    wrong.append(f"{shown(path)}:{number + 1}: no test {wanted!r}")
        self.assertEqual(wrong, [])
        self.assertGreater(seen, 5)

    def test_every_hostile_bundle_has_its_number_in_the_tests_that_are_named_for_it(self):
        rows = re.findall(r"^\| (C\d{3}) \| .+ \| (.+) \|$", (ROOT / "docs/hostile-bundles.md").read_text(encoding="utf-8"), re.M)
        self.assertEqual([number for number, _ in rows], [f"C{n:03}" for n in range(1, 109)])
        wrong = []
        for number, where in rows:
            named = re.findall(r"`(tests/[^`]+)`", where)
            # The name of a case, a row of its table, or the comment on one begins with its numbers.
            begins = re.compile(rf'(?:"|^# |// )(?:C\d{{3}} )*{number}\b', re.M)
            wrong += [f"{number}: {f}" for f in named if not begins.search((ROOT / f).read_text(encoding="utf-8"))]
            if not named and not where.startswith("waits"):
                wrong.append(f"{number}: no test")
        self.assertEqual(wrong, [])

    def test_every_hostile_step_is_tried_under_its_id(self):
        wanted = [f"{kind}{n}" for kind, last in (("E", 23), ("X", 10), ("D", 9), ("P", 7), ("L", 3)) for n in range(1, last + 1)]
        # Of X8 (a rule that is none) no step ever hears.
        tried = "".join(p.read_text(encoding="utf-8") for p in files(".cc") if shown(p).startswith("tests/kernel/") or shown(p) == "tests/manifests/endpoint_test.cc")
        # The name of a test case or of an attempt begins with them.
        self.assertEqual([i for i in wanted if not re.search(rf'"(?:[EXDPL]\d+, )*{i}[:,-]', tried)], [])

    def test_every_error_code_is_given_by_somebody(self):
        codes = re.findall(r'^AIRLOCK_CODE\((k\w+), "([^"]+)"', (ROOT / "base/error_codes.def").read_text(encoding="utf-8"), re.M)
        self.assertEqual(len({text for _, text in codes}), len(codes), "two codes have one text")
        used = set()
        for path in files(".cc", ".h"):
            if module_of(shown(path)) is not None:
                used |= set(re.findall(r"Code::(k\w+)", path.read_text(encoding="utf-8")))
        self.assertEqual([name for name, _ in codes if name not in used], [])

    def test_no_value_is_lost_when_an_initializer_fails_half_way(self):
        self.assertEqual(lines_with_try_behind_an_element('f() {\n  return A{TRY(x), g({1}),\n    TRY(y)};\n}'), [3])
        self.assertEqual(lines_with_try_behind_an_element('f() {\n  return g(TRY(x), TRY(y), [] { return TRY(z); });\n}'), [])
        wrong = [f"{shown(p)}:{n}" for p in files(".cc", ".h") if module_of(shown(p)) is not None
                 for n in lines_with_try_behind_an_element(p.read_text(encoding="utf-8"))]
        self.assertEqual(wrong, [])

    def test_nothing_is_fetched_when_configuring(self):
        wrong = []
        for path in files("CMakeLists.txt", ".cmake"):
            for number, line in enumerate(lines_of(path), 1):
                if re.search(r"FetchContent|ExternalProject|file\(DOWNLOAD|https?://", line, re.I):
                    wrong.append(f"{shown(path)}:{number}")
        self.assertEqual(wrong, [])

    def test_nothing_is_left_for_later(self):
        later = re.compile(r"\b(TO" r"DO|FIX" r"ME|HA" r"CK)\b")
        wrong = [f"{shown(p)}:{n}" for p in files(".cc", ".h", ".py", ".cmake", ".def") for n, line in enumerate(lines_of(p), 1)
                 if later.search(line)]
        self.assertEqual(wrong, [])

    def test_no_test_waits_by_the_clock(self):
        wrong = []
        for path in files(".cc", ".py", ".sh"):
            if not shown(path).startswith("tests/") or path.name == "check_rules.py":
                continue
            for number, line in enumerate(lines_of(path), 1):
                # A child program that sleeps in order to be killed is no wait of the test's own: it says "hangs".
                if re.search(r"sleep_for|usleep\(|nanosleep\(|time\.sleep", line) and "hangs" not in line:
                    wrong.append(f"{shown(path)}:{number}: {line.strip()[:80]}")
        self.assertEqual(wrong, [])

    def test_every_script_is_executable_and_parses(self):
        for path in list((ROOT / "scripts").iterdir()) + [ROOT / ".ci/run"]:
            if path.is_file():
                self.assertTrue(os.access(path, os.X_OK), shown(path))
                if path.read_bytes().startswith(b"#!/bin/bash"):
                    subprocess.run(["bash", "-n", path], check=True)

    def test_there_is_one_door_for_json(self):
        """parse_json of base/json refuses what two readers could understand differently; the library's own parser does not."""
        wrong = []
        for path in files(".cc", ".h"):
            if module_of(shown(path)) in (None, "base"):
                continue
            for number, line in enumerate(lines_of(path), 1):
                if re.search(r"\b[Jj]son::(parse|accept|sax_parse|from_\w+)\(", line.split("//")[0]):
                    wrong.append(f"{shown(path)}:{number}: {line.strip()[:80]}")
        self.assertEqual(wrong, [])

    def test_libraries_do_not_print_or_exit(self):
        wrong = []
        for path in files(".cc", ".h"):
            module = module_of(shown(path))
            if module in (None, "cli", "cli/verify", "plugins"):
                continue
            for number, line in enumerate(lines_of(path), 1):
                code = line.split("//")[0]
                if re.search(r"\bstd::(cout|cerr)\b|\bf?printf\(|[^_\w]exit\(|\bgetenv\(", code):
                    wrong.append(f"{shown(path)}:{number}: {line.strip()[:80]}")
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
