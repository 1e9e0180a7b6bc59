"""The retail workshop's jobs, run on S3 as moto plays it, against the same sums in SQL; the network that its stack makes."""

import csv
import gzip
import io
import json
import os
import sqlite3
import subprocess
import sys

import pytest

from support import ROOT, example

EXAMPLE = ROOT / "examples" / "retail-workshop"
BUCKET = "ada-hist-retail"


@pytest.fixture
def lake(cloud):
    """The bucket as the stack fills it."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for path in EXAMPLE.glob("data/*/*.csv"):
        folder = "data/dimension" if path.parent.name == "dimension" else "data/factdata/raw"
        s3.put_object(Bucket=BUCKET, Key=f"{folder}/{path.stem}/{path.name}", Body=path.read_bytes())
        s3.put_object(Bucket=BUCKET, Key=f"{folder}/.keep", Body=b"")
    return s3


def run(cloud, step):
    env = {**os.environ, "AWS_ENDPOINT_URL": cloud.url, "AWS_ACCESS_KEY_ID": "look", "AWS_SECRET_ACCESS_KEY": "look", "AWS_DEFAULT_REGION": "us-east-1"}
    command = [sys.executable, EXAMPLE / "jobs/retail.py", "--step", step, "--bucket", BUCKET, "--run", "test", "--scriptLocation", "s3://of/glue.py"]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def listing(s3, prefix):
    return {item["Key"]: item["ETag"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])}


EXPECTED = """
    with bought as (
        select rowid as line, purchase_id, affiliate, customer_id, product_id, cast(quantity as integer) as quantity,
               cast(round(replace(price, ',', '') * 100) as integer) as cents,
               case affiliate when 'beauty' then substr(purchased_at, 7, 4) || '-' || substr(purchased_at, 4, 2) || '-' || substr(purchased_at, 1, 2)
                              else substr(purchased_at, 1, 10) end as day
        from purchases where purchased_at <> '' and quantity glob '[1-9]*'),
    last as (select * from bought where line in (select max(line) from bought group by purchase_id))
    select affiliate, day, lower(category), count(*), count(distinct customer_id), sum(quantity), sum(quantity * cents)
    from last join products using (product_id)
    where customer_id in (select customer_id from customers)
    group by 1, 2, 3 order by 1, 2, 3
