"""Port: a thousand keys of clients, as PEM and as PKCS#12, made once and kept.

Owns what the files are called and how they are protected. PKCS#12 comes with the 20,000 rounds that `cryptography`
takes by itself, and with the 2,048 of `openssl pkcs12 -export`. Refuses to know who reads them.
"""

from __future__ import annotations

import datetime as dt
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

FORMATS: Final = ("pem", "pfx", "pfx-openssl")
_OPENSSL_ROUNDS: Final = 2048
_PASSWORD: Final = "correct horse"  # noqa: S105 - of keys that nothing trusts
_DAYS: Final = 300
_FRESH_DAYS: Final = 200
"""Age at which the keys are made anew: no certificate may be near its end, of which the gateway would warn."""


def make(folder: Path, number: int) -> None:
    """Make the keys 0 to `number` - 1 that are not in a folder yet; a second for twenty of them."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    oldest = dt.datetime.now(dt.UTC).timestamp() - _FRESH_DAYS * 86_400
    missing = [it for it in range(number) if not _is_fresh(folder / f"{it}.{FORMATS[-1]}", oldest)]
    if missing:
        print(f"making {len(missing)} keys", flush=True)
        with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as processes:
            list(processes.map(partial(_write, folder), missing, chunksize=8))


def source(folder: Path, number: int, form: str) -> str:
    """Write the key of a profile in the words of the configuration."""
    if form != "pem":
        return f'{{ pkcs12 = "{folder}/{number}.{form}", password_file = "{folder}/password" }}'
    return f'{{ pem = "{folder}/{number}.pem", certificate = "{folder}/{number}.cer" }}'


def _is_fresh(path: Path, oldest: float) -> bool:
    return path.exists() and path.stat().st_mtime > oldest


def _write(folder: Path, number: int) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate = _certificate(key, number)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip
    default = serialization.BestAvailableEncryption(_PASSWORD.encode())
    fewer = serialization.PrivateFormat.PKCS12.encryption_builder().kdf_rounds(_OPENSSL_ROUNDS)
    stores = {
        form: pkcs12.serialize_key_and_certificates(b"client", key, certificate, None, encryption)
        for form, encryption in (("pfx", default), ("pfx-openssl", fewer.build(_PASSWORD.encode())))
    }
    (folder / f"{number}.cer").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    contents = {f"{number}.{form}": store for form, store in stores.items()}
    for name, content in ({f"{number}.pem": pem, "password": _PASSWORD.encode()} | contents).items():
        (folder / name).touch(mode=0o600)
        (folder / name).write_bytes(content)


def _certificate(key: rsa.RSAPrivateKey, number: int) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"client {number}")])
    now = dt.datetime.now(dt.UTC)
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(number + 1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=_DAYS))
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
