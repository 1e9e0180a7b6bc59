"""postgres.*: what weir makes in a server is there for psql, drift is seen, and no password is ever to be read anywhere."""

import contextlib
import datetime
import json
import re
import signal
import socket
import socketserver
import struct
import textwrap
import threading

import boto3
import pytest

from pg import Postgres
from sshd import Sshd, have_sshd, keygen
from support import ROOT, Stack, until

ADMIN_PASSWORD = "admin-Swordfish-77"
ROLE_PASSWORD = "role-Heronsbill-42"


@pytest.fixture(scope="module")
def server():
    server = Postgres(ADMIN_PASSWORD, fsync="off", log_statement="all", log_min_duration_statement=0)
    yield server
    server.stop()


@pytest.fixture
def stack(tmp_path, server):
    yield Stack(tmp_path / "stack")
    for name in server.psql("select datname from pg_database where not datistemplate and datname <> 'postgres'").splitlines():
        server.psql(f'drop database "{name}" with (force)')
    schemas = server.psql("select nspname from pg_namespace where nspname !~ '^pg_' and nspname not in ('public', 'information_schema')").split()
    for name in schemas:
        server.psql(f'drop schema "{name}" cascade')
    for name in server.psql("select rolname from pg_roles where rolname !~ '^pg_' and rolname <> 'weir'").split():
        server.psql(f'drop owned by "{name}"', f'drop role "{name}"')


def written(stack, server, resources, before=""):
    stack.write(f"stack: warehouse\n{before}\nproviders:\n  {server.provider()}\nresources:\n" + textwrap.indent(textwrap.dedent(resources), "  "))
    return stack


def is_as_said(stack):
    result = stack.run("plan")
    assert "No changes" in result.out, str(result)


EVERYTHING = """
    writers: {type: postgres.role, provider: retail, name: writers}
    loader:
      type: postgres.role
      provider: retail
      name: loader
      login: true
      password: ${inputs.password}
      member_of: ["${writers.name}"]
      settings: {search_path: bronze}
      valid_until: 2030-01-01T00:00:00Z
    db: {type: postgres.database, provider: retail, name: Shop 1, owner: "${loader.name}", comment: it's ours}
    bronze: {type: postgres.schema, provider: retail, database: "${db.name}", name: bronze, owner: "${loader.name}"}
    trgm: {type: postgres.extension, provider: retail, database: "${db.name}", name: pg_trgm, schema: "${bronze.name}"}
    use: {type: postgres.grant, provider: retail, database: "${db.name}", role: "${writers.name}", on: schema, names: ["${bronze.name}"], privileges: [usage, create]}
    later: {type: postgres.default_privileges, provider: retail, database: "${db.name}", owner: "${loader.name}", role: "${writers.name}", schema: "${bronze.name}", on: tables, privileges: [select, INSERT]}
"""
INPUT = f"inputs: {{password: {{type: string, sensitive: true, default: {ROLE_PASSWORD}}}}}"


@pytest.mark.full
def test_a_database_with_all_that_is_in_it(stack, server):
    written(stack, server, EVERYTHING, INPUT)
    shown = [stack.run("plan"), stack.run("apply", "--yes"), stack.run("apply", "--yes", "--json")]
    is_as_said(stack)
    assert server.psql("select current_user", dbname="Shop 1", user="loader", password=ROLE_PASSWORD) == "loader"
    server.psql("create table bronze.t (a int)", dbname="Shop 1", user="loader", password=ROLE_PASSWORD)
    assert server.psql("select has_table_privilege('writers', 'bronze.t', 'insert')", dbname="Shop 1") == "t"
    assert server.psql("select shobj_description(oid, 'pg_database') from pg_database where datname = 'Shop 1'") == "it's ours"
    assert server.psql("select similarity('a', 'b')", dbname="Shop 1", user="loader", password=ROLE_PASSWORD) == "0"
    server.psql("drop table bronze.t", dbname="Shop 1")

    # what others change is seen, and put right
    server.psql("revoke writers from loader", "alter role loader connection limit 3", "comment on database \"Shop 1\" is 'mine'")
    server.psql("revoke create on schema bronze from writers", "alter schema bronze owner to weir", dbname="Shop 1")
    server.psql("alter default privileges for role loader in schema bronze revoke all on tables from writers", dbname="Shop 1")
    drift = stack.run("plan")
    for seen in "changed loader", "changed db", "changed bronze", "changed use", "deleted later":
        assert f"{seen} " in drift.out, drift.out
    assert "connection" not in drift.out, "the file says nothing of it"
    stack.run("apply", "--yes")
    is_as_said(stack)
    assert server.psql("select rolconnlimit from pg_roles where rolname = 'loader'") == "3"

    # another password; the old one does not do any more
    written(stack, server, EVERYTHING, INPUT.replace(ROLE_PASSWORD, ROLE_PASSWORD + "-new"))
    shown += [stack.run("plan"), stack.run("apply", "--yes")]
    assert "password" in shown[-2].out
    server.psql("select", dbname="Shop 1", user="loader", password=ROLE_PASSWORD, status=2)
    server.psql("select", dbname="Shop 1", user="loader", password=ROLE_PASSWORD + "-new")

    shown.append(stack.run("destroy", "--yes"))
    assert server.psql("select count(*) from pg_roles where rolname in ('loader', 'writers')") == "0"
    assert server.psql("select count(*) from pg_database where datname = 'Shop 1'") == "0"
    state = "".join(path.read_text(errors="replace") for path in (stack.folder / ".weir").rglob("*") if path.is_file())
    assert "create role" in server.log().lower() and "SCRAM-SHA-256" not in state
    for where in server.log(), state, *(result.out + result.err for result in shown):
        assert ROLE_PASSWORD not in where and ADMIN_PASSWORD not in where


@pytest.mark.parametrize("path, stored", [("bronze, public", "bronze, public"), ('"$user", public', '"$user", public'), ('"a ""b""", c', '"a ""b""", c')])
def test_a_role_s_search_path_has_several_names(stack, server, path, stored):
    role = "analyst: {type: postgres.role, provider: retail, name: analyst, settings: {search_path: %s, work_mem: 64MB}}"
    written(stack, server, role % "public").apply()
    written(stack, server, role % f"'{path}'").apply()
    assert f"search_path={stored}" in server.psql("select unnest(rolconfig) from pg_roles where rolname = 'analyst'").splitlines()
    is_as_said(stack)


@pytest.mark.long
def test_a_role_that_owns_something(stack, server):
    owner = "owner: {type: postgres.role, provider: retail, name: owner}\n"
    written(stack, server, owner).run("apply", "--yes")
    server.psql("create schema kept authorization owner", "create table kept.t (a int)", "alter table kept.t owner to owner")
    written(stack, server, "")
    stack.write(f"stack: warehouse\nproviders:\n  {server.provider()}\n")
    refused = stack.run("apply", "--yes", status=1)
    assert "owner of table kept.t" in refused.err and "reassign_to" in refused.err, refused.err
    heir = "heir: {type: postgres.role, provider: retail, name: heir}\n"
    written(stack, server, heir + owner.replace("name: owner", "name: owner, reassign_to: heir")).run("apply", "--yes")
    written(stack, server, heir).run("apply", "--yes")
    assert server.psql("select rolname from pg_class c join pg_roles r on r.oid = relowner where relname = 't'") == "heir"
    assert server.psql("select count(*) from pg_roles where rolname = 'owner'") == "0"


