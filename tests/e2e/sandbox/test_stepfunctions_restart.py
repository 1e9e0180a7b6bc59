"""What history and variables tell of executions, and how executions end with the sandbox."""

import json

import pytest
from botocore.exceptions import ClientError
from servers import code
from support import cpu_of, until
from test_firing import queue  # noqa: F401
from test_stepfunctions import Machines


@pytest.fixture
def machines(sandbox):
    return Machines(sandbox)


def endless(**states):
    """These states, over and over. Step Functions takes no machine without a state that ends it, so there is a way out that is never taken."""
    first, last = next(iter(states)), list(states)[-1]
    out = {"Type": "Choice", "Choices": [{"Variable": "$.out", "IsPresent": True, "Next": "Out"}], "Default": last}
    return {"StartAt": first, "States": {**states, "Again": out, "Out": {"Type": "Succeed"}}}


def test_an_endless_execution_ends_with_the_sandbox(kept_sandbox):
    """Nothing in it waits, and no number of events ends an EXPRESS machine."""
    machines = Machines(kept_sandbox)
    for kind in ("EXPRESS", "STANDARD"):
        machine = machines.make(endless(A={"Type": "Pass", "Next": "Again"}), type=kind)
        machines.start(machine)
    kept_sandbox.stop()


def test_history_tells_what_was_aborted(machines, queue):
    execution = machines.start(machines.make({"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": True, "Branches": [
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600000, "End": True}}},
        {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": True,
                                          "Parameters": {"QueueUrl": queue.url, "MessageBody.$": "$$.Task.Token"}}}}]}}}))
    (token,) = queue.bodies(1)
    until(lambda: any(event["type"] == "WaitStateEntered" for event in machines.history(execution)))
    machines.client.send_task_failure(taskToken=token, error="E", cause="c")
    end = machines.end(execution)
    assert (end["status"], end["error"]) == ("FAILED", "E")
    kinds = [event["type"] for event in machines.history(end["executionArn"])]
    assert "WaitStateAborted" in kinds and kinds.index("WaitStateAborted") < kinds.index("ParallelStateFailed")
    assert kinds[-1] == "ExecutionFailed"

    execution = machines.start(machines.make({"Type": "Wait", "Seconds": 3600000}))
    until(lambda: any(event["type"] == "WaitStateEntered" for event in machines.history(execution)))
    machines.client.stop_execution(executionArn=execution, error="Enough", cause="said so")
    kinds = [event["type"] for event in machines.history(execution)]
    assert kinds[-2:] == ["WaitStateEntered", "ExecutionAborted"]


def test_history_tells_what_was_refused(machines):
    end = machines.run({"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Parameters": {"JobName": "none"}})
    assert (end["status"], end["error"]) == ("FAILED", "Glue.EntityNotFoundException")
    events = machines.history(end["executionArn"])
    assert [event["type"] for event in events if event["type"].startswith("Task") and "State" not in event["type"]] == ["TaskScheduled", "TaskStarted", "TaskSubmitFailed"]
    (refused,) = [event["taskSubmitFailedEventDetails"] for event in events if event["type"] == "TaskSubmitFailed"]
    assert (refused["resourceType"], refused["resource"], refused["error"]) == ("glue", "startJobRun.sync", "Glue.EntityNotFoundException")


def test_history_tells_what_was_assigned(machines):
    end = machines.run({"StartAt": "A", "States": {"A": {"Type": "Pass", "Assign": {"n": 1, "l": ["x"]}, "Next": "B"}, "B": {"Type": "Pass", "OutputPath": "$l[0]", "End": True}}})
    assert json.loads(end["output"]) == "x"
    (exited, other) = [event["stateExitedEventDetails"] for event in machines.history(end["executionArn"]) if event["type"] == "PassStateExited"]
    assert {name: json.loads(text) for name, text in exited["assignedVariables"].items()} == {"n": 1, "l": ["x"]}
    assert "assignedVariables" not in other


def test_variables_have_a_size(machines):
    end = machines.run(endless(A={"Type": "Pass", "Assign": {"t": "x" * 100}, "Next": "B"},
                               B={"Type": "Pass", "Assign": {"t.$": "States.Format('{}{}', $t, $t)"}, "Next": "Again"}))
    assert (end["status"], end["error"]) == ("FAILED", "States.DataLimitExceeded")


