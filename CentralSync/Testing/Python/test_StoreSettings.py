"""What the site's configuration says of a store, and the one form of every address."""

import json

import pytest

from CentralSyncLib.Stores.Addresses import normal, openStore
from CentralSyncLib.Stores.Settings import storeSettings
from PlanningHubLib.Errors import InputRefused, UsageError

ADDRESS = "dicomweb+https://archive.example/dicom-web"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Function that lists stores in this installation's site.json."""
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()

    def write(*stores):
        values = {"format": "planninghub-site", "version": 1, "users": [], "approvals": [], "stores": list(stores)}
        (tmp_path / "home" / "site.json").write_text(json.dumps(values))

    return write


@pytest.fixture
def pem(tmp_path):
    path = tmp_path / "authority.pem"
    path.write_text("no certificate")
    return path


def test_nameAndAddressGiveTheSameSettings(site):
    site({"name": "hospital", "address": ADDRESS + "/", "connections": 2, "bytesPerSecond": 5000, "scrubDays": 7})
    named = storeSettings("hospital")
    assert named == storeSettings(ADDRESS) == storeSettings("dicomweb+HTTPS://Archive.Example:443/dicom-web//")
    assert (named.address, named.connections, named.bytesPerSecond, named.scrubDays) == (ADDRESS, 2, 5000, 7)
    assert openStore("hospital").description == f"DICOMweb store {ADDRESS.removeprefix('dicomweb+')}"


def test_whatTheSiteDoesNotListHasTheDefaults(site):
    site({"name": "hospital", "address": ADDRESS, "connections": 2})
    other = storeSettings("dicomweb+https://other.example/dicom-web")
    assert (other.name, other.connections, other.bytesPerSecond, other.proxy) == ("", 4, None, None)


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("dicomweb+https://Archive.example:443/dicom-web/", ADDRESS),
        ("DICOMweb+https://archive.example/dicom-web", ADDRESS),
        ("dicomweb+https://archive.example:8443/a/", "dicomweb+https://archive.example:8443/a"),
        ("dicomweb+http://[::1]:80/a", "dicomweb+http://[::1]/a"),
        ("/srv/archive/../store/", "/srv/store"),
    ],
)
def test_oneFormOfEveryAddress(site, address, form):
    assert normal(address) == form
    assert normal(form) == form


def test_relativeFolderAndHomeAreWholePaths(site, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert normal("archive") == str(tmp_path / "archive")
    assert normal("~/archive") == str(tmp_path / "me" / "archive")
    assert openStore("archive").folder == tmp_path / "archive"


def test_folderNamedLikeAStoreIsGivenWithItsPath(site, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    site({"name": "archive", "address": ADDRESS})
    assert normal("archive") == ADDRESS
    assert normal("./archive") == str(tmp_path / "archive")


def test_missingFileIsNamed(site, tmp_path):
    site({"name": "hospital", "address": ADDRESS, "clientCertificate": str(tmp_path / "absent.pem")})
    with pytest.raises(UsageError) as caught:
        openStore("hospital")
    assert caught.value.code == "bad-store-settings" and "absent.pem" in caught.value.message


def test_fileThatIsNoCertificateIsNamed(site, pem):
    site({"name": "hospital", "address": ADDRESS, "certificateAuthority": str(pem)})
    with pytest.raises(UsageError) as caught:
        openStore("hospital")
    assert caught.value.code == "bad-store-settings" and str(pem) in caught.value.message


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ({"address": ADDRESS, "clientKey": "authority.pem"}, "without a clientCertificate"),
        ({"address": "dicomweb+http://127.0.0.1/a", "certificateAuthority": "authority.pem"}, "https"),
        ({"address": "dicomweb+http://127.0.0.1/a", "proxy": "http://proxy.example:3128"}, "patient data"),
    ],
)
def test_settingsThatCannotBeAreRefused(site, pem, monkeypatch, entry, word):
    monkeypatch.chdir(pem.parent)
    site({"name": "hospital", **entry})
    with pytest.raises(UsageError) as caught:
        storeSettings("hospital")
    assert caught.value.code == "bad-store-settings" and word in caught.value.message


def test_anotherStoresWrongEntryDoesNotStopThisOne(site):
    site({"name": "wrong", "address": "s3://bucket"}, {"name": "hospital", "address": ADDRESS, "connections": 1})
    assert storeSettings(ADDRESS).connections == 1
    with pytest.raises(UsageError) as caught:
        storeSettings("wrong")
    assert caught.value.code == "unknown-store"


@pytest.mark.parametrize("entry", [{"proxy": "http://user:secret@proxy.example"}, {"connections": 0}, {"paths": "/x"}])
def test_siteFileIsCheckedAgainstItsSchema(site, entry):
    site({"name": "hospital", "address": ADDRESS, **entry})
    with pytest.raises(InputRefused) as caught:
        storeSettings("hospital")
    assert caught.value.code == "bad-site-file" and "secret" not in str(caught.value)
