"""What destroy erases besides the resources: only with consent, only what is the stack's, and told of beforehand."""

import json
import os
import pty
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from support import ACCOUNT, PATIENCE_S, Stack, until

BUCKET = """
    stack: lab
    resources:
      lake: {type: aws.s3.bucket, name: lab-lake, versioning: true}
"""


def erased(result):
    return [event for event in result.events() if event["event"] == "data_loss"]


def buckets(cloud):
    return [bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]]


def fill(cloud, n):
    """n objects, each with a version and then a delete marker over it, two objects that are there, and an unfinished upload."""
    s3 = cloud.client("s3")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: s3.put_object(Bucket="lab-lake", Key=f"k/{i:05}", Body=b"12345"), range(n)))
    for at in range(0, n, 1000):
        s3.delete_objects(Bucket="lab-lake", Delete={"Objects": [{"Key": f"k/{i:05}"} for i in range(at, min(at + 1000, n))], "Quiet": True})
    s3.put_object(Bucket="lab-lake", Key="a b/ü", Body=b"1")
    s3.put_object(Bucket="lab-lake", Key="z", Body=b"22")
    s3.create_multipart_upload(Bucket="lab-lake", Key="part")


@pytest.mark.long  # on the sandbox it takes half as long, and stays
def test_bucket_with_versions_and_markers(stack, cloud):
    bucket_with_versions_and_markers(stack, cloud)


def bucket_with_versions_and_markers(stack, cloud):
    stack.write(BUCKET).apply()
    fill(cloud, 520)  # more than a page of versions and markers
    refused = stack.destroy(status=3)
    assert "lake (it is not empty)" in refused.err and "to allow it: --force-empty, or `force_destroy: true` in the stack" in refused.err
    planned = erased(stack.run("plan", "--destroy", "--force-empty", "--json"))
    counts = {"objects": 2, "versions": 522, "delete_markers": 520, "uploads": 1, "bytes": 520 * 5 + 3}
    assert [(e["address"], e["flag"], e["counts"]) for e in planned] == [("lake", "force_empty", counts)]
    text = stack.destroy("--force-empty").out
    assert "2 objects, 522 versions, 520 delete markers, 1 unfinished upload, 2.5 KiB (--force-empty)" in text
    assert buckets(cloud) == []


@pytest.mark.parametrize("versioning", ["true", "false"])
def test_own_objects_leave_versions(stack, cloud, versioning):
    """They go before their bucket, which is empty then; one with versioning keeps them, so nothing is deleted without a consent."""
    stack.write(BUCKET.replace("versioning: true", f"versioning: {versioning}") + "      readme: {type: aws.s3.object, bucket: '${lake.name}', key: readme, content: x}\n").apply()
    if versioning == "true":
        refused = stack.destroy(status=3)
        assert "lake (it is not empty); nothing was changed" in refused.err
        stack.destroy("--force-empty")
    else:
        stack.destroy()
    assert buckets(cloud) == []


def test_markdown_tells_what_goes(stack, cloud):
    stack.write(BUCKET).apply()
    cloud.client("s3").put_object(Bucket="lab-lake", Key="a", Body=b"1")
    page = stack.run("plan", "--destroy", "--lab", "--format", "markdown").out
    assert "- `lake`: everything in it is deleted: 1 object, 1 byte (--force-empty)" in page
    stack.destroy("--lab")


def test_what_the_stack_says_now_counts(stack, cloud):
    """Not what some earlier apply recorded."""
    stack.write(BUCKET).apply()
    cloud.client("s3").put_object(Bucket="lab-lake", Key="a", Body=b"1")
    forced = BUCKET.replace("versioning: true", "versioning: true, force_destroy: '${locals.gone}'") + "    locals: {gone: true}\n"
    told = erased(stack.write(forced).run("plan", "--destroy", "--json"))
    assert [(e["address"], "flag" in e) for e in told] == [("lake", False)]
    stack.apply()
    stack.write(BUCKET)
    assert "lake (it is not empty)" in stack.destroy(status=3).err
    stack.write(forced).destroy()
    assert buckets(cloud) == []


