"""The console as it looks, part by part, held against small pictures; what is broken on purpose has to be seen."""

import json
import os
import sys
from urllib.parse import quote

import pytest
from camera import Camera
from servers import role_of
from support import until
from test_console import Console

pytestmark = pytest.mark.long

STORAGE = {"Location": "s3://lake/films/", "InputFormat": "org.apache.hadoop.mapred.TextInputFormat", "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
           "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde"},
           "Columns": [{"Name": "title", "Type": "string"}, {"Name": "year", "Type": "int"}, {"Name": "gross", "Type": "double"}]}


def ends(*states, **more):
    """States one after the other."""
    return {name: {"Type": "Pass", **({"Next": states[i + 1]} if i + 1 < len(states) else {"End": True}), **more} for i, name in enumerate(states)}


NIGHTLY = {"StartAt": "What day", "States": {
    "What day": {"Type": "Choice", "Choices": [{"Variable": "$.day", "IsPresent": True, "Next": "Trusted"}], "Default": "Today"},
    "Today": {"Type": "Pass", "Result": "today", "ResultPath": "$.day", "Next": "Trusted"},
    "Trusted": {"Type": "Parallel", "Next": "Each table", "ResultPath": "$.trusted", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Tell somebody", "ResultPath": "$.error"}], "Branches": [
        {"StartAt": "Movies", "States": ends("Movies", "Count movies")},
        {"StartAt": "Is it there", "States": {"Is it there": {"Type": "Choice", "Choices": [{"Variable": "$.broken", "IsPresent": True, "Next": "No answer"}], "Default": "Series"},
                                              "Series": {"Type": "Pass", "End": True}, "No answer": {"Type": "Fail", "Error": "NoAnswer", "Cause": "the film API has not answered"}}}]},
    "Each table": {"Type": "Map", "ItemsPath": "$.tables", "ResultPath": "$.made", "Next": "Enough", "ItemProcessor": {"StartAt": "Refine", "States": ends("Refine")}},
    "Enough": {"Type": "Choice", "Choices": [{"Variable": "$.again", "IsPresent": True, "Next": "Each table"}], "Default": "Done"},
    "Tell somebody": {"Type": "Pass", "Next": "Failed"}, "Failed": {"Type": "Fail", "Error": "NightlyFailed", "Cause": "a table could not be made"}, "Done": {"Type": "Succeed"}}}


def furnish(console):
    """Something of everything that the page shows."""
    s3, glue, states = console.client("s3"), console.client("glue"), console.client("stepfunctions")
    for name in "lake", "marts":
        s3.create_bucket(Bucket=name)
    for key, body in {"films/alien.csv": "Alien,1979,104.9\nTron,1982,33.0\n", "films/other.csv": "Heat,1995,187.4\n", "raw/a.json": json.dumps({"title": "Alien", "year": 1979}),
                      "jobs/etl.py": "print('read 3 films')\nprint('wrote 3 films')\n", "jobs/broken.py": "print('read 3 films')\nraise SystemExit('no table is called filmz')\n", "README.txt": "What lies in this lake.\n"}.items():
        s3.put_object(Bucket="lake", Key=key, Body=body.encode(), ContentType="text/plain", Metadata={"made-by": "weir"})
    role = role_of(console, "jobs")
    for name in "broken", "etl":
        glue.create_job(Name=name, Role=role, Command={"Name": "pythonshell", "PythonVersion": "3.9", "ScriptLocation": f"s3://lake/jobs/{name}.py"}, DefaultArguments={"--SOURCE": "s3://lake/films", "--db_password": "hidden"}, Tags={"owner": "ada"})
        run = glue.start_job_run(JobName=name)["JobRunId"]
        until(lambda name=name, run=run: glue.get_job_run(JobName=name, RunId=run)["JobRun"]["JobRunState"] in ("SUCCEEDED", "FAILED"))
    glue.create_database(DatabaseInput={"Name": "films"})
    for name in "films", "series":
        glue.create_table(DatabaseName="films", TableInput={"Name": name, "StorageDescriptor": STORAGE, "TableType": "EXTERNAL_TABLE"})
    machine = states.create_state_machine(name="nightly", definition=json.dumps(NIGHTLY), roleArn=role)["stateMachineArn"]
    waits = states.create_state_machine(name="waits", definition=json.dumps({"StartAt": "Long", "States": {"Long": {"Type": "Wait", "Seconds": 9999, "Next": "Over"}, "Over": {"Type": "Succeed"}}}), roleArn=role)["stateMachineArn"]
    for name, input in ("good", {"tables": [1, 2]}), ("bad", {"tables": [], "broken": True, "day": "monday"}):
        run = states.start_execution(stateMachineArn=machine, name=name, input=json.dumps(input))["executionArn"]
        until(lambda run=run: states.describe_execution(executionArn=run)["status"] != "RUNNING")
    states.start_execution(stateMachineArn=waits, name="long")
    console.client("scheduler").create_schedule(Name="at-night", ScheduleExpression="cron(0 3 * * ? *)", ScheduleExpressionTimezone="Europe/Berlin", FlexibleTimeWindow={"Mode": "OFF"}, Target={"Arn": machine, "RoleArn": role})
    console.client("events").put_rule(Name="new-objects", EventPattern=json.dumps({"source": ["aws.s3"]}), State="DISABLED")
    console.ask("/_weir/console/faults", {"rules": [{"fault": "lost", "probability": 0.1}, {"fault": "throttle", "service": "none"}]})


