"""Iceberg tables: Athena's statements, Spark through Glue's catalog, and PyIceberg, which reads what both have written: make test-long."""

import json
import os
import re
import subprocess

import pytest
from servers import JobSandbox
from test_run_athena import Athena
from test_run_glue import Job
from test_run_spark import SPARK, minutes  # noqa: F401

READ = """
import json, os, sys
from pyiceberg.catalog.glue import GlueCatalog
at = os.environ["AWS_ENDPOINT_URL"]
table = GlueCatalog("glue", **{"glue.endpoint": at, "s3.endpoint": at, "client.region": "us-east-1"}).load_table(sys.argv[1])
print(json.dumps({"rows": sorted(table.scan().to_arrow().to_pylist(), key=str), "snapshots": [s.summary.operation.value for s in table.snapshots()]}, default=str))
"""


def test_without_pyiceberg_it_is_said(tmp_path):
    """Of PyIceberg's packages only DuckDB is there."""
    (tmp_path / "pyiceberg.py").write_text("raise ImportError('hidden')")
    server = JobSandbox(PYTHONPATH=str(tmp_path))
    try:
        server.client("glue").create_database(DatabaseInput={"Name": "films"})
        status = Athena(server).ended("CREATE TABLE songs (id int) LOCATION 's3://lake/songs/' TBLPROPERTIES ('table_type' = 'ICEBERG')")["Status"]
        assert status["State"] == "FAILED" and "pip install 'pyiceberg[glue" in status["StateChangeReason"]
    finally:
        server.stop()


@pytest.fixture(scope="module")
def athena():
    server = JobSandbox(PATH=f"{SPARK}/bin:{os.environ['PATH']}", SPARK_HOME="", WEIR_SPARK_JARS=str(SPARK / "jars"))
    server.client("glue").create_database(DatabaseInput={"Name": "films"})
    yield Athena(server)
    server.stop()


def judged(athena, name):
    done = subprocess.run([SPARK / "bin" / "python", "-c", READ, name], capture_output=True, text=True, env=athena.sandbox.environment())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


MERGE = """
MERGE INTO songs t USING (VALUES (2, 'B', 20), (3, 'c', 3)) AS s (id, title, plays) ON (t.id = s.id)
WHEN MATCHED AND s.plays > 100 THEN DELETE
WHEN MATCHED THEN UPDATE SET title = s.title, plays = s.plays
WHEN NOT MATCHED THEN INSERT (id, title, plays) VALUES (s.id, s.title, s.plays)"""


