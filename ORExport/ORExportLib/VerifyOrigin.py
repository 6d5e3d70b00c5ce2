"""Whether what a package was made from hangs together, and on what consent it left."""

from PlanningHubLib.Consent import PURPOSES

from .Gate import PURPOSE
from .Manifest import FILE_NAME
from .VerifyFiles import rejected

CONSENT_SCOPE = PURPOSES[PURPOSE]


def originFindings(folder, manifest):
    """Return what the manifest says against itself: made from what is not in force, or no consent."""
    path = folder / FILE_NAME
    contents = {one["id"]: one["content"] for one in manifest["artefacts"]}
    for one in manifest["artefacts"]:
        for parent in one["parents"]:
            if contents.get(parent["id"], parent["content"]) != parent["content"]:
                text = f"{one['id']} was not made from the {parent['id']} that the package names."
                yield rejected(f"stale-{one['kind']}", text, path)
    # Older versions do not say.
    if manifest["version"] > 3 and manifest.get("consent", {}).get("scope") != CONSENT_SCOPE:
        yield rejected("no-consent", f"The package names no consent to {CONSENT_SCOPE}.", path)
