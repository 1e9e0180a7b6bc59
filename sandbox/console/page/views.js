// The parts of the page: what the left side lists, and what the right side shows of one of it.

const named = one => one.attrs.name || one.id;
const regional = all => new Set(all.map(one => one.region).filter(Boolean)).size > 1;
const grouped = (all, by) => [...new Set(all.map(by))].sort().map(name => [name, all.filter(one => by(one) === name)]);
const find = async (types, test) => {
  const found = (await things(...types)).find(test);
  if (!found) throw new Error("It is not there any more.");
  return found;
};

// ---- all of it, at a glance

const tile = (count, what, ...to) => h("a", {class: "tile", href: at(...to)}, h("b", {}, count), h("span", {}, what));

async function overview() {
  const [all, buckets, runs, {rules}] = await Promise.all([things(), ask("buckets"), ask("runs"), ask("faults")]), count = (...types) => all.filter(one => types.includes(one.type)).length;
  return [heading("What is in the sandbox"),
    h("div", {class: "tiles"}, tile(all.length, "resources", "things"), tile(buckets.length, "buckets", "buckets"), tile(runs.length, "runs", "jobs"), tile(count("aws.stepfunctions.state_machine"), "state machines", "machines"),
      tile(count(...SCHEDULES), "schedules", "schedules"), tile(count("aws.glue.table"), "tables", "tables"), tile(count("aws.logs.log_group"), "log groups", "logs"), tile(rules.length, "faults on", "faults")),
    part("Latest runs", table(["of", "state", "began", "took"], runs.slice(0, 8).map(runRow), "No job has run yet.")),
    part("From a shell", h("p", {}, "Any client that can be given an endpoint speaks with it; this sets it and the keys up:"), text(`eval "$(weir sandbox env)"\naws s3 ls        # at ${location.origin}`))];
}

// ---- resources

const thingList = async () => {
  const all = await things(), wide = regional(all);
  return [finder(list, "resources"), table(["name", ...(wide ? ["region"] : []), "made"], grouped(all, one => one.type).map(([type, some]) =>
    [type, some.map(one => ({cells: [named(one), ...(wide ? [one.region || ""] : []), when(one.made)], to: at("things", type, one.region || "", one.id)}))]), "There are no resources yet.")];
};

async function thing(type, region, id) {
  const one = await find([type], each => each.id === id && (each.region || "") === region);
  return [heading(named(one), type), part("Attributes", tree(one.attrs))];
}

// ---- buckets and objects

const SHOWN = 1 << 18; // bytes of a content that are worth reading here
const bucketList = async () => [finder(list, "buckets"), table(["bucket", "region"], (await ask("buckets")).map(one => ({cells: [one.name, one.region], to: at("buckets", one.name)})), "There is no bucket yet.")];

// The way to a key, each folder of it a link.
function crumbs(bucket, key) {
  const steps = ["", ...key.split("/").filter((one, i, all) => one || i < all.length - 1)], to = i => key.split("/").slice(0, i).join("/") + (i ? "/" : "");
  return h("h2", {class: "crumbs"}, ...steps.flatMap((step, i) => [i ? h("span", {class: "dim"}, " / ") : null, i + 1 < steps.length ? link(step || bucket, "buckets", bucket, ...(i ? [to(i)] : [])) : step || bucket]));
}

async function folder(bucket, key = "", from) {
  if (key && !key.endsWith("/")) return object(bucket, key);
  const answer = await call("s3", "ListObjectsV2", "", {Bucket: bucket, Prefix: key, Delimiter: "/", ...(from ? {ContinuationToken: from} : {})}), {Contents = [], CommonPrefixes = []} = answer;
  const rest = name => ({text: name.slice(key.length) || name, kind: "name"});
  const rows = [...CommonPrefixes.map(one => ({cells: [{...rest(one.Prefix), kind: "name folder"}, "", ""], to: at("buckets", bucket, one.Prefix)})),
    ...Contents.map(one => ({cells: [rest(one.Key), {text: size(one.Size), kind: "number"}, when(one.LastModified)], to: at("buckets", bucket, one.Key)}))];
  return [h("header", {class: "title"}, crumbs(bucket, key)), table(["key", "size", "changed"], rows, "It is empty."), answer.IsTruncated ? h("p", {class: "note"}, `${rows.length} of them. `, link("The next", "buckets", bucket, key, answer.NextContinuationToken)) : null];
}

