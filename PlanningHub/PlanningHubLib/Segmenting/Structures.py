"""The structures of a procedure as segments: their terminology, and which of them a program can find."""

from ..Errors import InputRefused

CATEGORY = {"scheme": "SCT", "value": "123037004", "meaning": "Anatomical Structure"}
# The context that Slicer shows the codes in; codes that it does not list are shown by their meanings.
CONTEXT = "Segmentation category and type - 3D Slicer General Anatomy list"
REGION_CONTEXT = "Anatomic codes - DICOM master list"


def terminologyOf(structure):
    """Return Slicer's terminology entry of a structure of a procedure: category, type and modifier, no region."""
    codes = (structure.get("category", CATEGORY), structure["code"], structure.get("modifier"))
    return "~".join([CONTEXT, *map(_serialized, codes), REGION_CONTEXT, "^^", "^^"])


def _serialized(code):
    return "^".join((code["scheme"], code["value"], code["meaning"])) if code else "^^"


def structureNamed(procedure, name):
    """Return a structure of a procedure.

    :raises InputRefused: ``no-such-structure``
    """
    found = next((one for one in procedure.structures if one["name"] == name), None)
    if found is None:
        known = ", ".join(one["name"] for one in procedure.structures) or "none"
        raise InputRefused(
            "no-such-structure", f"{procedure.title} has no structure {name}.", f"Its structures: {known}."
        )
    return found


def seededNames(method):
    """Return the names of the structures that a method needs points on."""
    steps = method["steps"] if method else ()
    names = [name for step in steps for name in step.get("structures", ())]
    return names + [step["structure"] for step in steps if step["do"] == "seeded-islands" and "structure" in step]


def automaticNames(procedure, seeds):
    """Return which of a procedure's structures are found without asking, and which lack points for that.

    :param seeds: structure → points
    """
    wanted = [one for one in procedure.structures if one["method"] and not one.get("onRequest")]
    lacking = [one["name"] for one in wanted if not set(seededNames(one["method"])) <= set(seeds)]
    return [one["name"] for one in wanted if one["name"] not in lacking], lacking


def needsPoints(structure):
    """Tell whether a structure's method needs points."""
    return bool(seededNames(structure["method"]))


def limitFault(structure, volumeMl):
    """Return in words how a volume breaks a structure's limits, or None."""
    limits = structure.get("limits") or {}
    low, high = limits.get("minimumMl", 0.0), limits.get("maximumMl", float("inf"))
    if low <= volumeMl <= high:
        return None
    word, limit = ("less than", low) if volumeMl < low else ("more than", high)
    return f"{structure['name']} has {volumeMl:.1f} ml, {word} the {limit:g} ml expected ({limits['source']})."
