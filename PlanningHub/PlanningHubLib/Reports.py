"""Reports to the operator: an infringement, a leak, a misuse, flagged by whoever saw it; nobody can take one back."""

from .Errors import UsageError
from .Locking import currentUser, utcNow


def report(case, text, artefact=None, user=None):
    """Add a report, which stays in the case and, with its text, in its audit log; return it.

    :param case: open for writing
    :param artefact: what it is about, or None
    :raises UsageError: ``empty-report``
    """
    if not text.strip():
        raise UsageError("empty-report", "The report is empty.", "Say what happened.")
    governance = case.governance
    made = {
        "id": f"report-{len(governance['reports']) + 1}",
        "text": text.strip(),
        "artefact": {"id": artefact.id, "content": artefact.content} if artefact else None,
        "who": user or currentUser(),
        "when": utcNow(),
    }
    governance["reports"].append(made)
    what = {"report": made["id"], "text": made["text"], "artefact": made["artefact"]}
    case.changeGovernance(governance, "reported", what, user)
    return made
