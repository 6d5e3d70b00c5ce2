"""Small but complete DICOM objects for tests that move bytes and never look at a picture."""

from pathlib import Path


def writeSmallSeries(folder, count=3, kilobytes=4, seed=0):
    """Write ``count`` CT slices of one series, filled with noise, and return their paths in order."""
    import numpy
    from pydicom.uid import generate_uid

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    noise = numpy.random.default_rng(seed)
    study, series = (generate_uid(entropy_srcs=[f"{word}{seed}"]) for word in ("study", "series"))
    paths = []
    for number in range(1, count + 1):
        pixels = noise.integers(-1000, 2000, (kilobytes * 8, 64), dtype="int16")
        uid = generate_uid(entropy_srcs=[f"object{seed}-{number}"])
        path = folder / f"{number:05d}.dcm"
        _slice(pixels, number, study, series, uid).save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def _slice(pixels, number, study, series, uid):
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
    dataset.PatientID, dataset.PatientName, dataset.Modality = "TEST", "Test^Object", "CT"
    dataset.StudyDate = dataset.StudyTime = dataset.AccessionNumber = dataset.StudyID = ""
    dataset.SeriesNumber, dataset.InstanceNumber = 1, number
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, number], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness = [1, 1], 1
    dataset.RescaleIntercept, dataset.RescaleSlope = 0, 1
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    dataset.PixelData = pixels.tobytes()
    return dataset
