"""What a warehouse does with S3: COPY, UNLOAD, and the tables of external schemas, which are the data catalog's."""

import bz2
import csv
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import tempfile
import threading

import boto3
import botocore.exceptions

import weir_athena_tables as tables
from weir_redshift_sql import Failure, after, closing, literal, quoted, solid, unquoted, write

MAKING = threading.Lock()  # of clients
LOCK = threading.Lock()  # of reading external tables: weir_athena_tables has one session at a time
TEXTS = ("character varying", "character", "text", "name")
PG_TYPES = {"string": "varchar(65535)", "int": "integer", "integer": "integer", "bigint": "bigint", "long": "bigint", "smallint": "smallint", "tinyint": "smallint", "double": "double precision",
            "float": "real", "boolean": "boolean", "date": "date", "timestamp": "timestamp", "binary": "bytea"}


class Aws:
    """Clients with one key; made of one session, which has read the services' descriptions already."""

    def __init__(self, **key):
        self.key = key

    def client(self, service, **more):
        with MAKING:
            return boto3.client(service, **self.key, **more)


def roles_here():
    """The roles that the warehouse may take on, and the one that it has unless a statement says otherwise; of its record, as it is now."""
    name = os.environ["WEIR_WAREHOUSE"]
    for page in Aws().client("redshift-serverless").get_paginator("list_namespaces").paginate():
        for space in page["namespaces"]:
            if name == f"redshift-{space['namespaceId']}":
                return space.get("iamRoles", []), space.get("defaultIamRoleArn")
    for page in Aws().client("redshift").get_paginator("describe_clusters").paginate():
        for cluster in page["Clusters"]:
            before = f"redshift-{os.environ['AWS_REGION']}-{cluster['ClusterIdentifier']}-"
            if name.startswith(before) and name[len(before):].isdigit():  # when it was made
                return [role["IamRoleArn"] for role in cluster.get("IamRoles", [])], cluster.get("DefaultIamRoleArn")
    return [], None


