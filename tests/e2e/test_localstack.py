"""The life cycles of the types (life_cycle.py) on LocalStack: what it answers differently is listed, case by case, and drawn into docs/sandbox-coverage.md."""

import importlib
from pathlib import Path

import pytest
from life_cycle import Case, walk
from localstack import PYTHON, LocalStack
from support import ACCOUNT, Stack, drawn


# Where a life does not go on there, and why. moto and the sandbox live through all of them.
DIFFERENCES = {
    "bucket": "`GetBucketEncryption` answers an empty document when the encryption was taken away; AWS encrypts with AES256 then",
    "state machine": "the log group of a logging configuration has to exist; the sandbox and moto believe the name",
    "machine_alias": "the alias of a deleted state machine is a `ValidationException`; in botocore's models it is `ResourceNotFound`",
    "activity": "an activity is not found any more once its tags were changed",
    "event bus": "the dead-letter queue of a bus is accepted and not reported",
    "nat gateway": "the address of a deleted NAT gateway stays associated with it",
    "gateway endpoint": "the `Version` of an endpoint's policy is lost",
    "alarm": "the tags of an alarm are lost when it is put again",
    "alarm of several metrics": "the tags of an alarm are lost when it is put again",
    "subscription": "a subscription's `RedrivePolicy` cannot be taken away by an empty text, as its filter policy can; which of them AWS agrees with is not proven",
    "stream": "closed shards count when half of the shards is worked out, so that 4 cannot become 2",
    "delivery to Redshift": "`UpdateDestination` changes nothing of a Redshift destination",
    "delivery to an HTTP endpoint": "`UpdateDestination` does not report the `S3Update` of an HTTP endpoint",
    "delivery of a stream": "a stream that reads another one fails at its creation",
}

# What the open edition has of the services of which weir has types; tables and functions it makes only with what it downloads first.
SERVICES = {"cloudwatch", "ec2", "events", "firehose", "iam", "kinesis", "kms", "logs", "redshift", "route53", "s3", "scheduler", "secretsmanager", "sns", "sqs", "ssm", "stepfunctions"}


def offered(case):
    types = [case.type, *(one["type"] for one in case.around.values())]
    return all(name.split(".")[0] == "weir" or name.split(".")[1] in SERVICES for name in types)


CASES = {}
for path in sorted(Path(__file__).parent.glob("test_types*.py")):
    module = importlib.import_module(path.stem)
    for name, case in getattr(module, "CASES", {}).items():
        if isinstance(case, Case) and offered(case):
            assert name not in CASES, name
            CASES[name] = case


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    server = LocalStack(tmp_path_factory.mktemp("localstack"))
    yield server
    server.stop()


def test_the_differences_are_told():
    """docs/sandbox-coverage.md has them as a table; WEIR_DRAW=1 draws it anew."""
    lines = [f"Of the life cycles of {len(CASES)} types {len(CASES) - len(DIFFERENCES)} are the same on LocalStack 4.14. The others:\n\n| life cycle | on LocalStack |\n| --- | --- |\n"]
    lines += [f"| {name} | {why} |\n" for name, why in sorted(DIFFERENCES.items())]
    assert set(DIFFERENCES) <= set(CASES) and drawn("life cycles on LocalStack", "".join(lines))


@pytest.mark.long
@pytest.mark.skipif(not PYTHON.exists(), reason="tools/setup localstack was not run")
@pytest.mark.parametrize("name", CASES)
def test_life_cycle(running, tmp_path, name):
    stack = Stack(tmp_path / "stack", running)
    stack.env["AWS_ACCESS_KEY_ID"] = ACCOUNT
    try:
        walk(stack, running, CASES[name])
    except Exception:
        running.reset()
        if name not in DIFFERENCES:
            raise
        return
    assert name not in DIFFERENCES, "it is the same there by now"