async function object(bucket, key) {
  const head = await call("s3", "HeadObject", "", {Bucket: bucket, Key: key}), {ContentLength: bytes = 0, ContentType: type, LastModified: changed, ETag, ...more} = head;
  const content = bytes > SHOWN ? h("p", {class: "note"}, "It is too long to be shown here: ", h("code", {}, `aws s3 cp s3://${bucket}/${key} .`))
    : await call("s3", "GetObject", "", {Bucket: bucket, Key: key}).then(one => text(one.Body ?? ""), error => h("p", {class: "note"}, error.message.replace(/^\w+: /, "")));
  return [h("header", {class: "title"}, crumbs(bucket, key)), h("p", {class: "facts"}, h("span", {}, size(bytes)), h("span", {}, type || ""), h("span", {}, "changed ", when(changed))), part("Content", content), part("Kept with it", tree({ETag, ...more}))];
}

// ---- logs

const LINES = 2000;
async function streamLines(region, group, stream) {
  const {events = []} = await call("logs", "GetLogEvents", region, {logGroupName: group, logStreamName: stream, startFromHead: false, limit: LINES});
  if (!events.length) return nothing("Nothing was written.");
  const lines = h("pre", {class: "log", tabindex: 0}, events.map(event => event.message.replace(/\n$/, "")).join("\n"));
  return events.length < LINES ? lines : h("div", {}, h("p", {class: "note"}, `The last ${LINES} events.`), lines);
}

// Streams of any group that bear the run's id; of most kinds it is how they begin.
async function runLogs(run) {
  const found = [], streams = (group, more) => call("logs", "DescribeLogStreams", run.region, {logGroupName: group, ...more}).then(one => one.logStreams || [], () => []);
  for (const {attrs: {name: group}} of (await things("aws.logs.log_group")).filter(one => one.region === run.region)) {
    const mine = await streams(group, {logStreamNamePrefix: run.id}), all = mine.length ? mine : (await streams(group, {orderBy: "LastEventTime", descending: true})).filter(one => one.logStreamName.includes(run.id));
    for (const {logStreamName: stream} of all) found.push(part(group, await streamLines(run.region, group, stream)));
  }
  return found.length ? found : [part("Log", nothing("It has written no log."))];
}

const logList = async () => {
  const all = await things("aws.logs.log_group"), wide = regional(all);
  return [finder(list, "log groups"), table(["log group", ...(wide ? ["region"] : [])], all.map(one => ({cells: [one.attrs.name, ...(wide ? [one.region] : [])], to: at("logs", one.region, one.attrs.name)})), "Nothing has written a log yet.")];
};

async function logGroup(region, group, stream) {
  if (stream) return [h("header", {class: "title"}, h("h2", {class: "crumbs"}, link(group, "logs", region, group), h("span", {class: "dim"}, " / "), stream)), await streamLines(region, group, stream)];
  const {logStreams = []} = await call("logs", "DescribeLogStreams", region, {logGroupName: group, orderBy: "LastEventTime", descending: true});
  return [heading(group, "log group"), logStreams.length === 50 ? h("p", {class: "note"}, "The latest 50.") : null, table(["stream", "last event"], logStreams.map(one => ({cells: [{text: one.logStreamName, kind: "name"}, when(one.lastEventTimestamp)], to: at("logs", region, group, one.logStreamName)})), "It has no streams.")];
}

// ---- jobs and their runs

const JOBS = ["aws.glue.job", "aws.batch.job_definition", "aws.emrserverless.application", "aws.lambda.function", "aws.ecs.task_definition", "aws.glue.crawler"];
const runRow = run => ({cells: [run.owner || run.id, state(run.state), when(run.started || run.made), lasted(run.started || run.made, run.ended)], to: at("jobs", "run", run.kind, run.id)});

const jobList = async () => {
  const [runs, jobs] = await Promise.all([ask("runs"), things(...JOBS)]);
  return [finder(list, "jobs and runs"), table(["of", "state", "began", "took"], [["Runs", runs.map(runRow)]], "Nothing has run yet."),
    jobs.length ? table(["job", "type"], [["Jobs", jobs.map(job => ({cells: [named(job), {text: job.type, kind: "dim"}], to: at("jobs", "job", job.type, job.region || "", job.id)}))]]) : null];
};

