"""Rule: credentials of an earlier start are taken over, and others made where they do not serve any more.

Owns the choice, and the sentence for the person at the terminal: a gateway trusts the former ones. Refuses to read and
write files.
"""

from __future__ import annotations

from collections.abc import Mapping

from fla_gateway.sandbox import files
from fla_gateway.sandbox.kept_credentials import UnfitError, kept_client, kept_server
from fla_gateway.sandbox.pki import (
    ClientCredentials,
    ServerCredentials,
    make_client_credentials,
    make_server_credentials,
)


def server_credentials(
    found: Mapping[str, bytes], names: tuple[str, ...], now: float, renewed: list[str]
) -> ServerCredentials:
    """Take over or make those of CA and server.

    Args:
        found: content of the directory's files, by name.
        names: host names or IP addresses that the certificate must have.
        now: seconds since 1970.
        renewed: gets a sentence where the former ones do not serve.
    """
    try:
        kept = kept_server(found, names, now)
    except UnfitError as reason:
        renewed.append(f"{files.CA} is a new CA, since {reason}: reload the gateways that trust it")
        kept = None
    return kept or make_server_credentials(names, now)


def client_credentials(found: Mapping[str, bytes], now: float, renewed: list[str]) -> ClientCredentials:
    """Take over or make those of the client that the sandbox registers by itself.

    Args:
        found: content of the directory's files, by name.
        now: seconds since 1970.
        renewed: gets a sentence where the former ones do not serve.
    """
    try:
        kept = kept_client(found, now)
    except UnfitError as reason:
        renewed.append(f"{files.CLIENT_KEY} is a new key, since {reason}: reload the gateways that use it")
        kept = None
    return kept or make_client_credentials(now)
