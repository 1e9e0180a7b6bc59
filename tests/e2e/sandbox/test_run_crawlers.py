"""Crawlers find out what lies in S3 and write it into the catalog."""

import gzip
import json
import os
import sys

import pytest
from botocore.exceptions import ClientError
from servers import JobSandbox
from support import until
from test_run_athena import Athena

STACK = """
    stack: crawling
    resources:
      lake: {type: aws.s3.bucket, name: crawled, force_destroy: true}
      role:
        type: aws.iam.role
        name: crawling
        assume_role_policy: '${trust("glue.amazonaws.com")}'
        managed_policies: ["arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole"]
        policies: {crawled: '${allow(["s3:ListBucket", "s3:GetObject"], ["arn:aws:s3:::crawled", "arn:aws:s3:::crawled/*"])}'}
      films: {type: aws.glue.database, name: crawled}
      raw:
        type: aws.glue.crawler
        name: raw
        role: ${role.arn}
        database: ${films.name}
        table_prefix: raw_
        s3_targets: [{path: "s3://${lake.name}/raw/", exclusions: ["*.bak", "skipped/*"]}]
        schema_change_policy: {update_behavior: UPDATE_IN_DATABASE, delete_behavior: DELETE_FROM_DATABASE}
"""


@pytest.fixture
def crawled(job_sandbox, tmp_path):
    stack = job_sandbox.stack(tmp_path / "stack")
    stack.write(STACK).apply()
    s3 = job_sandbox.client()
    stack.put = lambda key, text: s3.put_object(Bucket="crawled", Key=key, Body=text if isinstance(text, bytes) else text.encode())
    yield stack
    stack.destroy()


def columns(table):
    return [(c["Name"], c["Type"]) for c in table["StorageDescriptor"]["Columns"]]


def tables(sandbox):
    return {t["Name"]: t for t in sandbox.client("glue").get_tables(DatabaseName="crawled")["TableList"]}


@pytest.mark.full
def test_from_files_to_tables(crawled, job_sandbox):
    pytest.importorskip("duckdb")
    crawled.put("raw/films/year=1979/a.csv", "Title,Gross,Seen\nalien,104.5,true\n\"mad, max\",8,false\n")
    crawled.put("raw/films/year=1982/a.csv", "Title,Gross,Seen\ntron,33,true\n")
    crawled.put("raw/films/_SUCCESS", "")
    crawled.put("raw/people/one.json", '{"id": 1, "Name": "ripley", "roles": [{"film": "alien", "pay": 1.5}]}\n{"id": 3000000000, "name": "kane", "born": null}\n')
    crawled.put("raw/codes/c.txt.gz", gzip.compress(b"1;one\n2;two\n"))
    crawled.put("raw/left/c.bak", "not|for|this\n")
    crawled.put("raw/skipped/x.csv", "a,b\n1,2\n")
    glue, athena = job_sandbox.client("glue"), Athena(job_sandbox)
    glue.create_database(DatabaseInput={"Name": "films"})  # where queries are asked
    result = crawled.run("run", "raw")
    assert "raw: SUCCEEDED in" in result.err or "raw: succeeded in" in result.err
    found = tables(job_sandbox)
    assert sorted(found) == ["raw_codes", "raw_films", "raw_people"]
    assert columns(found["raw_films"]) == [("title", "string"), ("gross", "double"), ("seen", "boolean")]
    assert found["raw_films"]["PartitionKeys"] == [{"Name": "year", "Type": "bigint"}] and found["raw_films"]["Parameters"]["skip.header.line.count"] == "1"
    assert columns(found["raw_codes"]) == [("col0", "bigint"), ("col1", "string")] and found["raw_codes"]["Parameters"]["delimiter"] == ";" and found["raw_codes"]["Parameters"]["compressionType"] == "gzip"
    assert columns(found["raw_people"]) == [("id", "bigint"), ("name", "string"), ("roles", "array<struct<film:string,pay:double>>"), ("born", "string")]
    assert athena.rows("SELECT year, count(*), sum(gross) FROM crawled.raw_films GROUP BY year ORDER BY year")[1:] == [["1979", "2", "104.5"], ["1982", "1", "33.0"]]  # quotes mean nothing to the table's SerDe, as there
    assert athena.rows("SELECT col1 FROM crawled.raw_codes ORDER BY col0")[1:] == [["one"], ["two"]]
    crawled.assert_settled()  # what a crawler finds is not the stack's
    # again: a partition more, a column more, one table gone
    crawled.put("raw/films/year=1986/a.csv", "Title,Gross,Seen,Sequel\naliens,131.1,true,alien\n")
    job_sandbox.client().delete_object(Bucket="crawled", Key="raw/people/one.json")
    crawled.run("run", "raw")
    found = tables(job_sandbox)
    assert sorted(found) == ["raw_codes", "raw_films"] and columns(found["raw_films"])[3] == ("sequel", "string")
    assert [p["Values"] for p in glue.get_partitions(DatabaseName="crawled", TableName="raw_films")["Partitions"]] == [["1979"], ["1982"], ["1986"]]
    assert athena.rows("SELECT title FROM crawled.raw_films WHERE sequel = 'alien'")[1:] == [["aliens"]]
    (among,) = glue.batch_get_crawlers(CrawlerNames=["raw"])["Crawlers"]
    assert among["LastCrawl"] == glue.get_crawler(Name="raw")["Crawler"]["LastCrawl"]
    last, first = glue.list_crawls(CrawlerName="raw")["Crawls"][:2]  # other tests' are before
    assert json.loads(last["Summary"]) == {"TABLE": {"ADD": 0, "UPDATE": 1, "DELETE": 1}, "PARTITION": {"ADD": 1}} and first["State"] == "COMPLETED"
    (metrics,) = glue.get_crawler_metrics(CrawlerNameList=["raw"])["CrawlerMetricsList"]
    assert (metrics["TablesUpdated"], metrics["TablesDeleted"], metrics["StillEstimating"]) == (1, 1, False) and metrics["TablesCreated"] and 0 < metrics["LastRuntimeSeconds"] < 60 and 0 < metrics["MedianRuntimeSeconds"] < 60
    assert "INFO : Created table raw_films in database crawled" in job_sandbox.lines("/aws-glue/crawlers", "raw")
    runs = [event for event in crawled.run("jobs", "raw", "--json").events()]
    assert [(run["state"], run["id"]) for run in runs][:2] == [("succeeded", last["CrawlId"]), ("succeeded", first["CrawlId"])]
    assert glue.get_crawler(Name="raw")["Crawler"]["LastCrawl"]["Status"] == "SUCCEEDED"
    glue.delete_database(Name="films")


