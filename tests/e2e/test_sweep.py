"""weir sweep, and weir reap --by-tags: what has weir's ownership tags and belongs to no state. What there is is counted with boto3."""

import json
import shutil

import pytest
from support import Stack
from test_reap import ended, lab, there


@pytest.fixture
def folder(tmp_path, place):
    stack = Stack(tmp_path / "stack", place)
    stack.state = ""
    return stack


def make(folder, name, *args):
    """In a folder of its own."""
    own = Stack(folder.folder / name)
    own.env = folder.env
    own.write(lab(name) + f"""      role: {{type: aws.iam.role, name: {name}-role, assume_role_policy: '${{trust("glue.amazonaws.com")}}'}}
""")
    own.apply(*args)
    return own


def roles(folder):
    return sorted(role["RoleName"] for role in folder.client("iam").list_roles()["Roles"] if role["RoleName"].endswith("-role"))


# The sandbox sees the same, and sooner.
LONG_FORM = {"test_what_lost_its_state[moto]"}


@pytest.mark.full
def test_what_lost_its_state(folder):
    lost = make(folder, "lost")
    make(folder, "other")
    known = make(folder, "known")
    listed = {event["stack"]: event for event in known.run("sweep", "--json").events() if event["event"] == "stray"}
    shown = known.run("sweep", "--full")
    assert sorted(listed) == ["lost", "other"], str(shown)
    assert listed["lost"]["things"] == 5, str(shown)
    assert listed["lost"]["things"] == 5 and 0 <= listed["lost"]["age_ms"] < 600_000
    assert [event["stack"] for event in known.run("sweep", "--json", "--also", "../other", "--also", '{"backend": "file"}').events()] == ["lost"]
    assert "there is no folder" in known.run("sweep", "--also", "../nowhere", status=3).err
    shutil.rmtree(lost.folder / ".weir")
    adopted = lost.run("sweep", "--adopt", "lost")
    assert "5 resources of lost" in adopted.err, str(adopted)
    assert set(lost.plan().values()) <= {"update"}
    lost.apply()
    lost.assert_settled()
    assert [event["stack"] for event in lost.run("sweep", "--json").events() if event["event"] == "stray"] == ["known", "other"]

    assert "1 of 1 stack" in known.run("sweep", "--take-down", "other", "--take-down", "other", "--dry-run").out and "other" in there(folder)
    known.run("sweep", "--take-down", "other", "--yes")
    assert there(folder) == ["known", "lost"] and roles(folder) == ["known-role", "lost-role"]
    assert 'there is no stack "other" without a state' in known.run("sweep", "--take-down", "other", status=3).err


def test_in_a_sandbox(local_stack):
    """Its states lie within it: what is there is known, and goes when it is due."""
    local_stack.write("stack: lab\nresources: {it: {type: aws.sqs.queue, name: lab-queue}}\n")
    local_stack.run("apply", "-y", "--for", "8h", "--sandbox")
    assert "Nothing with weir's ownership tags" in local_stack.run("sweep", "--sandbox").out
    local_stack.run("lease", "end", "--sandbox")
    assert "Nothing is left of 1 stack" in local_stack.run("reap", "--yes", "--sandbox").out
    assert local_stack.run("state", "list", "--sandbox").out == ""


@pytest.mark.long
def test_reap_by_marks(folder):
    for name in ("over", "running", "unleased"):
        own = make(folder, name, *({"over": ["--for", "1s"], "running": ["--for", "8h"]}.get(name, [])))
        if name == "over":
            vpc = json.loads(own.run("state", "show", "network", "--json").out)["id"]
            ended(own)
        shutil.rmtree(own.folder)
    folder.client("ec2").create_subnet(VpcId=vpc, CidrBlock="10.0.9.0/24")  # nobody's: what is around it cannot go
    scheduler = Stack(folder.folder / "scheduler")
    scheduler.env = folder.env
    assert "nothing is due" in scheduler.run("reap", "--yes").out and "over" in there(folder)
    shown = scheduler.run("reap", "--by-tags", "--dry-run")
    assert "3 stacks without a state, 1 due" in shown.err and "over" in there(folder), str(shown)
    folder.client("ec2").delete_subnet(SubnetId=folder.client("ec2").describe_subnets(Filters=[{"Name": "cidr-block", "Values": ["10.0.9.0/24"]}])["Subnets"][0]["SubnetId"])
    scheduler.run("reap", "--by-tags", "--yes")
    assert there(folder) == ["running", "unleased"] and roles(folder) == ["running-role", "unleased-role"]


