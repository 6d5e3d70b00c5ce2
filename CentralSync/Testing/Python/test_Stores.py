"""Store addresses."""

import pytest

from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Stores.DicomWebStore import DicomWebStore
from CentralSyncLib.Stores.FolderStore import FolderStore
from PlanningHubLib.Errors import UsageError


@pytest.mark.parametrize("address", ["/srv/archive", "archive", "./a:b", "C:\\archive", "~/archive"])
def test_pathIsAFolderStoreAndNothingIsWritten(address, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert isinstance(openStore(address), FolderStore)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "address",
    [
        "dicomweb+https://archive.example/dicom-web",
        "dicomweb+http://localhost:8042/dicom-web/",
        "dicomweb+http://127.8.9.1:8042/dicom-web",
        "dicomweb+http://[::1]:8042/dicom-web",
    ],
)
def test_dicomWebAddress(address):
    store = openStore(address)
    assert isinstance(store, DicomWebStore)
    assert store.description == "DICOMweb store " + address.removeprefix("dicomweb+").rstrip("/")


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "bad-store-address"),
        ("dicomweb+https://", "bad-store-address"),
        ("dicomweb+https://host:port/path", "bad-store-address"),
        ("dicomweb+https://host/path?token=1", "bad-store-address"),
        ("dicomweb+https://host/pa th", "bad-store-address"),
        ("dicomweb+http://archive.example/dicom-web", "plain-http"),
        ("dicomweb+http://127.0.0.1.example/dicom-web", "plain-http"),
        ("dicomweb+http://0.0.0.0/dicom-web", "plain-http"),
        ("dicomweb+https://someone:secret@host/path", "secret-in-address"),
        ("dicomweb:https://host/path", "unknown-store"),
        ("dicom://AET@archive.example:104", "plain-dicom"),
        ("https://host/path", "unknown-store"),
        ("s3://bucket", "unknown-store"),
    ],
)
def test_otherAddressesAreRefusedWithWhatExists(address, code):
    with pytest.raises(UsageError) as caught:
        openStore(address)
    assert caught.value.code == code and caught.value.exitCode == 2 and caught.value.action
    assert "secret" not in str(caught.value)
