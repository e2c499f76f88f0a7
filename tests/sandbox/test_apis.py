"""The sandbox's APIs: who is let in, what they do, and the marks on their answers."""

import hashlib
import io
import re

import pytest
import yarl

DECLARATIONS = "/REST/dimona/v2/declarations"
STORE = "/REST/federalLearningAccount/v1/trainings"
ECHO = "/REST/echo/v1"


@pytest.mark.parametrize("path", [DECLARATIONS + "/1", STORE, ECHO, "/REST/nothing/v1", "/"])
async def test_without_a_token_nothing_is_shown(stage, path):
    """A request without a token is refused before the address is looked at, with a challenge that names no error."""
    answer = await stage.call("GET", path, token=None)
    assert (answer.status, answer.json["type"]) == (401, "urn:problem-type:belgif:noAccessToken")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")
    assert "error" not in answer.headers["WWW-Authenticate"]


async def test_other_scheme_is_no_token(stage):
    """Basic credentials are no access token."""
    answer = await stage.call("GET", ECHO, token=None, headers={"Authorization": "Basic eDp5"})
    assert answer.json["type"].endswith(":noAccessToken")


async def test_foreign_token_is_invalid(stage):
    """A token that the sandbox did not mint is invalid_token."""
    answer = await stage.call("GET", ECHO, token="abc")
    assert (answer.status, answer.json["type"]) == (401, "urn:problem-type:belgif:invalidAccessToken")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


async def test_token_ends_with_its_life(stage):
    """A token is good until its last second, and refused as expired from then on."""
    token = await stage.token()
    stage.clock.pass_by(298)
    assert (await stage.call("GET", ECHO, token=token)).status == 200
    stage.clock.pass_by(2)
    answer = await stage.call("GET", ECHO, token=token)
    assert (answer.status, answer.json["type"]) == (401, "urn:problem-type:belgif:expiredAccessToken")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


async def test_token_without_the_scope_is_forbidden(stage):
    """A token that lacks the scope gets 403 with the scopes that would do."""
    token = await stage.token(scope="scope:dimona:declaration:consult")
    for method, path in (("POST", DECLARATIONS), ("GET", STORE), ("PUT", STORE + "/1"), ("DELETE", STORE + "/1")):
        answer = await stage.call(method, path, token=token, json={})
        assert (answer.status, answer.json["type"]) == (403, "urn:problem-type:belgif:missingScope")
        assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
        assert answer.json["requiredScopes"]


async def test_declaration_is_asynchronous(stage):
    """POST gives an absolute Location, GET there is 404 until processed, then the result."""
    token = await stage.token()
    made = await stage.call("POST", DECLARATIONS, token=token, json={"worker": {}})
    assert (made.status, made.raw) == (201, b"")
    location = made.headers["Location"]
    assert re.fullmatch(re.escape(stage.sandbox.url + DECLARATIONS) + r"/\d{12}", location)
    path = location.removeprefix(stage.sandbox.url)
    early = await stage.call("GET", path, token=token)
    assert (early.status, early.json["type"]) == (404, "urn:problem-type:belgif:resourceNotFound")
    stage.clock.pass_by(2)
    result = await stage.call("GET", path, token=token)
    assert (result.status, result.json["href"]) == (200, location)
    assert result.json["declarationStatus"]["result"] == "A"


async def test_declaration_of_another_client_is_not_shown(stage):
    """One client's declaration is not there for another."""
    made = await stage.call("POST", DECLARATIONS, token=await stage.token(), json={})
    stage.clock.pass_by(2)
    stage.sandbox.register("another", stage.keys["own"].as_pem(private=False))
    other = await stage.token(client_assertion=stage.assertion(iss="another", sub="another"))
    path = made.headers["Location"].removeprefix(stage.sandbox.url)
    assert (await stage.call("GET", path, token=other)).status == 404


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
async def test_declaration_must_be_an_object(stage, body):
    """What is no JSON object is a badRequest."""
    answer = await stage.call("POST", DECLARATIONS, token=await stage.token(), data=body)
    assert (answer.status, answer.json["type"]) == (400, "urn:problem-type:belgif:badRequest")


