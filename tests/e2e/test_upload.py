"""Uploads: in parts, going on after a kill, in spite of faults, of files that change meanwhile; to moto and to the sandbox, looked at with boto3."""

import hashlib
import os
import random
import signal
import time

import pytest

from servers import Faults, Sandbox
from support import Stack, until

MIB = 1 << 20

STACK = """
    stack: up
    resources:
      lake: {type: aws.s3.bucket, name: up-lake}
      big: {type: aws.s3.object, bucket: "${lake.name}", key: "data/big file.bin", source: big.bin, metadata: {team: lake}}
    outputs:
      sha256: {value: "${big.sha256}"}
"""
WITHOUT_HASH = STACK.replace("big.sha256", "big.url")  # nothing that a plan would have to know
RETOLD = WITHOUT_HASH.replace("    outputs:", """      small: {type: aws.s3.object, bucket: "${lake.name}", key: small, content: x}
      code: {type: weir.artifact, source: a.py, store: "${lake.name}/code"}
      tree: {type: aws.s3.directory, bucket: "${lake.name}", prefix: tree/, source: tree}
    outputs:""")
KEY = "data/big file.bin"
PART = "PUT /up-lake/data/big%20file.bin?*partNumber=*"
HELD_MS = 3600_000  # until the faults are set anew


class SandboxPlace(Sandbox):
    """The sandbox, with what the tests ask of moto's tool, too."""

    def faults(self, *rules):
        Faults(self)("POST", {"rules": list(rules)})

    def struck(self):
        return [rule["struck"] for rule in Faults(self)("GET")["rules"]]


@pytest.fixture(scope="module")
def sandbox():
    server = SandboxPlace("-")
    yield server
    server.stop()


@pytest.fixture
def place(sandbox, tmp_path):
    """A stack on an emptied sandbox."""
    s3 = sandbox.client()
    sandbox.faults()
    for bucket in s3.list_buckets()["Buckets"]:
        for upload in s3.list_multipart_uploads(Bucket=bucket["Name"]).get("Uploads", []):
            s3.abort_multipart_upload(Bucket=bucket["Name"], Key=upload["Key"], UploadId=upload["UploadId"])
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
            keys = [{"Key": item["Key"]} for item in page.get("Contents", [])]
            if keys:
                s3.delete_objects(Bucket=bucket["Name"], Delete={"Objects": keys})
        s3.delete_bucket(Bucket=bucket["Name"])
    stack = Stack(tmp_path / "stack")
    stack.env |= {name: value for name, value in sandbox.environment().items() if name.startswith("AWS_")}
    return stack


def content(megabytes, seed=1):
    """By chance, and each MiB with its number: no two parts are the same."""
    block = random.Random(seed).randbytes(MIB - 8)
    return b"".join(block + number.to_bytes(8) for number in range(megabytes)) + bytes(12345)


def uploads(s3):
    return s3.list_multipart_uploads(Bucket="up-lake").get("Uploads", [])


def parts(s3):
    """Numbers of the parts that have arrived."""
    try:
        under_way = uploads(s3)
    except s3.exceptions.NoSuchBucket:
        return []
    return [part["PartNumber"] for upload in under_way for part in s3.list_parts(Bucket="up-lake", Key=KEY, UploadId=upload["UploadId"]).get("Parts", [])]


def assert_object(s3, data):
    assert s3.get_object(Bucket="up-lake", Key=KEY)["Body"].read() == data
    head = s3.head_object(Bucket="up-lake", Key=KEY)
    assert head["Metadata"]["team"] == "lake"
    assert not uploads(s3)


@pytest.mark.full
def test_moto(stack, cloud):
    data = content(20)
    stack.write(STACK).write(data, "big.bin")
    stack.apply()
    s3 = cloud.client("s3")
    assert_object(s3, data)
    assert s3.head_object(Bucket="up-lake", Key=KEY)["ETag"].endswith('-3"')
    assert stack.outputs()["sha256"] == hashlib.sha256(data).hexdigest()
    stack.assert_settled()
    data = data[:-1] + b"!"
    stack.write(data, "big.bin")
    assert stack.plan() == {"big": "update"}
    stack.apply()
    assert_object(s3, data)
    s3.put_object(Bucket="up-lake", Key=KEY, Body=b"somebody else's", Metadata={"team": "lake"})
    drift = stack.run("drift", "--json", status=2).events()
    assert [event["address"] for event in drift if event["event"] == "drift"] == ["big"]
    stack.apply()
    assert_object(s3, data)
    stack.destroy()
    assert not s3.list_buckets()["Buckets"]


