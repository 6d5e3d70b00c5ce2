"""A small case of a procedure with structures of its own: two bones in soft tissue, a mask and metal."""

import json

import numpy
import slicer
from CaseMaking import AIR_HU, BONE_HU, SOFT_HU, writeSmallSeries

from PlanningHubLib.Case import Case
from PlanningHubLib.Import import importSeries
from PlanningHubLib.Procedures import readProcedure
from PlanningHubLib.Segmentation import ijkToRasOf, loadSegmentation
from PlanningHubLib.Segmenting.StructureNodes import structuresIn
from PlanningHubLib.Segmenting.StructureSegmentation import segmentStructures
from PlanningHubLib.Volumes import loadSource, readGeometry

SHAPE = (6, 20, 24)
PROCEDURE = "test-bones"


def twoBones():
    """A large bone, a small one and metal that touch nothing; array (slices, rows, columns)."""
    voxels = numpy.full(SHAPE, AIR_HU, numpy.int16)
    voxels[:, 1:-1, 1:-1] = SOFT_HU
    voxels[1:5, 4:14, 3:9] = BONE_HU
    voxels[1:4, 5:9, 13:18] = BONE_HU
    voxels[2:4, 14:16, 15:17] = 3000
    return voxels


def structure(name, value, role="bone", *steps, **more):
    method = {"steps": list(steps)} if steps else None
    code = {"scheme": "SCT", "value": value, "meaning": name}
    return {"name": name, "code": code, "color": [0.5, 0.25, 1.0], "role": role, "method": method, **more}


BONES = {"do": "threshold", "minimumHu": 300, "maximumHu": 2000}
LIMITS = {"minimumMl": 0.001, "maximumMl": 0.1, "source": "test"}
STRUCTURES = [
    structure("Large bone", "1001", "bone", BONES, {"do": "largest-island"}),
    structure("Small bone", "1002", "bone", BONES, {"do": "seeded-islands", "structure": "Small bone"}, limits=LIMITS),
    structure("Metal", "1003", "device", {"do": "threshold", "minimumHu": 2500, "maximumHu": 3071}, onRequest=True),
    structure("Rest", "1004", "bone", BONES, {"do": "subtract", "structure": "Large bone"}, onRequest=True),
    structure("Organ", "1005", "organ"),
]  # fmt: skip


def writeProcedure(home, structures=STRUCTURES, **more):
    """Write a site's own procedure with these structures."""
    values = dict(readProcedure("general").values)
    values |= {"name": PROCEDURE, "title": "Test bones", "structures": structures, "deliverables": [], **more}
    (home / "procedures").mkdir(parents=True, exist_ok=True)
    (home / "procedures" / f"{PROCEDURE}.json").write_text(json.dumps(values))


def boneCase(tmp_path, home, name="case", **series):
    """Return the folder of a case of that procedure."""
    writeProcedure(home)
    writeSmallSeries(tmp_path / f"{name}-ct", twoBones(), **series)
    importSeries(tmp_path / f"{name}-ct", tmp_path / name, side="right", procedure=PROCEDURE)
    return tmp_path / name


def segmented(folder, session, structures=None, **options):
    with Case.open(folder, writable=True) as case:
        return segmentStructures(case, session, structures, **options)


def rasOf(folder, *indices):
    """Return RAS mm of (slice, row, column) indices of a case's scan."""
    case = Case.open(folder)
    matrix = readGeometry(case, case.latest("source")).ijkToRas
    return [(matrix @ [column, row, place, 1])[:3].tolist() for place, row, column in indices]


def onSmallBone(folder):
    return rasOf(folder, (2, 6, 15))


def masksOf(folder, session):
    """Return structure → mask of a case's segmentation."""
    case = Case.open(folder)
    volume = loadSource(case, session, case.latest("source"))
    node = loadSegmentation(case, session, case.latest("segmentation"))
    matrix = slicer.util.arrayFromVTKMatrix(ijkToRasOf(volume))
    found = structuresIn(node, slicer.util.arrayFromVolume(volume).shape, matrix)
    for one in (volume, node):
        session.scene.RemoveNode(one)
    return {one.name: one.mask for one in found}
