"""The step-pipeline module on the sandbox: jobs side by side and one after the other, and what is told when one fails."""

import json
import os
import shutil
import sys

import pytest
from servers import SandboxCloud
from support import ACCOUNT, ROOT, Stack, until

MACHINE = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:demo-nightly"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:demo-nightly-failures"


@pytest.fixture
def cloud(monkeypatch):
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"])  # jobs find this Python, with boto3
    cloud = SandboxCloud(SANDBOX_IAM="on")
    yield cloud
    cloud.stop()


def ended(cloud):
    machines = cloud.client("stepfunctions")
    run = machines.start_execution(stateMachineArn=MACHINE, input='{"day": "2026-11-20"}')["executionArn"]
    return run, until(lambda: (found := machines.describe_execution(executionArn=run))["status"] != "RUNNING" and found["status"])


@pytest.mark.full
def test_runs_and_tells(tmp_path, cloud):
    shutil.copytree(ROOT / "modules/step-pipeline/example", tmp_path / "pipeline")
    stack = Stack(tmp_path / "pipeline", cloud)
    stack.apply()
    assert ended(cloud)[1] == "SUCCEEDED"
    s3 = cloud.client("s3")
    counts = {name: json.loads(s3.get_object(Bucket="demo-lake", Key=f"counts/{name}.json")["Body"].read()) for name in ("customers", "purchases", "sales")}
    assert {name: count["day"] for name, count in counts.items()} == {"customers": None, "purchases": None, "sales": "2026-11-20"}

    sns, sqs = cloud.client("sns"), cloud.client("sqs")
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    told = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": f"arn:aws:sqs:us-east-1:{ACCOUNT}:told"}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [told]})})
    sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:told")
    s3.delete_object(Bucket="demo-lake", Key="scripts/count.py")
    run, status = ended(cloud)
    assert status == "FAILED"
    told = until(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
    message = json.loads(json.loads(told[0]["Body"])["Message"])
    assert message["pipeline"] == "demo-nightly" and message["execution"] == run and "no object" in message["error"]["Cause"]
    starts = {job: len(cloud.client("glue").get_job_runs(JobName=f"demo-{job}")["JobRuns"]) for job in counts}
    assert sum(starts.values()) > 5 and starts["sales"] == 1  # a failed job was started again, what comes after it never
