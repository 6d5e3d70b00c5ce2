// Puts the page together.

const VIEWS_FROM = {
    Front: [
        [0, -1, 0],
        [0, 0, 1],
    ],
    Back: [
        [0, 1, 0],
        [0, 0, 1],
    ],
    Right: [
        [-1, 0, 0],
        [0, 0, 1],
    ],
    Left: [
        [1, 0, 0],
        [0, 0, 1],
    ],
    Above: [
        [0, 0, 1],
        [0, -1, 0],
    ],
    Below: [
        [0, 0, -1],
        [0, -1, 0],
    ],
};

/** Return a frame for a view, with its title and a button that gives it the whole place. */
function viewFrame(grid, title, ...tools) {
    const frame = element("div", { class: "frame" });
    const whole = button(
        "⛶",
        () => {
            grid.classList.toggle("one");
            view.classList.toggle("whole");
        },
        { "aria-label": `${title} alone` },
    );
    const view = element(
        "section",
        { class: "view", "aria-label": title },
        frame,
        element("header", {}, element("b", {}, title), ...tools, whole),
    );
    grid.append(view);
    return frame;
}

function addSlices(grid, state) {
    return Object.fromEntries(
        Object.entries(PLANES).map(([name, plane]) => {
            const tools = [
                button("−", () => view.step(-1), { "aria-label": "Slice back" }),
                button("+", () => view.step(1), { "aria-label": "Slice on" }),
                button("Fit", () => view.fit()),
            ];
            const view = new SliceView(viewFrame(grid, plane.title, ...tools), plane, state);
            return [name, view];
        }),
    );
}

function addScene(grid, state) {
    const choice = element(
        "select",
        { "aria-label": "Look from" },
        element("option", {}, "Look from"),
        ...Object.keys(VIEWS_FROM).map((name) => element("option", {}, name)),
    );
    const tools = [
        choice,
        button("−", () => scene.magnify(1 / 1.25), { "aria-label": "Smaller" }),
        button("+", () => scene.magnify(1.25), { "aria-label": "Larger" }),
    ];
    const frame = viewFrame(grid, "3D", ...tools);
    let scene = null;
    try {
        scene = new SceneView(frame, state);
    } catch {
        frame.append(
            element(
                "p",
                { class: "unknown" },
                "This browser draws no 3D (WebGL 2). The slices, the plan and the checks work.",
            ),
        );
        return null;
    }
    choice.addEventListener("change", () => {
        const from = VIEWS_FROM[choice.value];
        if (from) scene.lookFrom(...from);
        choice.selectedIndex = 0;
    });
    return scene;
}

function addPanels(place, panels) {
    const tabs = element("nav", { class: "tabs" });
    place.append(tabs);
    const found = Object.entries(panels).map(([title, fill]) => {
        const panel = element("article", { class: "panel", id: `panel-${title.toLowerCase()}`, hidden: true });
        place.append(panel);
        const tab = button(
            title,
            () => {
                press(
                    found.map((one) => one.tab),
                    tab,
                );
                for (const one of found) one.panel.hidden = one.panel !== panel;
            },
            { id: `tab-${title.toLowerCase()}` },
        );
        tabs.append(tab);
        return { tab, panel, fill };
    });
    found[0].tab.click();
    return found.map(({ panel, fill }) => fill(panel));
}

function showsView(state, scene) {
    return (view) => {
        state.showOnly(view.visible);
        state.moveCursor(view.focalPointLps);
        if (scene) scene.show(view);
        document.getElementById("caption").textContent = view.caption || view.name;
    };
}

function followCursor(state) {
    const place = document.getElementById("cursor");
    const say = oncePerFrame(() => {
        place.textContent = `${placeText(state.cursor)} mm   ≈ ${state.volume.hu(state.cursor)} HU`;
        place.dataset.lps = JSON.stringify(state.cursor);
    });
    state.follow(say);
}

async function start() {
    const data = new PageData();
    const { record } = data;
    const [volume, ...models] = await Promise.all([
        Volume.read(data),
        ...record.models.map((model) => Model.read(data, model)),
    ]);
    const state = new State(volume, models);
    const grid = document.getElementById("views");
    document.getElementById("starting").remove();
    const scene = addScene(grid, state);
    const slices = addSlices(grid, state);
    followCursor(state);
    let checks;
    addPanels(document.getElementById("panels"), {
        Plan: (panel) => new PlanPanel(panel, record, state, showsView(state, scene)),
        Models: (panel) => new ModelsPanel(panel, state),
        Tools: (panel) => new ToolsPanel(panel, state, scene),
        Checklist: (panel) => new Checklist(panel, record, record.key),
        Check: (panel) => (checks = new CheckPanel(panel, data)),
    });
    if (scene) scene.lookFrom(...VIEWS_FROM.Front);
    state.changed();
    // For tests and for support: what the views show can be asked for.
    globalThis.planViewer = { state, scene, slices };
    requestAnimationFrame(() =>
        requestAnimationFrame(async () => {
            document.documentElement.dataset.openedMs = String(Math.round(performance.now()));
            await checks.checkPage();
            document.documentElement.dataset.checked = "yes";
        }),
    );
}

// vtk.js would take letters typed anywhere for commands of its own.
for (const name of ["keydown", "keypress", "keyup"]) addEventListener(name, (event) => event.stopPropagation(), true);
start().catch((error) =>
    alarm(`This page cannot be shown: ${error.message}. It may be damaged, or the browser too old.`),
);
