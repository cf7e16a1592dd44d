"""A second matcher, written from the OSV schema's section "Evaluation" and semver.org alone, to hold the plugins against.

It shares nothing with the C++ programs: it evaluates events one by one as the schema's pseudo-code does, where they
turn ranges into intervals first. Standard library only.
"""

import functools
import json
import pathlib
import re
import urllib.parse

SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?")


def parse_semver(text):
    found = SEMVER.fullmatch(text)
    if not found:
        return None
    pre = found[4].split(".") if found[4] else None
    return ([int(found[i]) for i in (1, 2, 3)], pre)


def compare_pre(a, b):
    for x, y in zip(a, b):
        if x == y:
            continue
        if x.isdigit() and y.isdigit():
            return -1 if int(x) < int(y) else 1
        if x.isdigit() != y.isdigit():
            return -1 if x.isdigit() else 1
        return -1 if x.encode() < y.encode() else 1
    return (len(a) > len(b)) - (len(a) < len(b))


def compare(a, b):
    """-1, 0, 1; None stands for OSV's "0", below everything."""
    if a is None or b is None:
        return (a is not None) - (b is not None)
    if a[0] != b[0]:
        return -1 if a[0] < b[0] else 1
    if a[1] is None or b[1] is None:
        return (a[1] is None) - (b[1] is None)
    return compare_pre(a[1], b[1])


def go_version(package, text):
    text = text[1:] if text.startswith("v") else text
    if package == "stdlib":
        text = text[2:] if text.startswith("go") else text
        found = re.fullmatch(r"(\d+)\.(\d+)(?:\.(\d+))?(?:(rc|beta)(\d+))?(-.*)?", text)
        if found:
            text = f"{found[1]}.{found[2]}.{found[3] or 0}"
            text += f"-{found[4]}.{found[5]}" if found[4] else found[6] or ""
    return parse_semver(text)


def event_version(event):
    text = next(iter(event.values()))
    return None if text == "0" else parse_semver(text)


def in_range(version, events):
    vulnerable = False
    for event in sorted(events, key=functools.cmp_to_key(lambda a, b: compare(event_version(a), event_version(b)))):
        at = event_version(event)
        if "introduced" in event and compare(version, at) >= 0:
            vulnerable = True
        elif "fixed" in event and compare(version, at) >= 0:
            vulnerable = False
        elif "last_affected" in event and compare(version, at) > 0:
            vulnerable = False
    return vulnerable


class Advisories:
    def __init__(self, folder):
        self.records = {}
        for path in sorted(pathlib.Path(folder).glob("*.json")):
            record = json.loads(path.read_text(encoding="utf-8"))
            known = self.records.get(record["id"])
            if known is None or record["modified"] > known["modified"]:
                self.records[record["id"]] = record

    def entries(self, ecosystem, name):
        """(advisory id, affected entries, exact name?) of one package."""
        exact, folded = {}, {}
        for id_, record in self.records.items():
            if "withdrawn" in record:
                continue
            for affected in record.get("affected", []):
                package = affected.get("package", {})
                if package.get("ecosystem") != ecosystem:
                    continue
                if package["name"] == name:
                    exact.setdefault(id_, []).append(affected)
                elif ecosystem == "Go" and package["name"].lower() == name.lower():
                    folded.setdefault(id_, []).append(affected)
        return exact or folded

    @staticmethod
    def vulnerable(affected_entries, version, text):
        for affected in affected_entries:
            if text in affected.get("versions", []):
                return True
            for range_ in affected.get("ranges", []):
                if range_["type"] == "SEMVER" and version is not None and in_range(version, range_["events"]):
                    return True
        return False

    def first_fix(self, affected_entries, version):
        """The lowest fixed version above `version` that the advisory does not call affected; None if there is none."""
        fixes = [e["fixed"] for a in affected_entries for r in a.get("ranges", []) for e in r["events"] if "fixed" in e]
        later = [f for f in fixes if version is not None and compare(parse_semver(f), version) > 0]
        good = [f for f in later if not self.vulnerable(affected_entries, parse_semver(f), None)]
        return min(good, key=functools.cmp_to_key(lambda a, b: compare(parse_semver(a), parse_semver(b))), default=None)


def split_purl(purl):
    """(type, package, version or ""), or None when malformed."""
    rest = purl.rsplit("#", 1)[0].rsplit("?", 1)[0]
    if not rest.lower().startswith("pkg:"):
        return None
    type_, _, rest = rest[4:].strip("/").partition("/")
    path, at, version = rest.rpartition("@")
    if not at:
        path, version = rest, ""
    package = urllib.parse.unquote(path.strip("/"))
    return (type_.lower(), package, urllib.parse.unquote(version)) if package else None


def components(document):
    """(purl, the component's own version) of every component that has a purl."""
    if "bomFormat" in document:
        stack = [document.get("metadata", {}).get("component", {})] + document.get("components", [])
        while stack:
            item = stack.pop()
            stack += item.get("components", [])
            if item.get("purl"):
                yield item["purl"], item.get("version", "")
    for package in document.get("packages", []):
        for ref in package.get("externalRefs", []):
            if ref["referenceType"] == "purl":
                yield ref["referenceLocator"], package.get("versionInfo", "")


def match_sbom(advisories, document):
    """({(purl, advisory): first fixed version or None}, {purl that could not be decided})."""
    matches, undecided = {}, set()
    for purl, stated in components(document):
        parts = split_purl(purl)
        if parts is None:
            undecided.add(purl)
            continue
        type_, package, version_text = parts
        version_text = version_text or stated
        ecosystem, name = {"golang": ("Go", package), "pypi": ("PyPI", re.sub(r"[-_.]+", "-", package.lower()))}.get(
            type_, (None, package))
        if ecosystem is None:
            continue
        version = go_version(package, version_text) if ecosystem == "Go" else None
        for id_, entries in advisories.entries(ecosystem, name).items():
            if advisories.vulnerable(entries, version, version_text):
                matches[purl, id_] = advisories.first_fix(entries, version)
            elif version is None and any(a.get("ranges") for a in entries):
                undecided.add(purl)
    return matches, undecided