@pytest.mark.long
def test_statements(athena):
    athena.rows("CREATE TABLE songs (id bigint, title string, plays int) PARTITIONED BY (bucket(4, id)) LOCATION 's3://lake/songs/' TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'zstd')")
    assert athena.rows("INSERT INTO songs VALUES (1, 'a', 1), (2, 'b', 2)") == [["rows"], ["2"]]
    (first,) = athena.rows('SELECT snapshot_id FROM "songs$snapshots"')[1]
    until_then = athena.rows('SELECT date_format(max(made_current_at) + interval \'1\' millisecond, \'%Y-%m-%d %H:%i:%s.%f\') FROM "songs$history"')[1][0]
    assert athena.rows(MERGE) == [["rows"], ["2"]] and athena.rows(MERGE) == [["rows"], ["2"]]  # twice: no row is there twice
    assert athena.rows("SELECT * FROM songs ORDER BY id") == [["id", "title", "plays"], ["1", "a", "1"], ["2", "B", "20"], ["3", "c", "3"]]
    assert judged(athena, "films.songs")["rows"] == [{"id": 1, "title": "a", "plays": 1}, {"id": 2, "title": "B", "plays": 20}, {"id": 3, "title": "c", "plays": 3}]
    # as it was
    assert athena.rows(f"SELECT s.title FROM films.songs FOR VERSION AS OF {first} s WHERE s.id = 2") == [["title"], ["b"]]
    assert athena.rows(f"SELECT count(*) AS n FROM songs FOR TIMESTAMP AS OF TIMESTAMP '{until_then} UTC'") == [["n"], ["2"]]
    assert athena.rows(f"SELECT n.title, p.title AS past FROM songs n LEFT JOIN songs FOR VERSION AS OF {first} p ON n.id = p.id ORDER BY n.id") == [["title", "past"], ["a", "a"], ["B", "b"], ["c", None]]
    assert "No version history table" in athena.ended("SELECT * FROM songs FOR TIMESTAMP AS OF (current_timestamp - interval '1' day)")["Status"]["StateChangeReason"]
    # rows and columns
    assert athena.rows("UPDATE songs SET plays = plays + 1 WHERE id < 3") == [["rows"], ["2"]] and athena.rows("DELETE FROM songs WHERE title = 'c'") == [["rows"], ["1"]]
    athena.rows("ALTER TABLE songs ADD COLUMNS (label string)")
    athena.rows("INSERT INTO songs (id, label) SELECT 9, 'x'")
    assert athena.rows("SELECT * FROM songs ORDER BY id")[1:] == [["1", "a", "2", None], ["2", "B", "21", None], ["9", None, None, "x"]]
    before = len(judged(athena, "films.songs")["snapshots"])
    athena.rows("DELETE FROM songs WHERE id = 1000")
    athena.rows("OPTIMIZE songs REWRITE DATA USING BIN_PACK WHERE id > 0")
    athena.rows("VACUUM songs")
    assert len(judged(athena, "films.songs")["snapshots"]) >= before and len(judged(athena, "films.songs")["rows"]) == 3
    athena.rows("ALTER TABLE songs SET TBLPROPERTIES ('vacuum_max_snapshot_age_seconds' = '0')")
    athena.rows("VACUUM songs")
    assert len(judged(athena, "films.songs")["snapshots"]) == 1
    assert "\n".join(row[0] for row in athena.rows("SHOW CREATE TABLE songs")).startswith("CREATE TABLE films.songs (\n  id bigint,\n  title string,\n  plays int,\n  label string)\nPARTITIONED BY (`bucket(4, id)`)\nLOCATION 's3://lake/songs'")


@pytest.mark.long
def test_tables_of_queries_and_refusals(athena):
    athena.rows("CREATE TABLE top WITH (table_type = 'ICEBERG', location = 's3://lake/top/', is_external = false, partitioning = ARRAY['day(made)']) AS "
                "SELECT * FROM (VALUES ('a', TIMESTAMP '2026-11-20 10:00:00'), ('b', TIMESTAMP '2026-11-21 10:00:00')) v (title, made)")
    assert athena.rows('SELECT record_count FROM "top$partitions"') == [["record_count"], ["1"], ["1"]]
    assert [row["title"] for row in judged(athena, "films.top")["rows"]] == ["a", "b"]
    for sql, words in (("CREATE TABLE more (id int)", "'table_type' = 'ICEBERG'"), ("CREATE TABLE more (id int) TBLPROPERTIES ('table_type' = 'ICEBERG')", "has a LOCATION"),
                       ("MERGE INTO top t USING (VALUES ('a', 1), ('a', 2)) s (title, n) ON t.title = s.title WHEN MATCHED THEN UPDATE SET title = 'c'", "more than one"),
                       ("OPTIMIZE nosuch REWRITE DATA USING BIN_PACK", "Table not found films.nosuch"), ('SELECT * FROM "top$nothing"', "does not exist")):
        status = athena.ended(sql)["Status"]
        assert status["State"] == "FAILED" and words in status["StateChangeReason"], (sql, status)
    athena.rows("DROP TABLE top")
    assert athena.sandbox.client().list_objects_v2(Bucket="lake", Prefix="top/")["KeyCount"] == 0


CATALOG = " --conf ".join([
    "spark.sql.extensions=org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions", "spark.sql.catalog.glue_catalog=org.apache.iceberg.spark.SparkCatalog",
    "spark.sql.catalog.glue_catalog.warehouse=s3://lake/warehouse", "spark.sql.catalog.glue_catalog.catalog-impl=org.apache.iceberg.aws.glue.GlueCatalog",
    "spark.sql.catalog.glue_catalog.io-impl=org.apache.iceberg.aws.s3.S3FileIO"])

