"""The CI definitions of the guide, their jobs carried out as a runner would: for a merge request and for the main branch, each job in a checkout of its own."""

import hashlib
import http.server
import json
import os
import re
import shutil
import subprocess
import tarfile
import threading
import urllib.parse
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from support import ROOT, WEIR, Stack

yaml.SafeLoader.add_constructor("!reference", lambda loader, node: loader.construct_sequence(node))
GITHUB, GITLAB = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/guides/ci.md").read_text(), re.S)]
STACK = """\
stack: retail
state: {backend: s3, bucket: ci-state}
inputs: {size: 1}
environments: {prod: {size: 2}}
resources:
  lake: {type: aws.s3.bucket, name: ci-lake, tags: {size: "${inputs.size}"}}
"""
TESTS = "tests:\n  - {name: one bucket, plan: {create: 1}}\n"
# What gh is told is kept; a comment that is to be edited is not there the first time.
GH = """#!/bin/sh
echo "$@" >> "$KEPT/gh"
for word; do [ "$word" = --edit-last ] && exit 1; last=$word; done
while [ $# -gt 1 ]; do [ "$1" = --body-file ] && cp "$2" "$KEPT/posted.md"; shift; done
"""

pytestmark = pytest.mark.long


def release(folder):
    """As far as an installation asks for it; gives the hash of its hashes."""
    name = f"weir-0.1.0-linux-{os.uname().machine.replace('aarch64', 'arm64')}"
    folder.mkdir()
    with tarfile.open(folder / f"{name}.tar.gz", "w:gz") as archive:
        archive.add(WEIR, f"{name}/bin/weir")
    of = lambda path: hashlib.sha256(path.read_bytes()).hexdigest()  # noqa: E731
    (folder / "SHA256SUMS").write_text(f"{of(folder / f'{name}.tar.gz')}  {name}.tar.gz\n{'0' * 64}  weir-other.tar.gz\n")
    return of(folder / "SHA256SUMS")


class Runner:
    def __init__(self, folder, cloud):
        self.folder, self.files, self.number = folder, folder / "artifacts", 0
        self.files.mkdir()
        stack = Stack(folder / "origin", cloud)
        (stack.folder / "tests").mkdir()
        (stack.folder / "weir.yaml").write_text(STACK)
        (stack.folder / "tests/first.yaml").write_text(TESTS)
        (folder / "bin").mkdir()
        (folder / "bin/gh").write_text(GH)
        (folder / "bin/gh").chmod(0o755)
        self.env = {**stack.env, "PATH": f"{folder}/bin:/usr/bin:/bin", "KEPT": str(folder), "TMPDIR": str(folder), "GITHUB_PATH": str(folder / "github-path")}
        self.path, self.sums = self.env["PATH"], release(folder / "release")
        self.releases = (folder / "release").as_uri()
        self.origin = stack.folder

    def checkout(self, artifacts):
        """A new one, with what the jobs before have left."""
        self.number += 1
        place = self.folder / f"job-{self.number}"
        shutil.copytree(self.origin, place)
        for name in artifacts:
            shutil.copy(self.files / name, place / name)
        return place

    def script(self, lines, place, env, status=0):
        """Its programs are those that a step before has installed, too."""
        added = Path(self.env["GITHUB_PATH"])
        self.env["PATH"] = ":".join([*(added.read_text().split() if added.exists() else []), self.path])
        words = "\n".join([lines] if isinstance(lines, str) else lines)
        done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", words], cwd=place, env={**self.env, **env}, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == status, (words, done.stdout, done.stderr)
        return done.stdout

    def keep(self, place, names):
        for name in names:
            shutil.copy(place / name, self.files / name)


def act(runner, place, given, status=0):
    """The steps of the action, with those inputs."""
    action = yaml.safe_load((ROOT / "packaging/github/action.yml").read_text())
    inputs = {key: given.get(key, about.get("default")) for key, about in action["inputs"].items()}
    assert None not in inputs.values()
    for step in action["runs"]["steps"]:
        runner.script(step["run"], place, {key: re.sub(r"\$\{\{ inputs\.(\w+) }}", lambda found: inputs[found[1]], text) for key, text in step["env"].items()}, status)


def included(given, values):
    """The jobs of the component that a definition includes."""
    header, jobs = (ROOT / "packaging/gitlab.yml").read_text().split("---\n")
    inputs = {key: given.get(key, about.get("default")) for key, about in yaml.safe_load(header)["spec"]["inputs"].items()}
    inputs = {key: re.sub(r"^\$(\w+)$", lambda found: values[found[1]], text) for key, text in inputs.items()}
    return yaml.safe_load(re.sub(r"\$\[\[ inputs\.(\w+) ]]", lambda found: inputs[found[1]], jobs))


