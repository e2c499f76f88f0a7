"""What the sandbox raises on purpose.

Owns the sandbox's own small family of errors. Refuses to know `fla_gateway.errors`, as the whole sandbox does.
"""

from __future__ import annotations


class SandboxError(Exception):
    """The sandbox cannot do what was asked of it; the message is one sentence for the person at the keyboard."""


class AddressInUseError(SandboxError):
    """Another program listens at an address of the sandbox; the same start may succeed later."""


class AssertionRefusedError(SandboxError):
    """A client assertion breaks a rule.

    Attributes:
        reason: short word that `/state` counts, for example ``jti-reused``.
        description: the sentence for ``error_description`` (RFC 6749, section 5.2: printable ASCII, no quotes).
    """

    def __init__(self, reason: str, description: str) -> None:
        super().__init__(f"{reason}: {description}")
        self.reason = reason
        self.description = description
