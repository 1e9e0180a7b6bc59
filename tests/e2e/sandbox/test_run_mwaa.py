"""An environment of MWAA that is there: a real Airflow, asked by boto3, by its own REST API and web pages, and by weir. `tools/setup airflow` installs it."""

import base64
import io
import json
import os
import urllib.error
import urllib.parse
import urllib.request
import uuid
import zipfile
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from servers import ROOT, Sandbox, role_of
from support import until

pytestmark = pytest.mark.long
BIN = ROOT / ".venv-airflow2" / "bin"
DAG = """
import datetime, os
from airflow import DAG
from airflow.models import Variable
from airflow.operators.python import PythonOperator
from airflow.hooks.base import BaseHook
import film_tools

def tell(dag_run=None, **_):
    import boto3
    who = boto3.client("sts").get_caller_identity()["Arn"]
    said = [WORD, os.environ["GREETING"], film_tools.NAME, (dag_run.conf or {}).get("day", "none"), Variable.get("studio"), BaseHook.get_connection("films").host, who]
    boto3.client("s3").put_object(Bucket="flows", Key="said", Body="|".join(said).encode())

with DAG("films", start_date=datetime.datetime(2024, 1, 1), schedule=None, is_paused_upon_creation=False, doc_md="WORD"):
    PythonOperator(task_id="tell", python_callable=tell)
"""


@pytest.fixture(scope="module")
def server():
    if not (BIN / "airflow").exists():
        pytest.skip("no Airflow: tools/setup airflow")
    server = Sandbox(env={"WEIR_AIRFLOW": str(BIN)})
    yield server
    server.stop()


@pytest.fixture(scope="module")
def ops(server):
    return Ops(server)


class Ops:
    def __init__(self, server):
        self.server, self.s3, self.api = server, server.client(), server.client("mwaa", inject_host_prefix=False, read_timeout=600)
        self.s3.create_bucket(Bucket="flows")
        self.s3.put_bucket_versioning(Bucket="flows", VersioningConfiguration={"Status": "Enabled"})
        self.mark = f"weir-{uuid.uuid4().hex}"
        self.first = self.put("startup.sh", f"export GREETING=hello\ntouch /usr/local/airflow/{self.mark} /etc/{self.mark} /usr/lib/{self.mark}\n")
        self.put("startup.sh", "export GREETING=$(echo later)\n")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("film_tools.py", "NAME = 'of the plugins'\n")
        self.put("plugins.zip", packed.getvalue())
        self.put("requirements.txt", "# nothing that is not there\napache-airflow>=2.10\nno-such-package-of-weir==1.0\n")
        self.put("dags/films.py", DAG.replace("WORD", "'first'"))
        secrets = server.client("secretsmanager")
        secrets.create_secret(Name="airflow/variables/studio", SecretString="Paramount")
        secrets.create_secret(Name="airflow/connections/films", SecretString="http://films.example.com")
        role = role_of(server, "flows")
        ec2 = server.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{i}.0/24")["Subnet"]["SubnetId"] for i in (1, 2)]
        group = ec2.create_security_group(GroupName="flows", Description="flows", VpcId=vpc)["GroupId"]
        self.settings = {"core.default_timezone": "Europe/Vienna", "secrets.backend": "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend",
                         "secrets.backend_kwargs": json.dumps({"connections_prefix": "airflow/connections", "variables_prefix": "airflow/variables"})}
        self.api.create_environment(Name="ops", ExecutionRoleArn=role, SourceBucketArn="arn:aws:s3:::flows", DagS3Path="dags", PluginsS3Path="plugins.zip", RequirementsS3Path="requirements.txt",
                                    StartupScriptS3Path="startup.sh", StartupScriptS3ObjectVersion=self.first, AirflowConfigurationOptions=self.settings,
                                    NetworkConfiguration={"SubnetIds": subnets, "SecurityGroupIds": [group]})

    def put(self, key, body):
        return self.s3.put_object(Bucket="flows", Key=key, Body=body)["VersionId"]

    def rest(self, method, path, **more):
        return self.api.invoke_rest_api(Name="ops", Method=method, Path=path, **more)["RestApiResponse"]

    def said(self, day):
        try:
            words = self.s3.get_object(Bucket="flows", Key="said")["Body"].read().decode().split("|")
            return words if words[3] == day else None
        except self.s3.exceptions.NoSuchKey:
            return None

    def command(self, words):
        token = self.api.create_cli_token(Name="ops")
        status, body, _ = post(f"http://{token['WebServerHostname']}/aws_mwaa/cli", words, Authorization=f"Bearer {token['CliToken']}")
        assert status == 200, body
        return base64.b64decode(json.loads(body)["stdout"]).decode().strip()

    @property
    def url(self):
        return "http://" + self.api.get_environment(Name="ops")["Environment"]["WebserverUrl"]


