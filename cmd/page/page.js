"use strict";
// The picture is moved by its viewBox; what is chosen or searched for is shown on both sides.
const all = (what, within = document) => [...within.querySelectorAll(what)];
const svg = document.querySelector("#picture svg"), search = document.querySelector("#search");
const boxes = all(".box"), frames = all(".frame"), modules = all("details[data-module]"), changes = all("details.change"), filters = all(".filters input");
const whole = svg.viewBox.baseVal, first = [whole.x, whole.y, whole.width, whole.height];
let view = [...first];

svg.removeAttribute("width");
svg.removeAttribute("height");
const draw = () => svg.setAttribute("viewBox", view.join(" "));
const scale = () => Math.max(view[2] / svg.clientWidth, view[3] / svg.clientHeight);

function zoom(factor, x = 0.5, y = 0.5) {
  const width = Math.min(Math.max(view[2] * factor, 100), first[2] * 4), real = width / view[2];
  view = [view[0] + view[2] * (1 - real) * x, view[1] + view[3] * (1 - real) * y, width, view[3] * real];
  draw();
}

function move(dx, dy) {
  view[0] += dx * scale();
  view[1] += dy * scale();
  draw();
}

function fit() {
  view = [...first];
  draw();
}

// A picture of a thousand is a line when all of it is shown: what is looked at is shown so near that its letters can be read.
const READABLE = 1.25, crowded = boxes.length > 0 && svg.clientWidth > 0 && Math.max(first[2] / svg.clientWidth, first[3] / svg.clientHeight) > 2;

function near(box) {
  const at = box.getBBox(), real = Math.min(scale(), READABLE), width = svg.clientWidth * real, height = svg.clientHeight * real;
  view = [at.x + at.width / 2 - width / 2, at.y + at.height / 2 - height / 2, width, height];
  draw();
}

document.querySelector("#in").onclick = () => zoom(0.8);
document.querySelector("#out").onclick = () => zoom(1.25);
document.querySelector("#fit").onclick = fit;
svg.addEventListener("wheel", event => {
  const at = svg.getBoundingClientRect();
  event.preventDefault();
  zoom(event.deltaY > 0 ? 1.1 : 0.9, (event.clientX - at.left) / at.width, (event.clientY - at.top) / at.height);
}, {passive: false});
svg.addEventListener("pointermove", event => {
  if (event.buttons & 1) move(-event.movementX, -event.movementY);
});

// A module is folded on both sides: its boxes go, and the lines between them.
function fold(path, folded) {
  const frame = frames.find(one => one.dataset.module === path), list = modules.find(one => one.dataset.module === path);
  if (list && list.open === folded) list.open = !folded;
  if (!frame) return;
  const mine = boxes.filter(box => box.dataset.in === path), title = frame.querySelector("text");
  frame.setAttribute("aria-expanded", !folded);
  title.textContent = folded ? `${path} (${mine.length})` : path;
  for (const box of mine) box.classList.toggle("away", folded);
  const away = new Set(boxes.filter(box => box.classList.contains("away")).map(box => box.dataset.of));
  for (const line of all("path[data-from]", svg)) line.classList.toggle("away", away.has(line.dataset.from) && away.has(line.dataset.to));
}

let down = [0, 0];
svg.addEventListener("pointerdown", event => { down = [event.clientX, event.clientY]; });
for (const frame of frames) {
  const turn = () => fold(frame.dataset.module, frame.getAttribute("aria-expanded") === "true");
  frame.addEventListener("click", event => { if (Math.hypot(event.clientX - down[0], event.clientY - down[1]) < 4) turn(); });
  frame.addEventListener("keydown", event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); turn(); } });
}
for (const list of modules) list.addEventListener("toggle", () => fold(list.dataset.module, !list.open));

// What belongs to one declaration: its box, and the changes of its instances.
function choose(of, from) {
  for (const thing of [...boxes, ...changes]) thing.classList.toggle("chosen", thing.dataset.of === of);
  for (const path of all("path[data-from]", svg))
    path.classList.toggle("chosen", path.dataset.from === of || path.dataset.to === of);
  const mine = changes.filter(change => change.dataset.of === of), box = boxes.find(one => one.dataset.of === of);
  if (from === "picture" && mine.length) {
    for (const change of mine) {
      change.open = true;
      if (change.parentElement.matches("details")) change.parentElement.open = true;
    }
    mine[0].scrollIntoView({block: "nearest"});
  }
  if (from === "list" && box) {
    if (box.classList.contains("away")) fold(box.dataset.in, false);
    near(box);
  }
}

for (const box of boxes) {
  box.addEventListener("click", () => choose(box.dataset.of, "picture"));
  box.addEventListener("keydown", event => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose(box.dataset.of, "picture");
  });
}
for (const change of changes)
  change.querySelector("summary").addEventListener("click", () => choose(change.dataset.of, "list"));

function show() {
  const text = search.value.trim().toLowerCase();
  const off = new Set(filters.filter(filter => !filter.checked).map(filter => filter.value));
  const hidden = thing => [...thing.classList].some(name => off.has(name));
  for (const change of changes) {
    const summary = change.querySelector("summary").textContent.toLowerCase();
    change.classList.toggle("hidden", hidden(change) || !summary.includes(text));
  }
  for (const box of boxes)
    box.classList.toggle("pale", hidden(box) || !box.getAttribute("aria-label").toLowerCase().includes(text));
  for (const module of all("details.module"))
    module.classList.toggle("hidden", !module.querySelector("details.change:not(.hidden)"));
}

search.addEventListener("input", () => {
  show();
  const hit = search.value.trim() && boxes.find(box => !box.matches(".pale, .away"));
  if (crowded && hit) near(hit);
});
for (const filter of filters) filter.addEventListener("change", show);

document.addEventListener("keydown", event => {
  if (event.target === search) {
    if (event.key === "Escape") { search.value = ""; show(); search.blur(); }
    return;
  }
  const keys = {"/": () => search.focus(), "+": () => zoom(0.8), "-": () => zoom(1.25), "0": fit,
    ArrowLeft: () => move(-60, 0), ArrowRight: () => move(60, 0), ArrowUp: () => move(0, -60), ArrowDown: () => move(0, 60)};
  const act = keys[event.key];
  if (!act || event.ctrlKey || event.metaKey || (event.key.startsWith("Arrow") && document.activeElement.closest("#changes"))) return;
  event.preventDefault();
  act();
});
if (crowded) near(boxes[0]);
addEventListener("beforeprint", () => { fit(); for (const change of changes) change.open = true; });
