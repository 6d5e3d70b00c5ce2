// A slice of the CT with the outlines of the models; left of the patient is on the right, as in radiology.

const PLANES = {
    axial: { title: "Axial", right: 0, up: 1, upSign: -1, normal: 2, letters: ["R", "L", "A", "P"] },
    coronal: { title: "Coronal", right: 0, up: 2, upSign: 1, normal: 1, letters: ["R", "L", "S", "I"] },
    sagittal: { title: "Sagittal", right: 1, up: 2, upSign: 1, normal: 0, letters: ["A", "P", "S", "I"] },
};

class SliceView {
    constructor(frame, plane, state) {
        this.frame = frame;
        this.plane = plane;
        this.state = state;
        this.zoom = 1;
        this.center = state.volume.center();
        this.picture = this.newPicture();
        this.outlines = new Map();
        this.overlay = new Overlay(frame);
        this.draw = oncePerFrame(() => this.drawNow());
        this.listen();
        state.follow(this.draw);
        new ResizeObserver(this.draw).observe(frame);
    }

    newPicture() {
        const { size } = this.state.volume;
        const canvas = element("canvas", { width: size[this.plane.right], height: size[this.plane.up] });
        const context = canvas.getContext("2d");
        return { canvas, context, pixels: context.createImageData(canvas.width, canvas.height), shows: "" };
    }

    listen() {
        const { plane, state } = this;
        new Touch(this.frame, {
            onTap: (place) => state.tap(this.toLps(place)),
            onDrag: (place) => state.tool === "cursor" && state.moveCursor(this.toLps(place)),
            onPinch: (before, after, scale) => this.pinch(before, after, scale),
        });
        this.frame.addEventListener(
            "wheel",
            (event) => {
                event.preventDefault();
                if (event.ctrlKey) return this.magnify(Math.exp(-event.deltaY / 300));
                this.step(Math.sign(event.deltaY) * (plane.normal === 2 ? -1 : 1));
            },
            { passive: false },
        );
    }

    /** Go some slices further. */
    step(count) {
        const { cursor, volume } = this.state;
        const { normal } = this.plane;
        const index = volume.indexAt(normal, cursor[normal]) + count;
        const moved = [...cursor];
        moved[normal] = volume.lowest(normal) + index * volume.spacingMm[normal];
        this.state.moveCursor(moved);
    }

    magnify(factor) {
        this.zoom = Math.max(0.5, Math.min(20, this.zoom * factor));
        this.draw();
    }

    pinch(before, after, scale) {
        const [from, to] = [this.toLps(before), this.toLps(after)];
        this.center = this.center.map((value, axis) => value + from[axis] - to[axis]);
        this.magnify(scale);
    }

    fit() {
        this.zoom = 1;
        this.center = this.state.volume.center();
        this.draw();
    }

    /** Take the size of the frame, and from it how many pixels of the screen a millimeter has. */
    measure() {
        const { volume } = this.state;
        const { right, up } = this.plane;
        this.width = this.frame.clientWidth;
        this.height = this.frame.clientHeight;
        const widthMm = volume.size[right] * volume.spacingMm[right];
        const heightMm = volume.size[up] * volume.spacingMm[up];
        this.scale = this.zoom * Math.min(this.width / widthMm, this.height / heightMm);
    }

    toScreen(lps) {
        const { right, up, upSign } = this.plane;
        return [
            this.width / 2 + (lps[right] - this.center[right]) * this.scale,
            this.height / 2 - upSign * (lps[up] - this.center[up]) * this.scale,
        ];
    }

    toLps([x, y]) {
        const { right, up, upSign } = this.plane;
        const lps = [...this.state.cursor];
        lps[right] = this.center[right] + (x - this.width / 2) / this.scale;
        lps[up] = this.center[up] - (upSign * (y - this.height / 2)) / this.scale;
        return lps;
    }

    drawNow() {
        this.measure();
        if (!this.width || !this.height) return;
        this.overlay.begin(this.width, this.height);
        this.drawPicture();
        for (const model of this.state.shown) this.drawOutline(model);
        this.drawCursor();
        this.overlay.measures(this.state, (lps) => this.toScreen(lps));
        this.overlay.edges(this.plane.letters, this.width, this.height);
    }

    drawPicture() {
        const { volume, window, cursor } = this.state;
        const { right, up, upSign, normal } = this.plane;
        const index = volume.indexAt(normal, cursor[normal]);
        const shows = `${index} ${window.name}`;
        if (this.picture.shows !== shows) {
            volume.fill(this.picture.pixels, this.plane, index, volume.grays(window));
            this.picture.context.putImageData(this.picture.pixels, 0, 0);
            this.picture.shows = shows;
        }
        const corner = [0, 0, 0];
        corner[right] = volume.lowest(right) - volume.spacingMm[right] / 2;
        corner[up] = (upSign > 0 ? volume.highest(up) : volume.lowest(up)) + (upSign * volume.spacingMm[up]) / 2;
        this.overlay.context.drawImage(
            this.picture.canvas,
            ...this.toScreen(corner),
            volume.size[right] * volume.spacingMm[right] * this.scale,
            volume.size[up] * volume.spacingMm[up] * this.scale,
        );
    }

    drawOutline(model) {
        const { right, up, upSign, normal } = this.plane;
        const mm = this.state.cursor[normal];
        let outline = this.outlines.get(model);
        if (!outline || outline.mm !== mm) {
            outline = { mm, ends: model.outline(normal, mm) };
            this.outlines.set(model, outline);
        }
        const { ends } = outline;
        const places = new Float32Array((ends.length / 3) * 2);
        for (let end = 0, place = 0; end < ends.length; end += 3) {
            places[place++] = this.width / 2 + (ends[end + right] - this.center[right]) * this.scale;
            places[place++] = this.height / 2 - upSign * (ends[end + up] - this.center[up]) * this.scale;
        }
        this.overlay.lines(places, model.cssColor);
    }

    drawCursor() {
        const { width, height } = this;
        const [x, y] = this.toScreen(this.state.cursor);
        const gap = 14;
        const arms = [x, 0, x, y - gap, x, y + gap, x, height, 0, y, x - gap, y, x + gap, y, width, y];
        this.overlay.lines(arms, "rgb(90 200 255 / 80%)", 1.5);
    }
}
