// A page that is always of now. It listens to the events of the loop, asks for its own address again, and takes over
// what has changed in its parts with `data-live`; focus, selection, scroll, open details and what is typed stay.
"use strict";

(() => {
  const SECOND = 1000;
  const MIN_PAUSE = SECOND; // between two looks
  const LOAD_FACTOR = 5; // a look that takes 2 s on the server is followed by a pause of 10 s
  const IDLE_PAUSE = 30 * SECOND; // after which it looks without an event: rates have no events
  const PASSING_PAUSE = 2 * SECOND; // while the page shows what will have passed in a moment
  const HIDDEN_PAUSE = 60 * SECOND; // in a tab that nobody sees: only for its title and icon
  const POLL_PAUSE = 15 * SECOND; // while it cannot listen, because there are too many listeners
  const STALE_AFTER = 10 * SECOND; // without an answer
  const RETRY_PAUSE = 3 * SECOND; // after a look without an answer
  const TIMEOUT = 30 * SECOND;

  const STALE_ICON = // a grey question mark
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'><circle cx='16' cy='16' r='16' " +
    "fill='%23777'/><text x='16' y='24' font-size='24' text-anchor='middle' fill='white'>?</text></svg>";

  const root = new URL("../", document.currentScript.src);
  const badge = document.getElementById("live-state");
  if (!badge || !document.querySelector("main[data-live]")) return;

  let stream = null; // the events; null: not now
  let nextLook = null; // {due, timer}
  let isLooking = false;
  let isLookDue = false; // something happened during a look
  let lastLook = Date.now();
  let lookDuration = 0;
  let lastAnswer = Date.now();
  let isAnswered = true; // the last look was

  // --- the state of the connection ---

  const isListening = () => stream?.readyState === EventSource.OPEN;

  function describeConnection() {
    if (isListening() && isAnswered) return ["good", "●", "Live"];
    if (!isAnswered && Date.now() - lastAnswer > STALE_AFTER)
      return ["bad", "✗", `Stale since ${new Date(lastAnswer).toTimeString().slice(0, 8)}`];
    if (!isAnswered || stream?.readyState === EventSource.CONNECTING) return ["wait", "◷", "Reconnecting"];
    return ["wait", "◷", `Updates every ${POLL_PAUSE / SECOND} s`];
  }

  function showConnection() {
    const [tone, symbol, text] = describeConnection();
    badge.hidden = false;
    badge.className = `live-state ${tone}`;
    if (badge.textContent !== `${symbol} ${text}`) badge.textContent = `${symbol} ${text}`;
    if (tone !== "bad" || document.title.startsWith("? ")) return;
    document.title = `? ${text} · ${document.title}`;
    document.querySelector("link[rel=icon]").href = STALE_ICON;
  }

  function listen() {
    stream?.close();
    stream = new EventSource(new URL("api/v1/events", root));
    stream.onopen = look; // what happened while nobody listened
    stream.onerror = () => {
      if (stream.readyState === EventSource.CLOSED) setTimeout(listenAgain, POLL_PAUSE); // it was refused
      look(); // tells whether the server is there, and whether we may still read
    };
    for (const kind of ["run_started", "run_ended", "instance", "torrent", "torrent_removed", "reset"])
      stream.addEventListener(kind, look);
  }

  function listenAgain() {
    if (stream?.readyState === EventSource.CLOSED) listen();
  }

  // A browser has few connections to a server, so a tab that nobody sees keeps none
  function onVisibility() {
    if (!document.hidden) {
      listen();
      look();
      return;
    }
    stream?.close();
    stream = null;
    planLook(HIDDEN_PAUSE);
  }

  // --- looking ---

  function look() {
    if (isLooking) isLookDue = true;
    else planLook(lastLook + Math.max(MIN_PAUSE, LOAD_FACTOR * lookDuration) - Date.now());
  }

  function planLook(pause) {
    const due = Date.now() + Math.max(50, pause);
    if (nextLook && nextLook.due <= due) return;
    clearTimeout(nextLook?.timer);
    nextLook = { due, timer: setTimeout(fetchPage, due - Date.now()) };
  }

  async function fetchPage() {
    const began = Date.now();
    [isLooking, isLookDue, nextLook] = [true, false, null];
    try {
      const options = { cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(TIMEOUT) };
      const response = await fetch(location.href, options);
      const arrival = Date.now();
      if (response.status === 401 || response.type === "opaqueredirect") return location.reload(); // to sign in
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      isAnswered = page.querySelector("main[data-live]") !== null; // or it is a proxy that answers
      if (isAnswered) {
        lastAnswer = arrival;
        takeOver(page, arrival);
        if (stream?.readyState === EventSource.CONNECTING) listen(); // the server is back: now, not in some seconds
      }
    } catch {
      isAnswered = false;
    }
    isLooking = false;
    lastLook = Date.now();
    lookDuration = lastLook - began;
    showConnection();
    if (isLookDue) look();
    planLook(choosePause());
  }

  function choosePause() {
    if (!isAnswered) return RETRY_PAUSE;
    if (document.hidden) return HIDDEN_PAUSE;
    if (document.querySelector("[data-passing]")) return PASSING_PAUSE;
    return isListening() ? IDLE_PAUSE : POLL_PAUSE;
  }

  // --- taking over what has changed ---

  function takeOver(page, arrival) {
    const getVersion = root => root.querySelector("link[rel=stylesheet]").getAttribute("href");
    if (getVersion(document) !== getVersion(page) && !isBusy()) return location.reload(); // another version of the program
    enhance.document(page, arrival);
    document.title = page.title;
    const [icon, newIcon] = [document, page].map(root => root.querySelector("link[rel=icon]"));
    if (icon.getAttribute("href") !== newIcon.getAttribute("href")) icon.replaceWith(document.importNode(newIcon, true));
    const focused = document.activeElement;
    for (const part of document.querySelectorAll("[data-live]")) {
      const newPart = part.parentElement?.closest("[data-live]") ? null : page.getElementById(part.id);
      if (newPart) morph(part, newPart);
    }
    if (focused.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
  }

  // Somebody has typed something that a reload would lose
  function isBusy() {
    return [...document.querySelectorAll("input, textarea")].some(field => field.value !== field.defaultValue);
  }

  function morph(element, wanted) {
    if (element.isEqualNode(wanted) || element.matches?.("button.copy")) return; // the button says "Copied" for a moment
    if (element.nodeType !== Node.ELEMENT_NODE) {
      element.nodeValue = wanted.nodeValue;
      return;
    }
    for (const { name, value } of wanted.attributes)
      if (element.getAttribute(name) !== value && name !== "open") element.setAttribute(name, value);
    for (const { name } of [...element.attributes])
      if (!wanted.hasAttribute(name) && name !== "open") element.removeAttribute(name);
    morphChildren(element, wanted);
  }

  // Children with an id are the same ones wherever they are; the others are the same if they are of a kind, in order
  function morphChildren(element, wanted) {
    const known = new Map([...element.children].filter(child => child.id).map(child => [child.id, child]));
    const wantedIds = new Set([...wanted.children].map(child => child.id).filter(Boolean));
    let next = element.firstChild;
    for (const wantedChild of wanted.childNodes) {
      while (next && next.id && !wantedIds.has(next.id)) next = removeAndGetNext(next);
      const isSame = next && !next.id && next.nodeName === wantedChild.nodeName;
      const child = wantedChild.id ? known.get(wantedChild.id) : isSame ? next : undefined;
      if (!child || child.nodeName !== wantedChild.nodeName) {
        element.insertBefore(document.importNode(wantedChild, true), next);
        continue;
      }
      if (child === next) next = next.nextSibling;
      else if (element.moveBefore) element.moveBefore(child, next);
      else element.insertBefore(child, next);
      morph(child, wantedChild);
    }
    while (next) next = removeAndGetNext(next);
  }

  function removeAndGetNext(node) {
    const next = node.nextSibling;
    node.remove();
    return next;
  }

  document.addEventListener("visibilitychange", onVisibility);
  addEventListener("pageshow", event => event.persisted && look()); // it comes back as it was
  addEventListener("online", look);
  addEventListener("offline", look);
  setInterval(showConnection, SECOND);
  onVisibility();
})();
