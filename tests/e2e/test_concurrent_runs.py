"""Several runs at work in one stack at the same time: each claims what it changes, and holds fast what it refers to."""

import json
import os
import re
import signal
import subprocess
import time

import pytest

from support import begun_to_wait, hold_role, until

BODY = """
    stack: claims
    {state}
    inputs: {n: 1, other: 1}
    resources:
      role: {type: aws.iam.role, name: claims-role, assume_role_policy: '${trust("glue.amazonaws.com")}', description: "version ${inputs.n}"}
      last: {type: aws.glue.database, name: claims, description: "${role.name}", depends_on: [role]}
      other: {type: aws.sqs.queue, name: claims, visibility_timeout: "${30 + inputs.other}"}
      value: {type: weir.value, value: "${inputs.other}"}
    outputs: {role: "${role.name}", value: "${value.value}"}
"""


@pytest.fixture(params=["file", "postgres", "s3", "encrypted"])
def state(request, cloud):
    """The `state:` line of a stack."""
    if request.param == "encrypted":
        return 'state: {backend: file, encrypt: records, key: "file:key"}'
    if request.param == "s3":
        cloud.client("s3").create_bucket(Bucket="weir-state")
        return "state: {backend: s3, bucket: weir-state, lease_seconds: 10}"
    return "" if request.param == "file" else request.getfixturevalue("state_in_postgres")


@pytest.fixture
def stack(stack):
    return stack.write("0123456789abcdef" * 4 + "\n", "key")


@pytest.fixture
def claims(stack, state):
    return stack.write(BODY.replace("{state}", state))


def finished(process, status=0):
    out, err = process.communicate()
    assert process.returncode == status, out + err
    return out, err


def test_history_tells_a_run_that_is_at_work_from_a_killed_one(claims, cloud):
    """On S3 it is known when the lease of ten seconds has expired."""
    statuses = lambda: [run["status"] for run in claims.run("history", "--json").events()]  # noqa: E731
    first = hold_role(claims, cloud, "--target", "last")
    assert statuses() == ["running"] and " running " in claims.run("history").out
    first.kill()
    first.communicate()
    until(lambda: statuses() == ["killed"])
    cloud.fail()
    claims.apply("--target", "last", "--lock-timeout", "1m")
    assert statuses()[0] == "killed" and statuses()[-1] == "done"


def test_two_runs_that_do_not_meet(claims, cloud):
    first = hold_role(claims, cloud, "--target", "last")
    claims.apply("--target", "other", "--target", "value", "-i", "other=2")
    claims.apply("--target", "value", "-i", "other=3")
    assert claims.addresses() == ["other", "value"]
    cloud.fail()
    finished(first)
    assert claims.addresses() == ["last", "other", "role", "value"]
    assert claims.outputs() == {"role": "claims-role", "value": 3}
    claims.assert_settled("-i", "other=2", "--target", "other", "--target", "last")
    claims.run("state", "doctor")
    runs = [json.loads(line) for line in claims.run("history", "--json").out.splitlines()]
    assert [(run["created"], run["updated"], run["status"]) for run in runs] == [(2, 0, "done"), (2, 0, "done"), (0, 1, "done")]
    claims.destroy()
    assert claims.addresses() == []


def test_a_part_is_destroyed_beside_a_run(claims, cloud):
    """What it takes away is its own; outputs of the rest stay."""
    claims.apply("--target", "other", "--target", "value")
    first = hold_role(claims, cloud, "--target", "last")
    assert "role is locked by run" in claims.run("destroy", "--yes", "--target", "role", "--target", "other", status=4).err
    told = claims.run("destroy", "--yes", "--target", "other")
    assert claims.addresses() == ["value"] and claims.outputs()["value"] == 1, told
    cloud.fail()
    finished(first)
    assert claims.outputs() == {"role": "claims-role", "value": 1}
    first = hold_role(claims, cloud, "--replace", "role", "--target", "role")
    assert "is locked by run" in claims.run("destroy", "--yes", "--target", "role", status=4).err
    claims.run("destroy", "--yes", "--target", "value")
    cloud.fail()
    finished(first)
    assert claims.addresses() == ["last", "role"] and claims.outputs() == {"role": "claims-role"}, told
    claims.destroy()


def test_who_meets_a_run_is_told_and_waits(claims, cloud):
    first = hold_role(claims, cloud, "--target", "role")
    for command in ["apply", "--yes", "--target", "role"], ["apply", "--yes"]:
        told = claims.run(*command, status=4).err
        assert re.search(rf"role is locked by run 1, which changes it: .*weir apply, process {first.pid}.* since 2", told), told
    assert "shared by runs that are at work" in claims.run("state", "doctor").out
    told = claims.destroy(status=4, verify=False).err
    assert f"process {first.pid}" in told and "is locked by run 1" in told and "role under way (create since" in told, told
    claims.run("plan")
    second = claims.start("apply", "--yes", "--lock-timeout", "5m", "-i", "n=2")
    begun_to_wait(second)
    cloud.fail()
    finished(second)
    finished(first)
    claims.assert_settled("-i", "n=2")
    assert cloud.requests().count("CreateRole") == 1


