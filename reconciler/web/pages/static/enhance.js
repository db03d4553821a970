// Ages that grow, local times beside UTC, and buttons that copy. Without scripts a page has none of these, and works.
"use strict";

const enhance = (() => {
  const SECOND = 1000, MINUTE = 60, HOUR = 3600, DAY = 86400; // the first in milliseconds, the others in seconds
  let clockOffset = 0; // milliseconds by which the server's clock is ahead of this one

  function roundHalfEven(value) {
    const floor = Math.floor(value);
    return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
  }

  // The words of the server, for up to two weeks. null: longer, and the server's text stays
  function describeSpan(seconds) {
    const say = (count, unit, single) => (count === 1 ? single : `${count} ${unit}s`);
    if (seconds < MINUTE) return say(seconds, "second", "a second");
    if (seconds < HOUR) {
      const minutes = roundHalfEven(seconds / MINUTE);
      return minutes === 60 ? "an hour" : say(minutes, "minute", "a minute");
    }
    if (seconds < DAY) {
      const hours = roundHalfEven(seconds / HOUR);
      return hours === 24 ? "a day" : say(hours, "hour", "an hour");
    }
    return seconds < 15 * DAY ? say(Math.floor(seconds / DAY), "day", "a day") : null;
  }

  // `kind` is "until" for a time to come, "for" for what has lasted since then, and "" for an age
  function describeAge(time, now, kind) {
    const seconds = Math.floor((kind === "until" ? time - now : now - time) / SECOND);
    if (seconds < 1) return { until: "now", for: "for a moment" }[kind] ?? "just now";
    const span = describeSpan(seconds);
    return span && ({ until: `in ${span}`, for: `for ${span}` }[kind] ?? `${span} ago`);
  }

  // The local time, with its date if that is another one than in UTC; nothing where local time is UTC
  function describeLocal(time) {
    if (time.getTimezoneOffset() === 0) return "";
    const local = writeLocal(time);
    const [date, clock] = [local.slice(0, 10), local.slice(11, 19)];
    return `${date === time.toISOString().slice(0, 10) ? "" : date + " "}${clock} ${nameZone(time)}`;
  }

  // `2026-01-31T18:00:00.000`, as in the zone of this browser
  function writeLocal(time) {
    return new Date(time.getTime() - time.getTimezoneOffset() * MINUTE * SECOND).toISOString().slice(0, -1);
  }

  // `CET` or `GMT+1`
  function nameZone(time) {
    const parts = new Intl.DateTimeFormat("en", { timeZoneName: "short" }).formatToParts(time);
    return parts.find(part => part.type === "timeZoneName").value;
  }

  function setText(element, text) {
    if (element.textContent === text) return;
    if (element.firstChild?.nodeType === Node.TEXT_NODE) element.firstChild.data = text; // a selection around it stays
    else element.textContent = text;
  }

  function updateAges(root) {
    const now = Date.now() + clockOffset;
    for (const element of root.querySelectorAll("time[data-age]")) {
      const text = describeAge(Date.parse(element.dateTime), now, element.dataset.age);
      if (text) setText(element, text);
    }
  }

  function addLocalTimes(root) {
    for (const element of root.querySelectorAll("time[datetime]")) {
      const local = describeLocal(new Date(element.dateTime));
      if (!local) continue;
      if (element.title) element.title += ` · ${local}`;
      if ("moment" in element.dataset) element.textContent += ` · ${local}`;
    }
  }

  function addCopyButtons(root) {
    for (const element of root.querySelectorAll("[data-copy]")) {
      const button = root.createElement("button");
      button.type = "button";
      button.className = "button quiet copy";
      button.textContent = element.dataset.copy || "Copy";
      element.after(button);
    }
  }

  // Let the times of a form be typed as local ones: without scripts they are in UTC. They are sent with their zone.
  function useLocalTimes() {
    for (const field of document.querySelectorAll("input[data-utc]")) {
      const [zone, other] = [document.querySelector(`[data-zone-of=${field.id}]`), document.getElementById(`${field.id}-other`)];
      const readTime = () => (field.value ? new Date(field.value) : null); // a time without a zone is a local one
      const show = () => {
        const time = readTime();
        zone.textContent = nameZone(time ?? new Date());
        const utc = time?.toISOString().slice(0, 16).replace("T", " ");
        other.value = utc && time.getTimezoneOffset() !== 0 ? `That is ${utc} UTC.` : "";
      };
      if (field.value) field.value = writeLocal(new Date(`${field.value}Z`)).slice(0, 16);
      field.addEventListener("input", show);
      addEventListener("pageshow", show); // with what the browser has filled in again
      field.form.addEventListener("formdata", event => {
        const time = readTime();
        if (time) event.formData.set(field.name, time.toISOString().slice(0, 16) + "Z");
      });
    }
  }

  // A page that is not served by https, nor from this machine, has no clipboard of the newer kind
  async function copyText(element) {
    if (navigator.clipboard) return navigator.clipboard.writeText(element.textContent);
    getSelection().selectAllChildren(element);
    if (!document.execCommand("copy")) throw new Error("the browser does not copy");
  }

  async function onClick(event) {
    const button = event.target.closest?.("button.copy");
    if (!button) return;
    const label = button.textContent;
    try {
      await copyText(button.previousElementSibling);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not copied: select the text";
    }
    setTimeout(() => (button.textContent = label), 2 * SECOND);
  }

  // Add to a document what scripts add to pages. `arrival`: milliseconds, by this clock
  function enhanceDocument(root, arrival) {
    const served = Date.parse(root.querySelector("#page-time time")?.dateTime);
    const offset = served - arrival;
    if (!Number.isNaN(offset)) clockOffset = Math.abs(offset) < 2 * SECOND ? 0 : offset;
    root.querySelectorAll("body noscript").forEach(element => element.remove());
    addLocalTimes(root);
    addCopyButtons(root);
    updateAges(root);
  }

  const [navigation] = performance.getEntriesByType("navigation");
  enhanceDocument(document, performance.timeOrigin + (navigation?.responseStart ?? 0));
  useLocalTimes();
  document.addEventListener("click", onClick);
  setInterval(() => document.hidden || updateAges(document), SECOND);
  return { document: enhanceDocument, describeAge };
})();
