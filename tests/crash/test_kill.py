"""
Killed (SIGKILL) at a durable step or around a request, weir must carry on as if nothing had happened: the same resources as
without the kill, none twice, none forgotten, and nothing left to do.

Every place where a kill may fall has a number (base/crash.h). A sweep kills at each of them in turn. Without
WEIR_LONG a sweep looks at a few places, spread over all of them.
"""

import hashlib
import os

import pytest
from mixed import RESOURCES, STATE_BUCKET, code, everything, written
from support import Stack, planned

LONG = bool(os.environ.get("WEIR_LONG"))
FEW = 4

V2 = ["-i", "v=2"]

# name: (inputs of each apply before, arguments of the run that is killed, places in it at least)
SCENARIOS = {
    "create": ([], ["apply", "--yes"], 60),
    "update": ([[]], ["apply", "--yes", *V2], 60),
    "replace": ([[]], ["apply", "--yes", "-i", "name=two"], 60),
    "deploy": ([[]], ["deploy", "--yes", *V2], 20),
    "rollback": ([[], V2], ["rollback", "script", "--yes", "--to", hashlib.sha256(code(1)).hexdigest()[:12], *V2], 20),
    "destroy": ([[]], ["destroy", "--yes"], 60),
}


class Sweep:
    def __init__(self, cloud, folder, name):
        self.cloud, self.folder, self.name = cloud, folder, name
        self.before, self.command, self.least = SCENARIOS[name]
        self.inputs = self.command[self.command.index("-i") :] if "-i" in self.command else []
        self.count = 0

    def fresh(self):
        """A new stack where everything is as it was before the run that is to be killed."""
        self.cloud.reset()
        self.count += 1
        stack = written(Stack(self.folder / f"{self.name}-{self.count}", self.cloud))
        stack.env["WEIR_CLOCK_SPEED"] = "20"  # of waiting for what a service may still be at work on
        for inputs in self.before:
            stack.apply(*inputs)
        return stack

    def finish(self, stack):
        """What is there when the same command has been let through."""
        stack.run(*self.command)
        if self.name == "deploy":  # the rest of the stack stays as it was
            assert planned(stack.run(*self.command, "--json")) == {}
        elif self.name != "destroy":
            stack.assert_settled(*self.inputs)
        assert len(stack.addresses()) == (0 if self.name == "destroy" else RESOURCES)
        return everything(self.cloud)

    def points(self):
        return len(self.fresh().crash_points(*self.command))

    def killed_at(self, at):
        """None: the run was through before it got there."""
        stack = self.fresh()
        return stack if stack.killed_at(at, *self.command) else None


# An apply and a replacement of fewer resources.
LONG_FORM = {"test_kill[deploy]", "test_kill[rollback]"}


@pytest.mark.parametrize("name", SCENARIOS)
def test_kill(cloud, tmp_path, name):
    sweep = Sweep(cloud, tmp_path, name)
    expected = sweep.finish(sweep.fresh())
    assert len(expected) == (0 if name == "destroy" else RESOURCES - 2)  # objects are listed with their bucket
    points = sweep.points()
    assert points >= sweep.least, points
    kills = 0
    for at in range(1, points + 30) if LONG else range(1, points, max(1, points // FEW)):
        stack = sweep.killed_at(at)
        if stack:
            kills += 1
            assert sweep.finish(stack) == expected, f"killed at {at}"
    assert kills >= (points * 3 // 4 if LONG else FEW - 1)
    print(f"{name}: {kills} kills, {points} places")


def test_recovery_is_killed_too(cloud, tmp_path):
    """The run after a kill is killed as well, again and again, a little further on each time."""
    sweep = Sweep(cloud, tmp_path, "create")
    expected = sweep.finish(sweep.fresh())
    points = sweep.points()
    for at in range(9, points, 7 if LONG else points // 2):
        stack = sweep.killed_at(at)
        if not stack:
            break
        for again in range(2, 60, 5 if LONG else 17):
            if not stack.killed_at(again, *sweep.command):
                break
        assert sweep.finish(stack) == expected, f"killed at {at}"


@pytest.mark.long  # test_shared_state.py kills writers at what differs there
def test_kill_with_shared_state(cloud, tmp_path):
    """The same with the state in a bucket of the same cloud, where every record is a request too; the lock of the dead frees itself."""

    class Shared(Sweep):
        def fresh(self):
            self.cloud.reset()
            self.count += 1
            self.cloud.client("s3").create_bucket(Bucket=STATE_BUCKET)
            state = f"\n    state: {{backend: s3, bucket: {STATE_BUCKET}, lease_seconds: 2}}\n"
            return written(Stack(self.folder / f"shared-{self.count}", self.cloud), state)

        def finish(self, stack):
            self.command = ["apply", "--yes", "--lock-timeout", "5m"]
            return super().finish(stack)

    sweep = Shared(cloud, tmp_path, "create")
    expected = sweep.finish(sweep.fresh())
    assert len(expected) == RESOURCES - 2
    points = sweep.points()
    for at in range(4, points, 5 if LONG else points // 2):
        stack = sweep.killed_at(at)
        if stack:
            assert sweep.finish(stack) == expected, f"killed at {at}"
