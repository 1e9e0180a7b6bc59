"use strict";
// What the sandbox says is put into the page as text, never as markup: names in it are anybody's.
const token = new URLSearchParams(location.search).get("token"), write = document.body.dataset.write === "yes";
const list = document.querySelector("#list"), detail = document.querySelector("#detail");

function h(tag, what = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(what))
    name.startsWith("on") ? made.addEventListener(name.slice(2), value) : value === false || made.setAttribute(name, value);
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

async function ask(path, method = "GET", body) {
  const answer = await fetch("/_weir/console/" + path, {method, body, headers: {"X-Weir-Token": token}}), said = await answer.json();
  if (!answer.ok) throw new Error(said.error ? `${said.error.code}: ${said.error.message}` : answer.status);
  return said;
}

const call = (service, operation, region, input) => ask("call", "POST", JSON.stringify({service, operation, region: region || "us-east-1", input}));
const when = at => at ? (typeof at === "number" ? new Date(at * (at > 1e11 ? 1 : 1000)) : new Date(at)).toLocaleString() : "";
const tone = state => /SUCC|ENABLED|ACTIVE/.test(state) ? "good" : /FAIL|ABORT|TIME|STOP|CANCEL/.test(state) ? "bad" : "busy";
const state = text => h("span", {class: tone(text || "")}, text || "");
const json = value => h("pre", {}, JSON.stringify(value, null, 2));
const things = async (...types) => (await ask("things")).types.filter(one => types.includes(one.type)).flatMap(one => one.things.map(thing => ({...thing, type: one.type})));

// Shows those rows of a place that have the text in them.
function finder(place) {
  const find = () => { for (const row of place.querySelectorAll("tbody tr")) row.hidden = !row.textContent.toLowerCase().includes(box.value.trim().toLowerCase()); };
  const box = h("input", {type: "search", placeholder: "find", "aria-label": "show rows with this text", oninput: find});
  return box;
}

// Rows of cells, each of which opens something.
function table(heads, rows, open) {
  const body = h("tbody");
  for (const {cells, of} of rows) {
    const row = h("tr", open ? {class: "row", tabindex: 0} : {}, ...cells.map(cell => h("td", {class: typeof cell === "string" && cell.length < 24 ? "short" : ""}, cell ?? "")));
    const chosen = () => {
      for (const other of body.children) other.classList.toggle("chosen", other === row);
      shown(detail, () => open(of));
    };
    if (open) {
      row.addEventListener("click", chosen);
      row.addEventListener("keydown", event => { if (event.key === "Enter") chosen(); });
    }
    body.append(row);
  }
  return rows.length ? h("table", {}, h("thead", {}, h("tr", {}, ...heads.map(head => h("th", {}, head)))), body) : h("p", {class: "dim"}, "There is nothing.");
}

// What is asked for last is what is shown, whichever answer comes first.
const turns = new Map();
async function shown(place, make) {
  const turn = (turns.get(place) || 0) + 1;
  turns.set(place, turn);
  let made;
  try {
    made = await make();
  } catch (error) {
    made = [h("p", {class: "failed", role: "alert"}, error.message)];
  }
  if (turns.get(place) === turn) place.replaceChildren(...made);
}

const starter = (text, act) => h("button", {disabled: !write && "", title: write ? "" : "read-only", onclick: () => shown(detail, act)}, text);

// ---- logs

async function streamLines(region, group, stream) {
  const {events = []} = await call("logs", "GetLogEvents", region, {logGroupName: group, logStreamName: stream, startFromHead: true, limit: 2000});
  return h("pre", {class: "log"}, events.map(event => event.message.replace(/\n$/, "")).join("\n") || "(nothing)");
}

