"""What belongs to the package, as a DICOM Key Object Selection: all of its objects, and the source's images.

Only what is approved is selected for surgery; otherwise the selection is of interest, and says what it is.
"""

from .DerivedObject import commonArguments, complete, identityAsItIs

SERIES_NUMBER = 9007
SELECTION = "selection-dicom"
ROLES = (SELECTION,)


def write(content, writer, progress):
    """Write the selection of all DICOM objects that were written before it."""
    progress(0.0, "Key objects")
    selection = buildSelection(content.source, content.making, list(writer.datasets.values()))
    writer.object(selection, "selection.dcm", SELECTION)


def buildSelection(source, making, objects):
    """Return the Key Object Selection dataset of a package.

    :param objects: DICOM datasets of the package
    """
    import highdicom
    from pydicom.sr.codedict import codes

    title = codes.DCM.ForSurgery if making.isApproved else codes.DCM.OfInterest
    selected = [*objects, *source.headers]
    with identityAsItIs():
        dataset = highdicom.ko.KeyObjectSelectionDocument(
            evidence=[source.first, *objects, *source.headers[1:]],
            content=highdicom.ko.KeyObjectSelection(title, selected, description=description(making)),
            **commonArguments(source, making, SERIES_NUMBER, f"Selection, {making.approvalWord}"),
        )
        dataset.copy_patient_and_study_information(source.first)
    complete(dataset, source, making)
    return dataset


def description(making):
    """Return what the selection says of itself."""
    if making.isApproved:
        return f"All objects of the approved plan {making.caseName}, and the images that it was made from."
    return f"NOT APPROVED, not for surgery: objects of the plan {making.caseName}, and the images it was made from."


def selectedInstances(dataset):
    """Return the SOP Instance UIDs that a Key Object Selection names, in its order."""
    references = (item.get("ReferencedSOPSequence") for item in dataset.get("ContentSequence") or ())
    return [str(one.ReferencedSOPInstanceUID) for found in references if found for one in found]
