"""What services do later than asked: changes that are left for a maintenance window, names that stay taken after a deletion."""

import json

import pytest
from servers import TRUST, SandboxCloud
from support import Stack, until

DATABASE = """
    stack: films
    resources:
      db:
        type: aws.rds.instance
        name: films
        engine: postgres
        instance_class: {size}
        allocated_storage: {storage}
        master_username: weir
        master_user_password: first-password
        skip_final_snapshot: true
        apply_immediately: {now}
"""


@pytest.fixture
def stack(tmp_path, cloud):
    return Stack(tmp_path / "stack", cloud)


def test_left_for_the_maintenance_window(stack, cloud):
    def live():
        return cloud.client("rds").describe_db_instances(DBInstanceIdentifier="films")["DBInstances"][0]

    def put(size, storage, now):
        stack.write(DATABASE.format(size=size, storage=storage, now=now))
        return stack.apply()

    put("db.t4g.micro", 20, "false")
    assert live()["PendingModifiedValues"] == {}
    put("db.t4g.small", 30, "false")
    assert live()["DBInstanceClass"] == "db.t4g.micro" and live()["PendingModifiedValues"] == {"DBInstanceClass": "db.t4g.small", "AllocatedStorage": 30}
    # neither a change nor drift, but told
    stack.assert_settled()
    stack.run("drift", status=0)
    note = "note: db: instance_class, allocated_storage pending until the maintenance window"
    assert note in stack.run("plan").err
    (event,) = [event for event in stack.run("plan", "--json").events() if event["event"] == "note"]
    assert event["address"] == "db" and event["text"].endswith("the maintenance window")
    # what somebody else leaves for the window is drift
    cloud.client("rds").modify_db_instance(DBInstanceIdentifier="films", DBInstanceClass="db.t4g.large")
    assert stack.plan() == {"db": "update"}
    stack.apply()
    stack.assert_settled()
    # not waiting any longer makes all of it at once
    put("db.t4g.small", 30, "true")
    assert live()["DBInstanceClass"] == "db.t4g.small" and live()["PendingModifiedValues"] == {}
    stack.assert_settled()
    assert "pending" not in stack.run("plan").err
    assert json.loads(stack.run("state", "show", "db", "--json").out)["attrs"]["pending"] == []


WAREHOUSE = """
    stack: films
    resources:
      house: {{type: aws.redshift.cluster, name: films, node_type: ra3.large, master_username: weir, master_user_password: Long-enough-1, skip_final_snapshot: true, cluster_version: "{version}",
        automated_snapshot_retention_period: {days}}}
"""


def test_a_new_version_of_a_warehouse(stack, cloud):
    """It comes in the maintenance window, what else changes at once."""
    def live():
        return cloud.client("redshift").describe_clusters(ClusterIdentifier="films")["Clusters"][0]

    stack.write(WAREHOUSE.format(version="1.0", days=1)).apply()
    stack.write(WAREHOUSE.format(version="1.1", days=7)).apply()
    assert (live()["ClusterVersion"], live()["AutomatedSnapshotRetentionPeriod"], live()["PendingModifiedValues"]) == ("1.0", 7, {"ClusterVersion": "1.1"})
    stack.assert_settled()
    stack.run("drift", status=0)
    assert "note: house: cluster_version pending until the cluster has changed, which may take until its maintenance window" in stack.run("plan").err
    stack.destroy()


SECRET = """
    stack: films
    resources: {{secret: {{type: aws.secretsmanager.secret, name: films, secret_string: {value}, force_destroy: {force}}}}}
"""


def test_the_name_of_a_secret_that_was_just_deleted_for_good(tmp_path):
    for speed in ("2", "0.2", "0.05"):  # where the name is free before it is asked for, once more, slower
        cloud = SandboxCloud(SPEED=speed)
        try:
            secrets = cloud.client("secretsmanager")
            stack = Stack(tmp_path / speed, cloud).write(SECRET.format(value="one", force="true"))
            stack.apply()
            stack.destroy()
            try:
                secrets.create_secret(Name="films", SecretString="taken")
                continue
            except secrets.exceptions.InvalidRequestException as error:
                assert "already scheduled for deletion" in str(error)
            stack.write(SECRET.format(value="two", force="true")).apply()
            assert secrets.get_secret_value(SecretId="films")["SecretString"] == "two"
            return
        finally:
            cloud.stop()
    pytest.fail("the name is free at once")


