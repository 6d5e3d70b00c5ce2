"""Which DICOM object of an earlier package a model replaces (Predecessor Documents, PS3.3 C.24.2)."""

import json

from .. import Manifest
from .DerivedObject import codedItem


def predecessorOf(case, body, role):
    """Return the dataset of the same piece of the part's revision before this one, as the newest package has it.

    :param body: :class:`ORExportLib.Content.Body` of a part
    :param role: of the files of pieces, without number
    :returns: dataset without its document, or None where no earlier package holds it or can be read
    """
    for package in reversed([one for one in case.artefacts if one.kind == "package"]):
        try:
            values = json.loads(case.path(package, Manifest.FILE_NAME).read_bytes())
            if _revision(values, body.part.id) >= body.part.revision:
                continue
            return _header(case.path(package, _records(values, body.part.id, role)[body.number - 1]["path"]))
        except (OSError, ValueError, KeyError, IndexError, TypeError):
            continue
    return None


def _revision(manifest, partId):
    return max((one["revision"] for one in manifest["artefacts"] if one["id"] == partId), default=0)


def _records(manifest, partId, role):
    return [one for one in manifest["files"] if Manifest.baseRole(one["role"]) == role and one.get("part") == partId]


def _header(path):
    import pydicom

    keywords = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
    dataset = pydicom.dcmread(path, specific_tags=list(keywords))
    return dataset if all(keyword in dataset for keyword in keywords) else None


def addPredecessor(dataset, predecessor):
    """Say which object a model replaces: the same part before it was edited (CID 7062)."""
    from pydicom.dataset import Dataset
    from pydicom.sr.codedict import codes

    reference, series, study = Dataset(), Dataset(), Dataset()
    reference.ReferencedSOPClassUID = predecessor.SOPClassUID
    reference.ReferencedSOPInstanceUID = predecessor.SOPInstanceUID
    reference.PurposeOfReferenceCodeSequence = [codedItem(codes.cid7062.EditedModel)]
    series.SeriesInstanceUID, series.ReferencedSOPSequence = predecessor.SeriesInstanceUID, [reference]
    study.StudyInstanceUID, study.ReferencedSeriesSequence = predecessor.StudyInstanceUID, [series]
    dataset.PredecessorDocumentsSequence = [study]