OWNED = """
    owner: {type: postgres.role, provider: retail, name: owner}
    reader: {type: postgres.role, provider: retail, name: reader}
    db: {type: postgres.database, provider: retail, name: owned, owner: "${owner.name}"}
    app: {type: postgres.schema, provider: retail, database: "${db.name}", name: app, owner: "${owner.name}"}
    orders: {type: postgres.table, provider: retail, database: "${db.name}", schema: "${app.name}", name: orders, owner: "${owner.name}", columns: [{name: a, type: int}]}
    read: {type: postgres.grant, provider: retail, database: "${db.name}", role: "${reader.name}", on: table, schema: "${app.name}", names: ["${orders.name}"], privileges: [select]}
    later: {type: postgres.default_privileges, provider: retail, database: "${db.name}", owner: "${owner.name}", role: "${reader.name}", schema: "${app.name}", on: tables, privileges: [select]}
"""


def borrowed(server):
    """What its user may act as, beside itself: who made a role is its member since PostgreSQL 16, and has nothing of it."""
    return server.psql("select rolname from pg_roles where pg_has_role('master', oid, 'usage') and rolname <> 'master'")


def test_the_administrator_of_a_managed_server_is_no_superuser(stack, server):
    """It may make roles, and acts on what they own as a member of them, for that moment."""
    server.psql("create role master login createrole createdb password 'Master-77'")
    stack.write(f"stack: warehouse\nproviders:\n  {server.provider(user='master', password='Master-77')}\nresources:\n" + textwrap.indent(textwrap.dedent(OWNED), "  "))
    stack.run("apply", "--yes")
    is_as_said(stack)
    assert server.psql("select rolname from pg_class c join pg_roles r on r.oid = relowner where relname = 'orders'", dbname="owned") == "owner"
    assert borrowed(server) == ""

    server.psql("alter table app.orders add b int", "revoke select on app.orders from reader", dbname="owned")
    stack.run("apply", "--yes")
    is_as_said(stack)
    stack.run("destroy", "--yes")
    assert server.psql("select count(*) from pg_roles where rolname in ('owner', 'reader')") == "0"

    # what a role owned goes to another, in each database; afterwards the user is a member of neither
    heirs = "  heir: {type: postgres.role, provider: retail, name: heir}\n  "
    leaver = "leaver: {type: postgres.role, provider: retail, name: leaver, reassign_to: heir, depends_on: [heir]}\n"
    header = f"stack: warehouse\nproviders:\n  {server.provider(user='master', password='Master-77')}\nresources:\n"
    stack.write(header + heirs + leaver).run("apply", "--yes")
    server.psql("create table left_behind (a int)", "alter table left_behind owner to leaver")
    stack.write(header + heirs).run("apply", "--yes")
    assert server.psql("select rolname from pg_class c join pg_roles r on r.oid = relowner where relname = 'left_behind'") == "heir"
    assert server.psql("select rolname from pg_auth_members m join pg_roles r on r.oid = m.roleid where pg_get_userbyid(m.member) = 'master' and rolname ~ 'heir|leaver|weir' and m.grantor = m.member") == ""

    # what belongs to somebody whose role it may not give itself is refused as before
    server.psql("create database foreign_db", "grant connect on database foreign_db to master")
    server.psql("create schema kept", dbname="foreign_db")
    written(stack, server, "")
    stack.write(f"stack: warehouse\nproviders:\n  {server.provider(user='master', password='Master-77')}\nresources:\n"
                "  t: {type: postgres.table, provider: retail, database: foreign_db, schema: kept, name: t, columns: [{name: a, type: int}]}\n")
    refused = stack.run("apply", "--yes", status=1)
    assert "42501" in refused.err and "permission denied for schema kept" in refused.err


def test_a_kill_takes_the_borrowed_membership_with_it(stack, server):
    """The change waits for a lock of somebody else when weir is killed: it is a member then, and the next run takes that back."""
    server.psql("create role master login createrole createdb password 'Master-77'")
    head = f"stack: warehouse\nproviders:\n  {server.provider(user='master', password='Master-77')}\nresources:\n"
    stack.write(head + textwrap.indent(textwrap.dedent(OWNED), "  "))
    stack.run("apply", "--yes")
    stack.write(head + textwrap.indent(textwrap.dedent(OWNED).replace("{name: a, type: int}", "{name: a, type: int}, {name: b, type: int}"), "  "))
    with server.locked("app.orders", dbname="owned"):
        process = stack.start("apply", "--yes")
        until(lambda: "owner" in borrowed(server).split())
        process.kill()
        process.communicate()
    until(lambda: server.psql("select count(*) from pg_stat_activity where usename = 'master'") == "0")
    assert "owner" in borrowed(server).split(), "a kill left nothing: the test sees nothing either"
    stack.run("plan")
    assert borrowed(server) == ""
    assert "weir_borrow" not in server.psql("select rolname from pg_roles")
    stack.run("apply", "--yes")
    is_as_said(stack)
    stack.run("destroy", "--yes")


def test_what_another_session_has_borrowed_is_not_relied_on(stack, server):
    """Through it the user is a member, too, until that session is done: who needs it borrows for itself."""
    server.psql("create role master login createrole createdb password 'Master-77'")
    head = f"stack: warehouse\nproviders:\n  {server.provider(user='master', password='Master-77')}\nresources:\n"
    stack.write(head + textwrap.indent(textwrap.dedent(OWNED), "  "))
    stack.run("apply", "--yes")
    server.psql("create role keeper", user="master", password="Master-77")
    server.psql("alter schema app owner to keeper; grant create on schema app to owner", dbname="owned")
    changed = OWNED.replace("{name: a, type: int}", "{name: a, type: int}, {name: b, type: int}").replace('name: app, owner: "${owner.name}"', "name: app, owner: keeper")
    stack.write(head + textwrap.indent(textwrap.dedent(changed), "  "))
    with server.session(user="master", password="Master-77") as ask, server.locked("app.orders", dbname="owned"):
        lent = ask("select 'weir_borrow_' || usesysid || '_' || pid || '_' || (extract(epoch from backend_start) * 1000)::bigint from pg_stat_activity where pid = pg_backend_pid()")
        server.psql(f"create role {lent}", f"grant owner to {lent}", f"grant {lent} to master")
        process = stack.start("apply", "--yes")
        taken = f"select distinct roleid::regrole from pg_auth_members m join pg_roles r on r.oid = m.member where rolname ~ '^weir_borrow_' and rolname <> '{lent}' order by 1"
        until(lambda: server.psql(taken))
        assert sorted(server.psql(taken).split()) == ["keeper", "owner"]
    process.communicate()
    assert process.returncode == 0
    assert server.psql("select count(*) from pg_attribute where attrelid = 'app.orders'::regclass and attname = 'b'", dbname="owned") == "1"


