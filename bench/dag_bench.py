"""A DAG of a thousand steps that do nothing, run by airlock, against ninja running the same program through bwrap with the
same namespaces. airlock also records every step durably, with its evidence; ninja records nothing that survives a crash.
"""

import json
import os
import pathlib
import shutil
import tempfile

from measure import alternately, bar, missing, quiet, ratio, row, timed


def ninja_file(plugin, steps):
    bwrap = (f"bwrap --unshare-all --die-with-parent --new-session --cap-drop ALL --clearenv --hostname step "
             f"--ro-bind {plugin} /plugin --proc /proc --dev /dev --tmpfs /out --tmpfs /tmp --chdir /tmp /plugin/bin/noop")
    lines = ["rule step", f"  command = {bwrap}", "  description = step"]
    # The outputs are never written, so every run does all of it again.
    lines += [f"build step-{n}: step" for n in range(steps)]
    return "\n".join(lines) + "\n"


def run(build, steps=1000, rounds=5):
    absent = missing(["ninja", "bwrap"])
    work = pathlib.Path(tempfile.mkdtemp(prefix="airlock-bench-dag-"))
    airlock = str(build / "bin/airlock")
    environment = {**os.environ, "AIRLOCK_HOME": str(work / "site"), "AIRLOCK_TENANT": "bench"}
    try:
        os.chmod(work, 0o755)
        plugin = work / "kit/plugins/noop/1.0.0"
        (plugin / "bin").mkdir(parents=True)
        shutil.copy(build / "bench/bench_noop", plugin / "bin/noop")
        (plugin / "plugin.json").write_text(json.dumps({
            "name": "noop", "version": "1.0.0", "entrypoint": "bin/noop", "rootfs": "none", "deterministic": True,
            "resources": {"memory": "64MiB", "cpu": 1.0, "pids": 8, "disk": "16MiB", "timeout": "1m"}}))
        (work / "kit/dags").mkdir()
        (work / "kit/dags/noop.json").write_text(json.dumps({
            "apiVersion": "airlock/v1", "kind": "Dag", "metadata": {"id": "noop", "version": "1.0.0"},
            "spec": {"steps": [{"id": "step", "plugin": "noop@1.0.0", "args": ["${item}"],
                                "forEach": {"items": [str(n) for n in range(steps)]}}]}}))
        (work / "kit/bundle.json").write_text(json.dumps({
            "bundleId": "bench", "kind": "dag-pack", "version": "1.0.0", "generation": 1,
            "createdAt": "2026-01-01T00:00:00Z", "producer": "bench", "tenants": ["*"]}))
        key, bundle = str(work / "publisher"), str(work / "bench.airlock.tar.zst")
        quiet([airlock, "key", "generate", "--out", key], env=environment)
        quiet([airlock, "key", "generate", "--site"], env=environment)
        quiet([airlock, "bundle", "build", str(work / "kit"), "-o", bundle, "--key", key + ".key"], env=environment)
        quiet([airlock, "trust", "init", "--key", key + ".pub"], env=environment)
        quiet([airlock, "bundle", "import", bundle], env=environment)
        (work / "build.ninja").write_text(ninja_file(plugin, steps))

        subjects = {"airlock": lambda number: timed([airlock, "run", "noop", "--no-cache", "--quiet"], env=environment)}
        if not absent:
            subjects["ninja"] = lambda number: timed(["ninja", "-C", str(work), "-j", str(os.cpu_count()), "--quiet"])
        subjects["cached"] = lambda number: timed([airlock, "run", "noop", "--quiet"], env=environment)
        seconds = alternately(rounds, subjects)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    result = {"rows": [row(f"airlock run, {steps:,} no-op steps", seconds["airlock"]),
                       row("  one step", seconds["airlock"], "ms", 1000 / steps),
                       row("airlock run, every step from the cache", seconds["cached"])],
              "ratios": [], "bars": {}, "missing": absent}
    if not absent:
        against = ratio(seconds, "airlock", "ninja")
        result["rows"] += [row("ninja through bwrap", seconds["ninja"]), row("  one step", seconds["ninja"], "ms", 1000 / steps)]
        result["ratios"] = [{"what": "airlock run / ninja through bwrap", "value": against, "limit": 1.0}]
        result["bars"] = {"dag-vs-ninja-bwrap": bar(against, 1.0)}
    return result
