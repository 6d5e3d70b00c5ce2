"""The site's configuration: who works here, with which roles and public keys, and who may approve what.

``site.json`` lies in the settings folder (:func:`PlanningHubLib.Secrets.homeFolder`) and is kept by whoever
administers the site. It holds no secret.
"""

import importlib.resources
import json

from .Errors import GateRefused, InputRefused
from .Files import requireClosed
from .Procedures import approvalRuleOf
from .Secrets import homeFolder
from .Signing import fingerprintOf

FILE_NAME = "site.json"
CLINICIANS = ("surgeon", "radiologist")


class Site:
    """Users and rules, checked against ``site-1.schema.json``."""

    def __init__(self, values, path):
        self._values = values
        self.path = path
        self._users = {user["name"]: user for user in values["users"]}

    @classmethod
    def forThisInstallation(cls):
        """Return the site; one without users where there is no file: then nobody can approve.

        :raises InputRefused: ``bad-site-file``, ``cannot-read``
        :raises GateRefused: ``site-file-open-to-others``
        """
        path = homeFolder() / FILE_NAME
        try:
            data = path.read_bytes()
            requireClosed(path)
        except FileNotFoundError:
            return cls({"users": [], "approvals": []}, path)
        except OSError as error:
            raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error
        return cls(_parsed(data, path), path)

    @property
    def recordsTreatmentConsent(self):
        """Whether consent to the patient's own treatment is recorded here; by default it is kept elsewhere."""
        return self._values.get("treatmentConsent", "elsewhere") == "recorded"

    @property
    def statesTreatmentConsent(self):
        """Whether the site's file says so itself, or that is the default."""
        return "treatmentConsent" in self._values

    @property
    def inferenceServer(self):
        """The address of the hospital's inference server (MONAI Label), empty where there is none."""
        return self._values.get("inferenceServer", "")

    @property
    def totalSegmentator(self):
        """The path of TotalSegmentator's program, empty where the site names none."""
        return self._values.get("totalSegmentator", "")

    @property
    def prusaSlicer(self):
        """The path of PrusaSlicer's program, empty where the site names none."""
        return self._values.get("prusaSlicer", "")

    @property
    def manufacturer(self):
        """Who makes the printed parts: ``name``, ``address``, ``sites``, ``authorizedRepresentative``; or nothing."""
        return self._values.get("manufacturer", {})

    @property
    def isCustomMade(self):
        """Whether the site makes patient-specific parts as custom-made devices, which is the default."""
        return self._values.get("deviceRoute", "custom-made") == "custom-made"

    @property
    def stores(self):
        """The central stores that the site lists: dictionaries as ``site-1.schema.json`` describes them."""
        return self._values.get("stores", [])

    @property
    def fhirEndpoint(self):
        """The address to which a case's metadata go as HL7 FHIR, empty where there is none."""
        return self._values.get("fhirEndpoint", "")

    @property
    def partners(self):
        """Who gets encrypted packages: dictionaries as ``site-1.schema.json`` describes them."""
        return self._values.get("partners", [])

    def isClinician(self, userName):
        """Tell whether a user is a clinician by their roles; None of someone whom the site does not know."""
        user = self._users.get(userName)
        return None if user is None else bool(set(user["roles"]) & set(self._values.get("clinicianRoles", CLINICIANS)))

    def rule(self, kind, procedure):
        """Return who approves a kind under a procedure: ``roles``, how many ``signatures``, and ``origin`` of the rule.

        The site's first rule that fits goes before what the procedure's own file asks for (:func:`approvalRuleOf`);
        where neither says, no role may approve.
        """
        for rule in self._values["approvals"]:
            procedures = [name.casefold() for name in rule.get("procedures", ())]
            if rule["kind"] == kind and (not procedures or (procedure or "").casefold() in procedures):
                return {"roles": rule["roles"], "signatures": rule["signatures"], "origin": "site"}
        rule = approvalRuleOf(procedure, kind)
        if rule:
            return {"roles": rule["roles"], "signatures": rule["signatures"], "origin": "procedure"}
        return {"roles": [], "signatures": 1, "origin": "none"}

    def requireApprover(self, key, kind, procedure, role=None):
        """Return the role under which the holder of a key may approve a kind of artefact.

        :raises GateRefused: ``not-a-user``, ``key-differs``, ``role-missing``
        """
        user = self._users.get(key.user)
        if user is None:
            raise GateRefused(
                "not-a-user",
                f"{key.user} is not a user of this site.",
                f"Have name, roles and public key {key.publicKey} entered in {self.path}.",
            )
        if user["publicKey"] != key.publicKey:
            raise GateRefused("key-differs", f"The key is not the one that the site knows of {key.user}.", "")
        roles = self.rule(kind, procedure)["roles"]
        allowed = [one for one in user["roles"] if one in roles and role in (None, one)]
        if not allowed:
            raise GateRefused(
                "role-missing",
                f"{key.user} may not approve a {kind}{f' as {role}' if role else ''}: that needs the role "
                f"{' or '.join(roles) or 'that no rule names'}.",
                "Ask someone with that role.",
            )
        return allowed[0]

    def faultsOf(self, approval, procedure):
        """Return in words what the site has against an approval: an unknown user or key, a role that is not enough."""
        statement = approval["statement"]
        user = self._users.get(statement.get("user"))
        if user is None:
            return [f"{statement.get('user')} is not a user of this site"]
        if user["publicKey"] != approval["publicKey"]:
            return [f"it was signed with another key than that of {statement['user']}"]
        kinds = [one["kind"] for one in statement["artefacts"] if one["id"] == statement["target"]]
        role = statement.get("role")
        if len(kinds) != 1 or role not in user["roles"] or role not in self.rule(kinds[0], procedure)["roles"]:
            return [f"{statement['user']} may not approve this as {role}"]
        return []

    def foreignKeys(self, signed):
        """Return the signed statements whose user this site knows with another key."""
        return [
            one
            for one in signed
            if one["statement"].get("user") in self._users
            and self._users[one["statement"]["user"]]["publicKey"] != one["publicKey"]
        ]

    def asDict(self):
        """Return users (with fingerprints) and rules."""
        users = [{**user, "fingerprint": fingerprintOf(user["publicKey"])} for user in self._values["users"]]
        return {"users": users, "approvals": self._values["approvals"]}


def _parsed(data, path):
    import jsonschema

    schema = importlib.resources.files(__package__).joinpath("Schemas/site-1.schema.json")
    try:
        values = json.loads(data)
        jsonschema.Draft202012Validator(json.loads(schema.read_text(encoding="utf-8"))).validate(values)
    except (ValueError, jsonschema.ValidationError) as error:
        message = getattr(error, "message", str(error))[:200]
        if getattr(error, "validator", "") == "pattern":
            # What was written by mistake into an address may be a password.
            message = f"{error.json_path} is not of the form {error.validator_value}"
        raise InputRefused("bad-site-file", f"{path} is not a site configuration: {message}", "", [path]) from error
    for what in ("name", "publicKey"):
        if len({user[what] for user in values["users"]}) != len(values["users"]):
            raise InputRefused("bad-site-file", f"In {path} two users share one {what}.", "", [path])
    partners = [one["name"] for one in values.get("partners", ())]
    if len(set(partners)) != len(partners):
        raise InputRefused("bad-site-file", f"In {path} two partners share one name.", "", [path])
    return values
