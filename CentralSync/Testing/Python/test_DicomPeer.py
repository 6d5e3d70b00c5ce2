"""Addresses of DICOM archives, and the TLS connection to them: verified, or nothing leaves."""

import datetime
import json
import os
import ssl

import pytest
import trustme

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Stores.CentralStore import SAME, SENT, UNREACHED
from CentralSyncLib.Stores.DicomPeer import parsePeer
from PlanningHubLib.Errors import UsageError
from PlanningHubLib.Progress import noProgress
from Servers.DimseArchive import DimseArchive
from Servers.OrthancServer import freePort
from Servers.SmallDicom import writeSmallSeries


@pytest.mark.parametrize(
    ("address", "aet", "host", "port"),
    [
        ("dicom://PACS@archive.example:104", "PACS", "archive.example", 104),
        ("dicom://PACS@ARCHIVE.example:104", "PACS", "archive.example", 104),
        ("dicom://My%20PACS@127.0.0.1:11112", "My PACS", "127.0.0.1", 11112),
        ("dicom://SIXTEEN_LETTERS_@[::1]:4242", "SIXTEEN_LETTERS_", "::1", 4242),
    ],
)
def test_addressAndItsNormalForm(address, aet, host, port):
    peer = parsePeer(address)
    assert (peer.aet, peer.host, peer.port) == (aet, host, port)
    assert parsePeer(peer.address) == peer


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("dicom://archive.example:104", "bad-store-address"),
        ("dicom://PACS@archive.example", "bad-store-address"),
        ("dicom://PACS@archive.example:port", "bad-store-address"),
        ("dicom://PACS@archive.example:104/path", "bad-store-address"),
        ("dicom://SEVENTEEN_LETTERS@archive.example:104", "bad-store-address"),
        ("dicom://BACK%5CSLASH@archive.example:104", "bad-store-address"),
        ("dicom://%20PACS@archive.example:104", "bad-store-address"),
        ("dicom://PACS:geheim@archive.example:104", "secret-in-address"),
        ("dicom://PACS@archive.example:104", "plain-dicom"),
        ("dicom:PACS@archive.example:104", "unknown-store"),
    ],
)
def test_otherAddressesAreRefused(address, code, homeless):
    with pytest.raises(UsageError) as error:
        openStore(address)
    assert error.value.code == code and error.value.action and "geheim" not in str(error.value)


