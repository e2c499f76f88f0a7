"""Callers' credentials at level debug, accepted and refused, in every place: none stands in anything that is kept."""

from __future__ import annotations

import base64
import gc
import json
import signal
import time
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from fla_gateway.access.authentication.authenticator import Identity
from fla_gateway.access.authentication.caller import Presented
from fla_gateway.secret import Secret
from tests.support.cluster import AUDIENCE, ISSUER, claims, jwk, jwks, sign
from tests.support.keys import make_rsa, write_identity
from tests.support.process import run, token_answer
from tests.support.raw_caller import connect
from tests.support.raw_http import get, post
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])

KEY = "flagw_" + "ca9a" * 16
EXPIRED = "flagw_" + "ca9b" * 16
UNKNOWN = "flagw_" + "ca9c" * 16
ADMIN_KEY = "flagw_" + "ca9d" * 16
WRONG_ADMIN_KEY = "flagw_" + "ca9e" * 16
MISSHAPEN = "canary-password-of-some-other-system-Pq18"
USER = "canary.user.of.basic-Lk77"
NATIONAL_NUMBER = "85073003427"
TOKEN = "canary.access.token-Hs42_"


def digest(key):
    """Give what the configuration holds of a key."""
    return sha256(key.encode()).hexdigest()


CONFIGURATION = """
[gateway]
listen = ["127.0.0.1:0"]
[admin]
listen = "127.0.0.1:0"
key = {{ sha256 = "{admin}" }}
[log]
format = "json"
level = "debug"
[audit]
path = "audit"
[kubernetes]
issuer = "{issuer}"
audience = "{audience}"
jwks_file = "jwks.json"
[environments.stub]
api_base = "https://localhost:{port}"
token_url = "https://localhost:{port}/REST/oauth/v5/token"
ca_file = "{ca_file}"
[profiles.employer]
environment = "stub"
client_id = "client-7"
key = {{ pem = "acme.pem", certificate = "acme.cer" }}
[callers.payroll]
keys = [{{ sha256 = "{key}" }}, {{ sha256 = "{expired}", expires = 2020-01-01 }}]
[callers.payroll.allow]
employer = ["GET /REST/dimona/v2/**", "POST /REST/dimona/v2/**"]
[callers.erp]
service_account = "payroll/erp"
[callers.erp.allow]
employer = ["GET /REST/dimona/v2/**"]
"""


def basic(password):
    """Write a key as the password of Basic."""
    return base64.b64encode(f"{USER}:{password}".encode()).decode()


def every_way(credential):
    """Show a credential in each place where one may stand, and in some where none may."""
    return [
        f"Authorization: Bearer {credential}",
        f"Authorization: Basic {basic(credential)}",
        f"X-Api-Key: {credential}",
        f"Authorization: {credential}",
        f"Authorization: Digest {credential}",
        f"X_Api_Key: {credential}",
        f"Cookie: key={credential}",
    ]


def secrets_of(*credentials):
    """Give the forms in which a credential could show: as it is, within Basic, and its telling part alone."""
    found = [TOKEN, USER, NATIONAL_NUMBER]
    for credential in credentials:
        found += [credential, credential.removeprefix("flagw_"), basic(credential), *credential.split(".")[-1:]]
        found.append(base64.b64encode(credential.encode()).decode().rstrip("="))
    return found


def kept(folder):
    """Give the contents of all files of the journal, its key left out."""
    return "".join(path.read_text("latin-1") for path in folder.iterdir() if path.suffix == ".jsonl")


def command_line(pid):
    """Give what every user of the machine sees of a process."""
    return Path(f"/proc/{pid}/cmdline").read_text()


class Conversation:
    """Requests to a port, and all that came back."""

    def __init__(self, port):
        self._port = port
        self.answers = b""

    async def send(self, raw):
        """Send one request on a connection of its own."""
        caller = await connect(self._port)
        await caller.send(raw)
        answer = await caller.answer()
        caller.close()
        self.answers += b"\n".join((answer.line, answer.body, *(name + value for name, value in answer.fields)))
        return answer


async def provoke(calls, good, bad):
    """Use each credential in each way, on paths that lead somewhere and on such that do not."""
    path = f"/employer/REST/dimona/v2/{NATIONAL_NUMBER}"
    for credential in good:
        for field in every_way(credential)[: 1 if "." in credential else 3]:
            assert (await calls.send(get(path, field))).status == 200
            assert (await calls.send(get(f"/employer/REST/other/{NATIONAL_NUMBER}", field))).status == 403
        assert (
            await calls.send(get(path, f"X-Api-Key: {UNKNOWN}", f"Authorization: Bearer {credential}"))
        ).status == 400
    assert (await calls.send(post(NATIONAL_NUMBER.encode(), f"X-Api-Key: {KEY}", path=path))).status == 200
    for credential in (*good, *bad):
        for field in every_way(credential)[3:] if credential in good else every_way(credential):
            assert (await calls.send(get(path, field))).status in {401, 503}
        for raw in (
            get(f"/employer/REST/x?key={credential}"),
            get(f"/{credential}/REST/x", f"X-Api-Key: {KEY}"),
            get(path, f"X-Api-Key: {credential}", "Origin: https://evil.example"),
            get(path, f"X-Api-Key : {credential}"),
            f"{credential} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(),
            f"GET {path} HTTP/1.1\r\nHost: {credential}\r\n\r\n".encode(),
        ):
            assert (await calls.send(raw)).status >= 400


