"""The sandbox's page: who may see it, that it only looks unless told otherwise, and what it shows in a browser."""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from browser import Browser
from servers import ROOT, role_of
from support import until
from test_access import WEIR, Served

HOSTILE = "<img src=x onerror=document.title='x'>"
SECRET = "console-Kingfisher-7"


class Console(Served):
    kind = "sandbox"

    def __init__(self, folder, *words, **more):
        super().__init__(folder, *words, **more)
        for line in self.process.stderr:
            if found := re.search(r"(http://\S+)/_weir/\?token=(\w+)", line):
                self.page, (self.base, self.token) = found[0], found.groups()
                break

    def ask(self, path, data=None, method=None, token=True, **headers):
        """Status, headers and text."""
        body = json.dumps(data).encode() if data is not None else None
        headers = {name.replace("_", "-"): value for name, value in headers.items()} | ({"X-Weir-Token": self.token} if token else {})
        try:
            with urllib.request.urlopen(urllib.request.Request(self.base + path, data=body, method=method, headers=headers)) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers, refused.read().decode()

    def call(self, service, operation, **input):
        status, _, text = self.ask("/_weir/console/call", {"service": service, "operation": operation, "region": "us-east-1", "input": input})
        return status, json.loads(text)


@pytest.fixture
def console(tmp_path):
    server = Console(tmp_path / "served", "--ephemeral", "--console")
    yield server
    server.stop()


