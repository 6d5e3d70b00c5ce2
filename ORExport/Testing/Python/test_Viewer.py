"""The offline viewer in a real browser that has no network: opened, clicked, and its pictures read."""

import io
import json

import numpy
import pytest
from Browser import browser, program
from SmallSeries import OBLIQUE
from ViewerPages import BLOCK, CENTER, NASTY, ROD, box, content, ctNumbers, ijkToLps, obliqueSeries

from ORExportLib.Viewer import Engine
from ORExportLib.Viewer.ModelData import Model, pageModels
from ORExportLib.Viewer.Page import viewerPage
from ORExportLib.Viewer.VolumeData import LEVELS_HU, pageVolume
from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Shapes.Mesh import Mesh

WIDTH, HEIGHT = 1280, 800
TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
CHECKED = "document.documentElement.dataset.checked || !document.getElementById('alarm').hidden"


@pytest.fixture(scope="module")
def aFile(tmp_path_factory):
    path = tmp_path_factory.mktemp("viewer") / "PH-TEST2345-0001-NOT-APPROVED-viewer.html"
    path.write_bytes(viewerPage(content()))
    return path


@pytest.fixture(scope="module")
def aBrowser():
    if program() is None:
        pytest.skip("no Chromium here (Debian package chromium)")
    with browser(WIDTH, HEIGHT) as page:
        yield page


@pytest.fixture
def aPage(aBrowser, aFile):
    aBrowser.resize(WIDTH, HEIGHT)
    return opened(aBrowser, aFile)


def opened(page, path):
    page.open(path)
    page.waitFor(CHECKED)
    return page


def text(page, selector):
    return page.value(f"document.querySelector({json.dumps(selector)}).textContent")


def cursor(page):
    """Return the cursor's place as the page shows it, LPS mm."""
    page.value(TWO_FRAMES)
    return numpy.array(page.value("JSON.parse(document.getElementById('cursor').dataset.lps)"))


def placeIn(page, view, lps):
    """Return where a place is drawn in one of the views, in pixels of the page."""
    found = page.value(
        f"(() => {{ const box = {view}.frame.getBoundingClientRect();"
        f"const [x, y] = {view}.toScreen({[float(value) for value in lps]}); return [box.left + x, box.top + y]; }})()"
    )
    return numpy.array(found)


def clickIn(page, view, lps):
    page.clickAt(*placeIn(page, view, lps))


def moveTo(page, lps):
    page.value(f"planViewer.state.moveCursor({[float(value) for value in lps]})")


def cursorText(page):
    page.value(TWO_FRAMES)
    return text(page, "#cursor")


def pixels(page):
    from PIL import Image

    page.value(TWO_FRAMES)
    return numpy.asarray(Image.open(io.BytesIO(page.picture())).convert("RGB")).astype(int)


def middleOf(corners):
    return (corners[0] + corners[1]) / 2


SLICES = {name: f"planViewer.slices.{name}" for name in ("axial", "coronal", "sagittal")}
SCENE = "planViewer.scene"


def test_opensByItselfWithoutAskingAnybody(aPage, aFile):
    assert aPage.requests == [aFile.as_uri()]
    assert aPage.messages == []
    assert "is what was written" in text(aPage, "#page-check")
    assert text(aPage, "#approval") == "NOT APPROVED" and text(aPage, "#side") == "LEFT"
    assert "PH-TEST2345-0001" in text(aPage, "#case")
    red = pixels(aPage)[10, WIDTH - 10]
    assert red[0] > 180 and red[1:].max() < 80


def test_pageCannotReachTheNetwork(aPage):
    refused = "fetch('https://example.org/').then(() => 'reached', () => 'refused')"
    assert aPage.value(refused) == "refused"
    assert any("Content Security Policy" in message for message in aPage.messages)
    brought = "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))"
    aPage.value(brought)
    assert aPage.value("window.ran === undefined")


def test_namesOfAPlanRunNothing(aPage):
    aPage.click("#page-next")
    for tab in ("plan", "models", "tools", "checklist", "check"):
        aPage.click(f"#tab-{tab}")
    assert aPage.value("document.title") == "PH-TEST2345-0001 LEFT"
    assert aPage.value("document.images.length") == 0
    assert NASTY in text(aPage, "#page-title") and NASTY in text(aPage, "#panel-models")


