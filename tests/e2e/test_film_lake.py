"""The film lake, all the way, looked at with boto3."""

import csv
import datetime
import hashlib
import json
import re

import pytest
from docker_engine import Engine, python_base

from support import ACCOUNT, ROOT, example

JOBS = {"demo-film-lake-csv-to-trusted", "demo-film-lake-json-to-trusted", "demo-film-lake-trusted-to-refined"}
DAY = ("-i", "date=2026-11-02")


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
        "machines": [m["name"] for m in cloud.client("stepfunctions").list_state_machines()["stateMachines"]],
        "topics": [t["TopicArn"].rpartition(":")[2] for t in cloud.client("sns").list_topics()["Topics"]],
    }


NOTHING = {"buckets": [], "roles": [], "databases": [], "jobs": [], "schedules": [], "machines": [], "topics": []}


def test_round(lake, cloud):
    lake.run("validate")
    assert set(lake.plan(*DAY).values()) == {"create"}
    assert listing(cloud) == NOTHING
    lake.apply(*DAY)
    lake.assert_settled(*DAY)

    there = listing(cloud)
    assert there["buckets"] == there["machines"] == there["schedules"] == ["demo-film-lake"] and set(there["databases"]) == {"trusted", "refined"}
    assert set(there["jobs"]) == JOBS and there["topics"] == ["demo-film-lake-failures"]
    assert set(there["roles"]) == {"demo-film-lake-jobs", "demo-film-lake-pipeline", "demo-film-lake-nightly"}

    s3 = cloud.client("s3")
    keys = {o["Key"] for o in s3.list_objects_v2(Bucket="demo-film-lake")["Contents"] if not o["Key"].startswith("ATHENA/")}
    assert {"RAW/Local/CSV/Movies/2026/11/2/movies.csv", "RAW/Local/CSV/Series/2026/11/2/series.csv", "RAW/TMDB/JSON/2026/11/02/tmdb.json"} <= keys
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
    machine = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:demo-film-lake"
    assert cloud.client("scheduler").get_schedule(Name="demo-film-lake")["Target"]["Arn"] == machine
    steps = json.loads(cloud.client("stepfunctions").describe_state_machine(stateMachineArn=machine)["definition"])["States"]
    started = re.findall(r'"JobName": "([^"]*)"', json.dumps(steps))
    assert set(started) == JOBS and all(step["Catch"][0]["Next"] == "Tell" for name, step in steps.items() if name in ("Trusted", "Partition", "Refined"))
    policy = cloud.client("iam").get_role_policy(RoleName="demo-film-lake-jobs", PolicyName="lake")["PolicyDocument"]
    assert all("*" != resource for statement in policy["Statement"] for resource in statement["Resource"])

    # a change: more workers, another script, no schedule
    script = lake.folder / "jobs/csv_to_trusted.py"
    script.write_text(script.read_text() + "# changed\n")
    change = (*DAY, "-i", "workers=4", "-i", "nightly=false")
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
    s3.put_object(Bucket="demo-film-lake", Key="RAW/Local/CSV/Movies/2026/11/2/movies.csv", Body=b"gone")
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


@pytest.mark.long
def test_a_container_uploads(tmp_path, cloud):
    """Built and run by an Engine; what it puts is dated by today, and what it put yesterday stays."""
    engine = Engine(base=False)
    try:
        base = python_base(engine)
        lake = example("film-lake", tmp_path / "film-lake", cloud)
        lake.env |= engine.env
        config = tmp_path / "aws"
        config.mkdir()
        (config / "config").write_text(f"[default]\nregion = us-east-1\nendpoint_url = {cloud.url}\n")
        (config / "credentials").write_text("[default]\naws_access_key_id = e2e\naws_secret_access_key = e2e\n")
        given = ("-i", "upload=container", "-i", f"aws_config={config}", "-i", f"uploader_base={base}")
        lake.apply(*given)
        lake.assert_settled(*given)
        s3, today = cloud.client("s3"), datetime.datetime.now(datetime.timezone.utc).date()
        folder = f"{today.year}/{today.month}/{today.day}"
        keys = {f"RAW/Local/CSV/{kind}/{folder}/{kind.lower()}.csv" for kind in ("Movies", "Series")}
        for key in keys:
            body = s3.get_object(Bucket="demo-film-lake", Key=key)["Body"].read()
            assert body == (lake.folder / "data" / key.rpartition("/")[2]).read_bytes()
        # Another file is another upload; what lies there stays.
        s3.put_object(Bucket="demo-film-lake", Key="RAW/Local/CSV/Movies/2026/1/9/movies.csv", Body=b"")
        with open(lake.folder / "data/movies.csv", "a") as file:
            file.write("tt1|x|x|1990|90|Horror|5.0|9|female|\\N|y|1960|\\N|actor|\\N\n")
        assert lake.plan(*given)["uploader"] == "replace"
        lake.apply(*given)
        there = {o["Key"] for o in s3.list_objects_v2(Bucket="demo-film-lake", Prefix="RAW/Local")["Contents"]}
        assert there == {*keys, "RAW/Local/CSV/Movies/2026/1/9/movies.csv"}
        assert s3.get_object(Bucket="demo-film-lake", Key=f"RAW/Local/CSV/Movies/{folder}/movies.csv")["Body"].read().endswith(b"actor|\\N\n")
        lake.destroy(*given)
        assert engine.docker("ps", "-aq") == "" and listing(cloud) == NOTHING
    finally:
        engine.stop()
