"""aws.s3.directory: a folder kept the same below a prefix, on moto and on the sandbox, looked at with boto3 and s3cmd."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from servers import program
from support import planned, traceable, until
from test_upload import HELD_MS, place, sandbox  # noqa: F401 (fixtures)

STACK = """
    stack: dir
    resources:
      lake: {type: aws.s3.bucket, name: dir-lake}
      dags:
        type: aws.s3.directory
        bucket: ${lake.name}
        prefix: dags
        source: src
        exclude: ["*.tmp", skipped/]
        content_types: {"*.conf": text/x-conf}
        metadata: {team: lake}
    outputs:
      count: {value: "${dags.count}"}
      url: {value: "${dags.url}"}
"""

FILES = {
    "a.py": b"print(1)\n", "sql/b.sql": b"select 1;\n", "sql/deep/c d.conf": b"x = 1\n", "ünï/ü+ö&?.txt": b"", "same1": b"same", "same2": b"same",
}


def write(stack, files, folder="src"):
    for name, data in files.items():
        path = stack.folder / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def keys(s3):
    return {item["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="dir-lake") for item in page.get("Contents", [])}


def objects(s3):
    return {key: s3.get_object(Bucket="dir-lake", Key=key)["Body"].read() for key in keys(s3)}


def under(prefix, files):
    return {prefix + name: data for name, data in files.items()}


@pytest.fixture(params=["moto", "sandbox"])
def anywhere(request):
    if request.param == "moto":
        return request.getfixturevalue("stack"), request.getfixturevalue("cloud").client("s3")
    return request.getfixturevalue("place"), request.getfixturevalue("sandbox").client()


def test_life_cycle(anywhere):
    stack, s3 = anywhere
    write(stack, FILES)
    write(stack, {"x.tmp": b"", "skipped/y": b"", ".git/config": b"", "sql/__pycache__/b.pyc": b""})
    stack.write(STACK).apply()
    assert objects(s3) == under("dags/", FILES)
    head = s3.head_object(Bucket="dir-lake", Key="dags/sql/deep/c d.conf")
    assert (head["ContentType"], head["Metadata"]["team"]) == ("text/x-conf", "lake")
    assert head["Metadata"]["weir-sha256"] == hashlib.sha256(FILES["sql/deep/c d.conf"]).hexdigest()
    assert s3.head_object(Bucket="dir-lake", Key="dags/a.py")["ContentType"] == "text/x-python"
    assert stack.outputs() == {"count": 6, "url": "s3://dir-lake/dags/"}
    stack.assert_settled()

    # somebody else's things are left alone, whatever happens
    others = {"dags/theirs.txt": b"theirs", "dags/sql/z": b"z", "dagsx": b"x", "top": b"t"}
    for key, data in others.items():
        s3.put_object(Bucket="dir-lake", Key=key, Body=data)
    stack.assert_settled()

    files = {**FILES, "new.py": b"new", "a.py": b"print(2)\n"}
    del files["sql/b.sql"]
    write(stack, files)
    (stack.folder / "src/sql/b.sql").unlink()
    before = s3.head_object(Bucket="dir-lake", Key="dags/same1")["LastModified"]
    result = stack.run("plan", "--no-color")
    for line in ("~ a.py:", "+ new.py:", "- sql/b.sql:", "# 4 unchanged"):
        assert line in result.out, result.out
    stack.apply()
    assert objects(s3) == {**under("dags/", files), **others}
    assert s3.head_object(Bucket="dir-lake", Key="dags/same1")["LastModified"] == before
    stack.assert_settled()

    # changed outside: replaced, deleted
    s3.put_object(Bucket="dir-lake", Key="dags/same1", Body=b"evil")
    s3.delete_object(Bucket="dir-lake", Key="dags/same2")
    drift = stack.run("drift", "--no-color", status=2)
    assert "same1" in drift.out and "same2" in drift.out and "a.py" not in drift.out
    stack.apply()
    assert objects(s3) == {**under("dags/", files), **others}
    stack.assert_settled()

    stack.destroy("--target", "dags")
    assert objects(s3) == others
    for key in others:
        s3.delete_object(Bucket="dir-lake", Key=key)
    stack.destroy()
    assert not s3.list_buckets()["Buckets"]


def test_headers_of_all_files(place, sandbox):  # noqa: F811
    s3 = sandbox.client()
    write(place, FILES)
    place.write(STACK).apply()
    place.write(STACK.replace("team: lake", "team: pond")).apply()
    assert {s3.head_object(Bucket="dir-lake", Key=key)["Metadata"]["team"] for key in objects(s3)} == {"pond"}
    place.assert_settled()


def test_moved(place, sandbox):  # noqa: F811
    s3 = sandbox.client()
    write(place, FILES)
    place.write(STACK).apply()
    place.write(STACK.replace("prefix: dags", "prefix: /jobs/")).apply()
    assert objects(s3) == under("jobs/", FILES)
    place.write(STACK.replace("prefix: dags", "delete: true")).apply()
    assert objects(s3) == FILES
    place.assert_settled()


def test_kept_when_removed(place, sandbox):  # noqa: F811
    s3 = sandbox.client()
    write(place, FILES)
    place.write(STACK.replace("source: src", "source: src\n        delete: false")).apply()
    (place.folder / "src/a.py").unlink()
    place.apply()
    assert objects(s3) == under("dags/", FILES)
    place.assert_settled()


def test_empty(place, sandbox):  # noqa: F811
    (place.folder / "src").mkdir()
    place.write(STACK).apply()
    place.assert_settled()
    write(place, FILES)
    place.apply()
    shutil.rmtree(place.folder / "src")
    (place.folder / "src").mkdir()
    place.apply()
    assert objects(sandbox.client()) == {}
    place.assert_settled()


def test_files_are_read_once(place, sandbox):  # noqa: F811
    """The second plan opens folders, but no file in them."""
    write(place, FILES)
    time.sleep(0.05)  # files as fresh as these are not remembered
    place.write(STACK).apply()
    if not traceable():
        pytest.skip("no strace")

    def opened():
        trace = place.folder / "trace"
        subprocess.run(["strace", "-f", "-e", "trace=openat", "-o", trace, *place.command("plan")], cwd=place.folder,
                       env={**place.env, "ASAN_OPTIONS": "detect_leaks=0"}, check=True, capture_output=True)
        return set(re.findall(r'src/(a\.py|same1|same2|sql/b\.sql)"', trace.read_text()))

    assert opened() == set()
    (place.folder / "src/same1").touch()
    time.sleep(0.05)
    assert opened() == {"same1"}
    assert opened() == set()
    shutil.rmtree(place.folder / ".weir/cache")
    assert opened() == {"a.py", "same1", "same2", "sql/b.sql"}


@pytest.mark.long
def test_many(place, sandbox):  # noqa: F811
    s3 = sandbox.client()
    files = {f"d{i % 30:02}/{i:05}": b"%d" % i for i in range(2500)}
    write(place, files)
    text = place.write(STACK).run("plan", "--no-color").out
    assert len(text.splitlines()) < 60 and "count: 2500" in text, text[:3000]
    assert sum(" d" in line for line in place.run("plan", "--no-color", "--full").out.splitlines()) >= 2500
    place.apply()
    assert keys(s3) == set(under("dags/", files))
    events = place.run("plan", "--json").events()
    refreshed = [event for event in events if event["event"] == "refresh_done"][0]
    assert refreshed["requests"] == 4  # three pages, and the bucket
    write(place, {name: b"!" for name in sorted(files)[:100]})
    text = place.run("plan", "--no-color").out
    assert len(text.splitlines()) < 60 and "# and so on: 0 added, 100 changed, 0 removed, 2400 unchanged" in text, text[:3000]
    write(place, files)
    # a stranger's files between ours move the pages, not the result
    for i in range(30):
        s3.put_object(Bucket="dir-lake", Key=f"dags/d{i:02}/0-{i}", Body=b"")
    s3.delete_object(Bucket="dir-lake", Key="dags/d29/02489")
    assert place.plan() == {"dags": "update"}
    place.apply()
    place.assert_settled()
    place.destroy("--target", "dags")
    assert len(keys(s3)) == 30


def test_all_sizes(place, sandbox):  # noqa: F811
    """In one piece with the head, after it, and in parts."""
    kib = 1 << 10
    sizes = [0, 1, 48 * kib, 48 * kib + 1, 300 * kib, 3000 * kib, (16 << 10) * kib - 1, (16 << 10) * kib, (17 << 10) * kib]
    files = {f"f-{size}": os.urandom(size) for size in sizes}
    write(place, files)
    place.write(STACK).apply()
    s3 = sandbox.client()
    assert objects(s3) == under("dags/", files)
    in_parts = {size for size in sizes if "-" in s3.head_object(Bucket="dir-lake", Key=f"dags/f-{size}")["ETag"]}
    assert in_parts == {size for size in sizes if size >= 16 << 20}
    place.assert_settled()


def hold_after(sandbox, least):
    """So many files arrive, the others are held up."""
    sandbox.faults(*({"service": "s3", "operation": "PUT /dir-lake/dags/*", **more} for more in ({"latency": 0, "times": least}, {"latency": HELD_MS})))


@pytest.mark.full
def test_interrupt(place, sandbox):  # noqa: F811
    """What is on its way ends, what has arrived is recorded; the next run sends the rest."""
    files = {f"{i:04}": b"%d" % i for i in range(300)}
    write(place, files)
    place.write(STACK)
    hold_after(sandbox, 40)
    process = place.start("apply", "--yes")
    s3 = sandbox.client()
    until(lambda: s3.list_buckets()["Buckets"] and keys(s3), process=process)
    while process.poll() is None:
        process.send_signal(signal.SIGINT)  # two at once are one
        time.sleep(0.02)
    out, err = process.communicate()
    assert process.returncode == 130, out + err
    there = keys(s3)
    assert 0 < len(there) < 300
    sandbox.faults({"service": "s3", "operation": "PUT /dir-lake/dags/*", "latency": 0})
    place.apply()
    assert sandbox.struck()[0] < 300
    assert objects(s3) == under("dags/", files)
    place.assert_settled()


def test_s3cmd_sees_the_same(place, sandbox):  # noqa: F811
    write(place, FILES)
    place.write(STACK).apply()
    out = subprocess.run(
        [program("s3cmd"), "--config=/dev/null", f"--access_key={sandbox.access}", f"--secret_key={sandbox.secret}", f"--host={sandbox.host}",
         f"--host-bucket={sandbox.host}", "--no-ssl", "ls", "--recursive", "s3://dir-lake/"], capture_output=True, text=True, check=True, env=sandbox.environment())
    assert sorted(line.split("s3://dir-lake/")[1] for line in out.stdout.splitlines()) == sorted(under("dags/", FILES))


@pytest.mark.parametrize("fault", ["reset", "lost", "error", "throttle"])
def test_faults(place, sandbox, fault):  # noqa: F811
    files = {f"{i:03}": b"%d" % i for i in range(100)}
    write(place, files)
    place.write(STACK)
    sandbox.faults({"service": "s3", "operation": "*/dir-lake/dags*", "fault": fault, "probability": 0.05, "times": 3})
    place.apply(env={"AWS_MAX_ATTEMPTS": "12", "WEIR_CLOCK_SPEED": "10"})
    assert sum(sandbox.struck()) > 0
    sandbox.faults()
    assert objects(sandbox.client()) == under("dags/", files)
    place.assert_settled()


@pytest.mark.full
def test_goes_on_after_a_failure(place, sandbox):  # noqa: F811
    """What has arrived is recorded, and not sent again; what one file is refused for is said."""
    files = {f"{i:03}": b"%d" % i for i in range(200)}
    write(place, files)
    place.write(STACK)
    refused = {"service": "s3", "operation": "PUT /dir-lake/dags/150", "fault": "error", "status": 403, "code": "QuotaExceeded"}
    sandbox.faults(refused)
    result = place.apply(status=1)
    assert "150: QuotaExceeded" in result.err
    s3 = sandbox.client()
    there = keys(s3)
    assert there and "dags/150" not in there
    sandbox.faults({"service": "s3", "operation": "PUT /dir-lake/dags/*", "latency": 0})
    assert place.plan() == {"dags": "update"}
    place.apply()
    assert sandbox.struck() == [200 - len(there)]
    assert objects(s3) == under("dags/", files)
    place.assert_settled()
    # and so with an update
    sandbox.faults(refused)
    write(place, {name: b"new " + data for name, data in files.items()})
    place.apply(status=1)
    sandbox.faults()
    (place.folder / "src/003").unlink()
    place.apply()
    assert objects(s3) == {f"dags/{name}": b"new " + data for name, data in files.items() if name != "003"}
    place.assert_settled()


@pytest.mark.full
@pytest.mark.parametrize("first", [True, False])
def test_kill(place, sandbox, first):  # noqa: F811
    """Killed while it creates or updates: what was sent is found again, and deleted when its file is gone."""
    s3 = sandbox.client()
    files = {f"{i:03}": b"%d" % i for i in range(300)}
    place.write(STACK)
    if first:
        write(place, {"placeholder": b""})
        place.apply("--target", "lake")
        (place.folder / "src/placeholder").unlink()
    else:
        write(place, {"kept": b"kept"})
        place.apply()
        files["kept"] = b"kept"
    write(place, files)
    hold_after(sandbox, 40)
    process = place.start("apply", "--yes")
    until(lambda: s3.list_objects_v2(Bucket="dir-lake").get("KeyCount", 0) >= 40, process=process)
    process.kill()
    process.communicate()
    sandbox.faults()
    there = keys(s3)
    gone = sorted(there - {"dags/kept"})[:5]
    for key in gone:  # sent, and now not wanted any more
        (place.folder / "src" / key.removeprefix("dags/")).unlink()
        del files[key.removeprefix("dags/")]
    place.apply()
    assert objects(s3) == under("dags/", files)
    place.assert_settled()
    place.destroy()
    assert not s3.list_buckets()["Buckets"]


def refused(stack):
    result = stack.run("plan", status=3)
    return result.err


def test_bad_folders(place):  # noqa: F811
    stack = place
    stack.write(STACK)
    assert "src" in refused(stack)
    write(stack, {"ok": b""})
    (stack.folder / "outside").write_text("secret")
    (stack.folder / "src/link").symlink_to("../outside")
    assert "is a link that leaves the folder" in refused(stack)
    (stack.folder / "src/link").unlink()
    (stack.folder / "src/round").symlink_to(".")
    assert "round" in refused(stack)
    (stack.folder / "src/round").unlink()
    os.mkfifo(stack.folder / "src/pipe")
    assert "neither a file nor a folder" in refused(stack)
    (stack.folder / "src/pipe").unlink()
    bad = os.fsencode(stack.folder / "src") + b"/bad-\xff"
    Path(os.fsdecode(bad)).write_text("")
    assert "is not UTF-8" in refused(stack)


def test_long_names(place):  # noqa: F811
    stack = place
    write(stack, {"/".join(["x" * 200] * 6): b""})
    stack.write(STACK)
    assert "longer than 1,024 bytes" in refused(stack)


def test_changed_since_the_plan(place, sandbox):  # noqa: F811
    write(place, FILES)
    place.write(STACK).run("plan", "-o", "saved.plan")
    write(place, {"a.py": b"other"})
    result = place.run("apply", "saved.plan", status=None)
    assert result.status != 0
    assert json.dumps(planned(place.run("plan", "--json")))  # and a new plan can be made