def session_of(role):
    """As the role that the statement names, or the last one of a chain: what it may is what counts."""
    attached, usual = roles_here()
    if role == "default" and not usual:
        raise Failure("The warehouse has no default IAM role.")
    aws, chain = Aws(), (usual if role == "default" else role).replace(" ", "").split(",")
    for one in chain:
        try:
            if one == chain[0] and one != usual and one not in attached:
                raise Failure(f"User arn:aws:redshift is not authorized to assume IAM Role {one}. It is none of the warehouse's roles.")
            key = aws.client("sts").assume_role(RoleArn=one, RoleSessionName="RedshiftIamRoleSession")["Credentials"]
        except botocore.exceptions.ClientError as error:
            raise Failure(f"User arn:aws:redshift is not authorized to assume IAM Role {one}. {error.response['Error']['Message']}") from None
        aws = Aws(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"], aws_session_token=key["SessionToken"])
    return aws


def session_for(options):
    """By what COPY and UNLOAD say: a role, or a key. The warehouse's own rights are none."""
    said = dict(part.partition("=")[::2] for part in options.get("credentials", "").split(";"))
    role, key = options.get("iam_role") or said.get("aws_iam_role"), options.get("access_key_id") or said.get("aws_access_key_id")
    if role:
        return session_of(role)
    if not key:
        raise Failure("the statement names no credentials: it needs IAM_ROLE", "42601")
    token = options.get("session_token") or said.get("token") or said.get("aws_session_token")
    return Aws(aws_access_key_id=key, aws_secret_access_key=options.get("secret_access_key") or said.get("aws_secret_access_key", ""), **({"aws_session_token": token} if token else {}))


def refused(error):
    """S3's refusal as the warehouse passes it on."""
    body = error.response["Error"]
    return Failure(f"S3ServiceException:{body.get('Message', '')},Status {error.response['ResponseMetadata']['HTTPStatusCode']},Error {body.get('Code', '')}")


def place_of(uri):
    if not uri.startswith("s3://"):
        raise Failure(f"the sandbox reads and writes s3://, not {uri}", "0A000")
    bucket, _, key = uri[5:].partition("/")
    return bucket, key


# ---- options of COPY and UNLOAD ----

FLAGS = set("csv json parquet orc avro gzip bzip2 zstd manifest header allowoverwrite escape removequotes emptyasnull blanksasnull acceptinvchars truncatecolumns fillrecord trimblanks ignoreblanklines"
            " roundec explicit_ids encrypted noload cleanpath addquotes include".split())
VALUED = {"iam_role", "access_key_id", "secret_access_key", "session_token", "delimiter", "ignoreheader", "dateformat", "timeformat", "region", "quote", "maxerror", "maxfilesize", "rowgroupsize", "comprows", "compupdate", "statupdate", "parallel", "extension",
          "encoding", "credentials", "null", "acceptanydate", "acceptinvchars"}


def options_of(tokens):
    """{name: value} of all that follows the place."""
    found, kept, at = {}, [tokens[i] for i in solid(tokens)], 0
    while at < len(kept):
        name = kept[at].text.lower()
        at += 1
        if name in ("format", "as", "with", "iam_role") and name != "iam_role":
            continue
        if name == "partition":
            close = closing(kept, at + 1)
            found["partition"] = [t.ident for t in kept[at + 2:close] if t.ident is not None]
            at = close + 1
        elif name in VALUED or name in ("csv", "json", "parquet", "avro", "orc"):
            if at < len(kept) and kept[at].is_("as"):
                at += 1
            value = kept[at] if at < len(kept) else None
            if value is not None and (value.kind in ("text", "number") or (name in VALUED and value.is_("on", "off", "true", "false", "default", "preset"))):
                found[name] = unquoted(value)
                at += 1
            else:
                found[name] = ""
        elif name in FLAGS:
            found[name] = ""
        else:
            raise Failure(f'syntax error at or near "{kept[at - 1].text}"', "42601")
    return found


def copy_parts(tokens):
    """COPY table [(columns)] FROM 'place' options."""
    kept = solid(tokens)
    start = next(i for i in kept if tokens[i].is_("from"))
    opening = next((i for i in kept if i < start and tokens[i].is_("(")), None)
    table = write(tokens[after(tokens, kept[0]):opening if opening is not None else start]).strip()
    columns = [t.ident for t in tokens[opening:start] if t.ident is not None] if opening is not None else None
    place = after(tokens, start)
    if tokens[place].kind != "text":
        raise Failure(f'syntax error at or near "{tokens[place].text}"', "42601")
    return table, columns, unquoted(tokens[place]), options_of(tokens[place + 1:])


# ---- COPY ----


def objects_of(s3, uri, options):
    bucket, prefix = place_of(uri)
    if "manifest" in options:
        entries = json.loads(s3.get_object(Bucket=bucket, Key=prefix)["Body"].read())["entries"]
        return [place_of(entry["url"]) for entry in entries]
    found = [(bucket, item["Key"]) for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix) for item in page.get("Contents", []) if item["Size"]]
    if not found:
        raise Failure(f"The specified S3 prefix '{prefix}' does not exist")
    return found


def content_of(s3, bucket, key, options):
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return gzip.decompress(body) if "gzip" in options else bz2.decompress(body) if "bzip2" in options else body


def json_rows(text, names, paths):
    decoder, at = json.JSONDecoder(), 0
    while True:
        while at < len(text) and text[at] in " \t\r\n,[]":
            at += 1
        if at >= len(text):
            return
        item, at = decoder.raw_decode(text, at)
        by_name = {key.lower(): value for key, value in item.items()}
        yield [value_text(by_path(item, paths[i]) if paths else by_name.get(name.lower())) for i, name in enumerate(names)]


def by_path(item, path):
    for step in re.findall(r"\['([^']*)'\]|\[\"([^\"]*)\"\]|\[(\d+)\]|\.(\w+)", path):
        name = next(part for part in step if part)
        item = (item[int(name)] if int(name) < len(item) else None) if isinstance(item, list) else item.get(name) if isinstance(item, dict) else None
    return item


def value_text(value):
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, default=str)
    if isinstance(value, (bytes, bytearray)):
        return "\\x" + value.hex()
    return str(value)


