"""Structures of a case found by a model: on this machine, or by the hospital's inference server."""

from ..Errors import InputRefused
from ..Procedures import findProcedure
from ..Progress import noProgress, part
from .Inference import inferredStructures, releaseOfImage
from .MonaiLabel import MonaiLabel
from .Structures import structureNamed
from .StructureSegmentation import segmentStructures
from .TotalSegmentator import TotalSegmentator


def segmentByModel(
    case, session, names=(), address="", model=None, fast=False, credentials=None, user=None, progress=noProgress
):
    """Let a model find structures of the case's procedure, and keep them as its segmentation; they need a review.

    :param case: open for writing
    :param names: structures of the procedure; none for all that the model has a label for
    :param address: of the inference server that the user chose for this case; empty for TotalSegmentator here
    :param model: of the server's models, where it has several
    :param fast: TotalSegmentator's model of 3 mm
    :param credentials: of the server; without, those that are remembered, or none
    :returns: artefact of kind ``segmentation``
    :raises InputRefused, GateRefused, StoreFailed: as :func:`.Inference.inferredStructures` and
        :func:`.StructureSegmentation.segmentStructures`
    """
    procedure = findProcedure(case.procedure)[0]
    structures = [structureNamed(procedure, name) for name in names] or list(procedure.structures)
    if not structures:
        raise InputRefused("nothing-to-segment", f"{procedure.title} names no structure.", "State the procedure.")
    within = part(progress, 0.0, 0.85)
    if address:
        release = releaseOfImage(case, case.require("source"), address, address, user)
        with MonaiLabel(address, model, release, credentials) as engine:
            masks, provenance = inferredStructures(case, session, engine, structures, within)
    else:
        masks, provenance = inferredStructures(case, session, TotalSegmentator.find(fast=fast), structures, within)
    return segmentStructures(
        case, session, masks=masks, provenance=provenance, user=user, progress=part(progress, 0.85, 1.0)
    )  # fmt: skip
