// Keeps the page current: asks for its changing part and puts in what is different, so that focus, scroll position and
// opened details stay where they are. Without this script the page works by reloading.
"use strict";
(() => {
  const live = document.getElementById("live");
  const lost = document.getElementById("lost");
  const refused = document.getElementById("refused");
  const announcer = document.getElementById("announcer");
  const pause = document.getElementById("pause");
  // Without user and password, which an address may carry and fetch refuses.
  const source = new URL("fragment" + location.search, location.origin + location.pathname);
  const period = Number(document.body.dataset.refresh);
  let paused = false;
  let timer = 0;

  const alike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName;

  const matchAttributes = (now, next) => {
    for (const { name } of [...now.attributes]) {
      // Whether details are open is the reader's choice.
      if (!next.hasAttribute(name) && name !== "open") now.removeAttribute(name);
    }
    for (const { name, value } of next.attributes) {
      if (now.getAttribute(name) !== value) now.setAttribute(name, value);
    }
  };

  const match = (now, next) => {
    if (now.nodeType !== Node.ELEMENT_NODE) {
      if (now.nodeValue !== next.nodeValue) now.nodeValue = next.nodeValue;
      return;
    }
    if (now.isEqualNode(next)) return;
    matchAttributes(now, next);
    // What has an id is found again wherever it is; what has not, by its place. A node that is moved loses the focus,
    // so that what is gone is removed first, and white space gives way.
    const staying = new Set([...next.children].map((child) => child.id));
    for (const child of [...now.children]) if (child.id && !staying.has(child.id)) child.remove();
    const named = new Map([...now.children].filter((child) => child.id).map((child) => [child.id, child]));
    let at = now.firstChild;
    for (const child of [...next.childNodes]) {
      while (at && at.nodeType === Node.TEXT_NODE && child.nodeType === Node.ELEMENT_NODE) {
        const space = at;
        at = at.nextSibling;
        space.remove();
      }
      const found = child.id ? named.get(child.id) : at && !at.id && alike(at, child) ? at : null;
      if (found && alike(found, child)) {
        if (found === at) at = at.nextSibling;
        else now.insertBefore(found, at);
        match(found, child);
      } else {
        now.insertBefore(document.importNode(child, true), at);
      }
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  };

  // Moments are written in UTC; where the reader's clock shows another time, that is put beside it.
  const localize = (root) => {
    for (const it of root.querySelectorAll("time[datetime]")) {
      const moment = new Date(it.dateTime);
      if (Number.isNaN(moment.getTime()) || moment.getTimezoneOffset() === 0) continue;
      const local = document.createElement("span");
      local.className = "local";
      local.textContent = ` (${moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false })} ${live.dataset.local})`;
      it.append(local);
    }
  };

  const states = () =>
    new Map([...live.querySelectorAll("[data-key]")].map((it) => [it.dataset.key, [it.dataset.state, it.dataset.announce]]));

  // Only changes of a state are spoken, never numbers that move all the time.
  const announce = (before, after) => {
    const news = [...after].filter(([key, [state]]) => before.get(key)?.[0] !== state).map(([, [, words]]) => words);
    if (news.length) announcer.textContent = news.join(" ").replace(/\s+/g, " ");
  };

  const show = (banner, visible) => {
    if (banner.hidden !== visible) return;
    banner.textContent = visible ? banner.dataset.text : "";
    banner.hidden = !visible;
  };

  const trouble = (banner) => {
    show(lost, banner === lost);
    show(refused, banner === refused);
    document.body.classList.toggle("stale", banner !== null);
  };

  const refresh = async () => {
    const answer = await fetch(source, { cache: "no-store", redirect: "error", signal: AbortSignal.timeout(4000) });
    if (answer.status === 401 || answer.status === 403 || answer.status === 404) return refused;
    if (!answer.ok) return lost;
    const text = await answer.text();
    // What was asked for before the reader paused is not shown any more.
    if (paused) return null;
    const next = new DOMParser().parseFromString(`<div id="live">${text}</div>`, "text/html");
    localize(next);
    const before = states();
    match(live, next.getElementById("live"));
    mark();
    announce(before, states());
    return null;
  };

  const mark = () => {
    document.getElementById("paused").hidden = !paused;
  };

  const turn = async () => {
    clearTimeout(timer);
    if (paused) return;
    if (!document.hidden) {
      try {
        trouble(await refresh());
      } catch {
        trouble(lost);
      }
    }
    clearTimeout(timer);
    if (!paused) timer = setTimeout(turn, period);
  };

  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    mark();
    turn();
  });
  document.addEventListener("visibilitychange", () => document.hidden || turn());
  localize(live);
  pause.hidden = false;
  timer = setTimeout(turn, period);
})();
