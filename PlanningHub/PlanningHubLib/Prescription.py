"""The prescription of a custom-made device: structured design characteristics, as a draft for the prescriber to sign.

Regulation (EU) 2017/745, Article 2(3) and Annex XIII, as MDCG 2021-3 reads them: at least the patient's name or
pseudonym and specific design characteristics; dimensions or DICOM files alone are none. Whether a device is custom-made
is not decided here.
"""

import math

from .Approval import standing
from .Errors import GateRefused, UsageError
from .Locking import currentUser, utcNow

# Kind → unit; None: the value is words or a number without unit.
CHARACTERISTICS = {
    "plate-thickness": "mm",
    "trajectory": None,
    "screw-number": None,
    "screw-type": None,
    "screw-position": None,
    "material": None,
    "surface": None,
    "fit": None,
    "mechanical": None,
    "dimension": "mm",
}
# MDCG 2021-3: these alone do not make a prescription.
NOT_ENOUGH = ("dimension",)


def statePrescription(case, device, prescriber, characteristics, user=None):
    """State or replace the prescription of a case; return it.

    :param case: open for writing
    :param device: what is prescribed, in words
    :param prescriber: dictionary with ``name``, ``qualification`` and ``institution``
    :param characteristics: list of dictionaries with ``kind`` of ``CHARACTERISTICS`` and ``value``; lengths are numbers
        in mm
    :raises UsageError: ``prescription-incomplete``, ``bad-characteristic``, ``no-design-characteristics``
    :raises GateRefused: ``approved-locked`` where an approval stands: it was given for the device as it was prescribed
    """
    missing = [name for name in ("name", "qualification", "institution") if not str(prescriber.get(name) or "").strip()]
    if missing or not device.strip():
        words = ", ".join(missing or ["device"])
        raise UsageError("prescription-incomplete", f"The prescription does not say: {words}.", "Add it.")
    checked = [_checked(one) for one in characteristics]
    if all(one["kind"] in NOT_ENOUGH for one in checked):
        raise UsageError(
            "no-design-characteristics",
            "Dimensions or images alone are not design characteristics (MDCG 2021-3).",
            f"State what is specific to this patient: {', '.join(sorted(set(CHARACTERISTICS) - set(NOT_ENOUGH)))}.",
        )
    governance = case.governance
    _requireUnlocked(case.name, governance)
    previous = governance["prescription"]
    governance["prescription"] = {
        "revision": previous["revision"] + 1 if previous else 1,
        "device": device.strip(),
        "prescriber": {name: str(prescriber[name]).strip() for name in ("name", "qualification", "institution")},
        "characteristics": checked,
        "who": user or currentUser(),
        "when": utcNow(),
    }
    what = {"revision": governance["prescription"]["revision"], "characteristics": checked}
    case.changeGovernance(governance, "prescription-stated", what, user)
    return governance["prescription"]


def _checked(characteristic):
    kind, value = characteristic.get("kind"), characteristic.get("value")
    if kind not in CHARACTERISTICS:
        raise UsageError("bad-characteristic", f"{kind!r} is no characteristic.", f"Use {', '.join(CHARACTERISTICS)}.")
    unit = CHARACTERISTICS[kind]
    isNumber = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if unit and not (isNumber and value > 0):
        raise UsageError("bad-characteristic", f"{kind} needs a positive number in {unit}, not {value!r}.", "")
    if not isNumber and not (isinstance(value, str) and value.strip()):
        raise UsageError("bad-characteristic", f"{kind} has no value.", "Say it in a few words or as a number.")
    note = characteristic.get("note", "")
    return {"kind": kind, "value": value if isNumber else value.strip(), "unit": unit, "note": str(note)}


def readValue(kind, text):
    """Return a characteristic's value from what was typed: a number in mm for a length, a count, or words.

    :raises UsageError: ``bad-characteristic``
    """
    if not CHARACTERISTICS.get(kind):
        return int(text) if text.strip().isdecimal() else text.strip()
    try:
        return float(text.replace(",", "."))
    except ValueError:
        unit = CHARACTERISTICS[kind]
        raise UsageError("bad-characteristic", f"{kind} needs a positive number in {unit}, not {text!r}.", "") from None


def requirePrescription(case):
    """Return the prescription.

    :raises GateRefused: ``no-prescription``
    """
    prescription = case.governance["prescription"]
    if prescription is None:
        raise GateRefused("no-prescription", f"Case {case.name} has no prescription.", "State it first.")
    return prescription


def _requireUnlocked(name, governance):
    for approval in standing(governance):
        statement = approval["statement"]
        raise GateRefused(
            "approved-locked",
            f"Case {name} was approved by {statement['user']} on {statement['when']}; so its prescription is locked.",
            "To change it, reopen the approval (page Approval, or command approve).",
        )
