"""The record of a case: what a store needs beside the files to find the case, give it back whole, and tell it is true.

A folder store keeps the record with its list of files. A store of DICOM objects keeps it as JSON in a private block of
a Raw Data object, in a series of its own that case, study and procedure name together, so that an archive's own search
finds it. Records are added and never replaced. A later version may put more into the same record: a reader takes the
names that it knows.
"""

import datetime
import functools
import importlib.resources
import io
import json
import zlib

from PlanningHubLib.Errors import VerificationFailed
from PlanningHubLib.Files import sha256Bytes
from PlanningHubLib.Locking import utcNow
from PlanningHubLib.SchemaCheck import inWords, schemaFault
from PlanningHubLib.Software import versions
from PlanningHubLib.UncheckedValues import uncheckedValues

from ..Items import DICOM, Item, itemOf
from .Metadata import approvedBy, metadataOf, retentionOf
from .RawData import RAW_DATA_STORAGE, startObject, uidOf, writeObject

FORMAT, VERSION = "planninghub-case-record", 2
CONTENT_LABEL = "CASE_RECORD"
SERIES_DESCRIPTION = "Planning Hub case record (no images)"
SERIES_NUMBER = 9009
ITEM_NAME = "record of the case"
# The block of private attributes (PS3.5 7.8): SHA-256, length without padding, and the JSON, deflated (RFC 1950): the
# records of a case are read together, and of thousands of files each says much. Version 1 has the JSON as it is.
PRIVATE_GROUP, PRIVATE_CREATOR = 0x0071, "PLANNING HUB CASE RECORD"
DIGEST, LENGTH, CONTENT = 0x01, 0x02, 0x03
LONGEST_TEXT = 64
# Of a record's JSON: what unfolds to more is no record.
MOST_BYTES = 256 << 20
# What the moment of writing changes, and nothing else of the case.
OF_THE_MOMENT = ("when",)


class NotARecord(Exception):
    """An object is no whole record of this case."""


# Where the records are


def recordSeries(caseId, studyUid, procedure):
    """Return the UID of the series of a case's records in a study; it can always be found again (PS3.5 B.2).

    The procedure is one of the series' attributes, so a case whose procedure is stated later begins another series.
    """
    return uidOf(FORMAT, "2", caseId, studyUid, procedure or "")


def recordSeriesOf(case):
    """Return (study UID, series UID) of every series in which records of the case may lie, those of version 1 first."""
    studies = {study: None for one in case.artefacts if one.kind == "source" for study in _studiesOf(case, one)}
    studies = [study for study in studies if study]
    older = [(study, uidOf(FORMAT, case.caseId, study)) for study in studies]
    procedures = dict.fromkeys(["", case.procedure or ""])
    return older + [(study, recordSeries(case.caseId, study, one)) for study in studies for one in procedures]


def _studiesOf(case, source):
    """Yield the study that the case states, and that of its images: a forger may have changed what is stated."""
    yield source.facts.get("studyUid")
    paths = (case.path(source, name) for name in source.files if name.endswith(".dcm"))
    first = next((path for path in paths if path.is_file()), None)
    yield itemOf(first, sha256="-").studyUid if first else None


# What stands in one


def recordValues(case, files, contents, header):
    """Return the values of a new record of the case as it is now.

    :param files: path within the case → SHA-256
    :param contents: SHA-256 → how a store of DICOM objects keeps it; empty for a folder store
    :param header: :class:`CentralSyncLib.Records.RawData.CaseHeader`, or None
    :raises VerificationFailed: ``record-unfit``, where the case holds something that the record's schema does not allow
    """
    values = {
        "format": FORMAT, "version": VERSION, "caseId": case.caseId, "name": case.name, "when": utcNow(),
        "auditHead": case.auditHead,
        "case": {
            "patientCode": case.patientCode, "side": case.side, "procedure": case.procedure, "created": case.created,
            "kinds": sorted({one.kind for one in case.artefacts}), "approvals": approvedBy(case),
            "bytes": _bytesOf(case, files),
        },
        "files": files, "contents": contents,
        "graph": graphOf(case),
        "approvals": case.governance["approvals"],
        "superseded": _superseded(case),
        "manifest": _manifestOf(case),
        "metadata": metadataOf(case, header),
        "retention": retentionOf(case),
    }  # fmt: skip
    fault = schemaFault(values, _schema())
    if fault:
        words = inWords(f"The record of case {case.name}", fault)
        raise VerificationFailed("record-unfit", f"{words}.", "Please report it; the case's files were sent.")
    return values


@functools.cache
def _schema():
    path = importlib.resources.files(__package__) / "Schemas" / "case-record-2.schema.json"
    return json.loads(path.read_text("utf-8"))


