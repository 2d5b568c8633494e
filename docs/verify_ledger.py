#!/usr/bin/env python3
"""Checks a ledger without Landfall: python3 verify_ledger.py FOLDER [--head SEQUENCE:SHA256]

A ledger is a folder of records `<20 digits>.json`, numbered from 1 without gaps. Each holds the SHA-256 of the bytes of
the record before it under "previous". A ledger in S3 is copied to a folder first (aws s3 cp --recursive). With --head, a
number and digest that were kept elsewhere (a release ticket, a checkpoint), a removal of the newest records and a chain
that was written anew are seen too.

Ends with 0 where the chain is whole, 7 where it is not (the first bad record is named), 2 where it cannot be read.
Needs nothing but Python 3.8. It shares no code with Landfall: docs/formats/landfall.md is what both were written from.
"""

import hashlib
import json
import os
import re
import stat
import sys

MOST_BYTES = 64 * 1024
NAME = re.compile(r"^[0-9]{20}\.json$")
DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")
TIME = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$")
KINDS = {
    "intent", "outcome", "deployment", "test", "approval", "rejection", "promotion", "rollback", "sync",
    "lock", "unlock", "checkpoint", "freeze",
}
TEXTS = ["release", "environment", "stage", "action", "target", "run", "reason"]


class Bad(Exception):
    """A record that is wrong by itself."""


def once(pairs):
    """An object whose keys are there once each."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Bad("a key is there twice")
    return found


def is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def read(folder, sequence):
    """The digest of a record, and the one that it names as that before it."""
    path = os.path.join(folder, "%020d.json" % sequence)
    try:
        facts = os.lstat(path)
    except FileNotFoundError:
        raise Bad("it is missing")
    if not stat.S_ISREG(facts.st_mode):
        raise Bad("it is not a regular file")
    with open(path, "rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise Bad("it is larger than 64 KiB")
    try:
        event = json.loads(data.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise Bad("it is no JSON: %s" % error)
    check(event, sequence)
    return "sha256:" + hashlib.sha256(data).hexdigest(), event["previous"]


def check(event, sequence):
    """Whether a record is what a record has to be."""
    if not isinstance(event, dict) or event.get("formatVersion") != 1:
        raise Bad("it is not of format version 1")
    if event.get("sequence") != sequence or not is_count(event["sequence"]):
        raise Bad("it says that it is record %r" % event.get("sequence"))
    previous = event.get("previous", 0)
    if (sequence == 1) != (previous is None) or not (previous is None or is_digest(previous)):
        raise Bad("`previous` is %r" % previous)
    if event.get("kind") not in KINDS:
        raise Bad("its kind is %r" % event.get("kind"))
    if not isinstance(event.get("time"), str) or not TIME.match(event["time"]):
        raise Bad("its time is %r" % event.get("time"))
    for key in TEXTS:
        if not (event.get(key) is None or isinstance(event[key], str)):
            raise Bad("`%s` is no text" % key)
    if event.get("outcome") not in (None, "done", "failed", "unknown"):
        raise Bad("its outcome is %r" % event.get("outcome"))
    if not (event.get("intent") is None or is_count(event["intent"])):
        raise Bad("`intent` is no number")
    actor = event.get("actor")
    if not isinstance(actor, dict) or not all(isinstance(actor.get(key), str) for key in ("name", "source")):
        raise Bad("nobody is named who did it")
    if not isinstance(event.get("toolVersion"), str) or not isinstance(event.get("details"), dict):
        raise Bad("`toolVersion` or `details` is missing")
    items = event.get("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in items):
        raise Bad("its items are odd")
    for item in items:
        if not all(item.get(key) is None or is_digest(item[key]) for key in ("digest", "before")):
            raise Bad("the digest of an item is odd")


def is_digest(value):
    return isinstance(value, str) and bool(DIGEST.match(value))


def records(folder):
    """How many records there are, and the first that is missing among them."""
    numbers = sorted(int(name[:20]) for name in os.listdir(folder) if NAME.match(name))
    for expected, number in enumerate(numbers, 1):
        if number != expected:
            return expected
    return None if numbers else 0


def verify(folder, head):
    """The number of records and the newest digest, or the first bad record and why."""
    missing = records(folder)
    if missing:
        return (missing, "it is missing"), None
    last = 0 if missing == 0 else sum(1 for name in os.listdir(folder) if NAME.match(name))
    before = None
    ahead = attempt(folder, 1) if last else None
    for sequence in range(1, last + 1):
        (digest, previous), wrong = ahead
        if wrong:
            return (sequence, wrong), None
        ahead = attempt(folder, sequence + 1) if sequence < last else None
        if before is not None and previous != before:
            return blame(sequence, digest, before, ahead, head), None
        if head and head[0] == sequence and head[1] != digest:
            return (sequence, "its digest is %s, %s was kept elsewhere" % (digest[:19], head[1][:19])), None
        before = digest
    if head and head[0] > last:
        return (last + 1, "it is missing, as is all up to %d, whose digest was kept elsewhere" % head[0]), None
    return None, (last, before)


def blame(sequence, digest, before, ahead, head):
    """Which of two records that do not fit was changed: the record after them tells, or the digest that was kept."""
    after = ahead[0] if ahead and not ahead[1] else None
    if after:
        vouched = after[1] == digest
    elif head and head[0] == sequence:
        vouched = head[1] == digest
    else:
        vouched = None
    if vouched is False:
        return sequence, "it does not follow record %d" % (sequence - 1)
    return sequence - 1, "its bytes are not those that record %d names" % sequence


def attempt(folder, sequence):
    """A record, or why it is none."""
    try:
        return read(folder, sequence), None
    except Bad as error:
        return (None, None), str(error)


def main(arguments):
    head = None
    if len(arguments) == 3 and arguments[1] == "--head":
        number, _, digest = arguments[2].partition(":")
        digest = digest if digest.startswith("sha256:") else "sha256:" + digest
        if not number.isdigit() or not is_digest(digest):
            print("--head is SEQUENCE:SHA256", file=sys.stderr)
            return 2
        head = (int(number), digest)
    elif len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        bad, whole = verify(arguments[0], head)
    except OSError as error:
        print("cannot read the ledger: %s" % error, file=sys.stderr)
        return 2
    if bad:
        print("record %d is bad: %s" % bad)
        return 7
    print("%d records, one unbroken chain%s" % (whole[0], ", newest %s" % whole[1] if whole[1] else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
