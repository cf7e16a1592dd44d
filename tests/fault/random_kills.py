"""An import killed at 200 random instants, and imports side by side.

After each kill, and without help: what is active is whole, no blob lies under a wrong name, the ledger verifies, and
the next import succeeds. Then pairs of imports of the same and of different bundles at the same time: each ends well,
and one generation of each is active.

Usage: random_kills.py ROUNDS
"""
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

from site_for_faults import Site, check_active, check_store, command_line, fail, items, run


def start(home, *args):
    return subprocess.Popen(**command_line(home, args), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def timed_import(site):
    home = site.fresh()
    begun = time.monotonic()
    run(home, "bundle", "import", site.bundle(2))
    return time.monotonic() - begun


def active_generation(home):
    return [r["generation"] for r in items(home, "bundle", "list") if r["active"]][0]


def killed_imports(site, rounds, chance):
    """One home all the way: what one kill leaves behind the next import meets."""
    home, cut_short, newest = site.fresh(), 0, 1
    site.bundle(2)
    whole = min(timed_import(site) for _ in range(5))
    home = site.fresh()
    for _ in range(rounds):
        importing = start(home, "bundle", "import", site.bundle(newest + 1))
        try:
            importing.communicate(timeout=chance.uniform(0, whole))
        except subprocess.TimeoutExpired:
            importing.send_signal(signal.SIGKILL)
            importing.communicate()
        cut_short += importing.returncode == -signal.SIGKILL
        check_active(home)
        check_store(home)
        if chance.random() < 0.2:  # else the next round's import meets what this one left
            run(home, "bundle", "import", site.bundle(newest + 1))
            run(home, "ledger", "verify")
            if active_generation(home) != newest + 1:
                fail("the import after a kill did not bring its generation")
        newest = active_generation(home)
    run(home, "bundle", "import", site.bundle(newest + 1))
    run(home, "ledger", "verify")
    left = os.listdir(os.path.join(home, "cas/tmp"))
    if left:
        fail(f"garbage was not swept: {left}")
    return cut_short, newest


def side_by_side(site, pairs):
    for first, second in pairs:
        home = site.fresh()
        both = [start(home, "bundle", "import", path) for path in (first, second)]
        for process in both:
            _, said = process.communicate(timeout=120)
            # Of two generations the newer may come first: the older is then refused as not newer.
            if process.returncode != 0 and not (process.returncode == 8 and first != second):
                fail(f"an import beside another gave {process.returncode}: {said.decode()}")
        active = [r for r in items(home, "bundle", "list") if r["active"]]
        if len({r["bundleId"] for r in active}) != len(active):
            fail(f"two active generations of one bundle: {active}")
        check_store(home)
        run(home, "ledger", "verify")


def main():
    rounds = int(sys.argv[1])
    seed = int(os.environ.get("AIRLOCK_SEED", "0")) or int(time.time())
    with tempfile.TemporaryDirectory() as scratch:
        site = Site(scratch)
        print(f"AIRLOCK_SEED={seed}", flush=True)
        cut_short, newest = killed_imports(site, rounds, random.Random(seed))
        same, next_one, other = (site.bundle(2),) * 2, (site.bundle(2), site.bundle(3)), (site.bundle(2), site.bundle(1, "other-kit"))
        side_by_side(site, [same, next_one, other] * max(1, rounds // 20))
        if cut_short < rounds // 5:
            fail(f"only {cut_short} of {rounds} imports were cut short")
        print(f"{cut_short} of {rounds} imports killed, {newest} generations imported after them; "
              f"{3 * max(1, rounds // 20)} pairs side by side")


if __name__ == "__main__":
    main()
