"""State machines over functions and Glue jobs that really run."""

import json
import uuid

import pytest
from support import until
from test_stepfunctions import Machines
from test_run_batch import Queue
from test_run_emrserverless import Runs, sandbox as spark_sandbox  # noqa: F401 - a fixture
from test_run_glue import UPPER, Job
from test_run_lambda import Function


@pytest.fixture
def machines(job_sandbox):
    return Machines(job_sandbox)


COUNT = """
import boto3
s3 = boto3.client("s3")

class Empty(Exception):
    pass

def handler(event, context):
    if "flaky" in event:  # fails until it was called often enough
        key = "calls/" + event["flaky"]
        found = s3.list_objects_v2(Bucket="lake", Prefix=key).get("KeyCount", 0)
        s3.put_object(Bucket="lake", Key=f"{key}/{found}", Body=b"")
        if found < event["fails"]:
            raise ConnectionError(f"attempt {found}")
        return {"calls": found + 1}
    lines = s3.get_object(Bucket="lake", Key=event["key"])["Body"].read().decode().split()
    if not lines:
        raise Empty("nothing in " + event["key"])
    return {"key": event["key"], "lines": len(lines), "first": lines[0]}
"""


def pipeline(function, job, prefix):
    """Makes each file upper case with Glue, counts its lines with Lambda, beside a call that fails twice; a file without lines is caught."""
    item = {"StartAt": "Refine", "States": {
        "Refine": {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "ResultPath": "$.run", "Next": "Count",
                   "Parameters": {"JobName": job.name, "Arguments": {
                       "--source.$": "$.source", "--target.$": f"States.Format('{prefix}/{{}}', $.name)"}},
                   "ResultSelector": {"state.$": "$.JobRunState"}},
        "Count": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True,
                  "Parameters": {"FunctionName": function.name, "Payload": {"key.$": f"States.Format('{prefix}/{{}}', $.name)"}},
                  "ResultSelector": {"count.$": "$.Payload"}, "ResultPath": "$.counted", "OutputPath": "$.counted.count",
                  "Catch": [{"ErrorEquals": ["Empty"], "ResultPath": "$.error", "Next": "None"}]},
        "None": {"Type": "Pass", "Parameters": {"key.$": "$.name", "lines": 0, "why.$": "States.StringToJson($.error.Cause)"}, "End": True}}}
    return {"StartAt": "Both", "States": {
        "Both": {"Type": "Parallel", "Next": "Enough", "ResultSelector": {"files.$": "$[0]", "calls.$": "$[1].calls"}, "Branches": [
            {"StartAt": "Files", "States": {"Files": {
                "Type": "Map", "ItemsPath": "$.files", "MaxConcurrency": 2, "ItemProcessor": item, "End": True,
                "ItemSelector": {"name.$": "$$.Map.Item.Value", "source.$": f"States.Format('raw-{prefix}/{{}}', $$.Map.Item.Value)"}}}},
            {"StartAt": "Flaky", "States": {"Flaky": {
                "Type": "Task", "Resource": f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}",
                "Parameters": {"flaky": prefix, "fails": 2}, "End": True,
                "Retry": [{"ErrorEquals": ["ConnectionError"], "IntervalSeconds": 1, "MaxAttempts": 3}]}}}]},
        "Enough": {"Type": "Choice", "Choices": [{"Variable": "$.files[0].lines", "NumericGreaterThan": 1, "Next": "Good"}], "Default": "Bad"},
        "Good": {"Type": "Succeed"}, "Bad": {"Type": "Fail", "Error": "TooFew"}}}


@pytest.mark.full
def test_a_pipeline(machines, job_sandbox):
    prefix = "p" + uuid.uuid4().hex[:6]
    for name, text in (("a.csv", "alien,1979\nbrazil,1985\n"), ("b.csv", ""), ("c.csv", "casablanca,1942\n")):
        job_sandbox.put(f"raw-{prefix}/{name}", text)
    function = Function(job_sandbox, main_dot_py=COUNT)
    job = Job(job_sandbox, UPPER, ExecutionProperty={"MaxConcurrentRuns": 3})
    execution = machines.start(machines.make(pipeline(function, job, prefix)), {"files": ["a.csv", "b.csv", "c.csv"]})
    end = machines.end(execution)
    assert end["status"] == "SUCCEEDED", end
    files = json.loads(end["output"])["files"]
    assert files[0] == {"key": f"{prefix}/a.csv", "lines": 2, "first": "ALIEN,1979"}
    assert files[1]["lines"] == 0 and files[1]["why"]["errorMessage"] == f"nothing in {prefix}/b.csv"
    assert files[2]["first"] == "CASABLANCA,1942"
    assert json.loads(end["output"])["calls"] == 3
    types = [event["type"] for event in machines.history(execution)]
    assert types.count("LambdaFunctionFailed") == 2 and types.count("LambdaFunctionSucceeded") == 1
    assert types.count("TaskSubmitted") == 3 and types.count("MapIterationSucceeded") == 3
    # without the first file there are too few lines
    end = machines.run(pipeline(function, job, prefix), {"files": ["c.csv"]})
    assert end["error"] == "TooFew"


