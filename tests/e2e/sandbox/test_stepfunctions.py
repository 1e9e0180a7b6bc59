"""State machines run: the cases of tests/asl on the sandbox and on a server that others wrote; executions, history, tokens."""

import json
import time
import urllib.request
import uuid
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from servers import code, make_bucket, role_of
from support import until

LONG_ON_MOTO = {"test_cases_give_the_same_everywhere"}  # ten seconds

CASES = Path(__file__).parents[2] / "asl"
ROLE = "arn:aws:iam::000000000000:role/machines"


class Machines:
    def __init__(self, server):
        self.client, self.role = server.client("stepfunctions", inject_host_prefix=False), role_of(server, "machines")

    def make(self, definition, **more):
        if isinstance(definition, dict) and "States" not in definition:
            definition = {"StartAt": "Only", "States": {"Only": {**definition, "End": True}}}
        return self.client.create_state_machine(
            name="m-" + uuid.uuid4().hex[:12], definition=json.dumps(definition), roleArn=self.role, **more)["stateMachineArn"]

    def start(self, machine, given=None, **more):
        return self.client.start_execution(stateMachineArn=machine, input=json.dumps({} if given is None else given), **more)["executionArn"]

    def end(self, execution):
        def ended():
            found = self.client.describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None
        return until(ended)

    def run(self, definition, given=None):
        return self.end(self.start(self.make(definition), given))

    def history(self, execution, **more):
        events = self.client.get_execution_history(executionArn=execution, **more)["events"]
        event_shape = self.client.meta.service_model.shape_for("HistoryEvent")
        for event in events:
            check_event(event_shape, event, more.get("includeExecutionData", True))
        return events


def check_event(shape, event, data):
    """The type is one of the service's, and its details are there with all that they need."""
    kind = event["type"]
    assert kind in shape.members["type"].enum
    state = next((f"state{end}EventDetails" for end in ("Entered", "Exited") if kind.endswith("State" + end)), None)
    details = state or kind[0].lower() + kind[1:] + "EventDetails"
    if details not in shape.members:
        return
    assert details in event, (kind, event)
    needed = shape.members[details].required_members
    assert not [name for name in needed if name not in event[details] and (data or name != "parameters")], (kind, event)


@pytest.fixture
def machines(sandbox):
    return Machines(sandbox)


def definition_of(case):
    if "template" in case:
        return {"StartAt": "P", "States": {"P": {"Type": "Pass", "Parameters": case["template"], "End": True}}}
    if "rule" in case:
        return {"StartAt": "C", "States": {
            "C": {"Type": "Choice", "Choices": [{**case["rule"], "Next": "Yes"}], "Default": "No"},
            "Yes": {"Type": "Pass", "Result": True, "End": True}, "No": {"Type": "Pass", "Result": False, "End": True}}}
    return case["definition"]


@pytest.fixture
def interpreter(anywhere):
    """moto runs machines only when told to, and one in its life."""
    def post(path, body=b""):
        urllib.request.urlopen(urllib.request.Request(anywhere.url + path, data=body, method="POST"))

    if anywhere.kind != "moto":
        yield anywhere, lambda: None
        return
    post("/moto-api/config", b'{"stepfunctions": {"execute_state_machine": true}}')
    yield anywhere, lambda: post("/moto-api/reset")
    post("/moto-api/config", b'{"stepfunctions": {"execute_state_machine": false}}')


def test_cases_give_the_same_everywhere(interpreter):
    server, refresh = interpreter
    machines = Machines(server)
    cases = [case for case in json.loads((CASES / "cases.json").read_text()) if server.kind == "sandbox" or "moto" not in case]
    wrong = []
    for case in cases:
        end = machines.run(definition_of(case), case["input"])
        refresh()
        if "error" in case:
            want = case["error"] if isinstance(case["error"], list) else [case["error"]]
            got = [end.get("error"), end.get("cause")][:len(want)]
        else:
            want, got = case["output"], json.loads(end["output"]) if "output" in end else end
        if want != got or isinstance(want, bool) != isinstance(got, bool):
            wrong.append((case["name"], got))
    assert not wrong, json.dumps(wrong, default=str, indent=1)
    assert len(cases) > 60


