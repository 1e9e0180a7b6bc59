"""One sandbox for the stacks of a repository: which one a stack has, and what two processes do with one at the same time."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from servers import Server, take_env
from support import PATIENCE_S, WEIR, Stack, until

NET = """
    stack: net
    resources:
      vpc: {type: aws.ec2.vpc, cidr_block: 10.7.0.0/16}
      subnet: {type: aws.ec2.subnet, vpc_id: "${vpc.vpc_id}", cidr_block: 10.7.1.0/24}
    outputs: {vpc: "${vpc.vpc_id}", subnet: "${subnet.subnet_id}"}
"""
APP = """
    stack: app
    data:
      net: {type: weir.stack, stack: net, dir: ../net}
    resources:
      inside: {type: aws.ec2.security_group, name: app, description: of the app, vpc_id: "${net.outputs.vpc}"}
"""
LAKE = "stack: lake\nresources:\n  b: {type: aws.s3.bucket, name: %s}\n"
SLOW = """
    stack: %s
    resources:
      b: {type: aws.s3.bucket, name: %s}
      wait: {type: weir.command, command: "touch begun; until [ -e go ]; do sleep 0.02; done", depends_on: [b]}
      after: {type: aws.s3.bucket, name: %s-after, depends_on: [wait]}
"""


class Served(Server):
    """`weir sandbox` in a folder of the repository."""

    def __init__(self, folder, home):
        self.process = subprocess.Popen([WEIR, "sandbox", "--port", "0"], cwd=folder, env={**os.environ, "HOME": str(home)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        take_env(self, self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE_S)


@pytest.fixture
def repository(tmp_path):
    top = tmp_path / "repository"
    (top / ".git").mkdir(parents=True)
    (top / ".weir").mkdir()
    return top


def sandbox_of(stack, *words):
    """Which folder `weir sandbox env` speaks of."""
    said = stack.run("sandbox", "env", *words).err
    return Path(stack.folder, said.split("No sandbox serves ", 1)[1].split(" yet;", 1)[0]).resolve()


def buckets(served):
    return {bucket["Name"] for bucket in served.client("s3").list_buckets()["Buckets"]}


def test_two_folders_see_each_other(repository):
    """What one stack gives out is there for the other; each takes down its own alone."""
    net, app = Stack(repository / "net").write(NET), Stack(repository / "teams/app").write(APP.replace("../net", "../../net"))
    net.apply("--sandbox")
    app.apply("--sandbox")
    assert not (net.folder / ".weir/sandbox").exists() and not (app.folder / ".weir").exists()
    for stack in (net, app):
        assert "No changes" in stack.run("plan", "--sandbox").out
    with Served(app.folder, app.home) as served:  # finds the same one from there, and the stacks find it
        ec2 = served.client("ec2")
        (vpc,) = ec2.describe_vpcs()["Vpcs"]
        (group,) = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["app"]}])["SecurityGroups"]
        assert vpc["CidrBlock"] == "10.7.0.0/16" and group["VpcId"] == vpc["VpcId"]
        app.run("destroy", "-y", "--sandbox")
        assert len(ec2.describe_vpcs()["Vpcs"]) == len(ec2.describe_subnets()["Subnets"]) == 1
        assert "No changes" in net.run("plan", "--sandbox").out
        net.run("destroy", "-y", "--sandbox")
        assert not ec2.describe_vpcs()["Vpcs"] and not ec2.describe_subnets()["Subnets"]


def test_stacks_of_one_name_do_not_meet(repository):
    one, two = (Stack(repository / name).write(LAKE % f"lake-{name}") for name in ("one", "two"))
    one.apply("--sandbox")
    two.apply("--sandbox")
    two.run("destroy", "-y", "--sandbox")
    assert "No changes" in one.run("plan", "--sandbox").out
    with Served(repository, one.home) as served:
        assert buckets(served) == {"lake-one"}


def test_states_in_one_place_elsewhere(repository):
    """Where both say the same `state:`, no folder has to be named."""
    state = "state: {backend: s3, bucket: team-state}"
    net = Stack(repository / "net").write(NET.replace("stack: net", "stack: net\n    " + state))
    app = Stack(repository / "app").write(APP.replace("stack: app", "stack: app\n    " + state).replace(", dir: ../net", ""))
    net.apply("--sandbox")
    app.apply("--sandbox")
    assert "No changes" in app.run("plan", "--sandbox").out


def test_which_one(tmp_path, repository):
    """The nearest above, within the repository; what is in a stack's own folder, or `sandbox:`, goes before it."""
    above = (repository / ".weir/sandbox").resolve()
    sub = Stack(repository / "a/b").write(LAKE % "lake-b")
    nearer = repository / "a/.weir"
    nearer.mkdir()
    assert sandbox_of(sub) == nearer / "sandbox"
    shutil.rmtree(nearer / "sandbox")
    above.mkdir(mode=0o700)
    assert sandbox_of(sub) == above  # one that is there, before one that would be made
    assert sandbox_of(sub, "--dir", "mine") == sub.folder / "mine"
    sub.write("sandbox: ../../shared\n" + LAKE % "lake-b")
    assert sandbox_of(sub) == (repository / "shared").resolve()
    sub.apply("--sandbox")
    assert (repository / "shared/s3").is_dir() and "No changes" in sub.run("plan", "--sandbox").out
    sub.write(LAKE % "lake-b")
    (sub.folder / ".weir/sandbox").mkdir(mode=0o700, parents=True)
    assert sandbox_of(sub) == sub.folder / ".weir/sandbox"


