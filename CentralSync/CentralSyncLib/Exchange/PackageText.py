"""The page in a package that tells a partner, who may have nothing of ours, what it is and how to answer."""

from .Documents import ANSWER, FILE_NAMES, PACKAGE

_TEXT = """\
De-identified data of one patient, for {recipient}
===================================================

Code of the patient: {code}. It is made for you alone. Quote it in every message; never try to find out whose it is.
Side: {side}. Asked for: {asked}. Answer expected by: {answerBy}.
{approved}

What is here
  {manifest}   every file with its SHA-256, side, unit (mm) and frame (LPS, the coordinates of the DICOM images)
  copy/           the data: dicom, shapes, plans, documents; copy/report.json says what was left out

Keep it encrypted where you do not need it, and delete it when the work is done.

How to answer
  Put your files and {answer} into a folder, make a plain tar or ZIP of it, encrypt that with age, send it:
    tar -cf answer.tar FOLDER
    age {keys} -o answer.tar.age answer.tar

  {answer}:
    {{"statement": {{
      "format": "planninghub-exchange-answer", "version": 1,
      "code": "{code}",
      "manifestSha256": "(SHA-256 of {manifest}, as sha256sum prints it)",
      "side": {sideJson}, "made": "2026-01-31T12:00:00Z",
      "files": [
        {{"path": "plate.stl", "kind": "implant", "unit": "mm", "frame": "LPS", "sha256": "...", "bytes": 12345}},
        {{"path": "report.pdf", "kind": "document", "sha256": "...", "bytes": 678}}]}}}}

  Kinds: implant, guide, model (STL, OBJ, PLY or 3MF), plan (JSON), document (PDF or TXT).
  Unit and frame (LPS or RAS) of every shape must be stated; a 3MF has its own unit, and states the frame only.
  Anything else in the answer, and an answer to another package, is refused.
"""
_APPROVED = {
    True: "The plan in it is approved by signatures.",
    False: "NOT APPROVED: nobody has signed for the plan in it.",
    None: "There is nothing in it that is approved by signatures.",
}


def readmeText(manifest):
    """Return the page for a package's manifest, as bytes; nothing stands in it that is not in the manifest."""
    side = manifest["side"]
    return _TEXT.format(
        recipient=manifest["recipient"],
        code=manifest["code"],
        side=side or "none",
        sideJson=f'"{side}"' if side else "null",
        asked=", ".join(manifest["asked"]) or "nothing in particular",
        answerBy=manifest["answerBy"] or "no date",
        approved=_APPROVED[manifest["approved"]],
        manifest=FILE_NAMES[PACKAGE],
        answer=FILE_NAMES[ANSWER],
        keys=" ".join(f"-r {key}" for key in manifest["answerTo"]) or "-r (ask the hospital for its public key)",
    ).encode()
