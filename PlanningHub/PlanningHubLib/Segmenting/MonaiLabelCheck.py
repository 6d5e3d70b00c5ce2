"""Is the way to the hospital's inference server open? What stands in it, in words."""

import time

from ..Errors import Finding, PlanningError
from .MonaiLabel import chosenModel, serverInfo
from .MonaiLabelHttp import ServerHttp, TimeLimits, parseAddress

# A server that is asked for its name only answers at once (site default, no source).
SLOW_SECONDS = 3.0


def checkNetwork(address, model=None, credentials=None, limits=None):
    """Return findings on the way to a server: what stands in it, or what the server offers. Nothing is sent.

    A finding of severity ``reject`` has the name of the error that a segmentation would end with:
    ``bad-server-address``, ``plain-http``, ``secret-in-address``, ``name-not-resolved``, ``connection-refused``,
    ``no-answer``, ``server-silent``, ``connection-lost``, ``certificate-not-trusted``, ``not-tls``, ``proxy-failed``,
    ``proxy-answered``, ``ai-login-needed``, ``ai-login-refused``, ``ai-forbidden``, ``redirected``,
    ``not-monai-label``, ``server-failed``, ``no-model``, ``no-such-model``.

    :param model: the model that is to be used, where one is chosen already
    """
    findings, http = [], None
    try:
        http = ServerHttp(parseAddress(address), credentials, limits or TimeLimits())
        if http.proxy():
            findings.append(Finding("through-proxy", "info", f"Requests go through the proxy {http.proxy()}.",
                                    "A server inside the hospital is better reached without (NO_PROXY)."))  # fmt: skip
        began = time.monotonic()
        info = serverInfo(http)
        seconds = time.monotonic() - began
        if info["models"] and model is None:
            model = sorted(info["models"])[0]
        chosenModel(info, model)
        findings += _offered(http, info, seconds)
    except PlanningError as error:
        findings.append(error.asFinding())
    finally:
        if http:
            http.close()
    return findings


def _offered(http, info, seconds):
    if seconds > SLOW_SECONDS:
        yield Finding("slow-server", "warn", f"{http.host} took {seconds:.1f} s to say its name.",
                      "It may be busy with another case, or the network is slow.")  # fmt: skip
    name = info.get("name") if isinstance(info.get("name"), str) else ""
    yield Finding("server-ready", "info", f"{http.host} is a MONAI Label server {name[:80]}".strip()
                  + f"; its models: {', '.join(sorted(info['models'])[:30])}.")  # fmt: skip
