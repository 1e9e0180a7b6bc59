"""weir deploy and weir rollback: job code alone goes out, and back; on moto and on the sandbox."""

import io
import json
import shutil
import zipfile

import pytest
from botocore.exceptions import ClientError

from support import ACCOUNT, Stack, planned

LONG_FORM = {f"{name}[moto]" for name in (  # on the sandbox in make test
    "test_goes_back_and_stays_there", "test_needs_consent_and_something_to_go_back_to", "test_deploys_one_instance_of_many", "test_versions_are_published_and_aliases_move",
    "test_holds_against_what_was_in_use", "test_goes_back_without_the_sources")}
STACK = """
stack: jobs
inputs: {workers: {type: integer, default: 2}, days: {type: integer, default: 7}}
resources:
  lake: {type: aws.s3.bucket, name: jobs-lake}
  logs: {type: aws.logs.log_group, name: jobs, retention_in_days: "${inputs.days}"}
  script: {type: weir.artifact, for_each: [clean, join], source: "jobs/${each.key}.py", store: "${lake.name}/code"}
  lib: {type: weir.artifact, source: lib, store: "${lake.name}/code"}
  role:
    type: aws.iam.role
    name: jobs
    assume_role_policy: '${trust(["glue.amazonaws.com", "lambda.amazonaws.com"])}'
    policies: {read: '${allow("s3:GetObject", [for s in values(script) : s.arn])}'}
  layer: {type: aws.lambda.layer_version, name: lib, content: {s3_bucket: "${lib.bucket}", s3_key: "${lib.key}"}}
  ingest:
    type: aws.lambda.function
    name: ingest
    role: ${role.arn}
    runtime: python3.13
    handler: main.handler
    timeout: ${inputs.days}
    layers: ["${layer.arn}"]
    code: {s3_bucket: "${lib.bucket}", s3_key: "${lib.key}"}
  job:
    type: aws.glue.job
    for_each: [clean, join]
    name: jobs-${each.key}
    role: ${role.arn}
    number_of_workers: ${inputs.workers}
    worker_type: G.1X
    command: {name: glueetl, script_location: "${script[each.key].url}", python_version: "3"}
  queue: {type: aws.sns.topic, name: jobs, display_name: "days ${inputs.days}"}
"""


def function(cloud):
    return cloud.client("lambda").get_function(FunctionName="ingest")["Configuration"]


@pytest.fixture
def stack(tmp_path, place):
    stack = Stack(tmp_path / "stack", place)
    stack.write(STACK)
    for name in ("jobs/clean.py", "jobs/join.py", "lib/main.py"):
        put(stack, name, "first = 1\n")
    return stack


def put(stack, name, text):
    path = stack.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def script_of(cloud, name):
    """What a Glue job would run."""
    location = cloud.client("glue").get_job(JobName=name)["Job"]["Command"]["ScriptLocation"]
    bucket, key = location.removeprefix("s3://").split("/", 1)
    return cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()


def zipped(cloud, location):
    """main.py of the package that a job would run."""
    bucket, key = location.removeprefix("s3://").split("/", 1)
    body = cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return zipfile.ZipFile(io.BytesIO(body)).read("main.py")


def test_outputs_are_told_by_apply_alone(local_stack):
    local_stack.write("""
        stack: told
        resources:
          lake: {type: aws.s3.bucket, name: told-lake}
          code: {type: weir.artifact, source: job.py, store: "${lake.name}/code"}
        outputs: {where: "${lake.name}"}
    """).write("print(1)\n", "job.py")
    assert "where:" in local_stack.apply("--sandbox").out
    local_stack.write("print(2)\n", "job.py")
    for result in local_stack.run("deploy", "--yes", "--sandbox"), local_stack.run("deploy", "--yes", "--sandbox"), local_stack.destroy("--sandbox", "--force-empty"):
        assert "where:" not in result.out, str(result)


