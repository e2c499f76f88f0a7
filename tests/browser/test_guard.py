"""The guard against a real browser: what pages of the internet try reaches neither token server nor API.

The browser's own wall in front of loopback is taken down, as older browsers and web views never had one. Names are
mapped to this machine: `plain` is one that callers use without TLS, to which browsers send no Fetch Metadata.
"""

from __future__ import annotations

import asyncio
import json
from hashlib import sha256

import pytest

from tests.support.devtools import PageError
from tests.support.raw_http import ok

pytestmark = pytest.mark.needs_program("chromium")

KEY = "flagw_" + "0123456789abcdef" * 4
CALLERS = f"""
[callers.payroll]
keys = [{{ sha256 = "{sha256(KEY.encode()).hexdigest()}" }}]
[callers.payroll.allow]
employer = ["POST /REST/**", "GET /REST/**"]
"""
SETTINGS = 'hosts = ["plain"]\ntrusted_origins = ["http://erp.test"]'
EVIL = "http://evil.test/"
# Of a page that takes care to say as little of itself as it can.
SILENT = "<meta name=referrer content=no-referrer><body>"

# Each is done with `to(name)`, the address under attack.
ATTACKS = {
    "get": "fetch(to('get')).catch(() => 0)",
    "post": "fetch(to('post'), {method: 'POST', body: '{}'}).catch(() => 0)",
    "get-no-cors": "fetch(to('get-no-cors'), {mode: 'no-cors'})",
    "post-no-cors": "fetch(to('post-no-cors'), {mode: 'no-cors', method: 'POST', body: '{}'})",
    "no-cors-included": "fetch(to('no-cors-included'), {mode: 'no-cors', credentials: 'include'})",
    "keyed": "fetch(to('keyed'), {headers: {'X-Api-Key': KEY}}).catch(() => 0)",
    "keyed-json": "fetch(to('keyed-json'), {method: 'POST', body: '{}', headers: "
    "{'Content-Type': 'application/json', 'X-Api-Key': KEY}}).catch(() => 0)",
    "keyed-no-cors": "fetch(to('keyed-no-cors'), {mode: 'no-cors', headers: {'X-Api-Key': KEY}})",
    "img": "new Image().src = to('img')",
    "script": "add('script', {src: to('script')})",
    "style": "add('link', {rel: 'stylesheet', href: to('style')})",
    "prefetch": "add('link', {rel: 'prefetch', href: to('prefetch')})",
    "preload": "add('link', {rel: 'preload', as: 'fetch', crossOrigin: 'use-credentials', href: to('preload')})",
    "video": "add('video', {src: to('video')})",
    "object": "add('object', {data: to('object')})",
    "iframe": "add('iframe', {src: to('iframe')})",
    "beacon": "navigator.sendBeacon(to('beacon'), '{}')",
    "websocket": "new WebSocket(to('websocket').replace('http', 'ws'))",
    "eventsource": "once(new EventSource(to('eventsource')), 'error')",
    "worker": "new Worker(URL.createObjectURL(new Blob([`fetch('${to('worker')}', {mode: 'no-cors'})`])))",
    # A form has no JSON, but text/plain with a name and a value around the equals sign is as good.
    "form-get": "form('get', to('form-get'))",
    "form-post": "form('post', to('form-post'))",
}
TOOLS = """
const KEY = %(key)s;
const to = (name) => %(base)s + name;
const add = (tag, facts) => document.body.append(Object.assign(document.createElement(tag), facts));
const once = (source, event) => source.addEventListener(event, () => source.close());
const form = (method, action, target = `frame-${method}`) => {
  document.body.insertAdjacentHTML('beforeend', `<iframe name=${target}></iframe>
    <form method=${method} action=${action} enctype=text/plain target=${target}><input></form>`);
  const made = document.forms[document.forms.length - 1];
  Object.assign(made.elements[0], {name: '{"a":"', value: '"}'});
  made.submit();
};
"""


