"""What a killed first upload has left at the service: gone on with, or aborted once nobody wants it any more."""

import shutil

import pytest

from support import until
from test_upload import HELD_MS, KEY, PART, assert_object, content, place, sandbox, uploads  # noqa: F401 (fixtures)

BUCKET_ONLY = """
    stack: up
    resources:
      lake: {type: aws.s3.bucket, name: up-lake}
"""
STACK = BUCKET_ONLY + """
      big: {type: aws.s3.object, bucket: "${lake.name}", key: "data/big file.bin", source: big.bin, metadata: {team: lake}}
"""
DIRECTORY = BUCKET_ONLY + """
      tree: {type: aws.s3.directory, bucket: "${lake.name}", prefix: data, source: src}
"""
ARTIFACT = BUCKET_ONLY + """
      code: {type: weir.artifact, source: big.bin, store: "${lake.name}/data"}
"""
LATER_PARTS = [{"service": "s3", "operation": f"PUT /up-lake/data/*partNumber={part}*", "latency": HELD_MS} for part in (2, 3)]


def forget(place):
    """What is kept on this machine of uploads under way."""
    shutil.rmtree(place.folder / ".weir/uploads")


def kill(place, sandbox, files=1):
    """Kills an apply in the middle of its uploads: the first part of each is there."""
    s3 = sandbox.client()
    before = {upload["UploadId"] for upload in uploads(s3)} if s3.list_buckets()["Buckets"] else set()
    sandbox.faults(*LATER_PARTS)

    def under_way():
        try:
            return [
                upload for upload in uploads(s3)
                if upload["UploadId"] not in before and s3.list_parts(Bucket="up-lake", Key=upload["Key"], UploadId=upload["UploadId"]).get("Parts")
            ]
        except s3.exceptions.NoSuchBucket:
            return []

    process = place.start("apply", "--yes")
    until(lambda: len(under_way()) == files, process=process)
    process.kill()
    process.communicate()
    sandbox.faults()
    return s3


def assert_nothing_left(place, s3):
    assert not uploads(s3)
    place.destroy()
    assert not s3.list_buckets()["Buckets"]


@pytest.fixture(params=["kept", "forgotten"])
def record(request):
    """Whether the next command finds what the killed one has noted, as on the same machine, or not, as in CI."""
    return forget if request.param == "forgotten" else lambda place: None


@pytest.mark.parametrize("between", [[], ["plan"], ["apply", "--yes", "--target", "lake"]])
def test_taken_out_of_the_stack(place, sandbox, record, between):
    place.write(STACK).write(content(20), "big.bin")
    s3 = kill(place, sandbox)
    if between:
        place.run(*between)
    record(place)
    place.write(BUCKET_ONLY).apply()
    place.assert_settled()
    assert_nothing_left(place, s3)


@pytest.mark.parametrize("stack, address", [(STACK, "big"), (ARTIFACT, "code")], ids=["object", "artifact"])
def test_destroyed_at_once(place, sandbox, record, stack, address):
    place.write(stack).write(content(20), "big.bin")
    s3 = kill(place, sandbox)
    record(place)
    place.destroy("--target", address)
    assert_nothing_left(place, s3)


def test_planned_and_then_forgotten(place, sandbox):
    """That a plan has settled it changes nothing: it is the state that knows of the parts."""
    place.write(STACK).write(content(20), "big.bin")
    s3 = kill(place, sandbox)
    place.run("plan")
    assert len(uploads(s3)) == 1
    forget(place)
    place.write(BUCKET_ONLY).apply()
    assert_nothing_left(place, s3)


def test_under_another_key(place, sandbox, record):
    data = content(20)
    place.write(STACK).write(data, "big.bin")
    s3 = kill(place, sandbox)
    record(place)
    place.write(STACK.replace("data/big file", "data/large file")).apply()
    assert s3.get_object(Bucket="up-lake", Key="data/large file.bin")["Body"].read() == data
    place.assert_settled()
    assert_nothing_left(place, s3)


def test_in_another_bucket(place, sandbox, record):
    data = content(20)
    place.write(STACK).write(data, "big.bin")
    s3 = kill(place, sandbox)
    record(place)
    place.write(STACK.replace("${lake.name}", "${other.name}") + "\n      other: {type: aws.s3.bucket, name: up-other}\n").apply()
    assert s3.get_object(Bucket="up-other", Key=KEY)["Body"].read() == data
    place.assert_settled()
    assert_nothing_left(place, s3)


def test_gone_on_with_without_its_record(place, sandbox):
    """Sent anew; the parts that nobody can use any more go."""
    data = content(20)
    place.write(STACK).write(data, "big.bin")
    s3 = kill(place, sandbox)
    forget(place)
    place.apply()
    assert_object(s3, data)
    place.assert_settled()
    assert_nothing_left(place, s3)


def test_an_update_reverted(place, sandbox, record):
    """The object is as it was, and the parts of what it was to become are not needed."""
    data = content(20)
    place.write(STACK).write(data, "big.bin").apply()
    place.write(content(20, seed=2), "big.bin")
    s3 = kill(place, sandbox)
    record(place)
    place.write(data, "big.bin")
    assert place.plan() == {"big": "update"}
    place.apply()
    assert_object(s3, data)
    place.assert_settled()
    assert_nothing_left(place, s3)


