"""Athena's queries: with DuckDB over the tables of the catalog, without it an honest refusal."""

import os
import sys

import pytest
from botocore.exceptions import ClientError
from servers import JobSandbox
from support import Stack, until


class Athena:
    def __init__(self, sandbox):
        self.sandbox, self.api = sandbox, sandbox.client("athena")

    def ended(self, sql, **more):
        more.setdefault("ResultConfiguration", {"OutputLocation": "s3://lake/results/"})
        self.run = self.api.start_query_execution(QueryString=sql, QueryExecutionContext={"Database": "films"}, **more)["QueryExecutionId"]
        return until(lambda: (q := self.api.get_query_execution(QueryExecutionId=self.run)["QueryExecution"])["Status"]["State"] in ("SUCCEEDED", "FAILED", "CANCELLED") and q)

    def rows(self, sql, **more):
        status = self.ended(sql, **more)["Status"]
        assert status["State"] == "SUCCEEDED", status
        answer = self.api.get_query_results(QueryExecutionId=self.run)["ResultSet"]
        return [[cell.get("VarCharValue") for cell in row["Data"]] for row in answer["Rows"]]


def test_without_duckdb_a_query_fails_and_says_so(tmp_path):
    (tmp_path / "duckdb.py").write_text("raise ImportError('hidden')")
    (tmp_path / "python3").write_text(f"#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} \"$@\"\n")
    (tmp_path / "python3").chmod(0o755)
    server = JobSandbox(PATH=f"{tmp_path}:{os.environ['PATH']}")
    try:
        athena = Athena(server)
        query = athena.ended("SELECT 1")
        assert query["Status"]["State"] == "FAILED"
        assert "pip install duckdb" in query["Status"]["StateChangeReason"]
        assert (query["WorkGroup"], query["Query"]) == ("primary", "SELECT 1")
        with pytest.raises(ClientError, match="Final query state: FAILED"):
            athena.api.get_query_results(QueryExecutionId=athena.run)
        assert athena.api.list_query_executions()["QueryExecutionIds"] == [athena.run]
        many = athena.api.batch_get_query_execution(QueryExecutionIds=[athena.run, "none"])
        assert [q["QueryExecutionId"] for q in many["QueryExecutions"]] == [athena.run]
        assert [q["QueryExecutionId"] for q in many["UnprocessedQueryExecutionIds"]] == ["none"]
        with pytest.raises(ClientError, match="No output location"):
            athena.ended("SELECT 1", ResultConfiguration={})
        with pytest.raises(ClientError, match="WorkGroup nosuch is not found"):
            athena.ended("SELECT 1", WorkGroup="nosuch")
    finally:
        server.stop()


@pytest.fixture(scope="module")
def athena():
    server = JobSandbox()
    glue = server.client("glue")
    glue.create_database(DatabaseInput={"Name": "films"})
    server.put("silver/year=1979/a.csv", "title,gross\nalien,104.5\n\"mad, max\",8.8\n")
    server.put("silver/year=1982/a.csv", "title,gross\ntron,\n")
    server.put("silver/_SUCCESS", "")
    text = {"SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde", "Parameters": {"separatorChar": ","}}
    storage = {"Columns": [{"Name": "title", "Type": "string"}, {"Name": "gross", "Type": "double"}], "Location": "s3://lake/silver/", "SerdeInfo": text}
    glue.create_table(DatabaseName="films", TableInput={"Name": "silver", "StorageDescriptor": storage, "TableType": "EXTERNAL_TABLE",
                                                         "PartitionKeys": [{"Name": "year", "Type": "int"}], "Parameters": {"skip.header.line.count": "1"}})
    glue.create_table(DatabaseName="films", TableInput={"Name": "empty", "StorageDescriptor": {**storage, "Location": "s3://lake/empty/"}})
    glue.create_table(DatabaseName="films", TableInput={"Name": "old", "TableType": "VIRTUAL_VIEW", "StorageDescriptor": {"Columns": [{"Name": "title", "Type": "string"}]},
                                                         "ViewOriginalText": "SELECT title FROM silver WHERE year < 1980"})
    yield Athena(server)
    server.stop()


