"""A resource under a new address without `moved:`: it means the same thing, and the old one would take it away when it goes."""

import json
import sys

import pytest
from support import ROOT

sys.path.append(str(ROOT / "tests/tools"))
from statelog import rewrite  # noqa: E402

TYPES = {
    "aws.iam.role": "name: ren, assume_role_policy: '${trust(\"lambda.amazonaws.com\")}'",  # exists, is one's own, and so was taken over
    "aws.events.rule": "name: ren, schedule_expression: rate(1 day)",  # put, whether it exists or not
    "aws.sqs.queue": "name: ren",  # made again is the same; its id is not known before
    "aws.sns.topic": "name: ren",
}


def stack_of(kind, attributes, address="a", more=""):
    return f"stack: ren\nresources:\n  {address}: {{type: {kind}, {attributes}}}\n{more}"


@pytest.mark.parametrize("kind", TYPES)
def test_is_refused(cloud, stack, kind):
    stack.write(stack_of(kind, TYPES[kind])).apply()
    before = stack.run("state", "list").out
    stack.write(stack_of(kind, TYPES[kind], "b"))
    for args in ((), ("--target", "b"), ("--no-refresh",)):
        refused = stack.apply(*args, status=3)
        assert f"b would be the same {kind} as a, which was removed from the configuration" in refused.err and "`moved: [{from: a, to: b}]` takes it along" in refused.err, str(refused)
    assert stack.run("state", "list").out == before
    stack.write(stack_of(kind, TYPES[kind], "b", "moved: [{from: a, to: b}]\n")).apply()
    stack.assert_settled()
    stack.write(stack_of(kind, TYPES[kind], "c", "removed: [{address: b, destroy: false}]\n")).apply()  # nothing goes
    stack.assert_settled()
    stack.destroy("--delete-adopted")


def test_instances_are_quoted(cloud, stack):
    text = "name: ren, for_each: [{}]"
    stack.write(stack_of("aws.sns.topic", text.format("x"))).apply()
    stack.write(stack_of("aws.sns.topic", text.format("y")))
    refused = stack.run("plan", status=3)
    hint = """moved: [{from: 'a["x"]', to: 'a["y"]'}]"""
    assert hint in refused.err, str(refused)
    stack.write(stack_of("aws.sns.topic", text.format("y"), more=hint + "\n")).apply()
    stack.assert_settled()


def test_one_becomes_one_of_many(cloud, stack):
    stack.write(stack_of("aws.sns.topic", "name: ren")).apply()
    many = "name: 'ren${{each.value}}', for_each: {{x: '', y: '-y'}}{}"
    stack.write(stack_of("aws.sns.topic", many.format("")))
    refused = stack.run("plan", status=3)
    hint = """moved: [{from: a, to: 'a["x"]'}]"""
    assert hint in refused.err, str(refused)
    stack.write(stack_of("aws.sns.topic", many.format(", lifecycle: {prevent_destroy: true}"), more=hint + "\n")).apply()
    stack.assert_settled()
    stack.write("stack: ren\nresources: {}\n")
    refused = stack.run("plan", status=3)
    hints = [f"""removed: [{{address: 'a["{key}"]', destroy: false}}]""" for key in "xy"]
    assert all(hint in refused.err for hint in hints), str(refused)


def test_already_done(cloud, stack):
    """By a weir that did not look: both addresses are recorded."""
    stack.write(stack_of("aws.sns.topic", "name: ren", more="  b: {type: aws.sns.topic, name: other}\n")).apply()
    rewrite(stack.log(), lambda record: json.loads(json.dumps(record).replace("other", "ren")))
    stack.write(stack_of("aws.sns.topic", "name: ren", more="  b: {type: aws.sns.topic, name: ren}\n"))
    assert "a and b would be the same aws.sns.topic: arn:aws:sns:us-east-1:123456789012:ren" in stack.run("plan", status=3).err
    stack.write(stack_of("aws.sns.topic", "name: ren", "b"))
    refused = stack.run("plan", status=3)
    assert "b would be the same aws.sns.topic as a" in refused.err and "`weir state rm` of the latter forgets it" in refused.err, str(refused)
    stack.run("state", "rm", "a")
    stack.assert_settled()


def test_a_type_that_no_longer_exists(cloud, stack):
    """Of a folder of specs that is gone: it can be forgotten, and is neither read nor deleted."""
    stack.write(stack_of("aws.sns.topic", "name: ren", more="  b: {type: aws.sns.topic, name: other}\n")).apply()
    rewrite(stack.log(), lambda record: record | {"type": "aws.sns.tropic"} if record.get("address") == "a" and "type" in record else record)
    stack.write(stack_of("aws.sns.topic", "name: other", "b"))
    for command in ("plan", "destroy"):
        refused = stack.run(command, status=3)
        assert 'a in the state: no resource type is called "aws.sns.tropic"' in refused.err and "`weir state rm a` forgets it" in refused.err, str(refused)
    stack.write(stack_of("aws.sns.topic", "name: other", "b", "removed: [{address: a, destroy: false}]\n"))
    assert stack.plan() == {"a": "forget"}
    stack.apply()
    stack.assert_settled()


def test_one_or_the_other(cloud, stack):
    """What `when` leaves out is still in the stack: `moved:` cannot name it."""
    stack.write("""
        stack: ren
        inputs: {loud: false}
        resources:
          quiet: {type: aws.sns.topic, name: ren, when: "${!inputs.loud}"}
          loud: {type: aws.sns.topic, name: ren, display_name: LOUD, when: "${inputs.loud}"}
    """).apply()
    refused = stack.apply("-i", "loud=true", status=3)
    assert "loud would be the same aws.sns.topic as quiet" in refused.err and "make them one resource, or apply once without either" in refused.err, str(refused)
    stack.assert_settled()


ALIASES = """
stack: ren
resources:
  lake: {type: aws.s3.bucket, name: ren-lake}
  code: {type: weir.artifact, source: main.py, package: zip, store: "${lake.name}"}
  role: {type: aws.iam.role, name: ren, assume_role_policy: '${trust("lambda.amazonaws.com")}'}
  function:
    type: aws.lambda.function
    for_each: [one, two]
    name: ren-${each.key}
    role: ${role.arn}
    runtime: python3.13
    handler: main.handler
    publish: true
    code: {s3_bucket: "${code.bucket}", s3_key: "${code.key}"}
"""


def test_another_of_the_same_name_elsewhere(cloud, stack):
    """Names that are unique within something else only."""
    alias = "  {}: {{type: aws.lambda.alias, name: live, function: '${{function[\"{}\"].name}}', function_version: '1'}}\n"
    stack.write("x = 1\n", "main.py").write(ALIASES + alias.format("first", "one")).apply()
    stack.write(ALIASES + alias.format("second", "two"))
    assert stack.plan() == {"first": "delete", "second": "create"}
    stack.apply()
    stack.assert_settled()
    stack.write(ALIASES + alias.format("third", "two"))
    assert "third would be the same aws.lambda.alias as second" in stack.run("plan", status=3).err
    stack.destroy()


def test_made_anew_under_another_name(cloud, stack):
    stack.write(stack_of("aws.sns.topic", "name: ren")).apply()
    stack.write(stack_of("aws.sns.topic", "name: other", "b"))
    assert stack.plan() == {"a": "delete", "b": "create"}
    stack.apply()
    stack.assert_settled()
    stack.destroy()
