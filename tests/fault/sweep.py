"""Crash and disk-full sweeps over the real program.

For k = 1, 2, 3 ... the k-th system call that changes the disk is not made: the process is killed there with SIGKILL,
or the call fails with ENOSPC. Then the same command runs again, untouched. It must succeed, the ledger must verify,
and the end must be the one an undisturbed command gives. The sweep is complete when k is past the last such call.

Usage: sweep.py kill|full TOPIC      TOPIC: one of COMMANDS below
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

BIN = os.environ["AIRLOCK_BIN"]
STEPPER = os.path.join(os.environ["AIRLOCK_BUILD"], "tests/cli/stepper")
AIRLOCK = os.path.join(BIN, "airlock")
# Calls after which the disk is another one. Writes only count for a full disk: a kill between two writes to a file
# without a name differs in nothing from a kill at the sync that follows.
KILL_CALLS = "fsync,fdatasync,syncfs,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat"
FULL_CALLS = "write,pwrite64,fsync,fdatasync,syncfs,mkdir,mkdirat,link,linkat,fallocate,ftruncate"
# A sweep of many hundred points is thinned to about this many, always with the first and the last ones.
MOST_POINTS = int(os.environ.get("AIRLOCK_SWEEP_POINTS", "60"))


def run(home, *args, prefix=(), check=True):
    env = dict(os.environ, AIRLOCK_HOME=home, AIRLOCK_TENANT="acme", LC_ALL="C")
    done = subprocess.run([*prefix, AIRLOCK, *args], env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    if check and done.returncode != 0:
        sys.exit(f"FAILED: {' '.join(args)} gave {done.returncode}: {done.stderr.decode()}")
    return done


def make_kit(folder, generation):
    plugin = os.path.join(folder, "plugins/stepper/1.0.0")
    os.makedirs(os.path.join(plugin, "bin"))
    os.makedirs(os.path.join(folder, "dags"))
    os.makedirs(os.path.join(folder, "data"))
    shutil.copy(STEPPER, os.path.join(plugin, "bin/stepper"))
    with open(os.path.join(folder, "bundle.json"), "w") as f:
        json.dump({"bundleId": "demo-kit", "kind": "offline-kit", "version": f"{generation}.0.0", "generation": generation,
                   "producer": "tests", "tenants": ["*"], "createdAt": "2026-01-01T00:00:00Z"}, f)
    with open(os.path.join(plugin, "plugin.json"), "w") as f:
        json.dump({"name": "stepper", "version": "1.0.0", "entrypoint": "bin/stepper", "rootfs": "none", "deterministic": True,
                   "resources": {"memory": "64MiB", "cpu": 1.0, "pids": 32, "disk": "16MiB", "timeout": "30s"}}, f)
    with open(os.path.join(folder, "data/hello.txt"), "w") as f:
        f.write(f"hello {generation}\n")
    steps = [{"id": f"s{i}", "plugin": "stepper@1.0.0", "args": ["write", "o.txt", f"step {i}"],
              "needs": [f"s{i - 1}"] if i else [], "outputs": [{"path": "o.txt"}]} for i in range(3)]
    with open(os.path.join(folder, "dags/demo.yaml"), "w") as f:
        json.dump({"apiVersion": "airlock/v1", "kind": "Dag", "metadata": {"id": "demo", "version": f"{generation}.0.0"},
                   "spec": {"steps": steps}}, f)


class Sweep:
    """What differs between the topics: the site before, the command, and what must be true after it."""

    def __init__(self, scratch, topic):
        self.scratch, self.topic = scratch, topic
        self.base = os.path.join(scratch, "base")
        key = os.path.join(scratch, "pub")
        run(self.base, "key", "generate", "--out", key)
        run(self.base, "key", "generate", "--site")
        run(self.base, "trust", "init", "--key", key + ".pub")
        self.bundles = []
        for generation in (1, 2):
            folder = os.path.join(scratch, f"kit{generation}")
            make_kit(folder, generation)
            bundle = os.path.join(scratch, f"kit{generation}.tar.zst")
            run(self.base, "bundle", "build", folder, "-o", bundle, "--key", key + ".key")
            self.bundles.append(bundle)
        run(self.base, "bundle", "import", self.bundles[0])
        self.forged = os.path.join(scratch, "forged.tar.zst")
        with open(self.bundles[1], "rb") as whole, open(self.forged, "wb") as cut:
            cut.write(whole.read()[:-100])
        self.key, self.kit = key, os.path.join(scratch, "kit2")
        PREPARE.get(topic, lambda sweep: None)(self)

    def command(self, home):
        return COMMANDS[self.topic](self, home)

    def result(self, home):
        """The end state, without what differs from one site's life to another (times, ids, counts of events)."""
        if self.topic in RESULTS:
            return RESULTS[self.topic](self, home)
        if self.topic == "import":
            rows = json.loads(run(home, "bundle", "list", "--json").stdout)["items"]
            return [(r["generation"], r["active"], r["manifestSha256"]) for r in rows]
        if self.topic == "run":
            return [(r["state"], r.get("outputsHash")) for r in json.loads(run(home, "runs", "list", "--json").stdout)["items"]]
        evidence = os.path.join(home, "outbox", "evidence.tar.zst")
        done = subprocess.run([os.path.join(BIN, "airlock-verify"), evidence, "--key", os.path.join(home, "keys/site.pub")],
                              capture_output=True, timeout=120)
        return [done.returncode]

    def again(self, home):
        """The same command once more. What is done already may say so: each topic names the statuses that it accepts."""
        done = run(home, *self.command(home), check=False)
        if done.returncode not in AGAIN.get(self.topic, (0,)):
            sys.exit(f"FAILED: the same command again gave {done.returncode}: {done.stderr.decode()}")

    def fresh(self):
        home = os.path.join(self.scratch, "home")
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(self.base, home, symlinks=True, copy_function=shutil.copy2)
        return home

    def before(self, home):
        """Between the fault and the second try nothing is half-done: what is active is whole."""
        if self.topic != "import":
            return
        rows = json.loads(run(home, "bundle", "list", "--json").stdout)["items"]
        active = [r for r in rows if r["active"]]
        if len(active) != 1:
            sys.exit(f"FAILED: {len(active)} active generations after the fault: {rows}")
        for row in rows:
            run(home, "run", "demo@%d.0.0" % row["generation"], "--plan-only")


