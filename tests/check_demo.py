#!/usr/bin/env python3
"""Checks what `landfall demo --keep DIR` left, with nothing of Landfall's own: python3 tests/check_demo.py DIR"""

import hashlib
import json
import pathlib
import re
import sys

folder = pathlib.Path(sys.argv[1])
STAGING, PRODUCTION, RECOVERY = "stg_eu00", ("prod_eu00", "prod_na03"), "dr_eu01"
failures = []


def check(holds, what):
    print(("ok    " if holds else "FAILED ") + what)
    if not holds:
        failures.append(what)


def read(name):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def release_of(versions):
    canonical = json.dumps({p: e["version"] for p, e in sorted(versions.items())}, separators=(",", ":"))
    return "r-" + hashlib.sha256(canonical.encode()).hexdigest()[:12]


def digests(report, when):
    return {f["name"]: f[when]["image"].partition("@")[2] for f in report["functions"]}


def tags(versions):
    return {names[p]: f"{names[p]}-{e['version']}" for p, e in versions.items()}


# Two releases: the one that went to production, and the one after it, which died in staging.
good, bad = read("prod_na03/versions.json"), read("versions.json")
names = {
    project: (folder / "functions" / entry["folder"] / ".deployment").read_text(encoding="utf-8").split()[0]
    for project, entry in bad.items()
}
live, dead = release_of(good), release_of(bad)
changed = [project for project in bad if bad[project] != good[project]]
check(len(good) == len(bad) == 6, "six projects have a version")
check(changed == ["orderService"], "the second release changes one of them")

locks = {name: read(f"{name}/image-lock.json") for name in PRODUCTION}
reports = {name: read(f"{name}/deploy-report.json") for name in (*PRODUCTION, RECOVERY)}
for name in PRODUCTION:
    mapping = read(f"{name}/lambda-ecr-mappings.json")
    check(mapping == tags(good), f"{name}: the mapping has every function with its tag")
    check(locks[name]["release"] == reports[name]["release"] == live, f"{name}: lock and report are of {live}")
    check(
        all(image["source"].endswith("@" + image["digest"]) and image["target"].endswith(":" + mapping[image["lambda"]])
            for image in locks[name]["images"]),
        f"{name}: the lock names source by digest and target by tag",
    )
pinned = {image["lambda"]: image["digest"] for image in locks[PRODUCTION[0]]["images"]}
check(set(pinned) == set(names.values()), "the lock has every function")
for name, report in reports.items():
    check(report["environment"] == name and digests(report, "after") == pinned, f"{name}: every function runs the digest of the lock")
    check(
        all(digests(report, "before")[one] != pinned[one] for one in pinned),
        f"{name}: the report knows what ran before, also after a second try",
    )
check(read("jira-tickets.json")["release"] == live, "the ticket is of the release that went to production")

died, back = read("deploy-report.json"), read("rollback-report.json")
check(died["release"] == back["release"] == dead, f"staging deployed {dead} and took it out again")
check(digests(died, "before") == digests(back, "after") | digests(died, "before"), "what runs again is what ran before")
check(all(digests(back, "after")[one] == pinned[one] for one in digests(back, "after")), "which is what production runs")

for kind, place in (("to-rc", "."), ("to-release", "prod_eu00")):
    log = read(f"{place}/promotion-log-{kind}.json")
    check(all(p["success"] and p["httpStatus"] == "200" for p in log["promotions"]), f"{kind}: every promotion succeeded")
    check(log["summary"]["total"] == log["summary"]["successful"] == 6, f"{kind}: the promotion log counts six")

previous, events = None, []
for number, path in enumerate(sorted((folder / ".landfall/ledger").glob("*.json")), start=1):
    content = path.read_bytes()
    event = json.loads(content)
    events.append(event)
    expected = None if previous is None else "sha256:" + previous
    if event["sequence"] != number or event["previous"] != expected or path.name != f"{number:020}.json":
        check(False, f"ledger record {number} follows the one before")
        break
    previous = hashlib.sha256(content).hexdigest()
else:
    check(len(events) > 100, f"the ledger's {len(events)} records are a chain")
kinds = [event["kind"] for event in events]
check(kinds.count("intent") == kinds.count("outcome"), "every intent has an outcome")
check(kinds.count("lock") == kinds.count("unlock"), "every environment that was taken was given back")


def came(environment, release, outcome):
    return [
        e for e in events
        if (e["kind"], e["environment"], e["release"], e["outcome"]) == ("deployment", environment, release, outcome)
    ]


for name in (STAGING, *PRODUCTION, RECOVERY):
    check(len(came(name, live, None)) == 1, f"{name}: the deployment of {live} is recorded once")
check(len(came("prod_na03", live, "failed")) == 1, "so is the one that failed")
failed = next((e["sequence"] for e in came("prod_na03", live, "failed")), 0)
check(failed < came("prod_na03", live, None)[0]["sequence"], "and came before the one that did not")
rejected = [e for e in events if e["kind"] == "rejection"]
check([(e["release"], e["actor"]["name"]) for e in rejected] == [(dead, "ada")], f"{dead} was rejected by ada")
check(bool(rejected[0]["reason"]), "who said why")
check(
    not [e for e in events if e["release"] == dead and e["environment"] != STAGING],
    "the dead release came nowhere but to staging",
)
check(kinds.count("rollback") == 1 and kinds.count("promotion") == 2, "rollback and promotions are recorded")

pages = {path: path.read_text(encoding="utf-8") for path in (folder / "dashboard").rglob("*.html")}
page = pages[folder / "dashboard/index.html"]
check(all(name in page for name in (*names.values(), STAGING, *PRODUCTION, RECOVERY)), "the page names every function and environment")
check(any(dead in text and rejected[0]["reason"] in text for text in pages.values()), "a page tells what the dead release died of")
for path, text in pages.items():
    inner = re.findall(r'(?:src|href)="(?!#|https?:|data:)([^"#]+)', text)
    if not (inner and all((path.parent / one).is_file() for one in inner)):
        check(False, f"what {path.name} leads to is there")
    if "default-src 'none'" not in text or "<script>" in text:
        check(False, f"nothing runs that is written into {path.name}")
check(len(pages) > 10, f"all that {len(pages)} pages lead to was looked for")

secrets = []
for name in (".", *PRODUCTION, RECOVERY):
    for file in ("aws_auth.env", "docker-config.json"):
        check((folder / name / file).stat().st_mode & 0o777 == 0o600, f"{name}/{file} is for its owner alone")
    secrets += [line.partition("=")[2] for line in (folder / name / "aws_auth.env").read_text().splitlines()[1:3]]
    secrets += [login["auth"] for login in read(f"{name}/docker-config.json")["auths"].values()]
leaks = [
    path
    for path in folder.rglob("*")
    if path.is_file() and path.name not in ("aws_auth.env", "docker-config.json")
    for secret in secrets
    if secret in path.read_text(encoding="utf-8", errors="replace")
]
check(len(secrets) > 12 and not leaks, "no secret is in any other file")

print(f"{len(failures)} failed")
sys.exit(1 if failures else 0)
