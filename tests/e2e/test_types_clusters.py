"""The life of EMR's clusters, of what they are made with, and of keys for SFTP (see life_cycle.py)."""

import json

import pytest

from life_cycle import Case, case_table, tags_of, walk

CASES, case = case_table()
NOT_ON_MOTO = {}

ALIVE = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]
COMMON = {"name": "life", "release_label": "emr-7.1.0", "service_role": "EMR_DefaultRole", "job_flow_role": "EMR_EC2_DefaultRole"}


def cluster_of(cloud):
    (one,) = cloud.client("emr").list_clusters(ClusterStates=ALIVE)["Clusters"]
    return cloud.client("emr").describe_cluster(ClusterId=one["Id"])["Cluster"]


def no_clusters(cloud):
    return not cloud.client("emr").list_clusters(ClusterStates=ALIVE)["Clusters"]


def group(role, count, **more):
    return {"instance_role": role, "instance_type": "m5.xlarge", "instance_count": count, **more}


@case("cluster of groups")
def _():
    def seen(cloud):
        one, emr = cluster_of(cloud), cloud.client("emr")
        groups = emr.list_instance_groups(ClusterId=one["Id"])["InstanceGroups"]
        (first,) = emr.list_bootstrap_actions(ClusterId=one["Id"])["BootstrapActions"]
        return {"steps": one["StepConcurrencyLevel"], "protected": one["TerminationProtected"], "seen": one["VisibleToAllUsers"], "tags": tags_of(one["Tags"])["team"],
                "sizes": {each["Name"]: each["RequestedInstanceCount"] for each in groups}, "fixed": [one["ReleaseLabel"], one["Applications"][0]["Name"], one["AutoTerminate"], one["Configurations"][0]["Properties"],
                first["ScriptPath"], sorted((each["Name"], each["InstanceGroupType"], each["InstanceType"]) for each in groups)]}

    def cluster(core, team, **more):
        return {**COMMON, "applications": [{"name": "Spark"}], "instance_groups": {"first": group("MASTER", 1), "data": group("CORE", core, ebs=[{"volume_type": "gp3", "size": 64}]), "work": group("TASK", 1, market="SPOT")},
                "configurations": [{"classification": "spark-defaults", "properties": {"spark.sql.shuffle.partitions": "8"}}], "bootstrap_actions": [{"name": "tools", "path": "s3://life/tools.sh", "args": ["--all"]}],
                "tags": {"team": team}, **more}

    first = cluster(2, "a", step_concurrency_level=1, termination_protected=False, visible_to_all_users=True)
    return Case(
        type="aws.emr.cluster",
        first=first,
        then=cluster(4, "b", step_concurrency_level=5, termination_protected=True, visible_to_all_users=False),
        less={key: value for key, value in first.items() if key not in ("step_concurrency_level", "termination_protected", "visible_to_all_users")},
        seen=seen,
        unchanged={"fixed"},
        gone=no_clusters,
        outside=lambda cloud: cloud.client("emr").modify_cluster(ClusterId=cluster_of(cloud)["Id"], StepConcurrencyLevel=9),
        drifted="step_concurrency_level",
        replaces=[{"release_label": "emr-7.2.0"}, {"log_uri": "s3://life/logs/"}, {"bootstrap_actions": [{"name": "tools", "path": "s3://life/more.sh"}]}, {"instance_groups": {**first["instance_groups"], "work": group("TASK", 1, market="ON_DEMAND")}}, {"instance_groups": {"first": group("MASTER", 1)}}, {"applications": [{"name": "Hive"}]}],
        marks=False,
    )


