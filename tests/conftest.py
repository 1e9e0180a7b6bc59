import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "e2e"))
from support import Cloud  # noqa: E402


@pytest.fixture(scope="session")
def running_cloud():
    """One for each pytest worker."""
    cloud = Cloud()
    yield cloud
    cloud.stop()


@pytest.fixture
def cloud(running_cloud):
    running_cloud.reset()
    return running_cloud
