"""A saved plan and what others did since: it is refused where that meets it, and carried out beside it where not."""

import itertools
import json

import pytest

STACK = """
    stack: beside
    inputs: {base: b, left: l, right: r, other: o}
    resources:
      base: {type: weir.value, value: "${inputs.base}"}
      left: {type: weir.value, value: "${inputs.left} on ${base.value}"}
      right: {type: weir.value, value: "${inputs.right} on ${base.value}"}
      other: {type: weir.value, value: "${inputs.other}"}
      many: {type: weir.value, for_each: [x, y], value: "${each.key}"}
      sum: {type: weir.value, value: "${join(\\" \\", keys(many))}"}
    outputs: {left: "${left.value}", other: "${other.value}"}
"""


def values(stack):
    return {address: stack.run("state", "show", address, "--json").out for address in stack.addresses()}


def value(stack, address):
    return json.loads(stack.run("state", "show", address, "--json").out)["attrs"]["value"]


@pytest.fixture
def stack(local_stack):
    local_stack.write(STACK).apply()
    return local_stack


def planned(stack, *options):
    stack.run("plan", "-o", "it.plan", *options)


def applied(stack):
    return stack.run("apply", "it.plan").out


def refused(stack):
    before = values(stack)
    told = stack.run("apply", "it.plan", status=1).err
    assert values(stack) == before
    return told


def test_what_others_changed_beside_it_stays(stack):
    planned(stack, "-i", "left=L")
    stack.apply("-i", "other=O", "--target", "other")
    assert "1 updated" in applied(stack)
    assert (value(stack, "left"), value(stack, "other")) == ("L on b", "O")
    assert stack.outputs() == {"left": "L on b", "other": "O"}
    stack.assert_settled("-i", "left=L", "-i", "other=O")


def test_two_plans_of_parts_are_applied_in_either_order(stack):
    for first, second in itertools.permutations(["left", "right"]):
        inputs = [f"{name}={name[0].upper()}{first}" for name in (first, second)]
        for name, given in zip((first, second), inputs):
            stack.run("plan", "-o", f"{name}.plan", "--target", name, "-i", given)
        stack.run("apply", f"{second}.plan")
        stack.run("apply", f"{first}.plan")
        stack.assert_settled("-i", inputs[0], "-i", inputs[1])


def test_what_it_refers_to_counts(stack):
    planned(stack, "-i", "left=L")
    stack.apply("-i", "base=B", "--target", "base")
    assert "base, which this plan refers to, was changed since the plan was made" in refused(stack)
    stack.apply("-i", "base=B")
    planned(stack, "-i", "base=B", "-i", "left=L")
    stack.apply("-i", "base=B", "-i", "right=R")
    assert "1 updated" in applied(stack)  # another that refers to the same does not


def test_what_it_changes_counts(stack):
    planned(stack, "-i", "left=L")
    stack.apply("-i", "left=M")
    assert "left, which this plan changes, was changed since the plan was made" in refused(stack)
    planned(stack, "-i", "left=L")
    stack.run("state", "rm", "left")
    assert "left, which this plan changes, was removed from the state" in refused(stack)
    planned(stack)  # creates it
    stack.apply()
    assert "left, which this plan changes, was added to the state" in refused(stack)


def test_once_only(stack):
    for options in [("-i", "left=L"), ("--replace", "other", "-i", "left=L"), ("--destroy", "--target", "sum"), ("--destroy",)]:
        planned(stack, *options)
        applied(stack)
        assert "which this plan changes, was" in refused(stack)
        stack.apply("-i", "left=L")


def test_instances_of_what_it_refers_to_count(local_stack):
    body = STACK.replace("[x, y]", '"${inputs.keys}"').replace("inputs: {", "inputs: {keys: [x, y], n: 1, ").replace(
        '${join(', "${inputs.n} ${join(")
    local_stack.write(body).apply()
    planned(local_stack, "-i", "n=2")
    local_stack.apply("-i", "keys=[x, y, z]", "--target", "many")
    assert 'many["z"], which this plan refers to, was added to the state' in refused(local_stack)


def test_what_others_removed_is_not_made_again(stack):
    planned(stack, "-i", "left=L")
    stack.run("state", "rm", "other")
    assert "1 updated" in applied(stack)
    assert "other" not in stack.addresses() and value(stack, "left") == "L on b"


def test_what_others_moved_away_or_made_stays(stack):
    planned(stack, "-i", "left=L")
    stack.run("state", "mv", 'many["y"]', "elsewhere")
    assert "1 updated" in applied(stack)
    assert "elsewhere" in stack.addresses() and 'many["y"]' not in stack.addresses()


def test_new_dependents_of_what_it_deletes_count(local_stack):
    body = STACK + "      late: {type: weir.value, when: '${inputs.late}', value: \"${other.value}\"}\n"
    body = STACK.replace("inputs: {", "inputs: {late: false, ").replace(
        "    outputs:", "      late: {type: weir.value, when: '${inputs.late}', value: \"${other.value}\"}\n    outputs:")
    local_stack.write(body).apply()
    planned(local_stack, "--destroy", "--target", "other")
    local_stack.apply("-i", "late=true")
    assert "late, which refers to what this plan deletes, was added to the state" in refused(local_stack)


def test_a_whole_stacks_destruction_is_about_all_of_it(stack):
    planned(stack, "--destroy")
    stack.apply("-i", "other=O")
    assert "other, which this plan changes, was changed" in refused(stack)
    planned(stack, "--destroy", "--target", "left")
    stack.apply("-i", "other=P")
    assert "1 deleted" in applied(stack)


def test_a_state_that_was_put_back(stack):
    log = stack.folder / ".weir/beside.log"
    head = log.with_suffix(".head")
    then = log.read_bytes(), head.read_bytes()
    stack.apply("-i", "other=O")
    planned(stack, "-i", "left=L")
    log.write_bytes(then[0])
    head.write_bytes(then[1])
    assert "the state was put back to an earlier one" in refused(stack)


LIVE = """
    stack: beside
    inputs: {n: 1}
    resources:
      topic: {type: aws.sns.topic, name: beside, display_name: "v${inputs.n}"}
      queue: {type: aws.sqs.queue, name: beside, visibility_timeout: 40}
      role: {type: aws.iam.role, name: beside, assume_role_policy: '${trust("glue.amazonaws.com")}', description: one}
"""


def test_what_was_seen_of_what_others_changed_does_not_count(stack_and_cloud):
    """The queue had drifted when the plan was made, which changes the topic alone; it has been put right since."""
    stack, cloud = stack_and_cloud
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName="beside")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "50"})
    planned(stack, "-i", "n=2", "--target", "topic")
    stack.apply("--target", "queue")
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"] == {"VisibilityTimeout": "40"}
    cloud.forget_requests()
    assert "1 updated" in applied(stack)
    assert not [label for label in cloud.requests() if "SetQueueAttributes" in label or "UpdateRole" in label]
    arn = cloud.client("sns").list_topics()["Topics"][0]["TopicArn"]
    assert cloud.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "v2"
    stack.assert_settled("-i", "n=2")


@pytest.fixture
def stack_and_cloud(cloud, tmp_path):
    from support import Stack

    return Stack(tmp_path, cloud).write(LIVE).apply() and Stack(tmp_path, cloud), cloud
