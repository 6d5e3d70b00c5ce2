// Whether the package around this page is whole, unchanged and signed: as the command that verifies packages finds it.

const MANIFEST = "manifest.json";
const SAFE_PATH = /^[A-Za-z0-9_][A-Za-z0-9._-]*(\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/;
const LARGEST_MANIFEST = 16 * 1024 * 1024;

function reject(code, message) {
    return { code, severity: "reject", message };
}

function warn(code, message) {
    return { code, severity: "warn", message };
}

/** Return how many days ago a day was (ISO 8601), by this device's calendar. */
function daysSince(day) {
    const now = new Date();
    return Math.round((Date.UTC(now.getFullYear(), now.getMonth(), now.getDate()) - Date.parse(day)) / 86400000);
}

/** Return the one text of a value that signatures are made over: keys in order, no spaces. */
function canonical(value) {
    if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
    if (value === null || typeof value !== "object") return JSON.stringify(value);
    const names = Object.keys(value).sort(byCodePoints);
    return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

function byCodePoints(one, other) {
    const [ours, theirs] = [[...one], [...other]];
    for (let place = 0; place < Math.min(ours.length, theirs.length); place++) {
        const difference = ours[place].codePointAt(0) - theirs[place].codePointAt(0);
        if (difference) return difference;
    }
    return ours.length - theirs.length;
}

/** Checks the files of a package against its manifest, and its approvals against their signatures. */
class PackageCheck {
    /**
     * @param rules what the page's record says under "check"
     * @param files Map of paths in the package's folder to File objects
     */
    constructor(rules, files) {
        this.rules = rules;
        this.files = files;
    }

    /** Return the findings; a package without a rejecting one is whole. */
    async findings(progress = () => {}) {
        const manifest = await this.manifest();
        if (manifest.code) return [manifest];
        return [
            ...(await this.fileFindings(manifest, progress)),
            ...this.extraFindings(manifest),
            ...this.nameFindings(manifest),
            ...this.originFindings(manifest),
            ...(await this.approvalFindings(manifest)),
            ...this.useFindings(manifest),
        ];
    }

    /** Return the manifest, or the finding that speaks against it. */
    async manifest() {
        const file = this.files.get(MANIFEST);
        if (!file) return reject("manifest-missing", `There is no ${MANIFEST} in this folder.`);
        if (file.size > LARGEST_MANIFEST)
            return reject("manifest-unreadable", `${MANIFEST} is too large to be a manifest.`);
        const bytes = await bytesOf(file);
        let text, values;
        try {
            text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
            values = JSON.parse(text);
            if (values === null || typeof values !== "object" || Array.isArray(values)) throw new Error("no manifest");
        } catch {
            return reject("manifest-unreadable", `${MANIFEST} is not JSON.`);
        }
        return (await this.manifestFinding(text, values)) || values;
    }

    async manifestFinding(text, values) {
        if (Number.isInteger(values.version) && values.version > this.rules.manifestVersion) {
            return reject(
                "package-too-new",
                `The package has format version ${values.version}; this page knows up to ${this.rules.manifestVersion}.`,
            );
        }
        const files = Array.isArray(values.files) ? values.files : [];
        const unsafe = files.find((one) => !SAFE_PATH.test(one && one.path) || one.path === MANIFEST);
        if (unsafe) return reject("unsafe-path", `${MANIFEST} names a path that leads elsewhere.`);
        // The hash is over the manifest without its own line.
        const plain = text.replace(/^ {2}"sha256": "[0-9a-f]{64}",?\n/m, "");
        if (text === plain || (await sha256(new TextEncoder().encode(plain))) !== values.sha256) {
            return reject("manifest-changed", `${MANIFEST} is not what was written.`);
        }
        if (!files.length || !values.case || typeof values.approved !== "boolean") {
            return reject("manifest-invalid", `${MANIFEST} is not valid.`);
        }
        return null;
    }

    async fileFindings(manifest, progress) {
        const found = [];
        for (const [number, record] of manifest.files.entries()) {
            progress(number / manifest.files.length, record.path);
            const file = this.files.get(record.path);
            if (!file) found.push(reject("file-missing", `${record.path} is missing.`));
            else if (!(await isUnchanged(file, record)))
                found.push(reject("file-changed", `${record.path} was changed.`));
        }
        return found;
    }

    extraFindings(manifest) {
        const listed = new Set([MANIFEST, ...manifest.files.map((record) => record.path)]);
        return [...this.files.keys()]
            .filter((path) => !listed.has(path))
            .sort()
            .map((path) => reject("file-extra", `${path} does not belong to the package.`));
    }

    nameFindings(manifest) {
        const { code } = manifest.case;
        const isMarked = manifest.version > 3 && !manifest.approved;
        const found = [];
        for (const { path } of manifest.files) {
            const name = path.split("/").pop();
            if (!name.startsWith(`${code}-`))
                found.push(reject("case-code-differs", `${path} does not bear the case's code ${code}.`));
            else if (name.startsWith(`${code}-${this.rules.notApprovedMark}-`) !== isMarked) {
                found.push(reject("mark-differs", `${path} says otherwise than the manifest whether it is approved.`));
            }
        }
        const roles = manifest.files.map((record) => record.role);
        const missing = this.rules.neededRoles.filter((role) => roles.filter((one) => one === role).length !== 1);
        if (manifest.version > 3) {
            const wanted = Object.entries(this.rules.rolesOfContent).filter(
                ([name]) => !manifest.leftOut.includes(name),
            );
            const there = new Set(roles.map((role) => role.split(":")[0]));
            const needed = new Set([...this.rules.neededSinceFour, ...wanted.flatMap(([, ofContent]) => ofContent)]);
            missing.push(...[...needed].filter((role) => !there.has(role)).sort());
        }
        if (missing.length) found.push(reject("package-incomplete", `The package lacks: ${missing.join(", ")}.`));
        return found;
    }

    /** Return what the manifest says against itself: made from what is not in force, or without consent. */
    originFindings(manifest) {
        const contents = new Map(manifest.artefacts.map((one) => [one.id, one.content]));
        const found = [];
        for (const { id, kind, parents } of manifest.artefacts) {
            for (const parent of parents) {
                if ((contents.get(parent.id) ?? parent.content) !== parent.content)
                    found.push(reject(`stale-${kind}`, `${id} was not made from the ${parent.id} that the package names.`));
            }
        }
        const { consentScope } = this.rules;
        if (manifest.version > 3 && manifest.consent?.scope !== consentScope)
            found.push(reject("no-consent", `The package names no consent to ${consentScope}.`));
        return found;
    }

    /** Return what speaks today against using a package that is whole. */
    useFindings(manifest) {
        if (manifest.version < 4) return [];
        const found = [];
        if (manifest.intendedUse !== "planning") {
            found.push(
                warn(
                    "not-for-treatment",
                    `The package is for ${manifest.intendedUse}: nothing of it may reach a patient.`,
                ),
            );
        }
        if (!manifest.sourceDate)
            return [...found, warn("scan-date-unknown", "The scan is not dated, so nobody can tell how old it is.")];
        const days = daysSince(manifest.sourceDate);
        const limits = ["warnAbove", "rejectAbove"].map((name) => this.rules.scanAgeDays[name]).filter(Number.isFinite);
        if (days < 0)
            found.push(warn("scan-date-in-future", `The scan is dated ${manifest.sourceDate}, which is yet to come.`));
        else if (days > Math.min(...limits)) {
            found.push(
                warn(
                    "scan-too-old",
                    `The scan of ${manifest.sourceDate} is ${days} days old; the limit is ${Math.min(...limits)}.`,
                ),
            );
        }
        return found;
    }

    async approvalFindings(manifest) {
        const records = manifest.files.filter((record) => record.role === this.rules.approvalsRole);
        if (!manifest.approved) {
            return records.length
                ? [reject("approval-not-in-force", "The package holds approvals and says it is not approved.")]
                : [];
        }
        if (records.length !== 1) {
            return [reject("approval-missing", "The package says it is approved and holds no approvals file.")];
        }
        const { path } = records[0];
        try {
            const document = JSON.parse(new TextDecoder().decode(await bytesOf(this.files.get(path))));
            if (document.format !== this.rules.approvalsFormat || document.version !== 1)
                throw new Error("another format");
            return await this.signatureFindings(document.approvals, manifest);
        } catch (error) {
            if (error.name === "NotSupportedError") {
                return [
                    warn(
                        "signatures-not-checked",
                        "This browser cannot check Ed25519 signatures. Use a newer one, or the command that verifies packages.",
                    ),
                ];
            }
            return [reject("approval-unreadable", `${path} cannot be read.`)];
        }
    }

    async signatureFindings(approvals, manifest) {
        const found = [];
        for (const approval of approvals) {
            const { statement } = approval;
            const name = `${statement.id} of ${statement.user}`;
            if (!(await this.isTrue(approval)))
                found.push(reject("signature-false", `The signature of ${name} is false.`));
            else {
                for (const fault of await this.statementFaults(statement, manifest)) {
                    found.push(reject("approval-differs", `${name} is not for this package: ${fault}.`));
                }
            }
        }
        const needed = Math.max(1, ...approvals.map((one) => one.statement.neededSignatures));
        const different = (values) => new Set(values).size;
        const signers = Math.min(
            different(approvals.map((one) => one.statement.user)),
            different(approvals.map((one) => one.fingerprint)),
        );
        if (!found.length && signers < needed) {
            found.push(reject("signatures-too-few", `${needed} different people had to sign; not all did.`));
        }
        return found.length ? found : approvals.map(approvedBy);
    }

    /** Tell whether a statement is what its key signed, and the fingerprint is the key's. */
    async isTrue(approval) {
        try {
            const key = bytesOfHex(approval.publicKey);
            const message = new TextEncoder().encode(this.rules.domain + canonical(approval.statement));
            const imported = await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
            const holds = await crypto.subtle.verify(
                { name: "Ed25519" },
                imported,
                bytesOfHex(approval.signature),
                message,
            );
            return holds && (await sha256(key)) === approval.fingerprint;
        } catch (error) {
            if (error.name === "NotSupportedError") throw error;
            return false;
        }
    }

    async statementFaults(statement, manifest) {
        const faults = [];
        if (statement.statement !== this.rules.approves) faults.push("it does not approve anything");
        for (const name of ["id", "code", "side"]) {
            if (statement.case[name] !== manifest.case[name]) faults.push(`its case has another ${name}`);
        }
        const covered = new Map(statement.artefacts.map((one) => [one.id, one]));
        for (const wanted of manifest.artefacts) {
            const values = covered.get(wanted.id);
            const own = values && (await sha256(new TextEncoder().encode(canonical([values.kind, values.files]))));
            if (!values || values.content !== wanted.content || own !== wanted.content)
                faults.push(`it covers another ${wanted.kind}`);
        }
        for (const record of manifest.files) {
            const kind = this.rules.kindOfRole[record.role.split(":")[0]];
            const approved = manifest.artefacts
                .filter((one) => one.kind === kind)
                .flatMap((one) => Object.values((covered.get(one.id) || { files: {} }).files));
            if (kind && !approved.includes(record.sha256))
                faults.push(`${record.path} is not the file that was approved`);
        }
        return faults;
    }
}

function approvedBy({ statement, fingerprint }) {
    const key = fingerprint.slice(0, 16).match(/.{4}/g).join(" ");
    return {
        code: "approved-by",
        severity: "info",
        message: `Approved by ${statement.user} (${statement.role}) on ${statement.when}, key ${key}.`,
    };
}

async function bytesOf(file) {
    return new Uint8Array(await file.arrayBuffer());
}

async function isUnchanged(file, record) {
    try {
        return file.size === record.bytes && (await sha256(await bytesOf(file))) === record.sha256;
    } catch {
        return false;
    }
}
