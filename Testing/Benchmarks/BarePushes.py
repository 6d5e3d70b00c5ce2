"""How others bring files into an Orthanc: none of them reads back what it keeps.

Each is a function of (running server, paths) that returns the function without arguments that is timed.
"""

import concurrent.futures
import functools
import shutil
import subprocess
import uuid


def bareStow(batchItems, connections, orthanc, paths):
    """Multipart requests by ``requests``, each built in memory."""
    import requests

    session = requests.Session()

    def post(batch):
        boundary = uuid.uuid4().hex
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        body = b"".join(head + path.read_bytes() + b"\r\n" for path in batch) + f"--{boundary}--".encode()
        kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
        session.post(f"{orthanc.url}/dicom-web/studies", body, headers={"Content-Type": kind}).raise_for_status()

    batches = [paths[start : start + batchItems] for start in range(0, len(paths), batchItems)]
    return functools.partial(_inThreads, post, batches, connections)


def bareRest(connections, orthanc, paths):
    """Orthanc's own interface, a file in each request."""
    import requests

    session = requests.Session()

    def post(path):
        session.post(f"{orthanc.url}/instances", path.read_bytes()).raise_for_status()

    return functools.partial(_inThreads, post, paths, connections)


def _inThreads(function, jobs, connections):
    with concurrent.futures.ThreadPoolExecutor(connections) as executor:
        list(executor.map(function, jobs))


def dicomWebClient(orthanc, paths):
    import pydicom
    from dicomweb_client import DICOMwebClient

    client = DICOMwebClient(f"{orthanc.url}/dicom-web")

    def push():
        client.store_instances([pydicom.dcmread(path) for path in paths])

    return push


def storescu(orthanc, paths):
    """DCMTK's C-STORE over one association."""
    program = shutil.which("storescu")
    if program is None:
        raise ImportError("storescu")
    port = str(orthanc.dicomPort)
    command = [program, "-aec", "ORTHANC", "127.0.0.1", port, *map(str, paths)]
    return functools.partial(subprocess.run, command, check=True, capture_output=True)
