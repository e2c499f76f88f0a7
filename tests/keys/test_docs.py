from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.texts import texts

ROOT = Path(__file__).parents[2]


@pytest.mark.needs_program("openssl")
def test_command_of_the_documentation_makes_a_pair_that_is_accepted(folder) -> None:
    """The openssl command in docs/keys.md makes a key and a certificate without a single warning."""
    command = re.search(r"```sh\n(openssl req .*?)```", (ROOT / "docs" / "keys.md").read_text(), re.DOTALL)
    assert command is not None
    # A longer key takes seconds, and is accepted as well (test_breaches).
    shorter = command[1].replace("\\\n", " ").replace("rsa:3072", "rsa:2048")
    folder.run(shorter + " -passout pass:abcd -set_serial 1")
    later = folder.later(hours=1)
    assert folder.load(pem="acme.pem", certificate="acme.cer", password="abcd", now=later).warnings == ()


def test_documentation_names_every_message() -> None:
    """Each row of the messages in docs/keys.md is a text that the program can say."""
    rows = re.findall(
        r"^\| ([^|]+) \| [^|]+ \|$", (ROOT / "docs" / "keys.md").read_text().split("## Messages")[1], re.MULTILINE
    )
    spoken = "\n".join(re.sub(r"\{[^{}]*\}", "…", it.template or "") for it in texts("keys"))
    pieces = [piece for row in rows[2:] for text in row.split(" · ") for piece in text.split("…") if piece.strip()]
    unknown = [piece for piece in pieces if piece.strip() not in spoken]
    assert unknown == []


def test_documentation_names_what_is_said_of_owner_and_mode() -> None:
    """Each such warning in docs/keys.md is a text that the program can say."""
    page = " ".join((ROOT / "docs" / "keys.md").read_text().split("Warnings do not stop a profile:")[1].split())
    source = "\n".join(re.sub(r"\{[^{}]*\}", "…", it.template or "") for it in texts("keys"))
    named = re.findall(r"\*(can be [^*]+|belongs to [^*]+)\*", page)
    assert len(named) == 4
    assert [text for text in named if text not in source] == []
