"""Times of pushing a series to a real Orthanc: ours, raw and verified, beside the peers, alternated in one run."""

import concurrent.futures
import functools
import statistics
import time
import uuid
from pathlib import Path

from Servers.OrthancServer import OrthancServer, whyNoOrthanc

BATCH_ITEMS = 10
CONNECTIONS = 4


def rows(dicomFiles, repeats=3):
    """Return ``(name, seconds, megabytes per second)`` for each way to push the files, medians of alternated runs.

    Each push goes to a freshly started, empty Orthanc; starting it and reading UIDs is not counted. Without Orthanc,
    one row with its reason and no times.
    """
    if whyNoOrthanc():
        return [(f"push: {whyNoOrthanc()}", None, None)]
    paths = [Path(path) for path in dicomFiles]
    megabytes = sum(path.stat().st_size for path in paths) / 1e6
    ways = {
        "push, ours, raw": _oursRaw,
        "push, ours, verified": _oursVerified,
        "push, bare STOW 10 x 4 (peer)": _bareStow,
        "push, dicomweb-client (peer)": _dicomWebClient,
    }
    seconds = {name: [] for name in ways}
    for _repeat in range(repeats):
        for name, way in ways.items():
            seconds[name].append(_timed(way, paths))
    medians = {name: statistics.median(times) for name, times in seconds.items() if None not in times}
    return [(name, time, megabytes / time) for name, time in medians.items()]


def _timed(way, paths):
    with OrthancServer() as orthanc:
        try:
            push = way(orthanc, paths)
        except ImportError:
            return None
        start = time.perf_counter()
        push()
        elapsed = time.perf_counter() - start
        if len(orthanc.instances()) != len(paths):
            raise RuntimeError(f"{way.__name__}: not everything arrived")
    return elapsed


def _oursRaw(orthanc, paths):
    from CentralSyncLib.Items import itemOf
    from CentralSyncLib.Stores import openStore
    from PlanningHubLib.Progress import noProgress

    return functools.partial(openStore(orthanc.address).send, [itemOf(path) for path in paths], noProgress)


def _oursVerified(orthanc, paths):
    from CentralSyncLib.Items import itemOf
    from CentralSyncLib.Results import VERIFIED
    from CentralSyncLib.Stores import openStore
    from CentralSyncLib.Sync import pushVerified

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
