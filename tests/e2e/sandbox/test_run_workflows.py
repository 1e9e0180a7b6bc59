"""Glue's triggers and workflows start what they say, when they say it."""

import ast
import json
import re
import time
import uuid
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from servers import role_of
from support import SANITIZED, until
from test_firing import Served
from test_run_glue import Job

SAY = """
import sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
print({k: v for k, v in given.items() if k.startswith(("--word", "--WORKFLOW"))})
if given.get("--word") == "fail":
    raise ValueError("as it was told")
"""


class Triggers:
    def __init__(self, sandbox):
        self.sandbox, self.glue = sandbox, sandbox.client("glue")

    def make(self, kind, actions, conditions=(), logical="AND", **more):
        name = f"t-{uuid.uuid4().hex[:8]}"
        predicate = {"Predicate": {"Logical": logical, "Conditions": [{"LogicalOperator": "EQUALS", "JobName": job.name, "State": state} for job, state in conditions]}} if conditions else {}
        on = {"StartOnCreation": True} if kind != "ON_DEMAND" else {}
        self.glue.create_trigger(Name=name, Type=kind, Actions=[{"JobName": job.name, "Arguments": arguments} for job, arguments in actions], **predicate, **on, **more)
        return name

    def runs(self, job):
        return self.glue.get_job_runs(JobName=job.name)["JobRuns"]

    def ended(self, job, count=1):
        return until(lambda: (runs := self.runs(job)) and len(runs) >= count and all(r.get("CompletedOn") for r in runs) and runs)


@pytest.fixture
def triggers(job_sandbox):
    return Triggers(job_sandbox)


@pytest.fixture
def jobs(job_sandbox):
    return [Job(job_sandbox, SAY) for _ in range(3)]


def test_one_job_after_another(triggers, jobs):
    one, two, three = jobs
    start = triggers.make("ON_DEMAND", [(one, {"--word": "hello"})])
    triggers.make("CONDITIONAL", [(two, {})], [(one, "SUCCEEDED")])
    triggers.make("CONDITIONAL", [(three, {})], [(one, "FAILED")])
    assert triggers.glue.start_trigger(Name=start)["Name"] == start
    (first,) = triggers.ended(one)
    assert first["TriggerName"] == start and one.output(first["Id"]) == ["{'--word': 'hello'}"]
    triggers.ended(two)
    assert triggers.runs(three) == []
    one.result(Arguments={"--word": "fail"})
    triggers.ended(three)
    assert len(triggers.runs(two)) == 1
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        triggers.glue.start_trigger(Name="nosuch")


def test_all_or_any(triggers, jobs):
    one, two, three = jobs
    triggers.make("CONDITIONAL", [(three, {})], [(one, "SUCCEEDED"), (two, "SUCCEEDED")])
    one.result()
    one.result()
    assert triggers.runs(three) == []
    two.result()
    triggers.ended(three)
    two.result()  # one's end is used up
    assert len(triggers.runs(three)) == 1
    one.result()
    assert len(triggers.ended(three, 2)) == 2


