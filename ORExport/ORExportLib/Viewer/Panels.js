// The panels beside the views: the plan's steps, the models, the tools.

/** The plan page by page: its steps with their figures and views. */
class PlanPanel {
    constructor(panel, record, state, showView) {
        this.state = state;
        this.showView = showView;
        this.record = record;
        this.pages = [this.overview(), ...record.steps.map((step) => this.pageOf(step))];
        this.number = 0;
        this.title = element("h2", { id: "page-title" });
        this.body = element("div", { class: "page" });
        const previous = button("◀ Back", () => this.open(this.number - 1), { id: "page-back" });
        const next = button("Next ▶", () => this.open(this.number + 1), { id: "page-next" });
        this.turn = { previous, next };
        this.choice = element("select", { "aria-label": "Page", change: () => this.open(this.choice.selectedIndex) });
        this.choice.append(...this.pages.map((page) => element("option", {}, page.title)));
        panel.append(element("nav", { class: "turn" }, previous, this.choice, next), this.title, this.body);
        this.open(0, false);
    }

    overview() {
        const { record } = this;
        const views = record.views.filter((view) => !record.steps.some((step) => step.name === view.stepName));
        return { title: "Overview", lines: record.lines, figures: record.figures, views };
    }

    pageOf(step) {
        return { ...step, views: this.record.views.filter((view) => view.stepName === step.name) };
    }

    /** Show a page, and its first view in the views. */
    open(number, withView = true) {
        this.number = Math.max(0, Math.min(this.pages.length - 1, number));
        const page = this.pages[this.number];
        this.title.textContent = page.title;
        this.choice.selectedIndex = this.number;
        this.turn.previous.disabled = this.number === 0;
        this.turn.next.disabled = this.number === this.pages.length - 1;
        const lines = page.lines.map((line) => element("p", {}, line));
        this.body.replaceChildren(...lines, this.figureTable(page.figures), this.viewButtons(page.views));
        if (withView && page.views.length) this.showView(page.views[0]);
    }

    viewButtons(views) {
        const found = views.map((view) => {
            const made = button(view.name, () => {
                press(found, made);
                this.showView(view);
            });
            return made;
        });
        return element("div", { class: "buttons" }, ...found);
    }

    figureTable(figures) {
        return element(
            "table",
            { class: "figures" },
            ...figures.map((figure) =>
                element(
                    "tr",
                    {},
                    element("th", {}, figure.name),
                    element(
                        "td",
                        {},
                        figure.pointsLps.length ? button(figure.text, () => this.showFigure(figure)) : figure.text,
                    ),
                ),
            ),
        );
    }

    showFigure(figure) {
        this.state.set({ figure: this.state.figure === figure ? null : figure });
        if (this.state.figure) this.state.moveCursor(figure.pointsLps[0]);
    }
}

/** The list of models: shown or not, and how opaque. */
class ModelsPanel {
    constructor(panel, state) {
        this.state = state;
        this.rows = state.models.map((model) => this.row(model));
        panel.append(...this.rows.map((row) => row.element));
        state.follow(() => this.refresh());
    }

    row(model) {
        const look = this.state.looks.get(model);
        const toggle = button("", () => this.state.look(model, { visible: !look.visible }), { class: "toggle" });
        toggle.append(element("i", { class: "swatch" }), model.label);
        toggle.firstElementChild.style.background = model.cssColor;
        const opacity = slider("Opacity", look.opacity, (value) => this.state.look(model, { opacity: value }));
        const marks = [model.mirrored ? "mirrored" : "", model.moved ? "moved" : ""].filter(Boolean).join(", ");
        const row = element(
            "div",
            { class: "model" },
            toggle,
            opacity,
            ...(marks ? [element("small", {}, marks)] : []),
        );
        return { look, toggle, element: row };
    }

    refresh() {
        for (const { look, toggle } of this.rows) toggle.setAttribute("aria-pressed", String(look.visible));
    }
}

/** Measuring, cutting, moving apart, and how the CT is shown. */
class ToolsPanel {
    constructor(panel, state, scene) {
        this.state = state;
        this.scene = scene;
        panel.append(
            element("h3", {}, "A tap on a view"),
            this.tools(),
            element("div", { id: "measures" }),
            element("h3", {}, "Cut through the cursor"),
            this.cuts(),
            element("h3", {}, "Models"),
            slider("Move apart", 0, (explode) => state.set({ explode }), { id: "explode", max: "1.5" }),
            element("h3", {}, "CT"),
            this.windows(),
        );
        this.list = panel.querySelector("#measures");
        state.follow(() => this.refresh());
    }

    tools() {
        const names = { cursor: "Moves the cursor", distance: "Distance", angle: "Angle" };
        const found = Object.entries(names).map(([tool, text]) =>
            button(
                text,
                () => {
                    press(
                        found,
                        found.find((one) => one.dataset.tool === tool),
                    );
                    this.state.choose(tool);
                },
                { "data-tool": tool },
            ),
        );
        press(found, found[0]);
        return element("div", { class: "buttons" }, ...found);
    }

    cuts() {
        const normals = { none: null, axial: [0, 0, -1], coronal: [0, 1, 0], sagittal: [-1, 0, 0], [FREE_CUT]: null };
        const names = {
            none: "No cut",
            axial: "Axial",
            coronal: "Coronal",
            sagittal: "Sagittal",
            [FREE_CUT]: "Across this view",
        };
        const found = Object.entries(names).map(([kind, text]) =>
            button(
                text,
                () => {
                    press(
                        found,
                        found.find((one) => one.dataset.cut === kind),
                    );
                    this.state.set({
                        cut: { kind, normal: kind === FREE_CUT ? this.scene.direction() : normals[kind] },
                    });
                },
                { "data-cut": kind, disabled: !this.scene },
            ),
        );
        press(found, found[0]);
        const flip = button("Other side", () => this.flip(), { "data-cut": "flip", disabled: !this.scene });
        return element("div", { class: "buttons" }, ...found, flip);
    }

    flip() {
        const { kind, normal } = this.state.cut;
        if (normal) this.state.set({ cut: { kind, normal: normal.map((value) => -value) } });
    }

    windows() {
        const found = WINDOWS.map((window) => {
            const made = button(window.name, () => {
                press(found, made);
                this.state.set({ window });
            });
            return made;
        });
        press(found, found[0]);
        const slices = button(
            "Slices among the models",
            () => {
                this.state.set({ showSlices: !this.state.showSlices });
                slices.setAttribute("aria-pressed", String(this.state.showSlices));
            },
            { id: "scene-slices", disabled: !this.scene },
        );
        return element("div", { class: "buttons" }, ...found, slices);
    }

    refresh() {
        const rows = this.state.measures.map((measure) =>
            element(
                "div",
                { class: "measure" },
                element("span", {}, `${measure.kind === "distance" ? "Distance" : "Angle"} ${measure.text}`),
                button("Remove", () => this.state.removeMeasure(measure)),
            ),
        );
        const note = rows.length ? [element("small", {}, "Measured here by hand; not figures of the plan.")] : [];
        this.list.replaceChildren(...rows, ...note);
    }
}
