"""Files of other programs that hold a key or certificates and are not read here: what they are, and what converts them.

Owns their marks and the commands. Refuses to convert: everything here is a pure function over bytes.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Final

from fla_gateway.keys.files import pem
from fla_gateway.keys.model import Objection

OPENPGP: Final = (
    "an OpenPGP key",
    "the channel needs an X.509 certificate with its own key: make a new pair",
)
_BKS_MAGIC: Final = tuple(bytes((0, 0, 0, version, 0, 0, 0, 20)) for version in (1, 2))
_PGP_SECRET_KEY_TAGS: Final = (b"\x94", b"\x95", b"\xc5")
_NAME_KEY: Final = "then name key.pem in pem"
_EXPORT_NODE: Final = '.export({type:"pkcs8",format:"pem"}))'
_JWK: Final = (
    'console.log(require("crypto").createPrivateKey({format:"jwk",key:'
    'JSON.parse(require("fs").readFileSync(process.argv[1],"utf8").trim())%s})' + _EXPORT_NODE
)
_XML: Final = (
    'const b=require("fs").readFileSync(process.argv[1]),f=b.toString(b[0]==255?"utf16le":"utf8"),'
    'v=t=>Buffer.from(f.match(RegExp("<"+t+">([^<]+)"))[1],"base64").toString("base64url");console.log(require("crypto").createPrivateKey({format:"jwk",key:{kty:"RSA",'
    'n:v("Modulus"),e:v("Exponent"),d:v("D"),p:v("P"),q:v("Q"),dp:v("DP"),dq:v("DQ"),qi:v("InverseQ")}})' + _EXPORT_NODE
)
_PUBLIC_ONLY: Final = "name the file with the private key; whoever made the pair has it"
_XML_KEY: Final = re.compile(rb"<(RSA|DSA|EC)KeyValue[\s>]")


def foreign(path: Path, content: bytes) -> Objection | None:
    """Name a store of another program that the gateway does not read, or give None."""
    quoted = shlex.quote(str(path))
    if (kind := _java_store(content)) is not None:
        provider = " -srcstoretype BKS with the provider of Bouncy Castle" if kind == "BKS" else ""
        return Objection(
            f"{path} is a Java key store ({kind})",
            f"convert it: keytool -importkeystore -srckeystore {quoted}{provider} -destkeystore key.p12"
            " -deststoretype PKCS12; then name key.p12 in pkcs12",
        )
    if content.startswith(b"PuTTY-User-Key-File"):
        cure = f"convert it: puttygen {quoted} -O private-openssh -o key.pem; {_NAME_KEY}"
        return Objection(f"{path} is a key of PuTTY", f"{cure} (in its window: Conversions, Export OpenSSH key)")
    if content.startswith(_PGP_SECRET_KEY_TAGS):
        return Objection(f"{path} is {OPENPGP[0]}", OPENPGP[1])
    return _microsoft(path, content) or _text(path, pem.decoded(content).lstrip())


def foreign_certificates(path: Path, content: bytes) -> Objection | None:
    """Name a store of another program in the place of certificates, or give None."""
    if (kind := _java_store(content)) is None:
        return None
    return Objection(
        f"{path} is a Java key store ({kind})",
        f"take the certificates out: keytool -list -rfc -keystore {shlex.quote(str(path))} > certificates.pem",
    )


def _java_store(content: bytes) -> str | None:
    """Name the kind of a Java key store; None for what is none."""
    if not content.startswith((b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce", *_BKS_MAGIC)):
        return None
    return {0xFE: "JKS", 0xCE: "JCEKS"}.get(content[0], "BKS")


def _microsoft(path: Path, content: bytes) -> Objection | None:
    """Name a private key in one of the binary forms of Windows."""
    form = "PVK" if content.startswith(b"\x1e\xf1\xb5\xb0") else ""
    if content[:2] == b"\x07\x02" and content[8:12] in {b"RSA2", b"DSS2"}:
        form = "MSBLOB"
    if not form:
        return None
    kind = "a PVK file" if form == "PVK" else "a PRIVATEKEYBLOB"
    command = f"openssl pkey -inform {form} -in {shlex.quote(str(path))} -out key.pem -aes256"
    providers = " -provider default -provider legacy" if form == "PVK" else ""
    return Objection(f"{path} is {kind} of Windows", f"convert it: {command}{providers}; {_NAME_KEY}")


def _text(path: Path, text: bytes) -> Objection | None:
    """Name a key that is written as text without the boundaries of PEM."""
    if pem.BOUNDARY in text:
        return None
    if (found := _XML_KEY.search(text)) is not None:
        return _xml(path, found[1].decode(), text)
    if text.startswith((b"{", b"[")):
        return _json(path, text)
    if text.startswith((b"<!DOCTYPE html", b"<!doctype html", b"<html")):
        return Objection(f"{path} is a web page", "download the file itself; the page may ask to log in first")
    if text.startswith(b"SQLite format 3"):
        command = "pk12util -o key.p12 -n NAME -d DIRECTORY"
        return Objection(
            f"{path} is a key database of NSS (Firefox)", f"export the key: {command}; then name key.p12 in pkcs12"
        )
    if text.startswith(b"---- BEGIN SSH2"):
        return Objection(f"{path} is a key of SSH Communications", OPENPGP[1])
    return None


def _xml(path: Path, kind: str, text: bytes) -> Objection:
    message = f"{path} is a key in the XML of .NET ({kind}KeyValue)"
    if kind != "RSA":
        return Objection(message, "export it as PEM: ExportPkcs8PrivateKeyPem() of .NET 7 or newer")
    if b"<D>" not in text:
        return Objection(f"{message}, without its private part", _PUBLIC_ONLY)
    return Objection(message, f"convert it: {_node(_XML, path)}; {_NAME_KEY}")


def _json(path: Path, text: bytes) -> Objection | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    keys, name, place = [value], "a JWK", ""
    if isinstance(value, dict) and isinstance(value.get("keys"), list):
        keys, name, place = value["keys"], "a JWK set", ".keys[%d]"
    elif isinstance(value, list):
        keys, name, place = value, "a list of JWKs", "[%d]"
    jwks = [(at, key) for at, key in enumerate(keys) if isinstance(key, dict) and "kty" in key]
    if not jwks:
        return Objection(f"{path} is JSON without a key that is known here", "name the file with the private key")
    private = [at for at, key in jwks if "d" in key]
    if not private:
        return Objection(f"{path} is {name} without a private key", _PUBLIC_ONLY)
    command = _node(_JWK % (place % private[0] if place else ""), path)
    several = "" if len(private) == 1 else f"; it holds {len(private)} private keys, and this takes the first"
    return Objection(f"{path} is {name} (JSON Web Key)", f"convert it: {command}; {_NAME_KEY}{several}")


def _node(script: str, path: Path) -> str:
    return f"node -e {shlex.quote(script)} {shlex.quote(str(path))} > key.pem"
