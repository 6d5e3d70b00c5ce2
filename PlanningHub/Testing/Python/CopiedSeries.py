"""Reads what a de-identified copy holds."""

import pydicom


def headers(folder):
    found = [pydicom.dcmread(path) for path in (folder / "dicom").glob("*-CT*.dcm")]
    return sorted(found, key=lambda one: float(one.ImagePositionPatient[2]))
