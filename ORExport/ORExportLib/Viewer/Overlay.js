// What is drawn over a view: letters of the sides, cursor, measures. One canvas, sized in device pixels.

class Overlay {
    constructor(frame) {
        this.canvas = element("canvas", { class: "overlay" });
        frame.append(this.canvas);
        this.context = this.canvas.getContext("2d");
    }

    /** Clear the canvas and fit it to the size of its frame in CSS pixels. */
    begin(width, height) {
        const ratio = window.devicePixelRatio || 1;
        if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
            this.canvas.width = Math.round(width * ratio);
            this.canvas.height = Math.round(height * ratio);
        }
        this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
        this.context.clearRect(0, 0, width, height);
    }

    lines(places, color, width = 2) {
        const { context } = this;
        context.strokeStyle = color;
        context.lineWidth = width;
        context.beginPath();
        for (let place = 0; place + 3 < places.length; place += 4) {
            context.moveTo(places[place], places[place + 1]);
            context.lineTo(places[place + 2], places[place + 3]);
        }
        context.stroke();
    }

    text(words, x, y, color = "white", size = 18, align = "center") {
        const { context } = this;
        context.font = `bold ${size}px sans-serif`;
        context.textAlign = align;
        context.textBaseline = "middle";
        context.lineWidth = 4;
        context.strokeStyle = "black";
        context.strokeText(words, x, y);
        context.fillStyle = color;
        context.fillText(words, x, y);
    }

    /** Write the letters at the left, right, upper and lower edge. */
    edges(letters, width, height) {
        this.text(letters[0], 16, height / 2);
        this.text(letters[1], width - 16, height / 2);
        this.text(letters[2], width / 2, 16);
        this.text(letters[3], width / 2, height - 16);
    }

    /** Draw measures, what is being measured and the planned figure that was asked for. */
    measures(state, toScreen) {
        for (const measure of state.measures) this.path(measure.points, measure.text, "#ffe45c", toScreen);
        if (state.pending.length) this.path(state.pending, "", "#ffe45c", toScreen);
        if (state.figure) this.path(state.figure.pointsLps, state.figure.text, "#7dffa0", toScreen);
    }

    path(points, text, color, toScreen) {
        const places = points.map(toScreen);
        if (!places.length) return;
        for (let place = 1; place < places.length; place++)
            this.lines([...places[place - 1], ...places[place]], "black", 5);
        for (let place = 1; place < places.length; place++)
            this.lines([...places[place - 1], ...places[place]], color, 3);
        for (const [x, y] of places) {
            this.context.beginPath();
            this.context.arc(x, y, 6, 0, 2 * Math.PI);
            this.context.fillStyle = color;
            this.context.fill();
        }
        const last = places[places.length - 1];
        this.text(text, last[0] + 12, last[1] - 16, color, 18, "left");
    }
}