@pytest.mark.parametrize("stack", [STACK, ARTIFACT], ids=["object", "artifact"])
def test_an_update_taken_out_of_the_stack(place, sandbox, record, stack):
    place.write(stack).write(content(20), "big.bin").apply()
    place.write(content(20, seed=2), "big.bin")
    s3 = kill(place, sandbox)
    record(place)
    place.write(BUCKET_ONLY).apply()
    assert_nothing_left(place, s3)


def test_several_kills(place, sandbox):
    """Each on a machine that knows nothing of the ones before."""
    place.write(STACK).write(content(20), "big.bin")
    s3 = kill(place, sandbox)
    forget(place)
    kill(place, sandbox)
    assert len(uploads(s3)) == 2
    forget(place)
    place.write(BUCKET_ONLY).apply()
    assert_nothing_left(place, s3)


def test_credentials_that_end(place, sandbox, record):
    """The run ends by itself, and what it has sent stays for the next one: also for one that does not want it."""
    place.write(STACK).write(content(20), "big.bin")
    sandbox.faults({"service": "s3", "operation": PART[:-1] + "3", "fault": "error", "status": 403, "code": "ExpiredToken"})
    place.apply(status=1)
    sandbox.faults()
    s3 = sandbox.client()
    assert len(uploads(s3)) == 1
    record(place)
    place.write(BUCKET_ONLY).apply()
    assert_nothing_left(place, s3)


def test_somebody_elses_upload_stays(place, sandbox):
    s3 = sandbox.client()
    place.write(BUCKET_ONLY).apply()
    theirs = s3.create_multipart_upload(Bucket="up-lake", Key=KEY + ".theirs")["UploadId"]
    place.write(STACK).write(content(20), "big.bin")
    kill(place, sandbox)
    place.write(BUCKET_ONLY).apply()
    assert [upload["UploadId"] for upload in uploads(s3)] == [theirs]
    s3.abort_multipart_upload(Bucket="up-lake", Key=KEY + ".theirs", UploadId=theirs)


def test_may_not_list_uploads(place, sandbox):
    """Without that permission what is noted on this machine has to do."""
    place.write(STACK).write(content(20), "big.bin")
    s3 = kill(place, sandbox)
    sandbox.faults({"service": "s3", "operation": "GET /up-lake?*uploads*", "fault": "error", "status": 403, "code": "AccessDenied"})
    place.write(BUCKET_ONLY).apply()
    assert sandbox.struck()[0] > 0
    sandbox.faults()
    assert_nothing_left(place, s3)


# ---- folders and artifacts ----


def folder_of(place, files):
    shutil.rmtree(place.folder / "src", ignore_errors=True)
    for name, data in files.items():
        place.write(data, "src/" + name)


def test_directory(place, sandbox, record):
    folder_of(place, {"a.bin": content(20), "b.bin": content(20, seed=2), "small": b"small"})
    place.write(DIRECTORY)
    s3 = kill(place, sandbox, files=2)
    record(place)
    place.write(BUCKET_ONLY).apply()
    place.assert_settled()
    assert_nothing_left(place, s3)


def test_file_of_a_directory(place, sandbox, record):
    """It is not there any more when the next apply looks."""
    files = {"small": b"small"}
    folder_of(place, files)
    place.write(DIRECTORY).apply()
    place.write(content(20), "src/big.bin")
    s3 = kill(place, sandbox)
    record(place)
    folder_of(place, files)
    place.apply()
    place.assert_settled()
    assert_nothing_left(place, s3)


def test_directory_gone_on_with(place, sandbox, record):
    files = {"big.bin": content(20), "small": b"small"}
    folder_of(place, files)
    place.write(DIRECTORY)
    s3 = kill(place, sandbox)
    record(place)
    place.apply()
    assert {item["Key"] for item in s3.list_objects_v2(Bucket="up-lake")["Contents"]} == {"data/big.bin", "data/small"}
    assert s3.get_object(Bucket="up-lake", Key="data/big.bin")["Body"].read() == files["big.bin"]
    place.assert_settled()
    assert_nothing_left(place, s3)


@pytest.mark.parametrize("change", ["gone", "edited", "elsewhere", "same"])
def test_artifact(place, sandbox, record, change):
    place.write(ARTIFACT).write(content(20), "big.bin")
    s3 = kill(place, sandbox)
    record(place)
    if change == "gone":
        place.write(BUCKET_ONLY)
    elif change == "edited":
        place.write(content(20, seed=2), "big.bin")
    elif change == "elsewhere":
        place.write(ARTIFACT.replace('lake.name}/data"', 'lake.name}/code"'))
    place.apply()
    place.assert_settled()
    assert_nothing_left(place, s3)


def test_artifact_taken_over_keeps_its_versions(place, sandbox):
    """It was stored, and the state did not know: what recovery takes over goes with the others in the end."""
    place.write(ARTIFACT).write(b"one", "big.bin")
    place.run("apply", "--yes", "--target", "lake")
    sandbox.faults({"service": "s3", "operation": "PUT /up-lake/data/*", "latency": HELD_MS})
    s3 = sandbox.client()
    process = place.start("apply", "--yes")
    until(lambda: sandbox.struck() == [1], process=process)
    process.kill()
    process.communicate()
    sandbox.faults()
    until(lambda: s3.list_objects_v2(Bucket="up-lake")["KeyCount"] == 1)
    place.run("plan")
    place.write(b"two", "big.bin").apply()
    assert s3.list_objects_v2(Bucket="up-lake")["KeyCount"] == 2
    assert_nothing_left(place, s3)
