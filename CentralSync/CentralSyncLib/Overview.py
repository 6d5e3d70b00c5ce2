"""What a sync brings where, before it starts, and what it came to: a line for every artefact, not for every slice."""

import dataclasses

from PlanningHubLib.Site import Site

from .Items import sentArtefacts
from .Results import VERIFIED
from .Stores.Addresses import normal
from .Stores.AddressForms import described

TO_SEND = "to-send"
WRAPPED = "This store keeps DICOM objects only; one carries each of them."


@dataclasses.dataclass(frozen=True)
class Line:
    """``files`` files of one artefact that share one state.

    :param what: the artefact's title; empty for older revisions and the case's own records
    :param bytes: their size together, None where the case did not record it
    :param state: ``to-send`` or one of :mod:`Results`
    """

    what: str
    files: int
    bytes: int | None
    state: str
    reason: str = ""


def destination(address):
    """Return the normal address of a store, and in words where it leads; nothing is connected.

    No package is asked for either, which nobody wants while typing.

    :param address: with the whole path of a folder, or a store's name in the site's configuration
    :raises UsageError: and InputRefused, as :func:`CentralSyncLib.Stores.Addresses.normal`
    """
    address = normal(address)
    return address, described(address)


def planLines(case, address):
    """Return the :class:`Line` list of what a sync would bring to a normal address now; files are not read."""
    lines = []
    for artefact in sentArtefacts(case):
        wrapped = {name: "://" in address and not name.endswith(".dcm") for name in artefact.files}
        for reason, carried in (("", False), (WRAPPED, True)):
            sizes = [record.bytes for name, record in artefact.files.items() if wrapped[name] is carried]
            if sizes:
                lines.append(Line(artefact.title, len(sizes), _sum(sizes), TO_SEND, reason))
    endpoint = Site.forThisInstallation().fhirEndpoint
    if endpoint:
        lines.append(Line("Metadata (HL7 FHIR)", 1, None, TO_SEND, f"To {destination(endpoint)[1]}."))
    return lines


def resultLines(case, result):
    """Return the :class:`Line` list of a :class:`SyncResult`; items that are not verified keep their reasons."""
    items, groups = {item.fileSha256: item for item in result.items}, {}
    # Two files of one content were sent once: both are there.
    for artefact in sentArtefacts(case):
        for record in artefact.files.values():
            if record.sha256 in items:
                groups.setdefault(_key(artefact.title, items[record.sha256]), []).append(record.bytes)
    shown = {record.sha256 for artefact in sentArtefacts(case) for record in artefact.files.values()}
    for item in result.items:
        if item.fileSha256 not in shown:
            groups.setdefault(_key("", item), []).append(None)
    return [Line(what, len(sizes), _sum(sizes), state, reason) for (what, state, reason), sizes in groups.items()]


def _key(what, item):
    return what, item.state, "" if item.state == VERIFIED else item.reason


def isDicomWeb(address):
    """Tell whether a store's address is that of a DICOMweb store."""
    return address.strip().lower().startswith("dicomweb+")


def _sum(sizes):
    return None if None in sizes else sum(sizes)
