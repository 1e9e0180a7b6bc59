"""ECS's tasks: commands on this machine where the image is local, an honest refusal otherwise; run by boto3, by weir and by a state machine."""

import json
import uuid

import pytest
from botocore.exceptions import ClientError
from support import until


class Cluster:
    def __init__(self, sandbox):
        self.sandbox, self.ecs, self.name = sandbox, sandbox.client("ecs"), f"c-{uuid.uuid4().hex[:8]}"
        self.ecs.create_cluster(clusterName=self.name)

    def define(self, *command, image="local", beside=(), **more):
        main = {"name": "main", "image": image, "command": list(command), "environment": [{"name": "WORD", "value": "defined"}],
                "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/tasks/" + self.name, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "run"}}, **more}
        self.definition = self.ecs.register_task_definition(family=self.name, cpu="256", memory="512", containerDefinitions=[main, *beside])["taskDefinition"]["taskDefinitionArn"]
        return self

    def run(self, **more):
        answer = self.ecs.run_task(cluster=self.name, taskDefinition=self.definition, launchType="FARGATE", **more)
        assert answer["failures"] == []
        return answer["tasks"][0]["taskArn"]

    def task(self, arn):
        (found,) = self.ecs.describe_tasks(cluster=self.name, tasks=[arn])["tasks"]
        return found

    def ended(self, arn):
        return until(lambda: (task := self.task(arn))["lastStatus"] == "STOPPED" and task)

    def output(self, arn):
        return self.sandbox.lines("/tasks/" + self.name, "run/main/" + arn.rpartition("/")[2])


@pytest.fixture
def cluster(job_sandbox):
    return Cluster(job_sandbox)


def test_a_command_runs(cluster):
    cluster.define("-c", "echo $WORD $MORE; env | grep -c AWS_ENDPOINT_URL; exit 4", entryPoint=["sh"])
    arn = cluster.run(overrides={"containerOverrides": [{"name": "main", "environment": [{"name": "MORE", "value": "over"}]}]}, startedBy="test")
    ended = cluster.ended(arn)
    assert (ended["stopCode"], ended["stoppedReason"], ended["containers"][0]["exitCode"]) == ("EssentialContainerExited", "Essential container in task exited", 4)
    assert ended["createdAt"] <= ended["startedAt"] <= ended["stoppedAt"] and ended["startedBy"] == "test"
    assert cluster.output(arn) == ["defined over", "1"]
    again = cluster.ended(cluster.run(overrides={"containerOverrides": [{"name": "main", "command": ["-c", "true"]}]}))
    assert again["containers"][0]["exitCode"] == 0
    assert cluster.ecs.list_tasks(cluster=cluster.name)["taskArns"] == []  # none runs
    assert set(cluster.ecs.list_tasks(cluster=cluster.name, desiredStatus="STOPPED", family=cluster.name)["taskArns"]) == {arn, again["taskArn"]}


def test_groups_and_capacity_providers(cluster):
    cluster.define("true")
    run = lambda **more: cluster.ecs.run_task(cluster=cluster.name, taskDefinition=cluster.definition, **more)["tasks"][0]  # noqa: E731
    spot, plain = run(group="nightly", capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}]), run(launchType="EC2")
    assert (spot["group"], spot["capacityProviderName"], spot["launchType"]) == ("nightly", "FARGATE_SPOT", "FARGATE")
    assert plain["group"].startswith("family:") and plain["launchType"] == "EC2"
    for one in (spot, plain):
        cluster.ended(one["taskArn"])
    listed = lambda **more: cluster.ecs.list_tasks(cluster=cluster.name, desiredStatus="STOPPED", **more)["taskArns"]  # noqa: E731
    assert (listed(launchType="FARGATE"), listed(launchType="EC2"), listed(serviceName="none")) == ([spot["taskArn"]], [plain["taskArn"]], [])


def test_a_token_is_one_request(cluster):
    cluster.define("true")
    run = lambda token: [task["taskArn"] for task in cluster.ecs.run_task(cluster=cluster.name, taskDefinition=cluster.definition, count=2, clientToken=token)["tasks"]]  # noqa: E731
    first = run("a")
    assert len(set(first)) == 2 and run("a") == first and not set(run("b")) & set(first)


def test_a_rule_starts_one(cluster):
    """What its target says of the task, and overrides as its input."""
    cluster.define("-c", "echo $WORD $MORE", entryPoint=["sh"])
    events, arn = cluster.sandbox.client("events"), cluster.ecs.describe_clusters(clusters=[cluster.name])["clusters"][0]["clusterArn"]
    events.put_rule(Name=cluster.name, EventPattern=json.dumps({"source": [cluster.name]}))
    given = {"containerOverrides": [{"name": "main", "environment": [{"name": "MORE", "value": "by a rule"}]}]}
    target = {"Id": "task", "Arn": arn, "RoleArn": cluster.sandbox.role, "Input": json.dumps(given), "EcsParameters": {"TaskDefinitionArn": cluster.definition, "LaunchType": "FARGATE"}}
    assert events.put_targets(Rule=cluster.name, Targets=[target])["FailedEntryCount"] == 0
    assert events.list_targets_by_rule(Rule=cluster.name)["Targets"][0]["EcsParameters"] == target["EcsParameters"]
    events.put_events(Entries=[{"Source": cluster.name, "DetailType": "come", "Detail": "{}"}])
    (task,) = until(lambda: cluster.ecs.list_tasks(cluster=cluster.name, desiredStatus="STOPPED")["taskArns"])
    assert cluster.output(task) == ["defined by a rule"]


