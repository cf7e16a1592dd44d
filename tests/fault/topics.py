"""What the sweeps disturb: one class a durable operation, with the site before it and what must be true after it."""
import os
import shutil
import sqlite3

from site_for_faults import check_active, check_store, fail, files_below, items, run, sha256_of, verified

# Calls after which the disk is another one. A kill between two writes to a file without a name differs in nothing from
# a kill at the sync that follows.
DISK_CALLS = "fsync,fdatasync,syncfs,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat"


class Topic:
    statuses = (0,)  # that the command may end with when nothing disturbs it, also after it was half done before

    def __init__(self, site):
        self.site = site

    def between(self, home, done):
        """After the fault and before the second try nothing is half done."""

    def result(self, home):
        """The end state, without what differs from one site's life to another (times, ids, counts of events)."""
        raise NotImplementedError


class Import(Topic):
    def command(self, home):
        return ["bundle", "import", self.site.bundle(2)]

    def between(self, home, done):
        check_active(home)
        check_store(home)

    def result(self, home):
        return [(r["generation"], r["active"], r["manifestSha256"]) for r in items(home, "bundle", "list")]


class LastPart(Import):
    """The part of a split bundle that makes it whole, and so imports it."""

    def __init__(self, site):
        super().__init__(site)
        folder = os.path.join(site.scratch, "parts")
        run(site.base, "bundle", "split", site.bundle(2), "--size", "300KiB", "-o", folder)
        self.parts = sorted(os.path.join(folder, name) for name in os.listdir(folder))
        run(site.base, "bundle", "import", *self.parts[:-1], check=False)

    def command(self, home):
        return ["bundle", "import", self.parts[-1]]

    def between(self, home, done):
        super().between(home, done)
        # Killed after the import and before the parts went: they are imported once more, which changes nothing.
        if not items(home, "bundle", "parts", "list") and len(items(home, "bundle", "list")) == 2:
            run(home, "bundle", "import", *self.parts[:-1], check=False)

    def result(self, home):
        return [super().result(home), items(home, "bundle", "parts", "list")]


class Delta(Import):
    """A kit that carries only what changed since the one that is there."""

    def __init__(self, site):
        super().__init__(site)
        self.kit = os.path.join(site.scratch, "delta.tar.zst")
        run(site.base, "bundle", "build", site.kit(2), "-o", self.kit, "--key", site.key + ".key", "--base", site.bundle(1))

    def command(self, home):
        return ["bundle", "import", self.kit]


class Trust(Topic):
    def __init__(self, site):
        super().__init__(site)
        run(site.base, "key", "generate", "--out", os.path.join(site.base, "second"))

    def command(self, home):
        return ["trust", "init", "--key", os.path.join(home, "second.pub"), "--valid-from", "2026-01-01T00:00:00Z", "--valid-until",
                "2036-01-01T00:00:00Z", "--replace"]

    def between(self, home, done):
        run(home, "trust", "show")  # the old roots or the new ones, never half of them

    def result(self, home):
        return sha256_of(os.path.join(home, "trust/roots.json"))


class First(Topic):
    """The first command of a site: the ledger is made."""

    def __init__(self, site):
        super().__init__(site)
        for name in os.listdir(site.base):
            if name.startswith("ledger.db"):
                os.unlink(os.path.join(site.base, name))

    def command(self, home):
        return ["bundle", "import", self.site.bundle(1)]

    def between(self, home, done):
        check_store(home)

    def result(self, home):
        return [(r["generation"], r["active"]) for r in items(home, "bundle", "list")]


class Backup(Topic):
    def command(self, home):
        return ["ledger", "backup", os.path.join(home, "outbox", "ledger.db")]

    def between(self, home, done):
        copy = os.path.join(home, "outbox", "ledger.db")
        if os.path.exists(copy):
            check_copy(copy)
            os.unlink(copy)  # a backup does not replace another

    def result(self, home):
        return check_copy(os.path.join(home, "outbox", "ledger.db"))


def check_copy(copy):
    """How many events a copy of the ledger has; it must be whole."""
    with sqlite3.connect(f"file:{copy}?immutable=1", uri=True) as db:
        if db.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            fail("the copy of the ledger is damaged")
        return db.execute("SELECT count(*) FROM job_history").fetchone()[0]


class Run(Topic):
    def command(self, home):
        # The same token is the same run, also when it has failed: what the fault made fail is run anew.
        failed = [r for r in items(home, "runs", "list") if r["state"] == "failed"]
        return ["run", "demo", "--run-token", f"t{len(failed)}"]

    def result(self, home):
        return [(r["state"], r.get("outputsHash")) for r in items(home, "runs", "list") if r["state"] != "failed"]


class Export(Topic):
    def __init__(self, site):
        super().__init__(site)
        run(site.base, "run", "demo", "--run-token", "t")

    def evidence(self, home):
        return os.path.join(home, "outbox", "evidence.tar.zst")

    def command(self, home):
        return ["audit", "export", "-o", self.evidence(home)]

    def between(self, home, done):
        if not os.path.exists(self.evidence(home)):
            return
        if verified(self.evidence(home), os.path.join(home, "keys/site.pub")) != 0:
            fail("a half-written export lies there")
        os.unlink(self.evidence(home))  # an export does not replace another

    def result(self, home):
        return verified(self.evidence(home), os.path.join(home, "keys/site.pub"))


