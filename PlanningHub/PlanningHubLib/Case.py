"""The case: a folder with ``case.json``, an audit log and the artefacts, changed only by single atomic commits.

Layout: ``case.json`` (the graph), ``audit.log``, ``artefacts/<id>/r<revision>/...`` (files; a revision never changes).
"""

import contextlib
import copy
import uuid
from pathlib import Path

from . import Approval, Audit, CaseFormat, Identity, References
from .Artefacts import KINDS, Artefact, Graph
from .CaseFiles import ARTEFACTS, cleanUp, glanceAtCase, readCase, removeUncommitted
from .Errors import Finding, GateRefused, InputRefused, UsageError, VerificationFailed, firstRejection
from .Files import namedWriteErrors, sha256, stagedFolder, writeAside
from .Locking import CaseLock, currentUser, utcNow
from .Progress import noProgress
from .Secrets import KeyRing
from .Staging import NothingCommitted, Stage

SIDES = ("left", "right", "bilateral", "midline")


def isCase(folder):
    """Tell whether a folder holds a case."""
    return (Path(folder) / CaseFormat.FILE_NAME).is_file()


class Case:
    """A case, open for reading or (one process at a time) for writing. Use it as a context manager."""

    def __init__(self, folder, values, lock=None, keyRing=None):
        # MRML takes relative paths as relative to its scene.
        self.folder = Path(folder).absolute()
        self._values = values
        self._lock = lock
        self._keyRing = keyRing
        # What only shows a case may put :class:`PlanningHubLib.SeenFiles.SeenFiles` in its place.
        self.digestOf = sha256
        self.graph = Graph()

    # Opening and closing

    @classmethod
    def create(cls, folder, patientCode, side=None, procedure=None, user=None):
        """Create an empty case in a new or empty folder and return it, open for writing.

        :param patientCode: the keyed code of :func:`PlanningHubLib.Identity.patientCode`
        :param side: one of ``SIDES``, or None for not stated; it is never guessed
        :raises UsageError: ``unknown-side``
        :raises InputRefused: ``already-there``, ``cannot-write``, ``disk-full``
        """
        with stagedFolder(folder) as stage:
            cls.createIn(stage, patientCode, side, procedure, user).close()
        return cls.open(folder, writable=True)

    @classmethod
    def createIn(cls, stage, patientCode, side=None, procedure=None, user=None):
        """Create a case as :meth:`create` does, in an empty folder that the caller has staged."""
        if side is not None and side not in SIDES:
            raise UsageError("unknown-side", f"Side {side!r} is not known.", f"Use one of {', '.join(SIDES)}.")
        keyRing = KeyRing.forThisInstallation()
        caseId = str(uuid.uuid4())
        values = {
            "format": "planninghub-case",
            "version": CaseFormat.VERSION,
            "caseId": caseId,
            "name": Identity.caseName(patientCode, caseId),
            "patientCode": patientCode,
            "side": side,
            "procedure": procedure,
            "created": utcNow(),
            "artefacts": [],
            "governance": CaseFormat.noGovernance(),
        }
        last = Audit.makeLine(
            keyRing, "", 1, "case-created", {"case": caseId}, CaseFormat.stateHash(values), user or currentUser()
        )
        values["audit"] = {"lines": 1, "last": last}
        writeAside(stage / CaseFormat.FILE_NAME, CaseFormat.encode(values))
        Audit.bringUpToDate(stage, last, 1)
        return cls.open(stage, writable=True)

    @classmethod
    def open(cls, folder, writable=False):
        """Open the case in a folder.

        :raises InputRefused: ``not-a-case``, ``case-too-new``, ``cannot-write``
        :raises GateRefused: ``case-in-use``, naming who holds it
        :raises VerificationFailed: ``case-damaged``
        """
        folder = Path(folder)
        if not isCase(folder):
            raise InputRefused("not-a-case", f"There is no case in {folder}.", "Import a CT series first.", [folder])
        lock = CaseLock(folder) if writable else None
        try:
            values = readCase(folder)
            if lock:
                cleanUp(folder, values)
            return cls(folder, values, lock, KeyRing.forThisInstallation() if lock else None)._migrate()
        except BaseException:
            if lock:
                lock.release()
            raise

    @classmethod
    def glance(cls, folder):
        """Open a case for a list of thousands: of the newest format its audit line is checked, its schema is not.

        :raises: what :meth:`open` raises
        """
        values = glanceAtCase(Path(folder))
        return cls.open(folder) if values is None else cls(folder, values)._migrate()

    def _migrate(self):
        """Bring an older format up to date; a reader keeps that in memory, a writer commits it."""
        values = CaseFormat.migrated(self._values, self.folder / ARTEFACTS)
        if values is not self._values and self._lock:
            change = {"from": self._values["version"], "to": values["version"]}
            self._write(values, "case-migrated", change, currentUser())
        self._values = {**values, "audit": self._values["audit"]}
        self.graph = Graph(Artefact.fromDict(one) for one in values["artefacts"])
        return self

    def close(self):
        """Give up the right to write."""
        if self._lock:
            self._lock.release()
            self._lock = None

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()

    # Facts

    @property
    def caseId(self):
        return self._values["caseId"]

    @property
    def name(self):
        """The printable name: pseudonym and the case's own characters; it stands in every file name."""
        return self._values["name"]

    @property
    def patientCode(self):
        return self._values["patientCode"]

    @property
    def side(self):
        return self._values["side"]

    @property
    def procedure(self):
        return self._values["procedure"]

    @property
    def created(self):
        return self._values["created"]

    @property
    def governance(self):
        """A copy of request, consents, approvals and the like; :meth:`changeGovernance` commits a changed one."""
        return copy.deepcopy(self._values["governance"])

    @property
    def auditHead(self):
        """The last audit line's SHA-256 and its number, to be kept elsewhere."""
        audit = self._values["audit"]
        return {"lines": audit["lines"], "sha256": Audit.sha256Bytes(audit["last"].encode())}

    @property
    def artefacts(self):
        return list(self.graph.artefacts)

    def latest(self, kind):
        """Return the newest artefact of a kind, or None."""
        return self.graph.latest(kind)

    def path(self, artefact, name):
        """Return the path of one of an artefact's files: in the case, or where it lies when the case refers to it."""
        folder = self.artefactFolder(artefact)
        return References.placeOf(folder, name) if artefact.parameters.get(References.PARAMETER) else folder / name

    def artefactFolder(self, artefact):
        return self.folder / ARTEFACTS / artefact.folderName

    # Safety

    def damagedFiles(self, artefact, progress=noProgress):
        """Return the names of the artefact's files that are missing or not what was recorded."""
        damaged = []
        for number, (name, record) in enumerate(artefact.files.items()):
            progress(number / len(artefact.files), name)
            path = self.path(artefact, name)
            if not path.is_file() or self.digestOf(path) != record.sha256:
                damaged.append(name)
        return damaged

    def state(self, artefact, readFiles=True):
        """Return ``damaged`` (its files are not what was recorded), ``stale`` or ``current``.

        :param readFiles: without it only what the graph says is used, and damage goes unseen
        """
        return self.states([artefact], readFiles)[0]

    def states(self, artefacts, readFiles=True):
        """Return the :meth:`state` of each artefact; every file is read once."""
        damage = {}

        def isDamaged(artefact):
            if readFiles and artefact.folderName not in damage:
                damage[artefact.folderName] = bool(self.damagedFiles(artefact))
            return readFiles and damage[artefact.folderName]

        def stateOf(artefact):
            if isDamaged(artefact):
                return "damaged"
            stale = self.graph.isStale(artefact) or Approval.restsOnVoid(self, artefact)
            return "stale" if stale or any(map(isDamaged, self.graph.above(artefact))) else "current"

        return [stateOf(artefact) for artefact in artefacts]

    def require(self, kind):
        """Return the newest artefact of a kind, its files checked, everything it was made from unchanged.

        :raises GateRefused: ``no-<kind>``, ``stale-<kind>``, ``damaged-<kind>``; ``source-moved`` or
            ``source-changed-outside`` where the case only refers to the files
        """
        artefact = self.latest(kind)
        if artefact is None:
            raise GateRefused(f"no-{kind}", f"The case has no {kind} yet.", f"Make the {kind} first.")
        return self.requireCurrent(artefact)

    def requireCurrent(self, artefact):
        """Return an artefact as :meth:`require` does, be it the newest of its kind or not.

        :raises GateRefused: as :meth:`require`
        """
        kind, state = artefact.kind, self.state(artefact)
        if state != "current":
            References.refuseDamaged(self, [artefact, *self.graph.above(artefact)])
        if state == "damaged":
            names = self.damagedFiles(artefact)
            raise GateRefused(
                f"damaged-{kind}",
                f"{artefact.title} ({artefact.id}) was changed outside the suite: {', '.join(names[:3])}.",
                f"Make the {kind} again.",
                [self.path(artefact, name) for name in names],
            )
        if state == "stale":
            raise GateRefused(
                f"stale-{kind}",
                f"{artefact.title} ({artefact.id}) is stale: what it was made from has changed since.",
                f"Make the {kind} again.",
            )
        return artefact

    def verify(self, progress=noProgress):
        """Check the case from its folder alone: audit log, its binding to the case, every file of every revision.

        :returns: list of findings; without a rejecting one the case is what was recorded
        """
        audit = self._values["audit"]
        findings = Audit.verifyLog(
            self.folder, audit["last"], audit["lines"], KeyRing.forThisInstallation(create=False)
        )
        for number, artefact in enumerate(self.artefacts):
            progress(number / len(self.artefacts), artefact.title)
            for name in self.damagedFiles(artefact):
                path = self.artefactFolder(artefact) / name
                message = f"{path.relative_to(self.folder)} {'was changed' if path.is_file() else 'is missing'}."
                ownFault = Finding("file-damaged", "reject", message, "", (path,))
                findings.append(References.outsideFinding(self, artefact, name) or ownFault)
        return findings

    def requireVerified(self):
        """Raise the first rejecting finding of :meth:`verify`.

        :raises VerificationFailed: with the finding's code
        """
        finding = firstRejection(self.verify())
        if finding:
            raise VerificationFailed(finding.code, finding.message, finding.action, finding.files)

    # Changing

    @contextlib.contextmanager
    def staging(self, kind, artefactId=None, user=None):
        """Yield a :class:`PlanningHubLib.Staging.Stage` to fill and commit; without a commit, nothing is left.

        :param artefactId: which artefact gets a new revision; by default the newest of the kind, or a first one
        :raises GateRefused: ``approved-locked`` where it is approved: reopen it first
        """
        self._requireWritable()
        if kind not in KINDS:
            raise UsageError("unknown-kind", f"{kind!r} is not a kind of artefact.")
        latest = self.latest(kind)
        artefactId = artefactId or (latest.id if latest else f"{kind}-1")
        Approval.requireUnlocked(self, artefactId)
        previous = self.graph.current(artefactId)
        revision = previous.revision + 1 if previous else 1
        destination = self.folder / ARTEFACTS / artefactId / f"r{revision}"
        stage = Stage(self, artefactId, kind, revision, user or currentUser())
        with contextlib.suppress(NothingCommitted), stagedFolder(destination) as folder:
            stage.folder = folder
            yield stage
            if stage.artefact is None:
                raise NothingCommitted
        if stage.artefact is not None:
            try:
                self._commit(stage.artefact)
            except BaseException:
                self._takeFromDisk()
                raise

    def record(self, action, what, user=None):
        """Add an audit line about something that changed no artefact, such as a copy that was made.

        :raises UsageError: ``read-only``
        """
        self._requireWritable()
        self._write(dict(self._values), action, what, user or currentUser())

    def changeGovernance(self, governance, action, what, user=None, **facts):
        """Commit a changed :attr:`governance` with its audit line, as one atomic change.

        :param action: the audit line's action, such as ``consent-recorded``; ``what`` its JSON values
        :param facts: ``side`` or ``procedure`` where they change with it
        :raises UsageError: ``read-only``, ``bad-governance`` for values that do not fit the schema
        """
        self._requireWritable()
        values = {**self._values, **facts, "governance": copy.deepcopy(governance)}
        CaseFormat.requireFits(values)
        try:
            self._write(values, action, what, user or currentUser())
        except BaseException:
            self._takeFromDisk()
            raise

    def _requireWritable(self):
        if self._lock is None:
            raise UsageError("read-only", "The case is open for reading only.", "Open it for writing.")

    def _takeFromDisk(self):
        """After a commit that failed: what ``case.json`` says holds, in memory and among the files."""
        self._values = readCase(self.folder)
        self.graph = Graph(Artefact.fromDict(one) for one in self._values["artefacts"])
        removeUncommitted(self.folder, self._values)

    def _commit(self, artefact):
        values = {**self._values, "artefacts": [*self._values["artefacts"], artefact.asDict()]}
        self._write(
            values,
            "artefact-committed",
            {"artefact": artefact.id, "revision": artefact.revision, "content": artefact.content},
            artefact.who,
        )
        self.graph.artefacts.append(artefact)

    def _write(self, values, action, what, who):
        audit = self._values["audit"]
        with namedWriteErrors(self.folder):
            Audit.bringUpToDate(self.folder, audit["last"], audit["lines"])
        last = Audit.makeLine(
            self._keyRing, audit["last"], audit["lines"] + 1, action, what, CaseFormat.stateHash(values), who
        )
        values = {**values, "audit": {"lines": audit["lines"] + 1, "last": last}}
        writeAside(self.folder / CaseFormat.FILE_NAME, CaseFormat.encode(values))
        self._values = values
        # Committed is committed: where the disk is full now, the line is appended before the next change.
        with contextlib.suppress(OSError):
            Audit.bringUpToDate(self.folder, last, values["audit"]["lines"], isNew=True)
