"""A gateway that is confined to the files it needs: it serves, and gets at nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import fla_gateway
from fla_gateway.runtime.composition.landlock_paths import allowed_paths
from fla_gateway.runtime.composition.resolved_config import read
from tests.support.keys import write_identity, write_private
from tests.support.landlock import VERSION, confined
from tests.support.process import Government, run
from tests.support.raw_http import get, post
from tests.support.waiting import PATIENCE

CONFIGURATION = """
include = ["profiles.d/*.toml"]
[gateway]
listen = ["127.0.0.1:0", "unix:{folder}/run/gateway.sock"]
[admin]
listen = "127.0.0.1:0"
[audit]
path = "{folder}/journal"
[log]
format = "json"
[security]
landlock = {landlock}
[environments.stub]
api_base = "https://localhost:{port}"
token_url = "https://localhost:{port}/REST/oauth/v5/token"
ca_file = "{ca_file}"
[keys.acme]
pem = "{folder}/mounted/acme.pem"
certificate = "{folder}/mounted/acme.cer"
"""
PROFILE = """
[profiles.employer]
environment = "stub"
client_id = "client-7"
key = "acme"
"""

PROBE = """
import json, os, socket, sys
from pathlib import Path
from fla_gateway.runtime.composition.resolved_config import read
from fla_gateway.system.landlock import confine
from fla_gateway.runtime.composition.landlock_paths import allowed_paths

folder = Path(sys.argv[1])
configuration = folder / "etc/gateway.toml"
os.chdir(folder / "elsewhere")
confine(allowed_paths(read(configuration)))

