"""The figures of a part as rows of a table: name and value, with units."""

from slicer.i18n import tr as _


def figureRows(part):
    """Return (name, value) rows of a part's facts; what parts of older cases do not say is left out."""
    facts, deviation = part.facts, part.facts["deviation"]
    return [
        *_objectRows(facts.get("object")),
        (_("Volume"), _volume(facts)),
        *_accuracyRows(facts.get("accuracy")),
        (_("Largest deviation"), _("{largest:.3f} mm (bound {bound:.2f} mm)").format(
            largest=facts["deviationMm"], bound=part.parameters["maximumDeviationMm"])),
        (_("Mean / 99 % deviation"), _("{mean:.3f} / {p99:.3f} mm").format(
            mean=deviation["meanMm"], p99=deviation["p99Mm"])),
        (_("Triangles"), _("{left:,} of {all:,}").format(left=facts["triangles"], all=facts["surfaceTriangles"])),
        (_("Watertight"), _("yes") if facts["watertight"] else _("NO")),
        *_wallRows(facts.get("walls")),
        *_channelRows(facts.get("channels")),
        *[_labelRow(one) for one in facts.get("label", ())],
        *_madeForRows(facts),
        *_pieceRows(facts.get("pieces", ())),
        *((_("File"), name) for name in part.files),
    ]  # fmt: skip


def _volume(facts):
    if "plannedVolumeMl" in facts:
        text = _("{part:.1f} ml (planned {planned:.1f} ml)")
    elif "segmentationVolumeMl" in facts:
        text = _("{part:.1f} ml (segmentation {segmentation:.1f} ml)")
    else:
        text = _("{part:.1f} ml")
    return text.format(
        part=facts["volumeMl"], planned=facts.get("plannedVolumeMl"), segmentation=facts.get("segmentationVolumeMl")
    )


def _objectRows(described):
    if described is None:
        return []
    words = {
        "mirrored": _("made from the mirrored side"),
        "modified": _("not as scanned: cut, designed or combined"),
        "moved": _("moved from where it was scanned"),
    }
    said = [text for flag, text in words.items() if described[flag]]
    return [(_("Object"), described["name"]), *((_("Note"), text) for text in said)]


def _accuracyRows(accuracy):
    if not accuracy or "maximumMm" not in accuracy:
        return []
    rows = [
        (_("Accuracy"), accuracyText(accuracy)),
        (_("Distance"), _("mean {mean:.3f}, 95 % {p95:.3f}, 99 % {p99:.3f}, largest {largest:.3f} mm ({place})").format(
            mean=accuracy["meanMm"], p95=accuracy["p95Mm"], p99=accuracy["p99Mm"], largest=accuracy["maximumMm"],
            place=accuracy["maximumAt"])),
        (_("Proven for"), _("{percent:g} % of the surface; the rest was changed on purpose").format(
            percent=accuracy["measuredPercent"])),
    ]  # fmt: skip
    return rows


def accuracyText(accuracy):
    """Return a part's accuracy against its tolerance, in words."""
    if accuracy["toleranceMm"] is None:
        return _("not judged: nothing states a tolerance")
    if accuracy["verdict"] == "within":
        text = _("within {tolerance:g} mm of the {reference} ({source})")
    else:
        text = _("NOT within {tolerance:g} mm of the {reference} ({source})")
    return text.format(
        tolerance=accuracy["toleranceMm"], reference=accuracy["reference"], source=accuracy["toleranceSource"]
    )


def _wallRows(walls):
    if not walls:
        return []
    if walls["minimumMm"] is None:
        return [(_("Thinnest wall"), _("thicker than what is measured"))]
    text = _("{thinnest:.2f} mm").format(thinnest=walls["minimumMm"])
    if walls.get("limitMm") is not None:
        text += _("; {percent:g} % of the surface below {limit:g} mm").format(
            percent=walls["belowPercent"] or 0, limit=walls["limitMm"]
        )
    return [(_("Thinnest wall"), text)]


def _channelRows(channels):
    if not channels:
        return []
    text = _("{cavities} closed cavities, {holes} holes, {narrow} of them hard to clean").format(
        cavities=channels["cavities"], holes=channels["holes"], narrow=channels["narrowHoles"]
    )
    return [(_("Cavities, channels"), text)]


def _labelRow(label):
    read = {True: _("read back"), False: _("NOT read back"), None: _("reading not tried")}[label["read"]]
    text = _("{text}: {kind}, {height:g} mm high, {depth:g} mm deep; {read}").format(
        text=label["text"], kind=label["kind"], height=label["heightMm"], depth=label["depthMm"], read=read
    )
    return (_("Label"), text)


def _madeForRows(facts):
    process, material = facts.get("process"), facts.get("material")
    rows = [(_("Process"), _("{process}, {printer}").format(**process))] if process else []
    return [*rows, (_("Material"), material["title"])] if material else rows


def _pieceRows(pieces):
    if len(pieces) < 2:
        return []
    text = _("{volume:.2f} ml, {triangles:,} triangles")
    return [
        (_("Piece {name}").format(name=one["name"]), text.format(volume=one["volumeMl"], triangles=one["triangles"]))
        for one in pieces
    ]


def budgetRows(part):
    """Return (step, mean, largest) of what each step took."""
    return [
        (row["step"], _("{mm:.3f} mm").format(mm=row["meanMm"]), _("{mm:.3f} mm").format(mm=row["maximumMm"]))
        for row in part.facts.get("budget", ())
    ]
