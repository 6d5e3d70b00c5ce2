"""All models together with their colors as DICOM objects: Encapsulated OBJ, and the Encapsulated MTL it refers to."""

import dataclasses

from .EncapsulatedDocument import DocumentKind, addCommonInstanceReference, newDocument
from .EncapsulatedModel import seriesDescription, titleCode
from .Icons import painted
from .ModelBodies import assemblyLimit, coarse, modelBodies
from .ModelFiles import mtlBytes, objBytes, plainNames
from .ModelModule import ASSEMBLY, Model, addModelModule, namesPatient, seriesUid, showsSkin, usageOf
from .ModelObjects import derivedFrom
from .MovedFrames import plannedFrame

OBJ_CLASS_UID = "1.2.840.10008.5.1.4.1.1.104.4"
MTL_CLASS_UID = "1.2.840.10008.5.1.4.1.1.104.5"
SERIES_NUMBER = 9009
SERIES_DESCRIPTION = "Assembly, OBJ in mm"
OBJ, MTL = "assembly-dicom", "assembly-materials-dicom"
ROLES = (OBJ, MTL)


def buildEncapsulatedMtl(source, making, mtl, model, origins=()):
    """Return the Encapsulated MTL dataset of an assembly's colors.

    :param mtl: bytes of the file
    :param model: :class:`ORExportLib.Dicom.ModelModule.Model` of the assembly
    :param origins: DICOM datasets besides the source that the models were made from (the segmentation)
    """
    dataset = _document(source, making, mtl, MTL_CLASS_UID, "model/mtl", dataclasses.replace(model, number=2))
    addCommonInstanceReference(dataset, [*source.headers, *origins])
    # A material lies nowhere, and has no preview.
    addModelModule(dataset, source, making, dataclasses.replace(model, icon=None, number=2))
    del dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator
    _addColorSpace(dataset)
    return dataset


def buildEncapsulatedObj(source, making, obj, model, materials, materialFile, origins=()):
    """Return the Encapsulated OBJ dataset of an assembly in LPS millimetres.

    :param obj: bytes of the file
    :param materials: dataset of :func:`buildEncapsulatedMtl`
    :param materialFile: what the OBJ calls it
    """
    from pydicom.dataset import Dataset

    dataset = _document(source, making, obj, OBJ_CLASS_UID, "model/obj", model, origins)
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = materials.SOPClassUID, materials.SOPInstanceUID
    item.RelativeURIReferenceWithinEncapsulatedDocument = materialFile
    dataset.ReferencedInstanceSequence = [item]
    addCommonInstanceReference(dataset, [*source.headers, *origins, materials])
    addModelModule(dataset, source, making, model)
    _addColorSpace(dataset)
    return dataset


def _addColorSpace(dataset):
    """Say that the materials' colors are sRGB (ICC Profile module)."""
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    dataset.ICCProfile = profile + b"\0" * (len(profile) % 2)
    dataset.ColorSpace = "SRGB"


def _document(source, making, content, sopClassUid, mimeType, model, origins=()):
    kind = DocumentKind(
        sopClassUid, "M3D", mimeType, SERIES_NUMBER, seriesDescription(SERIES_DESCRIPTION, model), titleCode(source),
        namesTheCase=model.namesPatient,
    )  # fmt: skip
    dataset = newDocument(source, making, kind, content, f"{making.caseName} {model.what}", origins)
    dataset.SeriesInstanceUID = seriesUid(making, SERIES_NUMBER, model.frameUid)
    dataset.InstanceNumber = model.number
    return dataset


def write(content, writer, progress):
    """Write the assembly of all models as a pair of DICOM objects."""
    pieces, others = modelBodies(content)
    bodies = [*pieces, *others]
    progress(0.0, "Assembly of the models")
    meshes = [coarse(body.mesh, assemblyLimit(bodies)) for body in bodies]
    names, making = plainNames([body.name for body in bodies]), content.making
    materialFile = f"{making.caseName}-assembly.mtl"
    obj = objBytes(list(zip(names, meshes, strict=True)), materialFile, (f"{making.caseName} {making.approvalWord}",))
    mtl = mtlBytes([(name, body.color, body.opacity) for name, body in zip(names, bodies, strict=True)])
    model = assemblyOf(content, bodies, meshes)
    origins = derivedFrom(writer)
    materials = buildEncapsulatedMtl(content.source, making, mtl, model, origins)
    progress(0.7, "Assembly of the models")
    assembly = buildEncapsulatedObj(content.source, making, obj, model, materials, materialFile, origins)
    writer.object(materials, "assembly-materials.dcm", MTL)
    writer.object(assembly, "assembly.dcm", OBJ)


def assemblyOf(content, bodies, meshes):
    """Return the :class:`Model` of all bodies together: what holds for one of them holds for it."""
    from PlanningHubLib.Shapes.Mesh import Mesh

    icon = painted(Mesh.fromArrays(*_joined(meshes)))
    roles = {body.role for body in bodies}
    return Model(
        name=f"{len(bodies)} models",
        what=ASSEMBLY,
        side=content.side,
        modified=any(body.modified for body in bodies),
        mirrored=any(body.mirrored for body in bodies),
        frameUid=plannedFrame(content) if any(body.moved for body in bodies) else None,
        usage=usageOf(roles.pop() if len(roles) == 1 else "anatomy", content.intendedUse),
        namesPatient=any(namesPatient(body.part) for body in bodies),
        showsSkin=any(showsSkin(content, body) for body in bodies),
        icon=icon,
    )


def _joined(meshes):
    import numpy

    starts = numpy.cumsum([0, *(len(mesh.points) for mesh in meshes)])[:-1]
    triangles = [mesh.triangles + start for mesh, start in zip(meshes, starts, strict=True)]
    return numpy.concatenate([mesh.points for mesh in meshes]), numpy.concatenate(triangles)
