"""The three documents of the exchange: the manifest of a package, the receipt for it, the answer to it."""

import functools
import importlib.resources
import json

from PlanningHubLib import Signing
from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.SchemaCheck import inWords, schemaFault

PACKAGE, RECEIPT, ANSWER = "package", "receipt", "answer"
FILE_NAMES = {PACKAGE: "manifest.json", RECEIPT: "receipt.json", ANSWER: "answer.json"}
README = "README.txt"
# What may be asked of a partner, and what an answer's files may be.
ASKED = ("implant", "guide", "model", "plan", "document")
MODELS = ("implant", "guide", "model")
FORGED = {RECEIPT: "receipt-forged", ANSWER: "answer-forged"}
NOT_SIGNED = {RECEIPT: "receipt-not-signed", ANSWER: "answer-not-signed"}
MOST_BYTES = 32 << 20


def encode(values):
    """Return the bytes of a document."""
    return (json.dumps(values, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def readDocument(path, kind):
    """Return a document's values, held to its schema.

    :param kind: ``PACKAGE``, ``RECEIPT`` or ``ANSWER``
    :raises InputRefused: ``cannot-read``, ``bad-exchange-file``
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error
    if len(data) > MOST_BYTES:
        raise _bad(path, kind, f"it is larger than {MOST_BYTES >> 20} MiB")
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _bad(path, kind, "it is no JSON") from error
    fault = schemaFault(values, _schema(kind))
    if fault:
        raise _bad(path, kind, inWords(f"its {kind} is not as agreed", fault))
    return values


def _bad(path, kind, reason):
    return InputRefused("bad-exchange-file", f"{path.name} is no {kind} of an exchange: {reason}.",
                        "Have it made again, as the package's README says.", [path])  # fmt: skip


@functools.cache
def _schema(kind):
    name = f"Schemas/exchange-{kind}-1.schema.json"
    return json.loads(importlib.resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))


def signed(statement, key=None):
    """Return a statement, signed by a user's key where there is one.

    :param key: :class:`PlanningHubLib.Signing.UserKey` or None
    """
    return key.sign(statement) if key else {"statement": statement}


def requireGenuine(document, kind, partnerKey):
    """Return whether the partner's known key signed a document.

    :param kind: ``RECEIPT`` or ``ANSWER``
    :param partnerKey: the partner's Ed25519 public key as the site knew it; with one, nothing else counts
    :raises GateRefused: ``receipt-forged``, ``answer-forged``, ``receipt-not-signed``, ``answer-not-signed``
    """
    isSigned = "signature" in document
    if isSigned and not Signing.isTrue(document):
        raise GateRefused(FORGED[kind], f"The signature of the {kind} is false: it was changed.",
                          "Ask the partner what they sent.")  # fmt: skip
    if partnerKey and not isSigned:
        raise GateRefused(NOT_SIGNED[kind], f"The {kind} is not signed, and this partner signs.",
                          "Have it made again, and signed.")  # fmt: skip
    if partnerKey and document["publicKey"] != partnerKey:
        raise GateRefused(FORGED[kind], f"The {kind} was signed with another key than the partner's.",
                          "Ask the partner by voice.")  # fmt: skip
    return bool(partnerKey)
