"""weir run, weir jobs and weir logs, against moto (whose runs are only states) and answers of our own where moto has none."""

import base64
import fcntl
import json
import signal
import subprocess
import termios
import time
from datetime import datetime, timezone

import pytest

from servers import Faults
from support import Stack, until

STACK = """
    stack: runs
    inputs:
      password: {type: string, sensitive: true}
      region: us-east-1
    providers: {aws: {region: "${inputs.region}"}}
    resources:
      role: {type: aws.iam.role, name: runs, assume_role_policy: '${trust(["glue.amazonaws.com", "states.amazonaws.com"])}'}
      etl:
        type: aws.glue.job
        for_each: [bronze, silver]
        name: runs-${each.key}
        role: ${role.arn}
        command: {name: glueetl, script_location: "s3://b/c.py"}
      flow:
        type: aws.stepfunctions.state_machine
        name: runs-flow
        role: ${role.arn}
        definition: {StartAt: Done, States: {Done: {Type: Pass, End: true}}}
      top: {type: aws.athena.named_query, name: top films, database: films, query: "select title, votes from films where year > ?"}
      parameter: {type: aws.ssm.parameter, name: /runs/password, value: "${inputs.password}", parameter_type: SecureString}
"""
FUNCTION = """
    stack: runs
    resources:
      role: {type: aws.iam.role, name: runs, assume_role_policy: '${trust("lambda.amazonaws.com")}'}
      double:
        type: aws.lambda.function
        name: runs-double
        role: ${role.arn}
        runtime: python3.13
        handler: main.handler
        code: {s3_bucket: runs-code, s3_key: one.zip}
"""


@pytest.fixture
def jobs(stack):
    """Applied with a secret that running needs no more."""
    stack.write(STACK).apply("-i", "password=hunter22")
    return stack


def running(cloud, model, times):
    """Runs of that kind (moto's name) are asked about so many times before they go on."""
    cloud._call("POST", "/moto-api/state-manager/set-transition", {"model_name": model, "transition": {"progression": "manual", "times": times}})


@pytest.fixture(autouse=True)
def at_once(cloud):
    yield
    cloud._call("POST", "/moto-api/state-manager/unset-transition", {"model_name": "glue::job_run"})


HOUR_AGO = int(time.time()) * 1000 - 3600_000 + 7


def rfc3339(ms):
    return datetime.fromtimestamp(ms / 1000, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_log(cloud, group, stream, *lines, start=None):
    logs = cloud.client("logs")
    now = int(time.time() * 1000) if start is None else start
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        logs.create_log_group(logGroupName=group)
    if not logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"]:
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[{"timestamp": now + i * 10, "message": line} for i, line in enumerate(lines)])


# ---- Glue: states, arguments, logs ----


def test_a_glue_job_with_arguments_and_options(jobs, cloud):
    result = jobs.run("run", 'etl["bronze"]', "day=2026-11-21", "--limit=7", "deep:={\"a\":[1]}", "--set", "timeout=9", "--set", "worker_type=G.2X", status=3)
    assert "unknown option" in result.err  # what begins with a dash is one of weir's own options
    result = jobs.run("run", 'etl["bronze"]', "day=2026-11-21", "deep:={\"a\":[1]}", "--set", "timeout=9", "--set", "worker_type=G.2X")
    (run,) = cloud.client("glue").get_job_runs(JobName="runs-bronze")["JobRuns"]
    assert run["Arguments"] == {"--day": "2026-11-21", "--deep": '{"a":[1]}'} and run["Timeout"] == 9 and run["WorkerType"] == "G.2X"
    assert run["Id"] in result.err and "SUCCEEDED" in result.err and result.out == ""


def test_its_name_will_do(jobs, cloud):
    jobs.run("run", "runs-silver")
    assert len(cloud.client("glue").get_job_runs(JobName="runs-silver")["JobRuns"]) == 1


def test_failure_is_the_services_message(jobs, cloud):
    answer = {"JobRun": {"Id": "jr_1", "JobName": "runs-bronze", "JobRunState": "FAILED", "ErrorMessage": "KeyError: 'price'", "StartedOn": 1763700000, "CompletedOn": 1763700061}}
    cloud.fail({"match": "AWSGlue.GetJobRun$", "status": 200, "body": json.dumps(answer), "headers": {"Content-Type": "application/x-amz-json-1.1"}})
    result = jobs.run("run", "runs-bronze", status=1)
    assert "error: etl[\"bronze\"] failed: KeyError: 'price'" in result.err and "FAILED in 1 m 01 s" in result.err