@pytest.fixture
async def rig(start):
    """A gateway that nobody has to prove anything to, so that the guard stands alone."""
    return await start(gateway=SETTINGS)


@pytest.fixture
async def guarded(start):
    """A gateway with one caller."""
    return await start(gateway=SETTINGS, more=CALLERS)


def tools(base):
    """Give the page its tools."""
    return TOOLS % {"key": json.dumps(KEY), "base": json.dumps(base)}


async def seen(rig, path):
    """Wait for the record of a request; give its code, or its status where it went through."""
    while True:
        record = await rig.records.next()
        if record.path.endswith(path.encode()):
            return record.code or record.status
        # What browsers ask for by themselves, such as a picture for the tab, is judged like everything else.
        assert record.code


async def attack(rig, page, base):
    """Do everything that a page can do; give what became of each, by name."""
    await page.run(tools(base))
    found = {}
    for name, script in ATTACKS.items():
        await page.evaluate(script if script.startswith("fetch") else f"(void ({script}), 0)")
        found[name] = await seen(rig, name)
    return found


def untouched(rig):
    """Tell whether nothing has left the gateway."""
    return not rig.api.requests and not rig.tokens.fetches and not rig.api.opened


async def test_a_person_who_opens_the_callers_address_is_shown_a_page(guarded, page):
    """In the address line of a browser: a text without a dialogue for a password, and nothing further is asked for."""
    await page.open(f"http://localhost:{guarded.port}/")
    assert await page.evaluate("document.querySelector('h1').textContent") == "This address is for programs"
    assert (await guarded.records.next()).code == "credentials-missing"
    assert {it.url for it in page.exchanges} == {f"http://localhost:{guarded.port}/"}
    assert page.dialogs == []
    assert untouched(guarded)


REFUSED = dict.fromkeys(ATTACKS, "browser-refused")


@pytest.mark.parametrize(
    ("host", "content"),
    [("localhost", SILENT), ("127.0.0.1", SILENT), ("plain", SILENT), ("localhost", "<body>"), ("plain", "<body>")],
    ids=["localhost-silent", "127.0.0.1-silent", "plain-silent", "localhost-ordinary", "plain-ordinary"],
)
async def test_no_page_gets_through(rig, page, host, content):
    """Fetches, forms, pictures, scripts, frames, beacons and sockets of a foreign page are all refused."""
    await page.set_content(content, at=EVIL)
    assert await attack(rig, page, f"http://{host}:{rig.port}/employer/REST/") == REFUSED
    assert untouched(rig)


async def test_no_page_gets_through_over_ipv6(start, page):
    """The IPv6 loopback address is guarded alike."""
    rig = await start(gateway=SETTINGS, profile='listen = "[::1]:0"')
    if len(rig.gateway.bound) == 1:
        pytest.skip("this machine has no IPv6")
    port = rig.gateway.bound[1].sock.getsockname()[1]
    await page.set_content(SILENT, at=EVIL)
    assert await attack(rig, page, f"http://[::1]:{port}/REST/") == REFUSED
    assert untouched(rig)


async def test_no_page_gets_through_to_a_tls_listener(start, authority, tmp_path, page):
    """Over TLS browsers say what caused a request to any name; a person who types the address is answered."""
    certificate, key = authority.write_server(tmp_path, "plain")
    listen = f'listen = {{ address = "127.0.0.1:0", tls = {{ certificate = "{certificate}", key = "{key}" }} }}'
    rig = await start(gateway=SETTINGS, profile=listen)
    base = f"https://plain:{rig.gateway.bound[1].sock.getsockname()[1]}/REST/"
    await page.set_content(SILENT, at="https://evil.test/")
    assert await attack(rig, page, base) == REFUSED
    assert untouched(rig)
    await page.open(base + "typed")
    assert await seen(rig, "typed") == 200


