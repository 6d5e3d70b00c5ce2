"""The page of the offline viewer: one HTML file that holds its engine, its scripts and its data, and asks nobody.

Its content security policy lets nothing in but what stands in the page, and runs a script by its hash only. Styles
need none: the engine brings some of its own, and no style can fetch anything.
"""

import base64
import dataclasses
import hashlib
import html
import importlib.resources
import json
import re

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Files import sha256Bytes
from PlanningHubLib.Progress import noProgress, part

from .Engine import readEngine
from .ModelData import pageModels
from .VolumeData import LEVELS_HU, pageVolume

FORMAT, VERSION = "planninghub-viewer", 1
MOST_BYTES = 25 * 1000 * 1000
# In this order: each uses what stands before it.
SCRIPTS = (
    "Dom", "Data", "Volume", "Models", "State", "Overlay", "Touch", "SliceView", "SceneView", "Panels", "Checklist",
    "PackageCheck", "CheckPanel", "Start",
)  # fmt: skip
NOT_APPROVED = "NOT APPROVED"


@dataclasses.dataclass(frozen=True)
class Figure:
    """A planned figure as it is shown, with its unit; ``pointsLps`` (n, 3) where it has a place."""

    name: str
    text: str
    pointsLps: tuple = ()


@dataclasses.dataclass(frozen=True)
class Step:
    """A step of the plan, with what is said of it."""

    name: str
    title: str
    lines: tuple = ()
    figures: tuple = ()


@dataclasses.dataclass(frozen=True)
class Section:
    """Some items of the checklist under a title."""

    title: str
    items: tuple


@dataclasses.dataclass(frozen=True, eq=False)
class ViewerContent:
    """What the viewer shows; it never learns the patient's name.

    :param side: ``left``, ``right``, ``bilateral``, ``midline`` or None
    :param approvedBy: who approved, a line each; empty where nobody did
    :param voxelsHu: (slices, rows, columns); ``ijkToLps`` (4, 4) mm
    :param models: :class:`ORExportLib.Viewer.ModelData.Model` objects
    :param views: objects with the attributes of the package's views
    :param lines, figures: of the plan as a whole
    :param findings: the gate's
    :param artefacts: (kind, id, content) of what the package was made from
    :param check: what the check of the package goes by
    """

    caseCode: str
    side: str | None
    procedure: str | None
    approvedBy: tuple
    intendedUse: str
    voxelsHu: object
    ijkToLps: object
    models: tuple
    views: tuple = ()
    steps: tuple = ()
    lines: tuple = ()
    figures: tuple = ()
    checklist: tuple = ()
    findings: tuple = ()
    artefacts: tuple = ()
    software: dict = dataclasses.field(default_factory=dict)
    check: dict = dataclasses.field(default_factory=dict)


def viewerPage(viewer, progress=noProgress):
    """Return the page's bytes.

    :raises InputRefused: ``no-viewer-engine``; ``viewer-too-large``
    """
    engine = readEngine()
    progress(0.0, "CT of the viewer")
    volume = pageVolume(viewer.voxelsHu, viewer.ijkToLps)
    models = pageModels(viewer.models, progress=part(progress, 0.2, 0.7))
    progress(0.7, "Page of the viewer")
    chunks = [volume.chunk, *(chunk for model in models for chunk in model.chunks)]
    record = _json(_record(viewer, engine, volume, models, chunks))
    page = _filled(viewer, engine, record, chunks).encode("utf-8")
    if len(page) > MOST_BYTES:
        raise InputRefused(
            "viewer-too-large",
            f"The offline viewer would have {len(page) / 1e6:.0f} MB; {MOST_BYTES / 1e6:.0f} MB is the most.",
            "Leave the viewer out of the package.",
        )
    progress(1.0, "Page of the viewer")
    return page


