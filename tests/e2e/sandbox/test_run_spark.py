"""Spark jobs of Glue and EMR Serverless, where Spark is: make test-long."""

import csv
import io
import json
import os
from collections import defaultdict
from pathlib import Path

import pytest
from servers import ROOT, JobSandbox
from support import until
from test_run_glue import Job

SPARK = ROOT / ".venv-jobs"

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def sandbox():
    assert Path(SPARK / "jars" / ".done").exists(), "tools/setup jobs"
    server = JobSandbox(PATH=f"{SPARK}/bin:{os.environ['PATH']}", SPARK_HOME="", WEIR_SPARK_JARS=str(SPARK / "jars"))
    yield server
    server.stop()


@pytest.fixture(scope="module", autouse=True)
def minutes():
    """Real ones: Spark needs some seconds to start."""
    before, JobSandbox.minute_s = JobSandbox.minute_s, 60
    yield
    JobSandbox.minute_s = before


IS_MAPPED = """
import os
from pyspark.sql import SparkSession
print("rows", SparkSession.builder.getOrCreate().range(3).count())
with open(f"/proc/{os.getppid()}/maps") as maps:
    print("of its classes", {line.split("/")[-1].strip() for line in maps if "classes" in line})
"""


@pytest.mark.parametrize("more", [{}, {"--datalake-formats": "iceberg"}], ids=["alone", "with Iceberg"])
def test_its_classes_are_there_already(sandbox, more):
    """tools/setup makes an archive of them, which Java takes only where the class path begins as it did then: half of the time of a start."""
    if not (SPARK / "spark/.made").exists():
        pytest.skip("no archive of Spark's classes: tools/setup jobs")
    job = Job(sandbox, IS_MAPPED, kind="glueetl", GlueVersion="5.0", DefaultArguments=more)
    run = job.start()
    ended = until(lambda: (r := job.run(run))["JobRunState"] in ("SUCCEEDED", "FAILED", "TIMEOUT") and r)
    assert ended["JobRunState"] == "SUCCEEDED", (ended, job.output(run, "error"))
    assert job.output(run) == ["rows 3", "of its classes {'classes.jsa'}"]


FILMS = "title,director,year,gross\n" + "".join(f"film {i},director {i % 7},{1970 + i % 40},{i * 37 % 1000}.5\n" for i in range(500))

REFINE = """
import sys
from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.job import Job
from awsglue.transforms import ApplyMapping
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

args = getResolvedOptions(sys.argv, ["JOB_NAME", "lake", "database"])
glue = GlueContext(SparkContext.getOrCreate())
spark = glue.spark_session
job = Job(glue)
job.init(args["JOB_NAME"], args)
raw = glue.create_dynamic_frame.from_options(connection_type="s3", connection_options={"paths": [args["lake"] + "/raw/films.csv"]},
                                             format="csv", format_options={"withHeader": True})
films = ApplyMapping.apply(frame=raw, mappings=[("title", "string", "title", "string"), ("director", "string", "who", "string"),
                                                ("year", "string", "year", "int"), ("gross", "string", "gross", "double")])
glue.write_dynamic_frame.from_options(frame=films, connection_type="s3", format="parquet",
                                      connection_options={"path": args["lake"] + "/silver/films/", "partitionKeys": ["year"]})
table = glue.create_dynamic_frame.from_catalog(database=args["database"], table_name="films")
print("rows in the table:", table.count())
table.toDF().createOrReplaceTempView("films")
sums = spark.sql("SELECT who, count(*) AS films, sum(gross) AS gross FROM films GROUP BY who")
glue.write_dynamic_frame.from_options(frame=DynamicFrame.fromDF(sums, glue, "sums"), connection_type="s3", format="json",
                                      connection_options={"path": args["lake"].replace("s3://", "s3a://") + "/gold/sums/"})
sink = glue.getSink(connection_type="s3", path=args["lake"] + "/gold/table/", enableUpdateCatalog=True, partitionKeys=["films"])
sink.setFormat("csv")
sink.setCatalogInfo(catalogDatabase=args["database"], catalogTableName="sums")
sink.writeFrame(DynamicFrame.fromDF(sums, glue, "sums"))
print("rows in the new table:", glue.create_data_frame.from_catalog(database=args["database"], table_name="sums").where("gross > 0").count())
job.commit()
"""


def test_spark_jobs_from_raw_to_sums(sandbox):
    sandbox.put("raw/films.csv", FILMS)
    glue = sandbox.client("glue")
    glue.create_database(DatabaseInput={"Name": "silver"})
    glue.create_table(DatabaseName="silver", TableInput={
        "Name": "films", "PartitionKeys": [{"Name": "year", "Type": "int"}], "TableType": "EXTERNAL_TABLE",
        "StorageDescriptor": {"Columns": [{"Name": "title", "Type": "string"}, {"Name": "who", "Type": "string"}, {"Name": "gross", "Type": "double"}],
                              "Location": "s3://lake/silver/films/", "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"}})
    job = Job(sandbox, REFINE, kind="glueetl", GlueVersion="4.0", WorkerType="G.1X", NumberOfWorkers=2,
              DefaultArguments={"--lake": "s3://lake", "--database": "silver", "--conf": "spark.sql.shuffle.partitions=2 --conf spark.app.name=films"})
    run = job.start()
    ended = until(lambda: (r := job.run(run))["JobRunState"] in ("SUCCEEDED", "FAILED", "TIMEOUT") and r)
    assert ended["JobRunState"] == "SUCCEEDED", (ended, job.output(run, "error"))
    assert ended["LogGroupName"] == "/aws-glue/jobs"
    assert job.output(run) == ["rows in the table: 500", "rows in the new table: 7"]
    table = glue.get_table(DatabaseName="silver", Name="sums")["Table"]
    assert [(c["Name"], c["Type"]) for c in table["StorageDescriptor"]["Columns"]] == [("who", "string"), ("gross", "double")]
    assert table["PartitionKeys"] == [{"Name": "films", "Type": "bigint"}]
    keys = [k["Key"] for k in sandbox.client().list_objects_v2(Bucket="lake", Prefix="silver/films/")["Contents"]]
    assert any(key.startswith("silver/films/year=1979/") and key.endswith(".parquet") for key in keys)
    expected = defaultdict(lambda: [0, 0.0])
    for row in csv.DictReader(io.StringIO(FILMS)):
        expected[row["director"]][0] += 1
        expected[row["director"]][1] += float(row["gross"])
    found = {}
    for key in sandbox.client().list_objects_v2(Bucket="lake", Prefix="gold/sums/part-")["Contents"]:
        for line in sandbox.get(key["Key"]).splitlines():
            row = json.loads(line)
            found[row["who"]] = [row["films"], row["gross"]]
    assert found == expected


