"""
What a deletion does is said with its plan: the final snapshot that is taken, that none is, or why it cannot go. What cannot is refused before anything
is called, whichever command deletes; an attribute in the file and an option of the command let it go. What is there afterwards is asked with boto3.
"""

import sys

import pytest
from support import Stack

LOGIN = "master_username: weir, master_user_password: Long-enough-1"
# type: attributes; the attribute that names its final snapshot; whether it is there; its final snapshots, both as boto3 says
STORES = {
    "aws.rds.instance": (
        f"name: lab-it, engine: postgres, instance_class: db.t4g.micro, allocated_storage: 20, {LOGIN}",
        "final_db_snapshot_identifier",
        lambda stack: stack.client("rds").describe_db_instances()["DBInstances"],
        lambda stack: [item["DBSnapshotIdentifier"] for item in stack.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]],
    ),
    "aws.rds.cluster": (
        f"name: lab-it, engine: aurora-postgresql, {LOGIN}",
        "final_db_snapshot_identifier",
        lambda stack: stack.client("rds").describe_db_clusters()["DBClusters"],
        None,  # moto takes the name, and makes none
    ),
    "aws.redshift.cluster": (
        f"name: lab-it, node_type: ra3.large, {LOGIN}",
        "final_snapshot",
        lambda stack: stack.client("redshift").describe_clusters()["Clusters"],
        lambda stack: [item["SnapshotIdentifier"] for item in stack.client("redshift").describe_cluster_snapshots()["Snapshots"] if item["SnapshotType"] == "manual"],
    ),
}
NAMELESS = "its final snapshot has no name"


@pytest.fixture
def lab(tmp_path, place):
    return Stack(tmp_path / "stack", place)


def write(lab, type_, more="", head=""):
    return lab.write(f"stack: lab\n{head}resources:\n  it: {{type: {type_}, {STORES[type_][0]}{more}}}\n")


def told(result):
    return [{key: value for key, value in event.items() if key not in ("event", "address", "type")} for event in result.events() if event["event"] == "data_loss"]


def stopping(result):
    return [item for item in told(result) if item.get("stops")]


@pytest.mark.parametrize("how", ["apply", "destroy", "replace"])
@pytest.mark.parametrize("type_", STORES)
def test_a_final_snapshot_without_a_name_is_refused(lab, type_, how):
    attributes, name, there, snapshots = STORES[type_]
    write(lab, type_).apply()
    words = {"apply": ["apply"], "destroy": ["destroy"], "replace": ["apply", "--replace", "it"]}[how]
    if how == "apply":
        lab.write("stack: lab\n")
    planned = ["plan", "--destroy"] if how == "destroy" else ["plan", *words[1:]]
    before = "apply `skip_final_snapshot: true` before" if how == "apply" else "`skip_final_snapshot: true` in the stack"
    way = f"--skip-final-snapshot, or {before}; {name}: NAME takes one"
    (item,) = stopping(lab.run(*planned, "--json"))
    assert item["message"] == NAMELESS and item["lifts"] == "skip_final_snapshot" and item["set"] == "skip_final_snapshot: true"
    assert f"! it  {NAMELESS} (to allow it: {way})" in lab.run(*planned).out
    assert f"- `it`: {NAMELESS} (to allow it: {way})" in lab.run(*planned, "--format", "markdown").out
    assert NAMELESS in lab.run(*planned, "--format", "html").out
    refused = lab.run(*words, "--yes", status=3)
    assert f"deletions that are blocked: it ({NAMELESS}); nothing was changed" in refused.err and f"hint: to allow it: {way}" in refused.err, str(refused)
    assert len(there(lab)) == 1 and lab.run("state", "list").out == "it\n"
    assert {"message": "no final snapshot is taken", "flag": "skip_final_snapshot"} in told(lab.run(*planned, "--skip-final-snapshot", "--json"))
    if type_ == "aws.rds.cluster" and how == "replace":
        return  # moto makes no second one of the name within a minute: it keeps its automated snapshot
    lab.run(*words, "--yes", "--skip-final-snapshot")
    assert len(there(lab)) == (how == "replace")
    if snapshots:
        assert snapshots(lab) == []


