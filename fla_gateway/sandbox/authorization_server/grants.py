"""The authorization server: authlib's grant machinery with the sandbox's verdict on assertions (RFC 6749, RFC 7523).

Owns the path from a form to a token answer. Refuses to know HTTP servers and faults: a form goes in, status, body and
fields come out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from authlib.oauth2.rfc6749 import AuthorizationServer, InvalidClientError, InvalidRequestError, InvalidScopeError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload, OAuth2Request

from fla_gateway.sandbox.authorization_server.assertion import verify_assertion
from fla_gateway.sandbox.authorization_server.clients import ClientRegistry, RegisteredClient
from fla_gateway.sandbox.authorization_server.issued_tokens import TokenMemory
from fla_gateway.sandbox.authorization_server.jti_replay import JtiMemory
from fla_gateway.sandbox.clock import Clock
from fla_gateway.sandbox.counters import Counters
from fla_gateway.sandbox.errors import AssertionRefusedError
from fla_gateway.sandbox.options import STATEMENT, Settings

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
AUTH_METHOD: Final = "private_key_jwt"


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """An answer of the token endpoint: JSON body and fields (RFC 6749, sections 5.1 and 5.2)."""

    status: int
    body: dict[str, Any]
    fields: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class TokenForm:
    """A token request as it came.

    Attributes:
        url: address of the endpoint.
        parameters: name and value in order, duplicates kept.
        moment: seconds since 1970 by the token server's clock.
        authorized: whether an Authorization field came with it.
    """

    url: str
    parameters: list[tuple[str, str]]
    moment: float
    authorized: bool


class _AssertionGrant(ClientCredentialsGrant):  # type: ignore[misc]  # authlib ships no type information
    """Client credentials (RFC 6749, section 4.4), authenticated by an assertion and by nothing else."""

    TOKEN_ENDPOINT_AUTH_METHODS: Final = [AUTH_METHOD]

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """As authlib's own, but without its debug line, which shows the token."""
        token = self.generate_token(scope=self.request.payload.scope, include_refresh_token=False)
        return 200, token, self.TOKEN_RESPONSE_HEADER


class Authorization(AuthorizationServer):  # type: ignore[misc]  # authlib ships no type information
    """The authorization server proper."""

    def __init__(
        self,
        *,
        clients: ClientRegistry,
        tokens: TokenMemory,
        counters: Counters,
        settings: Settings,
        clock: Clock,
        audiences: Callable[[], Collection[str]],
    ) -> None:
        super().__init__()
        self._clients = clients
        self._tokens = tokens
        self._counters = counters
        self._settings = settings
        self._clock = clock
        self._audiences = audiences
        self._used = JtiMemory()
        self.register_client_auth_method(AUTH_METHOD, self._authenticate)
        self.register_grant(_AssertionGrant)
        self.register_token_generator("default", self._generate)

    def answer(self, form: TokenForm) -> TokenAnswer:
        """Judge a token request and answer it."""
        try:
            check_form(form)
        except InvalidRequestError as error:
            answer = self.handle_response(*error())
        else:
            answer = self.create_token_response(form)
        if answer.status != 200 and answer.body.get("error") != "invalid_client":  # noqa: PLR2004 - OK
            self._counters.count("refused", str(answer.body.get("error")))
        return answer

    @property
    def identifiers(self) -> int:
        """How many `jti` are remembered."""
        return len(self._used)

    # What authlib asks of an integration

    def query_client(self, client_id: str) -> RegisteredClient | None:
        """Find a client."""
        return self._clients.get(client_id)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """See `AuthorizationServer`: does nothing, since no code listens to authlib's signals here."""

    def create_oauth2_request(self, form: TokenForm) -> OAuth2Request:
        """Give authlib its own kind of request."""
        request = OAuth2Request("POST", form.url)
        request.payload = BasicOAuth2Payload(dict(form.parameters))
        request.sandbox_form = form
        return request

    def handle_response(self, status: int, body: dict[str, Any], headers: list[tuple[str, str]]) -> TokenAnswer:
        """See `AuthorizationServer`: take authlib's answer as a value, and say in it that this is a sandbox."""
        return TokenAnswer(status, {**body, "sandbox": STATEMENT}, list(headers))

    def _authenticate(self, query_client: Callable[[str], RegisteredClient | None], request: Any) -> RegisteredClient:
        try:
            return self._admit(query_client, request.payload.data, request.sandbox_form.moment)
        except AssertionRefusedError as error:
            self._counters.count("refused", error.reason)
            raise InvalidClientError(description=error.description) from error

    def _admit(
        self, query_client: Callable[[str], RegisteredClient | None], parameters: dict[str, str], now: float
    ) -> RegisteredClient:
        if parameters.get("client_assertion_type") != ASSERTION_TYPE or "client_assertion" not in parameters:
            raise AssertionRefusedError("no-assertion", f"client_assertion with the type {ASSERTION_TYPE} is needed")
        verified = verify_assertion(
            parameters["client_assertion"], find_client=query_client, audiences=self._audiences(), now=now
        )
        client_id = verified.client.client_id
        if parameters.get("client_id", client_id) != client_id:
            raise AssertionRefusedError("wrong-client-id", "client_id differs from sub (RFC 7521, section 4.2)")
        self._used.use(client_id, verified.jti, verified.exp, now)
        return verified.client

    def _generate(self, *, client: RegisteredClient, scope: str | None, **_: object) -> dict[str, Any]:
        allowed = client.get_allowed_scope(scope)
        if allowed is None:
            raise InvalidScopeError(description="the client was not granted this scope")
        life = self._settings.token_life
        token = self._tokens.mint(client.client_id, allowed, self._clock.monotonic() + life)
        self._counters.count("minted", client.client_id)
        return {"access_token": token, "token_type": "bearer", "expires_in": life, "scope": allowed}


def check_form(form: TokenForm) -> None:
    """Check what RFC 6749 asks of the form itself.

    Raises:
        InvalidRequestError: a parameter is repeated (section 3.2), grant_type is missing, or two ways of
            authentication are mixed (section 2.3).
    """
    names = [name for name, _ in form.parameters]
    if len(names) != len(set(names)):
        raise InvalidRequestError(description="a parameter is sent twice")
    if "grant_type" not in names:
        raise InvalidRequestError(description="grant_type is missing")
    if form.authorized or "client_secret" in names:
        raise InvalidRequestError(description="an assertion is the only way of authentication here")
