"""What stands in a copy for identifiers, dates and ages, keyed by patient, profile and recipient."""

import datetime

import pydicom
import pytest
from CaseMaking import writeSmallSeries
from CopiedSeries import headers

from PlanningHubLib import Deidentify, DeidentifyRules
from PlanningHubLib.DeidentifyKeys import Mapping
from PlanningHubLib.Secrets import KeyRing


def test_identityAndMethodAreWritten(aSeries, tmp_path):
    report = Deidentify.deidentify(aSeries, tmp_path / "out", "treatment-partner")
    for header in headers(tmp_path / "out"):
        assert header.PatientID == header.PatientName == report["pseudonym"]
        assert header.PatientIdentityRemoved == "YES"
        codes = [code.CodeValue for code in header.DeidentificationMethodCodeSequence]
        assert codes == ["113100", "113104", "113105", "113107", "113108"] == report["methodCodes"]
        assert all(code.CodingSchemeDesignator == "DCM" for code in header.DeidentificationMethodCodeSequence)
        assert header.LongitudinalTemporalInformationModified == "MODIFIED"
        assert header.preamble == b"\0" * 128
        assert header.file_meta.ImplementationVersionName == "PLANNINGHUB"
        assert "SourceApplicationEntityTitle" not in header.file_meta


def test_intervalsBetweenDatesAreKept(tmp_path):
    paths = writeSmallSeries(tmp_path / "ct")
    for path in paths:
        dataset = pydicom.dcmread(path)
        dataset.StudyDate, dataset.SeriesDate, dataset.AcquisitionDate = "20240228", "20240301", "20250101"
        dataset.AcquisitionDateTime = "20240301101112.5+0100"
        dataset.save_as(path)
    Deidentify.deidentify(tmp_path / "ct", tmp_path / "out", "research")
    header = headers(tmp_path / "out")[0]

    def day(text):
        return datetime.datetime.strptime(text, "%Y%m%d")

    assert (day(header.SeriesDate) - day(header.StudyDate)).days == 2
    assert (day(header.AcquisitionDate) - day(header.StudyDate)).days == 308
    assert header.AcquisitionDateTime == header.SeriesDate
    assert 0 < (day("20240228") - day(header.StudyDate)).days <= 3650
    assert header.StudyTime == "000000"


def test_teachingHasNoDatesAndNoSex(aSeries, tmp_path):
    Deidentify.deidentify(aSeries, tmp_path / "out", "teaching")
    for header in headers(tmp_path / "out"):
        assert header.StudyDate == header.StudyTime == header.PatientSex == ""
        assert not [element for element in header.iterall() if element.VR in ("DA", "DT") and element.value]
        assert header.LongitudinalTemporalInformationModified == "REMOVED"


@pytest.mark.parametrize(
    ("profile", "age", "expected"),
    [
        ("research", "042Y", "042Y"), ("research", "089Y", "089Y"), ("research", "090Y", "090Y"),
        ("research", "101Y", "090Y"), ("research", "018M", "018M"), ("teaching", "042Y", "045Y"),
        ("teaching", "018M", "005Y"), ("teaching", "097Y", "090Y"), ("research", "Qz", None), ("teaching", "1Y", None),
    ],
)  # fmt: skip
def test_ages(profile, age, expected):
    mapping = Mapping(KeyRing(b"k" * 32), "5a" * 32, DeidentifyRules.profileOf(profile))
    assert mapping.age(age) == expected


def test_profilesAndRecipientsCannotBeLinked(aSeries, tmp_path):
    copies = {}
    for profile, recipient in (("research", ""), ("research", "Elsewhere"), ("teaching", "")):
        out = tmp_path / f"{profile}{recipient}"
        report = Deidentify.deidentify(aSeries, out, profile, recipient)
        values = {report["pseudonym"]}
        for header in headers(out):
            values |= {header.SOPInstanceUID, header.SeriesInstanceUID, header.StudyInstanceUID}
            values |= {header.FrameOfReferenceUID}
        copies[profile, recipient] = values
        assert "Elsewhere" not in (out / "report.json").read_text()
    sets = list(copies.values())
    assert not any(one & other for number, one in enumerate(sets) for other in sets[number + 1 :])


def test_aSecondCopyHasTheSameIdentifiers(aSeries, tmp_path):
    for name in ("first", "second"):
        Deidentify.deidentify(aSeries, tmp_path / name, "research")
    assert [one.SOPInstanceUID for one in headers(tmp_path / "first")] == [
        one.SOPInstanceUID for one in headers(tmp_path / "second")
    ]


def test_anotherKeyGivesOtherIdentifiers():
    profile = DeidentifyRules.profileOf("research")
    one, other = (Mapping(KeyRing(bytes([number]) * 32), "5a" * 32, profile) for number in (1, 2))
    assert one.uid("1.2.3") != other.uid("1.2.3")
    assert one.pseudonym != other.pseudonym


def test_uidsAreMappedOneToOne():
    mapping = Mapping(KeyRing(b"k" * 32), "5a" * 32, DeidentifyRules.profileOf("research"))
    mapped = {mapping.uid(f"1.2.3.{number}") for number in range(2000)}
    assert len(mapped) == 2000
    assert all(pydicom.uid.UID(uid).is_valid and uid.startswith("2.25.") for uid in mapped)
