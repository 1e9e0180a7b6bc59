"""Clients that people use: the AWS CLI, s3cmd, rclone."""

import json
import os
import subprocess

import pytest
from servers import program


@pytest.fixture
def tree(tmp_path):
    """A folder with files of all kinds, one of them large enough for several parts."""
    root = tmp_path / "tree"
    for name, content in {"a.csv": b"1|2\n", "sub/b é.txt": b"b", "sub/deep/c+d&e.json": b"{}", "empty": b"", "big.bin": os.urandom(20 << 20)}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def contents(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


class Runner:
    def __init__(self, env):
        self.env = env

    def __call__(self, *words, ok=True):
        done = subprocess.run([str(w) for w in words], env=self.env, capture_output=True, text=True)
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done.stdout


@pytest.mark.long  # each call of it takes a second to begin; s3cmd and rclone stay
def test_aws(sandbox, bucket, tree, tmp_path):
    aws = program("aws")
    run = Runner(sandbox.environment(home=str(tmp_path)))
    assert bucket in run(aws, "s3", "ls")
    run(aws, "s3", "sync", tree, f"s3://{bucket}/copy")
    assert "big.bin" in run(aws, "s3", "ls", "--recursive", f"s3://{bucket}")
    assert "PRE sub/" in run(aws, "s3", "ls", f"s3://{bucket}/copy/")
    assert run(aws, "s3", "sync", tree, f"s3://{bucket}/copy") == ""
    run(aws, "s3", "cp", "--recursive", f"s3://{bucket}/copy", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(tree)
    run(aws, "s3", "mv", f"s3://{bucket}/copy/big.bin", f"s3://{bucket}/moved.bin")
    head = json.loads(run(aws, "s3api", "head-object", "--bucket", bucket, "--key", "moved.bin", "--output", "json"))
    assert head["ContentLength"] == 20 << 20
    url = run(aws, "s3", "presign", f"s3://{bucket}/moved.bin").strip()
    assert url.startswith(sandbox.url)
    run(aws, "s3", "rm", "--recursive", f"s3://{bucket}/")
    run(aws, "s3", "rb", f"s3://{bucket}")
    run(aws, "s3", "ls", f"s3://{bucket}", ok=False)


@pytest.mark.full
def test_s3cmd(sandbox, bucket, tree, tmp_path):
    s3cmd = program("s3cmd")
    run = Runner({"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"})
    words = [s3cmd, f"--access_key={sandbox.access}", f"--secret_key={sandbox.secret}", f"--host={sandbox.host}",
             f"--host-bucket={sandbox.host}", "--no-ssl", "--no-progress", "--multipart-chunk-size-mb=5"]
    run(*words, "mb", f"s3://{bucket}-made")
    assert f"s3://{bucket}-made" in run(*words, "ls")
    run(*words, "rb", f"s3://{bucket}-made")
    run(*words, "sync", f"{tree}/", f"s3://{bucket}/copy/")
    assert "big.bin" in run(*words, "ls", "--recursive", f"s3://{bucket}")
    (tmp_path / "back").mkdir()
    run(*words, "sync", f"s3://{bucket}/copy/", f"{tmp_path}/back/")
    assert contents(tmp_path / "back") == contents(tree)
    assert "MD5 sum" in run(*words, "info", f"s3://{bucket}/copy/a.csv")
    run(*words, "cp", f"s3://{bucket}/copy/a.csv", f"s3://{bucket}/again.csv")
    run(*words, "del", "--recursive", "--force", f"s3://{bucket}/")
    run(*words, "rb", f"s3://{bucket}")


@pytest.mark.full
def test_rclone(sandbox, bucket, tree, tmp_path):
    rclone = program("rclone")
    config = tmp_path / "rclone.conf"
    config.write_text(f"[box]\ntype = s3\nprovider = Other\naccess_key_id = {sandbox.access}\nsecret_access_key = {sandbox.secret}\nendpoint = {sandbox.url}\n"
                      "region = us-east-1\nchunk_size = 5M\nupload_cutoff = 5M\n")
    run = Runner({"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"})
    words = [rclone, f"--config={config}", "--retries=1"]
    assert bucket in run(*words, "lsd", "box:")
    run(*words, "sync", tree, f"box:{bucket}/copy")
    run(*words, "check", tree, f"box:{bucket}/copy", "--download")
    run(*words, "copy", f"box:{bucket}/copy", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(tree)
    run(*words, "copyto", f"box:{bucket}/copy/big.bin", f"box:{bucket}/server-side.bin")
    assert "server-side.bin" in run(*words, "ls", f"box:{bucket}")
    run(*words, "purge", f"box:{bucket}")
    assert bucket not in run(*words, "lsd", "box:")


BACKEND = """
terraform {
  backend "s3" {
    bucket                      = "%s"
    key                         = "some dir/terraform.tfstate"
    region                      = "us-east-1"
    endpoints                   = {s3 = "%s"}
    use_path_style              = true
    use_lockfile                = true
    skip_credentials_validation = true
    skip_requesting_account_id  = true
    skip_metadata_api_check     = true
  }
}
resource "terraform_data" "one" { input = "%s" }
"""


def test_terraform(sandbox, bucket, s3, tmp_path):
    """Its state and its lock (If-None-Match) in the sandbox."""
    terraform = program("terraform")
    run = Runner(sandbox.environment(home=str(tmp_path), CHECKPOINT_DISABLE="1"))
    words, config = [terraform, f"-chdir={tmp_path}"], tmp_path / "main.tf"
    config.write_text(BACKEND % (bucket, sandbox.url, "first"))
    run(*words, "init", "-input=false")
    run(*words, "apply", "-input=false", "-auto-approve")
    state = json.loads(s3.get_object(Bucket=bucket, Key="some dir/terraform.tfstate")["Body"].read())
    assert state["resources"][0]["instances"][0]["attributes"]["input"]["value"] == "first"
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1  # the lock is gone
    s3.put_object(Bucket=bucket, Key="some dir/terraform.tfstate.tflock", Body=json.dumps({"ID": "x", "Operation": "apply"}))
    config.write_text(BACKEND % (bucket, sandbox.url, "second"))
    run(*words, "apply", "-input=false", "-auto-approve", ok=False)
    s3.delete_object(Bucket=bucket, Key="some dir/terraform.tfstate.tflock")
    run(*words, "apply", "-input=false", "-auto-approve")
    assert b"second" in s3.get_object(Bucket=bucket, Key="some dir/terraform.tfstate")["Body"].read()
