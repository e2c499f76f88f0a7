"""The status page in a real browser: for everybody's eyes, ears and hands, alive, and deaf to injected scripts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from fla_gateway.access.authentication.api_key import digest, new_key
from fla_gateway.admin.access_rules import AdminAccess
from tests.admin import samples
from tests.admin.conftest import serving

pytestmark = pytest.mark.needs_program("chromium")

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

VIEWS: dict[str, dict[str, Any]] = {
    "desk": {},
    "dark phone": {"dark": True, "reduced_motion": True, "width": 320, "height": 640},
}
STATUSES = {
    "calm": samples.calm(),
    "failing": samples.failing(),
    "unused": samples.unused(),
    "none": samples.calm(profiles=(), recent=(), state="stopping"),
}


@pytest.fixture
async def url(state, shown):
    """Address of a page that hardly ever asks for news."""
    async with serving(state, shown, refresh_seconds=60) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
async def live(state, shown):
    """Address of a page that asks for news ten times a second."""
    async with serving(state, shown, refresh_seconds=0.1) as port:
        yield f"http://127.0.0.1:{port}/"


def test_axe_is_the_published_one():
    """The vendored checker is the file of the npm package, unchanged."""
    assert sha256(AXE.read_bytes()).hexdigest() == AXE_SHA256


@pytest.mark.parametrize("view", VIEWS)
async def test_axe_finds_nothing(page, url, shown, view):
    """No rule of WCAG 2.2 A and AA and no best practice is broken, in any state of the gateway, details open."""
    await page.emulate(**VIEWS[view])
    source = AXE.read_text(encoding="utf-8")
    for name, status in STATUSES.items():
        if view != "desk" and name not in {"failing", "unused"}:
            continue  # colours and widths of the others are among those of these two
        shown.status = status
        await page.open(url)
        await page.evaluate("document.querySelectorAll('details').forEach((it) => { it.open = true; })")
        await page.run(source)
        options = json.dumps({"runOnly": RULES, "resultTypes": ["violations"]})
        violations = await page.evaluate(f"(await axe.run(document, {options})).violations")
        told = [(it["id"], [node["html"][:200] for node in it["nodes"]]) for it in violations]
        assert told == [], (view, name)


async def test_nothing_scrolls_sideways(page, url, shown):
    """Down to 320 CSS pixels (WCAG 2.2, 1.4.10) the page is as wide as the window, whatever texts are in it."""
    for status in (samples.failing(), samples.hostile(), samples.unused()):
        shown.status = status
        await page.open(url)
        await page.evaluate("document.querySelectorAll('details').forEach((it) => { it.open = true; })")
        for width in (1280, 768, 320):
            await page.emulate(width=width, height=800)
            assert await page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("language", ["nl", "fr"])
async def test_longer_words_do_not_scroll_sideways(page, state, shown, language):
    """On a phone, in a language whose words are longer: nothing is cut off or wider than the window either."""
    shown.status = samples.failing()
    async with serving(state, shown, refresh_seconds=60, language=language) as port:
        await page.emulate(width=320, height=800)
        await page.open(f"http://127.0.0.1:{port}/")
        await page.evaluate("document.querySelectorAll('details').forEach((it) => { it.open = true; })")
        assert await page.evaluate("document.documentElement.lang") == language
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        cut = "[...document.querySelectorAll('button, th, dt, h1, h2, h3, a.button')]"
        assert await page.evaluate(f"{cut}.filter((it) => it.scrollWidth > it.clientWidth + 1).length") == 0


async def test_a_policy_without_exceptions_is_not_broken(page, url):
    """The page is whole and its script runs under the strict policy: nothing is refused, nothing from elsewhere."""
    await page.open(url)
    await page.until("!document.getElementById('pause').hidden")
    assert await page.evaluate("getComputedStyle(document.querySelector('.profile')).borderTopWidth") == "2px"
    assert page.console == []
    assert {it.url.partition("?")[0].removeprefix(url) for it in page.exchanges} <= {
        "", "status.css", "status.js", "status.svg", "fragment",
    }  # fmt: skip


async def test_injected_scripts_stay_texts(page, live, shown):
    """What stands in certificates, names, paths and references is shown as it is, at first and when it comes later."""
    await page.open(live)
    shown.status = samples.hostile()
    await page.until("document.body.innerText.includes('<script>alert')")
    await page.open(live)
    assert await page.evaluate("document.querySelectorAll('script').length") == 1
    assert await page.evaluate("document.querySelectorAll('main img, [onerror]').length") == 0
    assert await page.evaluate(f"document.body.innerText.includes({json.dumps(samples.HOSTILE)})")
    assert page.dialogs == []
    assert page.console == []


async def test_an_inline_script_would_not_run(page, url):
    """The second line of defence holds by itself: even markup in the page starts no script."""
    await page.open(url)
    await page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')"
    )
    await page.until("document.querySelector('main img')")
    await page.evaluate(
        "new Promise((done) => { const it = document.createElement('script'); it.textContent = 'alert(2)';"
        " document.body.append(it); requestAnimationFrame(done); })"
    )
    assert page.dialogs == []
    assert any("Content Security Policy" in line for line in page.console)


async def test_the_readers_time_is_beside_utc(page, live):
    """Where the browser's clock shows another time, it is beside each moment, once, also after news have come."""
    await page.command("Emulation.setTimezoneOverride", timezoneId="Asia/Kolkata")
    await page.open(live)
    shown = "[...document.querySelectorAll('.as-of time')].map((it) => it.textContent).join()"
    local = (samples.NOW + timedelta(hours=5, minutes=30)).strftime("%H:%M")
    expected = f"{samples.NOW:%H:%M:%S} UTC ({local} local time)"
    assert await page.evaluate(shown) == expected
    await page.evaluate("document.querySelector('.as-of').remove()")
    await page.until("document.querySelector('.as-of')")
    assert await page.evaluate(shown) == expected


