"""The schedulers of the guide carried out: each starts its parts, which meet in their states only, and all is there, once."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from servers import JobSandbox, SandboxCloud
from support import JUDGES, ROOT, SANITIZED, WEIR, Stack, until
from test_ci_guide import Runner, act, included

GUIDE = (ROOT / "docs/guides/shards.md").read_text()
GITHUB, GITLAB, INDEXED, BATCH = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", GUIDE, re.S)]
PARALLEL, SUBMIT = re.findall(r"^    ((?:parallel|aws) .*)", GUIDE, re.M)
VALIDATE = shutil.which("kubernetes-validate", path=JUDGES)

FLEET = """
stack: lab
state: {backend: s3, bucket: lab-states}
fleet: {each: {file: members.csv, key: name}, inputs: {owner: "${each.key}"}}
inputs: {owner: {type: string}}
resources:
  place: {type: aws.ssm.parameter, name: "/lab/${inputs.owner}", parameter_type: String, value: "${inputs.owner}"}
"""


@pytest.fixture
def lab(tmp_path):
    """A fleet, with weir on the PATH."""
    cloud = SandboxCloud()
    yield fleet_at(tmp_path / "lab", cloud, 24)
    cloud.stop()


def fleet_at(folder, cloud, members):
    stack = cloud.stack(folder)
    stack.cloud = cloud
    stack.write(FLEET).write("name\n" + "".join(f"m{i:03}\n" for i in range(members)), "members.csv")
    cloud.client().create_bucket(Bucket="lab-states")
    bin = folder.parent / "bin"
    bin.mkdir()
    (bin / "weir").symlink_to(WEIR)
    stack.env["PATH"] = f"{bin}:{os.path.dirname(sys.executable)}:{stack.env['PATH']}"
    return stack


def places(stack):
    pages = stack.cloud.client("ssm").get_paginator("get_parameters_by_path").paginate(Path="/lab")
    return [parameter["Name"].rpartition("/")[2] for page in pages for parameter in page["Parameters"]]


def all_there(stack, members):
    assert sorted(places(stack)) == [f"m{i:03}" for i in range(members)]
    status = stack.run("fleet", "status").out.splitlines()[1:]  # of all parts
    assert len(status) == members
    assert f"Plan: 0 of {members} members" in stack.run("fleet", "plan").out


def shell(stack, words, **env):
    done = subprocess.run(["sh", "-c", words], cwd=stack.folder, env={**stack.env, **env}, capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


needs_parallel = pytest.mark.skipif(not shutil.which("parallel"), reason="GNU parallel is not installed")


@pytest.mark.full
@needs_parallel
def test_gnu_parallel(lab):
    """Any of them may run again."""
    shell(lab, PARALLEL)
    shell(lab, PARALLEL.partition(":::")[0] + "::: 3 1")
    all_there(lab, 24)
    shell(lab, PARALLEL.replace("fleet apply", "fleet destroy"))
    assert places(lab) == []


@pytest.mark.full
def test_kubernetes(lab, tmp_path):
    """What the kubelet gives each pod is its index; here they run at most so many at a time, in no order."""
    spec = INDEXED["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    with ThreadPoolExecutor(spec["parallelism"]) as pool:
        for done in [pool.submit(shell, lab, shlex.join(container["command"]), JOB_COMPLETION_INDEX=str(i)) for i in reversed(range(spec["completions"]))]:
            done.result()
    all_there(lab, 24)
    assert spec["completionMode"] == "Indexed" and container["workingDir"] == "/stack"


@pytest.mark.long
@pytest.mark.skipif(not VALIDATE, reason="kubernetes-validate is not installed")
@pytest.mark.parametrize("change, status", [({}, 0), ({"completionMode": 1}, 1), ({"completion": 8}, 1)])
def test_the_manifest_is_kubernetes_own(tmp_path, change, status):
    """By the schema that its API server publishes."""
    (tmp_path / "job.yaml").write_text(json.dumps({**INDEXED, "spec": {**INDEXED["spec"], **change}}))
    done = subprocess.run([VALIDATE, "--strict", tmp_path / "job.yaml"], capture_output=True, text=True)
    assert bool(done.returncode) == bool(status), done.stdout + done.stderr


@pytest.mark.full
@pytest.mark.skipif(SANITIZED, reason="its jobs have a limit of memory, and sanitizers take their address space beforehand")
def test_aws_batch(tmp_path):
    """Its jobs have a role of their own, and policies count."""
    cloud = JobSandbox(PATH=f"{tmp_path}/bin:{os.environ['PATH']}")
    stack = fleet_at(tmp_path / "lab", cloud, 24)
    batch = cloud.client("batch")
    environment = batch.create_compute_environment(computeEnvironmentName="lab", type="MANAGED", state="ENABLED", serviceRole=cloud.role, computeResources={
        "type": "FARGATE", "maxvCpus": 4, "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]})["computeEnvironmentArn"]
    batch.create_job_queue(jobQueueName="lab", state="ENABLED", priority=1, computeEnvironmentOrder=[{"order": 1, "computeEnvironment": environment}])
    jobs = Stack(tmp_path / "jobs")
    jobs.env |= {key: stack.env[key] for key in stack.env if key.startswith("AWS_")}
    jobs.write(json.dumps(BATCH).replace("cd /stack", f"cd {stack.folder}")).apply("-i", "image=local", "-i", f"role={cloud.role}")
    run = json.loads(shell(stack, SUBMIT, AWS_DEFAULT_OUTPUT="json", AWS_DEFAULT_REGION="us-east-1"))["jobId"]
    ended = until(lambda: (job := batch.describe_jobs(jobs=[run])["jobs"][0])["status"] in ("SUCCEEDED", "FAILED") and job)
    assert (ended["status"], ended["arrayProperties"]) == ("SUCCEEDED", {"size": 8, "statusSummary": {"SUCCEEDED": 8}}), ended
    all_there(stack, 24)
    cloud.stop()


# ---- stacks that refer to each other ----

STACKS = {"net": [], "lake": [], "shop": ["net", "lake"], "web": ["net"], "admin": [], "top": ["shop", "web"]}


def write_stacks(folder):
    (folder / "weir.yaml").unlink()
    for name, uses in STACKS.items():
        data = {use: {"type": "weir.stack", "stack": use} for use in uses}
        value = " ".join([name, *(f"${{{use}.outputs.value}}" for use in uses)])
        resources = {"place": {"type": "aws.ssm.parameter", "name": f"/lab/{name}", "parameter_type": "String", "value": value}}
        (folder / name).mkdir()
        (folder / name / "weir.yaml").write_text(json.dumps({"stack": name, "state": {"backend": "s3", "bucket": "ci-state"}, "data": data, "resources": resources, "outputs": {"value": value}}))


@pytest.fixture
def runner(tmp_path, cloud):
    cloud.client("s3").create_bucket(Bucket="ci-state")
    runner = Runner(tmp_path, cloud)
    write_stacks(runner.origin)
    return runner


def check_stacks(cloud):
    found = {parameter["Name"]: parameter["Value"] for parameter in cloud.client("ssm").get_parameters_by_path(Path="/lab")["Parameters"]}
    assert len(found) == len(STACKS) and found["/lab/top"] == "top shop net lake web net", found


def at_once(work, parts):
    with ThreadPoolExecutor(len(parts)) as pool:
        for done in [pool.submit(work, part) for part in parts]:
            done.result()


@pytest.mark.long
def test_github(runner, cloud):
    """A job for each of the matrix, in a checkout of its own."""
    job = GITHUB["jobs"]["apply"]
    parts = job["strategy"]["matrix"]["part"]
    places = {part: runner.checkout([]) for part in parts}
    act(runner, places[1], {"releases": runner.releases, "sums": runner.sums})
    line = job["steps"][-1]["run"]
    filled = {part: line.replace("${{ matrix.part }}", str(part)).replace("${{ strategy.job-total }}", str(len(parts))) for part in parts}
    assert "${{" not in "".join(filled.values()) and [step.get("uses", "").partition("@")[0] for step in job["steps"][:-1]] == ["actions/checkout", "example/weir/packaging/github", "aws-actions/configure-aws-credentials"]
    at_once(lambda part: runner.script(filled[part], places[part], {}), parts)
    check_stacks(cloud)


@pytest.mark.long
def test_gitlab(runner, cloud):
    job, env = GITLAB["apply"], {"AWS_TOKEN": "token-of-the-runner", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/apply"}
    jobs = included(GITLAB["include"][0]["inputs"], {"WEIR_RELEASES": runner.releases, "WEIR_SUMS": runner.sums})
    before = [line for part in job["before_script"] for line in (jobs[part[0]][part[1]] if isinstance(part, list) else [part])]
    for key in "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY":
        del runner.env[key]  # the role is assumed with the runner's token
    places = {index: runner.checkout([]) for index in range(1, job["parallel"] + 1)}
    at_once(lambda index: runner.script([*before, job["script"]], places[index], {**env, "CI_NODE_INDEX": str(index), "CI_NODE_TOTAL": str(job["parallel"])}), list(places))
    check_stacks(cloud)


@needs_parallel
@pytest.mark.long
def test_a_thousand_members(tmp_path):
    """Over eight parts on one store, all at once: nobody is in another's way, all are there, and nothing is left."""
    cloud = SandboxCloud()
    lab = fleet_at(tmp_path / "lab", cloud, 1000)
    lab.patience_s = 600
    shell(lab, PARALLEL.replace("-j 4", "-j 8"))
    all_there(lab, 1000)
    shell(lab, PARALLEL.replace("-j 4", "-j 8").replace("fleet apply", "fleet destroy"))
    assert places(lab) == []
    cloud.stop()