def test_what_can_be_said_wrongly(stack, server):
    a = "s: {type: postgres.schema, provider: retail, name: s}\n"
    written(stack, server, a).run("apply", "--yes")
    stack.write((stack.folder / "weir.yaml").read_text().replace(ADMIN_PASSWORD, "wrong-Parrot-11"))
    wrong = stack.run("plan", status=None)
    assert wrong.status != 0 and "password authentication failed" in wrong.err and "wrong-Parrot-11" not in wrong.err + wrong.out, str(wrong)
    written(stack, server, "s: {type: postgres.schema, provider: retail, name: s, database: nowhere}\n")
    absent = stack.run("apply", "--yes", status=None)
    assert absent.status != 0 and 'no database "nowhere"' in absent.err and "postgres.database" in absent.err, str(absent)
    written(stack, server, "g: {type: postgres.grant, provider: retail, role: public, on: schema, names: [public], privileges: [select]}\n")
    unknown = stack.run("plan", status=None)
    assert unknown.status != 0 and 'no privilege "select" on a schema' in unknown.err, str(unknown)
    written(stack, server, a.replace("retail", "retial"))
    assert 'did you mean "retail"' in stack.run("validate", status=None).err
    written(stack, server, "b: {type: aws.s3.bucket, provider: retail, name: b-1}\n")
    assert 'is of the provider "aws"' in stack.run("validate", status=None).err
    stack.write("stack: s\nproviders: {p: {type: postgres, hots: x}}\n")
    assert 'did you mean "host"' in stack.run("validate", status=None).err


@pytest.mark.long
def test_a_server_that_is_gone_and_comes_back(stack, server):
    written(stack, server, "s: {type: postgres.schema, provider: retail, name: s}\n").run("apply", "--yes")
    server.halt()
    try:
        gone = stack.run("plan", status=None)
        assert gone.status != 0 and "cannot connect to the database" in gone.err and "host and port" in gone.err, str(gone)
    finally:
        assert server.start()
    is_as_said(stack)


TABLE = """
    retail: {type: postgres.schema, provider: retail, name: sales}
    customer:
      type: postgres.table
      provider: retail
      schema: ${retail.name}
      name: customer
      columns: [{name: id, type: int}, {name: name, type: varchar(20), not_null: true, default: "'x'", comment: who}]
      primary_key: [id]
    purchase:
      type: postgres.table
      provider: retail
      schema: ${retail.name}
      name: purchase
      columns:
        - {name: id, type: int8, identity: always}
        - {name: amount, type: "decimal(10,2)", not_null: true}
        - {name: customer, type: int}
        - {name: note, type: varchar(10)}
        - {name: sold_at, type: timestamptz, default: now()}
        - {name: twice, type: numeric, generated: amount * 2}
      primary_key: [id]
      unique: {once: [customer, sold_at]}
      checks: {positive: amount > 0}
      foreign_keys: {whose: {columns: [customer], references: customer, on_delete: cascade}}
      indexes: {purchase_by_day: (sold_at desc) where amount > 5, purchase_amounts: "unique (amount, id)"}
      comment: sales
      depends_on: [customer]
    parts:
      type: postgres.table
      provider: retail
      schema: ${retail.name}
      name: parts
      columns: [{name: day, type: date}]
      partition_by: range (day)
      partitions: {parts_2025: "for values from ('2025-01-01') to ('2026-01-01')"}
    revenue:
      type: postgres.view
      provider: retail
      schema: ${retail.name}
      name: revenue
      query: select date_trunc('day', sold_at) as day, sum(amount) as amount from purchase group by 1
      depends_on: [purchase]
"""


def planned(stack):
    return [change for change in stack.run("plan", "--json").events() if change.get("type") == "change"]


def test_tables_and_views_change_in_place(stack, server):
    written(stack, server, TABLE).run("apply", "--yes")
    is_as_said(stack)
    server.psql("insert into sales.customer values (1, 'Ann')", "insert into sales.purchase (amount, customer, note) values (7, 1, 'a')")

    changed = TABLE
    for old, new in [
        ("{name: note, type: varchar(10)}", "{name: note, type: text, not_null: true, comment: free}"),
        ("- {name: customer, type: int}", "- {name: shop, type: text}\n        - {name: customer, type: bigint}"),
        ('default: "\'x\'", ', ""), ("sold_at desc) where amount > 5", "sold_at) where amount > 6"), ("amount > 0", "amount > 0 and amount < 1e6"),
        ("comment: sales", "comment: all of them"), ("on_delete: cascade", "on_delete: set null"), ("unique: {once: [customer, sold_at]}", "unique: {twice: [shop, sold_at]}"),
        ("sum(amount) as amount", "sum(amount) as amount, count(*) as n"),
        ("partitions: {", "partitions: {parts_2026: \"for values from ('2026-01-01') to ('2027-01-01')\", "),
    ]:
        assert old in changed, old
        changed = changed.replace(old, new)
    written(stack, server, changed).run("apply", "--yes")
    is_as_said(stack)
    shown = server.psql("\\d sales.purchase", "select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = 'sales.purchase'::regclass", "select indexdef from pg_indexes where tablename = 'purchase'")
    for line in "note|text||not null|", "customer|bigint|", "shop|text|", "ON DELETE SET NULL", "(sold_at) WHERE (amount > (6)::numeric)", "amount < '1000000'::numeric", "twice|UNIQUE (shop, sold_at)":
        assert line in shown, shown
    assert "once|" not in shown and "weir_not_null" not in shown
    assert server.psql("select column_default is null from information_schema.columns where table_name = 'customer' and column_name = 'name'") == "t"
    assert server.psql("select note, amount, twice from sales.purchase") == "a|7.00|14.00", "nothing of the rows is lost"
    assert server.psql("select n from sales.revenue") == "1"
    assert server.psql("select count(*) from pg_inherits where inhparent = 'sales.parts'::regclass") == "2"

    # by hand
    server.psql("alter table sales.purchase alter note type varchar(99), add column mine int", "create or replace view sales.revenue as select now() as day, 0::numeric as amount, 0::bigint as n")
    drift = stack.run("plan").out
    assert "character varying(99)" in drift and "revenue" in drift and "mine" not in drift, drift
    stack.run("apply", "--yes")
    is_as_said(stack)
    assert server.psql("select count(mine), count(*) from sales.purchase") == "0|1", "what others added is theirs"

    server.psql("drop table sales.parts")
    assert "create  parts" in stack.run("plan").out
    told = written(stack, server, changed).run("destroy", "--yes").out
    assert "its rows are deleted: 1 row, " in told, told
    assert server.psql("select count(*) from pg_namespace where nspname = 'sales'") == "0"


def test_a_column_becomes_an_identity(stack, server):
    table = """
    retail: {type: postgres.schema, provider: retail, name: sales}
    visit: {type: postgres.table, provider: retail, schema: "${retail.name}", name: visit, columns: [{name: id, type: int8}, {name: page, type: text}]}
"""
    written(stack, server, table).run("apply", "--yes")
    server.psql("insert into sales.visit values (7, '/')")
    written(stack, server, table.replace("type: int8", "type: int8, identity: by default")).run("apply", "--yes")
    is_as_said(stack)
    assert server.psql("insert into sales.visit (page) values ('/buy')", "select string_agg(id::text, ',' order by id) from sales.visit").endswith("1,7")