def test_saved_plan_keeps_the_consent(stack, cloud):
    stack.write(BUCKET).apply()
    cloud.client("s3").put_object(Bucket="lab-lake", Key="a", Body=b"1")
    stack.run("plan", "--destroy", "--force-empty", "-o", "p.plan")
    stack.run("apply", "p.plan")
    assert buckets(cloud) == []


def test_foreign_marks_are_refused(stack, cloud):
    stack.write(BUCKET).apply()
    s3 = cloud.client("s3")
    s3.put_object(Bucket="lab-lake", Key="a", Body=b"1")
    s3.put_bucket_tagging(Bucket="lab-lake", Tagging={"TagSet": [{"Key": "weir:stack", "Value": "others"}]})
    refused = stack.destroy("--force-empty", status=3)
    assert 'lake (it has the ownership tags of the stack "others")' in refused.err and "`weir state rm 'lake'` forgets it" in refused.err
    assert s3.get_object(Bucket="lab-lake", Key="a")["Body"].read() == b"1"


TOPIC = """stack: demo
resources:
  news: {type: aws.sns.topic, name: demo-news, display_name: NAME, tags: {team: a}}
"""


@pytest.mark.full
def test_of_others_is_not_changed(stack, cloud):
    """The refresh sees the marks besides what it asks for: an update costs no call more for it. A topic has nothing else by which it is known."""
    stack.write(TOPIC.replace("NAME", "one")).apply()
    sns = cloud.client("sns")
    arn = sns.list_topics()["Topics"][0]["TopicArn"]

    def shown():
        return sns.get_topic_attributes(TopicArn=arn)["Attributes"].get("DisplayName")

    sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "weir:stack", "Value": "others"}, {"Key": "weir:state", "Value": "x"}])
    refused = stack.write(TOPIC.replace("NAME", "two")).apply(status=1)
    assert 'it has the ownership tags of the stack "others", so it is not changed' in refused.err and shown() == "one"
    stack.run("plan", "-o", "p.plan")  # which keeps what was seen
    assert 'it has the ownership tags of the stack "others", so it is not changed' in stack.run("apply", "p.plan", status=1).err and shown() == "one"
    sns.untag_resource(ResourceArn=arn, TagKeys=["weir:stack", "weir:state", "weir:intent", "weir:address"])
    refused = stack.apply(status=1)
    assert "it has no ownership tags, and nothing else shows that it is still what this stack made, so it is not changed" in refused.err and shown() == "one"
    assert "--delete-adopted deletes it anyway" in refused.err
    stack.apply("--delete-adopted")
    assert shown() == "two"
    stack.run("state", "rm", "news")
    stack.write(TOPIC.replace("NAME", "three") + f"imports: [{{address: news, id: {arn}}}]\n").apply()
    assert shown() == "three"
    stack.write(TOPIC.replace("NAME", "four")).apply()  # what was taken over need not bear them
    assert shown() == "four"


def test_adopted_is_refused(stack, cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="lab-lake")
    s3.put_object(Bucket="lab-lake", Key="a", Body=b"1")
    stack.write(BUCKET + "    imports: [{address: lake, id: lab-lake}]\n").apply()
    refused = stack.destroy("--delete-adopted", "--lab", status=3)
    assert "lake: it existed before this stack imported it" in refused.err
    assert s3.get_object(Bucket="lab-lake", Key="a")["Body"].read() == b"1"


def test_secrets(stack, cloud):
    secrets = cloud.client("secretsmanager")
    text = """
        stack: lab
        resources:
          pw: {type: aws.secretsmanager.secret, name: lab/pw, secret_string: hush-hush, recovery_window_in_days: 7}
    """
    stack.write(text).apply()
    stack.destroy()
    assert "DeletedDate" in secrets.describe_secret(SecretId="lab/pw")
    stack.write(text.replace("hush-hush,", "hush-hush, restore: true,")).apply()
    told = erased(stack.run("plan", "--destroy", "--json"))
    assert [(e["address"], e["message"], e["kept"]) for e in told] == [("pw", "it can be restored for 7 days", True)]
    told = erased(stack.run("plan", "--destroy", "--force-secrets", "--json"))
    assert [(e["address"], e["flag"]) for e in told] == [("pw", "force_secrets")]
    stack.destroy("--force-secrets")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        secrets.describe_secret(SecretId="lab/pw")


