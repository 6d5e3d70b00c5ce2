"""Who one is at a store, and what one may do there, said before anything leaves.

The store itself decides (HTTP 403); this only spares a user the way there. Whom the site's configuration does not know,
and whoever shows a token instead of a name, is left to the store.
"""

import dataclasses
from pathlib import Path

from PlanningHubLib.ArchiveAccess import recall
from PlanningHubLib.Errors import GateRefused
from PlanningHubLib.Site import Site

from .Server import Roles
from .Stores.AddressForms import DICOM_WEB, dicomWebBase, schemeOf
from .Stores.Settings import storeSettings

WORDS = {
    "push": "send results", "read": "read images and results", "search": "search", "restore": "restore a case",
    "scrub": "verify again what is there", "retract": "retract a result", "publish-teaching": "publish teaching copies",
    "read-teaching": "read teaching copies", "health": "see the store's figures",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Standing:
    """As whom one comes to a store.

    :param user: the name of the login; "" where the store asks for none, or a token is shown
    :param roles: the store's roles of that user, None where the site's configuration does not know them
    """

    user: str = ""
    roles: tuple | None = None

    def mayDo(self, action):
        """Tell whether an action is allowed; None where only the store knows."""
        return None if self.roles is None else Roles.mayDo(self.roles, action)


def standing(store, auth=None, site=None):
    """Return the :class:`Standing` at a store; nothing is connected.

    :param store: an opened :class:`CentralStore`, or the address or name of one that is not opened yet
    :param auth: :class:`PlanningHubLib.ArchiveAccess.Credentials` for an address; without, those that are remembered
    :raises UsageError: as :func:`CentralSyncLib.Stores.Settings.storeSettings`
    :raises GateRefused: as :func:`PlanningHubLib.ArchiveAccess.recall`
    """
    site = site or Site.forThisInstallation()
    user = _userAt(str(store), auth, site) if isinstance(store, (str, Path)) else getattr(store, "user", "")
    roles = Roles.rolesOf(user, site) if user else None
    return Standing(user, None if roles is None else tuple(roles))


def _userAt(store, auth, site):
    address = storeSettings(store, site).address
    if schemeOf(address) not in DICOM_WEB:
        return ""
    credentials = auth or recall(dicomWebBase(address))
    return credentials.user if credentials else ""


def require(store, action, auth=None, site=None):
    """Refuse what the store would refuse, where the site's configuration tells; return the :class:`Standing`.

    :param store: and ``auth``: as :func:`standing` takes them
    :param action: one of :func:`CentralSyncLib.Server.Roles.actionNames`
    :raises GateRefused: ``role-missing``
    """
    found = standing(store, auth, site)
    if found.mayDo(action) is False:
        raise GateRefused(
            "role-missing",
            f"{found.user} may not {WORDS[action]} at this store: that needs the role "
            f"{' or '.join(Roles.rolesFor(action))}.",
            "Ask someone with that role, or have the site's configuration changed.",
        )
    return found