def test_the_name_of_a_secret_that_can_still_be_restored(stack, cloud):
    """The same words, but only somebody's decision helps: told at once."""
    cloud.client("secretsmanager").create_secret(Name="films", SecretString="old")
    cloud.client("secretsmanager").delete_secret(SecretId="films")
    stack.write(SECRET.format(value="new", force="false"))
    refused = stack.apply("-v", status=1).err
    assert "scheduled for deletion" in refused and refused.count("secretsmanager.CreateSecret 4") == 1, refused


def test_a_namesake_of_what_is_being_deleted():
    """The name of what is deleted is taken until that has been done; what is only shown after it has given its name back."""
    slow = SandboxCloud(SPEED="0.001")  # nothing that takes a second ends here
    ecs, states = slow.client("ecs"), slow.client("stepfunctions")
    ecs.create_cluster(clusterName="films", tags=[{"key": "team", "value": "a"}])
    assert ecs.delete_cluster(cluster="films")["cluster"]["status"] == ecs.describe_clusters(clusters=["films"])["clusters"][0]["status"] == "INACTIVE"
    assert ecs.create_cluster(clusterName="films", tags=[{"key": "team", "value": "b"}])["cluster"]["status"] == "ACTIVE"
    assert ecs.create_cluster(clusterName="films")["cluster"]["status"] == "ACTIVE"  # the same again: the one that is there
    (one,) = ecs.describe_clusters(clusters=["films"], include=["TAGS"])["clusters"]
    assert (one["status"], one["tags"]) == ("ACTIVE", [{"key": "team", "value": "b"}])
    machine = {"name": "films", "definition": json.dumps({"StartAt": "end", "States": {"end": {"Type": "Succeed"}}}), "roleArn": "arn:aws:iam::123456789012:role/r"}
    arn = states.create_state_machine(**machine)["stateMachineArn"]
    assert states.create_state_machine(**machine)["stateMachineArn"] == arn  # idempotent
    states.delete_state_machine(stateMachineArn=arn)
    with pytest.raises(states.exceptions.StateMachineDeleting):
        states.create_state_machine(**machine)
    slow.stop()


def test_a_function_that_is_created_or_updated_is_not_updated():
    code = b"PK\x05\x06" + bytes(18)
    for speed in ("2", "0.5", "0.1"):  # where it has ended before it is asked for, once more, slower
        cloud = SandboxCloud(SPEED=speed)
        try:
            functions = cloud.client("lambda")
            cloud.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)

            def refusals():
                for call in lambda: functions.update_function_configuration(FunctionName="f", Timeout=8), lambda: functions.update_function_code(FunctionName="f", ZipFile=code):
                    try:
                        call()
                    except functions.exceptions.ResourceConflictException as refused:
                        yield refused.response["message"].removeprefix("The operation cannot be performed at this time. ")

            functions.create_function(FunctionName="f", Role="arn:aws:iam::123456789012:role/r", Runtime="python3.12", Handler="a.b", Code={"ZipFile": code})
            pending = list(refusals())
            until(lambda: functions.get_function_configuration(FunctionName="f")["State"] == "Active")
            if len(pending) < 2:
                continue
            assert functions.update_function_configuration(FunctionName="f", Timeout=9)["LastUpdateStatus"] == "InProgress"
            functions.update_function_code(FunctionName="f", DryRun=True, ZipFile=code)
            updating = list(refusals())
            if len(updating) < 2:
                continue
            assert set(pending) == {"The function is currently in the following state: Pending"}
            assert set(updating) == {"An update is in progress for resource: arn:aws:lambda:us-east-1:123456789012:function:f"}
            assert functions.get_function_configuration(FunctionName="f")["Timeout"] == 9
            return
        finally:
            cloud.stop()
    pytest.fail("it is updated while it is created or updated")