@pytest.mark.long
@pytest.mark.parametrize("old, new, says", [
    ("type: varchar(20)", "type: int", 'the column "name" is character varying(20) and cannot become integer'),
    ("type: varchar(20)", "type: varchar(10)", 'the column "name" is character varying(20) and cannot become character varying(10)'),
    ("{name: id, type: int}, ", "{name: number, type: int}, ", 'the column "id" would be dropped'),
    ("type: varchar(20)", "type: strange", 'type "strange" does not exist'),
    ("{name: id, type: int}", "{name: id, type: serial}", "identity: always"),
], ids=["other type", "narrower", "dropped", "no type", "serial"])
def test_what_would_cost_data_is_refused_when_planned(stack, server, old, new, says):
    customer = TABLE[:TABLE.index("    purchase:")].replace("'x'", "'1'")
    written(stack, server, customer).run("apply", "--yes")
    written(stack, server, customer.replace(old, new).replace("primary_key: [id]", f"primary_key: [{'number' if 'number' in new else 'id'}]"))
    refused = stack.run("plan", status=None)
    assert refused.status != 0 and says in refused.err, str(refused)


@pytest.mark.long
def test_nulls_that_are_there(stack, server):
    table = "t: {type: postgres.table, provider: retail, name: t, columns: [{name: a, type: int}], force_destroy: true}\n"
    written(stack, server, table).run("apply", "--yes")
    server.psql("insert into t values (null)")
    written(stack, server, table.replace("int}", "int, not_null: true}"))
    refused = stack.run("apply", "--yes", status=1)
    assert 'the column "a" has rows without a value' in refused.err
    assert server.psql("select count(*) from pg_constraint where conrelid = 't'::regclass") == "0"
    server.psql("update t set a = 1")
    stack.run("apply", "--yes")
    is_as_said(stack)
    stack.run("destroy", "--yes")


def test_migrations(stack, server):
    stack.write("create table m (a int);\ninsert into m values (1);\n", "migrations/001_m.sql")
    stack.write("alter table m add column b int;\nalter table m add column\n  c nonsense;\n", "migrations/V2__more.sql")
    written(stack, server, "m: {type: postgres.migrations, provider: retail, folder: migrations, down: true}\n")
    failed = stack.run("apply", "--yes", status=1)
    assert 'migrations/V2__more.sql:3:5: type "nonsense" does not exist' in failed.err, failed.err
    assert server.psql("select name from weir_migrations") == "001_m.sql"
    assert server.psql("select column_name from information_schema.columns where table_name = 'm'") == "a", "the whole file is undone"
    stack.write("-- weir: no transaction\ncreate index concurrently m_a on m (a)", "migrations/V2__more.sql")
    stack.run("apply", "--yes")
    is_as_said(stack)
    assert server.psql("select name from weir_migrations order by 1").split() == ["001_m.sql", "V2__more.sql"]

    stack.write("create table other (a int);\n", "migrations/001_m.sql")
    assert "001_m.sql was executed already and has changed since" in stack.run("plan", status=None).err
    stack.write("create table m (a int);\ninsert into m values (1);\n", "migrations/001_m.sql")
    stack.write("insert into m values (2); commit", "migrations/003_own.sql")
    assert "ends the transaction" in stack.run("apply", "--yes", status=None).err
    assert server.psql("select count(*) from weir_migrations") == "2"
    (stack.folder / "migrations/003_own.sql").unlink()
    stack.write("select 1", "migrations/3.txt")
    stack.write("select 1", "migrations/more.sql")
    assert "more.sql has no number" in stack.run("plan", status=None).err
    (stack.folder / "migrations/more.sql").unlink()

    assert "nothing takes back what" in stack.run("destroy", "--yes", status=None).err
    stack.write("drop index m_a", "migrations/V2__more.down.sql")
    stack.write("drop table m", "migrations/001_m.down.sql")
    stack.run("destroy", "--yes")
    assert server.psql("select count(*) from pg_class where relname in ('m', 'weir_migrations')") == "0"


LOAD = """
    t: {type: postgres.table, provider: retail, name: t, columns: [{name: a, type: int}, {name: b, type: text}]}
    l: {type: postgres.load, provider: retail, table: "${t.name}", source: data, on_destroy: truncate}
"""


def test_loads(stack, server):
    stack.write("a,b\n1,one\n2,two\n", "data/1.csv")
    stack.write("a,b\n3,three\nx,four\n", "data/2.csv")
    written(stack, server, LOAD)
    stack.write((stack.folder / "weir.yaml").read_text() + 'outputs: {rows: "${l.rows}", count: "${l.row_count}"}\n')
    failed = stack.run("apply", "--yes", status=1)
    assert "data/2.csv" in failed.err and "line 3, column a" in failed.err, failed.err
    assert server.psql("select count(*) from t") == "2" and server.psql("select name from weir_loads") == "1.csv"
    stack.write("a,b\n3,three\n4,four\n", "data/2.csv")
    stack.run("apply", "--yes")
    is_as_said(stack)
    assert server.psql("select string_agg(b, ' ' order by a) from t") == "one two three four", "the first one is not loaded twice"
    assert "4" in stack.run("output", "count").out
    stack.write("a,b\n3,three\n", "data/2.csv")
    assert "2.csv was loaded already and has changed since" in stack.run("plan", status=None).err
    written(stack, server, LOAD.replace("on_destroy", "replace: true, on_destroy")).run("apply", "--yes")
    assert server.psql("select count(*) from t") == "3"
    (stack.folder / "data/1.csv").unlink()
    stack.run("apply", "--yes")
    is_as_said(stack)
    stack.run("destroy", "--yes")
    assert server.psql("select count(*) from pg_class where relname in ('t', 'weir_loads')") == "0"


