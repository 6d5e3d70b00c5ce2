// Fingers, pen and mouse on a view, told apart by what they do.

const TAP_PIXELS = 10;

/** Report taps, drags of one finger, and pinches of two on an element. */
class Touch {
    constructor(target, { onTap, onDrag, onPinch }) {
        this.fingers = new Map();
        this.handlers = { onTap, onDrag, onPinch };
        this.target = target;
        target.addEventListener("pointerdown", (event) => this.down(event));
        target.addEventListener("pointermove", (event) => this.move(event));
        for (const name of ["pointerup", "pointercancel"]) target.addEventListener(name, (event) => this.up(event));
    }

    place(event) {
        const box = this.target.getBoundingClientRect();
        return [event.clientX - box.left, event.clientY - box.top];
    }

    down(event) {
        const place = this.place(event);
        this.start = this.fingers.size ? null : place;
        this.fingers.set(event.pointerId, place);
        if (this.handlers.onDrag) this.target.setPointerCapture(event.pointerId);
    }

    move(event) {
        if (!this.fingers.has(event.pointerId)) return;
        const before = [...this.fingers.values()];
        this.fingers.set(event.pointerId, this.place(event));
        const after = [...this.fingers.values()];
        if (this.start && distance(this.start, after[0]) > TAP_PIXELS) this.start = null;
        if (after.length === 1 && !this.start && this.handlers.onDrag) this.handlers.onDrag(after[0]);
        if (after.length === 2 && this.handlers.onPinch) {
            this.handlers.onPinch(middle(before), middle(after), distance(...after) / (distance(...before) || 1));
        }
    }

    up(event) {
        if (!this.fingers.delete(event.pointerId)) return;
        if (this.start && event.type === "pointerup") this.handlers.onTap(this.start);
        this.start = null;
    }
}

function distance(one, other) {
    return Math.hypot(one[0] - other[0], one[1] - other[1]);
}

function middle([one, other]) {
    return [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2];
}
