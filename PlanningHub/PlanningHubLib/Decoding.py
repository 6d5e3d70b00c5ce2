"""One slice decoded to Hounsfield units, of MR to the values its rescale gives. For the worker process."""

import functools
import io
import tempfile
from pathlib import Path

import numpy
import SimpleITK

from .Errors import InputRefused
from .HeaderParser import parsed
from .HeaderWalk import DEFLATED
from .SliceHeader import MR_CLASSES
from .StoredPixels import onlyStoredBits
from .TransferSyntaxes import BY_OPENJPEG


def decodeSlice(request):
    """Decode what a request names: path, frame (None for a single-frame file), class, transfer syntax, size, rescale.

    :returns: array (rows, columns) in HU, of MR in its own values, in the type that holds them
    :raises InputRefused: ``cannot-decode`` where the pixels are not what the header says; decoders raise what they like
    """
    # Readers differ in whether they apply the rescale of MR: it is applied here, to stored values.
    isStored = request["frame"] is not None or request["sopClassUid"] in MR_CLASSES
    if not isStored and request["transferSyntaxUid"] not in BY_OPENJPEG:
        voxels = _bySimpleItk(request["path"])
    else:
        stored = _storedValues(request)
        slope, intercept = request["rescaleSlope"], request["rescaleIntercept"]
        isWhole = float(slope).is_integer() and float(intercept).is_integer()
        voxels = stored.astype(numpy.int32) * int(slope) + int(intercept) if isWhole else stored * slope + intercept
    if voxels.shape != (request["rows"], request["columns"]):
        path = request["path"]
        raise InputRefused("cannot-decode", f"The pixels of {path} are not of the size that its header says.",
                           "Fetch the series from the archive again.", [path])  # fmt: skip
    return numpy.ascontiguousarray(voxels)


def _bySimpleItk(path):
    SimpleITK.ProcessObject.GlobalWarningDisplayOff()
    voxels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    return voxels[0] if voxels.ndim == 3 and len(voxels) == 1 else voxels


@functools.lru_cache(1)
def _dataset(path):
    dataset, file = parsed(path, withPixels=True)
    file.close()
    return dataset


def _storedValues(request):
    """Stored values of one frame: compressed ones as a single-frame file of their own, which every decoder reads."""
    from pydicom.pixels import pixel_array

    dataset, frame = _dataset(request["path"]), request["frame"] or 0
    syntax = dataset.file_meta.setdefault("TransferSyntaxUID", request["transferSyntaxUid"]).value
    if request["transferSyntaxUid"] in BY_OPENJPEG:
        return pixel_array(dataset, index=frame)
    # A deflated file is whole again once it was read.
    if syntax == DEFLATED or not syntax.is_encapsulated:
        return _uncompressed(pixel_array(dataset, index=frame), dataset)
    return decodedFrame(dataset, frame)


def _uncompressed(values, dataset):
    if dataset.HighBit != dataset.BitsStored - 1:
        raise ValueError("stored bits that are not the lowest")
    values = numpy.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return onlyStoredBits(values, int(dataset.BitsStored))


def decodedFrame(dataset, frame=0):
    """Return the stored values of a compressed frame, array (rows, columns), whatever its rescale says."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.dcm"
        path.write_bytes(_singleFrame(dataset, frame))
        return _bySimpleItk(path)


def _singleFrame(dataset, frame):
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate, get_frame
    from pydicom.uid import CTImageStorage, generate_uid

    single = Dataset()
    single.file_meta = FileMetaDataset()
    single.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    single.SOPClassUID, single.SOPInstanceUID = CTImageStorage, generate_uid(prefix=None)
    for keyword in ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
                    "SamplesPerPixel", "PhotometricInterpretation"):  # fmt: skip
        setattr(single, keyword, dataset[keyword].value)
    if single.PhotometricInterpretation == "MONOCHROME1":
        # How values are shown does not change them.
        single.PhotometricInterpretation = "MONOCHROME2"
    data = get_frame(dataset.PixelData, frame, number_of_frames=int(dataset.get("NumberOfFrames") or 1))
    single.PixelData = encapsulate([data])
    single["PixelData"].VR = "OB"
    target = io.BytesIO()
    single.save_as(target, enforce_file_format=True)
    return target.getvalue()