def test_loads_from_a_bucket(tmp_path, cloud, server):
    stack, s3 = Stack(tmp_path / "stack", cloud), cloud.client("s3")
    stack.write("a,b\n1,one\n2,two\n", "data/1.csv")
    stack.write("a,b\n3,three\n", "data/year=2026/2.csv")
    stack.write("no rows", "data/_SUCCESS")
    resources = """
        lake: {type: aws.s3.bucket, name: a-lake-of-rows, force_destroy: true}
        rows: {type: aws.s3.directory, bucket: "${lake.name}", prefix: rows, source: data}
        t: {type: postgres.table, provider: retail, name: of_a_bucket, columns: [{name: a, type: int}, {name: b, type: text}]}
        l: {type: postgres.load, provider: retail, table: "${t.name}", source: "s3://${rows.bucket}/rows/", triggers: "${rows.files}", on_destroy: truncate}
    """
    written(stack, server, resources, before="outputs: {rows: '${l.rows}', files: '${l.objects}'}")
    stack.apply()
    is_as_said(stack)
    assert stack.outputs()["rows"] == {"1.csv": 2, "year=2026/2.csv": 1}
    assert all(tag.startswith("etag:") for tag in stack.outputs()["files"].values())
    stack.write("a,b\n4,four\n", "data/4.csv")
    stack.apply()
    is_as_said(stack)
    assert server.psql("select string_agg(b, ' ' order by a) from of_a_bucket") == "one two three four", "in one apply with what put it there"
    s3.put_object(Bucket="a-lake-of-rows", Key="rows/5.csv", Body="a,b\n5,five\nx,six\n")
    assert stack.plan() == {"l": "update"}, "what others put there is seen"
    failed = stack.run("apply", "--yes", status=1)
    assert "s3://a-lake-of-rows/rows/5.csv" in failed.err and "line 3, column a" in failed.err, failed.err
    assert server.psql("select count(*) from of_a_bucket") == "4"
    s3.put_object(Bucket="a-lake-of-rows", Key="rows/5.csv", Body="a,b\n" + "".join(f"{i},{'wide ' * 400}\n" for i in range(5, 10_005)))  # more than one part
    stack.apply()
    is_as_said(stack)
    assert server.psql("select count(*), sum(length(b)) from of_a_bucket where a >= 5") == "10000|20000000"
    s3.put_object(Bucket="a-lake-of-rows", Key="rows/1.csv", Body="a,b\n1,another\n")
    assert "1.csv was loaded already and has changed since" in stack.run("plan", "--target", "l", status=None).err
    policy = stack.run("policy").out
    assert "s3:GetObject" in policy and "a-lake-of-rows/rows/*" in policy
    stack.destroy()
    assert server.psql("select count(*) from pg_class where relname in ('of_a_bucket', 'weir_loads')") == "0"


@pytest.mark.long
def test_loads_from_a_bucket_of_the_sandbox(local_stack, server):
    """The sandbox stands in for the account that the provider names, beside a database that is real."""
    local_stack.write("a\n1\n2\n", "rows/1.csv")
    local_stack.write(f"""
        stack: lake
        providers:
          {server.provider(aws="{region: eu-west-1}")}
        resources:
          lake: {{type: aws.s3.bucket, name: a-lake-in-the-sandbox}}
          rows: {{type: aws.s3.directory, bucket: "${{lake.name}}", prefix: rows, source: rows}}
          t: {{type: postgres.table, provider: retail, name: sandboxed, columns: [{{name: a, type: int}}]}}
          l: {{type: postgres.load, provider: retail, table: "${{t.name}}", source: "s3://${{rows.bucket}}/rows/"}}
    """)
    local_stack.run("apply", "--yes", "--sandbox")
    assert server.psql("select sum(a) from sandboxed") == "3"
    assert "No changes" in local_stack.run("plan", "--sandbox").out
    local_stack.run("destroy", "--yes", "--sandbox", "--force-empty")


@pytest.mark.parametrize("source, says", [("s3://nobodys-bucket/rows/", "nobodys-bucket"), ("s3://a-lake/one.csv", "a prefix ends with a slash")])
def test_a_bucket_with_nothing_to_load(tmp_path, cloud, server, source, says):
    stack = Stack(tmp_path / "stack", cloud)
    cloud.client("s3").create_bucket(Bucket="a-lake")
    server.psql("create table not_loaded (a int)")
    written(stack, server, f'l: {{type: postgres.load, provider: retail, table: not_loaded, source: "{source}"}}\n')
    failed = stack.run("apply", "--yes", status=None)
    server.psql("drop table not_loaded", "drop table if exists weir_loads")
    assert says in failed.err and "l" in failed.err, failed.err


def test_what_a_server_is_asked_can_be_seen(stack, server):
    resources = """
        r: {type: postgres.role, provider: retail, name: traced, login: true, password: "${inputs.password}"}
        s: {type: postgres.schema, provider: retail, name: traced, comment: it's seen}
        q: {type: postgres.statement, provider: retail, name: seen, create: "comment on schema traced is '${inputs.password}'", depends_on: [s]}
    """
    written(stack, server, resources, before=INPUT)
    shown = stack.run("apply", "--yes", "-vv").err
    assert "> create schema \"traced\";\n> comment on schema \"traced\" is 'it''s seen'" in shown and 'create role "traced"' in shown, shown
    assert "they may hold secrets" in shown and ROLE_PASSWORD not in shown and "SCRAM-SHA-256$" not in shown, shown
    lines = [line for line in stack.run("plan", "-v").err.splitlines() if line.startswith("SQL postgres  ")]
    assert lines and all(line.endswith(" ms") and "set local" not in line for line in lines), lines
    stack.run("destroy", "--yes")


def test_a_grant_on_columns(stack, server):
    server.psql("create table people (id int, name text, salary int)", "create role clerk")
    columns = """
        g: {type: postgres.grant, provider: retail, role: clerk, on: table, schema: public, names: [people], columns: [id, name], privileges: [select, UPDATE]}
    """

    def held():
        return server.psql("select attname, attacl from pg_attribute where attrelid = 'people'::regclass and attacl is not null order by 1")

    try:
        written(stack, server, columns).run("apply", "--yes")
        is_as_said(stack)
        assert held() == "id|{clerk=rw/weir}\nname|{clerk=rw/weir}"
        server.psql("revoke update (name) on people from clerk", "grant insert (id) on people to clerk")
        assert stack.plan() == {"g": "update"}
        stack.run("apply", "--yes")
        assert held() == "id|{clerk=rw/weir}\nname|{clerk=rw/weir}"
        written(stack, server, columns.replace("[id, name]", "[id, name, salary]").replace("select, UPDATE", "all")).run("apply", "--yes")
        is_as_said(stack)
        assert held().splitlines()[-1] == "salary|{clerk=arwx/weir}"
        for wrong, says in {"names: [people], ": "needs `names`", "[select, UPDATE]": "no privilege \"delete\" on a column"}.items():
            said = columns.replace(wrong, "" if "names" in wrong else "[delete]")
            assert says in written(stack, server, said).run("plan", status=None).err
        added = columns.replace("privileges", "only: false, privileges")
        written(stack, server, added).run("apply", "--yes")
        server.psql("grant insert (id) on people to clerk")
        is_as_said(stack)
        assert written(stack, server, columns).plan() == {"g": "update"}, "without `only: false` what others have added is to go"
        stack.run("apply", "--yes")
        is_as_said(stack)
        assert held() == "id|{clerk=rw/weir}\nname|{clerk=rw/weir}"
        stack.run("destroy", "--yes")
        assert held() == ""
    finally:
        server.psql("drop table people", "drop role clerk")


@pytest.mark.parametrize("only", ["false", "true"])
def test_a_grant_that_may_not_be_passed_on_any_more(stack, server, only):
    resources = """
    t: {type: postgres.table, provider: retail, name: t, columns: [{name: a, type: int}]}
    r: {type: postgres.role, provider: retail, name: r}
    g: {type: postgres.grant, provider: retail, role: "${r.name}", on: table, schema: public, names: ["${t.name}"], privileges: [select], only: %s, grantable: %s}
    d: {type: postgres.default_privileges, provider: retail, owner: weir, role: "${r.name}", schema: public, on: tables, privileges: [select], only: %s, grantable: %s}
"""
    asked = "select has_table_privilege('r', 't', 'select with grant option'), (select defaclacl::text ~ 'r=r[*]/' from pg_default_acl)"
    for grantable, answer in ("true", "t|t"), ("false", "f|f"):
        written(stack, server, resources % (only, grantable, only, grantable)).run("apply", "--yes")
        assert server.psql(asked) == answer and server.psql("select has_table_privilege('r', 't', 'select')") == "t"
        is_as_said(stack)
    stack.destroy()


