import pytest

pytest.register_assert_rewrite("life")

from support import Cloud, Stack, WireServer


@pytest.fixture(scope="package")
def running_cloud():
    """One for each pytest worker."""
    cloud = Cloud()
    yield cloud
    cloud.stop()


@pytest.fixture
def cloud(running_cloud):
    running_cloud.reset()
    return running_cloud


@pytest.fixture
def cloud_with_policies(monkeypatch):
    """moto with AWS's own policies, which roles of jobs have; it takes a second to load them."""
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    cloud = Cloud()
    yield cloud
    cloud.stop()


@pytest.fixture
def stack(tmp_path, cloud):
    return Stack(tmp_path / "stack", cloud)


@pytest.fixture
def local_stack(tmp_path):
    """A stack that has no credentials and no cloud."""
    return Stack(tmp_path / "stack")


@pytest.fixture
def wire_server():
    """Starts a server that answers with given bytes."""
    servers = []

    def start(answer):
        servers.append(WireServer(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