async def test_news_come_without_navigation(page, live, shown):
    """A change of state is shown and spoken while focus, scroll position and opened details stay."""
    await page.open(live)
    await page.evaluate("document.getElementById('technical-test').open = true")
    await page.evaluate("document.querySelector('#technical-test summary').focus()")
    await page.evaluate("scrollTo(0, 200)")
    shown.status = samples.failing()
    await page.until("document.body.innerText.includes('3 of 5 profiles do not work')")
    assert await page.evaluate("document.activeElement.matches('#technical-test summary')")
    assert await page.evaluate("document.getElementById('technical-test').open")
    # The browser keeps what is read in its place, below what has come in above it.
    assert await page.evaluate("scrollY") >= 200
    spoken = await page.evaluate("document.getElementById('announcer').textContent")
    assert "Profile wages: Does not work There is no valid token" in spoken
    assert "2 calls are in doubt." in spoken
    assert page.navigations == 1


async def test_only_changes_of_state_are_spoken(page, live, shown):
    """Numbers and times that move all the time are not read out."""
    await page.open(live)
    later = replace(samples.calm(), time=samples.NOW.replace(minute=11), recent=(samples.call(9),))
    shown.status = later
    await page.until("document.body.innerText.includes('14:11:30')")
    assert await page.evaluate("document.getElementById('announcer').textContent") == ""
    assert await page.evaluate("document.querySelectorAll('tr[id^=call-]').length") == 1


async def test_updates_can_be_paused(page, live, shown):
    """The button stops the updates (WCAG 2.2, 2.2.2), says so, and starts them again."""
    await page.open(live)
    await page.evaluate("document.getElementById('pause').focus()")
    await page.press(" ")
    assert await page.evaluate("document.getElementById('pause').getAttribute('aria-pressed')") == "true"
    assert await page.evaluate("!document.getElementById('paused').hidden")
    asked = len(page.exchanges)
    shown.status = samples.failing()
    await page.evaluate("new Promise((done) => setTimeout(done, 300))")
    assert len(page.exchanges) <= asked + 1
    assert "Everything works" in await page.evaluate("document.body.innerText")
    await page.press("Enter")
    await page.until("document.body.innerText.includes('3 of 5')")
    assert await page.evaluate("document.getElementById('paused').hidden")


