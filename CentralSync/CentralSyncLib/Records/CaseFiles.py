"""All of a case as a store takes it: every file of every revision, ``case.json``, the audit log, the record of them.

A store of DICOM objects gets plain files wrapped. What is not current goes there wrapped too, so that a stale plan
never shows in the archive as an object of its own; unless the archive has it already, from when it was current.
"""

import dataclasses

from PlanningHubLib import Files
from PlanningHubLib.Errors import PlanningError, StoreFailed
from PlanningHubLib.Progress import noProgress

from ..Items import DICOM, itemOf, itemsOf
from ..Results import FAILED, QUEUED, VERIFIED, ItemResult
from ..Stores.CentralStore import SAME
from . import CaseRecord
from .RawData import headerOf
from .Wrapping import wrap

LIST_NAME = "list of the case's files"
MISSING = "The file is missing from the case."
RECODED = "The store keeps it recoded"
CHANGED = "The file in the case is no longer what was recorded; it was not sent."


@dataclasses.dataclass(frozen=True)
class CaseItems:
    """What goes to one store.

    :param current: items of the artefacts that are sent; a receipt covers these
    :param older: items of all else that the artefacts' revisions hold
    :param refused: :class:`CentralSyncLib.Results.ItemResult` of files that cannot go
    """

    current: tuple = ()
    older: tuple = ()
    refused: tuple = ()

    @property
    def all(self):
        return self.current + self.older


def caseItems(case, store, progress=noProgress):
    """Return the :class:`CaseItems` of a case's artefacts as a store takes them.

    :raises GateRefused: ``no-source-image``, for a store of DICOM objects
    """
    current = itemsOf(case)
    known = {item.sha256 for item in current}
    older, refused = [], []
    for artefact in case.artefacts:
        for name, record in artefact.files.items():
            if record.sha256 not in known:
                known.add(record.sha256)
                path, label = case.path(artefact, name), f"{artefact.folderName}/{name}"
                if why := _whyNot(path, record.sha256):
                    refused.append(ItemResult(record.sha256, "", label, FAILED, why))
                else:
                    older.append(itemOf(path, label, record.sha256))
    items = CaseItems(tuple(current), tuple(older), tuple(refused))
    return items if store.keepsWholeCase else _wrapped(case, store, items, progress)


def _whyNot(path, sha256):
    """Why an older file cannot go, or "": it is not held against what was recorded anywhere else."""
    if not path.is_file():
        return MISSING
    return "" if Files.sha256(path) == sha256 else CHANGED


def closingItems(case, store, sent):
    """Return what has come into the case since ``sent`` was listed: the receipt, ``case.json`` and the audit log.

    :param sent: the :class:`CaseItems` that were listed before
    """
    known = {item.contentSha256 or item.sha256 for item in sent.all} | {one.sha256 for one in sent.refused}
    rest = {digest: name for name, digest in filesOf(case).items() if digest not in known}
    there = {digest: name for digest, name in rest.items() if (case.folder / name).is_file()}
    items = [itemOf(case.folder / name, name, digest) for digest, name in there.items()]
    missing = [ItemResult(digest, "", name, FAILED, MISSING) for digest, name in rest.items() if digest not in there]
    if store.keepsWholeCase:
        return CaseItems(tuple(items), refused=tuple(missing))
    wrapped, refused = _wrapAll(items, headerOf(case))
    return CaseItems(tuple(wrapped), refused=(*missing, *refused))


def _wrapped(case, store, items, progress):
    header = headerOf(case)
    kept = _keptAsTheyAre(store, [item for item in items.older if _isWhole(item)], progress)
    current, notCurrent = _wrapAll([item for item in items.current if not _isWhole(item)], header)
    asTheyAre = [item for item in items.current if _isWhole(item)]
    older, notOlder = _wrapAll([item for item in items.older if item.sha256 not in kept], header)
    older = [item for item in items.older if item.sha256 in kept] + older
    return CaseItems((*asTheyAre, *current), tuple(older), (*items.refused, *notCurrent, *notOlder))


def _isWhole(item):
    """Whether an archive can keep it under its own identity."""
    return item.kind == DICOM and bool(item.sopInstanceUid and item.seriesUid and item.studyUid)


def _keptAsTheyAre(store, items, progress):
    """The SHA-256 of those that the store has; of the others, and where it cannot be asked, a wrapped copy is safe."""
    answers = store.check(items, progress) if items else {}
    return {digest for digest, answer in answers.items() if answer.outcome == SAME}


def _wrapAll(items, header):
    wrapped, refused = [], []
    for item in items:
        try:
            wrapped.append(wrap(item, header))
        except PlanningError as error:
            refused.append(ItemResult(item.sha256, item.sopInstanceUid, item.name, FAILED, str(error)))
    return wrapped, refused


