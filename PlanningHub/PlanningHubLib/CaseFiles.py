"""What lies in a case's folder: ``case.json`` read and held against its audit line, and what killed writers left."""

import json
import shutil

from . import Audit, CaseFormat
from .Errors import InputRefused, VerificationFailed
from .Files import namedWriteErrors, removeAsides, removeEmptyFolders

ARTEFACTS = "artefacts"


def readCase(folder):
    """Return the checked values of the case in a folder.

    :raises InputRefused: ``cannot-read``, ``not-a-case``, ``case-too-new``
    :raises VerificationFailed: ``case-damaged``, ``case-changed-outside``
    """
    path = folder / CaseFormat.FILE_NAME
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error
    values = CaseFormat.decode(data, path)
    _checkBinding(values, path)
    return values


def glanceAtCase(folder):
    """Return the values of a case of the newest format that its audit line binds, None where it takes a closer look."""
    path = folder / CaseFormat.FILE_NAME
    try:
        values = json.loads(path.read_bytes())
        if values["format"] != "planninghub-case" or values["version"] != CaseFormat.VERSION:
            return None
        _checkBinding(values, path)
    except (OSError, ValueError, KeyError, TypeError, VerificationFailed):
        return None
    return values


def _checkBinding(values, path):
    try:
        state = json.loads(values["audit"]["last"])["state"]
    except (ValueError, KeyError, TypeError):
        state = None
    if state != CaseFormat.stateHash(values):
        raise VerificationFailed(
            "case-changed-outside",
            f"{path} was changed outside the suite: it is not what its audit line recorded.",
            "Restore the case from the central store.",
            [path],
        )


def cleanUp(folder, values):
    """Finish what a killed writer began: the committed audit line in, uncommitted files out."""
    with namedWriteErrors(folder):
        Audit.bringUpToDate(folder, values["audit"]["last"], values["audit"]["lines"])
        removeAsides(folder)
        removeUncommitted(folder, values)


def removeUncommitted(folder, values):
    """Remove the artefact revisions that the case does not know."""
    known = {f"{one['id']}/r{one['revision']}" for one in values["artefacts"]}
    for artefactFolder in (folder / ARTEFACTS).glob("*"):
        removeAsides(artefactFolder)
        for revision in artefactFolder.glob("r*"):
            if f"{artefactFolder.name}/{revision.name}" not in known:
                shutil.rmtree(revision)
            else:
                removeAsides(revision)
        removeEmptyFolders([artefactFolder, folder / ARTEFACTS])
