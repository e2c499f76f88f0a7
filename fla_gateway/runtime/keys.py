"""Root: the keys of a configuration, loaded side by side.

Owns which profile cannot be served because of its key. Refuses to decide what becomes of that: `run` answers 503 for
the profile, `check` reports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from fla_gateway.config.schema import KeySource
from fla_gateway.errors import ProblemError, UnusableKeyError
from fla_gateway.keys.load import load_key
from fla_gateway.keys.model import LoadedKey
from fla_gateway.oauth.assertion import SigningKey, algorithm_for, header
from fla_gateway.profiles import Profile, key_sources
from fla_gateway.runtime.configured import Configured

Keys = Mapping[str, LoadedKey | UnusableKeyError]
"""By name: the key, or why it cannot be used."""

_THREADS = 2


def load_keys(configured: Configured, now: datetime) -> Keys:
    """Load every key of a configuration, in threads: validating an RSA key is work for some tens of milliseconds.

    Args:
        configured: a configuration without faults.
        now: the time to judge validity by, with a time zone.
    """
    settings = configured.settings

    def load(item: tuple[str, KeySource]) -> tuple[str, LoadedKey | UnusableKeyError]:
        name, source = item
        try:
            return name, load_key(name, source, settings.passwords, now)
        except UnusableKeyError as error:
            return name, error
        except BaseException as error:  # noqa: BLE001 - cryptography's Rust part panics past Exception
            # Whatever a file does to the libraries that read it, the other profiles run.
            kind = type(error).__name__
            return name, UnusableKeyError(f"the key could not be read ({kind})", "export it again, as PEM or PKCS#12")

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="keys") as pool:
        return dict(pool.map(load, key_sources(settings.configuration).items()))


def signing_key(key: LoadedKey) -> SigningKey:
    """Give the token client what it needs of a loaded key."""
    facts = key.certificate
    return SigningKey(key.signer, facts.sha1_thumbprint, facts.sha256_thumbprint) if facts else SigningKey(key.signer)


def why_unusable(profile: Profile, key: LoadedKey | UnusableKeyError) -> str | None:
    """Say why a profile cannot be served with its key; None if it can.

    Args:
        profile: the profile.
        key: what `load_keys` gave for its key.
    """
    if isinstance(key, UnusableKeyError):
        return str(key)
    options, signing = profile.token_request.assertion, signing_key(key)
    try:
        header(options, algorithm_for(options, signing, key.name), signing)
    except ProblemError as error:
        return error.detail
    return None
