"""Whether files are those that a manifest lists: all of them, none besides, each with its hash."""

from PlanningHubLib.Errors import VerificationFailed
from PlanningHubLib.Files import sha256
from PlanningHubLib.Progress import noProgress

from .Archives import listed


def requireListed(folder, records, besides, progress=noProgress):
    """Check the files below a folder.

    :param records: dictionaries with ``path``, ``sha256``, ``bytes``
    :param besides: names that may be there without being listed
    :raises VerificationFailed: ``exchange-files-differ``, naming the first of them
    """
    there = {name: path for name, path in listed(folder) if name not in besides}
    wanted = {record["path"]: record for record in records}
    faults = [f"{name} is missing" for name in wanted.keys() - there.keys()]
    faults += [f"{name} is not listed" for name in there.keys() - wanted.keys()]
    faults += ["a file is listed twice"] if len(wanted) != len(records) else []
    for number, name in enumerate(sorted(wanted.keys() & there.keys())):
        progress(number / len(wanted), f"Checking file {number + 1} of {len(wanted)}")
        record, path = wanted[name], there[name]
        if path.stat().st_size != record["bytes"] or sha256(path) != record["sha256"]:
            faults.append(f"{name} is not what was listed")
    if faults:
        raise VerificationFailed(
            "exchange-files-differ",
            f"{len(faults)} files are not as the manifest says: {'; '.join(sorted(faults)[:3])}.",
            "Use nothing of it; have it sent again.",
        )
