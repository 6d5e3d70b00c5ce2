// What is shown and where the cursor is; every view follows it.

const WINDOWS = [
    { name: "Bone", levelHu: 500, widthHu: 2000 },
    { name: "Soft tissue", levelHu: 50, widthHu: 400 },
    { name: "Lung", levelHu: -600, widthHu: 1500 },
];

class State {
    constructor(volume, models) {
        this.volume = volume;
        this.models = models;
        this.cursor = volume.center();
        this.window = WINDOWS[0];
        this.tool = "cursor";
        this.pending = [];
        this.measures = [];
        this.figure = null;
        this.explode = 0;
        this.cut = { kind: "none", normal: null };
        this.showSlices = false;
        this.looks = new Map(models.map((model) => [model, { visible: model.visible, opacity: model.opacity }]));
        this.listeners = [];
    }

    /** Call a function after every change. */
    follow(listener) {
        this.listeners.push(listener);
    }

    changed() {
        for (const listener of this.listeners) listener(this);
    }

    set(values) {
        Object.assign(this, values);
        this.changed();
    }

    moveCursor(lps) {
        this.set({ cursor: this.volume.within(lps) });
    }

    look(model, values) {
        Object.assign(this.looks.get(model), values);
        this.changed();
    }

    /** Show models of some names only; without names, those that are shown at first. */
    showOnly(names) {
        for (const [model, look] of this.looks)
            look.visible = names.length ? names.includes(model.name) : model.visible;
        this.changed();
    }

    get shown() {
        return this.models.filter((model) => this.looks.get(model).visible && this.looks.get(model).opacity > 0);
    }

    /** Return how far a model is drawn from its place, mm. */
    offset(model) {
        const centers = this.models.map((one) => one.center);
        return model.center.map((value, axis) => {
            const middle = centers.reduce((sum, center) => sum + center[axis], 0) / centers.length;
            return this.explode * (value - middle);
        });
    }

    /** Tell whether the cut leaves a place. */
    isLeft(lps) {
        return this.cut.kind === "none" || dot(minus(lps, this.cursor), this.cut.normal) >= 0;
    }

    choose(tool) {
        this.set({ tool, pending: [] });
    }

    /** Use a tapped place: for the cursor, or as a point of what is being measured. */
    tap(lps) {
        if (this.tool === "cursor") return this.moveCursor(lps);
        const pending = [...this.pending, lps];
        const needed = this.tool === "distance" ? 2 : 3;
        if (pending.length < needed) return this.set({ pending, cursor: this.volume.within(lps) });
        const measures = [...this.measures, measured(this.tool, pending)];
        this.set({ measures, pending: [], cursor: this.volume.within(lps) });
    }

    removeMeasure(measure) {
        this.set({ measures: this.measures.filter((one) => one !== measure) });
    }
}

/** Return a measure with its value: mm between two points, or degrees at the second of three. */
function measured(kind, points) {
    if (kind === "distance") {
        const value = Math.hypot(...minus(points[1], points[0]));
        return { kind, points, value, text: `${value.toFixed(1)} mm` };
    }
    const [one, other] = [minus(points[0], points[1]), minus(points[2], points[1])];
    const value = (Math.atan2(Math.hypot(...cross(one, other)), dot(one, other)) * 180) / Math.PI;
    return { kind, points, value, text: `${value.toFixed(1)}°` };
}

/** Return a place in words: R or L, A or P, S or I with mm. */
function placeText(lps) {
    const letters = [
        ["R", "L"],
        ["A", "P"],
        ["I", "S"],
    ];
    return lps.map((value, axis) => `${letters[axis][value < 0 ? 0 : 1]} ${Math.abs(value).toFixed(1)}`).join("  ");
}
