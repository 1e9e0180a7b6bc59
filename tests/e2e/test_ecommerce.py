"""The e-commerce lakehouse: applied to the sandbox and torn down; what its machines would start, and what it is fed with. With Spark, Kafka and PostgreSQL: test_ecommerce_days.py, sandbox/test_run_ecommerce.py."""

import datetime
import json
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
import yaml

from shop import DAYS, EXAMPLE, api, expected, orders
from support import WEIR, example, until
from test_systems import inventory


def test_life_cycle(tmp_path, fast_sandbox):
    stack = example("ecommerce-lakehouse", tmp_path / "shop", fast_sandbox)
    before = inventory(fast_sandbox)
    stack.apply()
    assert inventory(fast_sandbox) > before
    stack.assert_settled()
    assert ":9098" in json.loads(stack.run("output", "--json").out)["brokers"]
    # Another zone: subnets and a broker more; what has the old subnets follows.
    changes = stack.plan("-i", "zones=[a, b, c]")
    assert changes["events"] == "replace" and changes["spark"] == "update" and changes['network/private["c"]'] == "create"
    stack.apply("-i", "zones=[a, b, c]", "-i", "nightly=false")
    stack.assert_settled("-i", "zones=[a, b, c]", "-i", "nightly=false")
    stack.destroy()
    assert inventory(fast_sandbox) == before


def test_the_sample_is_made_anew(tmp_path):
    subprocess.run([sys.executable, EXAMPLE / "data/generate.py", tmp_path], check=True)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert made == {path: (EXAMPLE / "data" / path).read_bytes() for path in made} and len(made) == 5
    wanted = expected(*DAYS)
    assert wanted["rejected"] == {"incomplete": 9, "unknown customer": 3, "nothing bought": 3, "unknown product": 6, "no price": 3}
    assert {fact[2] for fact in wanted["fact_orders"]} == set(DAYS)


def test_the_api_in_pages():
    with api() as (url, asked):
        pages = [json.load(urllib.request.urlopen(f"{url}/orders?day={DAYS[0]}&page={page}")) for page in (1, 2, 3, 4)]
        assert [order for page in pages for order in page["items"]] == orders(DAYS[0]) and [page["next"] for page in pages] == [2, 3, 4, None]
        assert json.load(urllib.request.urlopen(f"{url}/orders?day=2030-01-01"))["items"] == [] and len(asked) == 5
        for path in "/", "/orders", "/orders?day=../x":
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(url + path)


def ended(states, arn, given):
    execution = states.start_execution(stateMachineArn=arn, input=json.dumps(given))["executionArn"]
    done = until(lambda: (e := states.describe_execution(executionArn=execution))["status"] != "RUNNING" and e)
    assert done["status"] == "SUCCEEDED", done
    return done


