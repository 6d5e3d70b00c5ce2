// The models in three dimensions, drawn by vtk.js; frame: LPS mm.

const BACKGROUND = [0.06, 0.07, 0.09];
const FREE_CUT = "view";
const AIR_HU = -300;

class SceneView {
    constructor(frame, state) {
        this.frame = frame;
        this.state = state;
        this.window = vtk.Rendering.Misc.vtkGenericRenderWindow.newInstance({
            background: BACKGROUND,
            listenWindowResize: false,
        });
        this.window.setContainer(frame);
        this.size = `${frame.clientWidth} ${frame.clientHeight}`;
        this.renderer = this.window.getRenderer();
        this.camera = this.renderer.getActiveCamera();
        this.cutPlane = vtk.Common.DataModel.vtkPlane.newInstance();
        this.actors = new Map(state.models.map((model) => [model, this.addModel(model)]));
        this.slices = null;
        this.overlay = new Overlay(frame);
        this.drawOverlay = oncePerFrame(() => this.drawOverlayNow());
        this.draw = oncePerFrame(() => this.drawNow());
        this.listen();
    }

    listen() {
        new Touch(this.frame, { onTap: (place) => this.tap(place) });
        this.camera.onModified(this.drawOverlay);
        this.state.follow(this.draw);
        new ResizeObserver(() => this.resize()).observe(this.frame);
    }

    addModel(model) {
        const { vtkActor, vtkMapper } = vtk.Rendering.Core;
        const mapper = vtkMapper.newInstance({ scalarVisibility: false });
        mapper.setInputData(polyData(model));
        const actor = vtkActor.newInstance();
        actor.setMapper(mapper);
        const property = actor.getProperty();
        property.setColor(...model.color);
        property.setAmbient(0.15);
        property.setDiffuse(0.85);
        property.setSpecular(0.15);
        this.renderer.addActor(actor);
        return actor;
    }

    /** Fit the picture to its frame; vtk.js draws it then, which takes long: so only where the size is another. */
    resize() {
        const size = `${this.frame.clientWidth} ${this.frame.clientHeight}`;
        if (this.size === size || !this.frame.clientWidth || !this.frame.clientHeight) return;
        this.size = size;
        this.window.resize();
        this.drawOverlayNow();
    }

    drawNow() {
        const { state } = this;
        if (state.cut.kind !== "none") {
            this.cutPlane.setOrigin(...state.cursor);
            this.cutPlane.setNormal(...state.cut.normal);
        }
        for (const [model, actor] of this.actors) this.dress(model, actor);
        if (state.showSlices && !this.slices) this.slices = new SceneSlices(this.renderer, state.volume);
        if (this.slices) this.slices.follow(state);
        this.renderer.resetCameraClippingRange();
        this.window.getRenderWindow().render();
        this.drawOverlayNow();
    }

    dress(model, actor) {
        const look = this.state.looks.get(model);
        actor.setVisibility(look.visible && look.opacity > 0);
        actor.getProperty().setOpacity(look.opacity);
        actor.setForceTranslucent(look.opacity < 1);
        actor.setForceOpaque(look.opacity === 1);
        actor.setPosition(...this.state.offset(model));
        const mapper = actor.getMapper();
        mapper.removeAllClippingPlanes();
        if (this.state.cut.kind !== "none") mapper.addClippingPlane(this.cutPlane);
    }

    /** Look from a side of the patient at all that is shown. */
    lookFrom(direction, viewUp) {
        const focus = this.state.volume.center();
        this.camera.setParallelProjection(false);
        this.camera.setFocalPoint(...focus);
        this.camera.setPosition(...focus.map((value, axis) => value + 500 * direction[axis]));
        this.camera.setViewUp(...viewUp);
        this.renderer.resetCamera();
        this.draw();
    }

    /** Take the camera of a saved view. */
    show(view) {
        this.camera.setParallelProjection(view.parallelScaleMm !== null);
        this.camera.setFocalPoint(...view.focalPointLps);
        this.camera.setPosition(...view.positionLps);
        this.camera.setViewUp(...view.viewUpLps);
        if (view.parallelScaleMm !== null) this.camera.setParallelScale(view.parallelScaleMm);
        else this.camera.setViewAngle(view.viewAngleDegrees);
        this.draw();
    }

    magnify(factor) {
        if (this.camera.getParallelProjection()) this.camera.setParallelScale(this.camera.getParallelScale() / factor);
        else this.camera.dolly(factor);
        this.draw();
    }

    /** Return the direction in which the camera looks. */
    direction() {
        return [...this.camera.getDirectionOfProjection()];
    }

    toScreen(lps) {
        const target = this.window.getApiSpecificRenderWindow();
        const [x, y] = target.worldToDisplay(...lps, this.renderer);
        const [width, height] = target.getSize();
        return [(x / width) * this.frame.clientWidth, (1 - y / height) * this.frame.clientHeight];
    }

