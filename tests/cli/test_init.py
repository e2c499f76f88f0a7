"""`fla-gateway init`: from an empty folder to a configuration, on a terminal and from a file."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tomllib
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from fla_gateway.cli.initialization import terminal
from fla_gateway.cli.initialization.sandbox_trial import Places, moved_ports
from fla_gateway.cli.main import execute
from tests.support.waiting import PATIENCE

CLIENT = "self_service_chaman_555_abc"
ANSWERS = f"""
quality = "employer"
company = "Acme NV"
enterprise-number = "BE 0123.456.749"
services = ["dimona"]
environment = "simulation"
known_employer = true
registered = true
chaman-access = "unknown"
callers = ["payroll", "timeclock"]
alert-mail = "ann@acme.example"
alert-mailbox = "it@acme.example"
mail-server = "mail.acme.example"
client-id = "{CLIENT}"
"""


def answered(folder, *words, answers=ANSWERS):
    """Run init in a folder with a file of answers; give its exit code."""
    file = folder.parent / f"{folder.name}.answers.toml"
    file.write_text(answers)
    return execute(["init", "--yes", "--answers", str(file), "--directory", str(folder), *words])


def files(folder, *left_out):
    """Give the bytes of every file of a folder."""
    found = {it.relative_to(folder): it.read_bytes() for it in folder.rglob("*") if it.is_file()}
    return {path: content for path, content in found.items() if path.parts[0] not in left_out}


def secrets(folder):
    """Give what must be nowhere but in its own file: keys of callers, password, private key."""
    names = [it for it in (folder / "secrets").iterdir() if it.suffix in {".key", ".pass"}]
    pem = (folder / "secrets" / "employer.pem").read_text()
    return [
        *(it.read_text().strip() for it in names),
        *re.findall(r"^[\w+/]{64}$", pem.split("CERTIFICATE")[0], re.MULTILINE),
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder in which everything was made from a file of answers, and what was printed."""
    folder = tmp_path_factory.mktemp("answered") / "own"
    file = folder.parent / "answers.toml"
    file.write_text(ANSWERS)
    printed = io.StringIO()
    with redirect_stdout(printed):
        assert execute(["init", "--yes", "--answers", str(file), "--directory", str(folder)]) == 0
    return folder, printed.getvalue()


def test_a_file_of_answers_leads_to_a_configuration_that_is_well(made):
    """Nothing is asked, and `check` has nothing to say."""
    folder, printed = made
    assert "\nall well\n" in printed
    document = tomllib.loads((folder / "gateway.toml").read_text())
    assert document["profiles"]["employer"]["client_id"] == CLIENT
    assert set(document["callers"]) == {"payroll", "timeclock"}
    assert document["alerts"]["mail"]["server"] == "mail.acme.example:587"
    assert {it.name for it in (folder / "for-chaman").iterdir()} >= {"employer.html"}


def test_the_curl_line_reads_the_key_from_its_file(made):
    """The key is in no line that is printed, and the path is one that the caller may ask for."""
    folder, printed = made
    (line,) = re.findall(r"^  curl .*$", printed, re.MULTILINE)
    assert f"$(cat {folder}/secrets/payroll.key)" in line
    assert line.endswith("/employer/REST/dimona/v2/declarations/1")


def test_no_secret_is_anywhere_but_in_its_file(made):
    """Neither in for-chaman/, nor in the answers, nor in the configuration, nor in what was printed."""
    folder, printed = made
    hidden = secrets(folder)
    assert len(hidden) > 10
    for name, content in files(folder, "secrets").items():
        text = content.decode("latin-1")
        assert "PRIVATE KEY" not in text, name
        assert [it for it in hidden if it in text] == [], name
    assert [it for it in hidden if it in printed] == []
    assert {it.stat().st_mode & 0o777 for it in (folder / "secrets").iterdir()} == {0o600}
    assert (folder / "secrets").stat().st_mode & 0o777 == 0o700


def test_started_again_it_changes_nothing(made, capsys):
    """It goes on with the check, and every byte stays."""
    folder, _ = made
    before = files(folder)
    assert answered(folder, "--profile", "employer") == 0
    assert files(folder) == before
    assert "all well" in capsys.readouterr().out


