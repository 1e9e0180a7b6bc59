"""Behaviours of S3 itself are tried `anywhere`: also on a server that others wrote, so that the test is known to be right."""

import sys
from pathlib import Path

import pytest
from servers import JobSandbox, Moto, Sandbox, SandboxCloud, make_bucket

sys.path.append(str(Path(__file__).parent.parent))


@pytest.fixture(scope="package")
def shared_sandbox():
    server = Sandbox()
    yield server
    server.stop()


@pytest.fixture(scope="package")
def shared_moto():
    server = Moto()
    yield server
    server.stop()


@pytest.fixture(scope="package")
def job_sandbox():
    server = JobSandbox()
    yield server
    server.stop()


@pytest.fixture
def sandbox(shared_sandbox):
    return shared_sandbox


@pytest.fixture(params=["sandbox", "moto"])
def anywhere(request):
    """The sandbox, and a server that others wrote."""
    return request.getfixturevalue(f"shared_{request.param}")


@pytest.fixture
def kept_sandbox(tmp_path):
    """One with a folder of its own, which may be killed and started again."""
    server = Sandbox(tmp_path / "data")
    yield server
    if server.process.poll() is None:
        server.stop()


@pytest.fixture
def bucket(sandbox):
    return make_bucket(sandbox)


@pytest.fixture
def s3(sandbox):
    return sandbox.client()


@pytest.fixture
def cloud(request):
    server = SandboxCloud()
    if "glue job" in request.node.name:  # as AWS does and moto does not, the sandbox wants a job's role to be there
        for name in ("role-a", "role-b"):
            server.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
    yield server
    server.stop()
