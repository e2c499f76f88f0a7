"""Root: the keys of a configuration, by name.

Owns which files are read for a key, and which profile cannot be served because of it. Refuses to decide what becomes of
that: `run` answers 503 for the profile, `check` reports it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from fla_gateway.errors import ProblemError, UnusableKeyError
from fla_gateway.i18n.message import NOTHING, Message, Text
from fla_gateway.keys.load import load_key
from fla_gateway.keys.model import LoadedKey, Objection
from fla_gateway.oauth.assertion import SigningKey, algorithm_for, header
from fla_gateway.profiles import Profile, key_sources
from fla_gateway.runtime.composition.resolved_config import Configured

Keys = Mapping[str, LoadedKey | UnusableKeyError]
"""By name: the key, or why it cannot be used."""

MANY: Final = 32
"""Keys that are loaded in processes of their own: a fork takes as long as the loading of some ten."""
_MANY_VALIDATIONS: Final = 4
"""The same where RSA keys are validated in full."""


class KeyFiles:
    """The files of all keys of a configuration."""

    def __init__(self, configured: Configured, now: Callable[[], datetime], *, validate: bool) -> None:
        """Take what is to be read; nothing is read before `load`.

        Args:
            configured: a configuration without faults.
            now: gives the time to judge validity by, with a time zone.
            validate: as for `load_key`.
        """
        self._sources = key_sources(configured.settings.configuration)
        self._passwords = configured.settings.passwords
        self._files = configured.files
        self._now = now
        self._validate = validate

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all keys, in the configuration's order."""
        return tuple(self._sources)

    @property
    def many(self) -> bool:
        """Whether loading them takes so long that processes are worth their price."""
        return len(self._sources) >= (_MANY_VALIDATIONS if self._validate else MANY)

    def load(self, name: str) -> LoadedKey | UnusableKeyError:
        """Load one key, whatever its files do to the libraries that read them."""
        try:
            return load_key(
                name, self._sources[name], self._passwords, self._now(), self._files, validate=self._validate
            )
        except UnusableKeyError as error:
            return error
        except BaseException as error:  # noqa: BLE001 - cryptography's Rust part panics past Exception
            # The other profiles run.
            kind = type(error).__name__
            message = Message("key-reader-failed", "the key could not be read ({kind})", kind=kind)
            return UnusableKeyError(message, Text("export it again, as PEM or PKCS#12"))


def load_keys(configured: Configured, now: datetime) -> Keys:
    """Load every key of a configuration, RSA keys validated in full, on every processor that there is.

    Args:
        configured: a configuration without faults.
        now: the time to judge validity by, with a time zone.
    """
    files = KeyFiles(configured, lambda: now, validate=True)
    if not files.many:
        return {name: files.load(name) for name in files.names}
    from fla_gateway.runtime.key_loading.loader import load_all  # noqa: PLC0415 - read where there are many
    from fla_gateway.runtime.key_loading.worker_processes import fork_workers, processors  # noqa: PLC0415 - as above

    return load_all(files.names, files.load, fork_workers(files.load, processors()))


def signing_key(key: LoadedKey) -> SigningKey:
    """Give the token client what it needs of a loaded key."""
    facts = key.certificate
    if facts is None:
        return SigningKey(key.signer)
    return SigningKey(key.signer, facts.sha1_thumbprint, facts.sha256_thumbprint, facts.not_after)


def why_unusable(profile: Profile, key: LoadedKey | UnusableKeyError) -> Objection | None:
    """Say why a profile cannot be served with its key; None if it can.

    Args:
        profile: the profile.
        key: what was found for its key.
    """
    if isinstance(key, UnusableKeyError):
        return Objection(key.message, key.cure)
    options, signing = profile.token_request.assertion, signing_key(key)
    try:
        header(options, algorithm_for(options, signing, key.name), signing)
    except ProblemError as error:
        return Objection(Message("key-unfit-for-assertion", "{reason}", reason=error.detail), NOTHING)
    return None
