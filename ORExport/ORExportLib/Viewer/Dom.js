// The page's elements. Text goes in as text, never as markup: names in a plan may hold anything.

/** Return a new element; attributes that are functions listen to events. */
function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (typeof value === "function") made.addEventListener(name, value);
        else if (typeof value === "boolean") made.toggleAttribute(name, value);
        else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
}

/** Return a button large enough for a gloved finger. */
function button(text, onClick, attributes = {}) {
    return element("button", { type: "button", click: onClick, ...attributes }, text);
}

/** Return a labelled slider that calls back while it is moved. */
function slider(text, value, onInput, attributes = {}) {
    const input = element("input", {
        type: "range",
        min: "0",
        max: "1",
        step: "0.01",
        value: String(value),
        ...attributes,
        input: () => onInput(Number(input.value)),
    });
    return element("label", { class: "slider" }, element("span", {}, text), input);
}

/** Mark one of some buttons as the pressed one. */
function press(buttons, pressed) {
    for (const one of buttons) one.setAttribute("aria-pressed", String(one === pressed));
}

/** Call a function once before the next picture, however often it is asked for. */
function oncePerFrame(work) {
    let asked = false;
    return () => {
        if (asked) return;
        asked = true;
        requestAnimationFrame(() => {
            asked = false;
            work();
        });
    };
}