WORKFLOW = """
    stack: flows
    resources:
      lake: {type: aws.s3.bucket, name: "flows-%(id)s", force_destroy: true}
      role: {type: aws.iam.role, name: "flows-%(id)s", assume_role_policy: '${trust("glue.amazonaws.com")}', managed_policies: ["arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole"], policies: {lake: '${allow("s3:GetObject", "${lake.arn}/*")}'}}
      script: {type: aws.s3.object, bucket: "${lake.name}", key: say.py, source: say.py}
      raw: {type: aws.s3.object, bucket: "${lake.name}", key: raw/films/a.csv, content: "id,name\\n1,alien\\n"}
      base: {type: aws.glue.database, name: "flows_%(id)s"}
      look: {type: aws.glue.crawler, name: "look-%(id)s", role: "${role.arn}", database: "${base.name}", s3_targets: [{path: "s3://${lake.name}/raw/films/"}]}
      job:
        type: aws.glue.job
        for_each: [one, two, last]
        name: ${each.key}-%(id)s
        role: ${role.arn}
        command: {name: pythonshell, script_location: "${script.url}", python_version: "3.9"}
      nightly: {type: aws.glue.workflow, name: "nightly-%(id)s", default_run_properties: {from: stack}}
      begin: {type: aws.glue.trigger, name: "begin-%(id)s", trigger_type: ON_DEMAND, workflow: "${nightly.name}", actions: [{job_name: '${job["one"].name}'}, {job_name: '${job["two"].name}', arguments: {--word: two}}]}
      then:
        type: aws.glue.trigger
        name: then-%(id)s
        trigger_type: CONDITIONAL
        workflow: ${nightly.name}
        predicate: {logical: AND, conditions: [{job_name: '${job["one"].name}', state: SUCCEEDED}, {job_name: '${job["two"].name}', state: SUCCEEDED}]}
        actions: [{crawler_name: "${look.name}"}]
      after:
        type: aws.glue.trigger
        name: after-%(id)s
        trigger_type: CONDITIONAL
        workflow: ${nightly.name}
        predicate: {conditions: [{crawler_name: "${look.name}", crawl_state: SUCCEEDED}]}
        actions: [{job_name: '${job["last"].name}', arguments: {--word: "${inputs.word}"}}]
    inputs: {word: {type: string, default: done}}
"""


@pytest.mark.full
def test_a_workflow(job_sandbox, tmp_path):
    id = uuid.uuid4().hex[:8]
    stack = job_sandbox.stack(tmp_path / "stack")
    stack.write(WORKFLOW % {"id": id}).write(SAY, "say.py").apply()
    stack.assert_settled()
    result = stack.run("run", "nightly", "asked=by weir")
    assert "nightly: COMPLETED in" in result.err
    glue = job_sandbox.client("glue")
    (run,) = glue.get_workflow_runs(Name=f"nightly-{id}")["Runs"]
    assert run["WorkflowRunProperties"] == {"from": "stack", "asked": "by weir"}
    assert {k: v for k, v in run["Statistics"].items() if v} == {"TotalActions": 4, "SucceededActions": 4}
    assert glue.get_table(DatabaseName=f"flows_{id}", Name="films")["Table"]["StorageDescriptor"]["Columns"][1]["Name"] == "name"
    (last,) = glue.get_job_runs(JobName=f"last-{id}")["JobRuns"]
    assert last["TriggerName"] == f"after-{id}"
    (said,) = job_sandbox.lines("/aws-glue/python-jobs/output", last["Id"])
    assert ast.literal_eval(said) == {"--word": "done", "--WORKFLOW_NAME": f"nightly-{id}", "--WORKFLOW_RUN_ID": run["WorkflowRunId"]}
    stack.apply("-i", "word=fail")
    failed = stack.run("run", "nightly", "-i", "word=fail", status=1)
    assert "1 of its jobs and crawlers failed" in failed.err
    assert [json.loads(line)["state"] for line in stack.run("jobs", "nightly", "--json").out.splitlines()] == ["failed", "succeeded"]
    with pytest.raises(ClientError, match="StartWorkflowRun"):
        glue.start_trigger(Name=f"begin-{id}")
    stack.destroy()


def test_a_workflow_that_is_stopped_or_empty(job_sandbox, triggers):
    glue = job_sandbox.client("glue")
    slow = Job(job_sandbox, "import time\nprint('ready', flush=True)\ntime.sleep(600)")
    glue.create_workflow(Name="slow", MaxConcurrentRuns=1)
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        glue.start_workflow_run(Name="nosuch")
    empty = glue.start_workflow_run(Name="slow")["RunId"]
    assert until(lambda: (r := glue.get_workflow_run(Name="slow", RunId=empty)["Run"])["Status"] != "RUNNING" and r)["Status"] == "ERROR"
    triggers.make("ON_DEMAND", [(slow, {})], WorkflowName="slow")
    run = glue.start_workflow_run(Name="slow")["RunId"]
    with pytest.raises(ClientError, match="ConcurrentRunsExceeded"):
        glue.start_workflow_run(Name="slow")
    until(lambda: [r for r in triggers.runs(slow) if r["JobRunState"] == "RUNNING"])
    glue.stop_workflow_run(Name="slow", RunId=run)
    assert until(lambda: (r := glue.get_workflow_run(Name="slow", RunId=run)["Run"])["Status"] not in ("RUNNING", "STOPPING") and r)["Status"] == "STOPPED"
    assert triggers.runs(slow)[0]["JobRunState"] == "STOPPED"


