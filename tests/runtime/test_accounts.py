"""The journal records as which client, and with which certificate, each profile acts."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from tests.runtime.test_reload import government, write_key  # noqa: F401 - a fixture
from tests.runtime.test_reload_telemetry import start  # noqa: F401 - as above
from tests.support.journal_writer import of_kind

JOURNAL = '[audit]\npath = "journal"\n'


def certificate(folder, name):
    """Give digest and end of a certificate as the journal has them."""
    read = x509.load_pem_x509_certificate((folder / f"{name}.cer").read_bytes())
    end = read.not_valid_after_utc.astimezone(UTC)
    return read.fingerprint(SHA256()).hex(), f"{end:%Y-%m-%dT%H:%M:%S}.000Z"


def recorded(folder):
    """Give what the journal has of accounts, without the chain."""
    lines = of_kind(folder / "journal", "account")
    assert all(datetime.fromisoformat(it["time"]) for it in lines)
    return [{name: it[name] for name in it if name not in {"prev", "seq", "time", "record"}} for it in lines]


async def test_accounts_are_recorded_at_the_start_and_at_each_reload(start, tmp_path, government):  # noqa: F811
    """Of every profile; with a renewed certificate, the new one. What is served was recorded before."""
    running = await start(JOURNAL)
    api = f"localhost:{government.port}"
    expected = [
        dict(zip(("certificate", "certificate_end"), certificate(tmp_path, key), strict=True))
        | {"profile": profile, "environment": "stub", "api": api, "client_id": client}
        for profile, client, key in (("employer", "client-7", "acme"), ("other", "client-8", "other"))
    ]
    assert recorded(tmp_path) == expected
    before = certificate(tmp_path, "other")
    write_key(tmp_path, "other")
    await running.reload(cause="watch")
    renewed = expected[1] | dict(zip(("certificate", "certificate_end"), certificate(tmp_path, "other"), strict=True))
    assert certificate(tmp_path, "other") != before
    assert recorded(tmp_path) == [*expected, expected[0], renewed]
    await running.change('client_id = "client-7"', 'client_id = "client-9"')
    assert recorded(tmp_path)[4:] == [expected[0] | {"client_id": "client-9"}, renewed]
    await running.reload(dry_run=True)
    assert len(recorded(tmp_path)) == 6


async def test_an_account_whose_key_cannot_be_used_has_no_certificate(start, tmp_path):  # noqa: F811
    """A profile that keeps its former key keeps its former certificate as well: that is what is in force."""
    running = await start(JOURNAL)
    before = recorded(tmp_path)
    (tmp_path / "other.cer").write_text("no certificate")
    await running.reload()
    assert running.gateway.current.former_keys.keys() == {"other"}
    assert recorded(tmp_path) == [*before, *before]
    running.rewrite('client_id = "client-8"', 'client_id = "client-3"')
    await running.reload()
    assert recorded(tmp_path)[4:] == [
        before[0],
        {
            "profile": "other",
            "environment": "stub",
            "api": before[1]["api"],
            "client_id": "client-3",
        },
    ]
