"""Answers that are lost after the work was done, one for each call that makes something: the same run goes on from what is there. boto3 counts."""

import io
import re
import zipfile

import pytest

from servers import Faults
from support import FAKETIME, ROOT, Stack, until

STACK = """
    stack: settle
    resources:
      net: {type: aws.ec2.vpc, cidr_block: 10.9.0.0/16}
      sub: {type: aws.ec2.subnet, vpc_id: "${net.vpc_id}", cidr_block: 10.9.1.0/24}
      igw: {type: aws.ec2.internet_gateway, vpc_id: "${net.vpc_id}"}
      ip: {type: aws.ec2.elastic_ip}
      nat: {type: aws.ec2.nat_gateway, subnet_id: "${sub.subnet_id}", allocation_id: "${ip.allocation_id}", depends_on: [igw]}
      rtb: {type: aws.ec2.route_table, vpc_id: "${net.vpc_id}", routes: {0.0.0.0/0: {gateway_id: "${igw.internet_gateway_id}"}}}
      way: {type: aws.ec2.route_table_association, route_table_id: "${rtb.route_table_id}", subnet_id: "${sub.subnet_id}"}
      vpce: {type: aws.ec2.vpc_endpoint, vpc_id: "${net.vpc_id}", service_name: com.amazonaws.us-east-1.s3, route_table_ids: ["${rtb.route_table_id}"]}
      sg: {type: aws.ec2.security_group, name: settle, description: settle, vpc_id: "${net.vpc_id}", ingress: [{protocol: tcp, from_port: 22, to_port: 22, cidr: 10.9.0.0/16}]}
      rule: {type: aws.ec2.security_group_rule, group_id: "${sg2.group_id}", protocol: tcp, from_port: 5432, to_port: 5432, cidr: 10.9.0.0/16}
      sg2: {type: aws.ec2.security_group, name: settle-rules, description: settle, vpc_id: "${net.vpc_id}"}
      key: {type: aws.kms.key, description: settle, deletion_window_in_days: 7}
      alias: {type: aws.kms.alias, name: alias/settle, key: "${key.key_id}"}
      sec: {type: aws.secretsmanager.secret, name: settle, secret_string: s3cr3t, force_destroy: true}
      role: {type: aws.iam.role, name: settle, assume_role_policy: '${trust(["lambda.amazonaws.com", "scheduler.amazonaws.com"])}'}
      lv: {type: aws.lambda.layer_version, name: settle, content: {s3_bucket: settle-code, s3_key: code.zip}}
      fn: {type: aws.lambda.function, name: settle, role: "${role.arn}", runtime: python3.13, handler: main.f, code: {s3_bucket: settle-code, s3_key: code.zip}}
      may: {type: aws.lambda.permission, function: "${fn.name}", statement_id: events, principal: events.amazonaws.com}
      sch: {type: aws.scheduler.schedule, name: settle, schedule_expression: rate(1 hour), target: {arn: "${fn.arn}", role: "${role.arn}"}}
"""
MAKERS = [
    "CreateVpc$", "CreateSubnet$", "CreateInternetGateway$", "AttachInternetGateway", "AllocateAddress", "CreateNatGateway$", "CreateRouteTable$", "CreateRoute$", "AssociateRouteTable", "CreateVpcEndpoint$",
    "CreateSecurityGroup$", "AuthorizeSecurityGroupIngress", "CreateKey", "CreateAlias", "CreateSecret", "CreateRole$", "POST .*/layers/settle/versions",
    "POST .*/functions$", "POST .*/functions/settle/policy", "POST /schedules/settle",
]  # fmt: skip


def code(cloud):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("main.py", "def f(event, context): pass\n")
    cloud.client("s3").create_bucket(Bucket="settle-code")
    cloud.client("s3").put_object(Bucket="settle-code", Key="code.zip", Body=packed.getvalue())


def counts(cloud):
    """Of each kind how many there are beside what every account has."""
    ec2, kms, fn = cloud.client("ec2"), cloud.client("kms"), cloud.client("lambda")
    vpcs = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
    here = [{"Name": "vpc-id", "Values": vpcs or ["none"]}]
    groups = [group for group in ec2.describe_security_groups(Filters=here)["SecurityGroups"] if group["GroupName"] != "default"]
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group["GroupId"] for group in groups] or ["sg-00000000"]}])["SecurityGroupRules"]
    keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    functions = fn.list_functions()["Functions"]
    return {
        "vpc": len(vpcs),
        "subnet": len(ec2.describe_subnets(Filters=here)["Subnets"]),
        "igw": len(ec2.describe_internet_gateways()["InternetGateways"]),
        "address": len(ec2.describe_addresses()["Addresses"]),
        "nat": len([nat for nat in ec2.describe_nat_gateways()["NatGateways"] if nat["State"] not in ("deleted", "deleting")]),
        "route table": len([table for table in ec2.describe_route_tables(Filters=here)["RouteTables"] if not any(a.get("Main") for a in table["Associations"])]),
        "endpoint": len([one for one in ec2.describe_vpc_endpoints()["VpcEndpoints"] if one["State"] not in ("deleted", "deleting")]),
        "groups": len(groups),
        "rules": len([rule for rule in rules if not rule["IsEgress"]]),
        "keys": len([key for key in keys if key["KeyState"] == "Enabled"]),
        "aliases": len([alias for alias in kms.list_aliases()["Aliases"] if not alias["AliasName"].startswith("alias/aws/")]),
        "secrets": len(cloud.client("secretsmanager").list_secrets()["SecretList"]),
        "layers": len(fn.list_layer_versions(LayerName="settle")["LayerVersions"]),
        "functions": len(functions),
        "statements": fn.get_policy(FunctionName="settle")["Policy"].count("events.amazonaws.com") if functions else 0,
        "schedules": len(cloud.client("scheduler").list_schedules()["Schedules"]),
    }


