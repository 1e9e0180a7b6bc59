"""weir import live: what boto3 made becomes a stack that has nothing to do."""

import base64
import copy
import functools
import hashlib
import http.server
import io
import json
import os
import re
import shutil
import subprocess
import threading
import zipfile

import pytest
import yaml
from answers import Entry, Server, Services, entries

from support import WEIR, Stack

TAGS = [{"Key": "team", "Value": "data"}]
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
LAKE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake-of-ada/*"}]}


def make(cloud):
    s3, iam, sqs, sns, glue = (cloud.client(name) for name in ("s3", "iam", "sqs", "sns", "glue"))
    s3.create_bucket(Bucket="lake-of-ada")
    s3.put_bucket_tagging(Bucket="lake-of-ada", Tagging={"TagSet": TAGS})
    s3.put_bucket_versioning(Bucket="lake-of-ada", VersioningConfiguration={"Status": "Enabled"})
    iam.create_role(RoleName="jobs-of-ada", AssumeRolePolicyDocument=json.dumps(TRUST), Tags=TAGS)
    iam.put_role_policy(RoleName="jobs-of-ada", PolicyName="lake", PolicyDocument=json.dumps(LAKE))
    sqs.create_queue(QueueName="work-of-ada", tags={"team": "data"}, Attributes={"VisibilityTimeout": "77"})
    sns.create_topic(Name="told-of-ada", Tags=TAGS)
    s3.create_bucket(Bucket="nobodys")
    glue.create_job(
        Name="bronze-of-ada", Role="arn:aws:iam::123456789012:role/jobs-of-ada", Command={"Name": "glueetl", "ScriptLocation": "s3://code/x.py"},
        DefaultArguments={"--topic": "arn:aws:sns:us-east-1:123456789012:told-of-ada"}, Tags={"team": "data"},
    )


def taken_over(stack, *args):
    result = stack.run("import", "live", *args)
    stack.run("fmt", "--check", "weir.yaml")
    assert set(stack.plan().values()) == {"adopt"}
    assert "0 to create, 0 to update, 0 to replace, 0 to delete" in stack.run("plan").out
    stack.apply()
    stack.assert_settled()
    return result, yaml.safe_load((stack.folder / "weir.yaml").read_text())["resources"]


def test_by_tag(tmp_path, place):
    make(place)
    _, found = taken_over(Stack(tmp_path / "stack", place), "--tag", "team=data")
    assert {"bronze_of_ada", "lake_of_ada", "told_of_ada", "work_of_ada"} <= set(found) and "nobodys" not in found
    assert found["bronze_of_ada"]["default_arguments"] == {"--topic": "${told_of_ada.arn}"}
    assert found["lake_of_ada"]["versioning"] is True and found["work_of_ada"]["visibility_timeout"] == 77


def test_by_type(tmp_path, place):
    make(place)
    _, found = taken_over(Stack(tmp_path / "stack", place), "--type", "aws.iam.role", "--type", "aws.s3.bucket", "--type", "aws.glue.job")
    assert found["bronze_of_ada"]["role"] == "${jobs_of_ada.arn}"
    assert found["jobs_of_ada"]["assume_role_policy"] == '${trust("glue.amazonaws.com")}'
    assert found["jobs_of_ada"]["policies"]["lake"]["Statement"][0]["Resource"] == "${lake_of_ada.arn}/*"


def test_each_refers_to_all_before_it(tmp_path, fast_sandbox):
    """Of the ways from one to another, which double with each, one is enough."""
    role = fast_sandbox.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    glue = fast_sandbox.client("glue")
    for i in range(40):
        glue.create_job(Name=f"job-{i:02}", Role=role, Command={"Name": "glueetl", "ScriptLocation": "s3://code/x.py"}, DefaultArguments={f"--a{k}": f"job-{k:02}" for k in range(i)})
    found = yaml.safe_load(Stack(tmp_path / "stack", fast_sandbox).run("import", "live", "--type", "aws.glue.job", "-o", "-").out)["resources"]
    assert found["job_39"]["default_arguments"] == {f"--a{k}": f"${{job_{k:02}.name}}" for k in range(39)}


def test_what_cannot_be_given_stays_within_its_comment(tmp_path, cloud):
    """A service may report any text: none ends the comment that names it."""
    given = {"Role": "arn:aws:iam::123456789012:role/r", "Command": {"Name": "glueetl", "ScriptLocation": "s3://code/x.py"}}
    cloud.client("glue").create_job(Name="odd", GlueVersion="9\n  evil: {type: weir.value}\n\x1b[31m", **given)
    text = Stack(tmp_path / "stack", cloud).run("import", "live", "--type", "aws.glue.job", "-o", "-").out
    assert '  # not configured: glue_version, "9   evil: {type: weir.value} �[31m" does not match' in text
    assert list(yaml.safe_load(text)["resources"]) == ["odd"]


def test_of_cloudformations_types(tmp_path, fast_sandbox):
    first = Stack(tmp_path / "first", fast_sandbox)
    first.write('stack: first\nresources:\n  settings: {type: "AWS::AppConfig::Application", Name: readers}\n').apply()
    result = Stack(tmp_path / "stack", fast_sandbox).run("import", "live", "--type", "AWS::AppConfig::Application", "-o", "-")
    assert "type: AWS::AppConfig::Application\n    Name: readers" in result.out


def test_of_another_stack(tmp_path, place):
    first = Stack(tmp_path / "first", place)
    first.write(
        """
        stack: first
        resources:
          lake: {type: aws.s3.bucket, name: lake-of-first}
          told: {type: aws.sns.topic, name: told-of-first}
        """
    ).apply()
    result = Stack(tmp_path / "stack", place).run("import", "live", "--stack", "first", "-o", "-")
    assert list(yaml.safe_load(result.out)["resources"]) == ["lake", "told"] and "weir:" not in result.out


def test_what_is_wanted_has_to_be_said(local_stack, stack):
    assert "--tag, --type or --stack" in local_stack.run("import", "live", status=3).err
    assert "KEY=VALUE" in local_stack.run("import", "live", "--tag", "x", status=3).err
    assert "AWS::Lambda::Url can only be listed for each `TargetFunctionArn`" in stack.run("import", "live", "--type", "AWS::Lambda::Url", status=3).err
    assert "no resources of that type" in stack.run("import", "live", "--tag", "nobody=has", status=None).err


def test_half_an_adoption_goes_on(tmp_path, fast_sandbox):
    """Killed anywhere within it: the next apply takes over the rest, and makes, changes and deletes nothing."""
    make(fast_sandbox)
    first = Stack(tmp_path / "first", fast_sandbox)
    first.run("import", "live", "--tag", "team=data")
    ids, wanted = fast_sandbox.client("resourcegroupstaggingapi"), set(first.plan())
    there = [one["ResourceARN"] for one in ids.get_resources()["ResourceTagMappingList"]]

    def copied(name):
        stack = Stack(tmp_path / name, fast_sandbox)
        shutil.copy(first.folder / "weir.yaml", stack.folder)
        return stack

    points, kills = len(copied("counted").crash_points("apply", "--yes")), 0
    assert points > 10
    for at in range(2, points, 1 if os.environ.get("WEIR_LONG") else points // 2):
        stack = copied(f"killed-{at}")
        if stack.killed_at(at, "apply", "--yes"):
            kills += 1
            assert set(stack.plan().values()) <= {"adopt", "update"}, at
            stack.apply()
        stack.assert_settled()
        assert set(stack.addresses()) == wanted
    assert kills > 1 and [one["ResourceARN"] for one in ids.get_resources()["ResourceTagMappingList"]] == there


def zipped(name, text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr(name, text)
    return out.getvalue()


def make_function(cloud):
    iam, function = cloud.client("iam"), cloud.client("lambda")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="runs-ingest", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="runs-ingest", PolicyName="queue", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}))
    function.create_function(
        FunctionName="ingest", Runtime="python3.12", Role=role, Handler="ingest.handler", Timeout=31, Environment={"Variables": {"PLAIN": "x", "TOKEN": "hush"}},
        Code={"ZipFile": zipped("ingest.py", "def handler(event, context): pass")},
    )
    queue = cloud.client("sqs").create_queue(QueueName="incoming", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    arn = cloud.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    function.create_event_source_mapping(FunctionName="ingest", EventSourceArn=arn, BatchSize=7)
    return function.get_function_configuration(FunctionName="ingest")["CodeSha256"]


@pytest.mark.parametrize("place", ["sandbox"], indirect=True)
def test_code_of_the_sandbox_is_fetched(tmp_path, place):
    """GetFunction says where the code is, for ten minutes: it comes byte for byte, and adopting changes nothing."""
    code = make_function(place)
    stack = Stack(tmp_path / "stack", place)
    stack.run("import", "live", "--type", "aws.lambda.function")
    assert base64.b64encode(hashlib.sha256((stack.folder / "ingest_code.zip").read_bytes()).digest()).decode() == code
    assert yaml.safe_load((stack.folder / "weir.yaml").read_text())["resources"]["ingest_code"]["source"] == "ingest_code.zip"


def test_what_no_answer_tells_is_asked_for(tmp_path, cloud):
    """The code of a function is in no answer, and adopting it changes none; its environment is asked for key by key."""
    code = make_function(cloud)
    stack = Stack(tmp_path / "stack", cloud)
    stack.run("import", "live", "--type", "aws.lambda.function", "--type", "aws.lambda.event_source_mapping")
    text = (stack.folder / "weir.yaml").read_text()
    drafted = yaml.safe_load(text)
    function = drafted["resources"]["ingest"]
    assert function["timeout"] == 31 and function["lifecycle"] == {"ignore_changes": ["code"]} and "code_sha256" not in function
    assert "# No response has `code`" in text and "hush" not in text
    [mapping] = [r for r in drafted["resources"].values() if r["type"] == "aws.lambda.event_source_mapping"]
    assert mapping["function"] == "${ingest.arn}" and mapping["batch_size"] == 7
    given = {name: "hush" if name.endswith("token") else "x" for name in drafted["inputs"]}
    assert {"ingest_code_s3_bucket", "ingest_code_s3_key", "ingest_environment_plain", "ingest_environment_token"} == set(given)
    options = [word for name, value in given.items() for word in ("-i", f"{name}={value}")]
    assert "0 to create, 0 to update, 0 to replace, 0 to delete" in stack.run("plan", *options).out
    stack.apply(*options)
    assert "No changes" in stack.run("plan", *options).out
    assert cloud.client("lambda").get_function_configuration(FunctionName="ingest")["CodeSha256"] == code


def test_parts_are_listed_for_each_whole(tmp_path, place):
    """Resources of each API, whatever the number of APIs; the root of each is AWS's own."""
    api = place.client("apigateway")
    for name in ("one", "two"):
        rest = api.create_rest_api(name=name)["id"]
        [root] = api.get_resources(restApiId=rest)["items"]
        api.create_resource(restApiId=rest, parentId=root["id"], pathPart=f"part-of-{name}")
    _, found = taken_over(Stack(tmp_path / "stack", place), "--type", "aws.apigateway.resource")
    assert sorted(r["path_part"] for r in found.values()) == ["part-of-one", "part-of-two"] and all(r["rest_api"] for r in found.values())


def test_keys_and_their_aliases(tmp_path, place):
    """A key's ARN is no alias' ARN, and keys are listed though an answer has little of them."""
    kms = place.client("kms")
    key = kms.create_key(Description="of the lake", Tags=[{"TagKey": "team", "TagValue": "data"}])["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/lake", TargetKeyId=key)
    _, found = taken_over(Stack(tmp_path / "tagged", place), "--tag", "team=data")
    assert [r["type"] for r in found.values()] == ["aws.kms.key"]
    _, found = taken_over(Stack(tmp_path / "listed", place), "--type", "aws.kms.key", "--type", "aws.kms.alias")
    assert {r.get("description") or r.get("name") for r in found.values()} >= {"of the lake", "alias/lake"}
    assert not any(r.get("name", "").startswith("alias/aws/") for r in found.values())


def test_what_aws_made_is_one_line(tmp_path, place):
    ec2 = place.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    ec2.create_security_group(GroupName="jobs", Description="of jobs", VpcId=vpc)
    result, found = taken_over(Stack(tmp_path / "stack", place), "--type", "aws.ec2.security_group")
    assert {r["name"] for r in found.values()} == {"jobs"}
    assert re.search(r"aws\.ec2\.security_group +- +\d+ left out: made by AWS itself", result.err)


def test_what_a_service_reports_and_weir_cannot_say_is_named(tmp_path, cloud):
    """moto reports settings of a database that weir has no attribute for; of two that exclude each other one is given."""
    rds = cloud.client("rds")
    rds.create_db_cluster(DBClusterIdentifier="orders", Engine="aurora-postgresql", MasterUsername="ada", MasterUserPassword="hush-hush-hush")
    rds.create_db_instance(DBInstanceIdentifier="orders-1", DBClusterIdentifier="orders", Engine="aurora-postgresql", DBInstanceClass="db.r6g.large")
    stack = Stack(tmp_path / "stack", cloud)
    stack.run("import", "live", "--type", "aws.rds.instance", "--type", "aws.rds.cluster")
    text = (stack.folder / "weir.yaml").read_text()
    [instance] = [r for r in yaml.safe_load(text)["resources"].values() if r["type"] == "aws.rds.instance"]
    assert instance["cluster"] == "${orders.name}" and "allocated_storage" not in instance
    assert re.search(r"# not configured: \w+, weir has no attribute for it", text)


@pytest.fixture
def code_url(tmp_path):
    """Where AWS says that the code of the function is."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code/snapshot").write_bytes(zipped("main.py", "def handler(event, context): pass"))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "code")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/snapshot?X-Amz-Signature=hush"
        server.shutdown()


@pytest.fixture
def functions(code_url, tmp_path):
    """Three that AWS was recorded with: a zip, a zip of which less came than AWS says, an image."""
    [recorded] = [e for e in entries() if e.type == "aws.lambda.function" and e.id == "thumbnails"]
    found, code = [], tmp_path / "code/snapshot"
    sha256 = base64.b64encode(hashlib.sha256(code.read_bytes()).digest()).decode()
    for n, (name, digest) in enumerate({"thumbnails": sha256, "shortened": recorded.answers["GetFunction"]["Configuration"]["CodeSha256"], "imaged": sha256}.items()):
        data = json.loads(json.dumps(recorded.data).replace("thumbnails", name))
        answer = data["answers"]["GetFunction"]
        answer["Configuration"]["CodeSha256"], answer["Code"]["Location"] = digest, code_url
        if name == "imaged":
            answer["Code"] = {"RepositoryType": "ECR", "ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/imaged:1"}
            answer["Configuration"] = {k: v for k, v in answer["Configuration"].items() if k not in ("Runtime", "Handler")} | {"PackageType": "Image"}
        data["answers"]["ListFunctions"] = {"Functions": [answer["Configuration"]]}
        found.append(Entry(recorded.type, n, data))
    calls = subprocess.run([str(WEIR), "schema", "--calls"], capture_output=True, text=True, check=True).stdout.splitlines()
    with Server(found, Services(calls)) as server:
        yield server


def test_the_code_of_functions_is_fetched(functions, tmp_path):
    stack = Stack(tmp_path / "stack", functions)
    stack.run("import", "live", "--type", "aws.lambda.function")
    text = (stack.folder / "weir.yaml").read_text()
    found = yaml.safe_load(text)["resources"]
    assert (stack.folder / "thumbnails_code.zip").read_bytes() == (tmp_path / "code/snapshot").read_bytes()
    assert sorted(p.name for p in stack.folder.iterdir()) == ["thumbnails_code.zip", "weir.yaml"] and "hush" not in text
    assert found["thumbnails_code"] == {"type": "weir.artifact", "source": "thumbnails_code.zip", "store": "${inputs.code_store}"}
    assert found["thumbnails"]["code"] == {"s3_bucket": "${thumbnails_code.bucket}", "s3_key": "${thumbnails_code.key}"}
    assert found["imaged"]["code"] == {"image_uri": "${here.account}.dkr.ecr.${here.region}.amazonaws.com/imaged:1"}
    assert "# `code` could not be fetched: the downloaded file is not the one that the service reports" in text
    assert set(found["shortened"]["code"]) == {"s3_bucket", "s3_key"} and "${inputs.shortened_code_s3_key}" in text
    given = [w for n in yaml.safe_load(text)["inputs"] for w in ("-i", f"{n}={'pictures' if 'environment' in n else 'artifacts'}")]
    planned = [json.loads(line) for line in stack.run("plan", "--json", *given).out.splitlines()]
    actions = {c["address"]: (c["action"], c.get("attrs") or []) for c in planned if c.get("event") == "change"}
    assert {a: c for a, c in actions.items() if a != "thumbnails_code"} == {n: ("adopt", []) for n in ("thumbnails", "shortened", "imaged")}
    assert actions["thumbnails_code"][0] == "create" and functions.log == []


def test_code_is_fetched_over_nothing(functions, tmp_path):
    stack = Stack(tmp_path / "stack", functions)
    (stack.folder / "thumbnails_code.zip").write_text("mine")
    stack.run("import", "live", "--type", "aws.lambda.function")
    assert (stack.folder / "thumbnails_code.zip").read_text() == "mine" and "thumbnails_code.zip exists already" in (stack.folder / "weir.yaml").read_text()
    asked = len(functions.log), functions.unknown
    assert "exists already, and nothing was written" in stack.run("import", "live", "--type", "aws.lambda.function", status=3).err
    assert asked == (len(functions.log), functions.unknown)
    stack.run("import", "live", "--type", "aws.lambda.function", "--force")
    assert (stack.folder / "thumbnails_code.zip").read_bytes() == (tmp_path / "code/snapshot").read_bytes()


PARTS = {
    "aws.lambda.async_invoke": {"function": "ingest", "maximum_retry_attempts": 1},
    "aws.lambda.function_url": {"function": "ingest", "auth_type": "AWS_IAM"},
    "aws.lambda.layer_version": {"name": "libraries", "description": "of two"},
    "aws.s3.bucket_notification": {"bucket": "lake-of-ada", "event_bridge": True},
    "aws.stepfunctions.alias": {"state_machine": "nightly", "name": "live"},
    "aws.s3tables.namespace": {"name": "sales"},
    "aws.transfer.ssh_key": {"user": "ada", "body": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2bPmBsdPMoBsFXyYpjQ2lZGIBp3YgFlzPQkJxHkYb5"},
    "aws.glue.resource_policy": {},
    "aws.lakeformation.settings": {"trusted_resource_owners": ["210987654321"]},
}


def make_parts(cloud):
    """A part of each type that no service lists by itself, beside a whole that has none."""
    make_function(cloud)
    function, s3, tables, transfer = (cloud.client(name) for name in ("lambda", "s3", "s3tables", "transfer"))
    function.put_function_event_invoke_config(FunctionName="ingest", MaximumRetryAttempts=1)
    function.create_function_url_config(FunctionName="ingest", AuthType="AWS_IAM")
    for described in ("of one", "of two"):
        function.publish_layer_version(LayerName="libraries", Description=described, Content={"ZipFile": zipped("python/a.py", described)})
    for bucket in ("lake-of-ada", "silent"):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket="lake-of-ada", NotificationConfiguration={"EventBridgeConfiguration": {}})
    role = cloud.client("iam").get_role(RoleName="runs-ingest")["Role"]["Arn"]
    states = cloud.client("stepfunctions")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": ["states.amazonaws.com", "transfer.amazonaws.com"]}, "Action": "sts:AssumeRole"}]}
    role = cloud.client("iam").create_role(RoleName="runs-more", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    machine = states.create_state_machine(name="nightly", definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}), roleArn=role, publish=True)
    states.create_state_machine_alias(name="live", routingConfiguration=[{"stateMachineVersionArn": machine["stateMachineVersionArn"], "weight": 100}])
    bucket = tables.create_table_bucket(name="shop")["arn"]
    tables.create_namespace(tableBucketARN=bucket, namespace=["sales"])
    server = transfer.create_server()["ServerId"]
    transfer.create_user(ServerId=server, UserName="ada", Role=role, HomeDirectory="/lake-of-ada")
    transfer.import_ssh_public_key(ServerId=server, UserName="ada", SshPublicKeyBody=PARTS["aws.transfer.ssh_key"]["body"])
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::210987654321:root"}, "Action": "glue:GetTable", "Resource": "arn:aws:glue:us-east-1:123456789012:*"}]}
    cloud.client("glue").put_resource_policy(PolicyInJson=json.dumps(policy))
    cloud.client("lakeformation").put_data_lake_settings(DataLakeSettings={"TrustedResourceOwners": ["210987654321"]})


def test_what_no_service_lists_is_looked_for(tmp_path, fast_sandbox):
    make_parts(fast_sandbox)
    stack = Stack(tmp_path / "stack", fast_sandbox)
    stack.run("import", "live", *(word for t in PARTS for word in ("--type", t)))
    text = (stack.folder / "weir.yaml").read_text()
    found = {r["type"]: r for r in yaml.safe_load(text)["resources"].values()}
    assert {t: {k: found.get(t, {}).get(k) for k in said} for t, said in PARTS.items()} == PARTS and "bucket: silent" not in text
    given = [w for n in yaml.safe_load(text).get("inputs", {}) for w in ("-i", f"{n}=artifacts")]
    planned = stack.run("plan", *given).out
    assert "0 to create, 0 to update, 0 to replace, 0 to delete" in planned, planned


def test_parts_of_aliases_are_found(tmp_path, fast_sandbox):
    make_function(fast_sandbox)
    function = fast_sandbox.client("lambda")
    function.publish_version(FunctionName="ingest")
    function.create_alias(FunctionName="ingest", Name="live", FunctionVersion="1")
    for qualified, statement in (({}, "all"), ({"Qualifier": "live"}, "alias")):
        function.create_function_url_config(FunctionName="ingest", AuthType="AWS_IAM", **qualified)
        function.put_function_event_invoke_config(FunctionName="ingest", MaximumRetryAttempts=1, **qualified)
        function.add_permission(FunctionName="ingest", StatementId=statement, Principal="events.amazonaws.com", Action="lambda:InvokeFunction", **qualified)
    stack, types = Stack(tmp_path / "stack", fast_sandbox), ("function_url", "async_invoke", "permission")
    stack.run("import", "live", *(word for t in types for word in ("--type", f"aws.lambda.{t}")))
    found = list(yaml.safe_load((stack.folder / "weir.yaml").read_text())["resources"].values())
    assert sorted(((r["type"], r.get("qualifier"), r.get("statement_id")) for r in found), key=str) == sorted([
        ("aws.lambda.function_url", None, None), ("aws.lambda.function_url", "live", None), ("aws.lambda.async_invoke", None, None), ("aws.lambda.async_invoke", "live", None),
        ("aws.lambda.permission", None, "all"), ("aws.lambda.permission", "live", "alias")], key=str)
    planned = stack.run("plan").out
    assert "0 to create, 0 to update, 0 to replace, 0 to delete" in planned, planned


OLD = {
    "aws.ecs.service": {
        "id": "prod/web",
        "named": ["prod", "web", "arn:aws:ecs:us-east-1:123456789012:cluster/prod"],
        "answers": {
            "ListClusters": {"clusterArns": ["arn:aws:ecs:us-east-1:123456789012:cluster/prod"]},
            "ListServices": {"serviceArns": ["arn:aws:ecs:us-east-1:123456789012:service/web"]},
            "DescribeServices": {
                "services": [
                    {
                        "serviceArn": "arn:aws:ecs:us-east-1:123456789012:service/web",
                        "serviceName": "web",
                        "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/prod",
                        "status": "ACTIVE",
                        "desiredCount": 2,
                        "launchType": "EC2",
                        "taskDefinition": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:3",
                    }
                ]
            },
        },
    },
    "aws.logs.subscription_filter": {
        "id": "/jobs:all",
        "named": ["/jobs", "all"],
        "answers": {
            "DescribeLogGroups": {"logGroups": [{"logGroupName": "/jobs", "arn": "arn:aws:logs:us-east-1:123456789012:log-group:/jobs:*"}]},
            "DescribeSubscriptionFilters": {
                "subscriptionFilters": [
                    {"filterName": "all", "logGroupName": "/jobs", "filterPattern": "", "destinationArn": "arn:aws:lambda:us-east-1:123456789012:function:ship", "distribution": "ByLogStream"}
                ]
            },
        },
    },
}


def test_what_earlier_years_left_is_found(tmp_path):
    """Services whose ARNs do not name their cluster, and filters with a pattern of nothing, as accounts were recorded to have."""
    things = [Entry(t, 0, {"stack": {}, "change": {}, "source": "", **data}) for t, data in OLD.items()]
    calls = subprocess.run([str(WEIR), "schema", "--calls"], capture_output=True, text=True, check=True).stdout.splitlines()
    with Server(things, Services(calls)) as server:
        stack = Stack(tmp_path / "stack", server)
        stack.run("import", "live", *(word for t in OLD for word in ("--type", t)))
        found = {r["type"]: r for r in yaml.safe_load((stack.folder / "weir.yaml").read_text())["resources"].values()}
        assert found["aws.ecs.service"]["name"] == "web" and found["aws.ecs.service"]["cluster"] == "prod"
        assert found["aws.logs.subscription_filter"]["pattern"] == ""
        assert "0 to create, 0 to update, 0 to replace, 0 to delete" in stack.run("plan").out


def test_a_policy_that_nothing_would_take_is_named(tmp_path, cloud):
    """moto keeps whatever it is given; the draft is valid all the same."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="lake-of-ada")
    statement = {"Effect": "Allow", "Principal": "arn:aws:iam::210987654321:root", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake-of-ada/*"}
    s3.put_bucket_policy(Bucket="lake-of-ada", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    stack = Stack(tmp_path / "stack", cloud)
    stack.run("import", "live", "--type", "aws.s3.bucket")
    assert "# not configured: policy, a principal is {AWS: …}" in (stack.folder / "weir.yaml").read_text()
    stack.run("validate")


def test_what_weir_cannot_say_may_be_drafted_as_cloudformation_has_it(tmp_path):
    entry = copy.deepcopy(next(e for e in entries() if e.type == "aws.cloudtrail.trail"))
    del entry.answers["GetTrail"]["Trail"]["S3BucketName"]
    calls = subprocess.run([str(WEIR), "schema", "--calls"], capture_output=True, text=True, check=True).stdout.splitlines()
    with Server([entry], Services(calls)) as account:
        assert "`bucket` is wanted; --type AWS::CloudTrail::Trail may draft it" in Stack(tmp_path / "stack", account).run("import", "live", "--type", entry.type, status=None).err


def test_what_cannot_be_added_later_is_not_left_out_of_a_draft(tmp_path):
    """A stream without its destination would be another one."""
    entry = copy.deepcopy(next(e for e in entries() if "splunk" in e.stack))
    (target,) = entry.answers["DescribeDeliveryStream"]["DeliveryStreamDescription"]["Destinations"]
    target["SplunkDestinationDescription"]["S3DestinationDescription"]["RoleARN"] = "arn:aws:iam::123456789:role/splunk"
    calls = subprocess.run([str(WEIR), "schema", "--calls"], capture_output=True, text=True, check=True).stdout.splitlines()
    with Server([entry], Services(calls)) as account:
        assert 'splunk: "arn:aws:iam::123456789:role/splunk" does not match' in Stack(tmp_path / "stack", account).run("import", "live", "--type", entry.type, status=None).err


def test_a_stream_to_an_http_endpoint(tmp_path, cloud):
    role = "arn:aws:iam::123456789012:role/delivers"
    cloud.client("firehose").create_delivery_stream(
        DeliveryStreamName="logs",
        HttpEndpointDestinationConfiguration={
            "EndpointConfiguration": {"Url": "https://logs.example", "AccessKey": "an-access-key"},
            "S3Configuration": {"RoleARN": role, "BucketARN": "arn:aws:s3:::lake-of-ada", "Prefix": "failed/"},
        },
    )
    stack = Stack(tmp_path / "stack", cloud)
    stack.run("import", "live", "--type", "aws.firehose.delivery_stream")
    text = (stack.folder / "weir.yaml").read_text()
    drafted = yaml.safe_load(text)["resources"]["logs"]["http_endpoint"]
    assert drafted == {"url": "https://logs.example", "s3": {"bucket": "arn:aws:s3:::lake-of-ada", "role": role.replace("123456789012", "${here.account}"), "prefix": "failed/"}} and "an-access-key" not in text
    stack.apply()
    stack.assert_settled()


def test_a_queue_whose_policy_names_it_by_its_url(tmp_path, place):
    sqs = place.client("sqs")
    url = sqs.create_queue(QueueName="counted")["QueueUrl"].replace("localhost", "127.0.0.1")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:GetQueueAttributes", "Resource": url}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})
    _, found = taken_over(Stack(tmp_path / "stack", place), "--type", "aws.sqs.queue")
    assert found["counted"]["policy"]["Statement"][0]["Resource"] == url.replace("123456789012", "${here.account}")


def test_domains_are_listed_by_their_pools(tmp_path, fast_sandbox):
    cognito = fast_sandbox.client("cognito-idp")
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-0000-0000-0000-000000000001"
    both, none = (cognito.create_user_pool(PoolName=name)["UserPool"]["Id"] for name in ("both", "none"))
    cognito.create_user_pool_domain(Domain="readers", UserPoolId=both)
    cognito.create_user_pool_domain(Domain="login.readers.example", UserPoolId=both, CustomDomainConfig={"CertificateArn": certificate})
    told = cognito.describe_user_pool(UserPoolId=both)["UserPool"]
    assert (told["Domain"], told["CustomDomain"]) == ("readers", "login.readers.example") and "Domain" not in cognito.describe_user_pool(UserPoolId=none)["UserPool"]
    _, found = taken_over(Stack(tmp_path / "stack", fast_sandbox), "--type", "aws.cognitoidp.user_pool_domain")
    assert {(one["domain"], one["user_pool"], one.get("certificate")) for one in found.values()} == {("readers", both, None), ("login.readers.example", both, "arn:aws:acm:${here.region}:${here.account}:" + certificate.split(":", 5)[5])}


def test_what_is_switched_off_is_not_named(tmp_path, cloud):
    """Of a subnet's settings that weir has no attribute for, all are off: EC2 says so in texts and in structures of them."""
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    assert ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AssignIpv6AddressOnCreation"] is False
    text = Stack(tmp_path / "stack", cloud).run("import", "live", "--type", "aws.ec2.subnet", "-o", "-").out
    assert "cidr_block: 10.9.1.0/24" in text and "AssignIpv6AddressOnCreation" not in text
