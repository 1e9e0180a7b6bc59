"""Files that are kept with a run, and secrets that are not; a state that moves to a bucket."""

import json

import pytest

STACK = """
    stack: past
    inputs: {n: {type: integer, default: 1}}
    resources:
      a: {type: weir.value, value: "${inputs.n}"}
      b: {type: weir.value, value: "${a.value}"}
"""
OTHER = """
    stack: past
    inputs: {n: {type: integer, default: 1}}
    resources:
      a: {type: weir.value, value: other}
      c: {type: weir.value, value: 3}
"""


@pytest.fixture
def past(local_stack):
    """Run 1 makes a and b, run 2 changes them, run 3 takes b away and makes c."""
    local_stack.write(STACK).apply()
    local_stack.apply("-i", "n=2")
    local_stack.write(OTHER).apply()
    return local_stack


def runs(stack):
    return stack.run("history", "--json").events()


def test_going_back_with_files(local_stack):
    """What is included is kept with it, even when it is not there any more."""
    local_stack.write("stack: past\ninclude: [more.yaml]\n").write("resources: {a: {type: weir.value, value: 1}}\n", "more.yaml").apply()
    (local_stack.folder / "more.yaml").unlink()
    local_stack.write("stack: past\nresources: {b: {type: weir.value, value: 1}}\n").apply()
    local_stack.apply("--to", "1")
    assert local_stack.addresses() == ["a"]


@pytest.mark.parametrize("key", [None, "a passphrase of some length"])
def test_literal_secrets_are_not_kept_in_clear(local_stack, key):
    local_stack.write("""
        stack: past
        inputs: {password: {type: string, sensitive: true, default: sword-fish-7}}
        resources: {a: {type: weir.value, value: "${inputs.password}"}}
    """)
    if key:
        local_stack.env["WEIR_STATE_KEY"] = key
    local_stack.apply()
    assert "sword-fish-7" not in local_stack.state_text()
    local_stack.run("plan", "--to", "1", status=0 if key else 1)


def test_migrate(past, cloud):
    cloud.client("s3").create_bucket(Bucket="weir-state")
    past.env |= {"AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": cloud.url}
    place = {"backend": "s3", "bucket": "weir-state"}
    assert "s3://weir-state/past/" in past.run("state", "migrate", json.dumps(place)).err
    refused = past.apply(status=1)
    assert "was moved to s3://weir-state/past/" in refused.err  # the old place is closed
    past.run("state", "migrate", json.dumps(place), status=1)
    past.write(OTHER + f"    state: {json.dumps(place)}\n")
    past.assert_settled()
    assert past.addresses() == ["a", "c"] and len(runs(past)) == 3
    past.write(OTHER.replace("value: 3", "value: 4") + f"    state: {json.dumps(place)}\n").apply()
    assert len(runs(past)) == 4
    assert all(event["ok"] or event.get("warning") for event in past.run("state", "doctor", "--json").events())


@pytest.mark.full
@pytest.mark.parametrize("place", ["{backend: file, encrypt: records}", "{backend: s3, bucket: weir-state, encrypt: records}"])
def test_records_sealed_as_a_whole(stack, cloud, place):
    cloud.client("s3").create_bucket(Bucket="weir-state")
    stack.env["WEIR_STATE_KEY"] = "a passphrase of some length"
    stack.write(STACK + f"    state: {place}\n").apply()
    stack.apply("-i", "n=2")
    stack.assert_settled("-i", "n=2")
    assert len(runs(stack)) == 2
    stack.run("plan", "--to", "1")
    assert "FAIL" not in stack.run("state", "doctor").out
    kept = stack.state_text() if "file" in place else ""
    s3 = cloud.client("s3")
    for item in s3.list_objects_v2(Bucket="weir-state").get("Contents", []):
        if "/lock/" not in item["Key"]:  # who has the lock must be readable by those who wait for it
            kept += s3.get_object(Bucket="weir-state", Key=item["Key"])["Body"].read().decode()
    assert "sealed" in kept and "weir.value" not in kept and "apply" not in kept
    del stack.env["WEIR_STATE_KEY"]
    assert "key" in stack.run("state", "list", status=3).err
