"""The cases of a DICOMweb archive, found by the archive's own search (QIDO-RS) and read from their records."""

import functools
import hashlib
import re

from PlanningHubLib.Errors import Finding, StoreFailed
from PlanningHubLib.Identity import base32, pseudonym
from PlanningHubLib.Progress import noProgress, part

from ..Items import DICOM, Item
from ..Stores.Parallel import Breaker, runAll
from . import CaseRecord
from .AuditHead import keptHeads
from .Kept import ContentLost, KeptCase, KeptState, KeptStates, Wanted
from .ListCache import ListCache
from .Wrapping import NotWrapped, unwrapTo

PROTOCOL_NAME, SERIES_DESCRIPTION, INSTANCE_NUMBER = "00181030", "0008103E", "00200013"
STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"
# The description as far as it has no space: some archives do not decode the %20 that a search must write for it.
SEARCHED = f"{CaseRecord.SERIES_DESCRIPTION.split()[0]}*"
RETURNED = "SeriesDescription,ProtocolName,InstanceNumber"
TRIES = 3
# Trouble that may be over at the next try, and trouble that is about the one object.
PASSING = ("connection-lost", "answer-cut", "http-500", "http-502", "http-504")
OF_THE_OBJECT = ("answer-cut", "object-too-large", "http-500", "http-400")
RECORD_BYTES = 16 << 20


class DicomWebCases:
    """A :class:`.Kept.CaseSource` of a :class:`CentralSyncLib.Stores.DicomWebStore.DicomWebStore`."""

    connections = 4

    def __init__(self, store):
        self.description = store.description
        self._store = store

    def listCases(self, wanted, progress=noProgress):
        cache, newest, findings = ListCache(self.description), {}, []
        series = self._series(_keysOf(wanted))
        read = functools.partial(self._newestOf, cache=cache)
        text = "Reading the store's records"
        found = runAll(list(series.values()), read, self.connections, part(progress, 0.1, 1.0), text)
        for rows, (case, lines, damaged) in zip(series.values(), found, strict=True):
            if damaged:
                findings.append(_damaged(rows, damaged))
            if case and lines > newest.get(case.caseId, (None, -1))[1]:
                newest[case.caseId] = (case, lines)
        if wanted == Wanted():
            cache.keepOnly([row.uid for rows in series.values() for row in rows])
        cache.write()
        return [case for case, _lines in newest.values() if wanted.fits(case)], findings

    def _series(self, keys):
        """Series UID → its records, newest first."""
        keys = {"SeriesDescription": SEARCHED, "Modality": "OT", **keys, "includefield": RETURNED}
        series = {}
        for values in self._store.query("/instances", keys):
            row = _Row(values)
            # An archive that does not know a key ignores it.
            if row.isWhole and row.description in ("", CaseRecord.SERIES_DESCRIPTION):
                series.setdefault(row.series, []).append(row)
        return {uid: sorted(rows, key=lambda row: row.number, reverse=True) for uid, rows in series.items()}

    def _newestOf(self, rows, cache):
        """The newest case that the records of a series say, its audit lines, and how many newer ones are damaged."""
        damaged = 0
        for row in rows:
            case = cache.get(row.uid, row.series)
            if case is None:
                values = self._read(row)
                if values and values["version"] == 1:
                    # Only the head of an audit log; nothing can be given back from it.
                    continue
                case = _caseOf(values)
                if case:
                    cache.put(row.uid, row.series, case)
            if case:
                return case, row.number, damaged
            damaged += 1
        return None, 0, damaged

    def _read(self, row):
        """The values of a record, None where it cannot be read."""
        pieces = []
        item = Item("", None, row.uid, DICOM, row.uid, row.series, row.study, RECORD_BYTES)
        try:
            self._store.readObject(item, pieces.append)
            return CaseRecord.readRecord(b"".join(pieces))
        except StoreFailed as error:
            if error.code not in OF_THE_OBJECT:
                raise
            return None
        except CaseRecord.NotARecord:
            return None

    def find(self, word, progress=noProgress):
        cases, _findings = self.listCases(Wanted(patient=word), progress)
        return {case.caseId: case.name for case in cases}

    def states(self, caseId):
        states, damaged = [], []
        for rows in self._series(_keysOf(Wanted(patient=caseId))).values():
            kept, unreadable, isOfCase = [], [], False
            for row in rows:
                values = self._read(row)
                state = _state(values, row)
                if state:
                    kept += [state] if state.caseId == caseId else []
                elif not values:
                    unreadable.append(row.number)
                isOfCase |= bool(values) and values["caseId"] == caseId
            states += kept
            damaged += unreadable if isOfCase else []
        states.sort(key=lambda state: (state.lines, state.when))
        newest = states[-1].lines if states else 0
        return KeptStates(tuple(states), len(damaged), any(number == 0 or number >= newest for number in damaged))

    def heads(self, case):
        try:
            return keptHeads(case, self._store)
        except StoreFailed as error:
            if error.code not in OF_THE_OBJECT:
                raise
            # One rotten object spoils an answer of many; those that can be read are among the states.
            words = "Some of the store's records of this case cannot be read."
            return [], [Finding("store-list-damaged", "warn", words, "Have the store checked.")]

    def fetch(self, state, sha256, path, beforeChunk):
        kept = state.contents.get(sha256)
        if kept is None:
            raise ContentLost("it was not in the store when the record was written")
        item = Item(
            kept["sha256"], None, str(path), DICOM, kept["sopInstanceUid"], kept["seriesUid"], kept["studyUid"],
            kept["bytes"],
        )  # fmt: skip
        received = path.with_name(f"{path.name}.received") if kept["wrapped"] else path
        digest = self._receive(item, received, beforeChunk)
        if kept["wrapped"]:
            digest = _unwrapped(received, path)
        if digest != sha256:
            raise ContentLost(f"the store keeps something else under {item.sopInstanceUid}")

    def _receive(self, item, path, beforeChunk):
        """Write an object as the store gives it; return its SHA-256."""
        for left in reversed(range(TRIES)):
            digest = hashlib.sha256()
            try:
                with open(path, "wb") as file:

                    def sink(data, file=file, digest=digest):
                        beforeChunk()
                        digest.update(data)
                        file.write(data)

                    if not self._store.readObject(item, sink, Breaker()):
                        raise ContentLost(f"the store has no object {item.sopInstanceUid} any more")
                return digest.hexdigest()
            except StoreFailed as error:
                if left == 0 and error.code in OF_THE_OBJECT:
                    raise ContentLost(f"the store cannot give it back: {error.message}") from error
                if left == 0 or error.code not in PASSING:
                    raise


