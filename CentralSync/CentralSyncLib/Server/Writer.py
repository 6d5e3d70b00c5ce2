"""Writes the configuration of a central store into a folder: Orthanc behind nginx, append-only for everybody.

``nginx.conf`` ends TLS and keeps the audit log. Each worker, and the store of teaching copies, has a folder of its own
with ``orthanc.json``, the rules in ``access.lua`` and the passwords in ``users.json`` (mode 0600), which is what the
command ``Orthanc`` takes. No password leaves that file.
"""

import dataclasses
import importlib.resources
import json
import re
import secrets
from pathlib import Path

from PlanningHubLib.EncryptedFile import readPrivate, writePrivate
from PlanningHubLib.Errors import InputRefused, UsageError
from PlanningHubLib.Files import namedWriteErrors, requireFree, writeAside

from . import Roles

NGINX, MARKER = "nginx.conf", "store-config.json"
MARKER_VALUES = {"format": "planninghub-store-config", "version": 1}
RULES, USERS, ORTHANC, DATABASE = "access.lua", "users.json", "orthanc.json", "database.json"
PASSWORD_BYTES = 24
USER_NAME = re.compile(r"[\w.@-]{1,64}")
# What may stand in nginx.conf without quotes: anything else would be read as its own syntax.
HOST_NAME = re.compile(r"[A-Za-z0-9.-]{1,253}")
LISTEN = re.compile(r"(?:[0-9.]+:|\[[0-9a-fA-F:]+\]:)?[0-9]{1,5}")
# How a path's placeholders are written in Lua's patterns.
UID = "[0-9.]+"


@dataclasses.dataclass(frozen=True)
class Database:
    """The PostgreSQL database that keeps the index of several workers.

    :param address: host name, address or folder of the socket
    """

    address: str
    port: int
    name: str
    user: str
    password: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class ServerPlan:
    """What the configuration is made for.

    :param host: the name in the certificate
    :param listen: port, or address and port, of the terminator
    :param state: folder for objects, index, logs and temporary files, writable by the account that runs the store
    :param plugins: folder of Orthanc's plugins
    :param ports: one for each worker, on loopback; the store of teaching copies has ``teachingPort``
    :param clientAuthority: PEM file; with it only clients with a certificate of that authority are heard
    :param revocationList: PEM file of client certificates that count no more
    """

    host: str
    certificate: Path
    key: Path
    listen: str = "443"
    state: Path = Path("/var/lib/planninghub-store")
    plugins: Path = Path("/usr/share/orthanc/plugins")
    ports: tuple = (8042,)
    teachingPort: int = 8032
    clientAuthority: Path | None = None
    revocationList: Path | None = None
    database: Database | None = None


def writeServer(folder, plan, users, renewed=()):
    """Write the configuration, or write it anew over an older one; passwords that are there stay as they are.

    :param users: dictionary from user name to its roles
    :param renewed: users who get another password
    :returns: dictionary with ``added`` (users with a new password), ``removed`` (users), and ``files`` (paths within)
    :raises UsageError: ``bad-store-settings``, ``needs-database``, ``no-users``, ``unknown-role``
    :raises InputRefused: ``already-there``, ``bad-store-config``, ``cannot-write``
    :raises GateRefused: ``key-file-open-to-others``
    """
    folder = Path(folder).absolute()
    _requireSound(plan, users, renewed)
    if not (folder / MARKER).is_file():
        requireFree(folder)
    older = _olderPasswords(folder)
    kept = {name: password for name, password in older.items() if name in users and name not in renewed}
    passwords = {name: kept.get(name) or secrets.token_urlsafe(PASSWORD_BYTES) for name in sorted(users)}
    workers = {f"orthanc-{number}": port for number, port in enumerate(plan.ports, 1)}
    files = {MARKER: json.dumps(MARKER_VALUES), NGINX: _nginx(plan)}
    private = {}
    for name, port in [*workers.items(), ("teaching", plan.teachingPort)]:
        service = Roles.TEACHING if name == "teaching" else Roles.STORE
        files[f"{name}/{ORTHANC}"] = _json(_orthanc(plan, service, port))
        files[f"{name}/{RULES}"] = _rules(users, service)
        private[f"{name}/{USERS}"] = _json({"RegisteredUsers": passwords})
        if plan.database and service == Roles.STORE:
            private[f"{name}/{DATABASE}"] = _json({"PostgreSQL": _database(plan.database)})
    _write(folder, files, private)
    return {
        "added": sorted(set(passwords) - set(kept)),
        "removed": sorted(set(older) - set(passwords)),
        "files": sorted([*files, *private]),
    }


