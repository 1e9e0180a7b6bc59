"""`fleet: shared:`: one stack that all members refer to, there before the first and gone after the last; counted with boto3."""

import json

import pytest
from support import Stack

NETWORK = """
    stack: network
    inputs: {range: 10.0.0.0/16}
    resources:
      home: {type: aws.ec2.vpc, cidr_block: "${inputs.range}"}
      door: {type: aws.ec2.security_group, name: class-door, description: in, vpc_id: "${home.vpc_id}"}
    outputs:
      vpc_id: ${home.vpc_id}
      door: {value: "${door.group_id}", description: Who comes in}
"""
LAB = """
    stack: %s
    inputs: {owner: {type: string}, number: {type: integer}}
    fleet:
      each: {file: attendees.csv, key: name}
      inputs: {owner: "${each.key}", number: "${each.value.number}"}
      shared: %s
    locals: {home: "${shared.vpc_id}"}
    resources:
      half: {type: aws.ec2.subnet, vpc_id: "${locals.home}", cidr_block: "10.0.${inputs.number}.0/24", tags: {owner: "${inputs.owner}"}}
      queue: {type: aws.sqs.queue, name: "${inputs.owner}-events"}
    outputs: {subnet: "${half.subnet_id}"}
"""


def there(stack):
    """VPCs of ours, and whose subnets are in them."""
    vpcs = [vpc["VpcId"] for vpc in stack.client("ec2").describe_vpcs(Filters=[{"Name": "tag-key", "Values": ["weir:stack"]}])["Vpcs"]]
    subnets = stack.client("ec2").describe_subnets(Filters=[{"Name": "tag-key", "Values": ["owner"]}])["Subnets"]
    assert {subnet["VpcId"] for subnet in subnets} <= set(vpcs)
    return len(vpcs), sorted(tag["Value"] for subnet in subnets for tag in subnet["Tags"] if tag["Key"] == "owner")


def attendees(stack, *names, first=1, file="attendees.csv"):
    stack.write("name,number\n" + "".join(f"{name},{n}\n" for n, name in enumerate(names, first)), file)


@pytest.fixture
def lab(tmp_path, place):
    stack = Stack(tmp_path / "stack", place)
    stack.write(NETWORK, "network.yaml").write(LAB % ("lab", "network.yaml"))
    attendees(stack, "anna", "bob")
    return stack


# The sandbox sees the same, and sooner.
LONG_FORM = {"test_two_fleets_share[moto-states]", "test_before_the_first_and_after_the_last[moto]", "test_what_it_refuses[moto]", "test_what_fails_leaves_the_others[moto]"}


def test_before_the_first_and_after_the_last(lab):
    lab.run("validate", "-e", "anna")
    shown = lab.run("fleet", "plan").out
    assert "network" in shown and "for all members" in shown and "Plan: 2 of 2 members: 6 to create" in shown, shown
    alone = lab.run("apply", "-y", "-e", "anna", status=1)
    assert "is not applied, or only in part" in alone.err and "weir fleet apply" in alone.err and there(lab) == (0, []), str(alone)
    lab.run("fleet", "apply", "-y")
    assert there(lab) == (1, ["anna", "bob"])
    assert "Plan: 0 of 2 members" in lab.run("fleet", "plan").out
    lab.assert_settled("-e", "bob")
    lab.assert_settled("-C", "network.yaml")  # a stack like any other

    status = [json.loads(line) for line in lab.run("fleet", "status", "--json").out.splitlines()]
    assert [(line.get("shared"), line.get("member"), line["resources"]) for line in status] == [("network", None, 2), (None, "anna", 2), (None, "bob", 2)]
    letters = lab.run("fleet", "output", "--format", "markdown").out
    assert "## network (for all)" in letters and "- Who comes in: `sg-" in letters and "## bob\n" in letters
    assert lab.run("fleet", "output", "--format", "csv").out.splitlines()[0] == "member,subnet"

    went = lab.run("fleet", "destroy", "-y", "anna", "--verify")
    assert there(lab) == (1, ["bob"]), str(went)
    attendees(lab, "carla", first=3)  # bob has left
    lab.run("fleet", "apply", "-y")
    assert there(lab) == (1, ["carla"])
    assert "is destroyed after the last member" in lab.run("fleet", "destroy", "-y", "--verify").out
    assert there(lab) == (0, []) and "nothing is left" not in lab.run("fleet", "status").out
    assert "Plan: 0 of 1 member" in lab.run("fleet", "destroy", "-y").out


