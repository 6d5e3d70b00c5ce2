"""Cases whose part states everything that its papers need."""

import json

from InspectionMaking import partCase

from PlanningHubLib import Approval
from PlanningHubLib.Prescription import statePrescription
from PlanningHubLib.Request import stateRequest
from PlanningHubLib.Secrets import homeFolder
from PlanningHubLib.Signing import UserKey

STATED = {
    "profile": "sla-form-4", "material": "sla-formlabs-surgical-guide", "use": "guide", "contact": "tissue-or-bone",
    "sterilisation": {"method": "steam", "temperatureC": 121.0},
}  # fmt: skip
MAKER = {"name": "Hospital print room", "address": "1 Example Street", "sites": ["2 Example Street"]}
TRAVELLER = {
    "machine": "Form 4 no. 3", "lot": "LOT-77", "operator": "B. Printer", "printed": "2026-03-01",
    "cleaning": "isopropanol 20 min", "post-cure": "60 C 30 min",
}  # fmt: skip
WHO = {"name": "A. Prescriber", "qualification": "surgeon", "institution": "A hospital"}
CHARACTERISTICS = [
    {"kind": "plate-thickness", "value": 3.5, "note": "at the rim"},
    {"kind": "material", "value": "resin"},
]


def keyOf(user):
    return UserKey(user, user.encode().ljust(32, b"."))


def writePapersSite(**changes):
    """Write the configuration of a site: a surgeon, who approves parts, an engineer, and who makes the parts."""
    roles = {"anna": ["surgeon"], "bela": ["engineer"]}
    users = [{"name": user, "roles": one, "publicKey": keyOf(user).publicKey} for user, one in roles.items()]
    values = {"format": "planninghub-site", "version": 1, "users": users, "manufacturer": MAKER,
              "approvals": [{"kind": "part", "roles": ["surgeon"], "signatures": 1}], **changes}  # fmt: skip
    path = homeFolder() / "site.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))
    path.chmod(0o644)


def statedCase(case, session, mesh=None, **recipe):
    """Make the site, the prescription and a part of a case whose papers can be made; return the part."""
    writePapersSite()
    stateRequest(case, procedure="general", anatomy="mandible", design="patient-specific", designReason="the gap",
                 department="Surgery", user="anna")  # fmt: skip
    statePrescription(case, "Cutting guide", WHO, CHARACTERISTICS, user="anna")
    return partCase(case, session, mesh, **{**STATED, **recipe})


def approve(case):
    return Approval.approve(case, keyOf("anna"), "part")
