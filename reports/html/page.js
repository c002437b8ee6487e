"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const el = (tag, attrs = {}, ...kids) => {
    const e = document.createElement(tag);
    for (const [k, v] of Object.entries(attrs)) if (v !== null && v !== undefined) k === "class" ? (e.className = v) : e.setAttribute(k, v);
    e.append(...kids.filter((k) => k !== null && k !== undefined));
    return e;
  };
  const number = (n) => n.toLocaleString("en").replace(/,/g, "\u202f");
  const plural = (n, one, many) => number(n) + " " + (n === 1 ? one : many);

  // Colours: as the system has them, light, dark. A page of a file may have no storage.
  const themes = ["", "light", "dark"], said = ["as the system has them", "light", "dark"], looks = ["◐", "☀", "☾"];
  const stored = () => { try { return localStorage.getItem("xtest-theme") || ""; } catch { return ""; } };
  const theme = (t) => {
    const i = Math.max(themes.indexOf(t), 0);
    if (i) document.documentElement.dataset.theme = t; else delete document.documentElement.dataset.theme;
    $("theme").setAttribute("aria-label", "Colours: " + said[i]);
    $("theme").firstElementChild.textContent = looks[i];
    try { localStorage.setItem("xtest-theme", t); } catch { /* it is not kept */ }
  };
  theme(stored());
  $("theme").addEventListener("click", () => theme(themes[(themes.indexOf(document.documentElement.dataset.theme || "") + 1) % 3]));

  // A table with a box that finds rows.
  for (const input of document.querySelectorAll("[data-filter]")) {
    const rows = [...$(input.dataset.filter).tBodies[0].rows].map((r) => [r, r.textContent.toLowerCase()]);
    input.addEventListener("input", () => { const q = input.value.toLowerCase(); for (const [r, t] of rows) r.hidden = !t.includes(q); });
  }

  const D = $("data") ? JSON.parse($("data").textContent) : { rows: [] }, T = D.texts;
  if (!D.rows.length || !$("grid")) { performance.mark("ready"); document.documentElement.dataset.ready = "1"; return; }
  const words = { p: "pass", f: "FAIL", k: "known", b: "BROKEN", n: "n/a", o: "not run", ".": "·" };
  const spoken = { p: "pass", f: "fail", k: "known failure", b: "broken", n: "not applicable", o: "not run", ".": "not in this run" };
  const ID = 0, SUITE = 1, DOC = 2, CLAUSE = 3, LEVEL = 4, VERDICTS = 5, RANK = 6, FLAG = 7, NEW = 8, SEEN = 9, AGREED = 3, BARE = -1;
  const columns = D.columns, wide = columns.length;
  const bad = (r) => /[fb]/.test(r[VERDICTS]);

  const kinds = [
    ["d", "differ", (v, r) => r[RANK] !== AGREED], ["f", "fail", (v) => v.includes("f")], ["b", "broken", (v) => v.includes("b")],
    ["k", "known", (v) => v.includes("k")], ["w", "new answers", (v, r) => r[NEW] !== 0], ["o", "not run", (v) => v.includes("o")],
    ["n", "n/a", (v) => v.includes("n")], ["p", "pass", (v) => v.includes("p")],
  ];
  const state = { q: "", v: "", suite: "", target: "", group: "clause", s: "" };
  const closed = new Set();
  let lines = [], shown = 0, at = -1, texts = null;

  // What a row is searched in, made when it is first searched.
  const text = (i) => {
    if (!texts) {
      texts = D.rows.map((r) => {
        const all = [r[ID], T[r[CLAUSE]], D.suites[r[SUITE]]];
        if (Array.isArray(r[SEEN])) for (const o of r[SEEN]) for (const t of o.slice(1, 9)) if (t) all.push(T[t]);
        return all.join("\n").toLowerCase();
      });
    }
    return texts[i];
  };

  const matching = (r, i) => {
    const col = state.target === "" ? -1 : +state.target;
    const v = col < 0 ? r[VERDICTS] : r[VERDICTS][col];
    if (col >= 0 && v === ".") return false;
    if (state.suite !== "" && r[SUITE] !== +state.suite) return false;
    if (state.v && !kinds.some(([k, , is]) => state.v.includes(k) && is(v, r))) return false;
    return !state.q || state.q.toLowerCase().split(/\s+/).every((w) => text(i).includes(w));
  };

  const parts = wide > 1 ? ["Differ between targets", "Fail or are broken on all", "Agree"] : ["Fail or are broken", "", "The rest"];
  const partOf = (r) => (wide > 1 ? (r[RANK] !== AGREED ? 0 : bad(r) ? 1 : 2) : bad(r) ? 0 : 2);
  const groupOf = (r) => state.group === "clause" ? D.suites[r[SUITE]] + " · " + T[r[DOC]] : D.suites[r[SUITE]] + " · " + (r[ID].includes("/") ? r[ID].slice(0, r[ID].indexOf("/")) : r[ID]);

  // The lines of the grid: parts, groups within them, specs.
  const arrange = () => {
    const tree = [new Map(), new Map(), new Map()];
    shown = 0;
    D.rows.forEach((r, i) => {
      if (!matching(r, i)) return;
      shown++;
      const g = state.group ? groupOf(r) : "", m = tree[partOf(r)];
      if (!m.has(g)) m.set(g, []);
      m.get(g).push(i);
    });
    lines = [];
    tree.forEach((m, p) => {
      if (!m.size) return;
      const n = [...m.values()].reduce((a, l) => a + l.length, 0), key = "part " + p;
      lines.push({ part: parts[p], n, key, level: 1 });
      if (closed.has(key)) return;
      for (const [g, list] of m) {
        const k = key + " " + g;
        if (g) { lines.push({ group: g, n: list.length, key: k, level: 2, rows: list }); if (closed.has(k)) continue; }
        for (const i of list) lines.push({ i, level: 3 });
      }
    });
  };

  const grid = $("grid"), rowHeight = 30, headHeight = 44;
  const space = el("div", { class: "space", role: "presentation" }), head = el("div", { class: "r head", role: "row", "aria-rowindex": "1" });
  const template = `minmax(var(--name), 1fr) repeat(${wide}, var(--cell))`;
  head.style.gridTemplateColumns = template;
  head.append(el("div", { class: "id", role: "columnheader" }, "spec"));
  for (const c of columns) {
    const cut = c.name.indexOf(":");
    head.append(el("div", { role: "columnheader", title: (c.mark ? c.mark + " " : "") + c.name + "\n" + c.what }, el("span", {}, (c.mark ? c.mark + " " : "") + c.name.slice(0, cut + 1)), el("b", {}, c.name.slice(cut + 1))));
  }
  grid.append(head, space);
  grid.classList.toggle("many", wide > 12);
  head.style.minWidth = space.style.minWidth = `calc(var(--name) + ${wide} * var(--cell))`;

  const rowId = (n) => "r" + n;
  const draw = (line, n) => {
    const e = el("div", { class: "r", role: "row", id: rowId(n), "aria-rowindex": n + 2, "aria-level": line.level });
    e.style.top = n * rowHeight + "px";
    if (n === at) { e.classList.add("on"); e.setAttribute("aria-selected", "true"); }
    if (line.level < 3) {
      e.classList.add(line.part ? "part" : "sub");
      const shut = closed.has(line.key);
      e.setAttribute("aria-expanded", String(!shut));
      let tally = plural(line.n, "spec", "specs");
      if (line.rows) { const f = line.rows.filter((i) => D.rows[i][VERDICTS].includes("f")).length; if (f) tally += " · " + number(f) + " with a failure"; }
      e.append(el("div", { class: "id", role: "gridcell" }, el("span", { class: "tri", "aria-hidden": "true" }, shut ? "▸" : "▾"), line.part || line.group, el("em", {}, tally)));
      return e;
    }
    const r = D.rows[line.i];
    e.classList.add("spec");
    e.style.gridTemplateColumns = template;
    const id = el("div", { class: "id", role: "rowheader", title: r[ID] + "\n" + T[r[CLAUSE]] }, r[ID], el("i", {}, brief(r)));
    if (r[NEW]) id.prepend(el("span", { class: "tag", title: "answers that the expectations do not know" }, "new"), " ");
    e.append(id);
    for (let c = 0; c < wide; c++) {
      const v = r[VERDICTS][c];
      e.append(el("div", { class: "v " + (v === "." ? "none" : v), role: "gridcell", "aria-label": columns[c].name + ": " + spoken[v] }, words[v]));
    }
    return e;
  };

  // Below a group's heading a clause needs not name its document again.
  const brief = (r) => {
    const doc = T[r[DOC]], clause = T[r[CLAUSE]];
    if (state.group !== "clause" || !clause.startsWith(doc)) return clause;
    const rest = clause.slice(doc.length);
    return rest.startsWith(".") ? doc.slice(doc.lastIndexOf(" ") + 1) + rest : rest.replace(/^[\s:,]+/, "");
  };

  let first = -1, last = -1;
  const paint = (again) => {
    const from = Math.max(Math.floor(grid.scrollTop / rowHeight) - 8, 0), to = Math.min(Math.ceil((grid.scrollTop + grid.clientHeight) / rowHeight) + 8, lines.length);
    if (!again && from === first && to === last) return;
    first = from; last = to;
    const list = [];
    for (let n = from; n < to; n++) list.push(draw(lines[n], n));
    space.replaceChildren(...list);
  };

  const lay = () => {
    const on = lines[at] && (lines[at].key || lines[at].i);
    arrange();
    at = on === undefined ? -1 : lines.findIndex((l) => (l.key || l.i) === on);
    space.style.height = lines.length * rowHeight + "px";
    grid.setAttribute("aria-rowcount", lines.length + 1);
    grid.setAttribute("aria-colcount", wide + 1);
    grid.style.height = Math.min(lines.length * rowHeight + headHeight + 22, Math.max(innerHeight * 0.76, 320)) + "px";
    $("status").textContent = shown === D.rows.length ? plural(shown, "spec", "specs") + " on " + plural(wide, "target", "targets") : number(shown) + " of " + plural(D.rows.length, "spec", "specs");
    paint(true);
    point();
  };

  const point = () => { at >= 0 ? grid.setAttribute("aria-activedescendant", rowId(at)) : grid.removeAttribute("aria-activedescendant"); };
  const go = (n) => {
    if (!lines.length) return;
    at = Math.min(Math.max(n, 0), lines.length - 1);
    const top = at * rowHeight, view = grid.clientHeight - headHeight;
    if (top < grid.scrollTop) grid.scrollTop = top; else if (top + rowHeight > grid.scrollTop + view) grid.scrollTop = top + rowHeight - view;
    paint(true);
    point();
    if (!$("detail").hidden && lines[at].level === 3) detail(lines[at].i, false);
  };

  // Details of one spec.
  const fields = ["call", "got", "expected", "reason", "known", "notes", "items", "crash"];
  const shell = (r, c) => columns[c].again + " " + (r[FLAG] || "--spec " + r[ID]) + columns[c].flags;
  const seen = (r) => {
    const told = new Set(), list = [];
    if (Array.isArray(r[SEEN])) for (const o of r[SEEN]) { o[0].forEach((c) => told.add(c)); list.push(o); }
    const rest = new Map();
    for (let c = 0; c < wide; c++) if (!told.has(c)) { const v = r[VERDICTS][c]; if (!rest.has(v)) rest.set(v, []); rest.get(v).push(c); }
    rest.delete(".");
    for (const [, cs] of rest) list.push([cs]);
    const order = "fbkonp";
    return list.sort((a, b) => order.indexOf(r[VERDICTS][a[0][0]]) - order.indexOf(r[VERDICTS][b[0][0]]));
  };
  const named = (c) => (columns[c].mark ? columns[c].mark + " " : "") + columns[c].name;
  const names = (cs) => cs.map(named).join(", ");
  // As names, each in one piece where there is room.
  const pieces = (cs) => cs.flatMap((c, n) => [el("span", { class: "nm" }, named(c) + (n < cs.length - 1 ? "," : "")), " "]);
  const observation = (r, o, buttons) => {
    const v = r[VERDICTS][o[0][0]], box = el("div", { class: "obs" }), dl = el("dl", { class: "what-seen" });
    box.append(el("p", { class: "who" }, el("span", { class: "badge " + v }, words[v]), ...pieces(o[0])));
    fields.forEach((f, n) => {
      const t = o[n + 1] ? T[o[n + 1]] : "";
      if (!t) return;
      if (f === "crash") { box.append(dl.cloneNode(true)); dl.replaceChildren(); box.append(el("pre", {}, t)); return; }
      dl.append(el("dt", {}, f), el("dd", { class: /reason|known|notes/.test(f) ? "text" : "" }, t));
    });
    for (const [n, log] of (o[9] || []).entries()) {
      if (!log) continue;
      const c = columns[o[0][n]], name = T[log];
      dl.append(el("dt", {}, "console"), el("dd", {}, c.dir ? el("a", { href: c.dir + encodeURIComponent(name) }, name) : name));
    }
    if (dl.children.length) box.append(dl);
    if (v !== "p" && v !== "n") {
      const command = shell(r, o[0][0]), line = el("div", { class: "again" }, el("code", { class: "mono" }, command));
      if (buttons) {
        const b = el("button", { type: "button", "aria-label": "Copy the command that judges it again" }, "Copy");
        b.addEventListener("click", async () => {
          try { await navigator.clipboard.writeText(command); b.textContent = "Copied"; } catch { getSelection().selectAllChildren(line.firstChild); b.textContent = "Ctrl-C"; }
          setTimeout(() => { b.textContent = "Copy"; }, 1500);
        });
        line.append(b);
      }
      box.append(line);
    }
    return box;
  };
  const detail = (i, focus) => {
    const r = D.rows[i], box = $("detail"), close = el("button", { type: "button", "aria-label": "Close the details" }, "✕");
    close.addEventListener("click", shut);
    const link = el("a", { href: "#s=" + encodeURIComponent(r[ID]) }, "link");
    box.replaceChildren(el("div", { class: "dh" }, el("h3", { id: "detail-h" }, r[ID]), close),
      el("p", { class: "sub" }, [D.suites[r[SUITE]], T[r[LEVEL]]].filter(Boolean).join(" · ") + " · ", link), el("p", {}, T[r[CLAUSE]]));
    if (r[SEEN] === BARE) box.append(el("p", { class: "warn" }, "What was seen is left out, so that the page does not get too large; the record has it."));
    for (const o of seen(r)) box.append(observation(r, o, true));
    if (r[NEW]) {
      const dl = el("dl", { class: "what-seen" });
      for (const [c, call, value, knownTo] of r[NEW]) dl.append(el("dt", {}, names([c])), el("dd", {}, T[call] + " = " + T[value] + (knownTo ? ", known: " + T[knownTo] : "")));
      box.append(el("div", { class: "obs" }, el("p", { class: "who" }, el("span", { class: "tag" }, "new"), " answers that the expectations do not know"), dl));
    }
    box.hidden = false;
    box.scrollTop = 0;
    if (state.s !== r[ID]) { state.s = r[ID]; keep(); }
    paint(true);
    if (focus) box.focus();
  };
  const shut = () => { $("detail").hidden = true; state.s = ""; keep(); grid.focus(); };
  const toggle = (line, open) => {
    if (open === closed.has(line.key) || open === undefined) { closed.has(line.key) ? closed.delete(line.key) : closed.add(line.key); lay(); }
  };
  const open = (focus) => { const l = lines[at]; if (!l) return; l.level < 3 ? toggle(l) : detail(l.i, focus); };
  const reveal = (id) => {
    let n = lines.findIndex((l) => l.level === 3 && D.rows[l.i][ID] === id);
    if (n < 0) { closed.clear(); Object.assign(state, { q: "", v: "", suite: "", target: "" }); controls(); lay(); n = lines.findIndex((l) => l.level === 3 && D.rows[l.i][ID] === id); }
    if (n >= 0) { go(n); detail(lines[n].i, false); }
    return n >= 0;
  };

  // The address keeps what is shown, so that it can be passed on.
  const keep = () => {
    const h = new URLSearchParams();
    for (const [k, v] of Object.entries(state)) if (v && !(k === "group" && v === "clause")) h.set(k, v);
    try { history.replaceState(null, "", h.toString() ? "#" + h : location.pathname + location.search); } catch { /* some browsers refuse it for files */ }
  };
  const follow = () => {
    if (!location.hash.includes("=")) return;
    const h = new URLSearchParams(location.hash.slice(1));
    const next = { q: "", v: "", suite: "", target: "", group: "clause", s: "" };
    for (const k of Object.keys(next)) if (h.has(k)) next[k] = h.get(k);
    const only = [...h.keys()].length === 1 && h.has("s");
    if (only) { state.s = next.s; } else Object.assign(state, next);
    controls();
    lay();
    if (state.s && reveal(state.s)) $("matrix").scrollIntoView();
  };

  const chips = $("chips");
  for (const [k, name, is] of kinds) {
    const n = D.rows.filter((r) => is(r[VERDICTS], r)).length;
    if (!n || (k === "d" && wide < 2)) continue;
    const b = el("button", { type: "button", class: "chip", "data-kind": k, "aria-pressed": "false" }, name, el("span", { class: "n" }, number(n)));
    b.addEventListener("click", () => { state.v = state.v.includes(k) ? state.v.replace(k, "") : state.v + k; changed(); });
    chips.append(b);
  }
  $("suite").parentElement.hidden = D.suites.length < 2;
  $("target").parentElement.hidden = wide < 2;
  D.suites.forEach((s, i) => $("suite").append(el("option", { value: i }, s)));
  columns.forEach((c, i) => $("target").append(el("option", { value: i }, (c.mark ? c.mark + " " : "") + c.name)));
  const controls = () => {
    if ($("q").value !== state.q) $("q").value = state.q;
    $("suite").value = state.suite; $("target").value = state.target; $("group").value = state.group;
    for (const b of chips.children) b.setAttribute("aria-pressed", String(state.v.includes(b.dataset.kind)));
  };
  const changed = () => { controls(); grid.scrollTop = 0; lay(); keep(); };
  $("q").addEventListener("input", () => { state.q = $("q").value.trim(); changed(); });
  for (const id of ["suite", "target", "group"]) $(id).addEventListener("change", () => { state[id] = $(id).value; changed(); });
  $("reset").addEventListener("click", () => { Object.assign(state, { q: "", v: "", suite: "", target: "", group: "clause" }); closed.clear(); changed(); });
  $("help").addEventListener("click", () => $("keys").showModal());
  $("tools").addEventListener("submit", (e) => e.preventDefault());
  $("tools").hidden = false;

  grid.addEventListener("scroll", () => requestAnimationFrame(() => paint(false)), { passive: true });
  grid.addEventListener("click", (e) => {
    const row = e.target.closest(".r[id]");
    if (!row) return;
    go(+row.id.slice(1));
    open(false);
  });
  const jump = (step) => {
    for (let n = at + step; n >= 0 && n < lines.length; n += step) if (lines[n].level === 3 && bad(D.rows[lines[n].i])) return go(n);
  };
  const page = () => Math.max(Math.floor((grid.clientHeight - headHeight) / rowHeight) - 1, 1);
  const moves = { ArrowDown: () => go(at + 1), j: () => go(at + 1), ArrowUp: () => go(at - 1), k: () => go(at - 1), PageDown: () => go(at + page()), PageUp: () => go(at - page()), Home: () => go(0), End: () => go(lines.length - 1),
    Enter: () => open(true), " ": () => open(false), ArrowLeft: () => fold(false), ArrowRight: () => fold(true) };
  const fold = (wanted) => {
    const l = lines[at];
    if (!l) return;
    if (l.level < 3) return toggle(l, wanted);
    if (!wanted) for (let n = at; n >= 0; n--) if (lines[n].level < 3) return go(n);
  };
  grid.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || !moves[e.key]) return;
    e.preventDefault();
    moves[e.key]();
  });
  document.addEventListener("keydown", (e) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName);
    if (e.key === "Escape" && !$("keys").open) {
      if (!$("detail").hidden) shut(); else if (e.target === $("q")) { if (state.q) { state.q = ""; changed(); } else grid.focus(); }
      return;
    }
    if (typing || e.ctrlKey || e.metaKey || e.altKey || $("keys").open) return;
    const does = { "/": () => { $("q").focus(); $("q").select(); }, "?": () => $("keys").showModal(), n: () => { grid.focus(); jump(1); }, N: () => { grid.focus(); jump(-1); } }[e.key];
    if (does) { e.preventDefault(); does(); }
  });
  addEventListener("hashchange", follow);
  addEventListener("resize", () => lay());

  // On paper: the rows that are filtered, those that differ or are bad, with what was seen.
  const most = 2000;
  const toPaper = () => {
    const all = [];
    D.rows.forEach((r, i) => { if (matching(r, i) && (r[RANK] !== AGREED || bad(r) || state.q || state.v)) all.push(r); });
    const body = el("tbody");
    for (const r of all.slice(0, most)) {
      const tr = el("tr", {}, el("th", { class: "mono", scope: "row" }, r[ID]));
      for (let c = 0; c < wide; c++) { const v = r[VERDICTS][c]; tr.append(el("td", { class: v === "." ? "" : v }, words[v])); }
      body.append(tr);
      const lines = seen(r).filter((o) => o.length > 1).map((o) => {
        const f = (n) => (o[n] ? T[o[n]] : "");
        const said = f(1) ? f(1) + ": got " + f(2) + ", expected " + f(3) : f(4).split("\n")[0];
        return (wide > 1 ? names(o[0]) + ": " : "") + said;
      });
      body.append(el("tr", {}, el("td", { class: "seen", colspan: wide + 1 }, [T[r[CLAUSE]], ...lines].filter(Boolean).join("\n"))));
    }
    const hr = el("tr", {}, el("th", { scope: "col" }, "spec"));
    for (const c of columns) hr.append(el("th", { scope: "col" }, (c.mark ? c.mark + " " : "") + c.name));
    const left = D.rows.length - Math.min(all.length, most);
    $("print").replaceChildren(el("p", { class: "sub" }, plural(Math.min(all.length, most), "spec", "specs") + " that differ or do not hold; " + number(left) + " more are not printed."), el("table", {}, el("thead", {}, hr), body));
  };
  addEventListener("beforeprint", toPaper);
  addEventListener("afterprint", () => $("print").replaceChildren());

  controls();
  lay();
  follow();
  performance.mark("ready"); document.documentElement.dataset.ready = "1";
})();