MARKED = """
import sys
from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
args = getResolvedOptions(sys.argv, ["JOB_NAME"])
glue = GlueContext(SparkContext())
job = Job(glue)
job.init(args["JOB_NAME"], args)
files = glue.create_dynamic_frame.from_options("s3", {"paths": ["s3://lake/marked/"], "recurse": True}, format="csv", format_options={"withHeader": True}, transformation_ctx="files")
table = glue.create_dynamic_frame.from_catalog(database="marked", table_name="marked", transformation_ctx="table")
always = glue.create_dynamic_frame.from_catalog(database="marked", table_name="marked")
days = sorted(r.day for r in files.toDF().select("day").distinct().collect()) if files.count() else []
print(files.count(), days, table.count(), len(table.toDF().columns), always.count())
job.commit()
"""


def test_bookmarks_of_spark_jobs(sandbox):
    glue = sandbox.client("glue")
    glue.create_database(DatabaseInput={"Name": "marked"})
    glue.create_table(DatabaseName="marked", TableInput={
        "Name": "marked", "PartitionKeys": [{"Name": "day", "Type": "int"}], "TableType": "EXTERNAL_TABLE", "Parameters": {"classification": "csv", "skip.header.line.count": "1"},
        "StorageDescriptor": {"Columns": [{"Name": "n", "Type": "int"}], "Location": "s3://lake/marked/", "InputFormat": "org.apache.hadoop.mapred.TextInputFormat"}})
    job = Job(sandbox, MARKED, kind="glueetl", DefaultArguments={"--job-bookmark-option": "job-bookmark-enable"})
    for day, said in ((1, "2 [1] 2 2 2"), (None, "0 [] 0 2 2"), (2, "2 [2] 2 2 4")):
        if day:
            sandbox.put(f"marked/day={day}/a.csv", "n\n1\n2\n")
        run = job.start()
        ended = until(lambda run=run: (r := job.run(run))["JobRunState"] in ("SUCCEEDED", "FAILED", "TIMEOUT") and r)
        assert ended["JobRunState"] == "SUCCEEDED", (ended, job.output(run, "error"))
        assert job.output(run) == [said]


def test_spark_jobs_say_what_went_wrong(sandbox):
    job = Job(sandbox, "from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\nspark.read.csv('s3://lake/nothing/here/').count()\n", kind="glueetl")
    run = job.start()
    ended = until(lambda: (r := job.run(run))["JobRunState"] in ("SUCCEEDED", "FAILED", "TIMEOUT") and r)
    assert ended["JobRunState"] == "FAILED"
    assert "AnalysisException" in ended["ErrorMessage"]
    assert "s3://lake/nothing/here" in ended["ErrorMessage"]


def test_spark_jobs_without_hadoop_aws(tmp_path):
    server = JobSandbox(PATH=f"{SPARK}/bin:{os.environ['PATH']}", SPARK_HOME="", WEIR_SPARK_JARS=str(tmp_path))
    try:
        job = Job(server, "from pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate().read.csv('s3://lake/x.csv').show()\n", kind="glueetl")
        run = job.start()
        ended = until(lambda: (r := job.run(run))["JobRunState"] in ("SUCCEEDED", "FAILED", "TIMEOUT") and r)
        assert ended["JobRunState"] == "FAILED"
        assert "put hadoop-aws and aws-java-sdk-bundle into" in ended["ErrorMessage"]
    finally:
        server.stop()


def test_spark_jobs_of_emr_serverless(sandbox):
    emr = sandbox.client("emr-serverless")
    application = emr.create_application(name="spark", releaseLabel="emr-7.5.0", type="SPARK")["applicationId"]
    sandbox.put("raw/numbers.csv", "n\n1\n2\n39\n")
    script = sandbox.put("jobs/sum.py", "import sys\nfrom pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n"
                         "print('sum', spark.read.option('header', True).csv(sys.argv[1]).selectExpr('sum(n)').first()[0], spark.conf.get('spark.sql.shuffle.partitions'))\n")
    run = emr.start_job_run(applicationId=application, executionRoleArn=sandbox.role, jobDriver={"sparkSubmit": {
        "entryPoint": script, "entryPointArguments": ["s3://lake/raw/numbers.csv"], "sparkSubmitParameters": "--conf spark.sql.shuffle.partitions=3"}})["jobRunId"]
    ended = until(lambda: (r := emr.get_job_run(applicationId=application, jobRunId=run)["jobRun"])["state"] in ("SUCCESS", "FAILED") and r)
    assert ended["state"] == "SUCCESS", ended
    assert sandbox.lines("/aws/emr-serverless", f"applications/{application}/jobs/{run}/SPARK_DRIVER/stdout") == ["sum 42.0 3"]
