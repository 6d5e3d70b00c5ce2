"""What a case has exchanged with partners, line by line."""

from PlanningHubLib.Received import KIND as EXTERNAL

from .Receipts import DELIVERY
from .Sending import KIND


def exchangeLines(case):
    """Return each package that was sent, oldest first: to whom, what for, whether it arrived, what was answered.

    Files are not read. Each line is a dictionary with ``id``, ``recipient``, ``code``, ``when``, ``asked``,
    ``answerBy``, ``state``, ``opened`` (the earliest receipt's time, or None), ``receiptSigned``, ``answers``.
    """
    return [_line(case, one) for one in case.artefacts if one.kind == KIND]


def _line(case, sent):
    receipts = [one for one in _of(case, sent, DELIVERY)]
    answers = [one for one in _of(case, sent, EXTERNAL)]
    first = min(receipts, key=lambda one: one.facts["opened"], default=None)
    return {
        "id": sent.id,
        "recipient": sent.parameters["recipient"],
        "code": sent.parameters["code"],
        "when": sent.when,
        "asked": sent.parameters["asked"],
        "answerBy": sent.parameters["answerBy"],
        "state": case.state(sent, readFiles=False),
        "opened": first.facts["opened"] if first else None,
        "receiptSigned": any(one.facts["signed"] for one in receipts),
        "answers": [
            {"id": one.id, "revision": one.revision, "state": case.state(one, readFiles=False),
             "signed": one.facts["signed"], "files": sorted(one.files), "models": sorted(one.facts["models"])}
            for one in answers
        ],
    }  # fmt: skip


def _of(case, sent, kind):
    return [one for one in case.artefacts if one.kind == kind and one.parameters["exchange"] == sent.id]
