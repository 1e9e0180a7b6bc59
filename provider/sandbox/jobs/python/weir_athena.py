"""
Runs one of Athena's queries with DuckDB: weir_athena.py REQUEST RESULT. The tables of the data catalog that the query names are
fetched from S3 and shown to DuckDB under their names. Status 3: there is no DuckDB. What goes wrong stands on standard error.
"""

import ast
import base64
import json
import os
import re
import sys

import boto3

try:
    import duckdb
except ImportError:
    sys.exit(3)

TYPES = {"string": "VARCHAR", "int": "INTEGER", "integer": "INTEGER", "float": "REAL", "binary": "BLOB"}
ATHENA = {"VARCHAR": "varchar", "BIGINT": "bigint", "INTEGER": "integer", "HUGEINT": "bigint", "DOUBLE": "double", "FLOAT": "float", "BOOLEAN": "boolean",
          "DATE": "date", "TIMESTAMP": "timestamp", "SMALLINT": "smallint", "TINYINT": "tinyint"}


def fail(message):
    print(message, file=sys.stderr)
    sys.exit(1)


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def duck_type(name):
    base = name.lower()
    return TYPES.get(base) or ("VARCHAR" if base.startswith(("char", "varchar")) else base.upper())


def fetch(location, folder):
    """All objects below s3://bucket/prefix, under their names there; false where there is none."""
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    s3, found = boto3.client("s3"), False
    prefix = prefix if not prefix or prefix.endswith("/") else prefix + "/"
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            name = item["Key"][len(prefix):]
            if not item["Size"] or any(part.startswith(("_", ".")) or not part for part in name.split("/")):
                continue
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            s3.download_file(bucket, item["Key"], path)
            found = True
    return found


def source(table, files):
    """How DuckDB reads the table's files."""
    storage = table["StorageDescriptor"]
    words = (storage.get("InputFormat", "") + storage.get("SerdeInfo", {}).get("SerializationLibrary", "")).lower()
    parameters = {**table.get("Parameters", {}), **storage.get("SerdeInfo", {}).get("Parameters", {})}
    keys = table.get("PartitionKeys", [])
    partitions = f", hive_partitioning={'true' if keys else 'false'}"
    if keys:
        partitions += ", hive_types={" + ", ".join(f"{literal(k['Name'])}: {duck_type(k['Type'])}" for k in keys) + "}"
    if "parquet" in words:
        return f"read_parquet({files}, union_by_name=true{partitions})"
    columns = "{" + ", ".join(f"{literal(c['Name'])}: {literal(duck_type(c['Type']))}" for c in storage["Columns"]) + "}"
    if "json" in words:
        return f"read_json({files}, format='newline_delimited', columns={columns}{partitions})"
    if "orc" in words or "avro" in words:
        fail("the sandbox's queries read CSV, JSON and Parquet")
    header = "true" if parameters.get("skip.header.line.count", "0") != "0" else "false"
    separator = parameters.get("separatorChar") or parameters.get("field.delim") or ","
    return f"read_csv({files}, header={header}, delim={literal(separator)}, columns={columns}, auto_detect=false{partitions})"


def show_table(duck, database, table, folder):
    name = f"{quoted(database)}.{quoted(table['Name'])}"
    storage = table["StorageDescriptor"]
    if fetch(storage["Location"], folder):
        names = ", ".join(quoted(c["Name"]) for c in storage["Columns"] + table.get("PartitionKeys", []))
        duck.execute(f"CREATE VIEW {name} AS SELECT {names} FROM {source(table, literal(folder + '/**'))}")
    else:
        columns = ", ".join(f"{quoted(c['Name'])} {duck_type(c['Type'])}" for c in storage["Columns"] + table.get("PartitionKeys", []))
        duck.execute(f"CREATE TABLE {name} ({columns})")


def view_text(table):
    """The SQL of a view; Athena keeps it as JSON in base64 in a comment."""
    text = table.get("ViewOriginalText", "")
    packed = re.fullmatch(r"/\* Presto View: (\S+) \*/", text.strip())
    return json.loads(base64.b64decode(packed[1]))["originalSql"] if packed else text


def show_catalog(duck, query):
    """What the query names, and what is named in the views among it."""
    glue = boto3.client("glue")
    tables = [(d["Name"], t) for page in glue.get_paginator("get_databases").paginate() for d in page["DatabaseList"]
              for tables in glue.get_paginator("get_tables").paginate(DatabaseName=d["Name"]) for t in tables["TableList"]]
    text, wanted = query, {}
    while True:
        new = {(d, t["Name"]): t for d, t in tables if (d, t["Name"]) not in wanted and re.search(rf"\b{re.escape(t['Name'])}\b", text, re.I)}
        if not new:
            break
        wanted.update(new)
        text = "\n".join(view_text(t) for t in new.values())
    for database in {d for d, _ in tables} | {d["Name"] for page in glue.get_paginator("get_databases").paginate() for d in page["DatabaseList"]}:
        duck.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(database)}")
    views = []
    for number, ((database, _), table) in enumerate(wanted.items()):
        if table.get("TableType") == "VIRTUAL_VIEW":
            views.append((database, table))
        else:
            show_table(duck, database, table, os.path.abspath(f"table-{number}"))
    while views:  # one may stand on another: as long as any can be made
        left = []
        for database, table in views:
            try:
                duck.execute(f"USE {quoted(database)}")
                duck.execute(f"CREATE VIEW {quoted(database)}.{quoted(table['Name'])} AS {view_text(table)}")
            except duckdb.Error as error:
                left.append((database, table))
                failure = error
        if len(left) == len(views):
            raise failure
        views = left


def parameter(text):
    """'text', 12 or 1.5 as it stands in SQL."""
    if re.fullmatch(r"'([^']|'')*'", text):
        return text[1:-1].replace("''", "'")
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def cell(value):
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def main(request_file, result_file):
    with open(request_file) as file:
        request = json.load(file)
    query = request["query"].strip().rstrip(";")
    if not re.match(r"(select|with|values|show|describe|explain)\b", query, re.I):
        fail("the sandbox's queries read; tables and views are made in the stack")
    duck = duckdb.connect()
    try:
        show_catalog(duck, query)
        if request.get("database"):
            duck.execute(f"USE {quoted(request['database'])}")
        answer = duck.execute(query, [parameter(p) for p in request.get("parameters", [])] or None)
        columns = [{"Name": d[0], "Type": ATHENA.get(str(d[1]).split("(")[0], str(d[1]).lower())} for d in answer.description]
        rows = [[cell(value) for value in row] for row in answer.fetchall()]
    except duckdb.Error as error:
        fail(str(error).splitlines()[0])
    with open(result_file, "w") as file:
        json.dump({"columns": columns, "rows": rows}, file)
    if request.get("output"):
        bucket, _, key = request["output"].removeprefix("s3://").partition("/")
        lines = [[c["Name"] for c in columns], *rows]
        text = "".join(",".join("" if v is None else '"' + v.replace('"', '""') + '"' for v in line) + "\n" for line in lines)
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())


main(*sys.argv[1:])