def files_below(folder):
    """Every file by its path below a folder, with its content's digest: what is half-done shows here."""
    found = []
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            with open(path, "rb") as f:
                found.append((os.path.relpath(path, folder), hashlib.sha256(f.read()).hexdigest()))
    return sorted(found)


def items(home, *command):
    return json.loads(run(home, *command, "--json").stdout)["items"]


def prepare_prune(sweep):
    for generation in (2, 3):
        if generation == 3:
            make_kit(os.path.join(sweep.scratch, "kit3"), 3)
            sweep.bundles.append(os.path.join(sweep.scratch, "kit3.tar.zst"))
            run(sweep.base, "bundle", "build", os.path.join(sweep.scratch, "kit3"), "-o", sweep.bundles[2], "--key", sweep.key + ".key")
        run(sweep.base, "bundle", "import", sweep.bundles[generation - 1])


def prepare_remove(sweep):
    run(sweep.base, "bundle", "import", sweep.forged, check=False)


def prepare_cancel(sweep):
    """Leaves a run behind whose process is gone, in the middle of its steps."""
    for k in range(20, 400, 7):
        shutil.rmtree(sweep.base + ".run", ignore_errors=True)
        shutil.copytree(sweep.base, sweep.base + ".run", symlinks=True)
        run(sweep.base + ".run", "run", "demo", "--run-token", "t", check=False,
            prefix=("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={KILL_CALLS}:signal=SIGKILL:when={k}"))
        if [r["state"] for r in items(sweep.base + ".run", "runs", "list")] == ["running"]:
            sweep.base += ".run"
            return
    sys.exit("FAILED: no kill left a run in the middle")


def prepare_sign(sweep):
    run(sweep.base, "audit", "export", "-o", os.path.join(sweep.base, "outbox", "evidence.tar.zst"))


def the_quarantined(home):
    names = [i["name"] for i in items(home, "quarantine", "list")]
    return names[0] if names else "gone"


COMMANDS = {
    "import": lambda s, home: ["bundle", "import", s.bundles[1]],
    "run": lambda s, home: ["run", "demo", "--run-token", "t"],
    "export": lambda s, home: ["audit", "export", "-o", os.path.join(home, "outbox", "evidence.tar.zst")],
    "build": lambda s, home: ["bundle", "build", s.kit, "-o", os.path.join(home, "outbox", "kit.tar.zst"), "--key", s.key + ".key"],
    "refuse": lambda s, home: ["bundle", "import", s.forged],
    "remove": lambda s, home: ["quarantine", "remove", the_quarantined(home), "--reason", "read and understood"],
    "prune": lambda s, home: ["bundle", "prune", "--keep", "1"],
    "cancel": lambda s, home: ["runs", "cancel", items(home, "runs", "list")[0]["runId"]],
    "sign": lambda s, home: ["audit", "add-signature", os.path.join(home, "outbox", "evidence.tar.zst"), "--key", s.key + ".key"],
}
PREPARE = {"export": lambda s: run(s.base, "run", "demo", "--run-token", "t"), "prune": prepare_prune, "remove": prepare_remove,
           "cancel": prepare_cancel, "sign": prepare_sign}
