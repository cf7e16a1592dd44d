"""Crash and disk-full sweeps over the real program.

For each kind of system call that changes the disk, and k = 1, 2, 3 ... the k-th one is not made: the process is killed
there with SIGKILL, or from there on the call fails with ENOSPC. Then the same command runs again, untouched. It must
succeed, the ledger must verify, and the end must be the one an undisturbed command gives.

Usage: sweep.py kill|full TOPIC      TOPIC: one of topics.py
"""
import collections
import os
import shutil
import sys
import tempfile

from site_for_faults import Site, fail, run
from topics import DISK_CALLS, TOPICS

FULL_CALLS = "write,pwrite64,fsync,fdatasync,syncfs,mkdir,mkdirat,link,linkat,fallocate,ftruncate"
# A sweep of many hundred points is thinned to about this many, always with the first and the last ones.
MOST_POINTS = int(os.environ.get("AIRLOCK_SWEEP_POINTS", "60"))


def points_of(site, topic, calls):
    """What to disturb, as (call, k): strace counts each kind of call apart, and in each thread apart. Each kind gets the
    same share of points, spread from its first call to its last."""
    home, log = site.fresh(), os.path.join(site.scratch, "log")
    run(home, *topic.command(home), check=False, prefix=("strace", "-f", "-qq", "-o", log, "-e", f"trace={calls}"))
    counts = collections.Counter()
    with open(log) as f:
        for line in f:
            thread, _, call = line.partition("(")[0].partition(" ")
            counts[thread, call.strip()] += 1
    longest = {}
    for (_, call), count in counts.items():
        if call in calls.split(","):
            longest[call] = max(count, longest.get(call, 0))
    share = max(1, MOST_POINTS // len(longest))
    points = []
    for call, last in sorted(longest.items()):
        points += [(call, k) for k in sorted(set(range(1, last + 1, -(-last // share))) | {1, last})]
    return points


def undisturbed(topic, home):
    done = run(home, *topic.command(home), check=False)
    if done.returncode not in topic.statuses:
        fail(f"the command gave {done.returncode}: {done.stderr.decode()}")
    run(home, "ledger", "verify")
    return topic.result(home)


def check_full(done, call, k):
    if done.returncode not in (10, 9, 7, 1):
        fail(f"a full disk at {call} {k} gave exit status {done.returncode}: {done.stderr.decode()}")
    if call != "write" and b"error[" not in done.stderr:  # what refuses every write refuses the explanation, too
        fail(f"a full disk at {call} {k} was not explained: {done.stderr.decode()}")


def sweep(fault, name, scratch):
    site = Site(scratch)
    topic = TOPICS[name](site)
    want = undisturbed(topic, site.fresh())
    calls, inject = (DISK_CALLS, "signal=SIGKILL") if fault == "kill" else (FULL_CALLS, "error=ENOSPC")
    points, hit = points_of(site, topic, calls), 0
    for call, k in points:
        home = site.fresh()
        when = f"{k}" if fault == "kill" else f"{k}+"  # a full disk stays full
        done = run(home, *topic.command(home), check=False,
                   prefix=("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:{inject}:when={when}"))
        if done.returncode not in topic.statuses:
            hit += 1
            if fault == "full":
                check_full(done, call, k)
        topic.between(home, done)
        got = undisturbed(topic, home)
        if got != want:
            fail(f"after a fault at {call} {k} the end is {got} instead of {want}")
    if hit == 0:
        fail("no fault was hit, the sweep proved nothing")
    print(f"{fault} during {name}: {len(points)} points, {hit} faults, each followed by a clean end")


def main():
    fault, name = sys.argv[1:]
    if shutil.which("strace") is None:
        if os.environ.get("KERNEL_TESTS_MUST_RUN") == "1":
            fail("strace is not installed")
        print("SKIPPED: strace is not installed")
        return
    with tempfile.TemporaryDirectory() as scratch:
        sweep(fault, name, scratch)


if __name__ == "__main__":
    main()