def _bytesOf(case, files):
    sizes = {record.sha256: record.bytes or 0 for one in case.artefacts for record in one.files.values()}
    own = {digest: (case.folder / name).stat().st_size for name, digest in files.items() if "/" not in name}
    return sum({**sizes, **own}.values())


def graphOf(case):
    """Return what a record says of every revision of every artefact."""
    return [
        {
            "id": one.id, "kind": one.kind, "revision": one.revision, "content": one.content, "title": one.title,
            "parents": [{"id": link.id, "content": link.content} for link in one.parents], "when": one.when,
        }
        for one in case.artefacts
    ]  # fmt: skip


def _superseded(case):
    newest = {one.id: one.revision for one in case.artefacts}
    older = [one for one in case.artefacts if one.revision < newest[one.id]]
    return [{"id": one.id, "revision": one.revision, "by": newest[one.id]} for one in older]


def _manifestOf(case):
    package = case.latest("package")
    return package.files["manifest.json"].sha256 if package and "manifest.json" in package.files else None


def saysTheSame(values, older):
    """Tell whether a record says what another one says, whenever they were written."""
    return all(values[name] == older.get(name) for name in values if name not in OF_THE_MOMENT)


# The object that carries one


def recordItem(values, header):
    """Return the :class:`CentralSyncLib.Items.Item` of the Raw Data object (PS3.3 A.37) that carries a record."""
    data = _object(values, header)
    dataset = _readObject(data)
    return Item(
        sha256Bytes(data), None, ITEM_NAME, DICOM, str(dataset.SOPInstanceUID), str(dataset.SeriesInstanceUID),
        str(dataset.StudyInstanceUID), len(data), functools.partial(io.BytesIO, data),
    )  # fmt: skip


def _object(values, header):

    content = zlib.compress(json.dumps(values, sort_keys=True).encode(), 9)
    when = datetime.datetime.fromisoformat(values["when"])
    with uncheckedValues():
        dataset = startObject(header, when)
        _describe(dataset, values, header)
        dataset.SOPInstanceUID = uidOf(FORMAT, header.studyUid, sha256Bytes(content))
        block = dataset.private_block(PRIVATE_GROUP, PRIVATE_CREATOR, create=True)
        block.add_new(DIGEST, "LO", sha256Bytes(content))
        block.add_new(LENGTH, "UL", len(content))
        block.add_new(CONTENT, "OB", content + b"\0" * (len(content) % 2))
        file = io.BytesIO()
        writeObject(dataset, file)
    return file.getvalue()


def _describe(dataset, values, header):
    """Add the modules General Series and Raw Data: pseudonym, procedure and date are what an archive searches by."""
    about, lines = values["case"], values["auditHead"]["lines"]
    dataset.SeriesInstanceUID = recordSeries(values["caseId"], header.studyUid, about["procedure"])
    dataset.SeriesNumber, dataset.SeriesDescription = SERIES_NUMBER, SERIES_DESCRIPTION
    dataset.SeriesDate = about["created"][:10].replace("-", "")
    dataset.ProtocolName = values["name"]
    if about["procedure"]:
        dataset.PerformedProcedureStepDescription = about["procedure"][:LONGEST_TEXT]
    dataset.SoftwareVersions = [f"{name} {version}"[:LONGEST_TEXT] for name, version in versions("pydicom").items()]
    dataset.InstanceNumber = lines
    dataset.ContentLabel, dataset.ContentDescription = CONTENT_LABEL, f"Record of a planning case, audit line {lines}"
    # Names the layout of the private block; made once from a random UUID.
    dataset.CreatorVersionUID = "2.25.212192612101176667401033407862241276079"


def readRecord(data, caseId=None):
    """Return the values of a record of any version from the bytes of its object.

    :param caseId: of the case that it must be of; None for any
    :raises NotARecord: the object is another, of another case, or not whole
    """
    try:
        dataset = _readObject(data)
        block = dataset.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)
        content = bytes(block[CONTENT].value)[: int(block[LENGTH].value)]
        if dataset.SOPClassUID != RAW_DATA_STORAGE or sha256Bytes(content) != block[DIGEST].value:
            raise NotARecord("rotten")
        values = json.loads(_inflated(content))
        if values["format"] != FORMAT or caseId not in (None, values["caseId"]) or values["version"] < 1:
            raise NotARecord("of something else")
        return values
    except (Exception, RecursionError) as error:
        # Whatever lies in the store: it must not end a check.
        raise NotARecord(str(error)) from error


def _inflated(content):
    if content.startswith(b"{"):
        return content
    inflating = zlib.decompressobj()
    text = inflating.decompress(content, MOST_BYTES)
    if inflating.unconsumed_tail or not inflating.eof:
        raise NotARecord("too long, or cut short")
    return text


def _readObject(data):
    import pydicom

    return pydicom.dcmread(io.BytesIO(data))
