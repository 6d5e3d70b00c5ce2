"""Pseudonyms: a keyed hash of the patient's identifier, never the identifier itself.

A plain hash of a patient number can be reversed by trying all numbers, so the hash is keyed
(EDPB Guidelines 01/2025 on pseudonymisation).
"""

# Crockford's base 32: no I, L, O or U, so that a code survives being read aloud or engraved.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def patientCode(keyRing, patientId, issuer=""):
    """Return the patient's keyed code (64 hexadecimal digits), equal for equal identifiers only."""
    identifier = f"{issuer.strip()}\x1f{patientId.strip()}"
    return keyRing.mac("pseudonym", identifier.encode())


def caseName(code, caseId):
    """Return the printable name of a case: the patient's pseudonym and the case's own four characters."""
    return f"{pseudonym(code)}-{base32(caseId.replace('-', ''), 4)}"


def pseudonym(code):
    """Return the printable pseudonym of a patient's code, with which the names of all the patient's cases begin."""
    return f"PH-{base32(code, 8)}"


def base32(hexText, length):
    """Return the first characters of a hexadecimal number in the alphabet that survives being read aloud."""
    number = int(hexText, 16) >> (4 * len(hexText) - 5 * length)
    return "".join(ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(length)))
