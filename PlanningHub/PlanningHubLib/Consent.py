"""Consent: what the patient agreed to, its withdrawal, and the one gate that everything that leaves a case passes.

Records say what a signed document says; whether that document is valid is the hospital's to judge.
"""

import datetime

from .Errors import Finding, GateRefused, UsageError
from .Locking import currentUser, utcNow
from .Site import Site

SCOPES = ("treatment", "manufacturer", "teaching", "research")
# Which act needs which scope: what serves the patient's own operation inside the hospital is treatment.
PURPOSES = {
    "or-package": "treatment",
    "prescription": "treatment",
    "plan-file": "treatment",
    "outcome-report": "treatment",
    "hospital-store": "treatment",
    "inference-server": "treatment",
    "treatment-partner": "manufacturer",
    "teaching": "teaching",
    "research": "research",
}
# What a consent rests on: a document that somebody here has seen, or the site's setting that it is kept elsewhere.
DOCUMENT, ELSEWHERE = "document", "elsewhere"
ELSEWHERE_TEXT = "kept elsewhere (site setting)"


def today():
    """Return the date now, in UTC, as ISO 8601 text."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def checkConsent(scope, given, documentVersion):
    """Check what is about to be recorded, before a long step begins.

    :param given: ISO date on which the patient signed, not in the future (one day of grace for time zones)
    :raises UsageError: ``unknown-scope``, ``bad-consent-date``, ``no-consent-document``
    """
    if scope not in SCOPES:
        raise UsageError("unknown-scope", f"Consent scope {scope!r} is not known.", f"Use one of {', '.join(SCOPES)}.")
    _requirePast(given)
    if not (documentVersion or "").strip():
        raise UsageError(
            "no-consent-document",
            "It is not said which document the patient signed.",
            "Give the version of the consent document.",
        )


def _requirePast(date):
    try:
        day = datetime.date.fromisoformat(date)
    except (TypeError, ValueError):
        raise UsageError("bad-consent-date", f"{date!r} is not a date.", "Give it as 2026-01-31.") from None
    if day.isoformat() != date or day > datetime.date.fromisoformat(today()) + datetime.timedelta(days=1):
        raise UsageError("bad-consent-date", f"{date} is in the future, or not written as 2026-01-31.", "")


def recordConsent(case, scope, given, documentVersion, user=None):
    """Record that the patient consented to a scope; an older consent to it that stands is superseded, not changed.

    :param case: open for writing
    :returns: the consent as a dictionary
    :raises UsageError: as :func:`checkConsent`
    """
    checkConsent(scope, given, documentVersion)
    said = {"basis": DOCUMENT, "given": given, "documentVersion": documentVersion.strip(), "who": user or currentUser()}
    return _record(case, scope, said, user)


def recordElsewhere(case, user=None):
    """Record of treatment what the site's setting says: that this consent is kept elsewhere; no date, no document.

    :param case: open for writing
    :returns: the consent as a dictionary; the one that stands already, where there is one
    :raises GateRefused: ``consent-not-elsewhere`` where the site wants it recorded here; ``no-consent`` where one was
        withdrawn: only a document that was signed since ends a withdrawal
    """
    site = Site.forThisInstallation()
    if site.recordsTreatmentConsent:
        raise GateRefused(
            "consent-not-elsewhere",
            "This site records consent to treatment here (treatmentConsent in site.json).",
            "Record it with the date and the version of the document that the patient signed.",
        )
    standing = standingConsent(case, "treatment")
    if standing:
        return standing
    if _withdrawnDates(case, "treatment"):
        raise _noConsent(case, "treatment", "nothing may be recorded as kept elsewhere")
    who = "site setting" if site.statesTreatmentConsent else "default setting"
    said = {"basis": ELSEWHERE, "given": None, "documentVersion": ELSEWHERE_TEXT, "who": who}
    return _record(case, "treatment", said, user)


def recordForNewCase(case, user=None):
    """Record in a case that is being made what the site's setting says of treatment; nothing where it is asked for."""
    if not Site.forThisInstallation().recordsTreatmentConsent:
        recordElsewhere(case, user)


def _record(case, scope, said, user):
    governance = case.governance
    number = len(governance["consents"]) + 1
    consent = {"id": f"consent-{number}", "scope": scope, **said, "when": utcNow(), "withdrawn": None}
    governance["consents"].append(consent)
    what = {"consent": consent["id"], "scope": scope, "basis": consent["basis"]}
    case.changeGovernance(governance, "consent-recorded", what, user)
    return consent


def withdrawConsent(case, scope, reason="", user=None):
    """Record that the patient withdrew every consent to a scope; from now on nothing leaves for it.

    :returns: what has left under it already, as :func:`departures` gives it
    :raises UsageError: ``unknown-scope``
    :raises GateRefused: ``no-consent`` where there is none to withdraw
    """
    if scope not in SCOPES:
        raise UsageError("unknown-scope", f"Consent scope {scope!r} is not known.", f"Use one of {', '.join(SCOPES)}.")
    governance = case.governance
    standing = [one for one in governance["consents"] if one["scope"] == scope and not one["withdrawn"]]
    if not standing:
        raise GateRefused("no-consent", f"No consent to {scope} stands that could be withdrawn.", "")
    for consent in standing:
        consent["withdrawn"] = {"date": today(), "reason": reason, "who": user or currentUser(), "when": utcNow()}
    what = {"consents": [consent["id"] for consent in standing], "scope": scope}
    case.changeGovernance(governance, "consent-withdrawn", what, user)
    return departures(case, scope)