// Streams of any group that bear the run's id.
async function runLogs(run) {
  const found = [];
  for (const group of (await things("aws.logs.log_group")).filter(one => one.region === run.region)) {
    const {logStreams = []} = await call("logs", "DescribeLogStreams", run.region, {logGroupName: group.attrs.name}).catch(() => ({}));
    for (const {logStreamName: stream} of logStreams.filter(one => one.logStreamName.includes(run.id)))
      found.push(h("h3", {}, `${group.attrs.name} ${stream}`), await streamLines(run.region, group.attrs.name, stream));
  }
  return found.length ? found : [h("p", {class: "dim"}, "It has written no log.")];
}

async function logs() {
  const open = async group => {
    const {logStreams = []} = await call("logs", "DescribeLogStreams", group.region, {logGroupName: group.attrs.name, orderBy: "LastEventTime", descending: true});
    const place = h("div"), rows = logStreams.map(one => ({cells: [one.logStreamName, when(one.lastEventTimestamp)], of: one.logStreamName}));
    return [h("h2", {}, group.attrs.name), table(["stream", "last event"], rows, async stream => [h("h2", {}, `${group.attrs.name} ${stream}`), await streamLines(group.region, group.attrs.name, stream)]), place];
  };
  return [finder(list), table(["log group", "region"], (await things("aws.logs.log_group")).map(one => ({cells: [one.attrs.name, one.region], of: one})), open)];
}

// ---- things, buckets

async function all() {
  const {types} = await ask("things"), rows = types.flatMap(({type, things}) => things.map(thing => ({cells: [type, thing.attrs.name || thing.id, thing.region || "", when(thing.made)], of: {...thing, type}})));
  return [finder(list), table(["type", "name", "region", "made"], rows, thing => [h("h2", {}, `${thing.type} ${thing.id}`), json(thing.attrs)])];
}

async function objects(bucket, prefix = "") {
  const {Contents = [], CommonPrefixes = []} = await call("s3", "ListObjectsV2", bucket.region, {Bucket: bucket.name, Prefix: prefix, Delimiter: "/"});
  const up = prefix ? [{cells: [".."], of: prefix.replace(/[^/]*\/$/, "")}] : [];
  const rows = [...up, ...CommonPrefixes.map(one => ({cells: [one.Prefix], of: one.Prefix})), ...Contents.map(one => ({cells: [one.Key, String(one.Size), when(one.LastModified)], of: one}))];
  return [h("h2", {}, `${bucket.name}/${prefix}`), table(["key", "bytes", "changed"], rows, of => typeof of === "string" ? objects(bucket, of) : object(bucket, of.Key))];
}

async function object(bucket, key) {
  const head = await call("s3", "HeadObject", bucket.region, {Bucket: bucket.name, Key: key});
  const text = await call("s3", "GetObject", bucket.region, {Bucket: bucket.name, Key: key}).then(one => one.Body, error => `(${error.message})`);
  return [h("h2", {}, `s3://${bucket.name}/${key}`), json(head), h("h3", {}, "content"), h("pre", {}, text)];
}

async function buckets() {
  return [table(["bucket", "region"], (await ask("buckets")).map(one => ({cells: [one.name, one.region], of: one})), bucket => objects(bucket))];
}

// ---- jobs

async function jobs() {
  const runs = await ask("runs"), made = await things("aws.glue.job", "aws.batch.job_definition", "aws.emrserverless.application", "aws.lambda.function", "aws.ecs.task_definition");
  const openJob = job => [h("h2", {}, `${job.type} ${job.attrs.name || job.id}`),
    job.type === "aws.glue.job" ? starter("start a run", async () => { const run = await call("glue", "StartJobRun", job.region, {JobName: job.attrs.name}); await view("jobs"); return [h("p", {}, `Run ${run.JobRunId} has started.`)]; }) : null,
    json(job.attrs)].filter(Boolean);
  const openRun = async run => [h("h2", {}, `${run.owner} ${run.id}`), h("p", {}, state(run.state), " ", run.message || ""), run.kind === "glue" && !run.ended ? stop(run) : "", ...await runLogs(run)];
  const stop = run => starter("stop it", async () => { await call("glue", "BatchStopJobRun", run.region, {JobName: run.owner, JobRunIds: [run.id]}); return [h("p", {}, "It is being stopped.")]; });
  return [finder(list), h("h3", {}, "runs"), table(["of", "run", "state", "began"], runs.map(run => ({cells: [`${run.kind} ${run.owner}`, run.id, state(run.state), when(run.started || run.made)], of: run})), openRun),
    h("h3", {}, "jobs"), table(["type", "name"], made.map(job => ({cells: [job.type, job.attrs.name || job.id], of: job})), openJob)];
}

