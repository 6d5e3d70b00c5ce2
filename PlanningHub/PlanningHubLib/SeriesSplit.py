"""One series that holds several volumes (phases, b-values, a localizer), split into them: they are never merged."""

import itertools

import numpy

from .Errors import Finding
from .SliceHeader import VOLUME_CLASSES, ScannedSeries

# Attributes that make several volumes of one series wherever they differ.
ALWAYS = {
    "stack": "stackId",
    "temporal position": "temporalPosition",
    "cardiac phase": "cardiacPhasePercent",
    "b-value": "diffusionBValue",
}
# Attributes that also differ within good volumes: they split only where slices would else lie on each other.
WHERE_SLICES_COINCIDE = {
    "gradient direction": "diffusionDirection",
    "trigger time": "triggerTimeMs",
    "echo time": "echoTimeMs",
    "inversion time": "inversionTimeMs",
    "flip angle": "flipAngleDegrees",
    "complex component": "complexComponent",
    "acquisition number": "acquisitionNumber",
    "image type": "imageType",
    "kernel": "convolutionKernel",
}
POSITION_DIGITS = 2
DIRECTION_DIGITS = 4
# Of how many volumes a finding says what each is.
MOST_NAMED = 12


def splitSeries(series):
    """Split a scanned series.

    :returns: list of :class:`PlanningHubLib.SliceHeader.ScannedSeries`, and findings ``series-split``, one per key that
        was used
    """
    others, localizers, slices = [], [], []
    for header in series.headers:
        isVolume = header.sopClassUid in VOLUME_CLASSES
        group = others if not isVolume else localizers if "LOCALIZER" in header.imageType else slices
        group.append(header)
    if not slices or _isMixedUp(series.headers, slices):
        return [series], []
    findings = []
    volumes, splitBy = _volumes(slices)
    if splitBy:
        message = f"It holds {len(volumes)} volumes, split by {' and '.join(splitBy)}: {_named(volumes, splitBy)}."
        findings.append(_finding(series, message, "warn"))
    if localizers or others:
        what = " and ".join(
            filter(
                None,
                [
                    localizers and f"{len(localizers)} localizers",
                    others and f"{series.count - len(slices) - len(localizers)} other objects",
                ],
            )
        )
        findings.append(_finding(series, f"{what} were split from its {len(slices)} slices, by image type.", "info"))
    names = [series.uid] if len(volumes) == 1 else [f"{series.uid}#{number}" for number in range(1, len(volumes) + 1)]
    parts = [ScannedSeries(name, volume, len(volume)) for name, volume in zip(names, volumes, strict=True)]
    parts += [ScannedSeries(f"{series.uid}#localizer", localizers, len(localizers))] if localizers else []
    return parts, findings


def _isMixedUp(headers, slices):
    """Several patients, studies or frames of reference are refused as they are, never sorted out by a guess."""
    identities = {(header.patient, header.studyUid) for header in headers}
    return len(identities) > 1 or len({header.frameOfReferenceUid for header in slices}) > 1


def _finding(series, message, severity):
    return Finding("series-split", severity, f"Series {series.uid}: {message}",
                   "Check that the chosen volume is the one that you mean.")  # fmt: skip


def _named(volumes, splitBy):
    """Say by what each volume can be told from the others, for as many as anybody reads."""
    fields = [{**ALWAYS, **WHERE_SLICES_COINCIDE}[name] for name in splitBy]
    texts = [
        f"#{number} {', '.join(_valueText(getattr(volume[0], field)) for field in fields)}"
        for number, volume in enumerate(volumes[:MOST_NAMED], 1)
    ]
    return "; ".join(texts) + (" and so on" if len(volumes) > MOST_NAMED else "")


def _valueText(value):
    if value is None or isinstance(value, str) and not value:
        return "none"
    if isinstance(value, (numpy.ndarray, tuple)):
        return " ".join(map(_valueText, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _volumes(slices):
    """Return the volumes, and the names of the keys that told them apart."""
    for name, field in ALWAYS.items():
        groups = _grouped(slices, field)
        # A value of each slice's own is not a volume's.
        if len(groups) > 1 and (min(map(len, groups)) > 1 or _coincide(slices)):
            return _furtherSplit(groups, name)
    if not _coincide(slices):
        return [slices], []
    for name, field in WHERE_SLICES_COINCIDE.items():
        groups = _grouped(slices, field)
        if len(groups) > 1 and not any(map(_coincide, groups)):
            return groups, [name]
    return [slices], []


def _furtherSplit(groups, name):
    """What one key left together may need another: the directions of one b-value."""
    split = [_volumes(group) for group in groups]
    names = dict.fromkeys([name, *(further for _volumesOf, names in split for further in names)])
    return list(itertools.chain.from_iterable(volumes for volumes, _names in split)), list(names)


def _grouped(slices, field):
    groups = {}
    for header in slices:
        groups.setdefault(_key(getattr(header, field)), []).append(header)
    # None sorts first: some scanners leave the value of the first phase out.
    return [groups[value] for value in sorted(groups, key=_order)]


def _key(value):
    return tuple(numpy.round(value, DIRECTION_DIGITS).tolist()) if isinstance(value, numpy.ndarray) else value


def _order(value):
    return value is not None, value if isinstance(value, float) else 0.0, str(value)


def _coincide(slices):
    """Do most slices lie on another one? A single duplicate is a fault, not a second volume."""
    places = [header.positionLps for header in slices if header.positionLps is not None]
    if len(places) < 2:
        return False
    return len(numpy.unique(numpy.round(places, POSITION_DIGITS), axis=0)) <= 0.75 * len(places)
