"""The static program for arm64 under qemu's user mode: what it says of itself, its unit tests, a round in its own sandbox, and what a cloud of others
is given."""

import os
import re
import shutil
import subprocess

import pytest

from support import ROOT, SECRET_KEY

pytestmark = pytest.mark.long
QEMU = "qemu-aarch64-static"
NOT_HERE = {
    "base/test_library",  # a static program loads nothing
    "base/test_confined",  # QEMU lets programs through that the kernel would refuse
    "sandbox/engine/test_process",  # counts descriptors, among which are QEMU's
}
UNITS = sorted({str(path.relative_to(ROOT / "tests/unit").with_suffix("")) for path in (ROOT / "tests/unit").rglob("test_*.c")} - NOT_HERE)
SETTINGS = {"PATH": "/usr/bin:/bin", "AWS_EC2_METADATA_DISABLED": "true"}


def run(*words, status=0, **more):
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, stdin=subprocess.DEVNULL, **more)
    assert status is None or done.returncode == status, (words, done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout


def built(*targets):
    if not shutil.which(QEMU):
        pytest.skip("no qemu-user-static")
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "BUILD", "CC")}
    run("tools/static", "aarch64", *targets, cwd=ROOT, env=env)
    return ROOT / "build-aarch64"


@pytest.fixture(scope="module")
def program():
    return built() / "weir"


@pytest.fixture(scope="module")
def units():
    return built("test-bins") / "tests/unit"


@pytest.fixture
def weir(program, tmp_path):
    return lambda *words, status=0, **env: run(QEMU, program, *words, status=status, cwd=tmp_path, env={**SETTINGS, "HOME": str(tmp_path), **env})


def test_it_is_one_file_and_guarded(program):
    head, dynamic = run("readelf", "-hlW", program), run("readelf", "-dW", program)
    assert "AArch64" in head and "INTERP" not in head and "GNU_RELRO" in head and re.search(r"GNU_STACK.* RW ", head)
    assert "NEEDED" not in dynamic and "PIE" in dynamic and "NOW" in dynamic


def test_it_tells_how_it_was_built(weir):
    text = weir("version", "-v")
    assert "as one static program for Linux on aarch64, with musl" in text and "\nopenssl " in text


def test_the_whole_round(weir):
    weir("init", "film-lake")
    settings = {"WEIR_INPUT_TABLES": "false"}
    assert "25 created" in weir("apply", "--sandbox", "-y", **settings)
    assert "No changes" in weir("plan", "--sandbox", "--detailed-exitcode", **settings)
    assert "25 deleted" in weir("destroy", "--sandbox", "-y", "--verify", **settings)


def test_what_another_cloud_is_given(weir, tmp_path, cloud):
    (tmp_path / "weir.yaml").write_text(
        "stack: arm\nresources:\n  lake: {type: aws.s3.bucket, name: arm-lake, versioning: true}\n  queue: {type: aws.sqs.queue, name: arm-queue}\n"
        "  code: {type: weir.artifact, source: jobs, package: zip, store: arm-lake/code, depends_on: [lake]}\n"
    )
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/a.py").write_text("print(1)\n" * 10_000)
    env = {"AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": cloud.url}
    weir("apply", "-y", **env)
    weir("plan", "--detailed-exitcode", **env)
    (entry,) = cloud.client("s3").list_objects_v2(Bucket="arm-lake")["Contents"]
    assert entry["Key"].endswith(".zip") and cloud.client("sqs").list_queues()["QueueUrls"]
    weir("destroy", "-y", **env)
    assert cloud.client("s3").list_buckets()["Buckets"] == [] and "QueueUrls" not in cloud.client("sqs").list_queues()


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_tests(units, tmp_path, unit):
    """Each as `make test-unit` runs it: what is different there is that characters have no sign, and code for this processor."""
    run(QEMU, units / unit, cwd=ROOT, env={**SETTINGS, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)})