def test_a_killed_run_claims_nothing(claims, cloud):
    first = hold_role(claims, cloud, "--target", "role")
    claims.apply("--target", "value")
    first.kill()
    first.communicate()
    cloud.fail()
    until(lambda: cloud.client("iam").list_roles()["Roles"])
    claims.apply("--lock-timeout", "5m")  # where a lease has to run out
    claims.assert_settled()
    assert cloud.requests().count("CreateRole") == 1


def asked(cloud, operation):
    return [label for label in cloud.requests() if label.endswith(operation)]


@pytest.mark.parametrize("state", ["file", "postgres"], indirect=True)
def test_what_a_killed_run_was_deleting_is_recovered_before_it_is_changed(claims, cloud):
    """Although it was planned before that run began: its request may still be at work."""
    claims.apply("--target", "other")
    cloud.fail({"match": "GetQueueAttributes", "hold": True}, {"match": "DeleteQueue", "hold": True})
    before = len(asked(cloud, "GetQueueAttributes"))
    changing = claims.start("apply", "--yes", "--target", "other", "-i", "other=5")
    until(lambda: len(asked(cloud, "GetQueueAttributes")) > before, process=changing)
    deleting = claims.start("destroy", "--yes", "--target", "other")
    until(lambda: asked(cloud, "DeleteQueue"), process=deleting)
    deleting.kill()
    deleting.communicate()
    cloud.fail()
    assert "recovered other: was deleted by an earlier run" in "".join(finished(changing))
    claims.assert_settled("--target", "other", "-i", "other=5")
    claims.destroy()
    assert not cloud.client("sqs").list_queues().get("QueueUrls")


