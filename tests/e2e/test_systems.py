"""Each example system: planned, applied, planned again, destroyed; what is left is counted with boto3. tests/e2e/sandbox runs the same on the sandbox."""

import sys
from xml.etree import ElementTree

import jmespath
import pytest

from support import ROOT, Cloud, example

# Arguments of each.
SYSTEMS = {
    "airflow-ops": ["-i", "owner=ada"],
    "ecommerce-lakehouse": ["-i", "owner=ada"],
    "film-lake": ["-i", "owner=ada"],
    "ingest-c": ["-i", "owner=ada"],
    "music-lakehouse": ["-i", "owner=ada"],
    "retail-workshop": ["-i", "owner=ada", "-i", "nightly=true", "-i", "inside=false", "-i", "region=us-east-1"],
}
# Left to the sandbox.
NOT_ON_MOTO = {
    "ingest-c": "it is compiled each time; once is enough",
    "airflow-ops": "there is no Airflow",
    "ecommerce-lakehouse": "Kafka clusters stay CREATING for ever",
    "music-lakehouse": "Redshift Serverless is not there, statements stay STARTED for ever",
}


@pytest.fixture
def cloud(cloud_with_policies):
    return cloud_with_policies


# Everything that examples make, by the listing that shows it.
LISTINGS = [
    ("s3", "list_buckets", "Buckets[].Name"),
    ("iam", "list_roles", "Roles[].RoleName"),
    ("ec2", "describe_vpcs", "Vpcs[].VpcId"),
    ("ec2", "describe_subnets", "Subnets[].SubnetId"),
    ("ec2", "describe_security_groups", "SecurityGroups[].GroupId"),
    ("ec2", "describe_route_tables", "RouteTables[].RouteTableId"),
    ("ec2", "describe_internet_gateways", "InternetGateways[].InternetGatewayId"),
    ("ec2", "describe_nat_gateways", "NatGateways[?State!='deleted'].NatGatewayId"),
    ("ec2", "describe_addresses", "Addresses[].AllocationId"),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints[?State!='deleted'].VpcEndpointId"),
    ("ec2", "describe_key_pairs", "KeyPairs[].KeyName"),
    ("ec2", "describe_instances", "Reservations[].Instances[?State.Name!='terminated'][].InstanceId"),
    ("rds", "describe_db_instances", "DBInstances[].DBInstanceIdentifier"),
    ("rds", "describe_db_subnet_groups", "DBSubnetGroups[].DBSubnetGroupName"),
    ("secretsmanager", "list_secrets", "SecretList[].Name"),
    ("glue", "get_databases", "DatabaseList[].Name"),
    ("glue", "get_jobs", "Jobs[].Name"),
    ("glue", "get_connections", "ConnectionList[].Name"),
    ("redshift", "describe_clusters", "Clusters[].ClusterIdentifier"),
    ("stepfunctions", "list_state_machines", "stateMachines[].name"),
    ("scheduler", "list_schedules", "Schedules[].Name"),
    ("sns", "list_topics", "Topics[].TopicArn"),
    ("logs", "describe_log_groups", "logGroups[].logGroupName"),
    ("cloudwatch", "describe_alarms", "MetricAlarms[].AlarmName"),
]
ON_THE_SANDBOX = [
    ("redshift-serverless", "list_namespaces", "namespaces[].namespaceName"),
    ("redshift-serverless", "list_workgroups", "workgroups[].workgroupName"),
    ("emr-serverless", "list_applications", "applications[].id"),
    ("kafka", "list_clusters_v2", "ClusterInfoList[].ClusterName"),
]


def inventory(cloud):
    """All there is, as (service, name)."""
    found = set()
    moto = isinstance(cloud, Cloud)
    for service, call, path in LISTINGS if moto else LISTINGS + ON_THE_SANDBOX:
        if service == "cloudwatch" and not moto:
            continue  # boto3 speaks CBOR to CloudWatch, which the sandbox does not know
        client = cloud.client(service)
        pages = client.get_paginator(call).paginate() if client.can_paginate(call) else [getattr(client, call)()]
        for page in pages:
            found |= {(service, name) for name in jmespath.search(path, page) or []}
    return found


# test_film_lake.py makes it, too.
LONG_FORM = {"test_round[film-lake]"}


@pytest.mark.parametrize("name", SYSTEMS)
def test_round(tmp_path, cloud, name):
    if isinstance(cloud, Cloud) and name in NOT_ON_MOTO:
        pytest.skip(NOT_ON_MOTO[name])
    given = SYSTEMS[name]
    system = example(name, tmp_path / name, cloud)
    before = inventory(cloud)
    assert set(system.plan(*given).values()) == {"create"}
    assert inventory(cloud) == before
    system.apply(*given)
    system.assert_settled(*given)
    assert len(inventory(cloud)) > len(before)
    system.destroy(*given)
    assert inventory(cloud) == before
    assert system.run("state", "list", *given).out == ""


@pytest.mark.parametrize("name", sorted(path.parent.name for path in (ROOT / "examples").glob("*/graph.svg")))
def test_picture_is_of_today(tmp_path, name):
    system = example(name, tmp_path / name, None)
    drawn = system.run("graph", *SYSTEMS.get(name, [])).out
    kept = (system.folder / "graph.svg").read_text()
    assert labels(kept) == labels(drawn), f"weir -C examples/{name} graph {' '.join(SYSTEMS.get(name, []))} > examples/{name}/graph.svg"


def labels(svg):
    return sorted(text.text for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"))


def test_job_code_compiles():
    scripts = [path for folder in ("examples", "modules") for path in (ROOT / folder).rglob("*.py")]
    assert len(scripts) > 10
    for path in scripts:
        compile(path.read_text(), path, "exec")


def test_what_a_machine_lacks_for_one(tmp_path, monkeypatch, capsys):
    """make systems names just that, each with what brings it; who asked for that system has not got it."""
    monkeypatch.syspath_prepend(ROOT / "tests/tools")
    import systems
    import test_ecommerce_host

    for name in "AIRFLOW", "GRAFANA":
        monkeypatch.setattr(test_ecommerce_host, name, tmp_path)
    assert systems.main({"ecommerce-host"}) == 1
    said = capsys.readouterr().out
    assert "ecommerce-host          not made, this machine lacks: " in said and "Airflow (tools/setup airflow)" in said and "the description of Grafana's API (tools/setup grafana)" in said
    assert all((how in said) == (not here) for _, here, how in (systems.KAFKA, ("Spark", (systems.SPARK / "jars/.done").exists(), "tools/setup jobs")))


def test_every_system_is_here():
    assert set(SYSTEMS) == {folder.name for folder in (ROOT / "examples").iterdir() if folder.is_dir()}
