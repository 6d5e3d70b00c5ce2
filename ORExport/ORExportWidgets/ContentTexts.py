"""What the contents of a package are called, and who they are for."""

from slicer.i18n import tr as _


def alwaysThere():
    """Return title and purpose of what every package holds."""
    return [
        (_("Segmentation"), _("Every segment, coded, as DICOM")),
        (_("Parts"), _("STL, 3MF and DICOM, byte for byte as approved")),
        (_("Plan"), _("Its steps; its figures as structured report")),
        (_("Briefing"), _("Page for the wall, then the details: PDF and DICOM")),
        (_("Key objects"), _("What belongs together, for the archive")),
        (_("Manifest"), _("Hashes, approvals and what the gate found")),
    ]


def optionalText(name):
    """Return title and purpose of a content that a package can do without; of one without texts its own name."""
    texts = {
        "assembly": (_("Assembly"), _("All models together with their colors, as DICOM")),
        "derived-ct": (_("CT with the plan drawn in"), _("For DICOM viewers that show images only")),
        "views": (_("Pictures of the views"), _("For any DICOM viewer, and for paper")),
        "ar-vr": (_("Models for AR and VR"), _("GLB and USDZ with colors and names")),
        "navigation": (_("Models for navigation"), _("STL, markups and motions; a scene for 3D Slicer")),
        "viewer": (_("Offline viewer"), _("One page for any browser, without network")),
    }
    return texts.get(name, (name, ""))
