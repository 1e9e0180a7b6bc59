"""
`weir policy` is enough, and nothing that is used can be left out of it: in the sandbox, where permissions are real, an operator's role is
given what is printed for a stack, and applies, plans and destroys it. What a run really asks for is said by a sandbox that only warns.
"""

import json
import os
import re
import shutil
import subprocess
import sys

import boto3
import pytest

import test_types_clusters
import test_types_further
from life_cycle import stack_text
from support import ROOT, WEIR, Stack, until

ACCOUNT = "000000000000"
EXAMPLES = [path.parent.name for path in sorted((ROOT / "examples").glob("*/weir.yaml"))]
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]})
ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
STACK = """
    stack: proven
    resources:
      key: {type: aws.kms.key, description: proven}
      lake: {type: aws.s3.bucket, name: proven-lake, versioning: true, encryption: {algorithm: "aws:kms", kms_key: "${key.arn}"}}
      password: {type: aws.secretsmanager.secret, name: proven-password, secret_string: hunter22, kms_key: "${key.arn}"}
      role:
        type: aws.iam.role
        name: proven-etl
        assume_role_policy: '${trust("glue.amazonaws.com")}'
        policies: {own: '${allow("s3:GetObject", "${lake.arn}/*")}'}
      code: {type: weir.artifact, source: code.py, store: "${lake.name}/code"}
      job: {type: aws.glue.job, name: proven-clean, role: "${role.arn}", command: {name: glueetl, script_location: "${code.url}"}, tags: {a: b}}
      failed: {type: aws.sqs.queue, name: proven-failed}
      clicks: {type: aws.kinesis.stream, name: proven-clicks}
      reader: {type: aws.kinesis.stream_consumer, stream: "${clicks.arn}", name: proven-reader, tags: {a: b}}
      queries: {type: aws.athena.workgroup, name: proven-queries, tags: {a: b}}
"""


