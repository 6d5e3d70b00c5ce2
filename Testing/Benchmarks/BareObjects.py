"""The package's DICOM objects by bare library calls: what pydicom and highdicom need, and no more."""

import datetime

import numpy
import vtk
from vtk.util import numpy_support

NOTICE = "NOT APPROVED: plan drawn in, not the scan"
BRIGHT_HU, DARK_HU = 3000, -1000
STL, OBJ, MTL, PDF = (
    "1.2.840.10008.5.1.4.1.1.104.3", "1.2.840.10008.5.1.4.1.1.104.4", "1.2.840.10008.5.1.4.1.1.104.5",
    "1.2.840.10008.5.1.4.1.1.104.1",
)  # fmt: skip
MEDIA_TYPES = {STL: "model/stl", OBJ: "model/obj", MTL: "model/mtl", PDF: "application/pdf"}
UNITS = {"mm": "millimeter", "ml": "milliliter", "cm3": "cubic centimeter"}


def common(number, description):
    """Return the arguments that all highdicom constructors share."""
    import highdicom

    now = datetime.datetime.now()
    return {
        "series_instance_uid": highdicom.UID(), "series_number": number, "sop_instance_uid": highdicom.UID(),
        "instance_number": 1, "manufacturer": "bench", "manufacturer_model_name": "bench", "software_versions": "1",
        "device_serial_number": "1", "series_description": description, "content_date": now.date(),
        "content_time": now.time(),
    }  # fmt: skip


def segmentation(headers, mask):
    """Return the Segmentation of a mask (slices, rows, columns)."""
    import highdicom
    from pydicom.sr.codedict import codes

    algorithm = highdicom.AlgorithmIdentificationSequence("bench", codes.cid7162.MorphologicalOperations, "1")
    described = highdicom.seg.SegmentDescription(
        1, "Bone", codes.SCT.Tissue, codes.SCT.Bone, "SEMIAUTOMATIC", algorithm_identification=algorithm
    )
    return highdicom.seg.Segmentation(
        headers, mask, "BINARY", [described], omit_empty_frames=True, **common(9001, "Segmentation")
    )


def encapsulated(headers, sopClassUid, document, icon=None):
    """Return a document as a DICOM object that names its source's images twice, as the standard asks."""
    import highdicom
    import pydicom

    first = headers[0]
    dataset = highdicom.SOPClass(
        study_instance_uid=first.StudyInstanceUID, sop_class_uid=sopClassUid, modality="M3D",
        transfer_syntax_uid=pydicom.uid.ExplicitVRLittleEndian, patient_id=first.PatientID,
        patient_name=first.PatientName, patient_birth_date=first.PatientBirthDate, patient_sex=first.PatientSex,
        accession_number=first.AccessionNumber, study_id=first.StudyID, study_date=first.StudyDate,
        study_time=first.StudyTime, **common(9002, "Document"),
    )  # fmt: skip
    dataset.BurnedInAnnotation, dataset.DocumentTitle = "YES", "Document"
    dataset.MIMETypeOfEncapsulatedDocument = MEDIA_TYPES[sopClassUid]
    dataset.FrameOfReferenceUID = first.FrameOfReferenceUID
    dataset.SourceInstanceSequence = [reference(header) for header in headers]
    series = pydicom.Dataset()
    series.SeriesInstanceUID = first.SeriesInstanceUID
    series.ReferencedInstanceSequence = [reference(header) for header in headers]
    dataset.ReferencedSeriesSequence = [series]
    dataset.EncapsulatedDocumentLength = len(document)
    dataset.EncapsulatedDocument = document + bytes(len(document) % 2)
    if icon is not None:
        dataset.IconImageSequence = [_icon(icon)]
    return dataset


def reference(header):
    """Return the item that names an instance."""
    import pydicom

    item = pydicom.Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    return item


def _icon(pixels):
    import pydicom

    item = pydicom.Dataset()
    item.Rows, item.Columns, item.SamplesPerPixel = pixels.shape
    item.PhotometricInterpretation, item.PlanarConfiguration = "RGB", 0
    item.BitsAllocated, item.BitsStored, item.HighBit, item.PixelRepresentation = 8, 8, 7, 0
    item.add_new("PixelData", "OB", pixels.tobytes())
    return item


def report(headers, segmentationObject, measurements):
    """Return the Comprehensive 3D SR after TID 1500 of numbers in a group for each step."""
    import highdicom
    from pydicom.sr.codedict import codes

    groups = {}
    for one in measurements:
        name = highdicom.sr.CodedConcept(one.figure[:16], "99BENCH", one.name[:64])
        unit = highdicom.sr.CodedConcept(one.unit, "UCUM", UNITS.get(one.unit, one.unit))
        groups.setdefault(one.stepName, []).append(highdicom.sr.Measurement(name, float(one.value), unit))
    found = [
        highdicom.sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=highdicom.sr.TrackingIdentifier(highdicom.UID(), step or "Parts"), measurements=items
        )
        for step, items in groups.items()
    ]
    device = highdicom.sr.DeviceObserverIdentifyingAttributes(uid=highdicom.UID(), name="bench")
    observer = highdicom.sr.ObserverContext(codes.DCM.Device, device)
    content = highdicom.sr.MeasurementReport(
        highdicom.sr.ObservationContext(observer_device_context=observer), codes.LN.CTUnspecifiedBodyRegion, found
    )
    return highdicom.sr.Comprehensive3DSR(
        [*headers, segmentationObject], content, is_complete=False, is_final=False, is_verified=False,
        **common(9004, "Measurements"),
    )  # fmt: skip