@pytest.mark.full
@pytest.mark.skipif(SANITIZED, reason="AddressSanitizer keeps what was freed")
def test_a_run_that_lasts_takes_no_more_memory(triggers):
    """It looks at all triggers twenty times a second."""
    sandbox, glue = triggers.sandbox, triggers.glue
    slow, never, name = Job(sandbox, "import time\ntime.sleep(600)"), Job(sandbox, ""), f"long-{uuid.uuid4().hex[:8]}"
    glue.create_workflow(Name=name)
    triggers.make("ON_DEMAND", [(slow, {})], WorkflowName=name)
    for _ in range(100):
        triggers.make("CONDITIONAL", [(never, {})], [(never, "SUCCEEDED")], WorkflowName=name, Description="x" * 2000)
    run = glue.start_workflow_run(Name=name)["RunId"]
    until(lambda: [r for r in triggers.runs(slow) if r["JobRunState"] == "RUNNING"])
    memory = lambda: int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{sandbox.process.pid}/status").read_text())[1])  # noqa: E731
    before = memory()
    time.sleep(4)  # in which it looks some eighty times
    assert memory() < before + 8 * 1024
    glue.stop_workflow_run(Name=name, RunId=run)
    until(lambda: glue.get_workflow_run(Name=name, RunId=run)["Run"]["Status"] == "STOPPED")


def test_a_workflow_waits_for_repetitions(job_sandbox, triggers):
    """A job that fails and is started again is no end of it, at no moment."""
    glue, name = job_sandbox.client("glue"), f"again-{uuid.uuid4().hex[:8]}"
    job = Job(job_sandbox, "import sys\nassert '_attempt_3' in sys.argv[sys.argv.index('--JOB_RUN_ID') + 1]", MaxRetries=3)
    glue.create_workflow(Name=name)
    triggers.make("ON_DEMAND", [(job, {})], WorkflowName=name)
    run = glue.start_workflow_run(Name=name)["RunId"]
    ended = until(lambda: (r := glue.get_workflow_run(Name=name, RunId=run)["Run"])["Status"] != "RUNNING" and r)
    assert ended["Status"] == "COMPLETED" and {k: v for k, v in ended["Statistics"].items() if v} == {"TotalActions": 4, "SucceededActions": 1, "FailedActions": 3}


def test_a_scheduled_trigger_and_crawler():
    served = Served(speed=100000)
    try:
        glue = served.client("glue")
        role_of(served, "job")
        glue.create_database(DatabaseInput={"Name": "none"})
        glue.create_crawler(Name="daily", Role="job", DatabaseName="none", Targets={"S3Targets": [{"Path": "s3://nosuch/x/"}]}, Schedule="cron(0 2 * * ? *)")
        glue.create_job(Name="hourly", Role="job", Command={"Name": "pythonshell", "ScriptLocation": "s3://nosuch/say.py", "PythonVersion": "3.9"})
        glue.create_workflow(Name="flow")
        for name, more in (("alone", {}), ("in-flow", {"WorkflowName": "flow"})):
            glue.create_trigger(Name=name, Type="SCHEDULED", Schedule="cron(0 * * * ? *)", StartOnCreation=True, Actions=[{"JobName": "hourly"}], **more)
        until(lambda: {r.get("TriggerName") for r in glue.get_job_runs(JobName="hourly")["JobRuns"]} >= {"alone", "in-flow"})
        until(lambda: glue.get_workflow_runs(Name="flow")["Runs"] and glue.list_crawls(CrawlerName="daily")["Crawls"])
    finally:
        served.stop()