@pytest.mark.parametrize("how", ["apply", "destroy"])
@pytest.mark.parametrize("type_", STORES)
def test_a_final_snapshot_is_told_of_and_taken(lab, type_, how):
    _, name, there, snapshots = STORES[type_]
    write(lab, type_, f", {name}: lab-last").apply()
    if how == "apply":
        lab.write("stack: lab\n")
    planned = ["plan", "--destroy"] if how == "destroy" else ["plan"]
    text = lab.run(*planned).out
    assert "What stays of them:" in text and "+ it  its final snapshot: " in text and "lab-last\n" in text and "In the way" not in text, text
    kept = [item for item in told(lab.run(*planned, "--json")) if item.get("kept")]
    assert [item for item in kept if item.get("left_id") == "lab-last" or item["message"].endswith("lab-last")], kept
    lab.run(how, "--yes")
    assert there(lab) == []
    if snapshots:
        assert snapshots(lab) == ["lab-last"]


@pytest.mark.parametrize("type_", STORES)
def test_none_is_taken_where_the_file_says_so(lab, type_):
    """Also where it has a name, which would do for another time."""
    _, name, there, snapshots = STORES[type_]
    write(lab, type_, f", skip_final_snapshot: true, {name}: lab-last").apply()
    items = told(lab.run("plan", "--destroy", "--json"))
    assert {"message": "no final snapshot is taken"} in items and not [item for item in items if item.get("kept") or item.get("stops")]
    lab.destroy()
    assert there(lab) == []
    if snapshots:
        assert snapshots(lab) == []


@pytest.mark.parametrize("type_", [type_ for type_ in STORES if STORES[type_][3]])
def test_a_name_that_is_taken_is_refused(lab, type_):
    """The service would refuse it in the middle of everything else."""
    _, name, there, snapshots = STORES[type_]
    write(lab, type_, f", {name}: lab-last").apply()
    if type_ == "aws.rds.instance":
        lab.client("rds").create_db_snapshot(DBInstanceIdentifier="lab-it", DBSnapshotIdentifier="lab-last")
    else:
        lab.client("redshift").create_cluster_snapshot(ClusterIdentifier="lab-it", SnapshotIdentifier="lab-last")
    refused = lab.destroy(status=3)
    assert "lab-last, as which it would stay, exists already" in refused.err and f"`{name}: ANOTHER-NAME` in the stack" in refused.err, str(refused)
    assert len(there(lab)) == 1
    write(lab, type_, f", {name}: lab-other").destroy(verify=False)
    assert there(lab) == [] and sorted(snapshots(lab)) == ["lab-last", "lab-other"]


@pytest.mark.parametrize("type_", STORES)
def test_what_is_gone_already_stops_nothing(lab, type_):
    write(lab, type_).apply()
    if type_ == "aws.rds.instance":
        lab.client("rds").delete_db_instance(DBInstanceIdentifier="lab-it", SkipFinalSnapshot=True)
    elif type_ == "aws.rds.cluster":
        lab.client("rds").delete_db_cluster(DBClusterIdentifier="lab-it", SkipFinalSnapshot=True)
    else:
        lab.client("redshift").delete_cluster(ClusterIdentifier="lab-it", SkipFinalClusterSnapshot=True)
    assert stopping(lab.run("plan", "--destroy", "--json")) == []
    lab.destroy()


def test_an_instance_of_a_cluster_has_none(lab):
    """The data is the cluster's."""
    lab.write(f"""
        stack: lab
        resources:
          one: {{type: aws.rds.cluster, name: lab-c, engine: aurora-postgresql, {LOGIN}, skip_final_snapshot: true}}
          two: {{type: aws.rds.instance, name: lab-i, engine: aurora-postgresql, instance_class: db.r6g.large, cluster: "${{one.name}}"}}
    """).apply()
    assert [event["address"] for event in lab.run("plan", "--destroy", "--json").events() if event["event"] == "data_loss"] == ["one", "one"]
    lab.destroy()


