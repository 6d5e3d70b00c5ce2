"""The commands of the exchange with partners, and the report to the operator.

Each function takes the parsed options and returns (JSON values, report for a person, exit code).
"""

import getpass
import sys

from PlanningHubLib import Reports, Signing
from PlanningHubLib.Artefacts import KINDS
from PlanningHubLib.Case import SIDES, Case
from PlanningHubLib.Errors import GateRefused, UsageError

from .Console import findingLines, table


def addCommands(command):
    """Add these commands to the parser.

    :param command: function of (name, function, text) that returns the command's own parser
    """
    exchanging = command("exchange", None, "send a partner an encrypted package; take in the receipt and the answer")
    acts = exchanging.add_subparsers(dest="act", required=True, metavar="ACT")

    def act(name, function, text):
        sub = acts.add_parser(name, help=text, description=text)
        sub.add_argument("--json", action="store_true", help="print exactly one JSON object on standard output")
        sub.set_defaults(function=function)
        return sub

    _hospitalActs(act)
    _partnerActs(act)
    telling = command("report", report, "report something to the operator: an infringement, a leak, a misuse")
    telling.add_argument("--case", required=True, metavar="DIR")
    telling.add_argument("--text", metavar="TEXT", help="what is reported; without it, what was is listed")
    telling.add_argument("--on", choices=KINDS, help="what it is about")


def _hospitalActs(act):
    from CentralSyncLib.Exchange.Documents import ASKED

    sending = act("send", send, "write a de-identified package, encrypted to a partner's public key")
    sending.add_argument("--case", required=True, metavar="DIR")
    sending.add_argument("--recipient", required=True, metavar="NAME", help="a partner in the site's configuration")
    sending.add_argument(
        "--out", required=True, metavar="FILE", help="a new file, or a folder that is there, as of a USB stick"
    )
    sending.add_argument("--ask", dest="asked", action="append", default=[], choices=ASKED, help="what is asked for")
    sending.add_argument("--answer-by", dest="answerBy", metavar="DATE", help="when an answer is expected")
    sending.add_argument("--deface", action="store_true", help="set the soft tissue of visible faces to air")
    sending.add_argument(
        "--not-approved", dest="notApproved", action="store_true", help="send it even though it is not approved"
    )
    arriving = act("receipt", receipt, "keep a partner's receipt in the case whose package it is for")
    arriving.add_argument("file", metavar="FILE")
    arriving.add_argument("--case", required=True, metavar="DIR")

    receiving = act("receive", receive, "take a partner's answer into the case that it answers")
    receiving.add_argument("file", metavar="FILE", help="the encrypted answer, or a folder with answer.json")
    place = receiving.add_mutually_exclusive_group(required=True)
    place.add_argument("--case", metavar="DIR", help="the only case that is looked at")
    place.add_argument("--root", metavar="DIR", help="look among all cases of this folder")
    _addPassphrase(receiving)

    making = act("make-key", makeKey, "make this installation's key pair, to which partners encrypt their answers")
    _addPassphrase(making)


def _partnerActs(act):
    from CentralSyncLib.Exchange.Documents import ASKED

    opening = act("open", openPackage, "for partners: decrypt a package, check it, and make the receipt")
    opening.add_argument("file", metavar="FILE")
    opening.add_argument("--out", required=True, metavar="DIR", help="a new or empty folder")
    opening.add_argument("--key", metavar="FILE", help="age's key file, of mode 0600; by default this installation's")
    _addSigner(opening, "the receipt")

    answering = act("answer", answer, "for partners: make the encrypted answer to an opened package")
    answering.add_argument("folder", metavar="DIR", help="the opened package")
    answering.add_argument(
        "--files", required=True, nargs="+", metavar="KIND=FILE", help=f"KIND: {', '.join(ASKED)}"
    )  # fmt: skip
    answering.add_argument("--side", choices=SIDES, help="for which side it was made")
    answering.add_argument("--unit", choices=("mm",), help="of the shapes; a 3MF has its own")
    answering.add_argument("--frame", choices=("LPS", "RAS"), help="of the shapes")
    answering.add_argument("--out", required=True, metavar="FILE")
    _addSigner(answering, "the answer")


def _addSigner(parser, what):
    parser.add_argument("--sign-as", dest="signAs", metavar="NAME", help=f"whose signing key signs {what}")
    _addPassphrase(parser)


def _addPassphrase(parser):
    parser.add_argument(
        "--passphrase-stdin", dest="passphraseStdin", action="store_true",
        help="take each passphrase that is needed from a line of standard input: of the key file, of the signing key",
    )  # fmt: skip


def _passphrase(options, isNeeded, whose):
    """Take a passphrase from standard input, or ask at a terminal for one that is needed; never from arguments."""
    if not isNeeded:
        return None
    if options.passphraseStdin:
        return sys.stdin.readline().rstrip("\r\n") or None
    if sys.stdin.isatty():
        return getpass.getpass(f"Passphrase of {whose}: ")
    return None


def _identities(options, keyFile=None):
    from CentralSyncLib.Exchange import Keys

    passphrase = _passphrase(options, Keys.needsPassphrase(keyFile), "the key for the exchange")
    return Keys.identitiesOf(keyFile, passphrase)


def _signer(options):
    if not options.signAs:
        return None
    passphrase = _passphrase(options, Signing.needsPassphrase(options.signAs), f"{options.signAs}'s signing key")
    return Signing.loadKey(options.signAs, passphrase)