def test_what_fails_says_why(machines, job_sandbox):
    job = Job(job_sandbox, "raise SystemExit('no film today')")
    end = machines.run({"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Parameters": {"JobName": job.name}})
    assert end["error"] == "States.TaskFailed" and json.loads(end["cause"])["JobRunState"] == "FAILED"
    end = machines.run({"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun", "Parameters": {"JobName": "none"}})
    assert end["error"] == "Glue.EntityNotFoundException"
    end = machines.run({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "none"}})
    assert end["error"] == "Lambda.ResourceNotFoundException"


def test_a_job_that_takes_too_long_is_stopped(machines, job_sandbox):
    job = Job(job_sandbox, "import time; time.sleep(600)")
    end = machines.run({"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "TimeoutSeconds": 1, "Parameters": {"JobName": job.name}})
    assert end["error"] == "States.Timeout"
    runs = job.glue.get_job_runs(JobName=job.name)["JobRuns"]
    assert len(runs) == 1 and job.ended(runs[0]["Id"])["JobRunState"] == "STOPPED"


def test_an_execution_that_is_stopped_stops_its_job(machines, job_sandbox):
    job = Job(job_sandbox, "import time; time.sleep(600)")
    execution = machines.start(machines.make(
        {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Parameters": {"JobName": job.name}}))
    runs = until(lambda: job.glue.get_job_runs(JobName=job.name)["JobRuns"])
    machines.client.stop_execution(executionArn=execution)
    assert machines.end(execution)["status"] == "ABORTED"
    assert job.ended(runs[0]["Id"])["JobRunState"] == "STOPPED"


def test_a_batch_job(machines, job_sandbox):
    queue = Queue(job_sandbox).define("sh", "-c", "test $WORD = given")
    task = {"Type": "Task", "Resource": "arn:aws:states:::batch:submitJob.sync", "Parameters": {
        "JobName": "from-machine", "JobQueue": queue.name, "JobDefinition": queue.definition,
        "ContainerOverrides": {"Environment": [{"Name": "WORD", "Value.$": "$.word"}]}}}
    end = machines.run(task, {"word": "given"})
    assert end["status"] == "SUCCEEDED", end
    job = json.loads(end["output"])
    assert job["Status"] == "SUCCEEDED" and job["JobName"] == "from-machine" and job["Container"]["ExitCode"] == 0
    end = machines.run(task, {"word": "other"})
    assert end["error"] == "States.TaskFailed" and json.loads(end["cause"])["Container"]["ExitCode"] == 1
    end = machines.run({**task, "Resource": "arn:aws:states:::batch:submitJob"}, {"word": "given"})
    assert json.loads(end["output"])["JobId"]


def test_a_query_and_a_spark_job(spark_sandbox):
    machines, runs = Machines(spark_sandbox), Runs(spark_sandbox)
    entry = spark_sandbox.put("jobs/machine.py", "echo $SPARK; exit 0")
    task = {"Type": "Task", "Resource": "arn:aws:states:::emr-serverless:startJobRun.sync", "Parameters": {
        "ApplicationId": runs.application, "ExecutionRoleArn": spark_sandbox.role,
        "JobDriver": {"SparkSubmit": {"EntryPoint": entry, "EntryPointArguments": ["a", "b"]}}}}
    end = machines.run(task)
    assert end["status"] == "SUCCEEDED", end
    assert json.loads(end["output"])["State"] == "SUCCESS"
    query = {"Type": "Task", "Resource": "arn:aws:states:::athena:startQueryExecution.sync", "Parameters": {
        "QueryString": "no SQL", "ResultConfiguration": {"OutputLocation": "s3://lake/results/"}}}
    end = machines.run(query)
    assert end["status"] == "FAILED" and end["error"] == "States.TaskFailed"
    assert json.loads(end["cause"])["QueryExecution"]["Status"]["State"] == "FAILED"
