"""EMR Serverless: its operations; with Spark itself in test_run_spark.py."""

import pytest
from botocore.exceptions import ClientError
from servers import JobSandbox
from support import until

FAKE_SPARK = """#!/bin/sh
# Stands for spark-submit: says what it was called with, then does as the script says.
for word; do case $word in *.py) script=$word ;; esac; done
echo "$@" | sed "s|$PWD/||"
cat "$SPARK_CONF_DIR/spark-defaults.conf" | grep films
. "$script"
"""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spark")
    (folder / "spark-submit").write_text(FAKE_SPARK)
    (folder / "spark-submit").chmod(0o755)
    server = JobSandbox(PATH=f"{folder}:/usr/bin:/bin", SPARK_HOME="")
    yield server
    server.stop()


class Runs:
    def __init__(self, sandbox):
        self.sandbox, self.emr = sandbox, sandbox.client("emr-serverless")
        self.application = self.emr.create_application(name="spark", releaseLabel="emr-7.5.0", type="SPARK")["applicationId"]

    def start(self, script, arguments=(), parameters="--conf spark.ui.enabled=false", **more):
        driver = {"sparkSubmit": {"entryPoint": self.sandbox.put("jobs/emr.py", script), "entryPointArguments": list(arguments), "sparkSubmitParameters": parameters}}
        return self.emr.start_job_run(applicationId=self.application, executionRoleArn=self.sandbox.role, name="clean", jobDriver=driver, **more)["jobRunId"]

    def run(self, run):
        return self.emr.get_job_run(applicationId=self.application, jobRunId=run)["jobRun"]

    def ended(self, run):
        return until(lambda: (r := self.run(run))["state"] in ("SUCCESS", "FAILED", "CANCELLED") and r)


@pytest.fixture
def runs(sandbox):
    return Runs(sandbox)


def test_a_run_with_its_parameters_and_logs(runs):
    run = runs.start("echo done; echo warned >&2", ["--day", "two words"], "--conf spark.executor.cores=2 --name 'a film'", configurationOverrides={
        "applicationConfiguration": [{"classification": "spark-defaults", "properties": {"spark.films": "all"}}],
        "monitoringConfiguration": {"cloudWatchLoggingConfiguration": {"enabled": True, "logGroupName": "/films", "logStreamNamePrefix": "mine"}}})
    ended = runs.ended(run)
    assert (ended["state"], ended["stateDetails"], ended["name"], ended["releaseLabel"]) == ("SUCCESS", "", "clean", "emr-7.5.0")
    assert ended["createdAt"] <= ended["startedAt"] <= ended["endedAt"]
    stream = f"mine/applications/{runs.application}/jobs/{run}/SPARK_DRIVER"
    assert runs.sandbox.lines("/films", stream + "/stdout") == ["--conf spark.executor.cores=2 --name a film emr.py --day two words", "spark.films all", "done"]
    assert runs.sandbox.lines("/films", stream + "/stderr") == ["warned"]
    assert [(r["id"], r["state"]) for r in runs.emr.list_job_runs(applicationId=runs.application)["jobRuns"]] == [(run, "SUCCESS")]


def test_packages_are_not_fetched(runs, tmp_path):
    """Those that lie where Spark's other jars do are there in any case; the others are named in the log."""
    (tmp_path / "org.apache.spark_spark-sql-kafka-0-10_2.12-3.5.3.jar").touch()
    sandbox = JobSandbox(PATH=runs.sandbox.env["PATH"], SPARK_HOME="", WEIR_SPARK_JARS=str(tmp_path))
    try:
        here = Runs(sandbox)
        run = here.start("grep -c jars.packages $SPARK_CONF_DIR/spark-defaults.conf", configurationOverrides={"applicationConfiguration": [{"classification": "spark-defaults", "properties": {
            "spark.jars.packages": "org.apache.spark:spark-sql-kafka-0-10_2.12:3.5.2,com.example:clock:1.0,odd"}}]})
        here.ended(run)
        stream = f"applications/{here.application}/jobs/{run}/SPARK_DRIVER"
        assert sandbox.lines("/aws/emr-serverless", stream + "/stderr") == ["sandbox: spark.jars.packages: nothing is fetched, and not here is com.example:clock:1.0,odd"]
        assert sandbox.lines("/aws/emr-serverless", stream + "/stdout")[-1] == "0"
    finally:
        sandbox.stop()


def test_failing_and_cancelled_runs(runs):
    assert runs.ended(runs.start("exit 3"))["stateDetails"] == "Command failed with exit code 3"
    late = runs.ended(runs.start("exec sleep 600", executionTimeoutMinutes=5))  # of half a second here
    assert late["state"] == "FAILED"
    assert "timeout" in late["stateDetails"]
    run = runs.start("echo ready; exec sleep 600")
    until(lambda: runs.run(run)["state"] == "RUNNING")
    runs.emr.cancel_job_run(applicationId=runs.application, jobRunId=run)
    assert runs.ended(run)["state"] == "CANCELLED"
    with pytest.raises(ClientError, match="terminal state CANCELLED"):
        runs.emr.cancel_job_run(applicationId=runs.application, jobRunId=run)


def test_what_streams_runs_on(runs):
    run = runs.start("echo ready; exec sleep 600", mode="STREAMING")
    until(lambda: runs.run(run)["state"] == "RUNNING")
    shown = runs.run(run)
    assert (shown["mode"], shown["executionTimeoutMinutes"]) == ("STREAMING", 0)
    assert [r["mode"] for r in runs.emr.list_job_runs(applicationId=runs.application)["jobRuns"]] == ["STREAMING"]
    runs.emr.cancel_job_run(applicationId=runs.application, jobRunId=run)
    assert runs.ended(run)["state"] == "CANCELLED"


def test_runs_by_their_states_and_tokens(runs):
    first = runs.start("true", clientToken="one")
    assert runs.start("true", clientToken="one") == first
    runs.ended(first)
    listed = lambda *states: [run["id"] for run in runs.emr.list_job_runs(applicationId=runs.application, states=list(states))["jobRuns"]]  # noqa: E731
    assert listed("SUCCESS") == [first] and listed("CANCELLED") == [] and first in listed("CANCELLED", "SUCCESS")
    assert runs.start("true", clientToken="two") != first


def test_a_run_of_many_options(runs):
    run = runs.start("true", parameters=" ".join(f"--conf spark.n{n}={n}" for n in range(200)))
    runs.ended(run)
    stream = f"applications/{runs.application}/jobs/{run}/SPARK_DRIVER"
    assert "spark.n199=199 emr.py" in runs.sandbox.lines("/aws/emr-serverless", stream + "/stdout")[0]


def test_what_is_not_there(runs):
    for call, more in ((runs.emr.get_job_run, {"jobRunId": "none"}), (runs.emr.cancel_job_run, {"jobRunId": "none"})):
        with pytest.raises(runs.emr.exceptions.ResourceNotFoundException):
            call(applicationId=runs.application, **more)
    with pytest.raises(runs.emr.exceptions.ResourceNotFoundException):
        runs.emr.list_job_runs(applicationId="none")
    hive = runs.emr.start_job_run(applicationId=runs.application, executionRoleArn=runs.sandbox.role, jobDriver={"hive": {"query": "s3://lake/x.sql"}})["jobRunId"]
    assert "no Hive" in runs.ended(hive)["stateDetails"]
