"""The film lake, all the way, looked at with boto3."""

import csv
import hashlib
import json
import re

import pytest

from support import ACCOUNT, ROOT, example

JOBS = {"demo-film-lake-csv-to-trusted", "demo-film-lake-json-to-trusted", "demo-film-lake-trusted-to-refined"}


@pytest.fixture
def lake(tmp_path, cloud):
    return example("film-lake", tmp_path / "film-lake", cloud)


def listing(cloud):
    """All there is of the kinds that the example makes."""
    return {
        "buckets": [b["Name"] for b in cloud.client("s3").list_buckets()["Buckets"]],
        "roles": [r["RoleName"] for r in cloud.client("iam").list_roles()["Roles"]],
        "databases": [d["Name"] for d in cloud.client("glue").get_databases()["DatabaseList"]],
        "jobs": [j["Name"] for j in cloud.client("glue").get_jobs()["Jobs"]],
        "schedules": [s["Name"] for s in cloud.client("scheduler").list_schedules()["Schedules"]],
    }


NOTHING = {"buckets": [], "roles": [], "databases": [], "jobs": [], "schedules": []}


def test_round(lake, cloud):
    lake.run("validate")
    assert set(lake.plan().values()) == {"create"}
    assert listing(cloud) == NOTHING
    lake.apply()
    lake.assert_settled()

    there = listing(cloud)
    assert there["buckets"] == ["demo-film-lake"] and there["databases"] == ["demo_film_lake"]
    assert set(there["jobs"]) == set(there["schedules"]) == JOBS
    assert set(there["roles"]) == {"demo-film-lake-jobs", "demo-film-lake-nightly"}

    s3 = cloud.client("s3")
    keys = {o["Key"] for o in s3.list_objects_v2(Bucket="demo-film-lake")["Contents"]}
    assert {"RAW/Local/CSV/Movies/2026/11/20/movies.csv", "RAW/Local/CSV/Series/2026/11/20/series.csv"} <= keys
    for key in keys:
        body = s3.get_object(Bucket="demo-film-lake", Key=key)["Body"].read()
        name = re.sub(r"-[0-9a-f]{64}(?=\.py$)", "", key.rpartition("/")[2])  # scripts have their hash in their keys
        source = next(p for p in (ROOT / "examples/film-lake").glob("*/" + name))
        assert hashlib.sha256(body).digest() == hashlib.sha256(source.read_bytes()).digest()
    assert s3.get_bucket_versioning(Bucket="demo-film-lake")["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket="demo-film-lake")["PublicAccessBlockConfiguration"].values())
    assert len(s3.get_bucket_lifecycle_configuration(Bucket="demo-film-lake")["Rules"]) == 2
    assert s3.get_bucket_encryption(Bucket="demo-film-lake")["ServerSideEncryptionConfiguration"]["Rules"]

    glue = cloud.client("glue")
    for name in JOBS:
        job = glue.get_job(JobName=name)["Job"]
        bucket, _, key = job["Command"]["ScriptLocation"].removeprefix("s3://").partition("/")
        assert bucket == "demo-film-lake" and key in keys
        assert job["Role"] == f"arn:aws:iam::{ACCOUNT}:role/demo-film-lake-jobs"
        schedule = cloud.client("scheduler").get_schedule(Name=name)
        assert json.loads(schedule["Target"]["Input"]) == {"JobName": name}
    policy = cloud.client("iam").get_role_policy(RoleName="demo-film-lake-jobs", PolicyName="lake")["PolicyDocument"]
    assert all("*" != resource for statement in policy["Statement"] for resource in statement["Resource"])

    # a change: more workers, another script, no schedule
    script = lake.folder / "jobs/csv_to_trusted.py"
    script.write_text(script.read_text() + "# changed\n")
    change = ("-i", "workers=4", "-i", "nightly=false")
    actions = lake.plan(*change)
    assert actions['job["csv_to_trusted"]'] == "update" and actions['script["csv_to_trusted"]'] == "update"
    assert actions["schedule_role"] == "delete" and 'raw["movies.csv"]' not in actions and "lake" not in actions
    lake.apply(*change)
    lake.assert_settled(*change)
    assert {glue.get_job(JobName=name)["Job"]["NumberOfWorkers"] for name in JOBS} == {4}
    location = glue.get_job(JobName="demo-film-lake-csv-to-trusted")["Job"]["Command"]["ScriptLocation"]
    assert s3.get_object(Bucket="demo-film-lake", Key=location.removeprefix("s3://demo-film-lake/"))["Body"].read().endswith(b"# changed\n")
    assert listing(cloud)["schedules"] == []

    # somebody else changes something
    glue.update_job(JobName="demo-film-lake-csv-to-trusted", JobUpdate={"Role": "other", "Command": {"Name": "glueetl", "ScriptLocation": "s3://x/y"}})
    s3.put_object(Bucket="demo-film-lake", Key="RAW/Local/CSV/Movies/2026/11/20/movies.csv", Body=b"gone")
    drifted = lake.run("drift", *change, status=2).out
    assert 'job["csv_to_trusted"]' in drifted and 'raw["movies.csv"]' in drifted
    lake.apply(*change)
    lake.assert_settled(*change)

    s3.put_object(Bucket="demo-film-lake", Key="TRUSTED/made-by-a-job", Body=b"x")
    lake.destroy(*change)
    assert listing(cloud) == NOTHING
    assert lake.addresses() == []


def test_environments_beside_each_other(lake, cloud):
    lake.apply("-e", "dev")
    assert listing(cloud)["schedules"] == []
    lake.apply("-e", "prod")
    assert set(listing(cloud)["buckets"]) == {"demo-dev-film-lake", "demo-prod-film-lake"}
    lake.assert_settled("-e", "dev")
    lake.destroy("-e", "dev")
    assert listing(cloud)["buckets"] == ["demo-prod-film-lake"]
    lake.assert_settled("-e", "prod")


def test_default_tags(lake, cloud):
    lake.apply()
    arn = f"arn:aws:glue:us-east-1:{ACCOUNT}:job/demo-film-lake-csv-to-trusted"
    for tags in (
        cloud.client("glue").get_tags(ResourceArn=arn)["Tags"],
        {t["Key"]: t["Value"] for t in cloud.client("s3").get_bucket_tagging(Bucket="demo-film-lake")["TagSet"]},
        {t["Key"]: t["Value"] for t in cloud.client("iam").list_role_tags(RoleName="demo-film-lake-jobs")["Tags"]},
    ):
        assert tags["stack"] == "film-lake" and tags["owner"] == "demo"


def test_sample_data_has_one_shape():
    for name, columns in (("movies", 15), ("series", 16)):
        with open(ROOT / f"examples/film-lake/data/{name}.csv", newline="") as file:
            rows = list(csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE))
        assert len(rows) > 300 and {len(row) for row in rows} == {columns}