def text_rows(text, options):
    separator = options.get("delimiter") or ("," if "csv" in options else "|")
    separator = {"\\t": "\t"}.get(separator, separator)
    lines = io.StringIO(text, newline="")
    if "csv" in options or "removequotes" in options:
        reader = csv.reader(lines, delimiter=separator, quotechar=options.get("quote") or options.get("csv") or '"')
    else:
        reader = csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE, escapechar="\\" if "escape" in options else None)
    for number, row in enumerate(reader):
        if number >= int(options.get("ignoreheader") or 0) and row:
            yield row


def parquet_rows(body):
    import duckdb
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        file.write(body)
        file.flush()
        for row in duckdb.execute(f"SELECT * FROM read_parquet({literal(file.name)})").fetchall():
            yield [value_text(value) for value in row]


def rows_of(s3, where, names, options, paths):
    body = content_of(s3, *where, options)
    if "parquet" in options:
        return parquet_rows(body)
    if "orc" in options or "avro" in options:
        raise Failure("the sandbox copies CSV, JSON, Parquet and text", "0A000")
    text = body.decode("utf-8", "replace" if "acceptinvchars" in options else "strict")
    return json_rows(text, names, paths) if "json" in options else text_rows(text, options)


def escaped(value):
    return "\\N" if value is None else value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def nulls(row, kinds, options):
    """What of a text file is no value."""
    null = options.get("null", "\\N")
    empty = "emptyasnull" in options
    for value, kind in zip(row, kinds):
        text = kind.startswith(TEXTS)
        if value is None or value == null or (value == "" and (empty or not text)) or ("blanksasnull" in options and not value.strip()):
            yield None
        else:
            yield value.strip() if "trimblanks" in options or not text else value


def copy(session, tokens):
    """Into the session's own transaction. How many rows."""
    table, columns, uri, options = copy_parts(tokens)
    found = session.internal(f"SELECT attname, format_type(atttypid, atttypmod), attidentity <> '' FROM pg_attribute WHERE attrelid = {literal(table)}::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum")
    known = {name: kind for name, kind, _ in found}
    names = columns or [name for name, _, made in found if made == "f" or "explicit_ids" in options]
    for name in names:
        if name not in known:
            raise Failure(f'column "{name}" of relation "{table}" does not exist', "42703")
    kinds = [known[name] for name in names]
    try:
        s3 = session_for(options).client("s3")
        paths = json.loads(s3.get_object(**dict(zip(("Bucket", "Key"), place_of(options["json"]))))["Body"].read())["jsonpaths"] if options.get("json", "").startswith("s3://") else None
        total = 0
        for where in objects_of(s3, uri, options):
            total += copy_object(session, table, names, kinds, where, rows_of(s3, where, names, options, paths), options)
    except botocore.exceptions.ClientError as error:
        raise refused(error) from None
    session.notice("INFO", f"Load into table '{table}' completed, {total} record(s) loaded successfully.")
    session.internal(f"SELECT set_config('weir.copied', '{total}', false)")
    return total


def copy_object(session, table, names, kinds, where, rows, options):
    text = "parquet" not in options and "json" not in options
    lines, place = [], f"s3://{where[0]}/{where[1]}"
    for number, row in enumerate(rows, 1):
        if len(row) < len(names) and "fillrecord" in options:
            row = [*row, *[None] * (len(names) - len(row))]
        if len(row) != len(names):
            why = "Extra column(s) found" if len(row) > len(names) else "Delimiter not found"
            raise load_error(session, table, place, number, "", "|".join(str(v) for v in row), 1202 if len(row) > len(names) else 1214, why)
        lines.append("\t".join(escaped(v) for v in (nulls(row, kinds, options) if text else row)) + "\n")
    try:
        session.copy_in(f"COPY {table} ({', '.join(quoted(n) for n in names)}) FROM STDIN", "".join(lines).encode())
    except Failure as error:
        raise load_error(session, table, place, 0, "", "", 1207, str(error)) from None
    return len(lines)


def load_error(session, table, place, line, column, raw, code, why):
    """Kept for stl_load_errors, whatever becomes of the transaction."""
    session.admin(f"INSERT INTO _redshift.load_errors (tbl, filename, line_number, colname, raw_line, err_code, err_reason) VALUES "
                  f"({literal(table)}, {literal(place)}, {line}, {literal(column)}, {literal(raw[:1000])}, {code}, {literal(why[:100])})")
    return Failure(f"Load into table '{table}' failed.  Check 'stl_load_errors' system table for details.")


