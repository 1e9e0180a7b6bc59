"""
Killed (SIGKILL) before or after any message to PostgreSQL, or at a durable step, weir must carry on as if nothing had happened: the same
objects as without the kill, as pg_dumpall shows them, and nothing left to do.
"""

import os
import subprocess

import pytest
from pg import Postgres
from support import Stack

LONG = bool(os.environ.get("WEIR_LONG"))
FEW = 4

RESOURCES = """
resources:
  writers: {type: postgres.role, provider: retail, name: writers, comment: they write}
  loader: {type: postgres.role, provider: retail, name: loader, login: true, password: kill-Partridge-3, member_of: ["${writers.name}"], connection_limit: "${inputs.v}"}
  db: {type: postgres.database, provider: retail, name: shop, owner: "${writers.name}", comment: "version ${inputs.v}"}
  bronze: {type: postgres.schema, provider: shop, name: bronze, comment: "version ${inputs.v}", depends_on: [db]}
  customer:
    type: postgres.table
    provider: shop
    schema: ${bronze.name}
    name: customer
    columns: [{name: id, type: int}, {name: name, type: "varchar(${10 * inputs.v})", not_null: "${inputs.v == 2}"}]
    primary_key: [id]
    indexes: {by_name: "${inputs.v == 1 ? \\"(name)\\" : \\"(name desc)\\"}"}
  names: {type: postgres.view, provider: shop, schema: "${bronze.name}", name: names, query: "select id, ${inputs.v} as v from customer", depends_on: [customer]}
  read: {type: postgres.grant, provider: shop, role: "${writers.name}", on: table, schema: "${bronze.name}", names: [customer], privileges: "${inputs.v == 1 ? [\\"select\\"] : [\\"insert\\", \\"update\\"]}", depends_on: [customer]}
  later: {type: postgres.default_privileges, provider: shop, owner: "${loader.name}", role: "${writers.name}", schema: "${bronze.name}", on: tables, privileges: [select]}
  steps: {type: postgres.migrations, provider: shop, folder: "migrations-${inputs.v}", down: true, depends_on: [db]}
  rows: {type: postgres.load, provider: shop, schema: "${bronze.name}", table: customer, source: "data-${inputs.v}", on_destroy: truncate, depends_on: [customer]}
"""
SCENARIOS = {"create": ([], ["apply", "--yes"]), "update": ([[]], ["apply", "--yes", "-i", "v=2"]), "destroy": ([[]], ["destroy", "--yes"])}


@pytest.fixture(scope="module")
def server():
    server = Postgres("kill-Admin-1", fsync="off")
    yield server
    server.stop()


class Sweep:
    def __init__(self, server, folder, name):
        self.server, self.folder, self.name = server, folder, name
        self.before, self.command = SCENARIOS[name]
        self.count = 0

    def clear(self):
        self.server.psql("drop database if exists shop with (force)", "drop role if exists loader", "drop role if exists writers")

    def fresh(self):
        self.clear()
        self.count += 1
        stack = Stack(self.folder / f"{self.name}-{self.count}")
        providers = f"providers:\n  {self.server.provider()}\n  {self.server.provider('shop', dbname='shop')}\n"
        (stack.folder / "weir.yaml").write_text("stack: killed\ninputs: {v: {type: integer, default: 1}}\n" + providers + RESOURCES)
        for version in 1, 2:
            for number in range(1, version + 2):
                stack.write(f"create table step{number} (a int); insert into step{number} values ({number})", f"migrations-{version}/{number}.sql")
                stack.write(f"drop table step{number}", f"migrations-{version}/{number}.down.sql")
                stack.write(f"id,name\n{number},n{number}\n", f"data-{version}/{number}.csv")
        for inputs in self.before:
            stack.run("apply", "--yes", *inputs)
        return stack

    def seen(self):
        """What an independent program sees, without what is another each time."""
        dump = subprocess.run(["pg_dumpall", "--no-role-passwords"], env={**os.environ, **self.server.env()}, capture_output=True, text=True, check=True).stdout
        lines = [line for line in dump.splitlines() if not line.startswith(("--", "\\"))]
        return [line.split("\t")[:4] if "\t" in line else line for line in lines]  # the ledger's fifth column is the time

    def finish(self, stack):
        stack.run(*self.command)
        inputs = [word for word in self.command if word in ("-i", "v=2")]
        result = stack.run("plan", *inputs) if self.name != "destroy" else None
        assert result is None or "No changes" in result.out, str(result)
        return self.seen()

    def points(self):
        names = self.fresh().crash_points(*self.command)
        assert sum("postgres" in name for name in names) > 20, names
        return len(names)

    def killed_at(self, at):
        """None: the run was through before it got there."""
        stack = self.fresh()
        return stack if stack.killed_at(at, *self.command) else None


@pytest.mark.long
@pytest.mark.parametrize("name", SCENARIOS)
def test_kill(server, tmp_path, name):
    sweep = Sweep(server, tmp_path, name)
    expected = sweep.finish(sweep.fresh())
    count = sweep.points()
    places = range(1, count + 1) if LONG else range(1, count + 1, max(1, count // FEW))
    for at in places:
        stack = sweep.killed_at(at)
        if stack:
            assert sweep.finish(stack) == expected, f"{name}: killed at {at} of {count}"
    sweep.clear()
