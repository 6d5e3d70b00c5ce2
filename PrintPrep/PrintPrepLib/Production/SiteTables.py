"""JSON tables of the print step, shipped with the suite or a site's own, each checked against its schema."""

import functools
import importlib.resources
import json
import re

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Files import requireClosed
from PlanningHubLib.SchemaCheck import schemaFault, shippedSchema
from PlanningHubLib.Secrets import homeFolder


def tableNames(folderName):
    """Return the names of a folder's tables, shipped or the site's own, in alphabetical order."""
    return sorted({*_names(_shipped(folderName)), *_names(_site(folderName))})


def readTable(folderName, name, schemaName, code):
    """Read a table by its name; a site's file goes before the shipped one.

    :param folderName: ``Profiles`` or ``Materials``; the site's folder is the same name in small letters
    :returns: (values, ``shipped`` or ``site``, path)
    :raises InputRefused: the code, where there is none of that name or it does not fit the schema; ``cannot-read``
    :raises GateRefused: ``site-file-open-to-others``
    """
    for origin, folder in (("site", _site(folderName)), ("shipped", _shipped(folderName))):
        if name in _names(folder):
            path = folder / f"{name}.json"
            values = readSiteFile(path, schemaName, code, isSite=origin == "site")
            if values["name"] != name:
                raise _refusal(code, path, f'it calls itself "{values["name"]}".')
            return values, origin, path
    known = ", ".join(tableNames(folderName))
    raise InputRefused(
        code, f"There is nothing called {name!r} in the {folderName.casefold()}.", f"Use one of {known}."
    )


def readSiteFile(path, schemaName, code, isSite=True):
    """Read one JSON file and check it.

    :raises InputRefused: the code, ``cannot-read``
    :raises GateRefused: ``site-file-open-to-others``
    """
    try:
        if isSite:
            requireClosed(path)
        return json.loads(_checked(path.read_bytes(), path, schemaName, code))
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error


# The same few files are read for each part; text is kept, so that nobody changes what others read.
@functools.lru_cache(maxsize=64)
def _checked(data, path, schemaName, code):
    try:
        values = json.loads(data)
    except ValueError as error:
        raise _refusal(code, path, f"it is no JSON ({error}).") from error
    fault = schemaFault(values, shippedSchema(schemaName))
    if fault:
        raise _refusal(code, path, f"at {fault[0]}: {fault[1]}")
    return json.dumps(values)


def _refusal(code, path, reason):
    return InputRefused(code, f"{path} cannot be used: {reason}", "Correct the file or remove it.", [path])


def _names(folder):
    names = (path.name for path in folder.iterdir()) if folder.is_dir() else ()
    return {name.removesuffix(".json") for name in names if re.fullmatch(r"[a-z0-9-]+\.json", name)}


def _shipped(folderName):
    return importlib.resources.files(__package__) / folderName


def _site(folderName):
    return homeFolder() / folderName.casefold()
