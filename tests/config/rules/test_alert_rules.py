"""`[alerts]`: where alerts may be sent, and what must be encrypted on the way."""

from __future__ import annotations

import pytest

from fla_gateway.config.alert_tables import AlertMail, Webhook
from fla_gateway.config.document.schema_paths import table_at
from fla_gateway.secret import Secret
from tests.support.configurations import EMPLOYER

MAIL = {"to": '"it@company.example"', "from": '"gateway@company.example"', "server": '"mail.company.example:587"'}
PATH = "/hook/T0K3N-canary"


def mail(**changes):
    """Write `[alerts.mail]`; None leaves a key out."""
    lines = {**MAIL, **changes}
    return EMPLOYER + "[alerts.mail]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items() if value)


def webhook(text, more=""):
    """Write `[alerts]` with a webhook."""
    return f"{more}{EMPLOYER}[alerts]\nwebhook = {text}\n"


def test_one_address_is_short_for_a_list_and_encryption_is_the_default(folder):
    """The smallest table: an address, a sender, a server."""
    found = folder.load(mail()).configuration.alerts.mail
    assert (found.to, found.sender, found.tls, found.unsafe_cleartext) == (
        ["it@company.example"], "gateway@company.example", "starttls", False,
    )  # fmt: skip
    several = folder.load(mail(to='["a@x.example", "b@x.example"]')).configuration.alerts.mail
    assert several.to == ["a@x.example", "b@x.example"]


def test_an_address_alone_is_short_for_the_webhooks_table(folder):
    """Both forms are the same."""
    short = folder.load(webhook(f'"https://x.example{PATH}?sig=%20a"')).configuration
    long = folder.load(webhook(f'{{ url = "https://x.example{PATH}?sig=%20a" }}')).configuration
    assert short.alerts == long.alerts
    assert table_at(("alerts", "webhook")) is Webhook
    assert table_at(("alerts", "mail")) is AlertMail


def test_the_webhook_is_a_secret_in_every_form_of_the_configuration(folder):
    """Nothing that shows a configuration shows it: it may hold a token."""
    configuration = folder.load(webhook(f'"https://x.example{PATH}"')).configuration
    assert isinstance(configuration.alerts.webhook.url, Secret)
    assert PATH not in f"{configuration}{configuration!r}"


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"to": None}, "alerts.mail.to", "is missing"),
        ({"to": "[]"}, "alerts.mail.to", "at least one entry"),
        ({"to": '["it@x.example", "IT <it@x.example>"]'}, "alerts.mail.to[1]", "mail address in ASCII"),
        ({"to": '"it@x.example, hr@x.example"'}, "alerts.mail.to", "mail address in ASCII"),
        ({"to": '"it@x.example\\nBcc: eve@x.example"'}, "alerts.mail.to", "mail address in ASCII"),
        ({"to": '"jérôme@x.example"'}, "alerts.mail.to", "mail address in ASCII"),
        ({"from": '"it"'}, "alerts.mail.from", "mail address in ASCII"),
        ({"from": "3"}, "alerts.mail.from", "must be text"),
        ({"server": '"mail.company.example"'}, "alerts.mail.server", "a host and a port"),
        ({"server": '"mail.company.example:0"'}, "alerts.mail.server", "a host and a port"),
        ({"server": '"smtp://mail.company.example:587"'}, "alerts.mail.server", "a host and a port"),
        ({"server": '"unix:/run/mail"'}, "alerts.mail.server", "a host and a port"),
        ({"server": '"services.socialsecurity.be:587"'}, "alerts.mail.server", "host of the social security"),
        ({"user": '"gateway"'}, "alerts.mail", "only one of user and password_file"),
        ({"password_file": '"mail.pass"'}, "alerts.mail", "only one of user and password_file"),
        ({"password": '"hunter2"'}, "alerts.mail.password", "put it into a file of its own"),
        ({"tls": '"none"'}, "alerts.mail.tls", "must be one of 'starttls' or 'implicit'"),
        ({"unsafe_cleartext": "true", "tls": '"implicit"'}, "alerts.mail.tls", "the opposite"),
        ({"unsafe_cleartext": "true", "ca_file": '"ca.pem"'}, "alerts.mail.ca_file", "verifies nothing"),
        (
            {"unsafe_cleartext": "true", "user": '"gateway"', "password_file": '"mail.pass"'},
            "alerts.mail.unsafe_cleartext", "a password without encryption",
        ),
    ],
)  # fmt: skip
def test_a_fault_of_mail_says_where_and_what(folder, changes, place, words):
    """Each names its key, and no value of it."""
    fault = folder.fault(mail(**changes))
    assert fault.startswith(f"gateway.toml: {place}: ")
    assert words in fault
    assert "hunter2" not in fault


def test_a_relay_without_tls_is_named_as_what_it_is(folder):
    """It is possible under an ugly name, without a password."""
    assert folder.load(mail(unsafe_cleartext="true")).configuration.alerts.mail.unsafe_cleartext


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"http://x.example/hook/T0K3N-canary"', "begins with https://"),
        ('"https://x.example/hook/T0K3N-canary#part"', "must not have a fragment"),
        ('"https://user:T0K3N-canary@x.example/"', "must not hold a user name"),
        ('"https://x.example/hook?sig=T0K3N-canary\\u0001"', "query in ASCII"),
        ('"https://x.example/hook/ T0K3N-canary"', "begins with https://"),
        ('"https://services.socialsecurity.be/hook/T0K3N-canary"', "host of the social security"),
        ('"https://SOCIALSECURITY.be./T0K3N-canary"', "host of the social security"),
        ('"https://127.0.0.1:8480/T0K3N-canary"', "is a listener of this gateway"),
        ('"https://localhost:8481/T0K3N-canary"', "is a listener of this gateway"),
        ('"https://[::1]:8480/T0K3N-canary"', "is a listener of this gateway"),
        ('"https://gateway.internal:8480/T0K3N-canary"', "is a listener of this gateway"),
        ("3", "an address in quotes"),
        ("{ url = 3 }", "must be text"),
        ("{ direct = true }", "is missing"),
    ],
)
def test_a_webhook_leads_over_https_to_another_host(folder, text, words):
    """Neither to the gateway itself nor to the government; and no fault shows the address."""
    fault = folder.fault(webhook(text, '[gateway]\nhosts = ["gateway.internal"]\n'))
    assert fault.startswith("gateway.toml: alerts.webhook")
    assert words in fault
    assert "T0K3N" not in fault


def test_a_table_without_any_way_is_a_fault(folder):
    """`[alerts]` alone would send nothing, without a word."""
    assert "neither mail nor webhook" in folder.fault(f'{EMPLOYER}[alerts]\nname = "x"\n')
