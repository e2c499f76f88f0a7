"""Token server and API of the reliability tests: they verify what comes, and count it by its nonce.

A token is given for an assertion that a registered key of that client has signed, and names its client; the API takes
it for the profile of that client alone. A nonce is the last segment of a target.
"""

from __future__ import annotations

import base64
import collections
import hashlib
import itertools
import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.support.keys import TlsAuthority
from tests.support.process import Government, token_answer
from tests.support.raw_http import Request, ok

PATH = "/REST/load/v1/"
_HALF = 48
"""Bytes of one number in a signature on P-384."""


class CountingGovernment(Government):
    """Token server and API behind one port.

    Attributes:
        arrivals: how often a request with each nonce has come, whole.
        violations: what must never come, in words.
        keys: registered keys of each client.
    """

    def __init__(self, folder: Path, authority: TlsAuthority) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._folder = folder
        self.present(authority)
        super().__init__(self._context)
        self.token, self.api = self._token, self._call
        self.arrivals: collections.Counter[str] = collections.Counter()
        self.violations: list[str] = []
        self.keys: dict[str, list[ec.EllipticCurvePublicKey]] = {}
        self._tokens = itertools.count(1)

    def present(self, authority: TlsAuthority) -> None:
        """Present a new certificate of an authority in all handshakes from now on."""
        self._context.load_cert_chain(*authority.write_server(self._folder))

    def register(self, client: str, key: ec.EllipticCurvePrivateKey) -> None:
        """Accept a further key of a client, as ChaMan does beside the former ones."""
        self.keys.setdefault(client, []).append(key.public_key())

    def _token(self, request: Request) -> bytes:
        form = parse_qs(request.body.decode())
        (assertion,) = form["client_assertion"]
        client = _claims(assertion)["iss"]
        if not any(_is_signed(assertion, key) for key in self.keys.get(client, [])):
            self.violations.append(f"an assertion of {client} is signed by none of its keys")
        return token_answer(f"{client}.{next(self._tokens)}")

    def _call(self, request: Request) -> bytes:
        profile, _, nonce = request.target.decode().removeprefix(PATH).partition("/")
        bearer = (request.value("Authorization") or b"").decode()
        if not bearer.startswith(f"Bearer client-of-{profile}."):
            self.violations.append(f"{nonce} of {profile} came with the token of another: {bearer[:40]}")
        if request.method == b"POST" and request.body != nonce.encode():
            self.violations.append(f"the body of {nonce} is not its own: {request.body[:80]!r}")
        self.arrivals[nonce] += 1
        # Kept by their nonces alone: a long run would otherwise grow by every request.
        self.requests.clear()
        return ok(nonce.encode())


def _claims(assertion: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_decoded(assertion.split(".")[1]))
    return found


def _is_signed(assertion: str, key: ec.EllipticCurvePublicKey) -> bool:
    signed, _, signature = assertion.rpartition(".")
    raw = _decoded(signature)
    numbers = (int.from_bytes(raw[:_HALF]), int.from_bytes(raw[_HALF:]))
    try:
        key.verify(encode_dss_signature(*numbers), signed.encode(), ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        return False
    return True


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def digest(key: str) -> str:
    """Give what a configuration has of a caller's API key."""
    return hashlib.sha256(key.encode()).hexdigest()
