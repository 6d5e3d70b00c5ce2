"""Receiving: a partner's answer, matched to one case by code and by the hash of the package that it answers."""

import shutil
from pathlib import Path

from PlanningHubLib import Consent
from PlanningHubLib.Case import Case, isCase
from PlanningHubLib.Errors import Finding, GateRefused, InputRefused, PlanningError
from PlanningHubLib.Files import sha256, temporaryFolder
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Received import KIND as EXTERNAL
from PlanningHubLib.Requirements import ensure
from PlanningHubLib.Software import versions

from .AnswerFiles import requireFile
from .Archives import Limits, collect, moveUp
from .Documents import ANSWER, FILE_NAMES, MODELS, readDocument, requireGenuine
from .Opening import unsealInto
from .Sending import KIND, PURPOSE
from .Whole import requireListed

# Shapes and papers of one patient.
LIMITS = Limits(files=400, bytes=2 << 30)


def receiveAnswer(path, identities=None, caseFolder=None, root=None, progress=noProgress, user=None):
    """Take a partner's answer into the case that it answers, as an artefact of kind ``external``; return what came.

    Nothing is guessed: an answer names the patient's code and the hash of the package's manifest, and both have to be
    those of one package that left one case. A second answer to a package is a new revision: what was made of the first
    goes stale.

    :param path: encrypted file, or a folder with ``answer.json``
    :param identities: function that returns the private keys, for an encrypted file
    :param caseFolder: the one case that is looked at; else all those directly below ``root``
    :returns: dictionary: ``case``, ``artefact``, ``revision``, ``recipient``, ``files``, ``models``, ``findings``
    :raises InputRefused: ``answer-unmatched``, ``answer-ambiguous``, ``no-exchange-manifest``,
        ``bad-exchange-file``, ``no-unit``, ``no-frame``, ``frame-differs``, ``answer-file-refused``, as
        :func:`CentralSyncLib.Exchange.Archives.unpack`
    :raises GateRefused: ``no-consent``, ``answer-other-side``, ``answer-forged``, ``answer-not-signed``,
        ``answer-known``, ``wrong-key``
    :raises VerificationFailed: ``encrypted-file-damaged``, ``exchange-files-differ``
    """
    ensure("CentralSyncLib")
    path = Path(path)
    # Of mode 0700, and on this machine, whatever share the answer lies on.
    with temporaryFolder("answer") as temporary:
        folder = temporary / "answer"
        folder.mkdir()
        _unpacked(path, folder, identities, part(progress, 0.0, 0.5))
        document = readDocument(folder / FILE_NAMES[ANSWER], ANSWER)
        statement = document["statement"]
        requireListed(folder, statement["files"], (FILE_NAMES[ANSWER],), part(progress, 0.5, 0.7))
        for record in statement["files"]:
            requireFile(record, folder / record["path"])
        found = _matched(statement, _folders(caseFolder, root), part(progress, 0.7, 0.9))
        with Case.open(found, writable=True) as case:
            return _taken(case, folder, document, user)


def _unpacked(path, folder, identities, progress):
    if path.is_dir():
        collect(path, folder, LIMITS, progress)
    elif path.is_file():
        unsealInto(path, folder, identities() if identities else [], LIMITS, progress)
    else:
        raise InputRefused("no-source", f"{path} does not exist.", "Choose the answer.", [path])
    if not moveUp(folder, FILE_NAMES[ANSWER]):
        raise InputRefused("no-exchange-manifest", f"{path.name} holds no {FILE_NAMES[ANSWER]}.",
                           "Have the answer made as the package's README says.", [path])  # fmt: skip


def _folders(caseFolder, root):
    if caseFolder:
        return [Path(caseFolder)]
    root = Path(root)
    if not root.is_dir():
        raise InputRefused("no-source", f"{root} is not a folder.", "Choose the folder that holds the cases.")
    return sorted(one for one in root.iterdir() if isCase(one))