def makeKey(options, _console):
    """Make the key pair; the public part is what partners get."""
    from CentralSyncLib.Exchange import Keys

    publicKey = Keys.makeKey(_passphrase(options, Keys.needsPassphrase(), "the key for the exchange"))
    return {"publicKey": publicKey, "findings": []}, f"Public key for partners: {publicKey}", 0


def send(options, console):
    """Write the package; say who can open it and what is in it."""
    from CentralSyncLib.Exchange.Sending import sendPackage
    from ORExportLib.CopyDocuments import copyDocuments

    with Case.open(options.case, writable=True) as case:
        made = sendPackage(
            case, options.recipient, options.out, copyDocuments(), options.asked, options.answerBy, options.deface,
            options.notApproved, console.progress("send"),
        )  # fmt: skip
    approval = {True: "APPROVED", False: "NOT APPROVED", None: "nothing in it to approve"}[made["approved"]]
    lines = [
        f"{made['file']}: {made['files']} files of {made['code']}, side {made['side'] or 'NOT STATED'}, {approval}",
        f"Only {made['recipient']} can open it. SHA-256 {made['sha256']}",
    ]
    return made, "\n".join(lines + findingLines(made["findings"])), 0


def receipt(options, _console):
    """Keep the receipt."""
    from CentralSyncLib.Exchange.Receipts import takeReceipt

    with Case.open(options.case, writable=True) as case:
        kept = takeReceipt(case, options.file)
        values = {"case": str(case.folder), "artefact": kept.id, **kept.parameters, **kept.facts, "findings": []}
    signed = "signed" if values["signed"] else "not signed by a known key"
    return values, f"{values['recipient']} opened {values['exchange']} on {values['opened']} ({signed}).", 0


def receive(options, console):
    """Take the answer in; say what can be made of it."""
    from CentralSyncLib.Exchange.Receiving import receiveAnswer

    result = receiveAnswer(
        options.file, lambda: _identities(options), options.case, options.root, console.progress("receive")
    )
    lines = [f"{result['artefact']} revision {result['revision']} of {result['recipient']}, in {result['case']}"]
    lines += [f"  {one['kind']}  {one['path']}  {one['sha256'][:12]}" for one in result["files"]]
    return result, "\n".join(lines + findingLines(result["findings"])), 0


def openPackage(options, console):
    """Open a package; its receipt goes back to the hospital."""
    from CentralSyncLib.Exchange import Opening

    identities = _identities(options, options.key)
    result = Opening.openPackage(options.file, options.out, identities, _signer(options), console.progress("open"))
    lines = [
        f"{result['files']} files of {result['code']} in {result['folder']}, all as listed",
        f"Asked for: {', '.join(result['asked']) or 'nothing in particular'}; by {result['answer_by'] or 'no date'}",
        f"Send back the receipt: {result['receipt']}",
    ]
    return {**result, "findings": []}, "\n".join(lines), 0


def answer(options, console):
    """Make the answer."""
    from CentralSyncLib.Exchange import Opening

    files = [_kindAndFile(text) for text in options.files]
    result = Opening.makeAnswer(
        options.folder, files, options.side, options.out, options.unit, options.frame, _signer(options),
        console.progress("answer"),
    )  # fmt: skip
    return {**result, "findings": []}, f"{result['file']}: {len(result['files'])} files for {result['code']}", 0


def _kindAndFile(text):
    from CentralSyncLib.Exchange.Documents import ASKED

    kind, sign, path = text.partition("=")
    if kind not in ASKED or not sign or not path:
        raise UsageError("usage", f"{text} is no kind and file.", f"Such as implant=plate.stl; {', '.join(ASKED)}.")
    return kind, path


def exchangeText(lines):
    """Return what was exchanged as a person reads it.

    :param lines: as :func:`CentralSyncLib.Exchange.Overview.exchangeLines` returns them
    """
    rows = [["package", "for", "code", "sent", "asked", "by", "state", "opened", "answers"]]
    for one in lines:
        answers = ", ".join(f"{answer['id']}.{answer['revision']} ({answer['state']})" for answer in one["answers"])
        rows.append([one["id"], one["recipient"], one["code"], one["when"], ", ".join(one["asked"]) or "-",
                     one["answerBy"] or "-", one["state"], one["opened"] or "no receipt", answers or "-"])  # fmt: skip
    return table(rows)


def report(options, _console):
    """Report something to the operator, or list what was reported; it stays in the case and in its audit log."""
    if options.text is None and options.on:
        raise UsageError("usage", "A report without a text.", "Give --text.")
    with Case.open(options.case, writable=options.text is not None) as case:
        if options.text is not None:
            about = case.latest(options.on) if options.on else None
            if options.on and about is None:
                raise GateRefused(f"no-{options.on}", f"The case has no {options.on} yet.", "Report on something else.")
            Reports.report(case, options.text, about)
        values = {"case": str(case.folder), "reports": case.governance["reports"], "findings": []}
    rows = [["report", "by", "when", "on", "text"]]
    rows += [
        [one["id"], one["who"], one["when"], one["artefact"]["id"] if one["artefact"] else "-", one["text"]]
        for one in values["reports"]
    ]
    return values, table(rows) if values["reports"] else "There are no reports.", 0