def listen(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
    os.unlink(path)

def rename(folder):
    (folder / "a").write_text("x")
    (folder / "a").rename(folder / "b")
    (folder / "b").unlink()

def legacy():
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.decrepit.ciphers.algorithms import RC2
    from cryptography.hazmat.primitives.ciphers.modes import CBC
    Cipher(RC2(bytes(16)), CBC(bytes(8))).encryptor()

def fetch():
    import ssl, certifi
    ssl.create_default_context().load_verify_locations(certifi.where())

tries = {
    "read the configuration": lambda: read(configuration),
    "read the key": lambda: (folder / "mounted/acme.pem").read_bytes(),
    "resolve": lambda: socket.getaddrinfo("localhost", 80),
    "import": lambda: [__import__(name) for name in ("sqlite3", "decimal", "lzma", "xml.parsers.expat", "curses")],
    "import a package": lambda: [__import__(name) for name in ("aiohttp", "jinja2.async_utils", "prometheus_client")],
    "read legacy PKCS#12": legacy,
    "know a time zone": lambda: __import__("zoneinfo").ZoneInfo("Europe/Brussels").key,
    "guess a type": lambda: __import__("mimetypes").guess_type("a.json"),
    "convert by the system's tables": lambda: "\u00e9".encode("cp1252"),
    "know users": lambda: (__import__("pwd").getpwuid(0), __import__("grp").getgrgid(0)),
    "read roots": fetch,
    "see sockets": lambda: Path("/proc/self/net/tcp").read_text(),
    "count threads": lambda: os.listdir("/proc/self/task"),
    "write to null": lambda: Path("/dev/null").write_text("x"),
    "write the journal": lambda: rename(folder / "journal"),
    "listen": lambda: listen(folder / "run/probe.sock"),
    "read a canary": lambda: (folder / "elsewhere/canary").read_text(),
    "read through a link": lambda: (folder / "run/link").read_text(),
    "list a folder": lambda: os.listdir(folder / "elsewhere"),
    "write elsewhere": lambda: (folder / "elsewhere/new").write_text("x"),
    "change a key": lambda: (folder / "mounted/acme.pem").write_text("x"),
    "write beside the configuration": lambda: (folder / "etc/new").write_text("x"),
    "remove a key": lambda: (folder / "mounted/acme.pem").unlink(),
    "listen elsewhere": lambda: listen(folder / "elsewhere/probe.sock"),
    "read keys of others": lambda: os.listdir("/etc/ssl/private"),
    "read accounts": lambda: Path("/etc/shadow").read_text(),
    "read a program": lambda: Path("/usr/bin/env").read_bytes(),
    "list programs": lambda: os.listdir("/usr/bin"),
    "list shared data": lambda: os.listdir("/usr/share"),
    "list documents": lambda: os.listdir("/usr/share/doc"),
    "list all of /usr": lambda: os.listdir("/usr"),
    "list all of /usr/lib": lambda: os.listdir("/usr/lib"),
    "list all of /usr/local": lambda: os.listdir("/usr/local"),
    "start a program": lambda: os.execv("/bin/true", ["true"]),
    "signal": lambda: os.kill(os.getppid(), 0),
}
found = {}
for name, attempt in tries.items():
    try:
        attempt()
    except PermissionError:
        found[name] = False
    except FileNotFoundError:
        found[name] = None
    else:
        found[name] = True
print(json.dumps(found))
"""
ALLOWED = {
    "read the configuration", "read the key", "resolve", "import", "import a package", "read legacy PKCS#12",
    "know a time zone", "guess a type", "convert by the system's tables", "know users", "read roots", "see sockets",
    "count threads", "write to null", "write the journal", "listen",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Lay files out as a machine has them, the key behind links as Kubernetes mounts it."""
    for name in ("etc/profiles.d", "run", "elsewhere", "mounted", "store"):
        (tmp_path / name).mkdir(parents=True)
    write_identity(tmp_path / "store")
    (tmp_path / "mounted/..data").symlink_to(tmp_path / "store")
    for name in ("acme.pem", "acme.cer"):
        (tmp_path / "mounted" / name).symlink_to(f"..data/{name}")
    write_private(tmp_path / "elsewhere/canary", "secret of somebody else")
    (tmp_path / "run/link").symlink_to(tmp_path / "elsewhere/canary")
    return tmp_path


def configure(folder: Path, port: int, ca_file: Path, *, landlock: bool = False) -> Path:
    """Write a configuration in two files."""
    words = {"folder": folder, "port": port, "ca_file": ca_file, "landlock": str(landlock).lower()}
    (folder / "etc/gateway.toml").write_text(CONFIGURATION.format(**words))
    (folder / "etc/profiles.d/employer.toml").write_text(PROFILE)
    return folder / "etc/gateway.toml"


SYSTEM = Path("/usr/bin/python3")
"""A Python whose prefix, /usr, is everybody's."""


def _interpreters():
    yield [sys.executable], {}
    version = (
        subprocess.run([SYSTEM, "-V"], capture_output=True, text=True, check=False).stdout if SYSTEM.exists() else ""
    )
    if SYSTEM.resolve() != Path(sys.executable).resolve() and version.startswith(f"Python 3.{sys.version_info.minor}."):
        # Its packages are those of this environment: the same version has the same interface.
        packages = [path for path in sys.path if path.endswith("site-packages")]
        yield [str(SYSTEM)], {"PYTHONPATH": os.pathsep.join([*packages, str(Path(fla_gateway.__file__).parents[1])])}


INTERPRETERS = pytest.mark.parametrize(
    ("interpreter", "environment"), list(_interpreters()), ids=lambda it: it[0] if isinstance(it, list) else ""
)


@confined
@INTERPRETERS
def test_a_confined_process_has_what_it_needs_and_nothing_else(folder, ca_file, interpreter, environment):
    """It reads its files, those that replace them, and the system's; it writes its journal; it starts nothing."""
    configure(folder, 1, ca_file)
    words = [*interpreter, "-c", PROBE, str(folder)]
    given = {**os.environ, **environment}
    output = subprocess.run(words, capture_output=True, check=True, timeout=PATIENCE, text=True, env=given).stdout
    found = json.loads(output.splitlines()[-1])
    if VERSION < 6:
        del found["signal"]
    assert {name for name, allowed in found.items() if allowed} == ALLOWED
    assert (folder / "journal").stat().st_mode & 0o777 == 0o700
    assert (folder / "mounted/acme.pem").read_bytes()


@confined
@INTERPRETERS
@pytest.mark.asyncio(loop_factories=["uvloop"])  # of the test: the gateway takes its own
async def test_a_confined_gateway_serves(folder, ca_file, api_tls, interpreter, environment):
    """From its start to its end: keys, tokens, names, journal, unix socket, metrics."""
    government = Government(api_tls)
    await government.start()
    try:
        path = configure(folder, government.port, ca_file, landlock=True)
        async with run(path, environment=environment, interpreter=interpreter[0], program=True) as process:
            await process.event("ready")
            assert process.events("landlock")[0]["version"] == VERSION
            assert (await process.call(get())).status == 200
            assert (await process.call(post(b"declaration"))).status == 200
            assert (await process.admin("/metrics")).status == 200
            assert (await process.admin("/")).status == 200
            assert (folder / "run/gateway.sock").exists()
            os.kill(process.pid, 15)
            assert await process.ended() == 0
        assert not (folder / "run/gateway.sock").exists()
        assert any(file.stat().st_size for file in (folder / "journal").iterdir())
        assert not process.events("loop-fault")
    finally:
        await government.close()


@confined
def test_a_thread_that_runs_already_is_a_fault(folder, ca_file):
    """It would go on without bounds; so the gateway does not start."""
    configure(folder, 1, ca_file)
    code = (
        "import threading; from fla_gateway.system.landlock import Paths, confine\n"
        "from fla_gateway.errors import ConfigurationError\n"
        "end = threading.Event(); thread = threading.Thread(target=end.wait); thread.start()\n"
        "try:\n    confine(Paths())\nexcept ConfigurationError as error:\n    print(error)\nend.set()"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, timeout=PATIENCE, text=True
    ).stdout
    assert output.startswith("security.landlock: 1 other threads run already")


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
def test_a_kernel_without_it_is_a_fault():
    """Whoever asks for it and cannot have it is told, instead of running without."""
    # Seccomp makes the kernel answer as one that does not know the call: 444 on every architecture but Alpha.
    code = (
        "import ctypes, struct\n"
        "rules = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (6, 0, 0, 0x50000 | 38), (6, 0, 0, 0x7FFF0000)]\n"
        "program = b''.join(struct.pack('HBBI', *rule) for rule in rules)\n"
        "buffer = ctypes.create_string_buffer(program)\n"
        "filter = ctypes.create_string_buffer(struct.pack('H6xQ', len(rules), ctypes.addressof(buffer)))\n"
        "libc = ctypes.CDLL(None)\n"
        "assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, filter) == 0\n"
        "from fla_gateway.system.landlock import Paths, confine\n"
        "from fla_gateway.errors import ConfigurationError\n"
        "try:\n    confine(Paths())\nexcept ConfigurationError as error:\n    print(error)"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, timeout=PATIENCE, text=True
    ).stdout
    assert output.startswith("security.landlock: this kernel has no Landlock: Function not implemented")
    assert "remove landlock = true" in output


def test_the_list_names_no_home_and_no_root(folder, ca_file):
    """Directories are allowed with everything in them, so none may be wider than the configuration says."""
    paths = allowed_paths(read(configure(folder, 1, ca_file)))
    everything = (*paths.read, *paths.write, *paths.sockets)
    usr = {
        Path("/usr"),
        Path("/usr/bin"),
        Path("/usr/lib"),
        Path("/usr/local"),
        Path("/usr/local/bin"),
        Path("/usr/share"),
    }
    wide = usr | {Path("/"), Path("/etc"), Path("/etc/ssl"), Path.cwd(), Path.home(), folder, folder.parent}
    assert not wide & set(everything)
    assert {folder / "mounted", folder / "store", folder / "etc", folder / "etc/profiles.d"} <= set(paths.read)
    assert (paths.write, paths.sockets) == ((folder / "journal",), (folder / "run",))
