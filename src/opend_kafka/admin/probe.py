"""The health check of the container: `python -m opend_kafka.admin.probe`, 0 where /livez is 200.

It imports next to nothing, since it is run every few seconds. In the image, the admin endpoint's
address stands in the environment, where it wins over the configuration file. With an argument
another path is asked: `/readyz`, by the chart's `helm test`.
"""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Mapping

HOST_VARIABLE = "OPEND_KAFKA__ADMIN__HOST"
PORT_VARIABLE = "OPEND_KAFKA__ADMIN__PORT"

#: Addresses that mean all interfaces, and where to reach them from within.
_FROM_WITHIN = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - it listens nowhere

#: Seconds; the image's HEALTHCHECK gives the whole command 5.
TIMEOUT_S = 4

#: Bytes of an answer that are shown: /readyz gives its reasons.
_BODY_SHOWN = 2000


def address(environment: Mapping[str, str]) -> tuple[str, int]:
    """Give the admin endpoint's host and port, as seen from its own machine."""
    host = environment.get(HOST_VARIABLE, "127.0.0.1")
    return _FROM_WITHIN.get(host, host), int(environment.get(PORT_VARIABLE, "8080"))


def complaint(environment: Mapping[str, str], path: str = "/livez") -> str | None:
    """Ask, and say in a line what is wrong; None where nothing is."""
    host, port = address(environment)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(_BODY_SHOWN).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return f"{host}:{port}{path} does not answer: {error}"
    finally:
        connection.close()
    if answer.status == http.HTTPStatus.OK:
        return None
    return f"{host}:{port}{path} answered {answer.status}: {body}"


if __name__ == "__main__":
    sys.exit(complaint(os.environ, *sys.argv[1:2]))
