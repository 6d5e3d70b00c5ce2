// What the page holds: one record, and compressed arrays with their hashes.

const HEX = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, "0"));

function hex(bytes) {
    return Array.from(new Uint8Array(bytes), (byte) => HEX[byte]).join("");
}

function bytesOfHex(text) {
    if (!/^([0-9a-f]{2})+$/.test(text)) throw new Error("not hexadecimal");
    return Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
}

/** Tell whether this browser can compute hashes here. */
function canHash() {
    return Boolean(globalThis.crypto && crypto.subtle);
}

async function sha256(bytes) {
    return hex(await crypto.subtle.digest("SHA-256", bytes));
}

function bytesOfBase64(text) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let place = 0; place < binary.length; place++) bytes[place] = binary.charCodeAt(place);
    return bytes;
}

async function inflated(bytes) {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The page's record and arrays. */
class PageData {
    constructor() {
        this.recordText = document.getElementById("record").textContent;
        this.record = JSON.parse(this.recordText);
        this.compressed = new Map();
    }

    bytes(id) {
        if (!this.compressed.has(id)) {
            const holder = document.getElementById(`chunk-${id}`);
            this.compressed.set(id, bytesOfBase64(holder.textContent));
            holder.remove();
        }
        return this.compressed.get(id);
    }

    /** Return an array of bytes whose rows were written as differences. */
    async byteRows(id, width) {
        const values = await inflated(this.bytes(id));
        for (let row = 0; row < values.length; row += width) {
            for (let place = row + 1; place < row + width; place++) values[place] += values[place - 1];
        }
        return values;
    }

    /** Return integers (rows, columns) that were written as differences, byte by byte apart. */
    async integers(id, ArrayType, columns) {
        const bytes = await inflated(this.bytes(id));
        const width = ArrayType.BYTES_PER_ELEMENT;
        const rows = bytes.length / width / columns;
        const values = new ArrayType(rows * columns);
        for (let column = 0; column < columns; column++) {
            for (let byte = 0; byte < width; byte++) {
                const plane = bytes.subarray((column * width + byte) * rows, (column * width + byte + 1) * rows);
                for (let row = 0; row < rows; row++) values[row * columns + column] += plane[row] << (8 * byte);
            }
            // Sums wrap around as the differences did.
            for (let place = column + columns; place < values.length; place += columns)
                values[place] += values[place - columns];
        }
        return values;
    }

    /** Return the names of what in this page is not as it was written. */
    async damage() {
        const wrong = [];
        const stated = document.querySelector("meta[name=planninghub-record]").content;
        if ((await sha256(new TextEncoder().encode(this.recordText))) !== stated) wrong.push("record");
        for (const chunk of this.record.chunks) {
            const bytes = this.bytes(chunk.id);
            if (bytes.length !== chunk.bytes || (await sha256(bytes)) !== chunk.sha256) wrong.push(chunk.id);
        }
        return wrong;
    }
}
