"""Keys of the exchange: made once and kept encrypted, or read from a file that nobody else reads; partners by site."""

import pyrage
import pytest
from ExchangeMaking import PARTNER, PASSPHRASE, aPartner, writeSite

from CentralSyncLib.Exchange.Keys import identitiesOf, makeKey, needsPassphrase, ownPublicKey, partnerOf
from PlanningHubLib.Errors import GateRefused, InputRefused, UsageError


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def identity():
    return pyrage.x25519.Identity.generate()


def keyFile(path, data, mode=0o600):
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_aKeyIsMadeOnceAndItsSecretStandsNowhere(home):
    with pytest.raises(UsageError, match="passphrase"):
        makeKey()
    assert ownPublicKey() is None and needsPassphrase()
    public = makeKey(PASSPHRASE)
    (identity,) = identitiesOf(passphrase=PASSPHRASE)
    assert public == ownPublicKey() == str(identity.to_public())
    secret = str(identity).encode()
    for path in home.rglob("*"):
        assert secret not in path.read_bytes() and secret.hex().encode() not in path.read_bytes()
        assert path.stat().st_mode & 0o022 == 0
    with pytest.raises(GateRefused) as caught:
        makeKey(PASSPHRASE)
    assert caught.value.code == "key-exists"


def test_withoutThePassphraseTheKeyStaysClosed(home):
    with pytest.raises(InputRefused) as caught:
        identitiesOf()
    assert caught.value.code == "no-exchange-key"
    makeKey(PASSPHRASE)
    for passphrase, code in ((None, "no-passphrase"), ("another one", "wrong-passphrase")):
        with pytest.raises(GateRefused) as caught:
            identitiesOf(passphrase=passphrase)
        assert caught.value.code == code


def test_aPublicKeyThatOthersCanChangeIsNotUsed(home):
    makeKey(PASSPHRASE)
    (home / "exchange-key.public").chmod(0o666)
    with pytest.raises(GateRefused) as caught:
        ownPublicKey()
    assert caught.value.code == "site-file-open-to-others"


def test_aKeyFileIsThatOfAge(home, tmp_path, identity):
    text = f"# created: 2026-01-31\n# public key: {identity.to_public()}\n{identity}\n".encode()
    plain = keyFile(tmp_path / "key.txt", text)
    assert not needsPassphrase(plain) and str(identitiesOf(plain)[0]) == str(identity)
    locked = keyFile(tmp_path / "key.age", pyrage.passphrase.encrypt(text, PASSPHRASE))
    assert needsPassphrase(locked) and str(identitiesOf(locked, PASSPHRASE)[0]) == str(identity)
    for passphrase, code in ((None, "no-passphrase"), ("another one", "wrong-passphrase")):
        with pytest.raises(GateRefused) as caught:
            identitiesOf(locked, passphrase)
        assert caught.value.code == code


def test_aKeyFileThatOthersReadOrThatIsNoneIsRefused(home, tmp_path, identity):
    with pytest.raises(GateRefused) as caught:
        identitiesOf(keyFile(tmp_path / "open", f"{identity}\n".encode(), 0o644))
    assert caught.value.code == "key-file-open-to-others"
    for data in (b"", b"# nothing", b"AGE-SECRET-KEY-1 none", f"{identity}x".encode()):
        with pytest.raises(InputRefused) as caught:
            identitiesOf(keyFile(tmp_path / "bad", data))
        assert caught.value.code == "bad-key-file" and str(identity)[16:40] not in str(caught.value)
    with pytest.raises(InputRefused):
        identitiesOf(tmp_path / "absent")


def test_onlyWhoStandsInTheSitesFileIsAPartner(home, identity):
    with pytest.raises(GateRefused) as caught:
        partnerOf(PARTNER)
    assert caught.value.code == "unknown-partner"
    writeSite(home, aPartner(identity))
    assert partnerOf(PARTNER)["ageRecipients"] == [str(identity.to_public())]
    for name in (PARTNER.lower(), f"{PARTNER} ", ""):
        with pytest.raises(GateRefused):
            partnerOf(name)


@pytest.mark.parametrize(
    "change",
    [{"ageRecipients": []}, {"ageRecipients": ["age1short"]}, {"publicKey": "ff"}, {"name": ""}, {"secret": "x"}],
)
def test_aPartnerThatIsNotAsAgreedIsNamed(home, identity, change):
    writeSite(home, {**aPartner(identity), **change})
    with pytest.raises(InputRefused) as caught:
        partnerOf(PARTNER)
    assert caught.value.code == "bad-site-file"


def test_twoPartnersOfOneNameAreRefused(home, identity):
    writeSite(home, aPartner(identity), aPartner(pyrage.x25519.Identity.generate()))
    with pytest.raises(InputRefused) as caught:
        partnerOf(PARTNER)
    assert caught.value.code == "bad-site-file"
