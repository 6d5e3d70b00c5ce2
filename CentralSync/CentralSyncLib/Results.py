"""What a sync came to: one state and a reason in words for every item."""

import dataclasses

from PlanningHubLib.Errors import StoreFailed, VerificationFailed, firstRejection

VERIFIED = "verified"  # the store gave back exactly these bytes
FAILED = "failed"  # the store answers, and what it keeps is not what was sent
QUEUED = "queued"  # the store or the network failed; it stays to be sent
NOT_SENT = "not-sent"  # this store does not keep such files; they stay in the case


@dataclasses.dataclass(frozen=True)
class ItemResult:
    """One item's state: ``verified``, ``failed``, ``queued`` or ``not-sent``.

    :param contentSha256: of the file that the item carries, where it is wrapped; else ""
    :param replaces: (SHA-256, SOP Instance UID) of the item of which the store keeps a corrupt copy, and for which this
        one stands in; or None
    :param bytes: of what the store keeps; 0 where nothing was sent
    """

    sha256: str
    sopInstanceUid: str
    name: str
    state: str
    reason: str = ""
    contentSha256: str = ""
    replaces: tuple | None = None
    seriesUid: str = ""
    studyUid: str = ""
    bytes: int = 0

    @property
    def fileSha256(self):
        """Of the case's own file, whatever stands in the store for it."""
        return self.contentSha256 or (self.replaces[0] if self.replaces else self.sha256)

    def asDict(self):
        replaces = dict(zip(("sha256", "sop_instance_uid"), self.replaces, strict=True)) if self.replaces else None
        return {
            "sha256": self.sha256,
            "sop_instance_uid": self.sopInstanceUid,
            "name": self.name,
            "state": self.state,
            "reason": self.reason,
            "content_sha256": self.fileSha256,
            **({"replaces": replaces} if replaces else {}),
        }


@dataclasses.dataclass(frozen=True)
class SyncResult:
    """All items of one sync.

    :param store: the store's description, without secrets
    :param receipt: the case's receipt artefact that covers exactly these items, or None
    :param findings: what has to be said of the whole, such as that consent to treatment is kept elsewhere
    :param alarms: findings ``store-copy-corrupt``: of these objects the store keeps a corrupt copy
    """

    items: tuple
    store: str = ""
    receipt: object = None
    findings: tuple = ()
    alarms: tuple = ()

    @property
    def verified(self):
        return self._count(VERIFIED)

    @property
    def failed(self):
        return self._count(FAILED)

    @property
    def queued(self):
        return self._count(QUEUED)

    @property
    def notSent(self):
        return self._count(NOT_SENT)

    @property
    def complete(self):
        """Whether everything that the store takes is verified, and that is at least one item."""
        return self.verified > 0 and not self.failed and not self.queued

    def problem(self):
        """Return the error that describes the result, or None when all is verified.

        ``VerificationFailed`` when an item failed, else ``StoreFailed`` when one is queued, else what a finding rejects
        (the audit log is not the one that the store has seen); it is returned, not raised,
        so that the caller can show the items first.
        """
        if self.failed:
            return self._error(
                VerificationFailed, "not-verified", FAILED, "failed: the store does not keep what was sent"
            )
        if self.queued:
            return self._error(StoreFailed, "store-failed", QUEUED, "stay to be sent")
        if not self.verified:
            return VerificationFailed("nothing-verified", f"The {self.store} takes none of the items.", "")
        rejection = firstRejection(self.findings)
        if rejection:
            return VerificationFailed(rejection.code, rejection.message, rejection.action, rejection.files)
        return None

    def asDict(self):
        """The result as the ``planninghub sync`` command prints it."""
        return {
            "store": self.store,
            "items": [item.asDict() for item in self.items],
            "verified": self.verified,
            "failed": self.failed,
            "queued": self.queued,
            "not_sent": self.notSent,
            "receipt": self.receipt.id if self.receipt else None,
            "findings": [finding.asDict() for finding in self.findings],
            "alarms": [finding.asDict() for finding in self.alarms],
        }

    def _count(self, state):
        return sum(item.state == state for item in self.items)

    def _error(self, kind, code, state, words):
        concerned = [item for item in self.items if item.state == state]
        message = f"{len(concerned)} of {len(self.items)} items {words}. {concerned[0].name}: {concerned[0].reason}"
        return kind(code, message, "Sync again; what is verified is not sent twice.", [item.name for item in concerned])
