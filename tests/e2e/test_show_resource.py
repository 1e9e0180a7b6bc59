"""weir show ADDRESS: one resource from all sides."""

import json

LAKE = """
stack: explained
resources:
  key: {type: aws.kms.key, description: of the lake}
  lake:
    type: aws.s3.bucket
    for_each: [bronze, gold]
    name: explained-${each.key}
    encryption: {algorithm: "aws:kms", kms_key: "${key.arn}"}
  door: {type: aws.secretsmanager.secret, name: explained/door, secret_string: Swordfish-77-of-the-door, tags: {lake: '${lake["gold"].name}'}}
"""


def test_one_resource_from_all_sides(stack, cloud):
    stack.write(LAKE)
    before = stack.run("show", "door").out
    assert "recorded  nothing: it is not made" in before and "weir apply would create it" in before
    stack.apply()
    door = stack.run("show", "door").out
    assert "weir.yaml:10" in door and "needs     lake" in door and "live      as the file says" in door and "run 1" in door
    assert "Swordfish" not in door and cloud.client("secretsmanager").describe_secret(SecretId="explained/door")["ARN"] in door
    lake = stack.run("show", "lake").out
    assert "needs     key" in lake and "needed by door" in lake and "explained-bronze" in lake and "explained-gold" in lake
    one = stack.run("show", 'lake["gold"]').out
    assert "explained-gold" in one and "explained-bronze" not in one

    cloud.client("s3").put_bucket_versioning(Bucket="explained-gold", VersioningConfiguration={"Status": "Enabled"})
    cloud.client("secretsmanager").tag_resource(SecretId="explained/door", Tags=[{"Key": "lake", "Value": "other"}])
    cloud.forget_requests()
    changed = stack.run("show", "door").out
    assert "differs from the last apply" in changed and '"other"' in changed and "weir apply would update door" in changed
    assert not [request for request in cloud.requests() if "explained-gold" in json.dumps(request)]  # only it is looked at
    events = stack.run("show", "door", "--json").events()
    said = next(event for event in events if event["event"] == "explained")
    assert (said["needs"], said["needed_by"], said["line"]) == (["lake"], [], 10) and [run["action"] for run in said["history"]] == ["create"]
    assert "Swordfish" not in json.dumps(events) and any(event["event"] == "drift" for event in events)

    stack.write(LAKE.split("  door:")[0])
    assert "file      removed from the configuration" in stack.run("show", "door").out
    stack.destroy()


def test_what_is_neither(stack):
    stack.write(LAKE)
    assert 'did you mean "lake"?' in stack.run("show", "lak", status=1).err
    assert "lost.plan" in stack.run("show", "lost.plan", status=1).err
    assert "address of a resource" in stack.run("show", status=3).err


def test_a_key_with_a_dot(local_stack):
    local_stack.write("stack: s\nresources: {file: {type: weir.value, for_each: [a.csv], value: '${each.key}'}}\n").apply()
    assert '{value: "a.csv"}' in local_stack.run("show", 'file["a.csv"]').out


def test_what_only_the_state_has(local_stack):
    local_stack.write("stack: explained\nresources:\n  word: {type: weir.value, value: one}\n").apply()
    assert "recorded  word\n" in local_stack.run("show", "word").out  # and no service knows it
