"""Adapter: the server of aiohttp, without its client.

Owns how aiohttp is imported. Refuses to serve anything; `admin.server` does.

`import aiohttp` imports the client with everything that sends requests, of which the gateway sends none with it: 3 MB.
So the package is put into place without having been run. It is run where a name is looked for that its modules do not
have; then it is as ever. And what its server names at its heads without using it here is deferred: the reading of a
request's Content-Type, names of hosts beyond ASCII, proxies of the environment, uploads, files and folders, WebSocket.
"""

from __future__ import annotations

import sys
from importlib import import_module, reload
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import TYPE_CHECKING, Final

from fla_gateway.system.deferred_import import deferred

if TYPE_CHECKING:  # `web` as type checkers know it
    from aiohttp import web

    __all__ = ["web"]

_PACKAGE: Final = "aiohttp"
_NOT_USED: Final = (
    "aiohttp.http_websocket", "aiohttp.multipart", "aiohttp.web_fileresponse", "aiohttp.web_ws",
    "attr.validators", "email.parser", "email.policy", "html", "idna", "mimetypes", "tempfile",
    "typing_extensions", "urllib.request",
)  # fmt: skip


def _server_alone() -> ModuleType:
    """Import the server; as part of the whole package where that has been imported already."""
    if _PACKAGE not in sys.modules:
        _put_into_place()
        # In C it brings the libraries of C++, 1 MB for lists of some entries.
        sys.modules.setdefault("frozenlist._frozenlist", None)  # type: ignore[arg-type]  # says that there is none
    with deferred(*_NOT_USED):
        _name_type_variables(sys.modules["typing_extensions"])
        return import_module(f"{_PACKAGE}.web")


def _name_type_variables(place: ModuleType) -> None:
    """Give aiosignal what it takes from there before Python 3.13, half a megabyte for a default of a type variable."""
    if not hasattr(place, "__file__"):  # deferred
        variable = import_module("typing").TypeVarTuple
        vars(place)["TypeVarTuple"] = lambda name, **_: variable(name)


def _put_into_place() -> None:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.loader is None:
        return
    package = module_from_spec(spec)
    run = spec.loader.exec_module

    def find(name: str) -> object:
        # A module of the package is about to be imported, or a name is only asked for.
        if name.startswith("__") or find_spec(f"{_PACKAGE}.{name}") is not None:
            raise AttributeError(name)
        del package.__dict__["__getattr__"]
        reload(sys.modules[f"{_PACKAGE}.http"])  # without deferred names: the client's types are made of them
        run(package)
        return getattr(package, name)

    # What the server calls itself in a field that this listener does not send.
    package.__dict__.update(__getattr__=find, __version__="")
    sys.modules[_PACKAGE] = package


if not TYPE_CHECKING:
    web = _server_alone()