def test_leftOfThePatientIsOnTheRightAndWhereItBelongs(aPage):
    # The block is left, in front and high; the rod right, behind and low: no mirrored page shows both so.
    places = aPage.value("planViewer.state.models.map((model) => [...model.coordinates])")
    for coordinates, corners in zip(places, (BLOCK, ROD), strict=True):
        points = numpy.array(coordinates).reshape(-1, 3)
        assert numpy.abs(points.min(0) - corners[0]).max() < 0.01
        assert numpy.abs(points.max(0) - corners[1]).max() < 0.01
    moveTo(aPage, middleOf(BLOCK))
    for view, axis, sign in (("axial", 0, 1), ("coronal", 0, 1), ("sagittal", 1, 1)):
        image = pixels(aPage)
        block = placeIn(aPage, SLICES[view], middleOf(BLOCK))
        center = placeIn(aPage, SLICES[view], CENTER)
        assert numpy.sign(block[0] - center[0]) == sign * numpy.sign((middleOf(BLOCK) - CENTER)[axis])
        # White inside of the block, and its outline in its color at the edge that is farther out.
        assert image[int(block[1]), int(block[0]) + 12].min() > 200
        edge = placeIn(aPage, SLICES[view], middleOf(BLOCK) + (BLOCK[1] - BLOCK[0]) / 2 * numpy.eye(3)[axis])
        near = image[int(edge[1]) - 6 : int(edge[1]) - 3, int(edge[0]) - 3 : int(edge[0]) + 4].reshape(-1, 3)
        assert any(green > red + 80 and green > blue + 80 for red, green, blue in near)
    assert cursorText(aPage).startswith("L ")


def test_modelsInTheSceneAreWhereTheyBelong(aPage):
    for towards in ((0, -1, 0), (1, 0, 0)):
        aPage.value(f"planViewer.scene.lookFrom({list(towards)}, [0, 0, 1])")
        aPage.value(TWO_FRAMES)
        for corners, isGreen in ((BLOCK, True), (ROD, False)):
            face = middleOf(corners) + numpy.array(towards) * (corners[1] - corners[0]) / 2
            clickIn(aPage, SCENE, face)
            # A pixel of this view is a third of a millimeter.
            assert numpy.abs(cursor(aPage) - face).max() < 0.4
            x, y = placeIn(aPage, SCENE, face).astype(int) - 9
            red, green, _blue = pixels(aPage)[y, x]
            assert (green > red) == isGreen
    assert aPage.value("planViewer.scene.letters()") == ["A", "P", "S", "I"]


def test_aTapInOneViewMovesAll(aPage):
    before = pixels(aPage)
    wanted = CENTER + (12, 6, 0)
    clickIn(aPage, SLICES["axial"], wanted)
    assert numpy.abs(cursor(aPage)[:2] - wanted[:2]).max() < 0.3
    clickIn(aPage, SLICES["sagittal"], wanted + (0, 0, 9))
    assert numpy.abs(cursor(aPage) - wanted - (0, 0, 9)).max() < 0.3
    after = pixels(aPage)
    for view in SLICES.values():
        left, top = placeIn(aPage, view, CENTER).astype(int) - 60
        assert (before[top : top + 120, left : left + 120] != after[top : top + 120, left : left + 120]).any()
    assert "≈ 300 HU" in cursorText(aPage)
    clickIn(aPage, SLICES["axial"], CENTER - (12, 0, 0))
    # In air the gray levels are 21 HU apart.
    assert "≈ -509 HU" in cursorText(aPage)


def test_distanceAndAngleAreMeasured(aPage):
    aPage.click("#tab-tools")
    aPage.click("[data-tool=distance]")
    clickIn(aPage, SLICES["axial"], CENTER + (-10, -5, 0))
    clickIn(aPage, SLICES["axial"], CENTER + (20, 35, 0) * numpy.array((1, 0.5, 1)))
    aPage.click("[data-tool=angle]")
    for offset in ((0, 0, 15), (0, 0, 0), (0, 15, 0)):
        clickIn(aPage, SLICES["sagittal"], CENTER + offset)
    values = aPage.value("planViewer.state.measures.map((measure) => measure.value)")
    assert values[0] == pytest.approx(numpy.hypot(30, 22.5), abs=0.5)
    assert values[1] == pytest.approx(90, abs=2)
    assert f"Distance {values[0]:.1f} mm" in text(aPage, "#measures")
    assert "not figures of the plan" in text(aPage, "#measures")
    aPage.click("#measures button")
    assert aPage.value("planViewer.state.measures.length") == 1


