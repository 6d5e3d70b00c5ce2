"""A small CT series with any orientation, an asymmetric mask and a solid to go with it."""

from pathlib import Path

import numpy as np

from ORExportLib.Dicom.SegmentationObject import Segment

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
SHAPE = (6, 10, 14)
SPACING_MM = (0.8, 0.6, 1.5)
AXIAL = (1, 0, 0, 0, 1, 0)
# Rotated about all three axes, and with the rows running from left to right of the patient.
OBLIQUE = tuple(np.array([[-0.9, 0.3, 0.1], [0.25, 0.8, 0.5]]).reshape(-1))


def orthonormal(orientation):
    row, column = np.array(orientation, float).reshape(2, 3)
    row /= np.linalg.norm(row)
    column -= row * (row @ column)
    return row, column / np.linalg.norm(column)


def writeSeries(folder, orientation=AXIAL, shape=SHAPE, **changes):
    """Write a CT series sorted along its normal; return the paths and the (column, row, slice) to LPS matrix."""
    row, column = orthonormal(orientation)
    normal = np.cross(row, column)
    matrix = np.eye(4)
    matrix[:3, :3] = np.column_stack([row, column, normal]) * SPACING_MM
    matrix[:3, 3] = (-40.0, 25.5, -310.25)
    uids = [_uid() for _ in range(3)]
    paths = []
    for index in range(shape[0]):
        dataset = _slice(matrix, row, column, index, shape, uids)
        for keyword, value in changes.items():
            setattr(dataset, keyword, value)
        paths.append(Path(folder) / f"{index:05}.dcm")
        dataset.save_as(paths[-1], enforce_file_format=True)
    return paths, matrix


def _uid():
    from pydicom.uid import generate_uid

    return generate_uid(prefix=None)


def _slice(matrix, row, column, index, shape, uids):
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = CT_IMAGE, _uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = uids
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.PatientName, dataset.PatientID = "Doe^Jo", "P1"
    dataset.PatientBirthDate, dataset.PatientSex = "19700101", "F"
    dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = dataset.AcquisitionDate = "20240102"
    dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = dataset.AcquisitionTime = "101112"
    dataset.StudyID, dataset.AccessionNumber, dataset.ReferringPhysicianName = "S1", "A1", ""
    dataset.Modality, dataset.Manufacturer, dataset.SeriesNumber = "CT", "None", 3
    dataset.InstanceNumber, dataset.PositionReferenceIndicator, dataset.PatientPosition = index + 1, "", "HFS"
    dataset.ImageOrientationPatient = [round(float(value), 9) for value in (*row, *column)]
    dataset.ImagePositionPatient = [round(float(value), 6) for value in (matrix @ (0, 0, index, 1))[:3]]
    dataset.PixelSpacing, dataset.SliceThickness = [SPACING_MM[1], SPACING_MM[0]], SPACING_MM[2]
    dataset.KVP, dataset.AcquisitionNumber = 120, 1
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = shape[1:]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "HU"
    # Denser from slice to slice, so that a higher threshold finds less.
    dataset.PixelData = (asymmetricMask(shape)[index].astype(np.int16) * (1000 + 10 * index)).tobytes()
    return dataset


def asymmetricMask(shape=SHAPE):
    """A mask no mirror image or rotation of which is itself; the first slice stays empty."""
    mask = np.zeros(shape, np.uint8)
    mask[1:5, 2:8, 3] = 1
    mask[1:3, 2, 3:11] = 1
    mask[4, 6:8, 3:6] = 1
    return mask


def boneSegment(mask):
    return Segment("Bone", mask, ("85756007", "SCT", "Tissue"), ("272673000", "SCT", "Bone"), None, (0.9, 0.8, 0.6))


def tetrahedronStl():
    """A binary STL of a solid of 4 triangles; 284 bytes."""
    corners = np.array([(0, 0, 0), (10, 0, 0), (0, 20, 0), (0, 0, 30)], "<f4")
    faces = [(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)]
    triangles = np.zeros(4, [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("unused", "<u2")])
    triangles["corners"] = corners[np.array(faces)]
    return b"SPACE=LPS".ljust(80) + np.uint32(4).tobytes() + triangles.tobytes()


def addPart(case, stl=None, pieces=("",)):
    """Commit a part as the print step does, from the case's newest segmentation; each piece is the same STL."""
    with case.staging("part") as stage:
        for piece in pieces:
            (stage.folder / f"{case.name}{piece}.stl").write_bytes(stl or tetrahedronStl())
        (stage.folder / f"{case.name}.3mf").write_bytes(b"stands in for a 3MF")
        return stage.commit(
            parents=[case.latest("segmentation")],
            parameters={"maximumDeviationMm": 0.25},
            facts={"volumeMl": 1.0, "triangles": 4},
        )
