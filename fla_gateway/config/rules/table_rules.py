"""Rules between keys and between tables, other than those of listeners and callers.

Owns what a key source, the egress, the addresses of other servers, the origins of pages and the names that tables give
each other must fulfil. Refuses to know files: places are paths of keys, and the loader puts the file in front.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fla_gateway.config.document.key_path import place
from fla_gateway.config.document.schema_errors import suggestion
from fla_gateway.config.rules.environments import PRESETS, environment_faults
from fla_gateway.config.schema import Configuration, Egress, KeySource, Kubernetes, Tracing
from fla_gateway.config.values.urls import check_origin, parse_url
from fla_gateway.errors import Fault, InvalidValueError
from fla_gateway.i18n.message import Message, Text

_WRITE_KEY: Final = Text('write [keys.NAME], or key = {{ pem = "..." }}')

RESERVED_PROFILES: Final = frozenset({"api"})


def table_faults(configuration: Configuration) -> Iterator[Fault]:
    """Yield what is wrong within single tables."""
    for where, source in placed_key_sources(configuration):
        yield from _key_source_faults(where, source)
    yield from _egress_faults(configuration.egress)
    if configuration.kubernetes is not None:
        yield from _kubernetes_faults(configuration.kubernetes)
    if configuration.tracing is not None:
        yield from _tracing_faults(configuration.tracing)
    for index, text in enumerate(configuration.gateway.trusted_origins):
        yield from _origin_faults(place(("gateway", "trusted_origins", index)), text)
    for name, table in configuration.environments.items():
        yield from environment_faults(name, table)
    for name in configuration.profiles.keys() & RESERVED_PROFILES:
        message = Message("profile-name-reserved", "the name is reserved")
        yield Fault(place(("profiles", name)), message, Text("choose another name for the profile"))


def reference_faults(configuration: Configuration) -> Iterator[Fault]:
    """Yield the names that profiles use and nothing bears."""
    environments = configuration.environments.keys() | PRESETS.keys()
    for name, profile in configuration.profiles.items():
        if profile.environment not in environments:
            known = ", ".join([*PRESETS, *sorted(configuration.environments.keys() - PRESETS.keys())])
            cure = suggestion(profile.environment, environments) or Text("known: {known}", known=known)
            message = Message("environment-unknown", "there is no such environment")
            yield Fault(place(("profiles", name, "environment")), message, cure)
        for member, key in (("key", profile.key), ("next_key", profile.next_key)):
            if isinstance(key, str) and key not in configuration.keys:
                cure = suggestion(key, configuration.keys) or _WRITE_KEY
                message = Message("key-unknown", "there is no such key among [keys.*]")
                yield Fault(place(("profiles", name, member)), message, cure)
        if profile.next_key == profile.key:
            message = Message("next-key-same", "is the same as key")
            yield Fault(place(("profiles", name, "next_key")), message, Text("name the new key, or take it out"))


def unused_warnings(configuration: Configuration) -> Iterator[Fault]:
    """Yield the keys and environments that no profile uses."""
    profiles = configuration.profiles.values()
    used_keys = {key for profile in profiles for key in (profile.key, profile.next_key) if isinstance(key, str)}
    for name in sorted(configuration.keys.keys() - used_keys):
        yield Fault(place(("keys", name)), Message("key-unused", "no profile uses this key"))
    for name in sorted(configuration.environments.keys() - {profile.environment for profile in profiles}):
        message = Message("environment-unused", "no profile uses this environment")
        yield Fault(place(("environments", name)), message)


def placed_key_sources(configuration: Configuration) -> Iterator[tuple[str, KeySource]]:
    """Yield every key source, named or inline, with its place."""
    for name, source in configuration.keys.items():
        yield place(("keys", name)), source
    for name, profile in configuration.profiles.items():
        for member, key in (("key", profile.key), ("next_key", profile.next_key)):
            if isinstance(key, KeySource):
                yield place(("profiles", name, member)), key


def _key_source_faults(where: str, source: KeySource) -> Iterator[Fault]:
    if source.pkcs12 is None and source.pem is None:
        message = Message("key-without-file", "has neither pkcs12 nor pem")
        yield Fault(where, message, Text("one of them says in which file the key is"))
    if source.pkcs12 is not None and source.pem is not None:
        message = Message("key-in-two-files", "has both pkcs12 and pem")
        yield Fault(where, message, Text("a key is in one of them; take the other out"))
    if source.alias is not None and source.pem is not None:
        message = Message("alias-without-pkcs12", "has an alias, which only keys of PKCS#12 files have")
        yield Fault(where, message, Text("take it out"))
    if source.password_file is not None and source.password_env is not None:
        message = Message("password-in-two-places", "has both password_file and password_env")
        yield Fault(where, message, Text("take one of them out"))


def _egress_faults(egress: Egress) -> Iterator[Fault]:
    credentials = (egress.proxy_user, egress.proxy_password_file)
    if any(credentials) and not all(credentials):
        message = Message("egress-credentials-incomplete", "has only one of proxy_user and proxy_password_file")
        yield Fault("egress", message, Text("give both, or neither"))
    if egress.proxy is None:
        if any(credentials):
            message = Message("egress-without-proxy", "has credentials for a proxy, but no proxy")
            yield Fault("egress", message, Text('add proxy = "http://host:port"'))
        return
    if egress.proxy_user is not None and ":" in egress.proxy_user:
        # RFC 7617, section 2: "a user-id containing a colon character is invalid"
        message = Message("egress-user-with-colon", "must not have a colon")
        yield Fault("egress.proxy_user", message, Text("the password belongs in proxy_password_file"))
    try:
        url = parse_url(egress.proxy, "http")
    except InvalidValueError as error:
        cure = Text("http://host:port; credentials in proxy_user and proxy_password_file")
        yield Fault("egress.proxy", error.message, cure)
        return
    if url.path not in {"", "/"} or not _has_port(egress.proxy):
        message = Message("egress-proxy-malformed", "must be a host and a port, and nothing else")
        yield Fault("egress.proxy", message, Text("for example http://proxy.example:3128"))


def _kubernetes_faults(kubernetes: Kubernetes) -> Iterator[Fault]:
    if (kubernetes.jwks_file is None) == (kubernetes.jwks_url is None):
        message = (
            Message("jwks-missing", "has neither of jwks_file and jwks_url")
            if kubernetes.jwks_url is None
            else Message("jwks-in-two-places", "has both of jwks_file and jwks_url")
        )
        yield Fault("kubernetes", message, Text("exactly one of them says where the keys of the cluster are"))
    if kubernetes.jwks_url is None:
        for key, value in (("ca_file", kubernetes.ca_file), ("token_file", kubernetes.token_file)):
            if value is not None:
                message = Message("jwks-url-missing", "is for fetching from jwks_url, which is not there")
                yield Fault(f"kubernetes.{key}", message, Text("take it out"))
        return
    try:
        parse_url(kubernetes.jwks_url, "https")
    except InvalidValueError as error:
        cure = Text("keys that came over plain HTTP would prove nothing")
        yield Fault("kubernetes.jwks_url", error.message, cure)


def _tracing_faults(tracing: Tracing) -> Iterator[Fault]:
    scheme = "http" if tracing.endpoint.lower().startswith("http:") else "https"
    try:
        parse_url(tracing.endpoint, scheme)
    except InvalidValueError as error:
        yield Fault("tracing.endpoint", error.message, Text("for example http://127.0.0.1:4318/v1/traces"))


def _origin_faults(where: str, text: str) -> Iterator[Fault]:
    if text == "null":
        message = Message(
            "origin-null", 'must not be "null", which any page can send that is in a sandboxed frame or a file'
        )
        yield Fault(where, message, Text("serve the page from an origin of its own"))
        return
    try:
        check_origin(text)
    except InvalidValueError as error:
        cure = Text("for example https://erp.example, http://localhost:3000 or app://erp")
        yield Fault(where, error.message, cure)


def _has_port(proxy: str) -> bool:
    return proxy.rstrip("/").rpartition(":")[2].isdigit()