def test_a_wrong_definition_is_refused_with_every_mistake(machines):
    for case in json.loads((CASES / "definitions.json").read_text()):
        definition = json.dumps(case["definition"])
        said = machines.client.validate_state_machine_definition(definition=definition)
        assert said["result"] == "FAIL"
        assert sorted([one["code"], one["location"]] for one in said["diagnostics"]) == sorted(case["wrong"]), case["name"]
        assert all(one["severity"] == "ERROR" and one["message"] for one in said["diagnostics"])
        with pytest.raises(ClientError) as caught:
            machines.client.create_state_machine(name="wrong", definition=definition, roleArn=ROLE)
        assert caught.value.response["Error"]["Code"] == "InvalidDefinition"
        assert all(location in caught.value.response["Error"]["Message"] for _, location in case["wrong"])
    good = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}
    assert machines.client.validate_state_machine_definition(definition=json.dumps(good)) | {"ResponseMetadata": 0} == {
        "result": "OK", "diagnostics": [], "truncated": False, "ResponseMetadata": 0}
    broken = machines.client.validate_state_machine_definition(definition="{")
    assert broken["diagnostics"][0]["code"] == "INVALID_JSON_DESCRIPTION"
    machine = machines.make(good)
    assert code(machines.client.update_state_machine, stateMachineArn=machine, definition="{}") == "InvalidDefinition"


def test_an_execution_is_described_and_listed(machines):
    machine = machines.make({"Type": "Pass", "Parameters": {"n.$": "$.n", "me.$": "$$.Execution.Id", "machine.$": "$$.StateMachine.Name"}})
    names = [f"run-{i}" for i in range(5)]
    for i, name in enumerate(names):
        machines.end(machines.start(machine, {"n": i}, name=name))
    listed = machines.client.list_executions(stateMachineArn=machine, maxResults=2)
    rest = machines.client.list_executions(stateMachineArn=machine, nextToken=listed["nextToken"])
    assert [one["name"] for one in listed["executions"] + rest["executions"]] == names[::-1]
    assert "nextToken" not in rest
    one = machines.client.describe_execution(executionArn=listed["executions"][0]["executionArn"])
    name = machine.split(":")[-1]
    assert one["executionArn"] == f"arn:aws:states:us-east-1:000000000000:execution:{name}:run-4"
    assert one["status"] == "SUCCEEDED" and one["stateMachineArn"] == machine and one["input"] == '{"n": 4}'
    assert json.loads(one["output"]) == {"n": 4, "me": one["executionArn"], "machine": name}
    assert one["startDate"] <= one["stopDate"]
    assert not machines.client.list_executions(stateMachineArn=machine, statusFilter="FAILED")["executions"]
    assert machines.client.describe_state_machine_for_execution(executionArn=one["executionArn"])["stateMachineArn"] == machine


def test_a_name_starts_one_execution(machines):
    machine = machines.make({"Type": "Wait", "Seconds": 99999999})
    first = machines.client.start_execution(stateMachineArn=machine, name="once", input='{"a": 1}')
    again = machines.client.start_execution(stateMachineArn=machine, name="once", input='{"a": 1}')
    assert first["executionArn"] == again["executionArn"] and first["startDate"] == again["startDate"]
    start = machines.client.start_execution
    assert code(start, stateMachineArn=machine, name="once", input='{"a": 2}') == "ExecutionAlreadyExists"
    machines.client.stop_execution(executionArn=first["executionArn"], error="Enough", cause="of it")
    stopped = machines.client.describe_execution(executionArn=first["executionArn"])
    assert [stopped[key] for key in ("status", "error", "cause")] == ["ABORTED", "Enough", "of it"]
    assert code(start, stateMachineArn=machine, name="once", input='{"a": 1}') == "ExecutionAlreadyExists"
    assert machines.history(first["executionArn"])[-1]["type"] == "ExecutionAborted"
    assert code(start, stateMachineArn=machine + "x") == "StateMachineDoesNotExist"
    assert code(start, stateMachineArn=machine, input="{") == "InvalidExecutionInput"
    assert code(start, stateMachineArn=machine, name="a b") == "InvalidName"
    assert code(machines.client.describe_execution, executionArn=first["executionArn"] + "x") == "ExecutionDoesNotExist"