def test_log_lines_come_in_the_order_of_their_time(jobs, cloud):
    id = jobs.run("run", "runs-bronze", "--detach").out.strip()
    write_log(cloud, "test/log/output", id, "one", "three\n", "five", start=HOUR_AGO)
    write_log(cloud, "test/log/error", id, "two", "four", start=HOUR_AGO + 5)
    write_log(cloud, "test/log/output", "jr_other", "of another run", start=HOUR_AGO)
    assert jobs.run("logs", "runs-bronze").out.splitlines() == ["one", "two", "three", "four", "five"]
    assert jobs.run("logs", "runs-bronze", "--run", id, "--tail", 2).out.splitlines() == ["four", "five"]
    result = jobs.run("run", "--follow", id, "runs-bronze")
    assert result.out.splitlines() == ["one", "three", "five"] and [line for line in result.err.splitlines() if line in ("two", "four")] == ["two", "four"]
    assert jobs.run("logs", "runs-bronze", "--since", "10m").out == ""
    (first, *_) = jobs.run("logs", "runs-bronze", "--times").out.splitlines()
    assert first == f"{rfc3339(HOUR_AGO)}  {id}  one"
    events = jobs.run("logs", "runs-bronze", "--json").events()
    assert events[1] == {"event": "log", "job": 'etl["bronze"]', "time": rfc3339(HOUR_AGO + 5), "stream": id, "message": "two", "errors": True}


def test_no_run_since_then(jobs, cloud):
    answer = {"JobRuns": [{"Id": "jr_1", "JobName": "runs-bronze", "JobRunState": "SUCCEEDED", "StartedOn": 1763700000, "CompletedOn": 1763700061}]}
    cloud.fail({"match": "AWSGlue.GetJobRuns$", "status": 200, "body": json.dumps(answer), "headers": {"Content-Type": "application/x-amz-json-1.1"}})
    missed = jobs.run("logs", "runs-bronze", "--since", "10m", status=1).err
    assert "the service reports no run of the job since then" in missed and "weir jobs" in missed


def test_more_lines_than_a_page_holds(jobs, cloud):
    id = jobs.run("run", "runs-bronze", "--detach").out.strip()
    lines = [f"line {i}" for i in range(2500)]
    for at in range(0, 2500, 500):
        write_log(cloud, "test/log/output", id, *lines[at:at + 500], start=HOUR_AGO + at * 10)
    assert jobs.run("logs", "runs-bronze").out.splitlines() == lines
    assert jobs.run("logs", "runs-bronze", "--tail", 3).out.splitlines() == lines[-3:]


def test_lines_are_shown_while_it_runs(jobs, cloud):
    running(cloud, "glue::job_run", 1000)
    process = jobs.start("run", "runs-bronze")
    try:
        id = process.stderr.readline().split()[-1]
        write_log(cloud, "test/log/output", id, "begun")
        assert process.stdout.readline() == "begun\n"
        write_log(cloud, "test/log/output", id, "half", start=int(time.time() * 1000) + 1000)
        assert process.stdout.readline() == "half\n"
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130 and out == ""
    assert f"weir run --follow {id} 'etl[\"bronze\"]'" in err and f"weir run --stop {id}" in err


def test_time_is_limited(jobs, cloud):
    running(cloud, "glue::job_run", 1000)
    result = jobs.run("run", "runs-bronze", "--timeout", "500ms", status=1)
    assert 'etl["bronze"] was still running after 0.5 s (--timeout); the run continues' in result.err and "--follow jr_" in result.err
    assert cloud.client("glue").get_job_runs(JobName="runs-bronze")["JobRuns"][0]["JobRunState"] != "STOPPED"
    jobs.run("run", "runs-bronze", "--stop-on-timeout", status=3)


def test_a_run_that_takes_too_long_is_stopped(jobs, cloud):
    running(cloud, "glue::job_run", 1000)
    cloud.fail({"match": "BatchStopJobRun", "status": 200, "body": "{}", "headers": {"Content-Type": "application/x-amz-json-1.1"}})
    result = jobs.run("run", "runs-bronze", "--timeout", "500ms", "--stop-on-timeout", status=1)
    assert "is being stopped" in result.err and "the run continues" not in result.err and "AWSGlue.BatchStopJobRun" in cloud.requests()


