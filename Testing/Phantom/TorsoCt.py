"""The real torso CT of the test data as a DICOM series, and its reference labels with a tumor planted in the liver.

The scan has 3 mm voxels and no DICOM of its own; patient and UIDs are invented here. The tumor is a ball: its size and
place are known, which no real one's are.
"""

import json
from pathlib import Path

import numpy
import SimpleITK

from .DicomSeries import writeSeries

CT, LABELS, NAMES = "ct_torso_3mm.nii.gz", "ct_torso_3mm_labels.nii.gz", "labels.json"
TUMOR_LABEL, TUMOR_RADIUS_MM = 200, 15.0


def writeTorso(folder, data):
    """Write the CT as a series of whole HU from -1024 below a folder; return the folder of the series."""
    image = SimpleITK.ReadImage(str(Path(data) / CT))
    voxels = numpy.clip(SimpleITK.GetArrayFromImage(image), -1024, 3000)
    direction = numpy.array(image.GetDirection()).reshape(3, 3)
    writeSeries(
        Path(folder), voxels, image.GetSpacing(), image.GetOrigin(), direction,
        patientId="TORSO-1", patientName="Test^Torso",
    )  # fmt: skip
    return Path(folder)


def writeTorsoLabels(path, data):
    """Write the reference labels and the tumor as a NIfTI file; return label value → name and the tumor's center.

    :returns: dictionary, and (3,) RAS mm
    """
    image = SimpleITK.ReadImage(str(Path(data) / LABELS))
    labels = SimpleITK.GetArrayFromImage(image).astype(numpy.int16)
    names = {entry["label"]: name for name, entry in json.loads((Path(data) / NAMES).read_text())[LABELS].items()}
    liver = next(value for value, name in names.items() if name == "liver")
    # The grid's border counts as the liver's: the tumor has to be whole.
    inside = SimpleITK.GetImageFromArray(numpy.pad(labels == liver, 1).astype(numpy.uint8))
    depth = SimpleITK.GetArrayFromImage(SimpleITK.SignedMaurerDistanceMap(inside, insideIsPositive=True))
    center = numpy.array(numpy.unravel_index(depth.argmax(), depth.shape)) - 1
    distanceMm = numpy.linalg.norm((numpy.indices(labels.shape).T - center) * image.GetSpacing()[0], axis=-1).T
    labels[distanceMm <= TUMOR_RADIUS_MM] = TUMOR_LABEL
    changed = SimpleITK.GetImageFromArray(labels)
    changed.CopyInformation(image)
    SimpleITK.WriteImage(changed, str(path))
    centerLps = image.TransformContinuousIndexToPhysicalPoint([float(index) for index in center[::-1]])
    return {**names, TUMOR_LABEL: "tumor"}, numpy.array(centerLps) * (-1, -1, 1)