def test_the_batch_is_of_the_day_that_it_is_run_for(tmp_path, fast_sandbox):
    """The state machines as the stack makes them, with what Spark would be given in Spark's place."""
    stack = example("ecommerce-lakehouse", tmp_path / "shop", fast_sandbox)
    stack.apply()
    states = fast_sandbox.client("stepfunctions")
    machines = {m["name"]: states.describe_state_machine(stateMachineArn=m["stateMachineArn"]) for m in states.list_state_machines()["stateMachines"]}
    definition = json.loads(machines["demo-shop-batch"]["definition"])
    jobs = [name for name, state in definition["States"].items() if state.get("Resource", "").endswith("startJobRun.sync")]
    assert sorted(jobs) == ["bronze", "gold", "produce", "quality", "silver"]
    for name in jobs:
        task = definition["States"][name]
        driver = task["Parameters"]["JobDriver"]["SparkSubmit"]
        definition["States"][name] = {"Type": "Pass", "Parameters": {"given.$": driver["EntryPointArguments.$"]}, "ResultPath": f"$.{name}", "Next": task["Next"]}
    del definition["States"]["tell"], definition["States"]["failed"]
    arn = states.create_state_machine(name="as-given", definition=json.dumps(definition), roleArn=machines["demo-shop-batch"]["roleArn"])["stateMachineArn"]
    for given in {"day": "2026-11-20"}, {"day": "2026-11-21T02:00:00Z"}, {}:
        done = ended(states, arn, given)
        output = json.loads(done["output"])
        day = given.get("day") or done["startDate"].astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M")
        assert output["silver"]["given"][:3] == ["--tables", "lake.demo_shop_", "--day"] and output["silver"]["given"][3].startswith(day)
        assert output["produce"]["given"][output["produce"]["given"].index("--orders") + 1] == "s3://demo-shop-bronze/sources/orders"
        assert json.loads(output["quality"]["given"][5]) == {"completeness": 0.95, "accuracy": 0.95, "consistency": 0.95}
    schedule = fast_sandbox.client("scheduler").get_schedule(Name="demo-shop-nightly")
    assert json.loads(schedule["Target"]["Input"]) == {"day": "<aws.scheduler.scheduled-time>"}

    # Which code the stream is started with it looks up each time; none ends it.
    code = fast_sandbox.client("ssm").get_parameter(Name="/demo-shop/stream")["Parameter"]["Value"]
    stream = json.loads(machines["demo-shop-stream"]["definition"])
    assert stream["States"]["read"]["Next"] == "look"
    given = stream["States"]["read"]["Parameters"]["JobDriver"]["SparkSubmit"]
    del stream["States"]["pause"]
    stream["States"]["read"] = {"Type": "Pass", "Parameters": given, "End": True}
    arn = states.create_state_machine(name="stream-as-given", definition=json.dumps(stream), roleArn=machines["demo-shop-stream"]["roleArn"])["stateMachineArn"]
    output = json.loads(ended(states, arn, {})["output"])
    assert output["EntryPoint"] == code and output["EntryPointArguments"][-2:] == ["--code", code]
    (stack.folder / "jobs/stream.py").write_text((stack.folder / "jobs/stream.py").read_text() + "# edited\n")
    stack.run("deploy", "--yes", 'script["stream"]')
    assert json.loads(ended(states, arn, {})["output"])["EntryPoint"] != code
    stack.apply("-i", "streaming=false")
    assert "EntryPoint" not in json.loads(ended(states, arn, {})["output"])

    # Producers get in: their group may reach the brokers.
    ec2 = fast_sandbox.client("ec2")
    groups = {g["GroupName"]: g for g in ec2.describe_security_groups()["SecurityGroups"]}
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [groups["demo-shop-kafka"]["GroupId"]]}])["SecurityGroupRules"]
    allowed = {rule["ReferencedGroupInfo"]["GroupId"] for rule in rules if not rule["IsEgress"]}
    assert allowed == {groups["demo-shop-producers"]["GroupId"], groups["demo-shop-spark"]["GroupId"]}
    stack.destroy()


@pytest.mark.long
def test_the_workflow(tmp_path, fast_sandbox):
    """What ci/deploy.yml runs, in its order; the account is the sandbox."""
    stack = example("ecommerce-lakehouse", tmp_path / "shop", fast_sandbox)
    jobs = yaml.safe_load((stack.folder / "ci/deploy.yml").read_text())["jobs"]
    lines = [step["run"] for job in ("plan", "apply") for step in jobs[job]["steps"] if "run" in step]
    assert lines[-1] == "weir apply -e prod release.plan --lock-timeout 15m" and len(lines) == 5
    for line in lines:
        done = subprocess.run(["bash", "-ec", line], cwd=stack.folder, env={**stack.env, "PATH": f"{WEIR.parent}:{stack.env['PATH']}"}, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
    assert "to create" in (stack.folder / "plan.md").read_text()
    stack.assert_settled("-e", "prod")


def test_a_running_job_does_not_keep_its_application(stack, cloud):
    stack.write("stack: stream\nresources: {spark: {type: aws.emrserverless.application, name: spark, release_label: emr-7.5.0, application_type: SPARK}}\n").apply()
    emr = cloud.client("emr-serverless")
    (application,) = emr.list_applications()["applications"]
    emr.start_job_run(applicationId=application["id"], executionRoleArn="arn:aws:iam::123456789012:role/jobs", jobDriver={"sparkSubmit": {"entryPoint": "s3://a/b.py"}})
    cloud.forget_requests()
    stack.destroy()
    requests = cloud.requests()
    assert any("jobruns" in str(r) for r in requests) and not emr.list_applications(states=["STARTED", "CREATED", "STOPPED"])["applications"], requests
