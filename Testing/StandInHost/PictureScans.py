"""What the pictures of the home module show: an examination of several series, a faulty one, and a list of cases."""

import datetime
import hashlib
import shutil
from pathlib import Path

# Side, procedure, anatomy, urgency, days until the surgery, state.
LISTED = (
    ("left", "cranioplasty", "skull", "urgent", 12, "planning"),
    ("right", "orbit-midface", "orbit", "elective", 30, "review"),
    ("bilateral", "mandible", "mandible", "elective", 41, "accepted"),
    ("midline", "spine", "spine", "emergency", 3, "review"),
    ("right", "pelvis", "pelvis", "elective", None, "requested"),
)
WAY = ("accepted", "planning", "review")


def writeExamination(series, folder):
    """Copy a CT series into a folder as a hospital has it: with a coarser series and a scout beside it."""
    import pydicom

    from Phantom.DicomSeries import uidFor

    ordered = sorted(
        (pydicom.dcmread(path) for path in sorted(Path(series).rglob("*")) if path.is_file()),
        key=lambda image: float(image.ImagePositionPatient[2]),
    )
    today = datetime.date.today().strftime("%Y%m%d")
    for name, description, images in (
        ("fine", "Head bone", ordered),
        ("coarse", "Head bone, thick", ordered[::3]),
        ("scout", "Scout", ordered[len(ordered) // 2 : len(ordered) // 2 + 1]),
    ):
        place = Path(folder) / name
        place.mkdir(parents=True)
        for number, image in enumerate(images, 1):
            image.AcquisitionDate, image.SeriesDescription = today, description
            if name != "fine":
                image.SeriesInstanceUID = uidFor("pictures", name)
                image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = uidFor("pictures", name, number)
            image.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER" if name == "scout" else "AXIAL"]
            image.save_as(place / f"{number:05}.dcm")


def writeTilted(series, folder):
    """Copy a series as a scanner with a tilted gantry would have made it."""
    from Phantom.Faults import damagedCopy

    damagedCopy("gantryTilt", series, Path(folder))


def makeListedCases(folder):
    """Make some cases that have a request; returns their folders."""
    from PlanningHubLib import Request
    from PlanningHubLib.Case import Case

    made = []
    for number, (side, procedure, anatomy, urgency, days, state) in enumerate(LISTED):
        place = Path(folder) / f"listed-{number}"
        day = (datetime.date.today() + datetime.timedelta(days)).isoformat() if days else None
        with Case.create(place, hashlib.sha256(bytes([number])).hexdigest(), side, procedure) as case:
            Request.stateRequest(case, anatomy=anatomy, design="standard", urgency=urgency, surgeryDate=day)
            for step in WAY[: WAY.index(state) + 1] if state in WAY else ():
                Request.moveTo(case, step)
        made.append(place)
    return made


def removeListedCases(folders):
    """Remove what :func:`makeListedCases` made."""
    for folder in folders:
        shutil.rmtree(folder)
