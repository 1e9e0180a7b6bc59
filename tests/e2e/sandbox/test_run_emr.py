"""EMR on machines: steps, their turns and what follows from their end; with Spark itself in test_run_spark.py."""

import pytest
from botocore.exceptions import ClientError
from servers import JobSandbox
from support import until
from test_run_emrserverless import FAKE_SPARK

LONG_HERE = {"test_turns", "test_what_a_failure_does", "test_what_is_not_there"}  # the first runs one


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spark")
    (folder / "spark-submit").write_text(FAKE_SPARK)
    (folder / "spark-submit").chmod(0o755)
    server = JobSandbox(PATH=f"{folder}:/usr/bin:/bin", SPARK_HOME="")
    yield server
    server.stop()


class Cluster:
    def __init__(self, sandbox, steps=(), stays=True, **more):
        self.sandbox, self.emr = sandbox, sandbox.client("emr")
        self.id = self.emr.run_job_flow(Name="it", ReleaseLabel="emr-7.5.0", ServiceRole="s", JobFlowRole="j", Steps=list(steps), Instances={"KeepJobFlowAliveWhenNoSteps": stays}, **more)["JobFlowId"]

    def add(self, *steps):
        return self.emr.add_job_flow_steps(JobFlowId=self.id, Steps=list(steps))["StepIds"]

    def step(self, id):
        return self.emr.describe_step(ClusterId=self.id, StepId=id)["Step"]

    def state(self):
        return self.emr.describe_cluster(ClusterId=self.id)["Cluster"]["Status"]["State"]

    def ended(self, id):
        return until(lambda: (s := self.step(id))["Status"]["State"] not in ("PENDING", "RUNNING") and s)


def step(sandbox, name, script, *args, then="CONTINUE"):
    place = sandbox.put(f"jobs/{name}.py", script)
    return {"Name": name, "ActionOnFailure": then, "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["spark-submit", "--deploy-mode", "cluster", "--conf", "spark.executor.cores=2", place, *args]}}


def test_a_step_with_its_arguments_and_logs(sandbox):
    cluster = Cluster(sandbox, Configurations=[{"Classification": "spark-defaults", "Properties": {"spark.films": "all"}}])
    (id,) = cluster.add(step(sandbox, "clean", "echo done; echo warned >&2", "--day", "two words"))
    ended = cluster.ended(id)
    assert (ended["Status"]["State"], ended["Name"], ended["Config"]["Jar"]) == ("COMPLETED", "clean", "command-runner.jar")
    times = ended["Status"]["Timeline"]
    assert times["CreationDateTime"] <= times["StartDateTime"] <= times["EndDateTime"]
    stream = f"{cluster.id}/steps/{id}"
    assert sandbox.lines("/aws/emr", stream + "/stdout") == ["--conf spark.executor.cores=2 clean.py --day two words", "spark.films all", "done"]
    assert sandbox.lines("/aws/emr", stream + "/stderr") == ["warned"]
    (failed,) = cluster.add(step(sandbox, "failing", "exit 3"))
    assert cluster.ended(failed)["Status"]["FailureDetails"]["Message"] == "Command failed with exit code 3"
    assert [one["Id"] for one in cluster.emr.list_steps(ClusterId=cluster.id)["Steps"]] == [failed, id]
    assert [one["Id"] for one in cluster.emr.list_steps(ClusterId=cluster.id, StepStates=["COMPLETED"])["Steps"]] == [id]


def test_a_step_of_many_arguments(sandbox):
    cluster = Cluster(sandbox)
    (id,) = cluster.add(step(sandbox, "many", "true", *map(str, range(300))))
    cluster.ended(id)
    assert sandbox.lines("/aws/emr", f"{cluster.id}/steps/{id}/stdout")[0].endswith(" 298 299")
    with pytest.raises(ClientError, match="Cluster id 'j-NONE' is not valid"):
        cluster.emr.list_steps(ClusterId="j-NONE")


def test_turns(sandbox):
    cluster = Cluster(sandbox, [step(sandbox, "first", "echo first; exec sleep 600")])
    first = cluster.emr.list_steps(ClusterId=cluster.id)["Steps"][0]["Id"]
    (second,) = cluster.add(step(sandbox, "second", "echo second"))
    until(lambda: cluster.step(first)["Status"]["State"] == "RUNNING")
    assert cluster.step(second)["Status"]["State"] == "PENDING"
    told = cluster.emr.cancel_steps(ClusterId=cluster.id, StepIds=[first], StepCancellationOption="SEND_INTERRUPT")["CancelStepsInfoList"]
    assert told == [{"StepId": first, "Status": "SUBMITTED"}]
    assert cluster.ended(first)["Status"]["State"] == "CANCELLED" and cluster.ended(second)["Status"]["State"] == "COMPLETED"
    assert cluster.emr.cancel_steps(ClusterId=cluster.id, StepIds=[first])["CancelStepsInfoList"][0]["Status"] == "FAILED"
    both = Cluster(sandbox, StepConcurrencyLevel=2)
    one, other = both.add(step(sandbox, "one", "exec sleep 600"), step(sandbox, "other", "echo other"))
    assert both.ended(other)["Status"]["State"] == "COMPLETED" and both.step(one)["Status"]["State"] == "RUNNING"
    both.emr.terminate_job_flows(JobFlowIds=[both.id])
    assert both.ended(one)["Status"]["State"] == "CANCELLED"


def test_what_a_failure_does(sandbox):
    waiting = Cluster(sandbox)
    bad, after = waiting.add(step(sandbox, "bad", "exit 1", then="CANCEL_AND_WAIT"), step(sandbox, "after", "echo after"))
    assert (waiting.ended(bad)["Status"]["State"], waiting.ended(after)["Status"]["State"]) == ("FAILED", "CANCELLED")
    assert waiting.state() == "WAITING"
    (later,) = waiting.add(step(sandbox, "later", "echo later"))
    assert waiting.ended(later)["Status"]["State"] == "COMPLETED"
    ended = Cluster(sandbox, [step(sandbox, "worse", "exit 1", then="TERMINATE_CLUSTER")])
    until(lambda: ended.state().startswith("TERMINAT"))
    over = Cluster(sandbox, [step(sandbox, "only", "echo only")], stays=False)
    until(lambda: over.state().startswith("TERMINAT"))
    assert [one["Status"]["State"] for one in over.emr.list_steps(ClusterId=over.id)["Steps"]] == ["COMPLETED"]
    until(lambda: Cluster(sandbox, stays=False).state().startswith("TERMINAT"))


def test_what_is_not_there(sandbox):
    cluster = Cluster(sandbox)
    for call, more in ((cluster.emr.describe_step, {"StepId": "s-1"}), (cluster.emr.list_instance_groups, {}), (cluster.emr.cancel_steps, {"StepIds": ["s-1"]})):
        with pytest.raises(ClientError, match="'j-NONE' is not valid"):
            call(ClusterId="j-NONE", **more)
    with pytest.raises(ClientError, match="Step id 's-1' is not valid"):
        cluster.emr.describe_step(ClusterId=cluster.id, StepId="s-1")
    (id,) = cluster.add({"Name": "hive", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["hive-script", "x"]}, "ActionOnFailure": "CONTINUE"})
    assert "with spark-submit, and no others" in cluster.ended(id)["Status"]["FailureDetails"]["Message"]
