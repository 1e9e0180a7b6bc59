import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "e2e"))
from support import Cloud  # noqa: E402


def pytest_collection_modifyitems(items):
    if not os.environ.get("WEIR_LONG"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes long: make test-long"))


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