async function job(type, region, id) {
  const one = await find([type], each => each.id === id && (each.region || "") === region), name = named(one), runs = (await ask("runs")).filter(run => run.owner === name && run.region === one.region);
  const start = async () => { const {JobRunId: run} = await call("glue", "StartJobRun", one.region, {JobName: name}); location.hash = at("jobs", "run", "glue", run); };
  return [heading(name, type, type === "aws.glue.job" ? button("Start a run", start, "main") : null), readOnly(), part("Runs", table(["run", "state", "began", "took"], runs.map(run => ({...runRow(run), cells: [{text: run.id, kind: "name"}, ...runRow(run).cells.slice(1)]})), "It has not run yet.")), part("Attributes", tree(one.attrs))];
}

async function run(kind, id) {
  const one = (await ask("runs")).find(each => each.kind === kind && each.id === id);
  if (!one) throw new Error("This run is not kept any more.");
  const stop = one.kind === "glue" && !one.ended ? button("Stop it", () => call("glue", "BatchStopJobRun", one.region, {JobName: one.owner, JobRunIds: [one.id]})) : null;
  return [heading(one.owner || one.id, one.kind, stop), h("p", {class: "facts"}, state(one.state), h("span", {}, "began ", when(one.started || one.made)), h("span", {}, "took ", lasted(one.started || one.made, one.ended)), h("code", {}, one.id)),
    one.message ? h("p", {class: tone(one.state) === "bad" ? "failed" : "note"}, one.message) : null, ...await runLogs(one)];
}

const jobOrRun = (what, ...rest) => what === "run" ? run(...rest) : job(...rest);

// ---- state machines

const executionsOf = (arn, region) => call("states", "ListExecutions", region, {stateMachineArn: arn}).then(one => one.executions || [], () => []);
const regionOf = arn => arn.split(":")[3];

const machineList = async () => {
  const all = await things("aws.stepfunctions.state_machine"), runs = await Promise.all(all.map(one => executionsOf(one.attrs.arn, one.region)));
  return [finder(list, "state machines"), table(["state machine", "last run", "began"], all.map((one, i) => ({cells: [one.attrs.name, runs[i][0] ? state(runs[i][0].status) : "", runs[i][0] ? when(runs[i][0].startDate) : ""], to: at("machines", one.attrs.arn)})), "There is no state machine yet.")];
};

async function machine(arn, execution) {
  const region = regionOf(arn), [executions, {definition, name}] = await Promise.all([executionsOf(arn, region), call("states", "DescribeStateMachine", region, {stateMachineArn: arn})]);
  if (execution) return executionOf(arn, execution, name, JSON.parse(definition));
  const input = h("textarea", {"aria-label": "input of the run", id: "input"}, "{}");
  const start = async () => { const {executionArn} = await call("states", "StartExecution", region, {stateMachineArn: arn, input: input.value}); location.hash = at("machines", arn, executionArn); };
  return [heading(name, "state machine"), readOnly(), machinePicture(JSON.parse(definition), []),
    part("Runs", table(["run", "state", "began", "took"], executions.map(run => ({cells: [{text: run.name, kind: "name"}, state(run.status), when(run.startDate), lasted(run.startDate, run.stopDate)], to: at("machines", arn, run.executionArn)})), "It has not run yet.")),
    part("Start a run with", input, button("Start", start, "main"))];
}

// What an event says besides which state it is of.
function eventSays(event) {
  const details = Object.entries(event).find(([name]) => name.endsWith("EventDetails"));
  const {name, input, output, error, cause, ...more} = details ? details[1] : {};
  return error || cause ? {error, cause} : output !== undefined ? output : input !== undefined ? input : Object.keys(more).length ? more : undefined;
}

