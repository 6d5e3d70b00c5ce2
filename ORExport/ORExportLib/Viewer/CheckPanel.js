// The panel of checks: this page itself, the findings of the gate, and the package around the page.

class CheckPanel {
    constructor(panel, data) {
        this.data = data;
        this.page = element("p", { id: "page-check", role: "status" }, "Checking this page …");
        this.package = element("div", { id: "package-check", role: "status" });
        const input = element("input", {
            type: "file",
            id: "package-folder",
            multiple: true,
            change: () => this.check(ofInput(input)),
        });
        input.webkitdirectory = true;
        const drop = element(
            "label",
            { class: "drop", for: "package-folder" },
            "Check the package folder",
            element("small", {}, "Choose the folder that holds this page, or drop it here."),
        );
        for (const name of ["dragover", "drop"]) drop.addEventListener(name, (event) => event.preventDefault());
        drop.addEventListener("drop", async (event) => this.check(await ofDrop(event.dataTransfer)));
        panel.append(
            element("h3", {}, "This page"),
            this.page,
            element("h3", {}, "The package"),
            drop,
            input,
            this.package,
            element("h3", {}, "When the package was made"),
            findingList(data.record.findings),
            element("h3", {}, "What this page shows"),
            ...data.record.reductions.map((line) => element("p", {}, line)),
            element("h3", {}, "Made from"),
            element("ul", { class: "hashes" }, ...data.record.artefacts.map(hashLine)),
            element("small", {}, data.record.software),
        );
    }

    /** Check that the page holds what was written. */
    async checkPage() {
        if (!canHash())
            return this.sayPage("unknown", "This browser cannot compute hashes for a file opened like this.");
        const damage = await this.data.damage();
        if (damage.length) this.sayPage("reject", `This page is damaged: ${damage.join(", ")}. Do not use it.`);
        else this.sayPage("good", "What this page holds is what was written into it.");
        return damage;
    }

    sayPage(severity, text) {
        this.page.className = severity;
        this.page.textContent = text;
        if (severity === "reject") alarm(text);
    }

    async check(files) {
        if (!canHash()) {
            this.package.replaceChildren(
                element("p", { class: "unknown" }, "This browser cannot compute hashes for a file opened like this."),
            );
            return;
        }
        const progress = (fraction, path) =>
            this.package.replaceChildren(element("p", {}, `${Math.round(100 * fraction)} % – ${path}`));
        const findings = await new PackageCheck(this.data.record.check, files).findings(progress);
        const rejected = findings.some((finding) => finding.severity === "reject");
        const verdict = rejected ? "This package must not be used." : "The package is whole and unchanged.";
        this.package.replaceChildren(
            element("p", { class: rejected ? "reject" : "good" }, verdict),
            findingList(findings),
        );
        if (rejected) alarm(verdict);
    }
}

function findingList(findings) {
    if (!findings.length) return element("p", {}, "No findings.");
    return element(
        "ul",
        { class: "findings" },
        ...findings.map((finding) =>
            element(
                "li",
                { class: finding.severity, "data-code": finding.code },
                element("b", {}, finding.severity),
                ` ${finding.message} ${finding.action || ""} `,
                element("code", {}, finding.code),
            ),
        ),
    );
}

function hashLine(artefact) {
    return element("li", {}, `${artefact.kind} ${artefact.id} `, element("code", {}, artefact.content));
}

/** Say something across the page that nobody overlooks. */
function alarm(text) {
    const place = document.getElementById("alarm");
    place.textContent = text;
    place.hidden = false;
}

/** Return the files of a chosen folder under their paths in it. */
function ofInput(input) {
    return new Map(
        [...input.files].map((file) => [file.webkitRelativePath.split("/").slice(1).join("/") || file.name, file]),
    );
}

/** Return the files of a dropped folder, or of dropped files, under their paths. */
async function ofDrop(transfer) {
    const found = new Map();
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    const roots = entries.length === 1 && entries[0].isDirectory ? await childrenOf(entries[0]) : entries;
    for (const entry of roots) await collect(entry, entry.name, found);
    return found;
}

async function collect(entry, path, found) {
    if (entry.isFile) found.set(path, await new Promise((resolve, refuse) => entry.file(resolve, refuse)));
    else for (const child of await childrenOf(entry)) await collect(child, `${path}/${child.name}`, found);
}

/** Return all entries of a folder; a browser hands them out by the hundred. */
async function childrenOf(folder) {
    const reader = folder.createReader();
    const found = [];
    for (;;) {
        const some = await new Promise((resolve, refuse) => reader.readEntries(resolve, refuse));
        if (!some.length) return found;
        found.push(...some);
    }
}