class _Row:
    """One record as the archive's search lists it."""

    def __init__(self, values):
        self.study, self.series, self.uid = (_text(values, tag) for tag in (STUDY, SERIES, INSTANCE))
        self.name, self.description = _text(values, PROTOCOL_NAME), _text(values, SERIES_DESCRIPTION)
        number = _text(values, INSTANCE_NUMBER)
        self.number = int(number) if number.isdigit() else 0

    @property
    def isWhole(self):
        return bool(self.study and self.series and self.uid)


def _text(values, tag):
    """The first value of an attribute in DICOM JSON (PS3.18 F.2) as text."""
    element = values.get(tag)
    found = element.get("Value") if isinstance(element, dict) else None
    return str(found[0]) if isinstance(found, list) and found and isinstance(found[0], str | int | float) else ""


def _keysOf(wanted):
    """What the archive itself can search by; it is compared again, so too much does no harm and too little would."""
    keys, word = {}, wanted.patient.strip()
    if re.fullmatch(r"PH-[0-9A-Z]{8}(-[0-9A-Z]{4})?", word.upper()):
        keys["ProtocolName"] = f"{word.upper()}*"
    elif re.fullmatch(r"[0-9a-f]{64}", word.lower()):
        keys["ProtocolName"] = f"{pseudonym(word)}*"
    elif re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", word.lower()):
        # A case's name ends with characters of its ID (PlanningHubLib.Identity.caseName).
        keys["ProtocolName"] = f"*-{base32(word.replace('-', ''), 4)}"
    if wanted.since or wanted.until:
        days = [(day or "").replace("-", "") for day in (wanted.since, wanted.until)]
        keys["SeriesDate"] = "-".join(days)
    return keys


def _caseOf(values):
    try:
        return KeptCase.fromRecord(values)
    except (KeyError, TypeError, ValueError):
        return None


def _state(values, row):
    """The state that a record says; None where it says none, as version 1 does."""
    try:
        head = values["auditHead"]
        return KeptState(
            values["caseId"], values["name"], int(head["lines"]), str(head["sha256"]), str(values["when"]),
            f"record {row.uid}", dict(values["files"]), dict(values["contents"]), list(values["graph"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError):
        return None


def _unwrapped(received, path):
    """Take the content out of a received object; return its SHA-256."""
    try:
        with open(received, "rb") as source, open(path, "wb") as copy:
            return unwrapTo(source, copy)[1]
    except NotWrapped as error:
        raise ContentLost("the store's copy is damaged") from error
    finally:
        received.unlink(missing_ok=True)


def _damaged(rows, count):
    words = f"{count} of the store's records of case {rows[0].name or rows[0].series} cannot be read."
    return Finding("store-list-damaged", "warn", words, "Have the store checked.")
