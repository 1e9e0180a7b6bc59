// A state machine as a picture: states by how far they are from the beginning, and the path that a run took.

// All states, those within others too: [{name, within, state}]; the ways between them; and what comes below what besides.
function statesOf(definition, within = "", found = {all: [], ways: [], below: []}) {
  for (const [name, state] of Object.entries(definition.States || {})) {
    const to = [state.Next, state.Default, ...(state.Choices || []).map(choice => choice.Next), ...(state.Catch || []).map(one => one.Next)];
    found.all.push({name, within, state});
    for (const next of new Set(to)) if (next) found.ways.push([name, next]);
    for (const inner of [...(state.Branches || []), state.ItemProcessor, state.Iterator].filter(Boolean)) {
      if (inner.StartAt) found.ways.push([name, inner.StartAt]);
      for (const last of Object.keys(inner.States || {})) if (state.Next) found.below.push([last, state.Next]);
      statesOf(inner, name, found);
    }
  }
  return found;
}

// How far each is from the beginning, by the longest way; what leads back counts for nothing.
function layersOf({all, ways, below}) {
  const after = new Map(all.map(({name}) => [name, []])), visited = new Map(), order = [];
  for (const [from, to] of [...ways, ...below]) if (after.has(from) && after.has(to)) after.get(from).push(to);
  const visit = name => {
    visited.set(name, "open");
    after.set(name, after.get(name).filter(to => { if (!visited.has(to)) visit(to); return visited.get(to) !== "open"; }));
    visited.set(name, "left");
    order.unshift(name);
  };
  for (const {name} of all) if (!visited.has(name)) visit(name);
  const depth = new Map(order.map(name => [name, 0]));
  for (const name of order) for (const to of after.get(name)) depth.set(to, Math.max(depth.get(to), depth.get(name) + 1));
  return depth;
}

// What became of each state in a run, and which ways were taken: an event follows another.
function pathOf(events) {
  const seen = new Map(), taken = new Set(), at = new Map();
  for (const event of events) {
    const entered = event.stateEnteredEventDetails, exited = event.stateExitedEventDetails, before = at.get(event.previousEventId);
    if (entered) {
      seen.set(entered.name, "now");
      if (before !== undefined) taken.add(before + "\n" + entered.name);
    }
    if (exited) seen.set(exited.name, "done");
    at.set(event.id, entered || exited ? (entered || exited).name : before);
    if (/^Execution(Failed|Aborted|TimedOut)$/.test(event.type))
      for (const [name, what] of seen) if (what === "now") seen.set(name, "ended");
  }
  return {seen, taken};
}

function svgOf(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function machinePicture(definition, events) {
  const WIDE = 190, HIGH = 34, ACROSS = 220, DOWN = 68;
  const found = statesOf(definition), {all, ways} = found, depth = layersOf(found), {seen, taken} = pathOf(events);
  const rows = [], place = new Map();
  for (const one of all) (rows[depth.get(one.name)] ||= []).push(one);
  const most = Math.max(1, ...rows.map(row => (row || []).length)), width = most * ACROSS, height = rows.length * DOWN;
  rows.forEach((row, y) => row.forEach((one, x) => place.set(one.name, [(width - row.length * ACROSS) / 2 + x * ACROSS + (ACROSS - WIDE) / 2, y * DOWN + 10])));
  const picture = svgOf("svg", {viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": "States, and the path of the run"});
  for (const [from, to] of ways) {
    const [a, b] = [place.get(from), place.get(to)];
    if (!a || !b) continue;
    const down = b[1] > a[1], x1 = a[0] + WIDE / 2, x2 = b[0] + WIDE / 2, y1 = a[1] + (down ? HIGH : 0), y2 = b[1] + (down ? 0 : HIGH);
    picture.append(svgOf("path", {d: `M${x1} ${y1} C${x1} ${(y1 + y2) / 2} ${x2} ${(y1 + y2) / 2} ${x2} ${y2}`, class: taken.has(from + "\n" + to) ? "taken" : ""}));
  }
  for (const {name, within, state} of all) {
    const [x, y] = place.get(name), label = name.length > 26 ? name.slice(0, 25) + "…" : name;
    picture.append(svgOf("g", {class: "state " + (seen.get(name) || ""), "data-state": name},
      svgOf("title", {}, name),
      svgOf("rect", {x, y, width: WIDE, height: HIGH, rx: 6}),
      svgOf("text", {x: x + 8, y: y + 15}, label),
      svgOf("text", {x: x + 8, y: y + 28, class: "kind"}, state.Type + (within ? " in " + within : ""))));
  }
  return picture;
}
