"""A site with named users and their signing keys, for the tests of approval."""

import json

from PlanningHubLib.Secrets import homeFolder
from PlanningHubLib.Signing import UserKey

RULES = [
    {"kind": "part", "procedures": ["Tumor"], "roles": ["surgeon", "engineer"], "signatures": 2},
    {"kind": "part", "roles": ["surgeon"], "signatures": 1},
]
ROLES = {"anna": ["surgeon"], "bela": ["engineer"], "cleo": ["clerk"]}


def keyOf(user):
    """The same key for the same user in every test."""
    return UserKey(user, user.encode().ljust(32, b"."))


def writeSite(users=ROLES, rules=RULES, **changes):
    """Write the site's configuration of the current home; return its path."""
    path = homeFolder() / "site.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = [{"name": user, "roles": roles, "publicKey": keyOf(user).publicKey} for user, roles in users.items()]
    path.write_text(
        json.dumps({"format": "planninghub-site", "version": 1, "users": listed, "approvals": rules, **changes})
    )
    path.chmod(0o644)
    return path