def _write(folder, files, private):
    with namedWriteErrors(folder):
        for name in {name.split("/")[0] for name in files if "/" in name}:
            (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, text in private.items():
        writePrivate(folder / name, text, replace=True)
    for name, text in files.items():
        writeAside(folder / name, text.encode())
    # A worker that is no more would still start from its folder, and the passwords in it go as well.
    for left in folder.glob("orthanc-*/*.*"):
        name = f"{left.parent.name}/{left.name}"
        if left.name in (ORTHANC, RULES, USERS, DATABASE) and name not in {**files, **private}:
            left.unlink(missing_ok=True)


def _requireSound(plan, users, renewed):
    if not HOST_NAME.fullmatch(plan.host) or not LISTEN.fullmatch(plan.listen):
        raise UsageError("bad-store-settings", f"{plan.host} and {plan.listen} are no host name and port.",
                         "Give the name in the certificate, and a port such as 443 or 10.1.2.3:443.")  # fmt: skip
    for path in (plan.certificate, plan.key, plan.clientAuthority, plan.revocationList):
        if path and not Path(path).is_file():
            raise UsageError("bad-store-settings", f"There is no file {path}.", "Give a PEM file that is there.")
    for path in (plan.certificate, plan.key, plan.clientAuthority, plan.revocationList, plan.state):
        if path and re.search(r"[\s;{}\"'$\\]", str(Path(path).absolute())):
            raise UsageError("bad-store-settings", f"nginx cannot take the path {path}.", "Use plain names.")
    if plan.revocationList and not plan.clientAuthority:
        raise UsageError("bad-store-settings", "A revocation list without an authority.", "Give both.")
    if len({*plan.ports, plan.teachingPort}) != len(plan.ports) + 1:
        raise UsageError("bad-store-settings", "Two workers would have one port.", "Give another port.")
    if len(plan.ports) > 1 and not plan.database:
        raise UsageError("needs-database", "Several workers cannot share an index of SQLite.",
                         "Give a PostgreSQL database, or one worker.")  # fmt: skip
    if not users or not set(renewed) <= set(users):
        raise UsageError("no-users", "Nobody could ask this store, or a user of whom nothing is known gets a password.",
                         "Enter users with roles in site.json, or name them.")  # fmt: skip
    for name, roles in users.items():
        if not USER_NAME.fullmatch(name):
            raise UsageError("bad-store-settings", f"{name!r} can be no user's name.", "Use letters, digits and .@-")
        unknown = sorted(set(roles) - set(Roles.roleNames()))
        if unknown:
            raise UsageError("unknown-role", f"The store knows no role {unknown[0]!r}.",
                             f"Roles are {', '.join(Roles.roleNames())}.")  # fmt: skip


def _olderPasswords(folder):
    path = folder / "teaching" / USERS
    text = readPrivate(path)
    if text is None:
        return {}
    try:
        return dict(json.loads(text)["RegisteredUsers"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputRefused("bad-store-config", f"{path} holds no users.", "Restore it.", [path]) from error


def _orthanc(plan, service, port):
    """Orthanc's settings: whatever is not needed is off, and nothing that was stored is ever replaced or recycled."""
    storage = Path(plan.state).absolute() / service
    modules = ["libOrthancDicomWeb.so"]
    if plan.database and service == Roles.STORE:
        modules.append("libOrthancPostgreSQLIndex.so")
    return {
        "Name": f"Planning Hub {service}",
        "StorageDirectory": str(storage),
        "IndexDirectory": str(storage),
        "TemporaryDirectory": str(Path(plan.state).absolute() / "tmp"),
        "Plugins": [str(Path(plan.plugins) / name) for name in modules],
        "LuaScripts": [RULES],
        # Only the terminator on this machine is heard, and it has to say who asks.
        "HttpPort": port, "RemoteAccessAllowed": False, "SslEnabled": False, "AuthenticationEnabled": True,
        # No other doors.
        "DicomServerEnabled": False, "OrthancExplorerEnabled": False, "WebDavEnabled": False,
        "ExecuteLuaEnabled": False, "RestApiWriteToFileSystemEnabled": False, "HttpDescribeErrors": False,
        "DicomModalities": {}, "DicomModalitiesInDatabase": False, "DicomAlwaysAllowEcho": False,
        "DicomAlwaysAllowStore": False, "OrthancPeers": {}, "OrthancPeersInDatabase": False,
        "HttpsVerifyPeers": True,
        # Kept as it came, and for good.
        "OverwriteInstances": False, "StorageCompression": False, "StoreDicom": True, "SyncStorageArea": True,
        "StoreMD5ForAttachments": True, "MaximumStorageSize": 0, "MaximumPatientCount": 0,
        # What is read back comes from the disk, not from what was just in memory.
        "MaximumStorageCacheSize": 0,
        # Known from Orthanc 1.11.2 on; without limits above nothing is recycled before that either.
        "MaximumStorageMode": "Reject",
        # Limits. Threads: more connections than the terminator keeps open to a worker.
        "HttpThreadsCount": 50, "HttpRequestTimeout": 30, "HttpTimeout": 60, "ConcurrentJobs": 2,
        "JobsHistorySize": 10, "SaveJobs": False, "MediaArchiveSize": 1, "StableAge": 60, "KeepAlive": True,
        "TcpNoDelay": True, "HttpCompressionEnabled": False, "MetricsEnabled": True, "LogExportedResources": False,
        "DeidentifyLogs": True,
        "DicomWeb": {
            "Enable": True, "Root": f"{Roles.servicePath(service)}/", "EnableWado": False, "Ssl": True,
            "StudiesMetadata": "Full", "SeriesMetadata": "Full", "Servers": {},
        },
    }  # fmt: skip


def _database(database):
    return {
        "EnableIndex": True, "EnableStorage": False, "Host": database.address, "Port": database.port,
        "Database": database.name, "Username": database.user, "Password": database.password,
        # Several workers write to one index.
        "Lock": False, "IndexConnectionsCount": 8, "MaximumConnectionRetries": 20,
    }  # fmt: skip


def _rules(users, service):
    """The Lua rules of one Orthanc: its own service's doors, and the machine's on the store itself."""
    services = (Roles.STORE, Roles.MACHINE) if service == Roles.STORE else (service,)
    opened = {name: [door for one, door in Roles.doorsOf(roles) if one in services] for name, roles in users.items()}
    homes = {door: one for roles in users.values() for one, door in Roles.doorsOf(roles) if one in services}
    requests = [f"  {door} = {{ {_patterns(home, door)} }}," for door, home in sorted(homes.items())]
    lines = [f"  [{json.dumps(name, ensure_ascii=False)}] = {{ {_quoted(doors)} }}," for name, doors in opened.items()]
    text = importlib.resources.files(__package__).joinpath(RULES).read_text(encoding="utf-8")
    return text.replace("@REQUESTS@", "\n".join(requests)).replace("@USERS@", "\n".join(sorted(lines)))


def _patterns(service, door):
    return ", ".join(f'{{"{method}", "^{_luaPattern(path)}$"}}' for method, path in Roles.requestsOf(service, door))


def _luaPattern(path):
    return re.sub(r"([-.])", r"%\1", path).replace("{uid}", UID)


def _quoted(words):
    return ", ".join(f'"{word}"' for word in words)


def _nginx(plan):
    values = {
        "STATE": Path(plan.state).absolute(),
        "WORKERS": "\n".join(f"    server 127.0.0.1:{port} max_fails=0;" for port in plan.ports),
        "TEACHING_PORT": plan.teachingPort,
        "LISTEN": plan.listen,
        "HOST": plan.host,
        "CERTIFICATE": Path(plan.certificate).absolute(),
        "KEY": Path(plan.key).absolute(),
        "CLIENT_CERTIFICATES": _clientCertificates(plan),
    }
    text = importlib.resources.files(__package__).joinpath(NGINX).read_text(encoding="utf-8")
    return re.sub(r"@([A-Z_]+)@", lambda found: str(values[found.group(1)]), text)


def _clientCertificates(plan):
    if not plan.clientAuthority:
        return ""
    lines = ["    ssl_verify_client on;", f"    ssl_client_certificate {Path(plan.clientAuthority).absolute()};"]
    if plan.revocationList:
        lines.append(f"    ssl_crl {Path(plan.revocationList).absolute()};")
    return "\n".join(lines)


def _json(values):
    return json.dumps(values, indent=1, ensure_ascii=True) + "\n"