def test_deploys_what_changed_and_nothing_else(stack, place):
    stack.apply()
    put(stack, "jobs/clean.py", "second = 2\n")
    # elsewhere the file wants more, too: that is not deployed
    result = stack.run("deploy", "--yes", "--json", "-i", "days=14")
    assert planned(result) == {'script["clean"]': "update", 'job["clean"]': "update", "role": "update", "ingest": "update"}
    assert script_of(place, "jobs-clean") == "second = 2\n" and script_of(place, "jobs-join") == "first = 1\n"
    assert place.client("logs").describe_log_groups()["logGroups"][0]["retentionInDays"] == 7
    # a job's own attributes are part of it; a role that only follows changes in nothing but that
    assert function(place)["Timeout"] == 14
    assert stack.plan("-i", "days=14") == {"logs": "update", "queue": "update"}
    assert stack.plan("-i", "days=7") == {"ingest": "update"}
    stack.apply()
    stack.assert_settled()
    assert planned(stack.run("deploy", "--yes", "--json")) == {}
    assert "No changes: 8 resources are as configured; 3 others were left out." in stack.run("deploy").out
    stack.destroy()


def test_deploys_a_job_by_its_address_or_name(stack, place):
    stack.apply()
    for i, name in enumerate(['job["clean"]', "jobs-clean", "job", 'script["clean"]']):
        text = f"version = {i}\n"
        put(stack, "jobs/clean.py", text)
        put(stack, "lib/main.py", text)
        done = planned(stack.run("deploy", name, "--yes", "--json"))
        assert done == {'script["clean"]': "update", 'job["clean"]': "update", "role": "update"}, name
        assert script_of(place, "jobs-clean") == text
    assert set(stack.plan()) == {"lib", "layer", "ingest"}
    stack.run("deploy", "ingest", "--yes")
    stack.assert_settled()
    stack.destroy()


def test_deploys_one_instance_of_many(stack, place):
    stack.apply()
    for i, name in enumerate(['job["clean"]', 'script["clean"]', "jobs-clean"]):
        put(stack, "jobs/clean.py", f"version = {i}\n")
        put(stack, "jobs/join.py", f"unfinished = {i}\n")
        done = planned(stack.run("deploy", name, "--yes", "--json"))
        assert done == {'script["clean"]': "update", 'job["clean"]': "update", "role": "update"}, name
        assert script_of(place, "jobs-clean") == f"version = {i}\n" and script_of(place, "jobs-join") == "first = 1\n"
    assert stack.plan() == {'script["join"]': "update", 'job["join"]': "update", "role": "update"}
    assert 'there is no job["none"]' in stack.run("deploy", 'job["none"]', "--yes", status=3).err
    stack.run("rollback", 'job["clean"]', "--yes")
    assert script_of(place, "jobs-clean") == "version = 1\n" and script_of(place, "jobs-join") == "first = 1\n"
    stack.run("deploy", "job", "--yes")
    stack.assert_settled()
    stack.destroy()


def test_layers_reach_their_functions(stack, place):
    stack.apply()
    before = function(place)
    put(stack, "lib/main.py", "second = 2\n")
    assert planned(stack.run("deploy", "lib", "--yes", "--json")) == {"lib": "update", "layer": "replace", "ingest": "update"}
    after = function(place)
    assert before["Layers"] != after["Layers"]
    stack.assert_settled()
    stack.destroy()


def test_asks_for_few_things(stack, cloud, request):
    if request.node.callspec.params["place"] != "moto":
        pytest.skip("only moto counts requests")
    stack.apply()
    put(stack, "jobs/clean.py", "second = 2\n")
    cloud.forget_requests()
    stack.run("deploy", 'job["clean"]', "--yes")
    asked = cloud.requests()
    assert not [label for label in asked if "logs" in label.lower() or "topic" in label.lower()]
    assert len(asked) <= 14, asked
    stack.destroy()


