"""Profiles: what a process on a printer can do, in figures with source and date; shipped, or a site's own.

A site adds or replaces one with a file of the same schema in ``profiles`` of its settings folder.
"""

import dataclasses

from .SiteTables import readTable, tableNames

FOLDER, SCHEMA = "Profiles", "profile-1.schema.json"


@dataclasses.dataclass(frozen=True)
class Profile:
    """A process on a printer; a figure that an external maker has to say is None.

    :param process: SLA, SLS, FDM, MJF, PolyJet, metal or machining
    :param external: made elsewhere: no estimates of time and cost, ask the maker
    :param implants: whether the process may make implants: external ones, and what the site allows
    :param buildVolumeMm: (width, depth, height) or None
    :param minimumEngravingDepthMm: how deep or high letters have to be; ``minimumEngravingHeightMm``: how tall
    :param clearanceMm: ``fit``: gap between printed faces that fit into each other; ``slot``: how much wider than the
        blade a slot is
    :param tolerance: ``percent`` of a length, but no less than ``minimumMm``
    :param overhangAngleDegrees: faces that lean further from the vertical rest on supports; None: no supports
    :param supportShare: share of the room below such faces that supports fill
    :param machineTime: ``setupHours``, ``heightMmPerHour``, ``volumeMlPerHour``; or None
    :param cost: ``perMl``, ``perHour``, ``currency``; or None
    :param sources: figure's name → (source, date)
    :param origin: ``shipped`` or ``site``
    """

    name: str
    title: str
    process: str
    printer: str
    maker: str
    external: bool
    implants: bool
    buildVolumeMm: tuple | None
    layerMm: float | None
    minimumWallMm: float
    minimumFeatureMm: float
    minimumEngravingDepthMm: float
    minimumEngravingHeightMm: float
    minimumStrokeMm: float
    clearanceMm: dict
    tolerance: dict
    minimumDrainHoleMm: float
    overhangAngleDegrees: float | None
    supportShare: float | None
    spacingMm: float | None
    machineTime: dict | None
    cost: dict | None
    sources: dict
    origin: str

    def toleranceMm(self, lengthMm):
        """Return how far the process may miss a length."""
        return max(abs(lengthMm) * self.tolerance["percent"] / 100, self.tolerance["minimumMm"])

    def asFacts(self):
        """Return what a part's facts say of the process."""
        return {"name": self.name, "process": self.process, "printer": self.printer, "maker": self.maker,
                "external": self.external, "origin": self.origin}  # fmt: skip


def names():
    """Return the names of all profiles, in alphabetical order."""
    return tableNames(FOLDER)


def find(name):
    """Return the :class:`Profile` of a name.

    :raises InputRefused: ``bad-profile``: unknown, or its file does not fit the schema; ``cannot-read``
    :raises GateRefused: ``site-file-open-to-others``
    """
    values, origin, _path = readTable(FOLDER, name, SCHEMA, "bad-profile")
    figures = {key: figure["value"] for key, figure in values["figures"].items()}
    if figures["buildVolumeMm"]:
        figures["buildVolumeMm"] = tuple(figures["buildVolumeMm"])
    return Profile(
        **{key: values[key] for key in ("name", "title", "process", "printer", "maker", "external")},
        implants=values.get("implants", values["external"]),
        **figures,
        sources={key: (figure["source"], figure["date"]) for key, figure in values["figures"].items()},
        origin=origin,
    )
