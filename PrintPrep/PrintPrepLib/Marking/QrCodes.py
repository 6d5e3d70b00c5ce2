"""The QR code on a part: what it says, its modules as an outline, and reading it back.

Its text is ``PLANNINGHUB:<case>:<part number>:<32 hexadecimal digits>``, all in capitals: so it needs only QR's
alphanumeric mode, and fewer, larger modules. The digits are the first of the content hash of the plan or segmentation
that the part was made from. Readers take capitals and small letters as equal.
"""

import dataclasses
import re

import numpy

from PlanningHubLib.Errors import VerificationFailed
from PlanningHubLib.Paper import qrModules

SCHEME = "PLANNINGHUB"
HASH_DIGITS = 32
# Modules that meet in a corner only are kept this far apart, as a share of a module: else they would be no solid.
_APART = 0.04
# Of the modules of a code that was read; site default, no source. A code of another text has half to three quarters of
# them, as its patterns and the scheme are the same; medium error correction reads up to a seventh of wrong ones.
_LEAST_EQUAL = 0.85
_TEXT = re.compile(rf"{SCHEME}:([^:]+):([^:]+):([0-9A-F]{{{HASH_DIGITS}}})")


@dataclasses.dataclass(frozen=True)
class QrIdentity:
    """What a part's QR code says, in capitals."""

    caseName: str
    partNumber: str
    sourceHash: str

    def fits(self, identity):
        """Tell whether it is that of a :class:`PrintPrepLib.PartWork.PartIdentity`."""
        return qrText(identity) == f"{SCHEME}:{self.caseName}:{self.partNumber}:{self.sourceHash}"


def qrText(identity):
    """Return the text of a part's QR code.

    :param identity: :class:`PrintPrepLib.PartWork.PartIdentity`
    """
    digits = identity.sourceContent.removeprefix("sha256:")[:HASH_DIGITS]
    return f"{SCHEME}:{identity.caseName}:{identity.partNumber}:{digits}".upper()


def parsed(text):
    """Return the :class:`QrIdentity` of a code's text, or None where it is none of ours."""
    found = _TEXT.fullmatch(text.strip().upper())
    return QrIdentity(*found.groups()) if found else None


def outline(dark, moduleMm):
    """Return the dark modules as a manifold3d.CrossSection in mm, to be read from +z with y up, centered on zero.

    :param dark: boolean (n, n), rows from the top
    """
    import manifold3d

    size, runs = len(dark), []
    for row, line in enumerate(dark):
        steps = numpy.flatnonzero(numpy.diff(numpy.r_[0, line.astype(numpy.int8), 0]))
        bottom = size / 2 - row - 1
        for start, end in steps.reshape(-1, 2) - size / 2:
            runs.append([(start, bottom), (end, bottom), (end, bottom + 1), (start, bottom + 1)])
    section = manifold3d.CrossSection(runs, manifold3d.FillRule.NonZero)
    section = section.offset(-_APART / 2, manifold3d.JoinType.Miter)
    return section.scale((moduleMm, moduleMm))


def readQr(picture):
    """Return the text of the QR code in a gray picture, uint8 (rows, columns), dark on white; empty without any."""
    import zxingcpp

    found = zxingcpp.read_barcodes(numpy.ascontiguousarray(picture), formats=zxingcpp.BarcodeFormat.QRCode)
    return next((one.text for one in found if one.valid), "")


def isMirrored(picture, text, modulePixels):
    """Tell whether the code in the middle of a picture is the mirror image of the one that a text has.

    Its modules are compared with those of the text, in all four turns, and with those as in a mirror.

    :param picture: gray, uint8 (rows, columns), upright but for quarter turns
    :raises VerificationFailed: ``code-not-compared``: neither fits enough modules
    """
    wanted = qrModules(text)
    seen = _modulesSeen(picture, len(wanted), modulePixels)
    shares = [
        max(float((numpy.rot90(one, quarters) == seen).mean()) for quarters in range(4))
        for one in (wanted, wanted[:, ::-1])
    ]
    if max(shares) < _LEAST_EQUAL:
        raise VerificationFailed(
            "code-not-compared", f"Only {100 * max(shares):.0f} % of the modules of a code that was read are its own.",
            "Please report this.",
        )  # fmt: skip
    return shares[1] > shares[0]


def _modulesSeen(picture, count, modulePixels):
    """Return which modules (count, count) of the code in the middle of a picture are dark."""
    offsets = (numpy.arange(count) - (count - 1) / 2) * modulePixels
    rows, columns = (numpy.rint((size - 1) / 2 + offsets).astype(int) for size in picture.shape)
    return picture[numpy.ix_(rows, columns)] < 128
