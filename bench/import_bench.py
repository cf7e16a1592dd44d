"""`airlock bundle import` and `verify` of a tree like an offline kit's (payload.py): against `tar --zstd -x` followed by
`sha256sum -c`, against `rauc extract` of the same tree, and against the slowest of the three things that no import can
avoid: decoding zstd, hashing, writing durably.

airlock makes everything durable before it says so; its peers here are given one `sync` at the end for the same promise.
Outputs are kept until the end: on ext4, files made soon after as many were removed are slow to make.
"""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import payload
from measure import alternately, bar, missing, quiet, ratio, row, timed

MIB = 1 << 20
RAUC_MANIFEST = "[update]\ncompatible=bench\nversion=1\n\n[bundle]\nformat=plain\n\n[image.rootfs]\nfilename=image.img\n"


class Site:
    """The builder's folder, the bundle, and what the peers need of the same tree."""

    def __init__(self, build, work, size):
        self.build, self.work = build, work
        self.airlock = str(build / "bin/airlock")
        self.kit = work / "kit"
        self.files = payload.make(self.kit / "data", size)
        self.bytes = sum(length for _, length in self.files)
        self.key, self.bundle = str(work / "publisher"), str(work / "bench.airlock.tar.zst")
        self.environment = {**os.environ, "AIRLOCK_HOME": str(work / "builder"), "AIRLOCK_TENANT": "bench", "AIRLOCK_CONFIG": ""}
        self.run("key", "generate", "--out", self.key)
        self.pack(self.kit, self.bundle)
        self.homes = 0

    def run(self, *arguments, home=None):
        environment = self.environment if home is None else {**self.environment, "AIRLOCK_HOME": home}
        return quiet([self.airlock, *arguments], env=environment)

    def pack(self, folder, bundle):
        (folder / "bundle.json").write_text(json.dumps({
            "bundleId": "bench", "kind": "data", "version": "1.0.0", "generation": 1, "createdAt": "2026-01-01T00:00:00Z",
            "producer": "bench", "tenants": ["*"]}))
        self.run("bundle", "build", str(folder), "-o", bundle, "--key", self.key + ".key")

    def fresh_home(self):
        self.homes += 1
        home = str(self.work / f"site-{self.homes}")
        self.run("key", "generate", "--site", home=home)
        self.run("trust", "init", "--key", self.key + ".pub", home=home)
        return home

    def import_into(self, home, bundle=None):
        return timed([self.airlock, "bundle", "import", bundle or self.bundle, "--quiet"], env={**self.environment, "AIRLOCK_HOME": home})

    def prepare_peers(self, with_rauc):
        self.unpacked = self.work / "unpacked.tar"
        with self.unpacked.open("wb") as out:
            subprocess.run(["zstd", "-dcq", self.bundle], stdout=out, check=True)
        self.sums = self.work / "sums"
        with self.sums.open("w") as out:
            for path, _ in self.files:
                digest = hashlib.sha256((self.kit / "data" / path).read_bytes()).hexdigest()
                out.write(f"{digest}  data/{path}\n")
        self.list = self.work / "list"
        self.list.write_text("".join(f"{length} {path}\n" for path, length in self.files))
        if not with_rauc:
            return
        tree = self.work / "rauc"
        tree.mkdir()
        os.rename(self.kit / "data", tree / "data")
        (tree / "image.img").write_text("an update needs an image\n")
        (tree / "manifest.raucm").write_text(RAUC_MANIFEST)
        self.raucb, self.cert = str(self.work / "bench.raucb"), str(self.work / "rauc.pem")
        rauc_key = str(self.work / "rauc.key")
        quiet(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", rauc_key, "-out", self.cert, "-subj", "/CN=bench", "-days", "30"])
        quiet(["rauc", "--cert", self.cert, "--key", rauc_key, "--mksquashfs-args=-comp zstd -Xcompression-level 3", "bundle", str(tree), self.raucb])

    def tar_and_sums(self, number):
        target = self.work / f"tar-{number}"
        target.mkdir()
        return timed(["sh", "-c", f"tar --zstd -xf '{self.bundle}' -C '{target}' && cd '{target}' && sha256sum --quiet -c '{self.sums}' && sync -f ."])

    def rauc(self, number):
        target = self.work / f"rauc-{number}"
        return timed(["sh", "-c", f"rauc --keyring='{self.cert}' extract '{self.raucb}' '{target}' && sync -f '{target}'"])

    def write(self, number):
        with self.list.open() as names:
            return timed([str(self.build / "bench/write_floor"), str(self.work / f"written-{number}")], stdin=names)


# A program's peak counts the process that started it until exec: so a small one starts it, not this one.
PEAK = """import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss)
sys.exit(1 if status else 0)
"""


def peak_mib(command, environment):
    """Resident memory of one command at its peak."""
    return int(quiet([sys.executable, "-S", "-c", PEAK, *command], env=environment)) / 1024


def memory_of_import(site, bundle):
    home = site.fresh_home()
    return peak_mib([site.airlock, "bundle", "import", bundle, "--quiet"], {**site.environment, "AIRLOCK_HOME": home})


def large_bundle(site, size):
    """A bundle of few files that do not compress, written without keeping it in memory."""
    folder = site.work / "large"
    (folder / "data").mkdir(parents=True)
    block = os.urandom(64 * MIB)
    for number in range(8):
        with (folder / f"data/{number}.bin").open("wb") as out:
            for piece in range(size // 8 // len(block)):
                out.write(piece.to_bytes(8, "little") + block[8:])
    bundle = str(site.work / "large.airlock.tar.zst")
    site.pack(folder, bundle)
    return bundle


def reimports(site, count):
    home = site.fresh_home()
    site.import_into(home)
    return [site.import_into(home) for _ in range(count)]


def run(build, size_mib=1024, rounds=5, large_gib=8):
    absent = missing(["tar", "zstd", "sha256sum", "openssl"])
    if absent:
        return {"rows": [], "ratios": [], "bars": {}, "missing": absent}
    absent = missing(["rauc", "unsquashfs"])
    work = pathlib.Path(tempfile.mkdtemp(prefix="airlock-bench-import-"))
    try:
        site = Site(build, work, size_mib * MIB)
        site.prepare_peers(with_rauc=not absent)
        homes = [site.fresh_home() for _ in range(rounds + 1)]
        subjects = {
            "airlock": lambda number: site.import_into(homes[number]),
            "tar": site.tar_and_sums,
            "verify": lambda number: timed([site.airlock, "bundle", "verify", site.bundle, "--key", site.key + ".pub", "--quiet"], env=site.environment),
            "decode": lambda number: timed(["zstd", "-dcq", site.bundle]),
            "hash": lambda number: timed(["openssl", "dgst", "-sha256", str(site.unpacked)]),
            "write": site.write,
        }
        if not absent:
            subjects["rauc"] = site.rauc
        os.sync()
        seconds = alternately(rounds, subjects)
        again = reimports(site, rounds)
        memory = memory_of_import(site, site.bundle)
        large = memory_of_import(site, large_bundle(site, large_gib << 30)) if large_gib else None
        envelope = json.loads(quiet([str(build / "bench/envelope_rate")]))
    finally:
        shutil.rmtree(work, ignore_errors=True)

    def slowest(names):
        return max(names, key=lambda name: row("", seconds[name])["value"])

    limit, proof = slowest(("decode", "hash", "write")), slowest(("decode", "hash"))
    rows = [row(f"airlock bundle import ({size_mib} MiB in {len(site.files):,} files, durable)", seconds["airlock"]),
            row("airlock bundle import, unpacked bytes", [site.bytes / 1e6 / s for s in seconds["airlock"]], "MB/s"),
            row("airlock bundle verify", seconds["verify"]),
            row("airlock bundle import of what is active", again, "ms", 1000),
            row("tar --zstd -x; sha256sum -c; sync", seconds["tar"])]
    if not absent:
        rows.append(row("rauc extract (plain, zstd); sync", seconds["rauc"]))
    rows += [row("zstd -d alone", seconds["decode"]), row("SHA-256 alone (openssl dgst)", seconds["hash"]),
             row("durable writing of the same files alone", seconds["write"]),
             {"what": f"peak memory of the import, {size_mib} MiB", "value": memory, "unit": "MiB"}]
    if large is not None:
        rows.append({"what": f"peak memory of an import, {large_gib} GiB", "value": large, "unit": "MiB"})
    ratios = [{"what": "import / (tar --zstd -x; sha256sum -c; sync)", "value": ratio(seconds, "airlock", "tar"), "limit": 0.385, "bar": "import-vs-tar-sha256sum"},
              {"what": f"import / slowest single part ({limit})", "value": ratio(seconds, "airlock", limit), "limit": 1.8, "bar": "import-vs-limit"},
              {"what": f"verify / slower of decode and hash ({proof})", "value": ratio(seconds, "verify", proof), "limit": 1.15, "bar": "verify-vs-decode-or-hash"},
              {"what": "libsodium alone / envelope verification (rate)", "value": 1 / envelope["ratio"], "limit": round(1 / 0.9, 4), "bar": "envelope-vs-libsodium"}]
    if not absent:
        ratios.insert(1, {"what": "import / (rauc extract; sync)", "value": ratio(seconds, "airlock", "rauc"), "limit": 0.95, "bar": "import-vs-rauc-extract"})
    bars = {item["bar"]: bar(item["value"], item["limit"]) for item in ratios}
    bars["reimport-milliseconds"] = bar(row("", again, scale=1000)["value"], 50)
    bars["import-memory-mib"] = bar(memory, 64)
    if large is not None:
        bars["import-memory-mib-large"] = bar(large, 64)
    return {"rows": rows, "ratios": ratios, "bars": bars, "missing": absent}
