"""Rule: what is measured, and how each is started for the work.

Owns the list of proxies, their command lines and their templates. Refuses to know how they are run and measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks import programs
from benchmarks.load import Address
from benchmarks.work import Work

GATEWAY: Final = "fla-gateway"
GUARDED: Final = "guarded"
"""The gateway with everything on: callers with keys and allow lists, limits, audit journal."""
GATEWAY_COMPILED: Final = "fla-gateway-compiled"
GUARDED_COMPILED: Final = "guarded-compiled"
"""The same two from the compiled wheel, as in the image."""
GUARDED_EARLIER: Final = "guarded-earlier"
"""GUARDED of an earlier commit: what a machine makes of figures that were measured on another one."""
OURS: Final = (GUARDED_COMPILED, GUARDED, GATEWAY_COMPILED, GATEWAY, GUARDED_EARLIER)
"""The first is the row that counts: everything on, and as it is shipped."""
NGINX: Final = "nginx"
HAPROXY: Final = "haproxy"
ENVOY: Final = "envoy"
GO: Final = "go"
NAMES: Final = (*OURS, NGINX, HAPROXY, ENVOY, GO)
REFERENCE: Final = NGINX
USUAL: Final = tuple(name for name in NAMES if name != GUARDED_EARLIER)
"""Those that need nothing of the person who measures."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A proxy that is ready to be started.

    Attributes:
        name: one of `NAMES`.
        version: what the report says of it.
        command: its command line.
        address: where it serves the API.
        environment: variables that it needs beside those of the benchmark.
    """

    name: str
    version: str
    command: tuple[str, ...]
    address: Address
    environment: dict[str, str] = field(default_factory=dict)


def prepare(names: list[str], work: Work, store: Path) -> tuple[list[Peer], dict[str, str]]:
    """Find each of some proxies and write its configuration.

    Returns:
        Those that can be started, and for each other one the reason.
    """
    ready: list[Peer] = []
    absent: dict[str, str] = {}
    for name in names:
        try:
            ready.append(_PREPARATIONS[name](work, store))
        except programs.AbsentError as error:
            absent[name] = str(error)
    return ready, absent


def gateways(work: Work, store: Path, *, compiled: bool) -> list[Peer]:
    """Write the configurations of the gateway and of the one that guards and records.

    Raises:
        AbsentError: it could not be installed.
    """
    names = (GATEWAY_COMPILED, GUARDED_COMPILED) if compiled else (GATEWAY, GUARDED)
    return [_ours(name, work, store) for name in names]


def _ours(name: str, work: Work, store: Path) -> Peer:
    """Prepare the gateway as its users start it: the console script, and request lines into a file."""
    guarded = name in (GUARDED, GUARDED_COMPILED, GUARDED_EARLIER)
    program = _program(name, store)
    template = "guarded.toml" if guarded else "gateway.toml"
    configuration = work.render(template, port=work.ports[name], name=name)
    return Peer(
        name=name,
        version=programs.version_of_gateway(program) + (", with callers, limits and journal" if guarded else ""),
        command=(str(program), "run", "--config", str(configuration)),
        address=Address(work.ports[name], prefix="/bench"),
    )


def _program(name: str, store: Path) -> Path:
    if name == GUARDED_EARLIER:
        return programs.earlier_gateway()
    return programs.compiled_gateway(store) if name in (GATEWAY_COMPILED, GUARDED_COMPILED) else programs.gateway(store)


def _nginx(work: Work, _: Path) -> Peer:
    program = programs.installed("nginx")
    configuration = work.render("nginx.conf", port=work.ports[NGINX])
    return Peer(
        name=NGINX,
        version=programs.version([program, "-v"]),
        command=(str(program), "-e", str(work.run / "nginx.error.log"), "-c", str(configuration)),
        address=Address(work.ports[NGINX]),
    )


def _haproxy(work: Work, _: Path) -> Peer:
    program = programs.installed("haproxy")
    configuration = work.render("haproxy.cfg", port=work.ports[HAPROXY])
    return Peer(
        name=HAPROXY,
        version=programs.version([program, "-v"]),
        command=(str(program), "-db", "-f", str(configuration)),
        address=Address(work.ports[HAPROXY]),
    )


def _envoy(work: Work, store: Path) -> Peer:
    program = programs.envoy(store)
    configuration = work.render("envoy.yaml", port=work.ports[ENVOY])
    options = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "error")
    return Peer(
        name=ENVOY,
        version=programs.ENVOY.partition("==")[2],
        command=(str(program), "--config-path", str(configuration), *options),
        address=Address(work.ports[ENVOY]),
    )


def _go(work: Work, store: Path) -> Peer:
    program, version = programs.go_proxy(store)
    options = {
        "-listen": f"127.0.0.1:{work.ports[GO]}",
        "-upstream": f"https://localhost:{work.upstream_port}",
        "-ca": str(work.run / "ca.pem"),
        "-bearer": str(work.run / "bearer"),
    }
    return Peer(
        name=GO,
        version=version,
        command=(str(program), *(word for option in options.items() for word in option)),
        address=Address(work.ports[GO]),
        environment={"GOMAXPROCS": "1"},
    )


_PREPARATIONS: Final[dict[str, Callable[[Work, Path], Peer]]] = {
    **{name: partial(_ours, name) for name in OURS},
    NGINX: _nginx,
    HAPROXY: _haproxy,
    ENVOY: _envoy,
    GO: _go,
}