def test_automated_backups(stack):
    write(stack, "aws.rds.instance", ", skip_final_snapshot: true").apply()
    assert told(stack.run("plan", "--destroy", "--json")) == [{"message": "no final snapshot is taken"}, {"message": "its automated backups are deleted"}]
    write(stack, "aws.rds.instance", ", skip_final_snapshot: true, delete_automated_backups: false")
    assert told(stack.run("plan", "--destroy", "--json")) == [{"message": "no final snapshot is taken"}, {"message": "its automated backups", "kept": True}]
    write(stack, "aws.rds.instance", ", skip_final_snapshot: true, backup_retention_period: 0").apply()
    assert told(stack.run("plan", "--destroy", "--json")) == [{"message": "no final snapshot is taken"}]
    stack.destroy()


def test_a_namespace_of_redshift_serverless(fast_sandbox, tmp_path):
    """Which takes a final snapshot only where it is told a name."""
    lab = fast_sandbox.stack(tmp_path / "stack")
    text = "stack: lab\nresources:\n  it: {type: aws.redshiftserverless.namespace, name: lab-it%s}\n"
    lab.write(text % "").apply()
    assert told(lab.run("plan", "--destroy", "--json")) == [{"message": "no final snapshot is taken"}]
    lab.write(text % ", final_snapshot: lab-last")
    assert told(lab.run("plan", "--destroy", "--json")) == [{"message": "its final snapshot: lab-last", "kept": True}]
    assert told(lab.run("plan", "--destroy", "--json", "--skip-final-snapshot")) == [{"message": "no final snapshot is taken", "flag": "skip_final_snapshot"}]
    lab.destroy()


def test_until_when_it_can_be_restored(stack):
    stack.write("""
        stack: lab
        resources:
          key: {type: aws.kms.key}
          soon: {type: aws.kms.key, deletion_window_in_days: 7}
          secret: {type: aws.secretsmanager.secret, name: lab/a, secret_string: x}
          window: {type: aws.secretsmanager.secret, name: lab/b, secret_string: x, recovery_window_in_days: 8}
          none: {type: aws.secretsmanager.secret, name: lab/c, secret_string: x, force_destroy: true}
    """).apply()
    said = {event["address"]: event["message"] for event in stack.run("plan", "--destroy", "--json").events() if event["event"] == "data_loss"}
    days = "it can be restored for {} days".format
    assert said == {"key": days(30), "soon": days(7), "secret": days(30), "window": days(8), "none": "it is deleted immediately and cannot be restored"}
    stack.destroy()
    secrets = {item["Name"] for item in stack.client("secretsmanager").list_secrets(IncludePlannedDeletion=True)["SecretList"]}
    assert secrets == {"lab/a", "lab/b"}


NETWORK = """
    net: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}
    one: {type: aws.ec2.subnet, vpc_id: "${net.vpc_id}", cidr_block: 10.0.1.0/24, availability_zone: us-east-1a}
    two: {type: aws.ec2.subnet, vpc_id: "${net.vpc_id}", cidr_block: 10.0.2.0/24, availability_zone: us-east-1b}
"""
# type: attributes, what else it needs, as what it is not protected
PROTECTED = {
    "aws.ec2.instance": ("image_id: ami-12345678, instance_type: t3.micro, disable_api_termination: true", "", "disable_api_termination: false"),
    "aws.elbv2.load_balancer": (
        'name: lab-it, subnets: ["${one.subnet_id}", "${two.subnet_id}"], settings: {deletion_protection.enabled: "true"}', NETWORK, 'settings: {"deletion_protection.enabled":"false"}',
    ),
    "aws.logs.log_group": ("name: lab-it, deletion_protection: true", "", "deletion_protection: false"),
    "aws.cognitoidp.user_pool": ("name: lab-it, deletion_protection: ACTIVE", "", "deletion_protection: INACTIVE"),
    "aws.dynamodb.table": (
        "name: lab-it, deletion_protection: true, billing_mode: PAY_PER_REQUEST, attribute_definitions: {id: S}, key_schema: [{attribute_name: id, key_type: HASH}]", "",
        "deletion_protection: false",
    ),
    "aws.rds.cluster": (f"name: lab-it, engine: aurora-postgresql, {LOGIN}, deletion_protection: true, skip_final_snapshot: true", "", "deletion_protection: false"),
}
UNPROTECTED_THERE = {"moto": {"aws.logs.log_group", "aws.cognitoidp.user_pool"}, "sandbox": set()}  # moto does not know of it


