"""Where images come from: a folder, one file, a ZIP archive, a DICOMDIR, or an archive by DICOMweb."""

import functools
import os
import shutil
import tempfile
import weakref
from pathlib import Path

from .DecodeWorker import HEADER_SECONDS, UNPACK_SECONDS, DecodeWorker
from .Errors import Finding, InputRefused
from .Progress import noProgress
from .SourcesZip import isInside

DICOMWEB = "dicomweb:"
LISTED_FILES = 20


class OpenedSource:
    """A source whose files can be read: use it as a context, or let it go, to remove what was unpacked for it.

    :param name: the source as the user knows it
    :param place: folder or file on disk that stands for it
    :param paths: the files, where they are not all those below ``place``
    """

    def __init__(self, name, place, paths=None, findings=(), temporary=None):
        self.name = str(name)
        self.place = Path(place)
        self.findings = list(findings)
        self._paths = paths
        self._temporary = temporary
        self._removal = weakref.finalize(self, shutil.rmtree, temporary, True) if temporary else None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    @property
    def isTemporary(self):
        """Whether the files were unpacked or retrieved, and go when it closes."""
        return self._temporary is not None

    def close(self):
        """Remove what was unpacked."""
        if self._removal:
            self._removal()

    def paths(self):
        """Yield the source's files, those of a folder sorted folder by folder. Links out of it are not followed.

        :raises InputRefused: ``cannot-read``
        """
        if self._paths is not None or self.place.is_file():
            yield from self._paths if self._paths is not None else [self.place]
            return
        links = []
        yield from map(Path, _below(self.place, self.place.resolve(), links))
        if links:
            message = f"{len(links)} links lead out of {self.name} or to folders, and were not followed."
            self.findings.append(Finding("link-not-followed", "warn", message, "Choose the place they lead to, if it "
                                         "belongs to the examination.", tuple(links[:LISTED_FILES])))  # fmt: skip

    def count(self, progress):
        """Return how many files :meth:`paths` will yield.

        :raises InputRefused: ``cannot-read``
        """
        if self._paths is not None or self.place.is_file():
            return 1 if self._paths is None else len(self._paths)
        count = 0
        for count, _path in enumerate(_below(self.place, self.place.resolve(), []), 1):
            if count % 1000 == 0:
                progress(0.0, f"Looking for files: {count}")
        return count

    def shown(self, finding):
        """Return a finding in terms of the source instead of the place where it was unpacked."""
        if self._temporary is None:
            return finding
        inner = str(self.place)

        def shown(text):
            return str(text).replace(inner, self.name)

        files = tuple(shown(path) for path in finding.files)
        return Finding(finding.code, finding.severity, shown(finding.message), shown(finding.action), files)


def isUnpacked(source):
    """Has a source to be retrieved or unpacked before it can be read? (A guess from its name, for progress.)"""
    return str(source).lower().startswith(DICOMWEB) or str(source).lower().endswith(".zip")


def openSource(source, progress=noProgress, credentials=None):
    """Return the :class:`OpenedSource` of what a user named.

    :param source: path of a folder, file, ZIP archive or DICOMDIR, or ``dicomweb:URL?...``
    :param credentials: for an archive, as :func:`PlanningHubLib.SourcesDicomWeb.retrieve`
    :raises InputRefused: ``no-source``, ``cannot-read``, what :func:`PlanningHubLib.SourcesZip.unpack` refuses,
        ``dicomdir-unsafe-path``, ``hostile-file``, ``damaged-header``
    :raises UsageError, StoreFailed: as :func:`PlanningHubLib.SourcesDicomWeb.retrieve`
    """
    if str(source).lower().startswith(DICOMWEB):
        from .SourcesDicomWeb import retrieve

        fill = functools.partial(retrieve, str(source), progress=progress, credentials=credentials)
        return _temporarySource(source, "retrieved", fill)
    path = Path(source)
    if not path.exists():
        raise InputRefused("no-source", f"{source} does not exist.", "Choose an existing folder.", [source])
    if path.is_dir():
        return OpenedSource(source, path)
    try:
        with open(path, "rb") as file:
            head = file.read(4)
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error
    if head in (b"PK\x03\x04", b"PK\x05\x06"):
        return _temporarySource(source, "unpacked", lambda folder: _unpacked(path, folder, progress))
    if path.name.upper().startswith("DICOMDIR"):
        return _dicomDirectory(path)
    return OpenedSource(source, path)


def _temporarySource(source, name, fill):
    """A source in a folder of its own that only this user can read, filled by a function that returns findings."""
    temporary = tempfile.mkdtemp(prefix="planninghub-")
    opened = OpenedSource(source, Path(temporary) / name, temporary=temporary)
    try:
        opened.place.mkdir()
        opened.findings.extend(fill(opened.place))
    except BaseException:
        opened.close()
        raise
    return opened


def _unpacked(path, folder, progress):
    with DecodeWorker() as worker:
        request = {"do": "unpack", "path": str(path), "folder": str(folder)}
        closed = worker.ask(request, UNPACK_SECONDS, progress)[0]["ignored"]
    if closed:
        message = f"{closed} archives inside {path} were not opened."
        yield Finding("nested-archive", "warn", message, "Unpack them, if they hold the examination.", (path,))


def _dicomDirectory(path):
    """The files that a DICOMDIR refers to (PS3.10 section 8), which lie beside or below it."""
    with DecodeWorker() as worker:
        references = worker.ask({"do": "references", "path": str(path)}, HEADER_SECONDS)[0]["files"]
    if references is None:
        raise InputRefused("no-dicom", f"{path} is not a DICOMDIR.", "Choose the folder instead.", [path])
    root, found, absent = path.parent.resolve(), [], []
    for parts in references:
        if not all(isInside(part) and "/" not in part and "\\" not in part for part in parts):
            message = f"{path} refers to a file outside its folder: {'/'.join(parts)}."
            action = "Do not use this medium; ask where it came from."
            raise InputRefused("dicomdir-unsafe-path", message, action, [path])
        place = _anyCase(path.parent, parts)
        if place is None or not place.resolve().is_relative_to(root):
            absent.append(path.parent.joinpath(*parts))
        else:
            found.append(place)
    findings = []
    if absent:
        message = f"{len(absent)} of {len(references)} files that {path} refers to are not there."
        findings.append(Finding("dicomdir-file-missing", "warn", message, "Copy the whole medium again.",
                                tuple(absent[:LISTED_FILES])))  # fmt: skip
    return OpenedSource(path, path, found, findings)


def _anyCase(folder, parts):
    """File systems differ in case: a medium says IMAGES, its copy may say images."""
    straight = folder.joinpath(*parts)
    if straight.is_file():
        return straight
    lower = folder.joinpath(*(part.lower() for part in parts))
    return lower if lower.is_file() else None


def _below(folder, root, links):
    """Yield the names of the files below a folder in constant memory per folder.

    :param links: list that the links which are not followed are added to
    """
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
        for entry in entries:
            if entry.is_symlink():
                if not _isLinkedFileInside(entry, root):
                    links.append(entry.path)
                    continue
            elif entry.is_dir():
                yield from _below(entry.path, root, links)
                continue
            elif not entry.is_file():
                continue
            if entry.name.upper() != "DICOMDIR":
                yield entry.path
    except OSError as error:
        message = f"{error.filename} cannot be read: {error.strerror}."
        raise InputRefused("cannot-read", message, "", [folder]) from error


def _isLinkedFileInside(entry, root):
    try:
        return entry.is_file() and Path(entry.path).resolve().is_relative_to(root)
    except OSError:
        return False
