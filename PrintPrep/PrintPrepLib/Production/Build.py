"""The build: a case's parts oriented, laid on plates of a printer and estimated, as an artefact made from the parts.

It holds ``build.json``, one 3MF and one picture for each plate. A plate's file lies in the printer's frame (origin at
the front left corner, z up, mm); ``build.json`` says for each part how it got there from the LPS of its own files. It
goes stale when a part changes.
"""

import dataclasses
import json
import tempfile
from pathlib import Path

import numpy

from PlanningHubLib import Requirements
from PlanningHubLib.Errors import Finding, InputRefused
from PlanningHubLib.Files import writeAside
from PlanningHubLib.Planning.Document import rounded
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Shapes.Mesh import Mesh
from PlanningHubLib.Software import versions

from ..Formats.WritersStl import PartLabel
from ..Formats.WritersThreeMf import Body, packageBytes
from ..PartRecords import partNumber, wholePath
from ..Shape import FITTING_ROLES
from . import Materials, Profiles
from .BuildEstimates import MODEL, plateEstimate, supportRoomMl
from .BuildNesting import nested, requireApart, turned
from .BuildOrientation import WEIGHTS, orient
from .BuildParts import artefactsOf, copied, partsOf
from .PlatePictures import writePlatePicture
from .PrusaSlicer import PrusaSlicer

RESULT_FILE = "build.json"
# A 3MF keeps tenths of a micrometer.
VOLUME_SHARE = 0.001
PLATE_FRAME = "build plate: origin front left, z up"


@dataclasses.dataclass(frozen=True)
class PlateLabel(PartLabel):
    """What a plate's file says about it."""

    def lines(self):
        return tuple((name, PLATE_FRAME if name == "CoordinateSystem" else value) for name, value in super().lines())


@dataclasses.dataclass(frozen=True, eq=False)
class Laid:
    """A part on its plate.

    :param mesh: as it lies there, mm
    :param matrix: array (4, 4), LPS mm to plate mm
    """

    part: object
    oriented: object
    mesh: Mesh
    matrix: numpy.ndarray
    plate: int


def makeBuild(
    case, session, partIds=None, profileName=None, direction=None, slicing=True, progress=noProgress, user=None,
    copies=None,
):  # fmt: skip
    """Lay a case's parts on the plates of a printer, and keep that.

    :param partIds: artefacts' IDs; None for all current parts
    :param profileName: the printer; None for the one that all parts were made for
    :param direction: vector in LPS that has to point up, for all parts; None to look for each part's best
    :param slicing: whether PrusaSlicer is asked, where it is installed and knows the process
    :param copies: artefact's ID → how often that part is made; once where it is not named
    :returns: artefact of kind ``build``
    :raises GateRefused: ``no-part``, ``stale-part``, ``damaged-part``; what the materials refuse, such as
        ``unsafe-sterilisation``
    :raises InputRefused: ``which-profile``, ``bad-profile``, ``external-maker``, ``does-not-fit``, ``no-such-part``,
        ``slicer-not-installed`` (where the site names a program that is not there) ...
    :raises UsageError: ``bad-direction``, ``bad-copies``
    :raises VerificationFailed: ``parts-too-near``
    """
    Requirements.ensure("PrintPrepLib")
    artefacts = artefactsOf(case, partIds)
    profile = profileOf(artefacts, profileName)
    findings = _findings(artefacts, profile)
    progress(0.0, "Reading the parts")
    parts = copied(partsOf(case, session, [one.id for one in artefacts]), copies or {})
    findings += _unknownSides(parts)
    laid = layOut(parts, profile, direction, part(progress, 0.1, 0.7))
    with case.staging("build", user=user) as stage, tempfile.TemporaryDirectory(prefix="planninghub-") as folder:
        label = PlateLabel(f"{case.name}_{stage.artefactId}.{stage.revision}", case.name,
                           f"{stage.artefactId}.{stage.revision}", case.side)  # fmt: skip
        slicer = PrusaSlicer.find(folder) if slicing else None
        count = max(one.plate for one in laid) + 1
        plates = []
        for number in range(count):
            own = [one for one in laid if one.plate == number]
            share = part(progress, 0.7 + 0.25 * number / count, 0.7 + 0.25 * (number + 1) / count)
            plates.append(_plate(stage.folder, label, number, own, profile, slicer, Path(folder), share))
        document = rounded(_document(case, profile, plates, [*findings, *_slicerFindings(plates)]))
        text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
        writeAside(stage.folder / RESULT_FILE, text.encode())
        progress(1.0, "Build written")
        return stage.commit(
            parents=artefacts,
            parameters={"parts": [one.id for one in artefacts], "profile": profile.name, "copies": copiesOf(document),
                        "direction": None if direction is None else [float(one) for one in direction]},
            facts=_facts(document),
            software={**versions("manifold3d", "numpy", "scipy", "lib3mf"),
                      **({"PrusaSlicer": slicer.version} if slicer else {})},
            title=f"Build for {profile.title}",
        )  # fmt: skip


