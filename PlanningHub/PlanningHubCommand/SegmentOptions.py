"""The options that say what is segmented and how: the bone alone, or structures of the case's procedure."""

import json
from pathlib import Path

from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import InputRefused, StoreFailed, UsageError
from PlanningHubLib.Procedures import findProcedure
from PlanningHubLib.Review import VERDICTS
from PlanningHubLib.Segmentation import DEFAULT_THRESHOLD_HU, segmentBone
from PlanningHubLib.Segmenting.LabelFiles import readLabelFile
from PlanningHubLib.Segmenting.ModelSegmentation import segmentByModel
from PlanningHubLib.Segmenting.MonaiLabelCheck import checkNetwork
from PlanningHubLib.Segmenting.SegmentReview import reviewFaults, reviewSegments
from PlanningHubLib.Segmenting.Structures import automaticNames
from PlanningHubLib.Segmenting.StructureSegmentation import segmentStructures
from PlanningHubLib.Session import Session
from PlanningHubLib.Volumes import readGeometry

HERE = "totalsegmentator"
POINT_FACTORS = {"RAS": (1, 1, 1), "LPS": (-1, -1, 1)}


def addSegmentOptions(parser):
    """Add the options to a command that segments."""
    parser.add_argument(
        "--threshold-hu", dest="thresholdHu", type=float, metavar="HU",
        help=f"lowest intensity of the bone, {DEFAULT_THRESHOLD_HU} where it is not given",
    )  # fmt: skip
    parser.add_argument(
        "--closing-voxels", dest="closingVoxels", type=int, metavar="N", help="closing of the bone; 1 if not given"
    )
    parser.add_argument(
        "--template", action="store_true", help="segment what the case's procedure finds without being asked"
    )
    parser.add_argument(
        "--structure", dest="structures", action="append", default=[], metavar="NAME",
        help="a structure of the case's procedure; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--seeds", metavar="FILE", help='JSON: {"frame": "RAS", "seeds": {NAME: [[x, y, z], ...]}}, in mm'
    )
    parser.add_argument(
        "--method", metavar="FILE", help='JSON: {NAME: {"steps": [...]}}, instead of the procedure\'s methods'
    )
    parser.add_argument("--mask", metavar="FILE", help="label map or DICOM Segmentation on the scan's voxels")
    parser.add_argument(
        "--label", dest="labels", action="append", default=[], metavar="N=NAME",
        help="which structure a label of the mask is; may be given several times",
    )  # fmt: skip


def addModelOptions(parser):
    """Add the options of a model that finds structures."""
    parser.add_argument(
        "--by", metavar="WHAT",
        help="let a model find the structures: totalsegmentator on this machine, or the https address of the "
        "hospital's inference server, which the voxels are then sent to",
    )  # fmt: skip
    parser.add_argument("--model", metavar="NAME", help="which of the inference server's models")
    parser.add_argument("--fast", action="store_true", help="TotalSegmentator's model of 3 mm")
    parser.add_argument("--check", action="store_true", help="only say whether the inference server can be used")


def addReviewOptions(parser):
    """Add the options that review segments."""
    parser.add_argument(
        "--review", choices=VERDICTS, help="say what you think of the segments named by --structure, or of all"
    )
    parser.add_argument("--comment", default="", metavar="TEXT", help="of the review")


def segmentCase(caseFolder, options, progress):
    """Segment a case as the options say; return the artefact with its files.

    :raises UsageError: ``usage``
    """
    from .Chain import described

    wanted = _wanted(options)
    with Session.start() as session, Case.open(caseFolder, writable=True) as case:
        if wanted:
            artefact = _structures(case, session, options, progress)
        else:
            thresholdHu = DEFAULT_THRESHOLD_HU if options.thresholdHu is None else options.thresholdHu
            closingVoxels = 1 if options.closingVoxels is None else options.closingVoxels
            artefact = segmentBone(case, session, thresholdHu, closingVoxels, progress=progress)
        return described(case, artefact)


def segmentWithModel(options, progress):
    """Let a model find structures as the options say; return the artefact with its files.

    :raises UsageError: ``usage``
    """
    from .Chain import described

    if options.template or options.mask or options.seeds or options.method or options.thresholdHu is not None:
        raise UsageError("usage", "A model takes no method, points or mask.", "Leave the other options out.")
    address = "" if options.by == HERE else options.by
    with Session.start() as session, Case.open(options.case, writable=True) as case:
        artefact = segmentByModel(
            case, session, options.structures, address, options.model, options.fast, progress=progress
        )
        return described(case, artefact)