def test_cutTakesAwayWhatLiesBeforeIt(aPage):
    half = (BLOCK[1] - BLOCK[0]) / 2
    front, left = middleOf(BLOCK) - (0, half[1], 0), middleOf(BLOCK) + (half[0] / 2, -half[1], 0)
    moveTo(aPage, middleOf(BLOCK))
    x, y = placeIn(aPage, SCENE, left).astype(int)
    assert pixels(aPage)[y, x, 1] > 100
    aPage.click("#tab-tools")
    aPage.click("[data-cut=sagittal]")
    assert pixels(aPage)[y, x].max() < 60
    picked = f"planViewer.scene.pick(planViewer.scene.toScreen({front.tolist()})).lps"
    aPage.click("[data-cut=coronal]")
    assert aPage.value(picked)[1] == pytest.approx(BLOCK[1][1], abs=0.1)
    aPage.click("[data-cut=flip]")
    assert aPage.value(picked)[1] == pytest.approx(BLOCK[0][1], abs=0.1)


def test_modelsMoveApartAndAreHidden(aPage):
    aPage.value("Object.assign(document.getElementById('explode'), {value: 1}).dispatchEvent(new Event('input'))")
    offsets = aPage.value("planViewer.state.models.map((model) => planViewer.state.offset(model))")
    apart = numpy.array(offsets[0]) - offsets[1]
    assert numpy.allclose(apart, middleOf(BLOCK) - middleOf(ROD), atol=0.1)
    aPage.click("#tab-models")
    aPage.click("#panel-models .model button")
    assert aPage.value("planViewer.state.shown.map((model) => model.role)") == ["device"]
    aPage.value("Object.assign(document.querySelector('.model input'), {value: 0.5}).dispatchEvent(new Event('input'))")
    assert aPage.value("planViewer.state.looks.get(planViewer.state.models[0]).opacity") == 0.5


def test_stepsAreAPageEachWithTheirViewsAndFigures(aPage):
    assert "612.3 ml" in text(aPage, ".figures")
    aPage.click("#page-next")
    assert "0.96 ml" in text(aPage, ".figures") and "20.00 mm" in text(aPage, ".figures")
    position = aPage.value("[...planViewer.scene.camera.getPosition()]")
    assert numpy.allclose(position, CENTER + (300, 0, 0), atol=1e-3)
    aPage.click(".figures button")
    assert numpy.allclose(cursor(aPage), ROD[0], atol=0.01)
    aPage.click("#page-back")
    assert aPage.value("planViewer.scene.camera.getParallelScale()") == 60
    assert aPage.value("planViewer.state.shown.map((model) => model.name)") == ["Block"]


def test_ticksStay(aPage, aFile):
    aPage.click("#tab-checklist")
    aPage.click(".check input")
    opened(aPage, aFile)
    assert aPage.value("[...document.querySelectorAll('.check input')].map((box) => box.checked)") == [
        True,
        False,
        False,
    ]
    aPage.call("Emulation.setEmulatedMedia", media="print")
    try:
        shown = "(selector) => document.querySelector(selector).getClientRects().length"
        assert aPage.value(f"[{','.join(repr(one) for one in ('.check', '#banner'))}].map({shown})") == [1, 1]
        assert aPage.value(f"['#views', '#panel-models'].map({shown})") == [0, 0]
    finally:
        aPage.call("Emulation.setEmulatedMedia", media="")


def test_everyControlFitsAGlovedFinger(aPage):
    aPage.resize(800, 1200, touch=True)
    for tab in ("plan", "models", "tools", "checklist", "check"):
        aPage.click(f"#tab-{tab}")
        small = aPage.value(
            "[...document.querySelectorAll('button, select, .slider, .check, .drop')].filter((one) => {"
            "const box = one.getBoundingClientRect(); return box.width && (box.width < 44 || box.height < 44) })"
            ".map((one) => one.outerHTML)"
        )
        assert small == []
    aPage.call("Emulation.setTouchEmulationEnabled", enabled=True)
    try:
        aPage.touch(*placeIn(aPage, SLICES["axial"], CENTER + (-8, 4, 0)))
        assert numpy.abs(cursor(aPage) - CENTER - (-8, 4, 0)).max() < 0.6
    finally:
        aPage.call("Emulation.setTouchEmulationEnabled", enabled=False)