@pytest.fixture
def furnished(tmp_path):
    server = Console(tmp_path / "served", "--ephemeral", "--console-write", env={**os.environ, "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"], "TZ": "UTC"})
    furnish(server)
    yield server
    server.stop()


@pytest.fixture
def camera(tmp_path):
    camera = Camera(tmp_path)
    yield camera
    camera.stop()


MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:nightly"


def run_of(console, owner):
    return next(one["id"] for one in json.loads(console.ask("/_weir/console/runs")[2]) if one["owner"] == owner)


def id_of(console, type):
    return next(one["things"][0]["id"] for one in json.loads(console.ask("/_weir/console/things")[2])["types"] if one["type"] == type)


# What each part shows: where it is, and what has to be there before it is photographed.
PARTS = {
    "overview": (lambda console: ["things"], ".tiles"),
    "thing": (lambda console: ["things", "aws.glue.job", "us-east-1", "etl"], "dd"),
    "bucket": (lambda console: ["buckets", "lake"], "td.folder"),
    "object": (lambda console: ["buckets", "lake", "films/alien.csv"], "pre"),
    "job": (lambda console: ["jobs", "job", "aws.glue.job", "us-east-1", "etl"], "button.main"),
    "run": (lambda console: ["jobs", "run", "glue", run_of(console, "broken")], "pre.log"),
    "machine-good": (lambda console: ["machines", MACHINE, f"{MACHINE.replace('stateMachine', 'execution')}:good"], "svg .done"),
    "machine-bad": (lambda console: ["machines", MACHINE, f"{MACHINE.replace('stateMachine', 'execution')}:bad"], "svg .ended"),
    "machine-waits": (lambda console: ["machines", MACHINE.replace("nightly", "waits"), f"{MACHINE.replace('stateMachine', 'execution').replace('nightly', 'waits')}:long"], "svg .now"),
    "schedule": (lambda console: ["schedules", "aws.scheduler.schedule", "us-east-1", id_of(console, "aws.scheduler.schedule")], "dd"),
    "table": (lambda console: ["tables", "us-east-1", "films", "films"], "#query"),
    "logs": (lambda console: ["logs", "us-east-1", "/aws-glue/python-jobs/output"], "td.name"),
    "faults": (lambda console: ["faults"], "#rules"),
}
BROKEN = {
    "no list": "#list > * { visibility: hidden !important; }",
    "no parts to choose": "nav { visibility: hidden; }",
    "no title": "h2 { visibility: hidden; }",
    "one below the other": "main { grid-template-columns: 1fr !important; }",
    "a list over the rest": "#detail { margin-left: -120px; }",
}
ALSO = {
    "overview": {"no counts": ".tile b { visibility: hidden; }", "no groups": "tr.group { display: none; }"},
    "thing": {"no names": "dt { visibility: hidden; }", "below each other": "dl { display: block; }", "nothing chosen": "tr.chosen td { background: var(--back); box-shadow: none !important; }"},
    "bucket": {"no sizes": "td.number { visibility: hidden; }"},
    "object": {"no content": "pre { display: none; }"},
    "job": {"no button": "button.main { background: var(--soft) !important; }"},
    "run": {"no log": "pre.log { display: none; }", "no reason": ".failed { visibility: hidden; }", "states without colours": ".state { color: var(--text) !important; background: none !important; }"},
    "machine-good": {"no lines": "svg path { visibility: hidden; }", "no path": "svg path.taken { stroke: var(--dim) !important; stroke-width: 1px !important; }", "no states": "svg rect { stroke: none; fill: none; }", "not done": "svg .done > rect { fill: var(--back) !important; stroke: var(--line) !important; }",
                     "a frame that is gone": "svg .outer > rect { visibility: hidden; }", "a state beside its place": "svg [data-state=Today] { transform: translate(20px, 0); }", "no names": "svg text { visibility: hidden; }"},
    "machine-bad": {"not failed": "svg .ended > rect { fill: var(--goodback) !important; stroke: var(--good) !important; }"},
    "machine-waits": {"not at work": "svg .now > rect { fill: var(--goodback) !important; stroke: var(--good) !important; }"},
    "schedule": {"not when": ".facts { visibility: hidden; }"},
    "table": {"no query": "#query { visibility: hidden; }", "no result": "#result { visibility: hidden; }", "numbers to the left": "td.number { text-align: left !important; }"},
    "logs": {"no streams": "#detail td { visibility: hidden; }"},
    "faults": {"no switches": ".switch { visibility: hidden; }", "all off": ".switch[aria-checked=true] { background: none !important; } .switch[aria-checked=true]::after { left: 3px !important; background: var(--dim) !important; }", "no rules": "#detail table { visibility: hidden; }"},
}
# What hangs on the clock and on how fast this machine is, and letters whose faces other than the bars differ in width.
TIMELESS = "for (const time of document.querySelectorAll('time')) time.textContent = '10 s ago'"