class AddSignature(Export):
    def __init__(self, site):
        super().__init__(site)
        run(site.base, *Export.command(self, site.base))

    def command(self, home):
        return ["audit", "add-signature", self.evidence(home), "--key", self.site.key + ".key"]

    def between(self, home, done):
        if verified(self.evidence(home), os.path.join(home, "keys/site.pub")) != 0:
            fail("the bundle lost the signature it had")

    def result(self, home):
        return verified(self.evidence(home), os.path.join(home, "keys/site.pub"), self.site.key + ".pub")


class Build(Topic):
    def command(self, home):
        return ["bundle", "build", self.site.kit(2), "-o", os.path.join(home, "outbox", "kit.tar.zst"), "--key", self.site.key + ".key"]

    def between(self, home, done):
        built = os.path.join(home, "outbox", "kit.tar.zst")
        if os.path.exists(built) and sha256_of(built) != sha256_of(self.site.bundle(2)):
            fail("a half-written bundle lies there")

    def result(self, home):
        return sha256_of(os.path.join(home, "outbox", "kit.tar.zst"))


class Sign(Topic):
    """A second signature, in place of the bundle that had one."""

    def __init__(self, site):
        super().__init__(site)
        run(site.base, "key", "generate", "--out", os.path.join(site.base, "second"))
        shutil.copy(site.bundle(2), self.signed(site.base))

    def signed(self, home):
        return os.path.join(home, "kit.tar.zst")

    def command(self, home):
        return ["bundle", "sign", self.signed(home), "--key", os.path.join(home, "second.key")]

    def between(self, home, done):
        run(home, "bundle", "verify", self.signed(home))

    def result(self, home):
        run(home, "bundle", "verify", self.signed(home), "--key", os.path.join(home, "second.pub"))
        return sha256_of(self.signed(home))


class Refuse(Topic):
    """A bundle that is cut short: evidence in quarantine is whole, or not there."""

    statuses = (2,)

    def __init__(self, site):
        super().__init__(site)
        self.cut = os.path.join(site.scratch, "cut.tar.zst")
        with open(site.bundle(2), "rb") as whole, open(self.cut, "wb") as cut:
            cut.write(whole.read()[:-100])

    def command(self, home):
        return ["bundle", "import", self.cut]

    def between(self, home, done):
        check_active(home)
        for kept in items(home, "quarantine", "list"):
            if len(files_below(kept["path"])) < 4 or sha256_of(os.path.join(kept["path"], "bundle.tar.zst")) != sha256_of(self.cut):
                fail(f"half of the evidence: {files_below(kept['path'])}")

    def result(self, home):
        self.between(home, None)
        return [bool(items(home, "quarantine", "list")), [r["generation"] for r in items(home, "bundle", "list")]]


class Remove(Refuse):
    statuses = (0, 4)  # 4: it is gone already

    def __init__(self, site):
        super().__init__(site)
        run(site.base, "bundle", "import", self.cut, check=False)
        self.name = items(site.base, "quarantine", "list")[0]["name"]

    def command(self, home):
        return ["quarantine", "remove", self.name, "--reason", "read and understood"]

    def result(self, home):
        return files_below(os.path.join(home, "quarantine"))


class Prune(Topic):
    def __init__(self, site):
        super().__init__(site)
        for generation in (2, 3):
            run(site.base, "bundle", "import", site.bundle(generation))

    def command(self, home):
        return ["bundle", "prune", "--keep", "1"]

    def between(self, home, done):
        check_active(home)

    def result(self, home):
        return [[r["generation"] for r in items(home, "bundle", "list")], files_below(os.path.join(home, "cas/sha256"))]


class Cancel(Topic):
    """Of a run whose process is gone, in the middle of its steps."""

    statuses = (0, 2)  # 2: a run that has ended is not cancelled

    def __init__(self, site):
        super().__init__(site)
        whole, cut = site.base, site.base + "-cut"
        for k in range(4, 200):
            shutil.rmtree(cut, ignore_errors=True)
            shutil.copytree(whole, cut, symlinks=True)
            run(cut, "run", "demo", "--run-token", "t", check=False,
                prefix=("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject=fdatasync:signal=SIGKILL:when={k}"))
            if [r["state"] for r in items(cut, "runs", "list")] == ["running"]:
                site.base = cut
                return
        fail("no kill left a run in the middle")

    def command(self, home):
        return ["runs", "cancel", items(home, "runs", "list")[0]["runId"]]

    def result(self, home):
        return [r["state"] for r in items(home, "runs", "list")]


TOPICS = {"import": Import, "last-part": LastPart, "delta": Delta, "trust": Trust, "first": First, "backup": Backup, "run": Run, "export": Export, "add-signature": AddSignature, "build": Build, "sign": Sign,
          "refuse": Refuse, "remove": Remove, "prune": Prune, "cancel": Cancel}
