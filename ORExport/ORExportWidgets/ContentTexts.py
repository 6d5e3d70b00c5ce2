"""What the contents of a package are called, and who they are for."""

from slicer.i18n import tr as _


def alwaysThere():
    """Return title and purpose of what every package holds."""
    return [
        (_("Segmentation"), _("Every segment, coded, for any DICOM archive")),
        (_("Parts"), _("STL, 3MF and DICOM models, byte for byte as approved")),
        (_("Plan"), _("Its steps and figures, where there is one")),
        (_("Briefing"), _("Page for the wall of the operating room, PDF and DICOM")),
        (_("Manifest"), _("Hashes, approvals and what the gate found")),
    ]


def optionalText(name):
    """Return title and purpose of a content that a package can do without; of one without texts its own name."""
    texts = {
        "views": (_("Pictures of the views"), _("Secondary captures for any DICOM viewer")),
        "pictures": (_("Pictures of the views"), _("Secondary captures for any DICOM viewer")),
        "derived-images": (_("CT with the plan drawn in"), _("For viewers that know images only")),
        "report": (_("Measurements"), _("Structured report with every figure of the plan")),
        "viewer": (_("Offline viewer"), _("One page for any browser, without network")),
        "obj": (_("Colored models"), _("OBJ with colors, also as DICOM")),
        "models": (_("Models for AR, VR and navigation"), _("GLB, scene, markups and transforms")),
    }
    return texts.get(name, (name, ""))
