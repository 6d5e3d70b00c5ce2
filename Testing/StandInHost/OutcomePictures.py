"""A scan after an operation that nobody had, made from the tutorial's, and the pictures of what is found in it.

The planned plate is laid into the scan with a known error, as a material that CT shows, and the patient lies another
way. What the page finds is held against that error: a picture with wrong figures is not made.
"""

import numpy

from .User import message

# Turn about R, A, S in degrees and shift in mm: of the plate from its plan, and of the patient from the first scan.
PLATE_ERROR = ((0.0, 2.0, 0.0), (-0.4, 0.6, 1.2))
PATIENT_MOTION = ((4.0, -3.0, 6.0), (6.0, -4.0, 9.0))
PLATE_HU, AFTER_DAYS = 1500, 30
TOLERANCE_MM, TOLERANCE_DEGREES = 0.3, 0.5


def motion(turnDegrees, shiftMm, center=(0, 0, 0)):
    """Return the 4×4 of turns about the axes through a center, and a shift."""
    from scipy.spatial.transform import Rotation

    matrix = numpy.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", turnDegrees, degrees=True).as_matrix()
    matrix[:3, 3] = numpy.asarray(shiftMm) + center - matrix[:3, :3] @ center
    return matrix


def writeOperated(series, folder, plate):
    """Write the series with a plate (mesh, RAS mm) in it, laid as :data:`PLATE_ERROR` says, the patient moved."""
    from Phantom.DicomSeries import uidFor

    error = motion(*PLATE_ERROR, plate.points.mean(0, dtype=float))
    # Files are in LPS.
    toLps = numpy.diag((-1, -1, 1, 1))
    patient = toLps @ motion(*PATIENT_MOTION) @ toLps
    ordered = _ordered(series)
    mask = _inside(ordered, plate.points @ error[:3, :3].T + error[:3, 3], plate.triangles)
    folder.mkdir(parents=True)
    for number, image in enumerate(ordered):
        stored = image.pixel_array.copy()
        stored[mask[number]] = (PLATE_HU - float(image.RescaleIntercept)) / float(image.RescaleSlope)
        image.PixelData = stored.tobytes()
        cosines = numpy.array(image.ImageOrientationPatient, float).reshape(2, 3) @ patient[:3, :3].T
        position = patient[:3, :3] @ numpy.array(image.ImagePositionPatient, float) + patient[:3, 3]
        image.ImageOrientationPatient = [f"{value:.12f}" for value in cosines.reshape(-1)]
        image.ImagePositionPatient = [f"{value:.6f}" for value in position]
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
            setattr(image, keyword, uidFor("operated", keyword))
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = uidFor("operated", number)
        _later(image)
        image.save_as(folder / f"{number:05}.dcm")


def _ordered(series):
    import pydicom

    images = [pydicom.dcmread(path) for path in sorted(series.rglob("*")) if path.is_file()]
    return sorted(images, key=lambda image: float(image.ImagePositionPatient[2]))


def _later(image):
    import datetime

    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        if image.get(keyword):
            day = datetime.datetime.strptime(image[keyword].value, "%Y%m%d") + datetime.timedelta(AFTER_DAYS)
            setattr(image, keyword, day.strftime("%Y%m%d"))


def _inside(ordered, pointsRas, triangles):
    """Return which voxels (slices, rows, columns) of upright slices lie within a surface."""
    from PlanningHubLib.Planning.Distances import searchOf
    from PlanningHubLib.Shapes.Mesh import Mesh

    first = ordered[0]
    rowMm, columnMm = (float(value) for value in first.PixelSpacing)
    left, back = (-float(value) for value in first.ImagePositionPatient[:2])
    slices = numpy.array([float(image.ImagePositionPatient[2]) for image in ordered])
    columns = left - columnMm * numpy.arange(first.Columns)
    rows = back - rowMm * numpy.arange(first.Rows)
    low, high = pointsRas.min(0), pointsRas.max(0)
    ranges = [
        numpy.flatnonzero((axis >= low[i]) & (axis <= high[i])) for axis, i in ((slices, 2), (rows, 1), (columns, 0))
    ]
    grid = numpy.stack(numpy.meshgrid(columns[ranges[2]], rows[ranges[1]], slices[ranges[0]], indexing="ij"), -1)
    found = searchOf(Mesh.fromArrays(pointsRas, triangles)).isInside(grid.reshape(-1, 3)).reshape(grid.shape[:3])
    mask = numpy.zeros((len(slices), len(rows), len(columns)), bool)
    mask[numpy.ix_(*ranges)] = found.transpose(2, 1, 0)
    return mask


