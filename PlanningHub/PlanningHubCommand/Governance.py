"""The governance commands: consent, request and approve. Each returns (JSON values, report for a person, exit code)."""

import getpass
import sys

from PlanningHubLib import Approval, Consent, IntendedUse, LeadTime, Request, Signing
from PlanningHubLib.Case import Case
from PlanningHubLib.CaseList import listCases, siteVisits
from PlanningHubLib.Errors import UsageError
from PlanningHubLib.FastTrack import fastTrackOf

from .Console import table


def consent(options, console):
    """Record, withdraw or show what the patient consented to."""
    changes = bool(options.scope)
    if not changes and (options.withdraw or options.date or options.document or options.elsewhere):
        raise UsageError("usage", "It is not said which scope is meant.", "Give --scope.")
    if options.elsewhere and (options.scope != "treatment" or options.withdraw or options.date or options.document):
        raise UsageError("usage", "Only consent to treatment is kept elsewhere, without a date or a document here.",
                         "Give --scope treatment --elsewhere, and no more.")  # fmt: skip
    with Case.open(options.case, writable=changes) as case:
        if options.withdraw:
            Consent.withdrawConsent(case, options.scope, options.reason)
        elif options.elsewhere:
            Consent.recordElsewhere(case)
        elif changes:
            Consent.recordConsent(case, options.scope, options.date, options.document)
        values = {
            "case": str(case.folder),
            "consent": Consent.consentLines(case),
            "records": case.governance["consents"],
            "left": Consent.departures(case, options.scope),
        }
    return values, _consentReport(values), 0


def _consentReport(values):
    rows = [["scope", "consent"], *([scope, state] for scope, state in values["consent"].items())]
    left = [["left on", "for", "to", "arrival"]]
    left += [
        [one["when"], one["purpose"], one["destination"], "proven" if one["proven"] else "not proven"]
        for one in values["left"]
    ]
    return table(rows) + "\n\n" + (table(left) if values["left"] else "Nothing has left this case.")


def request(options, console):
    """State, move, assign or show what is asked for; the estimate rests on the cases beside this one."""
    fields = {name: getattr(options, _option(name)) for name in Request.FIELDS if hasattr(options, _option(name))}
    fields = {name: value for name, value in fields.items() if value is not None}
    changes = bool(fields or options.moveTo or options.assign is not None or options.intendedUse)
    with Case.open(options.case, writable=changes) as case:
        if options.intendedUse:
            IntendedUse.stateUse(case, options.intendedUse)
        if fields:
            Request.stateRequest(case, **fields)
        if options.moveTo:
            Request.moveTo(case, options.moveTo, options.note)
        if options.assign is not None:
            Request.assign(case, options.assign or None)
        stated = case.governance["request"]
        track = fastTrackOf(stated)
        visits = siteVisits(listCases(case.folder.parent, console.progress("request")))
        values = {
            "case": str(case.folder),
            "intended_use": IntendedUse.intendedUse(case),
            "request": stated,
            "state": Request.currentState(stated),
            "lead_time": LeadTime.estimate(stated, visits).asDict(),
            "fast_track": track.asDict() if track else None,
        }
    return values, _requestReport(values), 0


def _option(field):
    """The attribute of the parsed options that holds a field of the request."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in field)


def _requestReport(values):
    if values["request"] is None:
        return "There is no request."
    rows = [["field", "value"], *([name, values["request"][name] or "-"] for name in Request.FIELDS)]
    clock = [["state", "entered", "left", "by"]]
    clock += [[one["state"], one["entered"], one["left"] or "", one["who"]] for one in values["request"]["states"]]
    lead = values["lead_time"]
    text = f"lead time: {lead['verdict']}"
    text += f", ready {lead['ready']}" if lead["ready"] else f": {lead['reason']}"
    return "\n\n".join([table(rows), table(clock), *_fastTrackText(values["fast_track"]), text])


def _fastTrackText(track):
    return [f"FAST TRACK ({track['urgency']}): a plan leaves out {', '.join(track['leaves_out'])}"] if track else []


def approve(options, console):
    """Sign for a part or plan, reopen an approval, or make a user's signing key."""
    if not options.user or not (options.makeKey or options.case):
        raise UsageError("usage", "Who approves what is not said.", "Give --user NAME, and --case DIR or --make-key.")
    passphrase = _passphrase(options)
    if options.makeKey:
        return _keyResult(Signing.createKey(options.user, passphrase))
    with Case.open(options.case, writable=True) as case:
        key = Signing.loadKey(options.user, passphrase)
        if options.reopen:
            voided = Approval.reopen(case, key, options.reason)
        else:
            Approval.approve(case, key, options.kind, options.role)
            voided = []
        values = {"case": str(case.folder), "approvals": Approval.approvalLines(case), "reopened": voided}
    return values, _approvalReport(values), 0


def _passphrase(options):
    """Take the passphrase from standard input, or ask at a terminal for one that is needed; never from arguments."""
    if options.passphraseStdin:
        return sys.stdin.readline().rstrip("\r\n")
    if sys.stdin.isatty() and Signing.needsPassphrase(options.user, options.makeKey):
        return getpass.getpass(f"Passphrase of {options.user}'s signing key: ")
    return None


def _keyResult(key):
    values = {"user": key.user, "publicKey": key.publicKey, "fingerprint": key.fingerprint}
    lines = [
        f"Public key of {key.user}, for the site's configuration: {key.publicKey}",
        f"Fingerprint, to compare by voice: {Signing.shortFingerprint(key.fingerprint)}",
    ]
    return values, "\n".join(lines), 0


def _approvalReport(values):
    rows = [["approval", "of", "by", "role", "key", "holds"]]
    for one in values["approvals"]:
        holds = "yes" if one["holds"] else "no: " + "; ".join(one["faults"])
        fingerprint = Signing.shortFingerprint(one["fingerprint"])
        rows.append([one["id"], one["target"], one["user"], one["role"], fingerprint, holds])
    return table(rows)