def test_parquet(crawled, job_sandbox, tmp_path):
    duckdb = pytest.importorskip("duckdb")
    duckdb.sql(f"COPY (SELECT 1 AS id, 'a' AS word, DATE '2026-11-21' AS day, [1.5] AS values_, CAST(1 AS DECIMAL(10,2)) AS price) TO '{tmp_path}/x.parquet'")
    crawled.put("raw/typed/x.parquet", (tmp_path / "x.parquet").read_bytes())
    crawled.run("run", "raw")
    (table,) = tables(job_sandbox).values()
    assert columns(table) == [
        ("id", "int"), ("word", "string"), ("day", "date"), ("values_", "array<decimal(2,1)>"), ("price", "decimal(10,2)")]


def test_what_cannot_be_crawled(crawled, job_sandbox):
    glue = job_sandbox.client("glue")
    with pytest.raises(ClientError, match="CrawlerNotRunningException"):
        glue.stop_crawler(Name="raw")
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        glue.start_crawler(Name="nosuch")
    glue.create_crawler(Name="base", Role="job", DatabaseName="crawled", Targets={"JdbcTargets": [{"ConnectionName": "c", "Path": "db/%"}]})
    with pytest.raises(ClientError, match="look at S3"):
        glue.start_crawler(Name="base")
    glue.create_crawler(Name="gone", Role="job", DatabaseName="crawled", Targets={"S3Targets": [{"Path": "s3://nosuch-bucket/x/"}]})
    glue.start_crawler(Name="gone")
    crawler = until(lambda: (c := glue.get_crawler(Name="gone")["Crawler"])["State"] == "READY" and c)
    assert crawler["LastCrawl"]["Status"] == "FAILED" and "NoSuchBucket" in crawler["LastCrawl"]["ErrorMessage"]
    for name in ("base", "gone"):
        glue.delete_crawler(Name=name)


@pytest.mark.full
def test_without_duckdb(tmp_path):
    (tmp_path / "duckdb.py").write_text("raise ImportError('hidden')")
    (tmp_path / "python3").write_text(f"#!/bin/sh\nPYTHONPATH=$PYTHONPATH:{tmp_path} exec {sys.executable} \"$@\"\n")
    (tmp_path / "python3").chmod(0o755)
    server = JobSandbox(PATH=f"{tmp_path}:{os.environ['PATH']}")
    try:
        glue = server.client("glue")
        glue.create_database(DatabaseInput={"Name": "films"})
        server.put("csv/a.csv", "id,name\n1,alien\n")
        server.put("parquet/a.parquet", b"PAR1....PAR1")
        for name in ("csv", "parquet"):
            glue.create_crawler(Name=name, Role="job", DatabaseName="films", Targets={"S3Targets": [{"Path": f"s3://lake/{name}/"}]})
            glue.start_crawler(Name=name)
        ended = [until(lambda n=name: (c := glue.get_crawler(Name=n)["Crawler"])["State"] == "READY" and c)["LastCrawl"] for name in ("csv", "parquet")]
        assert ended[0]["Status"] == "SUCCEEDED", ended
        assert columns(glue.get_table(DatabaseName="films", Name="csv")["Table"]) == [("id", "bigint"), ("name", "string")]
        assert ended[1]["Status"] == "FAILED" and "pip install duckdb" in ended[1]["ErrorMessage"]
    finally:
        server.stop()