# ---- UNLOAD ----

DUCK = {"bigint": "BIGINT", "integer": "INTEGER", "smallint": "SMALLINT", "double precision": "DOUBLE", "real": "FLOAT", "boolean": "BOOLEAN", "date": "DATE"}


def duck_type(kind):
    if kind.startswith("timestamp"):
        return "TIMESTAMP"
    return kind.replace("numeric", "DECIMAL").upper() if kind.startswith("numeric(") else "DECIMAL(38,9)" if kind == "numeric" else DUCK.get(kind, "VARCHAR")


def unload(session, tokens):
    kept = solid(tokens)
    opening = kept[1]
    close = closing(tokens, opening)
    query = unquoted(tokens[after(tokens, opening)])
    to = after(tokens, close)
    place = after(tokens, to)
    if not tokens[to].is_("to") or tokens[place].kind != "text":
        raise Failure('syntax error in UNLOAD: it is UNLOAD (\'query\') TO \'s3://…\'', "42601")
    options, (bucket, prefix) = options_of(tokens[place + 1:]), place_of(unquoted(tokens[place]))
    sql = session.translated(query)
    columns = session.describe(sql)
    body = session.copy_out(f"COPY ({sql}) TO STDOUT")
    rows = [[None if v == "\\N" else re.sub(r"\\(.)", lambda m: {"t": "\t", "n": "\n", "r": "\r"}.get(m[1], m[1]), v) for v in line.split("\t")] for line in body.decode().splitlines()]
    groups = {}
    names = [name for name, _ in columns]
    keys = [names.index(name) for name in options.get("partition", []) if name in names]
    for row in rows:
        folder = "".join(f"{names[k]}={row[k]}/" for k in keys)
        groups.setdefault(folder, []).append([v for i, v in enumerate(row) if i not in keys or "include" in options])
    rest = [c for i, c in enumerate(columns) if i not in keys or "include" in options]
    try:
        s3 = session_for(options).client("s3")
        if "allowoverwrite" not in options and s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("KeyCount"):
            raise Failure("Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually removing the target files in S3, or using the ALLOWOVERWRITE option.")
        entries = []
        for folder, some in (groups or {"": []}).items():
            key = prefix + folder + ("000" if options.get("parallel", "").lower() in ("off", "false") else "0000_part_00")
            key += ".parquet" if "parquet" in options else "." + options["extension"] if options.get("extension") else ""
            key += ".gz" if "gzip" in options and not options.get("extension") else ""
            s3.put_object(Bucket=bucket, Key=key, Body=unloaded(some, rest, options))
            entries.append({"url": f"s3://{bucket}/{key}"})
        if "manifest" in options:
            s3.put_object(Bucket=bucket, Key=prefix + "manifest", Body=json.dumps({"entries": entries}).encode())
    except botocore.exceptions.ClientError as error:
        raise refused(error) from None
    session.notice("INFO", f"UNLOAD completed, {len(rows)} record(s) unloaded successfully.")
    return len(rows)


def unloaded(rows, columns, options):
    names = [name for name, _ in columns]
    if "parquet" in options:
        return parquet_of(rows, columns)
    if "json" in options:
        text = "".join(json.dumps({n: json_value(v, kind) for (n, kind), v in zip(columns, row) if v is not None}) + "\n" for row in rows)
    else:
        out = io.StringIO()
        separator = {"\\t": "\t"}.get(options.get("delimiter", ""), options.get("delimiter") or ("," if "csv" in options else "|"))
        style = csv.QUOTE_ALL if "addquotes" in options else csv.QUOTE_MINIMAL if "csv" in options else csv.QUOTE_NONE
        writer = csv.writer(out, delimiter=separator, quoting=style, lineterminator="\n", escapechar="\\", doublequote="csv" in options)
        null = options.get("null", "")
        writer.writerows(([names] if "header" in options else []) + [[null if v is None else boolean(v, kind) for v, (_, kind) in zip(row, columns)] for row in rows])
        text = out.getvalue()
    return gzip.compress(text.encode()) if "gzip" in options else text.encode()


