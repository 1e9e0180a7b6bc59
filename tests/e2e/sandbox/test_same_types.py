"""The life of every type, as on moto (tests/e2e/test_types*.py), with the sandbox as the cloud and boto3 to look at it."""

import pytest

import test_types_access
import test_types_clusters
import test_types_containers
import test_types_further
import test_types_gateway
import test_types_jobs
import test_types_lake
import test_types_more
import test_types_network
import test_types_scaling
import test_types_serving
import test_types_small
import test_types_streams
from life_cycle import walk
from test_types import (  # noqa: F401
    bucket_with_more_versions_than_a_page, test_bucket_elsewhere, test_bucket_that_is_not_empty, test_data_sources, test_gone_and_not_ours, test_life_cycle,
    test_object_from_a_file, test_policies_compare_as_iam_does, test_policy_versions_are_pruned,
)

ON_MOTO = test_types_access.CASES | test_types_containers.CASES | test_types_small.CASES | test_types_jobs.CASES | test_types_network.CASES | test_types_more.CASES | test_types_streams.CASES | test_types_lake.CASES | test_types_serving.CASES | test_types_further.CASES | test_types_gateway.CASES | test_types_scaling.CASES | test_types_clusters.CASES
MORE = ON_MOTO | test_types_more.NOT_ON_MOTO | test_types_access.NOT_ON_MOTO | test_types_lake.NOT_ON_MOTO | test_types_serving.NOT_ON_MOTO | test_types_further.NOT_ON_MOTO | test_types_gateway.NOT_ON_MOTO | test_types_clusters.NOT_ON_MOTO
del MORE["statement"]  # needs DuckDB there: test_statements.py

LONG_HERE = {"test_life_cycle"} | {f"test_more_life_cycles[{name}]" for name in (  # moto walks through the first in make test; of the others a part is enough there
    "serverless namespace", "kafka cluster", "location that changes", "cluster of fleets that scales by itself", "group of subnets that copies are made in",
    "rest api", "warehouse subnet group", "notification of EventBridge")}


@pytest.mark.long  # a teardown of test_same_teardown.py has more than a page of them, too
def test_bucket_with_more_versions_than_a_page(stack, cloud):
    bucket_with_more_versions_than_a_page(stack, cloud)


# The sandbox makes every type in test_every_type.py and test_lost_answers.py, too; what moto also walks through is long.
@pytest.mark.full
@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.long if name in ON_MOTO else ()) for name in MORE])
def test_more_life_cycles(stack, cloud, name):
    walk(stack, cloud, MORE[name])