class Operated:
    """A stack, and a sandbox of its own that it is operated in by a role."""

    def __init__(self, folder, mode, **env):
        self.folder, self.mode, self.heard = folder, mode, folder.parent / f"said-{mode}"
        self.data = folder.parent / f"data-{mode}"
        with self.heard.open("w") as heard:
            self.process = subprocess.Popen([WEIR, "sandbox", "--port", "0", "--speed", "100000", "--iam", mode, "--dir", self.data], env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=heard, text=True)
        lines = []
        while not lines or not lines[-1].startswith("unset"):
            lines.append(self.process.stdout.readline())
        self.root = dict(re.findall(r"export (\w+)=(.*)", "".join(lines)))
        self.iam = self.client("iam")
        self.iam.create_role(RoleName="operator", AssumeRolePolicyDocument=TRUST)
        self.allowed, self.attached = {}, {}  # statements by phase; texts of the role's policies by name

    def client(self, service):
        return boto3.client(service, endpoint_url=self.root["AWS_ENDPOINT_URL"], region_name="us-east-1", aws_access_key_id=self.root["AWS_ACCESS_KEY_ID"],
                            aws_secret_access_key=self.root["AWS_SECRET_ACCESS_KEY"])

    def allow(self, documents, without=None):
        """Each phase's document; `without`: an action that is left out. Inline policies of a role are too short together: managed ones, each as long as it may be."""
        for phase, document in documents.items():
            statements = [{**{key: value for key, value in s.items() if key != "Sid"}, "Action": [a for a in listed(s["Action"]) if a != without]} for s in document["Statement"]]
            self.allowed[phase] = [s for s in statements if s["Action"]]
        parts = [""]
        for statement in dict.fromkeys(json.dumps(s) for phase in self.allowed.values() for s in phase):
            if len(parts[-1]) + len(statement) > 6000:
                parts.append("")
            parts[-1] += (", " if parts[-1] else "") + statement
        for number, part in enumerate(parts):
            self.attach(f"operator-{number}", part)
        for name in set(self.attached) - {f"operator-{number}" for number in range(len(parts))}:
            self.detach(name)

    def attach(self, name, statements):
        if self.attached.get(name) != statements:
            self.detach(name)
            made = self.iam.create_policy(PolicyName=name, PolicyDocument=f'{{"Version": "2012-10-17", "Statement": [{statements}]}}')
            self.iam.attach_role_policy(RoleName="operator", PolicyArn=made["Policy"]["Arn"])
            self.attached[name] = statements

    def detach(self, name):
        if name in self.attached:
            arn = f"arn:aws:iam::{ACCOUNT}:policy/{name}"
            self.iam.detach_role_policy(RoleName="operator", PolicyArn=arn)
            self.iam.delete_policy(PolicyArn=arn)
            del self.attached[name]

    def weir(self, *words, root=False):
        """(status, what it said) of a command with the role's credentials."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        printed = "" if root else subprocess.run([WEIR, "sandbox", "env", "--dir", self.data, "--role", "operator"], capture_output=True, text=True, check=True).stdout
        env |= {**self.root, **dict(re.findall(r"export (\w+)=(.*)", printed)), "WEIR_CLOCK_SPEED": "50"}
        ran = subprocess.run([WEIR, *words], cwd=self.folder, env=env, capture_output=True, text=True)
        return ran.returncode, ran.stdout + ran.stderr

    def asked(self):
        """{action: resources} that the role was not allowed and has done, as a sandbox that warns says."""
        found = {}
        for action, resource in re.findall(r"would be denied: .*assumed-role/operator/.* is not authorized to perform: (\S+) on resource: \"?([^\s\"]+)", self.heard.read_text()):
            found.setdefault(action, set()).add(resource)
        return found

    def stop(self):
        self.process.terminate()
        self.process.wait()


def listed(value):
    return value if isinstance(value, list) else [value]


def printed(operated, *words):
    status, said = operated.weir("policy", *words, root=True)
    assert status == 0, said
    return json.loads(said)


def live(operated, words=()):
    """Made, looked at again, taken down."""
    for command in (["apply", "-y", *words], ["plan", "--detailed-exitcode", *words], ["destroy", "-y", "--lab", *words]):
        status, said = operated.weir(*command)
        if status:
            return " ".join(command) + ": " + said
    return ""


@pytest.fixture
def operated(request):
    made = []

    def make(folder, mode, **env):
        made.append(Operated(folder, mode, **env))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def example(name, tmp_path):
    """A folder with the example, and what its inputs want."""
    folder = tmp_path / name
    shutil.copytree(ROOT / "examples" / name, folder, ignore=shutil.ignore_patterns(".weir"))
    return folder


def prove(operated, folder, words=()):
    strict = operated(folder, "on")
    documents = printed(strict, *words)
    strict.allow(documents)
    assert live(strict, words) == ""
    return documents, strict


def small(tmp_path):
    stack = Stack(tmp_path / "proven")
    stack.write("print(1)", "code.py").write(STACK)
    return stack.folder


def test_what_is_printed_is_enough_and_no_more(tmp_path, operated):
    """And what is left out of it is what fails: each in turn of those that a run asks for (some of them here, all in the long tests)."""
    folder = small(tmp_path)
    documents, strict = prove(operated, folder)
    warned = operated(folder, "warn")
    assert live(warned) == ""
    asked = warned.asked()
    allowed = {action for document in documents.values() for s in document["Statement"] for action in listed(s["Action"])}
    assert asked and set(asked) <= allowed, sorted(set(asked) - allowed)
    for action in "glue:CreateJob", "s3:GetBucketTagging", "iam:PassRole":
        assert action in asked
        strict.allow(documents, without=action)
        said = live(strict)
        assert f"is not authorized to perform: {action} on resource" in said, (action, said)
        strict.allow(documents)
        status, said = strict.weir("destroy", "-y", "--lab", root=True)
        assert status == 0, said


def test_no_policy_no_plan(tmp_path, operated):
    strict = operated(small(tmp_path), "on")
    status, said = strict.weir("apply", "-y")
    assert status == 1 and "is not authorized to perform" in said and "assumed-role/operator/weir-sandbox-env" in said
    until(lambda: strict.process.poll() is None)


RUNS = """
    stack: runs
    resources:
      lake: {type: aws.s3.bucket, name: runs-lake}
      code: {type: aws.s3.object, bucket: "${lake.name}", key: say.py, content: "print(1)"}
      group: {type: aws.logs.log_group, name: /runs/tasks}
      role:
        type: aws.iam.role
        name: runs-jobs
        assume_role_policy: '${trust(["glue.amazonaws.com", "states.amazonaws.com", "ecs-tasks.amazonaws.com", "batch.amazonaws.com"])}'
        policies: {own: '${allow(["s3:*", "glue:*", "athena:*"], "*")}'}
      job: {type: aws.glue.job, name: runs-job, role: "${role.arn}", command: {name: pythonshell, script_location: "${code.url}", python_version: "3.9"}}
      machine: {type: aws.stepfunctions.state_machine, name: runs-machine, role: "${role.arn}", definition: {StartAt: P, States: {P: {Type: Pass, End: true}}}}
      cluster: {type: aws.ecs.cluster, name: runs-cluster}
      task:
        type: aws.ecs.task_definition
        name: runs-task
        task_role: ${role.arn}
        containers: [{name: main, image: local, command: [echo, done], memory: 64, log_driver: awslogs, log_options: {awslogs-group: "${group.name}", awslogs-region: us-east-1, awslogs-stream-prefix: t}}]
        cluster: ${cluster.name}
      machines: {type: aws.batch.compute_environment, name: runs-machines, environment_type: UNMANAGED, service_role: "${role.arn}"}
      queue: {type: aws.batch.job_queue, name: runs-queue, priority: 1, compute_environments: [{order: 1, compute_environment: "${machines.arn}"}]}
      batch: {type: aws.batch.job_definition, name: runs-batch, container: {image: local, command: [echo, done], job_role: "${role.arn}", resources: {VCPU: "1", MEMORY: "64"}}}
      results: {type: aws.s3.bucket, name: runs-results, force_destroy: true}
      group_of_queries: {type: aws.athena.workgroup, name: runs-queries, output_location: "s3://${results.name}/"}
      query: {type: aws.athena.named_query, name: runs-query, database: default, query: show databases, workgroup: "${group_of_queries.name}"}