DATABASE = """
    stack: lab
    resources:
      db: {type: aws.rds.instance, name: lab-db, engine: postgres, instance_class: db.t4g.micro, allocated_storage: 20, master_username: weir,
        master_user_password: '${inputs.password}', deletion_protection: true, final_db_snapshot_identifier: lab-last}
      table: {type: aws.dynamodb.table, name: lab-table, billing_mode: PAY_PER_REQUEST, deletion_protection: true, attribute_definitions: {id: S}, key_schema: [{attribute_name: id, key_type: HASH}]}
    inputs: {password: {type: string, sensitive: true, default: long-enough-password}}
"""


def test_protected_databases(stack, cloud):
    stack.write(DATABASE).apply()
    rds = cloud.client("rds")
    refused = stack.destroy(status=3)
    assert "db (it is protected), table (it is protected); nothing was changed" in refused.err and "--delete-protected, or apply `deletion_protection: false` before" in refused.err
    assert rds.describe_db_instances()["DBInstances"][0]["DeletionProtection"]
    told = erased(stack.run("plan", "--destroy", "--lab", "--json"))
    assert sorted((e["address"], e["flag"]) for e in told if "flag" in e) == [("db", "delete_protected"), ("db", "skip_final_snapshot"), ("table", "delete_protected")]
    stack.destroy("--delete-protected", "--skip-final-snapshot")
    assert rds.describe_db_instances()["DBInstances"] == []
    assert rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"] == []
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        cloud.client("dynamodb").describe_table(TableName="lab-table")


@pytest.mark.parametrize("tags", ["", "copy_tags_to_snapshot: true, "])
def test_last_snapshot_is_told_of(stack, cloud, tags):
    """It was asked for, so it stays; but it costs, so --verify says so: also where it bears the marks of what it is of."""
    stack.write(DATABASE.replace("deletion_protection: true, final", f"{tags}final").replace("deletion_protection: true, ", "")).apply()
    found = left(stack.destroy("--verify", "--json", status=5))
    assert found == {("aws.rds.snapshot", "lab-last"): "has this stack's ownership tags" if tags else "its final snapshot"}
    assert [item["DBSnapshotIdentifier"] for item in cloud.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]] == ["lab-last"]


# moto takes silence about skip_final_snapshot for yes
WAREHOUSE = """
    stack: lab
    resources:
      house: {type: aws.redshift.cluster, name: lab-house, node_type: ra3.large, master_username: weir, master_user_password: '${inputs.password}', skip_final_snapshot: false, final_snapshot: house-last}
    inputs: {password: {type: string, sensitive: true, default: Long-enough-1}}
"""


def test_last_snapshot_of_a_warehouse(place, tmp_path):
    stack = Stack(tmp_path / "stack", place)
    redshift = place.client("redshift")

    def snapshots():
        return [(item["SnapshotIdentifier"], item["ClusterIdentifier"]) for item in redshift.describe_cluster_snapshots()["Snapshots"] if item["SnapshotType"] == "manual"]

    stack.write(WAREHOUSE).apply()
    found = left(stack.destroy("--verify", "--json", status=5))
    assert found == {("aws.redshift.snapshot", "house-last"): "its final snapshot"}
    assert snapshots() == [("house-last", "lab-house")]
    assert left(stack.destroy("--verify", "--json", status=5)) == found
    redshift.delete_cluster_snapshot(SnapshotIdentifier="house-last")
    assert "Nothing is left" in stack.destroy("--verify").out
    stack.write(WAREHOUSE.replace("house-last", "house-never")).apply()
    stack.destroy("--skip-final-snapshot", "--verify")
    assert snapshots() == []


FUNCTION = """
    stack: lab
    resources:
      code: {type: aws.s3.bucket, name: lab-code, force_destroy: true}
      zip: {type: aws.s3.object, bucket: '${code.name}', key: f.zip, source: f.zip}
      role: {type: aws.iam.role, name: lab-f, assume_role_policy: '${trust("lambda.amazonaws.com")}'}
      f: {type: aws.lambda.function, name: lab-f, role: '${role.arn}', runtime: python3.13, handler: f.handler, code: {s3_bucket: '${code.name}', s3_key: '${zip.key}'}}
"""
# a zip file with nothing in it
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)