@pytest.mark.parametrize("place", ['id="chunk-volume">', '"role":"implant'])
def test_damagedPageSaysSo(aBrowser, aFile, tmp_path, place):
    data = bytearray(aFile.read_bytes())
    at = data.index(place.encode()) + len(place) - 1 + (40 if "chunk" in place else 0)
    data[at] = ord("A") if data[at] != ord("A") else ord("B")
    (tmp_path / "viewer.html").write_bytes(data)
    page = opened(aBrowser, tmp_path / "viewer.html")
    page.waitFor("!document.getElementById('alarm').hidden")
    assert "damaged" in text(page, "#alarm")


def test_damagedScriptDoesNotRun(aBrowser, aFile, tmp_path):
    data = aFile.read_bytes().replace(b"const TAP_PIXELS = 10", b"const TAP_PIXELS = 11")
    (tmp_path / "viewer.html").write_bytes(data)
    aBrowser.open(tmp_path / "viewer.html")
    assert aBrowser.value("typeof planViewer") == "undefined"
    assert "the page is damaged" in text(aBrowser, "#starting")


def test_withoutWebGlTheRestWorks(aBrowser, aFile):
    script = "HTMLCanvasElement.prototype.getContext = (own => function (kind, ...rest) { return /webgl/.test(kind) ? null : own.call(this, kind, ...rest) })(HTMLCanvasElement.prototype.getContext)"  # noqa: E501
    identifier = aBrowser.call("Page.addScriptToEvaluateOnNewDocument", source=script)["identifier"]
    try:
        page = opened(aBrowser, aFile)
        assert page.value("planViewer.scene") is None
        clickIn(page, SLICES["axial"], CENTER + (12, 6, 0))
        assert numpy.abs(cursor(page) - CENTER - (12, 6, 0)).max() < 0.5
        assert "draws no 3D" in text(page, "#views")
    finally:
        aBrowser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=identifier)


def test_obliqueScanIsShownOnThePatientsAxes():
    voxels, matrix = obliqueSeries(OBLIQUE)
    volume = pageVolume(voxels, matrix)
    places = {tuple(CENTER + (12, 4, 1)): 300, tuple(CENTER - (12, 4, 1)): -500, tuple(middleOf(BLOCK)): 1500}
    for lps, hu in places.items():
        x, y, z = numpy.round((numpy.array(lps) - volume.originLps) / volume.spacingMm).astype(int)
        assert LEVELS_HU[volume.voxels[z, y, x]] == pytest.approx(hu, abs=11)


def test_ctIsBoundedAndItsNumbersAreNear():
    voxels = numpy.random.default_rng(1).integers(-1024, 3000, (20, 40, 40)).astype(numpy.int16)
    whole = pageVolume(voxels, ijkToLps())
    assert numpy.abs(LEVELS_HU[whole.voxels] - voxels).max() <= 17
    soft = (voxels > -200) & (voxels < 300)
    assert numpy.abs(LEVELS_HU[whole.voxels] - voxels)[soft].max() <= 2.5
    smaller = pageVolume(ctNumbers(), ijkToLps(), mostVoxels=20_000)
    assert smaller.voxels.size <= 20_000
    x, y, z = numpy.round((middleOf(BLOCK) - smaller.originLps) / smaller.spacingMm).astype(int)
    assert LEVELS_HU[smaller.voxels[z, y, x]] == pytest.approx(1500, abs=20)


def test_largeSurfacesAreSimplifiedWithinWhatIsStated():
    import trimesh

    fine = trimesh.creation.icosphere(subdivisions=6, radius=30.0)
    ball = Mesh.fromArrays(fine.vertices + CENTER, fine.faces)
    small = Model("Block", box(*BLOCK), (1, 1, 1))
    drawn, kept = pageModels([Model("Ball", ball, (1, 1, 1)), small], mostTriangles=30_000)
    assert len(kept.mesh.triangles) == 12
    assert len(drawn.mesh.triangles) <= 30_000 < len(ball.triangles)
    radii = numpy.linalg.norm(drawn.mesh.points - CENTER, axis=1)
    assert numpy.abs(radii - 30).max() < 0.1 and 0 < drawn.deviationMm < 0.1


def test_withoutItsEngineItRefusesByName(monkeypatch):
    monkeypatch.setattr(Engine, "PACKAGE", "no-such-distribution")
    with pytest.raises(InputRefused) as refused:
        viewerPage(content())
    assert refused.value.code == "no-viewer-engine"
