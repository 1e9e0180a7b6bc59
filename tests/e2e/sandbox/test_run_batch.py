"""Batch jobs: commands on this machine where the image is local, an honest refusal otherwise."""

import uuid

import pytest
from botocore.exceptions import ClientError
from support import until


class Queue:
    def __init__(self, sandbox):
        self.sandbox, self.batch, self.name = sandbox, sandbox.client("batch"), f"q-{uuid.uuid4().hex[:8]}"
        environment = self.batch.create_compute_environment(computeEnvironmentName=self.name, type="MANAGED", state="ENABLED", serviceRole=sandbox.role, computeResources={
            "type": "FARGATE", "maxvCpus": 4, "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]})["computeEnvironmentArn"]
        self.batch.create_job_queue(jobQueueName=self.name, state="ENABLED", priority=1, computeEnvironmentOrder=[{"order": 1, "computeEnvironment": environment}])

    def define(self, *command, image="local", **more):
        container = {"image": image, "command": list(command), "resourceRequirements": [{"type": "MEMORY", "value": "512"}, {"type": "VCPU", "value": "1"}],
                     "environment": [{"name": "WORD", "value": "defined"}]}
        self.definition = self.batch.register_job_definition(jobDefinitionName=f"d-{uuid.uuid4().hex[:8]}", type="container", containerProperties=container, **more)["jobDefinitionArn"]
        return self

    def submit(self, **more):
        return self.batch.submit_job(jobName="job", jobQueue=self.name, jobDefinition=self.definition, **more)["jobId"]

    def job(self, run):
        (found,) = self.batch.describe_jobs(jobs=[run])["jobs"]
        return found

    def ended(self, run):
        return until(lambda: (j := self.job(run))["status"] in ("SUCCEEDED", "FAILED") and j)

    def output(self, run):
        return self.sandbox.lines("/aws/batch/job", self.job(run)["container"]["logStreamName"])


@pytest.fixture
def queue(job_sandbox):
    return Queue(job_sandbox)


def test_a_command_runs(queue):
    queue.define("sh", "-c", "echo $WORD $MORE $0; echo to stderr >&2; env | grep -c AWS_ENDPOINT_URL; exit 4", "Ref::film", parameters={"film": "alien"})
    run = queue.submit(containerOverrides={"environment": [{"name": "MORE", "value": "over"}]})
    ended = queue.ended(run)
    assert (ended["status"], ended["container"]["exitCode"], ended["statusReason"]) == ("FAILED", 4, "Essential container in task exited")
    assert ended["createdAt"] <= ended["startedAt"] <= ended["stoppedAt"]
    assert sorted(queue.output(run)) == ["1", "defined over alien", "to stderr"]
    assert queue.ended(queue.submit(parameters={"film": "x"}, containerOverrides={"command": ["true"]}))["status"] == "SUCCEEDED"
    listed = queue.batch.list_jobs(jobQueue=queue.name, filters=[{"name": "JOB_DEFINITION", "values": [queue.definition]}])["jobSummaryList"]
    assert [(j["status"], j["container"]["exitCode"]) for j in listed] == [("SUCCEEDED", 0), ("FAILED", 4)]
    assert queue.batch.list_jobs(jobQueue=queue.name)["jobSummaryList"] == []  # none runs
    assert len(queue.batch.list_jobs(jobQueue=queue.name, jobStatus="FAILED")["jobSummaryList"]) == 1


def test_failed_attempts_are_repeated(queue):
    flaky = ["sh", "-c", 'echo attempt $AWS_BATCH_JOB_ATTEMPT; test $AWS_BATCH_JOB_ATTEMPT = 3 || exit 7']
    third = queue.ended(run := queue.define(*flaky, retryStrategy={"attempts": 5}).submit())
    assert (third["status"], third["container"]["exitCode"], third["retryStrategy"]["attempts"]) == ("SUCCEEDED", 0, 5)
    assert [(one["container"]["exitCode"], one["startedAt"] <= one["stoppedAt"]) for one in third["attempts"]] == [(7, True), (7, True), (0, True)]
    assert queue.output(run) == ["attempt 1", "attempt 2", "attempt 3"]
    second = queue.ended(queue.submit(retryStrategy={"attempts": 2}))
    assert (second["status"], second["container"]["exitCode"], len(second["attempts"])) == ("FAILED", 7, 2)
    rules = [{"onStatusReason": "Host EC2*", "action": "RETRY"}, {"onExitCode": "7", "onReason": "*", "action": "EXIT"}]
    for ended in (queue.submit(retryStrategy={"attempts": 5, "evaluateOnExit": rules}), queue.define(*flaky, retryStrategy={"attempts": 5, "evaluateOnExit": rules}).submit()):
        assert len(queue.ended(ended)["attempts"]) == 1
    assert len(queue.ended(queue.submit(retryStrategy={"attempts": 3, "evaluateOnExit": [{"onExitCode": "1*", "action": "exit"}, {"onStatusReason": "essential*", "action": "retry"}]}))["attempts"]) == 3
    late = queue.ended(queue.define("sleep", "30", retryStrategy={"attempts": 3}).submit(timeout={"attemptDurationSeconds": 1}))
    assert [one["statusReason"] for one in late["attempts"]] == ["Job attempt duration exceeded timeout"]
    with pytest.raises(ClientError):
        queue.submit(retryStrategy={"attempts": 11})


def test_images_are_not_run(queue):
    ended = queue.ended(queue.define("echo", "done", image="public.ecr.aws/docker/library/alpine:3").submit())
    assert ended["status"] == "FAILED"
    assert "the sandbox runs no containers" in ended["statusReason"]
    assert "exitCode" not in ended["container"]


def test_jobs_wait_for_others_and_end_early(queue):
    queue.define("sleep", "600")
    first = queue.submit()
    second = queue.submit(dependsOn=[{"jobId": first}])
    until(lambda: queue.job(first)["status"] == "RUNNING")
    assert queue.job(second)["status"] == "PENDING"
    queue.batch.cancel_job(jobId=first, reason="not while it runs")
    queue.batch.terminate_job(jobId=first, reason="enough")
    ended = queue.ended(first)
    assert (ended["status"], ended["statusReason"]) == ("FAILED", "enough")
    assert "depends on" in queue.ended(second)["statusReason"]
    late = queue.ended(queue.submit(timeout={"attemptDurationSeconds": 1}))
    assert (late["status"], late["statusReason"]) == ("FAILED", "Job attempt duration exceeded timeout")


def test_jobs_by_their_names(queue):
    queue.define("true")
    definition, name = queue.definition.rpartition(":")[0], queue.definition.rpartition("/")[2]
    runs = [queue.batch.submit_job(jobName="Nightly-1", jobQueue=queue.name, jobDefinition=which)["jobId"] for which in (definition, name, queue.definition)]
    listed = lambda by, value: sorted(job["jobId"] for job in queue.batch.list_jobs(jobQueue=queue.name, filters=[{"name": by, "values": [value]}])["jobSummaryList"])  # noqa: E731
    for by, value in ("JOB_NAME", "nightly-1"), ("JOB_NAME", "NIGHT*"), ("JOB_DEFINITION", name[:6] + "*"), ("JOB_DEFINITION", name[:-2]), ("JOB_DEFINITION", queue.definition):
        assert listed(by, value) == sorted(runs), (by, value)
    for by, value in ("JOB_NAME", "nightly"), ("JOB_NAME", "nightly-10*"), ("JOB_DEFINITION", name[:-2].upper()):
        assert listed(by, value) == [], (by, value)
    with pytest.raises(ClientError, match="does not know BEFORE_CREATED_AT"):
        listed("BEFORE_CREATED_AT", "1")
    queue.batch.deregister_job_definition(jobDefinition=name)
    with pytest.raises(ClientError, match="does not exist"):
        queue.submit()


def test_a_disabled_queue_takes_no_jobs(queue):
    queue.define("true")
    queue.batch.update_job_queue(jobQueue=queue.name, state="DISABLED")
    with pytest.raises(ClientError, match="is disabled"):
        queue.submit()


def test_children_of_arrays_wait_for_each_other(queue, tmp_path):
    """One after another, or each for that of its index, which the last of the first array lets go."""
    note = f"echo $0$AWS_BATCH_JOB_ARRAY_INDEX >> {tmp_path}/log"
    queue.define("sh", "-c", note, "Ref::name", parameters={"name": "a"})
    ended = queue.ended(queue.submit(arrayProperties={"size": 4}, dependsOn=[{"type": "SEQUENTIAL"}]))
    assert ended["status"] == "SUCCEEDED" and (tmp_path / "log").read_text().split() == ["a0", "a1", "a2", "a3"]
    wait = f"[ $AWS_BATCH_JOB_ARRAY_INDEX = 1 ] && until [ -e {tmp_path}/go ]; do sleep 0.05; done; {note}"
    first = queue.submit(arrayProperties={"size": 2}, parameters={"name": "b"}, containerOverrides={"command": ["sh", "-c", wait, "b"]})
    second = queue.submit(arrayProperties={"size": 2}, parameters={"name": "c"}, dependsOn=[{"jobId": first, "type": "N_TO_N"}])
    until(lambda: "c0" in (tmp_path / "log").read_text())
    assert "c1" not in (tmp_path / "log").read_text() and queue.job(first)["status"] == "RUNNING"
    (tmp_path / "go").touch()
    assert queue.ended(second)["status"] == "SUCCEEDED"


def test_memory_is_limited(queue):
    ended = queue.ended(queue.define("python3", "-c", "import time; held = b'x' * (700 << 20); time.sleep(600)").submit(containerOverrides={"resourceRequirements": [{"type": "MEMORY", "value": "64"}]}))
    assert (ended["status"], ended["statusReason"], ended["container"]["exitCode"]) == ("FAILED", "the run took more memory than it has", 137)


def test_what_is_not_there(queue):
    for arguments in ({"jobQueue": "none", "jobDefinition": "none"}, {"jobQueue": queue.name, "jobDefinition": "none"}):
        with pytest.raises(ClientError, match="does not exist"):
            queue.batch.submit_job(jobName="job", **arguments)
    assert queue.batch.describe_jobs(jobs=["none"])["jobs"] == []


def test_an_array_is_a_job_for_each_index(queue):
    """As a service that others call it: ids, indexes, a summary; it fails where one of them has."""
    queue.define("sh", "-c", "echo part $AWS_BATCH_JOB_ARRAY_INDEX; exit $((AWS_BATCH_JOB_ARRAY_INDEX == $0))", "Ref::bad", parameters={"bad": "9"})
    run = queue.submit(arrayProperties={"size": 3})
    ended = queue.ended(run)
    assert (ended["status"], ended["arrayProperties"]) == ("SUCCEEDED", {"size": 3, "statusSummary": {"SUCCEEDED": 3}})
    assert [queue.output(f"{run}:{i}") for i in range(3)] == [["part 0"], ["part 1"], ["part 2"]]
    listed = queue.batch.list_jobs(arrayJobId=run, jobStatus="SUCCEEDED")["jobSummaryList"]
    assert sorted((job["jobId"], job["arrayProperties"]["index"]) for job in listed) == [(f"{run}:{i}", i) for i in range(3)]
    assert [job["jobId"] for job in queue.batch.list_jobs(jobQueue=queue.name, jobStatus="SUCCEEDED")["jobSummaryList"]] == [run]
    after = queue.submit(arrayProperties={"size": 2}, parameters={"bad": "1"}, dependsOn=[{"jobId": run}])
    ended = queue.ended(after)
    assert (ended["status"], ended["arrayProperties"]["statusSummary"]) == ("FAILED", {"SUCCEEDED": 1, "FAILED": 1})
    assert "depends on" in queue.ended(queue.submit(dependsOn=[{"jobId": after}]))["statusReason"]
    with pytest.raises(ClientError, match="from 2 to 1000"):
        queue.submit(arrayProperties={"size": 1})
    queue.define("sleep", "600")
    run = queue.submit(arrayProperties={"size": 2})
    until(lambda: [job["status"] for job in queue.batch.describe_jobs(jobs=[f"{run}:1"])["jobs"]] == ["RUNNING"])  # it is there in a moment
    queue.batch.terminate_job(jobId=run, reason="enough")
    assert queue.ended(run)["statusReason"] == "enough" and queue.ended(f"{run}:0")["status"] == "FAILED"
