"""Rule: the same call as a line for curl, in which no key is.

Owns the words, and how the key reaches curl: on standard input, from a file or a variable, by a `printf` that is part
of the shell. So it is in no list of processes, and in no history. Refuses to know the key itself.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

from fla_gateway.cli.trial.call import Call

_GLOBBED: Final = frozenset("[]{}")
_QUIET: Final = ("curl", "-sS", "-i")


def curl_line(call: Call, url: str, *, credential: str = "", socket: str = "", ca_file: Path | None = None) -> str:
    """Write the line.

    Args:
        call: what is sent.
        url: where.
        credential: a command of the shell that writes the field with the credential; empty without one.
        socket: path of the Unix socket, or ``@`` and an abstract name; empty for TCP.
        ca_file: roots for the certificate of the other end, or None.
    """
    # A proxy of the environment would get the call even for 127.0.0.1.
    words = [*_QUIET, "--noproxy", "*"]
    if socket:
        words += ["--abstract-unix-socket", socket[1:]] if socket.startswith("@") else ["--unix-socket", socket]
    if ca_file is not None:
        words += ["--cacert", str(ca_file)]
    if not _GLOBBED.isdisjoint(url):
        words.append("-g")
    if "/." in url:
        words.append("--path-as-is")
    if credential:
        words += ["-H", "@-"]
    if call.method == "HEAD":
        words.append("-I")
    elif call.method != ("GET" if call.body is None else "POST"):
        words += ["-X", call.method]
    for name, value in call.fields:
        words += ["-H", f"{name}: {value}" if value else f"{name};"]
    if call.body is not None:
        # Standard input is the credential's.
        words += ["--data-binary", "@FILE" if call.body_name == "-" else f"@{call.body_name}"]
    line = shlex.join([*words, url])
    return f"{credential} | {line}" if credential else line


def of_key_file(path: Path) -> str:
    """Write the command that gives curl the key of a file."""
    return f"""printf 'X-Api-Key: %s\\n' "$(cat {shlex.quote(str(path))})\""""


def of_variable(name: str) -> str:
    """Write the command that gives curl the key of an environment variable."""
    return f"""printf 'X-Api-Key: %s\\n' "${name}\""""


def of_token(profile: str, config: Path | None) -> str:
    """Write the command that gives curl a token of its own."""
    further = "" if config is None else f" --config {shlex.quote(str(config))}"
    return f"""printf 'Authorization: Bearer %s\\n' "$(fla-gateway token {profile} --reveal{further})\""""
