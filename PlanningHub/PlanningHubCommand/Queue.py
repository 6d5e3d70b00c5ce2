"""The command that shows and runs what this workstation still has to send.

It takes the parsed options and returns (JSON values, report for a person, exit code).
"""

import datetime
import time
from pathlib import Path

from PlanningHubLib.Errors import StoreFailed, UsageError, VerificationFailed
from PlanningHubLib.Files import writeAside

from .Console import findingLines, table

SHOWN_ROWS = 40
WORDS = {
    "queued": "waits", "sending": "being sent", "sent": "sent, not yet proven", "verified": "verified",
    "failed": "FAILED", "dead-letter": "GIVEN UP", "withdrawn": "withdrawn",
}  # fmt: skip


def addCommand(command):
    """Add the command to the parser.

    :param command: function of (name, function, text) that returns the command's own parser
    """
    queue = command("queue", runOrShow, "show, run, pause or settle what this workstation still has to send")
    queue.add_argument("--store", metavar="STORE", help="only of this store; its name or address")
    queue.add_argument("--case", metavar="DIR", help="only of this case; shows what is verified too")
    what = queue.add_mutually_exclusive_group()
    what.add_argument("--run", action="store_true", help="send and prove what waits; write receipts of whole cases")
    what.add_argument("--pause", action="store_true", help="send nothing until --resume, in no process")
    what.add_argument("--resume", action="store_true", help="go on after --pause")
    what.add_argument("--retry", metavar="ID|all", help="put back what failed or was given up; try at once what waits")
    what.add_argument("--withdraw", metavar="ID", type=int, help="take an item out of the queue; it is not sent")
    what.add_argument("--history", metavar="ID", type=int, help="every change of an item: when, who, why")
    what.add_argument("--metrics", metavar="FILE", help="write the queue's figures as Prometheus text; no patient data")
    addWaitOption(queue, 0)


def addWaitOption(parser, seconds):
    """Add ``--wait`` to a command that sends."""
    parser.add_argument(
        "--wait", dest="waitSeconds", type=_seconds, default=float(seconds), metavar="SECONDS",
        help=f"how long to try a store that fails; the rest stays queued (default {seconds})",
    )  # fmt: skip


def _seconds(text):
    seconds = float(text)
    if not 0 <= seconds <= 7 * 24 * 3600:
        raise ValueError(text)
    return seconds


def runOrShow(options, console):
    """Do what the options say; without any, list what waits or needs a person."""
    from CentralSyncLib.Outbox.Outbox import Outbox
    from CentralSyncLib.Stores.Addresses import normal

    store = normal(options.store) if options.store else None
    with Outbox.forThisWorkstation() as outbox:
        if options.run:
            return _run(outbox, store, options, console)
        if options.history is not None:
            return _history(outbox, options.history)
        if options.pause or options.resume:
            (outbox.pause if options.pause else outbox.resume)(store)
        if options.retry:
            _retry(outbox, store, options)
        if options.withdraw is not None:
            _withdraw(outbox, options.withdraw)
        if options.metrics:
            _writeMetrics(outbox, store, Path(options.metrics))
        values = _listed(outbox, store, options)
    return values, _report(values), 0


# What is shown


def _listed(outbox, store, options):
    from CentralSyncLib.Outbox.Entries import NEEDS_PAYLOAD

    # The register of all that was ever sent grows with the years; of a case it is shown whole.
    shown = outbox.entries(store, _caseIdOf(options), None if options.case else NEEDS_PAYLOAD)
    return {
        "stores": [_storeValues(health) for health in _healths(outbox, store)],
        "items": [itemValues(entry) for entry in shown],
        "findings": [],
    }


def _caseIdOf(options):
    from PlanningHubLib.Case import Case

    if not options.case:
        return None
    with Case.open(options.case) as case:
        return case.caseId


def _healths(outbox, store):
    from CentralSyncLib.Outbox.Health import healthOf

    return [healthOf(outbox, address) for address in outbox.stores() if store in (None, address)]


def _storeValues(health):
    return {
        "store": health.store, "paused": health.paused, "counts": health.counts, "bytes": health.bytes,
        "waiting": health.waiting, "failed": health.failed, "oldest_waiting": health.oldestWaiting,
        "last_verified": health.lastVerified, "next_try": _utc(health.nextTry), "reason": health.reason,
        "alarms": health.alarms,
    }  # fmt: skip


