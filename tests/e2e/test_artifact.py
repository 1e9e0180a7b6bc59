"""weir.artifact: packed, stored, noticed when it is swapped, kept and taken away; on moto and on the sandbox."""

import base64
import hashlib
import io
import json
import os
import re
import zipfile
from pathlib import Path

import pytest

from support import Stack, planned


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def artifact(attributes, more=""):
    return f"stack: art\nresources:\n  lake: {{type: aws.s3.bucket, name: art-lake}}\n  code: {{type: weir.artifact, store: '${{lake.name}}/artifacts', {attributes}}}\n{more}"


def keys(cloud):
    answer = cloud.client("s3").list_objects_v2(Bucket="art-lake")
    return [item["Key"] for item in answer.get("Contents", [])]


def body(cloud, key):
    return cloud.client("s3").get_object(Bucket="art-lake", Key=key)["Body"].read()


def code(stack):
    return json.loads(stack.run("state", "show", "code", "--json").out)["attrs"]


def code_sha(cloud):
    """What Lambda says of the code that it has."""
    return cloud.client("lambda").get_function(FunctionName="art")["Configuration"]["CodeSha256"]


FUNCTION = """
  role: {type: aws.iam.role, name: art, assume_role_policy: '${trust("lambda.amazonaws.com")}'}
  function: {type: aws.lambda.function, name: art, role: "${role.arn}", runtime: python3.13, handler: main.handler, code: {s3_bucket: "${code.bucket}", s3_key: "${code.key}"}}
"""


def test_function_gets_what_was_packed(place, tmp_path):
    stack = Stack(tmp_path / "stack", place)
    write(stack.folder, {"ingest/main.py": "def handler(event, context):\n    return 1\n", "ingest/lib/a.txt": "a"})
    stack.write(artifact("source: ingest, limit: lambda", FUNCTION)).apply()
    stack.assert_settled()
    (key,) = keys(place)
    packed = body(place, key)
    sha = hashlib.sha256(packed).digest()
    assert key == f"artifacts/ingest-{sha.hex()}.zip"
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == ["lib/a.txt", "main.py"]
        assert archive.read("main.py").startswith(b"def handler")
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {oct(info.external_attr >> 16) for info in archive.infolist()} == {"0o100644"}
    assert code_sha(place) == base64.b64encode(sha).decode() == code(stack)["sha256_base64"]
    assert place.client("s3").head_object(Bucket="art-lake", Key=key)["Metadata"]["weir-sha256"] == sha.hex()

    # a change shows at plan time with the key that it will have, in exactly what uses it
    write(stack.folder, {"ingest/main.py": "def handler(event, context):\n    return 2\n"})
    events = stack.run("plan", "--json").events()
    changes = {event["address"]: event for event in events if event["event"] == "change"}
    assert {name: change["action"] for name, change in changes.items()} == {"code": "update", "function": "update"}
    (changed,) = changes["function"]["attrs"]
    assert keys(place) == [key]
    stack.apply()
    stack.assert_settled()
    assert changed["after"]["s3_key"] in keys(place)
    assert code_sha(place) == code(stack)["sha256_base64"]

    stack.destroy()
    assert place.client("s3").list_buckets()["Buckets"] == []


def test_swapped_content_is_drift(place, tmp_path):
    stack = Stack(tmp_path / "stack", place)
    write(stack.folder, {"clean.py": "print(1)\n"})
    stack.write(artifact("source: clean.py")).apply()
    (key,) = keys(place)
    assert key.endswith(".py")
    s3 = place.client("s3")
    for metadata in ({}, s3.head_object(Bucket="art-lake", Key=key)["Metadata"]):
        s3.put_object(Bucket="art-lake", Key=key, Body=b"steal()\n", Metadata=metadata)
        drift = stack.run("drift", "--json", status=2).events()
        (event,) = [event for event in drift if event["event"] == "drift"]
        assert event["address"] == "code" and [attribute["name"] for attribute in event["attrs"]] == ["sha256"]
        assert stack.plan() == {"code": "update"}
        stack.apply()
        stack.assert_settled()
        assert body(place, key) == b"print(1)\n"

    # taken away
    s3.delete_object(Bucket="art-lake", Key=key)
    stack.run("drift", status=2)
    stack.apply()
    stack.assert_settled()
    assert body(place, key) == b"print(1)\n"
    stack.destroy()