def _record(viewer, engine, volume, models, chunks):
    return {
        "format": FORMAT,
        "version": VERSION,
        "key": sha256Bytes(_json([viewer.caseCode, viewer.artefacts]).encode("utf-8")),
        "volume": volume.record,
        "models": [model.record for model in models],
        "views": [_viewRecord(view) for view in viewer.views],
        "steps": [
            {"name": step.name, "title": step.title, "lines": list(step.lines), "figures": _figures(step.figures)}
            for step in viewer.steps
        ],
        "lines": list(viewer.lines),
        "figures": _figures(viewer.figures),
        "checklist": [_sectionRecord(number, section) for number, section in enumerate(viewer.checklist)],
        "findings": [
            {name: getattr(finding, name) for name in ("code", "severity", "message", "action")}
            for finding in viewer.findings
        ],
        "artefacts": [dict(zip(("kind", "id", "content"), one, strict=True)) for one in viewer.artefacts],
        "software": ", ".join(f"{name} {version}" for name, version in viewer.software.items())
        + f"; drawn by {engine.name} {engine.version} (Kitware, BSD 3-Clause)",
        "reductions": reductions(volume, models),
        "check": viewer.check,
        "chunks": [chunk.record for chunk in chunks],
    }


def reductions(volume, models):
    """Return what the page shows less finely than the case holds it, in sentences."""
    spacing, source = (
        " × ".join(f"{value:.2f}" for value in one) for one in (volume.spacingMm, volume.sourceSpacingMm)
    )
    steps = [int(step) for step in (LEVELS_HU[1:] - LEVELS_HU[:-1])]
    lines = [
        f"CT: voxels of {spacing} mm along the patient's axes (scanned: {source} mm), 256 gray levels, "
        f"{min(steps)} HU apart in soft tissue, up to {max(steps)} HU in air and metal."
    ]
    for model in models:
        given, drawn = len(model.model.mesh.triangles), len(model.mesh.triangles)
        if drawn < given:
            lines.append(
                f"{model.model.label or model.model.name}: drawn with {drawn:,} of {given:,} triangles; "
                f"at most {model.deviationMm:.2f} mm from the surface at the points compared."
            )
    return [*lines, "Measure on the page for orientation only; figures of the plan were computed from the full data."]


def _viewRecord(view):
    return {
        "name": view.name,
        "positionLps": [float(value) for value in view.positionLps],
        "focalPointLps": [float(value) for value in view.focalPointLps],
        "viewUpLps": [float(value) for value in view.viewUpLps],
        "parallelScaleMm": view.parallelScaleMm,
        "viewAngleDegrees": view.viewAngleDegrees,
        "visible": list(view.visible),
        "stepName": view.stepName,
        "caption": view.caption,
    }


def _figures(figures):
    return [
        {
            "name": figure.name,
            "text": figure.text,
            "pointsLps": [[float(value) for value in point] for point in figure.pointsLps],
        }
        for figure in figures
    ]


def _sectionRecord(number, section):
    items = [{"id": f"{number}-{place}", "text": text} for place, text in enumerate(section.items)]
    return {"title": section.title, "items": items}


def _json(values):
    """Return JSON in which no markup begins."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _filled(viewer, engine, record, chunks):
    style, script = _resource("Viewer.css"), _script()
    published = _inMarkup(engine.script)
    approval = f"Approved by {'; '.join(viewer.approvedBy)}" if viewer.approvedBy else NOT_APPROVED
    texts = {
        "title": f"{viewer.caseCode} {(viewer.side or '').upper()}",
        "approval": approval,
        "case": " · ".join(text for text in (viewer.caseCode, viewer.procedure) if text),
        "side": (viewer.side or "side not stated").upper(),
        "intendedUse": viewer.intendedUse,
        "approvalClass": "approved" if viewer.approvedBy else "not-approved",
    }
    parts = {
        **{name: html.escape(text) for name, text in texts.items()},
        "policy": _policy(published, script),
        "recordSha256": sha256Bytes(record.encode("utf-8")),
        "record": record,
        "chunks": "\n".join(
            f'<script type="text/plain" id="chunk-{chunk.identifier}">{chunk.text}</script>' for chunk in chunks
        ),
        "style": style,
        "engine": published,
        # Whoever passes the engine on passes this on.
        "engineLicense": _resource("EngineLicense.txt"),
        "script": script,
    }
    return re.sub(r"\[\[(\w+)\]\]", lambda match: parts[match[1]], _resource("Viewer.html"))


def _script():
    texts = "\n".join(_resource(f"{name}.js") for name in SCRIPTS)
    return _inMarkup(f'(() => {{\n"use strict";\n{texts}\n}})();\n')


def _inMarkup(script):
    """Return a script in which no text ends the element that it stands in."""
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _policy(*scripts):
    digests = [hashlib.sha256(script.encode("utf-8")).digest() for script in scripts]
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode('ascii')}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _resource(name):
    return (importlib.resources.files(__package__) / name).read_text(encoding="utf-8")
