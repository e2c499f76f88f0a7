"""Root: a token endpoint over TLS that answers every POST with one fixed token of a long life.

Started as a program of its own: ``python -m benchmarks.token_server PORT DIRECTORY``. Owns nothing but the form of the
answer (RFC 6749, section 5.1); it verifies no assertion, since the sandbox's authorization server is there for that.
"""

from __future__ import annotations

import http.server
import json
import ssl
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Final

_LIFE_SECONDS: Final = 36_000


class TokenEndpoint(http.server.BaseHTTPRequestHandler):
    """Answers POST with the token of the server that it belongs to."""

    protocol_version = "HTTP/1.1"
    bearer = ""

    def do_POST(self) -> None:
        """Give the token."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps({"access_token": self.bearer, "token_type": "Bearer", "expires_in": _LIFE_SECONDS}).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        """Say nothing: the form holds an assertion."""


def main() -> None:
    """Serve until the process is ended."""
    port, run = int(sys.argv[1]), Path(sys.argv[2])
    TokenEndpoint.bearer = (run / "bearer").read_text()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), TokenEndpoint)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(run / "server.pem", run / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