def takeOutcome(tutorial):
    """Compare the made scan on the page of the outcome, show what was found, take page and views."""
    import slicer

    from PlanningHubLib.Planning.Scene import planNodes
    from PlanningHubLib.Shapes.Mesh import Mesh

    home, ui = tutorial.page("OutcomePanel")
    plate = Mesh.fromPolyData(planNodes(slicer.mrmlScene)["Plate"].GetPolyData())
    folder = tutorial.scan.parent / "afterwards"
    writeOperated(tutorial.scan, folder, plate)
    tutorial.host.enter(ui.folderPathLineEdit, folder)
    tutorial.host.enter(ui.onComboBox, "Skull")
    tutorial.host.click(ui.compareButton)
    if "The outcome is kept" not in message(home):
        raise SystemExit(f"The page says: {message(home)}")
    requireTrue(home.case)
    tutorial.host.click(ui.showButton)
    ui.compareCollapsibleButton.collapsed = True
    tutorial.grab("Outcome", 910)
    takeOutcomeViews(tutorial)


def requireTrue(case):
    """Stop where the page found something else than what was done."""
    from PlanningHubLib.Planning.OutcomeView import readOutcome

    values, _objects = readOutcome(case, case.latest("outcome"))
    row, (turn, shift) = next(one for one in values["bodies"] if one["body"] == "Plate"), PLATE_ERROR
    offMm = numpy.abs(numpy.subtract(row["translationMm"], shift)).max()
    if offMm > TOLERANCE_MM or abs(row["angleDegrees"] - max(turn)) > TOLERANCE_DEGREES:
        raise SystemExit(f"The plate was laid with {PLATE_ERROR}, and found with {row}")


def takeOutcomeViews(tutorial):
    """Draw what the views show of the scene: skull, plate and the plate that was found; and a slice through both."""
    import slicer

    from PlanningHubLib.CaseView import shownNode
    from PlanningHubLib.Pictures import Studio
    from PlanningHubLib.Planning.Objects import BONE_COLOR
    from PlanningHubLib.Planning.OutcomeScene import outcomeNodes
    from PlanningHubLib.Planning.Scene import planNodes
    from PlanningHubLib.Shapes.Surface import segmentSurface

    from .TutorialPictures import CROP, OUTLINES, PICTURES, SKULL, SLICE_SIZE, shrunk, view

    case = tutorial.user.host.widget("PlanningHub").case
    segmentation = shownNode(slicer.mrmlScene, case, "segmentation")
    skull = segmentSurface(segmentation, segmentation.GetSegmentation().GetSegmentIdBySegmentName(SKULL)).mesh
    (found,) = [node for node in outcomeNodes(slicer.mrmlScene) if node.GetName() == "Plate, found"]
    plates = planNodes(slicer.mrmlScene)["Plate"], found
    with Studio() as studio:
        bone = studio.addSurface(skull.toPolyData(), SKULL, BONE_COLOR)
        for node in plates:
            studio.addSurface(node.GetPolyData(), node.GetName(), node.GetDisplayNode().GetColor())
        view(studio, "OutcomeFront", "anterior")
        bone.GetDisplayNode().SetColor(*OUTLINES[0])
        volume = studio.addVolume(shownNode(slicer.mrmlScene, case, "source"))
        path = PICTURES / "OutcomeSlice.png"
        bounds = found.GetPolyData().GetBounds()
        studio.takeSlice(volume, path, "Axial", (bounds[4] + bounds[5]) / 2, SLICE_SIZE)
        shrunk(path, CROP)