def test_sums_are_kept(place, sandbox):
    data = content(20)
    place.write(STACK).write(data, "big.bin")
    place.apply()
    s3 = sandbox.client()
    assert_object(s3, data)
    head = s3.head_object(Bucket="up-lake", Key=KEY, ChecksumMode="ENABLED")
    assert head["ChecksumType"] == "FULL_OBJECT" and head["ChecksumCRC64NVME"]
    place.assert_settled()
    place.destroy()
    assert not s3.list_buckets()["Buckets"]


def hold_after(sandbox, least):
    """So many parts arrive, the others are held up."""
    sandbox.faults({"service": "s3", "operation": PART, "latency": 0, "times": least}, {"service": "s3", "operation": PART, "latency": HELD_MS})


def kill_midway(place, sandbox, least):
    """Kills an apply of which so many parts have arrived."""
    hold_after(sandbox, least)
    s3 = sandbox.client()
    process = place.start("apply", "--yes")
    until(lambda: len(parts(s3)) >= least, process=process)
    process.kill()
    process.communicate()
    there = set(parts(s3))
    assert len(uploads(s3)) == 1
    sandbox.faults({"service": "s3", "operation": PART, "latency": 0})
    return there


@pytest.mark.full
def test_goes_on_after_a_kill(place, sandbox):
    data = content(96)
    place.write(STACK).write(data, "big.bin")
    there = kill_midway(place, sandbox, 8)
    total = len(data) // (8 * MIB) + 1
    assert 8 <= len(there) < total
    place.apply()
    # what the dying process had in flight may have arrived a moment later, and is then known to the service but not to weir
    assert total - len(there) <= sandbox.struck()[0] <= total - len(there) + 8
    s3 = sandbox.client()
    assert_object(s3, data)
    assert place.outputs()["sha256"] == hashlib.sha256(data).hexdigest()
    assert not list((place.folder / ".weir/uploads").glob("[0-9a-f]*"))
    place.assert_settled()


@pytest.mark.parametrize("same", [True, False])
def test_killed_when_all_was_sent(place, sandbox, same):
    """The object is there, and the state does not know: it is recognised by its parts, and not sent again."""
    data = content(40)
    place.write(STACK).write(data, "big.bin")
    last = "POST /up-lake/data/big%20file.bin?uploadId=*"
    sandbox.faults({"service": "s3", "operation": PART, "latency": 0}, {"service": "s3", "operation": last, "latency": HELD_MS})
    s3 = sandbox.client()
    process = place.start("apply", "--yes")
    until(lambda: sandbox.struck() == [6, 1])
    process.kill()
    process.communicate()
    sandbox.faults({"service": "s3", "operation": PART, "latency": 0})
    until(lambda: s3.list_objects_v2(Bucket="up-lake")["KeyCount"] == 1)
    if not same:
        data = data[:-1] + b"!"
        place.write(data, "big.bin")
    place.apply()
    assert sandbox.struck() == [0 if same else 6]
    assert_object(s3, data)
    assert place.outputs()["sha256"] == hashlib.sha256(data).hexdigest()
    place.assert_settled()


@pytest.mark.long  # after one kill, and when all was sent, stay
def test_goes_on_after_two_signals(place, sandbox):
    """The second Ctrl-C ends what is in flight; what has arrived stays for the next run."""
    data = content(128)
    place.write(STACK).write(data, "big.bin")
    hold_after(sandbox, 3)
    s3 = sandbox.client()
    process = place.start("apply", "--yes")
    until(lambda: len(parts(s3)) >= 3, process=process)
    while process.poll() is None:
        process.send_signal(signal.SIGINT)  # two at once are one
        time.sleep(0.02)
    out, err = process.communicate()
    assert process.returncode == 130, out + err
    total, there = len(data) // (8 * MIB) + 1, len(parts(s3))
    assert 3 <= there < total and len(uploads(s3)) == 1
    sandbox.faults({"service": "s3", "operation": PART, "latency": 0})
    place.apply()
    assert sandbox.struck()[0] < total
    assert_object(s3, data)
    place.assert_settled()


def test_other_content_after_a_kill(place, sandbox):
    """Only what differs is sent again, and nothing of the old content stays."""
    data = content(40)
    place.write(STACK).write(data, "big.bin")
    kill_midway(place, sandbox, 3)
    data = data[:9 * MIB] + b"other" + data[9 * MIB + 5:]
    place.write(data, "big.bin")
    place.apply()
    assert_object(sandbox.client(), data)
    place.assert_settled()