def boolean(value, kind):
    return value if kind != "boolean" else {"t": "t", "f": "f"}[value[0]]


def json_value(value, kind):
    if kind in ("bigint", "integer", "smallint"):
        return int(value)
    if kind in ("double precision", "real") or kind.startswith("numeric"):
        return float(value)
    return value[0] == "t" if kind == "boolean" else json.loads(value) if kind == "jsonb" else value


def parquet_of(rows, columns):
    import duckdb
    with tempfile.TemporaryDirectory() as folder:
        duck = duckdb.connect()
        typed = ", ".join(f"{quoted(n)} {duck_type(kind)}" for n, kind in columns)
        duck.execute(f"CREATE TABLE unloaded ({typed})")
        if rows:
            duck.executemany(f"INSERT INTO unloaded VALUES ({', '.join('?' * len(columns))})", rows)
        duck.execute(f"COPY unloaded TO {literal(folder + '/part')} (FORMAT parquet)")
        with open(folder + "/part", "rb") as file:
            return file.read()


# ---- external schemas ----


def pg_type(name):
    base = name.strip().lower()
    if base.startswith("decimal"):
        return base.replace("decimal", "numeric")
    if base.startswith(("varchar", "char")):
        return base
    return "jsonb" if base.startswith(("array", "map", "struct")) else PG_TYPES.get(base, "varchar(65535)")


def glue_tables(aws, database):
    try:
        return [t for page in aws.client("glue").get_paginator("get_tables").paginate(DatabaseName=database) for t in page["TableList"]]
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "EntityNotFoundException":
            return []
        raise Failure(f"{error.response['Error']['Message']} (the external database {database})", "42501") from None


def list_tables(session, schemas):
    """For svv_external_tables and _columns: as the catalog is now."""
    for schema, (database, role, _) in schemas.items():
        rows, columns = [], []
        for table in glue_tables(session_of(role), database):
            storage = table.get("StorageDescriptor", {})
            rows.append([schema, table["Name"], storage.get("Location", ""), storage.get("InputFormat", ""), "VIEW" if table.get("TableType") == "VIRTUAL_VIEW" else "TABLE"])
            keys = [key["Name"] for key in table.get("PartitionKeys", [])]
            for number, one in enumerate(storage.get("Columns", []) + table.get("PartitionKeys", []), 1):
                columns.append([schema, table["Name"], one["Name"], one["Type"], number, keys.index(one["Name"]) + 1 if one["Name"] in keys else 0])
        session.admin(f"DELETE FROM _redshift.external_columns WHERE schemaname = {literal(schema)}; DELETE FROM _redshift.external_tables WHERE schemaname = {literal(schema)} AND signature IS NULL;" +
                      "".join(f"INSERT INTO _redshift.external_tables VALUES ({', '.join(literal(v) for v in row)}) ON CONFLICT DO NOTHING;" for row in rows) +
                      "".join(f"INSERT INTO _redshift.external_columns VALUES ({', '.join(literal(v) if isinstance(v, str) else str(v) for v in row)});" for row in columns))


def signature(database, table):
    """What changes when its rows may have."""
    seen = [table.get("StorageDescriptor", {}).get("Columns"), table.get("PartitionKeys"), table.get("Parameters", {}).get("metadata_location"), tables.parameters_of(table)]
    if not is_iceberg(table):
        for values, location in sorted(tables.partitions(database, table).items()):
            bucket, prefix = tables.split_place(location)
            seen.append([values, location, [(item["Key"], item["ETag"], item["Size"]) for page in tables.boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
                                            for item in page.get("Contents", [])]])
    return hashlib.sha256(json.dumps(seen, sort_keys=True, default=str).encode()).hexdigest()


def is_iceberg(table):
    return table.get("Parameters", {}).get("table_type", "").upper() == "ICEBERG"