def test_log_groups_of_services_go(stack, cloud):
    """Those that are the function's own, unless a stack manages them."""
    logs = cloud.client("logs")
    stack.write(EMPTY_ZIP, "f.zip").write(FUNCTION).apply()
    for name in ("/aws/lambda/lab-f", "/aws/lambda/lab-f2", "/aws/lambda/lab"):
        logs.create_log_group(logGroupName=name)
    told = [e for e in erased(stack.run("plan", "--destroy", "--json")) if "left_id" in e]
    assert [(e["address"], e["left_type"], e["left_id"]) for e in told] == [("f", "aws.logs.log_group", "/aws/lambda/lab-f")]
    assert "its logs are deleted: aws.logs.log_group /aws/lambda/lab-f" in stack.run("plan", "--destroy").out
    stack.destroy()
    assert sorted(group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]) == ["/aws/lambda/lab", "/aws/lambda/lab-f2"]


def test_a_log_group_that_moves_is_no_leftover(stack, cloud):
    """One that the stack manages under another address now, and that has lost its ownership tags."""
    logs = cloud.client("logs")
    group = "      %s: {type: aws.logs.log_group, name: /aws/lambda/lab-f}\n"
    stack.write(EMPTY_ZIP, "f.zip").write(FUNCTION + group % "log").apply()
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/lab-f"
    logs.untag_resource(resourceArn=arn, tagKeys=list(logs.list_tags_for_resource(resourceArn=arn)["tags"]))
    stack.write(FUNCTION + group % "logs" + "    moved: [{from: log, to: logs}]\n")
    assert [e for e in erased(stack.run("plan", "--destroy", "--json")) if "left_id" in e] == []


def test_a_dying_function_logs_once_more(stack, cloud):
    """Its log group, which the stack manages, is deleted before it and made anew by Lambda: it goes again, with the function."""
    logs = cloud.client("logs")
    stack.write(EMPTY_ZIP, "f.zip").write(FUNCTION + "      log: {type: aws.logs.log_group, name: '/aws/lambda/${f.name}', retention_in_days: 7}\n").apply()
    assert [e for e in erased(stack.run("plan", "--destroy", "--json")) if "left_id" in e] == []  # it goes as what it is
    cloud.fail({"match": "DELETE /2015-03-31/functions/lab-f", "hold": True})
    cloud.forget_requests()
    process = stack.start("destroy", "--yes")
    until(lambda: [request for request in cloud.requests() if request.startswith("DELETE /2015-03-31/functions/")], process=process)
    assert logs.describe_log_groups()["logGroups"] == []
    logs.create_log_group(logGroupName="/aws/lambda/lab-f")
    group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/lab-f"
    logs.untag_resource(resourceArn=group, tagKeys=list(logs.list_tags_for_resource(resourceArn=group)["tags"]))  # moto remembers those of the one before
    cloud.fail()
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, out + err
    assert logs.describe_log_groups()["logGroups"] == []


def test_managed_log_group_of_another_stack_stays(stack, cloud):
    logs = cloud.client("logs")
    stack.write(EMPTY_ZIP, "f.zip").write(FUNCTION).apply()
    logs.create_log_group(logGroupName="/aws/lambda/lab-f", tags={"weir:stack": "others"})
    stack.destroy()
    assert [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]] == ["/aws/lambda/lab-f"]


def test_log_group_survives_a_replacement(stack, cloud):
    stack.write(EMPTY_ZIP, "f.zip").write(FUNCTION).apply()
    cloud.client("logs").create_log_group(logGroupName="/aws/lambda/lab-f")
    stack.apply("--replace", "f")
    assert [group["logGroupName"] for group in cloud.client("logs").describe_log_groups()["logGroups"]] == ["/aws/lambda/lab-f"]


def test_marks_name_the_state(stack, cloud):
    """Copies of a stack bear the same name; what they made is told apart by the state's lineage."""
    stack.write(BUCKET).apply()
    tags = {tag["Key"]: tag["Value"] for tag in cloud.client("s3").get_bucket_tagging(Bucket="lab-lake")["TagSet"]}
    assert tags["weir:stack"] == "lab" and len(tags["weir:state"]) == 32
    stack.run("plan", "--destroy", "-o", "p.plan")
    assert json.loads((stack.folder / "p.plan").read_text())["lineage"] == tags["weir:state"]


