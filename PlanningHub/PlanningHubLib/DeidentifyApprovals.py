"""What a copy says of approvals: an extract without names, keys and signatures, of the copy's own contents.

A signature holds for the originals only, and whoever made it is named in it: neither goes into a copy. What stays is
that people of which role approved which kind of artefact, and what of it lies here.
"""

from . import Approval
from . import DeidentifyRules as Rules
from .DeidentifyDocuments import contentOf, movedDate
from .Site import Site

MARK = "de-identified extract, unsigned"
OTHER_ROLE = "another role"


def approvalsOf(copy, case):
    """Return one dictionary for each approval that was not voided.

    ``signer`` numbers the people, so that four eyes can be told from two; ``covers`` names each artefact that was
    approved, with its content in this copy, None where it is not here or is another than what was approved.
    """
    approvals = Approval.standing(case.governance)
    if not approvals:
        return []
    site, keys = Site.forThisInstallation(), list(dict.fromkeys(one["fingerprint"] for one in approvals))
    return [_extract(copy, case, one, keys.index(one["fingerprint"]) + 1, site) for one in approvals]


def _extract(copy, case, approval, signer, site):
    statement = approval["statement"]
    kinds = {one["id"]: one["kind"] for one in statement["artefacts"]}
    role = statement["role"]
    return {
        "mark": MARK,
        "signer": signer,
        "role": role if Rules.isListed("ApproverRole", role) else OTHER_ROLE,
        "kind": kinds[statement["target"]],
        "date": movedDate(copy, statement["when"]) or None,
        "neededSignatures": statement["neededSignatures"],
        "holds": not Approval.faults(case, approval, site),
        "covers": [_covered(copy, one) for one in statement["artefacts"]],
    }


def _covered(copy, values):
    here = next((one for one in copy.found.artefacts if one.id == values["id"]), None)
    if here is None or here.content != values["content"]:
        return {"kind": values["kind"], "name": None, "content": None}
    return {"kind": values["kind"], "name": copy.names[here.id], "content": contentOf(copy, here)}