@pytest.mark.parametrize("only", ["false", "true"])
def test_a_grant_is_gone_when_nothing_of_it_is_held(stack, server, only):
    """Also where its role and its table stay."""
    server.psql("create table people (id int)", "create role clerk")
    grants = """
    g: {type: postgres.grant, provider: retail, role: clerk, on: table, schema: public, names: [people], privileges: [select], only: %s}
    d: {type: postgres.default_privileges, provider: retail, owner: weir, role: clerk, schema: public, on: tables, privileges: [select], only: %s}
"""
    try:
        written(stack, server, grants % (only, only)).run("apply", "--yes")
        is_as_said(stack)
        server.psql("revoke select on people from clerk")
        assert stack.plan() == {"g": "create"}
        stack.run("apply", "--yes")
        is_as_said(stack)
        stack.destroy()
    finally:
        server.psql("drop table people", "drop owned by clerk", "drop role clerk")


def test_what_is_left_of_a_grant_goes_when_part_of_its_objects_is_gone(stack, server):
    server.psql("create table a (x int)", "create table b (x int, y int)", "create role clerk")
    grants = """
    tables: {type: postgres.grant, provider: retail, role: clerk, on: table, schema: public, names: [a, b], privileges: [select], depends_on: [columns]}
    columns: {type: postgres.grant, provider: retail, role: clerk, on: table, schema: public, names: [b], columns: [x, y], privileges: [update]}
"""
    try:
        written(stack, server, grants).run("apply", "--yes")
        is_as_said(stack)
        # what goes of the tables' own leaves the columns' alone
        server.psql("grant insert on a to clerk")
        stack.run("apply", "--yes")
        is_as_said(stack)
        stack.run("destroy", "--yes", "--target", "tables")
        assert stack.plan() == {"tables": "create"}
        stack.run("apply", "--yes")
        assert server.psql("select has_table_privilege('clerk', 'a', 'select'), has_table_privilege('clerk', 'a', 'insert')") == "t|f"
        server.psql("drop table a", "alter table b drop column x")
        stack.destroy()
        server.psql("drop role clerk")  # the server refuses this while it holds anything
    finally:
        server.psql("drop table b")


def test_statements(stack, server):
    one = """
        s:
          type: postgres.statement
          provider: retail
          name: answer
          create: create table s (n int); insert into s values (1)
          update: update s set n = n + 1
          delete: drop table if exists s
          query: select n, 'a' as word from s;
          triggers: 1
    """
    written(stack, server, one)
    stack.write((stack.folder / "weir.yaml").read_text() + 'outputs: {n: "${s.result[0].n + 1}"}\n')
    stack.run("apply", "--yes")
    assert stack.run("output", "n").out.strip().endswith("2")
    is_as_said(stack)
    stack.write((stack.folder / "weir.yaml").read_text().replace("triggers: 1", "triggers: 2"))
    stack.run("apply", "--yes")
    assert server.psql("select n from s") == "2"
    stack.write((stack.folder / "weir.yaml").read_text().replace("triggers: 2", "triggers: 3").replace("n = n + 1", "n = n + 1 where m = 1"))
    assert 'update:1:30: column "m" does not exist' in stack.run("apply", "--yes", status=1).err
    server.psql("drop table s")
    assert "create  s" in (gone := stack.run("plan")).out, str(gone)
    stack.run("destroy", "--yes")


@pytest.mark.long
def test_settings_that_another_resource_gives(stack, server):
    """The second provider's database is only known once the first one has made it: one apply for both."""
    stack.write(f"""
        stack: late
        providers:
          {server.provider("first")}
          {server.provider("second", dbname='"${made.result[0].name}"')}
        resources:
          db: {{type: postgres.database, provider: first, name: later}}
          made: {{type: postgres.statement, provider: first, name: made, create: select 1, query: select datname as name from pg_database where datname = 'later', depends_on: [db]}}
          inner: {{type: postgres.schema, provider: second, name: inside}}
    """)
    assert "create  inner" in stack.run("plan").out
    stack.run("apply", "--yes")
    is_as_said(stack)
    server.psql("drop schema inside", dbname="later")
    assert "create  inner" in stack.run("plan").out
    stack.run("apply", "--yes")
    assert server.psql("select count(*) from pg_namespace where nspname = 'inside'", dbname="later") == "1"
    stack.run("destroy", "--yes")
    assert server.psql("select count(*) from pg_database where datname = 'later'") == "0"


EACH = '"${[for i in range(100) : tostring(i)]}"'


@pytest.mark.long
def test_five_hundred_objects_are_few_messages(stack, server):
    written(stack, server, f"""
        s: {{type: postgres.schema, provider: retail, for_each: {EACH}, name: "s${{each.key}}"}}
        r: {{type: postgres.role, provider: retail, for_each: {EACH}, name: "r${{each.key}}"}}
        t: {{type: postgres.table, provider: retail, for_each: {EACH}, schema: "${{s[each.key].name}}", name: t, columns: [{{name: a, type: int}}]}}
        v: {{type: postgres.view, provider: retail, for_each: {EACH}, schema: "${{t[each.key].schema}}", name: v, query: "select a from t"}}
        g: {{type: postgres.grant, provider: retail, for_each: {EACH}, role: "${{r[each.key].name}}", on: table, schema: "${{t[each.key].schema}}", names: [t], privileges: [select]}}
    """)
    stack.run("apply", "--yes")
    messages = server.log().count(" duration: ")
    is_as_said(stack)
    assert 5 <= server.log().count(" duration: ") - messages <= 12
    stack.run("destroy", "--yes")
    assert server.psql("select count(*) from pg_namespace where nspname ~ '^s[0-9]'") == "0"


def test_a_password_that_nobody_has_seen(tmp_path, cloud, server):
    """Made up by the secret, used by a role in the same apply, and found nowhere but in Secrets Manager."""
    stack = Stack(tmp_path / "stack", cloud)
    stack.write(f"""
        stack: generated
        providers:
          {server.provider()}
        resources:
          secret: {{type: aws.secretsmanager.secret, name: db/password, generate: {{length: 40}}, force_destroy: true}}
          role: {{type: postgres.role, provider: retail, name: generated, login: true, password: "${{secret.password}}"}}
    """)

    def is_in_use():
        password = cloud.client("secretsmanager").get_secret_value(SecretId="db/password")["SecretString"]
        assert server.psql("select 1", user="generated", password=password) == "1"
        return password

    shown = [stack.run("apply", "--yes", "-v")]
    first = is_in_use()
    assert len(first) == 40 and not set(first) & set("'\"@/\\ ")
    is_as_said(stack)
    stack.write((stack.folder / "weir.yaml").read_text().replace("length: 40", "length: 40, version: 2"))
    shown += [stack.run("plan"), stack.run("apply", "--yes", "-v")]
    second = is_in_use()
    is_as_said(stack)
    assert first != second
    cloud.client("secretsmanager").put_secret_value(SecretId="db/password", SecretString="rotated-Sandpiper-9")
    assert stack.plan() == {"role": "update"}, "whoever rotates it is followed"
    stack.apply()
    assert is_in_use() == "rotated-Sandpiper-9"
    state = "".join(path.read_text(errors="replace") for path in (stack.folder / ".weir").rglob("*") if path.is_file())
    for where in server.log(), state, *(result.out + result.err for result in shown):
        assert first not in where and second not in where and "rotated-Sandpiper-9" not in where
    stack.destroy()


