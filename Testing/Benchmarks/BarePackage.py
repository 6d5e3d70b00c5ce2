"""The peer of the whole package: the same files from the same inputs by bare library calls, one after the other.

It knows nothing but what it needs: no checks, no gate, no verification, no case. Every file is hashed once.
"""

import dataclasses
import hashlib
import io
import json
import shutil
from pathlib import Path
from unittest import mock

import numpy
import SimpleITK

from ORExportLib import ViewPictures
from ORExportLib.Dicom.ModelBodies import FINEST, MOST_OF_ASSEMBLY, MOST_TRIANGLES
from ORExportLib.Dicom.ModelFiles import mtlBytes, objBytes
from ORExportLib.Models import ArVr
from ORExportLib.Pages.PlanPages import detailsOf
from ORExportLib.Viewer import ModelData, VolumeData
from ORExportLib.Viewer.Engine import readEngine
from PlanningHubLib.Planning.Objects import Line
from PlanningHubLib.Planning.Plan import DOCUMENT_FILE, MODELS_FOLDER, RESULTS_FILE
from PlanningHubLib.Segmentation import FILE_NAME
from PlanningHubLib.Shapes.Mesh import Mesh

from . import BareModels, BareObjects

WORDS = ("NOT APPROVED", "CASE", BareObjects.NOTICE)
BONE, PLATE = ((0.9, 0.8, 0.6), 0.35), ((0.2, 0.4, 0.9), 1.0)


@dataclasses.dataclass(frozen=True)
class Given:
    """What the peer starts from: paths, and what of the plan is text and numbers."""

    source: tuple
    segmentation: Path
    stl: Path
    threeMf: Path
    plate: Path
    plan: tuple
    lines: tuple
    measurements: tuple
    views: tuple
    details: object


def givenOf(content):
    """Return the :class:`Given` of a :class:`ORExportLib.Content.Content`."""
    case, inputs, piece = content.case, content.inputs, content.pieces[0]
    lines = [one for one in content.objects.values() if isinstance(one, Line)]
    return Given(
        tuple(content.sourcePaths), case.path(inputs.segmentation, FILE_NAME), piece.path,
        piece.path.with_suffix(".3mf"), case.path(inputs.plan, f"{MODELS_FOLDER}/Plate.ply"),
        tuple(case.path(inputs.plan, name) for name in (DOCUMENT_FILE, RESULTS_FILE)),
        tuple(tuple(numpy.array(end) * (-1, -1, 1) for end in (one.startRas, one.endRas)) for one in lines),
        tuple(content.measurements), tuple(content.views), detailsOf(content, ()),
    )  # fmt: skip


