"""
Pipelines as people write them, retold: how much of them weir takes over from CloudFormation and Terraform, and that it stands on its own feet afterwards.

A plan.json is what `terraform show -json` said of main.tf beside it, after Terraform 1.11 had made that on moto, with the services that moto has not got from
the sandbox. What neither has (a cluster of MSK, tasks of DMS) is in it as it was planned, with ids; airflow_out has been a rule of the older kind there.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support import Stack, until
from test_import_cloudformation import TOLERATED, ZIP

HERE = Path(__file__).parent / "imports/corpus"
CORPUS = sorted(HERE.glob("*.yaml"))
PLANS = sorted(HERE.glob("*/plan.json"))
GIVEN = {"password": "A-password-of-16", "cursor_value": "2020-01-01"}
# What a template has that no resource says: where what CloudFormation does by itself becomes a key of weir's own, or nothing.
AROUND = {"Type", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy"}


class Tagged(yaml.CSafeLoader):
    """A function's argument stands for what it gives: one value."""


Tagged.add_multi_constructor("!", lambda loader, suffix, node: suffix)


def leaves(value):
    if isinstance(value, dict):
        return sum(leaves(one) for one in value.values()) or 1
    if isinstance(value, list):
        return sum(leaves(one) for one in value) or 1
    return 1


def given(text):
    return [word for name, value in GIVEN.items() if re.search(f"^  {name}:", text, re.M) for word in ("-i", f"{name}={value}")]


def counted(stack, template):
    """Resources and single values of the template, and how many of either have been left out."""
    result = stack.run("import", "cloudformation", template)
    own, theirs, without = map(int, re.search(r"(\d+) of weir's own types, (\d+) of CloudFormation's, (\d+) left out", result.out + result.err).groups())
    resources = yaml.load(template.read_text(), Tagged)["Resources"]
    parts = len(re.findall(r"a part of it", result.out + result.err))
    assert own + theirs + without + parts == len(resources), result
    values = sum(leaves(one.get("Properties", {})) for one in resources.values())
    lost = len(re.findall(r"is left out|has no equivalent in a stack", result.err))
    return {"resources": len(resources), "own": own + parts, "without": without, "values": values, "lost": lost}


def said(expressions):
    """Values of a configuration: of what is not told in it, such as a reference, one."""
    if isinstance(expressions, list):
        return sum(said(one) for one in expressions)
    if "constant_value" in expressions:
        return leaves(expressions["constant_value"])
    return 1 if "references" in expressions or not expressions else sum(said(one) for one in expressions.values())


def configured(module):
    """The resources of a configuration, with those of its modules."""
    return [one for one in module.get("resources", ()) if one["mode"] == "managed"] + [one for call in module.get("module_calls", {}).values() for one in configured(call["module"])]


def counted_plan(stack, plan):
    result = stack.run("import", "terraform", plan)
    given = configured(json.loads(plan.read_text())["configuration"]["root_module"])
    own, theirs, without = map(int, re.search(r"(\d+) of weir's own types, (\d+) of CloudFormation's, (\d+) left out", result.err).groups())
    rows = [line for line in result.err.splitlines() if re.match(r"(module\.\S+\.)?aws_\S+|terraform_data", line)]
    lost = sum(len(re.findall(r"has no equivalent|is unknown here|has another form|only a digest", row)) for row in rows)
    assert len(rows) >= len(given), result  # a module that is called twice has its resources twice
    return {"resources": len(rows), "own": len(rows) - theirs - without, "without": without, "values": sum(said(one["expressions"]) for one in given), "lost": lost}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    return {one.stem: counted(Stack(folder / one.stem), one) for one in CORPUS} | {one.parent.name: counted_plan(Stack(folder / one.parent.name), one) for one in PLANS}


