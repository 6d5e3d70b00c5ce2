"""The numbers of a case as a DICOM structured report: Comprehensive 3D SR after TID 1500, points in LPS mm."""

import dataclasses

from PlanningHubLib.Signing import shortFingerprint

from .DerivedObject import commonArguments, complete, identityAsItIs, longString
from .MeasurementItems import SCHEME, numericItem
from .MovedFrames import packageUid, plannedFrame
from .Predecessors import addPredecessor, documentBefore

SERIES_NUMBER = 9004
REPORT = "measurements-dicom"
ROLES = (REPORT,)
# SNOMED CT, as pydicom's dictionary names them.
SIDES = {"left": "Left", "right": "Right", "bilateral": "Bilateral", "midline": "Midline"}
# Type 1, and nobody states it.
ORGANIZATION = "not stated"
OF_SEGMENTS_AND_PARTS = "Segments and parts"


@dataclasses.dataclass(frozen=True, eq=False)
class Report:
    """What a report says.

    :param measurements: non-empty list of :class:`ORExportLib.Measurements.Measurement`
    :param segments: label → number in the segmentation
    :param plannedFrameUid: frame of reference of points on what the plan moved
    :param approvals: those that hold, as the case keeps them
    """

    measurements: list
    segments: dict
    plannedFrameUid: str
    side: str | None = None
    procedure: str | None = None
    approvals: tuple = ()


def write(content, writer, progress):
    """Write the measurements of a :class:`ORExportLib.Content.Content` as a structured report, where it has any."""
    progress(0.0, "Structured report")
    if not content.measurements:
        return
    report = Report(
        content.measurements,
        {segment.label: number for number, segment in enumerate(content.segments, 1)},
        plannedFrame(content),
        content.side,
        content.case.procedure,
        tuple(content.approvals),
    )
    dataset = buildReport(content.source, content.making, report, writer.datasets["segmentation-dicom"])
    before = documentBefore(content.case, REPORT)
    if before:
        addPredecessor(dataset, before)
    writer.object(dataset, "measurements.dcm", REPORT)


def buildReport(source, making, report, segmentation):
    """Return the Comprehensive 3D SR dataset of a :class:`Report`.

    It is complete and verified where it rests on approvals; otherwise partial and unverified.

    :param segmentation: DICOM SEG dataset that the segments' volumes are of
    """
    import highdicom

    with identityAsItIs():
        dataset = highdicom.sr.Comprehensive3DSR(
            evidence=[*source.headers, segmentation],
            content=_content(source, making, report, segmentation)[0],
            is_complete=making.isApproved,
            is_final=making.isApproved,
            is_verified=False,
            **commonArguments(source, making, SERIES_NUMBER, f"Measurements, {making.approvalWord}"),
        )
    if making.isApproved:
        _verify(dataset, report.approvals)
    dataset.CodingSchemeIdentificationSequence = [_scheme()]
    complete(dataset, source, making)
    return dataset


def _content(source, making, report, segmentation):
    import highdicom
    from pydicom.sr.codedict import codes

    modality = source.first.get("Modality")
    procedures = {"CT": codes.LN.CTUnspecifiedBodyRegion, "MR": codes.LN.MRIUnspecifiedBodyRegion}
    device = highdicom.sr.DeviceObserverIdentifyingAttributes(
        uid=packageUid(making, "device"), name="Planning Hub", manufacturer_name="Planning Hub",
        model_name="; ".join(making.versions),
    )  # fmt: skip
    content = highdicom.sr.MeasurementReport(
        observation_context=highdicom.sr.ObservationContext(
            observer_device_context=highdicom.sr.ObserverContext(codes.DCM.Device, device)
        ),
        procedure_reported=procedures.get(modality, codes.SCT.ImagingProcedure),
        imaging_measurements=list(_groups(source, making, report, segmentation)),
    )
    content[0].ContentSequence.extend(_remarks(making, report))
    return content


def _remarks(making, report):
    """Return what no code says, as text."""
    import highdicom
    from pydicom.sr.codedict import codes

    said = [f"Planned figures of {making.caseName}, {making.approvalWord}; side: {report.side or 'not stated'}."]
    said += [f"Planned operation: {report.procedure}."] if report.procedure else []
    said += [
        f"Approved by {one['statement']['user']} ({one['statement']['role']}) on {one['statement']['when']}, "
        f"key {shortFingerprint(one['fingerprint'])}."
        for one in (report.approvals if making.isApproved else ())
    ]
    if any(one.planned and one.pointsLps is not None for one in report.measurements):
        said.append(
            f"Points in the frame of reference {report.plannedFrameUid} are on what the plan moved, where it is "
            "planned to be; its axes are those of the scan."
        )
    return [
        highdicom.sr.TextContentItem(codes.DCM.Comment, text, highdicom.sr.RelationshipTypeValues.CONTAINS)
        for text in said
    ]


def _groups(source, making, report, segmentation):
    """Yield a measurement group for each step, and for each thing where a step gives numbers about several."""
    import highdicom

    together = {}
    for one in report.measurements:
        together.setdefault((one.stepName, one.about), []).append(one)
    for (stepName, about), measurements in together.items():
        title = ": ".join(part for part in (stepName, about) if part) or OF_SEGMENTS_AND_PARTS
        tracking = highdicom.sr.TrackingIdentifier(packageUid(making, "tracking", title), title)
        items = [numericItem(one, source.frameOfReferenceUid, report.plannedFrameUid) for one in measurements]
        number = report.segments.get(about) if stepName is None else None
        if number:
            yield highdicom.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
                tracking, referenced_segment=_segment(source, segmentation, number), measurements=items
            )
        else:
            yield highdicom.sr.MeasurementsAndQualitativeEvaluations(
                tracking, measurements=items, qualitative_evaluations=_side(report.side) if stepName else None
            )


def _segment(source, segmentation, number):
    import highdicom

    series = highdicom.sr.SourceSeriesForSegmentation(source.first.SeriesInstanceUID)
    return highdicom.sr.ReferencedSegment(
        segmentation.SOPClassUID, segmentation.SOPInstanceUID, number, source_series=series
    )


def _side(side):
    import highdicom
    from pydicom.sr.codedict import codes

    if side not in SIDES:
        return None
    return [highdicom.sr.QualitativeEvaluation(codes.SCT.Laterality, getattr(codes.SCT, SIDES[side]))]


def _verify(dataset, approvals):
    """Say who verified it (PS3.3 C.17.2): each one that approved the plan."""
    from pydicom.dataset import Dataset

    dataset.VerificationFlag = "VERIFIED"
    dataset.VerifyingObserverSequence = []
    for approval in approvals:
        statement, item = approval["statement"], Dataset()
        item.VerifyingOrganization = ORGANIZATION
        item.VerificationDateTime = f"{''.join(one for one in statement['when'] if one.isdigit())[:14]}+0000"
        # The role as a name's suffix, behind the empty first and middle name and prefix.
        item.VerifyingObserverName = "^^^^".join(longString(statement[one]) for one in ("user", "role"))
        item.VerifyingObserverIdentificationCodeSequence = []
        dataset.VerifyingObserverSequence.append(item)


def _scheme():
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CodingSchemeDesignator, item.CodingSchemeName = SCHEME, "Planning Hub figures"
    item.CodingSchemeResponsibleOrganization = "Planning Hub developers"
    return item
