"""Twenty attendees of the retail workshop as a fleet: all up by one command and all down by one, counted with boto3."""

import json
import re

import pytest
from test_systems import inventory

from support import example

WHO = [f"attendee-{number:02}" for number in range(20)]
FLEET = f"""
fleet:
  each: {json.dumps(WHO)}
  inputs: {{owner: "${{each.key}}", inside: "false", region: us-east-1}}
"""


@pytest.mark.long
def test_twenty_attendees(tmp_path, cloud):
    system = example("retail-workshop", tmp_path / "retail", cloud)
    stack = system.folder / "weir.yaml"
    alone = re.compile(r"^environments:\n(?: .*\n)+|^# One state.*\n^state: .*\n", re.M)  # of one attendee: members of a fleet have theirs
    stack.write_text(alone.sub("", stack.read_text()) + FLEET)
    system.patience_s = 1500
    before = inventory(cloud)
    system.run("fleet", "apply", "--yes")
    there = inventory(cloud)
    assert {name for service, name in there if service == "s3"} == {f"{who}-hist-retail" for who in WHO}
    assert {name for service, name in there if service == "rds"} >= {f"{who}-retail" for who in WHO}
    assert sum(service == "ec2" and name.startswith("vpc-") for service, name in there - before) == 20
    system.run("fleet", "destroy", "--yes")
    assert inventory(cloud) == before
