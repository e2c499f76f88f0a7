"""Rule: the configuration of a gateway that talks to a sandbox, whole, for each client that the sandbox knows.

Owns its text. Refuses to write files and to print.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fla_gateway.lean_dataclass import dataclass

if TYPE_CHECKING:  # not there without the extra
    from fla_gateway.sandbox import Sandbox

CALLER: Final = "payroll"
CALLER_KEY: Final = f"{CALLER}.key"
_TABLES: Final = """\
# {head}
[environments.sandbox]
api_base = {api_base}
token_url = {token_url}
ca_file = {ca_file}

[profiles.employer]
environment = "sandbox"
client_id = {client_id}
key = {{ pem = {pem}, certificate = {certificate} }}
services = ["dimona", "/REST/echo/v1"]

# The program that may call; its key is in {caller_key}.
[callers.{caller}]
keys = [{{ sha256 = "{digest}" }}]

[callers.{caller}.allow]
employer = [
    "POST /REST/dimona/v2/declarations",
    "GET /REST/dimona/v2/declarations/*",
    "GET /REST/echo/v1/**",
]

[audit]
path = "journal"
"""


@dataclass(frozen=True, slots=True)
class Client:
    """A client of the sandbox.

    Attributes:
        client_id: as registered.
        pem: where its private key is, or is thought to be.
        certificate: where its certificate is.
        own: whether the sandbox made both.
    """

    client_id: str
    pem: Path
    certificate: Path
    own: bool = True


def clients_of(sandbox: Sandbox, registered: list[tuple[str, str]]) -> list[Client]:
    """List the clients: the one that the sandbox made, and those of ``--register``."""
    made = Client(sandbox.client_id, sandbox.client_key_file, sandbox.client_certificate_file)
    # docs/keys.md has both files side by side under one name.
    others = [Client(it, Path(path).with_suffix(".pem"), Path(path), own=False) for it, path in registered]
    return [made, *others]


def file_names(clients: list[Client]) -> list[str]:
    """Name a file for the configuration of each."""
    return ["gateway.toml", *(f"gateway-{number}.toml" for number in range(2, len(clients) + 1))]


def configuration(sandbox: Sandbox, client: Client, digest: str) -> str:
    """Write the whole configuration for one client.

    Args:
        sandbox: as started.
        client: one of its clients.
        digest: SHA-256 of the caller's key.
    """
    head = "For the client that the sandbox made." if client.own else "For a client of --register: is its key there?"
    return _TABLES.format(
        head=head,
        api_base=_text(sandbox.url),
        token_url=_text(sandbox.token_url),
        ca_file=_text(sandbox.ca_file.resolve()),
        client_id=_text(client.client_id),
        pem=_text(client.pem.resolve()),
        certificate=_text(client.certificate.resolve()),
        caller_key=sandbox.directory.resolve() / CALLER_KEY,
        caller=CALLER,
        digest=digest,
    )


def _text(value: object) -> str:
    """Write a basic string of TOML, which is one of JSON."""
    return json.dumps(str(value))
