"""Value: the work that every proxy is given, and the place where its files lie.

Owns addresses, sizes, ports and the rendering of templates. Refuses to know the proxies and how anything is measured.
"""

from __future__ import annotations

import json
import re
import secrets
import socket
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

BEARER_LENGTH: Final = 884
ANSWER_BYTES: Final = 1024
POST_BYTES: Final = 4096
BULK_BYTES: Final = 10 * 1024 * 1024

CALLER_KEY: Final = "flagw_" + secrets.token_hex(32)
"""The API key that callers send to every proxy; only the guarded gateway looks at it."""

ITEMS: Final = "/REST/bench/v1/items"
DECLARATIONS: Final = "/REST/bench/v1/declarations"
UPLOAD: Final = "/REST/bench/v1/upload"
DOWNLOAD: Final = "/REST/bench/v1/download"

TEMPLATES: Final = Path(__file__).parent / "templates"

# Below the range from which the kernel takes the ports of outgoing connections: a load of the benchmark's own can then
# never sit on the port of a proxy that is to be started again.
_FIRST_PORT: Final = 21_000
_LAST_PORT: Final = 32_000


@dataclass(frozen=True, slots=True)
class Work:
    """One run's place and addresses.

    Attributes:
        run: directory with this run's files; deleted at its end.
        bearer: the token that the API wants, `BEARER_LENGTH` characters.
        upstream_port: where the API listens (TLS).
        token_port: where the token endpoint listens (TLS).
        ports: one for each proxy by name, and with ``-admin`` added one for the probes of each gateway.
    """

    run: Path
    bearer: str
    upstream_port: int
    token_port: int
    ports: dict[str, int]

    def render(self, template: str, *, port: int = 0, name: str = "") -> Path:
        """Write a file of this run from a template, and give its path.

        Args:
            template: name of a file under ``templates/``.
            port: what ``@PORT@`` stands for.
            name: of the gateway that it is for; the result and what the gateway writes bear it.

        Raises:
            KeyError: a name between @ signs that nothing is known for.
        """
        values = {
            "ADMIN_PORT": self.ports.get(f"{name}-admin", 0),
            "ANSWER": answer().decode(),
            "BEARER": self.bearer,
            "CALLER_KEY": CALLER_KEY,
            "CALLER_DIGEST": sha256(CALLER_KEY.encode()).hexdigest(),
            "DECLARATIONS": DECLARATIONS,
            "DOWNLOAD": DOWNLOAD,
            "ITEMS": ITEMS,
            "NAME": name,
            "PORT": port,
            "POST_BYTES": POST_BYTES,
            "RUN": self.run,
            "TOKEN_PORT": self.token_port,
            "UPLOAD": UPLOAD,
            "UPSTREAM_PORT": self.upstream_port,
        }
        text = re.sub(r"@([A-Z_]+)@", lambda match: str(values[match[1]]), (TEMPLATES / template).read_text())
        path = self.run / f"{name}-{template}" if name else self.run / template
        path.write_text(text)
        return path


def answer() -> bytes:
    """Give the body of the API's small answers: JSON of exactly `ANSWER_BYTES`."""
    items = [{"id": number, "name": f"item-{number:04}", "done": True} for number in range(20)]
    return json.dumps({"items": items}).encode().ljust(ANSWER_BYTES)


def free_ports(count: int) -> list[int]:
    """Find ports of 127.0.0.1 on which nobody listens.

    Raises:
        RuntimeError: there are not so many.
    """
    found: list[int] = []
    for port in range(_FIRST_PORT, _LAST_PORT):
        if len(found) == count:
            return found
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    raise RuntimeError("no free ports on 127.0.0.1")
