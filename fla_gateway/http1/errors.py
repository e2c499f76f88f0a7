"""What can be wrong with a message on the wire.

Owns one error whose code says which rule was broken. Refuses to know how it is answered: the proxy's table decides
that.
"""

from __future__ import annotations


class ProtocolError(Exception):
    """A message breaks HTTP/1.1 or a bound of this reader; nothing after it on the connection can be trusted.

    Attributes:
        code: ``malformed-request``, ``malformed-body``, ``uri-too-long``, ``head-too-large``,
            ``transfer-coding-unsupported``, ``version-unsupported``, ``expectation-failed`` or ``malformed-response``;
            of a response that is read whole also ``response-missing``, ``response-truncated``, ``response-too-large``.
        message: the rule that was broken, without bytes of the message.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def sentence(self) -> str:
        """The message as a sentence."""
        return f"{self.message[0].upper()}{self.message[1:]}."