async function executionOf(arn, execution, name, definition) {
  const region = regionOf(arn), [{events = []}, told] = await Promise.all([call("states", "GetExecutionHistory", region, {executionArn: execution, maxResults: 1000}), call("states", "DescribeExecution", region, {executionArn: execution})]);
  const stop = told.status === "RUNNING" ? button("Stop it", () => call("states", "StopExecution", region, {executionArn: execution})) : null, begun = events.length ? moment(events[0].timestamp) : 0;
  const rows = events.map(event => {
    const says = eventSays(event), stated = (event.stateEnteredEventDetails || event.stateExitedEventDetails || {}).name || "";
    return {cells: [{text: `+${((moment(event.timestamp) - begun) / 1000).toFixed(1)} s`, kind: "number"}, event.type, stated, says === undefined ? "" : h("details", {}, h("summary", {}, "details"), tree(says))]};
  });
  return [h("header", {class: "title"}, h("h2", {class: "crumbs"}, link(name, "machines", arn), h("span", {class: "dim"}, " / "), last(execution)), stop),
    h("p", {class: "facts"}, state(told.status), h("span", {}, "began ", when(told.startDate)), h("span", {}, "took ", lasted(told.startDate, told.stopDate))),
    told.error ? h("p", {class: "failed"}, h("b", {}, told.error), " ", told.cause || "") : null, machinePicture(definition, events),
    h("div", {class: "columns"}, part("Input", tree(told.input || "{}")), part("Output", told.output ? tree(told.output) : nothing("There is none."))), part("History", table(["after", "event", "state", ""], rows))];
}

// ---- schedules

const SCHEDULES = ["aws.scheduler.schedule", "aws.events.rule", "aws.glue.trigger"];
const due = one => one.attrs.schedule_expression || one.attrs.schedule || (one.attrs.event_pattern ? "by events" : "on demand");
const scheduleList = async () => [finder(list, "schedules"), table(["schedule", "when", "state"], (await things(...SCHEDULES)).map(one => ({cells: [named(one), due(one), state(one.attrs.state || "ENABLED")], to: at("schedules", one.type, one.region || "", one.id)})), "There is no schedule yet.")];

async function schedule(type, region, id) {
  const one = await find([type], each => each.id === id && (each.region || "") === region);
  return [heading(named(one), type), h("p", {class: "facts"}, state(one.attrs.state || "ENABLED"), h("code", {}, due(one)), h("span", {}, one.attrs.timezone || one.attrs.schedule_expression_timezone || "")), part("Attributes", tree(one.attrs))];
}

// ---- tables

const quoted = name => '"' + name.replaceAll('"', '""') + '"';
const tableList = async () => [finder(list, "tables"), table(["table", "columns"], grouped(await things("aws.glue.table"), one => one.attrs.database).map(([database, some]) =>
  [database, some.map(one => ({cells: [one.attrs.name, {text: ((one.attrs.storage || {}).columns || []).length, kind: "number"}], to: at("tables", one.region, database, one.attrs.name)}))]), "There is no table yet.")];

async function queried(region, sql, place) {
  const {QueryExecutionId: id} = await call("athena", "StartQueryExecution", region, {QueryString: sql, ResultConfiguration: {OutputLocation: place}});
  for (;;) {
    const {QueryExecution: run} = await call("athena", "GetQueryExecution", region, {QueryExecutionId: id});
    if (run.Status.State === "SUCCEEDED") break;
    if (/FAILED|CANCELLED/.test(run.Status.State)) throw new Error(run.Status.StateChangeReason || run.Status.State);
    await new Promise(done => setTimeout(done, 200));
  }
  const {ResultSet: {Rows = [], ResultSetMetadata: {ColumnInfo = []} = {}}} = await call("athena", "GetQueryResults", region, {QueryExecutionId: id, MaxResults: 200}), rows = Rows.slice(1);
  const number = ColumnInfo.map(one => /int|double|float|decimal|real/.test(one.Type));
  return [table(ColumnInfo.map(one => one.Name), rows.map(row => ({cells: row.Data.map((cell, i) => ({text: cell.VarCharValue ?? "", kind: number[i] ? "number" : ""}))})), `No rows; its columns are ${ColumnInfo.map(one => one.Name).join(", ") || "not known"}.`),
    rows.length ? h("p", {class: "note"}, rows.length === 1 ? "1 row" : `${rows.length} rows`) : null];
}

