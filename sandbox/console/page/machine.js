// A state machine as a picture: layers from above, branches in the frame of what they are part of, and the path that a run took.

const LEAF = [184, 42], GAP = 28, LAYER = 36, EDGE = 16, HEAD = 30;

// ---- what follows what

function waysOf(states) {
  const ways = [];
  for (const [name, one] of Object.entries(states)) {
    const next = new Set([one.Next, one.Default, ...(one.Choices || []).map(choice => choice.Next)]), caught = new Set((one.Catch || []).map(each => each.Next));
    for (const to of next) if (to in states && to !== name) ways.push({from: name, to});
    for (const to of caught) if (to in states && to !== name && !next.has(to)) ways.push({from: name, to, caught: true});
  }
  return ways;
}

// Each state's layer, by the longest way from the beginning; ways that lead back are turned round, and count like that.
function layersOf(names, ways) {
  const out = new Map(names.map(name => [name, []])), seen = new Map(), order = [], depth = new Map(names.map(name => [name, 0]));
  for (const way of ways) out.get(way.from).push(way);
  const visit = name => {
    seen.set(name, "open");
    for (const way of out.get(name)) {
      if (seen.get(way.to) === "open") way.back = true;
      else if (!seen.has(way.to)) visit(way.to);
    }
    seen.set(name, "left");
    order.unshift(name);
  };
  for (const name of names) if (!seen.has(name)) visit(name);
  for (const name of order) for (const way of out.get(name)) if (!way.back) depth.set(way.to, Math.max(depth.get(way.to), depth.get(name) + 1));
  return depth;
}

// ---- where it is: a level is a machine, or one branch of a state

function levelOf(definition) {
  const states = definition.States || {}, names = Object.keys(states).sort((a, b) => (b === definition.StartAt) - (a === definition.StartAt)), ways = waysOf(states), depth = layersOf(names, ways), rows = [], nodes = new Map();
  const add = (node, y) => { (rows[y] ||= []).push(node); node.up = []; node.down = []; return node; };
  for (const name of names) {
    const inner = [...(states[name].Branches || []), states[name].ItemProcessor || states[name].Iterator].filter(Boolean).map(levelOf);
    const wide = inner.reduce((sum, one) => sum + one.wide + EDGE, EDGE), high = Math.max(0, ...inner.map(one => one.high)) + HEAD + EDGE;
    nodes.set(name, add({name, state: states[name], inner, wide: inner.length ? Math.max(wide, LEAF[0]) : LEAF[0], high: inner.length ? high : LEAF[1]}, depth.get(name)));
  }
  for (const way of ways) { // a way over layers has a place in each of them
    const [top, bottom] = way.back ? [way.to, way.from] : [way.from, way.to];
    way.through = [nodes.get(top)];
    for (let y = depth.get(top) + 1; y < depth.get(bottom); y++) way.through.push(add({wide: 12, high: 0}, y));
    way.through.push(nodes.get(bottom));
    for (let i = 1; i < way.through.length; i++) { way.through[i - 1].down.push(way.through[i]); way.through[i].up.push(way.through[i - 1]); }
  }
  return placed({rows, ways, nodes});
}

const middle = node => node.x + node.wide / 2, mean = all => all.reduce((sum, one) => sum + one, 0) / all.length;

// Neighbours of a row stand in their order, each as near to where it wants to be as the others let it.
function spread(row, wanted) {
  let edge = -Infinity;
  row.forEach((node, i) => { node.x = Math.max(wanted[i] - node.wide / 2, edge); edge = node.x + node.wide + GAP; });
  const off = mean(row.map((node, i) => wanted[i] - middle(node)));
  for (const node of row) node.x += off;
}

function placed(level) {
  const {rows} = level;
  for (const row of rows) spread(row, row.map((_, i) => (i - row.length / 2) * LEAF[0]));
  for (let turn = 0; turn < 8; turn++) {
    const side = turn % 2 ? "down" : "up";
    for (const row of turn % 2 ? [...rows].reverse() : rows) {
      const wants = new Map(row.map(node => [node, node[side].length ? mean(node[side].map(middle)) : middle(node)]));
      if (turn < 4) row.sort((a, b) => wants.get(a) - wants.get(b));
      spread(row, row.map(node => wants.get(node)));
    }
  }
  const all = rows.flat(), left = Math.min(0, ...all.map(node => node.x));
  let y = 0;
  for (const row of rows) {
    const high = Math.max(...row.map(node => node.high));
    for (const node of row) { node.x -= left; node.y = y; node.row = [y, high]; }
    y += high + LAYER;
  }
  return {...level, wide: Math.max(0, ...all.map(node => node.x + node.wide)), high: Math.max(0, y - LAYER)};
}

// ---- what a run did

