#!/usr/bin/env python3
"""Checks what `landfall demo --keep DIR` left, with nothing of Landfall's own: python3 tests/check_demo.py DIR"""

import hashlib
import json
import pathlib
import re
import sys

folder = pathlib.Path(sys.argv[1])
failures = []


def check(holds, what):
    print(("ok    " if holds else "FAILED ") + what)
    if not holds:
        failures.append(what)


def read(name):
    return json.loads((folder / name).read_text(encoding="utf-8"))


versions, mappings, lock = read("versions.json"), read("lambda-ecr-mappings.json"), read("image-lock.json")
report, log, tickets = read("deploy-report.json"), read("promotion-log-to-rc.json"), read("jira-tickets.json")

names = {
    project: (folder / "functions" / entry["folder"] / ".deployment").read_text(encoding="utf-8").split()[0]
    for project, entry in versions.items()
}
check(len(versions) == 6, "six projects have a version")
check(
    mappings == {names[p]: f"{names[p]}-{e['version']}" for p, e in versions.items()},
    "the mapping has every function with its tag",
)
canonical = json.dumps({p: e["version"] for p, e in sorted(versions.items())}, separators=(",", ":"))
release = "r-" + hashlib.sha256(canonical.encode()).hexdigest()[:12]
check(lock["release"] == report["release"] == tickets["release"] == release, f"lock, report and tickets are of {release}")

pinned = {image["lambda"]: image["digest"] for image in lock["images"]}
check(set(pinned) == set(mappings), "the lock has every function")
check(
    all(image["source"].endswith("@" + image["digest"]) and image["target"].endswith(":" + mappings[image["lambda"]])
        for image in lock["images"]),
    "the lock names source by digest and target by tag",
)
running = {f["name"]: f["after"]["image"].partition("@")[2] for f in report["functions"]}
before = {f["name"]: f["before"]["image"].partition("@")[2] for f in report["functions"]}
check(running == pinned, "every function runs the digest of the lock")
check(all(before[name] != pinned[name] for name in pinned), "the report knows what ran before")
check(all(p["success"] and p["httpStatus"] == "200" for p in log["promotions"]), "every promotion succeeded")
check(log["summary"]["total"] == log["summary"]["successful"] == 6, "the promotion log counts six")

previous, kinds = None, []
for number, path in enumerate(sorted((folder / ".landfall/ledger").glob("*.json")), start=1):
    content = path.read_bytes()
    event = json.loads(content)
    kinds.append(event["kind"])
    expected = None if previous is None else "sha256:" + previous
    if event["sequence"] != number or event["previous"] != expected or path.name != f"{number:020}.json":
        check(False, f"ledger record {number} follows the one before")
        break
    previous = hashlib.sha256(content).hexdigest()
else:
    check(len(kinds) > 20, f"the ledger's {len(kinds)} records are a chain")
check(kinds.count("intent") == kinds.count("outcome"), "every intent has an outcome")
check("deployment" in kinds and "promotion" in kinds, "deployment and promotion are recorded")

page = (folder / "dashboard/index.html").read_text(encoding="utf-8")
check(all(name in page for name in mappings), "the page names every function")
inner = re.findall(r'(?:src|href)="(?!#|https?:|data:)([^"#]+)', page)
check(inner and all((folder / "dashboard" / path).is_file() for path in inner), "what the page leads to is there")
check("default-src 'none'" in page and "<script>" not in page, "nothing runs that is written into the page")
for name in ("aws_auth.env", "docker-config.json"):
    check((folder / name).stat().st_mode & 0o777 == 0o600, f"{name} is for its owner alone")
secrets = [line.partition("=")[2] for line in (folder / "aws_auth.env").read_text().splitlines()[1:3]]
secrets += [login["auth"] for login in read("docker-config.json")["auths"].values()]
leaks = [
    path
    for path in folder.rglob("*")
    if path.is_file() and path.name not in ("aws_auth.env", "docker-config.json")
    for secret in secrets
    if secret in path.read_text(encoding="utf-8", errors="replace")
]
check(not leaks, "no secret is in any other file")

print(f"{len(failures)} failed")
sys.exit(1 if failures else 0)
