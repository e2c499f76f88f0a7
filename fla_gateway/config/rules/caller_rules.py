"""Rules of callers: who they are, what proves them, and for how long.

Owns what a caller must have, and that no two can be taken for one another. Refuses to know how a proof is verified and
what an entry of `allow` means (`access` does), and the clock: the time is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, Final

from fla_gateway.config.document.key_path import place
from fla_gateway.config.document.schema_errors import nearest, suggestion
from fla_gateway.config.rules.listener_specs import listener_specs
from fla_gateway.config.schema import OBSERVE, ApiKey, CallerTable, Configuration
from fla_gateway.config.values.timestamps import written
from fla_gateway.errors import Fault
from fla_gateway.i18n.message import Message, Text

OVERFLOW_ID: Final = 65_534
"""What Linux shows for a user or group that this namespace does not know (/proc/sys/kernel/overflowuid, by default)."""
SOON_SECONDS: Final = 30 * 86_400
LONGEST_OBSERVED: Final = 31 * 86_400
"""Seconds for which a profile without rules is observed at most. No fault: a start must not depend on a clock."""
PLACEHOLDER: Final = "0" * 64
"""The placeholder of a digest in the README and in config/: the SHA-256 of no known value."""

_UNPROVABLE: Final = Message("proof-missing", "can never be proven: nothing says by what it is known")
_TAKE_OUT: Final = Text("take it out")
_NEW_KEY: Final = Text("make another with `fla-gateway caller new`")


def no_caller_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a fault where a document has a table of callers without any."""
    if document.get("callers") == {}:
        # The operator who wrote the table did not mean that every client may call.
        message = Message("callers-empty", "is empty, and so no client has to prove who it is")
        yield Fault("callers", message, Text("name at least one caller, or take it out"))


def caller_faults(configuration: Configuration) -> Iterator[Fault]:
    """Yield what is wrong with callers, and where two have the same proof."""
    misspelt = dict(_misspelt_names(configuration.callers))
    for name, meant in misspelt.items():
        yield Fault(place(("callers", name)), _UNPROVABLE, Text("did you mean '{word}'?", word=meant))
    for name, caller in configuration.callers.items():
        if name in misspelt or name in misspelt.values():
            continue
        where = place(("callers", name))
        if not caller.allow:
            cure = Text("write [{where}.allow] with the permitted requests of each profile", where=where)
            yield Fault(where, Message("allow-missing", "may do nothing: there is no allow"), cure)
        yield from _proof_faults(where, caller)
        if caller.service_account is not None and configuration.kubernetes is None:
            message = Message(
                "service-account-unprovable",
                "can never be proven: there is no table [kubernetes], by which tokens are verified",
            )
            cure = Text("write [kubernetes] with issuer, audience and a JWKS")
            yield Fault(f"{where}.service_account", message, cure)
    yield from _twin_key_faults(configuration)
    yield from _twin_faults(configuration)


def allowed_profile_faults(configuration: Configuration) -> Iterator[Fault]:
    """Yield the profiles that callers may use and that do not exist."""
    known = configuration.profiles
    for name, caller in configuration.callers.items():
        for profile in caller.allow if known else ():
            if profile not in known:
                cure = suggestion(profile, known) or Text("there are: {known}", known=", ".join(known))
                message = Message("profile-unknown", "there is no such profile")
                yield Fault(place(("callers", name, "allow", profile)), message, cure)


def caller_warnings(configuration: Configuration, now: float) -> Iterator[Fault]:
    """Yield what is allowed about callers, but deserves a look.

    Args:
        configuration: without faults.
        now: seconds since the epoch.
    """
    yield from _key_warnings(configuration, now)
    on_unix = any(spec.is_unix for spec in listener_specs(configuration))
    for name, caller in configuration.callers.items():
        for key, value in (("uid", caller.uid), ("gid", caller.gid)):
            if value is not None and not on_unix:
                message = Message(
                    "uid-unprovable",
                    "can never be proven: no listener of the gateway or of a profile is a unix socket",
                )
                cure = Text('add one to gateway.listen, such as "unix:/path"')
                yield Fault(place(("callers", name, key)), message, cure)
        if caller.observe_until is not None and caller.observe_until <= now:
            message = Message(
                "observe-ended",
                "ended ({moment}): requests outside of allow are refused",
                moment=written(caller.observe_until),
            )
            yield Fault(place(("callers", name, "observe_until")), message, _TAKE_OUT)
        if caller.observe_until is not None and caller.observe_until > now + LONGEST_OBSERVED:
            for profile in (it for it, entries in caller.allow.items() if entries[0].split(" ")[0] == OBSERVE):
                message = Message(
                    "observe-too-long",
                    "is observed for the last {days} days before observe_until alone, and permits nothing until then",
                    days=LONGEST_OBSERVED // 86_400,
                )
                yield Fault(place(("callers", name, "allow", profile)), message, Text("write a nearer observe_until"))
    yield from _idle_warnings(configuration)


def placed_keys(configuration: Configuration) -> Iterator[tuple[str, ApiKey]]:
    """Yield every API key with its place: those of callers, and the one of the status page."""
    for name, caller in configuration.callers.items():
        for index, key in enumerate(caller.keys):
            yield place(("callers", name, "keys", index)), key
    if configuration.admin.key is not None:
        yield "admin.key", configuration.admin.key


