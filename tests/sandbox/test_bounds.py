"""The sandbox's memory is bounded, its files are private, its listener is what it was told."""

import stat

import pytest

from fla_gateway.sandbox import CLIENT_ID, Sandbox, SandboxError, SandboxOptions
from fla_gateway.sandbox.authorization_server.clients import ClientRegistry
from fla_gateway.sandbox.authorization_server.issued_tokens import Refusal, TokenMemory
from fla_gateway.sandbox.authorization_server.jti_replay import JtiMemory
from fla_gateway.sandbox.counters import MAX_NAMES, Counters
from fla_gateway.sandbox.errors import AssertionRefusedError
from tests.support.keys import make_ec


def test_jti_memory_forgets_only_what_cannot_be_replayed():
    """A full memory refuses new identifiers until old assertions have expired, and never forgets one too early."""
    memory = JtiMemory(limit=2)
    memory.use("client", "a", exp=100, now=0)
    memory.use("client", "b", exp=200, now=0)
    with pytest.raises(AssertionRefusedError, match="jti-memory-full"):
        memory.use("client", "c", exp=300, now=50)
    memory.use("client", "c", exp=300, now=100)
    with pytest.raises(AssertionRefusedError, match="jti-reused"):
        memory.use("client", "b", exp=200, now=100)
    assert len(memory) == 2


def test_jti_belongs_to_a_client():
    """Two clients may use the same jti."""
    memory = JtiMemory()
    memory.use("one", "a", exp=100, now=0)
    memory.use("other", "a", exp=100, now=0)
    assert len(memory) == 2


def test_token_memory_forgets_the_oldest():
    """Beyond the limit the oldest token is forgotten, hence invalid."""
    memory = TokenMemory(limit=2)
    tokens = [memory.mint("client", "scope", expires=100) for _ in range(3)]
    assert len(memory) == 2
    verdict = memory.judge(f"Bearer {tokens[0]}", now=0)
    assert isinstance(verdict, Refusal)
    assert verdict.problem == "invalidAccessToken"


def test_counters_do_not_grow():
    """Names beyond the limit are counted as other."""
    counters = Counters()
    for number in range(MAX_NAMES + 10):
        counters.count("calls", str(number))
    assert len(counters.snapshot()["calls"]) == MAX_NAMES + 1
    assert counters.total("calls") == MAX_NAMES + 10


def test_registry_is_bounded():
    """Clients and keys per client are bounded."""
    registry, key = ClientRegistry(), make_ec().public_key()
    for _ in range(10):
        registry.register("one", key, None)
    with pytest.raises(SandboxError, match="10 keys"):
        registry.register("one", key, None)
    for number in range(1_023):
        registry.register(str(number), key, None)
    with pytest.raises(SandboxError, match="1024 clients"):
        registry.register("one too many", key, None)


async def test_files_are_written_for_a_user(tmp_path):
    """CA, key, certificate, client id and control secret are in the directory, the secrets for their owner alone."""
    sandbox = Sandbox(SandboxOptions(directory=tmp_path / "sandbox"))
    await sandbox.start()
    await sandbox.close()
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "sandbox").iterdir()}
    assert {modes.pop(name) for name in ("client.key.pem", "server.pem", "control.secret")} == {0o600}
    assert set(modes) == {"ca.pem", "client.cer", "client_id.txt", "SANDBOX.txt"}
    assert (tmp_path / "sandbox/client_id.txt").read_text() == CLIENT_ID + "\n"
    again = Sandbox(SandboxOptions(directory=tmp_path / "sandbox"))
    await again.start()
    await again.close()


async def test_foreign_files_are_not_overwritten(tmp_path):
    """A directory with a key that no sandbox wrote is refused, and the key stays."""
    (tmp_path / "client.key.pem").write_text("mine")
    with pytest.raises(SandboxError, match=r"client\.key\.pem"):
        await Sandbox(SandboxOptions(directory=tmp_path)).start()
    assert (tmp_path / "client.key.pem").read_text() == "mine"


async def test_temporary_directory_goes_away():
    """Without a directory the files live as long as the sandbox."""
    sandbox = Sandbox()
    await sandbox.start()
    place = sandbox.directory
    assert sandbox.ca_file.exists()
    await sandbox.close()
    assert not place.exists()


async def test_address_in_use_is_a_sentence(stage):
    """A port that is taken is an error with the address, and nothing stays behind."""
    taken = Sandbox(SandboxOptions(listen=f"127.0.0.1:{stage.sandbox.port}", client=False))
    with pytest.raises(SandboxError, match=str(stage.sandbox.port)):
        await taken.start()
    assert not taken.directory.exists()


@pytest.mark.parametrize("address", ["9443", "localhost", ":1", "127.0.0.1:99999", "127.0.0.1:x"])
async def test_address_that_is_none(address):
    """What is no address is refused with an example."""
    with pytest.raises(SandboxError, match=r"127\.0\.0\.1:9443"):
        await Sandbox(SandboxOptions(listen=address, client=False)).start()
