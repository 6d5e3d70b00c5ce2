"""The plan in a package: its document and results as they were kept, and whether they fit the package.

Both files are the plan artefact's own, byte for byte, so that what was approved can be compared with them; each says
itself that its points are RAS mm.
"""

import json

from PlanningHubLib.Errors import Finding
from PlanningHubLib.Planning.Plan import DOCUMENT_FILE, RESULTS_FILE

DOCUMENT, RESULTS = "plan-document", "plan-results"
NAMES = {DOCUMENT: DOCUMENT_FILE, RESULTS: RESULTS_FILE}
FLAGS = ("role", "mirrored", "modified", "moved")
ANATOMY = {"role": "anatomy", "mirrored": False, "modified": False, "moved": False}
USAGES = {"guide": "ToolFabrication", "implant": "ImplantFabrication"}
INTENDED_USAGES = {"education": "EducationalIntent", "quality": "QualityControlIntent"}
# Far above any plan, far below what parsing would take a machine down.
LARGEST_BYTES = 64 * 1024 * 1024
DO_NOT_USE = "Do not use this package; fetch it again from where it was made."


def write(content, writer, _progress):
    """Write the plan's files of a :class:`ORExportLib.Content.Content`, where there is a plan."""
    plan = content.inputs.plan
    for role, name in NAMES.items() if plan else ():
        writer.copy(content.case.path(plan, name), name, role)


def partOf(artefact):
    """Return what the manifest says of a part: object, role, mirrored, modified, moved."""
    described = artefact.facts.get("object", {"name": "Bone", **ANATOMY})
    return {"object": described["name"], **{flag: described[flag] for flag in FLAGS}}


def partsIn(manifest):
    """Return what a manifest says of its parts; those of version 3 hold one, older ones what was segmented."""
    return manifest.get("parts") or [manifest.get("part") or {"object": "Bone", **ANATOMY}]


def checkPlan(folder, manifest, damaged):
    """Check the plan's files of a package against its manifest.

    :param damaged: paths that were found damaged already, as text
    :returns: list of findings: ``package-incomplete``, ``plan-unreadable``, ``side-differs``, ``flags-differ``
    """
    records = {role: [one for one in manifest["files"] if one["role"] == role] for role in NAMES}
    wanted = int(any(one["kind"] == "plan" for one in manifest["artefacts"]))
    wrong = [role for role, found in records.items() if len(found) != wanted]
    if wrong:
        return [_reject("package-incomplete", f"The package does not hold its plan: {', '.join(wrong)}.", folder)]
    paths = {role: folder / found[0]["path"] for role, found in records.items() if found}
    if not wanted or {str(path) for path in paths.values()} & damaged:
        return []
    try:
        return _compare(manifest, paths)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return [_reject("plan-unreadable", "The plan cannot be read.", *paths.values())]


def _compare(manifest, paths):
    document, results = (_read(paths[role]) for role in (DOCUMENT, RESULTS))
    findings = []
    if document["side"] != manifest["case"]["side"]:
        findings.append(
            _reject("side-differs", "The plan is for another side than the manifest says.", paths[DOCUMENT])
        )
    if [step["name"] for step in document["steps"]] != [step["name"] for step in results["steps"]]:
        findings.append(_reject("document-differs", "The results are of another plan.", paths[RESULTS]))
    for part in partsIn(manifest):
        planned = results["objects"].get(part["object"])
        if planned and planned["kind"] == "solid" and any(planned[flag] != part[flag] for flag in FLAGS):
            message = f"The plan says otherwise what {part['object']} is."
            findings.append(_reject("flags-differ", message, paths[RESULTS]))
    return findings


def _read(path):
    if path.stat().st_size > LARGEST_BYTES:
        raise ValueError("no plan")
    return json.loads(path.read_bytes())


def _reject(code, message, *paths):
    return Finding(code, "reject", message, DO_NOT_USE, tuple(paths))
