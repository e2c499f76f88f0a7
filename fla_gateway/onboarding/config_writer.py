"""Rule: the configuration of a new profile, as commented TOML.

Owns its text: a whole file, or one for `profiles.d/` beside a configuration that is there. Refuses to write files, and
whatever opens more than the services need: nothing that is called unsafe, no anonymous callers, no path of all APIs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import Final

from fla_gateway.i18n.message import Text
from fla_gateway.i18n.paragraphs import broken
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.onboarding.allow_lists import allow_list, is_guessed

Say = Callable[[str], str]
_WIDTH: Final = 118
INCLUDE: Final = "profiles.d/*.toml"
_USUAL_ADDRESS: Final = "127.0.0.1:8480"


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """Where the key of the account is, relative to the configuration or absolute.

    Attributes:
        path: of the key; PKCS#12 or PEM.
        pkcs12: which of the two.
        certificate: of a PEM key; empty if it is in the same file.
        password_file: empty if the key has no password.
    """

    path: str
    pkcs12: bool
    certificate: str = ""
    password_file: str = ""


@dataclass(frozen=True, slots=True)
class Environment:
    """A government side of its own: the sandbox."""

    name: str
    api_base: str
    token_url: str
    ca_file: str


@dataclass(frozen=True, slots=True)
class Alerts:
    """Who hears of trouble.

    Attributes:
        to: addresses; mails come from the last one, too, which is not a person's.
        server: host and port of the mail server; empty if it is not known.
    """

    to: tuple[str, ...]
    server: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is written.

    Attributes:
        profile: its name.
        environment: name of a preset, or of `own_environment`.
        client_id: as ChaMan shows it.
        key: where it is.
        services: names of the catalogue, or paths.
        callers: SHA-256 of the key of each new caller, by name.
        own_environment: see `Environment`.
        listen: where callers connect, if not at the usual address.
        admin_listen: likewise for the status page.
        admin_digest: SHA-256 of the key of the status page; empty in a file for `profiles.d/`.
        alerts: who hears of trouble, or None.
        language: of the status page, as the configuration has it; empty to leave it open.
    """

    profile: str
    environment: str
    client_id: str
    key: KeyFiles
    services: tuple[str, ...]
    callers: Mapping[str, str] = field(default_factory=dict)
    own_environment: Environment | None = None
    listen: str = ""
    admin_listen: str = ""
    admin_digest: str = ""
    alerts: Alerts | None = None
    language: str = ""


def whole_file(plan: Plan, say: Say) -> str:
    """Write a configuration."""
    parts = [_head(say), _gateway(plan, say), _environment(plan, say), *_profile(plan, say), *_callers(plan, say)]
    parts += [_admin(plan, say), _audit(say), "" if plan.own_environment else _alerts(plan.alerts, say)]
    return "\n".join(part for part in parts if part)


def further_file(plan: Plan, say: Say) -> str:
    """Write a file for `profiles.d/`: the profile and its new callers, and nothing that the first file has."""
    head = Text("A further profile, made by `fla-gateway init`. Paths are relative to this file.")
    return "\n".join([_comment(head, say), *_profile(plan, say), *_callers(plan, say)])


def further_line(profile: str, services: tuple[str, ...]) -> str:
    """Return the line that a caller of the first file needs in its `allow`, so that it may use the profile."""
    return f"{profile} = {_array(allow_list(services))}"


def about_further(say: Say) -> str:
    """Write the file that is in `profiles.d/` from the beginning: a pattern that matches nothing is warned of."""
    about = Text(
        "Each file in this folder whose name ends in .toml is a part of the configuration. `fla-gateway init` puts "
        "further profiles here. This one may go when there is another."
    )
    return _comment(about, say)


def _head(say: Say) -> str:
    head = Text(
        "Made by `fla-gateway init`; from here on it is yours. `fla-gateway check` says what is wrong with it, "
        "`fla-gateway reload` applies a change. Every key with its default is in docs/configuration.md. Relative "
        "paths are relative to this file."
    )
    further = Text("Further profiles go into files of their own, where `fla-gateway init` puts them.")
    return f"{_comment(head, say)}\n{_comment(further, say)}include = [{_text(INCLUDE)}]\n"


def _gateway(plan: Plan, say: Say) -> str:
    lines = [f"listen = [{_text(plan.listen)}]\n"] if plan.listen else []
    if plan.language:
        spoken = Text("Language of status page, alerts and calendar.")
        lines.append(f"{_comment(spoken, say)}language = {_text(plan.language)}\n")
    return "".join(["[gateway]\n", *lines]) if lines else ""


def _environment(plan: Plan, say: Say) -> str:
    own = plan.own_environment
    if own is None:
        return ""
    comment = Text("The substitute for the government side, on this machine. Nothing reaches the social security.")
    return (
        f"{_comment(comment, say)}[environments.{own.name}]\napi_base = {_text(own.api_base)}\n"
        f"token_url = {_text(own.token_url)}\nca_file = {_text(own.ca_file)}\n"
    )


