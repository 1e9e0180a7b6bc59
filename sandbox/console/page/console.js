"use strict";
// What all parts of the page are made of. What the sandbox says is put in as text, never as markup: names in it are anybody's.
const token = new URLSearchParams(location.search).get("token"), write = document.body.dataset.write === "yes";
const list = document.querySelector("#list"), detail = document.querySelector("#detail"), said = document.querySelector("#said");

function h(tag, what = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(what))
    name.startsWith("on") ? made.addEventListener(name.slice(2), value) : value === false || value === undefined || made.setAttribute(name, value);
  made.append(...children.flat().filter(child => child !== null && child !== undefined));
  return made;
}

async function ask(path, method = "GET", body) {
  const answer = await fetch("/_weir/console/" + path, {method, body, headers: {"X-Weir-Token": token}}), text = await answer.json();
  if (!answer.ok) throw new Error(text.error ? `${text.error.code}: ${text.error.message}` : answer.status);
  return text;
}

const call = (service, operation, region, input) => ask("call", "POST", JSON.stringify({service, operation, region: region || "us-east-1", input}));

// ---- words for times, sizes and states

const moment = at => typeof at === "number" ? new Date(at * (at > 1e11 ? 1 : 1000)) : new Date(at);
function ago(at) {
  const s = (Date.now() - moment(at)) / 1000;
  return s < 5 ? "just now" : s < 100 ? `${Math.round(s)} s ago` : s < 6000 ? `${Math.round(s / 60)} min ago` : s < 86400 ? `${Math.round(s / 3600)} h ago` : moment(at).toLocaleDateString();
}
const when = at => at ? h("time", {datetime: moment(at).toISOString(), title: moment(at).toLocaleString()}, ago(at)) : "";
function lasted(from, to) {
  if (!from) return "";
  const s = ((to ? moment(to) : Date.now()) - moment(from)) / 1000;
  return h("time", {}, s < 60 ? `${s.toFixed(1)} s` : `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`);
}
function size(bytes) {
  const step = Math.min(4, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return step ? `${(bytes / 1024 ** step).toFixed(1)} ${["", "KiB", "MiB", "GiB", "TiB"][step]}` : `${bytes} B`;
}
const tone = state => /SUCC|ENABLED|ACTIVE/.test(state) ? "good" : /FAIL|ABORT|TIME|STOP|CANCEL/.test(state) ? "bad" : /DISABLED/.test(state) ? "off" : "busy";
const state = text => h("span", {class: "state " + tone(text || "")}, text || "");
const last = name => String(name).split(/[:/]/).pop();

// ---- addresses: #part/what/of/it, so that every page of it can be gone back to

const at = (...parts) => "#" + parts.map(encodeURIComponent).join("/");
const here = () => location.hash.slice(1).split("/").map(decodeURIComponent);
const link = (text, ...parts) => h("a", {href: at(...parts)}, text);

// ---- tables

// Shows those rows that have the text in them.
function finder(place, what) {
  const find = () => {
    for (const row of place.querySelectorAll("tbody tr:not(.group)")) row.hidden = !row.textContent.toLowerCase().includes(box.value.trim().toLowerCase());
    for (const group of place.querySelectorAll("tbody")) group.hidden = group.rows.length > 0 && ![...group.rows].some(row => !row.hidden && !row.matches(".group"));
  };
  const box = h("input", {type: "search", placeholder: `Find ${what}`, "aria-label": `show those ${what} that have this text`, oninput: find});
  return box;
}

// A row: {cells, to}; what it leads to is an address, as a link in its first cell; a cell may be {text, kind}.
function rowOf({cells, to}) {
  const made = cells.map((cell, i) => {
    const {text, kind, title} = cell && cell.text !== undefined && !cell.nodeType ? cell : {text: cell ?? ""};
    return h("td", {class: kind, title}, to && !i ? h("a", {href: to}, text) : text);
  });
  const row = h("tr", to ? {class: "row", "data-to": to} : {}, ...made);
  if (to) row.addEventListener("click", event => { if (!event.target.closest("a")) location.hash = to; });
  return row;
}

const nothing = (text = "There is nothing.") => h("p", {class: "nothing"}, text);

// `groups` has rows under headings: [[heading, rows]].
function table(heads, groups, none) {
  const parts = Array.isArray(groups[0]) ? groups : [["", groups]], some = parts.some(([, rows]) => rows.length);
  const bodies = parts.map(([name, rows]) => h("tbody", {}, name ? h("tr", {class: "group"}, h("th", {colspan: heads.length, scope: "rowgroup"}, name, h("span", {class: "count"}, rows.length))) : null, ...rows.map(rowOf)));
  const first = parts.flatMap(([, rows]) => rows)[0];
  const headings = heads.map((head, i) => h("th", {scope: "col", class: first?.cells[i]?.kind}, head || h("span", {class: "unseen"}, "more")));
  return some ? h("div", {class: "wide", tabindex: 0, role: "group", "aria-label": heads[0]}, h("table", {}, h("thead", {}, h("tr", {}, ...headings)), ...bodies)) : nothing(none);
}

// Up and down go from row to row.
list.addEventListener("keydown", event => {
  const way = {ArrowDown: 1, ArrowUp: -1}[event.key], links = [...list.querySelectorAll("tr.row:not([hidden]) > td:first-child > a")], i = links.indexOf(document.activeElement);
  if (!way || i < 0 || !links[i + way]) return;
  event.preventDefault();
  links[i + way].focus();
});

// ---- values

const known = new Map(); // ARNs and ids of resources, and where they are shown

// A document within a text, such as a policy, is shown as what it is.
function documentIn(text) {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try { return JSON.parse(text); } catch { return undefined; }
}

function leaf(value) {
  if (value === null || value === "") return h("span", {class: "dim"}, value === null ? "none" : "(empty)");
  if (value === "(secret)") return h("span", {class: "dim"}, "(secret)");
  return known.has(value) && known.get(value) !== location.hash ? h("a", {href: known.get(value)}, value) : String(value);
}

function tree(value) {
  const inside = typeof value === "string" ? documentIn(value) : undefined;
  if (inside !== undefined && typeof inside === "object") return tree(inside);
  if (value === null || typeof value !== "object") return leaf(value);
  const short = one => one === null || typeof one !== "object" && String(one).length < 24;
  if (Array.isArray(value) && value.every(short)) return value.length ? h("span", {}, ...value.flatMap((one, i) => [i ? ", " : null, leaf(one)])) : leaf("");
  if (Array.isArray(value)) return value.length ? h("ul", {}, ...value.map(one => h("li", {}, tree(one)))) : leaf("");
  const entries = Object.entries(value);
  return entries.length ? h("dl", {}, ...entries.flatMap(([name, one]) => [h("dt", {}, name), h("dd", {}, tree(one))])) : leaf("");
}

const text = value => h("pre", {tabindex: 0}, value);

// ---- what can be started here

const heading = (title, kind, ...more) => h("header", {class: "title"}, h("h2", {}, title), kind ? h("span", {class: "kind"}, kind) : null, ...more);
const part = (name, ...more) => h("section", {class: "part"}, h("h3", {}, name), ...more);

// Does it, says what is wrong if it cannot be done, and looks again.
function button(label, act, kind) {
  const made = h("button", {disabled: !write && "", class: kind, title: write ? undefined : "this console only looks: weir sandbox --console-write", onclick: async () => {
    made.disabled = true;
    try { await act(); await look(); } catch (error) { made.after(wrong(error)); }
    made.disabled = false;
  }}, label);
  return made;
}
const wrong = error => h("p", {class: "failed", role: "alert"}, error.message);
const readOnly = () => write ? null : h("p", {class: "note"}, "This console is read-only. ", h("code", {}, "weir sandbox --console-write"), " lets it start runs and change resources.");

// ---- showing

// What has the focus keeps it when it is drawn anew; where it is not there any more, what is drawn has it.
const nameOf = one => one.getAttribute("href") || one.id || one.getAttribute("aria-label") || one.textContent;
function redraw(place, made) {
  const focused = place.contains(document.activeElement) && document.activeElement, top = place.scrollTop;
  place.replaceChildren(...made.filter(Boolean));
  place.scrollTop = top;
  if (focused) ([...place.querySelectorAll("a, button, input, select, textarea")].find(one => nameOf(one) === nameOf(focused)) || place).focus({preventScroll: true});
}

// What is asked for last is what is shown, whichever answer comes first.
const turns = new Map();
async function shown(place, make) {
  const turn = (turns.get(place) || 0) + 1;
  turns.set(place, turn);
  let made;
  try { made = await make(); } catch (error) { made = [wrong(error)]; }
  if (turns.get(place) !== turn) return false;
  redraw(place, made);
  return true;
}

let asked; // one answer does for all that is drawn at a time
async function things(...types) {
  asked ||= ask("things");
  const all = (await asked).types.flatMap(one => one.things.map(thing => ({...thing, type: one.type})));
  for (const one of all) for (const name of [one.attrs.arn, /^[a-z]+-[0-9a-f]{8,}$/.test(one.id) ? one.id : null]) if (name) known.set(name, at("things", one.type, one.region || "", one.id));
  return types.length ? all.filter(one => types.includes(one.type)) : all;
}

let drawn = "", pending = 0;
function mark() {
  const rows = [...list.querySelectorAll("tr.row")], hash = location.hash, hit = rows.find(row => row.dataset.to === hash) || rows.find(row => hash.startsWith(row.dataset.to + "/"));
  for (const row of rows) row.classList.toggle("chosen", row === hit);
  for (const row of rows) row === hit ? row.cells[0].firstChild.setAttribute("aria-current", "true") : row.cells[0].firstChild.removeAttribute("aria-current");
}

// Draws what the address says; both sides again if all may have changed.
async function look() {
  const [name, ...rest] = here(), view = views[name] || views.things, current = views[name] ? name : "things";
  clearTimeout(pending);
  asked = undefined;
  for (const one of document.querySelectorAll("nav a")) one.hash === at(current) ? one.setAttribute("aria-current", "page") : one.removeAttribute("aria-current");
  document.body.dataset.view = current;
  if (drawn !== current) { list.replaceChildren(); list.scrollTop = 0; }
  drawn = current;
  const sought = list.querySelector("input[type=search]")?.value;
  await Promise.all([shown(list, view.list).then(() => {
    const box = list.querySelector("input[type=search]");
    if (box && sought) { box.value = sought; box.dispatchEvent(new Event("input")); }
    mark();
  }), shown(detail, () => rest.length ? view.open(...rest) : (view.home || overview)())]);
  if (document.querySelector("main .state.busy")) pending = setTimeout(() => document.hidden || document.activeElement.matches("main input, main textarea, main select") ? pending = setTimeout(look, 2000) : look(), 2000);
}

addEventListener("hashchange", () => {
  mark();
  detail.scrollTop = 0;
  look().then(() => { said.textContent = (detail.querySelector("h2") || {}).textContent || ""; });
});
document.querySelector("#again").addEventListener("click", look);