def test_images_are_not_run(cluster):
    ended = cluster.ended(cluster.define("true", image="public.ecr.aws/docker/library/alpine:3").run())
    assert ended["stopCode"] == "TaskFailedToStart" and "the sandbox runs no containers" in ended["stoppedReason"]
    assert "exitCode" not in ended["containers"][0]
    beside = [{"name": "sidecar", "image": "local", "command": ["true"], "essential": False}]
    assert "one container" in cluster.ended(cluster.define("true", beside=beside).run())["stoppedReason"]


def test_stopped(cluster):
    arn = cluster.define("sleep", "600").run()
    until(lambda: cluster.task(arn)["lastStatus"] == "RUNNING")
    assert cluster.ecs.list_tasks(cluster=cluster.name)["taskArns"] == [arn]
    cluster.ecs.stop_task(cluster=cluster.name, task=arn, reason="enough")
    ended = cluster.ended(arn)
    assert (ended["stopCode"], ended["stoppedReason"]) == ("UserInitiated", "enough")


def test_what_is_not_there(cluster):
    cluster.define("true")
    for call, given, code in (
        (cluster.ecs.run_task, {"cluster": "nobody", "taskDefinition": cluster.definition}, "ClusterNotFoundException"),
        (cluster.ecs.run_task, {"cluster": cluster.name, "taskDefinition": "nobody"}, "ClientException"),
        (cluster.ecs.stop_task, {"cluster": cluster.name, "task": "nobody"}, "InvalidParameterException"),
    ):
        with pytest.raises(ClientError) as caught:
            call(**given)
        assert caught.value.response["Error"]["Code"] == code
    assert cluster.ecs.describe_tasks(cluster=cluster.name, tasks=["0" * 32])["failures"][0]["reason"] == "MISSING"


def test_weir_runs_it(job_sandbox, tmp_path):
    stack = job_sandbox.stack(tmp_path / "stack")
    stack.write(json.dumps({"stack": "tasks", "resources": {
        "here": {"type": "aws.ecs.cluster", "name": "here"},
        "logs": {"type": "aws.logs.log_group", "name": "/tasks/here"},
        "clean": {"type": "aws.ecs.task_definition", "name": "clean", "cpu": 256, "memory": 512, "cluster": "${here.name}", "containers": [{
            "name": "main", "image": "local", "entry_point": ["sh", "-c"], "command": ["echo cleaned; exit ${inputs.status}"],
            "log_driver": "awslogs", "log_options": {"awslogs-group": "${logs.name}", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "run"}}]}},
        "inputs": {"status": 0}})).apply()
    stack.assert_settled()
    ran = stack.run("run", "clean")
    assert "cleaned" in ran.out, str(ran)
    assert "other" in stack.run("run", "clean", "--", "echo other").out
    assert "STOPPED" in stack.run("jobs", "clean").out or "succeeded" in stack.run("jobs", "clean").out
    stack.apply("-i", "status=3")
    failed = stack.run("run", "clean", status=1)
    assert "exit code 3" in failed.out + failed.err
    stack.destroy("--verify", "-i", "status=3")


def test_a_state_machine_runs_it(cluster):
    cluster.define("-c", "exit $STATUS", entryPoint=["sh"])
    states = cluster.sandbox.client("stepfunctions")
    machine = states.create_state_machine(name=cluster.name, roleArn=cluster.sandbox.role, definition=json.dumps({"StartAt": "run", "States": {"run": {
        "Type": "Task", "Resource": "arn:aws:states:::ecs:runTask.sync", "End": True, "Parameters": {
            "Cluster": cluster.name, "TaskDefinition": cluster.definition, "LaunchType": "FARGATE",
            "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["subnet-1"]}},
            "Overrides": {"ContainerOverrides": [{"Name": "main", "Environment": [{"Name": "STATUS", "Value.$": "$.status"}]}]}}}}}))["stateMachineArn"]

    def ended(status):
        execution = states.start_execution(stateMachineArn=machine, input=json.dumps({"status": status}))["executionArn"]
        return until(lambda: (found := states.describe_execution(executionArn=execution))["status"] != "RUNNING" and found)

    good = ended("0")
    assert good["status"] == "SUCCEEDED" and json.loads(good["output"])["Containers"][0]["ExitCode"] == 0, good
    bad = ended("7")
    assert (bad["status"], bad["error"]) == ("FAILED", "States.TaskFailed")
