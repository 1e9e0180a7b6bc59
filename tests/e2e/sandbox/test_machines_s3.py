"""States call S3 as SDKs name its operations: aws-sdk:s3:listBuckets."""

import json

import pytest
from servers import make_bucket
from test_machines import Machines


@pytest.fixture
def call(sandbox):
    machines = Machines(sandbox)

    def call(operation, **parameters):
        end = machines.run({"Type": "Task", "Resource": f"arn:aws:states:::aws-sdk:s3:{operation}", "Parameters": parameters})
        return json.loads(end["output"]) if "output" in end else end["error"]
    return call


def test_buckets_are_listed(call, sandbox):
    bucket = make_bucket(sandbox)
    listed = call("listBuckets")
    assert bucket in [one["Name"] for one in listed["Buckets"]] and set(listed["Buckets"][0]) >= {"Name", "CreationDate"}
    assert listed["Owner"]["Id"] == sandbox.client().list_buckets()["Owner"]["ID"]
