import re
import sys
from pathlib import Path

import pytest

pytest.register_assert_rewrite("life")
sys.path.append(str(Path(__file__).parent / "sandbox"))

from pg import Postgres  # noqa: E402
from servers import SandboxCloud  # noqa: E402
from support import Cloud, Stack, WireServer  # noqa: E402


@pytest.fixture(params=["moto", "sandbox"])
def place(request):
    """A cloud: one that others wrote, and the sandbox."""
    if request.param == "moto":
        yield request.getfixturevalue("cloud")
        return
    server = SandboxCloud()
    yield server
    server.stop()


@pytest.fixture
def fast_sandbox(tmp_path):
    """Keeps what it has in files, as `--sandbox` does; states change a thousand times as fast."""
    server = SandboxCloud(tmp_path / "sandbox")
    yield server
    server.stop()


@pytest.fixture(scope="package")
def running_cloud_with_policies():
    """It takes a second to load them, so one for each worker that needs them."""
    cloud = Cloud(MOTO_IAM_LOAD_MANAGED_POLICIES="true")
    yield cloud
    cloud.stop()


@pytest.fixture
def cloud_with_policies(running_cloud_with_policies):
    """moto with AWS's own policies, which roles of jobs have."""
    running_cloud_with_policies.reset()
    return running_cloud_with_policies


@pytest.fixture
def stack(tmp_path, cloud):
    return Stack(tmp_path / "stack", cloud)


@pytest.fixture
def local_stack(tmp_path):
    """A stack that has no credentials and no cloud."""
    return Stack(tmp_path / "stack")


@pytest.fixture(scope="session")
def postgres_of_states():
    """The URL of a server that is there for states."""
    server = Postgres()
    yield f"postgres://weir@127.0.0.1:{server.port}/postgres"
    server.stop()


@pytest.fixture
def state_in_postgres(request, postgres_of_states):
    """A `state:` line with a table of the test's own."""
    table = "t_" + re.sub("[^a-z0-9]", "_", request.node.name.lower())[:40]
    return f'state: {{backend: postgres, url: "{postgres_of_states}", table: {table}}}'


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
