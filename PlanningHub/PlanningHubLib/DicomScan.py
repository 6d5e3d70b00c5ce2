"""Reading the headers of many DICOM files, without their pixels, grouped by series."""

import warnings
from pathlib import Path

import numpy

from .DecodeWorker import DecodeWorker, parseInWorker
from .DicomHeader import walkHeader
from .Errors import Finding, InputRefused
from .HeaderParser import startsLikeDataset
from .HeaderWalk import TooDeep
from .Progress import noProgress
from .SeriesSplit import splitSeries
from .SliceHeader import VECTOR_FIELDS, VOLUME_CLASSES, ScannedSeries, SliceHeader
from .Sources import LISTED_FILES, OpenedSource, openSource

VECTORS = tuple(field for field, _length in VECTOR_FIELDS.values())


def scanSource(source, progress=noProgress):
    """Read all headers below a folder (or of one file, DICOMDIR).

    :returns: as :func:`scanOpened`
    :raises InputRefused: what :func:`PlanningHubLib.Sources.openSource` and :func:`scanOpened` raise
    """
    with openSource(source) as opened:
        return scanOpened(opened, progress)


def scanOpened(opened, progress=noProgress):
    """Read all headers of an opened source.

    Memory does not grow with files that are no volume's slices: of those only one header per kind is kept.

    :param opened: :class:`PlanningHubLib.Sources.OpenedSource`
    :returns: list of :class:`PlanningHubLib.SliceHeader.ScannedSeries`, and findings: files that are not DICOM, that
        were refused (``damaged-header``, ``hostile-file`` and others), series that were split
    :raises InputRefused: ``cannot-read``, ``no-dicom``
    """
    count = opened.count(progress)
    scan = _Scan()
    with DecodeWorker() as worker, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, path in enumerate(opened.paths()):
            progress(number / max(count, number + 1), f"Reading headers: {number} of {count} files")
            scan.add(path, worker)
    if not scan.series and not scan.refused:
        raise InputRefused(
            "no-dicom",
            f"There is no DICOM file in {opened.name} ({scan.ignoredCount} other files).",
            "Choose the folder that holds the scanner's files.",
            [opened.name],
        )
    return scan.split(), [*opened.findings, *scan.findings()]


class _Scan:
    """What was found so far."""

    def __init__(self):
        self.series = {}
        self.refused = []
        self.ignored, self.ignoredCount = [], 0
        self._known = {}
        self._kinds = set()
        self._splits = []

    def add(self, path, worker):
        try:
            headers = readHeaders([path], worker, self._known)
        except InputRefused as error:
            self.refused.append(error)
            return
        if not headers:
            self.ignoredCount += 1
            self.ignored += [path] if len(self.ignored) < LISTED_FILES else []
        for header in headers:
            self._keep(header)

    def _keep(self, header):
        series = self.series.setdefault(header.seriesUid, ScannedSeries(header.seriesUid, []))
        series.count += 1
        kind = (header.seriesUid, header.sopClassUid, header.patient)
        if header.sopClassUid in VOLUME_CLASSES or kind not in self._kinds:
            series.headers.append(header)
        self._kinds.add(kind)

    def split(self):
        """Return all series, each of one volume."""
        found = []
        for series in self.series.values():
            parts, findings = splitSeries(series)
            found += parts
            self._splits += findings
        return found

    def findings(self):
        if self.ignoredCount:
            message = f"{self.ignoredCount} files are not DICOM and were left alone."
            yield Finding("not-dicom", "info", message, "", tuple(self.ignored))
        yield from self._splits
        byCode = {}
        for error in self.refused:
            byCode.setdefault(error.code, []).append(error)
        for code, errors in byCode.items():
            others = f" So are {len(errors) - 1} other files." if len(errors) > 1 else ""
            files = tuple(file for error in errors[:LISTED_FILES] for file in error.files)
            yield Finding(code, "reject", errors[0].message + others, errors[0].action, files)


def readHeaders(paths, worker=None, known=None):
    """Return the :class:`SliceHeader` of each slice of DICOM files; what is not DICOM has none.

    Ordinary headers are read here, in bounded steps; all others by the worker process.

    :param worker: :class:`PlanningHubLib.DecodeWorker.DecodeWorker`; without one, one is started if needed
    :param known: dictionary shared by the files of a scan, so that values that most of them have are converted once
    :raises InputRefused: ``cannot-read``, ``damaged-header``, ``hostile-file``, ``nested-too-deep``, ``deflate-bomb``
    """
    known = {} if known is None else known
    if worker is None:
        with DecodeWorker() as own, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [header for path in paths for header in _headersOf(path, own, known)]
    return [header for path in paths for header in _headersOf(path, worker, known)]


def _headersOf(path, worker, known):
    try:
        with open(path, "rb", buffering=0) as file:
            header = walkHeader(file, path, known)
            if header is not None:
                return [header]
            file.seek(0)
            if not startsLikeDataset(file.read(132)):
                return []
    except TooDeep as error:
        raise InputRefused("nested-too-deep", f"{path} nests sequences deeper than any real image.",
                           "Do not use this file; ask where it came from.", [path]) from error  # fmt: skip
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error
    except Exception as error:
        # Also for a value that its own reader stumbles over the worker's word counts.
        if isinstance(error, MemoryError):
            raise
    return [_header(values) for values in parseInWorker(worker, path) or ()]


def _header(values):
    arrays = {name: None if values[name] is None else numpy.array(values[name], float) for name in VECTORS}
    plain = {"path": Path(values["path"]), "imageType": tuple(values["imageType"])}
    return SliceHeader(**{**values, **arrays, **plain})


__all__ = ["OpenedSource", "ScannedSeries", "SliceHeader", "readHeaders", "scanOpened", "scanSource"]
