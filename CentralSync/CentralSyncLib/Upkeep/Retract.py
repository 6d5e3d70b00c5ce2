"""Taking something back: the store's copy stays, and a rejection note beside it says that it is not to be used.

The case keeps each retraction as an artefact of its own, so it goes wherever the case goes, and what was retracted is
never sent as current again.
"""

import dataclasses
import datetime
import json

from PlanningHubLib import Files
from PlanningHubLib.Consent import standingConsent
from PlanningHubLib.Errors import Finding, GateRefused, InputRefused, UsageError
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Software import versions

from ..Items import DICOM, itemOf
from ..Outbox.Outbox import VERIFIED
from ..Outbox.Push import Push
from ..Records.RawData import RAW_DATA_STORAGE, SHARED, headerOf
from ..Results import SyncResult
from ..Stores.CentralStore import SAME, UNREACHED
from .RejectionNote import TITLES, rejectionNote

KIND = "retraction"
RECORD = "retraction.json"
FORMAT, VERSION = "planninghub-retraction", 1
MANIFEST = "manifest.json"


@dataclasses.dataclass(frozen=True)
class Retraction:
    """What was taken back, and whether the store has the note.

    :param made: the case's artefact
    :param result: :class:`CentralSyncLib.Results.SyncResult` of sending it
    :param objects: how many objects it names; ``findings`` what else has to be looked at
    """

    made: object
    result: object
    objects: int
    findings: tuple

    def asDict(self):
        """The result as ``planninghub retract --json`` prints it."""
        said = self.made.parameters
        return {
            "retraction": self.made.id,
            "artefact": said["artefact"],
            "revision": said["revision"],
            "reason": said["reason"],
            "title": TITLES[said["reason"]][1],
            "objects": self.objects,
            **self.result.asDict(),
            "findings": [finding.asDict() for finding in self.findings],
        }


def retract(case, store, outbox, artefactId, reason, text, patienceSeconds=0.0, progress=noProgress):
    """Record in the case that an artefact is taken back, and bring the note into the store; return :class:`Retraction`.

    Nothing is removed anywhere. Asked again for the same, the note of the first time is sent.

    :param case: open for writing
    :param artefactId: such as ``part-1`` for its newest revision, or ``part-1/r2``
    :param reason: one of :data:`.RejectionNote.TITLES`; ``text`` says in words why
    :raises UsageError: ``no-reason``, ``no-such-artefact``
    :raises InputRefused: ``nothing-to-retract``
    """
    if reason not in TITLES or not text.strip():
        raise UsageError("no-reason", "It is not said why this is taken back.", f"Give one of {', '.join(TITLES)}.")
    artefact = _artefactOf(case, artefactId)
    made = _standing(case, artefact, store.description, reason)
    if made is None:
        kept = _keptThere(case, artefact, store, outbox, part(progress, 0.0, 0.3))
        made = _commit(case, artefact, store, reason, text.strip(), kept)
    files = {name: case.path(made, name) for name in made.files}
    items = [itemOf(path, f"{made.id}/{name}", made.files[name].sha256) for name, path in files.items()]
    push = Push(outbox, store, case.caseId, _folderForConsent(case), patienceSeconds)
    results = push.push(items, part(progress, 0.3, 1.0))
    result = SyncResult(tuple(results), store.description)
    if store.keepsWholeCase and result.complete:
        _addToList(case, store, made)
    record = json.loads(files[RECORD].read_text(encoding="utf-8"))
    return Retraction(made, result, len(record["objects"]), tuple(_madeFromIt(case, artefact)))


def retractions(case):
    """Return the case's retractions, oldest first."""
    return [one for one in case.artefacts if one.kind == KIND]


def requireNotRetracted(case, artefacts):
    """Refuse artefacts that were taken back: they are never sent as current.

    :raises GateRefused: ``retracted-`` and the kind
    """
    taken = {(one.parameters["artefact"], one.parameters["content"]): one for one in retractions(case)}
    for artefact in artefacts:
        made = taken.get((artefact.id, artefact.content))
        if made:
            raise GateRefused(
                f"retracted-{artefact.kind}",
                f"{artefact.title} ({artefact.id}) was taken back on {made.when[:10]} by {made.who} "
                f"({made.parameters['reason']}).",
                f"Make the {artefact.kind} again.",
            )


def _artefactOf(case, artefactId):
    name, _slash, revision = artefactId.partition("/r")
    found = [one for one in case.artefacts if one.id == name and revision in ("", str(one.revision))]
    if not found or found[-1].kind in (KIND, "receipt"):
        known = ", ".join(dict.fromkeys(one.id for one in case.artefacts if one.kind not in (KIND, "receipt")))
        raise UsageError("no-such-artefact", f"The case has no {artefactId} to take back.", f"It has {known}.")
    return found[-1]


def _standing(case, artefact, store, reason):
    """The retraction that says the same already, or None."""
    said = {"artefact": artefact.id, "content": artefact.content, "store": store, "reason": reason}
    return next((one for one in retractions(case) if said.items() <= one.parameters.items()), None)