// ---- state machines

async function machine(one) {
  const {executions = []} = await call("states", "ListExecutions", one.region, {stateMachineArn: one.attrs.arn});
  const {definition} = await call("states", "DescribeStateMachine", one.region, {stateMachineArn: one.attrs.arn});
  const place = h("div"), input = h("textarea", {"aria-label": "input of a run"}, "{}");
  const draw = events => place.replaceChildren(machinePicture(JSON.parse(definition), events));
  const open = async run => {
    const {events = []} = await call("states", "GetExecutionHistory", one.region, {executionArn: run.executionArn, maxResults: 1000});
    const told = await call("states", "DescribeExecution", one.region, {executionArn: run.executionArn});
    draw(events);
    return [h("h2", {}, run.name), h("p", {}, state(run.status), " ", told.error || "", " ", told.cause || ""), run.status === "RUNNING" ? stop(run) : "", place, h("h3", {}, "input"), h("pre", {}, told.input || ""), h("h3", {}, "output"), h("pre", {}, told.output || ""),
      h("h3", {}, "history"), table(["", "event", "state"], events.map(event => ({cells: [String(event.id), event.type, (event.stateEnteredEventDetails || event.stateExitedEventDetails || {}).name || ""]})))];
  };
  const start = async () => { await call("states", "StartExecution", one.region, {stateMachineArn: one.attrs.arn, input: input.value}); return machine(one); };
  const stop = run => starter("stop it", async () => { await call("states", "StopExecution", one.region, {executionArn: run.executionArn}); return machine(one); });
  draw([]);
  return [h("h2", {}, one.attrs.name), table(["run", "state", "began"], executions.map(run => ({cells: [run.name, state(run.status), when(run.startDate)], of: run})), open), place, h("h3", {}, "start a run"), input, starter("start", start)];
}

async function machines() {
  return [table(["state machine", "region"], (await things("aws.states.state_machine")).map(one => ({cells: [one.attrs.name, one.region], of: one})), machine)];
}

// ---- schedules

async function schedules() {
  const rows = (await things("aws.scheduler.schedule", "aws.events.rule")).map(one => ({cells: [one.attrs.name || one.id, one.attrs.schedule_expression || "(by events)", state(one.attrs.state || "ENABLED")], of: one}));
  return [table(["schedule", "when", "state"], rows, one => [h("h2", {}, `${one.type} ${one.attrs.name || one.id}`), json(one.attrs)])];
}

// ---- tables

async function queried(region, sql, place) {
  const {QueryExecutionId: id} = await call("athena", "StartQueryExecution", region, {QueryString: sql, ResultConfiguration: {OutputLocation: place}});
  for (;;) {
    const {QueryExecution: run} = await call("athena", "GetQueryExecution", region, {QueryExecutionId: id});
    if (run.Status.State === "SUCCEEDED") break;
    if (/FAILED|CANCELLED/.test(run.Status.State)) throw new Error(run.Status.StateChangeReason || run.Status.State);
    await new Promise(done => setTimeout(done, 200));
  }
  const {ResultSet: {Rows = [], ResultSetMetadata: {ColumnInfo = []} = {}}} = await call("athena", "GetQueryResults", region, {QueryExecutionId: id, MaxResults: 200});
  return table(ColumnInfo.map(one => one.Name), Rows.slice(1).map(row => ({cells: row.Data.map(cell => cell.VarCharValue ?? "")})));
}