def test_throttling_while_it_is_followed(jobs, cloud):
    throttled = {"match": "AWSGlue.GetJobRun$", "times": 1, "status": 400, "body": '{"__type": "ThrottlingException", "message": "Rate exceeded"}'}
    cloud.fail(throttled)
    assert "SUCCEEDED" in jobs.run("run", "runs-bronze").err


def test_a_log_that_may_not_be_read_does_not_fail_the_run(jobs, cloud):
    cloud.fail({"match": "GetLogEvents|FilterLogEvents", "times": 9, "status": 400, "body": '{"__type": "AccessDeniedException", "message": "no logs:GetLogEvents"}'})
    result = jobs.run("run", "runs-bronze")
    assert result.err.count("its log cannot be read") == 1 and "no logs:GetLogEvents" in result.err


# ---- Step Functions ----


def test_a_state_machine_is_followed_and_stopped(jobs, cloud):
    id = jobs.run("run", "flow", "customer=ada", "count:=2", "--detach").out.strip()
    look = cloud.client("stepfunctions")
    assert json.loads(look.describe_execution(executionArn=id)["input"]) == {"customer": "ada", "count": 2}
    assert "is being stopped" in jobs.run("run", "--stop", id, "flow").err
    assert look.describe_execution(executionArn=id)["status"] == "ABORTED"
    result = jobs.run("run", "--follow", id, "flow", status=1)
    assert "flow was stopped" in result.err and "ABORTED" in result.err
    (listed,) = jobs.run("jobs", "flow", "--json").events()
    assert listed["id"] == id and listed["state"] == "stopped" and listed["status"] == "ABORTED"


def execution(status, **more):
    body = json.dumps({"executionArn": "arn:x", "stateMachineArn": "arn:y", "name": "x", "startDate": 1763700000, "stopDate": 1763700002.5, "status": status, **more})
    return {"match": "DescribeExecution", "status": 200, "body": body, "headers": {"Content-Type": "application/x-amz-json-1.0"}}


def test_it_is_said_which_state_it_is_at(jobs, cloud):
    history = {"events": [{"id": 3, "type": "TaskScheduled"}, {"id": 2, "type": "TaskStateEntered", "stateEnteredEventDetails": {"name": "Count"}}, {"id": 1, "stateEnteredEventDetails": {"name": "Known"}}]}
    denied = {"match": "GetExecutionHistory", "status": 400, "body": '{"__type": "AccessDeniedException", "message": "no"}'}
    cloud.fail(execution("RUNNING"), execution("RUNNING"), execution("SUCCEEDED"),
               {"match": "GetExecutionHistory", "status": 200, "body": json.dumps(history), "headers": {"Content-Type": "application/x-amz-json-1.0"}}, denied)
    result = jobs.run("run", "flow")
    assert result.err.splitlines()[1:] == ["flow: RUNNING, at Count", "flow: RUNNING", "flow: SUCCEEDED in 2.5 s"]


def test_its_output_is_the_result(jobs, cloud):
    cloud.fail(execution("RUNNING"), execution("SUCCEEDED", output='{"rows": 12, "at": null}'))
    result = jobs.run("run", "flow")
    assert json.loads(result.out) == {"rows": 12, "at": None} and "SUCCEEDED in 2.5 s" in result.err
    cloud.fail(execution("FAILED", error="States.TaskFailed", cause="the bucket is empty"))
    result = jobs.run("run", "flow", status=1)
    assert result.out == "" and "flow failed: States.TaskFailed: the bucket is empty" in result.err
    cloud.fail(execution("SUCCEEDED", output='"done"'))
    *_, last = jobs.run("run", "flow", "--json").events()
    assert last["event"] == "job_result" and last["result"] == "done" and last["ms"] == 2500


