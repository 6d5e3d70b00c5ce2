"""The command that writes the configuration of a central store: Orthanc behind nginx, with the site's users and roles.

It takes the parsed options and returns (JSON values, report for a person, exit code).
"""

from pathlib import Path

from PlanningHubLib.ArchiveAccess import secretFromFile
from PlanningHubLib.Errors import UsageError
from PlanningHubLib.Site import Site

from .Console import table

FIRST_PORT = 8042
MOST_WORKERS = 16


def addCommand(command):
    """Add the command to the parser.

    :param command: function of (name, function, text) that returns the command's own parser
    """
    text = "write the configuration of a central store: Orthanc behind nginx, append-only, with users and roles"
    serving = command("store-config", storeConfig, text)
    serving.add_argument("--out", required=True, metavar="DIR", help="a new folder, or one written before")
    serving.add_argument("--host", required=True, metavar="NAME", help="the store's name, as in its certificate")
    serving.add_argument("--certificate", required=True, metavar="FILE", help="PEM file with the store's certificate")
    serving.add_argument("--key", required=True, metavar="FILE", help="PEM file with its key")
    serving.add_argument("--listen", default="443", metavar="[ADDRESS:]PORT")
    serving.add_argument(
        "--state", default="/var/lib/planninghub-store", metavar="DIR", help="where objects, index and logs will lie"
    )
    serving.add_argument(
        "--user", dest="users", action="append", default=[], metavar="NAME=ROLE[,ROLE]",
        help="a user beside those of the site's configuration, or other roles for one; may be given several times",
    )  # fmt: skip
    serving.add_argument(
        "--new-password", dest="renewed", action="append", default=[], metavar="NAME", help="give this user another"
    )
    serving.add_argument(
        "--client-ca", dest="clientAuthority", metavar="FILE",
        help="hear only clients with a certificate of this authority (PEM)",
    )  # fmt: skip
    serving.add_argument(
        "--client-crl", dest="revocationList", metavar="FILE", help="client certificates that count no more (PEM)"
    )
    serving.add_argument("--workers", type=int, default=1, metavar="NUMBER", help="several need --database")
    serving.add_argument("--database", metavar="HOST:PORT/NAME", help="index in PostgreSQL instead of a file")
    serving.add_argument("--database-user", dest="databaseUser", default="orthanc", metavar="NAME")
    serving.add_argument(
        "--database-secret-file", dest="databaseSecretFile", metavar="FILE", help="its password, of mode 0600"
    )


def storeConfig(options, console):
    """Write the configuration; say who may do what, and where the passwords are."""
    from CentralSyncLib.Server import Roles
    from CentralSyncLib.Server.Writer import ServerPlan, writeServer

    if not 1 <= options.workers <= MOST_WORKERS:
        raise UsageError("usage", f"{options.workers} is no number of workers.", f"Give 1 to {MOST_WORKERS}.")
    site = Site.forThisInstallation()
    users = {user["name"]: Roles.rolesOf(user["name"], site) for user in site.asDict()["users"]}
    users = {name: roles for name, roles in users.items() if roles} | dict(map(_user, options.users))
    plan = ServerPlan(
        host=options.host, certificate=Path(options.certificate), key=Path(options.key), listen=options.listen,
        state=Path(options.state), ports=tuple(range(FIRST_PORT, FIRST_PORT + options.workers)),
        clientAuthority=_path(options.clientAuthority), revocationList=_path(options.revocationList),
        database=_database(options),
    )  # fmt: skip
    written = writeServer(options.out, plan, users, options.renewed)
    values = {"out": str(options.out), "users": users, **written, "findings": []}
    return values, _report(values), 0


def _path(name):
    return Path(name) if name else None


def _user(words):
    name, mark, roles = words.partition("=")
    if not (name and mark and roles):
        raise UsageError("usage", f"{words!r} is no NAME=ROLE.", "Such as: --user scrub.service=engineer")
    return name, sorted(set(roles.split(",")))


def _database(options):
    from CentralSyncLib.Server.Writer import Database

    if not options.database:
        return None
    place, mark, name = options.database.rpartition("/")
    host, colon, port = place.rpartition(":")
    if not (host and name and port.isdigit()) or not options.databaseSecretFile:
        raise UsageError("usage", "Where the database is, or its password, is not said.",
                         "Give --database HOST:PORT/NAME and --database-secret-file FILE.")  # fmt: skip
    return Database(host, int(port), name, options.databaseUser, secretFromFile(options.databaseSecretFile))


def _report(values):
    rows = [["user", "roles", "password"]]
    for name, roles in sorted(values["users"].items()):
        rows.append([name, ", ".join(roles), "new" if name in values["added"] else "as before"])
    lines = [table(rows), "", *(f"  {Path(values['out']) / name}" for name in values["files"])]
    if values["removed"]:
        lines.append(f"No longer users: {', '.join(values['removed'])}")
    lines.append("Passwords stand in users.json (mode 0600) alone: hand each user theirs, then start the store anew.")
    return "\n".join(lines)
