"""The CT and MR series of a source, judged before anything is written: text in the pixels, faces, what to take away."""

import dataclasses
import functools

import numpy

from . import DeidentifyFace as Face
from .DeidentifyText import burnedInText
from .DicomScan import ScannedSeries, readHeaders
from .Errors import Finding, GateRefused, InputRefused
from .Progress import noProgress
from .SeriesGeometry import checkSeries
from .SliceHeader import modalityOf
from .Volumes import readSlices

DEFACE = "Run it again with --deface, or choose the profile treatment-partner where its consent covers faces."


@dataclasses.dataclass
class JudgedSeries:
    """One series: its files in order, its geometry, and the voxels to set to air (None where there are none).

    ``faceVisible`` is None where it could not be judged; faces are found by bone and air in HU, which MR does not have.
    """

    paths: list
    geometry: object = None
    faceVisible: bool | None = None
    mask: numpy.ndarray | None = None
    textFound: bool | None = None

    def voxels(self):
        """Return the series in HU (of MR without unit), array (slices, rows, columns), read anew: it is large."""
        return readSlices(self.geometry.headers)

    @functools.cached_property
    def skin(self):
        """Where the body meets the air, array (slices, rows, columns); one byte a voxel, kept for all surfaces."""
        return Face.nearSkin(self.voxels(), self.geometry.ijkToLps)

    def masksOf(self, path):
        """Yield the header of each slice of a file from which voxels go, and these, array (rows, columns)."""
        if self.mask is None:
            return
        for header, mask in zip(self.geometry.headers, self.mask, strict=True):
            if header.path == path and mask.any():
                yield header, mask


def judge(paths, deface=False, progress=noProgress):
    """Judge the files of one series.

    :param deface: also find the voxels of the face
    :raises InputRefused: ``damaged-header``, ``cannot-decode``
    """
    progress(0.0, "Reading the series")
    headers = [header for header in readHeaders(paths) if header]
    geometry = checkSeries(ScannedSeries(headers[0].seriesUid, headers))[0]
    if geometry is None:
        return JudgedSeries(list(paths))
    series = JudgedSeries(list(dict.fromkeys(header.path for header in geometry.headers)), geometry)
    voxels = series.voxels()
    progress(0.3, "Looking for text in the images")
    if modalityOf(headers) == "MR":
        series.textFound = burnedInText(voxels, float(voxels.min()))
        return series
    series.textFound = burnedInText(voxels)
    progress(0.6, "Looking for a face")
    series.faceVisible = Face.faceVisible(voxels, geometry.ijkToLps)
    if deface and series.faceVisible:
        series.mask = Face.facialMask(voxels, geometry.ijkToLps)
    return series


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
        reason = "it is MR, and faces are found in CT" if series.geometry else "the series is not one uniform volume"
        message = f"Whether a face is visible cannot be judged: {reason}."
        action = "Leave the series out, or export it complete."
        if profile.faces == "refused" or deface:
            raise GateRefused("face-not-judged", message, action, series.paths[:1])
        return [Finding("face-not-judged", "warn", message, action)]
    if not series.faceVisible:
        return []
    if series.mask is not None:
        percent = 100.0 * float(series.mask.mean())
        return [Finding("face-removed", "info", f"The face was set to air ({percent:.1f} % of the voxels).")]
    message = "A face can be recognised in the images."
    if profile.faces == "refused":
        raise GateRefused("face-visible", message, DEFACE, series.paths[:1])
    return [Finding("face-visible", "warn", message, DEFACE)]