def test_history_tells_what_happened(machines):
    execution = machines.start(machines.make({"StartAt": "P", "States": {
        "P": {"Type": "Parallel", "Branches": [{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E", "Cause": "c"}}}],
              "Catch": [{"ErrorEquals": ["E"], "Next": "D"}], "End": True},
        "D": {"Type": "Succeed"}}}))
    machines.end(execution)
    events = machines.history(execution)
    assert [event["type"] for event in events] == [
        "ExecutionStarted", "ParallelStateEntered", "ParallelStateStarted", "FailStateEntered", "ParallelStateFailed",
        "ParallelStateExited", "SucceedStateEntered", "SucceedStateExited", "ExecutionSucceeded"]
    assert [event["id"] for event in events] == list(range(1, 10))
    assert all(event["previousEventId"] < event["id"] for event in events)
    assert json.loads(events[5]["stateExitedEventDetails"]["output"]) == {"Error": "E", "Cause": "c"}
    backward = machines.history(execution, reverseOrder=True, maxResults=3)
    assert [event["id"] for event in backward] == [9, 8, 7]
    assert "output" not in machines.history(execution, includeExecutionData=False)[5]["stateExitedEventDetails"]


def test_a_mistake_in_a_machine_says_where(machines):
    end = machines.run({"StartAt": "One", "States": {"One": {"Type": "Pass", "Next": "Two"}, "Two": {"Type": "Pass", "InputPath": "$.none", "End": True}}})
    assert end["error"] == "States.Runtime"
    assert end["cause"].startswith("An error occurred while executing the state 'Two' (entered at the event id #4). Invalid path '$.none' : No results for path: $['none']")


def test_express_machines_answer_at_once(machines):
    machine = machines.make({"Type": "Pass", "Parameters": {"twice.$": "States.MathAdd($.n, $.n)"}}, type="EXPRESS")
    said = machines.client.start_sync_execution(stateMachineArn=machine, input='{"n": 4}', name="x")
    assert said["status"] == "SUCCEEDED" and json.loads(said["output"]) == {"twice": 8}
    assert said["executionArn"].startswith(machine.replace(":stateMachine:", ":express:") + ":x:")
    failed = machines.client.start_sync_execution(stateMachineArn=machine, input="{}")
    assert failed["status"] == "FAILED" and failed["error"] == "States.Runtime"
    assert machines.start(machine, {"n": 1})
    assert code(machines.client.list_executions, stateMachineArn=machine) == "StateMachineTypeNotSupported"
    assert code(machines.client.describe_execution, executionArn=said["executionArn"]) == "InvalidArn"
    standard = machines.make({"Type": "Pass"})
    assert code(machines.client.start_sync_execution, stateMachineArn=standard) == "StateMachineTypeNotSupported"


def test_executions_are_logged_as_the_machine_says(machines, sandbox):
    logs = sandbox.client("logs")

    def logged(level, data):
        group = "/machines/" + uuid.uuid4().hex[:8]
        logs.create_log_group(logGroupName=group)
        machine = machines.make(
            {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}}, type="EXPRESS",
            loggingConfiguration={"level": level, "includeExecutionData": data, "destinations": [
                {"cloudWatchLogsLogGroup": {"logGroupArn": f"arn:aws:logs:us-east-1:000000000000:log-group:{group}:*"}}]})
        said = machines.client.start_sync_execution(stateMachineArn=machine, input='{"n": 1}')
        events = [json.loads(event["message"]) for event in logs.filter_log_events(logGroupName=group)["events"]]
        assert all((event["execution_arn"], event["redrive_count"]) == (said["executionArn"], "0") for event in events)
        return events

    events = logged("ALL", True)
    assert [event["type"] for event in events] == ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"]
    assert [event["id"] for event in events] == ["1", "2", "3"] and events[1]["details"] == {
        "name": "F", "input": '{"n": 1}', "inputDetails": {"truncated": False}}
    assert [event["type"] for event in logged("ERROR", True)] == ["FailStateEntered", "ExecutionFailed"]
    assert logged("FATAL", False)[0]["details"] == {"error": "E"}
    assert logged("ALL", False)[1]["details"] == {"name": "F"}
    assert not logged("OFF", True)


def test_a_machine_starts_another_and_waits(machines):
    inner = machines.make({"Type": "Pass", "Parameters": {"got.$": "$.n"}})
    call = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Parameters": {"StateMachineArn": inner, "Name": "inside", "Input": {"n.$": "$.n"}}}
    execution = machines.start(machines.make(call | {"ResultSelector": {"name.$": "$.Name", "out.$": "$.Output"}}), {"n": 3})
    assert json.loads(machines.end(execution)["output"]) == {"name": "inside", "out": {"got": 3}}
    types = [event["type"] for event in machines.history(execution)]
    assert types == ["ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded",
                     "TaskStateExited", "ExecutionSucceeded"]
    failing = machines.make({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E", "Cause": "c"}}})
    end = machines.run(call | {"Parameters": {"StateMachineArn": failing}})
    assert end["error"] == "States.TaskFailed" and json.loads(end["cause"])["Error"] == "E"
    end = machines.run(call | {"Resource": "arn:aws:states:::states:startExecution"}, {"n": 1})
    assert end["error"] == "StepFunctions.ExecutionAlreadyExistsException"


def test_any_operation_of_the_control_plane_is_a_task(machines, sandbox):
    glue = sandbox.client("glue")
    name = "db_" + uuid.uuid4().hex[:8]
    end = machines.run({"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:glue:createDatabase",
                        "Parameters": {"DatabaseInput": {"Name": name}}})
    assert end["status"] == "SUCCEEDED", end
    assert glue.get_database(Name=name)["Database"]["Name"] == name
    end = machines.run({"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:glue:getDatabase", "Parameters": {"Name": "none"}})
    assert end["error"] == "Glue.EntityNotFoundException"


def call(machines, action, parameters):
    end = machines.run({"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:" + action, "Parameters": parameters})
    return json.loads(end["output"]) if end["status"] == "SUCCEEDED" else end["error"]


def test_operations_of_every_protocol_are_tasks(machines, sandbox):
    """Whatever a spec says of a service is enough to call it: JSON, query, REST."""
    name = "sdk-" + uuid.uuid4().hex[:8]
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    assert call(machines, "iam:createRole", {"RoleName": name, "AssumeRolePolicyDocument": json.dumps(trust)})["Role"]["RoleName"] == name
    assert sandbox.client("iam").get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == trust
    assert call(machines, "iam:getRole", {"RoleName": "none"}) == "Iam.NoSuchEntityException"
    call(machines, "scheduler:createScheduleGroup", {"Name": name, "ClientToken": "t"})
    assert call(machines, "scheduler:getScheduleGroup", {"Name": name})["State"] == "ACTIVE"
    assert call(machines, "scheduler:getScheduleGroup", {"Name": "none"}) == "Scheduler.ResourceNotFoundException"
    call(machines, "cloudwatchlogs:createLogGroup", {"LogGroupName": "/" + name})
    assert [one["LogGroupName"] for one in call(machines, "cloudwatchlogs:describeLogGroups", {"LogGroupNamePrefix": "/" + name})["LogGroups"]] == ["/" + name]
    assert call(machines, "emrserverless:createApplication", {"Name": name, "ReleaseLabel": "emr-7.5.0", "Type": "SPARK", "ClientToken": "t"})["ApplicationId"]
    call(machines, "secretsmanager:createSecret", {"Name": name, "SecretString": "s"})
    assert call(machines, "secretsmanager:getSecretValue", {"SecretId": name})["SecretString"] == "s"
    assert call(machines, "secretsmanager:getSecretValue", {"SecretId": "none"}) == "SecretsManager.ResourceNotFoundException"
    assert call(machines, "lambda:getFunction", {"FunctionName": "none"}) == "Lambda.ResourceNotFoundException"


def test_objects_are_read_and_written_by_tasks(machines, sandbox):
    lake, s3 = make_bucket(sandbox), sandbox.client()
    assert call(machines, "s3:putObject", {"Bucket": lake, "Key": "a/text", "Body": "plain", "ContentType": "text/plain"})["ETag"].startswith('"')
    call(machines, "s3:putObject", {"Bucket": lake, "Key": "a/json", "Body": {"n": [1]}})
    got = s3.get_object(Bucket=lake, Key="a/text")
    assert got["Body"].read() == b"plain" and got["ContentType"] == "text/plain"
    assert json.loads(s3.get_object(Bucket=lake, Key="a/json")["Body"].read()) == {"n": [1]}
    assert json.loads(call(machines, "s3:getObject", {"Bucket": lake, "Key": "a/json"})["Body"]) == {"n": [1]}
    assert call(machines, "s3:headObject", {"Bucket": lake, "Key": "a/text"})["ContentLength"] == 5
    call(machines, "s3:copyObject", {"Bucket": lake, "Key": "b/c d", "CopySource": f"{lake}/a/text"})
    assert s3.get_object(Bucket=lake, Key="b/c d")["Body"].read() == b"plain"
    listed = call(machines, "s3:listObjectsV2", {"Bucket": lake, "MaxKeys": 2})
    assert [one["Key"] for one in listed["Contents"]] == ["a/json", "a/text"] and listed["IsTruncated"]
    rest = call(machines, "s3:listObjectsV2", {"Bucket": lake, "ContinuationToken": listed["NextContinuationToken"]})
    assert [one["Key"] for one in rest["Contents"]] == ["b/c d"] and not rest["IsTruncated"]
    assert [one["Prefix"] for one in call(machines, "s3:listObjectsV2", {"Bucket": lake, "Delimiter": "/"})["CommonPrefixes"]] == ["a/", "b/"]
    call(machines, "s3:deleteObject", {"Bucket": lake, "Key": "a/text"})
    assert call(machines, "s3:getObject", {"Bucket": lake, "Key": "a/text"}) == "S3.NoSuchKeyException"
    assert call(machines, "s3:getObject", {"Bucket": "none-" + lake, "Key": "k"}) == "S3.NoSuchBucketException"


def test_what_the_sandbox_cannot_do_says_so(machines):
    for resource in ("arn:aws:states:::sagemaker:createTrainingJob.sync", "arn:aws:states:::lambda:invoke.sync"):
        end = machines.run({"Type": "Task", "Resource": resource, "Parameters": {"TableName": "t"}})
        assert end["status"] == "FAILED" and end["error"] == "States.Runtime" and "sandbox" in end["cause"], resource


TOKEN = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:glue:createDatabase.waitForTaskToken",
         "Parameters": {"DatabaseInput": {"Name.$": "$.name", "Description.$": "$$.Task.Token"}}, "ResultPath": "$.said"}


def asked(machines, sandbox, **more):
    """A task that has put its token where anybody finds it."""
    name = "token_" + uuid.uuid4().hex[:8]
    execution = machines.start(machines.make(TOKEN | more), {"name": name})
    glue = sandbox.client("glue")
    found = until(lambda: [one for one in glue.get_databases()["DatabaseList"] if one["Name"] == name])
    return execution, found[0]["Description"]


def test_a_task_waits_for_its_token(machines, sandbox):
    execution, token = asked(machines, sandbox, HeartbeatSeconds=60)
    machines.client.send_task_heartbeat(taskToken=token)
    assert machines.client.describe_execution(executionArn=execution)["status"] == "RUNNING"
    assert code(machines.client.send_task_success, taskToken=token, output="{") == "InvalidOutput"
    machines.client.send_task_success(taskToken=token, output='{"fine": true}')
    assert json.loads(machines.end(execution)["output"])["said"] == {"fine": True}
    assert code(machines.client.send_task_success, taskToken=token, output="{}") == "TaskTimedOut"
    execution, token = asked(machines, sandbox)
    machines.client.send_task_failure(taskToken=token, error="No", cause="never")
    end = machines.end(execution)
    assert [end["status"], end["error"], end["cause"]] == ["FAILED", "No", "never"]
    assert [event["type"] for event in machines.history(execution)][-3:] == ["TaskSubmitted", "TaskFailed", "ExecutionFailed"]
    execution, token = asked(machines, sandbox, HeartbeatSeconds=1)
    assert machines.end(execution)["error"] == "States.HeartbeatTimeout"
    execution, token = asked(machines, sandbox, TimeoutSeconds=1)
    assert machines.end(execution)["error"] == "States.Timeout"
    assert [event["type"] for event in machines.history(execution)][-2:] == ["TaskTimedOut", "ExecutionFailed"]
    execution, token = asked(machines, sandbox)
    machines.client.stop_execution(executionArn=execution)
    assert machines.end(execution)["status"] == "ABORTED"


def test_waiting_is_sped_up_and_limits_count_it(machines):
    begin = time.monotonic()
    assert machines.run({"Type": "Wait", "Seconds": 600})["status"] == "SUCCEEDED"
    limited = {"TimeoutSeconds": 300, "StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
    assert machines.run(limited)["status"] == "TIMED_OUT"
    assert time.monotonic() - begin < 300


def test_many_at_once(machines):
    item = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 100, "Next": "N"}, "N": {"Type": "Pass", "End": True}}}
    machine = machines.make({"Type": "Map", "Iterator": item})
    running = [machines.start(machine, list(range(60))) for _ in range(10)]
    assert all(json.loads(machines.end(one)["output"]) == list(range(60)) for one in running)


