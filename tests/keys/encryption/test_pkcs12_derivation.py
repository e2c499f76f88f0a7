"""The derivation of PKCS#12, by OpenSSL and without it."""

from __future__ import annotations

import itertools

import pytest

from fla_gateway.keys.encryption import pkcs12_derivation
from fla_gateway.keys.encryption.pkcs12_derivation import KEY, MAC_KEY, VECTOR, derive, derive_in_python

PUBLISHED = (
    ("smeg", "0A58CF64530D823F", 1, KEY, "8AAAE6297B6CB04642AB5B077851284EB7128F1A2A7FBCA3"),
    ("queeg", "05DEC959ACFF72F7", 1000, KEY, "ED2034E36328830FF09DF1E1A07DD357185DAC0D4F9EB3D4"),
    ("queeg", "05DEC959ACFF72F7", 1000, VECTOR, "11DEDAD7758D4860"),
    ("queeg", "263216FCC2FAB31C", 1000, MAC_KEY, "5EC4C7A80DF652294C3925B6489A7AB857C83476"),
)
"""Password, salt, iterations, diversifier and result with SHA-1, as OpenSSL publishes them (evpkdf_pkcs12.txt)."""


def text_of(password: str) -> bytes:
    """Write a password as a BMPString with its NUL."""
    return password.encode("utf-16-be") + b"\0\0"


@pytest.mark.parametrize("derivation", [derive, derive_in_python])
@pytest.mark.parametrize(("password", "salt", "iterations", "purpose", "expected"), PUBLISHED)
def test_published_values_come_out(derivation, password, salt, iterations, purpose, expected) -> None:
    """The right octets, whatever derives them."""
    size = len(expected) // 2
    found = derivation("sha1", text_of(password), bytes.fromhex(salt), iterations, purpose, size)
    assert found.hex().upper() == expected


@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha384", "sha512"])
def test_openssl_and_python_derive_the_same(digest) -> None:
    """Also beyond one block of output, and with passwords and salts that are longer than a block of the digest."""
    for password, salt, size in itertools.product(("x", "é" * 90), (b"s", b"salt" * 40), (1, 20, 200)):
        arguments = (digest, text_of(password), salt, 65, MAC_KEY, size)
        assert derive(*arguments) == derive_in_python(*arguments)


def test_no_password_at_all_is_derived_without_openssl() -> None:
    """Some tools write no password as no octets, which OpenSSL takes for a missing one."""
    assert derive("sha1", b"", b"salt", 2048, KEY, 24) == derive_in_python("sha1", b"", b"salt", 2048, KEY, 24)


def test_openssl_is_found_where_it_is_a_library() -> None:
    """On the Pythons of this suite it is: without it a file takes a millisecond more."""
    native = pkcs12_derivation._openssl()
    if native is None:
        pytest.skip("this Python has its OpenSSL built in")
    assert native("sha1", text_of("smeg"), bytes.fromhex("0A58CF64530D823F"), 1, KEY, 24) is not None
    assert native("no such digest", text_of("smeg"), b"salt", 1, KEY, 24) is None
