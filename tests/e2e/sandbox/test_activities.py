"""Activities: tasks that wait for a worker, which asks for them and says how they went."""

import json
import threading
import time

import pytest
from servers import code
from support import until
from test_stepfunctions import Machines


class Work:
    def __init__(self, server, name):
        self.machines = Machines(server)
        self.client = self.machines.client
        self.arn = self.client.create_activity(name=name)["activityArn"]

    def start(self, given=None, **more):
        return self.machines.start(self.machines.make({"Type": "Task", "Resource": self.arn, **more}), given)

    def take(self, **more):
        return self.client.get_activity_task(activityArn=self.arn, **more)

    def kinds(self, execution):
        return [event["type"] for event in self.machines.history(execution) if event["type"].startswith("Activity")]


@pytest.fixture
def work(sandbox, request):
    return Work(sandbox, request.node.name)


def test_they_are_made(anywhere):
    client = anywhere.client("stepfunctions")
    made = client.create_activity(name="made", tags=[{"key": "a", "value": "b"}])
    arn = made["activityArn"]
    assert arn.endswith(":activity:made")
    found = client.describe_activity(activityArn=arn)
    assert (found["name"], found["activityArn"], found["creationDate"]) == ("made", arn, made["creationDate"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "a", "value": "b"}]
    assert "made" in [one["name"] for one in client.list_activities()["activities"]]
    client.delete_activity(activityArn=arn)
    client.delete_activity(activityArn=arn)
    assert code(client.describe_activity, activityArn=arn) == "ActivityDoesNotExist"


def test_a_worker_does_it(work):
    execution = work.start({"n": 1}, ResultPath="$.answer")
    task = work.take(workerName="me")
    assert json.loads(task["input"]) == {"n": 1}
    work.client.send_task_heartbeat(taskToken=task["taskToken"])
    work.client.send_task_success(taskToken=task["taskToken"], output='{"fine": true}')
    end = work.machines.end(execution)
    assert json.loads(end["output"]) == {"n": 1, "answer": {"fine": True}}
    scheduled, started, done = [event for event in work.machines.history(execution) if event["type"].startswith("Activity")]
    assert scheduled["activityScheduledEventDetails"]["resource"] == work.arn and json.loads(scheduled["activityScheduledEventDetails"]["input"]) == {"n": 1}
    assert started["activityStartedEventDetails"] == {"workerName": "me"} and json.loads(done["activitySucceededEventDetails"]["output"]) == {"fine": True}


def test_a_worker_waits_for_work(work):
    got = []
    worker = threading.Thread(target=lambda: got.append(work.take()))
    worker.start()
    execution = work.start("x")
    worker.join(60)
    work.client.send_task_success(taskToken=got[0]["taskToken"], output="1")
    assert work.machines.end(execution)["status"] == "SUCCEEDED"


def test_each_task_goes_to_one_worker_the_oldest_first(work):
    executions = []
    for n in range(3):
        executions.append(work.start(n))
        until(lambda: work.kinds(executions[-1]))
    tasks = [work.take() for _ in executions]
    assert [json.loads(task["input"]) for task in tasks] == [0, 1, 2]
    for task in reversed(tasks):
        work.client.send_task_success(taskToken=task["taskToken"], output=task["input"])
    assert [json.loads(work.machines.end(one)["output"]) for one in executions] == [0, 1, 2]


def test_a_worker_fails(work):
    execution = work.start()
    work.client.send_task_failure(taskToken=work.take()["taskToken"], error="No", cause="never")
    end = work.machines.end(execution)
    assert (end["status"], end["error"], end["cause"]) == ("FAILED", "No", "never")
    assert work.kinds(execution) == ["ActivityScheduled", "ActivityStarted", "ActivityFailed"]


def test_its_time_begins_when_it_is_taken(work):
    execution = work.start(TimeoutSeconds=1)
    until(lambda: work.kinds(execution))
    begin = time.time()
    token = work.take()["taskToken"]
    end = work.machines.end(execution)
    assert (end["status"], end["error"]) == ("FAILED", "States.Timeout") and end["stopDate"].timestamp() - begin > 0.9
    assert work.kinds(execution) == ["ActivityScheduled", "ActivityStarted", "ActivityTimedOut"]
    assert code(work.client.send_task_success, taskToken=token, output="1") == "TaskTimedOut"
    machine = work.machines.make({"TimeoutSeconds": 1, "StartAt": "T", "States": {"T": {"Type": "Task", "Resource": work.arn, "End": True}}})
    assert work.machines.end(work.machines.start(machine))["status"] == "TIMED_OUT"  # nobody has taken it


def test_one_that_is_not_there(work):
    work.client.delete_activity(activityArn=work.arn)
    assert code(work.take) == "ActivityDoesNotExist"
    execution = work.start()
    end = work.machines.end(execution)
    assert end["status"] == "FAILED" and work.arn in end["cause"]
    assert work.kinds(execution) == ["ActivityScheduleFailed"]


def test_what_is_stopped_is_offered_no_more(work):
    execution = work.start()
    until(lambda: work.kinds(execution))
    work.client.stop_execution(executionArn=execution)
    other = work.start("other")
    task = work.take()
    assert task["input"] == '"other"'
    work.client.send_task_success(taskToken=task["taskToken"], output="1")
    assert work.machines.end(other)["status"] == "SUCCEEDED"


def test_a_branch_that_waits_is_stopped_alone(work):
    """The other one fails, which is caught: the execution goes on."""
    branches = [{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": work.arn, "End": True}}}, {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 100, "Next": "F"}, "F": {"Type": "Fail", "Error": "E"}}}]
    machine = work.machines.make({"StartAt": "P", "States": {
        "P": {"Type": "Parallel", "Branches": branches, "Catch": [{"ErrorEquals": ["E"], "Next": "D"}], "End": True}, "D": {"Type": "Pass", "Result": "caught", "End": True}}})
    end = work.machines.end(work.machines.start(machine))
    assert (end["status"], json.loads(end.get("output", "null"))) == ("SUCCEEDED", "caught")