async def test_a_lost_connection_is_said_and_mended(page, live):
    """While the gateway cannot be reached the page says that it is no longer current; afterwards it goes on."""
    await page.open(live)
    await page.offline(offline=True)
    await page.until("document.getElementById('lost').innerText.includes('No connection')")
    assert await page.evaluate("document.body.classList.contains('stale')")
    await page.offline(offline=False)
    await page.until("document.getElementById('lost').hidden")
    assert not await page.evaluate("document.body.classList.contains('stale')")


async def test_it_works_without_scripts(page, url):
    """Everything is in the document as it comes; a link reloads it."""
    await page.scripts(enabled=False)
    await page.open(url)
    tree = await page.command("DOM.getDocument", depth=-1)
    shown = json.dumps(tree)
    assert "Everything works: 2 profiles." in shown
    assert "This page does not update by itself" in shown
    await page.scripts(enabled=True)
    assert await page.evaluate("document.querySelector('.controls a').href") == url
    assert await page.evaluate("document.getElementById('pause').hidden")


async def test_the_keyboard_reaches_everything_in_order(page, url, shown):
    """Tab goes from the skip link through the controls to each detail, always with a visible outline."""
    shown.status = samples.failing()
    await page.open(url)
    await page.evaluate("document.getElementById('pause').click()")
    await page.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(10):
        await page.press("Tab")
        reached.append(await page.evaluate("document.activeElement.innerText || document.activeElement.tagName"))
        outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", reached
    controls, details = ["Skip to the content", "Pause updates", "Reload"], "Technical details of employer"
    assert reached[:5] == [*controls, "emergency procedure of Dimona", details]
    assert {"Details", "Technical details of broken"} <= set(reached)


async def test_the_keyboard_opens_details_and_skips(page, url):
    """The skip link leads to the content; Enter opens what is folded."""
    await page.open(url)
    await page.press("Tab")
    await page.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    await page.press("Tab")
    await page.press("Enter")
    assert await page.evaluate("document.getElementById('technical-employer').open")


async def test_production_is_a_word_a_shape_and_a_colour(page, url):
    """A production profile differs from others by more than colour, and by colour too."""
    await page.open(url)
    band = "getComputedStyle(document.querySelector('#profile-{} .environment')).backgroundColor"
    assert await page.evaluate(band.format("employer")) == "rgb(143, 10, 88)"
    assert await page.evaluate(band.format("employer")) != await page.evaluate(band.format("test"))
    assert "PRODUCTION" in await page.evaluate("document.getElementById('profile-employer').innerText")
    assert "PRODUCTION" not in await page.evaluate("document.getElementById('profile-test').innerText")
    assert await page.evaluate("!!document.querySelector('#profile-employer .shape path')")


async def test_the_key_as_password_of_a_browser(own_page, state, shown):
    """With a configured key a browser that sends it as the password sees the page, and its script goes on seeing it."""
    key = new_key()
    async with serving(state, shown, AdminAccess(key_sha256=digest(key)), refresh_seconds=0.1) as port:
        await own_page.open(f"http://operator:{key}@127.0.0.1:{port}/")
        shown.status = samples.failing()
        await own_page.until("document.body.innerText.includes('3 of 5')")


async def test_pages_of_other_origins_see_nothing(page, url):
    """A page of another site can neither read the status nor frame the page nor use its parts."""
    other = url.replace("127.0.0.1", "localhost")
    await page.open(other + "livez")
    read = "fetch('{}', {{mode: 'no-cors'}}).then((it) => it.type + it.status, () => 'refused')"
    assert await page.evaluate("await " + read.format(url + "status")) == "refused"
    refused = await page.settled(url + "status")
    assert refused.status in {0, 403}
    assert await page.evaluate(
        f"new Promise((done) => {{ const it = new Image(); it.onload = () => done('shown'); "
        f"it.onerror = () => done('refused'); it.src = '{url}status.svg'; }})"
    ) == "refused"  # fmt: skip
