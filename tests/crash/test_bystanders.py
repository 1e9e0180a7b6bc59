"""
One answer that is empty, cut short or lost, at each call that makes, reads, changes or deletes a thing of each type, beside things of the
same type that belong to nobody here: none of these is touched, nothing is there twice, one apply later everything is as it should be, and
nothing is left at the end.

The things of others are what another stack makes of the same text under other names, with its marks made unrecognizable on the way.
tests/tools/fault_proxy.py says what the faults are.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent.parent / part) for part in ("tools", "e2e/sandbox")]

import test_types  # noqa: E402
import test_types_access  # noqa: E402
import test_types_clusters  # noqa: E402
import test_types_containers  # noqa: E402
import test_types_jobs  # noqa: E402
import test_types_lake  # noqa: E402
import test_types_more  # noqa: E402
import test_types_network  # noqa: E402
import test_types_further  # noqa: E402
import test_types_gateway  # noqa: E402
import test_types_scaling  # noqa: E402
import test_types_serving  # noqa: E402
import test_types_small  # noqa: E402
import test_types_streams  # noqa: E402
from fault_proxy import At, FaultProxy, Nothing  # noqa: E402
from inventory import TABLE, inventory, numbers  # noqa: E402
from life_cycle import stack_text  # noqa: E402
from support import Stack, planned  # noqa: E402

LONG = bool(os.environ.get("WEIR_LONG"))
CASES = {name: case for module in (test_types, test_types_access, test_types_containers, test_types_jobs, test_types_network, test_types_small, test_types_more, test_types_streams, test_types_lake, test_types_serving, test_types_further, test_types_gateway, test_types_scaling, test_types_clusters) for name, case in module.CASES.items()}
FAULTS = ("empty", "cut:60", "cut:head", "cut:middle", "half", "dropafter")
OTHERS = re.compile(r'life(?!-code|cycle)|(?<=")first(?=")')  # the code is there before both

PATIENCE_S = 90  # for one run of weir
SPEED = "20"  # of its clock: it waits for what may show late

# What boto3 cannot list, or what stays as history.
UNCOUNTED = {
    "aws.athena.statement": "a query that ran is never deleted; test_types_jobs.py counts them",
    "aws.lakeformation.settings": "is always there, once",
    "aws.glue.catalog_encryption": "the same",
    "aws.emr.security_configuration": "moto lists none",
}

# What others cannot have beside it.
ONE_IN_AN_ACCOUNT = {"aws.apigateway.account"}

# What moto does otherwise than AWS when an answer was lost.
UNLIKE_AWS = {
    "aws.logs.metric_filter": "a PutMetricFilter that is repeated makes a second one",
    "aws.lambda.alias": "recovery reads GetProvisionedConcurrencyConfig, which it does not know",
}


# What cannot be found out (recover: never): it stays open until somebody has looked, which test_recovery.py lives through.
UNKNOWABLE = {("access key", "CreateAccessKey")}


class World:
    """A cloud with things of others and what the type under test needs around it."""

    def __init__(self, cloud, folder, case):
        self.cloud, self.folder, self.case, self.count, self.disturbed = cloud, folder, case, 0, None
        self.types = {case.type, "aws.ec2.vpc"} | {one["type"] for one in case.around.values()}
        self.build()

    def build(self):
        self.cloud.reset()
        self.count += 1
        self.proxy = FaultProxy(self.cloud.url)
        if self.case.prepare:
            self.case.prepare(self.cloud)
        self.others = self.make_others()
        self.stack = Stack(self.folder / f"stack-{self.count}", self.proxy)
        self.stack.patience_s, self.stack.env["WEIR_CLOCK_SPEED"] = PATIENCE_S, SPEED
        self.put(None)
        self.around = numbers(self.inventory())

    def inventory(self):
        return inventory(self.cloud, self.types)

    def make_others(self):
        """Through a proxy that makes marks of weir's look like anybody's."""
        stack = Stack(self.folder / f"others-{self.count}", self.proxy)
        stack.write(OTHERS.sub("kept", stack_text(self.case, self.case.first)))
        self.proxy.altered = lambda sent: sent.replace(b"weir%3A", b"some%3A").replace(b"weir:", b"some:").replace(b"meta-weir-", b"meta-some-")
        stack.apply()
        self.proxy.altered = None
        return self.inventory()

    def text(self, attributes):
        if attributes:
            return stack_text(self.case, attributes)
        around = {name: one for name, one in self.case.around.items() if "${it" not in json.dumps(one)}
        return json.dumps({"stack": "life", "resources": around})

    def put(self, attributes, plan=None):
        """An apply, with faults; None: of what is around it only."""
        self.stack.write(self.text(attributes))
        return self.run(plan, "apply", "--yes")

    def run(self, plan, *command):
        """With faults it may fail."""
        self.proxy.begin(plan)
        result = self.stack.run(*command, status=None if plan else 0)
        self.disturbed = self.proxy.labels() if plan else self.disturbed
        self.proxy.end()
        return result

    def check(self, expected):
        """Of everything as many as expected, and those of others as they were."""
        found = self.inventory()
        assert numbers(found) == expected, {key: (value, expected[key]) for key, value in numbers(found).items() if value != expected[key]}
        for type_, things in self.others.items():
            for number, thing in things.items():
                assert found[type_].get(number) == thing, ("a thing of others was touched", number, thing, found[type_].get(number))

    def calls(self, phase):
        """What a phase asks for where nothing goes wrong."""
        begin, end = PHASES[phase]
        begin(self)
        end(self, Nothing())
        return self.disturbed


# ---- the phases: how it has to be before, and what is disturbed ----


def made(world, plan):
    world.put(world.case.first, plan)
    after(world, world.case.first)


def looked_at(world, plan):
    world.stack.write(world.text(world.case.first))
    for command in ("plan", "--json"), ("apply", "--yes", "--json"):
        result = world.run(plan, *command)
        assert result.status != 0 or planned(result) == {}, str(result)
    after(world, world.case.first)


def changed(world, plan):
    world.put(world.case.then, plan)
    after(world, world.case.then)


def deleted(world, plan):
    world.put(None, plan)
    after(world, None)


def after(world, attributes):
    """One apply without faults, and everything is as it should be."""
    world.put(attributes)
    world.stack.assert_settled()
    world.check(world.whole if attributes else world.around)


PHASES = {
    "create": (lambda world: world.put(None), made),
    "read": (lambda world: world.put(world.case.first), looked_at),
    "update": (lambda world: world.put(world.case.first), changed),
    "delete": (lambda world: world.put(world.case.first), deleted),
}


def disturb(world, phase, label, number, fault):
    """What went wrong, or None."""
    begin, end = PHASES[phase]
    try:
        begin(world)
        end(world, At(label, number, fault))
    except (AssertionError, subprocess.TimeoutExpired) as error:
        world.proxy.close()
        world.build()
        world.put(world.case.first)
        return f"{phase}: {label} ({number}) {fault}: {error}"
    return None


def whole(world):
    """How many there are with it."""
    world.put(world.case.first)
    world.whole = numbers(world.inventory())
    assert sum(world.whole.values()) > sum(world.around.values())


def live_through(world, phases, faults, pick=lambda phase, label: True):
    """All faults at all calls of the phases that are picked; then everything of it goes."""
    whole(world)
    wrong, done = [], 0
    for phase in phases:
        if phase == "update" and not world.case.then:
            continue
        for label, number in world.calls(phase):
            for fault in faults if pick(phase, label) else ():
                done += 1
                if trouble := disturb(world, phase, label, number, fault):
                    wrong.append(trouble)
    world.stack.destroy("--delete-adopted")
    world.check(numbers(world.others))
    print(f"{done} disturbed")
    assert not wrong, f"{len(wrong)} of {done}:\n" + "\n\n".join(wrong)
    assert done or not faults


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.type not in UNCOUNTED.keys() | UNLIKE_AWS.keys() | ONE_IN_AN_ACCOUNT])
def test_each_fault_at_each_call(cloud, tmp_path, name):
    live_through(World(cloud, tmp_path, CASES[name]), PHASES, FAULTS, lambda phase, label: (name, label) not in UNKNOWABLE)


# What an attack took things of others with: the answer that has the id, and the one that says whether it is there.
SHORT = {
    "vpc": "CreateVpc|DescribeVpcs",
    "elastic ip": "AllocateAddress|DescribeAddresses",
    "key": "CreateKey|DescribeKey",
    "secret": "CreateSecret|DescribeSecret",
    "layer version": "/layers/",
    "log group": "LogGroup",
}


# Like the other three, of services that cost more time.
LONG_FORM = {"test_the_answer_that_says_what_was_made[elastic ip]", "test_the_answer_that_says_what_was_made[layer version]", "test_the_answer_that_says_what_was_made[log group]"}


@pytest.mark.full
@pytest.mark.parametrize("name", SHORT)
def test_the_answer_that_says_what_was_made(cloud, tmp_path, name):
    live_through(World(cloud, tmp_path, CASES[name]), ["create", "read"], ("empty", "cut:60", "dropafter"), lambda phase, label: re.search(SHORT[name], label))


def test_everything_is_counted():
    assert {case.type for case in CASES.values()} - set(TABLE) == set(UNCOUNTED)
