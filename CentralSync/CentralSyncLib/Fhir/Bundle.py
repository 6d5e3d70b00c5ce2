"""The transaction that says of a case what it is, what was made, who approved it and what left (HL7 FHIR R4).

An equal case gives equal bytes. What never changes is created where it is not there yet; what can change is put in the
place of what is there, unless that is of a later state of the case.
"""

import io
import json

from PlanningHubLib import Approval
from PlanningHubLib.Audit import canonical
from PlanningHubLib.Files import sha256Bytes
from PlanningHubLib.PartsTogether import partsTogether
from PlanningHubLib.Site import Site

from ..Items import FHIR, Item
from . import Events, Resources
from .Identifiers import URI, resourceUuid

NAME = "metadata (HL7 FHIR)"
# Of what is created once: another layout of it needs another form, or the resource that is there contradicts it.
FORM = 1


def itemFor(case, items=(), site=None):
    """Return the case's transaction as an :class:`CentralSyncLib.Items.Item`; it lies in memory only.

    What leaves with it must be recorded before, so that it says so itself.

    :param items: what was sent of the case: names the DICOM objects that carry its documents
    :raises InputRefused: as :meth:`PlanningHubLib.Site.Site.forThisInstallation`
    """
    data = canonical(bundleOf(case, items, site)).encode()
    return Item(sha256Bytes(data), None, NAME, kind=FHIR, bytes=len(data), opener=lambda: io.BytesIO(data))


def bundleOf(case, items=(), site=None):
    """Return the transaction as a dictionary; parameters as :func:`itemFor` has them."""
    made = _Transaction(case, site or Site.forThisInstallation(), items)
    made.addAll()
    return {"resourceType": "Bundle", "type": "transaction", "entry": made.entries}


class _Transaction:
    def __init__(self, case, site, items):
        self.entries = []
        self._case = case
        self._site = site
        self._carriers = {item.contentSha256: item.sopInstanceUid for item in items if item.contentSha256}

    def addAll(self):
        case = self._case
        name = resourceUuid(case.patientCode, "Patient", "")
        self._subject = self._create(Resources.patient(case, name), name)
        study = self._addStudy(case.latest("source"))
        name = self._name("ServiceRequest", "")
        self._request = self._put(Resources.serviceRequest(case, name, self._subject, study), name)
        for part in partsTogether(case)[0]:
            self._addDevices(part)
        for values in case.governance["consents"]:
            name = self._name("Consent", values["id"])
            self._put(Resources.consent(values, name, self._subject), name)
        self._addDocuments(case.latest("package"), [self._request, *([study] if study else [])])
        for approval in case.governance["approvals"]:
            self._addApproval(approval)
        for departure in case.governance["departures"]:
            name = self._name("AuditEvent", f"{FORM}/{departure['number']}")
            self._create(Events.auditEvent(departure, name, self._subject), name)

    def _name(self, kind, key):
        return resourceUuid(self._case.caseId, kind, key)

    def _addStudy(self, source):
        if source is None or not {"studyUid", "seriesUid", "modality"} <= source.facts.keys():
            return None
        name = self._name("ImagingStudy", source.facts["seriesUid"])
        return self._put(Resources.imagingStudy(source, name, self._subject), name)

    def _addDevices(self, part):
        """Add a device for each copy that the part's papers are about; the first goes by the part's own name."""
        entries, count = _paperEntries(self._case, part)
        for copy in range(1, count + 1) if count > 1 else [None]:
            name = self._name("Device", f"{part.id}/{part.revision}" + (f"/{copy}" if copy not in (None, 1) else ""))
            # What was entered for a copy goes before what was entered for all.
            said = {one["field"]: one["value"] for about in (None, copy) for one in entries if one.get("copy") == about}
            called = f", copy {copy} of {count}" if copy else ""
            self._put(Resources.device(part, name, self._subject, said, self._site, called), name)

    def _addDocuments(self, package, related):
        if package is None:
            return
        for file, record in package.files.items():
            path = self._case.path(package, file)
            if file != "manifest.json" and path.suffix != ".pdf" or not path.is_file():
                continue
            title = "Manifest of the operating-room package" if path.suffix == ".json" else "Surgical plan"
            name = self._name("DocumentReference", record.sha256)
            carrier = self._carriers.get(record.sha256, "")
            isApproved = bool(package.facts.get("approved"))
            document = Events.documentReference(
                path, record, title, package.when, name, self._subject, related, isApproved, carrier
            )
            self._put(document, name)

    def _addApproval(self, approval):
        # What is named here must not change with a later part: the request never does, and the entities are hashes.
        targets = [self._request]
        name = self._name("Provenance", f"{FORM}/{approval['id']}")
        self._create(Events.provenance(approval, name, targets, "Approval"), name)
        if approval["voided"]:
            name = self._name("Provenance", f"{FORM}/{approval['id']}/{Approval.VOIDS}")
            self._create(Events.provenance(approval["voided"], name, targets, "Reopening: the approval is void"), name)

    def _create(self, resource, name):
        """Add a resource that is created once; return a reference to it."""
        key = "_tag" if "identifier" not in resource else "identifier"
        request = {"method": "POST", "url": resource["resourceType"], "ifNoneExist": f"{key}={URI}|{name}"}
        return self._add(resource, name, request)

    def _put(self, resource, name):
        """Add a resource that follows the case; return a reference to it."""
        resource["meta"] = {"tag": [stateTag(self._case.caseId, self._case.auditHead["lines"])]}
        url = f"{resource['resourceType']}?identifier={URI}|{name}"
        return self._add(resource, name, {"method": "PUT", "url": url})

    def _add(self, resource, name, request):
        self.entries.append({"fullUrl": name, "resource": resource, "request": request})
        return {"reference": name}


def stateTag(caseId, lines):
    """Return the tag that says of which state of a case a resource is: how many lines its audit log had."""
    return {"system": f"urn:uuid:{caseId}", "code": str(lines)}


def _paperEntries(case, part):
    """Return the entries in the papers of this very part, and of how many copies these are; none and one where it has
    no papers or they are damaged."""
    papers = [one for one in case.artefacts if one.kind == "papers" and one.parameters.get("part") == part.id]
    if not papers or "papers.json" not in papers[-1].files or case.damagedFiles(papers[-1]):
        return [], 1
    entries = json.loads(case.path(papers[-1], "papers.json").read_bytes())["entries"]
    return [one for one in entries if one["part"] == part.content], papers[-1].facts.get("copies", 1)
