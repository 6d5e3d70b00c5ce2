"""Whether everything that a package is made from is of one patient and one side.

What is coded, structured or engraved rejects. Free words only warn: a plate for the left may well be mirrored "from the
right".
"""

import re

from PlanningHubLib.Audit import makersKeyId
from PlanningHubLib.Errors import Finding
from PlanningHubLib.Identity import patientCode
from PlanningHubLib.Planning.Plan import readPlan
from PlanningHubLib.Secrets import KeyRing
from PlanningHubLib.VerdictSide import OTHER, sidesNamed
from PlanningHubLib.VerdictSide import sideFindings as scanSideFindings

# A case's printable name, wherever it stands: :func:`PlanningHubLib.Identity.caseName`.
CASE_CODE = re.compile(r"PH-[0-9A-HJKMNP-TV-Z]{8}-[0-9A-HJKMNP-TV-Z]{4}")
STL_HEADER_BYTES = 80
FIND_OUT = "Find out which is right before anything leaves the case."


def patientFindings(case, inputs, headers):
    """Return findings where something is of another patient, case or scan.

    :param headers: :class:`PlanningHubLib.SliceHeader.SliceHeader` of all slices of the source
    """
    yield from _slicePatients(case, headers)
    document = readPlan(case, inputs.plan)[0] if inputs.plan else None
    frames = {header.frameOfReferenceUid for header in headers}
    if document and document["frameOfReferenceUid"] and frames != {document["frameOfReferenceUid"]}:
        yield Finding("frame-differs", "reject", "The plan was made on a scan with another frame of reference.",
                      "Carry out the plan on the case's own scan.")  # fmt: skip
    for part in inputs.parts:
        codes = {code for text in _partTexts(case, part) for code in CASE_CODE.findall(text.upper())}
        for code in sorted(codes - {case.name}):
            yield Finding("patient-differs", "reject", f"{part.title} ({part.id}) bears the code {code} of another "
                          f"case than {case.name}.", "Make the part again.")  # fmt: skip


def _slicePatients(case, headers):
    ids = {}
    for header in headers:
        ids.setdefault((header.patientId, header.patientIdIssuer), header.path)
    keyRing = KeyRing.forThisInstallation(create=False)
    if keyRing is None or keyRing.keyId != makersKeyId(case.folder):
        yield Finding("patient-not-checked", "warn", "The case was made on another installation, so whether its images "
                      "are of its patient cannot be told here.", "Compare them with the patient's record.")  # fmt: skip
        foreign = list(ids.values()) if len(ids) > 1 else []
    else:
        foreign = [path for one, path in ids.items() if patientCode(keyRing, *one) != case.patientCode]
    if foreign:
        yield Finding("patient-differs", "reject", f"Images of the case are of another patient than case {case.name}.",
                      "Do not use it; find out where the images came from.", tuple(foreign))  # fmt: skip


def _partTexts(case, part):
    """Yield what a part's labels, file names and STL headers say."""
    for label in part.facts.get("label", ()):
        yield label["text"]
    for name in part.files:
        yield name
        if name.lower().endswith(".stl"):
            with open(case.path(part, name), "rb") as file:
                yield file.read(STL_HEADER_BYTES).decode("ascii", "replace")


def sideFindings(case, inputs, facts):
    """Return findings where something is for another side than the case, or nobody said which side it is.

    :param facts: :class:`PlanningHubLib.VerdictFacts.SeriesFacts` of the source
    """
    governance, side = case.governance, case.side
    if side is None:
        yield Finding("side-not-stated", "warn", "Nobody has stated the side of the operation.",
                      "State it in the request, and have the package made again.")  # fmt: skip
    document = readPlan(case, inputs.plan)[0] if inputs.plan else {}
    stated = {"The request": (governance["request"] or {}).get("side"), "The plan": document.get("side")}
    for what, other in stated.items():
        if other not in (None, side):
            yield Finding("side-differs", "reject", f"{what} is for {other}, the case for {side}.", FIND_OUT)
    for finding in scanSideFindings(facts, side):
        isOther = finding.code == "other-laterality"
        yield Finding("side-differs", "reject", finding.message, FIND_OUT) if isOther else finding
    yield from _labelSides(inputs, side)
    yield from _sidesInWords(governance, side)


def _labelSides(inputs, side):
    for part in inputs.parts:
        for label in part.facts.get("label", ()):
            if side in OTHER and sidesNamed(label["text"]) == {OTHER[side]}:
                yield Finding("side-differs", "reject", f'{part.title} ({part.id}) is marked "{label["text"]}", '
                              f"the case is for {side}.", "Make the part again.")  # fmt: skip


def _sidesInWords(governance, side):
    texts = {}
    if governance["request"]:
        texts["request"] = [governance["request"]["anatomy"]]
    if governance["prescription"]:
        values = governance["prescription"]["characteristics"]
        texts["prescription"] = [governance["prescription"]["device"], *(str(one["value"]) for one in values)]
    for what, words in texts.items():
        if side in OTHER and sidesNamed(" ".join(map(str, words))) == {OTHER[side]}:
            yield Finding("side-in-words", "warn", f"The {what} speaks of the {OTHER[side]} side only, the case is for "
                          f"{side}.", "Check it against the patient's record.")  # fmt: skip