def newest_session(url):
    """The server's process for the run that logged in last."""
    asked = "select pid from pg_stat_activity where application_name = 'weir' order by backend_start desc limit 1"
    return int(subprocess.run(["psql", "-qAtX", url, "-c", asked], check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("state", ["postgres"], indirect=True)
def test_a_database_frees_the_lock_of_a_killed_run_when_it_notices(claims, cloud, state, postgres_of_states):
    claims.apply("--target", "other")
    cloud.fail({"match": "GetQueueAttributes", "hold": True}, {"match": "DeleteQueue", "hold": True})
    before = len(asked(cloud, "GetQueueAttributes"))
    changing = claims.start("apply", "--yes", "--target", "other", "-i", "other=5")
    until(lambda: len(asked(cloud, "GetQueueAttributes")) > before, process=changing)
    deleting = claims.start("destroy", "--yes", "--target", "other")
    until(lambda: asked(cloud, "DeleteQueue"), process=deleting)
    session = newest_session(postgres_of_states)
    os.kill(session, signal.SIGSTOP)
    deleting.kill()
    deleting.communicate()
    cloud.fail()
    time.sleep(0.2)
    os.kill(session, signal.SIGCONT)
    finished(changing)
    claims.destroy()


DEPLOYED = """
    stack: claims
    {state}
    resources:
      lake: {type: aws.s3.bucket, name: claims-lake}
      script: {type: weir.artifact, source: job.py, store: "${lake.name}/code"}
      job: {type: aws.glue.job, name: claims, role: 'arn:aws:iam::123456789012:role/jobs', command: {name: glueetl, script_location: "${script.url}", python_version: "3"}}
      role: {type: aws.iam.role, name: claims-role, assume_role_policy: '${trust("glue.amazonaws.com")}'}
"""


def test_a_job_is_deployed_while_something_else_is_made(stack, state, cloud):
    stack.write(DEPLOYED.replace("{state}", state)).write("first = 1\n", "job.py").apply("--target", "job")
    first = hold_role(stack, cloud)
    stack.write("second = 2\n", "job.py").run("deploy", "--yes", "--partial")
    location = cloud.client("glue").get_job(JobName="claims")["Job"]["Command"]["ScriptLocation"]
    bucket, key = location.removeprefix("s3://").split("/", 1)
    assert cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == b"second = 2\n"
    stack.run("rollback", "--yes", "job")
    location = cloud.client("glue").get_job(JobName="claims")["Job"]["Command"]["ScriptLocation"]
    assert cloud.client("s3").get_object(Bucket=bucket, Key=location.split("/", 3)[3])["Body"].read() == b"first = 1\n"
    assert first.poll() is None
    cloud.fail()
    finished(first)
    stack.run("deploy", "--yes")
    stack.assert_settled()
    stack.destroy("--force-empty")


def test_claims_cost_no_listing(stack, cloud):
    """One when the state is opened, one for the lock, one with it, one when the plan is made: what is written later finds out by its number whether others have written."""
    cloud.client("s3").create_bucket(Bucket="weir-state")
    stack.write(BODY.replace("{state}", "state: {backend: s3, bucket: weir-state}")).apply("--target", "value")
    before = len(cloud.requests())
    stack.apply("--target", "value", "-i", "other=2")
    sent = cloud.requests()[before:]
    assert sum("list-type=2&prefix=claims%2F" in label for label in sent) == 4, sent


PARTS = """
    stack: claims
    {state}
    inputs: {n: 1}
    resources:
      role: {type: aws.iam.role, name: claims-role, assume_role_policy: '${trust("glue.amazonaws.com")}', description: "version ${inputs.n}"}
      last: {type: aws.glue.database, name: claims, description: "${role.name} ${inputs.n}"}
      beyond: {type: aws.glue.table, database: "${last.name}", name: claims}
      other: {type: aws.sqs.queue, name: claims, visibility_timeout: "${30 + inputs.n}"}
    outputs: {role: "${role.description}", other: "${other.visibility_timeout}"}
"""


def test_a_part_is_done_beside_a_run(stack, state, cloud):
    """--partial leaves what another run has claimed and what depends on it, and says so."""
    stack.write(PARTS.replace("{state}", state))
    first = hold_role(stack, cloud, "--target", "role")
    done = stack.run("apply", "--yes", "--partial", "-i", "n=2", status=4)
    assert re.search(r"role is locked by run 1, which changes it: .*; it is skipped", done.err), done.err
    assert "skipped beyond: role is left" in done.out and "Done in part: 1 created, 3 skipped" in done.out, done.out
    assert "run the same command after that run has ended" in done.err
    assert stack.addresses() == ["other"] and stack.outputs() == {"other": 32}
    stack.run("apply", "--yes", "--partial", "--target", "role", status=4)  # nothing else is in it
    both = stack.start("apply", "--yes", "--partial", "-i", "n=3", "--lock-timeout", "5m")
    begun_to_wait(both)
    cloud.fail()
    out, _ = finished(both)
    assert "Done in part: 1 updated, 3 skipped" in out and "Done: 2 created, 1 updated" in out, out
    finished(first)
    assert stack.outputs() == {"role": "version 3", "other": 33}
    stack.assert_settled("-i", "n=3")
    stack.apply("--partial", "-i", "n=4")  # nobody else is there
    runs = [json.loads(line) for line in stack.run("history", "--json").out.splitlines()]
    assert [run["status"] for run in runs] == ["done", "failed", "failed", "done", "done"]
    stack.destroy()


def test_a_part_of_a_saved_plan(claims, cloud):
    """It is used up with that; what failed counts more than what was left."""
    claims.run("plan", "-o", "all.plan")
    first = hold_role(claims, cloud, "--target", "role", faults=[{"match": "CreateQueue", "status": 400, "code": "InvalidAttributeValue"}])
    done = claims.run("apply", "--partial", "all.plan", status=1)
    assert "Failed: 1 created, 1 failed, 2 skipped" in done.out, done.out
    cloud.fail()
    finished(first)
    assert claims.addresses() == ["role", "value"]
    assert "--partial is for one stack" in claims.run("apply", "--all", "--partial", status=3).err


def test_what_another_run_has_changed_meanwhile_is_not_waited_for(claims, cloud):
    """A queue's settings lag behind for a minute; here it is the record that does: what is read is what the other run has set back."""
    for value in 1, 2:
        claims.apply("--target", "other", "-i", f"other={value}")
    cloud.fail({"match": "GetQueueAttributes", "hold": True})
    late = claims.start("plan", "--target", "other", "-i", "other=1")
    until(lambda: "GetQueueAttributes" in cloud.requests()[-1], process=late)
    claims.apply("--target", "other", "-i", "other=1")
    began = time.monotonic()
    cloud.fail()
    finished(late)
    assert time.monotonic() - began < 30


def test_what_another_run_is_changing_is_not_waited_for(claims, cloud):
    """It has set the queue back, and not recorded that."""
    for value in 1, 2:
        claims.apply("--target", "other", "-i", f"other={value}")
    cloud.forget_requests()
    cloud.fail({"match": "SetQueueAttributes", "hold": True, "times": 1})
    other = claims.start("apply", "--yes", "--target", "other", "-i", "other=1")
    until(lambda: any("SetQueueAttributes" in request for request in cloud.requests()), process=other)
    queues = cloud.client("sqs")
    queues.set_queue_attributes(QueueUrl=queues.get_queue_url(QueueName="claims")["QueueUrl"], Attributes={"VisibilityTimeout": "31"})
    began = time.monotonic()
    claims.run("plan", "--target", "other", "-i", "other=1")
    assert time.monotonic() - began < 30
    cloud.fail()
    finished(other)