"""


def in_sql():
    base = sqlite3.connect(":memory:")
    tables = {"customers": [EXAMPLE / "data/dimension/customers.csv"], "products": [EXAMPLE / "data/dimension/products_info.csv"],
              "purchases": sorted(EXAMPLE.glob("data/purchases/*.csv"))}
    for table, paths in tables.items():
        for path in paths:
            with open(path, newline="") as file:
                rows = [{**row, "affiliate": path.stem} if table == "purchases" else row for row in csv.DictReader(file)]
            base.execute(f"create table if not exists {table} ({', '.join(rows[0])})")
            base.executemany(f"insert into {table} values ({', '.join('?' * len(rows[0]))})", [list(row.values()) for row in rows])
    return [[*map(str, row[:6]), f"{row[6] // 100}.{row[6] % 100:02d}"] for row in base.execute(EXPECTED)]


def test_jobs(cloud, lake):
    reports = [run(cloud, step) for step in ("bronze", "silver", "gold")]
    assert [report["step"] for report in reports] == ["bronze", "silver", "gold"]
    sales = list(csv.reader(io.StringIO(lake.get_object(Bucket=BUCKET, Key="data/factdata/gold/sales/sales.csv")["Body"].read().decode())))
    assert sales[0] == ["affiliate", "date", "category", "purchases", "customers", "quantity", "revenue"]
    assert sales[1:] == in_sql() and len(sales) > 30
    # what could not be used is kept, with a reason
    rejected = "".join(
        gzip.decompress(lake.get_object(Bucket=BUCKET, Key=key)["Body"].read()).decode()
        for layer in ("bronze", "silver") for key in listing(lake, f"data/factdata/{layer}/rejected/"))
    reasons = [json.loads(line)["reason"] for line in rejected.splitlines()]
    assert len(reasons) == reports[0]["rejected"] + reports[1]["rejected"]
    assert {"no time: ''", "no quantity: 'many'", "unknown customer", "unknown product"} <= set(reasons)
    assert json.loads(lake.get_object(Bucket=BUCKET, Key="glue/logs/gold/test.json")["Body"].read()) == reports[2]
    # the same again changes nothing, and what earlier runs left goes away
    first = listing(lake, "data/")
    lake.put_object(Bucket=BUCKET, Key="data/factdata/bronze/purchases/affiliate=mart/date=2001-01-01/part.jsonl.gz", Body=gzip.compress(b"{}\n"))
    assert [run(cloud, step) for step in ("bronze", "silver", "gold")] == reports
    assert listing(lake, "data/") == first


def test_sample_data_is_what_the_generator_makes(tmp_path):
    subprocess.run([sys.executable, EXAMPLE / "data/generate.py", tmp_path], check=True)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.csv")}
    assert made == {path.relative_to(EXAMPLE / "data"): path.read_bytes() for path in EXAMPLE.glob("data/*/*.csv")}


def test_attendees_beside_each_other(tmp_path, cloud_with_policies):
    cloud = cloud_with_policies
    system = example("retail-workshop", tmp_path / "retail", cloud)
    ada, ben = ["-i", "owner=ada"], ["-i", "owner=ben"]
    system.apply(*ada)
    system.apply(*ben)
    system.assert_settled(*ada)
    ec2 = cloud.client("ec2")
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "tag:workshop", "Values": ["retail-workshop"]}])["Vpcs"]
    assert len(vpcs) == 2 and {v["CidrBlock"] for v in vpcs} == {"10.0.0.0/16"}
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpcs[0]["VpcId"]]}])["Subnets"]
    assert sorted(s["MapPublicIpOnLaunch"] for s in subnets) == [False, False, True, True]
    assert len({s["AvailabilityZone"] for s in subnets}) == 2
    endpoints = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [vpcs[0]["VpcId"]]}])["VpcEndpoints"]
    assert {e["ServiceName"].rsplit(".")[-1]: e["VpcEndpointType"] for e in endpoints} == {"s3": "Gateway", "secretsmanager": "Interface"}
    database = cloud.client("rds").describe_db_instances(DBInstanceIdentifier="ada-retail")["DBInstances"][0]
    assert not database["PubliclyAccessible"] and database["StorageEncrypted"]
    group = database["VpcSecurityGroups"][0]["VpcSecurityGroupId"]
    rules = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    names = {ec2.describe_security_groups(GroupIds=[pair["GroupId"]])["SecurityGroups"][0]["GroupName"] for rule in rules for pair in rule["UserIdGroupPairs"]}
    assert names == {"ada-retail-glue", "ada-retail-bastion"} and {rule["FromPort"] for rule in rules} == {5432}
    assert not any(rule["IpRanges"] for rule in rules)
    connection = cloud.client("glue").get_connection(Name="ada-retail")["Connection"]
    assert connection["ConnectionProperties"]["JDBC_CONNECTION_URL"].endswith(":5432/retail")
    system.destroy(*ada)
    assert [b["Name"] for b in cloud.client("s3").list_buckets()["Buckets"]] == ["ben-hist-retail"]
    system.assert_settled(*ben)


def test_the_bastion_can_do_what_the_exercise_asks(tmp_path, fast_sandbox):
    stack = example("retail-workshop", tmp_path / "retail", fast_sandbox)
    given = ["-i", "owner=ada", "-i", "bastion_image=ami-0a1b2c3d"]
    stack.apply(*given)
    ec2, iam = fast_sandbox.client("ec2"), fast_sandbox.client("iam")
    (machine,) = [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
    (role,) = iam.get_instance_profile(InstanceProfileName=machine["IamInstanceProfile"]["Arn"].rsplit("/")[-1])["InstanceProfile"]["Roles"]
    documents = [iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"] for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]]
    actions = {action for d in documents for s in d["Statement"] for action in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])}
    assert {"s3:GetObject", "secretsmanager:GetSecretValue"} <= actions
    # A newer image alone replaces nothing; whoever wants it says so.
    newer = ["-i", "owner=ada", "-i", "bastion_image=ami-0f1e2d3c"]
    stack.assert_settled(*newer)
    assert stack.plan(*newer, "--replace", "database/bastion") == {"database/bastion": "replace"}
    stack.run("destroy", "--yes", "--lab", *given)
