"""The words that must not stand on a part: the patient's name and ID, as the case's own images have them."""

import re

from PlanningHubLib.DeidentifySource import readDicom

_TAGS = ("PatientName", "PatientID", "OtherPatientIDs", "OtherPatientNames", "PatientBirthName")
_SHORTEST = 2


def patientWords(case):
    """Return the words of the patient's names and IDs in lower case; empty where the case keeps no DICOM images."""
    source = case.latest("source")
    for name in source.files if source else ():
        if name.endswith(".dcm"):
            dataset = readDicom(case.path(source, name), list(_TAGS))
            text = " ".join(str(dataset.get(tag) or "") for tag in _TAGS)
            return frozenset(word.casefold() for word in re.findall(r"\w+", text) if len(word) >= _SHORTEST)
    return frozenset()