def test_what_it_refuses(lab):
    lab.write((LAB % ("lab", "network.yaml")).replace("${shared.vpc_id}", "${shared.vpc_ids}"))
    wrong = lab.run("validate", "-e", "anna", status=3)
    assert 'the shared stack has no output "vpc_ids"' in wrong.err and 'did you mean "vpc_id"?' in wrong.err, str(wrong)
    lab.write(LAB % ("lab", "none.yaml"))
    assert "the shared stack cannot be used" in lab.run("fleet", "plan", status=3).err
    lab.write(LAB % ("lab", "weir.yaml"))
    assert "is a fleet itself" in lab.run("fleet", "plan", status=3).err
    lab.write(LAB % ("lab", '{file: network.yaml, inputs: {range: "10.0.0.0/${20 - 4}"}}'))
    lab.run("fleet", "apply", "-y")
    alone = (LAB % ("lab", "x")).replace("      shared: x\n", "").replace("${shared.vpc_id}", "vpc-0")
    for text in (alone, LAB % ("lab", "other.yaml")):
        lab.write(text).write(NETWORK.replace("stack: network", "stack: other"), "other.yaml")
        refused = lab.run("fleet", "apply", "-y", status=3)
        assert '2 members of the fleet use the shared stack "network"' in refused.err, str(refused)
        assert lab.run("fleet", "destroy", "-y", status=3) and there(lab) == (1, ["anna", "bob"])
    lab.write(NETWORK, "network.yaml")
    assert '2 members of the fleet "lab" use its resources: anna, bob' in lab.run("destroy", "-y", "-C", "network.yaml", status=3).err and there(lab) == (1, ["anna", "bob"])
    lab.write(LAB % ("lab", "network.yaml")).run("fleet", "destroy", "-y")
    assert there(lab) == (0, [])


def test_what_fails_leaves_the_others(lab):
    lab.write((LAB % ("lab", "network.yaml")).replace('"10.0.${inputs.number}.0/24"', "\"${inputs.owner == 'anna' ? '192.168.0.0/24' : '10.0.2.0/24'}\""))
    failed = lab.run("fleet", "apply", "-y", status=1)
    assert "anna" in failed.err and there(lab) == (1, ["bob"]), str(failed)
    lab.write(LAB % ("lab", "network.yaml")).write(NETWORK + "      gate: {value: '${door.name}', description: new}\n", "network.yaml")
    taken = lab.folder / ".weir" / "network.log"
    before = taken.read_bytes()
    taken.write_bytes(before.replace(b"class-door", b"class-doom", 1))  # what all share cannot be read: nobody begins
    broken = lab.run("fleet", "apply", "-y", status=None)
    taken.write_bytes(before)
    assert broken.status and "network" in broken.err and there(lab) == (1, ["bob"]), str(broken)
    lab.run("fleet", "apply", "-y")
    assert there(lab) == (1, ["anna", "bob"])


@pytest.mark.parametrize("apart", [False, pytest.param(True, marks=pytest.mark.long)], ids=["states", "marks"])
def test_two_fleets_share(tmp_path, place, apart):
    """The other one is known by its states, which lie beside; or, where they lie elsewhere, by the marks on what it has."""
    lab = Stack(tmp_path / "stack", place)
    lab.write(NETWORK, "network.yaml").write(LAB % ("lab", "network.yaml"))
    attendees(lab, "anna")
    other = Stack(tmp_path / "other", place) if apart else lab
    file = "weir.yaml" if apart else "second.yaml"
    other.write((LAB % ("second", "../stack/network.yaml" if apart else "network.yaml")).replace("attendees.csv", "others.csv"), file)
    attendees(other, "bob", first=2, file="others.csv")
    lab.run("fleet", "apply", "-y")
    other.run("fleet", "apply", "-y", "-C", file)
    assert there(lab) == (1, ["anna", "bob"])
    stays = lab.run("fleet", "destroy", "-y", "--verify")
    assert "network stays: second" in stays.err and there(lab) == (1, ["bob"]), str(stays)
    other.run("fleet", "destroy", "-y", "--verify", "-C", file)
    assert there(lab) == (0, [])


