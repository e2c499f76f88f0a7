"""`fla-gateway policy suggest`."""

from __future__ import annotations

import asyncio
import re
import signal
import tomllib
from datetime import UTC, datetime, timedelta

import pytest

from fla_gateway.access.authentication.api_key import digest, new_key
from fla_gateway.cli.main import execute
from fla_gateway.config.load import load
from tests.support.configurations import EMPLOYER
from tests.support.gateway_process import begin, government  # noqa: F401 - fixtures
from tests.support.journals import JournalBuilder
from tests.support.raw_http import get, post
from tests.support.stage import api_tls, authority, ca_file  # noqa: F401 - fixtures


@pytest.fixture
def journal(tmp_path):
    """A journal that was begun some minutes ago."""
    return JournalBuilder(tmp_path / "journal", datetime.now(UTC) - timedelta(minutes=5))


@pytest.fixture
def suggest(journal, capsys):
    """Run the command on the journal; give exit code, standard output and standard error."""

    def run(*words):
        code = execute(["policy", "suggest", "--journal", str(journal.directory), *words])
        return code, *capsys.readouterr()

    return run


def test_proposals_are_toml_to_be_reviewed(journal, suggest):
    """Each caller and profile gets its list, each entry its reason, and a person is asked to look."""
    journal.post()
    journal.get()
    journal.get(caller="hr", profile="secretariat")
    code, text, error = suggest()
    assert (code, error) == (0, "")
    assert "a person must review each entry" in text
    assert text.count("    # 1 time, last ") == 3
    assert tomllib.loads(text)["callers"] == {
        "hr": {"allow": {"secretariat": ["GET /REST/dimona/v2/declarations/*"]}},
        "payroll": {"allow": {"employer": ["POST /REST/dimona/v2/declarations", "GET /REST/dimona/v2/declarations/*"]}},
    }


def test_only_what_is_asked_for(journal, suggest):
    """--caller, --profile and --since narrow what counts."""
    journal.post()
    journal.get(caller="hr", profile="secretariat")
    assert set(tomllib.loads(suggest("--caller", "hr")[1])["callers"]) == {"hr"}
    assert set(tomllib.loads(suggest("--profile", "employer")[1])["callers"]) == {"payroll"}
    code, text, _ = suggest("--since", "0s")
    assert (code, tomllib.loads(text)) == (0, {})
    assert "Nothing was seen" in text
    assert "404" in text  # what there may well have been, and did not count


def test_anonymous_traffic_and_wide(journal, suggest):
    """Exchanges without a caller go to the name that is given, and --wide joins many."""
    for word in ("a", "b", "c"):
        journal.get(caller="", path=f"/REST/dimona/{word}")
    _, text, _ = suggest("--name", "acme", "--wide", "2")
    assert tomllib.loads(text)["callers"] == {"acme": {"allow": {"employer": ["GET /REST/dimona/**"]}}}


def test_configuration_takes_the_proposal(journal, suggest, tmp_path):
    """What is proposed can be pasted: the configuration has no fault with it."""
    journal.post(caller="")
    journal.get(caller="")
    proposal = suggest()[1]
    key = f'[callers.local]\nkeys = [{{ sha256 = "{"a" * 64}" }}]\n'
    file = tmp_path / "gateway.toml"
    file.write_text(f'{EMPLOYER}\n[audit]\npath = "journal"\n{key}{proposal}')
    assert len(load(file, {}).configuration.callers["local"].allow["employer"]) == 2
    assert execute(["policy", "suggest", "--config", str(file)]) == 0


async def test_a_list_is_proposed_from_nothing(begin, tmp_path, capsys):  # noqa: F811 - a fixture
    """`observe` lets GET through and has it recorded; what is proposed takes its place, and permits no more."""
    key = new_key()
    until = (datetime.now(UTC) + timedelta(days=20)).date()
    observed = (
        f'[audit]\npath = "journal"\n[callers.erp]\nkeys = [{{ sha256 = "{digest(key)}" }}]\n'
        f'observe_until = {until}\n[callers.erp.allow]\nemployer = "observe"\n'
    )

    async def statuses(more, *requests):
        process = await begin(more=more)
        await process.event("ready")
        found = [(await process.call(one)).status for one in requests]
        process.signal(signal.SIGTERM)
        assert await process.ended() == 0
        return found

    period, other = (
        get(f"/employer/REST/dimona/v2/{it}", f"X-Api-Key: {key}") for it in ("periods/12", "relations/12")
    )
    declared = post(b"{}", f"X-Api-Key: {key}", path="/employer/REST/dimona/v2/declarations")
    assert await statuses(observed, period, declared) == [200, 403]

    config = str(tmp_path / "gateway.toml")
    assert await asyncio.to_thread(execute, ["policy", "suggest", "--config", config]) == 0
    proposal = capsys.readouterr().out
    assert tomllib.loads(proposal)["callers"] == {"erp": {"allow": {"employer": ["GET /REST/dimona/v2/periods/*"]}}}

    listed = re.sub(r"observe_until.*", "", observed, flags=re.DOTALL) + proposal
    assert await statuses(listed, period, declared, other) == [200, 403, 403]


def test_what_could_not_be_used_is_said(journal, suggest):
    """Exchanges without an entry, and damaged lines, are owned up to on standard error."""
    journal.get(method="OTHER\x1b")
    journal.raw(b"x\n")
    code, _, error = suggest()
    assert code == 1
    assert "no entry can be written for them: 1" in error
    assert "1 line could not be read" in error


@pytest.mark.parametrize("words", [["--name", "Payroll"], ["--wide", "0"], ["--wide", "x"], ["--since", "ever"]])
def test_wrong_use_is_said(words, capsys):
    """A wish that cannot be understood ends with 2."""
    with pytest.raises(SystemExit) as end:
        execute(["policy", "suggest", *words])
    assert end.value.code == 2
    assert "usage: fla-gateway policy suggest" in capsys.readouterr().err
