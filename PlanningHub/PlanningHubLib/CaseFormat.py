"""The text of ``case.json``: reading, checking against the JSON Schema that ships with the suite, migrating."""

import importlib.resources
import json

from .Audit import canonical
from .Errors import InputRefused, VerificationFailed
from .Files import sha256Bytes

VERSION = 1
FILE_NAME = "case.json"


def encode(values):
    """Return the bytes of a ``case.json``."""
    return (json.dumps(values, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def stateHash(values):
    """Return the SHA-256 that an audit line binds: all of the case except the audit part itself."""
    return sha256Bytes(canonical({key: value for key, value in values.items() if key != "audit"}).encode())


def decode(data, path):
    """Return the values of a ``case.json`` of any known version, migrated to the newest and checked.

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
    if not isinstance(version, int) or version > VERSION:
        raise InputRefused(
            "case-too-new",
            f"The case is of format {version}; this version of the suite knows formats up to {VERSION}.",
            "Update the suite.",
            [path],
        )
    _check(values, version, path)
    return values


def _check(values, version, path):
    import jsonschema

    schema = json.loads(
        importlib.resources.files(__package__).joinpath(f"Schemas/case-{version}.schema.json").read_text()
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
