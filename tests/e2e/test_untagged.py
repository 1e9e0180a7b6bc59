"""
What the state made and what has no ownership tags any more, as a tag cleaner leaves it: it is the stack's while what nobody chooses is as recorded
(an id, a time of creation), somebody else's where that is not, and where nothing tells the plan says so, and one option goes on. The tags are taken
away, and what is there is looked at, with boto3.
"""

import json
import time

import pytest
from support import ACCOUNT, Stack

MARKS = ["weir:stack", "weir:state", "weir:address", "weir:intent", "weir:lease"]
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
MACHINE = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
UNDECIDED = "it has no ownership tags, and nothing else shows that it is still what this stack made"


def arn(service, rest):
    return f"arn:aws:{service}:us-east-1:{ACCOUNT}:{rest}"


def untag_vpc(cloud):
    (vpc,) = cloud.client("ec2").describe_vpcs(Filters=[{"Name": "tag:weir:address", "Values": ["vpc"]}])["Vpcs"]
    cloud.client("ec2").delete_tags(Resources=[vpc["VpcId"]], Tags=[{"Key": key} for key in MARKS])


def untag_queue(cloud):
    sqs = cloud.client("sqs")
    sqs.untag_queue(QueueUrl=sqs.get_queue_url(QueueName="lab-it")["QueueUrl"], TagKeys=MARKS)


def delete_queue(cloud):
    sqs = cloud.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="lab-it")["QueueUrl"])


def untag_ecr(cloud):
    cloud.client("ecr").untag_resource(resourceArn=arn("ecr", "repository/lab-it"), tagKeys=MARKS)


# by what it is known: its attributes in the stack, how it loses its tags, how somebody else makes another one of the name; None: no other has its id
DECIDED = {
    "aws.ec2.vpc": ("cidr_block: 10.0.0.0/16", untag_vpc, None),
    "aws.iam.role": (
        "name: lab-it, assume_role_policy: '${trust(\"states.amazonaws.com\")}'",
        lambda cloud: cloud.client("iam").untag_role(RoleName="lab-it", TagKeys=MARKS),
        lambda cloud: (cloud.client("iam").delete_role(RoleName="lab-it"), cloud.client("iam").create_role(RoleName="lab-it", AssumeRolePolicyDocument=TRUST)),
    ),
    "aws.rds.instance": (
        "name: lab-it, engine: postgres, instance_class: db.t4g.micro, allocated_storage: 20, master_username: weir, master_user_password: long-enough, skip_final_snapshot: true",
        lambda cloud: cloud.client("rds").remove_tags_from_resource(ResourceName=arn("rds", "db:lab-it"), TagKeys=MARKS),
        None,
    ),
    "aws.logs.log_group": (
        "name: lab-it",
        lambda cloud: cloud.client("logs").untag_resource(resourceArn=arn("logs", "log-group:lab-it"), tagKeys=MARKS),
        lambda cloud: (cloud.client("logs").delete_log_group(logGroupName="lab-it"), cloud.client("logs").create_log_group(logGroupName="lab-it")),
    ),
    "aws.ecr.repository": (
        "name: lab-it",
        untag_ecr,
        lambda cloud: (cloud.client("ecr").delete_repository(repositoryName="lab-it"), cloud.client("ecr").create_repository(repositoryName="lab-it")),
    ),
    "aws.sqs.queue": ("name: lab-it", untag_queue, lambda cloud: (delete_queue(cloud), cloud.client("sqs").create_queue(QueueName="lab-it"))),
    "aws.dynamodb.table": (
        "name: lab-it, billing_mode: PAY_PER_REQUEST, attribute_definitions: {id: S}, key_schema: [{attribute_name: id, key_type: HASH}]",
        lambda cloud: cloud.client("dynamodb").untag_resource(ResourceArn=arn("dynamodb", "table/lab-it"), TagKeys=MARKS),
        None,
    ),
}
NOTHING_TELLS = {
    "aws.sns.topic": ("name: lab-it", lambda cloud: cloud.client("sns").untag_resource(ResourceArn=arn("sns", "lab-it"), TagKeys=MARKS)),
    "aws.ssm.parameter": (
        "name: lab-it, parameter_type: String, value: x",
        lambda cloud: cloud.client("ssm").remove_tags_from_resource(ResourceType="Parameter", ResourceId="lab-it", TagKeys=MARKS),
    ),
    "aws.cloudwatch.alarm": (
        "name: lab-it, namespace: a, metric_name: b, statistic: Sum, period: 60, evaluation_periods: 1, threshold: 1, comparison_operator: GreaterThanThreshold",
        lambda cloud: cloud.client("cloudwatch").untag_resource(ResourceARN=arn("cloudwatch", "alarm:lab-it"), TagKeys=MARKS),
    ),
}