NETWORK = """
    stack: lab
    resources:
      vpc: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}
      subnet: {type: aws.ec2.subnet, vpc_id: '${vpc.vpc_id}', cidr_block: 10.0.1.0/24}
      group: {type: aws.ec2.security_group, name: lab, description: lab, vpc_id: '${vpc.vpc_id}'}
"""
IN_USE = "<Response><Errors><Error><Code>DependencyViolation</Code><Message>resource has a dependent object</Message></Error></Errors><RequestID>1</RequestID></Response>"


def test_interfaces_that_stand_in_the_way(stack, cloud):
    """They are told of; those that Lambda has let go of are deleted, others' are not."""
    stack.write(NETWORK).apply()
    ec2 = cloud.client("ec2")
    (subnet,) = [found for found in ec2.describe_subnets()["Subnets"] if found["CidrBlock"] == "10.0.1.0/24"]
    (group,) = [found for found in ec2.describe_security_groups()["SecurityGroups"] if found["GroupName"] == "lab"]
    for what in ("AWS Lambda VPC ENI-lab-f", "somebody's own"):
        ec2.create_network_interface(SubnetId=subnet["SubnetId"], Groups=[group["GroupId"]], Description=what)
    cloud.fail({"match": "^DeleteSecurityGroup$", "times": 2, "status": 400, "headers": {"Content-Type": "text/xml"}, "body": IN_USE})
    waited = [event["text"] for event in stack.destroy("--json", "--target", "group").events() if event["event"] == "progress"]
    assert "waiting for 2 that still use it: AWS Lambda VPC ENI-lab-f, … (DependencyViolation)" in waited
    assert "waiting for 1 that still uses it: somebody's own (DependencyViolation)" in waited
    assert [found["Description"] for found in ec2.describe_network_interfaces()["NetworkInterfaces"]] == ["somebody's own"]


VERIFIED = FUNCTION.replace("stack: lab", "stack: lab\n    inputs: {who: {type: string, default: anna}}") + """
      pw: {type: aws.secretsmanager.secret, name: 'lab/${inputs.who}', secret_string: hush-hush, force_destroy: true}
      vpc: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}
      read: {type: aws.iam.policy, name: lab-read, policy: '${allow(["s3:GetObject"], ["*"])}'}
      param: {type: aws.ssm.parameter, name: '/lab/x', parameter_type: String, value: y}
"""


def left(result):
    return {(e["type"], e["id"]): e["why"] for e in result.events() if e["event"] == "leftover"}


def test_verify_after_destroy(stack, cloud):
    stack.write(EMPTY_ZIP, "f.zip").write(VERIFIED).apply()
    cloud.client("s3").create_bucket(Bucket="made-by-hand")  # in the same lab
    done = stack.destroy("--verify")
    assert "Nothing is left: neither by its id or name, nor by the stack's ownership tags." in done.out
    assert "Not looked for: what has none of weir's ownership tags, such as what somebody made there by hand." in done.out
    (told,) = [e for e in stack.destroy("--verify", "--json").events() if e["event"] == "verified"]
    assert (told["left"], told["asked"] > 4, told["tags"]) == (0, True, True)
    assert len(told["looked"]) == 1 and "of account 123456789012" in told["looked"][0], told  # the buckets' store has no account
    stack.write("stack: lab\nresources: {vpc: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}}\n")  # which has no name
    assert "Nothing is left with the stack's ownership tags.\nLooked in " in stack.destroy("--verify").out


