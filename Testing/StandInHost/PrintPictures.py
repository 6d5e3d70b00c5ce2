"""Pictures of the print module: its page with a verdict, one that blocks, result, map, build, papers, inspection."""

from .User import printing

BLOCKED = {
    "profileComboBox": "SLA, Formlabs Form 4", "materialComboBox": "Durable, Formlabs", "useComboBox": "guide",
    "contactComboBox": "open tissue or bone", "methodComboBox": "steam", "temperatureSpinBox": 134,
}  # fmt: skip
MODEL = {
    "profileComboBox": "SLS, EOS Formiga P 110", "materialComboBox": "PA12, 3D Systems",
    "useComboBox": "model to look at", "contactComboBox": "nothing of the patient", "methodComboBox": "not stated",
}  # fmt: skip
MAP_PIXELS = 1200
READ_OFF_MM = (0.12, -0.21, 0.74)
TRAVELLER = ("P 110 no. 2", "LOT-4711", "print room")


def takePrintPictures(grabber):
    """State a part, make it, and lay it on a plate; make its papers."""
    widget = grabber.user.show("PrintPrep")
    _state(grabber, widget, BLOCKED)
    grabber.grab("PrintPrep", "Blocked", 860)
    _state(grabber, widget, MODEL)
    grabber.grab("PrintPrep", height=830)
    grabber.during("PrintPrep", 0.5)
    grabber.host.click(printing(widget).partButton)
    grabber.grab("PrintPrep", "Result", 900)
    _keepMap(grabber, widget)
    build = widget.panel("BuildPanel").ui
    widget.showPanel("BuildPanel")
    grabber.host.enter(build.slicingCheckBox, False)
    grabber.host.act(build.partsTable.item(0, 3).setText, "2")
    grabber.host.click(build.buildButton)
    grabber.grab("PrintPrep", "Build", 1130)
    papers = widget.panel("PapersPanel").ui
    widget.showPanel("PapersPanel")
    for row, text in enumerate(TRAVELLER):
        papers.fieldsTable.item(row, 2).setText(text)
    grabber.host.click(papers.papersButton)
    grabber.grab("PrintPrep", "Papers", 1000)
    _inspect(grabber, widget)
    widget.showPanel("PartPanel")


def _inspect(grabber, widget):
    """What a caliper reads on the first copy: near the nominal values."""
    inspection = widget.panel("InspectionPanel").ui
    widget.showPanel("InspectionPanel")
    grabber.host.click(inspection.inspectButton)
    table = inspection.dimensionsTable
    for row, offMm in enumerate(READ_OFF_MM):
        nominalMm = float(table.item(row, 1).text().split()[0])
        grabber.host.act(table.item(row, 3).setText, f"{nominalMm + offMm:.2f}")
    grabber.host.enter(inspection.instrumentLineEdit, "caliper 7")
    grabber.host.click(inspection.inspectButton)
    grabber.grab("PrintPrep", "Inspection", 620)


def _state(grabber, widget, values):
    for name, value in values.items():
        grabber.host.enter(getattr(printing(widget), name), value)


def _keepMap(grabber, widget):
    """The deviation map as the part keeps it; the stand-in has no 3D view."""
    from PIL import Image

    part = widget.panel("ResultPanel").chosen()
    with Image.open(widget.case.path(part, "accuracy.png")) as opened:
        picture = opened.convert("RGB")
    picture = picture.resize((MAP_PIXELS, round(picture.height * MAP_PIXELS / picture.width)), Image.Resampling.LANCZOS)
    path = grabber.picturesRoot / "PrintPrep" / "Pictures" / "Accuracy.png"
    picture.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