def selection(headers, objects):
    """Return the Key Object Selection of objects and the source's images."""
    import highdicom
    from pydicom.sr.codedict import codes

    everything = [*objects, *headers]
    content = highdicom.ko.KeyObjectSelection(codes.DCM.OfInterest, everything, description="NOT APPROVED")
    return highdicom.ko.KeyObjectSelectionDocument(everything, content, **common(9007, "Selection"))


def capture(header, pixels):
    """Return the Secondary Capture of a picture (rows, columns, 3)."""
    import highdicom

    values = common(9006, "Views")
    for name in (
        "manufacturer_model_name",
        "software_versions",
        "device_serial_number",
        "content_date",
        "content_time",
    ):
        values.pop(name)  # fmt: skip
    return highdicom.sc.SCImage.from_ref_dataset(
        header, pixel_array=pixels, photometric_interpretation="RGB", bits_allocated=8, coordinate_system="PATIENT",
        pixel_spacing=(1, 1), patient_orientation=("L", "P"), **values,
    )  # fmt: skip


def derivedImages(paths, marks, words):
    """Yield the dataset of each slice with marks and words painted in.

    :param marks: (slices, rows, columns), 1 where a line is and 2 around it
    :param words: (rows, columns) in the corner, the same for every slice
    """
    import pydicom

    seriesUid = pydicom.uid.generate_uid()
    for number, path in enumerate(paths):
        dataset = pydicom.dcmread(path)
        pixels = dataset.pixel_array.copy()
        intercept = int(dataset.RescaleIntercept)
        pixels[marks[number] == 2], pixels[marks[number] == 1] = DARK_HU - intercept, BRIGHT_HU - intercept
        corner = pixels[: len(words), : words.shape[1]]
        corner[...] = (numpy.where(words, BRIGHT_HU, DARK_HU) - intercept)[: len(corner), : corner.shape[1]]
        source = reference(dataset)
        dataset.SourceImageSequence = [source]
        dataset.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        dataset.SeriesInstanceUID, dataset.SeriesNumber, dataset.SeriesDescription = seriesUid, 9005, NOTICE
        dataset.BurnedInAnnotation, dataset.DerivationDescription = "YES", NOTICE
        dataset.PixelData = pixels.tobytes()
        yield dataset


def marksOf(image, polyData, lines):
    """Return what is painted (slices, rows, columns): a solid's outline on each slice, lines, and what is around them.

    :param image: the source as SimpleITK image
    :param polyData: LPS mm
    :param lines: (start, end) pairs, LPS mm
    """
    from scipy import ndimage

    shape = image.GetSize()[::-1]
    inside = _stencil(image, polyData)
    square = numpy.ones((1, 3, 3), bool)
    # Where there is nothing nothing is eroded.
    used = ndimage.find_objects(inside)[0] if inside.any() else (slice(0, 0),) * 3
    bright = numpy.zeros(shape, bool)
    bright[used] = inside[used] & ~ndimage.binary_erosion(inside[used], square)
    for start, end in lines:
        for share in numpy.linspace(0, 1, 500):
            place = start + share * (end - start)
            i, j, k = image.TransformPhysicalPointToIndex(place.tolist())
            if all(0 <= one < size for one, size in zip((k, j, i), shape, strict=True)):
                bright[k, j, i] = True
    marks = numpy.zeros(shape, numpy.uint8)
    for number in numpy.flatnonzero(bright.any((1, 2))):
        marks[number] = 2 * ndimage.binary_dilation(bright[number], square[0], iterations=2)
        marks[number][bright[number]] = 1
    return marks


def _stencil(image, polyData):
    """Return the voxels (slices, rows, columns) inside a surface in LPS mm, of a grid without rotation."""
    stencil = vtk.vtkPolyDataToImageStencil()
    stencil.SetInputData(polyData)
    stencil.SetOutputSpacing(image.GetSpacing())
    stencil.SetOutputOrigin(image.GetOrigin())
    stencil.SetOutputWholeExtent([bound for size in image.GetSize() for bound in (0, size - 1)])
    painted = vtk.vtkImageStencilToImage()
    painted.SetInputConnection(stencil.GetOutputPort())
    painted.SetOutputScalarTypeToUnsignedChar()
    painted.SetInsideValue(1)
    painted.Update()
    values = numpy_support.vtk_to_numpy(painted.GetOutput().GetPointData().GetScalars())
    return values.reshape(image.GetSize()[::-1]).copy()


def wordsBlock(lines, size=14):
    """Return lines of text as (rows, columns) of booleans."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size)
    picture = Image.new("1", (int(max(map(font.getlength, lines))) + 4, (size + 4) * len(lines)))
    ImageDraw.Draw(picture).multiline_text((2, 0), "\n".join(lines), 1, font)
    return numpy.asarray(picture)