def test_the_page_can_be_printed_again(made, capsys, tmp_path):
    """As text in another language, and as HTML in a file that did not exist."""
    folder, _ = made
    assert execute(["chaman", "employer", "--directory", str(folder), "--lang", "fr"]) == 0
    assert '"Een webservice account toevoegen" ("Ajouter un compte webservice"*)' in capsys.readouterr().out
    page = tmp_path / "page.html"
    words = ["chaman", "employer", "--config", str(folder / "gateway.toml"), "--output", str(page)]
    assert execute(words) == 0
    assert page.read_text() == (folder / "for-chaman" / "employer.html").read_text()
    assert execute(words) == 2
    assert execute(["chaman", "provider", "--directory", str(folder)]) == 2
    assert "there are: employer" in capsys.readouterr().err


def test_an_existing_configuration_is_not_changed(tmp_path, capsys):
    """The profile gets a file of its own; two lines are a person's to put in, and init waits for them."""
    folder = tmp_path / "own"
    key = tmp_path / "existing.pfx"
    folder.mkdir()
    mine = '# mine\n[callers.payroll]\nkeys = [{ sha256 = "' + "a" * 64 + '" }]\n'
    mine += '[callers.payroll.allow]\nold = ["GET /REST/a/v1/**"]\n'
    mine += f'[profiles.old]\nenvironment = "simulation"\nclient_id = "old_1"\nkey = {{ pkcs12 = "{key}" }}\n'
    (folder / "gateway.toml").write_text(mine)
    words: tuple[str, ...] = ("--profile", "secretariat", "--callers", "payroll", "--environment", "production")
    answers = ANSWERS.replace('"employer"', '"secretariat"').replace('environment = "simulation"', "")
    words += ("--account", "existing", "--has-key", "yes", "--key-file", str(key))
    assert answered(folder, *words, answers=answers) == 1
    printed = capsys.readouterr().out
    assert '  include = ["profiles.d/*.toml"]' in printed
    (line,) = re.findall(r"^  (secretariat = .*)$", printed, re.MULTILINE)
    assert (folder / "gateway.toml").read_text() == mine
    written = (folder / "profiles.d" / "secretariat.toml").read_text()
    assert set(tomllib.loads(written)) == {"keys", "profiles"}

    changed = 'include = ["profiles.d/*.toml"]\n' + mine.replace('v1/**"]\n', f'v1/**"]\n{line}\n')
    (folder / "gateway.toml").write_text(changed)
    # The key file of this test is none, so that `check` has its word; the lines are in.
    assert answered(folder, *words, answers=answers) == 1
    out, err = capsys.readouterr()
    assert "include = " not in out
    assert "UNUSABLE KEY" in out + err
    assert (folder / "gateway.toml").read_text() == changed
    assert (folder / "profiles.d" / "secretariat.toml").read_text() == written


