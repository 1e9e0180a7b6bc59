"""Twenty attendees of the retail workshop, all up and all down, counted with boto3."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from test_systems import inventory

from support import example

WHO = [f"attendee-{number:02}" for number in range(20)]


@pytest.mark.long
def test_twenty_attendees(tmp_path, cloud):
    system = example("retail-workshop", tmp_path / "retail", cloud)
    given = lambda who: ["-i", f"owner={who}", "-i", "inside=false", "-i", "region=us-east-1"]  # noqa: E731
    before = inventory(cloud)
    with ThreadPoolExecutor(4) as four:
        list(four.map(lambda who: system.apply(*given(who)), WHO))
        there = inventory(cloud)
        assert {name for service, name in there if service == "s3"} == {f"{who}-hist-retail" for who in WHO}
        assert {name for service, name in there if service == "rds"} >= {f"{who}-retail" for who in WHO}
        assert sum(service == "ec2" and name.startswith("vpc-") for service, name in there - before) == 20
        list(four.map(lambda who: system.destroy("--verify", *given(who)), WHO))
    assert inventory(cloud) == before