@pytest.fixture
def homeless(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def siteWith(home, **store):
    site = {"format": "planninghub-site", "version": 1, "users": [], "approvals": [], "stores": [store]}
    path = home / "site.json"
    path.write_text(json.dumps(site))
    os.chmod(path, 0o600)


def test_withoutTlsOnlyWhereTheSiteSaysSo(homeless):
    address = "dicom://PACS@archive.example:104"
    siteWith(homeless, name="pacs", address=address, plain=True)
    assert openStore(address).description == f"DICOM store {address}"


def test_plainAndCertificatesContradict(homeless, authority, tmp_path):
    address = "dicom://PACS@archive.example:104"
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    siteWith(homeless, name="pacs", address=address, plain=True, certificateAuthority=str(tmp_path / "authority.pem"))
    with pytest.raises(UsageError) as error:
        openStore(address)
    assert error.value.code == "bad-store-settings"


def test_certificatesThatAreNone(homeless, tmp_path):
    address = "dicom://PACS@127.0.0.1:104"
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    junk.chmod(0o600)
    for name in ("certificateAuthority", "clientCertificate"):
        siteWith(homeless, name="pacs", address=address, **{name: str(junk)})
        with pytest.raises(UsageError) as error:
            openStore(address)
        assert error.value.code == "bad-store-settings"


@pytest.fixture
def authority():
    return trustme.CA()


@pytest.fixture
def secured(authority, homeless, tmp_path):
    """Function that starts an archive with a certificate and returns a store that trusts the test's authority."""
    archives = []

    def start(certificate, clientCertificate=None, oldProtocol=False, commitmentPort=None, **lies):
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(server)
        server.verify_mode = ssl.CERT_REQUIRED
        authority.configure_trust(server)
        if oldProtocol:
            server.set_ciphers("ALL:@SECLEVEL=0")
            with pytest.warns(DeprecationWarning):
                server.minimum_version = server.maximum_version = ssl.TLSVersion.TLSv1_1
        archive = DimseArchive(tls=server, **lies).__enter__()
        archives.append(archive)
        authority.cert_pem.write_to_path(tmp_path / "authority.pem")
        settings = {"certificateAuthority": str(tmp_path / "authority.pem")}
        settings |= {"commitmentPort": commitmentPort} if commitmentPort else {}
        if clientCertificate:
            clientCertificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
            (tmp_path / "client.pem").chmod(0o600)
            settings["clientCertificate"] = str(tmp_path / "client.pem")
        siteWith(homeless, name="pacs", address=archive.address, **settings)
        return archive, openStore(archive.address)

    yield start
    for archive in archives:
        archive.__exit__()


@pytest.fixture
def items(tmp_path):
    return [itemOf(path) for path in writeSmallSeries(tmp_path / "series", 2)]


def outcomes(answers):
    return {answer.outcome for answer in answers.values()}


def test_overTlsWithAClientCertificate(secured, authority, items):
    archive, store = secured(authority.issue_cert("127.0.0.1"), authority.issue_cert("workstation"))
    assert outcomes(store.send(items, noProgress)) == {SENT}
    assert outcomes(store.check(items, noProgress)) == {SAME} and len(archive.kept) == 2


@pytest.mark.parametrize("isKnown", [True, False])
def test_theReportOfAnArchiveIsHeardOverTlsOnly(secured, authority, items, isKnown):
    archive, store = secured(
        authority.issue_cert("127.0.0.1"), authority.issue_cert("workstation"), commitmentPort=freePort(),
        read="noGet", commitment="reportsLater",
    )  # fmt: skip
    archive.reportPort = store._peer.commitmentPort
    archive.reportTls = ssl.create_default_context()
    authority.configure_trust(archive.reportTls)
    (authority if isKnown else trustme.CA()).issue_cert("archive").configure_cert(archive.reportTls)
    store._commitmentSeconds = 20 if isKnown else 1
    store.send(items, noProgress)
    answers = store.check(items, noProgress)
    assert outcomes(answers) == ({SENT} if isKnown else {UNREACHED})
    assert isKnown is all("committed to keeping it" in answer.reason for answer in answers.values())


def expired(authority):
    return authority.issue_cert("127.0.0.1", not_after=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))


@pytest.mark.parametrize(
    "certificate",
    [expired, lambda _ours: trustme.CA().issue_cert("127.0.0.1"), lambda ours: ours.issue_cert("127.0.0.2")],
    ids=["expired", "unknownAuthority", "otherHost"],
)
def test_anArchiveThatCannotBeVerifiedGetsNothing(secured, authority, items, certificate):
    archive, store = secured(certificate(authority), authority.issue_cert("workstation"))
    answers = store.send(items, noProgress)
    assert outcomes(answers) == {UNREACHED} and archive.associations == 0
    assert all("could not be verified" in answer.reason for answer in answers.values())


def test_anOldProtocolAndAMissingClientCertificate(secured, authority, items):
    archive, store = secured(authority.issue_cert("127.0.0.1"), authority.issue_cert("workstation"), oldProtocol=True)
    assert outcomes(store.send(items, noProgress)) == {UNREACHED} and archive.associations == 0
    archive, store = secured(authority.issue_cert("127.0.0.1"))
    assert outcomes(store.send(items, noProgress)) == {UNREACHED}
    assert archive.associations == 0 and archive.received == []


def test_anArchiveWithoutTlsGetsNothingFromAStoreWithTls(authority, homeless, tmp_path, items):
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    with DimseArchive() as archive:
        siteWith(homeless, name="a", address=archive.address, certificateAuthority=str(tmp_path / "authority.pem"))
        assert outcomes(openStore(archive.address).send(items, noProgress)) == {UNREACHED}
        assert archive.associations == 0
