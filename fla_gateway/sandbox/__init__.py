"""A substitute for the government side: authorization server, APIs, scripted faults.

Owns everything that plays the government in tests, in `fla-gateway sandbox` and in `fla-gateway demo`. Refuses to
know the gateway: it shares no code with the program that it tests, so a misreading of the rules shows up as a
disagreement instead of being shared.
"""

from __future__ import annotations

from fla_gateway.sandbox.errors import AddressInUseError, SandboxError
from fla_gateway.sandbox.options import CLIENT_ID, DEFAULT_SCOPES, SandboxOptions
from fla_gateway.sandbox.server import Sandbox

__all__ = ["CLIENT_ID", "DEFAULT_SCOPES", "AddressInUseError", "Sandbox", "SandboxError", "SandboxOptions"]