@pytest.mark.long
def test_another_size_after_a_kill(place, sandbox):
    place.write(STACK).write(content(40), "big.bin")
    kill_midway(place, sandbox, 3)
    data = content(24, seed=2)
    place.write(data, "big.bin")
    place.apply()
    assert_object(sandbox.client(), data)


def test_the_service_forgot_the_upload(place, sandbox):
    data = content(40)
    place.write(STACK).write(data, "big.bin")
    kill_midway(place, sandbox, 3)
    s3 = sandbox.client()
    for upload in uploads(s3):
        s3.abort_multipart_upload(Bucket="up-lake", Key=KEY, UploadId=upload["UploadId"])
    place.apply()
    assert_object(s3, data)


def test_destroyed_instead_of_gone_on_with(place, sandbox):
    data = content(24)
    place.write(STACK).write(data, "big.bin").apply()
    place.write(content(40, seed=2), "big.bin")
    kill_midway(place, sandbox, 3)
    place.destroy("--target", "big")
    s3 = sandbox.client()
    assert not uploads(s3)
    place.destroy()
    assert not s3.list_buckets()["Buckets"]


@pytest.mark.parametrize("fault", [pytest.param("reset", marks=pytest.mark.long), "lost", "error", pytest.param("throttle", marks=pytest.mark.long)])
def test_faults(place, sandbox, fault):
    """Every third request or so fails one way or another, and in the end it is all there."""
    data = content(100)
    place.write(STACK).write(data, "big.bin")
    sandbox.faults({"service": "s3", "operation": "*/up-lake/data*", "fault": fault, "probability": 0.3})
    place.apply(env={"AWS_MAX_ATTEMPTS": "12", "WEIR_CLOCK_SPEED": "10"})
    assert sum(sandbox.struck()) > 0
    sandbox.faults()
    assert_object(sandbox.client(), data)
    place.assert_settled()


def test_what_is_sent_again_is_told(place, sandbox):
    """Of an object in one piece and in parts, of the artifact and of the file of a folder whose request it was."""
    place.write(content(20), "big.bin").write("print(1)\n", "a.py").write("x", "tree/one").write(content(20), "tree/two")
    place.write(RETOLD)
    sandbox.faults(*({"service": "s3", "operation": operation, "fault": "throttle", "times": 1} for operation in (PART[:-1] + "2", "PUT /up-lake/small", "PUT /up-lake/code/*", "PUT /up-lake/tree/one", "PUT /up-lake/tree/two?*partNumber=3*")))
    told = [(event["address"], event["text"]) for event in place.apply("--json").events() if "try" in event.get("text", "")]
    assert sandbox.struck() == [1, 1, 1, 1, 1]
    expected = [("big", "UploadPart 2 of 3"), ("small", "PutObject"), ("code", "PutObject"), ("tree", "PutObject tree/one"), ("tree", "UploadPart 3 of 3 of tree/two")]
    assert sorted(told) == sorted((address, f"{what}: {end}") for address, what in expected for end in ("2nd try, throttled", "done at the 2nd try"))


def test_the_last_answer_is_lost(place, sandbox):
    data = content(20)
    place.write(STACK).write(data, "big.bin")
    sandbox.faults({"service": "s3", "operation": "POST /up-lake/data/big%20file.bin?uploadId=*", "fault": "lost", "times": 1})
    place.apply()
    assert sandbox.struck() == [1]
    assert_object(sandbox.client(), data)
    place.assert_settled()


@pytest.mark.full
def test_refused_half_way(place, sandbox):
    """What is given up for good is aborted; the next run begins anew."""
    data = content(100)
    place.write(STACK).write(data, "big.bin")
    sandbox.faults({"service": "s3", "operation": PART[:-1] + "5", "fault": "error", "status": 403, "code": "QuotaExceeded"})
    result = place.apply(status=1)
    assert "part 5 of 13" in result.err and "QuotaExceeded" in result.err
    s3 = sandbox.client()
    sandbox.faults()
    assert not uploads(s3) and "Contents" not in s3.list_objects_v2(Bucket="up-lake")
    place.apply()
    assert_object(s3, data)


