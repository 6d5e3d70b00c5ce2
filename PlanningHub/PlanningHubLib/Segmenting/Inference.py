"""Segmentation by a model that runs elsewhere: another process on this machine, or a server of the hospital.

Optional: nothing else in the suite needs it. What a model finds is a proposal until a person has reviewed it.
"""

import dataclasses
import tempfile
from pathlib import Path

import slicer
import vtk

from .. import Consent
from ..Errors import GateRefused, InputRefused
from ..Files import sha256
from ..Modality import requireHu
from ..Nodes import removeNodes
from ..Progress import noProgress, part
from ..Volumes import loadSource
from .InferenceImages import IMAGE_NAME, maskOf, readLabels, writeImage
from .InferenceLabels import labelsFor

NOT_STATED = "not stated"
PURPOSE = "inference-server"


@dataclasses.dataclass(frozen=True)
class LabelMap:
    """What a model answered: a file of labels on the image's voxels, and the value of each label."""

    path: Path
    values: dict


def inferredMasks(engine, voxels, ijkToRas, wanted, progress=noProgress):
    """Let a model find structures.

    :param engine: :class:`.TotalSegmentator.TotalSegmentator` or :class:`.MonaiLabel.MonaiLabel`
    :param voxels: array (slices, rows, columns), HU or what MR has
    :param ijkToRas: 4×4, (column, row, slice) to RAS mm
    :param wanted: structure name → the model's labels that together make it (:func:`.InferenceLabels.labelsFor`)
    :returns: structure name → mask, uint8 of 0 and 1 on the image's voxels; and the provenance as plain data: engine,
        model, versions, weights, labels and ``voxels`` of each structure, ``notFound``, ``needsReview`` (always True)
    :raises InputRefused: ``unknown-label``, ``ai-found-nothing``, ``other-grid``, ``bad-labels``, and what the engine
        raises by name
    """
    with tempfile.TemporaryDirectory(prefix="ph-") as place:
        folder = Path(place)
        progress(0.0, "Writing the image for the model")
        writeImage(voxels, ijkToRas, folder / IMAGE_NAME)
        imageSha256 = sha256(folder / IMAGE_NAME)
        names = sorted({label for labels in wanted.values() for label in labels})
        answers, facts = engine.infer(folder / IMAGE_NAME, folder, names, part(progress, 0.05, 0.95))
        progress(0.95, "Reading what the model found")
        masks = _masks(answers, wanted, ijkToRas, voxels.shape)
    found = {name: mask for name, mask in masks.items() if mask.any()}
    if not found:
        raise InputRefused("ai-found-nothing", f"The model found none of {', '.join(sorted(wanted))}.",
                           "See whether the images show them, or segment by another method.")  # fmt: skip
    structures = {name: {"labels": list(wanted[name]), "voxels": int(mask.sum())} for name, mask in found.items()}
    return found, {
        "method": "ai",
        **facts,
        "imageSha256": imageSha256,
        "structures": structures,
        "notFound": sorted(set(wanted) - set(found)),
        "needsReview": True,
    }


def inferredStructures(case, session, engine, structures, progress=noProgress):
    """Let a model find structures of a procedure in a case's source series.

    :param structures: dictionaries as :func:`.InferenceLabels.labelsFor` takes them
    :returns: as :func:`inferredMasks`, on the source's voxels; structures that the model has no label for are in
        ``notFound``, too
    :raises InputRefused: ``unknown-label`` where it has none for any; ``not-hu`` for MR, where the model is for CT; and
        as :func:`inferredMasks`
    :raises GateRefused: ``no-source``, ``stale-source``, ``damaged-source``
    """
    source = case.require("source")
    if engine.needsHu:
        requireHu(source)
    wanted = labelsFor(structures, engine.labels())
    names = sorted(one["name"] for one in structures)
    if not wanted:
        raise InputRefused("unknown-label", f"The model has no label for {', '.join(names) or 'nothing'}.",
                           "Choose another model, or another method.")  # fmt: skip
    progress(0.0, "Loading the series")
    volume = loadSource(case, session, source)
    try:
        ijkToRas = _ijkToRas(volume)
        voxels = slicer.util.arrayFromVolume(volume)
        masks, provenance = inferredMasks(engine, voxels, ijkToRas, wanted, part(progress, 0.1, 1.0))
    finally:
        removeNodes(session.scene, volume)
    return masks, {**provenance, "notFound": [name for name in names if name not in masks]}


def _ijkToRas(volumeNode):
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def _masks(answers, wanted, ijkToRas, shape):
    known = {label for answer in answers for label in answer.values}
    unknown = sorted({label for labels in wanted.values() for label in labels} - known)
    if unknown:
        raise InputRefused("unknown-label", f"The model has no label {', '.join(unknown)}.",
                           f"Its labels: {', '.join(sorted(known)[:150]) or 'none'}.")  # fmt: skip
    masks = {}
    for answer in answers:
        labels = readLabels(answer.path, ijkToRas, shape)
        for name, parts in wanted.items():
            values = [answer.values[one] for one in parts if one in answer.values]
            if values:
                mask = maskOf(labels, values)
                masks[name] = masks[name] | mask if name in masks else mask
    return masks


def releaseOfImage(case, source, address, chosen, user=None):
    """Return what :class:`.MonaiLabel.MonaiLabel` calls before the first voxel leaves: it passes and records consent.

    :param case: open for writing
    :param source: the source artefact whose voxels go, without any identifier
    :param address: the server's, which may be the one that the site has set
    :param chosen: the address that the user said yes to, for this one time; an address that is set sends nothing yet
    :raises GateRefused: ``not-chosen``
    """
    if chosen != address:
        raise GateRefused("not-chosen", f"Nobody has chosen to send the voxels of this case to {address}.",
                          "Choose it for this case, or segment on this machine.")  # fmt: skip

    def release():
        Consent.release(case, PURPOSE, f"inference server {address}", [source], user=user)

    return release
