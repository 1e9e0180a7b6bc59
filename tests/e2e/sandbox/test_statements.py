"""SQL in a warehouse and over files: run once, again when it changes, and remembered after the service has forgotten it."""

import os
import shutil
import sys

import pytest
from servers import Faults, JobSandbox, killed
from support import Stack
from warehouse import Warehouse, needs_engine

STACK = """
    stack: gold
    resources:
      gold:
        type: aws.redshiftdata.statement
        workgroup: warehouse
        database: lake
        sql: {sql}
        undo: drop schema gold
"""


@pytest.fixture(scope="module")
def running_warehouse():
    server = Warehouse()
    yield server
    server.stop()


@pytest.fixture
def warehouse(running_warehouse):
    running_warehouse.sql("drop schema if exists gold")
    return running_warehouse


@pytest.fixture
def stack(tmp_path, warehouse):
    return warehouse.stack(tmp_path / "stack")


def runs(warehouse):
    return [run["QueryString"] for run in warehouse.client("redshift-data").list_statements(Status="ALL")["Statements"]]


@needs_engine
@pytest.mark.long
def test_statement(stack, warehouse):
    stack.write(STACK.format(sql="create schema gold"))
    stack.apply()
    stack.assert_settled()
    first = stack.run("state", "show", "gold").out
    assert "create schema gold" in first
    # a change is a new run
    stack.write(STACK.format(sql="create schema if not exists gold"))
    assert stack.plan() == {"gold": "replace"}
    stack.apply()
    stack.assert_settled()
    assert stack.run("state", "show", "gold").out != first
    assert "Nothing is left" in stack.destroy("--verify").out  # but the service's memory of it
    assert warehouse.sql("select count(*) from pg_namespace where nspname = 'gold'") == [["0"]]
    client = warehouse.client("redshift-data")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_statement(Id="00000000-0000-4000-8000-000000000000")


@needs_engine
@pytest.mark.long
def test_forgotten_by_the_service(tmp_path):
    server = Warehouse(tmp_path / "sandbox")
    stack = server.stack(tmp_path / "stack")
    stack.write(STACK.format(sql="create schema gold"))
    stack.apply()
    server.stop()
    shutil.rmtree(tmp_path / "sandbox" / "jobs" / "tasks")
    server.start()
    stack.env["AWS_ENDPOINT_URL"] = server.url
    stack.assert_settled()
    stack.destroy()
    assert stack.addresses() == []
    server.stop()


ATHENA = """
    stack: top
    resources:
      top: {{type: aws.athena.statement, sql: {sql}, undo: {undo}, output_location: "s3://lake/results/"}}
"""


class Queries:
    """A sandbox that runs queries, as a stack's cloud."""

    def __init__(self, folder, **env):
        self.server = JobSandbox(**env)
        self.athena = self.server.client("athena")
        self.stack = Stack(folder)
        self.stack.env |= self.server.environment(AWS_REGION="us-east-1")

    def runs(self):
        numbers = self.athena.list_query_executions()["QueryExecutionIds"]
        return [self.athena.get_query_execution(QueryExecutionId=number)["QueryExecution"]["Query"] for number in numbers]


@pytest.fixture
def failing(tmp_path):
    """Without DuckDB every query fails."""
    (tmp_path / "duckdb.py").write_text("raise ImportError('hidden')")
    (tmp_path / "python3").write_text(f"#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} \"$@\"\n")
    (tmp_path / "python3").chmod(0o755)
    queries = Queries(tmp_path / "stack", PATH=f"{tmp_path}:{os.environ['PATH']}")
    yield queries
    queries.server.stop()


@pytest.fixture
def queries(tmp_path):
    queries = Queries(tmp_path / "stack")
    yield queries
    queries.server.stop()


def test_a_failed_statement_says_why(failing):
    failing.stack.write(ATHENA.format(sql="select 2", undo="select 1"))
    failed = failing.stack.apply(status=1)
    assert "status became FAILED: the sandbox runs SQL where python3 has the package duckdb" in failed.err
    # it may have done a part of its work: what undoes it is run before it is run again, and has to succeed too
    again = failing.stack.apply(status=1)
    assert "status became FAILED" in again.err
    assert sorted(failing.runs()) == ["select 1", "select 2"]


def test_statement_over_files(queries):
    stack = queries.stack
    stack.write(ATHENA.format(sql="select 1", undo="select 0"))
    stack.apply()
    stack.assert_settled()
    assert "athena." not in stack.run("plan", "-v").err  # what was run was run
    stack.write(ATHENA.format(sql="select 2", undo="select 00"))
    stack.apply()
    stack.assert_settled()
    assert sorted(queries.runs()) == ["select 0", "select 1", "select 2"]
    # what undoes it may change alone; what counts is what was applied last
    stack.write(ATHENA.format(sql="select 2", undo="select 000"))
    assert stack.plan() == {"top": "update"}
    stack.apply()
    stack.assert_settled()
    assert "Nothing is left" in stack.destroy("--verify").out  # but the service's memory
    assert sorted(queries.runs()) == ["select 0", "select 000", "select 1", "select 2"]
    assert stack.addresses() == []


@needs_engine
@pytest.mark.long
def test_a_lost_answer_does_not_run_it_twice(stack, warehouse):
    before = runs(warehouse)
    stack.write(STACK.format(sql="create schema gold"))
    killed(stack, Faults(warehouse), "ExecuteStatement")
    stack.apply()
    stack.assert_settled()
    assert runs(warehouse)[:len(runs(warehouse)) - len(before)] == ["create schema gold"]
    stack.destroy()


def test_a_lost_answer_does_not_query_twice(queries):
    stack = queries.stack
    stack.write(ATHENA.format(sql="select 1", undo="select 0"))
    stack.apply()
    stack.destroy()  # one of an earlier time, which is not what the next run makes
    killed(stack, Faults(queries.server), "StartQueryExecution")
    stack.apply()
    stack.assert_settled()
    assert sorted(queries.runs()) == ["select 0", "select 1", "select 1"]
