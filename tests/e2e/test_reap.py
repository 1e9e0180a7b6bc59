"""weir reap: what is due goes, and nothing else; counted with boto3. Without the stack's files, from files, S3 and PostgreSQL, with a clock that is wrong."""

import json
import os

import pytest
from pg import Postgres
from support import FAKETIME, PATIENCE_S, Stack, until

LAB = """
    stack: %s
    %s
    resources:
      lake: {type: aws.s3.bucket, name: "%s-lake"}
      queue: {type: aws.sqs.queue, name: "%s-events"}
      network: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16, tags: {Name: "%s"}}
      half: {type: aws.ec2.subnet, vpc_id: "${network.vpc_id}", cidr_block: 10.0.1.0/24}
"""


def lab(name, more=""):
    return LAB % (name, more, name, name, name)


def ended(stack, *words):
    """The lease is over, by every look at a clock of seconds."""
    until(lambda: stack.run("lease", "show", "--json", *words).events()[0]["left_ms"] < -2000)


def there(stack):
    """Whose things there are; of each all or nothing."""
    buckets = sorted(bucket["Name"].removesuffix("-lake") for bucket in stack.client("s3").list_buckets()["Buckets"] if bucket["Name"].endswith("-lake"))
    queues = sorted(url.rsplit("/", 1)[1].removesuffix("-events") for url in stack.client("sqs").list_queues().get("QueueUrls", []))
    vpcs = stack.client("ec2").describe_vpcs(Filters=[{"Name": "tag-key", "Values": ["weir:stack"]}])["Vpcs"]
    assert buckets == queues == sorted(tag["Value"] for vpc in vpcs for tag in vpc["Tags"] if tag["Key"] == "Name")
    return buckets


@pytest.fixture
def folder(tmp_path, place):
    return Stack(tmp_path / "stack", place)


def make(folder, name, *args):
    folder.write(lab(name, folder.state), f"{name}.yaml")
    folder.run("apply", "-y", "-C", f"{name}.yaml", *args)


def test_what_is_due_goes_and_nothing_else(folder):
    folder.state = ""
    make(folder, "over", "--for", "8h")
    make(folder, "running", "--for", "8h")
    make(folder, "unleased")
    folder.run("lease", "end", "-C", "over.yaml")
    folder.client("s3").put_object(Bucket="over-lake", Key="a/b", Body=b"left by an attendee")
    for path in folder.folder.glob("*.yaml"):
        path.unlink()  # nothing but the states is needed
    dry = folder.run("reap", "--dry-run")
    assert "3 stacks, 2 with a lease" in dry.out and "1 of 1 stack:" in dry.out and there(folder) == ["over", "running", "unleased"], str(dry)
    done = folder.run("reap", "--yes")
    assert "Nothing is left of 1 stack" in done.out and there(folder) == ["running", "unleased"], str(done)
    assert "nothing is due" not in folder.run("reap", "--yes").out and there(folder) == ["running", "unleased"]
    assert [event["state"] for event in folder.run("reap", "--json").events() if event["event"] == "leased"] == ["running"]


@pytest.mark.long
@pytest.mark.skipif(not FAKETIME, reason="needs libfaketime, and a program without a sanitizer")
@pytest.mark.parametrize("off", ["-2d", "+2d"])
def test_a_clock_that_is_wrong_by_days(folder, off):
    wrong = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": off}
    folder.state = ""
    make(folder, "over", "--for", "8h")
    make(folder, "running", "--for", "8h")
    folder.run("reap", "--yes", env=wrong)
    assert there(folder) == ["over", "running"]
    folder.run("lease", "end", "-C", "over.yaml", env=wrong)
    folder.run("reap", "--yes", env=wrong)
    assert there(folder) == ["running"]


@pytest.mark.long
def test_a_lease_that_ends_while_an_apply_runs(folder):
    place = {"backend": "s3", "bucket": "lab-states", "prefix": "class/"}
    folder.state = f"state: {json.dumps(place)}"
    folder.client("s3").create_bucket(Bucket="lab-states")
    make(folder, "over", "--for", "1s")
    os.mkfifo(folder.folder / "held")
    folder.write(lab("held", folder.state) + "      slow: {type: weir.command, command: touch busy; cat held, depends_on: [half, lake, queue]}\n", "held.yaml")
    busy = folder.start("apply", "-y", "-C", "held.yaml", "--for", "2s")
    until((folder.folder / "busy").exists)
    ended(folder, "-C", "held.yaml")
    elsewhere = Stack(folder.folder.parent / "elsewhere")  # where a scheduler runs
    elsewhere.env = folder.env
    failed = elsewhere.run("reap", "--yes", json.dumps(place), status=4)
    assert "held:" in failed.err and "is locked" in failed.err and there(folder) == ["held"], str(failed)
    waits = elsewhere.start("reap", "--yes", json.dumps(place), "--lock-timeout", "5m")
    (folder.folder / "held").write_text("go on")
    for process in (busy, waits):
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, out + err
    assert there(folder) == []