LOAD = """
import sys
from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

args = getResolvedOptions(sys.argv, ["JOB_NAME", "batch"])
glue = GlueContext(SparkContext.getOrCreate())
spark = glue.spark_session
job = Job(glue)
job.init(args["JOB_NAME"], args)
spark.sql("CREATE TABLE IF NOT EXISTS glue_catalog.films.plays (id bigint, title string) USING iceberg PARTITIONED BY (bucket(2, id))")
spark.createDataFrame([tuple(one.split(":")) for one in args["batch"].split(",")], ["id", "title"]).createOrReplaceTempView("batch")
spark.sql('''MERGE INTO glue_catalog.films.plays t USING (SELECT CAST(id AS bigint) AS id, title FROM batch) s ON t.id = s.id
             WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *''')
print("rows:", spark.table("glue_catalog.films.plays").count())
job.commit()
"""


@pytest.mark.long
def test_spark_merges_twice(athena):
    """The real GlueCatalog and S3FileIO of iceberg-aws-bundle, as --datalake-formats has them; then Athena changes a row, and Spark goes on from there."""
    job = Job(athena.sandbox, LOAD, kind="glueetl", DefaultArguments={"--datalake-formats": "iceberg", "--conf": CATALOG})
    for batch, rows in (("1:a,2:b", 2), ("1:a,2:b", 2)):
        run = job.result(Arguments={"--batch": batch})
        assert run["JobRunState"] == "SUCCEEDED", run
        assert f"rows: {rows}" in "\n".join(job.output(run["Id"]))
    assert athena.rows("SELECT * FROM plays ORDER BY id") == [["id", "title"], ["1", "a"], ["2", "b"]]
    assert athena.rows("UPDATE plays SET title = 'by Athena' WHERE id = 1") == [["rows"], ["1"]]
    assert job.result(Arguments={"--batch": "2:B,4:d"})["JobRunState"] == "SUCCEEDED"
    assert judged(athena, "films.plays")["rows"] == [{"id": 1, "title": "by Athena"}, {"id": 2, "title": "B"}, {"id": 4, "title": "d"}]
    hudi = Job(athena.sandbox, LOAD, kind="glueetl", DefaultArguments={"--datalake-formats": "hudi"})
    assert "iceberg only" in hudi.result(Arguments={"--batch": "1:a"})["ErrorMessage"]


COLUMNS = [{"Name": "id", "Type": "bigint", "Comment": "its number"}, {"Name": "title", "Type": "string"}, {"Name": "at", "Type": "timestamp"},
           {"Name": "tracks", "Type": "array<struct<song:int,price:decimal(6,2)>>"}, {"Name": "labels", "Type": "map<string,string>"}]


def declare(glue, name, version=None, columns=COLUMNS, place="s3://lake/declared/", **table):
    """As a stack does: CreateTable writes the metadata."""
    table = {"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": {"Columns": columns, "Location": f"{place}{name}" if place else ""}, **table}
    glue.create_table(DatabaseName="films", TableInput=table, OpenTableFormatInput={"IcebergInput": {"MetadataOperation": "CREATE", **({"Version": version} if version else {})}})
    return glue.get_table(DatabaseName="films", Name=name)["Table"]


