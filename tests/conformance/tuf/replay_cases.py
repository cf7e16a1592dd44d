"""Replays the recorded cases of a TUF vector set through airlock-tuf, as a client suite would drive it.

Usage: replay_cases.py AIRLOCK_TUF SET_DIR. Index driven: knows no case by name. Standard library only.
Checks exit status, the versions and bytes of what is trusted afterwards, what was downloaded, and that every file the
program wrote lies in its two folders and every name it looked up is in its log once.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.parse

PROGRAM, SET = sys.argv[1], pathlib.Path(sys.argv[2])


def object_bytes(name):
    return (SET / "objects" / name).read_bytes()


def publish(folder, step):
    """The repository as this step lets the client see it."""
    for kind in ("metadata", "targets"):
        (folder / kind).mkdir(parents=True)
        for name, content in step.get(kind, {}).items():
            path = folder / kind / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(object_bytes(content))


def run(state, *arguments):
    log = state / "fetched"
    log.unlink(missing_ok=True)
    result = subprocess.run([PROGRAM, "--metadata-dir", state / "metadata", *arguments], capture_output=True, text=True,
                            env={**os.environ, "TUF_FETCH_LOG": str(log)}, timeout=60)
    names = log.read_text().splitlines() if log.exists() else []
    return result.returncode, names, result.stderr.strip()


def perform(state, number, step):
    """Exit status, names looked up, and the words on stderr of the last command of a step."""
    if step["op"] == "init":
        root = state / "root-to-trust.json"
        root.write_bytes(object_bytes(step["trusted_root"]))
        return run(state, "init", root)
    repository = state / f"repository-{number}"
    publish(repository, step)
    common = ["--repo-dir", repository, "--now", step["reference_time"]]
    if step["op"] == "refresh":
        return run(state, *common, "refresh")
    for name in step["target_names"]:
        outcome = run(state, *common, "--target-name", name, "--target-dir", state / "downloads", "download")
        if outcome[0] != 0:
            break
    return outcome


def trusted_versions(state):
    found = {}
    for path in (state / "metadata").glob("*.json"):
        found[urllib.parse.unquote(path.name[: -len(".json")])] = json.loads(path.read_bytes())["signed"]["version"]
    return found


def deviations(state, number, step):
    status, fetched, words = perform(state, number, step)
    expect = step["expect"]
    if expect["exit"] != "either" and (status != 0) != (expect["exit"] != 0):
        yield f"exit {status}, expected {expect['exit']}: {words}"
    if status not in (0, 1):
        yield f"exit {status}"
    if status != 0 and "error[" not in words:
        yield f"a failure without its reason: {words}"
    if len(set(fetched)) != len(fetched):
        yield f"looked up twice: {fetched}"
    if expect["exit"] == 0 and "trusted" in expect:
        held = trusted_versions(state)
        for role, version in expect["trusted"].items():
            if held.get(role) != version:
                yield f"holds {role} {held.get(role)}, expected {version}"
    if step["op"] != "init":
        served = {hashlib.sha256(object_bytes(o)).digest() for o in step["metadata"].values()}
        for path in (state / "metadata").glob("*.json"):
            content = hashlib.sha256(path.read_bytes()).digest()
            if content not in served and content not in state_before(state):
                yield f"{path.name} is not as it was received"
    downloads = sorted(hashlib.sha256(p.read_bytes()).hexdigest() for p in (state / "downloads").glob("*"))
    if expect["exit"] == 0 and "downloaded_sha256" in expect and downloads != sorted(expect["downloaded_sha256"]):
        yield f"downloaded {downloads}, expected {expect['downloaded_sha256']}"
    remember(state)


MEMORY = {}


def state_before(state):
    return MEMORY.get(state, set())


def remember(state):
    MEMORY[state] = {hashlib.sha256(p.read_bytes()).digest() for p in (state / "metadata").glob("*.json")}


def main():
    cases = [c for c in json.loads((SET / "index.json").read_text())["cases"] if c.get("kind", "scenario") == "scenario"]
    wrong = 0
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            state = pathlib.Path(folder)
            for number, step in enumerate(case["steps"]):
                for what in deviations(state, number, step):
                    wrong += 1
                    print(f"{case['id']}, step {number}: {what}")
            allowed = {"metadata", "downloads", "fetched", "root-to-trust.json"} | {f"repository-{n}" for n in range(len(case["steps"]))}
            for name in set(os.listdir(state)) - allowed:
                wrong += 1
                print(f"{case['id']}: wrote {name}")
    print(f"{len(cases)} cases, {wrong} deviations")
    return 0 if wrong == 0 and cases else 1


sys.exit(main())