def standingConsent(case, scope):
    """Return the newest consent to a scope that was not withdrawn, or None."""
    consents = case.governance["consents"]
    return next((one for one in reversed(consents) if one["scope"] == scope and not one["withdrawn"]), None)


def requireConsent(case, purpose):
    """The gate: return the consent that covers a purpose of ``PURPOSES``, or refuse.

    A treatment consent that is kept elsewhere opens it only where the site's setting says that they are kept elsewhere.

    :raises UsageError: ``unknown-purpose``: what is not named here never leaves
    :raises GateRefused: ``no-consent``, naming the scope that is missing
    """
    if purpose not in PURPOSES:
        raise UsageError("unknown-purpose", f"Nothing leaves a case for {purpose!r}.", "")
    scope = PURPOSES[purpose]
    consent = standingConsent(case, scope)
    if consent is None or (isElsewhere(consent) and Site.forThisInstallation().recordsTreatmentConsent):
        raise _noConsent(case, scope, f"nothing may leave it for {purpose}")
    return consent


def isElsewhere(consent):
    """Tell whether a consent is recorded as kept elsewhere, so that nobody has seen its document here."""
    return consent.get("basis", DOCUMENT) == ELSEWHERE


def _withdrawnDates(case, scope):
    consents = case.governance["consents"]
    return [one["withdrawn"]["date"] for one in consents if one["scope"] == scope and one["withdrawn"]]


def _noConsent(case, scope, so):
    dates = _withdrawnDates(case, scope)
    action = f"When the patient has signed, record the consent of scope {scope} (page Consent, or command consent)."
    if standingConsent(case, scope):
        why = "it is recorded as kept elsewhere, and this site wants it recorded here"
    elif dates:
        why = f"it was withdrawn on {max(dates)}"
    else:
        why = "none is recorded"
        if scope == "treatment" and not Site.forThisInstallation().recordsTreatmentConsent:
            action += " Where the hospital keeps it elsewhere, record that."
    return GateRefused("no-consent", f"Case {case.name} has no consent of scope {scope}: {why}. So {so}.", action)


def treatmentFindings(case):
    """Return what every result of the patient's own treatment has to say of its consent: one finding, or none.

    ``treatment-consent-elsewhere`` (info) where the consent that stands is recorded as kept elsewhere, so that nobody
    takes it for a document that was seen here.
    """
    consent = standingConsent(case, "treatment")
    if consent is None or not isElsewhere(consent):
        return []
    return [
        Finding(
            "treatment-consent-elsewhere",
            "info",
            "Consent to treatment is recorded as kept elsewhere, by the site's setting: no document was seen here.",
            "Make sure that the patient has signed; to be asked here, set treatmentConsent in site.json to recorded.",
        )
    ]


def release(case, purpose, destination, artefacts, once=False, user=None):
    """Pass the gate and record, before the first byte leaves, what leaves for where.

    :param case: open for writing
    :param destination: in words, never a secret
    :param artefacts: the artefacts whose files leave
    :param once: record nothing where the same has been recorded for the same destination before
    :raises GateRefused: ``no-consent``
    """
    consent = requireConsent(case, purpose)
    governance = case.governance
    departure = {
        "number": len(governance["departures"]) + 1,
        "purpose": purpose,
        "scope": PURPOSES[purpose],
        "consent": consent["id"],
        "destination": destination,
        "artefacts": [{"id": one.id, "content": one.content} for one in artefacts],
        "who": user or currentUser(),
        "when": utcNow(),
    }
    if once and any(_sameLeft(departure, older) for older in governance["departures"]):
        return
    governance["departures"].append(departure)
    what = {name: departure[name] for name in ("number", "purpose", "consent", "destination", "artefacts")}
    case.changeGovernance(governance, "released", what, user)


def _sameLeft(departure, older):
    return all(departure[name] == older[name] for name in ("purpose", "consent", "destination", "artefacts"))


def departures(case, scope=None):
    """Return what has left the case, oldest first: recorded releases, and receipts of older cases without one.

    ``proven`` tells that a receipt says the store gave everything back, or that the partner opened the package; without
    it the sending began, and what arrived is not known.
    """
    receipts = _receipts(case)
    delivered = {one.facts.get("departure") for one in case.artefacts if one.kind == "delivery"}
    found = [
        {**one, "proven": one["number"] in delivered
         or one["destination"] in receipts and one["purpose"] == "hospital-store"}
        for one in case.governance["departures"]
    ]  # fmt: skip
    known = {one["destination"] for one in found}
    for store, receipt in receipts.items():
        if store not in known:
            found.append(_fromReceipt(store, receipt))
    return [one for one in found if scope in (None, one["scope"])]


def _receipts(case):
    return {
        one.parameters["store"]: one
        for one in case.artefacts
        if one.kind == "receipt" and isinstance(one.parameters.get("store"), str)
    }


def _fromReceipt(store, receipt):
    return {
        "number": 0,
        "purpose": "hospital-store",
        "scope": "treatment",
        "consent": "",
        "destination": store,
        "artefacts": [{"id": link.id, "content": link.content} for link in receipt.parents],
        "who": receipt.who,
        "when": receipt.when,
        "proven": True,
    }


def consentLines(case):
    """Return scope → ``given``, ``kept elsewhere``, ``withdrawn`` or ``none``, for every scope."""
    return {scope: _lineOf(case, scope) for scope in SCOPES}


def _lineOf(case, scope):
    consent = standingConsent(case, scope)
    if consent:
        return "kept elsewhere" if isElsewhere(consent) else "given"
    return "withdrawn" if _withdrawnDates(case, scope) else "none"
