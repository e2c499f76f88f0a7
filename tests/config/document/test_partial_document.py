"""What of a faulty configuration is still judged: every fault is found at once, and none that is none."""

from __future__ import annotations

import json
import tomllib
from copy import deepcopy
from datetime import date
from functools import partial
from itertools import cycle
from pathlib import Path

from fla_gateway import profiles
from fla_gateway.access.authorization.allow_list_faults import caller_rule_faults
from fla_gateway.catalog.load import load as load_catalogue
from fla_gateway.config.document.key_path import place
from fla_gateway.config.load import load
from fla_gateway.errors import ConfigurationError
from tests.support.configurations import EMPLOYER, own

ROOT = Path(__file__).parents[3]
RULES = (partial(profiles.faults, catalogue=load_catalogue()), caller_rule_faults)


def test_a_fault_hides_no_other_of_its_table(folder):
    """Kinds of values and rules between them are judged in one go, whichever table they are in."""
    text = f"""
        {EMPLOYER}
        services = [5, "nowhere", "/REST/oauth"]
        [callers.erp]
        keys = [{{ sha256 = "short" }}, {{ sha256 = "{"1" * 64}", expire = 2030-01-01 }}]
        limits = {{ concurrent = 0 }}
        allow = {{ employr = ["GET /REST/x"], employer = [5, "get /REST/x", "GET REST/x"] }}
        [callers.second]
        keys = [{{ sha256 = "{"1" * 64}" }}]
        uid = "one"
        allow = {{ employer = "GET /REST/**", other = "observe" }}
        [callers.third]
        service_account = 5
        observe_until = "soon"
        certificate_names = [5, "Erp"]
        allow = 5
        [keys.one]
        pkcs12 = 5
        pem = "x"
        [egress]
        proxy = "http://gateway:secret@proxy:3128"
        proxy_user = 5
        [kubernetes]
        issuer = 5
        audience = "x"
        jwks_url = "http://cluster"
        [alerts]
        name = 5
        [alerts.mail]
        to = "nowhere"
        from = "a@company.example"
        server = "5"
        user = "a"
    """
    found = {fault.place.removeprefix("gateway.toml: ") for fault in folder.faults(text, further=RULES)}
    assert found == {
        "profiles.employer.services[0]", "profiles.employer.services[1]", "profiles.employer.services[2]",
        "callers.erp.keys[0].sha256", "callers.erp.keys[1].expire", "callers.erp.limits.concurrent",
        "callers.erp.allow.employr", "callers.erp.allow.employer[0]", "callers.erp.allow.employer[1]",
        "callers.erp.allow.employer[2]", "callers.second.keys[0].sha256", "callers.second.uid",
        "callers.second.allow.employer", "callers.second.allow.other", "callers.third.service_account",
        "callers.third.observe_until", "callers.third.certificate_names[0]", "callers.third.certificate_names[1]",
        "callers.third.certificate_names",        "callers.third.allow", "keys.one.pkcs12", "keys.one",
        "egress.proxy", "egress.proxy_user", "egress",
        "kubernetes.issuer", "kubernetes.jwks_url", "alerts.name", "alerts.mail.to", "alerts.mail.server",
        "alerts.mail",
    }  # fmt: skip


def leaves(value, path=()):
    """Give the path of everything in a document, tables and lists included."""
    if path:
        yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from leaves(member, (*path, key))


def changed(document, path, value):
    """Put another value into a copy of a document."""
    copy = deepcopy(document)
    table = copy
    for key in path[:-1]:
        table = table[key]
    table[path[-1]] = value
    return copy


def written(value):
    """Write a value on one line of TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {written(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return value.isoformat() if isinstance(value, date) else json.dumps(value)


def test_no_fault_follows_from_another(tmp_path):
    """Whatever of a whole configuration is replaced, faults are reported there and nowhere else."""
    document = tomllib.loads(own((ROOT / "config/full.toml").read_text()))
    del document["include"]
    for path, value in zip(leaves(document), cycle((5.5, [[]])), strict=False):
        file = tmp_path / "gateway.toml"
        lines = (f"{key} = {written(member)}\n" for key, member in changed(document, path, value).items())
        file.write_text("".join(lines))
        try:
            load(file, {"SPARE_PASSWORD": ""}, further=RULES)
        except ConfigurationError as error:
            found = [fault.path for fault in error.faults]
            assert all(it.startswith(place(path)) or place(path).startswith(it) for it in found), (path, found)
