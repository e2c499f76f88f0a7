from __future__ import annotations

import asyncio
import ssl

import pytest

from tests.support.keys import TlsAuthority, make_certificate, make_rsa


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_tls_authority_passes_the_strict_verification_of_python_3_13(tmp_path, host) -> None:
    """A server certificate of the test authority is accepted under VERIFY_X509_STRICT, by name and by address."""
    authority = TlsAuthority()
    server = await asyncio.start_server(_greet, "127.0.0.1", 0, ssl=authority.server_context(tmp_path))
    context = authority.client_context()
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
        assert await reader.read() == b"hello"
        writer.close()
        await writer.wait_closed()


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello")
    await writer.drain()
    writer.close()


def test_rsa_keys_are_made_once_per_session() -> None:
    """The same size and label give the same RSA key, so that a suite does not wait for primes."""
    assert make_rsa(2048) is make_rsa(2048)
    assert make_certificate(make_rsa(2048)).public_key() == make_rsa(2048).public_key()
