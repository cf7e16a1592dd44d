"""`airlock bundle import` against `tar --zstd -x` followed by `sha256sum -c`, and against the slowest of the three things
that no import can avoid: decoding zstd, hashing, writing.

airlock makes everything durable before it says so; its peers here are given one `sync` at the end for the same promise.
Outputs are kept until the end: deleting them between rounds would slow the next round's file creation.
"""

import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile

from measure import alternately, bar, missing, quiet, ratio, row, timed

MIB = 1 << 20


def make_payload(folder, size):
    """Files of 4 KiB to 8 MiB; half of the bytes compress like JSON, half not at all."""
    source = random.Random(1)
    total, number = 0, 0
    words = [b'"package":"example.com/module-%d","fixed":"1.%d.0",' % (n % 977, n % 89) for n in range(4096)]
    while total < size:
        length = min(source.choice([4096, 65536, 262144, MIB, 8 * MIB]), size - total)
        if number % 2:
            content = source.randbytes(length)
        else:
            content = b"".join(source.choice(words) for _ in range(length // 40 + 1))[:length]
        path = folder / f"{number % 16:02}" / f"{number:06}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        total, number = total + length, number + 1
    return number


def run(build, size_mib=256, rounds=5):
    absent = missing(["tar", "zstd", "sha256sum", "openssl"])
    if absent:
        return {"rows": [], "ratios": [], "bars": {}, "missing": absent}
    work = pathlib.Path(tempfile.mkdtemp(prefix="airlock-bench-import-"))
    airlock = str(build / "bin/airlock")
    environment = {**os.environ, "AIRLOCK_HOME": str(work / "builder"), "AIRLOCK_TENANT": "bench"}
    try:
        kit = work / "kit"
        files = make_payload(kit / "data", size_mib * MIB)
        (kit / "bundle.json").write_text(json.dumps({
            "bundleId": "bench", "kind": "data", "version": "1.0.0", "generation": 1, "createdAt": "2026-01-01T00:00:00Z",
            "producer": "bench", "tenants": ["*"]}))
        bundle, key = str(work / "bench.airlock.tar.zst"), str(work / "publisher")
        quiet([airlock, "key", "generate", "--out", key], env=environment)
        quiet([airlock, "bundle", "build", str(kit), "-o", bundle, "--key", key + ".key"], env=environment)
        sums = work / "sums"
        with sums.open("w") as out:
            for path in sorted((kit / "data").rglob("*.bin")):
                digest = quiet(["sha256sum", str(path)]).split()[0]
                out.write(f"{digest}  {path.relative_to(kit)}\n")
        unpacked = work / "unpacked.tar"
        with unpacked.open("wb") as out:
            subprocess.run(["zstd", "-dcq", bundle], stdout=out, check=True)

        def airlock_import(number):
            home = {**environment, "AIRLOCK_HOME": str(work / f"site-{number}")}
            quiet([airlock, "key", "generate", "--site"], env=home)
            quiet([airlock, "trust", "init", "--key", key + ".pub"], env=home)
            return timed([airlock, "bundle", "import", bundle, "--tenant", "bench", "--quiet"], env=home)

        def tar_and_sums(number):
            target = work / f"tar-{number}"
            target.mkdir()
            return timed(["sh", "-c", f"tar --zstd -xf '{bundle}' -C '{target}' && cd '{target}' && sha256sum --quiet -c '{sums}' && sync -f ."])

        seconds = alternately(rounds, {
            "airlock": airlock_import,
            "tar": tar_and_sums,
            "decode": lambda number: timed(["zstd", "-dcq", bundle]),
            "hash": lambda number: timed(["openssl", "dgst", "-sha256", str(unpacked)]),
            "write": lambda number: timed(["dd", f"if={unpacked}", f"of={work}/written-{number}", "bs=1M", "conv=fsync", "status=none"]),
        })
    finally:
        shutil.rmtree(work, ignore_errors=True)
    slowest = max(("decode", "hash", "write"), key=lambda name: row("", seconds[name])["value"])
    against_tar, against_floor = ratio(seconds, "airlock", "tar"), ratio(seconds, "airlock", slowest)
    throughput = row("airlock bundle import, unpacked bytes", [size_mib * MIB / 1e6 / s for s in seconds["airlock"]], "MB/s")
    return {
        "rows": [
            row(f"airlock bundle import ({size_mib} MiB in {files:,} files, durable)", seconds["airlock"]), throughput,
            row("tar --zstd -x; sha256sum -c; sync", seconds["tar"]), row("zstd -d alone", seconds["decode"]),
            row("SHA-256 alone (openssl dgst)", seconds["hash"]), row("write and fsync alone (dd)", seconds["write"]),
        ],
        "ratios": [
            {"what": "import / (tar --zstd -x; sha256sum -c; sync)", "value": against_tar, "limit": 1.0},
            {"what": f"import / slowest single part ({slowest})", "value": against_floor, "limit": None},
        ],
        "bars": {"import-vs-tar-sha256sum": bar(against_tar, 1.0)},
        "missing": [],
    }
