"""Warehouses that answer: Redshift's dialect, COPY and UNLOAD, external schemas, late-binding views, the Data API; looked at with psql."""

import datetime
import json
import os
import subprocess

import boto3
import pytest
from botocore.exceptions import ClientError
from support import until
from test_firing import Queue
from test_pipes_run import Pipe
from warehouse import TRUST, Warehouse, needs_engine

pytestmark = needs_engine


@pytest.fixture(scope="module")
def warehouse():
    server = Warehouse(SANDBOX_IAM="on")
    glue = server.client("glue")
    glue.create_database(DatabaseInput={"Name": "catalog"})
    columns = [{"Name": "id", "Type": "int"}, {"Name": "title", "Type": "string"}, {"Name": "price", "Type": "double"}]
    serde = {"SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde", "Parameters": {"separatorChar": ","}}
    storage = {"Columns": columns, "Location": "s3://lake/songs/", "InputFormat": "org.apache.hadoop.mapred.TextInputFormat", "SerdeInfo": serde}
    glue.create_table(DatabaseName="catalog", TableInput={"Name": "songs", "TableType": "EXTERNAL_TABLE", "Parameters": {"classification": "csv", "skip.header.line.count": "1"}, "StorageDescriptor": storage})
    server.put("songs/a.csv", 'id,title,price\n1,Paranoid,1.5\n2,"Iron, Man",2.25\n')
    yield server
    server.stop()


@pytest.mark.full
def test_the_data_api(warehouse):
    """Statements run, with parameters and rows; a batch is one transaction; what fails says what Redshift says."""
    made = warehouse.execute(["create table plays (id int identity(1, 1), who varchar(max) encode zstd, at timestamp default getdate()) diststyle key distkey (who) sortkey (at)",
                              "insert into plays (who) values ('ada'), ('bob')"])
    assert made["Status"] == "FINISHED", made
    asked = warehouse.execute("select id, who, id > 1 as late, null as nothing from plays where who = :who", Parameters=[{"name": "who", "value": "bob"}])
    result = warehouse.client("redshift-data").get_statement_result(Id=asked["Id"])
    assert result["Records"] == [[{"longValue": 2}, {"stringValue": "bob"}, {"booleanValue": True}, {"isNull": True}]]
    assert [column["typeName"] for column in result["ColumnMetadata"]] == ["int4", "varchar", "bool", "varchar"]
    failed = warehouse.execute(["insert into plays (who) values ('cid')", "select nope from plays"])
    assert (failed["Status"], failed["Error"]) == ("FAILED", 'ERROR: column "nope" does not exist')
    assert [part["Status"] for part in failed["SubStatements"]] == ["FINISHED", "FAILED"]
    assert warehouse.sql("select count(*) from plays") == [["2"]]
    # a view over what is in S3 is refused unless it is late-binding, as there
    made = warehouse.execute(f"create external schema outside from data catalog database 'catalog' iam_role '{warehouse.spectrum}'")
    assert made["Status"] == "FINISHED", made
    refused = warehouse.execute("create view songs as select * from outside.songs")
    assert refused["Error"] == "ERROR: External tables are not supported in views\n  Hint: Please use late binding view and add 'with no schema binding' at the query end."
    assert warehouse.execute("create view songs as select * from outside.songs with no schema binding")["Status"] == "FINISHED"
    assert warehouse.sql("select title from songs where price > 2") == [["Iron, Man"]]


def test_parameters_stand_outside_of_texts_names_and_comments(warehouse):
    asked = warehouse.execute("""select ':x' as "it's :x" -- it's :x
        /* :x's */, 'a''b:x', :x, :n::int + 1""", Parameters=[{"name": "x", "value": "it's"}, {"name": "n", "value": "5"}])
    assert asked["Status"] == "FINISHED", asked
    result = warehouse.client("redshift-data").get_statement_result(Id=asked["Id"])
    assert result["ColumnMetadata"][0]["name"] == "it's :x"
    assert [list(cell.values()) for cell in result["Records"][0]] == [[":x"], ["a'b:x"], ["it's"], [6]]


def test_numbers_that_json_does_not_have(warehouse):
    asked = warehouse.execute("select 'NaN'::float8, '-Infinity'::float4, 1.5::float8")
    result = warehouse.client("redshift-data").get_statement_result(Id=asked["Id"])
    assert result["Records"] == [[{"doubleValue": "NaN"}, {"doubleValue": "-Infinity"}, {"doubleValue": 1.5}]]


