"""Crash and disk-full sweeps over the real program.

For k = 1, 2, 3 ... the k-th system call that changes the disk is not made: the process is killed there with SIGKILL,
or the call fails with ENOSPC. Then the same command runs again, untouched. It must succeed, the ledger must verify,
and the end must be the one an undisturbed command gives. The sweep is complete when k is past the last such call.

Usage: sweep.py kill|full TOPIC      TOPIC: one of topics.py
"""
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
    """Which calls to disturb: up to one past the longest count of one thread, since strace counts for each thread."""
    home, log = site.fresh(), os.path.join(site.scratch, "log")
    run(home, *topic.command(home), check=False, prefix=("strace", "-f", "-qq", "-o", log, "-e", f"trace={calls}"))
    counts = {}
    with open(log) as f:
        for line in f:
            thread = line.split()[0]
            counts[thread] = counts.get(thread, 0) + 1
    last = max(counts.values()) + 1
    return sorted(set(range(1, last + 1, max(1, last // MOST_POINTS))) | {1, 2, last - 1, last})


def undisturbed(topic, home):
    done = run(home, *topic.command(home), check=False)
    if done.returncode not in topic.statuses:
        fail(f"the command gave {done.returncode}: {done.stderr.decode()}")
    run(home, "ledger", "verify")
    return topic.result(home)


def check_full(done, k):
    if done.returncode not in (10, 9, 7, 1):
        fail(f"a full disk at call {k} gave exit status {done.returncode}: {done.stderr.decode()}")
    if b"error[" not in done.stderr and done.stderr:
        fail(f"a full disk at call {k} was not explained: {done.stderr.decode()}")


def sweep(fault, name, scratch):
    site = Site(scratch)
    topic = TOPICS[name](site)
    want = undisturbed(topic, site.fresh())
    calls, inject = (DISK_CALLS, "signal=SIGKILL") if fault == "kill" else (FULL_CALLS, "error=ENOSPC")
    points, hit = points_of(site, topic, calls), 0
    for k in points:
        home = site.fresh()
        when = f"{k}" if fault == "kill" else f"{k}+"  # a full disk stays full
        done = run(home, *topic.command(home), check=False,
                   prefix=("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:{inject}:when={when}"))
        if done.returncode not in topic.statuses:
            hit += 1
            if fault == "full":
                check_full(done, k)
        topic.between(home, done)
        got = undisturbed(topic, home)
        if got != want:
            fail(f"after a fault at call {k} the end is {got} instead of {want}")
    if hit == 0:
        fail("no fault was hit, the sweep proved nothing")
    print(f"{fault} during {name}: {len(points)} points of {points[-1]}, {hit} faults, each followed by a clean end")


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
