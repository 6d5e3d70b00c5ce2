"""Which frames of a multi-frame file a source stands for, where the file holds more volumes than the chosen one.

They stand in a file of the artefact: another phase of the same file is other content, which makes what came of the
first one stale.
"""

import json

from .Errors import VerificationFailed

FILE_NAME = "frames.json"


def writeFrames(headers, places, folder):
    """Write down the frames of a series, numbered from 1, for files of which it has not all.

    :param headers: the slices of the series
    :param places: name in the artefact -> path
    """
    chosen = {}
    for name, path in places.items():
        ofFile = [header for header in headers if header.path == path and header.frame is not None]
        if ofFile and len(ofFile) < int(ofFile[0].numberOfFrames):
            chosen[name] = sorted(header.frame + 1 for header in ofFile)
    if chosen:
        (folder / FILE_NAME).write_text(json.dumps(chosen), encoding="utf-8")


def chosenHeaders(case, source, headers):
    """Return those of the headers of a source's files that belong to its series.

    :raises VerificationFailed: ``source-changed``
    """
    if FILE_NAME not in source.files:
        return headers
    path = case.path(source, FILE_NAME)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        frames = {case.path(source, name): set(numbers) for name, numbers in values.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise VerificationFailed("source-changed", f"{path} does not say which frames are meant.",
                                 "Import the series again.", [path]) from error  # fmt: skip
    return [header for header in headers if header.path not in frames or header.frame + 1 in frames[header.path]]