def test_a_large_result_is_there(warehouse):
    asked = warehouse.execute("select repeat('x', 10000) from generate_series(1, 7000)")
    assert (asked["Status"], asked["HasResultSet"], asked["ResultRows"]) == ("FINISHED", True, 7000)


def test_a_pipe_executes_statements(warehouse):
    """In a workgroup, by its ARN, with values of the record; a statement for each record."""
    warehouse.sql("create table heard (who varchar(20))")
    workgroup = warehouse.client("redshift-serverless").get_workgroup(workgroupName="warehouse")["workgroup"]["workgroupArn"]
    secret = warehouse.client("secretsmanager").create_secret(Name="weir-of-warehouse", SecretString=json.dumps({"username": "weir", "password": warehouse.password}))["ARN"]
    source = Queue(warehouse)
    statements = {"Database": "lake", "SecretManagerArn": secret, "StatementName": "heard", "Sqls": ["$.body.sql", "insert into heard values ('all')"]}
    pipe = Pipe(warehouse, source.arn, workgroup, TargetParameters={"RedshiftDataParameters": statements})
    source.send(json.dumps({"sql": "insert into heard values ('ada')"}))
    until(lambda: warehouse.sql("select who from heard order by who") == [["ada"], ["all"]])
    assert [one["StatementName"] for one in warehouse.client("redshift-data").list_statements(StatementName="heard")["Statements"]] == ["heard"]
    pipe.delete()


def acting(warehouse, name):
    """A role that may ask the warehouse, and nothing in it: clients as it."""
    iam = warehouse.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    asks = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["redshift-data:*", "redshift-serverless:GetCredentials"], "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="asks", PolicyDocument=json.dumps(asks))
    key = warehouse.client("sts").assume_role(RoleArn=role, RoleSessionName="dag")["Credentials"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"], "us-east-1")
    return lambda service: session.client(service, endpoint_url=warehouse.url)


def test_a_role_is_a_user_of_the_warehouse(warehouse):
    """IAMR:ROLE, from the first statement on, and with no more than it was granted; by the Data API, and with a password for a while."""
    client = acting(warehouse, "etl")
    data = client("redshift-data")
    denied = warehouse.execute("create schema mine", data)
    assert (denied["Status"], denied["Error"]) == ("FAILED", "ERROR: permission denied for database lake")
    warehouse.sql('create table secret_of_weir (id int); grant create on database lake to "IAMR:etl"')
    assert warehouse.execute("select * from secret_of_weir", data)["Error"] == "ERROR: permission denied for table secret_of_weir"
    made = warehouse.execute(["create schema mine", "create table mine.t as select 1 as id", "create table public.of_etl (id int)"], data)
    assert made["Status"] == "FINISHED", made
    assert warehouse.sql("select count(*) from mine.t; alter table mine.t rename to t2") == [["1"]]  # the administrator may what all may
    assert warehouse.sql("select distinct tableowner from pg_tables where schemaname = 'mine' or tablename = 'of_etl'") == [["IAMR:etl"]]
    # nobody gets out of what he is
    assert warehouse.execute(["reset session authorization", "drop table secret_of_weir"], data)["Error"] == "ERROR: must be owner of table secret_of_weir"
    times = [datetime.datetime.now(datetime.timezone.utc)]
    login = client("redshift-serverless").get_credentials(workgroupName="warehouse", dbName="lake", durationSeconds=900)
    times.append(datetime.datetime.now(datetime.timezone.utc))
    since, ago = ((login["expiration"] - at).total_seconds() for at in times)
    assert login["dbUser"] == "IAMR:etl" and since > 898 and ago <= 900, (since, ago)
    asked = warehouse.psql("select current_user, count(*) from mine.t2", user=login["dbUser"], password=login["dbPassword"])
    assert asked.stdout == "IAMR:etl|1\n", asked.stderr
    expires, signature = login["dbPassword"].split(".")
    for user, password in ("IAMR:etl", f"{int(expires) + 1}.{signature}"), ("IAMR:other", login["dbPassword"]), ("weir", login["dbPassword"]), ("rdsadmin", login["dbPassword"]), ("IAMR:etl", "no"):
        assert "password authentication failed" in warehouse.psql("select 1", user=user, password=password).stderr
    with pytest.raises(ClientError, match="durationSeconds"):
        client("redshift-serverless").get_credentials(workgroupName="warehouse", durationSeconds=60)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client("redshift-serverless").get_credentials(workgroupName="nosuch")
    # one that is made before it comes is the same
    warehouse.sql('create user "IAMR:early" password disable; create schema early authorization "IAMR:early"')
    early = acting(warehouse, "early")("redshift-data")
    assert warehouse.execute("create table early.t (id int)", early)["Status"] == "FINISHED"
    # the sandbox's own user, who may do everything, may here, too
    own = warehouse.client("redshift-serverless").get_credentials(workgroupName="warehouse")
    assert warehouse.psql("select current_user", user=own["dbUser"], password=own["dbPassword"]).stdout == "weir\n"


@pytest.mark.long
def test_a_role_logs_in_to_a_cluster(warehouse):
    redshift = warehouse.client("redshift")
    redshift.create_cluster(ClusterIdentifier="own", NodeType="ra3.large", ClusterType="single-node", MasterUsername="weir", MasterUserPassword=warehouse.password, DBName="lake")
    client = acting(warehouse, "clustered")
    with pytest.raises(ClientError, match="AccessDenied"):
        client("redshift").get_cluster_credentials_with_iam(ClusterIdentifier="own")
    asks = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "redshift:GetClusterCredentialsWithIAM", "Resource": "*"}]}
    warehouse.client("iam").put_role_policy(RoleName="clustered", PolicyName="cluster", PolicyDocument=json.dumps(asks))
    login = client("redshift").get_cluster_credentials_with_iam(ClusterIdentifier="own", DbName="lake")
    at = redshift.describe_clusters(ClusterIdentifier="own")["Clusters"][0]["Endpoint"]
    asked = subprocess.run(["psql", "-h", at["Address"], "-p", str(at["Port"]), "-U", login["DbUser"], "-d", "lake", "-Atqc", "select current_user"], capture_output=True, text=True, env={**os.environ, "PGPASSWORD": login["DbPassword"]})
    assert (login["DbUser"], asked.stdout) == ("IAMR:clustered", "IAMR:clustered\n"), asked.stderr
    with pytest.raises(ClientError, match="ClusterNotFound"):
        client("redshift").get_cluster_credentials_with_iam(ClusterIdentifier="nosuch")