ONE_OF_EACH = {"groups": 2, "rules": 2}


@pytest.mark.parametrize("fault", [{"close": True}, pytest.param({"status": 500}, marks=pytest.mark.long), {"status": 200, "body": ""}], ids=["no answer", "500", "nothing in it"])
def test_everything_is_there_once(stack, cloud, fault):
    code(cloud)
    stack.write(STACK)
    cloud.fail(*({"match": match, "after": True, **fault} for match in MAKERS))
    stack.apply()
    cloud.fail()
    stack.assert_settled()
    there = counts(cloud)
    assert there == {kind: ONE_OF_EACH.get(kind, 1) for kind in there}
    stack.destroy()
    assert set(counts(cloud).values()) == {0}


OWN = {
    "group": ("""
        stack: own
        resources:
          net: {type: aws.ec2.vpc, cidr_block: 10.8.0.0/16}
          it: {type: aws.ec2.security_group, name: own, description: own, vpc_id: "${net.vpc_id}"}
    """, lambda cloud: len([group for group in cloud.client("ec2").describe_security_groups()["SecurityGroups"] if group["GroupName"] == "own"])),
    "secret": ("""
        stack: own
        resources:
          it: {type: aws.secretsmanager.secret, name: own, secret_string: s3cr3t}
    """, lambda cloud: len(cloud.client("secretsmanager").list_secrets()["SecretList"])),
}  # fmt: skip


@pytest.mark.parametrize("name", OWN)
def test_its_own_without_a_record(place, tmp_path, name):
    """`adopt: owned`: what the stack made, and has lost the record of, is taken over by its name."""
    text, count = OWN[name]
    stack = Stack(tmp_path / "stack", place).write(text)
    stack.apply()
    stack.run("state", "rm", "it")
    stack.apply()
    stack.assert_settled()
    assert count(place) == 1
    stack.destroy()
    assert count(place) == 0


def test_its_own_secret_that_waits_for_its_end(place, tmp_path):
    """A secret that the same stack has deleted, and that is still kept, is taken back; one of another stack is not."""
    stack = Stack(tmp_path / "stack", place).write(OWN["secret"][0])
    stack.apply()
    stack.destroy()
    stack.write(OWN["secret"][0].replace("s3cr3t", "another"))
    stack.apply()
    stack.assert_settled()
    assert place.client("secretsmanager").get_secret_value(SecretId="own")["SecretString"] == "another"
    stack.destroy()
    other = Stack(tmp_path / "other", place).write(OWN["secret"][0].replace("stack: own", "stack: other"))
    assert "restore: true" in other.apply(status=1).err


def test_a_secret_that_was_taken_back_by_half(fast_sandbox, tmp_path):
    """Its former tags do not go, and the run ends: the secret bears the marks of who took it back, and the next apply makes it whole."""
    text = """
        stack: {stack}
        resources: {{it: {{type: aws.secretsmanager.secret, name: half, secret_string: {value}, restore: true, tags: {{of: "{stack}"}}}}}}
    """
    former = Stack(tmp_path / "former", fast_sandbox).write(text.format(stack="former", value="one"))
    former.apply()
    former.destroy()
    stack = Stack(tmp_path / "stack", fast_sandbox).write(text.format(stack="present", value="two"))
    Faults(fast_sandbox)("POST", {"rules": [{"service": "secretsmanager", "operation": "UntagResource", "fault": "error", "status": 400, "code": "AccessDeniedException"}]})
    stack.apply(status=1)
    Faults(fast_sandbox)("DELETE")
    stack.apply()
    stack.assert_settled()
    (found,) = fast_sandbox.client("secretsmanager").list_secrets()["SecretList"]
    tags = {tag["Key"]: tag["Value"] for tag in found["Tags"]}
    assert (tags["of"], tags["weir:stack"]) == ("present", "present")
    stack.destroy()


