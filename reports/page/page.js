"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const el = (tag, text, cls) => {
    const node = document.createElement(tag);
    if (text !== undefined && text !== null) node.textContent = text;
    if (cls) node.className = cls;
    return node;
  };
  const root = document.documentElement;
  $("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // Where a number comes from: on click or focus of its mark (the title tells on hover).
  const show = (event) => {
    const mark = event.target.closest ? event.target.closest("[data-source]") : null;
    $("source").classList.toggle("hidden", !mark);
    if (mark) $("source").textContent = mark.dataset.source;
  };
  document.addEventListener("click", show);
  document.addEventListener("focusin", show);

  const compare = (a, b) => {
    const x = parseFloat(a), y = parseFloat(b);
    return !isNaN(x) && !isNaN(y) ? x - y : String(a).localeCompare(String(b));
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.querySelectorAll("th")];
    heads.forEach((head, i) => head.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "descending";
      heads.forEach((h) => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "ascending" : "descending");
      const body = table.tBodies[0];
      const cell = (row) => (row.cells[i] ? row.cells[i].textContent : "");
      const rows = [...body.rows].sort((p, q) => compare(cell(p), cell(q)) * (down ? 1 : -1));
      body.append(...rows);
    }));
  }

  const help = $("keys");
  $("help").addEventListener("click", () => help.showModal());
  document.addEventListener("click", (event) => {
    if (event.target.dataset && "close" in event.target.dataset) event.target.closest("dialog").close();
  });

  const data = JSON.parse($("data").textContent);
  if (!data.cases.length) return;
  const PAGE = 100;
  const FIELDS = ["q", "suite", "category", "target", "state", "failure"];
  const STATES = [["", "any result"], ["failed", "failed"], ["passed", "passed"], ["error", "no reply"],
    ["broken", "broken (against the first)"], ["fixed", "fixed (against the first)"]];
  let sort = "", down = false, page = 0, shown = [], at = -1, open = null;

  const options = (id, pairs) => {
    for (const [value, text] of pairs) {
      const option = el("option", text);
      option.value = value;
      $(id).append(option);
    }
  };
  const unique = (values) => [...new Set(values)].filter((v) => v !== "").sort();
  options("suite", [["", "all suites"], ...unique(data.cases.map((c) => c.suite)).map((s) => [s, s])]);
  options("category", [["", "all categories"], ...unique(data.cases.map((c) => c.category)).map((s) => [s, s])]);
  options("target", [["", "any target"], ...data.targets.map((t, i) => [String(i), t])]);
  options("state", STATES.slice(0, data.targets.length > 1 ? 6 : 4));
  options("failure", [["", "any failure mode"],
    ...unique(data.cases.flatMap((c) => c.replies.map((r) => (r ? r.failure : "")))).map((s) => [s, s])]);

  const request = (c) => {
    const said = c.messages.filter((m) => m.role === "user");
    return said.length ? said[said.length - 1].text : "";
  };
  const haystack = new Map();
  const hay = (c) => {
    if (!haystack.has(c)) {
      haystack.set(c, [c.id, c.group, c.expected, ...c.messages.map((m) => m.text),
        ...c.replies.map((r) => (r ? r.reason + " " + r.actual : ""))].join("\n").toLowerCase());
    }
    return haystack.get(c);
  };
  const key = (c) => `${c.suite}:${c.id}`;
  const stateOf = (r, first) => ({
    failed: r && !r.passed && r.outcome !== "error", passed: r && r.passed, error: r && r.outcome === "error",
    broken: r && first && first.passed && !r.passed && r.outcome !== "error", fixed: r && first && !first.passed && r.passed,
  });
  const fits = (c, f) => {
    if (f.suite && c.suite !== f.suite) return false;
    if (f.category && c.category !== f.category) return false;
    if (f.q && !hay(c).includes(f.q.toLowerCase())) return false;
    const against = f.state === "broken" || f.state === "fixed";
    const which = f.target === "" ? c.replies.map((_, i) => i) : [Number(f.target)];
    return which.some((i) => {
      if (against && i === 0) return false;
      const r = c.replies[i];
      if (f.failure && !(r && r.failure === f.failure)) return false;
      return !f.state || Boolean(stateOf(r, c.replies[0])[f.state]);
    });
  };
  const filters = () => Object.fromEntries(FIELDS.map((f) => [f, $(f).value]));
  const columns = [["suite", "suite", (c) => c.suite], ["category", "category", (c) => c.category],
    ["id", "case", (c) => c.id], ["request", "request", request],
    ...data.targets.map((t, i) => [`t${i}`, t, (c) => word(c.replies[i])])];
  const word = (r) => (!r ? "–" : r.outcome === "error" ? "no reply" : r.passed ? "passed" : r.failure || "failed");
  const cls = (r) => (!r || r.outcome === "error" ? "none" : r.passed ? "pass" : "fail");

  const draw = () => {
    const f = filters();
    shown = data.cases.filter((c) => fits(c, f));
    const column = columns.find((x) => x[0] === sort);
    if (column) shown = [...shown].sort((a, b) => compare(column[2](a), column[2](b)) * (down ? -1 : 1));
    page = Math.min(page, Math.max(0, Math.ceil(shown.length / PAGE) - 1));
    $("count").textContent = `${shown.length} of ${data.cases.length}`;
    const last = Math.min(shown.length, (page + 1) * PAGE);
    $("where").textContent = shown.length ? `${page * PAGE + 1}–${last} of ${shown.length}` : "nothing fits";
    $("back").disabled = page === 0;
    $("next").disabled = last >= shown.length;
    $("heads").replaceChildren(...columns.map(([name, text]) => {
      const th = el("th");
      th.scope = "col";
      if (name === sort) th.setAttribute("aria-sort", down ? "descending" : "ascending");
      const button = el("button", text);
      button.type = "button";
      button.addEventListener("click", () => {
        down = sort === name && !down;
        sort = name;
        draw();
        remember();
      });
      th.append(button);
      return th;
    }));
    $("rows").replaceChildren(...shown.slice(page * PAGE, last).map((c, i) => {
      const row = el("tr");
      row.tabIndex = 0;
      row.setAttribute("aria-selected", String(page * PAGE + i === at));
      for (const [name, , get] of columns) {
        const text = String(get(c));
        const r = name.startsWith("t") && /^t\d+$/.test(name) ? c.replies[Number(name.slice(1))] : undefined;
        row.append(el("td", text.length > 160 ? text.slice(0, 159) + "…" : text, r === undefined ? "" : cls(r)));
      }
      row.addEventListener("click", () => { at = page * PAGE + i; showCase(c); });
      return row;
    }));
  };

  const remember = () => {
    const state = new URLSearchParams();
    for (const f of FIELDS) if ($(f).value) state.set(f, $(f).value);
    if (sort) state.set("sort", (down ? "-" : "") + sort);
    if (page) state.set("page", String(page + 1));
    if (open) state.set("case", key(open));
    const text = state.toString();
    if (text !== location.hash.slice(1)) history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  };
  const recall = () => {
    const state = new URLSearchParams(location.hash.slice(1));
    for (const f of FIELDS) $(f).value = state.get(f) || "";
    for (const f of FIELDS) if ($(f).value !== (state.get(f) || "")) $(f).value = "";
    const s = state.get("sort") || "";
    down = s.startsWith("-");
    sort = s.replace(/^-/, "");
    page = Math.max(0, Number(state.get("page") || 1) - 1) || 0;
    draw();
    const wanted = state.get("case");
    const found = wanted ? data.cases.find((c) => key(c) === wanted) : null;
    if (found) { at = shown.indexOf(found); showCase(found); }
  };

  const diffTable = (reply) => {
    const table = el("table");
    const head = el("tr");
    for (const text of ["", "argument", "expected", "actual"]) head.append(el("th", text));
    table.append(head);
    for (const d of reply.diffs) {
      const row = el("tr");
      const same = d.expected === d.actual;
      row.append(el("td", same ? "=" : "≠", same ? "st-same" : "st-wrong"), el("td", "call"),
        el("td", d.expected === null ? "(none)" : d.expected), el("td", d.actual === null ? "(none)" : d.actual, same ? "" : "st-wrong"));
      table.append(row);
      for (const [name, status, expected, actual] of d.cells) {
        const line = el("tr");
        line.dataset.status = status;
        const c = `st-${status.split(" ")[0]}`;
        const word = expected.length > 1 ? `${expected[0]}  or ${expected.slice(1, 4).join(" or ")}${expected.length > 4 ? " or …" : ""}` : expected[0] || "";
        line.append(el("td", status, c), el("td", name), el("td", word), el("td", actual === null ? "" : actual, c));
        table.append(line);
      }
    }
    const box = el("div", null, "scroll");
    box.append(table);
    return box;
  };
  const showCase = (c) => {
    open = c;
    const box = $("case");
    const top = el("div", null, "top");
    top.append(el("h2", `${c.suite} · ${c.id}`));
    for (const [text, by] of [["‹", -1], ["›", 1]]) {
      const button = el("button", text);
      button.type = "button";
      button.setAttribute("aria-label", by < 0 ? "previous case" : "next case");
      button.addEventListener("click", () => move(by, true));
      top.append(button);
    }
    const close = el("button", "Close");
    close.type = "button";
    close.dataset.close = "";
    top.append(close);
    const parts = [top];
    const about = [c.category, `group ${c.group}`, `expected: ${c.kind}`, ...(c.excluded.length ? [`excluded: ${c.excluded.join(", ")}`] : [])];
    parts.push(el("p", about.filter(Boolean).join(" · "), "none"));
    parts.push(el("h3", "Dialogue"));
    for (const m of c.messages) {
      const line = el("div", null, "msg");
      line.append(el("b", m.role));
      if (m.text) line.append(el("pre", m.text));
      for (const call of m.calls) line.append(el("pre", call));
      parts.push(line);
    }
    parts.push(el("h3", "Expected"), el("pre", c.expected));
    const replies = el("div", null, "replies");
    c.replies.forEach((r, i) => {
      const panel = el("section", null, "panel");
      const head = el("h3", data.targets[i]);
      head.dataset.source = r ? `1 reply of ${r.tokens} tokens; strict judge; run ${data.runs[i]}` : "";
      head.tabIndex = 0;
      panel.append(head);
      if (!r) { panel.append(el("p", "not asked in this run", "none")); replies.append(panel); return; }
      panel.append(el("p", word(r), cls(r)));
      if (r.reason) panel.append(el("p", r.reason));
      if (r.official !== undefined) panel.append(el("p", `its benchmark's own checker: ${r.official ? "valid" : "not valid"}`, "none"));
      if (r.diffs) panel.append(diffTable(r)); else panel.append(el("pre", r.actual));
      const raw = el("details");
      raw.append(el("summary", "raw text"), el("pre", r.text || "(empty)"));
      panel.append(raw);
      replies.append(panel);
    });
    parts.push(el("h3", "Replies"), replies);
    const tools = el("details");
    tools.append(el("summary", `${data.toolboxes[c.box].length} tools on offer`));
    for (const t of data.toolboxes[c.box]) tools.append(el("h3", t.name), el("p", t.about), el("pre", t.parameters));
    parts.push(tools);
    box.replaceChildren(...parts);
    if (!box.open) box.showModal();
    box.scrollTop = 0;
    select();
    remember();
  };
  $("case").addEventListener("close", () => { open = null; remember(); });
  const select = () => {
    [...$("rows").rows].forEach((row, i) => row.setAttribute("aria-selected", String(page * PAGE + i === at)));
    const row = $("rows").rows[at - page * PAGE];
    if (row && !$("case").open) row.scrollIntoView({ block: "nearest" });
  };
  const move = (by, show) => {
    if (!shown.length) return;
    at = Math.max(0, Math.min(shown.length - 1, at + by));
    const wanted = Math.floor(at / PAGE);
    if (wanted !== page) { page = wanted; draw(); }
    if (show) showCase(shown[at]); else select();
  };
  for (const f of FIELDS) $(f).addEventListener("input", () => { page = 0; at = -1; draw(); remember(); });
  $("reset").addEventListener("click", () => {
    for (const f of FIELDS) $(f).value = "";
    sort = ""; down = false; page = 0; at = -1;
    draw();
    remember();
  });
  $("back").addEventListener("click", () => { page -= 1; draw(); remember(); });
  $("next").addEventListener("click", () => { page += 1; draw(); remember(); });
  addEventListener("hashchange", recall);
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing) { if (event.key === "Escape") document.activeElement.blur(); return; }
    const inside = $("case").open;
    if (event.key === "/") { event.preventDefault(); $("q").focus(); }
    else if (event.key === "?") help.showModal();
    else if (event.key === "j" || event.key === "ArrowDown") { if (!inside || event.key === "j") { event.preventDefault(); move(1, inside); } }
    else if (event.key === "k" || event.key === "ArrowUp") { if (!inside || event.key === "k") { event.preventDefault(); move(-1, inside); } }
    else if (inside && event.key === "ArrowRight") move(1, true);
    else if (inside && event.key === "ArrowLeft") move(-1, true);
    else if (event.key === "Enter" && !inside && !help.open && document.activeElement.tagName !== "BUTTON") {
      const row = document.activeElement.closest ? document.activeElement.closest("#rows tr") : null;
      if (row || at >= 0) event.preventDefault(); // else the key would press the first button of the dialog
      if (row) { at = page * PAGE + [...$("rows").rows].indexOf(row); showCase(shown[at]); }
      else if (at >= 0) showCase(shown[at]);
    }
  });
  recall();
})();