def test_an_include_that_is_there_is_to_be_extended(tmp_path, capsys):
    """A second `include` would be a fault of TOML."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "gateway.toml").write_text('include = ["conf/*.toml"]\n')
    words = ("--account", "existing", "--has-key", "yes", "--key-file", "there.pfx")
    assert answered(folder, *words) == 1
    printed = capsys.readouterr().out
    assert "Make its `include` at the top" in printed
    assert '  include = ["conf/*.toml", "profiles.d/*.toml"]\n' in printed


def test_a_key_that_is_there_is_taken(made, tmp_path, capsys, monkeypatch):
    """A bought one, for example: its certificate goes to for-chaman/, and the configuration names its files."""
    key = made[0] / "secrets" / "employer.pfx"
    monkeypatch.chdir(key.parent)
    folder = tmp_path / "own"
    words = ("--profile", "bought", "--key", "take", "--key-file", key.name, "--key-password-file", "employer.pass")
    assert answered(folder, *words) == 0
    assert "all well" in capsys.readouterr().out
    (copy,) = (folder / "for-chaman").glob("bought-*.cer")
    assert copy.read_bytes() == key.with_suffix(".cer").read_bytes()
    assert copy.name in (folder / "for-chaman" / "bought.html").read_text()
    document = tomllib.loads((folder / "gateway.toml").read_text())
    assert document["keys"] == {"bought": {"pkcs12": str(key), "password_file": str(key.with_suffix(".pass"))}}
    assert answered(tmp_path / "other", *words[:-2]) == 2
    assert "password" in capsys.readouterr().err


def test_a_folder_that_was_sent_away_comes_back(made, capsys):
    """for-chaman/ may be moved: page and certificate can be made again, of the same key."""
    folder, _ = made
    (copy,) = (folder / "for-chaman").glob("*.cer")
    before = files(folder)
    shutil.rmtree(folder / "for-chaman")
    (folder / "gateway.toml").rename(folder / "away")
    assert answered(folder) == 0
    (folder / "away").replace(folder / "gateway.toml")
    assert copy.read_bytes() == before[copy.relative_to(folder)]
    assert set(files(folder)) == set(before)
    assert {it: content for it, content in files(folder).items() if before[it] != content} == {}
    capsys.readouterr()


@pytest.mark.parametrize(("columns", "longest"), [("20", 40), ("57", 57), ("80", 80), ("300", 100)])
def test_paragraphs_are_as_wide_as_the_terminal(columns, longest, monkeypatch, capsys):
    """A terminal breaks longer lines within words; beyond a hundred letters a line is hard to read."""
    monkeypatch.setenv("COLUMNS", columns)
    terminal.say("word " * 60, "    ", "  1  employer  ")
    lines = capsys.readouterr().out.splitlines()
    assert longest - 5 < max(map(len, lines)) <= longest
    assert (lines[0][:15], lines[1][:5]) == ("  1  employer  ", "    w")


def test_a_port_that_was_in_use_is_named_with_the_one_that_took_its_place():
    """What the documentation says of 8480 leads to the demo that still has it."""
    there = Places("127.0.0.1:9443", "127.0.0.1:1", "127.0.0.1:39813", "127.0.0.1:8481")
    (only,) = map(str, moved_ports(there))
    assert "8480" in only
    assert "127.0.0.1:39813" in only


def test_the_sandbox_takes_no_other_configuration(tmp_path, capsys):
    """It neither changes a person's nor serves it."""
    (tmp_path / "gateway.toml").write_text(mine := '[profiles.a]\nenvironment = "production"\n')
    assert execute(["init", "--sandbox", "--yes", "--directory", str(tmp_path)]) == 2
    assert "is not for the sandbox" in capsys.readouterr().err
    assert files(tmp_path) == {Path("gateway.toml"): mine.encode()}


