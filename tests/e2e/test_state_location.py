"""A state that was left in its former place, and moving it there; on moto, which keeps the new one."""

import json

import pytest

STACK = """
    stack: former
    {state}
    inputs: {{n: {{type: integer, default: 1}}}}
    environments: {{dev: {{n: 1}}, prod: {{n: 2}}}}
    resources:
      role: {{type: aws.iam.role, name: "former-${{stack.env}}", assume_role_policy: '${{trust("glue.amazonaws.com")}}', description: "version ${{inputs.n}}"}}
"""
PLACE = {"backend": "s3", "bucket": "former-state", "prefix": "weir/"}
HERE, THERE = STACK.format(state=""), STACK.format(state=f"state: {json.dumps(PLACE)}")


@pytest.fixture
def moved(stack, cloud):
    """Applied twice with the state beside the stack, which says by now that it is in a bucket."""
    cloud.client("s3").create_bucket(Bucket="former-state")
    for env in "dev", "prod":
        stack.write(HERE).apply("-e", env)
    return stack.write(THERE)


def roles(cloud):
    return sorted(role["RoleName"] for role in cloud.client("iam").list_roles()["Roles"])


def test_a_state_left_behind_is_said(moved, cloud):
    said = moved.run("plan", "-e", "prod")
    assert ".weir/former.prod.log still has a state of 1 resource" in said.err and "weir state migrate -e prod" in said.err, str(said)
    assert any(event["event"] == "warning" and "former.prod.log" in event["text"] for event in moved.run("plan", "--json", "-e", "prod").events())
    refused = moved.apply("-e", "prod", status=3)
    assert "still has a state" in refused.err and roles(cloud) == ["former-dev", "former-prod"]


@pytest.mark.parametrize("words", [[], [json.dumps(PLACE)]], ids=["as the stack says", "said again"])
def test_each_environment_is_moved(moved, cloud, words):
    for env in "prod", "dev":
        done = moved.run("state", "migrate", "-e", env, *words)
        assert "records moved from" in done.err and f"former.{env}.log" in done.err, str(done)
        quiet = moved.run("plan", "-e", env, "--detailed-exitcode")
        assert "still has" not in quiet.err
    said = moved.run("state", "migrate", "-e", "prod", status=None).err
    assert "has been moved already" in said and "let `state:` name the place that it was moved to" in said
    moved.destroy("-e", "prod")
    moved.destroy("-e", "dev")
    assert roles(cloud) == []


def test_the_place_after_the_next(moved, cloud):
    """An environment that was not moved along is not applied a second time to an empty state."""
    moved.run("state", "migrate", "-e", "dev")
    next_place = {**PLACE, "prefix": "next/"}
    moved.write(STACK.format(state=f"state: {json.dumps(next_place)}"))
    assert "the state was moved to s3://former-state/weir/former.dev/, and there is none in s3://former-state/next/former.dev/" in moved.run("plan", "-e", "dev").err
    assert "let `state:` name the place that it was moved to" in moved.apply("-e", "dev", status=3).err
    moved.write(THERE).run("state", "migrate", "-e", "dev", json.dumps(next_place))
    moved.write(STACK.format(state=f"state: {json.dumps(next_place)}"))
    assert "the state was moved" not in moved.run("plan", "-e", "dev", "--detailed-exitcode").err
    moved.destroy("-e", "dev")


def test_moving_nowhere(stack):
    stack.write(HERE).apply("-e", "dev")
    assert "is kept in" in stack.run("state", "migrate", "-e", "dev", status=3).err


def test_going_back_to_a_run_before_the_move(moved):
    moved.run("state", "migrate", "-e", "dev")
    moved.apply("-e", "dev", "-i", "n=7")
    assert moved.plan("-e", "dev", "--to", "1") == {"role": "update"}
    moved.apply("-e", "dev", "--to", "1")
    moved.assert_settled("-e", "dev")