def test_a_document_from_a_file_or_a_pipe(jobs, cloud):
    jobs.write('{"customer": "bob", "items": [1, 2]}', "order.json")
    look = cloud.client("stepfunctions")

    def given(*args, **more):
        id = jobs.run("run", "flow", "--detach", *args, **more).out.strip()
        return json.loads(look.describe_execution(executionArn=id)["input"])

    assert given("--payload", "order.json", "customer=ada") == {"customer": "ada", "items": [1, 2]}
    assert given("--payload", "-", stdin="[1, 2]") == [1, 2]
    assert given("--payload", '{"items": [3]}') == {"items": [3]}
    assert given() == {}
    assert "which arguments cannot be added to" in jobs.run("run", "flow", "a=1", "--payload", "-", stdin="[1]", status=3).err
    assert "--payload is a file with JSON" in jobs.run("run", "flow", "--payload", "-", stdin="{", status=None).err
    assert "not an argument" in jobs.run("run", "flow", "word", status=3).err
    assert jobs.run("run", "flow", "a:={", status=3).err.startswith("error: a: ")


# ---- Athena ----


def test_a_query_gives_a_table(jobs, cloud):
    rows = [{"Data": [{"VarCharValue": "title"}, {"VarCharValue": "votes"}]}, {"Data": [{"VarCharValue": 'The "Third" Man'}, {"VarCharValue": "9"}]}, {"Data": [{"VarCharValue": "Ran, a film"}, {}]}]
    columns = [{"CatalogName": "c", "SchemaName": "", "TableName": "", "Name": name, "Label": name, "Type": "varchar", "Precision": 1, "Scale": 0, "Nullable": "UNKNOWN", "CaseSensitive": True} for name in ("title", "votes")]
    result = {"account_id": "123456789012", "region": "us-east-1", "results": [{"rows": rows, "column_info": columns} for _ in range(3)]}
    cloud._call("POST", "/moto-api/static/athena/query-results", result)
    assert jobs.run("run", "top", "1950", "--set", "output_location=s3://out/").out == 'title,votes\n"The ""Third"" Man",9\n"Ran, a film",\n'
    assert jobs.run("run", "top", "1950", "--format", "table").out.splitlines() == ["title            votes", 'The "Third" Man  9', "Ran, a film      -"]
    assert json.loads(jobs.run("run", "top films", "1950", "--format", "json").out)[1] == {"title": "Ran, a film", "votes": None}
    look = cloud.client("athena")
    found = [look.get_query_execution(QueryExecutionId=id)["QueryExecution"] for id in look.list_query_executions()["QueryExecutionIds"]]
    assert {query["Query"] for query in found} == {"select title, votes from films where year > ?"}
    assert any(query["ResultConfiguration"].get("OutputLocation", "").startswith("s3://out/") for query in found)
    look.start_query_execution(QueryString="select 1")  # nobody's
    assert len(jobs.run("jobs", "top", "--json").events()) == 3


# ---- Spark on EMR Serverless: jobs that the state alone knows ----

SPARK = """
    stack: runs
    resources:
      role: {type: aws.iam.role, name: runs, assume_role_policy: '${trust("emr-serverless.amazonaws.com")}'}
      spark: {type: aws.emrserverless.application, name: runs, release_label: emr-7.5.0, application_type: SPARK}
      clean:
        type: aws.emrserverless.job
        name: clean
        application: ${spark.application_id}
        role: ${role.arn}
        entry_point: s3://lake/clean.py
        arguments: [--table, events]
        spark: --conf spark.executor.cores=2
        log_group: /spark/runs
"""


def test_a_step_is_recorded_and_run(stack, cloud):
    machines = {"first": {"instance_role": "MASTER", "instance_type": "m5.xlarge", "instance_count": 1}}
    stack.write(json.dumps({"stack": "runs", "resources": {
        "machines": {"type": "aws.emr.cluster", "name": "runs", "release_label": "emr-7.1.0", "service_role": "s", "job_flow_role": "j", "instance_groups": machines},
        "clean": {"type": "aws.emr.step", "name": "clean", "cluster": "${machines.cluster_id}", "args": ["spark-submit", "s3://lake/clean.py"], "properties": {"a": "b"}}}})).apply()
    stack.assert_settled()
    id = stack.run("run", "clean", "day=2026-11-21", "twice", "--detach").out.strip()
    emr = cloud.client("emr")
    (cluster,) = emr.list_clusters(ClusterStates=["WAITING", "RUNNING"])["Clusters"]
    (step,) = emr.list_steps(ClusterId=cluster["Id"])["Steps"]
    assert (step["Id"], step["Name"], step["ActionOnFailure"]) == (id, "clean", "CONTINUE")
    assert step["Config"] == {"Jar": "command-runner.jar", "Args": ["spark-submit", "s3://lake/clean.py", "--day", "2026-11-21", "twice"], "Properties": {"a": "b"}}
    (listed,) = stack.run("jobs", "clean", "--json").events()
    assert (listed["id"], listed["status"]) == (id, "RUNNING")


