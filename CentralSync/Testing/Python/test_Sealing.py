"""Encryption to public keys: any reader of age opens it, wrong keys and changes are named, memory is bounded."""

import io
import os
import tracemalloc

import pyrage
import pytest

from CentralSyncLib.Exchange.Sealing import PIECE_BYTES, seal, unseal
from PlanningHubLib.Errors import Cancelled, GateRefused, InputRefused, UsageError, VerificationFailed
from PlanningHubLib.Files import sha256

TEXT = bytes(range(256)) * 1024


@pytest.fixture
def identity():
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def aFile(tmp_path, identity):
    path = tmp_path / "a.age"
    assert seal([TEXT[:1000], TEXT[1000:]], path, [str(identity.to_public())]) == sha256(path)
    return path


def refusal(path, target, identity, kind):
    with pytest.raises(kind) as caught:
        unseal(path, target, [identity])
    assert not target.exists()
    return caught.value.code


def test_anyReaderOfAgeOpensIt(aFile, identity):
    assert aFile.read_bytes().startswith(b"age-encryption.org/v1\n-> X25519 ")
    assert pyrage.decrypt(aFile.read_bytes(), [identity]) == TEXT


def test_whatAnyWriterOfAgeMadeIsOpened(tmp_path, identity):
    for armored in (False, True):
        path = tmp_path / f"{armored}.age"
        path.write_bytes(pyrage.encrypt(TEXT, [identity.to_public()], armored=armored))
        assert unseal(path, tmp_path / f"{armored}.plain", [identity]) == sha256(path)
        assert (tmp_path / f"{armored}.plain").read_bytes() == TEXT


def test_eachOfSeveralKeysOpensItAndNoOther(tmp_path, identity):
    other, stranger = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    seal([TEXT], tmp_path / "a.age", [str(identity.to_public()), str(other.to_public())])
    for number, one in enumerate((identity, other)):
        unseal(tmp_path / "a.age", tmp_path / str(number), [one])
    assert refusal(tmp_path / "a.age", tmp_path / "plain", stranger, GateRefused) == "wrong-key"


def test_everyFlippedBitAndEveryCutIsNamed(aFile, tmp_path, identity):
    whole = aFile.read_bytes()
    head = whole.index(b"\n---") + 5
    bad = tmp_path / "bad.age"
    # The head, its seal, the nonce, the first, a middle and the last piece.
    for place in (head, head + 60, head + 70, len(whole) // 2, len(whole) - 1):
        bad.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert refusal(bad, tmp_path / "plain", identity, VerificationFailed) == "encrypted-file-damaged"
    # Between two pieces of 64 KiB too, where nothing but the missing end tells.
    for length in (30, head + 50, head + 60 + 65552, len(whole) - 1, len(whole) - 16):
        bad.write_bytes(whole[:length])
        assert refusal(bad, tmp_path / "plain", identity, VerificationFailed) == "encrypted-file-damaged"
    bad.write_bytes(whole + b"more")
    assert refusal(bad, tmp_path / "plain", identity, VerificationFailed) == "encrypted-file-damaged"


def test_whatIsNotEncryptedIsNotTaken(tmp_path, identity):
    for data in (b"", b"a tar in plain text", b"PK\x03\x04"):
        (tmp_path / "plain").write_bytes(data)
        assert refusal(tmp_path / "plain", tmp_path / "out", identity, InputRefused) == "not-encrypted"
    assert refusal(tmp_path / "absent", tmp_path / "out", identity, InputRefused) == "cannot-read"


def test_aKeyWithAWrongDigitIsNamedAndNothingIsWritten(tmp_path, identity):
    key = str(identity.to_public())
    wrong = key[:-1] + ("q" if key[-1] != "q" else "p")
    with pytest.raises(UsageError) as caught:
        seal([TEXT], tmp_path / "a.age", [wrong])
    assert caught.value.code == "bad-age-key" and not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [Cancelled(), InputRefused("source-changed", "It changed."), KeyboardInterrupt()])
def test_whatStopsTheReadingComesThroughAndLeavesNothing(tmp_path, identity, error):
    def pieces():
        yield TEXT
        raise error

    with pytest.raises(type(error)) as caught:
        seal(pieces(), tmp_path / "a.age", [str(identity.to_public())])
    assert caught.value is error and not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="no limit on the size of files")
def test_aFullDiskIsNamedAndLeavesNothing(aFile, tmp_path, identity):
    """The system refuses to write more than 100,000 bytes into a file, as it would where the disk is full."""
    import resource

    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    (tmp_path / "out").mkdir()
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, old[1]))
        for write in (
            lambda path: seal([TEXT], path, [str(identity.to_public())]),
            lambda path: unseal(aFile, path, [identity]),
        ):
            with pytest.raises(InputRefused) as caught:
                write(tmp_path / "out" / "a")
            assert caught.value.code == "disk-full" and not list((tmp_path / "out").iterdir())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_memoryStaysTheSameHoweverLargeItIs(tmp_path, identity):
    def peakMib(count):
        piece = bytes(PIECE_BYTES)
        tracemalloc.start()
        seal((piece for _number in range(count)), tmp_path / f"{count}.age", [str(identity.to_public())])
        unseal(tmp_path / f"{count}.age", tmp_path / f"{count}.plain", [identity])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak / 2**20

    assert peakMib(48) < peakMib(4) + 1 < 16
    assert (tmp_path / "48.plain").stat().st_size == 48 * PIECE_BYTES


def test_theLibraryReadsInPieces(identity):
    """What the bound rests on: the library never asks a stream for all of it."""
    asked = []

    class Stream(io.BytesIO):
        def read(self, size=-1):
            asked.append(size)
            return super().read(size)

    pyrage.encrypt_io(Stream(TEXT), io.BytesIO(), [identity.to_public()])
    assert len(asked) > 1 and all(0 < size <= PIECE_BYTES for size in asked)