async def test_huge_document_is_refused(stage):
    """A body beyond the limit is payloadTooLarge with the limit."""
    answer = await stage.call("PUT", STORE + "/1", token=await stage.token(), data=io.BytesIO(bytes(1_100_000)))
    assert (answer.status, answer.json["limit"]) == (413, 1_048_576)


async def test_store_keeps_documents(stage):
    """The store adds, lists, replaces, gives and deletes documents, and says that it is a stand-in."""
    token = await stage.token()
    added = await stage.call("POST", STORE, token=token, json={"days": 1})
    path = added.headers["Location"].removeprefix(stage.sandbox.url)
    assert added.status == 201
    assert "stand-in" in added.json["standIn"]
    assert (await stage.call("PUT", path, token=token, json={"days": 2})).status == 200
    assert (await stage.call("GET", path, token=token)).json["content"] == {"days": 2}
    assert (await stage.call("GET", STORE, token=token)).json["items"] == [{"href": stage.sandbox.url + path}]
    gone = await stage.call("DELETE", path, token=token)
    assert (gone.status, gone.raw) == (204, b"")
    assert (await stage.call("GET", path, token=token)).status == 404
    assert (await stage.call("DELETE", path, token=token)).status == 404


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"])
async def test_echo_shows_what_arrived(stage, method):
    """The echo shows method, target byte for byte, fields and body, and never the bearer."""
    token, body = await stage.token(), b"caf\xc3\xa9"
    target = ECHO + "/a%2Fb?q=1&q=%C3%A9&empty="
    answer = await stage.call(method, target, token=token, data=body, headers={"X-Test": "1"})
    shown = answer.json
    assert (shown["method"], shown["body"]["text"]) == (method, "café")
    assert (shown["body"]["length"], shown["body"]["sha256"]) == (5, hashlib.sha256(body).hexdigest())
    assert ["X-Test", "1"] in shown["fields"]
    assert ["Authorization", "Bearer [valid]"] in shown["fields"]
    assert token not in answer.raw.decode()


async def test_echo_shows_the_target_as_it_was_sent(stage):
    """Escapes, order and duplicates of the target are shown as they were sent."""
    url = yarl.URL(stage.sandbox.url + ECHO + "/a%2fb/%7E;x?b=2&a=1&a=%c3%a9", encoded=True)
    async with stage.session.get(url, headers={"Authorization": f"Bearer {await stage.token()}"}) as response:
        assert (await response.json())["target"] == ECHO + "/a%2fb/%7E;x?b=2&a=1&a=%c3%a9"


async def test_echo_reads_ten_megabytes(stage):
    """A large body is digested whole and shown in part."""
    body = bytes(10_000_000)
    shown = (await stage.call("PUT", ECHO, token=await stage.token(), data=io.BytesIO(body))).json["body"]
    assert (shown["length"], shown["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert len(shown["text"]) == 4_096


async def test_traces_and_mark(stage):
    """Every API answer has a trace id of its own, the request's as related, and says that it is a sandbox."""
    token = await stage.token()
    answer = await stage.call("GET", ECHO, token=token, headers={"BelGov-Trace-Id": "my-trace"})
    assert answer.headers["BelGov-Related-Trace-Id"] == "my-trace"
    assert answer.headers["BelGov-Trace-Id"] != "my-trace"
    missing = await stage.call("GET", "/REST/nothing", token=token)
    assert missing.status == 404
    for one in (answer, missing):
        assert one.headers["Sandbox"] == one.json["sandbox"] == "fla-gateway sandbox, not the social security"


async def test_location_follows_the_name_that_was_used(stage):
    """Absolute links name the host that the caller used; a name that is not ours gets the first."""
    token = await stage.token()
    for host, expected in ((f"sandbox:{stage.sandbox.port}", "https://sandbox:"), ("evil", "https://localhost:")):
        made = await stage.call("POST", DECLARATIONS, token=token, json={}, headers={"Host": host})
        assert made.headers["Location"].startswith(expected)


async def test_method_that_an_api_lacks(stage):
    """A method that a resource does not know is 405 with Allow."""
    answer = await stage.call("PATCH", STORE, token=await stage.token())
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, POST")
