"""Times of writing the package's DICOM objects: ours beside the bare library calls, alternated in one run."""

import datetime
import tempfile
from pathlib import Path

from ORExportLib.Dicom.DerivedObject import Making
from ORExportLib.Dicom.EncapsulatedModel import buildEncapsulatedModel
from ORExportLib.Dicom.ModelModule import Model
from ORExportLib.Dicom.SegmentationObject import Algorithm, Segment, buildSegmentation
from ORExportLib.Dicom.Source import readSource

from .Timing import compared, imported

TISSUE = ("85756007", "SCT", "Tissue")
BONE = ("272673000", "SCT", "Bone")


def rows(sourcePaths, mask, stl, repeats=3):
    """Yield the rows of the package's DICOM objects.

    Reading the source's headers is counted for both, and so is writing the file.

    :param sourcePaths: CT files sorted by position
    :param mask: array (slices, rows, columns) of 0 and 1
    :param stl: bytes of the part
    """
    imported("highdicom", "pydicom.sr.codedict")
    with tempfile.TemporaryDirectory() as folder:

        def writing(way, content):
            return lambda: way(sourcePaths, content).save_as(Path(folder) / "object.dcm")

        yield from compared(
            {"SEG": writing(_ourSegmentation, mask)}, {"bare highdicom": writing(_bareSegmentation, mask)}, repeats
        )
        yield from compared(
            {"Encapsulated STL": writing(_ourModel, stl)}, {"bare pydicom": writing(_bareModel, stl)}, repeats
        )


def _making():
    return Making("PH-BENCH", datetime.datetime.now(datetime.UTC), {"Planning Hub": "bench"})


def _ourSegmentation(paths, mask):
    segment = Segment("Bone", mask, TISSUE, BONE, None, (0.9, 0.8, 0.6))
    return buildSegmentation(readSource(paths), _making(), [segment], Algorithm("bench", "1"))


def _ourModel(paths, stl):
    return buildEncapsulatedModel(readSource(paths), _making(), stl, Model("Bone", side="left"))


def _bareSegmentation(paths, mask):
    import highdicom
    import pydicom
    from pydicom.sr.codedict import codes
    from pydicom.sr.coding import Code

    algorithm = highdicom.AlgorithmIdentificationSequence("bench", codes.cid7162.MorphologicalOperations, "1")
    description = highdicom.seg.SegmentDescription(
        1, "Bone", Code(*TISSUE), Code(*BONE), "SEMIAUTOMATIC", algorithm_identification=algorithm
    )
    return highdicom.seg.Segmentation(
        [pydicom.dcmread(path, stop_before_pixels=True) for path in paths],
        mask,
        "BINARY",
        [description],
        series_instance_uid=highdicom.UID(),
        series_number=1,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="bench",
        manufacturer_model_name="bench",
        software_versions="1",
        device_serial_number="1",
    )


def _bareModel(paths, stl):
    """Only the largest values and the references: the least that pydicom has to write."""
    import pydicom
    from pydicom.uid import ExplicitVRLittleEndian

    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in paths]
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.104.3", "2.25.1"
    dataset.SourceInstanceSequence = []
    for header in headers:
        item = pydicom.Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
        dataset.SourceInstanceSequence.append(item)
    dataset.EncapsulatedDocument = stl + b"\0" * (len(stl) % 2)
    return dataset
