#!/usr/bin/env python3
"""Verify receipts of hitl.decision_receipt() without the database.

    verify_receipt.py [--key-file FILE] RECEIPT ...

RECEIPT is a file with the receipt as JSON, "-" stands for the standard input.
FILE has the value of the secret "receipts", with which its signature is checked.
Prints a line per fault; the exit status is 1 if there is one, 2 if a receipt
could not be read.  docs/reference/evidence.md says what the hashes are made of.

It needs nothing but the standard library of Python 3.8, so that whoever keeps
receipts can keep this file with them.
"""
import argparse
import hashlib
import hmac
import json
import re
import sys
from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
ANSWERS = ("approved", "rejected", "modified", "abstained")


class Number(str):
    """A number as it is written: 400 is not 400.0."""


def no_constant(name):
    raise ValueError(f"{name} is no JSON")


def parse(text):
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=no_constant)


def canonical(value):
    """The text of a value as jsonb prints it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (Number, int)):
        return str(value)
    if isinstance(value, str):
        return '"' + "".join(ESCAPES.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in value) + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(canonical, value)) + "]"
    members = sorted(value.items(), key=lambda member: (len(member[0].encode()), member[0].encode()))
    return "{" + ", ".join(f"{canonical(name)}: {canonical(member)}" for name, member in members) + "}"


def chain(previous, value):
    """SHA-256 of a hash, if there is one before, and of a value."""
    return hashlib.sha256(bytes.fromhex(previous or "") + canonical(value).encode()).hexdigest()


def microseconds(text):
    """A time as Unix time in microseconds."""
    if text is None:
        return None
    if not TIME.fullmatch(text):
        raise ValueError(f'"{text}" is not written as times in receipts are')
    instant = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return (instant - EPOCH) // timedelta(microseconds=1)


def check_contents(receipt, faults):
    """The hashes of what was shown, one per round."""
    hashes = []
    for content in [*receipt["earlier_contents"], receipt]:
        shown = {name: content[name] for name in ("title", "description", "context_data")}
        shown["approval_type"] = receipt["approval_type"]
        if content["answer_schema"] is not None:
            shown["answer_schema"] = content["answer_schema"]
        hashes.append(content["content_hash"])
        if int(content["round"]) != len(hashes):
            faults.append(f"content of round {len(hashes)}: missing: another one is in its place")
        if content["content_hash"] != chain(None, shown):
            faults.append(f"content of round {len(hashes)}: changed: the hash is that of another content")
    return hashes


def first_policy(receipt, faults):
    """The policy as it was when the question was asked."""
    policy = receipt["policy"]
    for act in reversed(receipt["acts"]):
        if act["decision"] == "reassigned":
            if canonical(policy) != canonical(act["response_data"]["new_policy"]):
                faults.append(f"policy: changed after act {act['number']}, which had made it another one")
            policy = act["response_data"]["policy"]
    return policy


def check_acts(receipt, hashes, faults):
    """Each act chained to the one before; about the content of its round."""
    previous, number, current_round, answered = receipt["request_hash"], 0, 1, set()
    for act in receipt["acts"]:
        number += 1
        if int(act["number"]) != number:
            faults.append(f"act {number}: missing: another one follows")
            number = int(act["number"])
        found = chain(previous, [
            receipt["approval_id"], act["number"], act["round"], act["approver_id"], act["on_behalf_of"],
            act["names"], act["decision"], act["response_data"], act["feedback"], act["edits"],
            act["content_hash"], act["channel"], act["evidence"], act["session_role"], act["caller_role"],
            microseconds(act["responded_at"])])
        if act["hash"] != found:
            faults.append(f"act {number}: changed: the hash is that of another act, or after another act")
        previous = act["hash"]
        edits = act["decision"] == "revised" or act["edits"] is not None
        if edits:
            before = receipt["earlier_contents"][current_round - 1:current_round]
            if not before or (before[0]["replaced_by"], before[0]["replaced_at"]) != (
                    act["approver_id"], act["responded_at"]):
                faults.append(f"act {number}: has changed the content, but that of round {current_round}"
                              " was not replaced so")
            current_round += 1
        if int(act["round"]) != current_round:
            faults.append(f"act {number}: of round {act['round']}, in round {current_round}")
        if hashes[int(act["round"]) - 1:int(act["round"])] != [act["content_hash"]]:
            faults.append(f"act {number}: about another content than that of its round")
        is_last = act["decision"] in ANSWERS and int(act["round"]) == len(hashes)
        if act["standing"]:
            if not is_last:
                faults.append(f"act {number}: counted, though it is no answer of the last round")
            elif act["approver_id"] in answered:
                faults.append(f"act {number}: a second answer of \"{act['approver_id']}\"")
            answered.add(act["approver_id"])
        elif is_last and not edits:
            faults.append(f"act {number}: not counted, though it is an answer of the last round")
    if current_round != len(hashes):
        faults.append(f"acts: those of round {len(hashes)} are missing")
    if number != int(receipt["act_count"]):
        faults.append(f"acts: there are {number} of {receipt['act_count']}")
    elif previous != receipt["last_hash"]:
        faults.append("acts: the last one has another hash than the request says")


def check_outcome(receipt, faults):
    """The outcome, chained to the last act."""
    outcome = receipt["outcome"]
    decided = [outcome[name] for name in ("decided_by", "reason", "decided_at", "decision_hash")]
    if outcome["status"] == "pending":
        if any(value is not None for value in decided):
            faults.append("outcome: pending, though there is something of a decision")
    elif outcome["decision_hash"] != chain(receipt["last_hash"], [
            outcome["status"], microseconds(outcome["decided_at"]), outcome["decided_by"], outcome["reason"]]):
        faults.append("outcome: changed: the hash is that of another outcome")


def check_signature(receipt, key, faults):
    """HMAC-SHA256 of all but the signature itself."""
    signature = receipt.get("signature")
    if key is None:
        return
    if signature is None:
        faults.append("signature: missing")
        return
    body = {name: value for name, value in receipt.items() if name != "signature"}
    value = hmac.new(key, canonical(body).encode(), hashlib.sha256).hexdigest()
    if not isinstance(signature, dict) or signature.get("algorithm") != "HMAC-SHA256" or \
            not hmac.compare_digest(value.encode(), str(signature.get("value")).encode()):
        faults.append("signature: not that of this receipt")


def verify(text, key=None):
    """What is wrong with a receipt, given as JSON text."""
    faults = []
    receipt = parse(text)
    if not isinstance(receipt, dict) or receipt.get("version") != "1":
        return ["receipt: not one of version 1"]
    try:
        check_signature(receipt, key, faults)
        hashes = check_contents(receipt, faults)
        if receipt["request_hash"] != chain(None, [
                receipt["approval_id"], receipt["workflow_id"], receipt["step_name"], hashes[0],
                first_policy(receipt, faults), receipt["requested_by"], receipt["requested_role"],
                microseconds(receipt["requested_at"])]):
            faults.append("request: changed: the hash is that of another question")
        check_acts(receipt, hashes, faults)
        check_outcome(receipt, faults)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        faults.append(f"receipt: malformed: {type(error).__name__}: {error}")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--key-file", help="file with the value of the secret \"receipts\"")
    parser.add_argument("receipts", nargs="+", metavar="RECEIPT")
    arguments = parser.parse_args()
    status = 0
    key = None
    try:
        if arguments.key_file:
            with open(arguments.key_file, "rb") as file:
                key = file.read().rstrip(b"\r\n")
        for name in arguments.receipts:
            with open(0 if name == "-" else name, encoding="utf-8", closefd=name != "-") as file:
                faults = verify(file.read(), key)
            for fault in faults or ["in order"]:
                print(f"{name}: {fault}")
            status = max(status, int(bool(faults)))
    except (OSError, ValueError, RecursionError) as error:
        print(f"verify_receipt.py: {error}", file=sys.stderr)
        status = 2
    return status


if __name__ == "__main__":
    sys.exit(main())