@pytest.mark.full
def test_changes_meanwhile(place, sandbox):
    """Noticed, and uploaded once more as it is now."""
    data = content(24, seed=2)
    place.write(WITHOUT_HASH).write(content(40), "big.bin").write(data, "big.new")
    hold_after(sandbox, 2)
    process = place.start("apply", "--yes")
    s3 = sandbox.client()
    until(lambda: len(parts(s3)) >= 2, process=process)
    os.replace(place.folder / "big.new", place.folder / "big.bin")
    sandbox.faults()
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert_object(s3, data)
    place.assert_settled()


def test_changes_while_its_hash_is_used(place, sandbox):
    """Others were planned with the hash: then it is an error, as with a saved plan."""
    place.write(STACK).write(content(40), "big.bin").write(content(24, seed=2), "big.new")
    hold_after(sandbox, 2)
    process = place.start("apply", "--yes")
    s3 = sandbox.client()
    until(lambda: len(parts(s3)) >= 2, process=process)
    os.replace(place.folder / "big.new", place.folder / "big.bin")
    sandbox.faults()
    out, err = process.communicate()
    assert process.returncode == 1 and "plan again" in err, out + err
    assert not uploads(s3) and "Contents" not in s3.list_objects_v2(Bucket="up-lake")


def test_never_stops_changing(place, sandbox):
    data = content(24)
    place.write(WITHOUT_HASH).write(data, "big.bin")
    hold_after(sandbox, 0)
    process = place.start("apply", "--yes")
    seed = 0
    while until(lambda: process.poll() is not None or sandbox.struck()[1]) and process.poll() is None:
        seed += 1
        with open(place.folder / "big.bin", "r+b") as file:
            file.write(str(seed).encode())
        hold_after(sandbox, 0)  # those that waited go on
    out, err = process.communicate()
    assert process.returncode == 1 and 'big.bin" changes while it is uploaded' in err, out + err
    s3 = sandbox.client()
    assert not uploads(s3) and "Contents" not in s3.list_objects_v2(Bucket="up-lake")


def test_changed_since_the_plan(place, sandbox):
    """A reviewed plan is applied exactly, or not at all."""
    place.write(STACK).write(b"small", "big.bin")
    place.run("plan", "-o", "saved.plan")
    place.write(b"other", "big.bin")
    result = place.run("apply", "saved.plan", status=None)
    assert result.status != 0 and "Contents" not in (sandbox.client().list_objects_v2(Bucket="up-lake") if sandbox.client().list_buckets()["Buckets"] else {})


def test_progress_is_told(place, sandbox):
    place.write(STACK).write(content(40), "big.bin")
    sandbox.faults({"service": "s3", "operation": PART, "latency": 400})
    events = place.run("apply", "--yes", "--json").events()
    texts = [event["text"] for event in events if event["event"] == "progress"]
    assert any(text.startswith("uploading: ") and " of 40 MiB, " in text and text.endswith("/s") for text in texts), texts


def test_no_room_for_the_record(place, sandbox):
    """Where .weir/uploads cannot be made the upload goes on, only not after a kill."""
    data = content(24)
    place.write(STACK).write(data, "big.bin")
    (place.folder / ".weir").mkdir()
    (place.folder / ".weir/uploads").write_text("in the way")
    place.apply()
    assert_object(sandbox.client(), data)


# ---- what a plan knows of the content ----


@pytest.mark.full
@pytest.mark.parametrize("expression, known", [
    ("${big.sha256}", True), ("${[for name, object in {big: big}: object.sha256][0]}", True), ("${many['a'].sha256}", True),
    ("${values(many)[0].sha256}", True), ("${big.url}", False), ("${many['a'].url}", False),
])
def test_hashed_beforehand_where_it_is_asked_for(place, expression, known):
    """A large file that is new is hashed while it is uploaded; but a plan whose expressions need the hash has it."""
    place.write(f"""
        stack: up
        resources:
          lake: {{type: aws.s3.bucket, name: up-lake}}
          big: {{type: aws.s3.object, bucket: "${{lake.name}}", key: big, source: big.bin}}
          many: {{type: aws.s3.object, for_each: [a], bucket: "${{lake.name}}", key: "${{each.key}}", source: big.bin}}
        outputs:
          asked: {{value: "{expression}"}}
    """)
    size = 20 * MIB if known else 1 << 41  # two TiB of nothing: nobody reads that in time
    with open(place.folder / "big.bin", "wb") as file:
        file.truncate(size)
    events = place.run("plan", "--json").events()
    asked = next(event for event in events if event["event"] == "output")
    assert asked["after"] == hashlib.sha256(bytes(size)).hexdigest() if known else asked["after"].startswith("s3://"), asked
