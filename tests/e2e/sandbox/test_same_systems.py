"""The example systems, as on moto (tests/e2e/test_systems.py), with the sandbox as the cloud and boto3 to look at it."""

from test_systems import test_round  # noqa: F401
