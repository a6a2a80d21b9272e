"use strict";
// Draws lineages that unfold, and keeps a live page up to date. Texts are set as text only.
(() => {
  const STYLES = 7, FIRST = 12, HALF = 22, ROW = 44;
  const views = new Map();

  function element(tag, attributes, ...children) {
    const svg = ["svg", "path", "line", "circle"].includes(tag);
    const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value);
    made.append(...children.filter((child) => child !== null));
    return made;
  }

  // ---- lineages: one row per candidate, the children above their parents

  function start(host) {
    const data = JSON.parse(document.getElementById(host.dataset.of).textContent);
    const known = new Map(data.ancestors.map((one) => [one.id, one]));
    const operators = [...new Set(data.ancestors.map((one) => one.operator))];
    const old = views.get(host.dataset.of);
    const view = { host, data, known, operators, open: old ? old.open : new Set(), shown: old ? old.shown : new Map() };
    const line = data.line.slice(0, FIRST);
    line.forEach((id, place) => {
      if (view.shown.has(id)) return;
      const parents = known.get(id).parents;
      const all = place === 0 && parents.length <= 4;
      view.shown.set(id, all ? parents.length : place + 1 < line.length ? 1 : 0);
    });
    views.set(host.dataset.of, view);
    draw(view);
  }

  function parentsOf(view, id) {
    const parents = view.known.get(id).parents;
    return parents.slice(0, view.shown.get(id) || 0).filter((one) => view.known.has(one));
  }

  function visible(view) {
    const found = new Set([view.data.root]);
    for (const id of found) for (const parent of parentsOf(view, id)) found.add(parent);
    return [...found].sort((one, other) => other - one);  // a child is younger than its parents
  }

  function lanesOf(view) {
    const lanes = [];
    const free = () => { const place = lanes.indexOf(null); return place < 0 ? lanes.length : place; };
    return visible(view).map((id) => {
      const arriving = lanes.flatMap((goal, lane) => (goal === id ? [lane] : []));
      const own = arriving.length ? arriving[0] : free();
      arriving.forEach((lane) => { lanes[lane] = null; });
      const passing = lanes.flatMap((goal, lane) => (goal === null ? [] : [lane]));
      if (own === lanes.length) lanes.push(null);
      let mine = true;
      const leaving = parentsOf(view, id).map((parent) => {
        let lane = lanes.indexOf(parent);
        if (lane < 0) lane = mine ? own : free();
        if (lane === own) mine = false;
        lanes[lane] = parent;
        return lane;
      });
      return { id, own, arriving, passing, leaving, width: lanes.length };
    });
  }

  function rails(view, row, pitch, width) {
    const x = (lane) => 8 + lane * pitch;
    const bend = (from, top, to, bottom) => {
      const middle = (top + bottom) / 2;
      return element("path", { d: `M${x(from)} ${top}C${x(from)} ${middle} ${x(to)} ${middle} ${x(to)} ${bottom}` });
    };
    const down = (lane, top) => element("line", { x1: x(lane), x2: x(lane), y1: top, y2: "100%" });
    const one = view.known.get(row.id);
    const style = `s${view.operators.indexOf(one.operator) % STYLES}${one.asked.length || view.data.texts[one.note] ? "" : " plain"}`;
    return element("svg", { class: "rails", width, "aria-hidden": "true" },
      ...row.passing.map((lane) => down(lane, -1)),
      ...row.arriving.map((lane) => bend(lane, 0, row.own, HALF)),
      ...row.leaving.flatMap((lane) => [bend(row.own, HALF, lane, ROW), down(lane, ROW)]),
      element("circle", { cx: x(row.own), cy: HALF, r: 5.5, class: style }));
  }

  function draw(view) {
    const rows = lanesOf(view);
    const lanes = Math.max(...rows.map((row) => row.width));
    const pitch = Math.min(16, Math.max(4, (view.host.clientWidth < 500 ? 70 : 160) / lanes));
    const width = Math.ceil(16 + (lanes - 1) * pitch);
    const text = (number) => view.data.texts[number];
    const used = [...new Set(rows.map((row) => view.known.get(row.id).operator))];
    const legend = used.map((operator) => element("li", {},
      element("svg", { class: "rails", width: 14, height: 14 },
        element("circle", { cx: 7, cy: 7, r: 5, class: `s${view.operators.indexOf(operator) % STYLES}` })),
      text(operator)));
    view.host.replaceChildren(
      element("p", { class: "note" }, "The youngest candidate is on top, and lines lead to its parents. A filled dot marks one made from ",
        "a model's answer, \u201cbetter\u201d one that is better than all its parents. Select a candidate to see its genome, prompt ",
        "and answer. Arrow keys: up and down move, right unfolds the parents, left folds them."),
      element("ul", { class: "operators" }, ...legend),
      element("ol", {}, ...rows.map((row) => rowOf(view, row, pitch, width))));
  }

  function rowOf(view, row, pitch, width) {
    const words = told(view, row.id);
    words.style.marginLeft = `${width}px`;
    return element("li", {}, rails(view, row, pitch, width), words);
  }

  function told(view, id) {
    const one = view.known.get(id), text = (number) => view.data.texts[number];
    const hidden = one.parents.length - parentsOf(view, id).length;
    const absent = one.parents.filter((parent) => !view.known.has(parent)).length;
    const open = view.open.has(id), name = `${view.host.dataset.of}-${id}`;
    const who = element("button", { type: "button", class: "who", "data-id": id, "aria-expanded": open, "aria-controls": name },
      element("b", {}, one.value),
      element("small", {}, text(one.operator)),
      one.better ? element("small", { class: "better" }, "better") : null,
      text(one.error) ? element("small", { class: "failed" }, "failed") : null,
      element("small", {}, `step ${one.step}`), element("small", {}, `candidate ${id}`));
    who.addEventListener("click", () => { toggle(view.open, id); again(view, id, "who"); });
    who.addEventListener("keydown", (event) => key(view, id, event));
    const foldable = hidden > absent || (view.shown.get(id) || 0) > 0;
    const more = !foldable ? null : element("button", { type: "button", class: "more", "data-id": id,
      "aria-label": `${hidden > absent ? "unfold" : "fold"} the parents of candidate ${id}` },
      hidden > absent ? `+${hidden - absent} ${hidden - absent === 1 ? "parent" : "parents"}` : "fold");
    if (more) more.addEventListener("click", () => { unfold(view, id, hidden > absent); again(view, id, "more"); });
    return element("div", { class: "told" }, element("div", { class: "bar-of-row" }, who, more),
      element("div", { id: name, class: "detail", ...(open ? {} : { hidden: "" }) }, ...(open ? detail(view, one, absent) : [])));
  }

  function detail(view, one, absent) {
    const text = (number) => view.data.texts[number];
    const part = (title, words) => [element("h3", {}, title), element("pre", { dir: "auto" }, words)];
    const parts = part("Genome", text(one.genome));
    if (text(one.error)) parts.push(element("p", { class: "bad" }, text(one.error)));
    one.asked.forEach(([prompt, answer, error, facts], place) => {
      const number = one.asked.length > 1 ? ` ${place + 1}` : "";
      parts.push(...part(`Prompt${number}`, text(prompt)), ...part(`Answer${number}`, text(answer)));
      if (text(error)) parts.push(element("p", { class: "bad" }, text(error)));
      parts.push(element("p", { class: "note" }, text(facts)));
    });
    if (text(one.note)) parts.push(element("p", { class: "note" }, text(one.note)));
    if (one.parents.length) parts.push(element("p", { class: "note" }, `Parents: ${one.parents.join(", ")}`));
    if (absent) parts.push(element("p", { class: "note" }, `${absent} of them are not on this page.`));
    return parts;
  }

  function toggle(set, item) { if (!set.delete(item)) set.add(item); }

  function unfold(view, id, all) { view.shown.set(id, all ? view.known.get(id).parents.length : 0); }

  function again(view, id, button) {
    draw(view);
    const found = view.host.querySelector(`.${button}[data-id="${id}"]`) || view.host.querySelector(`.who[data-id="${id}"]`);
    if (found) found.focus({ preventScroll: true });
  }

  function key(view, id, event) {
    const all = [...view.host.querySelectorAll(".who")];
    const place = all.findIndex((one) => one.dataset.id === String(id));
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step && all[place + step]) all[place + step].focus();
    else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      unfold(view, id, event.key === "ArrowRight");
      again(view, id, "who");
    } else return;
    event.preventDefault();
  }

  // ---- the live page: sections that changed are replaced, what was unfolded stays so

  const base = location.pathname.replace(/\/*$/, "/");
  let served = new Map();

  function sections(of) { return new Map([...of.querySelectorAll("main > section")].map((one) => [one.id, one])); }

  function adopt(page) {
    const main = document.querySelector("main");
    const fresh = sections(page), now = new Map([...fresh].map(([id, one]) => [id, one.outerHTML]));
    const old = sections(document), active = document.activeElement;
    const focus = active && active.dataset.id ? [active.className, active.dataset.id] : null;
    for (const [id, one] of old) if (!fresh.has(id)) one.remove();
    for (const [id, one] of fresh) {
      const before = old.get(id);
      if (before && served.get(id) === now.get(id)) { main.append(before); continue; }
      const made = document.importNode(one, true);
      if (before) {
        const was = [...before.querySelectorAll("details")];
        made.querySelectorAll("details").forEach((one, place) => { one.open = Boolean(was[place] && was[place].open); });
        before.remove();
      }
      main.append(made);
      made.querySelectorAll(".lineage").forEach(start);
    }
    served = now;
    for (const place of ["h1", "#state", "#contents"]) {
      const [was, is] = [document.querySelector(place), page.querySelector(place)];
      if (was && is && was.textContent !== is.textContent) was.replaceChildren(...document.importNode(is, true).childNodes);
      else if (!was && is) document.querySelector("header").append(document.importNode(is, true));
    }
    document.title = page.title;
    if (focus) {
      const found = document.querySelector(`.${focus[0]}[data-id="${focus[1]}"]`);
      if (found) found.focus({ preventScroll: true });
    }
  }

  async function look() {
    let wait = 1500;
    try {
      const asked = await fetch(`${base}state`, { cache: "no-store" });
      const news = await asked.json();
      document.getElementById("state").textContent = news.state;
      if (asked.ok && news.version !== document.body.dataset.version && !document.hidden) {
        const began = performance.now();
        const got = await fetch(base, { cache: "no-store" });
        const page = new DOMParser().parseFromString(await got.text(), "text/html");
        if (got.ok) {
          const [x, y] = [window.scrollX, window.scrollY];
          adopt(page);
          window.scrollTo(x, y);
          document.body.dataset.version = page.body.dataset.version;
        }
        wait = Math.max(wait, 4 * (performance.now() - began));
      }
    } catch {
      document.getElementById("state").textContent = "This page is no longer served: what you see is its last state.";
      wait = 5000;
    }
    setTimeout(look, wait);
  }

  if (document.body.dataset.version !== undefined) {
    served = new Map([...sections(document)].map(([id, one]) => [id, one.outerHTML]));
    setTimeout(look, 1000);
  }
  document.querySelectorAll(".lineage").forEach(start);
})();