"""
ASKED = {"job": [], "machine": [], "task": [], "batch": ["--set", "queue=runs-queue"], "query": []}


@pytest.mark.long
def test_what_is_printed_is_enough_to_run(tmp_path, operated):
    """Jobs are started, followed, listed and their logs read by a role that has what is printed for that, and nothing else."""
    stack = Stack(tmp_path / "runs")
    stack.write(RUNS)
    strict = operated(stack.folder, "on", PATH=f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}")  # with boto3
    assert (made := strict.weir("apply", "-y", root=True))[0] == 0, made
    document = {"run": printed(strict, "run")}
    strict.allow(document)
    reads = {"Effect": "Allow", "Action": ["glue:Get*", "s3:*"], "Resource": "*"}  # a query reads and writes what its caller may
    strict.iam.put_role_policy(RoleName="operator", PolicyName="data", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [reads]}))
    for job, words in ASKED.items():
        for command in ["run", "jobs", *([] if job in ("machine", "query") else ["logs"])]:
            command = [command, job, *words]
            status, said = strict.weir(*command)
            assert status == 0 and "not authorized" not in said, (command, said)
    without, needed = set(), {action for s in document["run"]["Statement"] for action in listed(s["Action"])}
    for action in sorted(action for action in needed if re.search(r":(Start|Run|Submit)|PassRole", action)):
        strict.allow(document, without=action)
        for job, words in ASKED.items():
            status, said = strict.weir("run", job, *words)
            without |= {action} if status and f"perform: {action} on" in said else set()
    assert without >= {"glue:StartJobRun", "states:StartExecution", "ecs:RunTask", "batch:SubmitJob", "athena:StartQueryExecution", "iam:PassRole"}, without


# What an example wants to be told.
WORDS = {"film-lake": ["-i", "tables=false"], "retail-workshop": ["-i", "owner=ada", "-i", "bastion_image=ami-0a1b2c3d", "-i", "inside=false"]}


@pytest.mark.long
@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_under_its_own_policy(tmp_path, operated, name):
    folder, words = example(name, tmp_path), WORDS.get(name, [])
    documents, _ = prove(operated, folder, words)
    warned = operated(folder, "warn")
    assert live(warned, words) == ""
    allowed = {action for document in documents.values() for s in document["Statement"] for action in listed(s["Action"])}
    assert sorted(set(warned.asked()) - allowed) == []


# A HEAD's answer has no words, and Secrets Manager does not say what of KMS.
SPEECHLESS = "HTTP 403 forbidden|these credentials may not look up|Access to KMS is not allowed"
# What only looks weir may get along without: a listing of many is done one by one, whose a thing is is taken from the state.
LOOKS = re.compile(r"[\w-]+:(List|Describe|Get|Validate)\w+")
TRIED = set()  # what another stack has been tried without


@pytest.mark.long
@pytest.mark.parametrize("name", ["small", *EXAMPLES])
def test_no_action_can_be_left_out(tmp_path, operated, name):
    """Of those that a run asks for: each in turn, and it is what fails. Each in the first stack that asks for it."""
    folder = small(tmp_path) if name == "small" else example(name, tmp_path)
    words, warned = WORDS.get(name, []), operated(folder, "warn")
    assert live(warned, words) == ""
    strict, kept = operated(folder, "on"), []
    documents = printed(strict, *words)
    for action in sorted(set(warned.asked()) - TRIED):
        TRIED.add(action)
        strict.allow(documents, without=action)
        said = live(strict, words)
        if f"perform: {action} on" not in said and not re.search(SPEECHLESS, said) and not (LOOKS.fullmatch(action) and said == ""):
            kept.append((action, said))
        strict.allow(documents)
        status, said = strict.weir("destroy", "-y", "--lab", *words, root=True)
        assert status == 0, said
    assert kept == []


LEASED = """
    stack: leased
    lease: {for: 8h}
    resources:
      lake: {type: aws.s3.bucket, name: leased-lake, force_destroy: true}
      queue: {type: aws.sqs.queue, name: leased-events}
      network: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}
      role: {type: aws.iam.role, name: leased-jobs, assume_role_policy: '${trust("glue.amazonaws.com")}'}
