"""Who may do what at the store: one matrix, from which the store's rules and the client's refusals both come.

A *door* is a set of requests that the store can tell from others by method and path. An action of ours needs one door
or several. A role opens doors, so that no rule stands on the client's side alone.
"""

import functools
import importlib.resources
import json

STORE, TEACHING, MACHINE = "store", "teaching", "machine"


@functools.cache
def _matrix():
    return json.loads(importlib.resources.files(__package__).joinpath("Roles.json").read_text(encoding="utf-8"))


def roleNames():
    """Return the names of the roles that the store knows."""
    return tuple(_matrix()["roles"])


def actionNames():
    """Return the names of the actions that a role may allow."""
    return tuple(_matrix()["actions"])


def doorsOf(roles):
    """Return the (service, door) pairs that any of these roles opens, sorted; names that are no role open none."""
    known = _matrix()["roles"]
    opened = (known[role].items() for role in roles if role in known)
    return sorted({(service, door) for services in opened for service, doors in services for door in doors})


def rolesFor(action):
    """Return the roles that may do an action.

    :raises KeyError: there is no such action
    """
    needed = {(service, door) for service, doors in _matrix()["actions"][action].items() for door in doors}
    return tuple(role for role in roleNames() if needed <= set(doorsOf([role])))


def mayDo(roles, action):
    """Tell whether somebody with these roles may do an action.

    :raises KeyError: there is no such action
    """
    needed = {(service, door) for service, doors in _matrix()["actions"][action].items() for door in doors}
    return needed <= set(doorsOf(roles))


def requestsOf(service, door):
    """Return the requests of a door as (method, path) pairs; ``{uid}`` in a path stands for any UID."""
    matrix = _matrix()
    lines = (line.split(" ", 1) for line in matrix["doors"][door])
    return [(method, path.replace("{service}", matrix["services"][service])) for method, path in lines]


def servicePath(service):
    """Return the path of a DICOMweb service on the host, such as ``/dicom-web``."""
    return _matrix()["services"][service]


def rolesOf(userName, site):
    """Return the store's roles of a user of the site, sorted; None of somebody whom the site does not know.

    Roles with the store's own names count as they are, the site's clinicians are clinicians here too, and whoever may
    approve anything by the site's rules is an approver.
    """
    values = site.asDict()
    user = next((one for one in values["users"] if one["name"] == userName), None)
    if user is None:
        return None
    found = set(user["roles"]) & set(roleNames())
    if site.isClinician(userName):
        found.add("clinician")
    if set(user["roles"]) & {role for rule in values["approvals"] for role in rule["roles"]}:
        found.add("approver")
    return sorted(found)