def github(runner, event, ref, refuses=False):
    """Which jobs succeeded. `refuses`: weir refuses to plan."""
    known = {"github": SimpleNamespace(event_name=event, ref=ref, event=SimpleNamespace(number=7), token="t"), "vars": SimpleNamespace(PLAN_ROLE="plan", APPLY_ROLE="apply", WEIR_RELEASES=runner.releases, WEIR_SUMS=runner.sums)}
    known |= {"cancelled": lambda: False, "hashFiles": lambda name: "found" if (place / name).exists() else ""}
    bare = lambda text: re.sub(r"^\$\{\{ *(.*?) *}}$", r"\1", text).replace("&&", "and").replace("!cancelled", "not cancelled")  # noqa: E731
    value = lambda text: eval(bare(text), known)  # noqa: E731 - comparisons and names, as in the guide
    filled = lambda text: re.sub(r"\$\{\{ *(.*?) *}}", lambda found: str(value(found[1])), text)  # noqa: E731
    ran = []
    for name, job in GITHUB["jobs"].items():
        if "if" in job and not value(job["if"]):
            continue
        assert "needs" not in job or job["needs"] in ran
        place, failed = None, False
        for step in job["steps"]:
            if (failed and "cancelled()" not in step.get("if", "")) or ("if" in step and not value(step["if"])):
                continue
            uses, given = step.get("uses", "").partition("@")[0], step.get("with", {})
            if uses == "actions/checkout":
                place = runner.checkout([])
            elif uses == "aws-actions/configure-aws-credentials":
                assert filled(given["role-to-assume"]) == name
            elif uses == "example/weir/packaging/github":
                act(runner, place, {key: filled(text) for key, text in given.items()})
            elif uses == "actions/upload-artifact":
                runner.keep(place, [given["path"]])
            elif uses == "actions/download-artifact":
                shutil.copy(runner.files / "release.plan", place)
            else:
                refused = refuses and step["run"].startswith("weir plan")
                runner.script(step["run"], place, {key: filled(text) for key, text in step.get("env", {}).items()}, 3 if refused else 0)
                failed |= refused
        if failed:
            return ran
        ran.append(name)
    return ran


def tags(cloud):
    return {one["Key"]: one["Value"] for one in cloud.client("s3").get_bucket_tagging(Bucket="ci-lake")["TagSet"]}


def test_github(tmp_path, cloud):
    cloud.client("s3").create_bucket(Bucket="ci-state")
    runner = Runner(tmp_path, cloud)
    assert True in GITHUB and set(GITHUB[True]) == {"pull_request", "push"}  # YAML 1.1 takes `on` for true
    assert github(runner, "pull_request", "refs/pull/7/merge") == ["plan"]
    assert (tmp_path / "gh").read_text().splitlines() == ["pr comment 7 --body-file plan.md --edit-last", "pr comment 7 --body-file plan.md"]
    assert "`lake`" in (tmp_path / "posted.md").read_text() and [one["Name"] for one in cloud.client("s3").list_buckets()["Buckets"]] == ["ci-state"]
    assert github(runner, "push", "refs/heads/main") == ["plan", "apply"]
    assert tags(cloud)["size"] == "2"
    with (runner.origin / "weir.yaml").open("a") as stack:
        stack.write('rules: {small: {for: aws.s3.bucket, require: "${self.tags.size == \\"1\\"}", message: it is too large}}\n')
    assert github(runner, "pull_request", "refs/pull/7/merge", refuses=True) == []
    assert "it is too large" in (tmp_path / "posted.md").read_text()


