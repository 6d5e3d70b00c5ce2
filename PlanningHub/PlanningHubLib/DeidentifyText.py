"""Text burned into images, looked for by Tesseract where it is installed; where it is not, that is said."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy
import SimpleITK

PROGRAM = "tesseract"
WORD = re.compile(r"[A-Za-z0-9]{3,}")
LEAST_CONFIDENCE = 70.0
LEAST_WORDS = 1
AIR_HU = -1000
SECONDS = 60
ENLARGED = 3


def canLook():
    """Tell whether text can be looked for on this machine."""
    return shutil.which(PROGRAM) is not None


def burnedInText(voxels, black=AIR_HU):
    """Tell whether a volume shows text, as far as Tesseract sees it in five pictures; None where it could not look.

    The pictures are the first, the middle and the last slice, the brightest of all slices, and the darkest of all:
    text is written into every slice at one place, and stands out there.

    :param voxels: array (slices, rows, columns) in HU, or of MR without unit
    :param black: intensity of what is shown black
    """
    if not canLook():
        return None
    # Where anatomy varies from slice to slice, the darkest of all is dark: what stands in every slice is left.
    pictures = [voxels[0], voxels[len(voxels) // 2], voxels[-1], voxels.max(axis=0), voxels.min(axis=0)]
    return any(len(_words(picture, black)) >= LEAST_WORDS for picture in pictures)


def _words(picture, low):
    high = max(float(picture.max()), low + 1)
    gray = (255 * (numpy.clip(picture.astype(float), low, high) - low) / (high - low)).astype(numpy.uint8)
    # Dark letters on white, and large: what the program was made for.
    gray = numpy.repeat(numpy.repeat(255 - gray, ENLARGED, 0), ENLARGED, 1)
    with tempfile.TemporaryDirectory(prefix="planninghub-") as folder:
        path = Path(folder) / "slice.png"
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(gray), str(path))
        done = subprocess.run(
            [PROGRAM, str(path), "-", "--psm", "11", "tsv"],
            capture_output=True, encoding="utf-8", errors="replace", timeout=SECONDS,
        )  # fmt: skip
    rows = (line.split("\t") for line in done.stdout.splitlines()[1:])
    return [row[11] for row in rows if len(row) == 12 and float(row[10]) >= LEAST_CONFIDENCE and WORD.search(row[11])]