@pytest.mark.parametrize("how", ["apply", "destroy"])
@pytest.mark.parametrize("type_", PROTECTED)
def test_what_is_protected_is_refused(lab, request, type_, how):
    if type_ in UNPROTECTED_THERE[request.node.callspec.params["place"]]:
        pytest.skip("it is not protected there")
    attributes, more, off = PROTECTED[type_]
    lab.write(f"stack: lab\nresources:\n  it: {{type: {type_}, {attributes}}}{more.replace(chr(10) + '    ', chr(10) + '  ')}\n").apply()
    if type_ == "aws.ec2.instance":
        lab.apply()  # moto passes over it when the instance is made
    lab.assert_settled()
    if how == "apply":
        lab.write("stack: lab\n")
    refused = lab.run(how, "--yes", status=3)
    assert "it (it is protected); nothing was changed" in refused.err and f"--delete-protected, or apply `{off}` before" in refused.err, str(refused)
    assert len(lab.run("state", "list").out.split()) == 1 + more.count("type:")
    assert [item["flag"] for item in told(lab.run("plan", "--json", "--delete-protected", *(["--destroy"] if how == "destroy" else []))) if "flag" in item] == ["delete_protected"]
    lab.run(how, "--yes", "--delete-protected")
    assert lab.run("state", "list").out == ""


FLEET = f"""
    stack: lab
    inputs: {{owner: {{type: string}}, skip: false}}
    fleet:
      each: {{file: attendees.csv, key: mail_id}}
      inputs: {{owner: "${{each.key}}", skip: "${{each.value.skip == 'yes'}}"}}
    resources:
      db: {{type: aws.rds.instance, name: "${{inputs.owner}}-db", engine: postgres, instance_class: db.t4g.micro, allocated_storage: 20, {LOGIN}, skip_final_snapshot: "${{inputs.skip}}"}}
      queue: {{type: aws.sqs.queue, name: "${{inputs.owner}}-events"}}
"""


@pytest.mark.parametrize("how", ["apply", "destroy"])
def test_a_member_that_has_left(lab, how):
    """Who cannot go stands still alone, and is told what goes; with the option the class goes on."""
    lab.write(FLEET).write("mail_id,skip\nanna,no\nbob,yes\ncarla,no\n", "attendees.csv")
    lab.run("fleet", "apply", "--yes")

    def members():
        rds, sqs = lab.client("rds"), lab.client("sqs")
        databases = {item["DBInstanceIdentifier"].removesuffix("-db") for item in rds.describe_db_instances()["DBInstances"]}
        assert databases == {url.rsplit("/", 1)[1].removesuffix("-events") for url in sqs.list_queues().get("QueueUrls", [])}
        return databases

    if how == "apply":
        lab.write("mail_id,skip\ncarla,no\n", "attendees.csv")
    words = [] if how == "apply" else ["anna", "bob"]
    refused = lab.run("fleet", how, "--yes", *words, status=3)
    assert f"db ({NAMELESS}); nothing was changed" in refused.err and "--skip-final-snapshot" in refused.err and "anna" in refused.err, str(refused)
    assert members() == {"anna", "carla"}
    done = lab.run("fleet", how, "--yes", *words, "--skip-final-snapshot")
    assert "no final snapshot is taken (--skip-final-snapshot)" in done.out, str(done)
    assert members() == {"carla"}


