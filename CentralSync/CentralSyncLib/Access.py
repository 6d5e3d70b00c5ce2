"""Who one is at a store, and what one may do there, said before anything leaves.

The store itself decides (HTTP 403); this only spares a user the way there. Whom the site's configuration does not know,
and whoever shows a token instead of a name, is left to the store.
"""

import dataclasses

from PlanningHubLib.Errors import GateRefused
from PlanningHubLib.Site import Site

from .Server import Roles

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


def standing(store, site=None):
    """Return the :class:`Standing` at an opened store; nothing is connected.

    :param store: a :class:`CentralStore`; what asks for no login, such as a folder, has no ``user``
    """
    user = getattr(store, "user", "")
    roles = Roles.rolesOf(user, site or Site.forThisInstallation()) if user else None
    return Standing(user, None if roles is None else tuple(roles))


def require(store, action, site=None):
    """Refuse what the store would refuse, where the site's configuration tells; return the :class:`Standing`.

    :param action: one of :func:`CentralSyncLib.Server.Roles.actionNames`
    :raises GateRefused: ``role-missing``
    """
    found = standing(store, site)
    if found.mayDo(action) is False:
        raise GateRefused(
            "role-missing",
            f"{found.user} may not {WORDS[action]} at this store: that needs the role "
            f"{' or '.join(Roles.rolesFor(action))}.",
            "Ask someone with that role, or have the site's configuration changed.",
        )
    return found
