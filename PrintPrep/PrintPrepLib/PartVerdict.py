"""What can be said of a part before it is made: whether it may be, what is still open, and by whose word.

Nothing heavy is done here, so that a page can ask at every change; making the part checks all of it again, and more.
"""

from PlanningHubLib.Errors import Finding, PlanningError
from PlanningHubLib.Received import receivedModel
from PlanningHubLib.Segmenting.SegmentReview import requireReviewed

from .PartChecks import labelFindings
from .Production import Materials, Profiles
from .Proof.Tolerance import toleranceOf
from .RecipeDraft import isLabelled, offeredObjects, recipeOf
from .Shape import roleOfReceived

BLOCKED, CARE, READY = "blocked", "care", "ready"
SEVERITY_ORDER = ("reject", "warn", "info")
VERDICT_WORDS = {"accepted": "stands it", "not": "does not stand it", "unknown": "does not say"}


def judged(case, draft):
    """Return the findings about a part that is to be made of a case, the gravest first.

    :param draft: as :mod:`PrintPrepLib.RecipeDraft` describes it
    """
    findings = [*_ofCase(case), *_ofObject(case, draft)]
    try:
        # A model file that is not stated in full is asked for above, in plainer words than the schema's.
        recipe = recipeOf({**draft, "model": None})
        findings += _ofRecipe(case, recipe, roleOf(case, draft))
    except PlanningError as error:
        findings.append(error.asFinding())
    return sorted(findings, key=lambda one: SEVERITY_ORDER.index(one.severity))


def wordOf(findings):
    """Return ``blocked``, ``care`` or ``ready``."""
    severities = {one.severity for one in findings}
    return BLOCKED if "reject" in severities else CARE if "warn" in severities else READY


def roleOf(case, draft):
    """Return the role of what a draft is about, as its part's flags will say it."""
    if draft["model"]:
        return _roleOfModel(case, draft["model"])
    plan = case.latest("plan")
    solid = plan.facts["solids"].get(draft["object"]) if plan is not None and draft["object"] else None
    return solid["role"] if solid else "anatomy"


def _roleOfModel(case, model):
    try:
        return roleOfReceived(receivedModel(case, model["artefact"], model["file"]) if model.get("artefact") else None)
    except PlanningError:
        return "device"


def _ofCase(case):
    segmentation = case.latest("segmentation")
    if segmentation is None:
        return [Finding("no-segmentation", "reject", "The case has no segmentation yet.", "Make it first.")]
    if case.state(segmentation, readFiles=False) != "current":
        return [Finding("stale-segmentation", "reject", "The segmentation is stale.", "Segment again.")]
    try:
        requireReviewed(case, segmentation)
    except PlanningError as error:
        return [error.asFinding()]
    return []


def _ofObject(case, draft):
    model = draft["model"]
    if model and model.get("artefact"):
        try:
            receivedModel(case, model["artefact"], model["file"])
        except PlanningError as error:
            yield error.asFinding()
        return
    if model:
        if not model["file"]:
            yield Finding("no-file", "reject", "No model file is chosen.", "Choose the file.")
        elif not model["frame"] or (not model["unit"] and not model["file"].lower().endswith(".3mf")):
            text = "Unit and frame of the model file are not stated."
            yield Finding("model-not-stated", "reject", text, "State both: else size or place would be wrong.")
        return
    solids, segments = offeredObjects(case)
    if draft["object"] and draft["object"] not in (*solids, *segments):
        yield Finding(
            "no-such-object", "reject", f"The case has no current {draft['object']}.", "Choose another object."
        )


def _ofRecipe(case, recipe, role):
    try:
        profile = Profiles.find(recipe["profile"]) if recipe["profile"] else None
        yield from Materials.judge(recipe, role, profile)
        yield _ofTolerance(toleranceOf(case, recipe, role), recipe)
    except PlanningError as error:
        yield error.asFinding()
    yield from labelFindings(isLabelled(recipe["steps"]), role)


def _ofTolerance(tolerance, recipe):
    if tolerance is None:
        return Finding("no-tolerance", "info", "Nothing states how exact the part has to be.",
                       "State a tolerance, or let the procedure state it.")  # fmt: skip
    if recipe["maximumDeviationMm"] > tolerance.mm:
        return Finding("deviation-above-tolerance", "warn", f"Simplification may take {recipe['maximumDeviationMm']:g} "
                       f"mm, more than the tolerance of {tolerance.mm:g} mm: the part may be refused.",
                       "Choose a smaller deviation.")  # fmt: skip
    return Finding("tolerance", "info", f"The part is not made if it lies more than {tolerance.mm:g} mm off "
                   f"({tolerance.source}).")  # fmt: skip


def sourceRows(draft):
    """Return who says what about the draft's material: rows of (who, about what, what, source, date).

    With a sterilization stated, only what speaks of it; the site's own words first.

    :raises InputRefused: ``bad-material``, ``bad-cycles``, ``cannot-read``
    :raises GateRefused: ``site-file-open-to-others``
    """
    if not draft["material"]:
        return []
    material = Materials.find(draft["material"])
    rules = [*Materials.siteCycles().get(material.name, ()), *material.rules]
    asked = draft["sterilisation"]
    if asked and asked["method"] != "none":
        rules = Materials.rulesFor(rules, asked["method"], asked.get("temperatureC"))
    listings = [
        (one.saidBy, f"{', '.join(one.uses)} touching {', '.join(one.contacts)}", "lists it", one.source, one.date)
        for one in material.listed
    ]
    return listings + [
        (one.saidBy, cycleText(one.method, one.temperatureC), VERDICT_WORDS[one.verdict], one.source, one.date)
        for one in rules
    ]


def cycleText(method, temperatureC):
    """Return a sterilization in words."""
    name = Materials.METHOD_NAMES.get(method, method)
    return name if temperatureC is None else f"{name} at {temperatureC:g} °C"


def materialsFor(profileName):
    """Return (name, title) of the materials of a profile's process, of all where no profile is given.

    :raises InputRefused: ``bad-profile``, ``bad-material``
    """
    process = Profiles.find(profileName).process if profileName else None
    found = [Materials.find(name) for name in Materials.names()]
    return [(one.name, one.title) for one in found if process in (None, one.process)]


def profilesOffered():
    """Return (name, title) of all profiles.

    :raises InputRefused: ``bad-profile``
    """
    return [(name, Profiles.find(name).title) for name in Profiles.names()]
