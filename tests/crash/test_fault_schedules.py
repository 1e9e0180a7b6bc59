"""
Answers that get lost after the work was done, connections cut before, bodies cut short, bursts of 500, 503 and 429, slow answers:
whatever the schedule, weir ends where it would have ended without, with nothing made twice.
"""

import os
import random

import pytest
from mixed import RESOURCES, everything, written
from support import Stack

SEEDS = range(200) if os.environ.get("WEIR_LONG") else range(1)
CALLS = [
    "CreateRole", "PutRolePolicy", "CreatePolicy", "CreateBucket|PUT /crash-lake-one$", "versioning", "tagging", "films.csv", "CreateJob", "CreateDatabase",
    "CreateSecret", "PUT .*/schedules|POST .*/schedules", "PutRule", "Get", "List", "Update", "Delete", ".*",
]  # fmt: skip
WRONGS = [
    {"after": True, "close": True},
    {"after": True, "close": True},
    {"close": True},
    {"after": True, "status": 200, "body": "<Create"},
    {"after": True, "status": 500},
    {"status": 500},
    {"status": 503, "body": "slow down"},
    {"status": 429},
    {"delay": 0.3},
]


def schedule(random_):
    return [{"match": random_.choice(CALLS), "times": random_.randint(1, 3), **random_.choice(WRONGS)} for _ in range(random_.randint(1, 5))]


def until_done(stack, cloud, random_, *command):
    """Again and again, with the rest of the schedule, then once without."""
    cloud.fail(*schedule(random_))
    for _ in range(4):
        result = stack.run(*command, status=None)
        assert result.status in (0, 1), str(result)
        if result.status == 0:
            break
    cloud.fail()
    stack.run(*command)


@pytest.fixture(scope="module")
def expected(running_cloud, tmp_path_factory):
    found = []
    running_cloud.reset()
    stack = written(Stack(tmp_path_factory.mktemp("plain") / "stack", running_cloud))
    for inputs in [], ["-i", "v=2"]:
        stack.apply(*inputs)
        found.append(everything(running_cloud))
    return found


@pytest.mark.full
@pytest.mark.parametrize("seed", SEEDS)
def test_schedule(cloud, tmp_path, expected, seed):
    random_ = random.Random(seed)
    stack = written(Stack(tmp_path / "stack", cloud))
    for inputs, wanted in zip(([], ["-i", "v=2"]), expected):
        until_done(stack, cloud, random_, "apply", "--yes", *inputs)
        stack.assert_settled(*inputs)
        assert everything(cloud) == wanted
        assert len(stack.addresses()) == RESOURCES
    until_done(stack, cloud, random_, "destroy", "--yes", "-i", "v=2")
    assert everything(cloud) == [] and stack.addresses() == []