def checkServer(options):
    """Return (values, report, exit code) of the check of the network."""
    if not options.by or options.by == HERE:
        raise UsageError("usage", "There is no server to check.", "Give its address: --by https://host/path")
    findings = checkNetwork(options.by, options.model)
    report = "\n".join(f"{one.severity} {one.code}: {one.message} {one.action}".rstrip() for one in findings)
    failed = any(one.severity == "reject" for one in findings)
    return {"findings": [one.asDict() for one in findings]}, report, StoreFailed.exitCode if failed else 0


def _wanted(options):
    """Tell whether structures are asked for, rather than the bone alone."""
    if bool(options.mask) != bool(options.labels):
        raise UsageError("usage", "A mask needs labels, and labels a mask.", "Give --mask FILE --label 5=Liver")
    wanted = bool(options.template or options.structures or options.mask)
    if not wanted and (options.seeds or options.method):
        raise UsageError("usage", "Seeds and methods are for structures.", "Add --structure NAME, or --template.")
    if options.template and options.structures:
        raise UsageError("usage", "--template and --structure say different things.", "Leave one of them out.")
    if wanted and (options.thresholdHu is not None or options.closingVoxels is not None):
        raise UsageError(
            "usage", "--threshold-hu and --closing-voxels are for the bone alone.", "Give the method: --method FILE"
        )
    return wanted


def _structures(case, session, options, progress):
    masks, provenance, findings = _masks(case, options)
    seeds, names = _seeds(options), options.structures
    if options.template:
        names = automaticNames(findProcedure(case.procedure)[0], seeds)[0] if masks else None
    methods = _readJson(options.method) if options.method else {}
    return segmentStructures(
        case, session, names, seeds, methods, masks, provenance, findings=findings, progress=progress
    )


def _masks(case, options):
    if not options.mask:
        return {}, {}, []
    source = case.require("source")
    geometry = readGeometry(case, source)
    labels = dict(map(_label, options.labels))
    frame = source.facts.get("frameOfReferenceUid")
    return readLabelFile(Path(options.mask), labels, geometry.shape, geometry.ijkToRas, frame)


def _label(text):
    number, _sign, name = text.partition("=")
    if not number.isdigit() or not name:
        raise UsageError("usage", f"{text!r} is no label.", "Write it like 5=Liver")
    return int(number), name


def _seeds(options):
    """Return structure → points in RAS mm from the file of the seeds."""
    if not options.seeds:
        return {}
    values = _readJson(options.seeds)
    factors, seeds = POINT_FACTORS.get(values.get("frame")), values.get("seeds")
    points = [point for places in seeds.values() for point in places] if isinstance(seeds, dict) else None
    if factors is None or not points or not all(map(_isPoint, points)):
        raise InputRefused(
            "bad-seeds", f"{options.seeds} holds no points of structures.",
            'Write it as {"frame": "RAS", "seeds": {"Mandible": [[12.5, 80, -40]]}}, in mm.', [options.seeds],
        )  # fmt: skip
    return {
        name: [[value * factor for value, factor in zip(point, factors, strict=True)] for point in places]
        for name, places in seeds.items()
    }


def _isPoint(point):
    return isinstance(point, list) and len(point) == 3 and all(isinstance(one, (int, float)) for one in point)


def _readJson(path):
    try:
        values = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error
    except ValueError as error:
        raise InputRefused("bad-json", f"{path} is no JSON: {error}.", "Correct the file.", [path]) from error
    if not isinstance(values, dict):
        raise InputRefused("bad-json", f"{path} is no JSON object.", "Correct the file.", [path])
    return values


def reviewCase(caseFolder, options):
    """Review segments of a case; return what was reviewed and what still has to be."""
    if options.template or options.mask or options.seeds or options.method:
        raise UsageError("usage", "A review segments nothing.", "Give --review with --structure alone.")
    with Case.open(caseFolder, writable=True) as case:
        names = reviewSegments(case, options.structures or None, options.review, options.comment)
        faults = reviewFaults(case, case.latest("segmentation"))
    return {"reviewed": names, "verdict": options.review, "counts": not faults, "faults": faults}


def segmentReport(facts):
    """Return the lines that tell a person of the structures: volumes, what needs a review, findings."""
    lines = [
        f"  {name}: {one['volumeMl']:.1f} ml{', needs a review' if one['needsReview'] else ''}"
        for name, one in facts["structures"].items()
    ]
    return lines + [f"  {one['severity']} {one['code']}: {one['message']}" for one in facts.get("findings", ())]