async def ask_the_operators_side(operator):
    """Read everything that the admin listener shows, with the right key and with wrong ones."""
    for credential in (WRONG_ADMIN_KEY, KEY, MISSHAPEN):
        for field in every_way(credential)[:4]:
            assert (await operator.send(get("/status", field))).status in {401, 429}
    for path in ("/", "/fragment", "/status", "/status?profile=employer", "/metrics", "/readyz", f"/{ADMIN_KEY}"):
        for field in every_way(ADMIN_KEY)[:3]:
            answer = await operator.send(get(path, field))
            assert answer.status == (404 if "flagw_" in path else 200), (path, answer)


@pytest.fixture
def government(government):
    """Let each token be the one that is looked for."""
    government.token = lambda request: token_answer(TOKEN)
    return government


@pytest.fixture
async def process(tmp_path, ca_file, government):
    """Start the gateway, everything that knows callers switched on."""
    write_identity(tmp_path)
    (tmp_path / "jwks.json").write_bytes(jwks(jwk(make_rsa())))
    words = {"admin": digest(ADMIN_KEY), "key": digest(KEY), "expired": digest(EXPIRED), "issuer": ISSUER}
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIGURATION.format(**words, audience=AUDIENCE, port=government.port, ca_file=ca_file))
    async with run(path, "--debug", program=True) as started:
        await started.event("ready")
        yield started


async def end(process):
    """Let the gateway end in good order, so that everything is written."""
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0


def accounts():
    """Sign a token of a caller, one of another service account, and one with a foreign key."""
    now = int(time.time())
    times = {"iat": now, "nbf": now, "exp": now + 600}
    other = sign(claims(**times, sub="system:serviceaccount:payroll:other"))
    return sign(claims(**times)), other, sign(claims(**times), make_rsa(3072))


async def test_no_credential_stands_in_anything_that_is_kept_or_shown(tmp_path, government, process):
    """Log, journal, metrics, problem answers, command line, and what the API gets: no canary in any of them."""
    account, other, forged = accounts()
    calls = Conversation(process.port())
    await provoke(calls, [KEY, account], [EXPIRED, UNKNOWN, MISSHAPEN, other, forged])
    metrics = (await process.admin("/metrics")).body.decode()
    command = command_line(process.pid)
    await end(process)
    journal = kept(tmp_path / "audit")
    answers = calls.answers.decode("latin-1")
    upstream = "".join(f"{line.line!r}{line.fields!r}" for line in government.calls)
    for secret in secrets_of(KEY, EXPIRED, UNKNOWN, MISSHAPEN, account, other, forged):
        for text in (process.output, journal, metrics, answers, command):
            assert secret not in text, secret[:16]
        assert secret not in upstream or secret in {TOKEN, NATIONAL_NUMBER}, secret[:16]
    for witness in ("payroll", "erp", "caller-not-permitted", "answered"):
        assert witness in process.output, witness
        assert witness in journal, witness
    assert '"strangers"' in journal
    assert "payroll" in metrics


def assertions_of(government):
    """Give the client assertions that the token server got."""
    bodies = [request.body.decode() for request in government.requests if b"client_assertion" in request.body]
    return [dict(parse_qsl(body))["client_assertion"] for body in bodies]


async def test_no_credential_stands_in_what_the_operator_sees(tmp_path, government, process):
    """The page, its parts and /status after calls of every kind, asked for with the right key and with wrong ones."""
    account, other, forged = accounts()
    await provoke(Conversation(process.port()), [KEY, account], [EXPIRED, MISSHAPEN, other, forged])
    operator = Conversation(int((await process.event("admin-listening"))["address"].rpartition(":")[2]))
    await ask_the_operators_side(operator)
    await end(process)
    shown = operator.answers.decode("latin-1")
    everything = shown + process.output + kept(tmp_path / "audit")
    used = (KEY, EXPIRED, UNKNOWN, MISSHAPEN, account, other, forged, ADMIN_KEY, WRONG_ADMIN_KEY)
    for secret in secrets_of(*used):
        assert secret not in everything, secret[:16]
    for assertion in assertions_of(government):
        header, claims_set, signature = assertion.split(".")
        for part in (header, claims_set, signature, signature[-40:]):
            assert part not in everything
    negotiation = next(
        json.loads(line)["profiles"][0]["negotiations"][0] for line in shown.splitlines() if '"negotiations"' in line
    )
    assert (negotiation["result"], negotiation["claims"]["iss"]) == ("granted", "client-7")
    assert digest(ADMIN_KEY) not in everything
    assert "payroll" in shown


async def test_no_object_shows_a_credential_when_it_is_written_out(start):
    """Whatever an error report or a debugger writes of the gateway's own objects has no credential in it."""
    rig = await start(
        more=f"""
[callers.payroll]
keys = [{{ sha256 = "{digest(KEY)}" }}]
[callers.payroll.allow]
employer = ["GET /REST/**"]
"""
    )
    rig.api.gate.clear()
    caller = await rig.caller()
    await caller.send(get("/employer/REST/x", f"Authorization: Basic {basic(KEY)}"))
    await eventually(lambda: rig.api.requests)
    assert (await rig.call(get("/employer/REST/x", f"X-Api-Key: {UNKNOWN}"))).status == 401
    assert (await rig.call(get("/employer/REST/x", f"Authorization: Bearer {MISSHAPEN}.a.b"))).status == 401
    ours = [it for it in gc.get_objects() if str(type(it).__module__).startswith("fla_gateway")]
    assert {Identity, Presented, Secret} & {type(it) for it in ours}
    secrets = secrets_of(KEY, UNKNOWN, MISSHAPEN)
    for it in ours:
        shown = f"{it!r} {it}"
        assert not any(secret in shown for secret in secrets), type(it)
    rig.api.gate.set()
    assert (await caller.answer()).status == 200