def _misspelt_names(callers: Mapping[str, CallerTable]) -> Iterator[tuple[str, str]]:
    """Pair each caller that has nothing but `allow` with the one of nearly the same name that has everything else."""
    idle = {name for name, caller in callers.items() if not caller.allow and _has_proof(caller)}
    for name, caller in callers.items():
        if caller.allow and not _has_proof(caller) and (meant := nearest(name, idle)):
            idle.remove(meant)
            yield name, meant


def _has_proof(caller: CallerTable) -> bool:
    on_socket = caller.uid is not None or caller.gid is not None
    return bool(caller.keys or on_socket or caller.service_account or caller.certificate_names)


def _proof_faults(where: str, caller: CallerTable) -> Iterator[Fault]:
    on_socket = caller.uid is not None or caller.gid is not None
    if not _has_proof(caller):
        cure = Text(
            "give it keys, uid, gid, service_account or certificate_names; `fla-gateway caller new` makes a key"
        )
        yield Fault(where, _UNPROVABLE, cure)
    if caller.keys and caller.service_account is not None:
        message = Message(
            "proofs-need-two-credentials",
            "can never be proven: a request carries one credential, and this wants a key and a token",
        )
        yield Fault(where, message, Text("take keys or service_account out"))
    if on_socket and caller.certificate_names:
        message = Message(
            "proofs-need-two-listeners",
            "can never be proven: users and groups are known on unix sockets, certificates on TLS listeners",
        )
        yield Fault(where, message, Text("take uid and gid, or certificate_names, out"))
    for index, name in enumerate(caller.certificate_names):
        if name != name.lower() and not any(mark in name for mark in "@:/"):
            message = Message("certificate-name-in-capitals", "must be in lower case: it is the name of a host")
            yield Fault(f"{where}.certificate_names[{index}]", message)
    for key, value in (("uid", caller.uid), ("gid", caller.gid)):
        if value == OVERFLOW_ID:
            message = Message(
                "uid-of-unknown-users",
                "must not be {number}: that is what the kernel shows for every user that it does not know",
                number=OVERFLOW_ID,
            )
            yield Fault(f"{where}.{key}", message, Text("run the caller under a user and group of its own"))


def _twin_key_faults(configuration: Configuration) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for where, key in placed_keys(configuration):
        first = seen.setdefault(key.sha256, where)
        if first != where and key.sha256 != PLACEHOLDER:
            message = Message("key-of-two-callers", "is the same key as {first}", first=first)
            yield Fault(f"{where}.sha256", message, Text("make a key of its own for each"))


def _twin_faults(configuration: Configuration) -> Iterator[Fault]:
    """Find callers without keys who have exactly the same proof; where keys are needed too, those distinguish them."""
    seen: dict[tuple[object, ...], str] = {}
    for name, caller in configuration.callers.items():
        if caller.keys:
            continue
        where = place(("callers", name))
        names: dict[str | None, None] = dict.fromkeys(caller.certificate_names) or {None: None}
        for proof in product([caller.uid], [caller.gid], [caller.service_account], names):
            first = seen.setdefault(proof, where) if any(part is not None for part in proof) else where
            if first != where:
                message = Message(
                    "proof-of-two-callers",
                    "has the same proof as {first}, so that it cannot be known which of the two calls",
                    first=first,
                )
                yield Fault(where, message, Text("join them, or give each a proof of its own"))


def _key_warnings(configuration: Configuration, now: float) -> Iterator[Fault]:
    for where, key in placed_keys(configuration):
        if key.expires is not None and now < key.expires <= now + SOON_SECONDS:
            message = Message("key-expires-soon", "is accepted only until {moment}", moment=written(key.expires))
            cure = Text("make another with `fla-gateway caller new`, and keep both until all use it")
            yield Fault(where, message, cure)
    for name, caller in configuration.callers.items():
        if caller.keys and all(_is_over(key, now) for key in caller.keys):
            message = (
                Message("key-expired", "has expired, and the caller is refused")
                if len(caller.keys) == 1
                else Message("keys-expired", "have all expired")
            )
            yield Fault(place(("callers", name, "keys")), message, _NEW_KEY)
    if configuration.admin.key is not None and _is_over(configuration.admin.key, now):
        message = Message("admin-key-expired", "has expired, and the status page is shown to no client over TCP")
        yield Fault("admin.key", message, Text("make another"))


def _is_over(key: ApiKey, now: float) -> bool:
    return key.expires is not None and key.expires <= now


def _idle_warnings(configuration: Configuration) -> Iterator[Fault]:
    """Find what is there for callers and used by none."""
    callers = configuration.callers.values()
    if configuration.kubernetes is not None and not any(caller.service_account for caller in callers):
        yield Fault("kubernetes", Message("kubernetes-unused", "no caller has a service_account"))
    if not any(caller.certificate_names for caller in callers):
        for spec in listener_specs(configuration):
            if spec.listener.tls and spec.listener.tls.client_ca:
                message = Message("client-ca-unused", "no caller has certificate_names")
                yield Fault(f"{spec.place}.tls.client_ca", message)
    for name, profile in configuration.profiles.items() if callers else ():
        if profile.anonymous:
            where = place(("profiles", name, "anonymous"))
            yield Fault(
                where, Message("anonymous-without-effect", "has no effect, since callers are configured"), _TAKE_OUT
            )
        if not any(name in caller.allow for caller in callers):
            yield Fault(place(("profiles", name)), Message("profile-without-caller", "no caller may use this profile"))
