"""Behaviours of S3 itself are tried `anywhere`: also on a server that others wrote, so that the test is known to be right."""

import pytest
from servers import Moto, Sandbox, make_bucket


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