@pytest.mark.parametrize("host", ["localhost", "plain"])
async def test_a_password_that_the_browser_remembers_helps_no_page(guarded, own_page, host):
    """Once a person has shown the key as a password the browser adds it by itself, and still no page gets through."""
    await own_page.open(f"http://someone:{KEY}@{host}:{guarded.port}/employer/REST/typed")
    typed = await seen(guarded, "typed")
    if host == "localhost":
        # The browser had to be asked first: a challenge is what a person gets.
        assert (typed, await seen(guarded, "typed")) == ("credentials-missing", 200)
    else:
        assert typed == "browser-refused"
    sent = len(guarded.api.requests)
    await own_page.set_content(SILENT, at=EVIL)
    assert await attack(guarded, own_page, f"http://{host}:{guarded.port}/employer/REST/") == REFUSED
    assert len(guarded.api.requests) == sent


@pytest.mark.parametrize("host", ["localhost", "plain"])
async def test_no_page_navigates_there(guarded, page, host):
    """A link, a script, a form and a refresh that take the tab along are refused, and no password is asked for."""
    base = f"http://{host}:{guarded.port}/employer/REST/"
    ways = {
        "link": "(add('a', {href: to('link')}), document.querySelector('a').click())",
        "location": "location = to('location')",
        "window": "window.open(to('window'), '_self')",
        "form": "form('post', to('form'), '_top')",
        "refresh": "document.head.append(Object.assign(document.createElement('meta'), "
        "{httpEquiv: 'refresh', content: '0;' + to('refresh')}))",
    }
    for name, script in ways.items():
        await page.set_content(SILENT, at=EVIL)
        await page.run(tools(base))
        await page.evaluate(f"(void ({script}), 0)")
        assert await seen(guarded, name) == "browser-refused", name
        # Where a password is asked for, a browser without a screen ends with ERR_INVALID_AUTH_CREDENTIALS instead.
        assert (await page.settled(base + name)).status == 403
    assert untouched(guarded)


async def test_a_rebound_name_is_refused(guarded, page):
    """A page whose own name was made to point here is of its own origin for the browser, but not for the gateway."""
    base = f"http://evil.test:{guarded.port}/"
    await page.set_content("<body>", at=base)
    for method in ("GET", "POST"):
        script = f"fetch('/employer/REST/{method}', {{method: '{method}', headers: {{'X-Api-Key': '{KEY}'}}}})"
        answer = json.loads(await page.evaluate(f"(await ({script})).text()"))
        assert answer["type"] == "urn:problem-type:fla-gateway:wrong-host", "the page itself can read the refusal"
        assert await seen(guarded, method) == "wrong-host"
    assert untouched(guarded)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_person_who_types_the_address_passes(rig, guarded, own_page, host):
    """The browser says that no page caused it; where callers are known, the person is asked for a password."""
    await own_page.open(f"http://{host}:{rig.port}/employer/REST/typed")
    assert await seen(rig, "typed") == 200
    with pytest.raises(PageError, match="ERR_INVALID_AUTH_CREDENTIALS"):
        await own_page.open(f"http://{host}:{guarded.port}/employer/REST/typed")
    assert await seen(guarded, "typed") == "credentials-missing"
    assert untouched(guarded)


async def test_a_plain_name_without_tls_is_for_programs(rig, page):
    """There a browser says the same of a person as of a silent page, so that both are refused; programs are not."""
    await page.open(f"http://plain:{rig.port}/employer/REST/typed")
    assert await seen(rig, "typed") == "browser-refused"
    assert untouched(rig)
    raw = f"GET /employer/REST/x HTTP/1.1\r\nHost: plain:{rig.port}\r\nUser-Agent: erp/1\r\n\r\n"
    assert (await rig.call(raw.encode())).status == 200