def test_what_has_ended_is_not_kept_in_memory(kept_sandbox, tmp_path):
    """A history of 13 MiB each; an EXPRESS machine has none, and its executions are forgotten."""
    machines, text, folder = Machines(kept_sandbox), "x" * 100000, tmp_path / "data/jobs/executions"
    states = {f"S{i}": {"Type": "Pass", "Next": f"S{i + 1}"} for i in range(64)}
    states["S64"] = {"Type": "Succeed"}
    machine = machines.make({"StartAt": "S0", "States": states})
    machines.end(machines.start(machine, text))
    before = kept_sandbox.status("VmRSS")
    ends = [machines.end(machines.start(machine, text)) for _ in range(8)]
    if "asan" not in str(kept_sandbox.process.args[0]) and "tsan" not in str(kept_sandbox.process.args[0]):
        assert kept_sandbox.status("VmRSS") - before < 40 * 1024
    assert {json.loads(end["output"]) for end in ends} == {text}
    events = machines.history(ends[0]["executionArn"], maxResults=10, reverseOrder=True)
    assert [event["id"] for event in events] == list(range(132, 122, -1)) and len(events[1]["stateExitedEventDetails"]["output"]) == len(text) + 2
    files = list(folder.iterdir())
    assert len(files) == 18
    express = machines.make({"Type": "Pass"}, type="EXPRESS")
    assert machines.client.start_sync_execution(stateMachineArn=express)["status"] == "SUCCEEDED"
    assert sorted(files) == sorted(folder.iterdir())


def test_calls_are_refused_as_on_aws(machines):
    client = machines.client
    for call, arn in ((client.describe_state_machine, "stateMachineArn"), (client.list_executions, "stateMachineArn"), (client.describe_execution, "executionArn"),
                      (client.get_execution_history, "executionArn"), (client.publish_state_machine_version, "stateMachineArn"), (client.get_activity_task, "activityArn")):
        with pytest.raises(ClientError) as caught:
            call(**{arn: "none"})
        assert (caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]) == ("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: none'")
    machine = machines.make({"Type": "Pass"})
    with pytest.raises(ClientError) as caught:
        client.list_executions(stateMachineArn=machine, maxResults=1001)
    assert caught.value.response["Error"]["Message"].endswith("Member must have value less than or equal to 1000")
    assert code(client.list_executions, stateMachineArn=machine, nextToken="none") == "InvalidToken"
    assert [code(client.create_activity, name=name) for name in ("a b", "a/b", "a\x7f", "a\x85")] == ["InvalidName"] * 4


def test_a_machine_has_a_revision_once_it_was_changed(machines):
    client, machine = machines.client, machines.make({"Type": "Pass"})
    described = client.describe_state_machine(stateMachineArn=machine)
    assert "revisionId" not in described
    assert described["loggingConfiguration"] == {"level": "OFF", "includeExecutionData": False}
    same = client.update_state_machine(stateMachineArn=machine, definition=described["definition"])
    assert "revisionId" not in same
    changed = client.update_state_machine(stateMachineArn=machine, definition=described["definition"].replace("Pass", "Succeed").replace(', "End": true', ""))
    assert changed["revisionId"] == client.describe_state_machine(stateMachineArn=machine)["revisionId"]
    assert code(client.update_state_machine, stateMachineArn=machine) == "MissingRequiredParameter"
    again = client.update_state_machine(stateMachineArn=machine, roleArn=described["roleArn"])
    assert again["revisionId"] == changed["revisionId"]


