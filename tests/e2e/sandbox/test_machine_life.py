"""What history and variables tell of executions, and how executions end with the sandbox."""

import json
import time

import pytest
from support import until
from test_machines import Machines


@pytest.fixture
def machines(sandbox):
    return Machines(sandbox)


def test_an_endless_execution_ends_with_the_sandbox(kept_sandbox):
    """Nothing in it waits, and no number of events ends an EXPRESS machine."""
    machines = Machines(kept_sandbox)
    for kind in ("EXPRESS", "STANDARD"):
        machine = machines.make({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}}, type=kind)
        machines.start(machine)
    begin = time.monotonic()
    kept_sandbox.stop()
    assert time.monotonic() - begin < 20


def test_history_tells_what_was_aborted(machines):
    end = machines.run({"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": True, "Branches": [
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600000, "End": True}}},
        {"StartAt": "S", "States": {"S": {"Type": "Wait", "Seconds": 300, "Next": "F"}, "F": {"Type": "Fail", "Error": "E", "Cause": "c"}}}]}}})
    assert (end["status"], end["error"]) == ("FAILED", "E")
    kinds = [event["type"] for event in machines.history(end["executionArn"])]
    assert "WaitStateAborted" in kinds and kinds.index("WaitStateAborted") < kinds.index("ParallelStateFailed")
    assert kinds[-1] == "ExecutionFailed"

    execution = machines.start(machines.make({"Type": "Wait", "Seconds": 3600000}))
    until(lambda: any(event["type"] == "WaitStateEntered" for event in machines.history(execution)))
    machines.client.stop_execution(executionArn=execution, error="Enough", cause="said so")
    kinds = [event["type"] for event in machines.history(execution)]
    assert kinds[-2:] == ["WaitStateAborted", "ExecutionAborted"]


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
    loop = {"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Assign": {"t": "x" * 100}, "Next": "B"}, "B": {"Type": "Pass", "Assign": {"t.$": "States.Format('{}{}', $t, $t)"}, "Next": "B"}}}
    end = machines.run(loop)
    assert (end["status"], end["error"]) == ("FAILED", "States.DataLimitExceeded")
