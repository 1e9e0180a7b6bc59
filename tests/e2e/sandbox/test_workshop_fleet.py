"""Twenty attendees of the retail workshop as a fleet: all up by one command and all down by one, counted with boto3."""

import pytest
from test_systems import inventory

from support import example

WHO = [f"attendee-{number:02}" for number in range(20)]


@pytest.mark.long
def test_twenty_attendees(tmp_path, cloud):
    system = example("retail-workshop", tmp_path / "retail", cloud)
    (system.folder / "attendees.csv").write_text("\n".join(["mail_id", *WHO]) + "\n")
    given = ["-C", "class.yaml", "-i", "inside=false", "-i", "region=us-east-1"]
    system.patience_s = 1500
    before = inventory(cloud)
    system.run("fleet", "apply", "--yes", *given)
    there = inventory(cloud)
    assert {name for service, name in there if service == "s3"} == {f"{who}-hist-retail" for who in WHO}
    assert {name for service, name in there if service == "rds"} >= {f"{who}-retail" for who in WHO}
    assert sum(service == "ec2" and name.startswith("vpc-") for service, name in there - before) == 20
    system.run("fleet", "destroy", "--yes", *given)
    assert inventory(cloud) == before