@pytest.fixture
def open_console(tmp_path):
    server = Console(tmp_path / "served", "--ephemeral", "--console-write", env={**os.environ, "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]})
    yield server
    server.stop()


def test_who_may_look(console):
    page = f"/_weir/?token={console.token}"
    for path, more in (("/_weir/", {}), ("/_weir/?token=", {}), (page[:-1], {}), (page + "0", {}), (page, {"Host": "films.example"}), (page, {"Origin": "http://films.example"}),
                       (page, {"Origin": "null"}), (page, {"Sec_Fetch_Site": "cross-site"}), ("/_weir/console/things", {}), (f"/_weir/console/things?token={console.token}", {})):
        assert console.ask(path, token=False, **more)[0] == 403, (path, more)
    for more in {"Host": "films.example"}, {"Origin": "http://films.example"}, {"Sec_Fetch_Site": "same-site"}, {"X_Weir_Token": "0" * 32, "token": False}:
        for path in "things", "buckets", "runs", "faults", "nothing":
            assert console.ask(f"/_weir/console/{path}", **more)[0] == 403, (path, more)
    status, headers, text = console.ask(page, token=False)
    script, style = re.search("<script>(.*)</script>", text, re.S)[1], re.search("<style>(.*)</style>", text, re.S)[1]
    policy = headers["Content-Security-Policy"]
    for kind, part in ("script", script), ("style", style):
        assert f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}'" in policy
    assert status == 200 and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and headers["Referrer-Policy"] == "no-referrer" and not headers["Set-Cookie"]
    assert len(text) < 300_000 and not re.search(r"\b(src|href)=", text) and "innerHTML" not in script and "eval(" not in script
    assert console.ask("/_weir/console/nothing")[0] == 404 and console.ask("/_weir/console/things", method="DELETE")[0] == 405


def test_each_operation_that_may_be_asked_for_is():
    """The list of what the page may do is no longer than what it does."""
    rows = re.findall(r'\{"(\w+)", "([\w ]*)",\s*"([\w ]*)"\}', (ROOT / "sandbox/console/console.c").read_text())
    may = [(service, operation) for service, *operations in rows for operation in " ".join(operations).split()]
    asks = re.findall(r'call\("(\w+)", "(\w+)"', "".join(one.read_text() for one in (ROOT / "sandbox/console/page").glob("*.js")))
    assert len(may) > 10 and set(may) == set(asks)


def test_without_being_asked_for_there_is_none(tmp_path):
    for words in ("--bind", "0.0.0.0", "--console", "-y"), ("--bind", "0.0.0.0", "--console-write", "-y"):
        refused = subprocess.run([WEIR, "sandbox", "--ephemeral", "--port", "0", *words], cwd=tmp_path, capture_output=True, text=True)
        assert refused.returncode == 3 and "for this machine alone" in refused.stderr
    server = Served(tmp_path / "plain", "--ephemeral", "--host", "films.example")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(server.url + "/_weir/")
    assert "_weir/?token" not in server.stop()
    named = Console(tmp_path / "named", "--ephemeral", "--console", "--host", "films.example")  # that name is no guard's of a page
    assert named.ask(f"/_weir/?token={named.token}", token=False, Host="films.example")[0] == 403
    named.stop()


def test_it_only_looks_and_tells_no_secret(console):
    console.client("s3").create_bucket(Bucket="films")
    console.client("s3").put_object(Bucket="films", Key="a/" + HOSTILE, Body=b"text")
    console.client("secretsmanager").create_secret(Name="login", SecretString=SECRET)
    console.client("ssm").put_parameter(Name="/login", Value=SECRET, Type="SecureString")
    role = role_of(console, "job")
    console.client("glue").create_job(Name="etl", Role=role, Command={"Name": "pythonshell", "ScriptLocation": "s3://films/x.py"}, DefaultArguments={"--db_password": SECRET})
    told = {one["type"]: one["things"] for one in json.loads(console.ask("/_weir/console/things")[2])["types"]}
    assert {"aws.secretsmanager.secret", "aws.ssm.parameter", "aws.glue.job"} <= set(told) and told["aws.glue.job"][0]["attrs"]["default_arguments"]["--db_password"] == "(secret)"
    assert SECRET not in json.dumps(told) and json.loads(console.ask("/_weir/console/buckets")[2]) == [{"name": "films", "region": "us-east-1"}]
    assert [one["Prefix"] for one in console.call("s3", "ListObjectsV2", Bucket="films", Delimiter="/")[1]["CommonPrefixes"]] == ["a/"]
    assert console.call("s3", "GetObject", Bucket="films", Key="a/" + HOSTILE)[1]["Body"] == "text"
    assert not re.search('"=', json.dumps(told))  # of the sandbox's own
    for service, operation in (("secretsmanager", "GetSecretValue"), ("ssm", "GetParameter"), ("sts", "AssumeRole"), ("s3", "DeleteObject"), ("nothing", "GetObject")):
        assert console.call(service, operation)[0] == 403, operation
    for service, operation in (("glue", "StartJobRun"), ("states", "StartExecution"), ("athena", "StartQueryExecution"), ("glue", "BatchStopJobRun")):
        status, answer = console.call(service, operation, JobName="etl")
        assert status == 403 and "--console-write" in answer["error"]["message"], operation
    for method in "POST", "DELETE", "PUT":
        assert console.ask("/_weir/console/faults", {"rules": [{"latency": 1}]}, method=method)[0] == 403
    assert json.loads(console.ask("/_weir/console/faults")[2])["rules"] == []
    for wrong in b"{", b"[]", b"7":
        assert console.ask("/_weir/console/call", json.loads(wrong) if wrong != b"{" else "{")[0] in (400, 403)
    assert console.call("s3", "ListObjectsV2", Bucket="none")[0] in (400, 404)


@pytest.fixture
def browser(open_console):
    shown = Browser(open_console.page)
    yield shown
    shown.stop()


MACHINE = {"StartAt": "Look", "States": {
    "Look": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "One"}], "Default": "Other"},
    "One": {"Type": "Pass", "Next": HOSTILE}, "Other": {"Type": "Fail", "Error": "Other"},
    HOSTILE: {"Type": "Pass", "Result": {"ok": True}, "End": True}}}