def test_reap_takes_them_down(lab):
    """As it has always done: with all that --lab agrees to."""
    write(lab, "aws.rds.instance", ", deletion_protection: true").apply("--for", "8h")
    lab.run("lease", "end")
    assert "no final snapshot is taken (--skip-final-snapshot)" in lab.run("reap", "--dry-run").out
    lab.run("reap", "--yes")
    assert lab.client("rds").describe_db_instances()["DBInstances"] == []


def test_a_saved_plan_does_what_it_shows(stack, cloud):
    write(stack, "aws.rds.instance").apply()
    stack.write("stack: lab\n").run("plan", "-o", "no.plan")
    assert f"! it  {NAMELESS} (to allow it: --skip-final-snapshot, or apply" in stack.run("show", "no.plan").out
    cloud.forget_requests()
    assert NAMELESS in stack.run("apply", "no.plan", status=3).err
    assert "a saved plan is applied as it is" in stack.run("apply", "no.plan", "--skip-final-snapshot", status=3).err
    assert not [request for request in cloud.requests() if "DeleteDB" in request]
    stack.run("plan", "--skip-final-snapshot", "-o", "yes.plan")
    shown = stack.run("show", "yes.plan")
    assert "no final snapshot is taken (--skip-final-snapshot)" in shown.out
    assert told(stack.run("show", "yes.plan", "--json")) == told(stack.run("plan", "--skip-final-snapshot", "--json"))
    stack.run("apply", "yes.plan")
    assert stack.client("rds").describe_db_instances()["DBInstances"] == []


def test_own_queries_are_not_in_the_way(lab):
    """They are deleted before what they are in."""
    lab.write("""
        stack: lab
        resources:
          group: {type: aws.athena.workgroup, name: lab}
          query: {type: aws.athena.named_query, name: one, database: d, query: "SELECT 1", workgroup: "${group.name}"}
    """).apply()
    assert stopping(lab.run("plan", "--destroy", "--json")) == []
    lab.client("athena").create_named_query(Name="foreign", Database="d", QueryString="SELECT 2", WorkGroup="lab")
    assert [(item["counts"], item["lifts"]) for item in stopping(lab.run("plan", "--destroy", "--json"))] == [({"queries": 2}, "force_empty")]
    assert "group (it is not empty)" in lab.destroy(status=3).err
    lab.destroy("--force-empty")


def test_a_command_may_empty_it(stack, cloud):
    """The stack's own, which takes back what it did before the bucket goes: nobody knows what it does."""
    stack.write(f"""
        import boto3

        s3 = boto3.client("s3", endpoint_url="{cloud.url}", region_name="us-east-1", aws_access_key_id="look", aws_secret_access_key="look")
        s3.delete_object(Bucket="lab-lake", Key="a")
    """, "empty.py")
    stack.write(f"""
        stack: lab
        resources:
          lake: {{type: aws.s3.bucket, name: lab-lake}}
          fill:
            type: weir.command
            command: "true ${{lake.name}}"
            delete: {sys.executable} empty.py
    """).apply()
    cloud.client("s3").put_object(Bucket="lab-lake", Key="a", Body=b"1")
    assert stopping(stack.run("plan", "--destroy", "--json")) == []
    stack.destroy()


def test_names_that_no_snapshot_may_have(local_stack):
    write(local_stack, "aws.rds.instance", ", final_db_snapshot_identifier: lab--last-")
    assert "final_db_snapshot_identifier" in local_stack.run("validate", status=3).err


def test_options_stand_where_something_is_deleted(local_stack):
    for words in (["plan"], ["apply"], ["destroy"], ["fleet", "plan"], ["fleet", "apply"], ["fleet", "destroy"]):
        said = local_stack.run("help", *words).out
        for option in ("--force-empty", "--skip-final-snapshot", "--force-secrets", "--delete-protected", "--lab", "--delete-adopted"):
            assert option in said, (words, option)