@pytest.mark.skipif(not have_sshd(), reason="OpenSSH's server is not installed")
def test_behind_a_bastion(stack, server, tmp_path):
    bastion = Sshd(tmp_path / "sshd", [keygen(tmp_path / "mine")], [keygen(tmp_path / "host")])
    try:
        settings = f'bastion: {{type: ssh, host: 127.0.0.1, port: {bastion.port}, user: {bastion.user}, key: {tmp_path / "mine"}, host_key: "{(tmp_path / "host.pub").read_text().strip()}"}}'
        stack.write("a\n1\n2\n", "rows.csv")
        stack.write(f"""
            stack: inside
            connections:
              {settings}
            providers:
              {server.provider(via="bastion")}
            resources:
              s: {{type: postgres.schema, provider: retail, name: inside}}
              t: {{type: postgres.table, provider: retail, schema: "${{s.name}}", name: t, columns: [{{name: a, type: int}}]}}
              l: {{type: postgres.load, provider: retail, schema: "${{s.name}}", table: "${{t.name}}", source: rows.csv}}
        """)
        stack.apply()
        is_as_said(stack)
        assert server.psql("select sum(a) from inside.t") == "3"
        stack.destroy()
    finally:
        bastion.stop()


@pytest.mark.long
def test_a_server_that_is_only_starting_is_waited_for(stack, server):
    written(stack, server, "s: {type: postgres.schema, provider: retail, name: s}\n")
    server.halt()
    run = stack.start("apply", "--yes", "--json")
    try:
        until(lambda: "waiting for PostgreSQL" in run.stdout.readline(), run)
    finally:
        assert server.start()
    out, err = run.communicate()
    assert run.returncode == 0, out + err
    assert server.psql("select count(*) from pg_namespace where nspname = 's'") == "1"