def filesOf(case):
    """Return path within the case → SHA-256 of every file of every revision, of ``case.json`` and of the audit log."""
    files = {}
    for artefact in case.artefacts:
        for name, record in artefact.files.items():
            # A source that the case only refers to comes back from the store as one that it holds.
            files[(case.artefactFolder(artefact) / name).relative_to(case.folder).as_posix()] = record.sha256
    for path in sorted(case.folder.iterdir()):
        # Hidden files are the lock and what a killed writer left aside.
        if path.is_file() and not path.name.startswith("."):
            files[path.name] = Files.sha256(path)
    return files


# The record


def keepRecord(case, store, results, push):
    """Keep the record of a case in a store, unless the newest one there says the same; return its results.

    It names every file of the case, and how the store gives back those that are verified; what is not is reported in
    ``results`` already. Where an archive keeps an object recoded, its bytes go there once more, wrapped.

    :param results: :class:`CentralSyncLib.Results.ItemResult` of all that was sent
    :param push: function of a list of items that brings them to the store, proves it and returns their results
    """
    try:
        if store.keepsWholeCase:
            return _keepList(case, store, results)
        header, files = headerOf(case), filesOf(case)
        more = _keepRecoded(case, header, results, push)
        contents = _contents([*results, *more], set(files.values()))
        values = CaseRecord.recordValues(case, files, contents, header)
        if not any(CaseRecord.saysTheSame(values, one) for one in _newest(case, store)):
            more += push([CaseRecord.recordItem(values, header)])
        return more
    except StoreFailed as error:
        return [_notKept(case, QUEUED, error)]
    except PlanningError as error:
        return [_notKept(case, FAILED, error)]


def _keepList(case, store, results):
    # What the store does not have is reported; the list names what can be given back.
    kept = {one.fileSha256 for one in results if one.state == VERIFIED}
    files = {name: digest for name, digest in filesOf(case).items() if digest in kept}
    values = CaseRecord.recordValues(case, files, {}, _headerOrNone(case))
    del values["files"], values["contents"]
    store.keepSnapshot(case.caseId, files, values)
    return []


def _headerOrNone(case):
    try:
        return headerOf(case)
    except PlanningError:
        return None


def _keepRecoded(case, header, results, push):
    """Send the bytes of what the archive keeps recoded; return their results."""
    recoded = {one.sha256 for one in results if one.state == VERIFIED and one.reason.startswith(RECODED)}
    recoded -= {one.contentSha256 for one in results}
    items = {}
    for artefact in case.artefacts:
        for name, record in artefact.files.items():
            if record.sha256 in recoded:
                items[record.sha256] = itemOf(case.path(artefact, name), f"{artefact.folderName}/{name}", record.sha256)
    wrapped, refused = _wrapAll(items.values(), header)
    return [*(push(wrapped) if wrapped else []), *refused]


def _contents(results, wanted):
    """SHA-256 of a file → where the store gives it back from.

    Of an object whose copy there is corrupt that is the original, wrapped, or what carries the same file.
    """
    replaced = {one.fileSha256: one.replaces[1] for one in results if one.replaces}
    contents = {}
    # What is wrapped goes before what is not: where there are both, the object alone does not have the same bytes.
    for one in sorted(results, key=lambda one: bool(one.contentSha256)):
        digest = one.contentSha256 or one.sha256
        if one.state == VERIFIED and digest in wanted:
            corrupt = {"replaces": replaced[digest]} if digest in replaced else {}
            contents[digest] = {**_place(one), **corrupt}
    return contents


def _place(result):
    return {
        "bytes": result.bytes, "wrapped": bool(result.contentSha256), "sha256": result.sha256,
        "sopInstanceUid": result.sopInstanceUid, "seriesUid": result.seriesUid, "studyUid": result.studyUid,
    }  # fmt: skip


def _newest(case, store):
    """The records with the audit log's last line as it is now."""
    for study, series in CaseRecord.recordSeriesOf(case):
        for data in _series(store, study, series):
            try:
                values = CaseRecord.readRecord(data, case.caseId)
            except CaseRecord.NotARecord:
                continue
            if values.get("auditHead") == case.auditHead:
                yield values


def _series(store, study, series):
    try:
        return store.readSeries(study, series)
    except StoreFailed as error:
        if error.code != "no-read-back":
            raise
        # It can only be told, so it is told again.
        return []


def _notKept(case, state, error):
    digest = Files.sha256Bytes(repr(sorted(filesOf(case).items())).encode())
    return ItemResult(digest, "", LIST_NAME, state, str(error))
