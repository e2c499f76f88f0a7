"""Passwords of PEM keys, and that no refusal shows a secret."""

from __future__ import annotations

import base64
import logging
import traceback

import pytest

from fla_gateway.config.schema import KeySource
from fla_gateway.errors import UnusableKeyError
from fla_gateway.keys.load import load_key
from tests.support.keys import (
    NOW,
    certificate_pem,
    key_pem,
    make_ec,
    make_rsa,
)

CANARY = "Correct-Horse-Battery"


@pytest.fixture
def locked(folder, certificate):
    """A folder with an encrypted key."""
    folder.write("key.pem", key_pem(make_rsa(), password=CANARY))
    folder.write("acme.cer", certificate_pem(certificate))
    return folder


@pytest.mark.parametrize(
    "content",
    [
        CANARY.encode(),
        CANARY.encode() + b"\n",
        CANARY.encode() + b"\r\n",
        b"\xef\xbb\xbf" + CANARY.encode(),
        b"\xff\xfe" + f"{CANARY}\r\n".encode("utf-16-le"),
    ],
    ids=["bare", "LF", "CRLF", "byte order mark", "UTF-16"],
)
def test_password_file_is_read_as_editors_write_it(locked, content) -> None:
    """One line break at the end and a mark at the start do not belong to the password."""
    locked.write("password", content)
    assert locked.load(pem="key.pem", certificate="acme.cer", password_file="password").warnings == ()


@pytest.mark.parametrize("content", [CANARY + "\n\n", CANARY + " ", " " + CANARY], ids=repr)
def test_only_one_line_break_is_dropped(locked, content) -> None:
    """Blanks and further line breaks belong to the password."""
    locked.write("password", content)
    refused = locked.refused(pem="key.pem", password_file="password")
    assert "is wrong" in refused.message
    assert "spaces" in refused.cure


def test_password_comes_from_the_environment(locked) -> None:
    """A password from the environment reaches the key through the mapping that the caller read."""
    source = KeySource(pem=locked.path / "key.pem", certificate=locked.path / "acme.cer", password_env="KEY_PASSWORD")
    assert locked.environment(source, KEY_PASSWORD=CANARY).warnings == ()
    with pytest.raises(UnusableKeyError, match="that password_env names is not set"):
        locked.environment(source)


@pytest.mark.parametrize("traditional", [True, False], ids=["PKCS#1", "PKCS#8"])
def test_encrypted_key_needs_its_password(folder, traditional) -> None:
    """No password, an empty one, a wrong one and a damaged file are four different things."""
    content = key_pem(make_rsa(), password=CANARY, traditional=traditional)
    folder.write("key.pem", content)
    lines = content.splitlines(keepends=True)
    folder.write("cut.pem", b"".join([*lines[:-3], lines[-3][4:], *lines[-2:]]))
    folder.write("empty", "\n")
    assert "none is configured" in folder.refused(pem="key.pem").message
    assert "none is configured" in folder.refused(pem="key.pem", password_file="empty").message
    assert "is wrong" in folder.refused(pem="key.pem", password="other").message
    assert "is damaged or cut off" in folder.refused(pem="cut.pem", password=CANARY).message


def test_password_of_an_open_key_is_a_warning(acme) -> None:
    """A password for a key that is not encrypted is no reason to refuse, but somebody believes it to be protected."""
    (warning,) = acme.load(pem="acme.pem", certificate="acme.cer", password="abcd").warnings
    assert "is not encrypted" in warning


def test_trouble_with_the_password_file_is_told(locked) -> None:
    """A missing password file, one that is no text and one that others may read are told."""
    assert "does not exist" in locked.refused(pem="key.pem", password_file="nowhere").message
    locked.write("password", b"\xff\x00\xff")
    assert "no text file" in locked.refused(pem="key.pem", password_file="password").message
    locked.write("password", CANARY.encode("utf-16-le"))
    assert "no text file" in locked.refused(pem="key.pem", password_file="password").message
    locked.write("password", CANARY).chmod(0o644)
    (warning,) = locked.load(pem="key.pem", certificate="acme.cer", password_file="password").warnings
    assert "password can be read by other users" in warning


def _everything(error: BaseException) -> str:
    """Every text that a logger could make of an error, with the errors that hang behind it."""
    texts = ["".join(traceback.format_exception(error))]
    seen: BaseException | None = error
    while seen is not None:
        texts += [repr(seen), str(seen), repr(vars(seen)), repr(seen.args)]
        seen = seen.__context__
    return "\n".join(texts)


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (key_pem(make_rsa(), password="other-password"), CANARY),
        (key_pem(make_rsa(), password=CANARY, traditional=True)[:-50], CANARY),
        (CANARY.encode(), CANARY),
        (f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n".encode(), CANARY),
        (key_pem(make_rsa(), password="other-password"), f"{CANARY}\udcff"),
    ],
    ids=["wrong password", "cut off", "password in the key's place", "no key", "no UTF-8"],
)
def test_no_refusal_shows_a_secret(folder, content, password, caplog) -> None:
    """Neither message, cure, repr, traceback nor the errors behind it show a password or a file's content."""
    caplog.set_level(logging.DEBUG)
    folder.write("key.pem", content)
    folder.write("password", password.encode("utf-8", "surrogateescape"))
    source = KeySource(pem=folder.path / "key.pem", password_file=folder.path / "password")
    with pytest.raises(UnusableKeyError) as caught:
        load_key("acme", source, {}, NOW)
    assert CANARY not in _everything(caught.value)
    assert CANARY not in caplog.text


PASTED = {
    "PEM": key_pem(make_rsa()).decode(),
    "the base64 in it": "".join(key_pem(make_ec()).decode().splitlines()[1:-1]),
    "base64 of PEM": base64.b64encode(key_pem(make_rsa())).decode(),
}


@pytest.mark.parametrize("kind", ["pem", "pkcs12", "certificate", "password_file"])
@pytest.mark.parametrize("pasted", PASTED.values(), ids=PASTED)
def test_key_in_the_place_of_a_path_is_not_repeated(acme, kind, pasted) -> None:
    """Whoever pastes the key where its path belongs is told so, without a letter of it."""
    files = {"pem": "acme.pem", "certificate": "acme.cer", kind: pasted}
    if kind == "pkcs12":
        del files["pem"]
    refused = acme.refused(**files)
    assert pasted[40:80] not in _everything(refused)
    assert "path" in refused.message


def test_loaded_key_shows_no_secret(acme) -> None:
    """The repr of a loaded key names its kind and its certificate, and holds no number of the private key."""
    shown = repr(acme.load(pem="acme.pem", certificate="acme.cer"))
    numbers = make_rsa().private_numbers()
    assert "RsaSigner(2048 bits)" in shown
    assert not any(f"{secret}" in shown or f"{secret:x}" in shown for secret in (numbers.d, numbers.p, numbers.q))