def iceberg_rows(table, aws):
    """Of the snapshot that the catalog names."""
    try:
        from pyiceberg.table import StaticTable
    except ImportError:
        raise Failure("the sandbox reads Iceberg tables where python3 has the package pyiceberg (pip install 'pyiceberg[pyarrow]')", "0A000") from None
    names = {"aws_access_key_id": "s3.access-key-id", "aws_secret_access_key": "s3.secret-access-key", "aws_session_token": "s3.session-token"}
    settings = {"s3.endpoint": os.environ["AWS_ENDPOINT_URL"], "s3.region": os.environ.get("AWS_REGION", ""), "s3.force-virtual-addressing": "false",
                **{own: aws.key.get(name) or os.environ.get(name.upper(), "") for name, own in names.items()}}
    at = table["Parameters"]["metadata_location"].replace("s3a://", "s3://").replace("s3n://", "s3://")
    arrow = StaticTable.from_metadata(at, settings).scan().to_arrow()
    return [list(row.values()) for row in arrow.to_pylist()], arrow.column_names


def file_rows(database, table):
    import duckdb
    folder = tempfile.mkdtemp()
    try:
        duck = duckdb.connect()
        duck.execute(f"CREATE SCHEMA {quoted(database)}")
        tables.show_table(duck, database, table, folder)
        return duck.execute(f"SELECT * FROM {quoted(database)}.{quoted(table['Name'])}").fetchall(), None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def show(session, schema, name, found):
    """The table of an external schema, with the rows that its objects have now."""
    database, role, _ = found
    aws = session_of(role)
    with LOCK:
        tables.boto3 = aws
        try:
            table = aws.client("glue").get_table(DatabaseName=database, Name=name)["Table"]
            now = signature(database, table)
            before = session.admin(f"SELECT signature FROM _redshift.external_tables WHERE schemaname = {literal(schema)} AND tablename = {literal(name)} AND signature IS NOT NULL")
            if before and before[0][0] == now:
                return
            rows, _ = iceberg_rows(table, aws) if is_iceberg(table) else file_rows(database, table)
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] == "EntityNotFoundException":
                session.admin(f"DROP TABLE IF EXISTS {quoted(schema)}.{quoted(name)}")
                return
            raise Failure(f"{error.response['Error'].get('Message', '')} (external table {schema}.{name})", "42501") from None
        except tables.Refused as error:
            raise Failure(str(error), "0A000") from None
        columns = [(c["Name"].lower(), pg_type(c["Type"])) for c in table["StorageDescriptor"]["Columns"] + table.get("PartitionKeys", [])]
        put(session, schema, name, table, columns, rows, now)


def put(session, schema, name, table, columns, rows, now):
    """Sessions that read it meanwhile go on with what they have: rows are replaced, not the table, unless its columns are others."""
    there = session.admin(f"SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass({literal(quoted(schema) + '.' + quoted(name))}) AND attnum > 0 AND NOT attisdropped ORDER BY attnum")
    wanted = session.admin("SELECT " + ", ".join(f"format_type({literal(kind)}::regtype, -1)" for _, kind in columns))[0]
    at = f"{quoted(schema)}.{quoted(name)}"
    typed = ", ".join(f"{quoted(n)} {kind}" for n, kind in columns)
    same = [(n, re.sub(r"\(.*\)", "", kind)) for n, kind in there] == list(zip((n for n, _ in columns), wanted))
    body = "".join("\t".join(escaped(value_text(v)) for v in row) + "\n" for row in rows).encode()
    storage = table["StorageDescriptor"]
    start = f"DELETE FROM {at}" if same else f"SET LOCAL lock_timeout = '10s'; DROP TABLE IF EXISTS {at}; CREATE TABLE {at} ({typed}); GRANT SELECT ON {at} TO PUBLIC; GRANT USAGE ON SCHEMA {quoted(schema)} TO PUBLIC"
    session.admin_copy(["BEGIN", start], f"COPY {at} FROM STDIN", body,
                       [f"INSERT INTO _redshift.external_tables VALUES ({literal(schema)}, {literal(name)}, {literal(storage.get('Location', ''))}, {literal(storage.get('InputFormat', ''))}, 'TABLE', {literal(now)}) "
                        "ON CONFLICT (schemaname, tablename) DO UPDATE SET signature = excluded.signature, location = excluded.location", "COMMIT", f"ANALYZE {at}"])
