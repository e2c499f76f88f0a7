from __future__ import annotations

from datetime import date
from typing import get_args

import pytest

from fla_gateway.catalog.load import load
from fla_gateway.catalog.model import Status
from fla_gateway.catalog.prefix import parse_prefix
from fla_gateway.config.rules.environments import PRESETS


def test_every_service_is_told_with_its_source():
    """Each service has a title, a source, a known status, and only presets as environments."""
    services = load().services
    assert services
    for service in services:
        assert service.title
        assert service.source
        assert service.status in get_args(Status)
        assert set(service.environments) <= PRESETS.keys()
        assert service.prefix is None or service.prefix == parse_prefix(service.prefix)
    assert len({service.name for service in services}) == len(services)


def test_a_service_is_found_by_name():
    """The catalogue gives a service by its name, or nothing."""
    dimona = load().get("dimona")
    assert dimona is not None
    assert (dimona.prefix, dimona.environments) == ("/REST/dimona/v2", ("production", "simulation"))
    assert load().get("nothing") is None


def test_the_learning_account_is_repealed():
    """Both sides of the Federal Learning Account are marked as repealed, with the day their data is destroyed."""
    for name in ("federal-learning-account", "federal-learning-account-training-provider"):
        service = load().get(name)
        assert service is not None
        assert (service.status, service.data_destroyed) == ("repealed", date(2027, 1, 1))


def test_what_is_not_public_is_absent():
    """The training provider's scope and path, and the path of billRetainment, are not invented."""
    provider, retainment = load().get("federal-learning-account-training-provider"), load().get("bill-retainment")
    assert provider is not None
    assert retainment is not None
    assert (provider.prefix, provider.scopes, retainment.prefix) == (None, (), None)


@pytest.mark.parametrize(
    ("text", "prefix"),
    [("/REST/newApi/v1", "/REST/newApi/v1"), ("/REST/newApi/", "/REST/newApi"), ("/REST/a.b/v1~x", "/REST/a.b/v1~x")],
)
def test_reads_literal_prefixes(text, prefix):
    """A literal prefix is taken as it is, without a slash at its end."""
    assert parse_prefix(text) == prefix


@pytest.mark.parametrize(
    "text",
    [
        "/REST", "/REST/", "/rest/a", "REST/a", "/other/REST/a", "/REST//a", "/REST/a//", "/REST/a/../b", "/REST/./a",
        "/REST/..", "/REST/%61", "/REST/a;b", "/REST/a?b", "/REST/a#b", "/REST/a b", "/REST/a\\b", "/REST/é",
        "/REST/oauth", "/REST/oauth/v5", "/REST/OAuth/v5", "/REST/a\n", "",
    ],
)  # fmt: skip
def test_refuses_prefixes_with_two_readings(text):
    """A prefix that a server could read differently, or that reaches into the token endpoint, is refused."""
    with pytest.raises(ValueError, match=r"^must "):
        parse_prefix(text)
