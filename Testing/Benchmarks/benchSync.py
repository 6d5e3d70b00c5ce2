"""Times of pushing a series to a real Orthanc: ours, raw and verified, beside the peers, alternated in one run."""

import concurrent.futures
import functools
import uuid
from pathlib import Path

from Servers.OrthancServer import OrthancServer, whyNoOrthanc

from .Timing import Row, compared, timed

BATCH_ITEMS = 10
CONNECTIONS = 4


def rows(dicomFiles, repeats=3):
    """Return the rows of pushing files to Orthanc; without it, one that says why there are none.

    Each push goes to a freshly started, empty Orthanc; starting it and reading UIDs is not counted.
    """
    if whyNoOrthanc():
        return [Row("push", None, note=whyNoOrthanc())]
    paths = [Path(path) for path in dicomFiles]
    return compared(
        {"push, raw": _oursRaw, "push, verified": _oursVerified},
        {"bare STOW 10 x 4": _bareStow, "dicomweb-client": _dicomWebClient},
        repeats,
        "peers send without reading back",
        functools.partial(_pushed, paths),
    )


def _pushed(paths, way):
    with OrthancServer() as orthanc:
        measurement = timed(way(orthanc, paths))
        if len(orthanc.instances()) != len(paths):
            raise RuntimeError(f"{way.__name__}: not everything arrived")
    return measurement


def _oursRaw(orthanc, paths):
    from CentralSyncLib.Items import itemOf
    from CentralSyncLib.Stores.Addresses import openStore
    from PlanningHubLib.Progress import noProgress

    return functools.partial(openStore(orthanc.address).send, [itemOf(path) for path in paths], noProgress)


def _oursVerified(orthanc, paths):
    from Pushing import pushVerified

    from CentralSyncLib.Items import itemOf
    from CentralSyncLib.Results import VERIFIED
    from CentralSyncLib.Stores.Addresses import openStore

    items = [itemOf(path) for path in paths]

    def push():
        results = pushVerified(openStore(orthanc.address), items)
        if any(result.state != VERIFIED for result in results):
            raise RuntimeError("not everything was verified")

    return push


def _bareStow(orthanc, paths):
    import requests

    session = requests.Session()

    def post(batch):
        boundary = uuid.uuid4().hex
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        body = b"".join(head + path.read_bytes() + b"\r\n" for path in batch) + f"--{boundary}--".encode()
        kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
        session.post(f"{orthanc.url}/dicom-web/studies", body, headers={"Content-Type": kind}).raise_for_status()

    def push():
        batches = [paths[start : start + BATCH_ITEMS] for start in range(0, len(paths), BATCH_ITEMS)]
        with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as executor:
            list(executor.map(post, batches))

    return push


def _dicomWebClient(orthanc, paths):
    import pydicom
    from dicomweb_client import DICOMwebClient

    client = DICOMwebClient(f"{orthanc.url}/dicom-web")

    def push():
        client.store_instances([pydicom.dcmread(path) for path in paths])

    return push
