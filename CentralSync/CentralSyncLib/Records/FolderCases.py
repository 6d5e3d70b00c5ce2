"""The cases of a folder store, read from its lists and contents alone."""

import hashlib
import json
import os

from PlanningHubLib import CaseFormat
from PlanningHubLib.Errors import Finding, StoreFailed
from PlanningHubLib.Files import sha256Bytes
from PlanningHubLib.Progress import noProgress

from .AuditHead import keptHeads
from .Kept import ContentLost, KeptCase, KeptState, KeptStates, Wanted, isOf
from .ListCache import ListCache

CHUNK_BYTES = 1 << 20


class FolderCases:
    """A :class:`.Kept.CaseSource` of a :class:`CentralSyncLib.Stores.FolderStore.FolderStore`."""

    connections = 4

    def __init__(self, store):
        self.description = store.description
        self._store = store

    def listCases(self, wanted, progress=noProgress):
        cases, findings = [], []
        cache = ListCache(self.description)
        caseIds = self._store.caseIds()
        for number, caseId in enumerate(caseIds):
            if number % 100 == 0:
                progress(number / len(caseIds), "Reading the store's lists")
            newest = self._store.snapshots(caseId)[-1:]
            case = self._listed(cache, caseId, newest[0]) if newest else None
            if case is None:
                words = f"The store's newest list of case {caseId} cannot be read."
                findings.append(Finding("store-list-damaged", "warn", words, "Have the store checked.", tuple(newest)))
            elif wanted.fits(case):
                cases.append(case)
        cache.keepOnly(caseIds)
        cache.write()
        return cases, findings

    def _listed(self, cache, caseId, path):
        status = path.stat()
        stamp = [path.name, status.st_mtime_ns, status.st_size]
        case = cache.get(caseId, stamp)
        if case is None:
            case = self._read(caseId, path)
            if case:
                cache.put(caseId, stamp, case)
        return case

    def _read(self, caseId, path):
        values = self._store.readList(path)
        try:
            if values.get("record"):
                return KeptCase.fromRecord(values["record"])
            return _fromCaseFile(self._caseFile(values["files"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _caseFile(self, files):
        """The values of the ``case.json`` of one list.

        :raises ValueError: it is not what the list says
        """
        digest = files[CaseFormat.FILE_NAME]
        data = self._store.objectPath(digest).read_bytes()
        if sha256Bytes(data) != digest:
            raise ValueError("rotten")
        return json.loads(data)

    def find(self, word, progress=noProgress):
        cases, _findings = self.listCases(Wanted(), progress)
        return {case.caseId: case.name for case in cases if isOf(case, word)}

    def states(self, caseId):
        states, damaged, newestDamaged = [], 0, False
        for path in self._store.snapshots(caseId):
            try:
                states.append(self._state(caseId, path))
                newestDamaged = False
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                damaged, newestDamaged = damaged + 1, True
        return KeptStates(tuple(states), damaged, newestDamaged)

    def heads(self, case):
        return keptHeads(case, self._store)

    def _state(self, caseId, path):
        values = self._store.readList(path)
        case = self._caseFile(values["files"])
        if case["caseId"] != caseId:
            raise ValueError("of another case")
        return KeptState(
            caseId, case["name"], int(case["audit"]["lines"]), sha256Bytes(case["audit"]["last"].encode()),
            str(values["writtenUtc"]), f"list {path.name}", values["files"],
            graph=(values.get("record") or {}).get("graph"),
        )  # fmt: skip

    def fetch(self, state, sha256, path, beforeChunk):
        source = self._store.objectPath(sha256)
        if not self._store.folder.is_dir():
            words = f"The store {self._store.folder} is no longer there."
            raise StoreFailed("store-unreachable", words, "Mount the network share, then try again.")
        digest = hashlib.sha256()
        try:
            file = open(source, "rb")
        except FileNotFoundError:
            raise ContentLost("the store has it no more") from None
        except OSError as error:
            raise ContentLost(f"the store's copy cannot be read ({error.strerror})") from error
        with file, open(path, "wb") as copy:
            while chunk := _read(file):
                beforeChunk()
                digest.update(chunk)
                copy.write(chunk)
        if digest.hexdigest() != sha256:
            raise ContentLost(f"the store's copy is damaged ({os.stat(source).st_size} bytes)")


def _read(file):
    try:
        return file.read(CHUNK_BYTES)
    except OSError as error:
        raise ContentLost(f"the store's copy cannot be read ({error.strerror})") from error


def _fromCaseFile(values):
    """What a list of before version 2 of the record says, from the case itself."""
    approvals = values.get("governance", {}).get("approvals", [])
    newest = {one["id"]: one["revision"] for one in values["artefacts"]}
    sizes = {record["sha256"]: record.get("bytes") for one in values["artefacts"] for record in one["files"].values()}
    return KeptCase(
        values["caseId"], values["name"], values["patientCode"], values["procedure"], values["side"], values["created"],
        tuple(sorted({one["kind"] for one in values["artefacts"]})),
        None if None in sizes.values() else sum(sizes.values()),
        sum(one["voided"] is None for one in approvals),
        sum(one["revision"] < newest[one["id"]] for one in values["artefacts"]),
    )  # fmt: skip