def shown(camera, console, part, **how):
    where, has = PARTS[part]
    camera.visit(console.page + "#" + "/".join(quote(one, safe="") for one in where(console)), **how)
    camera.browser.until(f"document.querySelectorAll('#list tr.row, #list .switches').length > 0 && document.querySelectorAll('#detail {has}').length > 0")
    if part == "table":
        camera.run("document.querySelector('#run').click()")
        camera.browser.until("document.querySelectorAll('#result td').length > 0")
    camera.run("clearTimeout(pending)")
    camera.run(TIMELESS)


@pytest.mark.parametrize("part", PARTS)
def test_a_part(camera, furnished, part):
    shown(camera, furnished, part)
    camera.holds(f"console-{part}")
    camera.sees(f"console-{part}", BROKEN | ALSO[part])


UNREADABLE = {
    "text as dark as its ground": ":root { --text: #1f2328 !important; }",
    "dim text that is not seen": ":root { --dim: #30363d !important; }",
    "a ground of the light": ":root { --back: #fff !important; }",
    "states of the light": ":root { --goodback: #dafbe1 !important; --badback: #ffebe9 !important; --busyback: #fff8c5 !important; }",
}


@pytest.mark.parametrize("part", ["overview", "machine-bad", "run"])
def test_in_the_dark(camera, furnished, part):
    shown(camera, furnished, part, dark=True)
    camera.holds(f"console-{part}-dark")
    camera.sees(f"console-{part}-dark", UNREADABLE)


def test_in_a_small_window(camera, furnished):
    shown(camera, furnished, "machine-good", wide=420, high=900)
    assert camera.run("document.documentElement.scrollWidth <= innerWidth")
    camera.run("document.querySelector('#detail > .part:last-child').remove()")  # the history is long
    camera.holds("console-small")
    camera.sees("console-small", {"no list": BROKEN["no list"], "no lines": ALSO["machine-good"]["no lines"], "beside each other": "main { display: grid !important; }"})


def test_in_print(camera, furnished):
    """What is chosen, and nothing that only a screen can do."""
    shown(camera, furnished, "machine-bad", wide=800, high=1120, media="print")
    camera.holds("console-print")
    camera.sees("console-print", {"parts to choose": "nav { display: flex !important; }", "a list": "#list { display: block !important; }", "no lines": ALSO["machine-good"]["no lines"]})


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("part", PARTS)
def test_axe_has_nothing_to_say(camera, furnished, part, dark):
    shown(camera, furnished, part, bars=False, dark=dark)
    assert camera.judged() == []