def address(type_):
    return type_.rsplit(".", 1)[1]


def made(lost, *types):
    """One of each, made by one run: what was made just now is waited for, by every command."""
    known = {**DECIDED, **NOTHING_TELLS}
    lines = [f"  {address(type_)}: {{type: {type_}, {known[type_][0]}}}\n" for type_ in types]
    lost.write("stack: lab\nresources:\n" + "".join(lines)).apply()
    return sorted(map(address, types))


def stops(result):
    return sorted((event["address"], event["message"], event.get("lifts")) for event in result.events() if event["event"] == "data_loss" and event.get("stops"))


@pytest.fixture
def lost(tmp_path, place):
    stack = Stack(tmp_path / "stack", place)
    stack.env["WEIR_CLOCK_SPEED"] = "20"  # of waiting for tags of what was made just now
    return stack


@pytest.mark.parametrize("how", ["destroy", "apply"])
def test_what_is_as_recorded_is_ours(lost, how):
    made(lost, *DECIDED)
    for _, untag, _ in DECIDED.values():
        untag(lost)
    if how == "apply":
        lost.write("stack: lab\n")
    assert stops(lost.run("plan", "--json", *(["--destroy"] if how == "destroy" else []))) == []
    lost.run(how, "--yes")
    assert lost.run("state", "list").out == ""
    if how == "destroy":
        assert "Nothing is left" in lost.destroy("--verify").out


def test_another_one_of_the_name_is_not(lost):
    """Whatever option is given: it is not what the stack made."""
    types = [type_ for type_ in DECIDED if DECIDED[type_][2]]
    addresses = made(lost, *types)
    for type_ in types:
        DECIDED[type_][1](lost)  # moto remembers the tags of what had the name
    time.sleep(2.1)  # services tell times of creation in seconds
    for type_ in types:
        DECIDED[type_][2](lost)
    said = stops(lost.run("plan", "--destroy", "--json"))
    assert [one[0] for one in said] == addresses
    assert all("somebody recreated it" in one[1] and one[2] is None for one in said), said
    for words in ((), ("--delete-adopted", "--lab")):
        refused = lost.destroy(*words, status=3)
        assert refused.err.count("somebody recreated it") == len(addresses), str(refused)
        assert all(f"`weir state rm '{one}'` forgets it" in refused.err for one in addresses), str(refused)
    assert lost.run("state", "list").out.split() == addresses


OTHERS = {"weir:stack": "others", "weir:state": "0" * 32}
PAIRS = [{"Key": key, "Value": value} for key, value in OTHERS.items()]
TAGS_OF_OTHERS = {
    "aws.iam.role": lambda cloud: cloud.client("iam").tag_role(RoleName="lab-it", Tags=PAIRS),
    "aws.logs.log_group": lambda cloud: cloud.client("logs").tag_resource(resourceArn=arn("logs", "log-group:lab-it"), tags=OTHERS),
    "aws.sns.topic": lambda cloud: cloud.client("sns").tag_resource(ResourceArn=arn("sns", "lab-it"), Tags=PAIRS),
}


def test_tags_of_another_stack_forbid(lost):
    """Though it is the very thing that the stack made, and whatever option is given."""
    addresses = made(lost, *TAGS_OF_OTHERS)
    for tag in TAGS_OF_OTHERS.values():
        tag(lost)
    said = 'it has the ownership tags of the stack "others"'
    assert stops(lost.run("plan", "--destroy", "--json", "--delete-adopted")) == [(one, said, None) for one in addresses]
    refused = lost.destroy("--delete-adopted", "--lab", status=3)
    assert all(f"{one} ({said})" in refused.err for one in addresses) and "nothing was changed" in refused.err, str(refused)
    assert lost.run("state", "list").out.split() == addresses


@pytest.mark.parametrize("how", ["destroy", "apply"])
def test_where_nothing_tells_one_option_goes_on(lost, how):
    addresses = made(lost, *NOTHING_TELLS)
    for _, untag in NOTHING_TELLS.values():
        untag(lost)
    if how == "apply":
        lost.write("stack: lab\n")
    words = ["--destroy"] if how == "destroy" else []
    assert stops(lost.run("plan", "--json", *words)) == [(one, UNDECIDED, "delete_adopted") for one in addresses]
    planned, refused = lost.run("plan", *words).out, lost.run(how, "--yes", status=3)
    for one in addresses:
        assert f"{UNDECIDED} (to allow it: --delete-adopted, or `weir state rm '{one}'` forgets it)" in planned
        assert f"{one} ({UNDECIDED})" in refused.err, str(refused)
    assert "nothing was changed" in refused.err and "--delete-adopted" in refused.err, str(refused)
    assert lost.run("state", "list").out.split() == addresses
    assert lost.run(how, "--yes", "--delete-adopted").out.count(f"{UNDECIDED} (--delete-adopted)") == len(addresses)
    assert lost.run("state", "list").out == ""


