"""What the DICOM models of a package say of themselves: Manufacturing 3D Model module (PS3.3 C.35.1), frame, side."""

import dataclasses

import numpy

from PlanningHubLib.Planning.Operations import operations

from ..PlanFiles import INTENDED_USAGES, USAGES
from .DerivedObject import codedItem, longString
from .EncapsulatedDocument import LATERALITY
from .Icons import iconItem
from .MovedFrames import movedFrame, packageUid

ASSEMBLY = "assembly"
# Segments of these types show a face: skin structure, and the whole skin (SNOMED CT).
SKIN_CODES = ("39937001", "181469002")


@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """A model, or an assembly of several, as its DICOM object describes it.

    :param what: what it is in the package: ``part``, ``plan``, ``anatomy``, ``assembly``
    :param side: left, right, bilateral, midline, or None when it is not known
    :param modified: whether anatomy was altered other than by mirroring
    :param mirrored: whether it shows the other side of the body, or was made from what does
    :param frameUid: its own frame of reference where it does not lie where it was scanned, else None
    :param usage: keyword of CID 7064, such as ``PlanningIntent`` or ``ToolFabrication``
    :param namesPatient: whether text on it identifies the patient
    :param showsSkin: whether a face could be recognised on the surface
    :param algorithm: (name, version) of what made it
    :param color: red, green, blue, 0..1, or None; opacity 0..1
    :param remark: words that end its description
    :param icon: preview, array (rows, columns) uint8, or None
    :param number: of its instance in its series
    """

    name: str
    what: str = "part"
    side: str | None = None
    modified: bool = False
    mirrored: bool = False
    frameUid: str | None = None
    usage: str = "PlanningIntent"
    namesPatient: bool = False
    showsSkin: bool = False
    algorithm: tuple | None = None
    color: tuple | None = None
    opacity: float = 1.0
    remark: str = ""
    icon: numpy.ndarray | None = None
    number: int = 1


def modelOf(content, body, number, **more):
    """Return the :class:`Model` of a :class:`ORExportLib.Content.Body` of a package."""
    return Model(
        name=body.name,
        what="part" if body.part else "plan" if body.origin != "segment" else "anatomy",
        side=content.side,
        modified=body.modified,
        mirrored=body.mirrored,
        frameUid=movedFrame(content, body) if body.moved else None,
        usage=usageOf(body.role, content.intendedUse),
        namesPatient=namesPatient(body.part),
        showsSkin=showsSkin(content, body),
        algorithm=algorithmOf(content, body),
        color=tuple(body.color),
        opacity=body.opacity,
        number=number,
        **more,
    )


def usageOf(role, intendedUse):
    """Return the keyword of CID 7064: for what the case is used, or else what the body is."""
    return INTENDED_USAGES.get(intendedUse) or USAGES.get(role, "PlanningIntent")


def namesPatient(part):
    """Tell whether a label on a part identifies the patient, as the print step said when it put it there."""
    return bool(part) and any(one.get("identifiesPatient") for one in part.facts.get("label", ()))


def showsSkin(content, body):
    """Tell whether a body is, or was made from, a segment that is coded as skin."""
    names = {body.name, body.part.facts.get("object", {}).get("name") if body.part else None}
    skins = {one.label for one in content.segments if one.propertyType[0] in SKIN_CODES}
    return bool(skins & names)


def algorithmOf(content, body):
    """Return (name, version) of what made a body: the operation of its plan's step, or the segmentation's method."""
    version = content.making.software.get("Planning Hub", "unknown")
    step = next((one for one in (content.document or {"steps": ()})["steps"] if one["name"] == body.stepName), None)
    if step:
        return f"Planning Hub {operations()[step['do']].title}", version
    return f"Planning Hub surface of {content.inputs.segmentation.parameters.get('method', 'segmentation')}", version


def addModelModule(dataset, source, making, model):
    """Add frame of reference, side and the Manufacturing 3D Model module to an encapsulated model."""
    from pydicom.sr.codedict import codes

    isMoved = model.frameUid is not None
    dataset.FrameOfReferenceUID = model.frameUid if isMoved else source.frameOfReferenceUid
    dataset.PositionReferenceIndicator = None if isMoved else source.first.get("PositionReferenceIndicator")
    dataset.MeasurementUnitsCodeSequence = [codedItem(codes.cid7063.Millimeter)]
    dataset.ModelModification = "YES" if model.modified else "NO"
    dataset.ModelMirroring = "YES" if model.mirrored else "NO"
    dataset.ModelUsageCodeSequence = [codedItem(getattr(codes.cid7064, model.usage))]
    dataset.ModelGroupUID = packageUid(making, ASSEMBLY)
    dataset.ContentDescription = description(making, model)
    if model.side in LATERALITY:
        dataset.ImageLaterality = LATERALITY[model.side]
    if model.showsSkin:
        dataset.RecognizableVisualFeatures = "YES"
    if model.algorithm:
        dataset.DerivationAlgorithmSequence = [_algorithm(*model.algorithm)]
    if model.color:
        _addDisplay(dataset, model)
    if model.icon is not None:
        dataset.IconImageSequence = [iconItem(model.icon)]


def description(making, model):
    """Return the Content Description: in 64 characters what it is, rather than of which case, as its title says."""
    remark = f" ({model.remark})" if model.remark else ""
    return longString(f"{model.what.capitalize()}, {making.approvalWord}: {model.name}{remark}")


def _addDisplay(dataset, model):
    import highdicom

    color = highdicom.color.CIELabColor.from_rgb(*(255 * value for value in model.color))
    dataset.RecommendedDisplayCIELabValue = list(color.value)
    dataset.RecommendedPresentationOpacity = float(model.opacity)


def _algorithm(name, version):
    from pydicom.dataset import Dataset
    from pydicom.sr.codedict import codes

    item = Dataset()
    # A person chose what it works on.
    item.AlgorithmFamilyCodeSequence = [codedItem(codes.cid7162.ManualProcessing)]
    item.AlgorithmName, item.AlgorithmVersion = longString(name), longString(version)
    return item


def seriesUid(making, seriesNumber, frameUid):
    """Return the UID of the series of models of one kind: one for each frame of reference."""
    return packageUid(making, "series", str(seriesNumber), frameUid or "")