def test_not_beyond(tmp_path, repository):
    """A folder outside, above the repository, the home folder's, one in which everybody may write: none of these is shared."""
    (tmp_path / ".weir").mkdir()
    (repository / ".weir").rmdir()
    inside, beside = Stack(repository / "a").write(LAKE % "a"), Stack(tmp_path / "beside").write(LAKE % "b")
    assert sandbox_of(inside) == inside.folder / ".weir/sandbox"
    assert sandbox_of(beside) == tmp_path / ".weir/sandbox"
    beside.env["HOME"] = str(tmp_path)
    assert sandbox_of(beside) == beside.folder / ".weir/sandbox"
    beside.env["HOME"] = str(beside.home)
    tmp_path.chmod(0o1777)
    beside = Stack(tmp_path / "third").write(LAKE % "c")
    assert sandbox_of(beside) == beside.folder / ".weir/sandbox"


def test_a_stack_outside_has_its_own(tmp_path, repository):
    """Its outputs name what is not there: said at once, with what to do."""
    net, app = Stack(tmp_path / "net").write(NET), Stack(repository / "app").write(APP.replace("../net", "../../net"))
    net.apply("--sandbox")
    said = app.run("plan", "--sandbox", status=3).err
    assert "has another sandbox" in said and str(net.folder.name) in said and "`sandbox: DIR`" in said, said
    app.write("    sandbox: ../../net/.weir/sandbox\n" + APP.replace("../net", "../../net"))
    app.apply("--sandbox")
    assert "No changes" in app.run("plan", "--sandbox").out
    assert "No changes" in net.run("plan", "--sandbox").out


@pytest.mark.parametrize("value, says", [("[a]", "the folder of a sandbox"), ("${stack.name}", "an expression does not do")])
def test_what_it_takes(tmp_path, value, says):
    stack = Stack(tmp_path / "stack").write(f"sandbox: {value}\n" + LAKE % "lake")
    assert says in stack.run("validate", status=3).err


def test_races(repository):
    """Many start at once: one serves, the others join it, and none loses what it uses when another one ends."""
    stacks = [Stack(repository / f"s{i}").write(LAKE % f"lake-s{i}") for i in range(6)]
    for words in (("apply", "-y"), ("plan",), ("destroy", "-y")):
        running = [stack.start(*words, "--sandbox") for stack in stacks]
        for process in running:
            out, err = process.communicate(timeout=PATIENCE_S)
            assert process.returncode == 0 and (words[0] != "plan" or "No changes" in out), (words, out, err)
        with Served(repository, stacks[0].home) as served:
            assert buckets(served) == (set() if words[0] == "destroy" else {f"lake-s{i}" for i in range(6)})


def test_whoever_serves_waits(repository):
    """The first one is through before the other, which goes on; a third one in the meantime, too."""
    first, second = (Stack(repository / name).write(SLOW % (name, name, name)) for name in ("first", "second"))
    serving = first.start("apply", "-y", "--sandbox")
    until((first.folder / "begun").exists, serving)
    joined = second.start("apply", "-y", "--sandbox")
    until((second.folder / "begun").exists, joined)
    (first.folder / "go").touch()
    said = ""
    while "Another command uses this sandbox" not in said:
        line = serving.stderr.readline()
        assert line, said
        said += line
    third = Stack(repository / "third").write(LAKE % "third")
    third.apply("--sandbox")
    assert serving.poll() is None
    (second.folder / "go").touch()
    for process in (joined, serving):
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, (out, err)
    with Served(repository, first.home) as served:
        assert buckets(served) == {"first", "first-after", "second", "second-after", "third"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_whoever_serves_can_be_ended(repository, number):
    """Ctrl-C while it waits ends it; a killed one leaves nothing that keeps others out, and what was under way is recovered."""
    first, second = (Stack(repository / name).write(SLOW % (name, name, name)) for name in ("first", "second"))
    serving = first.start("apply", "-y", "--sandbox")
    until((first.folder / "begun").exists, serving)
    joined = second.start("apply", "-y", "--sandbox")
    until((second.folder / "begun").exists, joined)
    if number == signal.SIGINT:
        (first.folder / "go").touch()
        while "Another command uses this sandbox" not in serving.stderr.readline():
            assert serving.poll() is None
    serving.send_signal(number)
    serving.communicate(timeout=PATIENCE_S)
    for stack in (first, second):
        (stack.folder / "go").touch()
    joined.communicate(timeout=PATIENCE_S)
    for stack in (first, second):
        stack.apply("--sandbox")
        assert "No changes" in stack.run("plan", "--sandbox").out


def test_within_a_command(repository):
    """A command of the stack's own may use the sandbox that its weir serves."""
    net = Stack(repository / "net").write(NET)
    net.apply("--sandbox")
    outer = Stack(repository / "outer").write(f"""
        stack: outer
        resources:
          look: {{type: weir.command, command: "'{WEIR}' -C ../net output vpc --raw --sandbox > vpc"}}
    """)
    outer.apply("--sandbox")
    assert (outer.folder / "vpc").read_text().startswith("vpc-")