def post(url, body, **headers):
    request = urllib.request.Request(url, body.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


def test_a_real_airflow(ops):
    """DAGs, plugins, the startup script in the version that is named, settings, variables and connections out of Secrets Manager, the role; then another version, and a changed DAG."""
    until(lambda: any(dag["dag_id"] == "films" for dag in ops.rest("GET", "/dags")["dags"]))
    ops.rest("POST", "/dags/films/dagRuns", Body={"conf": {"day": "2026-11-21"}})
    words = until(lambda: ops.said("2026-11-21"))
    assert words[:6] == ["first", "hello", "of the plugins", "2026-11-21", "Paramount", "films.example.com"]
    assert words[6].startswith("arn:aws:sts::000000000000:assumed-role/flows/")
    with pytest.raises(ClientError, match="RestApiClientException"):
        ops.rest("GET", "/dags/nosuch")
    # its files are where MWAA has them, and what the startup script wrote is nowhere on the machine; the metadata are in a PostgreSQL
    assert ops.command("config get-value core dags_folder") == "/usr/local/airflow/dags"
    assert ops.command("config get-value database sql_alchemy_conn").startswith("postgresql+psycopg2://airflow:")
    assert not [place for place in ("/usr/local/airflow", f"/etc/{ops.mark}", f"/usr/lib/{ops.mark}") if Path(place).exists()]
    # tokens: of the command line and of the web pages
    assert ops.command("config get-value core default_timezone") == "Europe/Vienna"
    token = ops.api.create_cli_token(Name="ops")
    assert post(f"{ops.url}/aws_mwaa/cli", "dags list", Authorization="Bearer cli.9999999999.abc")[0] == 403
    web = ops.api.create_web_login_token(Name="ops")
    status, _, headers = post(f"{ops.url}/aws_mwaa/login", urllib.parse.urlencode({"token": web["WebToken"]}))
    assert status == 200 and web["IamIdentity"].endswith("user/sandbox")
    page = urllib.request.Request(f"{ops.url}/home", headers={"Cookie": headers["Set-Cookie"].split(";")[0]})
    with urllib.request.urlopen(page, timeout=300) as answer:
        assert b"films" in answer.read()
    assert post(f"{ops.url}/aws_mwaa/login", urllib.parse.urlencode({"token": token["CliToken"]}))[0] == 401
    # a DAG that is put into the bucket is there, another version of the startup script begins the environment anew
    latest = ops.put("startup.sh", "export GREETING='good evening'\n")
    ops.put("dags/films.py", DAG.replace("WORD", "'then'"))
    ops.api.update_environment(Name="ops", StartupScriptS3ObjectVersion=latest)
    until(lambda: ops.rest("GET", "/dags/films/details")["doc_md"] == "'then'")
    ops.rest("POST", "/dags/films/dagRuns", Body={"conf": {"day": "2026-11-22"}})
    words = until(lambda: ops.said("2026-11-22"))
    assert words[:2] == ["then", "good evening"]


def test_weir_runs_a_dag(server, ops, tmp_path):
    stack = server.stack(tmp_path)
    stack.write("stack: flows\nproviders: {aws: {region: us-east-1}}\nresources:\n  ops: {type: aws.mwaa.environment, name: ops, " + ", ".join(f"{k}: {json.dumps(v)}" for k, v in attributes(ops).items()) + "}\n")
    stack.run("state", "import", "ops", "ops")
    until(lambda: any(dag["dag_id"] == "films" for dag in ops.rest("GET", "/dags")["dags"]))
    ran = stack.run("run", "ops", "--set", "dag=films", "day=2026-11-23")
    assert "success" in ran.out + ran.err, str(ran)
    assert ops.said("2026-11-23")
    assert "success" in stack.run("jobs", "ops").out
    # without arguments there is a body all the same; a paused DAG's run would wait for ever, which is said instead
    stack.run("run", "ops", "--set", "dag=films")
    assert ops.said("none")
    ops.rest("PATCH", "/dags/films", Body={"is_paused": True})
    refused = stack.run("run", "ops", "--set", "dag=films", status=1)
    assert 'starting ops: the DAG "films" is paused, so its runs do not begin' in refused.err and "core.dags_are_paused_at_creation" in refused.err
    assert "404" in stack.run("run", "ops", "--set", "dag=nosuch", status=1).err
    assert "the run needs the name of a DAG" in stack.run("run", "ops", status=1).err


def attributes(ops):
    shown = ops.api.get_environment(Name="ops")["Environment"]
    return {"execution_role": shown["ExecutionRoleArn"], "source_bucket": shown["SourceBucketArn"], "dag_s3_path": "dags", "subnet_ids": shown["NetworkConfiguration"]["SubnetIds"],
            "security_group_ids": shown["NetworkConfiguration"]["SecurityGroupIds"]}


def test_without_a_root_of_its_own_it_is_said(tmp_path):
    """The startup script is not run on the machine itself."""
    if not (BIN / "airflow").exists():
        pytest.skip("no Airflow: tools/setup airflow")
    (tmp_path / "unshare").write_text("#!/bin/sh\necho 'unshare: Operation not permitted' >&2\nexit 1\n")
    (tmp_path / "unshare").chmod(0o755)
    server = Sandbox(env={"WEIR_AIRFLOW": str(BIN), "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    try:
        ops = Ops(server)
        with pytest.raises(ClientError, match=r"startup script is run in a root of its own, which this machine does not give \(unshare: Operation not permitted\): run the sandbox as root"):
            ops.api.create_cli_token(Name="ops")
        assert not Path(f"/usr/lib/{ops.mark}").exists()
    finally:
        server.stop()


def test_without_airflow_it_is_said():
    server = Sandbox(env={"WEIR_AIRFLOW": "/nonexistent"})
    try:
        ops = Ops(server)
        with pytest.raises(ClientError, match="the environment is a record only: Airflow 2 is not installed on this machine"):
            ops.api.create_cli_token(Name="ops")
        assert post(f"{ops.url}/home", "")[0] == 503
    finally:
        server.stop()