def test_keeps_as_many_as_are_wanted(place, tmp_path):
    stack = Stack(tmp_path / "stack", place)
    stack.write(artifact("source: clean.py, keep: 2"))
    stored = []
    for i in range(5):
        write(stack.folder, {"clean.py": f"print({i})\n"})
        stack.apply()
        stored.append(code(stack)["key"])
        assert sorted(keys(place)) == sorted(stored[-3:])
    assert [version["key"] for version in code(stack)["versions"]] == stored[:1:-1]
    # an earlier content again: nothing is uploaded, the key is the one it had
    write(stack.folder, {"clean.py": "print(3)\n"})
    stack.apply()
    stack.assert_settled()
    assert code(stack)["key"] == stored[3]
    assert sorted(keys(place)) == sorted(stored[-3:])
    stack.destroy()
    assert place.client("s3").list_buckets()["Buckets"] == []


def test_versioned_bucket_is_left_empty(place, tmp_path):
    stack = Stack(tmp_path / "stack", place)
    write(stack.folder, {"a.py": "1"})
    stack.write(artifact("source: a.py").replace("name: art-lake", "name: art-lake, versioning: true")).apply()
    write(stack.folder, {"a.py": "2"})
    stack.apply()
    stack.destroy()
    assert place.client("s3").list_buckets()["Buckets"] == []


def test_moves_to_another_store(place, tmp_path):
    stack = Stack(tmp_path / "stack", place)
    write(stack.folder, {"a.py": "1"})
    stack.write(artifact("source: a.py")).apply()
    stack.write(artifact("source: a.py").replace("/artifacts", "/jobs/code/"))
    assert stack.plan() == {"code": "update"}
    stack.apply()
    stack.assert_settled()
    assert sorted(key.split("-")[0] for key in keys(place)) == ["artifacts/a", "jobs/code/a"]
    stack.destroy()
    assert place.client("s3").list_buckets()["Buckets"] == []


def test_goes_before_the_bucket_of_an_earlier_version(place, tmp_path):
    """Which it does not refer to any more."""
    stack = Stack(tmp_path / "stack", place)
    write(stack.folder, {"a.py": "1"})
    text = artifact("source: a.py", "  other: {type: aws.s3.bucket, name: art-other}\n")
    stack.write(text).apply()
    stack.write(text.replace("${lake.name}", "${other.name}")).apply()
    stack.assert_settled()
    assert len(keys(place)) == 1
    stack.destroy()
    assert place.client("s3").list_buckets()["Buckets"] == []


def test_environments_and_stacks_do_not_share(place, tmp_path):
    first, second = Stack(tmp_path / "first", place), Stack(tmp_path / "second", place)
    place.client("s3").create_bucket(Bucket="art-lake")
    text = "stack: {}\nenvironments: {{dev: {{}}, prod: {{}}}}\nresources:\n  code: {{type: weir.artifact, store: art-lake/x, source: a.py}}\n"
    for stack, name in ((first, "one"), (second, "two")):
        write(stack.folder, {"a.py": "1"})
        stack.write(text.format(name))
    first.apply("-e", "dev")
    for stack, environment in ((first, "prod"), (second, "dev")):
        refused = stack.apply("-e", environment, status=1)
        assert 'the stack "one.dev" has stored it' in refused.err and "my-lake/${stack.name}/${stack.env}" in refused.err and "adopt" not in refused.err, str(refused)
        assert stack.run("state", "list", "-e", environment).out == ""
    assert len(keys(place)) == 1
    first.destroy("-e", "dev")
    assert keys(place) == []


def test_taken_in_and_forgotten(place, tmp_path):
    stack = Stack(tmp_path / "stack", place)
    write(stack.folder, {"a.py": "1"})
    stack.write(artifact("source: a.py")).apply()
    url = json.loads(stack.run("state", "show", "code", "--json").out)["id"]
    stack.run("state", "rm", "code")
    stack.run("state", "import", "code", url)
    stack.apply()
    stack.assert_settled()
    stack.run("state", "rm", "code")
    stack.apply()  # what this stack has stored it takes over
    stack.assert_settled()
    assert len(keys(place)) == 1
    stack.destroy("--delete-adopted")
    assert place.client("s3").list_buckets()["Buckets"] == []