"""


@pytest.mark.long
def test_leases_and_those_who_look_after_them(tmp_path, operated):
    """Marks change with what apply may, reap needs what destroy does, and finding marks without a state has a policy of its own."""
    folder = Stack(tmp_path / "leased").write(LEASED).folder
    strict = operated(folder, "on")
    documents = printed(strict)

    def may(*commands, **documents):
        for phase in "plan", "apply", "destroy", "sweep", "run":
            if phase not in documents:
                try:
                    strict.iam.delete_role_policy(RoleName="operator", PolicyName=phase)
                except strict.iam.exceptions.NoSuchEntityException:
                    pass
        strict.allow(documents)
        said = ""
        for command in commands:
            status, said = strict.weir(*command)
            assert status == 0 and "not authorized" not in said and "could not be read" not in said, (command, said)
        return said

    may(["apply", "-y"], ["lease", "extend", "2h"], ["lease", "end"], plan=documents["plan"], apply=documents["apply"])
    marks = dict(tag.values() for tag in strict.client("s3").get_bucket_tagging(Bucket="leased-lake")["TagSet"])
    assert "weir:lease" in marks
    assert "Nothing is left of 1 stack" in may(["reap", "--yes"], destroy=documents["destroy"])

    may(["apply", "-y", "--for", "1h"], plan=documents["plan"], apply=documents["apply"])
    shutil.rmtree(folder / ".weir")
    sweep = printed(strict, "sweep")
    assert "leased" in may(["sweep"], sweep=sweep)
    said = may(["sweep", "--take-down", "leased", "--yes"], ["sweep"], sweep=sweep, destroy=documents["destroy"])
    assert "is without a state" in said, said
    assert "sweep" not in documents  # printed where it is asked for


def test_quotas_are_asked_for_by_fleets_alone(tmp_path):
    stack = Stack(tmp_path / "lab")
    stack.write(LEASED)
    asks = lambda: "servicequotas:GetServiceQuota" in stack.run("policy", "apply").out  # noqa: E731
    assert not asks()
    stack.write(LEASED + "    fleet: {each: [anna, bob]}\n")
    assert "servicequotas:GetServiceQuota" in stack.run("policy", "apply", "-e", "anna").out


GROUP = """
    stack: proven
    resources:
      net: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}
      place: {type: aws.ec2.subnet, vpc_id: "${net.vpc_id}", cidr_block: 10.0.1.0/24}
      template: {type: aws.ec2.launch_template, name: proven, image_id: ami-1, instance_type: t4g.micro}
      group: {type: aws.autoscaling.group, name: proven, min_size: 0, max_size: 2, desired_capacity: 1, launch_template: {id: "${template.launch_template_id}"}, subnet_ids: ["${place.subnet_id}"], tags: {a: b}, propagated_tags: [a]}
      busy: {type: aws.autoscaling.policy, name: busy, group: "${group.name}", policy_type: TargetTrackingScaling, target_tracking: {predefined_metric: ASGAverageCPUUtilization, target_value: 60}}
      nights: {type: aws.autoscaling.schedule, name: nights, group: "${group.name}", recurrence: 0 22 * * *, min_size: 0}
