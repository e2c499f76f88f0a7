"""Many keys, loaded in processes of their own while the event loop goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from fla_gateway.errors import UnusableKeyError
from fla_gateway.i18n.message import NOTHING, Message, Text
from fla_gateway.keys.model import CertificateFacts, LoadedKey, Objection
from fla_gateway.keys.signers.local import EcSigner, RsaSigner
from fla_gateway.runtime.key_loading.loader import KeyLoading, load_all
from fla_gateway.runtime.key_loading.worker_processes import KeyWorker, fork_workers
from tests.support.keys import NOW, make_ec, make_rsa
from tests.support.waiting import PATIENCE

RSA, EC = make_rsa(), make_ec()
FACTS = CertificateFacts("CN=Acme", NOW, NOW, self_signed=True, sha1_thumbprint=b"1", sha256_thumbprint=b"2")
LATER = UnusableKeyError(Message("later", "it is not valid yet"), Text("wait"), NOW)
NAMES = [f"key-{number}" for number in range(300)]


def load(name):
    """Load what a name asks for: an RSA key, an EC key, or none."""
    number = int(name.removeprefix("key-"))
    if number % 3 == 2:
        return LATER
    signer = RsaSigner(RSA) if number % 3 == 0 else EcSigner(EC)
    return LoadedKey(name, signer, FACTS, (Objection(Message("odd", "{name} is odd", name=name), NOTHING),))


@pytest.fixture
def fork():
    """Fork workers; they end with the test."""
    made: list[KeyWorker] = []

    def begin(number, loader=load):
        made.extend(fork_workers(loader, number))
        return tuple(made)

    yield begin
    for worker in made:
        worker.close()


@pytest.mark.parametrize("number", [0, 1, 3])
def test_every_key_is_found(fork, number):
    """With workers and without: each key in its place, with certificate and warnings, or the error with its time."""
    found = load_all(NAMES, load, fork(number))
    assert list(found) == NAMES
    first, second, third = (found[name] for name in NAMES[:3])
    assert isinstance(first, LoadedKey)
    assert isinstance(second, LoadedKey)
    assert isinstance(third, UnusableKeyError)
    assert (first.certificate, [(it.message.code, str(it)) for it in first.warnings]) == (
        FACTS,
        [("odd", "key-0 is odd")],
    )
    RSA.public_key().verify(first.signer.sign("RS256", b"text"), b"text", padding.PKCS1v15(), hashes.SHA256())
    assert len(second.signer.sign("ES384", b"text")) == 96
    assert (third.message, third.cure, third.valid_from) == (LATER.message, LATER.cure, LATER.valid_from)


def test_a_worker_that_is_killed_leaves_no_key_behind(fork):
    """The kernel may end a process when memory runs out; the keys that it had are loaded here."""
    home = os.getpid()

    def deadly(name):
        if name == "key-77" and os.getpid() != home:
            os.kill(os.getpid(), signal.SIGKILL)
        return load(name)

    assert list(load_all(NAMES, deadly, fork(2, deadly))) == NAMES


def test_a_key_that_is_called_for_is_loaded_before_the_others(fork):
    """It comes as soon as the worker has done what it had been given before."""
    order: list[str] = []
    loading = KeyLoading(NAMES, load, fork(1))
    loading.want("key-299")
    loading.want("key-0")
    asyncio.run(loading.run(lambda name, _: order.append(name)))
    assert sorted(order) == sorted(NAMES)
    assert order.index("key-299") < 100


@pytest.mark.parametrize(("number", "begun"), [(1, [False]), (3, [True, True, False])])
def test_one_worker_leaves_the_start_a_processor(fork, number, begun):
    """The last one begins when the loading runs: until then the gateway is not listening yet."""
    workers = fork(number)
    loading = KeyLoading(NAMES, load, workers)
    assert [bool(worker.given) for worker in workers] == begun
    found: dict[str, object] = {}
    asyncio.run(loading.run(found.__setitem__))
    assert sorted(found) == sorted(NAMES)


def test_workers_end_with_the_process_that_made_them(fork):
    """When the other end of the pipe is closed there is nobody to work for."""
    (worker,) = fork(1)
    worker._ours.close()
    assert os.waitpid(worker._pid, 0)[0] == worker._pid


def test_a_worker_is_ended_once():
    """Its number may be another process's afterwards."""
    text = (
        "import os, sys\n"
        "from fla_gateway.runtime.key_loading.worker_processes import fork_workers\n"
        "killed = []\n"
        "sys.addaudithook(lambda name, values: killed.append(values) if name == 'os.kill' else None)\n"
        "(worker,) = fork_workers(str, 1)\n"
        "worker.close()\n"
        "worker.close()\n"
        "print(len(killed))\n"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_answers_that_come_in_pieces_are_put_together(fork):
    """What is read at once ends in the middle of an answer, and of the length before it."""
    large = "x" * 50_000
    here: list[str] = []

    def wordy(name):
        return UnusableKeyError(Message("later", "{reason}", reason=large), Text("wait"), NOW)

    def never(name):
        here.append(name)
        return wordy(name)

    assert list(load_all(NAMES[:40], never, fork(2, wordy))) == NAMES[:40]
    assert here == []


def test_a_key_that_takes_long_holds_up_no_key_before_it(fork, tmp_path):
    """Its file may be a pipe that is never filled: what the worker has loaded before is used meanwhile."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def slow(name):
        if name == "key-3":
            pipe.read_bytes()
        return load(name)

    order: list[str] = []
    loading = KeyLoading(NAMES[:8], slow, fork(1, slow))

    def known(name, _):
        order.append(name)
        if name == "key-2":
            pipe.write_bytes(b"")

    asyncio.run(asyncio.wait_for(loading.run(known), PATIENCE))
    assert order == NAMES[:8]