def test_a_spark_job_is_recorded_and_run(stack, cloud):
    stack.write(SPARK).apply()
    stack.assert_settled()
    stack.write(SPARK.replace("events]", "visits]"))
    assert stack.plan() == {"clean": "update"}
    stack.apply()
    stack.assert_settled()
    id = stack.run("run", "clean", "day=2026-11-21", "twice", "--detach").out.strip()
    look = cloud.client("emr-serverless")
    (application,) = look.list_applications()["applications"]
    run = look.get_job_run(applicationId=application["id"], jobRunId=id)["jobRun"]
    assert run["jobDriver"]["sparkSubmit"] == {"entryPoint": "s3://lake/clean.py", "entryPointArguments": ["--table", "visits", "--day", "2026-11-21", "twice"],
                                              "sparkSubmitParameters": "--conf spark.executor.cores=2"}
    logs = run["configurationOverrides"]["monitoringConfiguration"]["cloudWatchLoggingConfiguration"]
    assert logs["enabled"] and logs["logGroupName"] == "/spark/runs" and logs["logStreamNamePrefix"].startswith("weir/")
    write_log(cloud, "/spark/runs", logs["logStreamNamePrefix"] + "/SPARK_DRIVER/stdout", "12 events", start=HOUR_AGO)
    write_log(cloud, "/spark/runs", logs["logStreamNamePrefix"] + "/SPARK_DRIVER/stderr", "a warning", start=HOUR_AGO + 3)
    write_log(cloud, "/spark/runs", "weir/other/SPARK_DRIVER/stdout", "of another run")
    assert stack.run("logs", "clean", "--run", id).out.splitlines() == ["12 events", "a warning"]
    stack.run("run", "--stop", id, "clean")
    assert "clean was stopped" in stack.run("run", "--follow", id, "clean", status=1).err
    (listed,) = stack.run("jobs", "clean", "--json").events()
    assert listed["id"] == id and listed["status"] == "CANCELLED"
    stack.write(SPARK.replace("        log_group: /spark/runs\n", "")).apply()
    id = stack.run("run", "clean", "--detach").out.strip()
    assert "configurationOverrides" not in look.get_job_run(applicationId=application["id"], jobRunId=id)["jobRun"]
    stack.destroy()
    assert not look.list_applications(states=["STARTED", "CREATED", "STOPPED"])["applications"]


# ---- Batch ----

BATCH = """
    stack: runs
    resources:
      role: {type: aws.iam.role, name: runs, assume_role_policy: '${trust("batch.amazonaws.com")}'}
      machines: {type: aws.batch.compute_environment, name: runs, environment_type: UNMANAGED, service_role: "${role.arn}"}
      queue: {type: aws.batch.job_queue, name: runs-queue, priority: 1, compute_environments: [{order: 1, compute_environment: "${machines.arn}"}]}
      clean:
        type: aws.batch.job_definition
        name: clean
        container: {image: alpine, command: [clean, "Ref::day"], resources: {VCPU: "1", MEMORY: "512"}}
"""


def test_a_batch_job_in_the_only_queue(stack, cloud):
    cloud._call("POST", "/moto-api/config", {"batch": {"use_docker": False}})
    stack.write(BATCH).apply()
    result = stack.run("run", "clean", "day=2026-11-21")
    look = cloud.client("batch")
    (job,) = look.list_jobs(jobQueue="runs-queue", jobStatus="SUCCEEDED")["jobSummaryList"]
    assert job["jobId"] in result.err and "SUCCEEDED" in result.err
    (listed,) = stack.run("jobs", "clean", "--json").events()
    assert listed["id"] == job["jobId"] and listed["state"] == "succeeded"
    stack.write(BATCH + """
      other: {type: aws.batch.job_queue, name: runs-other, priority: 2, compute_environments: [{order: 1, compute_environment: "${machines.arn}"}]}
""").apply()
    result = stack.run("run", "clean", status=3)
    assert "needs a queue, and the state has several" in result.err and "--set queue=" in result.err
    stack.run("run", "clean", "--set", "queue=other")
    assert look.list_jobs(jobQueue="runs-other", jobStatus="SUCCEEDED")["jobSummaryList"]
    assert stack.run("jobs").out.splitlines()[1].split() == ["clean", "aws.batch.job_definition", "clean", "-", "-", "-"]


