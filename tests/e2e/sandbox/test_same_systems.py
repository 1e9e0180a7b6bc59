"""The example systems, as on moto (tests/e2e/test_systems.py), with the sandbox as the cloud and boto3 to look at it."""

import os
import sys

import pytest
from test_systems import test_round  # noqa: F401

LONG_HERE = {f"test_round[{name}]" for name in ("film-lake", "airflow-ops", "music-lakehouse")}  # test_systems.py has them on moto; here two stay


@pytest.fixture(autouse=True)
def this_python(monkeypatch):
    """For jobs and statements: with boto3 and DuckDB."""
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"])
