"""What the bench drivers share: timing pairs alternately, medians of ratios, tables."""

import os
import shutil
import statistics
import subprocess
import time


def timed(command, **kwargs):
    """Seconds of wall clock of one command, which must succeed."""
    begin = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **kwargs)
    seconds = time.monotonic() - begin
    if done.returncode != 0:
        raise RuntimeError(f"{command}: exit {done.returncode}: {done.stderr.strip()[-500:]}")
    return seconds


def quiet(command, **kwargs):
    return subprocess.run(command, check=True, capture_output=True, text=True, **kwargs).stdout


def alternately(rounds, subjects):
    """{name: [seconds of each round]}. One round runs every subject once, so that all see the same disturbance; every
    other round goes backwards. One round before them warms the caches and does not count."""
    names = list(subjects)
    seconds = {name: [] for name in names}
    for number in range(rounds + 1):
        for name in names if number % 2 else reversed(names):
            took = subjects[name](number)
            if number > 0:
                seconds[name].append(took)
    return seconds


def ratio(seconds, ours, peer):
    """The median of the rounds' own ratios: a slow minute slows both sides of a pair."""
    return statistics.median(a / b for a, b in zip(seconds[ours], seconds[peer]))


def row(what, values, unit="s", scale=1.0):
    scaled = [v * scale for v in values]
    return {"what": what, "value": statistics.median(scaled), "low": min(scaled), "high": max(scaled), "unit": unit}


def bar(value, limit):
    return {"value": round(value, 4), "limit": limit, "holds": value <= limit}


def missing(programs):
    return [program for program in programs if shutil.which(program) is None]


def machine():
    uname = os.uname()
    return {"cores": os.cpu_count(), "kernel": uname.release, "arch": uname.machine}


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def print_result(name, result):
    print(f"\n{name}")
    for item in result["rows"]:
        spread = f"   [{number(item['low'])} to {number(item['high'])}]" if "low" in item else ""
        print(f"  {item['what']:<58} {number(item['value']):>10} {item['unit']}{spread}")
    for item in result["ratios"]:
        limit = item.get("limit")
        verdict = "" if limit is None else f"   limit {limit:g}: {'holds' if item['value'] <= limit else 'DOES NOT HOLD'}"
        print(f"  {item['what']:<58} {item['value']:>10.2f} x{verdict}")
    for peer in result["missing"]:
        print(f"  {peer:<58}    missing: not installed, not measured")