def test_a_query_over_the_catalog(athena):
    assert athena.rows("SELECT year, count(*) AS n, sum(gross) AS gross FROM silver GROUP BY year ORDER BY year") == [
        ["year", "n", "gross"], ["1979", "2", "113.3"], ["1982", "1", None]]
    assert athena.sandbox.get(f"results/{athena.run}.csv") == '"year","n","gross"\n"1979","2","113.3"\n"1982","1",\n'
    columns = athena.api.get_query_results(QueryExecutionId=athena.run)["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [(c["Name"], c["Type"]) for c in columns] == [("year", "integer"), ("n", "bigint"), ("gross", "double")]
    assert athena.rows('SELECT title FROM "films"."old" ORDER BY title')[1:] == [["alien"], ["mad, max"]]
    assert athena.rows("SELECT count(*) FROM empty")[1:] == [["0"]]
    assert athena.rows("SELECT title FROM silver WHERE title = ?", ExecutionParameters=["'tron'"])[1:] == [["tron"]]


def test_a_query_that_cannot_be_run(athena):
    for sql, reason in (("SELECT nosuch FROM silver", "nosuch"), ("DROP TABLE silver", "made in the stack"), ("SELECT * FROM nowhere", "nowhere")):
        status = athena.ended(sql)["Status"]
        assert status["State"] == "FAILED"
        assert reason in status["StateChangeReason"]


def test_long_results_have_pages(athena):
    athena.ended("SELECT * FROM range(2500)")
    pages = list(athena.api.get_paginator("get_query_results").paginate(QueryExecutionId=athena.run))
    values = [row["Data"][0]["VarCharValue"] for page in pages for row in page["ResultSet"]["Rows"]]
    assert values == ["range", *(str(n) for n in range(2500))]
    assert len(pages) == 3


def test_weir_runs_a_named_query(athena, tmp_path):
    stack = Stack(tmp_path)
    stack.env |= {"AWS_ACCESS_KEY_ID": athena.sandbox.access, "AWS_SECRET_ACCESS_KEY": athena.sandbox.secret, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": athena.sandbox.url}
    stack.write("""
stack: queries
resources:
  group: {type: aws.athena.workgroup, name: analysts, output_location: "s3://lake/analysts/"}
  by_year: {type: aws.athena.named_query, name: by_year, database: films, workgroup: "${group.name}", query: "SELECT year, count(*) AS films FROM silver WHERE year < ? GROUP BY year"}
""")
    stack.apply()
    assert stack.run("run", "by_year", "1980").out.splitlines() == ["year,films", "1979,2"]
    failed = stack.run("run", "by_year", "'nosuch'", status=1)
    assert "nosuch" in failed.err
    stack.destroy()


def test_weir_saves_a_result(athena, tmp_path):
    """All of it, however much: not the first rows, which are all that is printed."""
    stack = Stack(tmp_path)
    stack.env |= {"AWS_ACCESS_KEY_ID": athena.sandbox.access, "AWS_SECRET_ACCESS_KEY": athena.sandbox.secret, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": athena.sandbox.url}
    stack.write("""
stack: saving
resources:
  group: {type: aws.athena.workgroup, name: savers, output_location: "s3://lake/saved/"}
  numbers: {type: aws.athena.named_query, name: numbers, database: films, workgroup: "${group.name}", query: "SELECT range AS n, repeat('x', 1000) AS x FROM range(?)"}
  ingest: {type: aws.states.state_machine, name: m, role: "arn:aws:iam::123456789012:role/r", definition: {StartAt: a, States: {a: {Type: Pass, End: true}}}}
""")
    stack.apply()
    count = 18000
    result = stack.run("run", "numbers", count, "--out", "numbers.csv")
    assert not result.out and "numbers.csv: 17." in result.err and "MiB" in result.err
    lines = (stack.folder / "numbers.csv").read_text().splitlines()
    assert len(lines) == count + 1 and lines[0] == '"n","x"' and lines[-1].startswith(f'"{count - 1}","xx')
    events = stack.run("run", "numbers", "5", "-o", "few.csv", "--json").events()
    assert events[-1]["event"] == "job_result" and events[-1]["file"] == "few.csv" and events[-1]["bytes"] == (stack.folder / "few.csv").stat().st_size and "result" not in events[-1]
    assert [line[:4] for line in (stack.folder / "few.csv").read_text().splitlines()] == ['"n",', '"0",', '"1",', '"2",', '"3",', '"4",']
    again = stack.run("run", "--follow", events[-1]["id"], "numbers", "-o", "again.csv")
    assert (stack.folder / "again.csv").read_bytes() == (stack.folder / "few.csv").read_bytes() and not again.out
    stack.run("run", "numbers", "'nosuch'", "-o", "never.csv", status=1)
    assert not (stack.folder / "never.csv").exists()
    assert "no result that could be saved" in stack.run("run", "ingest", "-o", "never.csv", status=3).err
    for other in (["--detach"], ["--format", "json"]):
        stack.run("run", "numbers", "5", "-o", "never.csv", *other, status=3)
    s3 = athena.sandbox.client("s3")
    s3.delete_object(Bucket="lake", Key=f"saved/{events[-1]['id']}.csv")
    gone = stack.run("run", "--follow", events[-1]["id"], "numbers", "-o", "gone.csv", status=1)
    assert "downloading s3://lake/saved/" in gone.err and "not every statement leaves a file" in gone.err
    stack.destroy()