def copiesOf(document):
    """Return artefact's ID → how many copies the document of a build has of it."""
    return {row["part"]: int(row.get("copies", 1)) for plate in document["plates"] for row in plate["parts"]}


def readBuild(case, build):
    """Return the document of a build.

    :raises GateRefused: ``damaged-build``
    """
    return json.loads(wholePath(case, build, RESULT_FILE).read_bytes())


def profileOf(artefacts, profileName=None):
    """Return the printer's profile, by its name or as the parts' recipes agree.

    :raises InputRefused: ``which-profile``, ``bad-profile``, ``external-maker``
    """
    stated = sorted({one.parameters["profile"] for one in artefacts if one.parameters.get("profile")})
    if profileName is None and len(stated) != 1:
        said = f"The parts were made for {', '.join(stated)}." if stated else "The parts state no profile."
        raise InputRefused("which-profile", said, f"Name one of {', '.join(Profiles.names())}.")
    profile = Profiles.find(profileName or stated[0])
    if profile.external:
        raise InputRefused(
            "external-maker",
            f"{profile.title}: the maker lays out the plates.",
            "Send the maker the parts' own files, and ask for time and cost.",
        )
    return profile


def _findings(artefacts, profile):
    """Return what there is to say of making these parts by this process; refuse what is unsafe."""
    found = []
    for one in artefacts:
        number = partNumber(one)
        madeFor = one.parameters.get("profile")
        if madeFor not in (None, profile.name):
            found.append(Finding("other-profile", "warn", f"{number} was made and checked for {madeFor}.",
                                 "Make the part for this printer."))  # fmt: skip
        keys = ("use", "contact", "material", "sterilisation")
        recipe = {key: one.parameters.get(key) for key in keys}
        codes = [finding["code"] for finding in one.facts.get("findings", ())]
        safe = Materials.requireSafe(recipe, one.facts["object"]["role"], profile, codes)
        found += [dataclasses.replace(finding, message=f"{number}: {finding.message}") for finding in safe]
    return found


def _unknownSides(parts):
    """Return a finding of each guide or implant of which no step of the plan says on which bone it lies."""
    names = dict.fromkeys(one.objectName for one in parts if one.role in FITTING_ROLES and one.critical is None)
    return [
        Finding("bone-side-unknown", "warn", f"Which side of {name} lies on the bone is not known.",
                "State what points up, so that no supports stand on that side.")
        for name in names
    ]  # fmt: skip


def layOut(parts, profile, direction=None, progress=noProgress):
    """Return each part as a :class:`Laid` on its plate.

    :param parts: list of :class:`PrintPrepLib.Production.BuildParts.BuildPart`
    """
    found, oriented, upright = {}, [], []
    for number, one in enumerate(parts):
        share = part(progress, 0.6 * number / len(parts), 0.6 * (number + 1) / len(parts))
        share(0.0, f"Orienting {one.name}")
        # Copies have one mesh in common.
        if id(one.mesh) not in found:
            way = _oriented(one, profile, direction, share)
            found[id(one.mesh)] = way, Mesh.fromArrays(one.mesh.points @ way.rotation.T, one.mesh.triangles)
        oriented.append(found[id(one.mesh)][0])
        upright.append(found[id(one.mesh)][1])
    places = nested(upright, profile.buildVolumeMm[:2], profile.spacingMm, part(progress, 0.6, 1.0))
    laid = []
    for one, way, mesh, place in zip(parts, oriented, upright, places, strict=True):
        mesh, matrix = turned(mesh, place.quarters)
        matrix[:2, 3] += place.cornerMm
        matrix[:3, :3] = matrix[:3, :3] @ way.rotation
        points = one.mesh.points @ matrix[:3, :3].T + matrix[:3, 3]
        laid.append(Laid(one, way, Mesh.fromArrays(points, mesh.triangles), matrix, place.plate))
    return laid


def _oriented(one, profile, direction, progress):
    try:
        return orient(one.mesh, profile, one.critical, direction, progress)
    except InputRefused as error:
        raise InputRefused(error.code, f"{one.name}: {error.message}", error.action) from error


