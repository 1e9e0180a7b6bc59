"""
Statements of AWS's documentation, each tried on the sandbox and on moto. Those that do not hold on the sandbox are known by name: a new one fails
the test, and so does one that holds by now and is still in the list. docs/sandbox-coverage.md has the score; WEIR_DRAW=1 draws it anew.
"""

import pytest
import documented_compute  # noqa: F401, the statements
import documented_data  # noqa: F401
import documented_messages  # noqa: F401
import documented_network  # noqa: F401
from documented import SAID, Account
from servers import Moto
from support import drawn

GAPS = {
    ("kinesis", "retention is not increased to less"): "both calls set what they are given",
    ("firehose", "buffers are 5 MiB and 300 seconds, and nothing is compressed, by default"): "only what was given is shown",
    ("firehose", "an update wants the current version's id"): "there is one version",
    ("scheduler", "defaults: enabled, UTC, the default group, retries for a day"): "the default of retries is not shown",
    ("logs", "groups are listed in order of their names"): "listings are in the order of creation",
    ("ec2", "a launch template that is not there"): "names are a filter of the listing",
    ("ec2", "a gateway that is not attached: Gateway.NotAttached"): "detaching it is no error",
    ("ec2", "machines' listings take 5 to 1000 a page"): "pages have any size",
    ("elbv2", "a load balancer that is not there: LoadBalancerNotFound"): "names are a filter of the listing",
    ("elbv2", "a target group that is not there: TargetGroupNotFound"): "names are a filter of the listing",
    ("elbv2", "checks of health: every 30 s, 5 good and 2 bad ones, path /"): "the defaults hang on the kind of targets, and are not shown",
    ("rds", "storage is not made less"): "sizes are not compared",
    ("cloudtrail", "a trail's bucket that is not there: S3BucketDoesNotExistException"): "its policy is looked for first",
    ("kms", "alias/aws/ is the services' own"): "those that are there are; others are taken",
    ("kms", "deletion waits for 7 to 30 days"): "any number is taken",
    ("ecs", "services of a cluster that is not there: ClusterNotFoundException"): "the cluster is a filter of the listing",
    ("ecs", "clusters that are not there are failures: MISSING"): "they are left out",
}
MOTO_HOLDS = 251  # of all; a change of moto may only make it more


def failing(server, rows):
    """{(service, statement): what happened instead}."""
    account, found = Account(server), {}
    for row in rows:
        for _ in range(3):  # what is shown for a minute after its deletion is so for 60 ms where time runs fast: a busy machine may miss it
            try:
                SAID[row](account)
                found.pop(row, None)
                break
            except Exception as error:  # whatever a client raises, or the statement itself
                found[row] = f"{type(error).__name__}: {error}"[:300]
    return found


def compare(found, rows):
    unknown = [f"{': '.join(row)}\n    {why}" for row, why in found.items() if row not in GAPS]
    mended = [": ".join(row) for row in rows if row in GAPS and row not in found]
    assert not unknown, "do not hold:\n" + "\n".join(unknown)
    assert not mended, "hold by now, take them out of GAPS:\n" + "\n".join(mended)


def test_every_tenth(shared_sandbox):
    rows = list(SAID)[::10]
    compare(failing(shared_sandbox, rows), rows)


@pytest.mark.long
def test_all_on_the_sandbox(kept_sandbox):
    found = failing(kept_sandbox, SAID)
    print(f"the sandbox: {len(SAID) - len(found)} of {len(SAID)}")
    compare(found, SAID)


@pytest.fixture
def own_moto():
    """One that nobody else needs: it deletes what is every account's, where AWS would not."""
    server = Moto()
    yield server
    server.stop()


@pytest.mark.long
def test_all_on_moto(own_moto):
    found = failing(own_moto, SAID)
    holds = len(SAID) - len(found)
    print(f"moto: {holds} of {len(SAID)}", *(f"{': '.join(row)}\n    {why}" for row, why in found.items()), sep="\n")
    assert holds >= MOTO_HOLDS


def test_score():
    """The page has the figures that the tests above hold."""
    services = len({service for service, _ in SAID})
    text = (f"Of {len(SAID)} statements of AWS's documentation about {services} services (`tests/e2e/sandbox/test_assertions.py`) {len(SAID) - len(GAPS)} hold in the sandbox "
            f"and {MOTO_HOLDS} on moto. The test lists the others by name.\n")
    assert not set(GAPS) - set(SAID)
    assert drawn("score", text), f"WEIR_DRAW=1 draws it anew: {text}"
