"""Databases that are there: a real PostgreSQL behind an instance of RDS, looked at with psql and libpq."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from servers import Sandbox

pytestmark = pytest.mark.skipif(not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")), reason="no PostgreSQL (tools/setup engines)")


class Database:
    def __init__(self, server, name="songs", **more):
        self.server, self.name = server, name
        password = {} if "ManageMasterUserPassword" in more else {"MasterUserPassword": "first-password"}
        settings = {"DBName": "DEEnhancement", "MasterUsername": "weir", **password, **more}
        server.client("rds").create_db_instance(DBInstanceIdentifier=name, Engine="postgres", DBInstanceClass="db.t3.micro", AllocatedStorage=20, **settings)

    @property
    def shown(self):
        return self.server.client("rds").describe_db_instances(DBInstanceIdentifier=self.name)["DBInstances"][0]

    def psql(self, sql, password="first-password", database="DEEnhancement", user="weir"):
        at = self.shown["Endpoint"]
        words = ["psql", "-h", at["Address"], "-p", str(at["Port"]), "-U", user, "-d", database, "-Atc", sql]
        return subprocess.run(words, capture_output=True, text=True, env={**os.environ, "PGPASSWORD": password})

    def one(self, sql, **who):
        done = self.psql(sql, **who)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def server():
    server = Sandbox()
    yield server
    server.stop()


@pytest.mark.full
def test_the_database_is_there(server):
    """Name, user, the password of the secret that RDS makes, a setting of the parameter group; stopped, started, changed, gone."""
    rds = server.client("rds")
    rds.create_db_parameter_group(DBParameterGroupName="slow", DBParameterGroupFamily="postgres15", Description="logs slow queries")
    rds.modify_db_parameter_group(DBParameterGroupName="slow", Parameters=[{"ParameterName": "work_mem", "ParameterValue": "5120", "ApplyMethod": "immediate"},
        {"ParameterName": "log_line_prefix", "ParameterValue": "it's \\", "ApplyMethod": "immediate"},
        {"ParameterName": "x = 1\nwork_mem = '6MB'\narray_nulls", "ParameterValue": "off", "ApplyMethod": "immediate"}])  # no name: no line of PostgreSQL's file
    database = Database(server, MasterUserPassword="first-password", DBParameterGroupName="slow")
    at = database.shown["Endpoint"]
    assert at["Address"].startswith("127.") and at["Port"] == 5432
    assert database.one("select current_database(), current_user, current_setting('work_mem')") == "DEEnhancement|weir|5MB"
    assert database.one("select current_setting('log_line_prefix')") == "it's \\"
    database.one("create table songs (title text); insert into songs values ('Paranoid')")
    assert "password authentication failed" in database.psql("select 1", password="another").stderr
    assert 'rejects connection for user "rdsadmin"' in database.psql("select 1", user="rdsadmin").stderr  # nor does anybody become one
    refused = database.psql("copy songs to '/tmp/songs'").stderr  # as there: nobody is a superuser, which PostgreSQL 16 says otherwise than 15
    assert "must be superuser" in refused or "permission denied to COPY" in refused, refused
    # another password, from the next connection on
    rds.modify_db_instance(DBInstanceIdentifier="songs", MasterUserPassword="second-password", ApplyImmediately=True)
    assert "password authentication failed" in database.psql("select 1").stderr
    assert database.one("select title from songs", password="second-password") == "Paranoid"
    # stopped, started
    rds.stop_db_instance(DBInstanceIdentifier="songs")
    assert database.shown["DBInstanceStatus"] == "stopped"
    assert "the database instance is stopped" in database.psql("select 1", password="second-password").stderr
    rds.start_db_instance(DBInstanceIdentifier="songs")
    assert database.one("select title from songs", password="second-password") == "Paranoid"
    # gone
    rds.delete_db_instance(DBInstanceIdentifier="songs", SkipFinalSnapshot=True)
    gone = subprocess.run(["psql", "-h", at["Address"], "-d", "DEEnhancement", "-U", "weir", "-c", "select 1"], capture_output=True, text=True)
    assert "refused" in gone.stderr


@pytest.mark.long
def test_many_who_come_first(server):
    """The server has its owner and database once, whoever makes it start."""
    database = Database(server)
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda name: database.psql("select current_database()", database=name), ["DEEnhancement", "postgres"] * 4))
    assert [one.stdout.strip() for one in done] == ["DEEnhancement", "postgres"] * 4, [one.stderr for one in done]


@pytest.mark.long
def test_the_managed_password_is_right(server):
    database = Database(server, ManageMasterUserPassword=True)
    secret = server.client("secretsmanager").get_secret_value(SecretId=database.shown["MasterUserSecret"]["SecretArn"])
    content = json.loads(secret["SecretString"])
    assert content["username"] == "weir" and database.one("select 1", password=content["password"]) == "1"


@pytest.mark.long
def test_it_outlives_the_sandbox(tmp_path):
    """Ended in order or killed: the same folder has the same address and the same data."""
    server = Sandbox(tmp_path / "sandbox")
    database = Database(server)
    address = database.shown["Endpoint"]["Address"]
    database.one("create table songs (title text); insert into songs values ('Paranoid')")
    server.stop()
    for end in (server.kill, server.stop):
        server.start()
        server.clients = {}
        assert database.shown["Endpoint"]["Address"] == address
        assert database.one("select title from songs") == "Paranoid"
        end()
    folder = list((tmp_path / "sandbox" / "daemons").glob("rds-*"))
    assert len(folder) == 1
    left = subprocess.run(["pgrep", "-f", str(folder[0])], capture_output=True, text=True)
    assert left.stdout == ""


@pytest.mark.long
def test_without_postgresql(tmp_path):
    server = Sandbox(env={"WEIR_POSTGRES": str(tmp_path)})
    database = Database(server)
    why = database.psql("select 1").stderr
    server.stop()
    assert "the database is a record only: PostgreSQL 14 or newer is not installed on this machine (apt-get install postgresql)" in why


@pytest.mark.long
def test_weir_makes_tables_in_it_in_the_same_apply(server, tmp_path):
    stack = server.stack(tmp_path / "stack")
    stack.write("""
        stack: retail
        providers:
          postgres: {host: "${database.address}", dbname: DEEnhancement, user: postgres, password: of-the-retail-database}
        resources:
          database:
            type: aws.rds.instance
            name: retail
            engine: postgres
            instance_class: db.t3.large
            allocated_storage: 50
            db_name: DEEnhancement
            master_username: postgres
            master_user_password: of-the-retail-database
            skip_final_snapshot: true
          schema: {type: postgres.schema, name: retail}
    """)
    stack.apply()
    stack.assert_settled()
    stack.destroy()


@pytest.mark.long
def test_snapshots(server):
    """As it was then: by hand and at the end; a new instance is made of one, also after the old one is gone."""
    rds, database = server.client("rds"), Database(server)
    database.one("create table songs (title text); insert into songs values ('Paranoid')")
    rds.create_db_snapshot(DBSnapshotIdentifier="Before", DBInstanceIdentifier="songs")
    database.one("insert into songs values ('War Pigs')")
    rds.modify_db_instance(DBInstanceIdentifier="songs", DeletionProtection=True, ApplyImmediately=True)
    with pytest.raises(rds.exceptions.ClientError, match="rotect"):
        rds.delete_db_instance(DBInstanceIdentifier="songs", FinalDBSnapshotIdentifier="last")
    rds.modify_db_instance(DBInstanceIdentifier="songs", DeletionProtection=False, ApplyImmediately=True)
    rds.delete_db_instance(DBInstanceIdentifier="songs", FinalDBSnapshotIdentifier="last")
    for snapshot, titles in ("before", "Paranoid"), ("last", "Paranoid\nWar Pigs"):
        made = rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier=f"of-{snapshot}", DBSnapshotIdentifier=snapshot, DBInstanceClass="db.t3.small")["DBInstance"]
        assert (made["DBInstanceClass"], made["DBName"], made["MasterUsername"]) == ("db.t3.small", "DEEnhancement", "weir")
        database.name = f"of-{snapshot}"
        assert database.one("select title from songs order by title") == titles
    database.one("insert into songs values ('Iron Man')")
    rds.delete_db_snapshot(DBSnapshotIdentifier="last")
    assert database.one("select count(*) from songs") == "3"
    with pytest.raises(rds.exceptions.DBSnapshotNotFoundFault):
        rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="no", DBSnapshotIdentifier="last")


def test_a_generated_password_until_the_end(server, tmp_path):
    """It is in Secrets Manager only: a destroy, too, has to ask for it to take the tables away."""
    stack = server.stack(tmp_path / "s").write("""
        stack: s
        providers: {postgres: {host: "${db.address}", port: "${db.port}", user: postgres, password: "${password.password}", dbname: main}}
        resources:
          password: {type: aws.secretsmanager.secret, name: p, generate: {length: 24}, force_destroy: true}
          db: {type: aws.rds.instance, name: db, engine: postgres, instance_class: db.t3.micro, allocated_storage: 20, db_name: main, master_username: postgres, master_user_password: "${password.password}", skip_final_snapshot: true}
          t: {type: postgres.table, name: t, columns: [{name: a, type: int}]}
    """)
    stack.apply()
    stack.assert_settled()
    stack.destroy()
    assert server.client("rds").describe_db_instances()["DBInstances"] == [] and stack.addresses() == []
