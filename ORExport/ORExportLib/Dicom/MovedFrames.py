"""The frames of reference of what does not lie where it was scanned; objects made apart from each other agree on them.

What the plan moves has a frame of its own, in which it lies where it is planned to be; a Spatial Registration says how
that frame lies to the scan's.
"""

import uuid


def packageUid(making, *what):
    """Return the UID of something in a package: the same whenever it is asked for, another one in every package.

    :param making: :class:`ORExportLib.Dicom.DerivedObject.Making`
    :param what: texts that name it
    """
    # PS3.5 B.2 takes a UUID of any version; of version 5, equal names give equal UUIDs.
    name = "\n".join((making.caseName, making.when.isoformat(), *what))
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, name).int}"


def movedFrame(content, body):
    """Return the Frame of Reference UID of a body that was moved: one for an object of the plan and its part's pieces.

    :param content: :class:`ORExportLib.Content.Content`
    :param body: :class:`ORExportLib.Content.Body`
    """
    return packageUid(content.making, "frame", objectName(body))


def objectName(body):
    """Return the name of the object that a body is, or is a piece of."""
    return body.part.facts.get("object", {}).get("name", body.name) if body.part else body.name


def plannedFrame(content):
    """Return the Frame of Reference UID of the planned arrangement, in which points on several moved bodies lie."""
    return packageUid(content.making, "frame of the plan")
