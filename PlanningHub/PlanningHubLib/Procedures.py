"""Procedures, what each asks of a CT, how it is segmented and planned: JSON files, shipped or a site's own."""

import copy
import dataclasses
import functools
import importlib.resources
import json
import re

from .Errors import Finding, InputRefused
from .Files import requireClosed, sha256Bytes
from .ProcedureRules import faultOf
from .SchemaCheck import schemaFault, shippedSchema
from .Secrets import homeFolder

GENERAL = "general"
SITE_FOLDER = "procedures"
KERNELS = "kernels.json"


@dataclasses.dataclass(frozen=True)
class Procedure:
    """A procedure's file, checked against its schema.

    :param values: the file's content: ``imaging`` holds the limits, ``approvals`` who signs for what,
        ``structures``, ``planSteps`` and the rest what is segmented and planned
    :param origin: ``shipped`` or ``site``
    """

    name: str
    values: dict
    origin: str
    sha256: str

    @property
    def title(self):
        return self.values["title"]

    @property
    def imaging(self):
        return self.values["imaging"]

    def limit(self, key):
        """Return the limit of that name, empty where the procedure sets none."""
        return self.imaging.get(key, {})

    @property
    def structures(self):
        """What is segmented, in the order of the segments: the dictionaries of the file."""
        return self.values.get("structures", [])

    def approvalRule(self, kind):
        """Return the entry of ``approvals`` for a kind of artefact, None where the procedure has none."""
        return next((rule for rule in self.values.get("approvals", ()) if rule["kind"] == kind), None)

    def asParameters(self):
        """Return what a case records of the limits it was judged by."""
        return {"name": self.name, "origin": self.origin, "sha256": self.sha256}


def severityOf(limit, value):
    """Return ``reject`` or ``warn`` where a value breaks a limit, else None. Equal to the limit is within it.

    :param limit: dictionary with any of ``warnAbove``, ``rejectAbove``, ``warnBelow``, ``rejectBelow``
    """
    for severity in ("reject", "warn"):
        above, below = limit.get(f"{severity}Above"), limit.get(f"{severity}Below")
        if (above is not None and value > above) or (below is not None and value < below):
            return severity
    return None


def procedureNames():
    """Return the names of all procedures that have limits, shipped or the site's own, in alphabetical order."""
    return sorted({*_files(_shippedFolder()), *_files(homeFolder() / SITE_FOLDER)})


def procedureTitles():
    """Return name → title of all procedures; where a file cannot be read or lacks one, its name."""
    return {name: _title(name) for name in procedureNames()}


def _title(name):
    site = homeFolder() / SITE_FOLDER / f"{name}.json"
    path = site if site.is_file() else _shippedFolder() / f"{name}.json"
    try:
        return str(json.loads(path.read_bytes())["title"])
    except (OSError, ValueError, KeyError, TypeError):
        return name


def findProcedure(text):
    """Return the :class:`Procedure` for what a request says, and findings.

    Text that names none (any free text is allowed) gets the general limits and a finding that says so.

    :raises InputRefused: ``bad-procedure``, ``cannot-read``
    """
    name = re.sub(r"[\s_]+", "-", (text or GENERAL).strip().casefold())
    if name in procedureNames():
        return readProcedure(name), []
    known = ", ".join(procedureNames())
    return readProcedure(GENERAL), [
        Finding("general-limits", "info", f'"{text}" has no imaging limits of its own: the general ones were used.',
                f"Procedures with limits: {known}.")
    ]  # fmt: skip


def approvalRuleOf(text, kind):
    """Return who signs for a kind of artefact under the procedure that a request names; None where it does not say.

    :raises InputRefused: ``bad-procedure``, ``cannot-read``
    :raises GateRefused: ``site-file-open-to-others``: who may change the site's procedure could sign alone
    """
    procedure, _findings = findProcedure(text)
    if procedure.origin == "site":
        requireClosed(homeFolder() / SITE_FOLDER / f"{procedure.name}.json")
    return procedure.approvalRule(kind)


def readProcedure(name):
    """Read a procedure by its name; a site's file goes before the shipped one.

    :raises InputRefused: ``bad-procedure``, ``cannot-read``
    """
    for origin, folder in (("site", homeFolder() / SITE_FOLDER), ("shipped", _shippedFolder())):
        if name in _files(folder):
            path = folder / f"{name}.json"
            data = _bytes(path)
            values = copy.deepcopy(_checked(data, path, name, "procedure-1.schema.json"))
            return Procedure(name, values, origin, sha256Bytes(data))
    raise InputRefused("bad-procedure", f"There is no procedure {name}.", f"Use one of {', '.join(procedureNames())}.")


def kernelKind(kernel, manufacturer=""):
    """Return ``bone``, ``soft`` or ``lung`` for a convolution kernel's name, None where no pattern knows it.

    The patterns of the maker go first, then those of all makers; a site's ``kernels.json`` replaces the shipped one.
    """
    names = [part.strip() for part in kernel.replace("\\", ",").split(",") if part.strip()]
    if not names:
        return None
    makers = _kernels()
    ordered = sorted(makers, key=lambda maker: not re.search(maker["manufacturer"], manufacturer, re.IGNORECASE))
    for maker in ordered:
        for kind in ("bone", "lung", "soft"):
            if any(re.fullmatch(pattern, names[0], re.IGNORECASE) for pattern in maker[kind]):
                return kind
    return None


def _kernels():
    site = homeFolder() / SITE_FOLDER / KERNELS
    path = site if site.is_file() else _shippedFolder() / KERNELS
    return _checked(_bytes(path), path, None, "kernels-1.schema.json")["makers"]


def _shippedFolder():
    return importlib.resources.files(__package__) / "Procedures"


def _files(folder):
    names = (path.name for path in folder.iterdir()) if folder.is_dir() else ()
    return {name.removesuffix(".json") for name in names if re.fullmatch(r"[a-z0-9-]+\.json", name) and name != KERNELS}


def _bytes(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error


# A list of cases reads the same few files again and again.
@functools.lru_cache(maxsize=64)
def _checked(data, path, name, schemaName):
    """Return a file's values, checked against a schema and against the rules that no schema can say."""

    def refuse(reason):
        return InputRefused(
            "bad-procedure", f"{path} cannot be used: {reason}", "Correct the file or remove it.", [path]
        )

    try:
        values = json.loads(data)
    except ValueError as error:
        raise refuse(f"it is no JSON ({error}).") from error
    fault = schemaFault(values, shippedSchema(schemaName))
    if fault:
        raise refuse(f"at {fault[0]}: {fault[1]}")
    if name is None:
        _checkPatterns(values, refuse)
        return values
    if values["name"] != name:
        raise refuse(f'it calls itself "{values["name"]}".')
    fault = faultOf(values)
    if fault:
        raise refuse(fault)
    return values


def _checkPatterns(values, refuse):
    for maker in values["makers"]:
        for pattern in (maker["manufacturer"], *maker["bone"], *maker["soft"], *maker["lung"]):
            try:
                re.compile(pattern)
            except re.error as error:
                raise refuse(f"{pattern!r} is no pattern ({error}).") from error
