"""The partner's receipt: matched by hash to the package that left this case, and kept with it."""

from pathlib import Path

from PlanningHubLib.Errors import GateRefused
from PlanningHubLib.Files import sha256Bytes
from PlanningHubLib.Requirements import ensure
from PlanningHubLib.Software import versions

from .Documents import FILE_NAMES, FORGED, RECEIPT, encode, readDocument, requireGenuine
from .Sending import KIND

DELIVERY = "delivery"


def takeReceipt(case, path, user=None):
    """Keep a partner's receipt in the case as an artefact of kind ``delivery``; return it.

    :param case: open for writing
    :raises InputRefused: ``bad-exchange-file``, ``cannot-read``
    :raises GateRefused: ``receipt-foreign`` where no package with these hashes left this case, ``receipt-forged``,
        ``receipt-not-signed``, ``receipt-known``
    """
    ensure("CentralSyncLib")
    document = readDocument(Path(path), RECEIPT)
    statement = document["statement"]
    sent = _sentPackage(case, statement)
    isProven = requireGenuine(document, RECEIPT, sent.facts["partnerKey"])
    data = encode(document)
    known = [one for one in case.artefacts if one.kind == DELIVERY]
    if sha256Bytes(data) in {record.sha256 for one in known for record in one.files.values()}:
        raise GateRefused("receipt-known", "This receipt is in the case already.", "")
    with case.staging(DELIVERY, f"{DELIVERY}-{len({one.id for one in known}) + 1}", user) as stage:
        (stage.folder / FILE_NAMES[RECEIPT]).write_bytes(data)
        return stage.commit(
            [sent],
            {"exchange": sent.id, "recipient": sent.parameters["recipient"]},
            {"departure": sent.facts["departure"], "opened": statement["opened"], "signed": isProven,
             "packageSha256": statement["packageSha256"]},
            versions("cryptography"),
            f"Receipt of {sent.parameters['recipient']}",
        )  # fmt: skip


def _sentPackage(case, statement):
    sent = [one for one in case.artefacts if one.kind == KIND]
    found = [one for one in sent if one.facts["packageSha256"] == statement["packageSha256"]]
    if not found:
        raise GateRefused(
            "receipt-foreign", f"No package with this hash left case {case.name}.", "Look for the case that it is of."
        )
    # Only who has opened the package knows its manifest.
    said = (statement["manifestSha256"], statement["code"], statement["files"])
    if said != (found[0].facts["manifestSha256"], found[0].parameters["code"], found[0].facts["files"]):
        raise GateRefused(
            FORGED[RECEIPT],
            "The receipt does not say what is in the package that it names.",
            "Ask the partner whether it is theirs.",
        )
    return found[0]