# ---- functions ----


def invocation(payload, status=200, log="", **headers):
    more = {"Content-Type": "application/json", "x-amzn-RequestId": "11111111-2222-3333-4444-555555555555", "X-Amz-Log-Result": base64.b64encode(log.encode()).decode(), **headers}
    return {"match": "POST /2015-03-31/functions/runs-double/invocations", "status": status, "body": payload, "headers": more}


@pytest.fixture
def function(stack, cloud):
    cloud.client("s3").create_bucket(Bucket="runs-code")
    cloud.client("s3").put_object(Bucket="runs-code", Key="one.zip", Body=b"PK\x05\x06" + bytes(18))
    return stack.write(FUNCTION)


@pytest.fixture
def applied_function(function):
    function.apply()
    return function


def test_a_function_answers(applied_function, cloud):
    cloud.fail(invocation('{"doubled": 4}', log="START RequestId: 1\nhello\nEND\n"))
    result = applied_function.run("run", "double", "n:=2")
    assert json.loads(result.out) == {"doubled": 4} and "hello\n" in result.err
    cloud.fail(invocation('{"errorType": "KeyError", "errorMessage": "\'n\'", "stackTrace": []}', **{"X-Amz-Function-Error": "Unhandled"}))
    result = applied_function.run("run", "double", status=1)
    assert "double failed: KeyError: 'n'" in result.err and json.loads(result.out)["errorType"] == "KeyError"
    cloud.fail(invocation("", status=202))
    assert applied_function.run("run", "double", "--detach").out == "11111111-2222-3333-4444-555555555555\n"
    assert "the service does not keep the outcome of runs" in applied_function.run("run", "double", "--follow", "x", status=3).err


def test_a_function_that_takes_its_time(applied_function, cloud):
    cloud.fail({**invocation("1"), "hold": True})
    assert "double was still running after 0.3 s" in applied_function.run("run", "double", "--timeout", "300ms", status=1).err


def hold_invocation(function, cloud, answer):
    """A run that has called the function; the answer comes when the faults are set anew (cloud.fail())."""
    cloud.fail({**answer, "hold": True})
    process = function.start("run", "double")
    until(lambda: any(label.endswith("/invocations") for label in cloud.requests()), process=process)
    return process


def test_a_functions_log_comes_before_its_answer(applied_function, cloud):
    id = "11111111-2222-3333-4444-555555555555"
    process = hold_invocation(applied_function, cloud, invocation('"done"', log=f"START RequestId: {id} V\none\ntwo\nREPORT RequestId: {id}\n"))
    write_log(cloud, "/aws/lambda/runs-double", "2026/11/21/[$LATEST]a", "of an earlier call", f"START RequestId: {id} V", "one")
    assert [process.stderr.readline() for _ in range(3)] == [f"double: run {id}\n", f"START RequestId: {id} V\n", "one\n"]
    assert process.poll() is None
    cloud.fail()
    out, err = process.communicate()
    assert json.loads(out) == "done" and err.splitlines()[:2] == ["two", f"REPORT RequestId: {id}"]


def test_lines_of_another_call_are_told_apart(applied_function, cloud):
    id = "11111111-2222-3333-4444-555555555555"
    process = hold_invocation(applied_function, cloud, invocation('"done"', log=f"START RequestId: {id} V\nmine\nREPORT RequestId: {id}\n"))
    write_log(cloud, "/aws/lambda/runs-double", "2026/11/21/[$LATEST]a", "START RequestId: other V", "theirs")
    assert [process.stderr.readline() for _ in range(3)] == ["double: run other\n", "START RequestId: other V\n", "theirs\n"]
    cloud.fail()
    out, err = process.communicate()
    assert json.loads(out) == "done"
    assert err.splitlines()[:-1] == ["The lines above are from another call, which ran at the same time. The lines of this call:",
                                     f"double: run {id}", f"START RequestId: {id} V", "mine", f"REPORT RequestId: {id}"]