DIALECT = [
    ("select version() like 'PostgreSQL 8.0.2 %Redshift 1.0%'", "t"),
    ("select nvl(null, 3), nvl2(1, 'a', 'b'), decode(2, 1, 'one', 2, 'two', 'many'), len('abc'), charindex('b', 'abc')", "3|a|two|3|2"),
    ("select dateadd(month, 1, '2020-01-31'::date), datediff(day, '2020-01-31'::date, '2020-02-02 01:00'::timestamp), datediff('hour', '2020-01-01 00:59'::timestamp, '2020-01-01 01:01'::timestamp)",
     "2020-02-29 00:00:00|2|1"),
    ("select trunc(getdate()) = current_date, sysdate <= getdate() + interval '1 minute', last_day('2020-02-10'::timestamp), convert(int, '7'), convert_timezone('UTC', 'Asia/Seoul', '2020-01-01 00:00'::timestamp)",
     "t|t|2020-02-29|7|2020-01-01 09:00:00"),
    ("select listagg(distinct x, ', ') within group (order by x desc), median(y), approximate count(distinct x) from (select 'a' as x, 1 as y union all select 'b', 2 union all select 'b', 6)", "b, a|2|2"),
    ("select json_extract_path_text('{\"a\": {\"b\": 7}}', 'a', 'b'), json_parse('[1, 2]')::super, is_valid_json('{'), json_extract_array_element_text('[1, 5]', 1)", "7|[1, 2]|f|5"),
    ("select x from (select 1 as x union select 2) qualify row_number() over (order by x desc) = 1", "2"),
    ("select top 1 x from (select 1 as x union select 2) t order by x desc", "2"),
    ("select 1 minus select 2", "1"),
]


@pytest.mark.long
@pytest.mark.parametrize("sql, rows", DIALECT)
def test_dialect(warehouse, sql, rows):
    assert ["|".join(row) for row in warehouse.sql(sql)] == [rows]


