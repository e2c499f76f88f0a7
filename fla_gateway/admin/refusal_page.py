"""Rule: what a browser shows where the status page is refused.

Owns the text, which names every way to the page. Refuses to know who asks: the text is the same for all, and says
nothing of the gateway.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from fla_gateway.i18n.catalogues import ENGLISH, Spoken
from fla_gateway.i18n.message import Text

_NAVIGATION: Final = frozenset({"document", ""})
_PAGE: Final = """\
<!doctype html>
<html lang="{language}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">
<title>{head}</title></head>
<body>
<main>
<h1>{head}</h1>
<p>{detail}</p>
<h2>{ways}</h2>
<ol>
<li>{by_key}</li>
<li>{by_user}</li>
<li>{by_ssh}</li>
</ol>
<p>{probes}</p>
</main>
</body>
</html>
"""
_WAYS: Final = Text("Ways to this page")
_BY_KEY: Final = Text(
    "With a key, for every user: `{new}` makes one and prints the table `{table}`. Put that into the configuration, "
    "then `{reload}`. The browser then asks for user name and password: the key is the password, the user name does "
    "not count.",
    new="fla-gateway admin new",
    table="[admin.key]",
    reload="fla-gateway reload",
)
_BY_USER: Final = Text(
    "Without a key, as the user that runs the gateway or as root, on the gateway's machine: in a browser, or in a "
    "terminal: `{status}`.",
    status="sudo -u USER fla-gateway status",
)
_BY_SSH: Final = Text(
    "Over SSH, from another machine: `{ssh}`, where USER is the user that runs the gateway, or any user if there is a "
    "key; then `{address}` here.",
    ssh="ssh -L 8481:127.0.0.1:8481 USER@MACHINE",
    address="http://127.0.0.1:8481/",
)
_PROBES: Final = Text("Probes and metrics need none of that: `/readyz`, `/livez`, `/metrics`.")
_CODE: Final = re.compile(r"`([^`]*)`")


def is_for(fields: Mapping[str, str]) -> bool:
    """Return whether a request is a browser's that shows what it is answered: it takes HTML, and is no fetch."""
    return "text/html" in fields.get("Accept", "") and fields.get("Sec-Fetch-Dest", "") in _NAVIGATION


def page(title: Text, detail: Text, spoken: Spoken = ENGLISH) -> bytes:
    """Write the page.

    Args:
        title: of the problem.
        detail: what happened and what to do.
        spoken: the language that the browser prefers.
    """
    from html import escape  # noqa: PLC0415 - half a megabyte that is rarely needed

    parts = {
        "head": Text("Status of fla-gateway: {title}", title=title),
        "detail": detail,
        "ways": _WAYS,
        "by_key": _BY_KEY,
        "by_user": _BY_USER,
        "by_ssh": _BY_SSH,
        "probes": _PROBES,
    }
    shown = {name: escape(text.translated(spoken.catalogue)) for name, text in parts.items()}
    marked = {name: _CODE.sub(r"<code>\1</code>", text) for name, text in shown.items()}
    return _PAGE.format(language=spoken.language, **marked).encode()