async def test_a_detour_helps_no_page(rig, page):
    """An address of the page's own site that redirects here is refused as well."""
    target = f"http://localhost:{rig.port}/employer/REST/detour"
    answer = f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()

    async def redirect(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(redirect, "127.0.0.1", 0) as elsewhere:
        await page.set_content(SILENT, at=EVIL)
        at = f"http://evil.test:{elsewhere.sockets[0].getsockname()[1]}/"
        await page.evaluate(f"(void (new Image().src = '{at}'), 0)")
        assert await seen(rig, "detour") == "browser-refused"
        await page.evaluate(f"(void (location = '{at}'), 0)")
        assert await seen(rig, "detour") == "browser-refused"
    assert untouched(rig)


CALL = """
const call = async (url) => {
  const fields = {'Content-Type': 'application/json', 'X-Api-Key': KEY, 'Fla-Gateway-Reference': 'page'};
  const answer = await fetch(url, {method: 'POST', body: '{"a": 1}', headers: fields});
  return [answer.status, await answer.text(), answer.headers.get('Fla-Gateway-Origin')];
};
"""


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "plain"])
async def test_a_page_of_a_trusted_origin_may_call(guarded, page, host):
    """Its browser asks beforehand and is told so; with its key the page calls, and reads the answer and its fields."""
    guarded.api.answer = lambda request: ok(b'{"done": true}', "Access-Control-Allow-Origin: https://else.example")
    base = f"http://{host}:{guarded.port}/employer/REST/"
    await page.set_content("<body>", at="http://erp.test/")
    await page.run(tools(base) + CALL)
    assert await page.evaluate("call(to('call'))") == [200, '{"done": true}', "upstream"]
    assert [await seen(guarded, "call"), await seen(guarded, "call")] == [200, 200]
    (sent,) = guarded.api.requests
    assert (sent.method, sent.body) == (b"POST", b'{"a": 1}')
    problem = await page.evaluate("fetch(to('x')).then(async (it) => [it.status, (await it.json()).title])")
    assert problem == [401, "The request carries no credential"]
    told = await page.evaluate("fetch(to('y')).then((it) => it.headers.get('WWW-Authenticate'))")
    assert told == 'Bearer realm="fla_gateway"'


@pytest.mark.parametrize("at", [EVIL, "http://erp.test:81/", "https://erp.test/", "http://www.erp.test/"])
async def test_a_page_of_another_origin_may_not(guarded, page, at):
    """Another port, scheme or host is another origin: the browser is told nothing, and sends nothing more."""
    await page.set_content("<body>", at=at)
    await page.run(tools(f"http://localhost:{guarded.port}/employer/REST/") + CALL)
    assert await page.evaluate("call(to('call')).catch((error) => error.name)") == "TypeError"
    assert await seen(guarded, "call") == "browser-refused"
    assert untouched(guarded)


@pytest.mark.parametrize("facts", ["sandbox: 'allow-scripts', srcdoc: inner", "src: `data:text/html,${inner}`"])
async def test_a_frame_without_an_origin_may_not(guarded, page, facts):
    """A sandboxed frame and a data: document within a trusted page have the origin null, which is trusted nowhere."""
    base = f"http://localhost:{guarded.port}/employer/REST/"
    await page.set_content("<body>", at="http://erp.test/")
    await page.run(tools(base))
    inner = tools(base) + CALL + "call(to('call')).catch((error) => parent.postMessage([origin, error.name], '*'))"
    script = f"add('iframe', {{{facts.replace('inner', 'encode(inner)')}}})"
    encode = "encodeURIComponent" if "data:" in facts else "String"
    await page.run(f"const encode = {encode}; const inner = `<script>` + {json.dumps(inner)} + `</scr` + `ipt>`;")
    await page.run(f"const told = new Promise((done) => {{ onmessage = (it) => done(it.data); }}); {script}")
    assert await page.evaluate("told") == ["null", "TypeError"]
    assert await seen(guarded, "call") == "browser-refused"
    assert untouched(guarded)