@case("cluster of fleets that scales by itself")
def _():
    def seen(cloud):
        one, emr = cluster_of(cloud), cloud.client("emr")
        fleets = emr.list_instance_fleets(ClusterId=one["Id"])["InstanceFleets"]
        return {"limits": emr.get_managed_scaling_policy(ClusterId=one["Id"])["ManagedScalingPolicy"]["ComputeLimits"]["MaximumCapacityUnits"], "mends": one["UnhealthyNodeReplacement"],
                "idle": emr.get_auto_termination_policy(ClusterId=one["Id"])["AutoTerminationPolicy"]["IdleTimeout"], "units": {each["Name"]: [each["TargetOnDemandCapacity"], each["TargetSpotCapacity"]] for each in fleets}, "kind": one["InstanceCollectionType"]}

    def fleet(kind, stay, go):
        return {"instance_fleet_type": kind, "target_on_demand_capacity": stay, "target_spot_capacity": go, "instance_type_configs": [{"instance_type": size, "weighted_capacity": 1} for size in ("m5.xlarge", "m6g.xlarge")]}

    def cluster(units, most, idle, mends):
        return {**COMMON, "subnet_ids": ["subnet-0a1b2c3d", "subnet-4e5f6a7b"], "instance_fleets": {"first": fleet("MASTER", 1, 0), "data": fleet("CORE", units, 2 * units)}, "unhealthy_node_replacement": mends,
                "managed_scaling_policy": {"compute_limits": {"unit_type": "InstanceFleetUnits", "minimum_capacity_units": 1, "maximum_capacity_units": most}}, "auto_termination_policy": {"idle_timeout": idle}}

    first = cluster(1, 10, 3600, True)
    return Case(
        type="aws.emr.cluster",
        first=first,
        then=cluster(3, 20, 7200, False),
        less={key: value for key, value in first.items() if key not in ("managed_scaling_policy", "auto_termination_policy")},
        seen=seen,
        unchanged={"kind"},
        gone=no_clusters,
        outside=lambda cloud: cloud.client("emr").put_auto_termination_policy(ClusterId=cluster_of(cloud)["Id"], AutoTerminationPolicy={"IdleTimeout": 60}),
        drifted="auto_termination_policy",
        replaces=[{"subnet_ids": ["subnet-0a1b2c3d"]}],
    )


NOT_ON_MOTO["cluster of fleets that scales by itself"] = CASES.pop("cluster of fleets that scales by itself")  # moto has neither fleets nor policies


def no_configuration(cloud):
    emr = cloud.client("emr")
    with pytest.raises(emr.exceptions.ClientError, match="does not exist|is not valid"):
        emr.describe_security_configuration(Name="life")
    return True


@case("security configuration")
def _():
    def sealed(mode):
        return {"EncryptionConfiguration": {"EnableInTransitEncryption": False, "EnableAtRestEncryption": True, "AtRestEncryptionConfiguration": {"S3EncryptionConfiguration": {"EncryptionMode": mode}}}}

    return Case(
        type="aws.emr.security_configuration",
        first={"name": "life", "configuration": sealed("SSE-S3")},
        then=None,
        seen=lambda cloud: json.loads(cloud.client("emr").describe_security_configuration(Name="life")["SecurityConfiguration"]),
        gone=no_configuration,
        outside=None,
        replaces=[{"configuration": sealed("CSE-KMS")}],
    )


@case("key of who sends files")
def _():
    def keys(cloud):
        transfer = cloud.client("transfer")
        users = [transfer.describe_user(ServerId=server["ServerId"], UserName="partner")["User"] for server in transfer.list_servers().get("Servers", [])]
        return [key for user in users if user["Role"] == role for key in user.get("SshPublicKeys", [])]

    role = "arn:aws:iam::123456789012:role/incoming"
    return Case(
        type="aws.transfer.ssh_key",
        around={"files": {"type": "aws.transfer.server"}, "partner": {"type": "aws.transfer.user", "server": "${files.server_id}", "name": "partner", "role": role}},
        first={"server": "${files.server_id}", "user": "${partner.name}", "body": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFirst"},
        then=None,
        seen=lambda cloud: [key["SshPublicKeyBody"] for key in keys(cloud)],
        gone=lambda cloud: not keys(cloud),
        outside=None,
        replaces=[{"body": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAISecond"}],
        marks=False,
    )


NOT_ON_MOTO["key of who sends files"] = CASES.pop("key of who sends files")  # moto deletes no servers


@pytest.mark.parametrize("name", CASES)
def test_life_cycle(stack, cloud, name):
    walk(stack, cloud, CASES[name])
