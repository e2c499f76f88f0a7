"""Root: as which client a profile acts, for the journal.

Owns what of a profile and its key is an account. Refuses to know when that is recorded (`profile_keys`).
"""

from __future__ import annotations

from fla_gateway.errors import UnusableKeyError
from fla_gateway.journal.snapshot import Account
from fla_gateway.keys.model import LoadedKey
from fla_gateway.profiles import Profile


def account_of(profile: Profile, key: LoadedKey | UnusableKeyError | None) -> Account:
    """Return the account of a profile; with a key that cannot be used, or has no certificate, without one."""
    facts = None if key is None or isinstance(key, UnusableKeyError) else key.certificate
    account = Account(profile.name, profile.environment, profile.upstream.authority, profile.token_request.client_id)
    if facts is None:
        return account
    return account._replace(certificate=facts.sha256_thumbprint.hex(), certificate_end=facts.not_after.timestamp())
