"""Plan against outcome: a CT after the operation, registered to the scan of the plan, and what it shows of the plan.

The outcome is an artefact of its own kind, made from the plan: a changed plan makes it stale. It holds
``outcome.json`` (all points in RAS mm of the plan), ``outcome.csv`` and ``report.pdf``. The images stay where they are;
their UIDs and the SHA-256 of their voxels are kept.
"""

import dataclasses
import hashlib
import json

import numpy

from .. import Masks
from ..Errors import GateRefused, InputRefused, UsageError
from ..Identity import patientCode
from ..Import import examine
from ..Modality import CT
from ..Progress import noProgress, part
from ..Repair import repairedVoxels
from ..Secrets import KeyRing
from ..Segmentation import DEFAULT_THRESHOLD_HU
from ..Shapes.Mesh import Mesh
from ..Shapes.Shells import withoutSpecks
from ..Shapes.Surface import maskSurface
from ..Software import versions
from ..VerdictFacts import readFacts
from ..Volumes import readGeometry, readSlices
from .Context import Context
from .Distances import searchOf
from .Objects import Plane
from .Operation import POINT
from .OutcomeMeasures import NotFound, PlannedCut, bodyRow, metalAxis, planeRow, screwRow
from .OutcomeReport import csvText, outcomePdf
from .Plan import readPlan, readSolid, rounded
from .Registration import WORST_MEAN_MM, FixedSurface, register, requireFit

