"""Is a series one uniform volume of one patient? Named faults where it is not, the volume's geometry where it is."""

import dataclasses

import numpy

from .Errors import Finding
from .SliceHeader import CT_CLASSES, modalityOf
from .TransferSyntaxes import pixelFaults

MINIMUM_SLICES = 3
# Positions are written with limited digits; a spacing that varies by more than this is a fault, not rounding.
POSITION_TOLERANCE_MM = 0.01
RELATIVE_SPACING_TOLERANCE = 0.01
DIRECTION_TOLERANCE = 1e-3
# More than this between the stacking direction and the slices' normal shears the volume (0.3 mm over 300 mm).
TILT_TOLERANCE_DEGREES = 0.06

REPAIR = "Choose another series, scan again, or agree to the repair: it is resampled and says so."
NO_REPAIR = "Choose another series, or scan again."
# What a stated Rescale Type says that the values are not (PS3.3 C.11.1.1.2): maps of dual-energy CT.
NOT_HU = {"OD", "MGML", "Z_EFF", "ED", "EDW", "PCT"}
RESCAN = "Fetch the complete series from the archive again, or choose another series."


@dataclasses.dataclass(frozen=True)
class VolumeGeometry:
    """A uniform volume: files sorted along the normal, ``shape`` (slices, rows, columns), matrix in LPS mm.

    ``ijkToLps`` (4×4) maps (column, row, slice) indices to millimetres.
    """

    headers: tuple
    shape: tuple
    spacingMm: tuple
    ijkToLps: numpy.ndarray

    @property
    def ijkToRas(self):
        """The same matrix in RAS."""
        return numpy.diag([-1.0, -1.0, 1.0, 1.0]) @ self.ijkToLps


def checkSeries(series):
    """Check a scanned series and return its geometry (None where it cannot have one) and the findings.

    Rules: the fifteen geometry and identity faults that importers commonly accept; each is a rejecting finding.
    """
    headers = series.headers
    checks = (_identity, pixelFaults, _content, _perSliceGeometry)
    findings = [finding for check in checks for finding in check(headers)]
    if any(finding.severity == "reject" for finding in findings):
        return None, findings
    geometry, stackFindings = _stack(headers)
    return (None if stackFindings else geometry), findings + stackFindings


def _reject(code, message, headers=(), action=RESCAN):
    return Finding(code, "reject", message, action, tuple(header.path for header in headers))


def _differing(headers, value):
    """Return the headers whose value differs from that of most."""
    groups = {}
    for header in headers:
        groups.setdefault(value(header), []).append(header)
    most = max(groups.values(), key=len)
    return [header for members in groups.values() if members is not most for header in members]


def _identity(headers):
    odd = _differing(headers, lambda header: header.patient)
    if odd:
        yield _reject("two-patients", "The series holds slices of more than one patient.", odd,
                      "Do not use it. Report the mix-up to the archive's administrator.")  # fmt: skip
    if not all(header.patientId for header in headers):
        yield _reject("no-patient-id", "Slices carry no patient ID, so results could not be matched to the patient.",
                      [header for header in headers if not header.patientId],
                      "Export the series with its patient ID, or agree to the repair and state it.")  # fmt: skip
    missing = [header for header in headers if not (header.seriesUid and header.studyUid and header.sopInstanceUid)]
    if missing:
        yield _reject("missing-uid", "Study, Series or SOP Instance UIDs are empty, so no result could refer to its "
                      "source images.", missing,
                      "Export the series with its UIDs, or agree to the repair, which completes them.")  # fmt: skip
    odd = _differing(headers, lambda header: header.studyUid)
    if odd:
        yield _reject("two-studies", "The series holds slices of more than one study.", odd)
    odd = _differing(headers, lambda header: header.frameOfReferenceUid)
    if odd:
        yield _reject("two-frames-of-reference", "The series holds slices of more than one frame of reference.", odd)
    if not all(header.frameOfReferenceUid for header in headers):
        yield _reject("no-frame-of-reference", "Slices name no frame of reference, so nothing could be placed on them.",
                      [header for header in headers if not header.frameOfReferenceUid])  # fmt: skip


def _content(headers):
    localizers = [header for header in headers if "LOCALIZER" in header.imageType]
    if localizers and len(localizers) < len(headers):
        yield _reject("localizer-inside", "A localizer (scout) image is mixed into the series.", localizers)
    elif localizers:
        yield _reject("localizer", "The series is a localizer (scout), not a volume.", localizers)
    mosaics = [header for header in headers if "MOSAIC" in header.imageType]
    if mosaics:
        yield _reject("mosaic", "Each image shows many slices side by side.", mosaics,
                      "Export the series as single slices or as Enhanced MR.")  # fmt: skip
    odd = _differing(headers, lambda header: modalityOf([header]))
    if odd:
        yield _reject("two-modalities", "The series mixes images of different modalities.", odd)
    yield from _pixelContent(headers)


def _pixelContent(headers):
    truncated = [header for header in headers if header.missingPixelBytes]
    if truncated:
        yield _reject("truncated-slice", "Slices are cut off: pixel data are missing.", truncated)
    noRescale = [header for header in headers if header.rescaleSlope is None or header.rescaleIntercept is None]
    if noRescale:
        meaning = "Hounsfield units" if modalityOf(headers) == "CT" else "the values they stand for"
        yield _reject("no-rescale", f"Slices do not say how stored values become {meaning}.", noRescale)
    zeroSlope = [header for header in headers if header.rescaleSlope == 0]
    if zeroSlope:
        yield _reject("zero-slope", "The rescale slope is zero: every voxel would have the same value.", zeroSlope)
    maps = [header for header in headers if header.sopClassUid in CT_CLASSES and header.rescaleType.upper() in NOT_HU]
    if maps:
        yield _reject("not-hu", f"The values are of type {maps[0].rescaleType}, not Hounsfield units.", maps,
                      "Choose the CT images that the map was computed from.")  # fmt: skip