def test_beside_a_long_log(place, tmp_path):
    """A long log is read while the stack is still being loaded."""
    stack = Stack(tmp_path / "stack", place)
    write(stack.folder, {"a.py": "1"})
    stack.write(artifact("source: a.py", f"  long: {{type: weir.value, value: '{'x' * 300_000}'}}\n")).apply()
    stack.assert_settled()
    write(stack.folder, {"a.py": "2"})
    stack.run("deploy", "--yes")
    stack.assert_settled()
    stack.destroy()


def test_reaches_the_store_with_the_provider_it_names(stack, cloud):
    write(stack.folder, {"a.py": "1"})
    stack.write("""
        stack: far
        providers: {aws: {region: us-east-1}, aws.tokyo: {region: ap-northeast-1}}
        resources:
          lake: {type: aws.s3.bucket, provider: aws.tokyo, name: art-lake}
          code: {type: weir.artifact, provider: aws.tokyo, source: a.py, store: "${lake.name}/code"}
    """).apply()
    stack.assert_settled()
    assert json.loads(stack.run("state", "show", "code", "--json").out)["provider"] == "aws.tokyo"
    assert cloud.client("s3").get_bucket_location(Bucket="art-lake")["LocationConstraint"] == "ap-northeast-1"
    assert len(keys(cloud)) == 1
    stack.destroy()
    stack.write("stack: far\nresources:\n  code: {type: weir.artifact, provider: weir, source: a.py, store: x/y}\n")
    assert 'weir.artifact is of the provider "aws"' in stack.run("validate", status=3).err


# ---- packing: no cloud is needed to see what would be stored ----


def shas(stack, *args):
    """SHA-256 by address, from a plan."""
    changes = [event for event in stack.run("plan", "--json", *args).events() if event["event"] == "change"]
    return {change["address"]: attribute["after"] for change in changes for attribute in change["attrs"] if attribute["name"] == "sha256"}


