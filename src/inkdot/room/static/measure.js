// Measures which pages of the document are in sight and in use, and tells the server every few seconds.
//
// A quarter of a second is shared among the pages in sight by the area each has. It counts only while the window is
// visible and something was touched not long ago. What is sent are counters from the start on, so a lost message is made
// good by the next. Nothing is stored in this browser, and nothing is sent if the reader declined.
"use strict";
(() => {
  const { session, idle, measure } = document.body.dataset;
  if (measure !== "on") return;
  const TICK = 250, BEAT = 5000, VISIT = 1000, PAUSE = 600000, IDLE = Number(idle) * 1000;
  const inSight = new Set();
  const pages = new Map(); // page -> [seconds, visits, seconds from the start to when each of the last visits began]
  const told = new Map(); // page -> what the server has confirmed
  const start = performance.now();
  let last = start, touched = start, visited = 0, candidate = 0, candidateFor = 0, stopped = false, sending = false, moved = false, begun = false;
  let shown = document.visibilityState === "visible", areas = [];

  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) inSight.add(target);
      else inSight.delete(target);
    }
    settle();
  });
  for (const page of document.querySelectorAll(".page")) observer.observe(page);
  document.addEventListener("load", settle, true); // of pictures: no window hears of them

  // Two windows with the document: only the one that was touched last counts.
  const others = "BroadcastChannel" in window ? new BroadcastChannel("inkdot-reading") : null;
  if (others) others.onmessage = () => { settle(); touched = -Infinity; };

  function touch(event) {
    moved ||= event.isTrusted && event.type !== "focus"; // not by a script of this page
    const now = performance.now();
    settle();
    if (now - touched > PAUSE) visited = 0; // coming back after a long pause is a new visit to the page
    if (others && now - touched > TICK) others.postMessage(0);
    touched = now;
  }
  for (const name of ["scroll", "wheel", "pointermove", "pointerdown", "keydown", "touchstart", "touchmove", "focus"]) {
    addEventListener(name, touch, { passive: true, capture: true });
  }

  function counter(page) {
    if (!pages.has(page)) pages.set(page, [0, 0, []]);
    return pages.get(page);
  }

  // Credits the time since the last call to what was in sight until now. A step far longer than a tick means that the
  // machine slept: one tick counts.
  function settle() {
    const now = performance.now();
    const began = last;
    let passed = now - began;
    last = now;
    if (passed > 8 * TICK) passed = TICK;
    const used = Math.min(passed, touched + IDLE - began);
    if (used > 0 && shown) credit(used, now);
    shown = document.visibilityState === "visible";
    // It begins when there is something to be read.
    begun ||= [...inSight].some((page) => page.firstElementChild.naturalWidth);
    areas = begun ? look() : [];
  }

  function look() {
    const top = document.querySelector(".bar").getBoundingClientRect().bottom;
    const seen = [];
    for (const target of inSight) {
      const box = target.getBoundingClientRect();
      const high = Math.min(box.bottom, innerHeight) - Math.max(box.top, top);
      const wide = Math.min(box.right, innerWidth) - Math.max(box.left, 0);
      if (high > 0 && wide > 0) seen.push([Number(target.dataset.page), high * wide]);
    }
    return seen;
  }

  function credit(used, now) {
    let whole = 0, most = 0, major = 0;
    for (const [page, area] of areas) {
      whole += area;
      if (area > most) [most, major] = [area, page];
    }
    for (const [page, area] of areas) counter(page)[0] += (used / 1000) * (area / whole);
    if (!major) return;
    if (major !== candidate) [candidate, candidateFor] = [major, 0];
    candidateFor += used;
    if (candidate !== visited && candidateFor >= VISIT) {
      visited = candidate;
      const row = counter(visited);
      row[1] += 1;
      row[2] = [...row[2], Math.round((now - start - candidateFor) / 100) / 10].slice(-20);
    }
  }

  function news() {
    const rows = [];
    for (const [page, [seconds, visits, began]] of pages) {
      const row = [page, Math.round(seconds * 100) / 100, visits, began];
      const known = told.get(page);
      if (!known || known[1] !== row[1] || known[2] !== row[2]) rows.push(row);
    }
    return rows;
  }

  const enough = () => [...pages.values()].reduce((sum, row) => sum + row[0], 0) >= 1;
  const message = (rows) => JSON.stringify({ session, moved, pages: rows });

  async function beat() {
    settle();
    const rows = news();
    if (stopped || sending || !rows.length || !enough()) return;
    sending = true;
    try {
      const answer = await fetch("beat", { method: "POST", body: message(rows), keepalive: true });
      if (answer.status === 204) for (const row of rows) told.set(row[0], row);
      else if (answer.ok || answer.status === 403 || answer.status === 404 || answer.status === 410) stopped = true;
    } catch {
      // Offline for a while: the next one tells all of it.
    }
    sending = false;
  }

  function leave() {
    settle();
    const rows = news();
    if (!stopped && rows.length && enough()) navigator.sendBeacon("beat", message(rows));
  }

  setInterval(settle, TICK);
  setInterval(beat, BEAT);
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") leave(); else settle(); });
  addEventListener("pagehide", leave);
})();
