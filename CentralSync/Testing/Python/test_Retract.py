"""Taking something back: recorded in the case, said in the store, and nothing removed anywhere."""

import json

import pydicom
import pytest
from Judges import dicomErrors
from UpkeepFixtures import Upkeep

from CentralSyncLib.Items import itemsOf
from CentralSyncLib.Outbox.Outbox import Outbox
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Stores.FolderStore import FolderStore
from CentralSyncLib.Sync import syncCase
from CentralSyncLib.Upkeep.RejectionNote import TITLES
from CentralSyncLib.Upkeep.Retract import requireNotRetracted, retract, retractions
from PlanningHubLib.Consent import withdrawConsent
from PlanningHubLib.Errors import GateRefused, InputRefused, UsageError
from PlanningHubLib.Files import sha256
from Servers.OrthancServer import OrthancServer, freePort, whyNoOrthanc
from Servers.SmallDicom import writeSmallSeries


def takeBack(upkeep, artefact="source-1", reason="quality", text="The table height is wrong"):
    return retract(upkeep.case, upkeep.store, upkeep.outbox, artefact, reason, text)


def recordOf(upkeep, taken):
    return json.loads(upkeep.case.path(taken.made, "retraction.json").read_text())


def treeOf(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_theFolderStoreKeepsNoteAndRecord_andLosesNothing(kept):
    before = treeOf(kept.store.folder / "objects")
    taken = takeBack(kept)
    after = treeOf(kept.store.folder / "objects")
    assert before.items() <= after.items() and len(after) == len(before) + 2
    assert taken.result.complete and taken.objects == 3
    note = kept.case.path(taken.made, "note-1.dcm")
    assert dicomErrors(note) == [] and note.read_bytes() in after.values()
    named = pydicom.dcmread(note).CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    uids = {one.ReferencedSOPInstanceUID for one in named.ReferencedSOPSequence}
    assert uids == {item.sopInstanceUid for item in itemsOf(kept.case) if item.name.startswith("source-1")}
    lists = kept.store.snapshots(kept.case.caseId)
    assert len(lists) == 2 and "artefacts/retraction-1/r1/note-1.dcm" in kept.store.readSnapshot(lists[-1])


def test_theCaseSaysWhoTookWhatBackAndWhy(kept):
    taken = takeBack(kept, reason="safety")
    record = recordOf(kept, taken)
    assert (record["artefact"], record["revision"], record["reason"]) == ("source-1", 1, "safety")
    assert record["title"] == "Rejected for Patient Safety Reasons" and record["text"] == "The table height is wrong"
    assert record["who"] == taken.made.who and len(record["objects"]) == 3
    assert '"action":"retracted"' in (kept.case.folder / "audit.log").read_text().splitlines()[-1]
    assert kept.case.verify() == []


def test_aPlainFileIsNamedByItsHash_withoutANote(kept):
    taken = takeBack(kept, "part-1", "safety", "It does not fit")
    (named,) = recordOf(kept, taken)["objects"]
    assert named["sha256"] == kept.case.latest("part").files["part.stl"].sha256 and named["sopInstanceUid"] == ""
    assert list(taken.made.files) == ["retraction.json"] and taken.result.complete


def test_theObjectsOfAPartInItsPackageAreNamedWithIt(kept):
    with kept.case.staging("package") as stage:
        (model, other) = writeSmallSeries(stage.folder, 2, seed=7)
        records = [{"path": model.name, "sha256": sha256(model), "part": "part-1"},
                   {"path": other.name, "sha256": sha256(other), "part": "part-2"}]  # fmt: skip
        (stage.folder / "manifest.json").write_text(json.dumps({"files": records}))
        stage.commit(parents=[kept.case.latest("part")])
    kept.push(itemsOf(kept.case))
    taken = takeBack(kept, "part-1", "safety", "It does not fit")
    assert {one["name"] for one in recordOf(kept, taken)["objects"]} == {"part-1/part.stl", f"package-1/{model.name}"}
    assert list(taken.made.files) == ["note-1.dcm", "retraction.json"]


def test_whatWasTakenBackIsNotSentAsCurrent_aNewRevisionIs(kept):
    part = kept.case.latest("part")
    takeBack(kept, "part-1", "safety", "It does not fit")
    with pytest.raises(GateRefused) as refused:
        requireNotRetracted(kept.case, [kept.case.latest("source"), part])
    assert refused.value.code == "retracted-part" and "safety" in refused.value.message
    with kept.case.staging("part") as stage:
        (stage.folder / "part.stl").write_bytes(b"a better one")
        stage.commit()
    requireNotRetracted(kept.case, [kept.case.latest("part")])


def test_theNextSyncRefusesWhatWasTakenBack_andBringsTheRecordElsewhereToo(kept, tmp_path):
    takeBack(kept, "part-1", "safety", "It does not fit")
    with pytest.raises(GateRefused) as refused:
        syncCase(kept.case, FolderStore(tmp_path / "elsewhere"))
    assert refused.value.code == "retracted-part" and not (tmp_path / "elsewhere").exists()
    with kept.case.staging("part") as stage:
        (stage.folder / "part.stl").write_bytes(b"a better one")
        part = stage.commit(parents=[kept.case.latest("source")])
    with kept.case.staging("package") as stage:
        (stage.folder / "summary.pdf").write_bytes(b"anew")
        stage.commit(parents=[part])
    result = syncCase(kept.case, FolderStore(tmp_path / "elsewhere"))
    assert result.complete and "retraction-1/retraction.json" in {item.name for item in result.items}


def test_askedTwiceItIsTakenBackOnce_forAnotherReasonAgain(kept):
    first, second = takeBack(kept), takeBack(kept, text="other words")
    assert first.made == second.made and second.result.complete and len(retractions(kept.case)) == 1
    assert takeBack(kept, reason="safety").made.id == "retraction-2"


def test_whatWasMadeFromItIsNamed(kept):
    (finding,) = takeBack(kept).findings
    assert finding.code == "made-from-retracted" and "package-1, part-1, segmentation-1" in finding.message


@pytest.mark.parametrize("artefact", ["part-9", "part-1/r2", "nothing"])
def test_anArtefactThatIsNotThereIsRefused_withTheListOfThoseThatAre(kept, artefact):
    with pytest.raises(UsageError) as refused:
        takeBack(kept, artefact)
    assert refused.value.code == "no-such-artefact" and "source-1, segmentation-1, part-1" in refused.value.action


def test_withoutAReasonInWordsNothingIsTakenBack(kept):
    with pytest.raises(UsageError) as refused:
        takeBack(kept, text="  ")
    assert refused.value.code == "no-reason" and retractions(kept.case) == []


def test_whatTheStoreNeverHadCannotBeTakenBack(kept):
    with kept.case.staging("plan") as stage:
        (stage.folder / "plan.json").write_bytes(b"{}")
        stage.commit()
    with pytest.raises(InputRefused) as refused:
        takeBack(kept, "plan-1")
    assert refused.value.code == "nothing-to-retract" and retractions(kept.case) == []


def test_afterTheConsentWasWithdrawnItCanStillBeTakenBack(kept):
    withdrawConsent(kept.case, "treatment")
    assert takeBack(kept, reason="data-retention").result.complete


@pytest.mark.skipif(bool(whyNoOrthanc()), reason=whyNoOrthanc() or "Orthanc is there")
def test_aRealOrthancGetsTheNoteBesideWhatItNames_alsoLater(aCase, outbox):
    with OrthancServer() as orthanc:
        upkeep = Upkeep(openStore(orthanc.address), outbox, aCase)
        upkeep.push([item for item in itemsOf(aCase) if item.kind == "dicom"])
        orthanc.kill()
        taken = takeBack(upkeep)
        assert taken.result.queued == 1 and taken.result.problem().exitCode == 5
        orthanc.start()
        taken = takeBack(upkeep)
        assert taken.result.complete and taken.result.notSent == 1
        note = aCase.path(taken.made, "note-1.dcm").read_bytes()
        assert len(orthanc.instances()) == 4 and note in orthanc.storedBytes()
        assert len(retractions(aCase)) == 1


@pytest.mark.skipif(bool(whyNoOrthanc()), reason=whyNoOrthanc() or "Orthanc is there")
def test_anArchivesObjectThatCarriesAPlainFileIsNamed(aCase):
    with OrthancServer() as orthanc:
        store = openStore(orthanc.address)
        assert syncCase(aCase, store).complete
        with Outbox.forThisWorkstation() as register:
            taken = retract(aCase, store, register, "part-1", "safety", "It does not fit")
            (carrier,) = [one for one in register.entries() if one.name == "part-1/part.stl"]
        assert taken.result.complete and taken.objects == 1
        note = aCase.path(taken.made, "note-1.dcm")
        (item,) = [one for one in pydicom.dcmread(note).ContentSequence if "ReferencedSOPSequence" in one]
        assert item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == carrier.sopInstanceUid
        assert item.ReferencedSOPSequence[0].ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.66"
        assert dicomErrors(note) == [] and note.read_bytes() in orthanc.storedBytes()


def test_aStoreThatIsAwayAndNeverHadItIsSaid(aCase, outbox):
    store = openStore(f"dicomweb+http://127.0.0.1:{freePort()}/dicom-web")
    with pytest.raises(InputRefused) as refused:
        retract(aCase, store, outbox, "source-1", "quality", "why")
    assert refused.value.code == "nothing-to-retract" and "cannot be reached" in refused.value.message


def test_theCommandsReasonsAreTheNotes():
    from PlanningHubCommand.Upkeep import REASONS

    assert set(REASONS) == set(TITLES)
