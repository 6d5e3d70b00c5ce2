// What is to be ticked before and during the operation; ticks stay on this device, for this very plan.

class Checklist {
    constructor(panel, record, key) {
        this.key = `planninghub-checklist-${key}`;
        this.ticks = this.read();
        this.note = element(
            "small",
            {},
            "Ticks are kept in this browser on this device only. Print them to file them.",
        );
        const sections = record.checklist.map((section) =>
            element("section", {}, element("h3", {}, section.title), ...section.items.map((item) => this.row(item))),
        );
        panel.append(
            ...sections,
            this.note,
            button("Print", () => print(), { id: "print" }),
        );
    }

    row(item) {
        const box = element("input", { type: "checkbox", change: () => this.tick(item, box, time) });
        box.checked = item.id in this.ticks;
        const time = element("time", {}, this.ticks[item.id] || "");
        return element("label", { class: "check" }, box, element("span", {}, item.text), time);
    }

    tick(item, box, time) {
        if (box.checked) this.ticks[item.id] = new Date().toLocaleString();
        else delete this.ticks[item.id];
        time.textContent = this.ticks[item.id] || "";
        this.write();
    }

    read() {
        try {
            return JSON.parse(localStorage.getItem(this.key)) || {};
        } catch {
            return {};
        }
    }

    write() {
        try {
            localStorage.setItem(this.key, JSON.stringify(this.ticks));
        } catch {
            this.note.textContent = "This browser keeps no ticks: they are lost when the page is closed. Print them.";
        }
    }
}