def _perSliceGeometry(headers):
    noPosition = [header for header in headers if header.positionLps is None or header.orientationLps is None]
    if noPosition:
        yield _reject("no-position", "Slices do not say where in the patient they lie.", noPosition)
        return
    badSpacing = [h for h in headers if h.pixelSpacingMm is None or not (h.pixelSpacingMm > 0).all()]
    if badSpacing:
        yield _reject("zero-spacing", "Slices have no pixel spacing, or one that is not positive.", badSpacing)
    notUnit = [header for header in headers if not _isOrthonormal(header.orientationLps)]
    if notUnit:
        yield _reject("bad-orientation", "Slice orientations are not perpendicular unit vectors.", notUnit)
    odd = _differing(headers, lambda header: (header.rows, header.columns))
    if odd or not all(header.rows and header.columns for header in headers):
        yield _reject("two-sizes", "Slices differ in rows and columns, or do not state them.", odd)
    if not badSpacing:
        odd = _differing(headers, lambda header: tuple(header.pixelSpacingMm.round(5)))
        if odd:
            yield _reject("two-pixel-spacings", "Slices differ in pixel spacing.", odd)
    usual = numpy.median([header.orientationLps for header in headers], axis=0)
    odd = [header for header in headers if abs(header.orientationLps - usual).max() > DIRECTION_TOLERANCE]
    if odd:
        yield _reject("two-orientations", "Slices differ in orientation.", odd)
    if len(headers) < MINIMUM_SLICES:
        yield _reject(
            "single-slice", f"The series has {len(headers)} slices; a volume needs {MINIMUM_SLICES}.", headers
        )


def _isOrthonormal(orientation):
    row, column = orientation[:3], orientation[3:]
    return (
        abs(numpy.linalg.norm(row) - 1) < DIRECTION_TOLERANCE
        and abs(numpy.linalg.norm(column) - 1) < DIRECTION_TOLERANCE
        and abs(row @ column) < DIRECTION_TOLERANCE
    )


def _stack(headers):
    """Sort along the normal; return the geometry and what is wrong with the stack."""
    row, column = headers[0].orientationLps[:3], headers[0].orientationLps[3:]
    normal = numpy.cross(row, column)
    ordered = sorted(headers, key=lambda header: header.positionLps @ normal)
    positions = numpy.array([header.positionLps for header in ordered])
    steps = numpy.diff(positions @ normal)
    findings = _stackFaults(ordered, positions, steps, normal)
    if findings:
        return None, findings
    spacing = float((positions[-1] - positions[0]) @ normal / (len(ordered) - 1))
    pixelSpacing = ordered[0].pixelSpacingMm
    matrix = numpy.eye(4)
    matrix[:3, 0] = row * pixelSpacing[1]
    matrix[:3, 1] = column * pixelSpacing[0]
    matrix[:3, 2] = normal * spacing
    matrix[:3, 3] = positions[0]
    shape = (len(ordered), int(ordered[0].rows), int(ordered[0].columns))
    spacings = (float(pixelSpacing[1]), float(pixelSpacing[0]), spacing)
    return VolumeGeometry(tuple(ordered), shape, spacings, matrix), []


def _stackFaults(ordered, positions, steps, normal):
    duplicates = [ordered[index + 1] for index in numpy.flatnonzero(steps < POSITION_TOLERANCE_MM)]
    if duplicates:
        return [_reject("duplicate-slice", "Slices lie at the same place as others.", duplicates)]
    typical = float(numpy.median(steps))
    tolerance = max(POSITION_TOLERANCE_MM, RELATIVE_SPACING_TOLERANCE * typical)
    uneven = numpy.flatnonzero(abs(steps - typical) > tolerance)
    if len(uneven):
        multiples = steps[uneven] / typical
        gaps = abs(multiples - multiples.round()) < 0.05
        if gaps.all() and (multiples.round() >= 2).all():
            missing = int((multiples.round() - 1).sum())
            message = f"{missing} slices are missing (first gap after {positions[uneven[0]] @ normal:.1f} mm)."
            return [_reject("missing-slice", message, [ordered[index] for index in uneven])]
        message = f"Slice spacing is not uniform: {steps.min():.2f} to {steps.max():.2f} mm."
        return [_reject("non-uniform-spacing", message, [ordered[index] for index in uneven], _repairOf(ordered))]
    drift = positions - positions[0] - numpy.outer((positions - positions[0]) @ normal, normal)
    height = (positions[-1] - positions[0]) @ normal
    degrees = float(numpy.degrees(numpy.arctan2(numpy.linalg.norm(drift, axis=1).max(), height)))
    if degrees > TILT_TOLERANCE_DEGREES:
        cause = "The gantry was tilted" if modalityOf(ordered) == "CT" else "The stack is sheared"
        message = f"{cause} by {degrees:.1f} degrees: slices are not stacked along their normal."
        return [_reject("gantry-tilt", message, [], _repairOf(ordered))]
    return []


def _repairOf(headers):
    return REPAIR if modalityOf(headers) == "CT" else NO_REPAIR
