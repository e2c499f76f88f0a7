"""Rule: what a browser shows where the status page is refused.

Owns the text, which names every way to the page. Refuses to know who asks: the text is the same for all, and says
nothing of the gateway.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_NAVIGATION: Final = frozenset({"document", ""})
_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">
<title>Status of fla-gateway: {title}</title></head>
<body>
<main>
<h1>Status of fla-gateway: {title}</h1>
<p>{detail}</p>
<h2>Ways to this page</h2>
<ol>
<li>With a key, for every user: <code>fla-gateway admin new</code> makes one and prints the table
<code>[admin.key]</code>. Put that into the configuration, then <code>fla-gateway reload</code>. The browser then asks
for user name and password: the key is the password, the user name does not count.</li>
<li>Without a key, as the user that runs the gateway or as root, on the gateway's machine: in a browser, or in a
terminal: <code>sudo -u USER fla-gateway status</code>.</li>
<li>Over SSH, from another machine: <code>ssh -L 8481:127.0.0.1:8481 USER@MACHINE</code>, where USER is the user that
runs the gateway, or any user if there is a key; then <code>http://127.0.0.1:8481/</code> here.</li>
</ol>
<p>Probes and metrics need none of that: <code>/readyz</code>, <code>/livez</code>, <code>/metrics</code>.</p>
</main>
</body>
</html>
"""


def is_for(fields: Mapping[str, str]) -> bool:
    """Return whether a request is a browser's that shows what it is answered: it takes HTML, and is no fetch."""
    return "text/html" in fields.get("Accept", "") and fields.get("Sec-Fetch-Dest", "") in _NAVIGATION


def page(title: str, detail: str) -> bytes:
    """Write the page.

    Args:
        title: of the problem.
        detail: what happened and what to do.
    """
    from html import escape  # noqa: PLC0415 - half a megabyte that is rarely needed

    return _PAGE.format(title=escape(title), detail=escape(detail)).encode()