class BarePackage:
    """Writes the files into a folder.

    :param shares: :class:`Benchmarks.Shares.Shares`, to which each part of the work is told
    """

    def __init__(self, given, session, folder, shares):
        self._given, self._session, self._folder, self._shares = given, session, Path(folder), shares
        self._objects = []

    def write(self):
        """Write everything; return the SOP Class UIDs of its objects."""
        for folder in ("derived", "ar-vr", "navigation"):
            (self._folder / folder).mkdir(parents=True)
        for step in (self._read, self._surfaces, self._segmentation, self._models, self._assembly, self._report,
                     self._derived, self._pictures, self._pages, self._selection, self._arVr, self._navigation,
                     self._viewer, self._hashes):  # fmt: skip
            with self._shares.of(step.__name__.strip("_")):
                step()
        return [str(one.SOPClassUID) for one in self._objects]

    def _keep(self, dataset, name):
        dataset.save_as(self._folder / name, enforce_file_format=True)
        if "PixelData" in dataset:
            del dataset.PixelData
        self._objects.append(dataset)

    def _read(self):
        import pydicom

        given = self._given
        self._image = SimpleITK.ReadImage([str(path) for path in given.source])
        self._headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in given.source]
        segments = SimpleITK.ReadImage(str(given.segmentation))
        whole = SimpleITK.Image(self._image.GetSize(), segments.GetPixelID())
        whole.CopyInformation(self._image)
        start = self._image.TransformPhysicalPointToIndex(segments.GetOrigin())
        whole = SimpleITK.Paste(whole, segments, segments.GetSize(), destinationIndex=start)
        self._mask = (SimpleITK.GetArrayViewFromImage(whole) != 0).view(numpy.uint8)
        for path in (given.segmentation, given.stl, given.threeMf, *given.plan):
            shutil.copyfile(path, self._folder / path.name)

    def _surfaces(self):
        given = self._given
        self._bone = BareModels.boneSurface(self._mask, self._image)
        self._part = Mesh.fromPolyData(BareModels.polyDataOf(given.stl))
        plate = Mesh.fromPolyData(BareModels.polyDataOf(given.plate))
        self._plate = plate if b"SPACE=LPS" in given.plate.read_bytes()[:400] else plate.rasLpsSwapped()
        # Once, for all that shows it.
        self._fine = BareModels.simplified(self._bone, FINEST)

    def _shown(self, most):
        """Return the bodies with no more than so many triangles together."""
        left = max(4, most - len(self._plate.triangles))
        return [(BareModels.simplified(self._fine, left), *BONE), (self._plate, *PLATE)]

    def _segmentation(self):
        self._segments = BareObjects.segmentation(self._headers, self._mask)
        self._keep(self._segments, "segmentation.dcm")

    def _models(self):
        plate = self._folder / "plate.stl"
        BareModels.writeStl(BareModels.simplified(self._plate, MOST_TRIANGLES), plate)
        for mesh, path in ((self._part, self._given.stl), (self._plate, plate)):
            icon = BareModels.Stage([(mesh, *PLATE)], (128, 128), (0, 0, 0)).taken()
            model = BareObjects.encapsulated(self._headers, BareObjects.STL, path.read_bytes(), icon)
            self._keep(model, f"{path.stem}.dcm")
        plate.unlink()

    def _assembly(self):
        meshes = [BareModels.simplified(mesh, MOST_OF_ASSEMBLY // 2) for mesh in (self._part, self._plate)]
        icon = BareModels.Stage([(mesh, *PLATE) for mesh in meshes], (128, 128), (0, 0, 0)).taken()
        obj = objBytes([("Bone", meshes[0]), ("Plate", meshes[1])], "assembly.mtl")
        mtl = mtlBytes([("Bone", *BONE), ("Plate", *PLATE)])
        self._keep(BareObjects.encapsulated(self._headers, BareObjects.MTL, mtl), "assembly-materials.dcm")
        self._keep(BareObjects.encapsulated(self._headers, BareObjects.OBJ, obj, icon), "assembly.dcm")

    def _report(self):
        self._keep(BareObjects.report(self._headers, self._segments, self._given.measurements), "measurements.dcm")

    def _derived(self):
        marks = BareObjects.marksOf(self._image, self._plate.toPolyData(), self._given.lines)
        words = BareObjects.wordsBlock(WORDS)
        for number, image in enumerate(BareObjects.derivedImages(self._given.source, marks, words), 1):
            self._keep(image, f"derived/{number:04}.dcm")

    def _pictures(self):
        from PIL import Image

        stage = BareModels.Stage([(self._fine, *BONE), (self._plate, *PLATE)], ViewPictures.SIZE)
        for number, view in enumerate(self._given.views, 1):
            pixels = BareModels.lettered(stage.taken(view), WORDS)
            Image.fromarray(pixels).save(self._folder / f"view-{number}.png")
            self._keep(BareObjects.capture(self._headers[0], pixels), f"view-{number}.dcm")

    def _pages(self):
        from PIL import Image

        z = float(self._part.points[:, 2].mean())
        Image.fromarray(BareModels.outlined(self._image, self._part, z)).save(self._folder / "axial.png")
        data = self._pdf()
        (self._folder / "axial.png").unlink()
        (self._folder / "briefing.pdf").write_bytes(data)
        self._keep(BareObjects.encapsulated(self._headers, BareObjects.PDF, data), "briefing.dcm")

    def _pdf(self):
        from reportlab.lib.styles import getSampleStyleSheet
        from reportlab.platypus import Image, PageBreak, Paragraph, SimpleDocTemplate, Table

        style, file, details = getSampleStyleSheet(), io.BytesIO(), self._given.details
        views = [self._folder / f"view-{number}.png" for number in range(1, len(self._given.views) + 1)]
        flow = [Paragraph(line, style["Heading1"]) for line in WORDS]
        flow += [Image(path, 200, 150) for path in (*views[:2], self._folder / "axial.png")]
        flow += [PageBreak(), *(Image(path, 250, 188) for path in views)]
        for table in (*details.tables, *details.records):
            rows = [[Paragraph(str(one), style["BodyText"]) for one in row] for row in (table.head, *table.rows)]
            flow += [Paragraph(table.title, style["Heading2"]), Table(rows)]
        with mock.patch("reportlab.rl_config.useA85", 0):
            SimpleDocTemplate(file).build(flow)
        return file.getvalue()

    def _selection(self):
        self._keep(BareObjects.selection(self._headers, list(self._objects)), "selection.dcm")

    def _arVr(self):
        bodies = self._shown(ArVr.MOST_TRIANGLES)
        BareModels.glb(bodies, self._folder / "ar-vr" / "plan.glb")
        BareModels.usdz(bodies, self._folder / "ar-vr" / "plan.usdz")

    def _navigation(self):
        folder, bodies = self._folder / "navigation", [(self._bone, *BONE), (self._plate, *PLATE)]
        BareModels.bundle(self._session, self._given.segmentation, bodies, self._given.lines, folder / "scene.mrb")
        for name, (mesh, _color, _opacity) in zip(("bone", "plate"), bodies, strict=True):
            BareModels.writeStl(mesh, folder / f"{name}.stl")

    def _viewer(self):
        bodies = [*self._shown(ModelData.MOST_TRIANGLES - len(self._part.triangles)), (self._part, *BONE)]
        BareModels.viewerPage(
            self._image, bodies, readEngine().script, VolumeData.MOST_VOXELS, self._folder / "viewer.html"
        )

    def _hashes(self):
        found = {}
        for path in sorted(self._folder.rglob("*")):
            if path.is_file():
                with open(path, "rb") as file:
                    found[path.relative_to(self._folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
        (self._folder / "manifest.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
