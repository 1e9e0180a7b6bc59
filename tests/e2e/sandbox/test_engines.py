"""What the sandbox runs with: found by itself where tools/setup has put it, told at the start, and missed before anything is made that could not be finished."""

import re
import shutil
import sys

import pytest
import yaml
from servers import ROOT, Server, take_env
from support import WEIR, Stack, example, until

PLAIN = {"PATH": "/usr/bin:/bin", "SPARK_HOME": ""}  # a Python that has neither boto3 nor DuckDB


class Served(Server):
    """`weir sandbox` of that program, as anybody starts it, and what it says on standard error."""

    def __init__(self, program, folder, **env):
        self.stack = Stack(folder)
        self.stack.command = lambda *args: [str(program), *map(str, args)]
        self.stack.env |= {**PLAIN, **env}
        for name in [name for name, value in self.stack.env.items() if value is None]:
            del self.stack.env[name]
        self.process = self.stack.start("sandbox", "--port", "0")
        take_env(self, self.process)

    def stop(self):
        self.process.terminate()
        return self.process.communicate()[1]


def told(program, folder, **env):
    server = Served(program, folder, **env)
    try:
        server.client("sts").get_caller_identity()
    finally:
        said = server.stop()
    return said


def program_in(folder, text):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "python3").write_text(text)
    (folder / "python3").chmod(0o755)


@pytest.fixture
def checkout(tmp_path):
    """One in which tools/setup was run, as far as anybody can tell."""
    root = tmp_path / "checkout"
    for name in ("build", "tools", ".venv-jobs/jars", ".cache/kafka/libs"):
        (root / name).mkdir(parents=True)
    shutil.copy2(WEIR, root / "build/weir")
    (root / "tools/setup").touch()
    program_in(root / ".venv-jobs/bin", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    return root


def test_what_setup_installed_is_found(checkout, tmp_path):
    server = Served(checkout / "build/weir", tmp_path / "stack", WEIR_ENGINES=None)
    try:
        server.client().create_bucket(Bucket="lake")
        server.client().put_object(Bucket="lake", Key="job.py", Body=b"import os, boto3\nprint(os.environ['PATH'])\n")
        glue = server.client("glue")
        role = server.client("iam").create_role(RoleName="job", AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}]}')["Role"]["Arn"]
        glue.create_job(Name="job", Role=role, Command={"Name": "pythonshell", "ScriptLocation": "s3://lake/job.py", "PythonVersion": "3.9"})
        run = glue.start_job_run(JobName="job")["JobRunId"]
        ended = until(lambda: (found := glue.get_job_run(JobName="job", RunId=run)["JobRun"])["JobRunState"] in ("SUCCEEDED", "FAILED") and found)
        assert ended["JobRunState"] == "SUCCEEDED", ended
        (line,) = server.client("logs").get_log_events(logGroupName="/aws-glue/python-jobs/output", logStreamName=run)["events"]
        assert line["message"].startswith(f"{checkout}/.venv-jobs/bin:")
    finally:
        said = server.stop()
    assert re.search("Jobs and queries run with: Python, boto3 for Python, DuckDB for Python", said), said
    assert f"Not on this machine: Airflow 2, for environments of MWAA. What brings it: {checkout}/tools/setup airflow\n" in said
    assert f"What brings it: {checkout}/tools/setup jobs\n" in said  # Spark


def test_the_variable_goes_before(checkout, tmp_path):
    said = told(checkout / "build/weir", tmp_path / "none", WEIR_ENGINES="")
    assert "DuckDB for Python, for Athena's queries and views. What brings it: pip install duckdb boto3" in said and str(checkout) not in said
    elsewhere = tmp_path / "elsewhere/weir"
    elsewhere.parent.mkdir()
    shutil.copy2(WEIR, elsewhere)
    assert "pip install duckdb" in told(elsewhere, tmp_path / "alone", WEIR_ENGINES=None)
    assert "DuckDB for Python" in told(elsewhere, tmp_path / "named", WEIR_ENGINES=str(checkout)).split("Not on this machine")[0]


def test_nothing_in_the_working_directory_is_run(checkout, tmp_path):
    """A stack's folder is not a place for programs, whatever it looks like; nor is one where everybody may write."""
    trap, caught = tmp_path / "trap", tmp_path / "caught"
    (trap / "tools").mkdir(parents=True)
    (trap / "tools/setup").touch()
    program_in(trap / ".venv-jobs/bin", f"#!/bin/sh\ntouch {caught}\n")
    elsewhere = tmp_path / "bin/weir"
    elsewhere.parent.mkdir()
    shutil.copy2(WEIR, elsewhere)
    told(elsewhere, trap, WEIR_ENGINES=None)
    assert not caught.exists()
    program_in(checkout / ".venv-jobs/bin", f"#!/bin/sh\ntouch {caught}\n")
    checkout.chmod(0o777)
    told(checkout / "build/weir", tmp_path / "open", WEIR_ENGINES=None)
    assert not caught.exists()


