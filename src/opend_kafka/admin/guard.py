"""What keeps the admin endpoint to those who may look: no other site's page is among them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from aiohttp import web
from aiohttp.typedefs import Middleware

#: Sent with every answer. Nothing is loaded from elsewhere, nothing inline runs, nobody frames it.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "opend-kafka",
}

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def guarded(host: str) -> Middleware:
    """Give the middleware of an endpoint that listens on `host`.

    Where that is this machine alone, a request must name this machine: else a page of another
    site, whose name was made to lead here (DNS rebinding), could read what is shown.
    """
    local_only = _is_this_machine(host)

    @web.middleware
    async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
        if local_only and not _is_this_machine(_name(request.host)):
            answer: web.StreamResponse = web.Response(
                status=421,
                text="The admin endpoint listens on this machine alone (admin.host), and answers "
                "to localhost, 127.0.0.1 and ::1. Use one of these, or have your proxy send one "
                "of them as Host.\n",
                headers=HEADERS,
            )
            return answer
        try:
            answer = await handler(request)
        except web.HTTPException as refusal:
            refusal.headers.update(HEADERS)
            raise
        if not answer.prepared:
            answer.headers.update(HEADERS)
        return answer

    return guard


def _name(host: str) -> str:
    """Give a Host header without its port: `localhost:8080`, `[::1]:8080`."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_this_machine(host: str) -> bool:
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