SANDBOX = """
[environments.sandbox]
api_base = "https://localhost:{port}"
ca_file = "sandbox/ca.pem"
[callers.other.allow]
employer = ["GET /REST/x/v1/1"]
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("environments = 3", "not for the sandbox"),
        ("[environments]\nsandbox = 3", "not for the sandbox"),
        (SANDBOX.format(port=99999), "not for the sandbox"),
        (f"gateway.listen = ['unix:x.sock']\n{SANDBOX.format(port=9443)}", "no host:port"),
        (SANDBOX.format(port=9443), "no key of a caller of"),
    ],
    ids=["no-table", "no-environment", "no-port", "socket", "key-handed-out"],
)
def test_a_configuration_of_the_sandbox_that_was_changed_is_refused_in_words(text, words, tmp_path, capsys):
    """Whatever became of it; the key of a caller may be gone, since its file is handed to the program."""
    (tmp_path / "gateway.toml").write_text(text)
    assert execute(["init", "--sandbox", "--yes", "--directory", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("secrets/payroll.key", b"", "has no key"),
        ("secrets/payroll.key", b"\xff\xfe", "has no key"),
        ("secrets/payroll.key", None, "cannot be used: Is a directory"),
        ("secrets/employer.cer", b"half", "is no certificate"),
        ("for-chaman/employer-2028-11.cer", b"half", "is no certificate"),
    ],
    ids=["empty-key", "binary-key", "folder", "made-certificate", "certificate-for-chaman"],
)
def test_a_damaged_file_in_the_folder_is_named(name, content, words, made, tmp_path, capsys):
    """It never becomes a caller whose key is empty, nor an internal error."""
    folder = tmp_path / "own"
    shutil.copytree(made[0], folder)
    for it in ("gateway.toml", *("for-chaman/" + file.name for file in folder.glob("for-chaman/*.cer")), name):
        (folder / it).unlink(missing_ok=True)
    file = folder / name
    file.mkdir() if content is None else file.write_bytes(content)
    assert answered(folder) == 2
    error = capsys.readouterr().err
    assert words in error
    assert str(file) in error
    assert not (folder / "gateway.toml").exists()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (lambda text: re.sub("quality = .*", 'quality = "other"', text), "quality: must be one of"),
        (lambda text: re.sub("company = .*", "", text), "company: must be answered"),
        (lambda text: re.sub("company = .*", r'company = "\\u001b[31m"', text), "company: has control characters"),
    ],
    ids=["another", "missing", "terminal"],
)
def test_kept_answers_that_were_changed_are_judged_again(changed, words, made, tmp_path, capsys):
    """By `chaman` as by init: a person may have edited the file."""
    folder = tmp_path / "own"
    shutil.copytree(made[0], folder)
    file = folder / "onboarding" / "employer.toml"
    file.write_text(changed(file.read_text()))
    assert execute(["chaman", "employer", "--directory", str(folder)]) == 2
    assert words in capsys.readouterr().err


def test_a_page_without_its_certificate_is_not_printed(made, tmp_path, capsys):
    """It would say that none is uploaded."""
    folder = tmp_path / "own"
    shutil.copytree(made[0], folder, ignore=shutil.ignore_patterns("for-chaman"))
    assert execute(["chaman", "employer", "--directory", str(folder)]) == 2
    assert "`fla-gateway init` puts it there again" in capsys.readouterr().err


@pytest.mark.parametrize("yes", [(), ("--yes",)], ids=["asking", "defaults"])
def test_without_a_terminal_what_is_missing_is_named(yes, tmp_path, capsys):
    """All of it at once, exit code 2, and nothing is written."""
    assert execute(["init", *yes, "--directory", str(tmp_path)]) == 2
    complaint = capsys.readouterr().err
    for name in ("--quality", "--company", "--enterprise-number"):
        assert name in complaint
    assert ("--environment" in complaint) is not bool(yes)
    assert list(tmp_path.iterdir()) == []


def test_a_training_provider_gets_an_answer_and_no_configuration(tmp_path, capsys):
    """The FLA is repealed, its API was never published, and the export has a sure way."""
    assert execute(["init", "--quality", "training-provider", "--directory", str(tmp_path)]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    for words in ("repealed", "never published", "nothing new", "Sigedis", "31 December 2026", "CareerPro"):
        assert words in printed
    assert list(tmp_path.iterdir()) == []


def test_it_stops_for_the_client_id_with_page_and_mail(tmp_path, capsys):
    """Acceptance is asked for by mail; nothing is configured before the client id has come."""
    folder = tmp_path / "own"
    answers = ANSWERS.replace(f'client-id = "{CLIENT}"', "").replace('"simulation"', '"acceptance"')
    words = ("--services", "federal-learning-account", "--page-language", "nl")
    assert answered(folder, *words, answers=answers) == 1
    printed = capsys.readouterr().out
    assert f"fla-gateway init --directory {folder} --profile employer --client-id CLIENT_ID" in printed
    assert not (folder / "gateway.toml").exists()
    mail = (folder / "for-chaman" / "employer-acceptance-mail.txt").read_text()
    assert mail.count("@support.era") == 4
    assert 'lang="nl"' in (folder / "for-chaman" / "employer.html").read_text()
    assert execute(["init", "--yes", "--directory", str(folder), "--client-id", CLIENT]) == 0
    assert "acceptance" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('qualty = "employer"', "did you mean quality?"),
        ("callers = 3", "must be a text"),
        ("quality = employer", "cannot be read"),
        ('quality = "worker"', "must be one of"),
    ],
)
def test_a_file_of_answers_that_is_wrong_is_refused(text, words, tmp_path, capsys):
    """Before anything is made."""
    assert answered(tmp_path / "own", answers=text) == 2
    assert words in capsys.readouterr().err
    assert files(tmp_path / "own") == {}


class Screen:
    """A program on a terminal of its own."""

    def __init__(self, *words):
        self.text = ""
        self._answered = 0
        master, slave = pty.openpty()
        self._master = master
        program = [sys.executable, "-m", "fla_gateway", *words]
        self.process = subprocess.Popen(program, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)

    def answer(self, *typed):
        """Wait for each prompt and type an answer."""
        for one in typed:
            self._until_prompt()
            self._answered = len(self.text)
            os.write(self._master, f"{one}\n".encode(errors="surrogateescape"))

    def _until_prompt(self):
        while not self.text[self._answered :].endswith("> "):
            assert self._read(), self.text

    def _read(self):
        if not select.select([self._master], [], [], PATIENCE)[0]:
            raise AssertionError(self.text)
        try:
            part = os.read(self._master, 65_536).decode(errors="replace")
        except OSError:  # Linux says so when the program has ended
            return False
        self.text += part.replace("\r\n", "\n")
        return bool(part)

    def interrupt(self):
        """Press Ctrl-C at the next prompt."""
        self._until_prompt()
        self.process.send_signal(signal.SIGINT)

    def ended(self):
        """Wait for the end; give exit code and what was seen."""
        while self._read():
            pass
        code = self.process.wait(PATIENCE)
        os.close(self._master)
        return code, self.text


def test_on_a_terminal_it_asks_can_be_left_and_goes_on(tmp_path):
    """Ctrl-C in the middle; the next start asks for nothing again; the client id is typed; no token unasked."""
    folder = tmp_path / "own"
    first = Screen("init", "--directory", str(folder), "--services", "dimona")
    first.answer("\udcff", "1", "", "Acme NV", "0123.456.748", "0123.456.749", "", "<", "1", "no")
    first.interrupt()
    code, seen = first.ended()
    assert code == 130
    assert "look for a mistyped digit" in " ".join(seen.split())
    assert "register-as-employer.htm" in seen
    assert f"fla-gateway init --directory {folder}" in seen.splitlines()[-1]

    second = Screen("init", "--directory", str(folder))
    second.answer("yes", "yes", "yes", "yes", "", "", "", "payroll", "", "nl", CLIENT, "no")
    code, again = second.ended()
    assert code == 0, again
    assert "Going on with the profile employer" in again
    assert "What is the name of the company?" not in again
    assert "all well" in again
    assert "  curl -i -u" in again
    answers = (folder / "onboarding" / "employer.toml").read_text()
    assert 'known-employer = "no"' in answers
    for hidden in secrets(folder):
        assert hidden not in seen + again + answers


def test_on_a_terminal_files_that_will_not_do_are_asked_for_again(made, tmp_path):
    """A path where nothing is, at once; a password that is wrong, when the key is opened; no answer before is lost."""
    key = made[0] / "secrets" / "employer.pfx"
    wrong = tmp_path / "wrong.pass"
    wrong.write_text("wrong")
    wrong.chmod(0o600)
    answers = tmp_path / "answers.toml"
    further = ("sender", "quality-present", "chaman-access")
    answers.write_text(
        re.sub("(client-id|chaman-access) .*", "", ANSWERS)
        + "".join(f'{it} = "yes"\n' for it in further)
        + 'profile = "bought"\naccount = "new"\nkey = "take"\nruns-on = "here"\npage-language = "en"\n'
    )
    screen = Screen("init", "--directory", str(tmp_path / "own"), "--answers", str(answers))
    screen.answer(str(tmp_path / "nowhere.pfx"), str(tmp_path), str(key), str(wrong))
    screen.answer(str(key), str(key.with_suffix(".pass")))
    screen.interrupt()
    code, seen = screen.ended()
    assert code == 130, seen
    seen = " ".join(seen.split())
    assert seen.count("that can be read here") == 2
    assert f"the password for {key} is wrong" in seen
    assert seen.count("Where is the file with its password?") == 2
    assert list((tmp_path / "own" / "for-chaman").glob("bought-*.cer"))
