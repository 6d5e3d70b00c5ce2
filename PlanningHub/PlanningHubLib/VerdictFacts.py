"""What the verdict needs of a series beyond its geometry: dates, kernel, contrast, side, as a few of its slices say."""

import dataclasses
import datetime

from .SliceHeader import CONE_BEAM_CLASSES, modalityOf

# Field of SliceHeader -> field of SeriesFacts.
FIELDS = {
    "studyDate": "studyDate",
    "acquisitionDate": "acquisitionDate",
    "laterality": "laterality",
    "imageLaterality": "laterality",
    "bodyPart": "bodyPart",
    "seriesDescription": "seriesDescription",
    "protocolName": "protocolName",
    "studyDescription": "studyDescription",
    "contrastAgent": "contrastAgent",
    "convolutionKernel": "kernel",
    "manufacturer": "manufacturer",
    "model": "model",
    "rescaleType": "rescaleType",
    "gantryTiltDegrees": "tiltDegrees",
    "sliceThicknessMm": "sliceThicknessMm",
}
NO_CONTRAST = {"", "NO", "NONE", "WITHOUT", "NATIVE", "NATIV", "0", "N"}


@dataclasses.dataclass(frozen=True)
class SeriesFacts:
    """Per field the different values that the first, middle and last slice of a series state, as text.

    :param modality: ``CT`` or ``MR``
    :param isConeBeamClass: whether the images are X-ray volumes that are not written as CT
    """

    values: dict
    modality: str = "CT"
    isConeBeamClass: bool = False

    @property
    def isHu(self):
        """Whether limits in HU can be applied."""
        return self.modality == "CT"

    def first(self, field):
        """Return the first stated value, empty where no slice states one."""
        return next(iter(self.values.get(field, ())), "")

    def numbers(self, field):
        """Return the stated values that are numbers."""
        found = []
        for text in self.values.get(field, ()):
            try:
                found.append(float(text))
            except ValueError:
                continue
        return found

    @property
    def scanDate(self):
        """The day of acquisition, else of the study; None where neither is stated as a date."""
        for field in ("acquisitionDate", "studyDate"):
            text = self.first(field).replace(".", "")
            try:
                return datetime.datetime.strptime(text[:8], "%Y%m%d").date()
            except ValueError:
                continue
        return None

    @property
    def hasContrast(self):
        """What the header says: True where it names an agent."""
        return self.first("contrastAgent").strip().upper() not in NO_CONTRAST


def readFacts(headers):
    """Return the :class:`SeriesFacts` of a series from three of its slices.

    :param headers: list of :class:`PlanningHubLib.SliceHeader.SliceHeader`, in any order
    """
    values = {}
    for header in (headers[0], headers[len(headers) // 2], headers[-1]):
        for field, name in FIELDS.items():
            text = _text(getattr(header, field))
            known = values.setdefault(name, [])
            if text and text not in known:
                known.append(text)
    isConeBeamClass = headers[0].sopClassUid in CONE_BEAM_CLASSES
    return SeriesFacts({name: tuple(known) for name, known in values.items()}, modalityOf(headers), isConeBeamClass)


def _text(value):
    if value is None:
        return ""
    return value.replace("\\", ",").strip() if isinstance(value, str) else f"{value:.12g}"
