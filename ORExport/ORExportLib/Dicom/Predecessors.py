"""Which DICOM object of an earlier package a newer one replaces.

Predecessor Documents: PS3.3 C.24.2 of models and PDF, C.17.2 of structured reports; segmentations know none.
"""

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


def documentBefore(case, role):
    """Return the dataset, without its document, of a role in the newest package that the case has, or None.

    :param role: of a file of which a package has one
    """
    package = case.latest("package")
    try:
        values = json.loads(case.path(package, Manifest.FILE_NAME).read_bytes()) if package else {"files": []}
        names = [one["path"] for one in values["files"] if one["role"] == role]
        return _header(case.path(package, names[0])) if names else None
    except (OSError, ValueError, KeyError, TypeError):
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


def addEditedModel(dataset, predecessor):
    """Say which object a model replaces: the same part before it was edited (CID 7062)."""
    from pydicom.sr.codedict import codes

    addPredecessor(dataset, predecessor)
    (series,) = dataset.PredecessorDocumentsSequence[0].ReferencedSeriesSequence
    series.ReferencedSOPSequence[0].PurposeOfReferenceCodeSequence = [codedItem(codes.cid7062.EditedModel)]


def addPredecessor(dataset, predecessor):
    """Say which object a document replaces."""
    from pydicom.dataset import Dataset

    reference, series, study = Dataset(), Dataset(), Dataset()
    reference.ReferencedSOPClassUID = predecessor.SOPClassUID
    reference.ReferencedSOPInstanceUID = predecessor.SOPInstanceUID
    series.SeriesInstanceUID, series.ReferencedSOPSequence = predecessor.SeriesInstanceUID, [reference]
    study.StudyInstanceUID, study.ReferencedSeriesSequence = predecessor.StudyInstanceUID, [series]
    dataset.PredecessorDocumentsSequence = [study]
