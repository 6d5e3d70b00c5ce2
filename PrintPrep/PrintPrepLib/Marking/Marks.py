"""What can stand on a part: letters and QR codes; how large, how deep, and what says so. Lengths in mm."""

import dataclasses
import re

import numpy

from PlanningHubLib.Errors import Finding, InputRefused, VerificationFailed
from PlanningHubLib.Paper import QUIET_MODULES, qrModules

from . import LabelReading, Lettering, QrCodes
from .Faces import MARGIN_MM, Wish

# "Letters >= 7.5 mm high, 3 mm deep were recommended": the suite's capabilities, engraved and legible ids.
RECOMMENDED_HEIGHT_MM, RECOMMENDED_DEPTH_MM = 7.5, 3.0
# Site defaults, no source, where no profile of a process says it.
LEAST_HEIGHT_MM, LEAST_DEPTH_MM, LEAST_WALL_MM, LEAST_FEATURE_MM = 3.0, 0.5, 1.0, 0.5
RAISED_MM, MODULE_MM, MODULE_DEPTH_MM = 1.0, 1.0, 1.0
# A code that leans more is distorted for a camera.
STEEPEST_CODE_DEGREES = 20.0
DEFAULT_TEXT = "{case} {side} {part} {piece}"


@dataclasses.dataclass(frozen=True)
class Limits:
    """The smallest that a process makes: letters (height, depth), the wall below them, a feature such as a module."""

    heightMm: float = LEAST_HEIGHT_MM
    depthMm: float = LEAST_DEPTH_MM
    wallMm: float = LEAST_WALL_MM
    featureMm: float = LEAST_FEATURE_MM

    @classmethod
    def of(cls, profile):
        """Return those of a :class:`PrintPrepLib.Production.Profiles.Profile`, or site defaults where there is none."""
        if profile is None:
            return cls()
        return cls(
            max(profile.minimumEngravingHeightMm, profile.minimumStrokeMm / Lettering.STROKE),
            profile.minimumEngravingDepthMm,
            max(profile.minimumWallMm, LEAST_WALL_MM),
            profile.minimumFeatureMm,
        )


class Letters:
    """A text that is to stand on a part."""

    kind = "letters"

    def __init__(self, text, identifiesPatient):
        self.text = text
        self.identifiesPatient = identifiesPatient
        self._layouts = Lettering.layouts(text)

    @property
    def extents(self):
        return tuple((one.width, one.height) for one in self._layouts)

    def outline(self, layout, sizeMm):
        """Return the manifold3d.CrossSection of one of the layouts, capitals being ``sizeMm`` high."""
        return Lettering.outline(self._layouts[layout], sizeMm)

    def wish(self, heightMm, depthMm, limits):
        """Return the :class:`PrintPrepLib.Marking.Faces.Wish` for letters of a height; a depth of 0 for raised ones."""
        leastMm = min(limits.heightMm, heightMm)
        return Wish(self.extents, heightMm, leastMm, depthMm, min(limits.depthMm, depthMm), limits.wallMm)

    def readFrom(self, mesh, frame, layout, sizeMm, raised):
        """Return what is read on a mesh, or None where nothing can read."""
        sizesMm = numpy.array(self.extents[layout]) * sizeMm + 2 * MARGIN_MM
        return LabelReading.readLetters(mesh, frame, sizesMm, sizeMm, raised, self.text)

    def isRead(self, read):
        return LabelReading.isSameText(read, self.text)

    def findings(self, sizeMm, depthMm, wantedDepthMm, raised):
        """Return what there is to say of their size."""
        if sizeMm < RECOMMENDED_HEIGHT_MM - 1e-6:
            yield Finding(
                "small-letters", "warn",
                f"The letters of {self.text} are {sizeMm:.1f} mm high; {RECOMMENDED_HEIGHT_MM} mm are recommended.",
                "See that they can be read on the printed part, or put them on a tag.",
            )  # fmt: skip
        if not raised and depthMm < min(wantedDepthMm, RECOMMENDED_DEPTH_MM) - 1e-6:
            yield Finding(
                "shallow-letters",
                "info",
                f"The letters of {self.text} are {depthMm:.1f} mm deep, as the wall allows; "
                f"{RECOMMENDED_DEPTH_MM:.0f} mm are recommended.",
            )


class Code:
    """A QR code that is to stand on a part; its size is that of a module."""

    kind = "qr"
    identifiesPatient = False

    def __init__(self, text):
        self.text = text
        self._dark = qrModules(text)

    @property
    def extents(self):
        side = len(self._dark) + 2 * QUIET_MODULES
        return ((side, side),)

    def outline(self, _layout, sizeMm):
        return QrCodes.outline(self._dark, sizeMm)

    def wish(self, moduleMm, depthMm, limits):
        """Return the :class:`PrintPrepLib.Marking.Faces.Wish` for a code with modules of a size."""
        leastMm, leastDepthMm = min(limits.featureMm, moduleMm), min(limits.depthMm, depthMm)
        return Wish(
            self.extents, moduleMm, leastMm, depthMm, leastDepthMm, limits.wallMm, steepestDegrees=STEEPEST_CODE_DEGREES
        )

    def readFrom(self, mesh, frame, _layout, sizeMm, raised):
        """Return the text that is read on a mesh.

        :raises VerificationFailed: ``label-mirrored``
        """
        # The quiet zone belongs to the code, the margin beyond it does not.
        read = LabelReading.readCode(mesh, frame, numpy.array(self.extents[0]) * sizeMm, sizeMm, raised)
        if read.mirrored:
            raise VerificationFailed(
                "label-mirrored", "The code stands on the part as in a mirror.",
                "Do not print it, and please report this: the part may be mirrored, too.",
            )  # fmt: skip
        return read.text

    def isRead(self, read):
        return read.upper() == self.text

    def findings(self, *_sizes):
        return ()


def writtenText(template, identity, pieceName=""):
    """Return a label's text, and whether it holds more than what the suite itself gave the case and the part.

    :param template: with ``{case}`` (the pseudonym), ``{side}`` in words, ``{part}`` (its number) and ``{piece}``; what
        has no value is left out
    :raises InputRefused: ``bad-label``
    """
    values = {
        "case": identity.caseName, "side": identity.side or "", "part": identity.partNumber, "piece": pieceName,
    }  # fmt: skip
    unknown = sorted(set(re.findall(r"\{(.*?)\}", template)) - set(values))
    if unknown:
        raise InputRefused(
            "bad-label",
            f"A label has nothing to put for {{{unknown[0]}}}.",
            f"Use {', '.join(f'{{{name}}}' for name in values)}.",
        )
    text = template
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value.upper())
    return " ".join(text.split()), bool(freeWords(template))


def freeWords(template):
    """Return the words (lower case) of a label's text that were typed, not filled in."""
    return {word.casefold() for word in re.findall(r"\w+", re.sub(r"\{.*?\}", " ", template))}
