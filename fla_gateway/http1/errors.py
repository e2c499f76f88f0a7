"""What can be wrong with a message on the wire.

Owns one error whose code says which rule was broken. Refuses to know how it is answered, and in which language: the
proxy's table decides that.
"""

from __future__ import annotations


class ProtocolError(Exception):
    """A message breaks HTTP/1.1 or a bound of this reader; nothing after it on the connection can be trusted.

    Attributes:
        code: ``malformed-request``, ``malformed-body``, ``uri-too-long``, ``head-too-large``,
            ``transfer-coding-unsupported``, ``version-unsupported``, ``expectation-failed`` or ``malformed-response``;
            of a response that is read whole also ``response-missing``, ``response-truncated``, ``response-too-large``,
            and ``tls-failed`` where its connection ended so.
        template: the rule that was broken, without bytes of the message: a clause, with placeholders for `str.format`.
        arguments: what fills the placeholders; an error of this kind gives its own rule.
        message: the clause in English.
    """

    def __init__(self, code: str, template: str, /, **arguments: str | int | ProtocolError) -> None:
        """Put the arguments into the template.

        Args:
            code: see the class.
            template: a literal, so that translators find it.
            arguments: one for each placeholder.
        """
        message = template.format_map(arguments)
        super().__init__(message)
        self.code = code
        self.template = template
        self.arguments = arguments
        self.message = message
