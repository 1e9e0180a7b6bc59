"""weir.artifact when things are not as they should be: a clear message, the right status, nothing half-registered."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from support import until
from test_artifact import FUNCTION, artifact, keys, offline, packed_file, write

NO_ROOT = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-dac_override,-dac_read_search"]


def plan_as_anybody(stack, *args):
    """Root reads everything: not without these capabilities."""
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("no setpriv")
    command = [*(NO_ROOT if os.geteuid() == 0 else []), *stack.command("plan", *args)]
    return subprocess.run(command, cwd=stack.folder, env=stack.env, capture_output=True, text=True)


@pytest.mark.parametrize("name, attributes", [
    ("src/a", "source: src"), ("src/sub", "source: src"), ("src", "source: src"), ("src/a", "source: src/a"), ("src/.gitignore", "source: src, gitignore: true"),
    ("requirements.txt", "source: src, python: {requirements: requirements.txt}"), ("src/a", "source: src, build: {command: 'true', inputs: [src]}")])
def test_unreadable_source(tmp_path, name, attributes):
    stack = offline(tmp_path, attributes, {"src/a": "a", "src/sub/b": "b", "src/.gitignore": "b\n", "requirements.txt": ""})
    (stack.folder / name).chmod(0)
    try:
        refused = plan_as_anybody(stack)
    finally:
        (stack.folder / name).chmod(0o755)
    assert refused.returncode == 3, refused
    assert name in refused.stderr and "Permission denied" in refused.stderr and "weir.yaml:3:" in refused.stderr, refused.stderr


def left(stack):
    """Of what should not be there."""
    return [path.name for path in (stack.folder / ".weir/artifacts").iterdir() if path.suffix not in (".cache", ".lock")]


def test_limit_on_file_sizes(tmp_path):
    stack = offline(tmp_path, "source: src, compress: false", {"src/a": "a" * 200_000})
    limited = subprocess.run(["sh", "-c", f"trap '' XFSZ; ulimit -f 100; exec {' '.join(stack.command('plan'))}"], cwd=stack.folder, env=stack.env, capture_output=True, text=True)
    assert limited.returncode == 1 and "File too large" in limited.stderr, limited.stderr
    assert left(stack) == []


@pytest.mark.parametrize("package", ["zip", "tar.gz", "wheel"])
def test_full_disk(tmp_path, package):
    """A real one, of 100 KiB; afterwards there is room again."""
    stack = offline(tmp_path, f"source: src, package: {package}, compress: false", {"src/a": "a" * 200_000})
    (stack.folder / ".weir").mkdir()
    mount = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=100k tmpfs .weir && "$@"; status=$?; find .weir -type f -size +1; exit $status', "sh"]
    if subprocess.run([*mount, "true"], cwd=stack.folder, capture_output=True).returncode:
        pytest.skip("no mounts here")
    full = subprocess.run([*mount, *stack.command("plan")], cwd=stack.folder, env=stack.env, capture_output=True, text=True)
    assert full.returncode == 1 and "packing" in full.stderr and "No space left on device" in full.stderr, full.stderr
    assert full.stdout == ""  # neither a plan nor a piece of the package
    stack.run("plan")


def test_file_that_never_rests(tmp_path):
    stack = offline(tmp_path, "source: src, compress: false", {"src/a": "a"})
    os.truncate(stack.folder / "src/a", 100_000_000)  # so that reading it takes a while
    grow = subprocess.Popen([sys.executable, "-c", "import sys\nf = open(sys.argv[1], 'ab', 0)\nprint(flush=True)\nwhile True: f.write(b'x')", stack.folder / "src/a"],
                            stdout=subprocess.PIPE)
    grow.stdout.readline()
    try:  # who writes may have to stand still as long as the file is read, but not every time
        failed = next(filter(lambda result: result.status, (stack.run("plan", status=None) for _ in range(10))))
    finally:
        grow.kill()
        grow.wait()
    assert failed.status == 1
    assert "changes while it is read" in failed.err or "changed while it was read" in failed.err, str(failed)


@pytest.mark.parametrize("name, status", [("gone", 0), ("src", 3)])
def test_folder_that_goes_away_while_it_is_read(tmp_path, name, status):
    """Between being found and being opened, as folders of caches do; the source itself has to stay."""
    stack = offline(tmp_path, "source: src", {"src/a": "a", "src/gone/b": "b"})
    strace = ["strace", "-f", "-o", "/dev/null", "-P", name, "-e", "inject=openat:error=ENOENT"]
    if not shutil.which("strace") or subprocess.run([*strace, "true"], capture_output=True).returncode:
        pytest.skip("no strace")
    env = {**stack.env, "ASAN_OPTIONS": stack.env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}  # it cannot, under strace
    planned = subprocess.run([*strace, *stack.command("plan")], cwd=stack.folder, env=env, capture_output=True, text=True)
    assert planned.returncode == status, planned
    if status:
        assert '"src" cannot be read: No such file or directory' in planned.stderr, planned.stderr
    else:
        assert zipfile.ZipFile(packed_file(stack)).namelist() == ["a"]


def test_changed_while_it_is_uploaded(stack, cloud):
    """The plan has promised its hash, so it is an error; nothing refers to it yet, and the next run is right."""
    write(stack.folder, {"main.py": "x = 1\n"})
    stack.write(artifact("source: main.py, package: zip", FUNCTION))
    cloud.fail({"match": "CreateRole", "hold": True})  # the function waits for the role, the artifact for the bucket
    cloud.fail({"match": "PUT /art-lake", "hold": True})
    process = stack.start("apply", "--yes")
    until(lambda: any(request.startswith("PUT /art-lake") for request in cloud.requests()), process=process)
    write(stack.folder, {"main.py": "x = 2\n"})
    cloud.fail()
    _, err = process.communicate()
    assert process.returncode == 1 and "the sources do not give what was planned" in err and "plan again" in err, err
    assert cloud.client("lambda").list_functions()["Functions"] == [] and keys(cloud) == []
    stack.apply()
    stack.assert_settled()
    assert len(keys(cloud)) == 1


def uploads(cloud):
    return cloud.client("s3").list_multipart_uploads(Bucket="art-lake").get("Uploads", [])


@pytest.mark.parametrize("size, refused", [(100, "PUT /art-lake/artifacts"), (20 << 20, "partNumber=2")])
@pytest.mark.parametrize("code", ["AccessDenied", "QuotaExceeded"])
def test_refused_upload_registers_nothing(stack, cloud, size, refused, code):
    """At once, and half-way. With other permissions it can go on where it was, so then the parts stay."""
    write(stack.folder, {"ingest/main.py": "x = 1\n"})
    os.truncate(stack.folder / "ingest/main.py", size)
    stack.write(artifact("source: ingest, compress: false", FUNCTION))
    fault = {"match": refused, "status": 403, "times": 9, "body": f"<Error><Code>{code}</Code><Message>no</Message></Error>", "headers": {"Content-Type": "application/xml"}}
    cloud.fail(fault)
    failed = stack.apply(status=1)
    assert "uploading s3://art-lake/artifacts/ingest-" in failed.err and code in failed.err, str(failed)
    assert cloud.client("lambda").list_functions()["Functions"] == [] and keys(cloud) == []
    resumes = size > 100 and code == "AccessDenied"
    assert len(uploads(cloud)) == resumes
    assert sorted(stack.addresses()) == (["code", "lake", "role"] if resumes else ["lake", "role"])
    cloud.fail()
    stack.apply()
    stack.assert_settled()
    assert len(keys(cloud)) == 1 and uploads(cloud) == []
    # the same for a new version, which is then given up altogether
    os.truncate(stack.folder / "ingest/main.py", size + 1)
    cloud.fail(fault)
    stack.apply(status=1)
    cloud.fail()
    stack.destroy()
    assert cloud.client("s3").list_buckets()["Buckets"] == []


def test_failing_build_registers_nothing(stack, cloud):
    stack.write(artifact("source: out, build: 'echo broken >&2; exit 2'", FUNCTION))
    failed = stack.apply(status=1)
    assert "failed with status 2" in failed.err and "broken" in failed.err, str(failed)
    assert stack.addresses() == [] and cloud.client("s3").list_buckets()["Buckets"] == []
