"""The tables of what was measured, made, checked and approved, from artefacts, findings and approvals."""

from PlanningHubLib.Planning.Figures import valueText
from PlanningHubLib.Signing import shortFingerprint

from ..PlanFiles import partOf
from .PlanTables import Table

CHANGES = ("mirrored", "modified", "moved")
# Of a content hash, beside a name in one cell.
HASH_DIGITS = 16
TYPED = "typed text"
MOST_NAMES = 3


def partNumber(part):
    """Return what a part is called on itself and on paper: artefact and revision."""
    return f"{part.id}.{part.revision}"


def partWords(part):
    """Return (number and object, what it is with its volume) of a part artefact."""
    described = partOf(part)
    volume = [valueText("volumeMl", float(part.facts["volumeMl"]))] if "volumeMl" in part.facts else []
    changed = [word for word in CHANGES if described[word]]
    return f"{partNumber(part)} {described['object']}", ", ".join([described["role"], *volume, *changed])


def measurementTable(measurements):
    """Return the table of a list of :class:`ORExportLib.Measurements.Measurement`."""
    rows = tuple((one.stepName or "–", one.name, one.kind, _objects(one.objects), one.text) for one in measurements)
    return Table("Measurements", ("Step", "What", "Kind", "Of", "Value"), rows, (1.6, 2.4, 1, 2, 1.1))


def _objects(names):
    more = len(names) - MOST_NAMES
    return ", ".join([*names[:MOST_NAMES], *([f"and {more} more"] if more > 0 else [])]) or "–"


def partTables(parts):
    """Return the tables of part artefacts: what each is and is made of, and what stands on it."""
    rows, labels = [], []
    for part in parts:
        described, facts = partOf(part), part.facts
        changed = [word for word in CHANGES if described[word]]
        pieces = [piece["name"] for piece in facts.get("pieces", ()) if piece.get("name")]
        volume = valueText("volumeMl", float(facts["volumeMl"])) if "volumeMl" in facts else "–"
        rows.append((
            partNumber(part), described["object"], f"{described['role']}, {', '.join(changed) or 'as it was scanned'}",
            ", ".join(pieces) or "1", volume, made(part),
        ))  # fmt: skip
        labels += [(partNumber(part), _labelKind(one), _labelText(one)) for one in facts.get("label", ())]
        labels += [] if facts.get("label") else [(partNumber(part), "–", "NOTHING IS ENGRAVED")]
    head = ("Part", "Object", "What it is", "Pieces", "Volume", "Process, material, sterilization")
    return (
        Table("Parts", head, tuple(rows), (0.9, 1.3, 1.5, 0.8, 0.9, 2.2)),
        Table("Engraved on the parts", ("Part", "Kind", "Text"), tuple(labels), (0.9, 2, 5), mono=(2,)),
    )


def made(part):
    """Return in words what a part is made of and how, as its recipe states it."""
    recipe = part.parameters
    process = part.facts.get("process") or {}
    cycle = recipe.get("sterilisation") or {}
    degrees = f" at {cycle['temperatureC']:g} °C" if cycle.get("temperatureC") is not None else ""
    words = [
        process.get("title") or recipe.get("profile"), recipe.get("material"),
        f"{cycle['method']}{degrees}" if cycle.get("method") else None,
    ]  # fmt: skip
    return ", ".join(word for word in words if word) or "not stated"


def _labelKind(one):
    read = {True: "read back", False: "NOT READ", None: "not checked"}[one.get("read")]
    size = "modules" if one["kind"] == "qr" else "high"
    return f"{one['kind']}, {valueText('heightMm', float(one['heightMm']))} {size}, {read}"


def _labelText(one):
    # Text that somebody typed may name the patient; it is not repeated.
    return TYPED if one.get("identifiesPatient") else one["text"]


def gateTable(findings):
    """Return the table of a list of :class:`PlanningHubLib.Errors.Finding`."""
    rows = tuple((one.code, f"{one.message} {one.action}".strip(), one.severity) for one in findings)
    levels = tuple(one.severity if one.severity in ("reject", "warn") else "" for one in findings)
    return Table("What was checked before packing", ("Check", "Message", "Severity"), rows, (1.6, 5, 0.8), (), levels)


def approvalTable(approvals):
    """Return the table of approvals that hold: who, when, with which key, and for which contents."""
    rows = []
    for one in approvals:
        statement = one["statement"]
        covered = " ".join(f"{other['id']} {other['content'][:HASH_DIGITS]}" for other in statement["artefacts"])
        who = f"{statement['user']} ({statement['role']})"
        rows.append((who, statement["when"], shortFingerprint(one["fingerprint"]), covered))
    head = ("Approved by", "When", "Key", "For (beginning of each SHA-256)")
    return Table("Approvals", head, tuple(rows), (1.5, 1.9, 1.7, 2.9), mono=(2, 3))


def madeFromTable(artefacts):
    """Return the table of the artefacts that a package is made from."""
    rows = tuple((f"{one.id}.{one.revision}", one.title, one.content) for one in artefacts)
    return Table("Made from", ("Number", "What", "Content, SHA-256"), rows, (1.2, 1.7, 4.3), mono=(2,))


def softwareTable(software):
    """Return the table of name → version."""
    return Table("Software", ("Name", "Version"), tuple(software.items()), (1, 3))