def test_an_address_can_be_pasted_whatever_is_in_it(stack):
    stack.write("""
        stack: quotes
        resources:
          role: {type: aws.iam.role, name: quotes, assume_role_policy: '${trust("glue.amazonaws.com")}'}
          etl: {type: aws.glue.job, for_each: ["it's"], name: quotes, role: "${role.arn}", command: {name: glueetl, script_location: "s3://b/c.py"}}
    """).apply()
    assert r"""weir run 'etl["it'\''s"]'""" in stack.run("logs", "quotes", status=1).err


def test_what_one_call_of_a_function_wrote(applied_function, cloud):
    write_log(cloud, "/aws/lambda/runs-double", "2026/11/21/[$LATEST]a", "START RequestId: one Version: $LATEST", "of one", "END RequestId: one", "REPORT RequestId: one", "START RequestId: two Version", "of two", "REPORT RequestId: two")
    write_log(cloud, "/aws/lambda/runs-double", "2026/11/21/[$LATEST]b", "START RequestId: three", start=int(time.time() * 1000) + 5)
    assert applied_function.run("logs", "double", "--run", "one").out.splitlines() == ["START RequestId: one Version: $LATEST", "of one", "END RequestId: one", "REPORT RequestId: one"]
    assert len(applied_function.run("logs", "double", "--since", "5m").out.splitlines()) == 8
    assert applied_function.run("logs", "double", "--run", "two", "--follow").out.splitlines()[-1] == "REPORT RequestId: two"


# ---- listing ----


def test_every_job_with_its_last_run(jobs, cloud):
    jobs.run("run", "runs-silver")
    lines = jobs.run("jobs").out.splitlines()
    assert lines[0].split() == ["JOB", "TYPE", "NAME", "LAST", "RUN", "STARTED", "DURATION"] and len(lines) == 5
    events = {event["job"]: event for event in jobs.run("jobs", "--json").events()}
    assert events['etl["silver"]']["last_run"]["state"] == "succeeded" and "last_run" not in events['etl["bronze"]']
    assert events["flow"]["name"] == "runs-flow" and events["top"]["type"] == "aws.athena.named_query"
    assert jobs.run("jobs", "--names").out.splitlines() == ['etl["bronze"]', 'etl["silver"]', "flow", "top"]


def test_many_jobs_are_asked_at_the_same_time(tmp_path, fast_sandbox):
    stack = Stack(tmp_path / "stack", fast_sandbox).write("""
        stack: many
        resources:
          role: {type: aws.iam.role, name: many, assume_role_policy: '${trust("glue.amazonaws.com")}'}
          job:
            type: aws.glue.job
            for_each: '${[for i in range(50) : "j${i}"]}'
            name: many-${each.key}
            role: ${role.arn}
            command: {name: glueetl, script_location: "s3://b/c.py"}
    """)
    stack.apply()
    faults = Faults(fast_sandbox)
    faults("POST", {"rules": [{"operation": "GetJobRuns", "latency": 3600_000}]})
    process = stack.start("jobs")
    until(lambda: faults("GET")["rules"][0]["struck"] >= 32, process=process)  # none has been answered
    faults("DELETE")
    out, err = process.communicate()
    assert process.returncode == 0, out + err


def test_one_service_that_cannot_be_asked(jobs, cloud):
    cloud.fail({"match": "ListExecutions", "times": 9, "status": 400, "body": '{"__type": "AccessDeniedException", "message": "not you"}'})
    result = jobs.run("jobs", status=None)
    assert result.status == 1 and "flow" in result.err and "not you" in result.err and len(result.out.splitlines()) == 5


# ---- where ----

REGIONS = """
    stack: runs
    inputs: {other: {type: string}, unrelated: {type: string}}
    providers: {aws: {region: us-east-1}, aws.other: {region: "${inputs.other}"}}
    resources:
      role: {type: aws.iam.role, name: runs, assume_role_policy: '${trust("glue.amazonaws.com")}', description: "${inputs.unrelated}"}
      here: {type: aws.glue.job, name: here, role: "${role.arn}", command: {name: glueetl, script_location: "s3://b/c.py"}}
      there: {type: aws.glue.job, provider: aws.other, name: there, role: "${role.arn}", command: {name: glueetl, script_location: "s3://b/c.py"}}
"""


