"""
`make live` itself, with the sandbox (and moto) in the account's place: what it refuses to begin, that it takes down what it made whatever happens, and that the prices
know all that it makes. AWS itself has not been asked.
"""

import os
import re
import signal
import subprocess
import sys

import boto3
import pytest
import yaml

sys.path.append(os.path.join(os.path.dirname(__file__), "sandbox"))
from servers import Faults, Moto, Sandbox  # noqa: E402
from support import ROOT, until  # noqa: E402

sys.path.append(str(ROOT / "tests/tools"))
from live import EXAMPLES, LIVES  # noqa: E402

TOOL = ROOT / "tests/tools/live.py"
MEANT = {"WEIR_LIVE": "1", "WEIR_LIVE_PREFIX": "ada", "WEIR_LIVE_CAP": "2"}


class Mended(Moto):
    """moto with what it lacks: as the other tests have it."""

    def __init__(self):
        env = {**os.environ, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
        self.process = subprocess.Popen([sys.executable, ROOT / "tests/tools/cloud.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env)
        self.port = int(self.process.stdout.readline().strip().rpartition(":")[2])

    def stop(self):
        self.process.kill()
        self.process.wait()


class Account:
    """A cloud, and the tool run against it."""

    def __init__(self, server, folder):
        self.server, self.folder = server, folder
        self.env = server.environment(WEIR_LIVE_FOLDER=str(folder), WEIR_CLOCK_SPEED="50", **{n: os.environ[n] for n in ("WEIR", "PYTHONPATH") if n in os.environ})

    def start(self, *words, **env):
        env = {name: value for name, value in {**self.env, **MEANT, **env}.items() if value is not None}
        return subprocess.Popen([sys.executable, TOOL, *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def live(self, *words, status=0, **env):
        process = self.start(*words, **env)
        out, err = process.communicate()
        assert process.returncode == status, (process.returncode, out, err)
        return out + err

    def client(self, service):
        return boto3.client(service, endpoint_url=self.server.url, region_name="us-east-1", aws_access_key_id=self.server.access, aws_secret_access_key=self.server.secret)

    def queues(self):
        return self.client("sqs").list_queues().get("QueueUrls", [])


@pytest.fixture(params=["sandbox", "moto"])
def account(request, tmp_path):
    server = Sandbox() if request.param == "sandbox" else Moto()
    yield Account(server, tmp_path / "live")
    server.stop()


@pytest.mark.long
def test_what_is_not_begun(account):
    """Without being meant, without a prefix or a cap, over the cap, without a price: then nothing is made, and nothing is left of it."""
    for missing, says in ({"WEIR_LIVE": None}, "WEIR_LIVE=1 says that it is meant"), ({"WEIR_LIVE_PREFIX": None}, "begins the name of everything"), \
            ({"WEIR_LIVE_PREFIX": "-x"}, "small letters and digits, not '-x'"), ({"WEIR_LIVE_CAP": None}, "in US dollars"), ({"WEIR_LIVE_CAP": "much"}, "not 'much'"):
        assert says in account.live("log-group", status=3, **missing)
    assert "there is no film-sea; there are: " in account.live("film-sea", status=3)
    said = account.live("fifo-queue", "nat-gateway", "rds-instance", status=3, WEIR_LIVE_CAP="0.05")
    assert re.search(r"it may cost 0\.\d+ USD, the cap is 0\.05; dearest are nat gateway, ", said) or re.search(r"dearest are rds instance, ", said), said
    prices = yaml.safe_load((ROOT / "tests/live/prices.yaml").read_text())
    prices["free"].remove("aws.sqs.queue")
    (account.folder.parent / "prices.yaml").write_text(yaml.safe_dump(prices))
    assert "fifo queue: aws.sqs.queue has no price in" in account.live("fifo-queue", status=3, WEIR_LIVE_PRICES=str(account.folder.parent / "prices.yaml"))
    assert account.queues() == [] and not (account.folder / "ada").exists()


@pytest.mark.long
def test_life_cycle(account):
    """Made, changed, replaced, taken in again, gone; and an example."""
    said = account.live("fifo-queue", "log-group", "role", "retail-workshop" if account.server.kind == "sandbox" else "parameter")
    assert said.count("lived, nothing is left") == 4 and "4 lived, 0 failed" in said
    assert account.queues() == [] and account.client("s3").list_buckets()["Buckets"] == []
    assert account.client("iam").list_roles()["Roles"] == [] and list((account.folder / "ada").iterdir()) == []


# What of it moto cannot live through, mended as it is by tests/tools/moto_gaps.py: it has no dashboards by Cloud Control, its Kafka clusters stay CREATING, and it has no Redshift Serverless.
NOT_ON_MOTO = ("airflow-ops", "ecommerce-lakehouse", "music-lakehouse")


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sandbox", "moto"])
def test_the_whole(tmp_path, kind):
    """All of it, with a run of Spark where tools/setup jobs was: reckoned, below the cap, lived through, and nothing is left."""
    jobs = ROOT / ".venv-jobs"
    runs = (jobs / "jars/.done").exists() and kind == "sandbox"
    server = Sandbox(env={"PATH": f"{jobs}/bin:{os.environ['PATH']}", "SPARK_HOME": "", "WEIR_SPARK_JARS": str(jobs / "jars")} if runs else None) if kind == "sandbox" else Mended()
    account = Account(server, tmp_path / "live")
    words = [name.replace(" ", "-") for name in (*LIVES, *EXAMPLES) if kind == "sandbox" or name not in NOT_ON_MOTO]
    try:
        said = account.live(*words, WEIR_LIVE_CAP="10", WEIR_LIVE_RUN=None if runs else "no")
        assert f"{len(words)} lived, 0 failed" in said, said
        assert account.queues() == [] and account.client("s3").list_buckets()["Buckets"] == [] and account.client("iam").list_roles()["Roles"] == []
    finally:
        server.stop()


@pytest.fixture
def sandbox(tmp_path):
    server = Sandbox()
    yield Account(server, tmp_path / "live")
    server.stop()


def test_what_fails_is_taken_down(sandbox):
    """An apply that the service refuses half-way: the rest of the stack goes, the next one lives, and the status says it."""
    Faults(sandbox.server)("POST", {"rules": [{"operation": "Subscribe", "fault": "error", "status": 400, "code": "InvalidParameter"}]})
    said = sandbox.live("subscription", "fifo-queue", status=1)
    assert re.search(r"subscription +FAILED", said) and "InvalidParameter" in said and re.search(r"fifo queue +lived, nothing is left", said)
    assert "1 lived, 1 failed" in said and sandbox.queues() == [] and sandbox.client("sns").list_topics()["Topics"] == []


@pytest.mark.long
def test_what_cannot_be_taken_down_is_kept_and_told(sandbox):
    """And is taken down first the next time, before anything else is begun."""
    faults = Faults(sandbox.server)
    faults("POST", {"rules": [{"operation": "DeleteQueue", "fault": "error", "status": 400, "code": "InvalidAddress"}]})
    said = sandbox.live("fifo-queue", status=1)
    assert "left, and recorded in " in said and len(sandbox.queues()) == 1 and (sandbox.folder / "ada/fifo-queue/.weir").is_dir()
    assert "not begun: fifo queue of an earlier time is there still" in sandbox.live("log-group", status=3)
    faults("DELETE")
    said = sandbox.live("log-group")
    assert "fifo queue: taken down, of an earlier time" in said and "1 lived, 0 failed" in said and sandbox.queues() == []


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(sandbox, number):
    faults = Faults(sandbox.server)
    faults("POST", {"rules": [{"operation": "SetQueueAttributes", "latency": 2000}]})
    process = sandbox.start("subscription", "fifo-queue")
    until(lambda: len(sandbox.queues()) == 3, process=process)
    process.send_signal(number)
    faults("DELETE")
    out, err = process.communicate()
    assert process.returncode == 130 and "interrupted, and taken down" in out and "fifo queue  " not in out.partition("at most")[2], (out, err)
    assert sandbox.queues() == [] and list((sandbox.folder / "ada").glob("subscription")) == []


def test_prices_know_all_that_is_made():
    """Of the types in prices.yaml each is one of weir's, so that none stands there misspelt."""
    prices = yaml.safe_load((ROOT / "tests/live/prices.yaml").read_text())
    known = {f"{spec.get('kind', 'aws')}.{spec['service']}.{name}" for path in (ROOT / "provider/aws/specs").glob("*.yaml") for spec in [yaml.safe_load(path.read_text())] for name in spec.get("types", ())}
    priced = {*prices["free"], *prices["priced"]}
    unknown = {name for name in priced if name.startswith("aws.")} - known
    assert unknown <= {"aws.s3.directory", "aws.s3.object"} and not set(prices["free"]) & set(prices["priced"])
