"""Files of other programs that hold a key or certificates and are not read here: what they are, and what converts them.

Owns their marks and the commands. Refuses to convert: everything here is a pure function over bytes.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Final

from fla_gateway.i18n.message import NOTHING, Message, Text
from fla_gateway.keys.files import pem
from fla_gateway.keys.model import Objection

_NEEDS_X509: Final = Text("the channel needs an X.509 certificate with its own key: make a new pair")
_BKS_MAGIC: Final = tuple(bytes((0, 0, 0, version, 0, 0, 0, 20)) for version in (1, 2))
_PGP_SECRET_KEY_TAGS: Final = (b"\x94", b"\x95", b"\xc5")
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
_PUBLIC_ONLY: Final = Text("name the file with the private key; it is where the pair was made")
_WEB_PAGE: Final = re.compile(
    rb"(?>\s+|<\?xml[^>]*>|<!--(?>.*?-->))*+<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)
_WRAPPED: Final = (
    (b"PK\x03\x04", "zip", "unzip {path}"),
    (b"\x1f\x8b", "gzip", "gunzip < {path} > unpacked"),
    (b"$ANSIBLE_VAULT;", "Ansible Vault", "ansible-vault view {path} > unpacked"),
    (b"age-encryption.org/", "age", "age -d -o unpacked {path}"),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", "age", "age -d -o unpacked {path}"),
    (b"-----BEGIN PGP MESSAGE-----", "OpenPGP", "gpg -o unpacked -d {path}"),
    (b"\0GITCRYPT\0", "git-crypt", "git-crypt unlock"),
    (b"version https://git-lfs.github.com/", "Git LFS", "git lfs pull"),
)
"""What a file begins with that another program has packed, encrypted or left a pointer for; and what undoes that."""
_PUTTY: Final = b"PuTTY-User-Key-File"
_XML_KEY: Final = re.compile(rb"<(RSA|DSA|EC)KeyValue[\s>]")


def foreign(path: Path, content: bytes) -> Objection | None:
    """Name a store of another program that the gateway does not read, or give None."""
    quoted = shlex.quote(str(path))
    if (kind := _java_store(content)) is not None:
        provider = Text(" -srcstoretype BKS with the provider of Bouncy Castle") if kind == "BKS" else NOTHING
        return Objection(
            _is_java_store(path, kind),
            Text(
                "convert it: keytool -importkeystore -srckeystore {path}{provider} -destkeystore key.p12"
                " -deststoretype PKCS12; then name key.p12 in pkcs12",
                path=quoted,
                provider=provider,
            ),
        )
    text = pem.decoded(content).lstrip()
    if text.startswith(_PUTTY):
        cure = Text(
            "convert it: puttygen {path} -O private-openssh -o key.pem; then name key.pem in pem (in its window: "
            "Conversions, Export OpenSSH key)",
            path=quoted,
        )
        return Objection(Message("key-of-putty", "{path} is a key of PuTTY", path=path), cure)
    if content.startswith(_PGP_SECRET_KEY_TAGS):
        return openpgp(path)
    return _wrapped(path, content, text) or _microsoft(path, content) or _text(path, text)


def foreign_certificates(path: Path, content: bytes) -> Objection | None:
    """Name a store of another program in the place of certificates, or give None."""
    if (kind := _java_store(content)) is None:
        text = pem.decoded(content).lstrip()
        return _wrapped(path, content, text) or _web_page(path, text)
    cure = Text(
        "take the certificates out: keytool -list -rfc -keystore {path} > certificates.pem",
        path=shlex.quote(str(path)),
    )
    return Objection(_is_java_store(path, kind), cure)


def openpgp(path: Path) -> Objection:
    """Say that a file holds a key of OpenPGP."""
    return Objection(Message("key-of-openpgp", "{path} is an OpenPGP key", path=path), _NEEDS_X509)


def _is_java_store(path: Path, kind: str) -> Message:
    return Message("java-key-store", "{path} is a Java key store ({kind})", path=path, kind=kind)


def _java_store(content: bytes) -> str | None:
    """Name the kind of a Java key store; None for what is none."""
    if not content.startswith((b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce", *_BKS_MAGIC)):
        return None
    return {0xFE: "JKS", 0xCE: "JCEKS"}.get(content[0], "BKS")


def _wrapped(path: Path, content: bytes, text: bytes) -> Objection | None:
    """Name the program that has packed a file."""
    for mark, program, command in _WRAPPED:
        if content.startswith(mark) or text.startswith(mark):
            message = Message(
                "file-wrapped",
                "{path} is not the file itself, but what {program} made of it",
                path=path,
                program=program,
            )
            cure = Text(
                "undo that: {command}; then name the file that comes out",
                command=command.format(path=shlex.quote(str(path))),
            )
            return Objection(message, cure)
    return None


def _web_page(path: Path, text: bytes) -> Objection | None:
    if _WEB_PAGE.match(text) is None:
        return None
    message = Message("key-file-is-web-page", "{path} is a web page", path=path)
    return Objection(message, Text("download the file itself; the page may ask to log in first"))


def _microsoft(path: Path, content: bytes) -> Objection | None:
    """Name a private key in one of the binary forms of Windows."""
    form = "PVK" if content.startswith(b"\x1e\xf1\xb5\xb0") else ""
    if content[:2] == b"\x07\x02" and content[8:12] in {b"RSA2", b"DSS2"}:
        form = "MSBLOB"
    if not form:
        return None
    message = (
        Message("key-in-pvk", "{path} is a PVK file of Windows", path=path)
        if form == "PVK"
        else Message("key-in-privatekeyblob", "{path} is a PRIVATEKEYBLOB of Windows", path=path)
    )
    command = f"openssl pkey -inform {form} -in {shlex.quote(str(path))} -out key.pem -aes256"
    providers = " -provider default -provider legacy" if form == "PVK" else ""
    return Objection(message, _convert(command + providers))


def _text(path: Path, text: bytes) -> Objection | None:
    """Name a key that is written as text without the boundaries of PEM."""
    if pem.BOUNDARY in text:
        return None
    if (found := _XML_KEY.search(text)) is not None:
        return _xml(path, found[1].decode(), text)
    if text.startswith((b"{", b"[")):
        return _json(path, text)
    if (page := _web_page(path, text)) is not None:
        return page
    if text.startswith(b"SQLite format 3"):
        message = Message("key-database-of-nss", "{path} is a key database of NSS (Firefox)", path=path)
        cure = Text("export the key: pk12util -o key.p12 -n NAME -d DIRECTORY; then name key.p12 in pkcs12")
        return Objection(message, cure)
    if text.startswith(b"---- BEGIN SSH2 ENCRYPTED"):
        return Objection(Message("key-of-ssh-com", "{path} is a key of SSH Communications", path=path), _NEEDS_X509)
    return None


def _xml(path: Path, kind: str, text: bytes) -> Objection:
    if kind == "RSA" and b"<D>" not in text:
        public = Message(
            "key-in-xml-public-only",
            "{path} is a key in the XML of .NET ({kind}KeyValue), without its private part",
            path=path,
            kind=kind,
        )
        return Objection(public, _PUBLIC_ONLY)
    message = Message("key-in-xml", "{path} is a key in the XML of .NET ({kind}KeyValue)", path=path, kind=kind)
    if kind != "RSA":
        return Objection(message, Text("export it as PEM: ExportPkcs8PrivateKeyPem() of .NET 7 or newer"))
    return Objection(message, _convert(_node(_XML, path)))


def _json(path: Path, text: bytes) -> Objection | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    keys, name, place = [value], Text("a JWK"), ""
    if isinstance(value, dict) and isinstance(value.get("keys"), list):
        keys, name, place = value["keys"], Text("a JWK set"), ".keys[%d]"
    elif isinstance(value, list):
        keys, name, place = value, Text("a list of JWKs"), "[%d]"
    jwks = [(at, key) for at, key in enumerate(keys) if isinstance(key, dict) and "kty" in key]
    if not jwks:
        unknown = Message("json-without-key", "{path} is JSON without a key that is known here", path=path)
        return Objection(unknown, Text("name the file with the private key"))
    private = [at for at, key in jwks if "d" in key]
    if not private:
        public = Message("jwk-without-private-key", "{path} is {name} without a private key", path=path, name=name)
        return Objection(public, _PUBLIC_ONLY)
    command = _node(_JWK % (place % private[0] if place else ""), path)
    message = Message("key-in-jwk", "{path} is {name} (JSON Web Key)", path=path, name=name)
    if len(private) == 1:
        return Objection(message, _convert(command))
    cure = Text(
        "convert it: {command}; then name key.pem in pem; it holds {number} private keys, and this takes the first",
        command=command,
        number=len(private),
    )
    return Objection(message, cure)


def _convert(command: str) -> Text:
    return Text("convert it: {command}; then name key.pem in pem", command=command)


def _node(script: str, path: Path) -> str:
    return f"node -e {shlex.quote(script)} {shlex.quote(str(path))} > key.pem"