@pytest.mark.long
def test_a_lease_of_what_is_shared(lab):
    """What is shared is due, one member is not: it stays; when that one is due, too, both go, the member first."""
    lab.run("fleet", "apply", "-y", "--for", "8h")
    lab.run("lease", "end", "-C", "network.yaml")
    lab.run("lease", "end", "-e", "anna")
    stays = lab.run("reap", "--yes")
    assert "has expired, but stays: lab.bob uses its resources" in stays.out and there(lab) == (1, ["bob"]), str(stays)
    lab.run("lease", "end", "-e", "bob")
    lab.run("reap", "--yes")
    assert there(lab) == (0, [])


def test_a_member_alone(local_stack):
    """To all other commands a member is a stack; what the shared one gives is in its state, in the embedded sandbox, too."""
    lab = local_stack.write(NETWORK + "      hidden: {value: 'Kingfisher-9', sensitive: true}\n", "network.yaml").write(LAB % ("lab", "network.yaml"))
    attendees(lab, "anna", "bob")
    sandboxed = ["--sandbox"]
    lab.run("fleet", "apply", "-y", *sandboxed)
    lab.assert_settled("-e", "bob", *sandboxed)
    lab.write((LAB % ("lab", "network.yaml")).replace('name: "${inputs.owner}-events"', 'name: "${inputs.owner}-events", visibility_timeout: 50'))
    lab.run("plan", "-e", "bob", "-o", "saved.plan", *sandboxed)
    assert "1 updated" in lab.run("apply", "saved.plan", *sandboxed).out
    then = lab.run("plan", "-e", "bob", "--to", "1", *sandboxed).out
    assert "1 to update" in then and "replace" not in then.replace("0 to replace", ""), then
    assert "Kingfisher" not in lab.run("state", "pull", "-e", "bob", *sandboxed).out
    lab.run("fleet", "destroy", "-y", *sandboxed)


def test_the_first_shard_makes_it(lab):
    """The others need it to be there, and leave it alone."""
    def shown(part):
        return {e.get("shared") or e["member"] for e in lab.run("fleet", "plan", "--json", "--shard", f"{part}/3").events() if e["event"] == "change"}

    assert [shown(part) for part in (1, 2, 3)] == [{"network"}, {"anna"}, {"bob"}]
    refused = lab.run("fleet", "apply", "-y", "--shard", "2/3", status=1)
    assert "network, which all members share, is not applied" in refused.err and there(lab) == (0, []), str(refused)
    for part in (1, 3, 2, 1):
        lab.run("fleet", "apply", "-y", "--shard", f"{part}/3")
    assert there(lab) == (1, ["anna", "bob"]) and "Plan: 0 of 2 members" in lab.run("fleet", "plan").out
    lab.run("fleet", "destroy", "-y", "--shard", "2/3")
    assert there(lab) == (1, ["bob"])
    lab.run("fleet", "destroy", "-y")
    assert there(lab) == (0, [])


def test_every_part_is_told_of_a_shared_stack_that_cannot_be_opened(local_stack):
    """Its state was moved, and the file does not say so yet."""
    local_stack.write("stack: common\nresources: {a: {type: weir.value, value: x}}\noutputs: {a: '${a.value}'}\n", "common.yaml")
    local_stack.write("""
        stack: class
        inputs: {who: {type: string}}
        fleet: {each: [ada, bob, zoe], inputs: {who: "${each.key}"}, shared: common.yaml}
        resources: {it: {type: weir.value, value: "${inputs.who}"}}
    """)
    local_stack.run("apply", "-C", "common.yaml", "--yes")
    local_stack.run("state", "migrate", "-C", "common.yaml", '{"backend": "file", "path": "elsewhere"}')
    for shard in ("1/2", "2/2"):
        failed = local_stack.run("fleet", "apply", "--yes", "--shard", shard, status=1)
        assert "the state was moved to" in failed.err and "it was not started: common" in failed.err, failed
