"""The files of a gateway under test, and every change that is made to them.

Two profiles: `employer`, whose files are a volume as the kubelet writes it, and `other`, whose files are edited and
renamed by hand. Roots, listeners and callers are in the first file.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from tests.reliability.government import CountingGovernment, digest
from tests.support.keys import TlsAuthority, certificate_pem, key_pem, make_certificate, make_ec, write_private
from tests.support.volumes import Volume

CONFIGURATION = """\
include = ["volume/*.toml"]
[gateway]
listen = ["fd:callers"{more_listeners}]
drain_seconds = {drain_seconds}
drain_delay = {drain_delay}
watch = {watch}
[admin]
listen = "fd:admin"
[log]
format = "json"
requests = false
[audit]
path = "journal"
[environments.stub]
api_base = "https://localhost:{port}"
token_url = "https://localhost:{port}/REST/oauth/v5/token"
ca_file = "{roots}"
[profiles.other]
environment = "stub"
client_id = "client-of-other"
key = {{ pem = "other.pem", certificate = "other.cer" }}
"""
EMPLOYER = """\
# {remark}
[profiles.employer]
environment = "stub"
client_id = "client-of-employer"
key = { pem = "employer.pem", certificate = "employer.cer" }
"""
CALLER = """\
[callers.{name}]
keys = [{{ sha256 = "{digest}" }}]
[callers.{name}.allow]
employer = ["GET /REST/load/**", "POST /REST/load/**"]
other = ["GET /REST/load/**", "POST /REST/load/**"]
"""


def api_key(name: str) -> str:
    """Give the API key of a caller."""
    return f"flagw_{digest(name)}"


class Scene:
    """The files.

    Attributes:
        path: of the configuration.
        callers: names of those who may call.
        more_listeners: listened on beside the one that stays.
    """

    def __init__(
        self, folder: Path, government: CountingGovernment, callers: list[str], *, drain_delay: int, watch: bool
    ) -> None:
        self._folder = folder
        self._government = government
        self._authorities = [TlsAuthority()]
        self._values = {"drain_delay": drain_delay, "watch": str(watch).lower(), "port": government.port}
        self._drain_seconds = 25
        self.path = folder / "gateway.toml"
        self.callers = callers
        self.more_listeners: list[str] = []
        self._roots = "roots.pem"
        self._swaps = 0
        government.present(self._authorities[-1])
        self._write_roots()
        self.rotate_other()
        self._volume = Volume(folder / "volume", self._employer())
        self.write()

    @property
    def journal(self) -> Path:
        """The journal's directory."""
        return self._folder / "journal"

    @property
    def text(self) -> str:
        """The configuration's first file as it should be."""
        listeners = "".join(f', "{it}"' for it in self.more_listeners)
        main = CONFIGURATION.format(
            **self._values, drain_seconds=self._drain_seconds, more_listeners=listeners, roots=self._roots
        )
        return main + "".join(CALLER.format(name=name, digest=digest(api_key(name))) for name in self.callers)

    def write(self) -> None:
        """Write the first file in place, as an editor does."""
        self.path.write_text(self.text, encoding="utf-8")

    def change_settings(self) -> None:
        """Change a setting of the first file."""
        self._drain_seconds = 47 - self._drain_seconds
        self.write()

    def write_unknown_key(self) -> None:
        """Write a key that does not exist."""
        self.path.write_text(self.text.replace("[gateway]\n", "[gateway]\ndrain = 3\n"), encoding="utf-8")

    def write_half(self) -> None:
        """Write the first half of the first file: no caller is left, and it ends in the middle of a line."""
        self.path.write_text(self.text[: self.text.index("[environments.stub]") + 30], encoding="utf-8")

    def name_missing_roots(self) -> None:
        """Name a file that is not there."""
        self.path.write_text(self.text.replace("roots.pem", "absent.pem"), encoding="utf-8")

    def rotate_other(self) -> None:
        """Put another key with its certificate in the place of the one before, each by renaming."""
        key = make_ec()
        self._government.register("client-of-other", key)
        for name, content in _identity(key, "other").items():
            write_private(self._folder / f"{name}.new", content).rename(self._folder / name)

    def break_other(self) -> None:
        """Leave half a key."""
        path = self._folder / "other.pem"
        path.write_bytes(path.read_bytes()[:90])

    def swap_volume(self) -> None:
        """Swap the volume of the other profile: key, certificate and a remark in the configuration."""
        self._volume.swap(self._employer())

    def trust_next(self) -> None:
        """Trust a further authority beside the present one."""
        self._authorities.append(TlsAuthority())
        self._write_roots()

    def trust_last(self) -> None:
        """Have the servers present a certificate of the last authority, and trust no other."""
        self._government.present(self._authorities[-1])
        del self._authorities[:-1]
        self._write_roots()

    def _write_roots(self) -> None:
        (self._folder / self._roots).write_bytes(b"".join(it.pem for it in self._authorities))

    def _employer(self) -> dict[str, bytes]:
        key = make_ec()
        self._government.register("client-of-employer", key)
        self._swaps += 1
        text = EMPLOYER.replace("{remark}", f"Generation {self._swaps} of the volume.")
        return {"employer.toml": text.encode(), **_identity(key, "employer")}


def _identity(key: ec.EllipticCurvePrivateKey, name: str) -> dict[str, bytes]:
    return {f"{name}.pem": key_pem(key), f"{name}.cer": certificate_pem(make_certificate(key, subject=name))}
