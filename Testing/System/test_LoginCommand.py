"""``planninghub login``: what a store asks for is kept only where it works, and shows nowhere."""

import json
import os
import stat

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from CentralSyncLib.Stores.Addresses import openStore
from PlanningHubLib.ArchiveAccess import recall
from PlanningHubLib.Errors import StoreFailed
from Servers.OrthancServer import OrthancServer, freePort, whyNoOrthanc

SECRET, PASSPHRASE = "open sesame 42", "a key's own passphrase"

needsOrthanc = pytest.mark.skipif(bool(whyNoOrthanc()), reason=whyNoOrthanc() or "Orthanc is there")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The environment of an installation of its own that can keep secrets."""
    private(tmp_path / "passphrase", "of this installation")
    (tmp_path / "home").mkdir()
    values = {"PLANNINGHUB_HOME": tmp_path / "home", "PLANNINGHUB_PASSPHRASE_FILE": tmp_path / "passphrase"}
    environment = {name: str(value) for name, value in values.items()}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


def private(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return path


def assertHidden(folder, *secrets):
    for path in (path for path in folder.rglob("*") if path.is_file()):
        assert not any(secret.encode() in path.read_bytes() for secret in secrets), path
        assert os.name == "nt" or not stat.S_IMODE(path.stat().st_mode) & 0o077


@needsOrthanc
def test_loginThatWorksIsKeptAndUsed(command, home, tmp_path):
    with OrthancServer(user=("anna", SECRET)) as orthanc:
        store = "--store", orthanc.address
        with pytest.raises(StoreFailed):
            openStore(orthanc.address).query("/studies", {})
        code, values = command("login", *store, "--user", "anna", "--secret-stdin", stdin="wrong\n",
                               extraEnvironment=home)  # fmt: skip
        assert (code, values["findings"][0]["code"]) == (5, "http-401")
        with pytest.raises(StoreFailed):
            openStore(orthanc.address).query("/studies", {})
        file = private(tmp_path / "secret", SECRET + "\n")
        code, values = command("login", *store, "--user", "anna", "--secret-file", file, extraEnvironment=home)
        assert (code, values["store"], values["user"], values["kept"]) == (0, orthanc.address, "anna", ["login"])
        assert openStore(orthanc.address).query("/studies", {}) == []
    assertHidden(tmp_path / "home", SECRET)


def test_storeThatIsAwayKeepsNothing(command, home, tmp_path):
    address = f"dicomweb+http://127.0.0.1:{freePort()}/dicom-web"
    code, values = command("login", "--store", address, "--secret-stdin", stdin=f"{SECRET.replace(' ', '')}\n",
                           extraEnvironment=home)  # fmt: skip
    assert (code, values["findings"][0]["code"]) == (5, "store-unreachable")
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--store", "dicomweb+https://archive.example"], "usage"),
        (["--store", "dicomweb+https://archive.example", "--user", "anna"], "no-archive-secret"),
        (["--store", "/srv/store", "--user", "anna", "--secret-stdin"], "usage"),
    ],
)
def test_wrongUseIsNamed(command, home, arguments, code):
    exitCode, values = command("login", *arguments, stdin=SECRET, extraEnvironment=home)
    assert (exitCode, values["findings"][0]["code"]) == (2, code)


def test_passphraseOfTheClientKey(command, home, tmp_path):
    issued = trustme.CA().issue_cert("workstation.example")
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    certificate.write_bytes(issued.cert_chain_pems[0].bytes())
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    loaded = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    key.write_bytes(loaded.private_bytes(*form, serialization.BestAvailableEncryption(PASSPHRASE.encode())))
    key.chmod(0o600)
    entry = {"name": "hospital", "address": "dicomweb+https://archive.example/dicom-web",
             "clientCertificate": str(certificate), "clientKey": str(key)}  # fmt: skip
    site = {"format": "planninghub-site", "version": 1, "users": [], "approvals": [], "stores": [entry]}
    (tmp_path / "home" / "site.json").write_text(json.dumps(site))
    (tmp_path / "home" / "site.json").chmod(0o600)
    wrong, right = private(tmp_path / "wrong", "another one"), private(tmp_path / "right", PASSPHRASE)
    code, values = command("login", "--store", "hospital", "--key-passphrase-file", wrong, extraEnvironment=home)
    assert (code, values["findings"][0]["code"]) == (4, "wrong-passphrase")
    code, values = command("login", "--store", "hospital", "--key-passphrase-file", right, extraEnvironment=home)
    assert (code, values["kept"]) == (0, ["key-passphrase"])
    assert openStore("hospital").address == entry["address"]
    assertHidden(tmp_path / "home", PASSPHRASE)


def test_aTokenForAFhirServerIsKept(command, home, tmp_path):
    token = "geheim-0815-token"
    address = "fhir+https://server.example/base"
    code, values = command("login", "--store", address, "--secret-stdin", stdin=f"{token}\n", extraEnvironment=home)
    assert (code, values["kept"]) == (0, ["login"])
    assert recall("https://server.example/base").secret == token
    assertHidden(tmp_path / "home", token)