ROLE = "stack: lab\nresources:\n  it: {type: aws.iam.role, name: lab-it, assume_role_policy: '${trust(\"states.amazonaws.com\")}', description: one}\n"


def test_what_is_as_recorded_is_changed(lost):
    lost.write(ROLE).apply()
    DECIDED["aws.iam.role"][1](lost)
    lost.write(ROLE.replace("one", "two")).apply()
    assert lost.client("iam").get_role(RoleName="lab-it")["Role"]["Description"] == "two"
    lost.assert_settled()
    DECIDED["aws.iam.role"][2](lost)
    refused = lost.apply(status=1)
    assert "it has no ownership tags, and its unique_id is not the recorded one" in refused.err and "so it is not changed" in refused.err, str(refused)


def test_saved_plan_keeps_what_was_agreed(lost):
    """What `show` prints is what `apply` does: the option is in the file, and cannot be added to it."""
    made(lost, "aws.sns.topic")
    NOTHING_TELLS["aws.sns.topic"][1](lost)
    lost.run("plan", "--destroy", "-o", "no.plan")
    assert f"! topic  {UNDECIDED} (to allow it: --delete-adopted" in lost.run("show", "no.plan").out
    assert "nothing was changed" in lost.run("apply", "no.plan", status=3).err
    assert "a saved plan is applied as it is" in lost.run("apply", "no.plan", "--delete-adopted", status=3).err
    lost.run("plan", "--destroy", "--delete-adopted", "-o", "yes.plan")
    assert f"! topic  {UNDECIDED} (--delete-adopted)" in lost.run("show", "yes.plan").out
    lost.run("apply", "yes.plan")
    assert lost.client("sns").list_topics()["Topics"] == []


FLEET = """
    stack: lab
    inputs: {owner: {type: string}}
    fleet:
      each: {file: attendees.csv, key: mail_id}
      inputs: {owner: "${each.key}"}
    resources:
      topic: {type: aws.sns.topic, name: "${inputs.owner}-alarms"}
      logs: {type: aws.logs.log_group, name: "${inputs.owner}-logs"}
"""


def untag_member(lost, member):
    lost.client("sns").untag_resource(ResourceArn=arn("sns", f"{member}-alarms"), TagKeys=MARKS)
    lost.client("logs").untag_resource(resourceArn=arn("logs", f"log-group:{member}-logs"), tagKeys=MARKS)


def members_there(lost):
    topics = {topic["TopicArn"].rsplit(":", 1)[1].removesuffix("-alarms") for topic in lost.client("sns").list_topics()["Topics"]}
    groups = {group["logGroupName"].removesuffix("-logs") for group in lost.client("logs").describe_log_groups()["logGroups"]}
    assert topics == groups
    return topics


@pytest.mark.parametrize("how", ["apply", "destroy"])
def test_a_fleet_goes_on_with_the_others(lost, how):
    lost.write(FLEET).write("mail_id\nanna\nbob\n", "attendees.csv")
    lost.run("fleet", "apply", "--yes")
    untag_member(lost, "anna")
    if how == "apply":
        lost.write("mail_id\n", "attendees.csv")
    refused = lost.run("fleet", how, "--yes", status=3)
    assert f"topic ({UNDECIDED}); nothing was changed" in refused.err and "anna" in refused.err, str(refused)
    assert members_there(lost) == {"anna"}
    done = lost.run("fleet", how, "--yes", "--delete-adopted")
    assert f"{UNDECIDED} (--delete-adopted)" in done.out, str(done)
    assert members_there(lost) == set()


def test_reap_goes_on_with_the_others(lost):
    for name in "anna", "bob":
        lost.write(FLEET.replace("stack: lab", f"stack: {name}").replace("    fleet:\n      each: {file: attendees.csv, key: mail_id}\n      inputs: {owner: \"${each.key}\"}\n", ""), f"{name}.yaml")
        lost.run("apply", "-y", "-C", f"{name}.yaml", "-i", f"owner={name}", "--for", "8h")
        lost.run("lease", "end", "-C", f"{name}.yaml", "-i", f"owner={name}")
    untag_member(lost, "anna")
    refused = lost.run("reap", "--yes", status=3)
    assert UNDECIDED in refused.err and members_there(lost) == {"anna"}, str(refused)
    lost.run("reap", "--yes", "--delete-adopted")
    assert members_there(lost) == set()