async function tableOf(region, database, name) {
  const one = await find(["aws.glue.table"], each => each.region === region && each.attrs.database === database && each.attrs.name === name);
  const keys = one.attrs.partition_keys || [], columns = [...((one.attrs.storage || {}).columns || []), ...keys], places = await ask("buckets"), result = h("div", {id: "result", role: "region", "aria-label": "result", "aria-live": "polite"});
  const sql = h("textarea", {"aria-label": "query", id: "query", spellcheck: "false"}, `SELECT * FROM ${quoted(database)}.${quoted(name)} LIMIT 20`);
  const place = h("select", {"aria-label": "bucket of the results"}, ...places.map(bucket => h("option", {value: bucket.name}, bucket.name)));
  const go = () => { result.replaceChildren(nothing("It runs.")); return shown(result, () => queried(region, sql.value, `s3://${place.value}/weir-console/`)); };
  sql.addEventListener("keydown", event => { if (write && event.key === "Enter" && (event.ctrlKey || event.metaKey)) go(); });
  const {Partitions = []} = keys.length ? await call("glue", "GetPartitions", region, {DatabaseName: database, TableName: name, MaxResults: 100}) : {};
  return [heading(name, `table in ${database}`), readOnly(), part("Query", sql, h("p", {class: "actions"}, h("button", {disabled: !write && "", id: "run", class: "main", onclick: go}, "Run"), h("span", {class: "dim"}, "Ctrl+Enter, its result to"), place), result),
    part("Columns", table(["column", "type", ""], columns.map(column => ({cells: [column.name, {text: column.type, kind: "code"}, {text: keys.includes(column) ? "partition" : "", kind: "dim"}]})))),
    Partitions.length ? part("Partitions", table(["values", "where"], Partitions.map(each => ({cells: [each.Values.join(", "), (each.StorageDescriptor || {}).Location]})))) : null];
}

// ---- faults

const PRESETS = [
  ["Slow answers", "300 ms before each", {latency: 300}],
  ["Throttled", "three calls of ten are refused: too many requests", {fault: "throttle", probability: 0.3}],
  ["Errors", "two calls of ten fail within the service", {fault: "error", probability: 0.2}],
  ["Lost answers", "one call of ten is carried out, and its answer never comes", {fault: "lost", probability: 0.1}],
  ["Cut connections", "one call of ten is cut off before anything is done", {fault: "reset", probability: 0.1}],
  ["Torn answers", "one answer of ten ends in the middle", {fault: "truncate", probability: 0.1}],
];
const plain = rules => rules.map(({struck, ...rule}) => rule), same = (a, b) => JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
const setFaults = rules => rules.length ? ask("faults", "POST", JSON.stringify({rules})) : ask("faults", "DELETE");

const faultList = async () => {
  const rules = plain((await ask("faults")).rules);
  const one = ([name, what, rule]) => {
    const on = rules.some(each => same(each, rule)), others = rules.filter(each => !same(each, rule));
    const turn = button("", () => setFaults(on ? others : rule.fault ? [rule, ...others] : [...others, rule]), "switch"); // of rules that fit the first strikes: what always does comes last
    turn.setAttribute("role", "switch");
    turn.setAttribute("aria-checked", on);
    turn.setAttribute("aria-label", name);
    return h("li", {}, h("div", {}, h("b", {}, name), h("span", {class: "dim"}, what)), turn);
  };
  return [h("ul", {class: "switches"}, ...PRESETS.map(one)), readOnly()];
};

async function faults() {
  const {rules} = await ask("faults"), all = plain(rules);
  const own = h("textarea", {"aria-label": "rules", id: "rules", spellcheck: "false"}, JSON.stringify({rules: all}, null, 2));
  const rows = rules.map(({struck, ...rule}, i) => ({cells: [h("code", {}, JSON.stringify(rule)), {text: String(struck), kind: "number"}, button("Remove", () => setFaults(all.filter((_, n) => n !== i)))]}));
  return [heading("Faults", "of the rules that fit a call, the first whose dice hit strikes"), part("Switched on", table(["rule", "struck", ""], rows, "None: all calls are answered as they should be.")),
    part("Rules of your own", h("p", {class: "dim"}, "service, operation, fault, probability, times, latency: as docs/sandbox.md tells"), own, h("p", {class: "actions"}, button("Set", () => ask("faults", "POST", own.value), "main"), button("None", () => setFaults([]))))];
}

// ---- all of it

const views = {
  things: {name: "Resources", list: thingList, open: thing}, buckets: {name: "Buckets", list: bucketList, open: folder}, jobs: {name: "Jobs", list: jobList, open: jobOrRun},
  machines: {name: "State machines", list: machineList, open: machine}, schedules: {name: "Schedules", list: scheduleList, open: schedule}, tables: {name: "Tables", list: tableList, open: tableOf},
  logs: {name: "Logs", list: logList, open: logGroup}, faults: {name: "Faults", list: faultList, open: faults, home: faults},
};

for (const [name, {name: label}] of Object.entries(views)) document.querySelector("nav").append(link(label, name));
look();
