"""Writes the files of a package and keeps the manifest's records of them."""

import shutil

from . import Manifest

NOT_APPROVED = "NOT-APPROVED"


class Writer:
    """Writes files whose names begin with the case's, and say where the package is not approved.

    :param folder: of the package
    :param making: :class:`ORExportLib.Dicom.DerivedObject.Making`
    """

    def __init__(self, folder, making):
        self.folder = folder
        self.prefix = namePrefix(making.caseName, making.isApproved)
        self.records = []
        self.datasets = {}

    def object(self, dataset, name, role, part=None):
        """Write a DICOM dataset; it stays at hand in ``datasets`` by its role, without pixels."""
        path = self._path(name)
        dataset.save_as(path)
        self._record(path, role, part, dataset)
        self.datasets[role] = dataset
        return path

    def copy(self, origin, name, role, part=None):
        """Copy a file byte for byte."""
        path = self._path(name)
        shutil.copyfile(origin, path)
        self._record(path, role, part)
        return path

    def bytes(self, data, name, role, part=None):
        """Write bytes."""
        path = self._path(name)
        path.write_bytes(data)
        self._record(path, role, part)
        return path

    def _path(self, name):
        folder, _slash, last = name.rpartition("/")
        path = self.folder / folder / f"{self.prefix}-{last}"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _record(self, path, role, part, dataset=None):
        self.records.append(Manifest.fileRecord(path, role, dataset, self.folder, part))


def namePrefix(caseName, isApproved):
    """Return what the name of every file of a package begins with."""
    return caseName if isApproved else f"{caseName}-{NOT_APPROVED}"
