"""postgres.*: what weir makes in a server is there for psql, drift is seen, and no password is ever to be read anywhere."""

import textwrap

import pytest

from pg import Postgres
from support import Stack

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
    drift = stack.run("plan")
    for name in "loader", "db", "bronze", "use":
        assert f"changed {name} " in drift.out, drift.out
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


def test_a_server_that_is_gone_and_comes_back(stack, server):
    written(stack, server, "s: {type: postgres.schema, provider: retail, name: s}\n").run("apply", "--yes")
    server.halt()
    try:
        gone = stack.run("plan", status=None)
        assert gone.status != 0 and "cannot connect to the database" in gone.err and "host and port" in gone.err, str(gone)
    finally:
        assert server.start()
    is_as_said(stack)
