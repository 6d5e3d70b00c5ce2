"""Reading what stands on a part from the part itself: a picture of its relief, read by Tesseract or as a QR code."""

import dataclasses
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy
import scipy.ndimage
import SimpleITK

from .Views import viewOf

PROGRAM = "tesseract"
SECONDS = 60
# Heights of capitals in pixels; a text that is not read at one is looked at again.
LETTER_PIXELS = (30, 40, 24)
MODULE_PIXELS = 6
# Reliefs are found by what fills them: wider than any stroke of a letter, than any run of dark modules.
_STROKES, _MODULES = 0.7, 12
_WHITE_PIXELS = 20
_SHALLOWEST_MM = 0.05
# Signs that cannot be told apart, or that a reader takes for each other. Pseudonyms hold no I, L and O.
_ALIKE = str.maketrans({"O": "0", "I": "1", "L": "1", "|": "1", "–": "-", "—": "-", "_": "-", "‘": "", "'": ""})


def canRead():
    """Tell whether letters can be read on this machine."""
    return shutil.which(PROGRAM) is not None


def reliefPicture(mesh, frame, sizeMm, stepMm, widestMm, raised):
    """Return a gray picture, uint8 (rows, columns), of what is cut into a surface or raised: dark on white.

    It shows heights only, as whoever looks against the normal sees them, with no knowledge of what should be there.

    :param mesh: the part; LPS mm
    :param frame: :class:`PrintPrepLib.Marking.Views.Frame`, in the middle of the picture
    :param sizeMm: (width, height)
    :param widestMm: wider things are no relief
    """
    # What is beside the picture also tells what is relief at its edges.
    view = viewOf(mesh, frame, sizeMm[0] / 2 + widestMm, sizeMm[1] / 2 + widestMm, stepMm)
    heights = view.heightsMm.T[::-1]
    if not numpy.isfinite(heights).any():
        return numpy.full(heights.shape, 255, numpy.uint8)
    heights = numpy.where(numpy.isfinite(heights), heights, numpy.nanmin(heights))
    window = 2 * int(widestMm / stepMm / 2) + 1
    if raised:
        relief = heights - scipy.ndimage.grey_opening(heights, (window, window))
    else:
        relief = scipy.ndimage.grey_closing(heights, (window, window)) - heights
    edge = int(widestMm / stepMm)
    relief = relief[edge:-edge, edge:-edge]
    full = max(float(numpy.percentile(relief, 97)), _SHALLOWEST_MM)
    # Walls of letters are steep: between a third and two thirds of the depth there is nothing but noise of the bone.
    gray = (255 * (1 - numpy.clip(3 * relief / full - 1, 0, 1))).astype(numpy.uint8)
    return numpy.pad(gray, _WHITE_PIXELS, constant_values=255)


def readLetters(mesh, frame, sizeMm, heightMm, raised, text):
    """Return the letters that Tesseract reads on a part; None where it is not installed.

    :param heightMm: height of capitals
    :param text: what should stand there; only decides whether to look again
    """
    if not canRead():
        return None
    seen = ""
    for pixels in LETTER_PIXELS:
        picture = reliefPicture(mesh, frame, sizeMm, heightMm / pixels, _STROKES * heightMm, raised)
        read = recognized(picture)
        if isSameText(read, text):
            return read
        seen = seen or read
    return seen


@dataclasses.dataclass(frozen=True)
class CodeRead:
    """What a part's QR code says, empty without any; and whether it stands there as in a mirror.

    Readers read a mirrored code as well: only its modules tell.
    """

    text: str
    mirrored: bool


def readCode(mesh, frame, sizeMm, moduleMm, raised):
    """Return the :class:`CodeRead` of the QR code that a part shows."""
    from .QrCodes import isMirrored, readQr

    picture = reliefPicture(mesh, frame, sizeMm, moduleMm / MODULE_PIXELS, _MODULES * moduleMm, raised)
    text = readQr(picture)
    return CodeRead(text, bool(text) and isMirrored(picture, text, MODULE_PIXELS))


def isSameText(read, text):
    """Tell whether a reader has read a text, save signs that are alike, capitals and spaces."""
    return _folded(read) == _folded(text)


def _folded(text):
    return "".join(text.split()).upper().translate(_ALIKE)


def recognized(picture):
    """Return the text that Tesseract reads in a picture, its lines joined by spaces; empty where it fails."""
    with tempfile.TemporaryDirectory(prefix="planninghub-") as folder:
        path = Path(folder) / "label.png"
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(picture), str(path))
        try:
            done = subprocess.run(
                [PROGRAM, str(path), "-", "--psm", "6"], capture_output=True, encoding="utf-8", errors="replace",
                timeout=SECONDS, env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return ""
    return " ".join(done.stdout.split())
