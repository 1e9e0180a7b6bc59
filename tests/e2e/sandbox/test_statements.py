"""SQL in a warehouse: run once, again when it changes, and remembered after the service has forgotten it."""

import pytest
from support import Stack

STACK = """
    stack: gold
    resources:
      gold:
        type: aws.redshiftdata.statement
        workgroup: warehouse
        database: main
        sql: {sql}
        undo: drop schema gold
"""


@pytest.fixture
def stack(tmp_path, cloud):
    return Stack(tmp_path / "stack", cloud)


def test_statement(stack, cloud):
    stack.write(STACK.format(sql="create schema gold"))
    stack.apply()
    stack.assert_settled()
    first = stack.run("state", "show", "gold").out
    client = cloud.client("redshift-data")
    assert "create schema gold" in first
    # a change is a new run
    stack.write(STACK.format(sql="create schema if not exists gold"))
    assert stack.plan() == {"gold": "replace"}
    stack.apply()
    stack.assert_settled()
    assert stack.run("state", "show", "gold").out != first
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_statement(Id="00000000-0000-4000-8000-000000000000")


def test_forgotten_by_the_service(tmp_path, stack, cloud):
    stack.write(STACK.format(sql="create schema gold"))
    stack.apply()
    cloud.stop()
    cloud.__init__()
    stack.env["AWS_ENDPOINT_URL"] = cloud.url
    stack.assert_settled()
    stack.destroy()
    assert stack.addresses() == []