# ---- plans with --sandbox ----


def test_a_machine_in_jsonata_is_told_from_others(tmp_path):
    stack = Stack(tmp_path / "stack")
    stack.env |= PLAIN
    machine = '''stack: machines
resources:
  m: {type: aws.stepfunctions.state_machine, name: m, role: "arn:aws:iam::000000000000:role/x", definition: {%sStartAt: A, States: {A: {Type: Pass, End: true}}}}
'''
    stack.write(machine % "QueryLanguage: JSONata, ")
    said = stack.run("--sandbox", "plan")
    assert "aws.stepfunctions.state_machine can be made and not run: jsonata-python is not on this machine; what brings it: pip install jsonata-python" in said.out + said.err
    stack.write(machine % "")
    said = stack.run("--sandbox", "plan")
    assert "not on this machine" not in said.out + said.err


def test_a_lake_without_duckdb(tmp_path):
    """It failed when thirty resources were made."""
    stack = example("film-lake", tmp_path / "lake", None)
    stack.env |= PLAIN
    said = stack.run("--sandbox", "plan")
    assert "aws.athena.statement (3 of them) cannot be made: DuckDB for Python is not on this machine; what brings it: pip install duckdb boto3" in said.out + said.err
    assert "aws.glue.job (3 of them) can be made and not run: Spark" in said.out + said.err
    refused = stack.run("--sandbox", "apply", "-y", status=1)
    assert "nothing was applied: aws.athena.statement, such as" in refused.err and "cannot be made without boto3 for Python" in refused.err
    assert not [line for line in refused.out.splitlines() if line.startswith("* created")]
    assert "created" in stack.run("--sandbox", "apply", "-y", "-i", "tables=false").out  # what needs neither is made
    stack.run("--sandbox", "destroy", "-y")


DATABASE = """
stack: engines
resources:
  vpc: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}
  a: {type: aws.ec2.subnet, vpc_id: "${vpc.vpc_id}", cidr_block: 10.0.1.0/24, availability_zone: us-east-1a}
  b: {type: aws.ec2.subnet, vpc_id: "${vpc.vpc_id}", cidr_block: 10.0.2.0/24, availability_zone: us-east-1b}
  subnets: {type: aws.rds.subnet_group, name: s, description: s, subnet_ids: ["${a.subnet_id}", "${b.subnet_id}"]}
  server:
    type: aws.rds.instance
    name: songs
    engine: postgres
    instance_class: db.t4g.micro
    allocated_storage: 20
    master_username: ada
    master_user_password: not-a-real-one
    db_subnet_group_name: ${subnets.name}
    skip_final_snapshot: true
"""
INSIDE = """
providers:
  postgres: {host: "${server.address}", port: "${server.port}", user: ada, password: not-a-real-one, dbname: postgres}
"""


def test_what_lies_in_a_record(tmp_path):
    """A database that is a record only can be made; a table in it cannot."""
    stack = Stack(tmp_path / "songs")
    stack.env |= {**PLAIN, "WEIR_POSTGRES": "/nonexistent"}
    stack.write(DATABASE + '  films: {type: postgres.schema, name: films}\n' + INSIDE)
    refused = stack.run("--sandbox", "apply", "-y", status=1)
    assert "postgres.schema, such as films, cannot be made without PostgreSQL" in refused.err
    assert "hint: what brings it: apt-get install postgresql" in refused.err and "* created" not in refused.out
    stack.write(DATABASE)
    done = stack.run("--sandbox", "apply", "-y")
    assert "aws.rds.instance is a record, and nothing answers where it is: PostgreSQL is not on this machine" in done.out + done.err
    assert "Done: 5 created" in done.out
    assert "PostgreSQL is not" not in (again := stack.run("--sandbox", "plan")).out + again.err  # said once, when it is made


def test_specs_name_engines_that_there_are():
    known = set(re.findall(r'^    \{"(\w+)", "', (ROOT / "sandbox/engines.c").read_text(), re.M))
    assert {"boto3", "duckdb", "spark", "postgres"} <= known
    named = set()
    for path in sorted((ROOT / "provider/aws/specs").glob("*.yaml")):
        for spec in yaml.safe_load(path.read_text()).get("types", {}).values():
            named |= {use[key] for use in spec.get("sandbox", {}).get("engines", []) for key in use if key != "if"}
    assert named and named <= known, named - known
