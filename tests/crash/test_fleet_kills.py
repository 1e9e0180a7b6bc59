"""
A fleet of fifty under random kills, faults and two operators at once: each member ends whole, or gone, as boto3 lists it. The seed says all that
is left to chance but the clock: WEIR_FLEET=3 lives through that one alone.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest

sys.path += [str(Path(__file__).parents[1] / "e2e"), str(Path(__file__).parents[1] / "e2e" / "sandbox")]

from servers import Faults, SandboxCloud  # noqa: E402
from support import Stack  # noqa: E402

SEEDS = [int(seed) for seed in os.environ["WEIR_FLEET"].split(",")] if "WEIR_FLEET" in os.environ else range(4)
MEMBERS = [f"m{n:02}" for n in range(50)]
LAB = """
    stack: lab
    inputs: {owner: {type: string}, number: {type: integer}}
    fleet:
      each: {file: attendees.csv, key: name}
      inputs: {owner: "${each.key}", number: "${each.value.number}"}
    providers: {aws: {default_tags: {owner: "${inputs.owner}"}}}
    resources:
      network: {type: aws.ec2.vpc, cidr_block: "10.${inputs.number}.0.0/16"}
      half: {type: aws.ec2.subnet, vpc_id: "${network.vpc_id}", cidr_block: "10.${inputs.number}.1.0/24"}
      lake: {type: aws.s3.bucket, name: "${inputs.owner}-lake"}
      queue: {type: aws.sqs.queue, name: "${inputs.owner}-events"}
"""
NETWORK = """
    stack: network
    providers: {aws: {default_tags: {owner: all}}}
    resources:
      network: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}
      door: {type: aws.ec2.security_group, name: door, description: in, vpc_id: "${network.vpc_id}"}
    outputs: {vpc_id: "${network.vpc_id}"}
"""
SHARING = LAB.replace("number: \"${each.value.number}\"}", "number: \"${each.value.number}\"}\n      shared: network.yaml").replace(
    '      network: {type: aws.ec2.vpc, cidr_block: "10.${inputs.number}.0.0/16"}\n', "").replace("network.vpc_id", "shared.vpc_id").replace("10.${inputs.number}.1.0", "10.0.${inputs.number}.0")
WRONG = [
    {"fault": "lost", "probability": 0.02},
    {"fault": "reset", "probability": 0.03},
    {"fault": "throttle", "probability": 0.05},
    {"fault": "error", "probability": 0.03},
    {"latency": 15},
]
KILLS = 6


def things(stack):
    """Of each member everything that there is, however often."""
    client = lambda service: boto3.client(service, endpoint_url=stack.env["AWS_ENDPOINT_URL"], region_name="us-east-1", aws_access_key_id="e2e", aws_secret_access_key=stack.env["AWS_SECRET_ACCESS_KEY"])  # noqa: E731
    owner = lambda thing: next(tag["Value"] for tag in thing["Tags"] if tag["Key"] == "owner")  # noqa: E731
    ours, found = [{"Name": "tag-key", "Values": ["owner"]}], {}
    for kind, name in [
        *(("vpc", owner(vpc)) for vpc in client("ec2").describe_vpcs(Filters=ours)["Vpcs"]),
        *(("subnet", owner(subnet)) for subnet in client("ec2").describe_subnets(Filters=ours)["Subnets"]),
        *(("bucket", bucket["Name"].removesuffix("-lake")) for bucket in client("s3").list_buckets()["Buckets"]),
        *(("queue", url.rsplit("/", 1)[1].removesuffix("-events")) for url in client("sqs").list_queues(MaxResults=1000).get("QueueUrls", [])),
    ]:
        found.setdefault(name, []).append(kind)
    return {name: sorted(kinds) for name, kinds in found.items()}


WHOLE = ["bucket", "queue", "subnet", "vpc"]
SHARED = {"all": ["vpc"]}  # what is there once for whoever is there


def operate(stack, dice):
    """What one of two operators does next: the fleet or some of it, up or down."""
    some = dice.sample(MEMBERS, dice.choice((3, 10, 25)))
    words = dice.choice((["apply"], ["apply", *some], ["destroy", "--lab", *some]))
    return subprocess.Popen(stack.command("fleet", *words, "--yes", "--lock-timeout", dice.choice(("0s", "5s"))), cwd=stack.folder, env=stack.env,
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # fmt: skip


def calm(stack, *words):
    """With nothing going wrong any more; a lock of the dead may need its time, and so may what they have asked for."""
    for _ in range(4):
        result = stack.run("fleet", *words, "--yes", "--lock-timeout", "60s", status=None)
        if result.status == 0:
            return
    raise AssertionError(str(result))


@pytest.mark.long
@pytest.mark.parametrize("sharing", [False, True], ids=["alone", "sharing"])
@pytest.mark.parametrize("seed", SEEDS)
def test_each_member_ends_whole_or_gone(tmp_path, seed, sharing):
    whole, once = ([kind for kind in WHOLE if kind != "vpc"], SHARED) if sharing else (WHOLE, {})
    dice, server = random.Random(seed), SandboxCloud(tmp_path / "sandbox")
    try:
        stack, faults = Stack(tmp_path / "stack", server), Faults(server)
        stack.env["WEIR_CLOCK_SPEED"] = "20"
        stack.patience_s = 600
        stack.write(SHARING if sharing else LAB).write(NETWORK, "network.yaml").write("name,number\n" + "".join(f"{name},{n}\n" for n, name in enumerate(MEMBERS)), "attendees.csv")
        faults("POST", {"seed": seed, "rules": dice.sample(WRONG, 3)})
        for _ in range(KILLS):
            both = [operate(stack, dice), operate(stack, dice)]
            time.sleep(dice.uniform(0.2, 4))  # when the knife falls is left to chance
            for process in both:
                if dice.random() < 0.7:
                    process.send_signal(dice.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)))
            for process in both:
                err = process.communicate(timeout=300)[1]
                assert process.returncode in (0, 1, 4, 5, 130, -signal.SIGKILL, -signal.SIGTERM), err
                assert "Assertion" not in err and "Sanitizer" not in err, err
        faults("DELETE")
        calm(stack, "apply")
        assert things(stack) == dict.fromkeys(MEMBERS, whole) | once
        assert "Plan: 0 of 50" in stack.run("fleet", "plan").out
        gone = dice.sample(MEMBERS, 25)
        calm(stack, "destroy", *gone, "--lab", "--verify")
        assert things(stack) == dict.fromkeys(sorted(set(MEMBERS) - set(gone)), whole) | once
        calm(stack, "destroy", "--lab", "--verify")
        assert things(stack) == {}
    finally:
        server.stop()