class Slow(socketserver.ThreadingTCPServer):
    """Before the server: who comes first is let in and gets no answer, as where it is only being made; all others come through."""

    def __init__(self, port):
        self.to, self.came = port, 0
        super().__init__(("127.0.0.1", 0), SlowHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class SlowHandler(socketserver.BaseRequestHandler):
    def handle(self):
        self.server.came += 1
        if self.server.came == 1:
            while self.request.recv(4096):
                pass
            return
        with socket.create_connection(("127.0.0.1", self.server.to)) as to:
            threading.Thread(target=pass_on, args=(to, self.request), daemon=True).start()
            pass_on(self.request, to)


def pass_on(one, other):
    with contextlib.suppress(OSError):
        while bytes_ := one.recv(65536):
            other.sendall(bytes_)
        other.shutdown(socket.SHUT_WR)


class Asking(socketserver.BaseRequestHandler):
    """Asks for the password in clear, as RDS does for IAM database authentication, and lets nobody in."""

    def handle(self):
        words = self.request.recv(4096)[8:].split(b"\0")
        self.request.sendall(b"R" + struct.pack("!ii", 8, 3))
        password = self.request.recv(65536)
        if password[:1] == b"p":
            self.server.passwords.append((dict(zip(words[::2], words[1::2]))[b"user"].decode(), password[5:-1].decode()))
        fields = b"SFATAL\0VFATAL\0C28000\0Mno\0\0"
        self.request.sendall(b"E" + struct.pack("!i", len(fields) + 4) + fields)


def test_iam_database_authentication(stack, monkeypatch):
    """The password is the token that botocore makes at that moment."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Asking) as server:
        server.passwords = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        stack.env |= {"AWS_ACCESS_KEY_ID": "AKIAIAM", "AWS_SECRET_ACCESS_KEY": "very/secret", "AWS_SESSION_TOKEN": "a+session/token", "AWS_REGION": "eu-west-1"}
        text = f"stack: rds\nproviders: {{db: {{type: postgres, host: 127.0.0.1, port: {port}, user: job@x, iam: true, wait_seconds: 1, sslmode: disable}}}}\nresources: {{s: {{type: postgres.schema, provider: db, name: s}}}}\n"
        stack.write(text)
        refused = stack.run("-vv", "apply", "--yes", status=1)
        assert "member of rds_iam" in refused.err + refused.out
        (user, token), *_ = server.passwords
        assert user == "job@x" and token not in refused.err + refused.out and "very/secret" not in refused.err
        stack.write(text.replace(", sslmode: disable", ""))
        server.passwords.clear()
        stack.apply(status=1)
        assert not server.passwords, "a token goes over TLS alone, unless the file says otherwise"
        stack.write(text.replace("user: job@x, ", ""))
        assert "`iam` needs `host` and `user`" in stack.apply(status=None).err
        server.shutdown()
    at = datetime.datetime.strptime(re.search(r"X-Amz-Date=(\w+)", token)[1], "%Y%m%dT%H%M%SZ")
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: at)
    rds = boto3.client("rds", region_name="eu-west-1", aws_access_key_id="AKIAIAM", aws_secret_access_key="very/secret", aws_session_token="a+session/token")
    theirs = rds.generate_db_auth_token(DBHostname="127.0.0.1", Port=port, DBUsername="job@x")
    (ours, query), (where, other) = token.split("?"), theirs.split("?")
    assert ours == where and sorted(query.split("&")) == sorted(other.split("&"))


def test_a_server_that_does_not_answer_yet_is_asked_again(stack, server):
    """Its first answer takes longer than an attempt, and after that it says to be well: nobody has been refused."""
    with Slow(server.port) as slow:
        written(stack, server, "s: {type: postgres.schema, provider: retail, name: slowly}\n")
        stack.write((stack.folder / "weir.yaml").read_text().replace(f"port: {server.port}", f"port: {slow.server_address[1]}"))
        stack.env["WEIR_CLOCK_SPEED"] = "10"  # of its own waiting
        stack.apply()
        assert slow.came > 2 and server.psql("select count(*) from pg_namespace where nspname = 'slowly'") == "1"
        slow.shutdown()


def test_the_guides_stack(stack, server):
    (body,) = [text for text in (ROOT / "docs/guides/postgres.md").read_text().split("```") if text.startswith("yaml\nstack:")]
    stack.write(body.removeprefix("yaml\n"))
    stack.write("create table orders (id int)", "migrations/001_orders.sql")
    stack.write("drop table orders", "migrations/001_orders.down.sql")
    stack.write("amount,sold_at\n1.5,2026-01-01\n2.5,2026-01-01\n", "purchases/january.csv")
    inputs = [word for name, value in {"port": server.port, "user": "weir", "password": ADMIN_PASSWORD, "loader_password": ROLE_PASSWORD}.items() for word in ("-i", f"{name}={value}")]
    stack.run("plan", *inputs)
    stack.apply(*inputs)
    assert "No changes" in stack.run("plan", *inputs).out
    assert stack.outputs() == {"loaded": 2}
    assert server.psql("set role analyst", "select amount from bronze.revenue", dbname="shop") == "4.00"
    stack.destroy(*inputs)
    assert server.psql("select count(*) from pg_database where datname = 'shop'") == "0"


def test_names_that_want_quotes(stack, server):
    name = 'ö "x"; drop table t; --'
    names = {"role": {"type": "postgres.role", "comment": "it's; \\ $$"}, "schema": {"type": "postgres.schema", "owner": "${role.name}", "comment": name},
             "table": {"type": "postgres.table", "schema": "${schema.name}", "columns": [{"name": name, "type": "text", "default": "'it''s'", "comment": name}], "unique": {"a 'b' \"c": [name]}},
             "view": {"type": "postgres.view", "schema": "${table.schema}", "query": "select 'it''s' as \"a b\""}}
    resources = {key: {"provider": "retail", "name": name, **body} for key, body in names.items()}
    resources["grant"] = {"type": "postgres.grant", "provider": "retail", "role": "${role.name}", "on": "table", "schema": "${schema.name}", "names": ["${table.name}"], "privileges": ["select"]}
    resources["view"]["name"] = "v '"
    stack.write(f"stack: names\nproviders: {{{server.provider()}}}\nresources: {json.dumps(resources)}\n")
    stack.apply()
    is_as_said(stack)
    quoted = name.replace('"', '""')
    assert server.psql(f'select count(*) from "{quoted}"."{quoted}"') == "0"
    stack.destroy()
    assert server.psql("select count(*) from pg_namespace where nspname ~ 'drop'") == "0"


@pytest.mark.long
def test_two_interruptions_end_a_statement(stack, server):
    written(stack, server, "s: {type: postgres.statement, provider: retail, name: s, create: create table slow (a int); select pg_sleep(1000)}\n")
    run = stack.start("apply", "--yes")
    until(lambda: server.psql("select count(*) from pg_stat_activity where query ~ 'pg_sleep' and application_name = 'weir'") == "1", run)
    run.send_signal(signal.SIGINT)
    until(lambda: run.poll() is not None or run.send_signal(signal.SIGINT))  # the first one only stops what has not begun
    out, err = run.communicate()
    assert run.returncode not in (0, -signal.SIGKILL) and "interrupted" in out + err, out + err
    until(lambda: server.psql("select count(*) from pg_stat_activity where query ~ 'pg_sleep' and application_name = 'weir'") == "0")
    assert server.psql("select count(*) from pg_class where relname = 'slow'") == "0"


@pytest.mark.long
def test_two_interruptions_end_a_load_that_the_server_does_not_read(stack, server):
    """As where a row waits for another transaction: the server takes nothing more, and has to be asked to stop."""
    stack.write("a,b\n" + "1,one\n" * 8_000_000, "data/1.csv")
    written(stack, server, LOAD.partition("    l:")[0]).run("apply", "--yes")
    server.psql("create function wait() returns trigger language plpgsql as $$ begin perform pg_sleep(1000); return new; end $$",
                "create trigger wait before insert on t for each row execute function wait()")
    run = written(stack, server, LOAD).start("apply", "--yes")
    loading = "select count(*) from pg_stat_activity where query ~ '^copy' and wait_event = 'PgSleep'"
    until(lambda: server.psql(loading) == "1", run)
    run.send_signal(signal.SIGINT)
    until(lambda: run.poll() is not None or run.send_signal(signal.SIGINT))
    out, err = run.communicate()
    assert run.returncode not in (0, -signal.SIGKILL) and "interrupted" in out + err, out + err
    until(lambda: server.psql(loading) == "0")


def test_what_is_there_already_is_taken_over(stack, server):
    server.psql("create schema old", "create table old.t (id int primary key, a varchar(5) default 'q', b int, theirs int)", "create view old.v as select id from old.t", "create role there")
    resources = """
        t:
          type: postgres.table
          provider: retail
          schema: old
          name: t
          columns: [{name: id, type: int4}, {name: a, type: varchar(9), default: "'q'"}, {name: b, type: int}]
          primary_key: [id]
        v: {type: postgres.view, provider: retail, schema: old, name: v, query: SELECT id FROM t, adopt: existing}
        r: {type: postgres.role, provider: retail, name: there}
    """
    written(stack, server, resources)
    stack.write((stack.folder / "weir.yaml").read_text() + "imports: [{address: t, id: old/t}]\n")
    shown = stack.run("plan").out
    assert "varchar(9)" in shown and "int4" not in shown and "theirs" not in shown, shown
    refused = stack.run("apply", "--yes", status=1)
    assert 'role "there" already exists' in refused.err and "adopt: existing" in refused.err
    stack.write((stack.folder / "weir.yaml").read_text().replace("name: there}", "name: there, adopt: existing}"))
    stack.apply()
    is_as_said(stack)
    assert server.psql("select atttypmod - 4 from pg_attribute where attrelid = 'old.t'::regclass and attname = 'a'") == "9"


@pytest.mark.long
def test_a_server_that_has_few_connections_to_give(stack, server):
    server.psql(f"create role narrow login createdb connection limit 2 password '{ROLE_PASSWORD}'", "grant create on database postgres to narrow")
    stack.write(f"""
        stack: narrow
        providers:
          {server.provider(user="narrow", password=ROLE_PASSWORD)}
        resources:
          s: {{type: postgres.schema, provider: retail, name: narrow}}
          t: {{type: postgres.table, provider: retail, for_each: ["1", "2", "3", "4", "5", "6", "7", "8"], schema: "${{s.name}}", name: "t${{each.key}}", columns: [{{name: a, type: int}}]}}
    """)
    stack.apply()
    is_as_said(stack)
    stack.destroy()


@pytest.mark.long
def test_a_session_that_is_ended_in_the_middle(stack, server):
    """The server undoes the statement; weir says so, and the next apply carries it out."""
    one = "s: {type: postgres.statement, provider: retail, name: s, create: create table half (a int); select pg_sleep(1000)}\n"
    written(stack, server, one)
    run = stack.start("apply", "--yes")
    at_work = "from pg_stat_activity where query ~ 'pg_sleep' and application_name = 'weir'"
    until(lambda: server.psql(f"select count(*) {at_work}") == "1", run)
    server.psql(f"select pg_terminate_backend(pid) {at_work}")
    out, err = run.communicate()
    assert run.returncode == 1 and "terminating connection" in err, out + err
    assert server.psql("select count(*) from pg_class where relname = 'half'") == "0"
    written(stack, server, one.replace("1000", "0")).run("apply", "--yes")
    assert server.psql("select count(*) from pg_class where relname = 'half'") == "1"
    server.psql("drop table half")