@pytest.mark.long
def test_tables_as_redshift_has_them(warehouse):
    """Keys are told, not enforced; where rows lie is passed over; settings and housekeeping that PostgreSQL does not know."""
    warehouse.sql("""create table keys (id bigint identity(5, 2) primary key, code char(3) not null unique, other int references plays2 (id), extra super, name nvarchar(10) collate case_insensitive,
        unique (code), constraint c foreign key (other) references plays2 (id)) backup no compound sortkey (id, code)""".replace(" references plays2 (id)", " references keys (id)"))
    warehouse.sql("insert into keys (code, other, extra) values ('a', 9, json_parse('{\"a\": 1}')), ('a', 9, null)")
    assert warehouse.sql("select id, extra from keys order by id") == [["5", '{"a": 1}'], ["7", ""]]
    assert "null value" in warehouse.refused("insert into keys (code) values (null)")
    for sql in ("vacuum full keys", "analyze compression keys", "analyze keys predicate columns", "set query_group to 'dbt'", "alter table keys alter diststyle all", "set enable_result_cache_for_session to off",
                "create user reader password 'Abcdefg1' nocreateuser", "create group readers", "grant select on keys to group readers", "create role r1", "create role r2", "grant role r1 to role r2"):
        warehouse.sql(sql)
    assert warehouse.sql("""select "column", type from pg_table_def where tablename = 'keys' and "column" in ('id', 'extra') order by 1""") == [["extra", "jsonb"], ["id", "bigint"]]


@pytest.mark.long
def test_copy_and_unload(warehouse):
    role = warehouse.spectrum
    warehouse.sql("create table loaded (id int, title varchar(100), price decimal(8, 2))")
    warehouse.put("json/a.json", '{"ID": 7, "title": "Tab\\there"}\n{"id": 8, "price": 2}\n')
    assert "2 record(s) loaded" in warehouse.psql(f"copy loaded from 's3://lake/songs/a' iam_role '{role}' csv ignoreheader 1").stderr
    warehouse.sql(f"copy loaded from 's3://lake/json/' iam_role '{role}' format as json 'auto ignorecase'")
    assert warehouse.sql("select id, title, price from loaded order by id") == [["1", "Paranoid", "1.50"], ["2", "Iron, Man", "2.25"], ["7", "Tab\there", ""], ["8", "", "2.00"]]
    warehouse.sql(f"unload ('select * from loaded where title <> ''x'' order by id') to 's3://lake/out/songs_' iam_role '{role}' parquet")
    warehouse.sql(f"unload ('select id, title from loaded order by id limit 2') to 's3://lake/text/' iam_role '{role}' header parallel off")
    assert warehouse.get("text/000") == "id|title\n1|Paranoid\n2|Iron, Man\n"
    warehouse.sql("create table back (id int, title varchar(100), price decimal(8, 2))")
    warehouse.sql(f"copy back from 's3://lake/out/songs_0000_part_00.parquet' iam_role '{role}' format parquet")
    assert warehouse.sql("select count(*), sum(price) from back") == [["3", "3.75"]]
    assert "unload destination on S3 is not empty" in warehouse.refused(f"unload ('select 1') to 's3://lake/out/' iam_role '{role}'")
    assert "The specified S3 prefix 'none/' does not exist" in warehouse.refused(f"copy loaded from 's3://lake/none/' iam_role '{role}' csv")
    assert "not authorized to assume IAM Role" in warehouse.refused("copy loaded from 's3://lake/songs/' iam_role 'arn:aws:iam::000000000000:role/nobody' csv")
    # what does not fit: nothing is loaded, and the reason lies in a table
    assert "Check 'stl_load_errors' system table for details" in warehouse.refused(f"copy loaded (id) from 's3://lake/songs/' iam_role '{role}' csv ignoreheader 1")
    assert warehouse.sql("select trim(filename), trim(err_reason) from stl_load_errors") == [["s3://lake/songs/a.csv", "Extra column(s) found"]]
    assert warehouse.sql("select count(*) from loaded") == [["4"]]
    # within a transaction, as every other statement
    warehouse.sql(f"begin; copy loaded from 's3://lake/songs/a' iam_role '{role}' csv ignoreheader 1; rollback")
    assert warehouse.sql("select count(*) from loaded") == [["4"]]


