"""A door before a registry: it forwards what comes with the right login, over TLS where asked."""

from __future__ import annotations

import http.client
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

#: The login of the door's only user.
USER = "worker"
PASSWORD = "p:ass word"  # noqa: S105 - of a door that stands for a test
BASIC = f"Basic {b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"
TOKEN = "t0ken"  # noqa: S105 - the same
BEARER = f"Bearer {TOKEN}"


@contextmanager
def standing_before(
    url: str, *, login: str | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Stand before the registry at `url`; give the URL to knock at.

    Args:
        url: the registry.
        login: the Authorization header that is asked for; None: nobody is asked.
        tls: the server's side of TLS; None: plain HTTP.
    """
    behind = urlsplit(url)

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def _forward(self) -> None:
            if login is not None and self.headers["Authorization"] != login:
                self._answer(401, b'{"error_code": 401, "message": "Unauthorized"}')
                return
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            assert behind.hostname is not None
            registry = http.client.HTTPConnection(behind.hostname, behind.port, timeout=10)
            headers = {"Content-Type": "application/json"}
            registry.request(self.command, self.path, body, headers)
            reply = registry.getresponse()
            self._answer(reply.status, reply.read())
            registry.close()

        do_GET = do_POST = do_PUT = _forward  # noqa: N815 - the names of its base

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its base's
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        serving = threading.Thread(target=server.serve_forever, args=(0.02,))
        serving.start()
        try:
            scheme = "http" if tls is None else "https"
            yield f"{scheme}://127.0.0.1:{server.server_port}{behind.path}"
        finally:
            server.shutdown()
            serving.join()