def test_only_what_was_agreed_to_is_installed(tmp_path, cloud):
    """Neither hashes nor an archive that somebody has changed."""
    runner = Runner(tmp_path, cloud)
    given = {"releases": runner.releases, "sums": runner.sums}
    install = included(given, {})[".weir"]["script"]
    runner.script([*install, "weir version"], tmp_path, {})
    archive = next((tmp_path / "release").glob("*.tar.gz"))
    archive.write_bytes(archive.read_bytes()[:-1] + b"x")
    act(runner, tmp_path, given, status=1)
    runner.script(install, tmp_path, {}, status=1)
    sums = tmp_path / "release/SHA256SUMS"
    sums.write_text(f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {archive.name}\n")
    act(runner, tmp_path, given, status=1)
    runner.script(install, tmp_path, {}, status=1)
    assert not (tmp_path / "github-path").exists()


def test_a_runner_with_macos(tmp_path, cloud):
    """It has shasum and no sha256sum; which system it is only uname tells."""
    runner = Runner(tmp_path, cloud)
    linux = next((tmp_path / "release").glob("*.tar.gz"))
    name = "weir-0.1.0-macos-arm64"
    with tarfile.open(tmp_path / f"release/{name}.tar.gz", "w:gz") as archive:
        archive.add(WEIR, f"{name}/bin/weir")
    linux.unlink()
    sums = tmp_path / "release/SHA256SUMS"
    sums.write_text(f"{hashlib.sha256((tmp_path / f'release/{name}.tar.gz').read_bytes()).hexdigest()}  {name}.tar.gz\n")
    for program in "bash", "curl", "sed", "grep", "tar", "gzip", "mktemp", "shasum", "perl", "cat":
        (tmp_path / "bin" / program).symlink_to(shutil.which(program))
    (tmp_path / "bin/uname").write_text("#!/bin/bash\n[ \"$*\" = '-s -m' ] && echo Darwin arm64\n")
    (tmp_path / "bin/uname").chmod(0o755)
    runner.path = runner.env["PATH"] = str(tmp_path / "bin")
    given = {"releases": runner.releases, "sums": hashlib.sha256(sums.read_bytes()).hexdigest()}
    runner.script([*included(given, {})[".weir"]["script"], "weir version"], tmp_path, {})
    act(runner, tmp_path, given)
    assert (tmp_path / "github-path").read_text().strip().endswith(f"{name}/bin")
    act(runner, tmp_path, {**given, "sums": "0" * 64}, status=1)


class Notes(http.server.BaseHTTPRequestHandler):
    """GitLab's API, as far as a note is posted."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.posted.append((self.path, self.headers["PRIVATE-TOKEN"], urllib.parse.parse_qs(body)))
        self.send_response(201)
        self.end_headers()
        self.wfile.write(json.dumps({"id": 1}).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def notes():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Notes)
    server.posted = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def gitlab(runner, env):
    """Stage by stage; a job that a person starts is started."""
    holds = lambda rules: any(subprocess.run(["bash", "-c", f"[[ {rule['if']} ]]"], env={**env, "PATH": os.environ["PATH"]}).returncode == 0 for rule in rules)  # noqa: E731
    assert holds(GITLAB["workflow"]["rules"])
    jobs = included(GITLAB["include"][0]["inputs"], {"WEIR_RELEASES": runner.releases, "WEIR_SUMS": runner.sums})
    before = [line for part in GITLAB["default"]["before_script"] for line in (jobs[part[0]][part[1]] if isinstance(part, list) else [part])]
    ran, left = [], []
    for stage in GITLAB["stages"]:
        for name, job in GITLAB.items():
            if not isinstance(job, dict) or job.get("stage") != stage or ("rules" in job and not holds(job["rules"])):
                continue
            place = runner.checkout(left)
            script = before + ([job["script"]] if isinstance(job["script"], str) else job["script"])
            own = {key: re.sub(r"\$(\w+)", lambda found: env[found[1]], text) for key, text in job.get("variables", {}).items()}
            runner.script(script, place, {**env, **own})
            paths = job.get("artifacts", {}).get("paths", [])
            runner.keep(place, paths)
            left += paths
            for report in job.get("artifacts", {}).get("reports", {}).values():
                assert "<testsuite" in (place / report).read_text()
            ran.append(name)
    return ran


def test_gitlab(tmp_path, cloud, notes):
    cloud.client("s3").create_bucket(Bucket="ci-state")
    runner = Runner(tmp_path, cloud)
    for key in "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY":
        del runner.env[key]  # the roles are assumed with the runner's token
    role = "arn:aws:iam::123456789012:role/"
    env = {"AWS_TOKEN": "token-of-the-runner", "PLAN_ROLE": role + "plan", "APPLY_ROLE": role + "apply", "NOTES_TOKEN": "secret-note", "CI_API_V4_URL": f"http://127.0.0.1:{notes.server_port}/api/v4", "CI_PROJECT_ID": "12"}
    assert gitlab(runner, {**env, "CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "7"}) == ["check", "plan", "comment"]
    ((path, token, posted),) = notes.posted
    assert path == "/api/v4/projects/12/merge_requests/7/notes" and token == "secret-note" and "`lake`" in posted["body"][0]
    assumed = [one for one in cloud.requests() if "AssumeRoleWithWebIdentity" in str(one)]
    assert assumed
    assert gitlab(runner, {**env, "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main"}) == ["check", "plan", "apply"]
    assert tags(cloud)["size"] == "2" and len(notes.posted) == 1
