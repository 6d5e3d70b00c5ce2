"""The CT and MR series of a source, judged before anything is written: text in the pixels, faces, what to take away."""

import dataclasses
import functools

import numpy

from . import DeidentifyFace as Face
from . import DeidentifyFaceMr as FaceMr
from .DeidentifyPixels import AIR_HU
from .DeidentifyText import burnedInText
from .DicomScan import ScannedSeries, readHeaders
from .Errors import Finding, GateRefused, InputRefused
from .Modality import MR
from .Progress import noProgress, part
from .SeriesGeometry import checkSeries
from .SeriesSplit import splitSeries
from .SliceHeader import modalityOf
from .Volumes import readSlices

DEFACE = "Have the face removed, or choose the profile treatment-partner where its consent covers faces."


@dataclasses.dataclass
class JudgedVolume:
    """One volume of a series: its geometry, and the voxels to set to air (``mask``, None where there are none).

    ``faceVisible`` is None where it could not be judged. ``air`` is the value of air, in HU or of MR without a unit;
    what lies above ``skin`` is tissue.
    """

    geometry: object
    textFound: bool | None = None
    faceVisible: bool | None = None
    mask: numpy.ndarray | None = None
    air: float = AIR_HU
    skin: float = Face.SKIN_HU

    def voxels(self):
        """Return the volume in HU (of MR without unit), array (slices, rows, columns), read anew: it is large."""
        return readSlices(self.geometry.headers)

    @functools.cached_property
    def nearSkin(self):
        """Where the body meets the air, array (slices, rows, columns); one byte a voxel, kept for all surfaces."""
        return Face.nearSkin(self.voxels(), self.geometry.ijkToLps, self.skin)


@dataclasses.dataclass
class JudgedSeries:
    """One series: its files, and its volumes (phases, echoes), each judged for itself.

    ``isWhole`` tells whether every image of it is in one of them.
    """

    paths: list
    volumes: list = dataclasses.field(default_factory=list)
    isWhole: bool = False

    @property
    def faceVisible(self):
        """Whether a face is visible in any volume; None where that is not known of all."""
        return self._any([one.faceVisible for one in self.volumes])

    @property
    def textFound(self):
        """Whether text was found in any volume; None where it was not looked for in all."""
        return self._any([one.textFound for one in self.volumes])

    def _any(self, answers):
        if True in answers:
            return True
        return None if None in answers or not self.isWhole else False

    @property
    def isDefaced(self):
        return any(one.mask is not None for one in self.volumes)

    def masksOf(self, path):
        """Yield header, voxels that go (array (rows, columns)) and the value of air, of each slice of a file."""
        for volume in self.volumes:
            if volume.mask is not None:
                for header, mask in zip(volume.geometry.headers, volume.mask, strict=True):
                    if header.path == path and mask.any():
                        yield header, mask, volume.air


def judge(paths, deface=False, progress=noProgress):
    """Judge the files of one series, each of its volumes for itself.

    :param deface: also find the voxels of the face
    :raises InputRefused: ``damaged-header``, ``cannot-decode``
    """
    progress(0.0, "Reading the series")
    headers = [header for header in readHeaders(paths) if header]
    parts, _findings = splitSeries(ScannedSeries(headers[0].seriesUid, headers))
    geometries = [geometry for geometry in (checkSeries(one)[0] for one in parts) if geometry]
    ordered = dict.fromkeys(header.path for geometry in geometries for header in geometry.headers)
    series = JudgedSeries(list(dict.fromkeys([*ordered, *paths])))
    judged = sum(len(geometry.headers) for geometry in geometries)
    series.isWhole = judged == len(headers) and len(ordered) == len(paths)
    for number, geometry in enumerate(geometries):
        step = part(progress, number / len(geometries), (number + 1) / len(geometries))
        series.volumes.append(_judgeVolume(geometry, modalityOf(headers) == MR, deface, step))
    return series


def _judgeVolume(geometry, isMr, deface, progress):
    volume, place = JudgedVolume(geometry), geometry.ijkToLps
    voxels = volume.voxels()
    progress(0.3, "Looking for text in the images")
    volume.textFound = burnedInText(voxels, float(voxels.min())) if isMr else burnedInText(voxels)
    progress(0.6, "Looking for a face")
    if not isMr:
        volume.faceVisible = Face.faceVisible(voxels, place)
        volume.mask = Face.facialMask(voxels, place) if deface and volume.faceVisible else None
        return volume
    body = FaceMr.findBody(voxels, place)
    if body:
        volume.air, volume.skin = body.air, body.threshold
        volume.faceVisible = FaceMr.faceVisible(voxels, place, body)
        volume.mask = FaceMr.facialMask(voxels, place, body) if deface and volume.faceVisible else None
    return volume


def requireAllowed(series, profile, deface):
    """Return the findings about a series' text and face.

    :raises InputRefused: ``burned-in-text``
    :raises GateRefused: ``face-visible``, ``face-not-judged``, where the profile refuses faces
    """
    if series.textFound:
        raise InputRefused(
            "burned-in-text", "The images show text.", "Look at them; export the series without annotations.",
            series.paths[:1],
        )  # fmt: skip
    findings = []
    if series.textFound is None:
        message = "Text in the images was not looked for: there is no tesseract here, or no uniform volume."
        findings.append(Finding("text-not-looked-for", "warn", message, "Look through the images yourself."))
    findings += _faceFindings(series, profile, deface)
    return findings


def _faceFindings(series, profile, deface):
    if series.faceVisible is None:
        reason = "in this MR body and air cannot be told apart" if series.isWhole else "it is not all uniform volumes"
        message = f"Whether a face is visible cannot be judged: {reason}."
        action = "Leave the series out, or export it complete."
        if profile.faces == "refused" or deface:
            raise GateRefused("face-not-judged", message, action, series.paths[:1])
        return [Finding("face-not-judged", "warn", message, action)]
    if not series.faceVisible:
        return []
    if series.isDefaced:
        percent = 100.0 * max(float(one.mask.mean()) for one in series.volumes if one.mask is not None)
        return [Finding("face-removed", "info", f"The face was set to air ({percent:.1f} % of the voxels).")]
    message = "A face can be recognised in the images."
    if profile.faces == "refused":
        raise GateRefused("face-visible", message, DEFACE, series.paths[:1])
    return [Finding("face-visible", "warn", message, DEFACE)]