def test_create_table_writes_metadata(athena):
    """What Glue answers was seen on the service by others: github.com/go-to-k/cdkd/issues/1408, cdk-real-drift/issues/1624, apache/iceberg-go/pull/410."""
    glue, s3 = athena.sandbox.client("glue"), athena.sandbox.client()
    made = declare(glue, "records", Description="made by a stack", Parameters={"owner": "ada"})
    at = made["Parameters"].pop("metadata_location")
    assert re.fullmatch(r"s3://lake/declared/records/metadata/00000-[-0-9a-f]{36}\.metadata\.json", at)
    assert made["Parameters"] == {"owner": "ada", "table_type": "ICEBERG"} and made["StorageDescriptor"]["Columns"] == COLUMNS
    metadata = json.load(s3.get_object(Bucket="lake", Key=at.removeprefix("s3://lake/"))["Body"])
    assert (metadata["format-version"], metadata["location"], metadata["last-column-id"]) == (2, "s3://lake/declared/records", 10)
    refusals = (({"TableType": "MANAGED"}, "Iceberg table type has to be EXTERNAL_TABLE"), ({"place": ""}, "Location information cannot be null while creating an iceberg table"),
                ({"Parameters": {"table_type": "ICEBERG"}}, "Cannot use reserved parameters table_type or metadata_location"), ({"columns": [{"Name": "n", "Type": "tinyint"}]}, "column n has a type"),
                ({"place": "s3://nosuch/"}, "The specified bucket does not exist"), ({"version": "7"}, "1 or 2"))
    for more, words in refusals:
        with pytest.raises(glue.exceptions.InvalidInputException, match=words):
            declare(glue, "other", **more)
    with pytest.raises(glue.exceptions.AlreadyExistsException):
        declare(glue, "records")
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="lake", Prefix="declared/")["Contents"]] == [at.removeprefix("s3://lake/")]


APPEND = """
import datetime, decimal, json, os, sys
import pyarrow
from pyiceberg.catalog.glue import GlueCatalog
at = os.environ["AWS_ENDPOINT_URL"]
table = GlueCatalog("glue", **{"glue.endpoint": at, "s3.endpoint": at, "client.region": "us-east-1"}).load_table(sys.argv[1])
row = {"id": 1, "title": "a", "at": datetime.datetime(2026, 11, 20, 10), "tracks": [{"song": 7, "price": decimal.Decimal("0.99")}], "labels": {"k": "v"}, "day": "mon"}
table.append(pyarrow.Table.from_pylist([row], schema=table.schema().as_arrow()))
print(json.dumps({"parts": [str(f) for f in table.spec().fields], "doc": table.schema().find_field("id").doc, "version": table.format_version}))
"""
UPSERT = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.sql("SELECT 1 AS id, 'A' AS title, timestamp_ntz'2026-11-21 10:00:00' AS at, 'tue' AS day UNION ALL SELECT 2, 'b', timestamp_ntz'2026-11-22 10:00:00', 'mon'").createOrReplaceTempView("batch")
for _ in range(2):
    spark.sql('''MERGE INTO glue_catalog.films.{name} t USING batch s ON t.id = s.id WHEN MATCHED THEN UPDATE SET t.title = s.title, t.at = s.at, t.day = s.day
                 WHEN NOT MATCHED THEN INSERT (id, title, at, day) VALUES (s.id, s.title, s.at, s.day)''')
spark.sql("ALTER TABLE glue_catalog.films.{name} ADD COLUMN rating int")
"""


@pytest.mark.long
@pytest.mark.parametrize("version", ["1", "2"])
def test_declared_tables_are_anybodys(athena, version):
    """PyIceberg writes to it, Spark merges into it twice and adds a column, PyIceberg and Athena read."""
    glue, name = athena.sandbox.client("glue"), f"declared_v{version}"
    declare(glue, name, version, PartitionKeys=[{"Name": "day", "Type": "string"}])
    done = subprocess.run([SPARK / "bin" / "python", "-c", APPEND, f"films.{name}"], capture_output=True, text=True, env=athena.sandbox.environment())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"parts": ["1000: day: identity(6)"], "doc": "its number", "version": int(version)}
    job = Job(athena.sandbox, UPSERT.replace("{name}", name), kind="glueetl", DefaultArguments={"--datalake-formats": "iceberg", "--conf": CATALOG})
    run = job.result()
    assert run["JobRunState"] == "SUCCEEDED", run
    rows = judged(athena, f"films.{name}")["rows"]
    assert [(row["id"], row["title"], row["day"], row["rating"]) for row in rows] == [(1, "A", "tue", None), (2, "b", "mon", None)] and rows[0]["tracks"] == [{"song": 7, "price": "0.99"}]
    assert athena.rows(f"SELECT id, title, tracks[1].price AS price, labels['k'] AS label FROM {name} ORDER BY id") == [["id", "title", "price", "label"], ["1", "A", "0.99", "v"], ["2", "b", None, None]]
