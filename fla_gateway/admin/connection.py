"""Adapter: a connection of the admin listener.

Owns the bounds of a request's head, and the answer to what is no HTTP. Refuses to know addresses and their answers
(`server`). aiohttp's own answer quotes what it could not read, in which a key may be.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from fla_gateway.admin.aiohttp_server import web
from fla_gateway.admin.responses import problem
from fla_gateway.i18n.message import Text

if TYPE_CHECKING:  # aiohttp is imported by `aiohttp_server` alone
    from aiohttp.web import BaseRequest, Server, StreamResponse

# A request here has a handful of short fields and no body.
_LONGEST_LINE: Final = 2048
_LONGEST_FIELD: Final = 4096
_MOST_FIELDS: Final = 64
_IDLE_SECONDS: Final = 75

_UNREADABLE: Final = Text(
    "What came is not HTTP/1.1 that can be read in one way only, its head is longer than any monitor needs, or it is "
    "TLS where plain HTTP is spoken."
)
_MALFORMED: Final = 400

# Says nothing: aiohttp quotes malformed requests, and `server` logs the rest. Unnamed in the tree, without a parent.
_SILENT: Final = logging.Logger("fla_gateway.admin.aiohttp")  # noqa: LOG001 - as said above
_SILENT.addHandler(logging.NullHandler())


class Connection(web.RequestHandler):
    """One connection, as `aiohttp` serves it."""

    __slots__ = ()

    def __init__(self, server: Server) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # aiohttp keeps none then
            keepalive_timeout=_IDLE_SECONDS,
            logger=_SILENT,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_FIELD,
            max_headers=_MOST_FIELDS,
        )

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,  # noqa: ARG002 - aiohttp's
        message: str | None = None,  # noqa: ARG002 - aiohttp's
    ) -> StreamResponse:
        """See `web.RequestHandler`: answer what could not be read without a word of it, and end the connection."""
        if request.writer.output_size > 0:
            raise ConnectionError("a response has begun, and another one cannot be sent")
        answer = problem("malformed-request", _UNREADABLE) if status == _MALFORMED else problem("internal-error")
        answer.headers["Server"] = "fla-gateway"  # in place of the versions of Python and aiohttp
        answer.force_close()
        return answer