def test_refused_where_something_is_missing(stack, place):
    refused = stack.run("deploy", "--yes", status=3)
    assert "needs lake, which does not exist yet" in refused.err and "`weir apply` makes it" in refused.err
    assert stack.run("state", "list").out == ""
    stack.apply("--target", "lake", "--target", "role")
    stack.run("deploy", 'job["clean"]', "--yes")  # the job itself may be new
    assert script_of(place, "jobs-clean") == "first = 1\n"
    stack.apply()
    stack.assert_settled()
    stack.destroy()


@pytest.mark.parametrize("names, message", [
    (["jbo"], 'the stack has no resource "jbo"'),
    (["queue"], '"queue" uses no weir.artifact'),
])
def test_refuses_names(local_stack, names, message):
    local_stack.env |= {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_REGION": "us-east-1"}
    local_stack.write(STACK)
    refused = local_stack.run("deploy", *names, "--yes", status=None)
    assert refused.status in (1, 3) and message in refused.err, str(refused)


def test_nothing_to_deploy(local_stack):
    local_stack.write("stack: empty\nresources: {a: {type: weir.value, value: 1}}\n")
    refused = local_stack.run("deploy", "--yes", status=3)
    assert "the stack has no weir.artifact" in refused.err


def test_a_secret_that_a_module_is_given(local_stack):
    """The state has its hash alone, which is not a text: what is deployed does not need it."""
    local_stack.write("""
        stack: shop
        modules: {inside: {source: ./inside, password: "${secret.password}"}}
        resources:
          lake: {type: aws.s3.bucket, name: shop-lake}
          secret: {type: aws.secretsmanager.secret, name: shop, generate: {length: 20}, force_destroy: true}
          script: {type: weir.artifact, source: job.py, store: "${lake.name}"}
          wanted: {type: aws.ssm.parameter, name: /shop/job, parameter_type: String, value: "${script.url}"}
        """)
    local_stack.write("""
        inputs: {password: {type: string, sensitive: true, range: [8, null]}}
        resources: {kept: {type: aws.secretsmanager.secret, name: kept, secret_string: "${inputs.password}", force_destroy: true}}
        """, "inside/weir.yaml")
    put(local_stack, "job.py", "first = 1\n")
    local_stack.apply("--sandbox")
    put(local_stack, "job.py", "second = 2\n")
    assert "2 updated" in local_stack.run("deploy", "--yes", "--sandbox", "script").out
    assert "2 updated" in local_stack.run("rollback", "--yes", "--sandbox", "script").out
    local_stack.run("deploy", "--yes", "--sandbox", "script")
    local_stack.assert_settled("--sandbox")


def test_jobs_that_share_an_artifact_are_told_of(stack, place):
    both = STACK + """
  other: {type: aws.lambda.function, name: other, role: "${role.arn}", runtime: python3.13, handler: main.handler, code: {s3_bucket: "${lib.bucket}", s3_key: "${lib.key}"}}
"""
    stack.write(both).apply()
    put(stack, "lib/main.py", "second = 2\n")
    done = stack.run("deploy", "other", "--yes")
    assert "ingest uses one of these artifacts, too; it keeps the version that it has" in done.err, str(done)
    assert stack.plan()["ingest"] == "update"
    stack.run("deploy", "--yes")
    stack.assert_settled()
    stack.destroy()


# ---- back ----


def versions(stack, name):
    return [event for event in stack.run("rollback", name, "--list", "--json").events() if event["event"] == "version"]


def warnings(result):
    return [event["text"] for event in result.events() if event["event"] == "warning"]


def test_goes_back_and_stays_there(stack, place):
    stack.apply()
    for text in ("second = 2\n", "third = 3\n"):
        put(stack, "jobs/clean.py", text)
        stack.apply()
    assert [version["in_use"] for version in versions(stack, 'job["clean"]')] == [True, False, False]

    # what else the files want since then stays out of it
    put(stack, "jobs/join.py", "unfinished(\n")
    result = stack.run("rollback", 'job["clean"]', "--yes", "--json", "-i", "workers=9", "-i", "days=14")
    assert planned(result) == {'script["clean"]': "update", 'job["clean"]': "update", "role": "update"}
    assert script_of(place, "jobs-clean") == "second = 2\n" and script_of(place, "jobs-join") == "first = 1\n"
    assert place.client("glue").get_job(JobName="jobs-clean")["Job"]["NumberOfWorkers"] == 2
    put(stack, "jobs/join.py", "first = 1\n")

    # it holds, and is said
    plan = stack.run("plan", "--json", "--detailed-exitcode")
    assert planned(plan) == {} and "stays rolled back" in warnings(plan)[0]
    stack.apply()
    assert script_of(place, "jobs-clean") == "second = 2\n"
    # once more, and by hash
    stack.run("rollback", "jobs-clean", "--yes")
    assert script_of(place, "jobs-clean") == "first = 1\n"
    assert planned(stack.run("plan", "--json")) == {}
    listed = versions(stack, 'script["clean"]')
    assert [version["rolled_back_from"] for version in listed] == [True, False, False]
    stack.run("rollback", 'script["clean"]', "--to", listed[1]["sha256"][:10], "--yes")
    assert script_of(place, "jobs-clean") == "second = 2\n"
    assert planned(stack.run("plan", "--json")) == {}

    # a fix goes out with the next apply
    put(stack, "jobs/clean.py", "fourth = 4\n")
    assert stack.plan() == {'script["clean"]': "update", 'job["clean"]': "update", "role": "update"}
    stack.apply()
    stack.assert_settled()
    assert script_of(place, "jobs-clean") == "fourth = 4\n"

    # and what was rolled back goes forward again by a deploy
    stack.run("rollback", 'job["clean"]', "--yes")
    stack.assert_settled()
    stack.run("deploy", 'job["clean"]', "--yes")
    stack.assert_settled()
    assert script_of(place, "jobs-clean") == "fourth = 4\n"
    assert "rolled_back_from" not in stack.run("plan", "--json").out
    stack.destroy()
    assert place.client("s3").list_buckets()["Buckets"] == []


def test_holds_against_what_was_in_use(stack, place):
    """A rollback from a checkout that has moved on holds for the checkouts that have not."""
    stack.apply()
    put(stack, "lib/main.py", "bad = 2\n")
    stack.apply()
    put(stack, "lib/main.py", "not yet = 3\n")
    stack.run("rollback", "lib", "--yes")
    put(stack, "lib/main.py", "bad = 2\n")
    assert stack.plan() == {}
    put(stack, "lib/main.py", "first = 1\n")
    stack.assert_settled()
    put(stack, "lib/main.py", "bad = 2\n")
    assert stack.plan() == {}
    stack.destroy()


def test_a_rollback_that_failed_half_way_is_done_again(tmp_path, cloud):
    """The artifact is back already; that its job is not can only be told from the job."""
    stack = Stack(tmp_path / "stack", cloud).write(STACK)
    for name in ("jobs/clean.py", "jobs/join.py", "lib/main.py"):
        put(stack, name, "first = 1\n")
    stack.apply()
    first = versions(stack, 'script["clean"]')[0]["sha256"]
    put(stack, "jobs/clean.py", "second = 2\n")
    stack.apply()
    cloud.fail({"match": "UpdateJob", "status": 400, "body": "{}"})
    stack.run("rollback", "jobs-clean", "--yes", status=1)
    assert script_of(cloud, "jobs-clean") == "second = 2\n"
    # what else the file has changed since stays out of it this time, too
    again = stack.run("rollback", "jobs-clean", "--to", first[:10], "--yes", "--json", "-i", "workers=5")
    assert planned(again) == {'job["clean"]': "update"}
    assert script_of(cloud, "jobs-clean") == "first = 1\n"
    assert cloud.client("glue").get_job(JobName="jobs-clean")["Job"]["NumberOfWorkers"] == 2
    assert planned(stack.run("rollback", "jobs-clean", "--to", first[:10], "--yes", "--json")) == {}
    stack.assert_settled()


def test_a_rollback_that_failed_half_way_reaches_what_follows(tmp_path, cloud):
    """A function went back, the alias that follows its versions did not."""
    stack = Stack(tmp_path / "stack", cloud).write(PUBLISHED)
    put(stack, "lib/main.py", "first = 1\n")
    stack.apply()
    first = versions(stack, "code")[0]["sha256"]
    put(stack, "lib/main.py", "second = 2\n")
    stack.apply()
    cloud.fail({"match": "PUT .*/aliases/live", "status": 400, "body": "{}"})
    stack.run("rollback", "code", "--yes", status=1)
    assert alias_of(cloud) == "2"
    assert planned(stack.run("rollback", "code", "--to", first[:10], "--yes", "--json")) == {"live": "update"}
    assert alias_of(cloud) == "3"
    stack.assert_settled()


def test_goes_back_without_the_sources(tmp_path, cloud):
    """In a hurry, from a checkout that does not build, or that is not there any more."""
    stack = Stack(tmp_path / "stack", cloud).write(SHARED.replace("source: lib", "source: lib, build: 'echo run >> runs; cat status; exit $(cat status)'"))
    for version in ("1", "2"):
        put(stack, "lib/main.py", version)
        put(stack, "status", "0")
        stack.apply()
    runs = (stack.folder / "runs").read_text()
    newest = cloud.client("glue").get_job(JobName="shared-a")["Job"]["Command"]["ScriptLocation"]
    put(stack, "status", "1")
    stack.run("plan", status=1)
    runs += "run\n"
    shutil.rmtree(stack.folder / "lib")
    stack.run("rollback", "job", "--yes")
    assert (stack.folder / "runs").read_text() == runs
    location = cloud.client("glue").get_job(JobName="shared-a")["Job"]["Command"]["ScriptLocation"]
    assert b"1" in zipped(cloud, location)
    stack.run("rollback", "job", "--to", versions(stack, "code")[0]["sha256"], "--yes")  # and forward
    assert cloud.client("glue").get_job(JobName="shared-a")["Job"]["Command"]["ScriptLocation"] == newest
    stack.run("rollback", "job", "--yes")
    put(stack, "status", "0")
    put(stack, "lib/main.py", "2")
    stack.assert_settled()  # it holds
    stack.run("deploy", "--yes")
    assert b"2" in zipped(cloud, cloud.client("glue").get_job(JobName="shared-a")["Job"]["Command"]["ScriptLocation"])
    stack.assert_settled()
    stack.destroy()


def test_what_is_rolled_back_is_not_replaced(tmp_path, cloud):
    """A replacement keeps no versions."""
    stack = Stack(tmp_path / "stack", cloud).write(SHARED)
    for version in ("1", "2"):
        put(stack, "lib/main.py", version)
        stack.apply()
    stack.run("rollback", "code", "--yes")
    refused = stack.apply("--replace", "code", status=3)
    assert "which it is rolled back to, cannot be stored again" in refused.err and "`weir deploy` takes what they do give" in refused.err, str(refused)
    for version in versions(stack, "code"):
        cloud.client("s3").delete_object(Bucket=version["bucket"], Key=version["key"])
    gone = stack.run("plan", status=3)
    assert "which it is rolled back to, cannot be stored again" in gone.err, str(gone)
    stack.run("deploy", "--yes")
    stack.apply("--replace", "code")
    stack.assert_settled()
    assert len(versions(stack, "code")) == 1
    stack.destroy()


def test_goes_back_to_an_earlier_store(stack, place):
    """What was stored before the store changed stays where it is; the same content in both is one version."""
    stack.apply()
    put(stack, "jobs/clean.py", "second = 2\n")
    stack.apply()
    stack.write(STACK.replace("${lake.name}/code", "${lake.name}/moved")).apply()
    stack.assert_settled()
    used, earlier = versions(stack, "jobs-clean")
    assert used["in_use"] and used["key"].startswith("moved/") and earlier["key"].startswith("code/")
    stack.run("rollback", "jobs-clean", "--yes")
    assert script_of(place, "jobs-clean") == "first = 1\n"
    stack.assert_settled()
    stack.run("deploy", "--yes")
    stack.assert_settled()
    assert script_of(place, "jobs-clean") == "second = 2\n"
    stack.destroy()
    assert place.client("s3").list_buckets()["Buckets"] == []


def test_functions_go_back_with_their_layers(stack, place):
    stack.apply()
    before = function(place)
    put(stack, "lib/main.py", "second = 2\n")
    stack.apply()
    result = stack.run("rollback", "ingest", "--yes", "--json")
    assert planned(result) == {"lib": "update", "layer": "replace", "ingest": "update"}
    stack.assert_settled()
    after = function(place)
    assert before.get("CodeSha256") == after.get("CodeSha256")
    stack.destroy()


def test_needs_consent_and_something_to_go_back_to(stack, place):
    stack.apply()
    none = stack.run("rollback", 'job["clean"]', "--yes", status=None)
    assert none.status == 1 and "has no earlier version" in none.err, str(none)
    put(stack, "jobs/clean.py", "second = 2\n")
    stack.apply()
    asked = stack.run("rollback", 'job["clean"]', status=3)
    assert "--yes goes ahead" in asked.err and script_of(place, "jobs-clean") == "second = 2\n"
    for words, message in ((["--to", "2"], "only 1 earlier version"), (["--to", "abcdef"], 'no kept version "abcdef"'), (["--to", "0"], "is the one in use")):
        refused = stack.run("rollback", 'job["clean"]', "--yes", *words, status=None)
        assert refused.status == 1 and message in refused.err, str(refused)
    assert """weir rollback 'script["clean"]' --list""" in stack.run("rollback", 'job["clean"]', "--yes", "--to", "abcdef", status=1).err
    refused = stack.run("rollback", "queue", "--yes", status=None)
    assert "does not refer to a weir.artifact directly" in refused.err
    refused = stack.run("rollback", "script", "--yes", status=None)
    assert "names several artifacts" in refused.err and "weir rollback 'script[" in refused.err

    # taken out of the store behind weir's back: told before anything is changed
    gone = versions(stack, 'job["clean"]')[1]
    place.client("s3").delete_object(Bucket=gone["bucket"], Key=gone["key"])
    refused = stack.run("rollback", 'job["clean"]', "--yes", status=3)
    assert "is no longer in the store" in refused.err
    place.client("s3").put_object(Bucket=gone["bucket"], Key=gone["key"], Body=b"other")
    refused = stack.run("rollback", 'job["clean"]', "--yes", status=3)
    assert "is no longer what weir stored" in refused.err
    assert script_of(place, "jobs-clean") == "second = 2\n"
    stack.assert_settled()


def test_listing_for_people(stack, place):
    stack.apply()
    put(stack, "jobs/clean.py", "second = 2\n")
    stack.apply()
    head, used, earlier = stack.run("rollback", "jobs-clean", "--list").out.splitlines()
    assert "in use" in used and earlier.split()[0] == "1"
    assert json.loads(stack.run("state", "show", 'script["clean"]', "--json").out)["attrs"]["sha256"][:12] in used


# ---- registration ----

PUBLISHED = """
stack: published
inputs: {memory: {type: integer, default: 128}}
resources:
  lake: {type: aws.s3.bucket, name: jobs-lake}
  role: {type: aws.iam.role, name: jobs, assume_role_policy: '${trust("lambda.amazonaws.com")}'}
  code: {type: weir.artifact, source: lib, store: "${lake.name}/code"}
  ingest:
    type: aws.lambda.function
    name: ingest
    role: ${role.arn}
    runtime: python3.13
    handler: main.handler
    memory_size: ${inputs.memory}
    publish: true
    code: {s3_bucket: "${code.bucket}", s3_key: "${code.key}"}
    code_sha256: ${code.sha256_base64}
  live: {type: aws.lambda.alias, function: "${ingest.name}", name: live, function_version: "${ingest.published_version}"}
"""


def alias_of(cloud):
    return cloud.client("lambda").get_alias(FunctionName="ingest", Name="live")["FunctionVersion"]


def test_versions_are_published_and_aliases_move(stack, place):
    stack.write(PUBLISHED).apply()
    stack.assert_settled()
    seen = [alias_of(place)]
    put(stack, "lib/main.py", "second = 2\n")
    assert planned(stack.run("deploy", "--yes", "--json")) == {"code": "update", "ingest": "update", "live": "update"}
    stack.assert_settled()
    seen.append(alias_of(place))
    stack.apply("-i", "memory=256")  # a version is the configuration, too
    stack.assert_settled("-i", "memory=256")
    seen.append(alias_of(place))
    stack.run("rollback", "ingest", "--yes")
    seen.append(alias_of(place))
    assert len(set(seen)) == 4 and all(version.isdigit() for version in seen), seen
    assert place.client("lambda").get_function(FunctionName="ingest")["Configuration"]["MemorySize"] == 256
    stack.destroy()
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        function(place)


def test_code_swapped_in_the_function_is_drift(stack, cloud, place):
    if place is not cloud:
        pytest.skip("the sandbox takes code from S3 only, as weir sends it")
    stack.write(PUBLISHED).apply()
    right = function(place)["CodeSha256"]
    cloud.client("s3").put_object(Bucket="jobs-lake", Key="other.zip", Body=b"PK other")
    cloud.client("lambda").update_function_code(FunctionName="ingest", S3Bucket="jobs-lake", S3Key="other.zip")
    assert function(place)["CodeSha256"] != right
    assert stack.plan() == {"ingest": "update", "live": "update"}
    stack.apply()
    stack.assert_settled()
    assert function(place)["CodeSha256"] == right
    cloud.client("s3").delete_object(Bucket="jobs-lake", Key="other.zip")
    stack.destroy()


def test_waits_out_a_conflict(stack, cloud, place):
    if place is not cloud:
        pytest.skip("only moto fails on demand")
    stack.write(PUBLISHED).apply()
    put(stack, "lib/main.py", "second = 2\n")
    cloud.fail({"match": "PUT /2015-03-31/functions/ingest/code", "status": 409, "times": 1, "body": json.dumps(
        {"Type": "User", "Message": "The operation cannot be performed at this time. An update is in progress for resource: ingest"}),
        "headers": {"Content-Type": "application/json", "x-amzn-ErrorType": "ResourceConflictException"}})
    stack.run("deploy", "--yes")
    stack.assert_settled()
    stack.destroy()


MACHINE = """
stack: machine
resources:
  lake: {type: aws.s3.bucket, name: jobs-lake}
  role: {type: aws.iam.role, name: jobs, assume_role_policy: '${trust("states.amazonaws.com")}'}
  script: {type: weir.artifact, source: jobs/clean.py, store: "${lake.name}/code"}
  nightly:
    type: aws.stepfunctions.state_machine
    name: nightly
    role: ${role.arn}
    definition: '${templatefile("flow.json", {script: script.url, next: "Done"})}'
"""
NIGHTLY = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:nightly"
FLOW = '{"StartAt": "Run", "States": {"Run": {"Type": "Pass", "Result": "${script}", "Next": "${next}"}, "Done": {"Type": "Succeed"}}}'


def test_state_machines_from_a_template(stack, place):
    stack.write(MACHINE).write(FLOW, "flow.json").apply()
    stack.assert_settled()
    put(stack, "jobs/clean.py", "second = 2\n")
    assert planned(stack.run("deploy", "nightly", "--yes", "--json")) == {"script": "update", "nightly": "update"}
    stack.assert_settled()
    definition = json.loads(place.client("stepfunctions").describe_state_machine(stateMachineArn=NIGHTLY)["definition"])
    assert place.client("s3").get_object(Bucket="jobs-lake", Key=definition["States"]["Run"]["Result"].removeprefix("s3://jobs-lake/"))["Body"].read() == b"second = 2\n"
    stack.destroy()


def test_a_wrong_definition_is_refused_before_anything_is_made(stack, cloud, place):
    """By the service, which knows more than weir does."""
    if place is not cloud:
        pytest.skip("only moto says what it is told to")
    stack.write(MACHINE).write(FLOW, "flow.json")
    cloud.fail({"match": "ValidateStateMachineDefinition", "status": 200, "times": 9, "headers": {"Content-Type": "application/x-amz-json-1.0"}, "body": json.dumps(
        {"result": "FAIL", "diagnostics": [{"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": "There is no such film", "location": "/States/Run"}]})})
    failed = stack.apply(status=1)
    assert "ValidateStateMachineDefinition" in failed.err and "There is no such film" in failed.err and "/States/Run" in failed.err, str(failed)
    cloud.fail()
    with pytest.raises(ClientError, match="StateMachineDoesNotExist"):
        place.client("stepfunctions").describe_state_machine(stateMachineArn=NIGHTLY)
    assert "nightly" not in stack.addresses()
    stack.destroy()


def test_validation_that_is_not_allowed_is_only_told(stack, cloud, place):
    if place is not cloud:
        pytest.skip("only moto fails on demand")
    stack.write(MACHINE).write(FLOW, "flow.json")
    cloud.fail({"match": "ValidateStateMachineDefinition", "status": 400, "times": 9, "headers": {"Content-Type": "application/x-amz-json-1.0"}, "body": json.dumps(
        {"__type": "AccessDeniedException", "message": "User is not authorized to perform: states:ValidateStateMachineDefinition"})})
    done = stack.apply("--json")
    assert "not authorized to perform: states:ValidateStateMachineDefinition" in warnings(done)[0], str(done)
    cloud.fail()
    stack.assert_settled()
    stack.destroy()


SHARED = """
stack: shared
resources:
  lake: {type: aws.s3.bucket, name: shared-lake}
  code: {type: weir.artifact, source: lib, store: "${lake.name}/code"}
  job:
    type: aws.glue.job
    for_each: [a, b]
    name: shared-${each.key}
    role: arn:aws:iam::123456789012:role/jobs
    command: {name: glueetl, script_location: "${code.url}", python_version: "3"}
"""


def test_instances_that_share_an_artifact_go_back_together(tmp_path, cloud):
    stack = Stack(tmp_path / "stack", cloud).write(SHARED)
    put(stack, "lib/main.py", "first = 1\n")
    stack.apply()
    before = cloud.client("glue").get_job(JobName="shared-a")["Job"]["Command"]["ScriptLocation"]
    put(stack, "lib/main.py", "second = 2\n")
    stack.apply()
    assert "is the one in use" in stack.run("rollback", "job", "--to", "0", "--yes", status=1).err
    stack.run("rollback", "job", "--yes")
    assert {cloud.client("glue").get_job(JobName=f"shared-{key}")["Job"]["Command"]["ScriptLocation"] for key in "ab"} == {before}
    stack.assert_settled()
    stack.destroy()


def test_an_instance_that_shares_its_artifact_goes_alone(tmp_path, cloud):
    stack = Stack(tmp_path / "stack", cloud).write(SHARED)
    put(stack, "lib/main.py", "first = 1\n")
    stack.apply()
    put(stack, "lib/main.py", "second = 2\n")
    done = stack.run("deploy", 'job["a"]', "--yes")
    assert 'job["b"] uses one of these artifacts, too; it keeps the version that it has' in done.err, str(done)
    assert stack.plan() == {'job["b"]': "update"}
    stack.run("deploy", "--yes")
    stack.assert_settled()
    stack.destroy()