@pytest.mark.long
def test_how_much_can_be_said(found):
    """99 % of resources and values at least, fifteen of eighteen whole; nine of ten resources in types of weir's own."""
    total = {what: sum(one[what] for one in found.values()) for what in ("resources", "own", "without", "values", "lost")}
    print("\n" + "\n".join(f"{name:16}" + " ".join(f"{what} {one[what]:4}" for what in one) for name, one in (found | {"all": total}).items()))
    assert len(found) == 18 and total["resources"] > 300 and total["values"] > 1500, total
    assert total["without"] <= total["resources"] / 100 and total["lost"] <= total["values"] / 100, (total, found)
    assert sum(not one["without"] and not one["lost"] for one in found.values()) >= 15, found
    assert total["own"] >= total["resources"] * 9 / 10, (total, found)


@pytest.mark.long
@pytest.mark.parametrize("template", CORPUS, ids=lambda path: path.stem)
def test_it_is_a_template(template):
    done = subprocess.run([Path(sys.executable).parent / "cfn-lint", "--format", "json", template], capture_output=True, text=True)
    found = [match for match in json.loads(done.stdout or "[]") if match["Rule"]["Id"] not in TOLERATED and match["Level"] == "Error"]
    assert not found and done.returncode in (0, 2, 4, 6, 8, 12), done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.parametrize("template", CORPUS, ids=lambda path: path.stem)
def test_it_lives(tmp_path, fast_sandbox, template):
    """What comes of it is made as it is, and then there is nothing to do; it goes without a rest."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    stack.run("import", "cloudformation", template)
    text = (stack.folder / "weir.yaml").read_text()
    stack.run("fmt", "--check", "weir.yaml")
    if "code_bucket" in text:
        fast_sandbox.client("s3").create_bucket(Bucket="code-of-fan-out")
        fast_sandbox.client("s3").put_object(Bucket="code-of-fan-out", Key="worker.zip", Body=ZIP)
    stack.apply(*given(text))
    stack.assert_settled(*given(text))


def kept(text):
    """What is taken over is made anew: as it is there, without what was there."""
    return re.sub(r"\n# These exist already.*", "", text, flags=re.S)


def laid(folder, cloud):
    """A folder with the files that the pipelines' resources are made of."""
    stack = Stack(folder, cloud)
    for own in PLANS:
        shutil.copytree(own.parent, stack.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.tf", "plan.json", "modules"))
    (stack.folder / "consume.zip").write_bytes(ZIP)
    return stack


def asked(text):
    inputs = yaml.safe_load(text).get("inputs", {})
    return [word for name, one in inputs.items() if "default" not in one for word in ("-i", f"{name}={'code-of-fan-out' if name == 'code_bucket' else 'A-password-of-16'}")]


def of_state(document):
    """Without the configuration: what `terraform show -json` says of a state."""
    return json.dumps(json.loads(document)["prior_state"])


def lives_anew(tmp_path, cloud, plan, alone=False):
    """Made from nothing of what was recorded; (the stack, what it has been given, the ids that things had when the plan was recorded)"""
    stack = laid(tmp_path / "stack", cloud)
    document = plan.read_text()
    stack.write(of_state(document) if alone else document, "recorded.json")
    stack.run("import", "terraform", "recorded.json")
    text = (stack.folder / "weir.yaml").read_text()
    recorded = {one["address"]: one["id"] for one in yaml.safe_load(text)["imports"]}
    stack.run("fmt", "--check", "weir.yaml")
    stack.write(kept(text))
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="code-of-fan-out")
    s3.put_object(Bucket="code-of-fan-out", Key="clean.zip", Body=ZIP)
    words = asked(text)
    stack.apply(*words)
    stack.assert_settled(*words)
    assert len(s3.list_buckets()["Buckets"]) > 1
    return stack, words, recorded


def ids(stack):
    return {one["address"]: one["id"] for one in json.loads(stack.run("state", "pull").out)["resources"]}


def buckets(cloud):
    return {one["Name"] for one in cloud.client("s3").list_buckets()["Buckets"]}


@pytest.mark.long
@pytest.mark.parametrize("plan", PLANS, ids=lambda path: path.parent.name)
def test_a_plan_lives(tmp_path, fast_sandbox, plan):
    """From nothing: made as it is, then there is nothing to do, others see it, and it goes without a rest."""
    stack, words, _ = lives_anew(tmp_path, fast_sandbox, plan)
    stack.run("destroy", "--yes", "--force-empty", "--verify", *words)
    assert buckets(fast_sandbox) == {"code-of-fan-out"}