def _matched(statement, folders, progress):
    """Return the one folder whose case sent the package that is answered.

    :raises InputRefused: ``answer-unmatched``, ``answer-ambiguous``
    """
    found, unread = [], 0
    for number, folder in enumerate(folders):
        progress(number / len(folders), f"Looking at case {number + 1} of {len(folders)}")
        try:
            case = Case.glance(folder)
        except PlanningError:
            if len(folders) == 1:
                raise
            unread += 1
            continue
        found += [folder] if _answered(case, statement) else []
    if len(found) > 1:
        raise InputRefused("answer-ambiguous", f"{len(found)} cases sent this package: one is a copy of the other.",
                           "Name the case that counts.", found)  # fmt: skip
    if not found:
        more = f" {unread} cases could not be read." if unread else ""
        raise InputRefused("answer-unmatched", f"No case of {len(folders)} has sent {statement['code']} the package "
                           f"that is answered.{more}", "Look where the case is; never take it by name.")  # fmt: skip
    return found[0]


def _answered(case, statement):
    """Return the sent package that is answered, or None."""
    wanted = statement["code"], statement["manifestSha256"]
    sent = (one for one in case.artefacts if one.kind == KIND)
    return next((one for one in sent if (one.parameters["code"], one.facts["manifestSha256"]) == wanted), None)


def _taken(case, folder, document, user):
    statement, sent = document["statement"], _answered(case, document["statement"])
    if Consent.standingConsent(case, Consent.PURPOSES[PURPOSE]) is None:
        raise GateRefused(
            "no-consent",
            f"No consent of scope {Consent.PURPOSES[PURPOSE]} stands in case {case.name}: the answer is not taken in.",
            "Tell the partner that the work ends.",
        )
    if statement["side"] != case.side or statement["side"] != sent.facts["side"]:
        raise GateRefused(
            "answer-other-side",
            f"The answer is for side {statement['side'] or 'not stated'}, the case for {case.side or 'none stated'}.",
            "Ask the partner; nothing was taken in.",
        )
    isProven = requireGenuine(document, ANSWER, sent.facts["partnerKey"])
    digest = sha256(folder / FILE_NAMES[ANSWER])
    known = [one for one in case.artefacts if one.kind == EXTERNAL]
    if digest in {record.sha256 for one in known for record in one.files.values()}:
        raise GateRefused("answer-known", "This answer is in the case already.", "Nothing is left to do.")
    same = [one.id for one in known if one.parameters["exchange"] == sent.id]
    artefactId = same[0] if same else f"{EXTERNAL}-{len({one.id for one in known}) + 1}"
    with case.staging(EXTERNAL, artefactId, user) as stage:
        shutil.copytree(folder, stage.folder, dirs_exist_ok=True)
        artefact = stage.commit(
            [sent],
            {"exchange": sent.id, "recipient": sent.parameters["recipient"], "code": statement["code"]},
            {"side": statement["side"], "signed": isProven, "made": statement["made"],
             "models": {one["path"]: _model(one) for one in statement["files"] if one["kind"] in MODELS}},
            versions("pyrage"),
            f"Answer of {sent.parameters['recipient']}",
        )  # fmt: skip
    return {
        "case": str(case.folder), "artefact": artefact.id, "revision": artefact.revision,
        "recipient": sent.parameters["recipient"], "code": statement["code"], "answers": sent.id,
        "signed": isProven, "files": statement["files"], "models": list(artefact.facts["models"]),
        "findings": [one.asDict() for one in _remarks(case, artefact, sent, isProven)],
    }  # fmt: skip


def _model(record):
    return {"kind": record["kind"], "unit": record.get("unit"), "frame": record["frame"], "sha256": record["sha256"]}


def _remarks(case, artefact, sent, isProven):
    if case.state(artefact, readFiles=False) != "current":
        yield Finding("answer-to-older", "warn", f"What {sent.id} was made from has changed since it was sent, so the "
                      "answer is stale.", "Send the partner the present state.")  # fmt: skip
    if not isProven:
        yield Finding("answer-not-proven", "info", "No known key signed the answer: that it is the partner's rests on "
                      "their knowing the package.", "Ask the partner by voice; have their key entered.")  # fmt: skip
