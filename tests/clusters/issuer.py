"""An issuer of OAuth tokens: the client-credentials grant, for one client (RFC 6749, 4.4)."""

import json
import threading
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

AUDIENCE = "kafka"
NAME = "https://issuer.example"
_VALID_S = 300


@dataclass(frozen=True)
class Issuer:
    """Where it issues tokens to `client` for its `secret`; the keys to verify them by."""

    token_url: str
    keys: Path
    client: str
    secret: str


@contextmanager
def issuing(folder: Path, client: str, secret: str) -> Iterator[Issuer]:
    """Issue tokens at a loopback port; write the public key into `folder`."""
    key = rsa.generate_private_key(65537, 2048)
    login = f"Basic {b64encode(f'{client}:{secret}'.encode()).decode()}"

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            if self.headers["Authorization"] != login:
                self._answer(401, {"error": "invalid_client"})
                return
            token = _token(key, client)
            self._answer(
                200, {"access_token": token, "token_type": "Bearer", "expires_in": _VALID_S}
            )

        def _answer(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its base's
            """Write nothing."""

    keys = folder / "jwks.json"
    keys.write_text(json.dumps({"keys": [_public(key)]}))
    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.02,))
        serving.start()
        try:
            yield Issuer(f"http://127.0.0.1:{server.server_port}/token", keys, client, secret)
        finally:
            server.shutdown()
            serving.join()


def _token(key: rsa.RSAPrivateKey, subject: str) -> str:
    """Return a signed JSON Web Token (RFC 7519)."""
    now = int(time.time())
    claims = {"iss": NAME, "sub": subject, "aud": AUDIENCE, "iat": now, "exp": now + _VALID_S}
    header = {"alg": "RS256", "kid": "1", "typ": "JWT"}
    signed = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
    signature = key.sign(signed.encode(), padding.PKCS1v15(), SHA256())
    return f"{signed}.{_encoded(signature)}"


def _public(key: rsa.RSAPrivateKey) -> dict[str, str]:
    """Return the public key as a JSON Web Key (RFC 7517)."""
    numbers = key.public_key().public_numbers()
    return {
        "kty": "RSA",
        "kid": "1",
        "use": "sig",
        "alg": "RS256",
        "n": _encoded(numbers.n.to_bytes(256, "big")),
        "e": _encoded(numbers.e.to_bytes(3, "big")),
    }


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