def test_verify_finds_what_bears_the_name(stack, cloud):
    """Also of a stack that was destroyed before, and with what services write afterwards."""
    stack.write(EMPTY_ZIP, "f.zip").write(VERIFIED).apply()
    stack.destroy()
    cloud.client("s3").create_bucket(Bucket="lab-code")
    cloud.client("logs").create_log_group(logGroupName="/aws/lambda/lab-f")
    found = left(stack.destroy("--verify", "--json", status=5))
    assert found == {("aws.s3.bucket", "lab-code"): "has a name that this stack configures", ("aws.logs.log_group", "/aws/lambda/lab-f"): "its logs"}
    said = stack.destroy("--verify", status=5)
    assert "lab-code  aws.s3.bucket: has a name that this stack configures (code)" in said.out
    assert "2 resources of the stack are still there" in said.err
    cloud.client("s3").delete_bucket(Bucket="lab-code")
    cloud.client("logs").delete_log_group(logGroupName="/aws/lambda/lab-f")
    assert "Nothing is left" in stack.destroy("--verify").out


def test_verify_finds_what_bears_the_marks(stack, cloud):
    """What the stack has lost sight of: its state is gone, or what made it was killed."""
    stack.write(EMPTY_ZIP, "f.zip").write(VERIFIED).apply()
    stack.destroy()
    ec2 = cloud.client("ec2")
    marks = [{"Key": "weir:stack", "Value": "lab"}, {"Key": "weir:address", "Value": "old"}]
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": marks}])["Vpc"]["VpcId"]
    trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
    cloud.client("iam").create_role(RoleName="lab-old", AssumeRolePolicyDocument=trust, Tags=marks)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
    policy = cloud.client("iam").create_policy(PolicyName="lab-old", Path="/old/", PolicyDocument=policy, Tags=marks)["Policy"]["Arn"]
    secret = cloud.client("secretsmanager").create_secret(Name="elsewhere", SecretString="x", Tags=marks)["ARN"]
    of_a_copy = [*marks, {"Key": "weir:state", "Value": "0" * 32}]
    ec2.create_vpc(CidrBlock="10.2.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": of_a_copy}])
    ec2.create_vpc(CidrBlock="10.3.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": [{"Key": "weir:stack", "Value": "lab2"}]}])
    found = left(stack.destroy("--verify", "--json", status=5))
    assert found == {key: "has this stack's ownership tags" for key in (("aws.ec2.vpc", vpc), ("aws.iam.role", "lab-old"), ("aws.iam.policy", policy), ("aws.secretsmanager.secret", secret))}


def test_verify_does_not_take_others_names(stack, cloud):
    stack.write(EMPTY_ZIP, "f.zip").write(VERIFIED).apply()
    stack.destroy()
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="lab-code")
    s3.put_bucket_tagging(Bucket="lab-code", Tagging={"TagSet": [{"Key": "weir:stack", "Value": "others"}]})
    assert "Nothing is left" in stack.destroy("--verify").out


def test_verify_that_cannot_look_fails(stack, cloud):
    stack.write(BUCKET).apply()
    stack.destroy()
    denied = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": "AccessDeniedException"}
    cloud.fail({"match": "GetResources$", "times": 9, "status": 400, "headers": denied, "body": '{"__type": "AccessDeniedException", "message": "no"}'})
    said = stack.destroy("--verify", status=1)
    assert "looking for the stack's ownership tags" in said.err and "Nothing is left" not in said.out


def test_verify_and_target(local_stack):
    local_stack.write("stack: a\nresources: {b: {type: weir.value, value: 1}}\n")
    assert "--verify looks for leftovers of the whole stack" in local_stack.run("destroy", "--verify", "--target", "b", status=3).err


def test_interrupted_at_the_question(stack, cloud):
    """A lock in a shared store is not left behind."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="weir-state")
    stack.write(BUCKET + "    state: {backend: s3, bucket: weir-state}\n").apply()
    master, slave = pty.openpty()
    process = subprocess.Popen(stack.command("destroy"), cwd=stack.folder, env=stack.env, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = b""
    while b"Only" not in said:
        said += os.read(process.stderr.fileno(), 1000) or pytest.fail("no question")
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate()
    os.close(master), os.close(slave)
    assert process.returncode == 130 and b"Nothing was done." in rest
    lock = max(found["Key"] for found in s3.list_objects_v2(Bucket="weir-state")["Contents"] if "lock/" in found["Key"])
    assert json.loads(s3.get_object(Bucket="weir-state", Key=lock)["Body"].read())["released"]
    stack.destroy()


KEYS = """
    stack: lab
    resources:
      key: {type: aws.kms.key, description: Encrypts the lake, deletion_window_in_days: 7, rotation: true}
      alias: {type: aws.kms.alias, name: alias/lab, key: '${key.key_id}'}
      secret: {type: aws.secretsmanager.secret, name: lab-db, secret_string: first, kms_key: '${key.arn}', force_destroy: true}
      orders: {type: aws.dynamodb.table, name: lab-orders, billing_mode: PAY_PER_REQUEST, attribute_definitions: {id: S}, key_schema: [{attribute_name: id, key_type: HASH}], kms_key: '${key.arn}'}