@pytest.mark.long
def test_a_browser_shows_what_there_is(open_console, browser):
    console = open_console
    s3, glue, states = console.client("s3"), console.client("glue"), console.client("stepfunctions")
    s3.create_bucket(Bucket="lake")
    s3.put_object(Bucket="lake", Key="raw/" + HOSTILE, Body=HOSTILE.encode())
    s3.put_object(Bucket="lake", Key="job.py", Body=f"print('read {HOSTILE[:4]}')".encode())
    s3.put_object(Bucket="lake", Key="films/a.csv", Body=b"alien,104\ntron,33\n")
    role = role_of(console, "job")
    glue.create_job(Name="etl", Role=role, Command={"Name": "pythonshell", "PythonVersion": "3.9", "ScriptLocation": "s3://lake/job.py"})
    machine = states.create_state_machine(name="nightly", definition=json.dumps(MACHINE), roleArn=role)["stateMachineArn"]
    for n in 1, 2:
        states.start_execution(stateMachineArn=machine, name=f"run-{n}", input=json.dumps({"n": n}))
    console.client("scheduler").create_schedule(Name="at-night", ScheduleExpression="cron(0 3 * * ? *)", FlexibleTimeWindow={"Mode": "OFF"}, Target={"Arn": machine, "RoleArn": role})
    glue.create_database(DatabaseInput={"Name": "films"})
    storage = {"Columns": [{"Name": "title", "Type": "string"}, {"Name": "gross", "Type": "int"}], "Location": "s3://lake/films/", "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
               "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat", "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde"}}
    glue.create_table(DatabaseName="films", TableInput={"Name": "films", "StorageDescriptor": storage, "TableType": "EXTERNAL_TABLE"})
    long = {"StartAt": "Long", "States": {"Long": {"Type": "Wait", "Seconds": 9999, "End": True}}}
    waits = states.create_state_machine(name="waits", definition=json.dumps(long), roleArn=role)["stateMachineArn"]

    browser.click("#again", "Refresh")
    browser.shows("#list", "aws.stepfunctions.state_machine")
    browser.run("{const box = document.querySelector('#list input'); box.value = 'NIGHTLY'; box.dispatchEvent(new Event('input'))}")
    assert browser.run("[...document.querySelectorAll('#list tr.row')].filter(row => row.offsetHeight).map(row => row.cells[0].textContent)") == ["nightly"]
    browser.run("{const box = document.querySelector('#list input'); box.value = ''; box.dispatchEvent(new Event('input')); document.querySelector('#list tr.row a').focus()}")
    for key, row in ("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1):
        browser("Input.dispatchKeyEvent", type="rawKeyDown", key=key, code=key)
        assert browser.run(f"document.activeElement === document.querySelectorAll('#list tr.row a')[{row}]")
    browser("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", text="\r", windowsVirtualKeyCode=13)
    browser.until("document.querySelector('#list [aria-current]') === document.activeElement && document.querySelector('#said').textContent === document.querySelector('#detail h2').textContent")
    browser.click("nav a", "Buckets")
    browser.click("#list td", "lake")
    browser.click("#detail td", "raw/")
    browser.click("#detail td", HOSTILE)
    browser.shows("#detail pre", HOSTILE)
    browser.click("#detail h2 a", "raw")
    browser.shows("#detail td", HOSTILE)
    browser.click("nav a", "Jobs")
    browser.click("#list tbody:last-of-type td", "etl")
    browser.click("#detail button", "Start a run")
    browser.shows("#detail .facts", "SUCCEEDED")  # without being asked to look again
    browser.shows("#detail pre.log", "read <img")
    browser.click("nav a", "State machines")
    browser.click("#list td", "nightly")
    browser.click("#detail td", "run-1")
    browser.until("document.querySelectorAll('#detail svg .done').length === 3")
    assert browser.run("[...document.querySelectorAll('#detail svg .done')].map(one => one.dataset.state).sort()") == sorted(["Look", "One", HOSTILE]) and browser.run("document.querySelectorAll('path.taken').length") == 2
    browser.click("#list td", "nightly")
    browser.click("#detail td", "run-2")
    browser.until("document.querySelector('#detail svg .ended')?.dataset.state === 'Other'")
    browser.click("#list td", "waits")
    browser.click("#detail button", "Start")
    browser.until("document.querySelector('#detail svg .now')?.dataset.state === 'Long'")
    browser.click("#detail button", "Stop it")
    until(lambda: states.list_executions(stateMachineArn=waits)["executions"][0]["status"] == "ABORTED")
    browser.shows("#detail", "ABORTED")
    browser.click("nav a", "Schedules")
    browser.click("#list td", "at-night")
    browser.shows("#detail .facts", "cron(0 3 * * ? *)")
    browser.click("#detail dd a", machine)  # what a thing names leads there
    browser.shows("#detail h2", "nightly")
    browser.run("history.back()")
    browser.shows("#detail .facts", "cron(0 3 * * ? *)")
    browser.click("nav a", "Tables")
    browser.click("#list td", "films")
    browser.click("#detail button", "Run")
    browser.shows("#result", "alien104tron33" if shutil_duckdb() else "duckdb")
    browser.click("nav a", "Faults")
    browser.until("!!document.querySelector('#list [aria-label=\"Lost answers\"]')")
    browser.run("document.querySelector('#list [aria-label=\"Lost answers\"]').click()")
    browser.shows("#detail td", '"fault":"lost"')
    browser.until("document.querySelector('#list [aria-checked=true]')?.getAttribute('aria-label') === 'Lost answers'")
    assert json.loads(console.ask("/_weir/console/faults")[2])["rules"][0]["fault"] == "lost"
    browser.click("#detail button", "None")
    until(lambda: not json.loads(console.ask("/_weir/console/faults")[2])["rules"])

    assert browser.run("document.title") == "weir sandbox" and browser.run("document.cookie") == "" and browser.run("document.querySelectorAll('img').length") == 0
    assert not browser.complaints() and all(url.startswith((console.base + "/_weir/", "about:")) for url in browser.requests())


def shutil_duckdb():
    return subprocess.run([sys.executable, "-c", "import duckdb"], capture_output=True).returncode == 0


@pytest.mark.long
def test_a_page_that_only_looks(console):
    console.client("glue").create_job(Name="etl", Role=role_of(console, "job"), Command={"Name": "pythonshell", "ScriptLocation": "s3://films/x.py"})
    browser = Browser(console.page)
    try:
        browser.click("nav a", "Jobs")
        browser.click("#list td", "etl")
        browser.until("document.querySelector('#detail button')?.disabled")
        browser.click("nav a", "Faults")
        browser.until("document.querySelectorAll('#list button:disabled').length > 4")
    finally:
        browser.stop()


@pytest.mark.long
def test_more_than_a_page_shows(console):
    """Objects come by the thousand, logs by their end, and a run's log is found among those of many."""
    s3, logs = console.client("s3"), console.client("logs")
    s3.create_bucket(Bucket="many")
    for n in range(1002):
        s3.put_object(Bucket="many", Key=f"part-{n:04}", Body=b"")
    s3.put_object(Bucket="many", Key="large", Body=b"x" * 300_000)
    logs.create_log_group(logGroupName="/long")
    logs.create_log_stream(logGroupName="/long", logStreamName="one")
    now = int(time.time() * 1000)
    for start in range(0, 2400, 800):
        logs.put_log_events(logGroupName="/long", logStreamName="one", logEvents=[{"timestamp": now + n, "message": f"line {n}"} for n in range(start, start + 800)])
    browser = Browser(console.page + "#buckets/many")
    try:
        browser.click("#detail .note a", "The next")
        browser.until("[...document.querySelectorAll('#detail tr.row')].map(row => row.cells[0].textContent).join() === 'part-0999,part-1000,part-1001'")
        browser.run("location.hash = '#buckets/many/large'")
        browser.shows("#detail .note", "aws s3 cp s3://many/large")
        browser.run("location.hash = '#logs/us-east-1/%2Flong/one'")
        browser.shows("#detail pre.log", "line 2399")
        assert browser.run("document.querySelector('#detail pre.log').textContent.split('\\n').length") == 2000 and "2000" in browser.run("document.querySelector('#detail .note').textContent")
        browser.run("location.hash = '#things/aws.logs.log_group/us-east-1/nothing'")
        browser.shows("#detail [role=alert]", "not there any more")
    finally:
        browser.stop()
