"""The text of ``case.json``: reading, checking against the JSON Schema that ships with the suite, migrating."""

import importlib.resources
import json

from .Audit import canonical
from .Errors import InputRefused, VerificationFailed
from .Files import sha256Bytes
from .Requirements import ensure

VERSION = 2
FILE_NAME = "case.json"


def encode(values):
    """Return the bytes of a ``case.json``."""
    return (json.dumps(values, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def stateHash(values):
    """Return the SHA-256 that an audit line binds: all of the case except the audit part itself."""
    return sha256Bytes(canonical({key: value for key, value in values.items() if key != "audit"}).encode())


def decode(data, path):
    """Return the values of a ``case.json`` of any known version, checked against that version's schema.

    :raises InputRefused: ``not-a-case``, ``case-too-new``
    :raises VerificationFailed: ``case-damaged``
    """
    try:
        values = json.loads(data)
        version = values["version"]
    except (ValueError, KeyError, TypeError):
        raise InputRefused(
            "not-a-case", f"{path} is not a Planning Hub case.", "Choose a case folder.", [path]
        ) from None
    if isinstance(version, int) and version > VERSION:
        raise InputRefused(
            "case-too-new",
            f"The case is of format {version}; this version of the suite knows formats up to {VERSION}.",
            "Update the suite.",
            [path],
        )
    _check(values, path)
    return values


def migrated(values, artefactFolder):
    """Return the values in the newest format; the given ones are left as they are.

    :param artefactFolder: the folder that holds the artefacts' files
    """
    steps = {1: _fromFirst}
    while values["version"] < VERSION:
        values = steps[values["version"]](values, artefactFolder)
    return values


def _fromFirst(values, artefactFolder):
    """Format 2 records the size of every file; null where the file is gone, which ``verify`` reports."""
    artefacts = []
    for artefact in values["artefacts"]:
        folder = artefactFolder / artefact["id"] / f"r{artefact['revision']}"
        files = {
            name: {**record, "bytes": (folder / name).stat().st_size if (folder / name).is_file() else None}
            for name, record in artefact["files"].items()
        }
        artefacts.append({**artefact, "files": files})
    return {**values, "version": 2, "artefacts": artefacts}


def _check(values, path):
    ensure("PlanningHubLib")
    import jsonschema

    # What is no version at all is measured against the newest schema, which says so.
    version = values["version"]
    version = version if type(version) is int and 0 < version < VERSION else VERSION
    schema = json.loads(
        importlib.resources.files(__package__).joinpath(f"Schemas/case-{version}.schema.json").read_text(encoding="utf-8")
    )
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(values))
    if error:
        place = "/".join(str(step) for step in error.absolute_path) or "the top level"
        raise VerificationFailed(
            "case-damaged",
            f"{path} does not fit its schema at {place}: {error.message[:200]}",
            "Restore the case from the central store.",
            [path],
        )
