"""How old the scan is that a package rests on, and whether the patient was examined again since.

A study is a dictionary: ``studyUid``, ``date`` (ISO text, or None) and ``modalities`` (list).
"""

import datetime

from PlanningHubLib import VerdictHeaders
from PlanningHubLib.Errors import Finding, StoreFailed

# Modalities that show nothing new of a patient: documents, plans, and what was drawn from older images.
NO_IMAGES = frozenset(("SR", "KO", "PR", "DOC", "SEG", "REG", "M3D", "PLAN", "RWV", "FID", "ECG", "AU"))
MOST_NAMED = 3


def ageFindings(scanDate, procedure, today=None):
    """Return what there is to say of a scan's age by the procedure's limits.

    :param scanDate: date, or None where the scan is not dated
    :param procedure: :class:`PlanningHubLib.Procedures.Procedure`
    :param today: date; by default this machine's
    """
    if scanDate is None:
        yield Finding("scan-date-unknown", "warn", "The scan is not dated, so nobody can tell how old it is.",
                      "Find out when it was taken.")  # fmt: skip
        return
    days = ((today or VerdictHeaders.today()) - scanDate).days
    if days < 0:
        yield Finding("scan-date-in-future", "warn", f"The scan is dated {scanDate.isoformat()}, which is yet to come.",
                      "Check the clocks of scanner and this machine.")  # fmt: skip
        return
    yield from VerdictHeaders.limitFinding(
        procedure, "scanAgeDays", "scan-too-old", days, f"The scan of {scanDate.isoformat()} is {days} days old",
        "Check that the anatomy has not changed since, or scan again.",
    )  # fmt: skip


def newerFindings(patientId, studyUid, scanDate, newerStudies):
    """Return findings about examinations of the patient since the scan.

    :param studyUid: of the scan itself
    :param newerStudies: function of (patient ID, scanDate) that returns a list of studies, or None where the store
        cannot tell; None where no store is asked
    """
    if newerStudies is None:
        return [_unknown("info", "No store was asked whether the patient was examined again since the scan.")]
    try:
        studies = newerStudies(patientId, scanDate)
    except StoreFailed as error:
        return [_unknown("warn", f"Whether the patient was examined again since the scan is not known: {error}")]
    if studies is None:
        return [_unknown("info", "This kind of store cannot tell whether the patient was examined again.")]
    return _newerThan(studies, scanDate, studyUid)


def _newerThan(studies, scanDate, studyUid):
    newer = [one for one in studies if one["studyUid"] != studyUid and _isImage(one) and not _isOlder(one, scanDate)]
    if not newer:
        return []
    named = ", ".join(_words(one) for one in newer[:MOST_NAMED])
    more = f" and {len(newer) - MOST_NAMED} more" if len(newer) > MOST_NAMED else ""
    return [
        Finding("newer-study", "warn", f"The store holds newer examinations of this patient: {named}{more}.",
                "Look at them: if the anatomy has changed, plan anew on the newest scan.")
    ]  # fmt: skip


def _unknown(severity, message):
    return Finding("newer-study-unknown", severity, message, "Look in the archive.")


def _isImage(study):
    # A study whose archive does not say what is in it counts.
    return not study["modalities"] or bool(set(study["modalities"]) - NO_IMAGES)


def _isOlder(study, scanDate):
    try:
        return scanDate is not None and datetime.date.fromisoformat(study["date"]) < scanDate
    except (TypeError, ValueError):
        return False


def _words(study):
    what = "/".join(sorted(study["modalities"])) or "examination"
    return f"{what} of {study['date'] or 'unknown date'}"