@pytest.mark.long
def test_what_two_stacks_share_stays(folder):
    over = make(folder, "over", "--for", "1s")
    network = json.loads(over.run("state", "show", "network", "--json").out)["id"]
    guest = Stack(folder.folder / "guest")
    guest.env = folder.env
    guest.write(f"stack: guest\nimports: [{{address: lake, id: over-lake}}]\nresources: {{lake: {{type: aws.s3.bucket, name: over-lake}}, half: {{type: aws.ec2.subnet, vpc_id: {network}, cidr_block: 10.0.2.0/24}}}}\n")
    guest.apply("--for", "8h")
    folder.client("s3").put_object(Bucket="over-lake", Key="of/guest", Body=b"still wanted")
    ended(over)
    shutil.rmtree(over.folder)
    reaped = guest.run("reap", "--by-tags", "--yes", status=5)  # what stays is still there, and that is said
    assert "over-lake stays: guest uses it" in reaped.err and f"{network} stays: guest uses it" in reaped.err, str(reaped)
    assert folder.client("s3").get_object(Bucket="over-lake", Key="of/guest")["Body"].read() == b"still wanted"
    assert folder.client("ec2").describe_vpcs(VpcIds=[network])["Vpcs"] and roles(folder) == []

    state = guest.folder / ".weir" / "guest.log"
    state.write_text(state.read_text().replace("over-lake", "over-lakf", 1))
    assert "cannot be read" in guest.run("reap", "--by-tags", "--yes", status=None).err


@pytest.mark.long
def test_what_two_stacks_without_a_state_share_stays(folder):
    """Nothing but the marks tells of either: what the one that is not due refers to stays, the rest of the other goes."""
    over = make(folder, "over", "--for", "1s")
    network, role = (json.loads(over.run("state", "show", name, "--json").out) for name in ("network", "role"))
    guest = Stack(folder.folder / "guest")
    guest.env = folder.env
    guest.write(f"""
        stack: guest
        resources:
          half: {{type: aws.ec2.subnet, vpc_id: {network["id"]}, cidr_block: 10.0.2.0/24}}
          job: {{type: aws.glue.job, name: guest-job, role: "{role["attrs"]["arn"]}", command: {{name: glueetl, script_location: "s3://nobody/x.py"}}}}
    """)
    guest.apply("--for", "8h")
    ended(over)
    shutil.rmtree(over.folder)
    shutil.rmtree(guest.folder)
    scheduler = Stack(folder.folder / "scheduler")
    scheduler.env = folder.env
    reaped = scheduler.run("reap", "--by-tags", "--yes", status=5)
    assert f"{network['id']} stays: guest uses it" in reaped.err and "over-role stays: guest uses it" in reaped.err, str(reaped)
    assert folder.client("ec2").describe_vpcs(VpcIds=[network["id"]])["Vpcs"] and roles(folder) == ["over-role"]
    subnets = folder.client("ec2").describe_subnets(Filters=[{"Name": "vpc-id", "Values": [network["id"]]}])["Subnets"]
    assert [subnet["CidrBlock"] for subnet in subnets] == ["10.0.2.0/24"] and folder.client("glue").get_job(JobName="guest-job")
    assert not [bucket for bucket in folder.client("s3").list_buckets()["Buckets"] if bucket["Name"] == "over-lake"]