def renamed(old, new):
    """What is called otherwise now: the whole id, and those parts of it that were made up."""
    parts = [re.split("[/|:]", one) for one in (old, new)]
    alike = len(parts[0]) == len(parts[1])
    return {old: new} | ({a: b for a, b in zip(*parts) if a != b} if alike else {})


def told_again(plan, recorded, made):
    """The recorded document as Terraform would tell it of what is there now: the same things under the ids that they have."""
    others = {}
    for address, old in recorded.items():
        others |= {} if made[address].endswith(old) else renamed(old, made[address])  # of an object the id is its key there
    ids = re.compile("|".join(map(re.escape, sorted(others, key=len, reverse=True))))
    return ids.sub(lambda found: others[found[0]], plan.read_text()) if others else plan.read_text()


MARKS = ["weir:stack", "weir:state", "weir:address", "weir:intent"]


def unmarked(cloud):
    """As if somebody else had made it: what is there does not bear weir's marks any more. Not all that has tags is in the tagging service."""
    tagging, s3, iam, ec2, kafka, control = map(cloud.client, ("resourcegroupstaggingapi", "s3", "iam", "ec2", "kafka", "cloudcontrol"))
    pages = tagging.get_paginator("get_resources").paginate(TagFilters=[{"Key": "weir:stack"}])
    for one in [one for page in pages for one in page["ResourceTagMappingList"] if not one["ResourceARN"].startswith("arn:aws:s3:::")]:
        done = tagging.untag_resources(ResourceARNList=[one["ResourceARN"]], TagKeys=MARKS)
        assert not done["FailedResourcesMap"], done
    for bucket in buckets(cloud) - {"code-of-fan-out"}:
        own = [tag for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"] if tag["Key"] not in MARKS]
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": own})
    for one in iam.list_roles()["Roles"]:
        iam.untag_role(RoleName=one["RoleName"], TagKeys=MARKS)
    for one in iam.list_users()["Users"]:
        iam.untag_user(UserName=one["UserName"], TagKeys=MARKS)
    for one in iam.list_policies(Scope="Local")["Policies"]:
        iam.untag_policy(PolicyArn=one["Arn"], TagKeys=MARKS)
    for one in iam.list_instance_profiles()["InstanceProfiles"]:
        iam.untag_instance_profile(InstanceProfileName=one["InstanceProfileName"], TagKeys=MARKS)
    for one in ec2.describe_key_pairs()["KeyPairs"]:
        ec2.delete_tags(Resources=[one["KeyPairId"]], Tags=[{"Key": key} for key in MARKS])
    for one in kafka.list_clusters_v2()["ClusterInfoList"]:
        kafka.untag_resource(ResourceArn=one["ClusterArn"], TagKeys=MARKS)
    for where, tags in (({"TypeName": "AWS::EFS::FileSystem"}, "FileSystemTags"), ({"TypeName": "AWS::CloudWatch::Dashboard"}, "Tags")):
        for one in control.list_resources(**where)["ResourceDescriptions"]:
            own = json.loads(control.get_resource(**where, Identifier=one["Identifier"])["ResourceDescription"]["Properties"])
            patch = [{"op": "replace", "path": f"/{tags}", "value": [tag for tag in own[tags] if tag["Key"] not in MARKS]}]
            token = control.update_resource(**where, Identifier=one["Identifier"], PatchDocument=json.dumps(patch))["ProgressEvent"]["RequestToken"]
            until(lambda: control.get_resource_request_status(RequestToken=token)["ProgressEvent"]["OperationStatus"] == "SUCCESS")


def listed(cloud):
    """What others find of it."""
    instances = [one for all in cloud.client("ec2").describe_instances()["Reservations"] for one in all["Instances"] if one["State"]["Name"] != "terminated"]
    there = [("iam", "list_roles", "Roles"), ("iam", "list_users", "Users"), ("lambda", "list_functions", "Functions"), ("glue", "get_jobs", "Jobs"), ("glue", "get_databases", "DatabaseList"),
             ("sns", "list_topics", "Topics"), ("sqs", "list_queues", "QueueUrls"), ("rds", "describe_db_instances", "DBInstances"), ("redshift", "describe_clusters", "Clusters"),
             ("logs", "describe_log_groups", "logGroups"), ("elbv2", "describe_load_balancers", "LoadBalancers"), ("ecs", "list_clusters", "clusterArns"), ("dms", "describe_replication_tasks", "ReplicationTasks"),
             ("kafka", "list_clusters_v2", "ClusterInfoList"), ("secretsmanager", "list_secrets", "SecretList"), ("stepfunctions", "list_state_machines", "stateMachines")]
    return instances + [one for service, call, at in there for one in getattr(cloud.client(service), call)().get(at, [])] + sorted(buckets(cloud) - {"code-of-fan-out"})


# What is not read back, so that taking it over says it once more: secrets, ways of deleting, where content comes from, and what a service takes in another form than it gives.
UNTOLD = {"master_user_password", "admin_user_password", "(redacted)_password", "admin_password", "password", "secret_string", "force_destroy", "recursive_delete", "skip_final_snapshot", "code", "source",
          "content", "cluster_type", "deletion_window_in_days", "publish", "function"}


@pytest.mark.long
@pytest.mark.parametrize("alone", [False, True], ids=["plan", "state"])
@pytest.mark.parametrize("plan", PLANS, ids=lambda path: path.parent.name)
def test_what_is_there_is_taken_over(tmp_path, fast_sandbox, plan, alone):
    """A pipeline that is live: all of it is adopted in place, nothing is made or changed, and then nothing differs; it goes without a rest. By a plan, and by a state without its configuration."""
    first, _, recorded = lives_anew(tmp_path, fast_sandbox, plan, alone)
    made = ids(first)
    unmarked(fast_sandbox)
    stack = laid(tmp_path / "adopted", fast_sandbox)
    told_now = told_again(plan, recorded, made)
    stack.write(of_state(told_now) if alone else told_now, "live.json")
    told = stack.run("import", "terraform", "live.json")
    assert "cannot be imported" not in told.err, told
    words = asked((stack.folder / "weir.yaml").read_text())
    before = stack.run("plan", *words)
    assert {address for address, action in stack.plan(*words).items() if action != "adopt"} <= {"release"}, before  # a value, which is in no service
    # what cannot be read, such as a secret or how a bucket is deleted, is said once more; nothing of what can be read differs
    changes = before.out.split("Outputs:")[0]
    assert not re.search("^ +[~-] ", changes, re.M) and set(re.findall(r"^ {6}\+ (\S+):", changes, re.M)) <= UNTOLD | {"value"}, before
    stack.apply(*words)
    assert set(ids(stack).values()) == set(made.values())
    stack.assert_settled(*words)
    assert len(listed(fast_sandbox)) > 3
    stack.run("destroy", "--yes", "--force-empty", "--delete-adopted", "--verify", *words)
    assert not listed(fast_sandbox)


@pytest.mark.long
@pytest.mark.parametrize("plan", PLANS, ids=lambda path: path.parent.name)
def test_a_state_alone_says_of_everything(tmp_path, plan):
    """Without a configuration nobody knows what was said and what the provider filled in: nothing is left out for that, and all has an id."""
    document = json.loads(plan.read_text())
    stack = Stack(tmp_path / "stack")
    stack.write(json.dumps(document["prior_state"]), "state.json")
    told = stack.run("import", "terraform", "state.json")
    assert " 0 left out" in told.err and "cannot be imported" not in told.err, told
    whole = Stack(tmp_path / "whole")
    whole.run("import", "terraform", plan)
    ids = [{one["id"] for one in yaml.safe_load((one.folder / "weir.yaml").read_text())["imports"]} for one in (stack, whole)]
    assert ids[0] == ids[1], ids[0] ^ ids[1]