def test_executions_outlive_the_sandbox(kept_sandbox):
    machines = Machines(kept_sandbox)
    machine = machines.make({"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Choices": [{"Variable": "$.wait", "BooleanEquals": True, "Next": "W"}], "Default": "P"},
        "W": {"Type": "Wait", "Seconds": 99999999, "End": True}, "P": {"Type": "Pass", "End": True}}})
    done = machines.start(machine, {"wait": False}, name="done")
    machines.end(done)
    killed = machines.start(machine, {"wait": True}, name="killed")
    kept_sandbox.kill()
    kept_sandbox.start()
    machines = Machines(kept_sandbox)
    assert json.loads(machines.client.describe_execution(executionArn=done)["output"]) == {"wait": False}
    assert machines.history(done)[-1]["type"] == "ExecutionSucceeded"
    assert machines.client.describe_execution(executionArn=killed)["status"] == "ABORTED"
    stopped = machines.start(machine, {"wait": True}, name="stopped")
    kept_sandbox.stop()
    kept_sandbox.start()
    machines = Machines(kept_sandbox)
    assert machines.client.describe_execution(executionArn=stopped)["status"] == "ABORTED"
    assert [one["name"] for one in machines.client.list_executions(stateMachineArn=machine)["executions"]] == ["stopped", "killed", "done"]
