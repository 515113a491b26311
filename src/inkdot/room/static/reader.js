// The reader's tools: page number, zoom, search, keys, and the text that lies over each picture.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const sections = [...document.querySelectorAll(".page")];
  const bar = document.querySelector(".bar");
  const number = $("number");
  let zoom = 0; // 0 fits the window, else the page's width in CSS pixels

  // -- where we are

  const middle = () => (bar.getBoundingClientRect().bottom + innerHeight) / 2;
  function current() {
    const line = middle();
    return (sections.find((s) => s.getBoundingClientRect().bottom >= line) || sections[sections.length - 1]);
  }
  function go(page) {
    const target = sections[Math.max(1, Math.min(sections.length, page)) - 1];
    scrollTo({ top: target.getBoundingClientRect().top + scrollY - bar.offsetHeight - 8 });
  }
  let due = false;
  addEventListener("scroll", () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      if (document.activeElement !== number) number.value = current().dataset.page;
    });
  }, { passive: true });
  $("go").addEventListener("submit", (event) => {
    event.preventDefault();
    go(parseInt(number.value, 10) || 1);
    number.blur();
  });
  number.addEventListener("focus", () => number.select());

  // -- zoom

  const width = () => sections[0].getBoundingClientRect().width;
  function resize(pixels) {
    const here = current(), top = here.getBoundingClientRect().top / Math.max(1, here.offsetHeight);
    zoom = pixels ? Math.max(200, Math.min(3000, Math.round(pixels))) : 0;
    document.documentElement.style.setProperty("--wide", zoom ? `${zoom}px` : "");
    document.body.classList.toggle("zoomed", zoom > 0);
    for (const section of sections) section.firstElementChild.sizes = zoom ? `${zoom}px` : "(max-width: 920px) 100vw, 880px";
    scrollBy({ top: here.getBoundingClientRect().top - top * here.offsetHeight });
    $("size").value = zoom ? `${Math.round((zoom / 880) * 100)} %` : "Fit";
  }
  $("size").value = "Fit";
  $("larger").addEventListener("click", () => resize(width() * 1.2));
  $("smaller").addEventListener("click", () => resize(width() / 1.2));
  $("fit").addEventListener("click", () => resize(0));

  // -- the text over a page, for screen readers, for search and, where the sender allows it, to be copied

  const ruler = document.createElement("canvas").getContext("2d");
  ruler.font = "100px sans-serif";
  const texts = new Map(); // page -> promise of its layer
  function layer(section) {
    const page = section.dataset.page;
    if (!texts.has(page)) texts.set(page, fetch(`lines/${page}`).then((answer) => answer.json()).then(({ lines }) => overlay(section, lines), () => texts.delete(page)));
    return texts.get(page);
  }
  function overlay(section, lines) {
    const image = section.firstElementChild;
    const ratio = image.height ? image.getAttribute("height") / image.getAttribute("width") : 1;
    const over = document.createElement("div");
    over.className = "text";
    for (const [x, y, wide, high, text] of lines) {
      const line = document.createElement("span");
      line.textContent = text;
      const size = high * ratio / 10; // in hundredths of the page's width
      const natural = ruler.measureText(text).width / 100 * size;
      line.style.left = `${x / 10}%`;
      line.style.top = `${y / 10}%`;
      line.style.fontSize = `${size}cqw`;
      if (natural) line.style.transform = `scaleX(${wide / 10 / natural})`;
      over.append(line, " ");
    }
    if (!lines.length) section.firstElementChild.alt = `Page ${section.dataset.page}: a picture without text`;
    section.append(over);
    mark(section);
    return over;
  }
  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) if (isIntersecting) layer(target);
  }, { rootMargin: "50%" });
  for (const section of sections) near.observe(section);

  // -- search

  const words = $("words"), found = $("found"), next = $("next"), previous = $("previous");
  let wanted = "", finds = [], at = -1;
  function mark(section) {
    for (const line of section.querySelectorAll(".text span")) {
      const text = line.textContent, place = wanted ? text.toLowerCase().indexOf(wanted) : -1;
      if (place < 0) { if (line.firstElementChild) line.textContent = text; continue; }
      const hit = document.createElement("mark");
      hit.textContent = text.slice(place, place + wanted.length);
      line.replaceChildren(text.slice(0, place), hit, text.slice(place + wanted.length));
    }
  }
  async function search() {
    const said = words.value.trim().replace(/\s+/g, " ").toLowerCase();
    if (said === wanted) return;
    wanted = said;
    at = -1;
    finds = wanted ? (await (await fetch(`search?q=${encodeURIComponent(wanted)}`)).json()).found : [];
    if (said !== wanted) return;
    for (const section of sections) mark(section);
    next.hidden = previous.hidden = !finds.length;
    found.value = !wanted ? "" : finds.length ? `on ${finds.length} ${finds.length === 1 ? "page" : "pages"}` : "not found";
  }
  async function find(step) {
    await search();
    if (!finds.length) return;
    if (at < 0) {
      const here = Number(current().dataset.page);
      const later = finds.findIndex((f) => f.page >= here);
      at = step > 0 ? (later < 0 ? 0 : later) : (later <= 0 ? finds.length - 1 : later - 1);
    } else at = (at + step + finds.length) % finds.length;
    const section = sections[finds[at].page - 1];
    found.value = `page ${finds[at].page}, ${at + 1} of ${finds.length}`;
    go(finds[at].page);
    await layer(section);
    const hit = section.querySelector("mark");
    if (hit) scrollBy({ top: hit.getBoundingClientRect().top - middle() });
  }
  let typing;
  words.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(search, 250); });
  $("search").addEventListener("submit", (event) => { event.preventDefault(); find(1); });
  previous.addEventListener("click", () => find(-1));

  // -- keys

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const here = Number(current().dataset.page);
    const does = {
      "/": () => words.focus(), "+": () => resize(width() * 1.2), "-": () => resize(width() / 1.2), "0": () => resize(0),
      "ArrowRight": () => go(here + 1), "n": () => go(here + 1), "ArrowLeft": () => go(here - 1), "p": () => go(here - 1),
      "g": () => number.focus(),
    }[event.key];
    if (does) { event.preventDefault(); does(); }
  });

  // -- the notice stays until it was answered or put away

  const fine = $("fine");
  if (fine) {
    fine.hidden = false;
    fine.addEventListener("click", () => { $("notice").hidden = true; });
  }
  if (document.body.classList.contains("locked")) addEventListener("contextmenu", (event) => {
    if (event.target.closest(".page")) event.preventDefault();
  });
})();
