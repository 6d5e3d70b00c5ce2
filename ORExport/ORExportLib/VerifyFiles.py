"""Whether the files of a package are those that its manifest lists, unchanged, none missing, and none besides."""

import os
from pathlib import Path

from PlanningHubLib.Errors import Finding
from PlanningHubLib.Files import sha256

from .Manifest import FILE_NAME, baseRole
from .Writer import namePrefix

DO_NOT_USE = "Do not use this package; fetch it again from where it was made."
# What every package holds, once.
ALWAYS = ("segmentation-dicom", "model-dicom", "model-stl", "model-3mf", "briefing-dicom", "briefing-pdf")
# What a package of version 4 or later holds at least once: always, and unless its manifest says it was left out.
ALWAYS_SINCE_FOUR = ("selection-dicom", "segmentation-file")
OF_CONTENT = {
    "assembly": ("assembly-dicom", "assembly-materials-dicom"),
    "ar-vr": ("model-glb", "model-usdz"),
    "navigation": ("slicer-scene", "navigation-stl", "navigation-index"),
    "viewer": ("viewer-html",),
    # Where the plan is drawn in, and whether pictures can be taken, depends on the case and the machine.
    "derived-ct": (),
    "views": (),
}


def rejected(code, message, *paths):
    """Return a finding that forbids to use the package."""
    return Finding(code, "reject", message, DO_NOT_USE, tuple(paths))


def fileFindings(folder, manifest, progress):
    """Return what is wrong with the files by themselves."""
    findings = [*_listedFindings(folder, manifest["files"], progress), *_extraFindings(folder, manifest["files"])]
    return [*findings, *_nameFindings(folder, manifest), *_missingContents(folder, manifest)]


def _listedFindings(folder, records, progress):
    for number, record in enumerate(records):
        progress(number / len(records), record["path"])
        path = folder / record["path"]
        if _passesLink(folder, path):
            yield rejected("link-in-package", f"{record['path']} is a link, not a file.", path)
        elif not path.is_file():
            yield rejected("file-missing", f"{record['path']} is missing.", path)
        elif not _isUnchanged(path, record):
            yield rejected("file-changed", f"{record['path']} was changed.", path)


def _passesLink(folder, path):
    return any(one.is_symlink() for one in (path, *path.parents) if one != folder and folder in one.parents)


def _isUnchanged(path, record):
    try:
        return path.stat().st_size == record["bytes"] and sha256(path) == record["sha256"]
    except OSError:
        return False


def _extraFindings(folder, records):
    listed = {FILE_NAME, *(record["path"] for record in records)}
    for root, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(root, name))]
        for name in sorted(names + links):
            path = Path(root) / name
            inside = path.relative_to(folder).as_posix()
            if inside not in listed:
                yield rejected("file-extra", f"{inside} does not belong to the package.", path)


def _nameFindings(folder, manifest):
    """Every name begins with the case's code and, from version 4 on, says where the package is not approved."""
    code = manifest["case"]["code"]
    marked = namePrefix(code, isApproved=False)
    isMarked = manifest["version"] > 3 and not manifest["approved"]
    for record in manifest["files"]:
        path = folder / record["path"]
        if not path.name.startswith(f"{code}-"):
            yield rejected("case-code-differs", f"{record['path']} does not bear the case's code {code}.", path)
        elif path.name.startswith(f"{marked}-") != isMarked:
            text = f"{record['path']} says otherwise than the manifest whether it is approved."
            yield rejected("mark-differs", text, path)


def _missingContents(folder, manifest):
    roles = [record["role"] for record in manifest["files"]]
    missing = [role for role in ALWAYS if roles.count(role) != 1]
    if manifest["version"] > 3:
        wanted = {
            role for name, ofContent in OF_CONTENT.items() if name not in manifest["leftOut"] for role in ofContent
        }
        missing += sorted({*ALWAYS_SINCE_FOUR, *wanted} - set(map(baseRole, roles)))
    if missing:
        yield rejected("package-incomplete", f"The package lacks: {', '.join(missing)}.", folder / FILE_NAME)
