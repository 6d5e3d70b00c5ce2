"""What stands in a copy for identifiers and dates: recomputable with the installation's key, by nobody without it."""

import dataclasses
import datetime
import re
import uuid

from .Identity import base32

LONGEST_SHIFT_DAYS = 3650
OLDEST_AGE_YEARS = 89
AGE_ABOVE = "090Y"
AGE_BAND_YEARS = 10


@dataclasses.dataclass(frozen=True)
class Mapping:
    """Everything keyed of one patient for one profile and recipient; two of them have nothing in common.

    :param patientCode: the keyed code of :func:`PlanningHubLib.Identity.patientCode`
    :param recipient: who gets the copy; it goes into the key only, and never into the copy
    """

    keyRing: object
    patientCode: str
    profile: object
    recipient: str = ""

    def _mac(self, what, text=""):
        scope = "\x1f".join((self.patientCode, self.profile.name, self.recipient.strip(), text))
        return self.keyRing.mac(f"deidentify-{what}", scope.encode())

    @property
    def pseudonym(self):
        """The patient's name for this recipient, such as ``DX-0K3M9XQ2-7TRA``; no part of it is the case's own."""
        code = self._mac("pseudonym")
        return f"DX-{base32(code, 8)}-{base32(code[32:], 4)}"

    def uid(self, uid):
        """Return the UID that stands for a UID: ``2.25.`` and a UUID (PS3.5 B.2; RFC 9562 version 8)."""
        digest = bytes.fromhex(self._mac("uid", uid))[:16]
        number = int.from_bytes(digest, "big") & ~(0xF << 76) & ~(0x3 << 62) | (8 << 76) | (2 << 62)
        return f"2.25.{uuid.UUID(int=number).int}"

    @property
    def shiftDays(self):
        """By how many days all the patient's dates are moved back: 1 to 3,650."""
        return 1 + int(self._mac("days"), 16) % LONGEST_SHIFT_DAYS

    def date(self, text):
        """Return a shifted DICOM date, or None where the text is none or the profile keeps no dates."""
        if self.profile.dates == "removed" or not re.fullmatch(r"\d{8}", text):
            return None
        try:
            moved = datetime.datetime.strptime(text, "%Y%m%d") - datetime.timedelta(days=self.shiftDays)
        except (ValueError, OverflowError):
            return None
        return f"{moved:%Y%m%d}" if moved.year >= 1000 else None

    def age(self, text):
        """Return an age string as the profile allows, or None where it is none.

        Over 89 years all are 90 (45 CFR 164.514(b)(2)(i)(C)). A band of ten years is named by its middle.
        """
        match = re.fullmatch(r"(\d{3})([DWMY])", text)
        if not match:
            return None
        count, unit = int(match.group(1)), match.group(2)
        years = count if unit == "Y" else int(count / {"D": 365.25, "W": 52.18, "M": 12}[unit])
        if years > OLDEST_AGE_YEARS:
            return AGE_ABOVE
        if self.profile.age == "band":
            return f"{years // AGE_BAND_YEARS * AGE_BAND_YEARS + AGE_BAND_YEARS // 2:03}Y"
        return text