# 4: it is gone already; 2: a bundle that is refused is refused again, a run that has ended is not cancelled.
AGAIN = {"refuse": (2,), "remove": (0, 4), "cancel": (0, 2)}
RESULTS = {
    "build": lambda s, home: files_below(os.path.join(home, "outbox")),
    "refuse": lambda s, home: [all(len(files_below(i["path"])) >= 3 for i in items(home, "quarantine", "list")),
                               [r["generation"] for r in items(home, "bundle", "list")]],
    "remove": lambda s, home: files_below(os.path.join(home, "quarantine")),
    "prune": lambda s, home: [[r["generation"] for r in items(home, "bundle", "list")], files_below(os.path.join(home, "cas/sha256"))],
    "cancel": lambda s, home: [r["state"] for r in items(home, "runs", "list")],
    "sign": lambda s, home: [subprocess.run([os.path.join(BIN, "airlock-verify"), os.path.join(home, "outbox", "evidence.tar.zst"),
                                             "--key", os.path.join(home, "keys/site.pub"), "--key", s.key + ".pub", "--threshold", "2"],
                                            capture_output=True, timeout=120).returncode],
}


def main():
    fault, topic = sys.argv[1:]
    if shutil.which("strace") is None:
        if os.environ.get("KERNEL_TESTS_MUST_RUN") == "1":
            sys.exit("FAILED: strace is not installed")
        print("SKIPPED: strace is not installed")
        return
    with tempfile.TemporaryDirectory() as scratch:
        sweep = Sweep(scratch, topic)
        home = sweep.fresh()
        sweep.again(home)
        want = sweep.result(home)
        calls = KILL_CALLS if fault == "kill" else FULL_CALLS
        # How many such calls there are: the longest count of one thread, since strace counts for each thread.
        home = sweep.fresh()
        log = os.path.join(scratch, "log")
        run(home, *sweep.command(home), check=False, prefix=("strace", "-f", "-qq", "-o", log, "-e", f"trace={calls}"))
        counts = {}
        with open(log) as f:
            for line in f:
                tid = line.split()[0]
                counts[tid] = counts.get(tid, 0) + 1
        last = max(counts.values()) + 1
        points = sorted(set(range(1, last + 1, max(1, last // MOST_POINTS))) | {1, 2, last - 1, last})
        inject = "signal=SIGKILL" if fault == "kill" else "error=ENOSPC"
        hit = 0
        for k in points:
            home = sweep.fresh()
            when = f"{k}" if fault == "kill" else f"{k}+"  # a full disk stays full
            done = run(home, *sweep.command(home), check=False,
                       prefix=("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:{inject}:when={when}"))
            if done.returncode not in AGAIN.get(topic, (0,)):
                hit += 1
                if fault == "full" and done.returncode not in (10, 9, 7, 1):
                    sys.exit(f"FAILED: a full disk at call {k} gave exit status {done.returncode}: {done.stderr.decode()}")
                if fault == "full" and b"error[" not in done.stderr and done.stderr:
                    sys.exit(f"FAILED: a full disk at call {k} was not explained: {done.stderr.decode()}")
            sweep.before(home)
            if topic == "export":
                leftover = os.path.join(home, "outbox", "evidence.tar.zst")
                if os.path.exists(leftover) and done.returncode != 0:
                    if sweep.result(home) != want:
                        sys.exit(f"FAILED: a half-written export lies there after call {k}")
                    os.unlink(leftover)
                elif os.path.exists(leftover):
                    os.unlink(leftover)
            sweep.again(home)
            run(home, "ledger", "verify")
            got = sweep.result(home)
            if got != want:
                sys.exit(f"FAILED: after a fault at call {k} the end is {got} instead of {want}")
        if hit == 0:
            sys.exit("FAILED: no fault was hit, the sweep proved nothing")
        print(f"{fault} during {topic}: {len(points)} points of {last}, {hit} faults, each followed by a clean end")


if __name__ == "__main__":
    main()
