// The CT: voxels on the patient's axes, LPS mm.

class Volume {
    constructor(record, values) {
        Object.assign(this, record);
        this.values = values;
        this.steps = [1, this.size[0], this.size[0] * this.size[1]];
    }

    static async read(data) {
        const record = data.record.volume;
        return new Volume(record, await data.byteRows(record.chunk, record.size[0]));
    }

    /** Return the index of the slice across an axis that is nearest to a coordinate. */
    indexAt(axis, mm) {
        const index = Math.round((mm - this.originLps[axis]) / this.spacingMm[axis]);
        return Math.max(0, Math.min(this.size[axis] - 1, index));
    }

    lowest(axis) {
        return this.originLps[axis];
    }

    highest(axis) {
        return this.originLps[axis] + (this.size[axis] - 1) * this.spacingMm[axis];
    }

    center() {
        return [0, 1, 2].map((axis) => (this.lowest(axis) + this.highest(axis)) / 2);
    }

    /** Return a place within the CT, as near as can be to a given one. */
    within(lps) {
        return lps.map((value, axis) => Math.max(this.lowest(axis), Math.min(this.highest(axis), value)));
    }

    /** Return the CT number of the nearest voxel. */
    hu(lps) {
        const place = lps.reduce((sum, value, axis) => sum + this.indexAt(axis, value) * this.steps[axis], 0);
        return this.levelsHu[this.values[place]];
    }

    /** Return the gray value of each of the levels under a window. */
    grays(window) {
        const lowest = window.levelHu - window.widthHu / 2;
        return Uint8ClampedArray.from(this.levelsHu, (hu) => (255 * (hu - lowest)) / window.widthHu);
    }

    /** Fill a picture (columns along one axis, rows along another) with a slice. */
    fill(picture, plane, index, grays) {
        const pixels = new Uint32Array(picture.data.buffer);
        const colors = Uint32Array.from(grays, (gray) => 0xff000000 | (gray << 16) | (gray << 8) | gray);
        const columnStep = this.steps[plane.right];
        const rowStep = this.steps[plane.up] * (plane.upSign > 0 ? -1 : 1);
        const first =
            index * this.steps[plane.normal] + (plane.upSign > 0 ? this.steps[plane.up] * (picture.height - 1) : 0);
        for (let row = 0, pixel = 0; row < picture.height; row++) {
            let place = first + row * rowStep;
            for (let column = 0; column < picture.width; column++, place += columnStep) {
                pixels[pixel++] = colors[this.values[place]];
            }
        }
    }
}