def itemValues(entry):
    """Return an entry as the command's JSON shows it."""
    return {
        "id": entry.id, "store": entry.store, "case_id": entry.caseId, "case": entry.caseFolder, "name": entry.name,
        "sha256": entry.sha256, "sop_instance_uid": entry.sopInstanceUid, "bytes": entry.bytes, "state": entry.state,
        "reason": entry.reason, "attempts": entry.attempts, "next_try": _utc(entry.due), "changed": entry.changed,
    }  # fmt: skip


def _utc(seconds):
    if not seconds:
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _report(values):
    if not values["stores"]:
        return "Nothing was ever queued on this workstation."
    rows = [["store", "waits", "failed", "verified", "oldest", "last verified", ""]]
    for one in values["stores"]:
        said = "PAUSED" if one["paused"] else one["reason"]
        rows.append([one["store"], one["waiting"], one["failed"], one["counts"]["verified"],
                     one["oldest_waiting"] or "-", one["last_verified"] or "-", said])  # fmt: skip
    items = [["id", "state", "item", "tries", "reason"]]
    items += [[one["id"], WORDS[one["state"]], one["name"], one["attempts"], one["reason"] or "Not tried yet."]
              for one in values["items"][:SHOWN_ROWS]]  # fmt: skip
    more = len(values["items"]) - SHOWN_ROWS
    lines = [table(rows, (1, 2, 3))]
    lines += ["", table(items, (0, 3))] if values["items"] else ["", "Nothing waits, and nothing needs a person."]
    lines += [f"... and {more} more; --json lists all of them"] if more > 0 else []
    return "\n".join(lines)


def _history(outbox, number):
    entry = _entry(outbox, number)
    steps = [{"from": one.pop("from_"), **one} for one in outbox.history(number)]
    rows = [["when", "from", "to", "by", "reason"]]
    rows += [[one["when"], one["from"] or "-", one["to"], one["user"], one["reason"]] for one in steps]
    values = {"item": itemValues(entry), "history": steps, "findings": []}
    return values, f"{entry.name} for {entry.store}\n{table(rows)}", 0


# What is changed


def _entry(outbox, number):
    found = outbox.entries(ids=[number])
    if not found:
        raise UsageError("unknown-item", f"There is no item {number} in the queue.", "See: planninghub queue")
    return found[0]


def _retry(outbox, store, options):
    from CentralSyncLib.Outbox.Entries import DEAD_LETTER, FAILED, QUEUED

    if options.retry == "all":
        wanted = outbox.entries(store, _caseIdOf(options), (QUEUED, FAILED, DEAD_LETTER))
    elif options.retry.isdecimal():
        wanted = [_entry(outbox, int(options.retry))]
    else:
        raise UsageError("unknown-item", f"{options.retry!r} is no item of the queue.", "Give its number, or all.")
    outbox.retry([entry.id for entry in wanted])


def _withdraw(outbox, number):
    entry = _entry(outbox, number)
    if not outbox.withdraw([number], "Withdrawn by a person."):
        message = f"Item {number} ({entry.name}) is {WORDS[entry.state]}."
        raise UsageError("not-withdrawn", message, "Only what waits, or has failed, can be withdrawn.")


def _writeMetrics(outbox, store, path):
    from CentralSyncLib.Outbox.Health import metricsText

    writeAside(path, metricsText(_healths(outbox, store), time.time()).encode())


# Running


def _run(outbox, store, options, console):
    from CentralSyncLib.Outbox.Entries import VERIFIED
    from CentralSyncLib.Outbox.Health import NEEDS_A_PERSON, WAITING
    from CentralSyncLib.Outbox.Running import runQueue

    stores = [address for address in outbox.stores() if store in (None, address)]
    tried, findings = runQueue(outbox, stores, options.waitSeconds, console.progress("queue"))
    counts = {name: sum(state in states for state, _entry in tried) for name, states in
              (("verified", (VERIFIED,)), ("failed", NEEDS_A_PERSON), ("queued", WAITING))}  # fmt: skip
    values = {"items": [{**itemValues(entry), "state": state} for state, entry in tried], **counts,
              "findings": [finding.asDict() for finding in findings]}  # fmt: skip
    exitCode = StoreFailed.exitCode if counts["queued"] else 0
    exitCode = VerificationFailed.exitCode if counts["failed"] else exitCode
    lines = [f"verified {counts['verified']}, failed {counts['failed']}, queued {counts['queued']}"]
    wrong = [one for one in values["items"] if one["state"] != VERIFIED][:10]
    lines += [f"  {WORDS[one['state']]}: {one['name']}: {one['reason']}" for one in wrong]
    return values, "\n".join(lines + findingLines(values["findings"])), exitCode
