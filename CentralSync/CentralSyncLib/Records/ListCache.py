"""What was read of a store's records, kept in the settings folder so that a long list is read once.

It is a cache: without it, or with another one, a list is slower and not different.
"""

import dataclasses
import json

from PlanningHubLib import __version__
from PlanningHubLib.Errors import PlanningError
from PlanningHubLib.Files import sha256Bytes, writeAside
from PlanningHubLib.Secrets import homeFolder

from .Kept import KeptCase

# What is kept of a case; another version of the suite reads it anew.
FORMAT = f"1 {__version__}"


class ListCache:
    """Key → :class:`.Kept.KeptCase` with the stamp that says which record it was read from. For one store."""

    def __init__(self, description):
        self._path = homeFolder() / f"store-list-{sha256Bytes(description.encode())[:16]}.json"
        self._known = self._read()
        self._changed = False

    def get(self, key, stamp):
        """Return the case that was kept with the same stamp, or None."""
        known = self._known.get(key)
        if not known or known[0] != stamp:
            return None
        try:
            return KeptCase(**{**known[1], "kinds": tuple(known[1]["kinds"])})
        except (TypeError, KeyError):
            return None

    def put(self, key, stamp, case):
        self._known[key], self._changed = [stamp, dataclasses.asdict(case)], True

    def keepOnly(self, keys):
        """Forget all others."""
        gone = self._known.keys() - set(keys)
        for key in gone:
            del self._known[key]
        self._changed |= bool(gone)

    def write(self):
        """Write the cache where something changed; a settings folder that cannot be written is no fault."""
        if not self._changed:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            writeAside(self._path, json.dumps({"format": FORMAT, "cases": self._known}).encode())
            self._path.chmod(0o600)
        except (OSError, PlanningError):
            return

    def _read(self):
        try:
            values = json.loads(self._path.read_bytes())
            cases = values["cases"] if values["format"] == FORMAT else {}
            return {key: [stamp, facts] for key, (stamp, facts) in cases.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}
