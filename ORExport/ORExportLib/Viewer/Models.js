// The surfaces of the plan, LPS mm: where a plane cuts them, and where a ray meets them.

class Model {
    constructor(record, points, triangles) {
        Object.assign(this, record);
        this.coordinates = points;
        this.corners = triangles;
        this.center = this.lowLps.map((low, axis) => (low + this.highLps[axis]) / 2);
    }

    static async read(data, record) {
        const grid = await data.integers(record.pointsChunk, Uint16Array, 3);
        const points = new Float32Array(grid.length);
        for (let axis = 0; axis < 3; axis++) {
            const low = record.lowLps[axis];
            const step = (record.highLps[axis] - low) / 65535;
            for (let place = axis; place < grid.length; place += 3) points[place] = low + step * grid[place];
        }
        return new Model(record, points, await data.integers(record.trianglesChunk, Uint32Array, 1));
    }

    get cssColor() {
        return `rgb(${this.color.map((value) => Math.round(255 * value)).join(" ")})`;
    }

    /** Return the unit normals at the points, from the triangles around each. */
    normals() {
        const { coordinates: at, corners } = this;
        const sums = new Float32Array(at.length);
        for (let place = 0; place < corners.length; place += 3) {
            const [first, second, third] = [3 * corners[place], 3 * corners[place + 1], 3 * corners[place + 2]];
            const [ax, ay, az] = [
                at[second] - at[first],
                at[second + 1] - at[first + 1],
                at[second + 2] - at[first + 2],
            ];
            const [bx, by, bz] = [at[third] - at[first], at[third + 1] - at[first + 1], at[third + 2] - at[first + 2]];
            const [x, y, z] = [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
            for (const point of [first, second, third]) {
                sums[point] += x;
                sums[point + 1] += y;
                sums[point + 2] += z;
            }
        }
        for (let place = 0; place < sums.length; place += 3) {
            const length = Math.hypot(sums[place], sums[place + 1], sums[place + 2]) || 1;
            for (let axis = 0; axis < 3; axis++) sums[place + axis] /= length;
        }
        return sums;
    }

    /** Return where the plane across an axis cuts the surface: x, y, z of the two ends of each piece of line. */
    outline(axis, mm) {
        const { coordinates, corners } = this;
        const ends = [];
        if (mm < this.lowLps[axis] || mm > this.highLps[axis]) return ends;
        for (let place = 0; place < corners.length; place += 3) {
            const first = coordinates[3 * corners[place] + axis] >= mm;
            const second = coordinates[3 * corners[place + 1] + axis] >= mm;
            const third = coordinates[3 * corners[place + 2] + axis] >= mm;
            if (first === second && second === third) continue;
            const above = [first, second, third];
            for (let corner = 0; corner < 3; corner++) {
                const next = (corner + 1) % 3;
                if (above[corner] === above[next]) continue;
                const [from, to] = [3 * corners[place + corner], 3 * corners[place + next]];
                const share = (mm - coordinates[from + axis]) / (coordinates[to + axis] - coordinates[from + axis]);
                for (let one = 0; one < 3; one++) {
                    ends.push(coordinates[from + one] + share * (coordinates[to + one] - coordinates[from + one]));
                }
            }
        }
        return ends;
    }

    /** Return how far along a ray (0 to 1) it first meets the surface where a place counts, or null. */
    hit(start, end, counts) {
        const { coordinates, corners } = this;
        const direction = end.map((value, axis) => value - start[axis]);
        let nearest = null;
        for (let place = 0; place < corners.length; place += 3) {
            const share = shareAlongRay(start, direction, coordinates, corners, place);
            if (share === null || (nearest !== null && share >= nearest)) continue;
            if (counts(start.map((value, axis) => value + share * direction[axis]))) nearest = share;
        }
        return nearest;
    }
}

function cross(one, other) {
    return [
        one[1] * other[2] - one[2] * other[1],
        one[2] * other[0] - one[0] * other[2],
        one[0] * other[1] - one[1] * other[0],
    ];
}

function dot(one, other) {
    return one[0] * other[0] + one[1] * other[1] + one[2] * other[2];
}

function minus(one, other) {
    return [one[0] - other[0], one[1] - other[1], one[2] - other[2]];
}

function corner(coordinates, corners, place) {
    const from = 3 * corners[place];
    return [coordinates[from], coordinates[from + 1], coordinates[from + 2]];
}

// T. Möller and B. Trumbore, Fast, minimum storage ray/triangle intersection, 1997.
function shareAlongRay(start, direction, coordinates, corners, place) {
    const first = corner(coordinates, corners, place);
    const one = minus(corner(coordinates, corners, place + 1), first);
    const other = minus(corner(coordinates, corners, place + 2), first);
    const across = cross(direction, other);
    const determinant = dot(one, across);
    if (Math.abs(determinant) < 1e-12) return null;
    const from = minus(start, first);
    const u = dot(from, across) / determinant;
    if (u < 0 || u > 1) return null;
    const upright = cross(from, one);
    const v = dot(direction, upright) / determinant;
    if (v < 0 || u + v > 1) return null;
    const share = dot(other, upright) / determinant;
    return share >= 0 && share <= 1 ? share : null;
}
