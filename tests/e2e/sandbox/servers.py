"""The servers that the tests of the sandbox speak to."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

ROOT = Path(__file__).parent.parent.parent.parent
SERVER = Path(os.environ.get("WEIR_SANDBOX_SERVER", ROOT / "build" / "sandbox_server"))


class Server:
    address = "127.0.0.1"

    @property
    def host(self):
        return f"{self.address}:{self.port}"

    @property
    def url(self):
        return f"http://{self.host}"

    def client(self, service="s3", region="us-east-1", access=None, secret=None, **config):
        """Without settings of its own it is one for all who ask: a client of EC2 takes longer to make than most tests to run."""
        if config:
            return self.new_client(service, region, access, secret, **config)
        key = (self.url, service, region, access, secret)
        if key not in self.__dict__.setdefault("clients", {}):
            self.clients[key] = self.new_client(*key[1:])
        return self.clients[key]

    def new_client(self, service, region, access, secret, **config):
        config.setdefault("retries", {"total_max_attempts": 1})
        return boto3.client(
            service, endpoint_url=self.url, region_name=region, aws_access_key_id=access or self.access,
            aws_secret_access_key=secret or self.secret, config=Config(s3={"addressing_style": "path"}, **config))

    def environment(self, **more):
        """For command line clients; nothing of the user's own configuration."""
        return {
            "PATH": os.environ["PATH"], "HOME": more.pop("home", "/nonexistent"), "AWS_ENDPOINT_URL": self.url, "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": self.access, "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_EC2_METADATA_DISABLED": "true", "LANG": "C.UTF-8", **more}

    def stack(self, folder, **env):
        """A folder in which weir has this server as its AWS."""
        from support import Stack  # of the folder above, which conftest.py makes known

        stack = Stack(folder)
        stack.env |= {"AWS_ACCESS_KEY_ID": self.access, "AWS_SECRET_ACCESS_KEY": self.secret, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": self.url, **env}
        return stack


class Sandbox(Server):
    """Policies count here, as they do where nothing else is said."""

    access, secret, kind = "AKIAWEIRTESTS0000000", "the-secret-key-of-the-tests-sandboxes", "sandbox"  # as tests/tools/sandbox_server.c has it

    def __init__(self, folder="-", *words, env=None, files=None):
        self.words, self.env = [str(folder), *words], {"SANDBOX_IAM": "on", "WEIR_ENGINES": "", **os.environ, **(env or {})}
        self.files = files  # limit of open files that it begins with, "N:" (it may raise it) or "N:N"
        self.start()

    def start(self):
        self.process = subprocess.Popen(["prlimit", f"--nofile={self.files}", SERVER, *self.words] if self.files else [SERVER, *self.words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.env)
        self.port = int(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        status = self.process.wait()  # it may have many objects to delete
        assert status == 0, f"the sandbox ended with {status}"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def status(self, name):
        """A figure of /proc/PID/status, in KiB."""
        return int(re.search(rf"^{name}:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text(), re.M)[1])


def take_env(server, process):
    """Of `weir sandbox`: what it prints for shells, which says where it listens and with which key."""
    server.printed = {}
    while "unset" not in (line := process.stdout.readline()):
        assert line or process.poll() is None, process.stderr and process.stderr.read()
        name, _, value = line.removeprefix("export ").strip().partition("=")
        server.printed[name] = value
    server.port = int(server.printed["AWS_ENDPOINT_URL"].rpartition(":")[2])
    server.access, server.secret = server.printed["AWS_ACCESS_KEY_ID"], server.printed["AWS_SECRET_ACCESS_KEY"]


class Moto(Server):
    """As it comes, where `cloud` of the other tests has what tests/tools/moto_gaps.py adds."""

    access, secret, kind = "moto", "moto-secret", "moto"

    def __init__(self):
        from support import Cloud  # of the folder above, which conftest.py makes known

        self.process = Cloud(WEIR_MOTO_PLAIN="yes")
        self.port = int(self.process.url.rpartition(":")[2])

    def stop(self):
        self.process.stop()


class Store(Server):
    """A store of others: a program over a folder of its own."""

    def __init__(self, access=None, secret=None, folder=None):
        self.access, self.secret = access or self.access, secret or self.secret
        self.folder = tempfile.TemporaryDirectory(prefix=f"weir-{self.kind}-", dir=folder)
        if not any(self.start() for _ in range(5)):  # another program may take the port before it is used
            raise RuntimeError(f"{self.kind} does not start")

    def choose_port(self):
        from support import free_port

        self.port = free_port(self.address)
        return self.port

    def serve(self, command, is_ready, **env):
        """False: it has ended instead of becoming ready."""
        self.process = subprocess.Popen(command, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while self.process.poll() is None:
            try:
                return is_ready()
            except Exception:  # urllib and boto3 have many for not being there yet
                time.sleep(0.01)
        return False

    def is_empty(self):
        return self.client().list_buckets()["Buckets"] == []

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


class Versity(Store):
    """Versity's S3 gateway over a folder, which is no relative of moto nor of weir and verifies what it is sent."""

    access, secret, kind = "versity-access", "versity-secret-for-the-tests", "versitygw"

    @staticmethod
    def program():
        return shutil.which("versitygw", path=f"{ROOT}/.cache/bin{os.pathsep}{os.environ['PATH']}")

    def start(self):
        self.choose_port()
        data, versions, attributes, users = (os.path.join(self.folder.name, name) for name in ("data", "versions", "attributes", "users"))
        for folder in (data, versions, attributes, users):
            os.makedirs(folder, exist_ok=True)
        command = [self.program(), "--port", self.host, "--health", "/health", "--quiet", "--iam-dir", users,
                   "posix", "--versioning-dir", versions, "--sidecar", attributes, data]
        return self.serve(command, lambda: urllib.request.urlopen(self.url + "/health").status == 200,
                          ROOT_ACCESS_KEY=self.access, ROOT_SECRET_KEY=self.secret)


class Minio(Store):
    """MinIO: a store of others, which knows S3 only."""

    access, secret, kind = "minio-access", "minio-secret-for-the-tests", "minio"

    @staticmethod
    def program():
        return shutil.which("minio", path=f"{ROOT}/.cache/bin{os.pathsep}{os.environ['PATH']}")

    def start(self):
        console, _ = self.choose_port(), self.choose_port()
        command = [self.program(), "server", "--quiet", "--address", self.host, "--console-address", f"{self.address}:{console}", self.folder.name]
        return self.serve(command, self.is_ready, MINIO_ROOT_USER=self.access, MINIO_ROOT_PASSWORD=self.secret, MINIO_UPDATE="off", MINIO_BROWSER="off", HOME=self.folder.name)

    def is_ready(self):
        """For a moment after it says so, it also says that it is not initialized."""
        return urllib.request.urlopen(self.url + "/minio/health/ready").status == 200 and self.is_empty()


class S3rver(Store):
    """A small store for tests of others, in JavaScript: without tags on buckets, and it does not verify signatures."""

    access, secret, kind = "S3RVER", "S3RVER", "s3rver"

    @staticmethod
    def program():
        return shutil.which("s3rver", path=f"{ROOT}/.cache/s3rver/node_modules/.bin") if shutil.which("node") else None

    def start(self):
        return self.serve([self.program(), "--silent", "-d", self.folder.name, "-a", self.address, "-p", str(self.choose_port())], self.is_empty)


STORES = {store.kind: store for store in (Versity, Minio, S3rver) if store.program()}  # those that are installed
MORE_STORES = ["versitygw"] if Versity.program() else []
STRICT = ["sandbox", *MORE_STORES]


def make_bucket(server):
    name = "b-" + uuid.uuid4().hex[:16]
    server.client().create_bucket(Bucket=name)
    return name


def code(call, *args, **kwargs):
    """With which word the call is refused."""
    with pytest.raises(ClientError) as caught:
        call(*args, **kwargs)
    return caught.value.response["Error"]["Code"]


def program(name):
    """A client's program: beside this Python, or on the PATH; the test is skipped where it is not installed."""
    found = shutil.which(name, path=os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"])
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


def answers(server):
    return urllib.request.urlopen(server.url + "/_weir/health").status == 200


SERVICES = [f"{name}.amazonaws.com" for name in "glue lambda batch ecs-tasks emr-serverless states scheduler events firehose airflow-env".split()]


def document(element, value, action):
    """A policy of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", element: value, "Action": action}]})


TRUST = document("Principal", {"Service": SERVICES}, "sts:AssumeRole")  # of a role that any of them takes on


def role_of(server, name):
    """The ARN of a role that services take on and that may do everything; of other servers' only the name counts."""
    iam, arn = server.client("iam"), f"arn:aws:iam::000000000000:role/{name}"
    if server.kind == "sandbox":
        try:
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        except iam.exceptions.EntityAlreadyExistsException:
            return arn
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=document("Resource", "*", "*"))
    return arn


def open_to(*services, action="*"):
    """A resource's policy that lets them in."""
    return document("Principal", {"Service": [f"{one}.amazonaws.com" for one in services]}, action).replace('"Action"', '"Resource": "*", "Action"')


class JobSandbox(Sandbox):
    """One whose jobs find this Python, with boto3, and whose minutes are short. The role of its jobs may do everything, where policies count (SANDBOX_IAM)."""

    minute_s = 0.5

    def __init__(self, folder="-", **env):
        path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
        super().__init__(folder, env={"PATH": path, "MINUTE_MS": str(int(self.minute_s * 1000)), **env})
        self.role = role_of(self, "job")
        self.client().create_bucket(Bucket="lake")

    def put(self, key, text):
        self.client().put_object(Bucket="lake", Key=key, Body=text.encode() if isinstance(text, str) else text)
        return f"s3://lake/{key}"

    def get(self, key):
        return self.client().get_object(Bucket="lake", Key=key)["Body"].read().decode()

    def lines(self, group, stream):
        """What stands in a log stream, as one text a line; nothing where there is no such stream."""
        logs = self.client("logs")
        try:
            events = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in events]


class SandboxCloud(Sandbox):
    """The sandbox in the place of tests/tools/cloud.py: the same account, the same keys; and as with moto roles are names there, unless SANDBOX_IAM is on."""

    access, secret = "look", "look"

    def __init__(self, folder="-", **env):
        from support import ACCOUNT, SECRET_KEY  # of the folder above, which conftest.py makes known

        super().__init__(folder, ACCOUNT, "e2e", SECRET_KEY, "look", "look", env={"SANDBOX_IAM": "off", **env})


class Faults:
    """What a sandbox lets go wrong; see docs/sandbox.md."""

    def __init__(self, cloud):
        self.cloud = cloud

    def __call__(self, method, body=None):
        data = json.dumps(body).encode() if body is not None else None
        asked = AWSRequest(method, self.cloud.url + "/_weir/faults", data=data)
        SigV4Auth(Credentials(self.cloud.access, self.cloud.secret), "weir", "us-east-1").add_auth(asked)
        with urllib.request.urlopen(urllib.request.Request(asked.url, data=data, method=method, headers=dict(asked.headers))) as answer:
            return json.loads(answer.read())


def killed(stack, faults, operation):
    """An apply that is killed when the request was carried out and its answer lost; nothing more gets through."""
    from support import until  # of the folder above, which conftest.py makes known

    faults("POST", {"rules": [{"operation": operation, "fault": "lost", "times": 1}, {"fault": "reset", "after": True}]})
    process = stack.start("apply", "--yes")
    until(lambda: faults("GET")["lost"], process=process)
    process.kill()
    process.communicate()
    faults("DELETE")