    /** Return the place on a surface under a place of the view, or null; where the surface belongs, not where it is drawn. */
    pick([x, y]) {
        const target = this.window.getApiSpecificRenderWindow();
        const [width, height] = target.getSize();
        const display = [(x / this.frame.clientWidth) * width, (1 - y / this.frame.clientHeight) * height];
        const [start, end] = [0, 1].map((depth) => [...target.displayToWorld(...display, depth, this.renderer)]);
        let nearest = null;
        for (const model of this.state.shown) {
            const offset = this.state.offset(model);
            const from = minus(start, offset);
            const counts = (lps) => this.state.isLeft(lps.map((value, axis) => value + offset[axis]));
            const share = model.hit(from, minus(end, offset), counts);
            if (share === null || (nearest && share >= nearest.share)) continue;
            nearest = { model, share, lps: from.map((value, axis) => value + share * (end[axis] - start[axis])) };
        }
        return nearest;
    }

    tap(place) {
        const picked = this.pick(place);
        if (picked) this.state.tap(picked.lps);
    }

    drawOverlayNow() {
        const { clientWidth: width, clientHeight: height } = this.frame;
        if (!width || !height) return;
        this.overlay.begin(width, height);
        const toScreen = (lps) => this.toScreen(lps);
        const [x, y] = toScreen(this.state.cursor);
        this.overlay.lines(
            [x - 14, y, x - 4, y, x + 4, y, x + 14, y, x, y - 14, x, y - 4, x, y + 4, x, y + 14],
            "rgb(90 200 255)",
            3,
        );
        this.overlay.measures(this.state, toScreen);
        this.overlay.edges(this.letters(), width, height);
    }

    /** Return the letters of the sides that lie most to the left, right, top and bottom of the view. */
    letters() {
        const up = this.camera.getViewUp();
        const right = cross(this.direction(), up);
        const upright = cross(right, this.direction());
        return [
            letterOf(right.map((value) => -value)),
            letterOf(right),
            letterOf(upright),
            letterOf(upright.map((value) => -value)),
        ];
    }
}

/** The three slices through the cursor among the models. */
class SceneSlices {
    constructor(renderer, volume) {
        const image = vtk.Common.DataModel.vtkImageData.newInstance({
            origin: volume.originLps,
            spacing: volume.spacingMm,
        });
        image.setDimensions(...volume.size);
        image
            .getPointData()
            .setScalars(vtk.Common.Core.vtkDataArray.newInstance({ name: "CT", values: volume.values }));
        this.parts = [0, 1, 2].map((axis) => this.add(renderer, image, axis));
        this.window = null;
    }

    add(renderer, image, axis) {
        const { vtkImageMapper, vtkImageSlice } = vtk.Rendering.Core;
        const mapper = vtkImageMapper.newInstance();
        mapper.setInputData(image);
        mapper.setSlicingMode(
            [vtkImageMapper.SlicingMode.I, vtkImageMapper.SlicingMode.J, vtkImageMapper.SlicingMode.K][axis],
        );
        const actor = vtkImageSlice.newInstance();
        actor.setMapper(mapper);
        renderer.addViewProp(actor);
        return { axis, mapper, actor };
    }

    follow(state) {
        if (this.window !== state.window) this.color(state);
        for (const { axis, mapper, actor } of this.parts) {
            mapper.setSlice(state.volume.indexAt(axis, state.cursor[axis]));
            actor.setVisibility(state.showSlices);
        }
    }

    color(state) {
        this.window = state.window;
        const grays = vtk.Rendering.Core.vtkColorTransferFunction.newInstance();
        // Air is not drawn: it would hide the models.
        const opacities = vtk.Common.DataModel.vtkPiecewiseFunction.newInstance();
        state.volume.levelsHu.forEach((hu, level) => opacities.addPoint(level, hu < AIR_HU ? 0 : 1));
        state.volume
            .grays(state.window)
            .forEach((gray, level) => grays.addRGBPoint(level, gray / 255, gray / 255, gray / 255));
        for (const { actor } of this.parts) {
            actor.getProperty().setUseLookupTableScalarRange(true);
            actor.getProperty().setRGBTransferFunction(0, grays);
            actor.getProperty().setPiecewiseFunction(0, opacities);
        }
    }
}

/** Return vtk.js's mesh of a model; what was made, not grown, keeps its edges. */
function polyData(model) {
    const cells = new Uint32Array((model.corners.length / 3) * 4);
    for (let from = 0, to = 0; from < model.corners.length; from += 3) {
        cells[to++] = 3;
        for (let corner = 0; corner < 3; corner++) cells[to++] = model.corners[from + corner];
    }
    const data = vtk.Common.DataModel.vtkPolyData.newInstance();
    data.getPoints().setData(model.coordinates, 3);
    data.getPolys().setData(cells, 1);
    if (model.role === "anatomy") {
        const normals = { name: "Normals", values: model.normals(), numberOfComponents: 3 };
        data.getPointData().setNormals(vtk.Common.Core.vtkDataArray.newInstance(normals));
    }
    return data;
}

function letterOf(direction) {
    const sizes = direction.map(Math.abs);
    const axis = sizes.indexOf(Math.max(...sizes));
    return [
        ["R", "L"],
        ["A", "P"],
        ["I", "S"],
    ][axis][direction[axis] < 0 ? 0 : 1];
}