// What became of each state, and which ways were taken: an event follows another.
function pathOf(events) {
  const seen = new Map(), taken = new Set(), of = new Map();
  for (const event of events) {
    const entered = event.stateEnteredEventDetails, exited = event.stateExitedEventDetails, before = of.get(event.previousEventId);
    if (entered) {
      seen.set(entered.name, "now");
      if (before !== undefined) taken.add(before + "\n" + entered.name);
    }
    if (exited) seen.set(exited.name, seen.get(exited.name) === "ended" ? "ended" : "done");
    if (/^(Task|LambdaFunction|Activity|Parallel|Map)(State)?(Failed|Aborted|TimedOut)$/.test(event.type) && before !== undefined) seen.set(before, "ended");
    of.set(event.id, entered || exited ? (entered || exited).name : before);
    if (/^Execution(Failed|Aborted|TimedOut)$/.test(event.type))
      for (const [name, what] of seen) if (what === "now") seen.set(name, "ended");
  }
  return {seen, taken};
}

// ---- drawing

function svgOf(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// From one side of a box to another's, straight through the layers between; a way back keeps to the right.
function lineOf(way, x0, y0) {
  const side = way.back ? 40 : way.caught ? 20 : 0, points = [];
  way.through.forEach((node, i) => {
    const x = x0 + middle(node) + (i && i < way.through.length - 1 ? 0 : side), [top, high] = node.row;
    if (!i) points.push([x, y0 + node.y + node.high], [x, y0 + top + high]);
    else if (i === way.through.length - 1) points.push([x, y0 + top]);
    else points.push([x, y0 + top], [x, y0 + top + high]);
  });
  const walk = (way.back ? points.reverse() : points).filter((one, i, all) => !i || one[0] !== all[i - 1][0] || one[1] !== all[i - 1][1]);
  return walk.slice(1).reduce(({d, from}, to) => ({d: d + (from[0] === to[0] ? ` L${to[0]} ${to[1]}` : ` C${from[0]} ${(from[1] + to[1]) / 2} ${to[0]} ${(from[1] + to[1]) / 2} ${to[0]} ${to[1]}`), from: to}), {d: `M${walk[0][0]} ${walk[0][1]}`, from: walk[0]}).d;
}

const SIGNS = {done: "✓", ended: "✕", now: "●"};

function drawLevel(picture, level, x0, y0, {seen, taken}) {
  const cut = (text, n) => text.length > n ? text.slice(0, n - 1) + "…" : text;
  for (const node of level.nodes.values()) {
    const x = x0 + node.x, y = y0 + node.y, what = seen.get(node.name) || "", letters = Math.floor((node.wide - 36) / 7);
    picture.append(svgOf("g", {class: `state ${what}${node.inner.length ? " outer" : ""}`, "data-state": node.name},
      svgOf("title", {}, `${node.name}: ${node.state.Type}`),
      svgOf("rect", {x, y, width: node.wide, height: node.high, rx: 7}),
      svgOf("text", {x: x + 11, y: y + (node.inner.length ? 19 : 18)}, cut(node.name, letters)),
      svgOf("text", {x: node.inner.length ? x + node.wide - 12 : x + 11, y: y + (node.inner.length ? 19 : 33), class: "kind", "text-anchor": node.inner.length ? "end" : "start"}, node.state.Type),
      ...(SIGNS[what] && !node.inner.length ? [svgOf("text", {x: x + node.wide - 20, y: y + 26, class: "sign"}, SIGNS[what])] : [])));
    let inside = x + (node.wide - node.inner.reduce((sum, one) => sum + one.wide + EDGE, -EDGE)) / 2;
    for (const one of node.inner) {
      drawLevel(picture, one, inside, y + HEAD, {seen, taken});
      inside += one.wide + EDGE;
    }
  }
  const rank = way => taken.has(way.from + "\n" + way.to);
  for (const way of [...level.ways].sort((a, b) => rank(a) - rank(b)))
    picture.append(svgOf("path", {d: lineOf(way, x0, y0), class: (rank(way) ? "taken" : "") + (way.caught ? " caught" : ""), "marker-end": rank(way) ? "url(#taken)" : "url(#way)"}));
}

function machinePicture(definition, events) {
  const level = levelOf(definition), path = pathOf(events), wide = level.wide + 8, high = level.high + 8;
  const head = id => svgOf("marker", {id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto"}, svgOf("path", {d: "M0 0 L8 4 L0 8 z"}));
  const told = [...path.seen].map(([name, what]) => `${name} ${{done: "done", ended: "failed", now: "at work"}[what]}`).join(", ");
  const picture = svgOf("svg", {viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, role: "img", "aria-label": "State machine. " + (told ? "The run: " + told : "No run is shown.")}, svgOf("defs", {}, head("way"), head("taken")));
  drawLevel(picture, level, 4, 4, path);
  return h("div", {class: "picture", tabindex: 0, role: "group", "aria-label": "Picture of the state machine"}, picture);
}