def offline(tmp_path, attributes, files=None, name="stack"):
    stack = Stack(tmp_path / name)
    stack.env |= {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_REGION": "us-east-1"}
    write(stack.folder, files or {})
    return stack.write(f"stack: art\nresources:\n  code: {{type: weir.artifact, store: lake/x, {attributes}}}\n")


def packed_file(stack):
    (path,) = [path for path in (stack.folder / ".weir/artifacts").iterdir() if path.is_file() and path.suffix not in (".cache", ".lock")]
    return path


def test_rules_say_what_goes_in(tmp_path):
    files = {name: "" for name in ("src/main.py", "src/notes.md", "src/test/t.py", "src/skip.py", "src/data/x.csv", "src/.gitignore")}
    stack = offline(tmp_path, "source: src, include: ['*.py', data/], exclude: [test], gitignore: true, prefix: app", files)
    write(stack.folder, {"src/.gitignore": "skip*\n"})
    shas(stack)
    assert zipfile.ZipFile(packed_file(stack)).namelist() == ["app/data/x.csv", "app/main.py"]


def test_build_runs_when_its_inputs_change(tmp_path):
    command = "echo run >> runs.txt; cat in/*.c > out.bin"
    stack = offline(tmp_path, f"source: out.bin, build: {{command: '{command}', inputs: ['in/*.c']}}", {"in/a.c": "a", "in/notes": "n"})
    runs = stack.folder / "runs.txt"
    assert stack.run("validate") and not runs.exists()
    first = shas(stack)
    write(stack.folder, {"in/notes": "other"})
    assert shas(stack) == first
    assert runs.read_text() == "run\n"
    write(stack.folder, {"in/b.c": "b"})
    assert shas(stack) != first
    (stack.folder / "out.bin").unlink()
    assert shas(stack)["code"]
    assert runs.read_text() == "run\n" * 3


def test_build_without_inputs_runs_once_a_plan(tmp_path):
    stack = offline(tmp_path, "for_each: [a, b], source: 'out/${each.key}', build: 'echo run >> runs.txt; mkdir -p out; echo 1 > out/a; echo 2 > out/b'")
    for i in range(2):
        assert len(shas(stack)) == 2
        assert (stack.folder / "runs.txt").read_text() == "run\n" * (i + 1)


def test_failing_build_shows_what_it_said(tmp_path):
    stack = offline(tmp_path, "source: out.bin, build: {command: 'echo compiling; echo main.c:7 no such thing >&2; exit 3', inputs: [weir.yaml]}")
    failed = stack.run("plan", status=1)
    assert "failed with status 3" in failed.err and "main.c:7 no such thing" in failed.err and "compiling" in failed.err, str(failed)
    stack.run("plan", status=1)  # it is not taken for done


@pytest.mark.parametrize("attributes, message, status", [
    ("source: nowhere", 'source "nowhere" does not exist', 3),
    ("source: src, package: file", 'source "src" is a folder', 3),
    ("source: main.py, include: [a]", '"include" has no meaning for a single file', 3),
    ("source: src, include: ['*.nothing']", "holds no file to pack", 3),
    ("source: src, package: wheel, name: a-b", "the name of a wheel has no dashes", 3),
    ("source: src, store: ''", "is not a bucket with a prefix", 3),
    ("source: src, build: {run: make}", '"build" is not a command', 3),
    ("source: src, build: {command: make, inputs: [nothing/*]}", "the inputs match no file", 3),
    ("source: src, python: {requirements: nowhere.txt}", "cannot read nowhere.txt", 3),
    ("source: src, keep: 0", "1", 3),
    ("name: x", 'an artifact needs a "source"', 3),
    ("source: link", "is a link that leaves the folder", 3),
    ("source: latin", "has a name that is not UTF-8", 3),
    ("source: big, limit: lambda", "unpacked it has 262144001 bytes", 3),
    ("source: noise, compress: false, limit: lambda", "Lambda's limit is 52428800 (50 MiB)", 3),
])
def test_refuses(tmp_path, attributes, message, status):
    stack = Stack(tmp_path / "stack")
    write(stack.folder, {"src/a.py": "", "main.py": ""})
    store = "" if "store:" in attributes else "store: lake/x, "
    stack.write(f"stack: art\nresources:\n  code: {{type: weir.artifact, {store}{attributes}}}\n")
    for name in ("link", "latin", "big", "noise"):
        if name in attributes:
            (stack.folder / name).mkdir()
    if "link" in attributes:
        (stack.folder / "link/x").symlink_to("/etc/hostname")
    if "latin" in attributes:
        Path(os.fsdecode(os.fsencode(stack.folder / "latin") + b"/caf\xe9")).write_text("")
    if "big" in attributes:
        os.truncate(os.open(stack.folder / "big/x", os.O_CREAT | os.O_RDWR), 250 * 1024 * 1024 + 1)
    if "noise" in attributes:
        os.truncate(os.open(stack.folder / "noise/x", os.O_CREAT | os.O_RDWR), 50 * 1024 * 1024 + 1)
    stack.env |= {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_REGION": "us-east-1"}
    refused = stack.run("plan", status=status)
    assert message in refused.err, str(refused)
    assert "weir.yaml:3:3" in refused.err or "weir.yaml:3:" in refused.err, str(refused)


def zipped(text):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr(zipfile.ZipInfo("main.py"), text)
    return packed.getvalue()


def test_changed_after_the_plan_was_made(place, tmp_path):
    """A saved plan is carried out as reviewed, or not at all; then it says what it would have been instead."""
    stack = Stack(tmp_path / "stack", place)
    (stack.folder / "a.zip").write_bytes(zipped("1"))
    stack.write(artifact("source: a.zip", FUNCTION.replace("function:", "a_function:")))
    stack.run("plan", "-o", "x.plan")
    (stack.folder / "a.zip").write_bytes(zipped("2"))
    refused = stack.run("apply", "x.plan", status=1)
    one, two = (hashlib.sha256(zipped(text)).hexdigest() for text in "12")
    assert f'code differs from this plan: sha256 is now "{two}", not "{one}"' in refused.err and "run `weir plan` again" in refused.err, str(refused)
    assert stack.addresses() == []
    (stack.folder / "a.zip").write_bytes(zipped("1"))
    stack.run("apply", "x.plan")
    stack.assert_settled()
    # where the plan had nothing to do, or something else
    stack.run("plan", "-o", "x.plan")
    (stack.folder / "a.zip").write_bytes(zipped("2"))
    assert "code differs from this plan: it would be updated now, and not left as it is" in stack.run("apply", "x.plan", status=1).err
    stack.run("plan", "-o", "x.plan")
    (stack.folder / "a.zip").write_bytes(zipped("1"))
    assert "code differs from this plan: it would be left as it is now, and not updated" in stack.run("apply", "x.plan", status=1).err
    stack.destroy()


def test_lost_answer_leaves_nothing_behind(stack, cloud):
    """The upload was carried out, its answer was lost; then the source changes before the next run."""
    write(stack.folder, {"a.py": "1"})
    stack.write(artifact("source: a.py")).apply()
    write(stack.folder, {"a.py": "2"})
    cloud.fail({"match": "PUT /art-lake/artifacts", "times": 9, "after": True, "close": True})
    stack.apply(status=None)
    cloud.fail()
    write(stack.folder, {"a.py": "3"})
    stack.apply()
    stack.assert_settled()
    assert len(keys(cloud)) == 2
    stack.destroy()
    assert cloud.client("s3").list_buckets()["Buckets"] == []


def test_without_anything_to_pack_it_is_just_checked(tmp_path):
    stack = offline(tmp_path, "source: src, gitignore: true", {"src/a": ""})
    stack.run("validate")
    assert not (stack.folder / ".weir/artifacts").exists()
    assert planned(stack.run("plan", "--json")) == {"code": "create"}
    assert (stack.folder / ".weir/.gitignore").read_text() == "*\n"


def test_two_of_the_same_are_refused(tmp_path):
    stack = offline(tmp_path, "source: a/main.py", {"a/main.py": "1", "b/main.py": "1"})
    text = (stack.folder / "weir.yaml").read_text()
    stack.write(text + "  other: {type: weir.artifact, store: lake/x, source: b/main.py}\n")
    refused = stack.run("plan", status=3)
    assert "code and other would be the same weir.artifact: s3://lake/x/main-" in refused.err and "give one of them another name" in refused.err, str(refused)
    stack.write(text + "  other: {type: weir.artifact, store: lake/x, source: b/main.py, name: other}\n")
    assert len(shas(stack)) == 2


@pytest.mark.parametrize("attributes", ["type: weir.artifact, store: '${lake.name}/x', source: a.py", "type: aws.s3.object, bucket: '${lake.name}', key: x, source: a.py"])
def test_renamed_without_a_word(place, tmp_path, attributes):
    """The one that goes would take away what the new one has just put there, or found."""
    stack = Stack(tmp_path / "stack", place)
    write(stack.folder, {"a.py": "1"})
    text = f"stack: art\nresources:\n  lake: {{type: aws.s3.bucket, name: art-lake}}\n  code: {{{attributes}}}\n"
    stack.write(text).apply()
    (key,) = keys(place)
    renamed = text.replace("code:", "job_code:")
    stack.write(renamed)
    for args in ((), ("--target", "job_code")):
        refused = stack.run("plan", *args, status=3)
        assert f"job_code would be the same {attributes.split(',')[0][6:]} as code, which was removed from the configuration: s3://art-lake/{key}" in refused.err, str(refused)
        assert "`moved: [{from: code, to: job_code}]` takes it along" in refused.err and "weir.yaml:4:3" in refused.err, str(refused)
    stack.write(renamed + "moved: [{from: code, to: job_code}]\n").apply()
    stack.assert_settled()
    stack.write(renamed.replace("job_code:", "left:") + "removed: [{address: job_code, destroy: false}]\n").apply()
    stack.assert_settled()
    assert keys(place) == [key]
    stack.destroy("--delete-adopted")
    assert place.client("s3").list_buckets()["Buckets"] == []


def test_takes_over_a_name_that_another_still_has(cloud, stack):
    """Which of the two would come first is not known."""
    write(stack.folder, {"a.py": "1", "b.py": "2"})
    text = "stack: art\nresources:\n  lake: {{type: aws.s3.bucket, name: art-lake}}\n  a: {{type: aws.s3.object, bucket: '${{lake.name}}', key: {}, source: a.py}}\n"
    stack.write(text.format("x")).apply()
    stack.write(text.format("y") + "  b: {type: aws.s3.object, bucket: '${lake.name}', key: x, source: b.py}\n")
    refused = stack.run("plan", status=3)
    assert "b would be the same aws.s3.object as a still is: s3://art-lake/x" in refused.err and "once a is another: apply that first, with --target" in refused.err, str(refused)
    stack.apply("--target", "a")
    stack.apply()
    stack.assert_settled()
    assert sorted(keys(cloud)) == ["x", "y"] and body(cloud, "x") == b"2"
    stack.destroy()


def test_earlier_versions_are_nobody_elses(cloud, stack):
    """Of two with the same name, in different folders: what one goes back to the other would have trimmed away."""
    text = artifact("source: a/main.py, keep: 1", "  other: {type: weir.artifact, store: '${lake.name}/artifacts', source: b/main.py, keep: 1}\n")
    write(stack.folder, {"a/main.py": "1", "b/main.py": "2"})
    stack.write(text).apply()
    write(stack.folder, {"a/main.py": "3"})
    stack.apply()
    for first, second in (("3", "1"), ("2", "3")):
        write(stack.folder, {"a/main.py": first, "b/main.py": second})
        refused = stack.run("plan", status=3)
        assert "would be the same weir.artifact as a version that " in refused.err and "give one of them another name" in refused.err, str(refused)
    write(stack.folder, {"a/main.py": "4", "b/main.py": "2"})
    stack.apply()
    write(stack.folder, {"b/main.py": "1"})  # not kept any more
    stack.apply()
    stack.assert_settled()
    stack.destroy()
    assert cloud.client("s3").list_buckets()["Buckets"] == []


def test_copies_of_a_stack_do_not_share(place, tmp_path):
    """Two people with the same files and the same store, each with a state of their own: nobody takes anything away from the other."""
    place.client("s3").create_bucket(Bucket="art-lake")
    copies = [Stack(tmp_path / name, place) for name in ("ada", "ben")]
    for copy in copies:
        write(copy.folder, {"a.py": "1"})
        copy.write("stack: art\nresources:\n  code: {type: weir.artifact, store: art-lake/x, source: a.py}\n").apply()
        copy.assert_settled()
    copies[0].destroy()
    copies[1].assert_settled()
    assert len(keys(place)) == 1
    copies[1].destroy()
    assert keys(place) == []


def test_many_are_looked_at_by_listing_them(stack, cloud):
    names = [f"j{i}" for i in range(20)]
    write(stack.folder, {f"{name}.py": name for name in names})
    stack.write(f"stack: art\nresources:\n  lake: {{type: aws.s3.bucket, name: art-lake}}\n  code: {{type: weir.artifact, for_each: {names}, source: '${{each.key}}.py', store: '${{lake.name}}/x'}}\n").apply()
    cloud.forget_requests()
    stack.assert_settled()
    assert len(cloud.requests()) <= 3, cloud.requests()
    s3 = cloud.client("s3")
    swapped, gone = keys(cloud)[3], keys(cloud)[5]
    s3.put_object(Bucket="art-lake", Key=swapped, Body=b"steal()", Metadata=s3.head_object(Bucket="art-lake", Key=swapped)["Metadata"])
    s3.delete_object(Bucket="art-lake", Key=gone)
    cloud.forget_requests()
    assert len(stack.plan()) == 2
    stack.apply()
    stack.assert_settled()
    cloud.forget_requests()
    stack.destroy("--verify")
    of_one = [request.split()[0] for request in cloud.requests() if "/art-lake/x/j7-" in request]
    assert of_one == ["HEAD", "DELETE", "HEAD"], cloud.requests()  # whose it is, and whether it is gone


def test_the_cache_leads_to_no_other_file(cloud, tmp_path):
    """What it says of an earlier package is removed when there is a newer one; the file may have come with somebody else's folder."""
    stack = Stack(tmp_path / "stack", cloud)
    stack.write(artifact("source: src, package: zip"))
    write(stack.folder, {"src/main.py": "x = 1\n"})
    stack.run("plan")
    (cache,) = (stack.folder / ".weir").rglob("artifacts/*.cache")
    precious = cache.parent / "precious"
    precious.write_text("kept")
    (cache.parent / f"{cache.stem}-..").mkdir()
    cache.write_text(re.sub(r"(?m)^package (\S+) \S+ (\d+)$", r"package \1 ../../precious \2", cache.read_text()))
    assert "../../precious" in cache.read_text()
    write(stack.folder, {"src/main.py": "x = 2\n"})
    stack.run("plan")
    assert "../../precious" not in cache.read_text()
    assert precious.read_text() == "kept"


def test_code_that_nobody_uploaded(local_stack):
    """Lambda does not say which object is not there."""
    local_stack.write("""
        stack: missing
        resources:
          store: {type: aws.s3.bucket, name: missing-code}
          role: {type: aws.iam.role, name: missing-r, assume_role_policy: '${trust("lambda.amazonaws.com")}'}
          f: {type: aws.lambda.function, name: missing-f, role: '${role.arn}', runtime: python3.13, handler: f.h, code: {s3_bucket: '${store.name}', s3_key: lib/f.zip}}
    """)
    said = local_stack.run("apply", "--yes", "--sandbox", status=1).err
    assert "NoSuchKey" in said and 'hint: {"s3_bucket":"missing-code","s3_key":"lib/f.zip"} does not exist' in said, said
