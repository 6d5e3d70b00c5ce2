"""What follows from a series' modality: whether a procedure can use it, and how far its voxels are Hounsfield units.

The rules of geometry and identity are the same for all. MR has no unit; cone-beam CT is written in HU, or nearly so,
but scatter, a small field and no calibration make them unreliable.
"""

import re

from .Errors import Finding, GateRefused, InputRefused

CT, MR = "CT", "MR"
# Makers that make cone-beam machines only; of all others the model or the descriptions have to say it.
CONE_BEAM_MAKERS = re.compile(
    r"planmeca|new ?tom|\bqr (?:srl|s\.r\.l)|imaging sciences|sirona|morita|vatech|kavo|instrumentarium|soredex|"
    r"asahi roentgen|my-?ray|genoray|prexion|ziehm|carestream dental|acteon|rayscan|owandy|hdx ?will",
    re.IGNORECASE,
)
CONE_BEAM_WORDS = re.compile(r"\bcbct\b|cone[- ]?beam|\bo-?arm\b|accuitomo|promax|\bi-cat\b|galileos", re.IGNORECASE)
WORD_FIELDS = ("model", "seriesDescription", "protocolName", "studyDescription")
# Value of Image Type by which a large maker says that the gradients' distortion was not corrected.
NOT_CORRECTED = "ND"
NOT_JUDGED = "kernel, metal, noise, contrast medium, truncation, cut bone and the tilt of the slices"


def modalityFindings(headers, facts, procedure):
    """Return the findings that a series' modality decides.

    :param facts: :class:`PlanningHubLib.VerdictFacts.SeriesFacts`
    :param procedure: :class:`PlanningHubLib.Procedures.Procedure`; its rule ``modalities`` says which it can use
    """
    checks = _mr(headers) if facts.modality == MR else _coneBeam(facts)
    return [*_wanted(facts, procedure), *checks]


def _wanted(facts, procedure):
    rule = procedure.limit("modalities")
    if rule and facts.modality not in rule["wanted"]:
        wanted = " or ".join(rule["wanted"])
        yield Finding("other-modality", "reject", f"{procedure.title} is planned on {wanted}, the series is "
                      f"{facts.modality}.", f"Choose a {wanted} series of the patient, or ask for one.")  # fmt: skip


def _mr(headers):
    yield Finding(
        "mr-not-judged", "info", f"MR has no Hounsfield units, so these were not judged: {NOT_JUDGED}.",
        "Look through the slices yourself.",
    )  # fmt: skip
    if any(NOT_CORRECTED in header.imageType for header in headers):
        yield Finding(
            "mr-distortion", "warn", "The images say that the scanner's distortion was not corrected: lengths may be "
            "wrong far from the middle of the field.",
            "Choose the corrected series of the examination, or ask for it.",
        )  # fmt: skip


def _coneBeam(facts):
    why = coneBeamReason(facts)
    if why:
        yield Finding(
            "cbct-grey-values", "warn", f"This is cone-beam CT ({why}): its values are grey values rather than "
            "Hounsfield units, and differ between machines and within one image.",
            "Choose the bone threshold by eye; take figures of metal, noise and contrast as rough.",
        )  # fmt: skip


def coneBeamReason(facts):
    """Return in words by what a CT series is known as cone-beam CT or as not calibrated; empty for what it is not."""
    if facts.isConeBeamClass:
        return "X-ray 3D image"
    maker = facts.first("manufacturer")
    if CONE_BEAM_MAKERS.search(maker):
        return f"maker {maker}"
    for field in WORD_FIELDS:
        for text in facts.values.get(field, ()):
            if CONE_BEAM_WORDS.search(text):
                return f'"{text}"'
    return "its unit is unspecified" if facts.first("rescaleType").upper() == "US" else ""


def planningModality(source):
    """Return the modality of a case's source artefact; those made before it was recorded are CT."""
    return source.facts.get("planningModality", CT)


def requireHu(source):
    """
    :raises InputRefused: ``not-hu``, where the voxels of a source artefact are not in Hounsfield units
    """
    modality = planningModality(source)
    if modality != CT:
        raise InputRefused("not-hu", f"The case is planned on {modality}, whose voxels are no Hounsfield units.",
                           "Make a case from a CT for this step.")  # fmt: skip


def requireSameModality(case, modality):
    """
    :raises GateRefused: ``other-case-modality``, where a case has a source of another modality
    """
    source = case.latest("source")
    if source is not None and planningModality(source) != modality:
        raise GateRefused(
            "other-case-modality", f"Case {case.name} is planned on {planningModality(source)}, not {modality}.",
            "Make a new case: one case has one planning modality.",
        )  # fmt: skip
