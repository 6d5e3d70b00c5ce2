"""The manifest of a de-identified copy of a case: its files, what each is of, and what was made from what.

Written anew by allow-list: nothing is taken over from the case but kinds, the side, and which artefact is made from
which. Artefacts get names of their own, and no hash of the originals stands in it: both would lead back to the case.
"""

import json

from .DeidentifyDocuments import contentOf

FILE_NAME = "manifest.json"
FORMAT, VERSION = "planninghub-deidentified-case", 1
FILE_FIELDS = ("path", "kind", "sha256", "bytes", "sopClassUid", "sopInstanceUid")
SIDES = ("left", "right", "bilateral", "midline")


def manifestOf(copy, case):
    """Return the manifest as a dictionary.

    :param copy: :class:`PlanningHubLib.Deidentify.Copy`, all files of which are written
    :param case: the open case that is copied
    """
    names = copy.names
    return {
        "format": FORMAT,
        "version": VERSION,
        "pseudonym": copy.pseudonym,
        "profile": copy.profile.name,
        "side": case.side if case.side in SIDES else None,
        "artefacts": [
            {
                "name": names[artefact.id],
                "kind": artefact.kind,
                "content": contentOf(copy, artefact),
                # What is stale or was superseded is not in the copy, and so has no name here.
                "parents": [names[link.id] for link in artefact.parents if link.id in names],
                "files": [_fileRecord(record) for record in copy.files if copy.ownerOf(record) == artefact.id],
            }
            for artefact in copy.found.artefacts
        ],
        "documents": [_fileRecord(record) for record in copy.files if copy.ownerOf(record) is None],
        "approvals": copy.approvals,
    }


def namesOf(artefacts):
    """Return artefact id → its name in the copy: its kind, and a number where there are several of the kind."""
    names, counts = {}, {}
    for artefact in artefacts:
        counts[artefact.kind] = counts.get(artefact.kind, 0) + 1
        names[artefact.id] = f"{artefact.kind}-{counts[artefact.kind]}"
    return names


def _fileRecord(record):
    return {name: record[name] for name in FILE_FIELDS if name in record}


def writeManifest(copy, case):
    """Write the manifest into the copy's folder and record it among its files."""
    path = copy.folder / FILE_NAME
    path.write_bytes((json.dumps(manifestOf(copy, case), indent=1, sort_keys=True) + "\n").encode())
    copy.add(path, "manifest")