def test_a_definition_is_refused_in_the_services_words(machines):
    def wrong(definition, **more):
        said = machines.client.validate_state_machine_definition(definition=json.dumps(definition), **more)
        return [(one["location"], one["message"]) for one in said["diagnostics"]]

    def labelled(label):
        return {"StartAt": "M", "States": {"M": {"Type": "Map", "Label": label, "End": True, "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "P", "States": {"P": {"Type": "Succeed"}}}}}}

    task = {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {}, "End": True}}}
    assert not wrong(task) and wrong(task, type="EXPRESS") == [
        ("/States/T/Resource", "Express state machine does not support '.waitForTaskToken' service integration ")]
    assert wrong({}) == [("/", "These fields are required: [States, StartAt]")]
    down = {"StartAt": "P", "States": {"P": {"Type": "Pass", "QueryLanguage": "JSONPath", "End": True}}}
    assert not wrong(down) and wrong({**down, "QueryLanguage": "JSONata"}) == [
        ("/States/P", "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine")]
    assert not wrong(labelled("good-label")) and [bool(wrong(labelled(label))) for label in ("", "x" * 41, "a b", "a?", "a\x80")] == [True] * 5


def test_what_belongs_to_an_execution_is_told(machines):
    client = machines.client
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "P", "States": {"P": {"Type": "Succeed"}}}
    machine = machines.make({"Type": "Map", "Label": "each", "ItemProcessor": processor})
    runs = [machines.start(machine, [1]) for _ in range(3)]
    assert machines.end(runs[0])["status"] == "SUCCEEDED"
    (run,) = client.list_map_runs(executionArn=runs[0])["mapRuns"]
    assert run["stateMachineArn"] == machine + "/each"
    described = client.describe_state_machine_for_execution(executionArn=runs[0])
    assert described["loggingConfiguration"] == {"level": "OFF", "includeExecutionData": False} and described["tracingConfiguration"] == {"enabled": False}
    assert described["encryptionConfiguration"] == {"type": "AWS_OWNED_KEY"} and "variableReferences" not in described
    first = client.list_executions(stateMachineArn=machine, maxResults=2)
    assert not first["nextToken"].isdigit()  # nobody counts on what it is
    rest = client.list_executions(stateMachineArn=machine, maxResults=2, nextToken=first["nextToken"])
    assert {one["executionArn"] for one in first["executions"] + rest["executions"]} == set(runs)


def test_a_page_has_a_hundred_unless_more_are_asked_for(machines, sandbox):
    machine = machines.make({"Type": "Map", "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}})
    run = machines.start(machine, list(range(40)))
    assert machines.end(run)["status"] == "SUCCEEDED"
    elsewhere = sandbox.client("stepfunctions", region="ap-south-2")
    for i in range(101):
        elsewhere.create_activity(name=f"a{i}")
    for ask, member in (lambda **n: machines.client.get_execution_history(executionArn=run, **n), "events"), (elsewhere.list_activities, "activities"):
        usual, same, all_of_it = ask(), ask(maxResults=0), ask(maxResults=1000)
        assert len(usual[member]) == len(same[member]) == 100 < len(all_of_it[member])
        assert len(ask(nextToken=usual["nextToken"])[member]) == len(all_of_it[member]) - 100 and "nextToken" not in all_of_it


def test_the_variables_that_states_refer_to(machines, sandbox):
    def references(definition):
        return machines.client.describe_state_machine(stateMachineArn=machines.make(definition)).get("variableReferences")

    inner = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Parameters": {"q.$": "$q", "literal": "$no", "c.$": "$$.State.Name"}, "End": True}}}
    assert references({"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Assign": {"x": 1, "l.$": "$.l", "q": 2}, "Next": "C"},
        "C": {"Type": "Choice", "Choices": [{"Variable": "$x", "NumericEqualsPath": "$y.z", "Next": "M"}], "Default": "M"},
        "M": {"Type": "Map", "ItemsPath": "$l", "ItemSelector": {"s.$": "States.Format('$no {}', $x)"}, "ItemProcessor": inner, "End": True}}}) == {
            "C": ["x", "y"], "M": ["l", "x"], "P": ["q"]}
    assert references({"StartAt": "A", "States": {"A": {"Type": "Pass", "Assign": {"x": 1}, "End": True}}}) is None
    assert references({"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": {
        "Type": "Pass", "Output": {"a": "{% $x + $count($states.input.y) + $z.b %}", "literal": "$no"}, "End": True}}}) == {"A": ["x", "z"]}
    names, spaces = " + ".join(f"$a{i % 50}" for i in range(60000)), " " * 400000
    many = {"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": {"Type": "Pass", "Output": f"{{% {names}{spaces} %}}", "End": True}}}
    found, cpu_s = cpu_of(lambda: references(many)["A"], sandbox.process)
    assert len(found) == 50 and cpu_s < 10, "it was half a minute"
