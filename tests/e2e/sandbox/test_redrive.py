"""An execution that ended badly goes on where it did."""

import json
import uuid

import pytest
from servers import code
from support import until
from test_stepfunctions import Machines


class Trying(Machines):
    """Machines whose second state gives up until a database is there."""

    def __init__(self, server):
        super().__init__(server)
        self.glue, self.name = server.client("glue"), "redrive_" + uuid.uuid4().hex[:8]
        self.machine = self.make({"StartAt": "First", "States": {
            "First": {"Type": "Pass", "Assign": {"before.$": "$$.Execution.Input.n"}, "ResultPath": "$.first", "Result": "done", "Next": "Look"},
            "Look": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:glue:getDatabase", "Parameters": {"Name": self.name}, "ResultSelector": {"found.$": "$.Database.Name"}, "ResultPath": "$.look", "Next": "Last"},
            "Last": {"Type": "Pass", "Parameters": {"n.$": "$before", "look.$": "$.look.found", "times.$": "$$.Execution.RedriveCount"}, "End": True}}})

    def mend(self):
        self.glue.create_database(DatabaseInput={"Name": self.name})

    def redrive(self, execution, **more):
        return self.client.redrive_execution(executionArn=execution, **more)["redriveDate"]

    def describe(self, execution):
        return self.client.describe_execution(executionArn=execution)

    def kinds(self, execution):
        return [event["type"] for event in self.history(execution)]


@pytest.fixture
def machines(sandbox):
    return Trying(sandbox)


def test_it_goes_on_where_it_failed(machines):
    execution = machines.start(machines.machine, {"n": 7})
    end = machines.end(execution)
    assert (end["status"], end["error"], end["redriveStatus"], end["redriveCount"]) == ("FAILED", "Glue.EntityNotFoundException", "REDRIVABLE", 0)
    before = machines.kinds(execution)
    assert machines.end(execution)["status"] == "FAILED"
    machines.redrive(execution)
    assert machines.end(execution)["status"] == "FAILED"  # nothing is better yet
    machines.mend()
    when = machines.redrive(execution)
    end = machines.end(execution)
    assert json.loads(end["output"]) == {"n": 7, "look": machines.name, "times": 2} and "error" not in end
    assert (end["redriveCount"], end["redriveDate"], end["redriveStatus"]) == (2, when, "NOT_REDRIVABLE")
    assert "SUCCEEDED" in end["redriveStatusReason"] and end["stopDate"] >= when > end["startDate"]
    kinds = machines.kinds(execution)
    assert kinds[:len(before)] == before and kinds.count("PassStateEntered") == 2 and kinds.count("TaskStateEntered") == 1
    assert kinds[len(before):len(before) + 3] == ["ExecutionRedriven", "TaskScheduled", "TaskStarted"] and kinds[-1] == "ExecutionSucceeded"
    events = machines.history(execution)
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert [event["executionRedrivenEventDetails"] for event in events if event["type"] == "ExecutionRedriven"] == [{"redriveCount": 1}, {"redriveCount": 2}]
    (listed,) = machines.client.list_executions(stateMachineArn=machines.machine)["executions"]
    assert (listed["status"], listed["redriveCount"], listed["redriveDate"]) == ("SUCCEEDED", 2, when)
    listed = lambda redriven: [one["executionArn"] for one in machines.client.list_executions(stateMachineArn=machines.machine, redriveFilter=redriven)["executions"]]  # noqa: E731
    assert (listed("REDRIVEN"), listed("NOT_REDRIVEN")) == ([execution], [])
    assert code(machines.redrive, execution=execution) == "ExecutionNotRedrivable"


def test_its_definition_is_the_one_that_it_had(machines):
    execution = machines.start(machines.machine, {"n": 1})
    machines.end(execution)
    machines.client.update_state_machine(stateMachineArn=machines.machine, definition=json.dumps({"StartAt": "Look", "States": {"Look": {"Type": "Fail"}}}))
    machines.mend()
    machines.redrive(execution)
    assert json.loads(machines.end(execution)["output"])["n"] == 1


def test_what_is_refused(machines):
    execution = machines.start(machines.make({"Type": "Wait", "Seconds": 9999999}))
    assert machines.describe(execution)["redriveStatusReason"].startswith("Execution is RUNNING")
    assert code(machines.redrive, execution=execution) == "ExecutionNotRedrivable"
    assert code(machines.redrive, execution=execution + "x") == "ExecutionDoesNotExist"
    assert code(machines.redrive, execution=execution.replace(":execution:", ":express:")) == "InvalidArn"
    machines.client.stop_execution(executionArn=execution)
    token = uuid.uuid4().hex
    when = machines.redrive(execution, clientToken=token)
    until(lambda: "ExecutionRedriven" in machines.kinds(execution))
    assert machines.redrive(execution, clientToken=token) == when  # the same request: done once
    assert code(machines.redrive, execution=execution) == "ExecutionNotRedrivable"
    machines.client.stop_execution(executionArn=execution)
    assert machines.describe(execution)["redriveCount"] == 1
    failed = machines.start(machines.machine, {"n": 1})
    machines.end(failed)
    machines.client.delete_state_machine(stateMachineArn=machines.machine)
    assert code(machines.redrive, execution=failed) == "ExecutionNotRedrivable"