"""


def test_again_while_the_key_waits_for_its_end(place, tmp_path):
    """A key stays for a week at least; its alias is free, and names the next one."""
    kms, stack, keys = place.client("kms"), Stack(tmp_path / "stack", place), []
    aliases = lambda: [alias["TargetKeyId"] for alias in kms.list_aliases()["Aliases"] if alias["AliasName"] == "alias/lab"]
    for _ in range(2):
        stack.write(KEYS).apply()
        stack.assert_settled()
        keys += aliases()
        assert kms.describe_key(KeyId="alias/lab")["KeyMetadata"]["KeyState"] == "Enabled"
        assert "Nothing is left" in stack.destroy("--verify").out
        assert kms.describe_key(KeyId=keys[-1])["KeyMetadata"]["KeyState"] == "PendingDeletion" and aliases() == []
    assert len(set(keys)) == 2


FORCED = BUCKET.replace("versioning: true", "force_destroy: true")


@pytest.mark.parametrize(("changed", "action"), [("stack: lab", "delete"), (FORCED.replace("lab-lake", "lab-other"), "replace")], ids=["taken out", "renamed"])
def test_apply_tells_what_goes_with_it(stack, cloud, changed, action):
    stack.write(FORCED).apply()
    for key in "a", "b":
        cloud.client("s3").put_object(Bucket="lab-lake", Key=key, Body=b"12345")
    stack.write(changed)
    planned = stack.run("plan", "--json")
    assert [(e["action"]) for e in planned.events() if e["event"] == "change"] == [action]
    assert [(e["address"], e["counts"]["objects"], e.get("stops")) for e in erased(planned)] == [("lake", 2, None)]
    text = stack.run("plan").out
    assert "With them:" in text and "! lake  everything in it is deleted: 2 objects, 10 bytes" in text
    assert "- `lake`: everything in it is deleted: 2 objects, 10 bytes" in stack.run("plan", "--format", "markdown").out
    assert "cannot be undone" in asked(stack)
    assert buckets(cloud) == ["lab-lake"]
    assert "With them:" in stack.apply().out
    assert "lab-lake" not in buckets(cloud)


def asked(stack):
    """What `weir apply` asks at a terminal, where it is told no."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(stack.command("apply"), cwd=stack.folder, env=stack.env, stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    said = b""
    while b"cannot be undone" not in said and process.poll() is None:
        try:
            said += os.read(leader, 65536)
        except OSError:
            break
    os.write(leader, b"no\n")
    try:
        while more := os.read(leader, 65536):
            said += more
    except OSError:
        pass
    process.wait()
    os.close(leader)
    return said.decode()


@pytest.mark.parametrize("how", ["destroy", "apply"])
def test_what_stands_in_the_way_is_said_before(stack, cloud, how):
    table = """
      table: {type: aws.dynamodb.table, name: lab-table, billing_mode: PAY_PER_REQUEST, deletion_protection: true, attribute_definitions: {id: S},
              key_schema: [{attribute_name: id, key_type: HASH}]}
"""
    stack.write(BUCKET + table).apply()
    cloud.client("s3").put_object(Bucket="lab-lake", Key="a", Body=b"1")
    if how == "apply":
        stack.write("stack: lab")
    words = ["--destroy"] if how == "destroy" else []
    planned = erased(stack.run("plan", "--json", *words))
    assert [(e["address"], e["stops"], e["lifts"]) for e in planned] == [("lake", True, "force_empty"), ("table", True, "delete_protected")]
    text = stack.run("plan", *words).out

    said = "`force_destroy: true` in the stack" if how == "destroy" else "apply `force_destroy: true` before"
    assert "Blocking their deletion:" in text and f"it is not empty: 1 object, 1 byte (to allow it: --force-empty, or {said})" in text
    assert "it is protected (to allow it: --delete-protected, or apply `deletion_protection: false` before)" in text and "With them:" not in text
    assert "**Blocking their deletion:**" in stack.run("plan", "--format", "markdown", *words).out
    cloud.forget_requests()
    refused = stack.run(how, "--yes", status=3)
    assert "deletions that are blocked: lake (it is not empty), table (it is protected); nothing was changed" in refused.err
    assert "--force-empty" in refused.err and "`deletion_protection: false`" in refused.err, refused.err
    assert not [request for request in cloud.requests() if request.startswith("DELETE") or "DeleteTable" in request]
    stack.run(how, "--yes", "--force-empty", "--delete-protected")
    assert buckets(cloud) == []


