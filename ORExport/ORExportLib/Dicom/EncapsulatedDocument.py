"""A file wrapped in a DICOM object (Encapsulated Document module, PS3.3 C.24.2), for the model and the briefing."""

import dataclasses

from .DerivedObject import codedItem, longString, newObject

LATERALITY = {"left": "L", "right": "R", "bilateral": "B", "midline": "U"}


@dataclasses.dataclass(frozen=True)
class DocumentKind:
    """What tells one kind of encapsulated document from another.

    :param titleCode: ``pydicom.sr.coding.Code`` of Concept Name, or None
    :param namesTheCase: whether the document itself shows text that leads to the patient (Burned In Annotation)
    """

    sopClassUid: str
    modality: str
    mimeType: str
    seriesNumber: int
    seriesDescription: str
    titleCode: object
    namesTheCase: bool


def newDocument(source, making, kind, content, title, derivedFrom=()):
    """Return a dataset that holds the bytes of a document.

    :param kind: the :class:`DocumentKind`
    :param content: bytes of the document, stored as they are; one zero byte is added where the length is odd
    :param title: Document Title
    :param derivedFrom: further DICOM datasets the document was derived from, besides the source's images
    """
    dataset = newObject(source, making, kind.sopClassUid, kind.modality, kind.seriesNumber, kind.seriesDescription)
    dataset.BurnedInAnnotation = "YES" if kind.namesTheCase else "NO"
    dataset.VerificationFlag = "UNVERIFIED"
    dataset.DocumentTitle = longString(title)
    dataset.ConceptNameCodeSequence = [codedItem(kind.titleCode)] if kind.titleCode else []
    dataset.AcquisitionDateTime = _acquisitionDateTime(source)
    dataset.MIMETypeOfEncapsulatedDocument = kind.mimeType
    dataset.EncapsulatedDocumentLength = len(content)
    dataset.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    addSources(dataset, [*source.headers, *derivedFrom])
    return dataset


def encapsulatedBytes(dataset):
    """Return the document inside a dataset, without its padding byte."""
    return bytes(dataset.EncapsulatedDocument)[: int(dataset.EncapsulatedDocumentLength)]


def addSources(dataset, instances):
    """Say which images the document comes from (Source Instance Sequence, purpose CID 7060)."""
    from pydicom.sr.codedict import codes

    purpose = codedItem(codes.cid7060.SourceImage)
    dataset.SourceInstanceSequence = [_reference(instance) for instance in instances]
    for item in dataset.SourceInstanceSequence:
        item.PurposeOfReferenceCodeSequence = [purpose]


def addCommonInstanceReference(dataset, instances):
    """Say in which series of this study the referenced images are (Common Instance Reference, PS3.3 C.12.2)."""
    from pydicom.dataset import Dataset

    series = {}
    for instance in instances:
        series.setdefault(str(instance.SeriesInstanceUID), []).append(_reference(instance))
    dataset.ReferencedSeriesSequence = []
    for seriesUid, references in series.items():
        item = Dataset()
        item.SeriesInstanceUID = seriesUid
        item.ReferencedInstanceSequence = references
        dataset.ReferencedSeriesSequence.append(item)


def _reference(instance):
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID = instance.SOPClassUID
    item.ReferencedSOPInstanceUID = instance.SOPInstanceUID
    return item


def _acquisitionDateTime(source):
    first = source.first
    if first.get("AcquisitionDateTime"):
        return first.AcquisitionDateTime
    return f"{first.AcquisitionDate}{first.get('AcquisitionTime') or ''}" if first.get("AcquisitionDate") else None