@pytest.mark.full
def test_whose_rights_count(warehouse):
    """What the role that a statement names may do, or a key; without one, nothing."""
    iam, serverless = warehouse.client("iam"), warehouse.client("redshift-serverless")
    reads = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}]})
    reader, other = (iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"] for name in ("reader", "other"))
    for name in ("reader", "other"):
        iam.put_role_policy(RoleName=name, PolicyName="reads", PolicyDocument=reads)
    warehouse.sql("create table rights (id int, title varchar(100), price decimal(8, 2))")
    copy, unload = "copy rights from 's3://lake/songs/a' {} csv ignoreheader 1", "unload ('select 1') to 's3://lake/rights/' {}"
    assert "names no credentials" in warehouse.refused(copy.format(""))
    assert "no default IAM role" in warehouse.refused(copy.format("iam_role default"))
    assert "none of the warehouse's roles" in warehouse.refused(copy.format(f"iam_role '{other}'"))
    serverless.update_namespace(namespaceName="warehouse", iamRoles=[warehouse.spectrum, reader], defaultIamRoleArn=reader)
    for words in (f"iam_role '{reader}'", "iam_role default", f"credentials 'aws_iam_role={reader}'"):
        warehouse.sql(copy.format(words))
        assert "not authorized" in warehouse.refused(unload.format(words))
    iam.create_user(UserName="loader")
    key = iam.create_access_key(UserName="loader")["AccessKey"]
    words = f"access_key_id '{key['AccessKeyId']}' secret_access_key '{key['SecretAccessKey']}'"
    assert "Status 403" in warehouse.refused(copy.format(words))
    iam.put_user_policy(UserName="loader", PolicyName="reads", PolicyDocument=reads)
    warehouse.sql(copy.format(words))
    assert warehouse.sql("select count(*) from rights") == [["8"]]


@pytest.mark.long
def test_external_schemas(warehouse):
    """Of the data catalog, as it is now; nothing of the warehouse's own can be made in one."""
    warehouse.sql(f"create external schema if not exists ext from data catalog database 'catalog' iam_role '{warehouse.spectrum}'")
    assert warehouse.sql("select count(*), sum(price) from ext.songs") == [["2", "3.75"]]
    warehouse.sql("create table mine sortkey (id) as select * from ext.songs")
    warehouse.put("songs/b.csv", "id,title,price\n3,War Pigs,1\n")
    assert warehouse.sql("select (select count(*) from ext.songs), (select count(*) from mine)") == [["3", "2"]]
    warehouse.client().delete_object(Bucket="lake", Key="songs/b.csv")
    assert warehouse.sql("select count(*) from lake.ext.songs") == [["2"]]
    assert warehouse.sql("select tablename, columnname, external_type from svv_external_columns where schemaname = 'ext' order by columnnum") == [["songs", "id", "int"], ["songs", "title", "string"], ["songs", "price", "double"]]
    assert warehouse.sql("select databasename, esoptions from svv_external_schemas where schemaname = 'ext'") == [["catalog", json.dumps({"IAM_ROLE": warehouse.spectrum}, separators=(",", ":"))]]
    assert "Operations on local objects in external schema are not enabled" in warehouse.refused("create view ext.v as select 1 as x")
    assert 'relation "ext.nothing" does not exist' in warehouse.refused("select * from ext.nothing")
    warehouse.sql("drop schema ext")
    warehouse.sql(f"create external schema ext from data catalog database 'catalog' iam_role '{warehouse.spectrum}'")
    assert warehouse.sql("select count(*) from ext.songs") == [["2"]]
    warehouse.sql("drop schema if exists ext restrict")
    warehouse.sql("create schema full_one; create table full_one.t (a int)")
    assert "depend on it" in warehouse.refused("drop schema full_one")


@pytest.mark.long
def test_late_binding_views(warehouse):
    """They know no table until they are asked, and hold none of them fast."""
    warehouse.sql("create view public.late as with sums as (select who, total from public.totals) select who, total * 2 as twice from sums with no schema binding")
    assert 'relation "public.totals" does not exist' in warehouse.refused("select * from public.late")
    warehouse.sql("create table totals (who varchar(10), total int); insert into totals values ('ada', 4)")
    assert warehouse.sql("select l.twice from late l join totals t on t.who = l.who") == [["8"]]
    warehouse.sql("drop table totals")
    warehouse.sql("create table totals as select 'bob'::varchar as who, 5 as total")
    assert warehouse.sql("select who, twice from public.late") == [["bob", "10"]]
    warehouse.sql("create or replace view late as select who from public.totals with no schema binding")
    assert warehouse.sql("select col, kind from pg_get_late_binding_view_cols() cols(s name, v name, col name, kind varchar, n int) where v = 'late'") == [["who", "character varying"]]
    warehouse.sql("alter table late rename to later")
    assert warehouse.sql("select * from later") == [["bob"]]
    assert "All the relation names inside should be qualified" in warehouse.refused("create view unqualified as select * from totals with no schema binding")
    warehouse.sql("drop view later")
    assert 'relation "later" does not exist' in warehouse.refused("select * from later")