def _plate(folder, label, number, laid, profile, slicer, scratch, progress):
    """Write a plate's file; return what ``build.json`` says of it."""
    names = [one.part.name for one in laid]
    gapMm = requireApart([one.mesh for one in laid], names, profile.spacingMm)
    label = label.ofPiece(f"plate-{number + 1}")
    path = folder / f"{label.name}.3mf"
    writeAside(path, packageBytes([Body(one.mesh, one.part.name, one.part.partNumber) for one in laid], label))
    title = f"{label.caseName}  {label.partNumber}  plate {number + 1}  {profile.title}"
    picture = path.with_suffix(".png")
    writePlatePicture(
        picture, [one.mesh for one in laid], [laidName(one) for one in laid], profile.buildVolumeMm, title
    )
    heightMm = max(float(one.mesh.points[:, 2].max()) for one in laid)
    roomMl = sum(_roomsMl(laid, profile))
    return {
        "file": path.name,
        "picture": picture.name,
        "heightMm": heightMm,
        "smallestGapMm": gapMm,
        "parts": [_partRow(one) for one in laid],
        "estimate": plateEstimate(profile, sum(one.mesh.volumeMl for one in laid), roomMl, heightMm),
        "slicer": _asked(slicer, path, laid, profile, scratch, progress) if slicer else None,
    }


def _roomsMl(laid, profile):
    """Yield the room for supports below each part; copies stand alike."""
    known = {}
    for one in laid:
        key = one.part.artefact.id, one.part.file
        if key not in known:
            known[key] = supportRoomMl(one.mesh, profile.overhangAngleDegrees)
        yield known[key]


def laidName(laid):
    """Return what a part on a plate is called for people."""
    one = laid.part
    copy = f", copy {one.copy} of {one.copies}" if one.copies > 1 else ""
    return f"{one.partNumber} {one.objectName}{copy} ({one.name})"


def _asked(slicer, path, laid, profile, scratch, progress):
    """Return what PrusaSlicer says of a plate: whether each part is as sound and as large to it, time and material.

    A second opinion that cannot be had stops no build: then it holds ``failed``, the finding that says why.
    """
    try:
        objects = slicer.info(path, scratch)
        figures = slicer.sliced(path, profile, scratch, progress)
    except InputRefused as error:
        return {"version": slicer.version, "failed": dataclasses.replace(error.asFinding(), severity="warn").asDict()}
    isSound = len(objects) == len(laid) and all(
        said["manifold"] and abs(said["volumeMl"] - one.mesh.volumeMl) <= VOLUME_SHARE * one.mesh.volumeMl + 0.001
        for said, one in zip(objects, laid, strict=True)
    )
    return {"version": slicer.version, "failed": None, "sound": isSound, **figures}


def _slicerFindings(plates):
    for plate in plates:
        said = plate["slicer"]
        if said and said["failed"]:
            yield Finding(**{**said["failed"], "files": ()})
        elif said and not said["sound"]:
            yield Finding("slicer-sees-faults", "warn", f"PrusaSlicer does not read {plate['file']} as it was written.",
                          "Look at the plate in PrusaSlicer before it is printed.")  # fmt: skip


def _partRow(laid):
    return {
        "part": laid.part.artefact.id,
        "partNumber": laid.part.partNumber,
        "name": laid.part.name,
        "object": laid.part.objectName,
        "file": laid.part.file,
        "copy": laid.part.copy,
        "copies": laid.part.copies,
        "upLps": [float(one) + 0.0 for one in laid.oriented.directionLps],
        "figures": laid.oriented.figures,
        "directionsJudged": laid.oriented.candidates,
        "betterButTooLarge": laid.oriented.passedOver,
        "lpsToPlate": [[float(one) + 0.0 for one in row] for row in laid.matrix],
        "boundsMm": laid.mesh.boundsMm,
    }


def _document(case, profile, plates, findings):
    figures = ("buildVolumeMm", "layerMm", "overhangAngleDegrees", "supportShare", "spacingMm", "machineTime", "cost")
    return {
        "format": "planninghub-build",
        "version": 1,
        "case": case.name,
        "frame": f"{PLATE_FRAME}, mm",
        "profile": {**profile.asFacts(), "title": profile.title,
                    "figures": {key: {"value": getattr(profile, key), "source": profile.sources[key][0],
                                      "date": profile.sources[key][1]} for key in figures}},
        "criteria": {"weights": WEIGHTS, "source": "site defaults, no source"},
        "estimateModel": MODEL,
        "plates": plates,
        "findings": [finding.asDict() for finding in findings],
    }  # fmt: skip


def _facts(document):
    plates = document["plates"]
    totals = {key: round(sum(one["estimate"][key] for one in plates), 2)
              for key in ("partsMl", "supportsMl", "hours", "cost")}  # fmt: skip
    sliced = [one["slicer"] for one in plates if one["slicer"] and one["slicer"].get("hours") is not None]
    return {
        "process": {key: value for key, value in document["profile"].items() if key != "figures"},
        "plates": len(plates),
        "parts": [row["partNumber"] for one in plates for row in one["parts"]],
        "estimate": {**totals, "currency": plates[0]["estimate"]["currency"]},
        "slicer": {"hours": round(sum(one["hours"] for one in sliced), 2),
                   "materialMl": round(sum(one["materialMl"] for one in sliced), 2),
                   "version": sliced[0]["version"]} if sliced else None,
        "findings": document["findings"],
    }  # fmt: skip