RESULT_FILE, TABLE_FILE, REPORT_FILE = "outcome.json", "outcome.csv", "report.pdf"
# Site defaults, no source: bone ends below it, titanium and steel begin above it.
METAL_HU = 2500
# Nothing of the bone that is registered lies so near to what was operated on.
LEFT_OUT_MM = 5.0
# Noise at the threshold; the smallest fragment that anyone would look for is larger.
SPECK_MM3 = 100.0
_ON_PLANE_MM = 0.05
ACHIEVED_SCHEMA = {
    "type": "object", "required": ["frame", "trajectories"], "additionalProperties": False,
    "properties": {
        "frame": {"enum": ["RAS", "LPS"]},
        "trajectories": {
            "type": "object", "additionalProperties": {"type": "array", "items": POINT, "minItems": 2, "maxItems": 2},
        },
    },
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What the user says of a comparison.

    :param on: the segment or solid of the plan that is registered on; by default what the first cut cuts, or the first
        segment. It must not have been moved
    :param thresholdHu: lowest intensity of bone in the scan after the operation
    :param metalHu: lowest intensity of metal, for screws
    :param achieved: trajectory's name → (entry, target) as a person placed them in the scan after the operation,
        RAS mm of that scan; the other trajectories are looked for in the metal
    :param worstMeanMm: a registration that leaves more on average is refused
    :param repair: whether the user agrees to resampling of a tilted gantry or of uneven spacing
    """

    on: str | None = None
    thresholdHu: float = DEFAULT_THRESHOLD_HU
    metalHu: float = METAL_HU
    achieved: dict = dataclasses.field(default_factory=dict)
    worstMeanMm: float = WORST_MEAN_MM
    repair: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class After:
    """The scan after the operation: voxels in HU, their 4×4 to RAS mm, and the bone's mesh, in its own frame."""

    voxelsHu: numpy.ndarray
    ijkToRas: numpy.ndarray
    bone: Mesh
    facts: dict
    findings: tuple


def compareOutcome(
    case, session, postop, wishes=None, seriesUid=None, user=None, progress=noProgress, credentials=None
):
    """Compare a case's current plan with a CT after the operation, and keep the result.

    :param postop: folder, file, ZIP archive or address, as the import takes it
    :param credentials: :class:`PlanningHubLib.ArchiveAccess.Credentials` for an archive that asks for them; not kept
    :returns: artefact of kind ``outcome``
    :raises GateRefused: ``no-plan``, ``stale-plan``, ``damaged-plan``, ``other-patient``
    :raises InputRefused: what the import refuses the scan for; ``not-hu``, ``same-series``, ``before-the-plan``,
        ``empty-segment``, ``registration-poor``, ``no-such-object``
    :raises UsageError: ``no-such-trajectory``
    """
    wishes = wishes or Wishes()
    plan = case.require("plan")
    document, results = readPlan(case, plan)
    _requireTrajectories(document, wishes.achieved)
    after = readAfter(case, postop, wishes, seriesUid, credentials, part(progress, 0.0, 0.3))
    context = Context.ofCase(case, session)
    try:
        planned = Planned(case, session, plan, document, results, context)
        outcome = compared(planned, after, wishes, part(progress, 0.3, 0.9))
    finally:
        context.close(session.scene)
    outcome = rounded({"plan": {"id": plan.id, "title": plan.title, "content": plan.content}, **outcome})
    progress(0.9, "Writing the report")
    with case.staging("outcome", user=user) as stage:
        for name, data in outcomeFiles(case.name, case.side, document["intendedUse"], outcome).items():
            (stage.folder / name).write_bytes(data)
        return stage.commit(
            parents=[plan],
            parameters={**dataclasses.asdict(wishes), "seriesUid": after.facts["seriesUid"]},
            facts={"registration": outcome["registration"], "scan": outcome["scan"],
                   "found": {key: len(outcome[key]) for key in ("planes", "bodies", "trajectories")},
                   "notFound": outcome["notFound"], "findings": outcome["findings"]},
            software=versions("slicer-core", "vtk", "numpy", "scipy", "libigl", "reportlab"),
            title=f"Outcome of {plan.title}",
        )  # fmt: skip


def outcomeFiles(caseName, side, intendedUse, outcome):
    """Return file's name → bytes of an outcome.

    :param caseName, side, intendedUse: what the report says of the case and of its plan; the side may be None
    :param outcome: as ``outcome.json`` holds it
    """
    text = json.dumps(outcome, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    return {
        RESULT_FILE: text.encode(),
        TABLE_FILE: csvText(outcome).encode(),
        REPORT_FILE: outcomePdf(caseName, side, intendedUse, outcome),
    }


def readAchieved(path):
    """Read the trajectories that a person placed in the scan after the operation.

    The file is JSON: ``frame`` (RAS or LPS) and ``trajectories``: name → [entry, target], mm of that scan.

    :returns: name → [entry, target] in RAS mm, as :class:`Wishes` takes it
    :raises InputRefused: ``cannot-read``, ``bad-points``
    """
    import jsonschema

    try:
        values = json.loads(path.read_bytes())
        jsonschema.validate(values, ACHIEVED_SCHEMA)
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error
    except (ValueError, jsonschema.ValidationError) as error:
        reason = getattr(error, "message", str(error))[:200]
        raise InputRefused("bad-points", f"{path} cannot be used: {reason}.", "Correct the file.", [path]) from error
    toRas = (-1, -1, 1) if values["frame"] == "LPS" else (1, 1, 1)
    return {name: (numpy.array(ends, float) * toRas).tolist() for name, ends in values["trajectories"].items()}


def readAfter(case, postop, wishes, seriesUid=None, credentials=None, progress=noProgress):
    """Judge and read the scan after the operation, repaired where that is needed and agreed to.

    :returns: :class:`After`
    """
    verdict = examine(
        postop, seriesUid, part(progress, 0.0, 0.5), case.procedure, case.side, wishes.repair, credentials=credentials
    )
    try:
        verdict.raiseRejection()
        header = verdict.chosen.headers[0]
        if patientCode(KeyRing.forThisInstallation(), header.patientId, header.patientIdIssuer) != case.patientCode:
            raise GateRefused(
                "other-patient",
                f"The scan after the operation belongs to another patient than case {case.name}.",
                "Choose this patient's scan.",
            )
        _requireLater(case, verdict.chosen)
        progress(0.5, "Reading the scan after the operation")
        geometry = verdict.chosen.geometry
        voxelsHu = readSlices(geometry.headers)
        if repair := verdict.chosen.repair:
            voxelsHu = repairedVoxels(repair, voxelsHu, part(progress, 0.6, 0.8))
    finally:
        verdict.opened.close()
    progress(0.8, "Surface of the bone")
    mask = Masks.thresholded(voxelsHu, wishes.thresholdHu)
    bone = withoutSpecks(maskSurface(mask, geometry.ijkToRas).mesh, SPECK_MM3)[0]
    facts = {
        "studyUid": header.studyUid,
        "seriesUid": header.seriesUid,
        "frameOfReferenceUid": header.frameOfReferenceUid,
        "spacingMm": list(geometry.spacingMm),
        "voxelsSha256": hashlib.sha256(numpy.ascontiguousarray(voxelsHu)).hexdigest(),
        "verdict": verdict.word,
        "repaired": repair is not None,
    }
    findings = tuple(one for one in verdict.findings if one.severity == "warn")
    return After(voxelsHu, numpy.asarray(geometry.ijkToRas, float), bone, facts, findings)


def _requireLater(case, chosen):
    source = case.require("source")
    if chosen.facts.modality != CT:
        raise InputRefused("not-hu", "Bone is found in CT only.", "Choose a CT after the operation.")
    if chosen.headers[0].seriesUid == source.facts["seriesUid"]:
        raise InputRefused("same-series", "This is the scan that was planned on.", "Choose one after the operation.")
    planned = readFacts(readGeometry(case, source).headers).scanDate
    scanned = chosen.facts.scanDate
    if planned and scanned and scanned < planned:
        raise InputRefused(
            "before-the-plan",
            "This scan was made before the one that was planned on.",
            "Choose one after the operation.",
        )


def _requireTrajectories(document, achieved):
    known = [step["name"] for step in document["steps"] if step["do"] == "trajectory"]
    for name in achieved:
        if name not in known:
            raise UsageError(
                "no-such-trajectory", f"The plan has no trajectory {name}.", f"It has: {', '.join(known) or 'none'}."
            )


class Planned:
    """What a kept plan wanted, read from its artefact: cuts, moved bodies and implants, ways, and the bone."""

    def __init__(self, case, session, plan, document, results, context):
        self.steps = document["steps"]
        self.results = {step["name"]: step for step in results["steps"]}
        self.objects = results["objects"]
        self._read = lambda name: readSolid(case, session, plan, name)
        self._context = context
        self._solids = {}

    def solid(self, name):
        """Return the :class:`PlanningHubLib.Planning.Objects.Solid` of a name, of the plan or of the segmentation."""
        if name not in self._solids:
            described = self.objects.get(name, {})
            isPlanned = described.get("kind") == "solid"
            self._solids[name] = self._read(name) if isPlanned else self._context.solid(name)
        return self._solids[name]

    def bone(self, name=None):
        """Return the solid to register on."""
        cuts = [step["solid"] for step in self.steps if step["do"] == "cut"]
        # A fragment that was cut again is no whole bone.
        segments = [one for one in cuts if one in self._context.segmentNames] or self._context.segmentNames
        return self.solid(name or segments[0])

    def movedFrom(self):
        """Return the names of what the plan moves away from where the scan shows it."""
        return {step["solid"] for step in self.steps if step["do"] == "move"}

    def bodies(self):
        """Return the solids that the plan puts somewhere: moved ones and implants; of one moved twice, the last."""
        movedOn = self.movedFrom()
        return [
            self.solid(name)
            for name, one in self.objects.items()
            if one["kind"] == "solid"
            and name not in movedOn
            and (one["role"] == "implant" or (one["moved"] and one["role"] in ("anatomy", "fragment")))
        ]

    def ways(self):
        """Return name → (entry, target), RAS mm, of each trajectory."""
        lines = {step["name"]: self.objects[step["line"]] for step in self.steps if step["do"] == "trajectory"}
        return {name: (numpy.array(one["startRas"]), numpy.array(one["endRas"])) for name, one in lines.items()}

    def cuts(self):
        """Return the :class:`PlannedCut` of each plane that cuts something."""
        found = []
        for step in self.steps:
            if step["do"] == "cut":
                planes = [name for name in step["by"] if self.objects[name]["kind"] == "plane"]
                found += [self._cut(step, name) for name in planes]
        return found

    def _cut(self, step, planeName):
        described = self.objects[planeName]
        plane = Plane(planeName, numpy.array(described["originRas"]), numpy.array(described["normalRas"]))
        still = [name for name in self.results[step["name"]]["objects"] if name not in self.movedFrom()]
        sides = tuple(
            side
            for side in (-1, 1)
            if any(_touches(self.solid(name).mesh, plane, side * step["kerfMm"] / 2) for name in still)
        )
        return PlannedCut(plane, self.solid(step["solid"]).mesh, step["kerfMm"], sides or (-1, 1))


def _touches(mesh, plane, heightMm):
    """Tell whether a fragment has its cut face at a height over a plane, and lies beyond it."""
    heights = plane.heightsMm(mesh.points)
    onIt = numpy.abs(heights - heightMm) < _ON_PLANE_MM
    return onIt.sum() > 2 and (heightMm == 0 or numpy.sign(numpy.median(heights - heightMm)) == numpy.sign(heightMm))


def compared(planned, after, wishes, progress=noProgress):
    """Register, and measure what was planned; what cannot be found is said, never guessed.

    :returns: dictionary of ``registration``, ``scan``, ``planes``, ``bodies``, ``trajectories``, ``notFound``
    """
    bone = planned.bone(wishes.on)
    progress(0.0, f"Registering on {bone.name}")
    registered = register(bone.mesh, FixedSurface(after.bone), leaveOut=_leftOut(planned, bone.name))
    requireFit(registered, bone.name, wishes.worstMeanMm)
    toPlan = numpy.linalg.inv(registered.matrix)
    points = after.bone.points @ toPlan[:3, :3].T + toPlan[:3, 3]
    inPlan = Mesh.fromArrays(points, after.bone.triangles)
    notFound = []

    def each(kind, things, row):
        rows = []
        for thing in things:
            progress(0.5, f"Measuring {nameOf(thing)}")
            try:
                rows.append(row(thing))
            except NotFound as error:
                notFound.append({"kind": kind, "name": nameOf(thing), "reason": error.reason})
        return rows

    ways = planned.ways()
    return {
        "registration": {"on": bone.name, **registered.asFacts()},
        "scan": {**after.facts, "thresholdHu": wishes.thresholdHu},
        "planes": each("plane", planned.cuts(), lambda cut: planeRow(cut, inPlan)),
        "bodies": each("body", planned.bodies(), lambda solid: bodyRow(solid, inPlan)),
        "trajectories": each("trajectory", ways, lambda name: _wayRow(name, ways[name], after, toPlan, wishes)),
        "notFound": notFound,
        "findings": [finding.asDict() | {"files": []} for finding in after.findings],
    }


def nameOf(thing):
    """Return the name of a planned thing: a cut has its plane's."""
    return thing if isinstance(thing, str) else thing.plane.name if isinstance(thing, PlannedCut) else thing.name


def _wayRow(name, way, after, toPlan, wishes):
    if name in wishes.achieved:
        achieved = numpy.array(wishes.achieved[name], float) @ toPlan[:3, :3].T + toPlan[:3, 3]
        return {**screwRow(name, *way, tuple(achieved)), "from": "given"}
    axis = metalAxis(after.voxelsHu >= wishes.metalHu, toPlan @ after.ijkToRas, *way)
    return {**screwRow(name, *way, axis), "from": "metal"}


def _leftOut(planned, boneName):
    """Return which points of the bone do not count: near what the plan moves, adds or drills."""
    names = {
        name
        for name, one in planned.objects.items()
        if one["kind"] == "solid" and name != boneName and (one["moved"] or one["role"] in ("implant", "device"))
    } | planned.movedFrom() - {boneName}  # fmt: skip
    searches = [searchOf(planned.solid(name).mesh) for name in sorted(names)]

    def isOperated(points):
        left = numpy.zeros(len(points), bool)
        for search in searches:
            left |= search.signedMm(points) <= LEFT_OUT_MM
        return left

    return isOperated
