// The difference between two runs of a history: what the state was at each is the sum of the steps to it.
'use strict';
const steps = JSON.parse(document.getElementById('steps').textContent);
const difference = document.getElementById('difference');

const stateAt = run => {
  const state = new Map();
  for (const step of steps.slice(0, run + 1))
    for (const [address, changed] of Object.entries(step)) {
      if (changed === null) { state.delete(address); continue; }
      const resource = new Map(state.get(address) || []);
      for (const [name, text] of Object.entries(changed))
        if (text === null) resource.delete(name); else resource.set(name, text);
      state.set(address, resource);
    }
  return state;
};

const element = (name, kind, text) => {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  return made;
};

const lines = (before, after) => {
  const pre = element('pre');
  const names = [...new Set([...(before || new Map()).keys(), ...(after || new Map()).keys()])].filter(name => name !== '(type)').sort();
  for (const name of names) {
    const was = before && before.get(name), is = after && after.get(name);
    if (was === is) continue;
    if (was !== undefined) pre.append(element('span', 'old', `- ${name}: ${was}\n`));
    if (is !== undefined) pre.append(element('span', 'new', `+ ${name}: ${is}\n`));
  }
  return pre;
};

const show = () => {
  const chosen = name => Number(document.querySelector(`input[name=${name}]:checked`).value);
  const from = stateAt(chosen('from')), to = stateAt(chosen('to'));
  difference.replaceChildren();
  for (const address of [...new Set([...from.keys(), ...to.keys()])].sort()) {
    const before = from.get(address), after = to.get(address), changes = lines(before, after);
    if (before && after && !changes.childNodes.length) continue;
    const kind = !before ? 'create' : !after ? 'delete' : 'update';
    const details = element('details', `change ${kind}`), summary = element('summary');
    details.open = kind === 'update';
    summary.append(element('b', '', kind), ' ', element('code', '', address), ' ', element('small', '', JSON.parse((after || before).get('(type)'))));
    details.append(summary, changes);
    difference.append(details);
  }
  if (!difference.childNodes.length) difference.append(element('p', '', 'Nothing is different.'));
  for (const dot of document.querySelectorAll('circle'))
    dot.classList.toggle('chosen', [chosen('from'), chosen('to')].includes(Number(dot.dataset.run)));
};

document.addEventListener('change', show);
document.getElementById('line').addEventListener('click', event => {
  const run = event.target.dataset.run;
  if (run === undefined) return;
  document.querySelector(`input[name=to][value="${run}"]`).checked = true;
  show();
});
if (steps.length) show();
