"""Athena's queries: with DuckDB over the tables of the catalog, without it an honest refusal."""

import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from servers import Faults, JobSandbox
from support import until


class Athena:
    def __init__(self, sandbox):
        self.sandbox, self.api = sandbox, sandbox.client("athena")

    def ended(self, sql, **more):
        more.setdefault("ResultConfiguration", {"OutputLocation": "s3://lake/results/"})
        more.setdefault("QueryExecutionContext", {"Database": "films"})
        self.run = self.api.start_query_execution(QueryString=sql, **more)["QueryExecutionId"]
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


def test_a_token_is_one_query(job_sandbox):
    athena = job_sandbox.client("athena")
    given = {"QueryString": "SHOW DATABASES", "ResultConfiguration": {"OutputLocation": "s3://lake/"}, "ClientRequestToken": "a token of more than thirty-two characters"}
    first = athena.start_query_execution(**given)["QueryExecutionId"]
    assert athena.start_query_execution(**given)["QueryExecutionId"] == first
    with pytest.raises(ClientError, match="Idempotent parameters do not match"):
        athena.start_query_execution(**{**given, "QueryString": "SHOW TABLES"})
    assert athena.start_query_execution(**{**given, "ClientRequestToken": "b" * 32})["QueryExecutionId"] != first
    with pytest.raises(ClientError, match="WorkGroup none is not found"):
        athena.list_query_executions(WorkGroup="none")


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


def test_the_catalog_is_named(athena):
    """As dbt, PyAthena and dlt do: in any case, before databases, tables, views and the information schema."""
    assert athena.rows("SELECT 1", QueryExecutionContext={"Database": "not_yet"}) == [["_col0"], ["1"]]
    for sql in ("CREATE DATABASE `awsdatacatalog`.`named`", 'CREATE VIEW "awsdatacatalog"."named"."v" AS SELECT title FROM "awsdatacatalog"."films"."silver" WHERE year > 1980'):
        athena.rows(sql)
    assert athena.rows('SELECT * FROM "AwsDataCatalog"."named"."v"') == [["title"], ["tron"]]
    assert athena.rows("SELECT table_name FROM \"awsdatacatalog\".INFORMATION_SCHEMA.TABLES WHERE table_catalog = 'awsdatacatalog' AND table_schema = 'named'")[1:] == [["v"]]
    assert [one["Name"] for one in athena.api.list_table_metadata(CatalogName="awsdatacatalog", DatabaseName="named")["TableMetadataList"]] == ["v"]
    athena.rows("DROP DATABASE awsdatacatalog.named CASCADE")


def test_functions_of_presto(athena):
    sql = ("SELECT date_format(timestamp '2026-11-21 09:05:07', '%Y-%m-%d %H:%i:%s'), json_extract_scalar('{\"a\": {\"b\": 1}}', '$.a.b'), json_extract_scalar('{\"a\": {}}', '$.a'), "
           "regexp_like('alien', '^al'), from_unixtime(86400), date_parse('21.11.2026 09:05', '%d.%m.%Y %H:%i'), cardinality(sequence(1, 3)) AS n")
    assert athena.rows(sql) == [["_col0", "_col1", "_col2", "_col3", "_col4", "_col5", "n"], ["2026-11-21 09:05:07", "1", None, "true", "1970-01-02 00:00:00.000", "2026-11-21 09:05:00.000", "3"]]


def test_dates_are_parsed_in_tables_and_views(athena):
    athena.rows("CREATE TABLE dated WITH (format = 'PARQUET', external_location = 's3://lake/ddl/dated/') AS SELECT date_parse(concat('2026', '-11'), '%Y-%m') AS month, 'date_parse(' AS text")
    athena.rows("CREATE VIEW days AS SELECT date_parse('05:07', '%i:%s') AS t, month, text FROM dated")
    assert athena.rows("SELECT minute(t), second(t), month, text FROM days")[1:] == [["5", "7", "2026-11-01 00:00:00.000", "date_parse("]]
    for what in ("VIEW days", "TABLE dated"):
        athena.rows(f"DROP {what}")


