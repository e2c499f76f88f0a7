"""Random damage to every form of file: whatever happens, the loader loads or refuses, and never breaks."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.config.schema import KeySource
from fla_gateway.errors import UnusableKeyError
from fla_gateway.keys.load import load_key
from fla_gateway.secret import Secret
from tests.support.keys import (
    NOW,
    certificate_pem,
    key_pem,
    make_certificate,
    make_ec,
    make_rsa,
    pkcs12_bytes,
    write_private,
)
from tests.support.properties import examples

PASSWORD = "abcd"
KEY = make_ec()
CERTIFICATE = make_certificate(KEY)
FILES = {
    "pkcs12": ("pkcs12", pkcs12_bytes(KEY, CERTIFICATE, PASSWORD)),
    "PEM": ("pem", key_pem(KEY) + certificate_pem(CERTIFICATE)),
    "encrypted PEM": ("pem", key_pem(KEY, password=PASSWORD)),
    "encrypted older PEM": ("pem", key_pem(KEY, password=PASSWORD, traditional=True)),
    "certificate": ("certificate", CERTIFICATE.public_bytes(serialization.Encoding.DER)),
}


@pytest.mark.parametrize(("kind", "content"), FILES.values(), ids=FILES)
@examples(30)
@given(place=st.integers(0, 10_000), removed=st.integers(0, 8), added=st.binary(max_size=4))
def test_damaged_file_is_loaded_or_refused(tmp_path, kind, content, place, removed, added) -> None:
    """Octets taken out, put in or changed anywhere lead to a key or to UnusableKeyError, and to nothing else."""
    start = place % len(content)
    damaged = write_private(tmp_path / "file", content[:start] + added + content[start + removed :])
    try:
        loaded = load_key("acme", _source(tmp_path, kind, damaged), {"PASSWORD": Secret(PASSWORD)}, NOW)
    except UnusableKeyError:
        return
    assert loaded.signer.algorithms == ("ES384",)


def _source(folder: Path, kind: str, file: Path) -> KeySource:
    if kind == "pkcs12":
        return KeySource(pkcs12=file, password_env="PASSWORD")
    if kind == "pem":
        return KeySource(pem=file, password_env="PASSWORD")
    return KeySource(pem=write_private(folder / "key", key_pem(KEY)), certificate=file)


@pytest.mark.parametrize("vector", ["", "AB", "XYZ", "AB" * 8])
def test_short_vector_is_damage(folder, vector) -> None:
    """An encrypted key of the older form whose initialization vector is too short is refused, and nothing panics."""
    lines = key_pem(make_rsa(), password=PASSWORD, traditional=True).decode().splitlines()
    assert lines[2].startswith("DEK-Info: AES-256-CBC,")
    folder.write("key.pem", "\n".join([*lines[:2], f"DEK-Info: AES-256-CBC,{vector}", *lines[3:]]) + "\n")
    assert "is damaged or cut off" in folder.refused(pem="key.pem", password=PASSWORD).message


def test_certificate_with_a_damaged_name_is_refused(acme) -> None:
    """A certificate whose name is no text is refused while loading, not later when somebody asks for the name."""
    der = bytearray(make_certificate(make_rsa()).public_bytes(serialization.Encoding.DER))
    der[der.rindex(b"Acme NV")] = 0xFF
    acme.write("other.cer", bytes(der))
    assert "is damaged, or written" in acme.refused(pem="acme.pem", certificate="other.cer").message