def test_what_the_sandbox_left_in_the_middle(kept_sandbox):
    """Killed while it ran, and once more while it was tried again."""
    machines = Trying(kept_sandbox)
    machine = machines.make({"StartAt": "W", "States": {"W": {"Type": "Wait", "SecondsPath": "$.s", "Next": "P"}, "P": {"Type": "Pass", "End": True}}})
    waits = machines.start(machine, {"s": 9999999})
    failed = machines.start(machines.machine, {"n": 3})
    machines.end(failed)
    machines.client.stop_execution(executionArn=waits)
    machines.redrive(waits)
    until(lambda: "ExecutionRedriven" in machines.kinds(waits))
    kept_sandbox.kill()
    kept_sandbox.start()
    machines.__init__(kept_sandbox)
    found = machines.describe(waits)
    assert (found["status"], found["redriveStatus"], found["redriveCount"]) == ("ABORTED", "REDRIVABLE", 1)
    assert machines.kinds(waits) == ["ExecutionStarted", "WaitStateEntered", "ExecutionAborted"]
    machines.redrive(waits)
    assert machines.describe(waits)["redriveCount"] == 2
    machines.client.stop_execution(executionArn=waits)
    machines.redrive(failed)
    assert machines.end(failed)["error"] == "Glue.EntityNotFoundException"


def look(machines, name):
    return {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:glue:getDatabase", "Parameters": {"Name": name}, "ResultSelector": {"found.$": "$.Database.Name"}, "ResultPath": "$.look"}


def test_of_branches_those_go_on_that_have_not_succeeded(machines):
    """Within each other: one branch is done, one fails at its second step, one is a Map of which one iteration fails."""
    item = {"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Choices": [{"Variable": "$.bad", "BooleanEquals": True, "Next": "Late"}], "Default": "Fine"},
        "Fine": {"Type": "Pass", "Parameters": {"fine.$": "$$.Map.Item.Index"}, "End": True},
        "Late": {"Type": "Wait", "Seconds": 100, "Next": "Look"},
        "Look": {**look(machines, machines.name), "Next": "Said"},
        "Said": {"Type": "Pass", "Parameters": {"item.$": "$$.Map.Item.Index", "look.$": "$.look.found"}, "End": True}}}
    machine = machines.make({"StartAt": "Before", "States": {
        "Before": {"Type": "Pass", "Assign": {"outer": 1}, "Next": "P"},
        "P": {"Type": "Parallel", "End": True, "Branches": [
            {"StartAt": "Done", "States": {"Done": {"Type": "Pass", "Result": "done", "End": True}}},
            {"StartAt": "M", "States": {"M": {"Type": "Map", "MaxConcurrency": 1, "ItemsPath": "$.items", "ItemProcessor": item, "End": True}}}]}}})
    execution = machines.start(machine, {"items": [{"bad": False}, {"bad": True}, {"bad": False}]})
    end = machines.end(execution)
    assert (end["status"], end["error"]) == ("FAILED", "Glue.EntityNotFoundException")
    machines.redrive(execution)
    assert machines.end(execution)["status"] == "FAILED"
    machines.mend()
    machines.redrive(execution)
    assert json.loads(machines.end(execution)["output"]) == ["done", [{"fine": 0}, {"item": 1, "look": machines.name}, {"fine": 2}]]
    entered = [event["stateEnteredEventDetails"]["name"] for event in machines.history(execution) if event["type"].endswith("StateEntered")]
    assert sorted(entered) == sorted(["Before", "P", "Done", "M", "C", "Fine", "C", "Late", "Look", "Said", "C", "Fine"])
    kinds = machines.kinds(execution)
    assert kinds.count("ParallelStateStarted") == kinds.count("MapStateStarted") == 1 and kinds.count("MapIterationStarted") == 3
    assert kinds.count("ExecutionRedriven") == 2 and kinds.count("TaskScheduled") == 3


def test_a_retry_begins_anew(machines):
    """What is kept of iterations is for the redrive itself, not for a retry of the same state after it."""
    item = {"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Choices": [{"Variable": "$", "BooleanEquals": True, "Next": "Look"}], "Default": "Fine"},
        "Fine": {"Type": "Pass", "End": True}, "Look": {**look(machines, machines.name), "End": True}}}
    machine = machines.make({"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": item, "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]})
    execution = machines.start(machine, [False, True])
    machines.end(execution)
    machines.redrive(execution)
    machines.end(execution)
    entered = [event["stateEnteredEventDetails"]["name"] for event in machines.history(execution) if event["type"].endswith("StateEntered")]
    # twice at first; then the second iteration alone goes on, and the retry does both
    assert (entered.count("Only"), entered.count("Fine"), entered.count("Look"), machines.kinds(execution).count("TaskScheduled")) == (1, 3, 3, 4)