def test_an_upload_that_began_unseen(fast_sandbox, tmp_path):
    """CreateMultipartUpload's answer is lost: what it began is ended, and nothing lies there that nobody knows of; what others began before
    stays. (Of moto every upload was begun in 2010.)"""
    s3 = fast_sandbox.client("s3")
    stack = Stack(tmp_path / "stack", fast_sandbox).write("stack: up\nresources: {lake: {type: aws.s3.bucket, name: up-lake}}\n")
    stack.apply()
    s3.create_multipart_upload(Bucket="up-lake", Key="others.bin")
    stack.write("""
        stack: up
        resources:
          lake: {type: aws.s3.bucket, name: up-lake}
          big: {type: aws.s3.object, bucket: "${lake.name}", key: big.bin, source: big.bin}
    """)
    (stack.folder / "big.bin").write_bytes(b"x" * (40 << 20))
    Faults(fast_sandbox)("POST", {"rules": [{"service": "s3", "operation": "POST /up-lake/big.bin[?]uploads*", "fault": "lost", "times": 2}]})
    stack.apply()
    assert Faults(fast_sandbox)("GET")["lost"] == 2
    assert [upload["Key"] for upload in s3.list_multipart_uploads(Bucket="up-lake")["Uploads"]] == ["others.bin"]
    assert s3.head_object(Bucket="up-lake", Key="big.bin")["ContentLength"] == 40 << 20


@pytest.mark.skipif(not FAKETIME, reason="needs libfaketime, and a program without a sanitizer")
def test_an_upload_that_began_unseen_by_a_wrong_clock(fast_sandbox, tmp_path):
    """When it was begun is told by the store's clock."""
    stack = Stack(tmp_path / "stack", fast_sandbox).write("""
        stack: up
        resources:
          lake: {type: aws.s3.bucket, name: up-ahead}
          big: {type: aws.s3.object, bucket: "${lake.name}", key: big.bin, source: big.bin}
    """)
    (stack.folder / "big.bin").write_bytes(b"x" * (40 << 20))
    Faults(fast_sandbox)("POST", {"rules": [{"service": "s3", "operation": "POST /up-ahead/big.bin[?]uploads*", "fault": "lost", "times": 1}]})
    stack.apply(env={"LD_PRELOAD": str(FAKETIME), "FAKETIME": "+1d"})
    assert Faults(fast_sandbox)("GET")["lost"] == 1
    assert "Uploads" not in fast_sandbox.client("s3").list_multipart_uploads(Bucket="up-ahead")


def test_a_type_that_cannot_be_looked_for(stack, cloud, tmp_path):
    """Never sent again: the intent stays, each plan says so, nothing is made, and a destroy does not say that nothing is left."""
    (tmp_path / "specs").mkdir()
    spec = (ROOT / "provider/aws/specs/kms.yaml").read_text()
    spec = spec.replace("recover: {within: 1m}", "recover: never")
    (tmp_path / "specs" / "kms.yaml").write_text(spec)
    specs = ["--specs", str(tmp_path / "specs")]
    stack.write('stack: unknown\nresources: {it: {type: aws.kms.key, description: it}}\n')
    cloud.fail({"match": "CreateKey", "after": True, "close": True})
    stack.apply(*specs, status=1)
    for _ in range(2):
        assert "and the service cannot tell whether" in stack.run("plan", *specs).err
        assert "weir state rm it" in stack.apply(*specs, status=1).err
    assert "may exist" in stack.run("destroy", "--yes", *specs, status=5).err
    assert len(cloud.client("kms").list_keys()["Keys"]) == 1
    stack.run("state", "rm", "it")
    stack.apply(*specs)
    stack.assert_settled(*specs)


LATE = """
    stack: late
    resources:
      net: {type: aws.ec2.vpc, cidr_block: 10.7.0.0/16}
"""


def held(stack, cloud, operation):
    """An apply that is killed while its request is on the way; it arrives when the faults are taken away."""
    cloud.fail({"match": operation, "hold": True})
    process = stack.start("apply", "--yes")
    until(lambda: any(re.search(operation, call) for call in cloud.requests()), process=process)
    process.kill()
    process.communicate()


def asked(cloud, operation):
    return len([call for call in cloud.requests() if call == operation])


@pytest.mark.parametrize("command", ["apply", "destroy"])
def test_a_request_that_arrives_after_all(stack, cloud, command):
    """What a killed run has sent is carried out seconds later: an apply takes it over, and does not make a second; a destroy deletes it."""
    stack.write(LATE)
    held(stack, cloud, "CreateVpc$")
    before = asked(cloud, "DescribeVpcs")
    process = stack.start(command, "--yes")
    until(lambda: asked(cloud, "DescribeVpcs") > before + 1, process=process)
    cloud.fail()
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert asked(cloud, "CreateVpc") == 1
    mine = [vpc for vpc in cloud.client("ec2").describe_vpcs()["Vpcs"] if vpc["CidrBlock"] == "10.7.0.0/16"]
    assert len(mine) == (command == "apply")
    if command == "apply":
        stack.assert_settled()
        stack.destroy()
