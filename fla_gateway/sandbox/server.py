"""The sandbox itself: builds the parts, opens the two listeners, closes them.

Owns the construction and the life of a sandbox (root). Refuses to decide anything that a part decides.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import ssl
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from cryptography import x509

from fla_gateway.sandbox import files
from fla_gateway.sandbox.apis import api_gate, echo
from fla_gateway.sandbox.apis.dimona import Declarations
from fla_gateway.sandbox.apis.documents import Documents
from fla_gateway.sandbox.authorization_server.clients import ClientRegistry, PublicKey
from fla_gateway.sandbox.authorization_server.grants import Authorization
from fla_gateway.sandbox.authorization_server.issued_tokens import TokenMemory
from fla_gateway.sandbox.clock import Clock, HostClock
from fla_gateway.sandbox.control import control_application
from fla_gateway.sandbox.counters import Counters
from fla_gateway.sandbox.credentials import client_credentials, server_credentials
from fla_gateway.sandbox.errors import SandboxError
from fla_gateway.sandbox.faults import API_KINDS, TOKEN_KINDS, FaultPlan
from fla_gateway.sandbox.listeners import authority, bound, tls_context
from fla_gateway.sandbox.options import (
    CLIENT_ID,
    NAMES,
    TOKEN_PATH,
    Addresses,
    SandboxOptions,
    Settings,
)
from fla_gateway.sandbox.token_endpoint import ADDRESSES, TokenEndpoint

MAX_BODY: Final = 1_048_576
SHUTDOWN_SECONDS: Final = 0.5

# aiohttp's own words about a peer that went away say nothing that `report` does not.
_silent = logging.getLogger("fla_gateway.sandbox.server")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False


class Sandbox:
    """A substitute for the government side, in process; also what `fla-gateway sandbox` runs.

    Use: ``await start()``, read the attributes, ``await close()``.

    Attributes:
        url: origin of APIs and token server, for example ``https://localhost:9443``.
        token_url: address of the token endpoint, also the audience of assertions.
        port: TCP port of the TLS listener.
        control_url: origin of the control listener.
        control_secret: what the field ``Sandbox-Secret`` must say there.
        directory: where the files are.
        renewed: a sentence for each credential of an earlier start that did not serve any more.
    """

    def __init__(self, options: SandboxOptions | None = None, *, clock: Clock | None = None) -> None:
        self.options = options or SandboxOptions()
        self.control_secret = secrets.token_urlsafe(24)
        self.url = self.token_url = self.control_url = ""
        self.port = 0
        self.renewed: list[str] = []
        self._clock = clock or HostClock()
        self._settings = Settings(300, 2)
        self._settings.change(token_life=self.options.token_life, processing_seconds=self.options.processing_seconds)
        self._clients = ClientRegistry()
        self._tokens = TokenMemory()
        self._counters = Counters()
        self._token_faults, self._api_faults = FaultPlan(TOKEN_KINDS), FaultPlan(API_KINDS)
        self._addresses = Addresses(tuple(dict.fromkeys((*NAMES, *self.options.names))), 0)
        self._authorization = Authorization(
            clients=self._clients,
            tokens=self._tokens,
            counters=self._counters,
            settings=self._settings,
            clock=self._clock,
            audiences=lambda: self._addresses.audiences,
        )
        self._declarations = Declarations(self._settings, self._clock)
        self._documents = Documents()
        self._runners: list[web.AppRunner] = []
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self.directory = self.options.directory or Path()

    async def start(self) -> None:
        """Make keys and certificates, write the files, listen.

        Raises:
            SandboxError: an address or the directory cannot be used.
        """
        if self.options.directory is None:
            try:
                self._temporary = tempfile.TemporaryDirectory(prefix="fla-gateway-sandbox-")
            except OSError as error:
                reason = error.strerror or error
                message = f"no temporary directory can be written to ({reason}); name one (directory, TMPDIR)"
                raise SandboxError(message) from None
            self.directory = Path(self._temporary.name)
        try:
            context = await asyncio.to_thread(self._prepare)
            listener = bound(self.options.listen)
            self.port = listener.getsockname()[1]
            self._addresses = Addresses(self._addresses.names, self.port)
            self.url = self._addresses.origins[0]
            self.token_url = self.url + TOKEN_PATH
            await self._serve(self._application(), listener, context)
            controller = bound(self.options.control)
            self.control_url = f"http://{authority(controller)}"
            await self._serve(control_application(self, self.control_secret), controller, None)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop listening and remove the temporary directory, if there is one."""
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    @property
    def ca_file(self) -> Path:
        """PEM file with the throw-away CA."""
        return self.directory / files.CA

    @property
    def client_id(self) -> str:
        """Id of the client that the sandbox registered by itself."""
        return CLIENT_ID

    @property
    def client_key_file(self) -> Path:
        """PEM file with that client's private key."""
        return self.directory / files.CLIENT_KEY

    @property
    def client_certificate_file(self) -> Path:
        """PEM file with that client's certificate."""
        return self.directory / files.CLIENT_CERTIFICATE

    def register(
        self,
        client_id: str,
        credential: bytes | str | PublicKey | x509.Certificate,
        scopes: Iterable[str] | None = None,
    ) -> None:
        """Register a client or add a key to one.

        Args:
            client_id: of the client.
            credential: see `ClientRegistry.register`.
            scopes: see `ClientRegistry.register`.

        Raises:
            SandboxError: the credential breaks a rule of the channel.
        """
        self._clients.register(client_id, credential, scopes)

    def add_files(self, contents: Mapping[str, bytes]) -> tuple[str, ...]:
        """Put further files into the directory, for their owner alone, where there is none of that name.

        Returns:
            Names of those that were there already with another content, and stay as they are.

        Raises:
            SandboxError: the directory cannot be written.
        """
        return files.add_files(self.directory, contents)

    def script(self, *, token: object = None, api: object = None) -> None:
        """Replace the scripted faults; see `FaultPlan.script` for the forms. Without arguments: no faults.

        Raises:
            SandboxError: a wish is not understood; the other side's may have been taken then.
        """
        now = self._clock.monotonic()
        self._token_faults.script(token, now)
        self._api_faults.script(api, now)

    def change(self, *, token_life: int | None = None, processing_seconds: float | None = None) -> None:
        """Change the life of tokens minted from now on, or how long declarations take.

        Raises:
            SandboxError: a value is out of bounds.
        """
        self._settings.change(token_life=token_life, processing_seconds=processing_seconds)

    def expire_tokens(self) -> None:
        """End the life of every token minted so far."""
        self._tokens.expire_all()

    def state(self) -> dict[str, Any]:
        """Give what `GET /state` shows: counters, what is held, settings, faults in force."""
        now = self._clock.monotonic()
        return {
            "counters": self._counters.snapshot(),
            "minted": self._counters.total("minted"),
            "refused": self._counters.total("refused"),
            "held": {
                "tokens": len(self._tokens),
                "identifiers": self._authorization.identifiers,
                "declarations": len(self._declarations),
                "documents": len(self._documents),
            },
            "settings": {
                "token_life": self._settings.token_life,
                "processing_seconds": self._settings.processing_seconds,
            },
            "faults": {"token": self._token_faults.describe(now), "api": self._api_faults.describe(now)},
        }

    def _prepare(self) -> ssl.SSLContext:
        """Take over or make keys and certificates, and write them; slow, for a thread."""
        now = self._clock.wall()
        found = files.read_files(self.directory)
        server = server_credentials(found, self._addresses.names, now, self.renewed)
        contents = {
            files.CA: server.ca,
            files.SERVER: server.certificate + server.key,
            files.CONTROL_SECRET: self.control_secret.encode() + b"\n",
        }
        if self.options.client:
            client = client_credentials(found, now, self.renewed)
            self._clients.register(CLIENT_ID, client.certificate, None)
            contents |= {
                files.CLIENT_KEY: client.key,
                files.CLIENT_CERTIFICATE: client.certificate,
                files.CLIENT_ID_FILE: CLIENT_ID.encode() + b"\n",
            }
        files.write_files(self.directory, contents)
        return tls_context(server)

    def _application(self) -> web.Application:
        endpoint = TokenEndpoint(self._authorization, self._token_faults, self._counters, self._clock)
        guard = api_gate.Gate(self._tokens, self._api_faults, self._counters, self._clock)

        @web.middleware
        async def front(request: web.Request, handler: api_gate.Handler) -> web.StreamResponse:
            oauth = request.path.startswith(api_gate.OAUTH_PREFIX)
            response = await (api_gate.answered if oauth else guard.pass_through)(request, handler)
            self._note(request, response)
            return response

        application = web.Application(middlewares=[front], client_max_size=MAX_BODY)
        application[ADDRESSES] = self._addresses
        application.router.add_post(TOKEN_PATH, endpoint.post)
        application.router.add_routes([*self._declarations.routes(), *self._documents.routes(), *echo.routes()])
        application.on_response_prepare.append(api_gate.mark)
        return application

    def _note(self, request: web.Request, response: web.StreamResponse) -> None:
        resource = request.match_info.route.resource
        place = "elsewhere" if resource is None else resource.canonical
        self._counters.count("calls", f"{place} {response.status}")
        if self.options.report is not None:
            self.options.report(f"{response.status}  {request.method:<6} {place}{_reason(response)}")

    async def _serve(
        self, application: web.Application, listener: socket.socket, context: ssl.SSLContext | None
    ) -> None:
        runner = web.AppRunner(
            application, access_log=None, logger=_silent, shutdown_timeout=SHUTDOWN_SECONDS, handle_signals=False
        )
        self._runners.append(runner)
        await runner.setup()
        await web.SockSite(runner, listener, ssl_context=context).start()


def _reason(response: web.StreamResponse) -> str:
    """Give the sentence of a refused token request, for the person who watches."""
    if not isinstance(response, web.Response) or response.status < 400 or response.text is None:  # noqa: PLR2004 - errors
        return ""
    for member in ("error_description", "detail"):
        _, found, rest = response.text.partition(f'"{member}": "')
        if found:
            return "  " + rest.partition('"')[0]
    return ""
