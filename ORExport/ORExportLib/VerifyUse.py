"""What speaks today against using a package that is whole: its age, newer examinations, and what it is for."""

import datetime

from PlanningHubLib.Errors import Finding, PlanningError
from PlanningHubLib.Procedures import findProcedure

from .GateScan import ageFindings, newerFindings
from .VerifyObjects import SEGMENTATION


def useFindings(manifest, objects, newerStudies=None):
    """Return warnings; a package is judged by the limits of its procedure that this installation has.

    :param objects: role → dataset of the package's DICOM objects
    :param newerStudies: as :func:`ORExportLib.Gate.gateFindings` takes it; without it no store is asked
    """
    if manifest["version"] < 4:
        return []
    day = manifest["sourceDate"]
    scanDate = datetime.date.fromisoformat(day) if day else None
    findings = [*_intendedFindings(manifest), *_ageFindings(scanDate, manifest["case"]["procedure"])]
    segmentation = objects.get(SEGMENTATION)
    if newerStudies is not None and segmentation is not None:
        patientId, studyUid = str(segmentation.PatientID), str(segmentation.StudyInstanceUID)
        findings += newerFindings(patientId, studyUid, scanDate, newerStudies)
    return findings


def _intendedFindings(manifest):
    use = manifest["intendedUse"]
    if use != "planning":
        yield Finding(
            "not-for-treatment", "warn", f"The package is for {use}: nothing of it may reach a patient.",
            "Take one that was made for planning.",
        )  # fmt: skip


def _ageFindings(scanDate, procedureName):
    try:
        procedure = findProcedure(procedureName)[0]
    except PlanningError as error:
        return [Finding(error.code, "warn", error.message, error.action)]
    # The package was let through when it was made: that it has grown old since is for people to judge.
    found = ageFindings(scanDate, procedure)
    return [Finding(one.code, "warn", one.message, one.action) for one in found]