def _keptThere(case, artefact, store, outbox, progress):
    """Return the items of the artefact that the store keeps.

    :raises InputRefused: ``nothing-to-retract``
    """
    items = {item.sha256: item for item in _itemsOf(case, artefact, store, outbox)}
    answers = store.check(list(items.values()), progress)
    kept = [item for item in items.values() if answers[item.sha256].outcome == SAME]
    unreached = [item for item in items.values() if answers[item.sha256].outcome == UNREACHED]
    # What the register calls verified is named also while the store is away: the note waits in the queue.
    verified = {entry.sha256 for entry in outbox.entries(store.address, case.caseId, VERIFIED)}
    kept += [item for item in unreached if item.sha256 in verified]
    if not kept:
        raise InputRefused(
            "nothing-to-retract",
            f"{store.description} keeps nothing of {artefact.id} revision {artefact.revision}."
            + (f" {answers[unreached[0].sha256].reason}" if unreached else ""),
            "Look what it keeps, and at which address.",
        )
    return kept


def _itemsOf(case, artefact, store, outbox):
    """Yield what may be in the store of an artefact: its files, what was wrapped of them, its objects in packages."""
    hashes = {record.sha256 for record in artefact.files.values()} | _hashesInPackages(case, artefact)
    for one in case.artefacts:
        for name, record in one.files.items():
            path = case.path(one, name)
            if record.sha256 in hashes and path.is_file():
                item = itemOf(path, f"{one.id}/{name}", record.sha256)
                if not store.declines(item):
                    yield item
    for entry in outbox.entries(store.address, case.caseId):
        if entry.contentSha256 in hashes:
            yield outbox.itemOf(entry)


def _hashesInPackages(case, artefact):
    """The files of packages that were made of exactly this part, as their manifests say."""
    found = set()
    for package in case.artefacts:
        if artefact.kind == "part" and package.kind == "package" and artefact.link in package.parents:
            try:
                records = json.loads(case.path(package, MANIFEST).read_bytes())["files"]
                found |= {one["sha256"] for one in records if one.get("part") == artefact.id}
            except (OSError, ValueError, KeyError, TypeError):
                continue
    return found


def _commit(case, artefact, store, reason, text, kept):
    """Commit the record and a rejection note for each study, with its audit line."""
    number = len({one.id for one in retractions(case)}) + 1
    when = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    said = {"artefact": artefact.id, "revision": artefact.revision, "content": artefact.content,
            "store": store.description, "reason": reason}  # fmt: skip
    with case.staging(KIND, f"{KIND}-{number}") as stage:
        notes = _notes(case, kept, reason, text, when)
        for name, data in notes.items():
            Files.writeAside(stage.folder / name, data)
        record = {
            "format": FORMAT, "version": VERSION, "caseId": case.caseId, **said, "title": TITLES[reason][1],
            "text": text, "when": when.strftime("%Y-%m-%dT%H:%M:%SZ"), "who": stage.who, "notes": sorted(notes),
            "objects": [{"sha256": item.sha256, "sopInstanceUid": item.sopInstanceUid, "name": item.name}
                        for item in kept],
        }  # fmt: skip
        Files.writeAside(stage.folder / RECORD, json.dumps(record, indent=1).encode())
        made = stage.commit(
            parameters=said, facts={"objects": len(kept)}, software=versions("highdicom"),
            title=f"Retraction of {artefact.title} ({artefact.id} revision {artefact.revision})",
        )  # fmt: skip
    case.record("retracted", {"retraction": made.id, **said})
    return made


def _notes(case, kept, reason, text, when):
    """File name → bytes of the note for each study; none where the store keeps plain files only of it."""
    studies = {}
    for item in kept:
        if item.kind == DICOM:
            studies.setdefault(item.studyUid, []).append(_headerOf(case, item))
    notes = [rejectionNote(headers, reason, text, when) for headers in studies.values()]
    return {f"note-{number}.dcm": data for number, data in enumerate(notes, 1)}


def _headerOf(case, item):
    import pydicom

    if item.path:
        return pydicom.dcmread(item.path, stop_before_pixels=True)
    # A wrapped file: its object is made anew when it is sent, and its header says no more than the images do.
    dataset = pydicom.Dataset()
    source = headerOf(case).source
    dataset.update({element.tag: element for element in source if element.keyword in SHARED})
    dataset.SOPClassUID, dataset.SOPInstanceUID = RAW_DATA_STORAGE, item.sopInstanceUid
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID = item.seriesUid, item.studyUid
    return dataset


def _folderForConsent(case):
    """Where consent is asked again before the note leaves; nowhere after a withdrawal.

    What was taken back must not stay in use because the patient withdrew; the note says nothing new of the patient.
    """
    return str(case.folder) if standingConsent(case, "treatment") else ""


def _addToList(case, store, made):
    """A store that keeps whole cases names the retraction in its newest list, without waiting for the next sync."""
    lists = store.snapshots(case.caseId)
    files = store.readSnapshot(lists[-1]) if lists else None
    if files is not None:
        folder = case.artefactFolder(made).relative_to(case.folder).as_posix()
        added = {f"{folder}/{name}": record.sha256 for name, record in made.files.items()}
        store.keepSnapshot(case.caseId, {**files, **added})


def _madeFromIt(case, artefact):
    """Yield a finding that names what was made from it, and is not taken back itself."""
    taken = {(one.parameters["artefact"], one.parameters["content"]) for one in retractions(case)}
    made = {one.id for one in case.artefacts if artefact.link in one.parents and (one.id, one.content) not in taken}
    made -= {one.id for one in case.artefacts if one.kind in ("receipt", KIND)}
    if made:
        yield Finding(
            "made-from-retracted",
            "warn",
            f"Made from {artefact.id}, and not taken back: {', '.join(sorted(made))}.",
            "Take these back too where they must not be used.",
        )
