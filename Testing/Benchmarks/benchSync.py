"""Times of pushing a series to a real Orthanc: ours, raw and verified, beside the peers, alternated in one run."""

import functools
import tempfile
from pathlib import Path

from Servers.OrthancServer import OrthancServer, whyNoOrthanc

from .BarePushes import bareRest, bareStow, dicomWebClient, storescu
from .Timing import Row, compared, imported, timed


def rows(dicomFiles, repeats=3):
    """Return the rows of pushing files to Orthanc; without it, one that says why there are none.

    Each push goes to a freshly started, empty Orthanc; starting it and reading UIDs is not counted.
    """
    if whyNoOrthanc():
        return [Row("push", None, note=whyNoOrthanc())]
    paths = [Path(path) for path in dicomFiles]
    imported("requests", "CentralSyncLib.Stores.Addresses", "CentralSyncLib.Outbox.Push", "dicomweb_client", "pydicom")
    return compared(
        {"push, raw": _raw, "push, verified": _verified, "push, verified, from outbox": _throughOutbox},
        {
            "bare STOW 10 x 4": functools.partial(bareStow, 10, 4),
            "bare STOW 50 x 2": functools.partial(bareStow, 50, 2),
            "bare REST x 4": functools.partial(bareRest, 4),
            "dicomweb-client": dicomWebClient,
            "storescu": storescu,
        },
        repeats,
        "peers send without reading back",
        functools.partial(_pushed, paths),
    )


def _pushed(paths, way):
    with OrthancServer() as orthanc:
        measurement = timed(way(orthanc, paths))
        if len(orthanc.instances()) != len(paths):
            raise RuntimeError(f"{way}: not everything arrived")
    return measurement


def _itemsAndStore(orthanc, paths):
    from CentralSyncLib.Items import itemOf
    from CentralSyncLib.Stores.Addresses import openStore

    return [itemOf(path) for path in paths], openStore(orthanc.address)


def _raw(orthanc, paths):
    from PlanningHubLib.Progress import noProgress

    items, store = _itemsAndStore(orthanc, paths)
    return functools.partial(store.send, items, noProgress)


def _verified(orthanc, paths):
    from Pushing import pushVerified

    items, store = _itemsAndStore(orthanc, paths)
    return functools.partial(_proven, functools.partial(pushVerified, store, items))


def _throughOutbox(orthanc, paths):
    from CentralSyncLib.Outbox.Outbox import Outbox
    from CentralSyncLib.Outbox.Push import Push
    from PlanningHubLib.Secrets import KeyRing

    items, store = _itemsAndStore(orthanc, paths)

    def push():
        with tempfile.TemporaryDirectory() as folder, Outbox(Path(folder) / "outbox", KeyRing(bytes(32))) as outbox:
            return Push(outbox, store).push(items)

    return functools.partial(_proven, push)


def _proven(push):
    from CentralSyncLib.Results import VERIFIED

    if any(result.state != VERIFIED for result in push()):
        raise RuntimeError("not everything was verified")
