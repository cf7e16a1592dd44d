"""A small site for fault tests: the programs, a kit in several generations, and what its folders hold."""
import hashlib
import json
import os
import shutil
import subprocess
import sys

BIN = os.environ["AIRLOCK_BIN"]
AIRLOCK = os.path.join(BIN, "airlock")
STEPPER = os.path.join(os.environ["AIRLOCK_BUILD"], "tests/cli/stepper")


def fail(why):
    sys.exit("FAILED: " + why)


def command_line(home, args, prefix=()):
    """For subprocess: arguments and environment of one airlock command on a home."""
    return {"args": [*prefix, AIRLOCK, *args], "env": dict(os.environ, AIRLOCK_HOME=home, AIRLOCK_TENANT="acme", LC_ALL="C"),
            "stdin": subprocess.DEVNULL}


def run(home, *args, prefix=(), check=True):
    done = subprocess.run(**command_line(home, args, prefix), capture_output=True, timeout=120)
    if check and done.returncode != 0:
        fail(f"{' '.join(args)} gave {done.returncode}: {done.stderr.decode()}")
    return done


def items(home, *command):
    return json.loads(run(home, *command, "--json").stdout)["items"]


def verified(evidence, *keys):
    """The exit status of airlock-verify."""
    options = [word for key in keys for word in ("--key", key)] + ["--threshold", str(len(keys))]
    return subprocess.run([os.path.join(BIN, "airlock-verify"), evidence, *options], capture_output=True, timeout=120).returncode


def sha256_of(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def files_below(folder):
    """Every file by its path below a folder, with its content's digest: what is half-done shows here."""
    found = []
    for parent, _, names in os.walk(folder):
        found += [(os.path.relpath(os.path.join(parent, name), folder), sha256_of(os.path.join(parent, name))) for name in names]
    return sorted(found)


def check_store(home):
    """No blob ever lies under a name that is not its digest."""
    for path, digest in files_below(os.path.join(home, "cas/sha256")):
        if path.replace("/", "") != digest:
            fail(f"blob {path} holds {digest}")


def check_active(home):
    """One generation is active, and what it and the one before it hold can be planned and read."""
    rows = items(home, "bundle", "list")
    if len([r for r in rows if r["active"]]) != 1:
        fail(f"not one active generation: {rows}")
    for row in rows[-2:]:
        run(home, "run", "demo@%d.0.0" % row["generation"], "--plan-only")


def make_kit(folder, generation, bundle="demo-kit"):
    plugin = os.path.join(folder, "plugins/stepper/1.0.0")
    for below in (os.path.join(plugin, "bin"), os.path.join(folder, "dags"), os.path.join(folder, "data")):
        os.makedirs(below)
    shutil.copy(STEPPER, os.path.join(plugin, "bin/stepper"))
    steps = [{"id": f"s{i}", "plugin": "stepper@1.0.0", "args": ["write", "o.txt", f"step {i}"],
              "needs": [f"s{i - 1}"] if i else [], "outputs": [{"path": "o.txt"}]} for i in range(3)]
    documents = {
        "bundle.json": {"bundleId": bundle, "kind": "offline-kit", "version": f"{generation}.0.0", "generation": generation,
                        "producer": "tests", "tenants": ["*"], "createdAt": "2026-01-01T00:00:00Z"},
        "plugins/stepper/1.0.0/plugin.json": {"name": "stepper", "version": "1.0.0", "entrypoint": "bin/stepper", "rootfs": "none",
                                              "deterministic": True, "resources": {"memory": "64MiB", "cpu": 1.0, "pids": 32,
                                                                                   "disk": "16MiB", "timeout": "30s"}},
        "dags/demo.yaml": {"apiVersion": "airlock/v1", "kind": "Dag", "metadata": {"id": "demo", "version": f"{generation}.0.0"},
                           "spec": {"steps": steps}},
        "data/hello.json": {"hello": generation},
    }
    for path, document in documents.items():
        with open(os.path.join(folder, path), "w") as f:
            json.dump(document, f)


class Site:
    """A home with keys and trust, and bundles of demo-kit beside it; generation 1 is imported."""

    def __init__(self, scratch):
        self.scratch, self.base, self.key = scratch, os.path.join(scratch, "base"), os.path.join(scratch, "publisher")
        run(self.base, "key", "generate", "--out", self.key)
        run(self.base, "key", "generate", "--site")
        run(self.base, "trust", "init", "--key", self.key + ".pub")
        run(self.base, "bundle", "import", self.bundle(1))

    def kit(self, generation, bundle="demo-kit"):
        folder = os.path.join(self.scratch, f"{bundle}-{generation}")
        if not os.path.exists(folder):
            make_kit(folder, generation, bundle)
        return folder

    def bundle(self, generation, bundle="demo-kit"):
        path = self.kit(generation, bundle) + ".tar.zst"
        if not os.path.exists(path):
            run(self.base, "bundle", "build", self.kit(generation, bundle), "-o", path, "--key", self.key + ".key")
        return path

    def fresh(self):
        """A copy of the home, to be broken."""
        home = os.path.join(self.scratch, "home")
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(self.base, home, symlinks=True, copy_function=shutil.copy2)
        return home
