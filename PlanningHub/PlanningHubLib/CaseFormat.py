"""The text of ``case.json``: reading, checking against the JSON Schema that ships with the suite, migrating."""

import functools
import importlib.resources
import json

from .Audit import canonical
from .Errors import InputRefused, UsageError, VerificationFailed
from .Files import sha256Bytes
from .IntendedUse import TREATMENT
from .Requirements import ensure

VERSION = 5
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
    steps = {1: _fromFirst, 2: _fromSecond, 3: _fromThird, 4: _fromFourth}
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


def _fromSecond(values, _artefactFolder):
    """Format 3 records request, consents, approvals and what has left; an older case has none of them."""
    return {**values, "version": 3, "governance": noGovernance()}


def _fromThird(values, _artefactFolder):
    """Format 4 records reviews of single segments, and what the case is for."""
    governance = {**values["governance"], "segmentReviews": [], "intendedUse": TREATMENT}
    return {**values, "version": 4, "governance": governance}


def _fromFourth(values, _artefactFolder):
    """Format 5 has artefacts of the exchange with partners, which an older suite could not judge, and reports."""
    return {**values, "version": 5, "governance": {**values["governance"], "reports": []}}


def noGovernance():
    """Return the governance of a case of which nothing has been said yet."""
    names = ("consents", "departures", "approvals", "comments", "reviews", "segmentReviews", "reports")
    return {"request": None, "prescription": None, "intendedUse": TREATMENT, **{name: [] for name in names}}


def requireFits(values):
    """Hold values that are about to be committed against the newest schema.

    :raises UsageError: ``bad-governance``
    """
    fault = _fault(values, VERSION)
    if fault:
        raise UsageError("bad-governance", f"The case cannot take this at {fault}", "Check what was entered.")


def _check(values, path):
    # What is no version at all is measured against the newest schema, which says so.
    version = values["version"]
    version = version if type(version) is int and 0 < version < VERSION else VERSION
    fault = _fault(values, version)
    if fault:
        raise VerificationFailed(
            "case-damaged",
            f"{path} does not fit its schema at {fault}",
            "Restore the case from the central store.",
            [path],
        )


def _fault(values, version):
    """Return where and how values do not fit a version's schema, or None."""
    ensure("PlanningHubLib")
    import jsonschema

    error = jsonschema.exceptions.best_match(_validator(version).iter_errors(values))
    if error:
        place = "/".join(str(step) for step in error.absolute_path) or "the top level"
        return f"{place}: {error.message[:200]}"
    return None


@functools.cache
def _validator(version):
    import jsonschema

    schema = importlib.resources.files(__package__).joinpath(f"Schemas/case-{version}.schema.json")
    return jsonschema.Draft202012Validator(json.loads(schema.read_text(encoding="utf-8")))