"""


@pytest.mark.long
def test_groups_start_instances_by_what_is_printed(tmp_path, operated):
    stack = Stack(tmp_path / "proven")
    stack.write(GROUP)
    documents, strict = prove(operated, stack.folder)
    allowed = {action for document in documents.values() for s in document["Statement"] for action in listed(s["Action"])}
    assert {"ec2:RunInstances", "autoscaling:CreateOrUpdateTags"} <= allowed
    strict.allow(documents, without="autoscaling:CreateAutoScalingGroup")
    assert "is not authorized to perform: autoscaling:CreateAutoScalingGroup on resource" in live(strict)


# What `weir policy` says of the newest types: made, changed, looked at and taken down under it.
LIVES = {name: case for module in (test_types_further, test_types_clusters) for name, case in {**module.CASES, **module.NOT_ON_MOTO}.items() if not case.prepare}


@pytest.mark.long
@pytest.mark.parametrize("name", LIVES)
def test_lives_of_types_under_their_own_policy(tmp_path, operated, name):
    case, stack = LIVES[name], Stack(tmp_path / "proven")
    versions = [stack_text(case, attributes) for attributes in (case.first, case.then) if attributes]
    stack.write(versions[0])
    strict = operated(stack.folder, "on")
    strict.allow(printed(strict))
    for role in set(re.findall(r"role/([\w-]+)", "".join(versions))):  # a pipe runs only when its role may read the source
        strict.iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST.replace('{"AWS": "*"}', '"*"'))
        strict.iam.put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=ALL)
    for text in versions:
        stack.write(text)
        for command in ["apply", "-y"], ["plan", "--detailed-exitcode"]:
            status, said = strict.weir(*command)
            assert not status, f"{command[0]}: {said}"
    status, said = strict.weir("destroy", "-y", "--lab")
    assert not status, said