@pytest.mark.long
def test_what_another_stack_uses_stays(folder):
    folder.state = ""
    make(folder, "shared", "--for", "1s")
    vpc = json.loads(folder.run("state", "show", "network", "-C", "shared.yaml", "--json").out)["id"]
    folder.write(f"stack: guest\nresources: {{half: {{type: aws.ec2.subnet, vpc_id: {vpc}, cidr_block: 10.0.2.0/24}}}}\n", "guest.yaml")
    folder.run("apply", "-y", "-C", "guest.yaml", "--for", "8h")
    ended(folder, "-C", "shared.yaml")
    stays = folder.run("reap", "--yes")
    assert "guest uses its resources" in stays.out and there(folder) == ["shared"], str(stays)
    folder.run("lease", "end", "-C", "guest.yaml")
    folder.run("reap", "--yes")  # the guest first
    assert there(folder) == [] and not folder.client("ec2").describe_subnets(Filters=[{"Name": "tag-key", "Values": ["weir:stack"]}])["Subnets"]


@pytest.mark.long
def test_a_state_that_cannot_be_read(folder):
    folder.state = ""
    make(folder, "over", "--for", "1s")
    make(folder, "broken", "--for", "1s")
    log = folder.folder / ".weir" / "broken.log"
    log.write_text(log.read_text().replace("sqs", "sqz", 1))
    ended(folder, "-C", "over.yaml")
    failed = folder.run("reap", "--yes", status=1)
    assert "broken" in failed.err and there(folder) == ["broken"], str(failed)


@pytest.mark.long
def test_states_in_postgresql(folder):
    """From a server of its own, where the stacks' files never were; when the server is gone nothing goes."""
    server = Postgres()
    try:
        place = {"backend": "postgres", "url": f"postgres://weir@127.0.0.1:{server.port}/postgres", "table": "class_states"}
        folder.state = f"state: {json.dumps(place)}"
        for name in "over", "running", "unleased":
            make(folder, name, *(["--for", "8h"] if name != "unleased" else []))
        folder.run("lease", "end", "-C", "over.yaml")
        elsewhere = Stack(folder.folder.parent / "elsewhere")
        elsewhere.env = folder.env
        shown = elsewhere.run("reap", "--dry-run", json.dumps(place))
        assert "3 stacks, 2 with a lease" in shown.out and "running: ends in" in shown.out and there(folder) == ["over", "running", "unleased"], str(shown)
        done = elsewhere.run("reap", "--yes", json.dumps(place))
        assert "Nothing is left of 1 stack" in done.out and there(folder) == ["running", "unleased"], str(done)
        assert folder.run("state", "list", "-C", "over.yaml").out == "" and len(folder.run("state", "list", "-C", "running.yaml").out.split()) == 4
        assert "they are not in S3" in elsewhere.run("reap", "--install", json.dumps(place), status=3).err
        server.halt()
        gone = elsewhere.run("reap", "--yes", json.dumps(place), status=1)  # where the states cannot be read nothing is taken down
        assert there(folder) == ["running", "unleased"] and gone.err, str(gone)
    finally:
        server.stop()


@pytest.mark.long
def test_a_clock_of_the_database(folder):
    """Nothing of AWS's is in it: no service reports the time but the server that the states are in."""
    server = Postgres()
    try:
        place = {"backend": "postgres", "url": f"postgres://weir@127.0.0.1:{server.port}/postgres"}
        folder.write(f"stack: small\nstate: {json.dumps(place)}\nresources: {{it: {{type: weir.value, value: 1}}}}\n", "small.yaml")
        folder.run("apply", "-y", "-C", "small.yaml", "--for", "8h")
        off = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": "+2d"} if FAKETIME else {}
        kept = folder.run("reap", "--yes", json.dumps(place), env=off)
        assert "ends in" in kept.out and folder.run("state", "list", "-C", "small.yaml").out.split() == ["it"], str(kept)
        folder.run("lease", "end", "-C", "small.yaml")
        folder.run("reap", "--yes", json.dumps(place))
        assert folder.run("state", "list", "-C", "small.yaml").out == ""
    finally:
        server.stop()