def test_a_job_in_another_region_takes_the_inputs_of_its_provider(stack, cloud):
    stack.write(REGIONS).apply("-i", "other=ap-northeast-1", "-i", "unrelated=x")
    stack.run("run", "here")
    result = stack.run("run", "there", status=3)
    assert 'the provider "aws.other" needs the input "other", which has no value' in result.err and "-i other=" in result.err
    stack.run("run", "there", "-i", "other=ap-northeast-1")
    assert len(cloud.client("glue", "ap-northeast-1").get_job_runs(JobName="there")["JobRuns"]) == 1
    assert len(stack.run("jobs", "--json", "-i", "other=ap-northeast-1").events()) == 2


# ---- mistakes ----


def test_what_is_no_job(jobs):
    assert '"role" is of type aws.iam.role, which cannot be run' in jobs.run("run", "role", status=3).err
    result = jobs.run("run", "flwo", status=1)
    assert 'no job "flwo"' in result.err and 'did you mean "flow"?' in result.err
    assert '"etl" is more than one job' in jobs.run("run", "etl", status=3).err
    assert 'no option "timeot"' in jobs.run("run", "runs-bronze", "--set", "timeot=1", status=3).err
    assert "--set takes NAME=VALUE" in jobs.run("run", "runs-bronze", "--set", "timeout", status=3).err


def test_what_has_not_been_applied(stack):
    stack.write(STACK)
    result = stack.run("run", "flow", status=1)
    assert '"flow" has not been applied' in result.err and "weir apply" in result.err
    assert "no job" in stack.run("jobs").err and stack.run("jobs", "--json").out == ""


def test_options_that_exclude_each_other(jobs):
    assert "has no table as its result" in jobs.run("run", "flow", "--format", "csv", status=3).err
    assert "do not go together" in jobs.run("run", "flow", "--follow", "a", "--stop", "b", status=3).err
    assert "takes no arguments" in jobs.run("run", "flow", "a=1", "--stop", "b", status=3).err


def test_a_payload_that_is_awaited_can_be_given_up(jobs):
    waiting = subprocess.Popen(jobs.command("run", "flow", "--payload", "-"), cwd=jobs.folder, env=jobs.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    waiting.stdin.write(b"{")
    waiting.stdin.flush()
    until(lambda: fcntl.ioctl(waiting.stdin, termios.FIONREAD, bytes(4)) == bytes(4), process=waiting)  # it has been read
    waiting.send_signal(signal.SIGINT)
    assert waiting.wait() == -signal.SIGINT


def test_detached_in_a_sandbox_that_stays(local_stack):
    local_stack.write("""
        stack: stays
        resources:
          role: {type: aws.iam.role, name: stays, assume_role_policy: '${trust("states.amazonaws.com")}'}
          flow:
            type: aws.stepfunctions.state_machine
            name: stays-flow
            role: ${role.arn}
            definition: {StartAt: Done, States: {Done: {Type: Pass, Result: 42, End: true}}}
    """).apply("--sandbox")
    refused = local_stack.run("run", "flow", "--sandbox", "--detach", status=3).err
    assert "the sandbox ends with this command" in refused and "weir sandbox" in refused
    serving = local_stack.start("sandbox", "--port", "0")
    while "unset" not in serving.stdout.readline():
        assert serving.poll() is None
    run = local_stack.run("run", "flow", "--sandbox", "--detach").out.strip()
    assert local_stack.run("run", "flow", "--sandbox", "--follow", run).out == "42\n"
    serving.send_signal(signal.SIGTERM)
    serving.communicate()


def test_the_permissions_that_it_takes(jobs, cloud):
    document = json.loads(jobs.run("policy", "run", "-i", "password=x").out)
    allowed = {action for statement in document["Statement"] for action in statement["Action"]}
    assert {"glue:StartJobRun", "states:StartExecution", "athena:GetQueryResults", "logs:GetLogEvents"} <= allowed
    cloud.forget_requests()
    jobs.run("run", "runs-bronze")
    jobs.run("run", "flow", "--detach")
    jobs.run("jobs")
    prefixes = {"AWSGlue": "glue", "AWSStepFunctions": "states", "AmazonAthena": "athena", "Logs_20140328": "logs"}
    asked = [label for label in cloud.requests() if label != "GetCallerIdentity"]  # which everybody may call
    sent = {f"{prefixes[target]}:{operation}" for target, _, operation in (label.rpartition(".") for label in asked)}
    assert "glue:StartJobRun" in sent and sent <= allowed, sent - allowed