const quoted = name => '"' + name.replaceAll('"', '""') + '"';

async function tables() {
  const open = async one => {
    const columns = [...((one.attrs.storage || {}).columns || []), ...(one.attrs.partition_keys || [])], places = await ask("buckets"), result = h("div", {id: "result"});
    const sql = h("textarea", {"aria-label": "query", id: "query"}, `SELECT * FROM ${quoted(one.attrs.database)}.${quoted(one.attrs.name)} LIMIT 20`);
    const place = h("select", {"aria-label": "bucket of the results"}, ...places.map(bucket => h("option", {value: bucket.name}, bucket.name)));
    const run = h("button", {disabled: !write && "", id: "run", onclick: () => shown(result, async () => [await queried(one.region, sql.value, `s3://${place.value}/weir-console/`)])}, "run");
    const {Partitions = []} = (one.attrs.partition_keys || []).length ? await call("glue", "GetPartitions", one.region, {DatabaseName: one.attrs.database, TableName: one.attrs.name, MaxResults: 100}) : {};
    return [h("h2", {}, `${one.attrs.database}.${one.attrs.name}`), table(["column", "type"], columns.map(column => ({cells: [column.name, column.type]}))),
      Partitions.length ? h("h3", {}, "partitions") : "", Partitions.length ? table(["values", "where"], Partitions.map(part => ({cells: [part.Values.join(", "), (part.StorageDescriptor || {}).Location]}))) : "",
      h("h3", {}, write ? "query, its result to" : "query (read-only: weir sandbox --console-write)"), place, sql, run, result];
  };
  return [finder(list), table(["database", "table"], (await things("aws.glue.table")).map(one => ({cells: [one.attrs.database, one.attrs.name], of: one})), open)];
}

// ---- faults

async function faults() {
  const {rules} = await ask("faults"), rows = rules.map(({struck, ...rule}) => ({cells: [JSON.stringify(rule), String(struck)], of: rule}));
  const text = h("textarea", {"aria-label": "rules", id: "rules"}, JSON.stringify({rules: rules.map(({struck, ...rule}) => rule)}, null, 1));
  const presets = {"all slow": {latency: 300}, "throttled now and then": {fault: "throttle", probability: 0.3}, "answers get lost": {fault: "lost", probability: 0.1}, "errors": {fault: "error", probability: 0.2}};
  const set = (method, body) => shown(list, async () => { await ask("faults", method, body); return faults(); });
  return [table(["rule", "struck"], rows), h("h3", {}, write ? "rules, as in docs/sandbox.md" : "read-only: weir sandbox --console-write"), text,
    h("p", {}, h("button", {disabled: !write && "", id: "set", onclick: () => set("POST", text.value)}, "set"), " ", h("button", {disabled: !write && "", onclick: () => set("DELETE")}, "none"), " ",
      ...Object.entries(presets).map(([name, rule]) => h("button", {disabled: !write && "", onclick: () => set("POST", JSON.stringify({rules: [...rules.map(({struck, ...one}) => one), rule]}))}, name)))];
}

// ---- all of it

const views = {things: all, buckets, jobs, machines, schedules, tables, logs, faults};

function view(name) {
  if (location.hash !== "#" + name) list.replaceChildren(); // nobody clicks at what is gone
  location.hash = name;
  for (const button of document.querySelectorAll("#views button")) button.setAttribute("aria-pressed", button.textContent === name);
  detail.replaceChildren();
  return shown(list, views[name]);
}

for (const name of Object.keys(views)) document.querySelector("#views").append(h("button", {onclick: () => view(name)}, name));
document.querySelector("#again").addEventListener("click", () => view(location.hash.slice(1)));
view(location.hash.slice(1) in views ? location.hash.slice(1) : "things");