def test_columns_that_no_file_has(athena):
    athena.rows("CREATE TABLE narrow WITH (format = 'PARQUET', external_location = 's3://lake/ddl/narrow/') AS SELECT title FROM silver")
    athena.rows("ALTER TABLE narrow ADD COLUMNS (rating double)")
    assert athena.rows("SELECT title, rating FROM narrow WHERE title = 'tron'")[1:] == [["tron", None]]


def test_columns_are_called_as_the_catalog_has_them(athena, tmp_path):
    """A file may have capital letters in its names."""
    import duckdb

    duckdb.sql("SELECT 'alien' AS tituloPrincipal").write_parquet(str(tmp_path / "titles"))
    athena.sandbox.put("ddl/capitals/part.parquet", (tmp_path / "titles").read_bytes())
    athena.rows("CREATE EXTERNAL TABLE titles (tituloPrincipal string) STORED AS PARQUET LOCATION 's3://lake/ddl/capitals/'")
    assert athena.rows("SELECT * FROM titles") == [["tituloprincipal"], ["alien"]]
    athena.rows("DROP TABLE titles")


def test_a_query_that_cannot_be_run(athena):
    for sql, reason in (("SELECT nosuch FROM silver", "nosuch"), ("DROP VIEW silver", "DROP TABLE drops it"), ("GRANT x", "no statement that begins with GRANT"), ("CREATE EXTERNAL TABLE t (a int)", "has a LOCATION"), ("CREATE EXTERNAL TABLE t (a int) STORED AS WOOD LOCATION 's3://lake/t/'", "STORED AS WOOD"), ("CREATE TABLE t (a int)", "makes Iceberg tables"), ("ALTER TABLE silver ADD PARTITION (month = '1')", "divided by year"), ("INSERT INTO nosuch VALUES (1)", "Table not found films.nosuch"), ("SELECT *\nFROM nowhere", "TABLE_NOT_FOUND: line 2:6: Table 'awsdatacatalog.films.nowhere' does not exist"),
                        ("SELECT nope FROM silver", "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved"), ("SELECT * FROM lost.t", "SCHEMA_NOT_FOUND: line 1:15: Schema 'lost' does not exist"),
                        ("DROP TABLE other.films.silver", "CATALOG_NOT_FOUND")):
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
    stack = athena.sandbox.stack(tmp_path)
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
    stack = athena.sandbox.stack(tmp_path)
    stack.write("""
stack: saving
resources:
  group: {type: aws.athena.workgroup, name: savers, output_location: "s3://lake/saved/"}
  numbers: {type: aws.athena.named_query, name: numbers, database: films, workgroup: "${group.name}", query: "SELECT range AS n, repeat('x', 1000) AS x FROM range(?)"}
  ingest: {type: aws.stepfunctions.state_machine, name: m, role: "arn:aws:iam::123456789012:role/r", definition: {StartAt: a, States: {a: {Type: Pass, End: true}}}}
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
    assert "has no result to save" in stack.run("run", "ingest", "-o", "never.csv", status=3).err
    for other in (["--detach"], ["--format", "json"]):
        stack.run("run", "numbers", "5", "-o", "never.csv", *other, status=3)
    s3 = athena.sandbox.client("s3")
    s3.delete_object(Bucket="lake", Key=f"saved/{events[-1]['id']}.csv")
    gone = stack.run("run", "--follow", events[-1]["id"], "numbers", "-o", "gone.csv", status=1)
    assert "downloading s3://lake/saved/" in gone.err and "not every statement leaves a file" in gone.err
    stack.destroy()


def test_tables_are_made_and_filled(athena):
    glue = athena.sandbox.client("glue")
    athena.sandbox.put("ddl/raw/one.csv", "id;name;price\n1;lamp;2.5\n2;table;10\n")
    assert athena.rows("CREATE DATABASE IF NOT EXISTS shop COMMENT 'what is sold'") == []
    made = """CREATE EXTERNAL TABLE IF NOT EXISTS shop.goods (
        id int COMMENT 'its number', `name` string, price decimal(10,2), tags array<struct<k:string,v:map<string,int>>>)
      PARTITIONED BY (day string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ';' -- as they come
      STORED AS TEXTFILE LOCATION 's3://lake/ddl/goods/' TBLPROPERTIES ('skip.header.line.count'='1', 'note'='it''s new')"""
    assert athena.rows(made) == [] and athena.rows(made) == []
    table = glue.get_table(DatabaseName="shop", Name="goods")["Table"]
    assert [(c["Name"], c["Type"]) for c in table["StorageDescriptor"]["Columns"]][2:] == [("price", "decimal(10,2)"), ("tags", "array<struct<k:string,v:map<string,int>>>")]
    assert table["Parameters"]["note"] == "it's new" and table["PartitionKeys"] == [{"Name": "day", "Type": "string"}]
    assert table["StorageDescriptor"]["SerdeInfo"]["Parameters"]["field.delim"] == ";"
    assert athena.rows("SHOW TABLES IN shop") == [["goods"]]
    assert athena.api.get_query_execution(QueryExecutionId=athena.run)["QueryExecution"]["StatementType"] == "UTILITY"
    assert athena.sandbox.get(f"results/{athena.run}.txt") == "goods\n"
    assert [row[0].split() for row in athena.rows("DESCRIBE shop.goods")][:2] == [["id", "int", "its", "number"], ["name", "string"]]
    assert athena.rows("SHOW DATABASES LIKE 's*'") == [["shop"]]
    assert athena.rows("SELECT * FROM shop.goods")[1:] == []
    text = "\n".join(row[0] for row in athena.rows("SHOW CREATE TABLE shop.goods"))
    assert athena.rows("DROP TABLE shop.goods") == [] and athena.rows("DROP TABLE IF EXISTS shop.goods") == []
    assert athena.rows(text) == []  # what it shows makes the same again
    again = glue.get_table(DatabaseName="shop", Name="goods")["Table"]
    assert {**again, "CreateTime": 0, "UpdateTime": 0, "VersionId": 0} == {**table, "CreateTime": 0, "UpdateTime": 0, "VersionId": 0}
    athena.rows("DROP DATABASE shop CASCADE")


def test_prepared_statements(athena):
    kept = {"StatementName": "of_year", "WorkGroup": "primary"}
    assert athena.rows("PREPARE of_year FROM SELECT title FROM silver WHERE year = ? AND title <> ?") == []
    assert athena.api.get_prepared_statement(**kept)["PreparedStatement"]["QueryStatement"] == "SELECT title FROM silver WHERE year = ? AND title <> ?"
    assert athena.rows("EXECUTE of_year USING 1970 + 9, concat('ali', 'en')")[1:] == [["mad, max"]]
    assert athena.rows("execute of_year", ExecutionParameters=["1979", "'mad, max'"])[1:] == [["alien"]]
    assert athena.rows("DEALLOCATE PREPARE of_year") == []
    with pytest.raises(athena.api.exceptions.ResourceNotFoundException):
        athena.api.get_prepared_statement(**kept)


@pytest.mark.long
def test_more_of_prepared_statements(athena):
    athena.rows("PREPARE of_year FROM SELECT 1")
    athena.rows("PREPARE of_year FROM SELECT count(*) FROM silver")
    assert athena.rows("EXECUTE of_year")[1:] == [["3"]]
    athena.api.create_prepared_statement(StatementName="by_api", WorkGroup="primary", QueryStatement="SELECT ? AS word, '?' AS mark -- ?")
    assert athena.rows("EXECUTE by_api USING 'it''s'") == [["word", "mark"], ["it's", "?"]]
    assert athena.rows("EXECUTE IMMEDIATE 'SELECT ? + 1' USING 1")[1:] == [["2"]]
    many = athena.api.batch_get_prepared_statement(WorkGroup="primary", PreparedStatementNames=["by_api"])["PreparedStatements"]
    assert [one["StatementName"] for one in many] == ["by_api"]
    athena.rows("DEALLOCATE PREPARE of_year")
    for sql, reason in (("EXECUTE of_year", "NOT_FOUND: Prepared statement not found: of_year"), ("DEALLOCATE PREPARE of_year", "NOT_FOUND"),
                        ("EXECUTE by_api", "expected 1 but found 0"), ("EXECUTE by_api USING 1, 2", "expected 1 but found 2")):
        assert reason in athena.ended(sql)["Status"]["StateChangeReason"]
    athena.api.delete_prepared_statement(StatementName="by_api", WorkGroup="primary")


def test_parameters_are_values_of_sql(athena):
    assert athena.rows("SELECT ?, ?, ?, '?' AS \"?\" -- ?", ExecutionParameters=["DATE '2026-11-21'", "1.50", "no text of SQL's"])[1:] == [["2026-11-21", "1.50", "no text of SQL's", "?"]]
    assert "expected 0 but found 1" in athena.ended("SELECT 1", ExecutionParameters=["1"])["Status"]["StateChangeReason"]
    athena.rows("CREATE TABLE filled WITH (format = 'PARQUET') AS SELECT ? AS n", ExecutionParameters=["7"])
    assert athena.rows("INSERT INTO filled SELECT ? + 1", ExecutionParameters=["7"]) == [["rows"], ["1"]]
    assert athena.rows("SELECT n FROM filled ORDER BY n")[1:] == [["7"], ["8"]]
    athena.rows("DROP TABLE filled")


@pytest.mark.long
def test_statements_that_write_leave_a_manifest(athena):
    def manifest(sql):
        assert (query := athena.ended(sql))["Status"]["State"] == "SUCCEEDED", query
        place = query["Statistics"]["DataManifestLocation"]
        assert place == f"s3://lake/results/{athena.run}-manifest.csv"
        return athena.sandbox.get(place.removeprefix("s3://lake/")).splitlines()

    made = manifest("CREATE TABLE left_over WITH (external_location = 's3://lake/ddl/left/', partitioned_by = ARRAY['year']) AS SELECT title, year FROM silver")
    assert sorted(one.rpartition("/")[0] for one in made) == ["s3://lake/ddl/left/year=1979", "s3://lake/ddl/left/year=1982"]
    added = manifest("INSERT INTO left_over VALUES ('aliens', 1986)")
    unloaded = manifest("UNLOAD (SELECT title FROM silver) TO 's3://lake/ddl/unloaded/' WITH (format = 'PARQUET')")
    for one in (*made, *added, *unloaded):
        assert athena.sandbox.client().head_object(Bucket="lake", Key=one.removeprefix("s3://lake/"))["ContentLength"]
    assert "DataManifestLocation" not in athena.ended("SELECT 1")["Statistics"]
    athena.rows("DROP TABLE left_over")


def test_plain_text_is_read_as_hive_reads_it(athena):
    athena.sandbox.put("ddl/plain/a.csv", 'id,word\n1,"two, words"\n2,a\\, b,3,4,5\nno number,\\N\n4,,\n')
    athena.rows("CREATE EXTERNAL TABLE plain (id int, word string, n double) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' ESCAPED BY '\\' LOCATION 's3://lake/ddl/plain/' TBLPROPERTIES ('skip.header.line.count'='1')")
    assert athena.rows("SELECT * FROM plain")[1:] == [["1", '"two', None], ["2", "a, b", "3.0"], [None, None, None], ["4", "", None]]
    athena.rows("ALTER TABLE plain SET TBLPROPERTIES ('skip.header.line.count'='0')")
    athena.rows("INSERT INTO plain VALUES (5, 'say \"x\"', NULL)")
    assert athena.rows("SELECT * FROM plain WHERE id = 5")[1:] == [["5", 'say "x"', None]]
    athena.rows("DESCRIBE plain", QueryExecutionContext={"Database": "`films`"})
    columns = athena.api.get_query_results(QueryExecutionId=athena.run)["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [c["Name"] for c in columns] == ["col_name", "data_type", "comment"]
    athena.rows("DROP TABLE plain")


@pytest.mark.long
def test_partitions(athena):
    glue = athena.sandbox.client("glue")
    for day, n in (("1", 3), ("2", 4)):
        athena.sandbox.put(f"ddl/parts/day={day}/a.csv", f"{n}\n")
    athena.sandbox.put("ddl/elsewhere/a.csv", "50\n60\n")
    athena.rows("CREATE EXTERNAL TABLE parts (n int) PARTITIONED BY (day int) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://lake/ddl/parts/'")
    rows = "SELECT day, n FROM parts ORDER BY day, n"
    assert athena.rows(rows)[1:] == [["1", "3"], ["2", "4"]]  # none is registered: all that lie there
    assert athena.rows("ALTER TABLE parts ADD IF NOT EXISTS PARTITION (day = '1') PARTITION (day = 9) LOCATION 's3://lake/ddl/elsewhere/'") == []
    assert athena.rows(rows)[1:] == [["1", "3"], ["9", "50"], ["9", "60"]]
    assert athena.rows("SHOW PARTITIONS parts") == [["day=1"], ["day=9"]]
    assert athena.rows("MSCK REPAIR TABLE parts") == [["Repair: Added partition to metastore parts:day=2"]]
    assert athena.rows("SELECT sum(n) FROM parts")[1:] == [["117"]]
    assert athena.rows("ALTER TABLE parts DROP PARTITION (day = '9')") == []
    assert [p["Values"] for p in glue.get_partitions(DatabaseName="films", TableName="parts")["Partitions"]] == [["1"], ["2"]]
    assert "already exists" in athena.ended("ALTER TABLE parts ADD PARTITION (day = '1')")["Status"]["StateChangeReason"]
    assert glue.get_partition(DatabaseName="films", TableName="parts", PartitionValues=["2"])["Partition"]["StorageDescriptor"]["Location"] == "s3://lake/ddl/parts/day=2/"
    for wrong in ({"Values": ["1"]}, {"Values": ["1", "2"]}):
        with pytest.raises(ClientError):
            glue.create_partition(DatabaseName="films", TableName="parts", PartitionInput=wrong)
    glue.update_partition(DatabaseName="films", TableName="parts", PartitionValueList=["2"], PartitionInput={"Values": ["3"], "StorageDescriptor": {"Location": "s3://lake/ddl/elsewhere/"}})
    assert athena.rows(rows)[1:] == [["1", "3"], ["3", "50"], ["3", "60"]]
    assert glue.batch_delete_partition(DatabaseName="films", TableName="parts", PartitionsToDelete=[{"Values": ["3"]}, {"Values": ["7"]}])["Errors"][0]["PartitionValues"] == ["7"]
    athena.rows("DROP TABLE parts")
    athena.rows("CREATE EXTERNAL TABLE parts (n int) PARTITIONED BY (day int) LOCATION 's3://lake/ddl/parts/'")
    assert athena.rows("SHOW PARTITIONS parts") == []
    athena.rows("DROP TABLE parts")


def test_a_partition_is_there_once(athena):
    glue, table = athena.sandbox.client("glue"), {"DatabaseName": "films", "TableName": "once"}
    athena.rows("CREATE EXTERNAL TABLE once (n int) PARTITIONED BY (day int) LOCATION 's3://lake/ddl/once/'")
    for refused in (["1"], ["1", "2", "1"]):  # what the same call has added, then what another has
        answer = glue.batch_create_partition(**table, PartitionInputList=[{"Values": [day]} for day in ("1", "2", "1")])
        assert [(e["PartitionValues"], e["ErrorDetail"]["ErrorCode"]) for e in answer["Errors"]] == [([day], "AlreadyExistsException") for day in refused]
    assert [p["Values"] for p in glue.get_partitions(**table)["Partitions"]] == [["1"], ["2"]]
    athena.rows("DROP TABLE once")


def test_partitions_are_chosen(athena):
    glue, table = athena.sandbox.client("glue"), {"DatabaseName": "films", "TableName": "chosen"}
    athena.rows("CREATE EXTERNAL TABLE chosen (n int) PARTITIONED BY (year int, day string) LOCATION 's3://lake/ddl/chosen/'")
    values = [[str(year), f"2026-11-{day:02}"] for year in (9, 10, 2026) for day in (1, 2)]
    glue.batch_create_partition(**table, PartitionInputList=[{"Values": one} for one in values])

    def chosen(expression, **more):
        return [p["Values"] for p in glue.get_partitions(**table, Expression=expression, **more)["Partitions"]]

    assert chosen("year = 2026 AND day = '2026-11-02'") == [values[5]]
    assert chosen("year > 9 and `day` LIKE '%01'") == [values[2], values[4]]
    assert chosen("year IN (9, 2026) AND NOT (day >= '2026-11-02' OR year < 10)") == [values[4]]
    assert chosen("YEAR BETWEEN 10 AND 100") == values[2:4] and chosen("year <> 10 AND day <> '2026-11-01'") == [values[1], values[5]]
    for wrong, why in (("month = 1", "not a partition key"), ("year = 'soon'", "a number"), ("year = ", "ends"), ("year = 1 day = 2", "AND or OR"), ("day = 'x", "never closed")):
        with pytest.raises(ClientError, match=why):
            chosen(wrong)
    parts = [chosen("year > 9", Segment={"SegmentNumber": n, "TotalSegments": 3}) for n in range(3)]
    assert sorted(sum(parts, [])) == sorted(values[2:]) and max(map(len, parts)) < 4
    answer = glue.batch_get_partition(**table, PartitionsToGet=[{"Values": values[1]}, {"Values": ["1", "2"]}])
    assert [p["Values"] for p in answer["Partitions"]] == [values[1]] and answer["UnprocessedKeys"] == [{"Values": ["1", "2"]}]
    with pytest.raises(ClientError, match="AlreadyExistsException"):
        glue.update_partition(**table, PartitionValueList=values[0], PartitionInput={"Values": values[1]})
    athena.rows("DROP TABLE chosen")


def test_partitions_that_are_projected(athena):
    for day in ("2026/11/19", "2026/11/20", "2026/12/01"):
        for zone in ("eu", "us", "moon"):
            athena.sandbox.put(f"ddl/log/{zone}/{day}/x.json", f'{{"a": {len(zone)}}}\n')
    athena.rows("""CREATE EXTERNAL TABLE log (a int) PARTITIONED BY (zone string, day string) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' LOCATION 's3://lake/ddl/log/'
        TBLPROPERTIES ('projection.enabled'='true', 'projection.zone.type'='enum', 'projection.zone.values'='eu,us', 'projection.day.type'='date', 'projection.day.format'='yyyy/MM/dd',
                       'projection.day.range'='2026/11/20,2026/12/31', 'storage.location.template'='s3://lake/ddl/log/${zone}/${day}')""")
    # a date that is written with slashes is three folders
    found = athena.rows("SELECT zone, day, a FROM log ORDER BY 1, 2")[1:]
    assert found == [["eu", "2026/11/20", "2"], ["eu", "2026/12/01", "2"], ["us", "2026/11/20", "2"], ["us", "2026/12/01", "2"]]
    for n in range(1, 6):
        athena.sandbox.put(f"ddl/numbered/n={n:02}/x.json", f'{{"a": {n}}}\n')
    athena.rows("""CREATE EXTERNAL TABLE numbered (a int) PARTITIONED BY (n string) STORED AS JSONFILE LOCATION 's3://lake/ddl/numbered/'
        TBLPROPERTIES ('projection.enabled'='true', 'projection.n.type'='integer', 'projection.n.range'='1,5', 'projection.n.interval'='2', 'projection.n.digits'='2')""")
    assert athena.rows("SELECT n FROM numbered ORDER BY n")[1:] == [["01"], ["03"], ["05"]]
    assert athena.rows("SHOW PARTITIONS numbered") == [["n=01"], ["n=03"], ["n=05"]]


@pytest.mark.long
def test_tables_of_queries(athena):
    athena.rows("CREATE TABLE sold WITH (format = 'PARQUET', external_location = 's3://lake/ddl/sold/', partitioned_by = ARRAY['year']) AS SELECT title, gross, year FROM silver")
    glue = athena.sandbox.client("glue")
    table = glue.get_table(DatabaseName="films", Name="sold")["Table"]
    assert [(c["Name"], c["Type"]) for c in table["StorageDescriptor"]["Columns"] + table["PartitionKeys"]] == [("title", "string"), ("gross", "double"), ("year", "int")]
    keys = [o["Key"] for o in athena.sandbox.client().list_objects_v2(Bucket="lake", Prefix="ddl/sold/")["Contents"]]
    assert sorted({k.split("/")[2] for k in keys}) == ["year=1979", "year=1982"] and all(k.endswith(".parquet") for k in keys)
    assert "HIVE_PATH_ALREADY_EXISTS" in athena.ended("CREATE TABLE other WITH (external_location = 's3://lake/ddl/sold/') AS SELECT 1 AS a")["Status"]["StateChangeReason"]
    assert "TABLE_ALREADY_EXISTS" in athena.ended("CREATE TABLE sold AS SELECT 1 AS a")["Status"]["StateChangeReason"]
    athena.rows("INSERT INTO sold VALUES ('brazil', 9.9, 1985), ('aliens', 131.1, 1986)")
    athena.rows("INSERT INTO sold (year, title) SELECT 1985, 'legend'")
    assert athena.rows("SELECT year, title, gross FROM sold WHERE year > 1982 ORDER BY 1, 2")[1:] == [["1985", "brazil", "9.9"], ["1985", "legend", None], ["1986", "aliens", "131.1"]]
    assert len(glue.get_partitions(DatabaseName="films", TableName="sold")["Partitions"]) == 4
    athena.rows("CREATE TABLE empty_copy WITH (format = 'TEXTFILE', field_delimiter = ',') AS SELECT title, year FROM silver WITH NO DATA")
    athena.rows("INSERT INTO empty_copy VALUES ('\"a\" b', 1), ('a, b', 2)")
    assert athena.rows("SELECT * FROM empty_copy ORDER BY 1")[1:] == [['"a" b', "1"], ["a", None]]  # quotes keep no delimiter in its field
    athena.rows("CREATE OR REPLACE VIEW late AS SELECT title, gross FROM sold WHERE year >= 1985")
    athena.rows("CREATE OR REPLACE VIEW late AS SELECT title, gross, year FROM sold WHERE year >= 1985")
    assert athena.rows("SELECT count(*) FROM late")[1:] == [["3"]]
    assert athena.rows("SHOW VIEWS") == [["late"], ["old"]]
    assert athena.rows("SHOW COLUMNS IN late") == [["title"], ["gross"], ["year"]]
    athena.rows("UNLOAD (SELECT title FROM late ORDER BY title) TO 's3://lake/ddl/titles/' WITH (format = 'JSON')")
    (item,) = athena.sandbox.client().list_objects_v2(Bucket="lake", Prefix="ddl/titles/")["Contents"]
    assert athena.sandbox.get(item["Key"]).splitlines()[0] == '{"title":"aliens"}'
    for what in ("VIEW late", "TABLE sold", "TABLE empty_copy"):
        athena.rows(f"DROP {what}")


def test_values_as_athena_writes_them(athena):
    assert athena.rows("""SELECT 7 / 2, 7 / 2.0, true, date '2026-11-20', timestamp '2026-11-20 10:11:12.345', CAST(12.50 AS decimal(10,2)), CAST(12345678.9 AS double), CAST(0.00012 AS double),
        CAST(100 AS double), CAST(0.1 AS real), CAST('a' AS varbinary), [1, 2, NULL], {'a': 1.5, 'b': 'x'}, NULL, '', CAST(-2.5E20 AS double)""")[1] == [
        "3", "3.5", "true", "2026-11-20", "2026-11-20 10:11:12.345", "12.50", "1.23456789E7", "1.2E-4", "100.0", "0.1", "61", "[1, 2, null]", "{a=1.5, b=x}", None, "", "-2.5E20"]
    athena.rows("SELECT CAST(1.5 AS decimal(10,2)) AS d, CAST(1 AS bigint) AS b, [1] AS l, 'x' AS v")
    columns = athena.api.get_query_results(QueryExecutionId=athena.run)["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [(c["Type"], c["Precision"], c["Scale"]) for c in columns] == [("decimal", 10, 2), ("bigint", 19, 0), ("array", 0, 0), ("varchar", 2147483647, 0)]


def test_statements_of_a_stack(athena, tmp_path):
    stack = athena.sandbox.stack(tmp_path)
    stack.write("""
stack: statements
resources:
  top: {type: aws.athena.statement, database: films, output_location: "s3://lake/statements/", sql: create or replace view top as select title from silver where gross > 100, undo: drop view if exists top}
""")
    stack.apply()
    stack.assert_settled()
    assert athena.rows("SELECT * FROM top")[1:] == [["alien"]]
    stack.destroy()
    assert athena.rows("SHOW VIEWS 'top'") == []


def residents(sandbox):
    """The processes that run its queries."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if stat.read_text().rpartition(")")[2].split()[1] == str(sandbox.process.pid) and b"weir_resident.py" in (stat.parent / "cmdline").read_bytes():
                found.add(int(stat.parent.name))
    return found


@pytest.mark.full
def test_what_runs_queries_stays(athena):
    def struck():
        return faults("GET")["rules"][0]["struck"]

    def begin_slowly():
        before = struck()
        run = athena.api.start_query_execution(QueryString="SELECT * FROM films.silver", ResultConfiguration={"OutputLocation": "s3://lake/results/"})["QueryExecutionId"]
        until(lambda: struck() > before)  # what runs it has it, and asks for the files
        assert state(run) == "RUNNING"
        return run

    def state(run):
        return athena.api.get_query_execution(QueryExecutionId=run)["QueryExecution"]["Status"]["State"]

    def alone():
        return athena.rows("SELECT 1 AS n") == [["n"], ["1"]]

    faults = Faults(athena.sandbox)
    assert alone()
    here = residents(athena.sandbox)
    assert alone() and residents(athena.sandbox) == here and len(here) in (1, 2)
    faults("POST", {"rules": [{"service": "s3", "operation": "GET /lake/silver*", "latency": 600000}]})
    slow = begin_slowly()
    assert alone()  # beside it
    athena.api.stop_query_execution(QueryExecutionId=slow)
    until(lambda: state(slow) == "CANCELLED")
    assert alone()
    slow = begin_slowly()
    for pid in residents(athena.sandbox):
        os.kill(pid, signal.SIGKILL)
    faults("DELETE")
    reason = until(lambda: state(slow) == "FAILED" and athena.api.get_query_execution(QueryExecutionId=slow))
    assert reason["QueryExecution"]["Status"]["StateChangeReason"] == "what ran the query has ended"
    assert alone()
    for pid in residents(athena.sandbox):
        os.kill(pid, signal.SIGALRM)  # it has waited long enough, and leaves while it is asked
    assert alone()


def test_a_query_that_nothing_took_is_run_by_another(athena):
    """What waits for queries is killed with one in its pipe."""
    athena.rows("SELECT 1 AS n")
    waiting = residents(athena.sandbox)
    for pid in waiting:
        os.kill(pid, signal.SIGSTOP)
    # until it has stopped it may still read what is asked
    until(lambda: all(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T" for pid in waiting))
    run = athena.api.start_query_execution(QueryString="SELECT 2 AS n", ResultConfiguration={"OutputLocation": "s3://lake/results/"})["QueryExecutionId"]
    status = lambda: athena.api.get_query_execution(QueryExecutionId=run)["QueryExecution"]["Status"]
    until(lambda: status()["State"] == "RUNNING")
    for pid in waiting:
        os.kill(pid, signal.SIGKILL)
    until(lambda: status()["State"] in ("SUCCEEDED", "FAILED"))
    assert status()["State"] == "SUCCEEDED", status()


def test_a_workgroup_decides_where_results_go(athena):
    athena.api.create_work_group(Name="strict", Configuration={"ResultConfiguration": {"OutputLocation": "s3://lake/strict/"}, "EnforceWorkGroupConfiguration": True})
    query = athena.ended("SELECT 1 AS a", WorkGroup="strict")
    assert query["ResultConfiguration"]["OutputLocation"] == f"s3://lake/strict/{athena.run}.csv"
    athena.api.update_work_group(WorkGroup="strict", State="DISABLED")
    with pytest.raises(ClientError, match="is disabled"):
        athena.ended("SELECT 1", WorkGroup="strict")