def _profile(plan: Plan, say: Say) -> Iterator[str]:
    yield _key(plan, say)
    about = Text(
        "A profile: one account of the channel. Programs call http://{address}/{name}/REST/... where the manual of an "
        "API has https://services.socialsecurity.be/REST/...",
        address=plan.listen or _USUAL_ADDRESS,
        name=plan.profile,
    )
    served = Text("What it serves; `fla-gateway catalog` lists the names.")
    yield (
        f"{_comment(about, say)}[profiles.{plan.profile}]\n"
        f"{_environment_comment(plan, say)}environment = {_text(plan.environment)}\n"
        f"client_id = {_text(plan.client_id)}\nkey = {_text(plan.profile)}\n"
        f"{_comment(served, say)}services = {_array(plan.services)}\n"
    )


def _key(plan: Plan, say: Say) -> str:
    key = plan.key
    about = Text("The key of the account. Its certificate is in ChaMan; the key never leaves this machine.")
    if plan.own_environment is not None:
        about = Text("The key of the account, which the substitute knows.")
    lines = [f"[keys.{plan.profile}]", f"{'pkcs12' if key.pkcs12 else 'pem'} = {_text(key.path)}"]
    lines += [f"certificate = {_text(key.certificate)}"] if key.certificate else []
    lines += [f"password_file = {_text(key.password_file)}"] if key.password_file else []
    return _comment(about, say) + "\n".join(lines) + "\n"


def _environment_comment(plan: Plan, say: Say) -> str:
    if plan.environment == "simulation":
        return _comment(
            Text("Beware: simulation uses PRODUCTION tokens; this word alone keeps a test from being a declaration."),
            say,
        )
    if plan.environment == "production":
        return _comment(Text("What is sent here is declared."), say)
    return ""


def _callers(plan: Plan, say: Say) -> Iterator[str]:
    about = Text(
        "A program that may call, known by the SHA-256 of its key. Every client that is not listed is refused."
    )
    may = Text("What it may do: method and path; * is one segment, ** one or more, and GET covers HEAD. Nothing else.")
    guessed = Text(
        "The paths of {services} are not public: it may read, and nothing else. Put in what its manual names, in the "
        "place of **.",
        services=", ".join(it for it in plan.services if is_guessed(it)),
    )
    entries = allow_list(plan.services)
    for number, (name, digest) in enumerate(plan.callers.items()):
        first = not number
        yield (
            f"{_comment(about, say) if first else ''}[callers.{name}]\n"
            f'keys = [{{ sha256 = "{digest}" }}]\n\n'
            f"{_comment(may, say) if first else ''}"
            f"{_comment(guessed, say) if first and any(map(is_guessed, plan.services)) else ''}"
            f"[callers.{name}.allow]\n{plan.profile} = {_array(entries)}\n"
        )


def _admin(plan: Plan, say: Say) -> str:
    listen = f"[admin]\nlisten = {_text(plan.admin_listen)}\n\n" if plan.admin_listen else ""
    about = Text("Who may see the status page: clients that have this key, which is the password in a browser.")
    return f'{listen}{_comment(about, say)}[admin.key]\nsha256 = "{plan.admin_digest}"\n'


def _audit(say: Say) -> str:
    about = Text(
        "The journal of what was sent for which caller, and what became of it. Keep it when everything else goes."
    )
    return f'{_comment(about, say)}[audit]\npath = "journal"\n'


def _alerts(alerts: Alerts | None, say: Say) -> str:
    about = Text(
        "Who hears of trouble, such as a certificate that ends: a person, and an address that outlives the person. "
        "`fla-gateway alert test` sends a mail to try it; docs/alerts.md has what else a mail server may want."
    )
    there = alerts is not None and bool(alerts.to and alerts.server)
    to = alerts.to if alerts and alerts.to else ("ann@company.example", "it@company.example")
    server = (alerts.server if alerts else "") or "mail.company.example:587"
    lines = ["[alerts]", f"mail = {{ to = {_inline(to)}, from = {_text(to[-1])}, server = {_text(server)} }}"]
    return _comment(about, say) + "".join(f"{'' if there else '# '}{line}\n" for line in lines)


def _comment(text: Text, say: Say) -> str:
    return "".join(f"# {line}\n" for line in broken(say(text), _WIDTH - 2))


def _array(values: tuple[str, ...]) -> str:
    inline = _inline(values)
    if len(inline) <= _WIDTH - 20:
        return inline
    return "[\n" + "".join(f"    {_text(value)},\n" for value in values) + "]"


def _inline(values: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _text(value: object) -> str:
    """Write a basic string of TOML, which is one of JSON; a configuration would take ${NAME} for a variable."""
    return json.dumps(str(value), ensure_ascii=False).replace("$", "$$")
