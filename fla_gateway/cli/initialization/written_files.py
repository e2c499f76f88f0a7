"""Adapter: the files that `fla-gateway init` writes.

Owns which files there are (key and certificate, the page for ChaMan, keys of callers, the configuration), and that none
of a person's is written over. Refuses to know what is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fla_gateway.access.authentication.api_key import digest, is_key, new_key
from fla_gateway.cli.output.language import language, shown
from fla_gateway.clock import SystemClock
from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.schema import KeySource
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.catalogues import SOURCE_LANGUAGE, spoken
from fla_gateway.i18n.message import Message, Text, said
from fla_gateway.keys.certificates.issue import KEY_TYPES, new_pair
from fla_gateway.keys.certificates.pair_files import FOR_CHAMAN, pair_files, proposed_name
from fla_gateway.keys.files.key_file import read_password
from fla_gateway.keys.files.new_files import write_new
from fla_gateway.keys.inspected_file import certificate_to_upload
from fla_gateway.onboarding import acceptance_mail
from fla_gateway.onboarding.chaman_page import html
from fla_gateway.onboarding.chaman_steps import Upload, page
from fla_gateway.onboarding.channel_questions import makes_key, uploads
from fla_gateway.onboarding.config_writer import Alerts, KeyFiles, Plan, about_further
from fla_gateway.onboarding.flow import is_pkcs12
from fla_gateway.onboarding.folder import CONFIGURATION, FURTHER, SECRETS, Folder, replace_file, unwritable
from fla_gateway.onboarding.question import Answers, several

DAYS: Final = 730
ABOUT: Final = "README.toml"
"""No profile is called so, since their names are in lower case."""


def prepare_upload(folder: Folder, answers: Answers) -> bool:
    """Put the certificate for ChaMan into its folder, of a new key or of one that is there; return whether it was new.

    Raises:
        ConfigurationError: a file cannot be written.
        UnusableKeyError: the key that is there cannot be read.
    """
    if not uploads(answers) or folder.upload_of(answers["profile"]) is not None:
        return False
    name, now = answers["profile"], datetime.fromtimestamp(SystemClock().wall(), UTC)
    certificate = folder.made_certificate(name) if makes_key(answers) else _certificate(answers, now)
    if certificate is None:
        pair = new_pair(KEY_TYPES[0], answers["company"], answers["enterprise-number"], now, DAYS)
        made = pair_files(name, pair)
        files = {path if path.parent == FOR_CHAMAN else SECRETS / path: content for path, content in made.items()}
    else:
        files = {FOR_CHAMAN / f"{proposed_name(name, certificate)}.cer": certificate.public_bytes(Encoding.DER)}
    write(folder.path, files, (path for path in files if path.parent == FOR_CHAMAN))
    return True


def _certificate(answers: Answers, now: datetime) -> x509.Certificate:
    """Read the certificate of the key that is there.

    Raises:
        UnusableKeyError: it cannot be read.
    """
    if file := answers.get("certificate-file"):
        return certificate_to_upload(Path(file), now)
    password = None
    if file := answers.get("key-password-file"):
        password, _ = read_password(KeySource(password_file=Path(file)), {}, FileSnapshot())
    return certificate_to_upload(Path(answers["key-file"]), now, password=password)


def write_page(folder: Folder, answers: Answers) -> None:
    """Write the page for the person at ChaMan, and the draft of the mail where one is needed.

    Both are this program's own, and are written anew when answers have changed.
    """
    name, language = answers["profile"], answers["page-language"]
    say = saying(language)
    content = html(page(answers, upload_for(folder, answers), language), say, spoken(language).language)
    path = folder.page_of(name)
    replace_file(path, content)
    if acceptance_mail.is_needed(answers):
        draft = folder.mail_of(name)
        replace_file(draft, "\n".join(map(say, acceptance_mail.draft(answers, language))) + "\n")


def saying(language: str) -> Callable[[str], str]:
    """Return what says a text in a language, in English where that language is not there."""
    catalogue = spoken(language).catalogue
    return lambda text: said(text, catalogue)


def make_caller_keys(folder: Folder, names: Iterable[str], *, further: Iterable[str] = ()) -> dict[str, str]:
    """Make the keys that are not there yet, each in a file for its owner alone; return the SHA-256 of each.

    Args:
        folder: see there.
        names: of callers.
        further: names of other keys.

    Raises:
        ConfigurationError: they cannot be written, or a file that is there has no key.
    """
    wanted = (*names, *further)
    new = {SECRETS / f"{name}.key": f"{new_key()}\n".encode() for name in wanted if not folder.key_of(name).exists()}
    if new:
        write(folder.path, new)
    return {name: digest(_key_in(folder.key_of(name))) for name in wanted}


def _key_in(path: Path) -> str:
    """Read a key of a caller.

    Raises:
        ConfigurationError: the file has none, so that no call with it would ever be let in.
    """
    key = path.read_text("utf-8", "replace").strip()
    if is_key(key):
        return key
    message = Message("init-key-damaged", "{path} has no key as `fla-gateway` makes them", path=path)
    cure = Text("move it away, and start init again, which makes a new one")
    raise ConfigurationError((Fault("--directory", message, cure),))


def plan_of(folder: Folder, answers: Answers, digests: dict[str, str], admin: str) -> Plan:
    """Plan the configuration of a profile.

    Args:
        folder: where the key files are named from.
        answers: of the whole conversation.
        digests: SHA-256 of the API key, by caller.
        admin: SHA-256 of the key of the status page.
    """
    to = tuple(address for name in ("alert-mail", "alert-mailbox") if (address := answers.get(name, "")))
    return Plan(
        profile=answers["profile"],
        environment=answers["environment"],
        client_id=answers["client-id"],
        key=_key_files(folder, answers),
        services=several(answers, "services"),
        callers=digests,
        admin_digest=admin,
        alerts=Alerts(to, answers.get("mail-server", "")) if to else None,
        language=configured_language(),
    )


def configured_language() -> str:
    """Return the language for the status page: that of the command, where it is not the usual one."""
    return "" if language() == SOURCE_LANGUAGE else language()


def write_configuration(folder: Folder, profile: str, text: str) -> Path:
    """Write the configuration, or the profile's own file where a configuration is there; return which.

    Args:
        folder: where it is written.
        profile: names its file where a configuration is there.
        text: TOML.

    Raises:
        ConfigurationError: it exists, or cannot be written.
    """
    if folder.configuration.exists():
        name = FURTHER / f"{profile}.toml"
        write(folder.path, {name: text.encode()}, [name])
        return folder.further(profile)
    about = {} if any((folder.path / FURTHER).glob("*.toml")) else {FURTHER / ABOUT: about_further(shown).encode()}
    # Of a configuration a service's own user reads what root has written; there is no secret in it.
    write(folder.path, {CONFIGURATION: text.encode(), **about}, [CONFIGURATION, *about])
    return folder.configuration


def write(directory: Path, contents: dict[PurePath, bytes], public: Iterable[PurePath] = ()) -> None:
    """Write new files: all or none, and none over another.

    Args:
        directory: what the paths are relative to.
        contents: of each file; one below `SECRETS` is for its owner alone.
        public: files that others may read; all others are for their owner.

    Raises:
        ConfigurationError: with what is wrong.
    """
    try:
        if any(SECRETS in path.parents for path in contents):
            (directory / SECRETS).mkdir(mode=0o700, parents=True, exist_ok=True)
        write_new(directory, contents, public)
    except FileExistsError as error:
        message = Message(
            "init-file-exists", "{path} exists, and nothing is overwritten", path=str(error.filename2 or error.filename)
        )
        cure = Text("move it away, or name another folder with --directory")
    except OSError as error:
        raise unwritable(error, directory) from error
    else:
        return
    raise ConfigurationError((Fault("--directory", message, cure),))


def upload_for(folder: Folder, answers: Answers) -> Upload | None:
    """Return what is uploaded, or None where the account keeps its certificate."""
    return folder.upload_of(answers["profile"]) if uploads(answers) else None


def _key_files(folder: Folder, answers: Answers) -> KeyFiles:
    """Name the files of the key, as seen from the file that names them."""
    if not makes_key(answers):
        path = answers["key-file"]
        return KeyFiles(
            path,
            is_pkcs12(path),
            answers.get("certificate-file", ""),
            answers.get("key-password-file", ""),
        )
    up = PurePath("..") if folder.configuration.exists() else PurePath()
    base = up / SECRETS / answers["profile"]
    return KeyFiles(str(base.with_suffix(".pfx")), pkcs12=True, password_file=str(base.with_suffix(".pass")))