def test_what_stands_in_the_way_of_a_replacement(stack, cloud):
    """What steers the deletion is said with the change, what is set at the service has to be set first, or lifted by the option."""
    table = """
      table: {type: aws.dynamodb.table, name: lab-table-N, billing_mode: PAY_PER_REQUEST, deletion_protection: true, attribute_definitions: {id: S},
              key_schema: [{attribute_name: id, key_type: HASH}]}
"""
    stack.write((BUCKET + table).replace("lab-lake", "lab-lake-N").replace("N", "1")).apply()
    cloud.client("s3").put_object(Bucket="lab-lake-1", Key="a", Body=b"1")
    other = (BUCKET + table).replace("lab-lake", "lab-lake-N").replace("N", "2")
    text = stack.write(other).run("plan").out
    assert "it is not empty: 1 object, 1 byte (to allow it: --force-empty, or `force_destroy: true` in the stack)" in text, text
    assert "it is protected (to allow it: --delete-protected, or apply `deletion_protection: false` before)" in text, text
    failed = stack.run("apply", "--yes", status=3)
    assert "lake (it is not empty), table (it is protected)" in failed.err, str(failed)
    stack.write(other.replace("name: lab-lake-2", "name: lab-lake-2, force_destroy: true"))
    stack.run("apply", "--yes", "--target", "lake")
    assert [b["Name"] for b in cloud.client("s3").list_buckets()["Buckets"]] == ["lab-lake-2"]
    stack.run("apply", "--yes", "--delete-protected")
    assert cloud.client("dynamodb").list_tables()["TableNames"] == ["lab-table-2"]


@pytest.mark.long
def test_what_others_made_in_a_network_is_named(stack, cloud):
    """It does not go by itself: that is said, and what it is, not waited for a third of an hour."""
    stack.write("stack: lab\nresources:\n  net: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16, timeouts: {delete: 1s}}\n").apply()
    ec2 = cloud.client("ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "tag:weir:address", "Values": ["net"]}])["Vpcs"]
    subnet = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.0.9.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(VpcId=vpc["VpcId"], GroupName="mine", Description="mine")["GroupId"]
    refused = stack.run("destroy", "--yes", "--lab", status=1)
    assert f"hint: still in it: {subnet}, {group}; what others made there has to go first" in refused.err, str(refused)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_security_group(GroupId=group)
    stack.destroy("--lab", "--verify")


def test_what_the_stack_has_in_a_bucket_is_not_in_the_way(stack, cloud):
    stack.write("a", "src/a").write("b", "src/b")
    stack.write("""
        stack: lab
        resources:
          lake: {type: aws.s3.bucket, name: lab-lake}
          one: {type: aws.s3.object, bucket: "${lake.name}", key: one, content: "1"}
          dags: {type: aws.s3.directory, bucket: "${lake.name}", prefix: dags, source: src}
          code: {type: weir.artifact, store: "${lake.name}/code", source: src, package: zip}
    """).apply()
    assert erased(stack.run("plan", "--destroy", "--json")) == []
    cloud.client("s3").put_object(Bucket="lab-lake", Key="foreign", Body=b"1")
    assert [e["counts"]["objects"] for e in erased(stack.run("plan", "--destroy", "--json"))] == [5]
    cloud.client("s3").delete_object(Bucket="lab-lake", Key="foreign")
    stack.destroy()
    assert buckets(cloud) == []
