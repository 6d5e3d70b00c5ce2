"""DICOM files with a planted word in every place that can hold one."""

import struct

WORD = "Qzleak"
UID_PART = "97531797"
DATE = "19410203"
NUMBER = "7719283746"
WORDS = (WORD, UID_PART, DATE, NUMBER)
TEXT_VRS = {"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}
BYTE_VRS = {"OB", "OW", "OD", "OF", "OL", "OV", "UN"}
# Without these the series would be none, or the step would refuse it.
NEEDED = {
    "SOPClassUID", "SpecificCharacterSet", "PhotometricInterpretation", "BurnedInAnnotation", "PixelData", "PatientID",
    "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "ImageType", "NumberOfFrames",
    "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "RescaleSlope", "RescaleIntercept", "Rows",
    "Columns", "TransferSyntaxUID", "PatientName", "PatientBirthDate", "IssuerOfPatientID", "SliceThickness",
    "FloatPixelData", "DoubleFloatPixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
}  # fmt: skip
# A file with words here is refused as damaged before anything is copied.
READ_AS_NUMBERS = {"GantryDetectorTilt", "AcquisitionNumber", "TemporalPositionIdentifier", "TriggerTime", "EchoTime",
                   "InversionTime", "FlipAngle"}  # fmt: skip
PERIODS = {"DA": DATE, "TM": "101112.424242", "DT": DATE + "101112"}


def plantEverything(dataset, depth=5):
    """Plant into every attribute of the dictionary that can hold text, bytes or items; return how many.

    :param depth: how deep every fourth sequence is; deep ones take seconds to write
    """
    from pydicom.datadict import DicomDictionary

    count = 0
    for tag, (vr, _multiplicity, _name, _retired, keyword) in DicomDictionary.items():
        if keyword and keyword not in NEEDED | READ_AS_NUMBERS and tag >> 16 not in (0, 2, 4, 0xFFFC, 0xFFFE):
            count += plantOne(dataset, tag, vr.split(" or ")[0], count, depth)
    plantPrivate(dataset)
    plantRepeating(dataset)
    return count


def plantOne(dataset, tag, vr, number, depth=5):
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    if vr == "SQ":
        dataset.add_new(tag, "SQ", [nested(depth if number % 4 == 0 else min(depth, 1))])
    elif vr in BYTE_VRS:
        dataset.add_new(tag, vr, (WORD + f"{number:06}").encode().ljust(16))
    elif vr == "UI":
        dataset.add_new(tag, "UI", f"2.999.{UID_PART}.{number + 1}")
    elif vr in ("DA", "TM", "DT"):
        dataset.add_new(tag, vr, PERIODS[vr])
    elif vr in TEXT_VRS or vr in ("CS", "DS", "IS", "AS"):
        # As a scanner's file has it: bytes that nobody has checked.
        value = (f"{WORD}{number}" if vr in TEXT_VRS else WORD.upper() + str(number)).encode()
        dataset[tag] = RawDataElement(Tag(tag), vr, len(value) + len(value) % 2, value + b" " * (len(value) % 2), 0,
                                      False, True)  # fmt: skip
    else:
        return 0
    return 1


def nested(depth):
    """Return an item with words at every level, ``depth`` levels deep, partly in sequences that are kept."""
    from pydicom.dataset import Dataset

    item = Dataset()
    item.PatientName, item.ImageComments = f"{WORD}^Nested", f"{WORD} {depth}"
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = WORD, "99" + WORD.upper(), f"{WORD} meaning"
    item.ReferencedSOPInstanceUID = f"2.999.{UID_PART}.{depth}"
    item.StudyDate, item.PatientComments = DATE, NUMBER
    plantPrivate(item)
    if depth:
        # One branch a level: five would make a thousand items of each sequence.
        chain = ("ReferencedImageSequence", "PurposeOfReferenceCodeSequence", "SourceImageSequence", "ContentSequence",
                 "RequestAttributesSequence")  # fmt: skip
        setattr(item, chain[depth % len(chain)], [nested(depth - 1)])
    return item


def plantPrivate(dataset):
    """Plant private elements of every VR, with a private creator that is a word itself."""
    block = dataset.private_block(0x0009, f"{WORD} CREATOR", create=True)
    for number, vr in enumerate(sorted(TEXT_VRS - {"UR"})):
        block.add_new(number, vr, f"{WORD}{number}")
    for number, vr in enumerate(("OB", "OW", "UN"), 32):
        block.add_new(number, vr, WORD.encode().ljust(8))
    block.add_new(64, "UI", f"2.999.{UID_PART}")
    block.add_new(65, "DA", DATE)


def plantRepeating(dataset):
    """Plant an overlay and a curve, with their words."""
    dataset.add_new(0x60000010, "US", 8)
    dataset.add_new(0x60000022, "LO", f"{WORD} overlay")
    dataset.add_new(0x60003000, "OW", WORD.encode().ljust(8))
    dataset.add_new(0x50000022, "LO", f"{WORD} curve")
    dataset.add_new(0x50003000, "OW", WORD.encode().ljust(8))


def plantFile(dataset, path):
    """Write a dataset with words in preamble and file meta, and behind its end."""
    dataset.preamble = WORD.encode().ljust(128)
    dataset.file_meta.SourceApplicationEntityTitle = WORD.upper()
    dataset.file_meta.SendingApplicationEntityTitle = WORD.upper()
    dataset.file_meta.ImplementationVersionName = WORD.upper()
    dataset.file_meta.PrivateInformationCreatorUID = f"2.999.{UID_PART}"
    dataset.file_meta.PrivateInformation = WORD.encode().ljust(8)
    dataset.save_as(path, enforce_file_format=False)
    with open(path, "ab") as file:
        # Data Set Trailing Padding (PS3.10 7.2).
        file.write(struct.pack("<HH2sHI", 0xFFFC, 0xFFFC, b"OB", 0, 8) + WORD.encode().ljust(8))
