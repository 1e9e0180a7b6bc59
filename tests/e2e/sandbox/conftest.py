"""Behaviours of S3 itself are tried `anywhere`: also on a server that others wrote, so that the test is known to be right."""

import pytest
import differences
from servers import MORE_STORES, STRICT, TRUST, JobSandbox, Moto, Sandbox, SandboxCloud, Versity, make_bucket


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


@pytest.fixture(scope="package")
def shared_versitygw():
    server = Versity()
    yield server
    server.stop()


@pytest.fixture(params=["sandbox", "moto"])
def anywhere(request):
    """The sandbox, and a server of all services that others wrote."""
    return request.getfixturevalue(f"shared_{request.param}")


@pytest.fixture(params=["sandbox", "moto", *MORE_STORES])
def store(request):
    """Whatever serves S3."""
    return request.getfixturevalue(f"shared_{request.param}")


@pytest.fixture(params=STRICT)
def strict(request):
    """What serves S3 and believes nobody: moto takes any signature and many a wrong checksum."""
    return request.getfixturevalue(f"shared_{request.param}")


def pytest_collection_modifyitems(items):
    """A difference is accepted as long as it is there: a test that passes all the same fails."""
    for item in items:
        if "[moto]" in item.name and getattr(item, "originalname", "") in getattr(item.module, "LONG_ON_MOTO", ()):
            item.add_marker(pytest.mark.long)
        if {item.name, getattr(item, "originalname", "")} & getattr(item.module, "LONG_HERE", set()):
            item.add_marker(pytest.mark.long)
        if why := differences.reason(item):
            item.add_marker(pytest.mark.xfail(reason=why, strict=True))


@pytest.fixture
def kept_sandbox(tmp_path):
    """One with a folder of its own, which may be killed and started again."""
    server = Sandbox(tmp_path / "data")
    yield server
    if server.process.poll() is None:
        server.stop()


@pytest.fixture
def server(request):
    """The one that the test asks for."""
    return request.getfixturevalue("strict" if "strict" in request.fixturenames else "sandbox")


@pytest.fixture
def bucket(server):
    return make_bucket(server)


@pytest.fixture
def s3(server):
    return server.client()


@pytest.fixture
def cloud(request):
    server = SandboxCloud()
    if "glue job" in request.node.name:  # as AWS does and moto does not, the sandbox wants a job's role to be there
        for name in ("role-a", "role-b"):
            server.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    yield server
    server.stop()
