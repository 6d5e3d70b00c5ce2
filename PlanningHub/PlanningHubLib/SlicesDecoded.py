"""Slices that need a decoder, decoded by several worker processes into one array."""

import concurrent.futures
import itertools
import os
import threading

import numpy

from .DecodeWorker import DecodeWorker, decodeInWorker
from .Progress import noProgress

INT16 = numpy.iinfo(numpy.int16)
MOST_WORKERS = 4


def decodeSlices(headers, progress=noProgress):
    """Decode slices in the given order.

    :param headers: list of :class:`PlanningHubLib.SliceHeader.SliceHeader`, all of one size
    :returns: array (slices, rows, columns) in HU: int16 where that holds all values, else int32 or float64
    :raises InputRefused: ``cannot-decode``, ``hostile-file``, naming the file
    """
    target = _Target(headers)
    count = max(1, min(MOST_WORKERS, os.cpu_count() or 1, len(headers) // 4))
    # Each worker takes slices that follow each other: frames of one file are then parsed once.
    bounds = numpy.linspace(0, len(headers), count + 1).astype(int)
    stop = threading.Event()

    def decode(start, end):
        with DecodeWorker() as worker:
            for index in range(start, end):
                if stop.is_set():
                    return
                target.put(index, decodeInWorker(worker, headers[index]))

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        tasks = [pool.submit(decode, *pair) for pair in itertools.pairwise(bounds)]
        try:
            pending = set(tasks)
            while pending:
                done, pending = concurrent.futures.wait(pending, 0.2, concurrent.futures.FIRST_EXCEPTION)
                for task in done:
                    task.result()
                progress(target.count / len(headers), f"Decoding slice {target.count} of {len(headers)}")
        except BaseException:
            stop.set()
            raise
    return target.voxels


class _Target:
    """The array, of a larger type as soon as a slice needs it."""

    def __init__(self, headers):
        self.voxels = numpy.empty((len(headers), int(headers[0].rows), int(headers[0].columns)), numpy.int16)
        self.count = 0
        self._lock = threading.Lock()

    def put(self, index, voxels):
        with self._lock:
            wanted = numpy.promote_types(self.voxels.dtype, _neededType(voxels))
            if wanted != self.voxels.dtype:
                self.voxels = self.voxels.astype(wanted)
            self.voxels[index] = voxels
            self.count += 1


def _neededType(voxels):
    if voxels.dtype.kind not in "iu":
        return numpy.float64
    return numpy.int16 if voxels.min() >= INT16.min and voxels.max() <= INT16.max else numpy.int32
