"""Tables of the data catalog for DuckDB: which objects in S3 are theirs, and how these are read and written."""

import datetime
import functools
import itertools
import os
import re
import urllib.parse

import boto3

TYPES = {"string": "VARCHAR", "int": "INTEGER", "integer": "INTEGER", "float": "REAL", "binary": "BLOB", "long": "BIGINT"}


@functools.cache
def client(service):
    """To make one takes longer than what it is asked for."""
    return boto3.client(service)


class Refused(Exception):
    """What the query ends with, in words for its author."""


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def split_type(text):
    """The parts of `a:int,b:map<x,y>`: at commas that are in no brackets."""
    depth, start, parts = 0, 0, []
    for i, c in enumerate(text):
        depth += (c in "<(") - (c in ">)")
        if c == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]]


def duck_type(name):
    base = name.strip().lower()
    inner = re.fullmatch(r"(array|map|struct)<(.*)>", base, re.S)
    if not inner:
        return TYPES.get(base) or ("VARCHAR" if base.startswith(("char", "varchar")) else base.upper())
    parts = split_type(inner[2])
    if inner[1] == "array":
        return duck_type(inner[2]) + "[]"
    if inner[1] == "map":
        return f"MAP({duck_type(parts[0])}, {duck_type(','.join(parts[1:]))})"
    return "STRUCT(" + ", ".join(f"{quoted(p.partition(':')[0].strip())} {duck_type(p.partition(':')[2])}" for p in parts) + ")"


HIVE = {"VARCHAR": "string", "INTEGER": "int", "REAL": "float", "FLOAT": "float", "BLOB": "binary", "HUGEINT": "bigint", "UUID": "string", "JSON": "string",
        "UINTEGER": "bigint", "USMALLINT": "int", "UTINYINT": "smallint", "UBIGINT": "bigint", "TIMESTAMP WITH TIME ZONE": "timestamp", "TIMESTAMP_NS": "timestamp"}


def hive_type(duck):
    """DuckDB's type, an object of duckdb.typing, in Hive's words."""
    kind = duck.id
    if kind in ("list", "array"):
        return f"array<{hive_type(duck.children[0][1])}>"
    if kind == "map":
        return f"map<{hive_type(duck.children[0][1])},{hive_type(duck.children[1][1])}>"
    if kind == "struct":
        return "struct<" + ",".join(f"{name}:{hive_type(child)}" for name, child in duck.children) + ">"
    return HIVE.get(str(duck), str(duck).lower())


def split_place(uri):
    bucket, _, prefix = re.sub(r"^s3[an]?://", "", uri).partition("/")
    return bucket, prefix if not prefix or prefix.endswith("/") else prefix + "/"


def objects(location):
    """(key, name below the location) of all that has content; what begins with _ or . is no data."""
    bucket, prefix = split_place(location)
    for page in client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            name = item["Key"][len(prefix):]
            if item["Size"] and not any(part.startswith(("_", ".")) or not part for part in name.split("/")):
                yield item["Key"], name


# ---- partitions ----


def hive_folder(keys, values):
    return "".join(f"{key}={urllib.parse.quote(value, safe=' ')}/" for key, value in zip(keys, values))


def folders_of(location, keys):
    """{values: location} of what lies below it as key=value/…"""
    found, base = {}, location if location.endswith("/") else location + "/"
    for _, name in objects(location):
        parts = name.split("/")[:-1]
        pairs = [part.partition("=") for part in parts[:len(keys)]]
        if [key.lower() for key, _, _ in pairs] == [key.lower() for key in keys]:
            found[tuple(urllib.parse.unquote(value) for _, _, value in pairs)] = base + "/".join(parts[:len(keys)]) + "/"
    return found


DATES = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}


def date_format(text):
    return re.sub("yyyy|MM|dd|HH|mm|ss", lambda m: DATES[m[0]], text.replace("'", ""))


def moment(text, form, now):
    """A date as it is written there, NOW, or NOW-3DAYS."""
    text = text.strip()
    relative = re.fullmatch(r"NOW(?:\s*([+-])\s*(\d+)\s*(YEAR|MONTH|WEEK|DAY|HOUR|MINUTE|SECOND)S?)?", text)
    if not relative:
        return datetime.datetime.strptime(text, form)
    if not relative[1]:
        return now
    days = {"YEAR": 365, "MONTH": 30, "WEEK": 7, "DAY": 1}
    step = datetime.timedelta(days=days[relative[3]]) if relative[3] in days else datetime.timedelta(**{relative[3].lower() + "s": 1})
    return now + (1 if relative[1] == "+" else -1) * int(relative[2]) * step


def projected(parameters, key):
    """Is a value one of those that the projection says? A function."""
    of = {name.removeprefix(f"projection.{key}."): value for name, value in parameters.items() if name.startswith(f"projection.{key}.")}
    kind, limits = of.get("type"), of.get("range", of.get("values", "")).split(",")
    if kind == "enum":
        return lambda value: value in limits
    if kind == "integer":
        first, last = (int(x) for x in limits)
        digits, step = int(of.get("digits", 0)), int(of.get("interval", 1))
        return lambda value: value.isdigit() and len(value) >= digits and first <= int(value) <= last and (int(value) - first) % step == 0
    if kind == "date":
        form, now = date_format(of.get("format", "yyyy-MM-dd")), datetime.datetime.now()
        first, last = (moment(x, form, now) for x in limits)

        def within(value):
            try:
                return first.strftime(form) <= value <= last.strftime(form) and bool(datetime.datetime.strptime(value, form))
            except ValueError:
                return False
        return within
    if kind == "injected":
        return lambda value: True
    raise Refused(f"INVALID_TABLE_PROPERTY: projection.{key}.type is enum, integer, date or injected, not {kind}")


def projection(table, keys):
    parameters, location = table.get("Parameters", {}), table["StorageDescriptor"]["Location"].rstrip("/") + "/"
    template = parameters.get("storage.location.template", location + "/".join(f"{key}=${{{key}}}" for key in keys))
    tests = {key: projected(parameters, key) for key in keys}
    steps = {key: parameters.get(f"projection.{key}.format", "").count("/") for key in keys}  # a date may be several folders
    pieces = re.split(r"\$\{(\w+)\}", template.rstrip("/") + "/")
    pattern = "".join(re.escape(p) if i % 2 == 0 else f"(?P<{p}>[^/]+(?:/[^/]+){{{steps.get(p, 0)}}})" for i, p in enumerate(pieces))
    fixed, found = pieces[0].rpartition("/")[0] + "/", {}
    for key, _ in objects(fixed):
        match = re.match(pattern, f"s3://{split_place(fixed)[0]}/{key}")
        if match and all(tests[k](match[k]) for k in keys):
            found[tuple(match[k] for k in keys)] = match[0]
    return found


def registered(database, table):
    pages = client("glue").get_paginator("get_partitions").paginate(DatabaseName=database, TableName=table["Name"])
    return {tuple(p["Values"]): p["StorageDescriptor"].get("Location") for page in pages for p in page["Partitions"]}


def partitions(database, table):
    """{values: location}. Where none is registered, all that lie in S3 count."""
    keys = [key["Name"] for key in table.get("PartitionKeys", [])]
    if not keys:
        return {(): table["StorageDescriptor"]["Location"]}
    if table.get("Parameters", {}).get("projection.enabled", "").lower() == "true":
        return projection(table, keys)
    return registered(database, table) or folders_of(table["StorageDescriptor"]["Location"], keys)


# ---- reading ----


def parameters_of(table):
    storage = table["StorageDescriptor"]
    return {**table.get("Parameters", {}), **storage.get("Parameters", {}), **storage.get("SerdeInfo", {}).get("Parameters", {})}


def format_of(table):
    storage = table["StorageDescriptor"]
    words = (storage.get("InputFormat", "") + storage.get("SerdeInfo", {}).get("SerializationLibrary", "")).lower()
    for name in ("parquet", "json", "orc", "avro"):
        if name in words:
            return name
    found = table.get("Parameters", {}).get("classification", "csv").lower()
    return found if found in ("parquet", "json", "orc", "avro") else "csv"


def separator_of(table):
    parameters = parameters_of(table)
    default = "," if "OpenCSV" in table["StorageDescriptor"].get("SerdeInfo", {}).get("SerializationLibrary", "") or not parameters.get("serialization.format") else "\x01"
    text = parameters.get("separatorChar") or parameters.get("field.delim") or parameters.get("delimiter") or default
    return {"\\t": "\t", "\\001": "\x01"}.get(text, text)


def is_simple(table):
    """Hive's plain text: no quotes, and what does not fit is left out or is no value."""
    return format_of(table) == "csv" and "OpenCSV" not in table["StorageDescriptor"].get("SerdeInfo", {}).get("SerializationLibrary", "")


def source(table, files):
    """How DuckDB reads the table's files."""
    kind, columns = format_of(table), table["StorageDescriptor"]["Columns"]
    if kind == "parquet":
        return f"read_parquet({files}, union_by_name=true, hive_partitioning=true)"
    if kind in ("orc", "avro"):
        raise Refused("the sandbox's queries read CSV, JSON and Parquet")
    typed = "{" + ", ".join(f"{literal(c['Name'])}: {literal(duck_type(c['Type']))}" for c in columns) + "}"
    if kind == "json":
        return f"read_json({files}, format='newline_delimited', columns={typed}, hive_partitioning=true)"
    parameters, options = parameters_of(table), ""
    header = "true" if parameters.get("skip.header.line.count", "0") != "0" else "false"
    if is_simple(table):
        typed = "{" + ", ".join(f"{literal(c['Name'])}: 'VARCHAR'" for c in columns) + "}"
        options = f", quote='', escape={literal(parameters.get('escape.delim', ''))}, nullstr={literal(null_of(parameters))}, strict_mode=false"
    return f"read_csv({files}, header={header}, delim={literal(separator_of(table))}, columns={typed}, auto_detect=false, null_padding=true, hive_partitioning=true{options})"


def null_of(parameters):
    return parameters.get("serialization.null.format", "\\N")


def read_column(table, column):
    name = quoted(column["Name"])  # as the catalog has it: the file may have capital letters
    return f"TRY_CAST(f.{name} AS {duck_type(column['Type'])}) AS {name}" if is_simple(table) else f"f.{name} AS {name}"


def fetch(location, folder):
    """False where there is nothing."""
    s3, found = client("s3"), False
    for key, name in objects(location):
        path = os.path.join(folder, name.replace("/", "%").replace("=", "%"))
        os.makedirs(folder, exist_ok=True)
        s3.download_file(split_place(location)[0], key, path)
        found = True
    return found


def absent_columns(duck, table, files):
    """Columns of the table that no file has: they have no values."""
    if format_of(table) != "parquet":
        return set()
    found = {row[0].lower() for row in duck.execute(f"DESCRIBE SELECT * FROM {files}").fetchall()}
    return {c["Name"].lower() for c in table["StorageDescriptor"]["Columns"]} - found


def show_table(duck, database, table, folder):
    """A view over the files; they lie in a folder for each partition, whose values come from the catalog."""
    storage, keys = table["StorageDescriptor"], table.get("PartitionKeys", [])
    name = f"{quoted(database)}.{quoted(table['Name'])}"
    rows = [(n, values) for n, (values, location) in enumerate(partitions(database, table).items()) if location and fetch(location, f"{folder}/weir_partition={n}")]
    if not rows:
        columns = ", ".join(f"{quoted(c['Name'])} {duck_type(c['Type'])}" for c in storage["Columns"] + keys)
        duck.execute(f"CREATE TABLE {name} ({columns})")
        return
    values = ", ".join("(" + ", ".join([str(n), *(f"CAST({literal(v)} AS {duck_type(k['Type'])})" for v, k in zip(of, keys))]) + ")" for n, of in rows)
    names = ", ".join(["weir_partition", *(quoted(k["Name"]) for k in keys)])
    files = source(table, literal(folder + "/**"))
    missing = absent_columns(duck, table, files)
    chosen = ", ".join([*(read_column(table, c) if c["Name"].lower() not in missing else f"CAST(NULL AS {duck_type(c['Type'])}) AS {quoted(c['Name'])}" for c in storage["Columns"]), *("p." + quoted(k["Name"]) for k in keys)])
    duck.execute(f"CREATE VIEW {name} AS SELECT {chosen} FROM {files} f JOIN (VALUES {values}) p({names}) ON CAST(f.weir_partition AS INTEGER) = p.weir_partition")


# ---- writing ----


def write(duck, query, table, run):
    """The rows of a query as new objects of the table. The places of the partitions that they lie in, by values, and the objects."""
    keys, columns = [k["Name"] for k in table.get("PartitionKeys", [])], [c["Name"] for c in table["StorageDescriptor"]["Columns"]]
    kind, location = format_of(table), table["StorageDescriptor"]["Location"].rstrip("/") + "/"
    if kind in ("orc", "avro"):
        raise Refused(f"the sandbox writes CSV, JSON and Parquet, not {kind.upper()}")
    plain = f", QUOTE '', ESCAPE '', NULLSTR {literal(null_of(parameters_of(table)))}" if is_simple(table) else ""
    options = {"parquet": "FORMAT parquet", "json": "FORMAT json"}.get(kind, f"FORMAT csv, HEADER false, DELIMITER {literal(separator_of(table))}{plain}")
    typed = ", ".join(f"CAST(weir_{i} AS {duck_type(c['Type'])}) AS {quoted(c['Name'])}" for i, c in enumerate([*table["StorageDescriptor"]["Columns"], *table.get("PartitionKeys", [])]))
    aliases = ", ".join(f"weir_{i}" for i in range(len(columns) + len(keys)))
    duck.execute(f"CREATE TEMP TABLE weir_rows AS SELECT {typed} FROM ({query}) weir_query({aliases})")
    groups = duck.execute("SELECT DISTINCT " + ", ".join(f"CAST({quoted(k)} AS VARCHAR)" for k in keys) + " FROM weir_rows").fetchall() if keys else [()]
    bucket, prefix = split_place(location)
    places, objects, s3 = {}, [], client("s3")
    for n, values in enumerate(groups):
        where = " AND ".join(f"CAST({quoted(k)} AS VARCHAR) = {literal(v)}" if v is not None else f"{quoted(k)} IS NULL" for k, v in zip(keys, values)) or "true"
        values = tuple("__HIVE_DEFAULT_PARTITION__" if v is None else v for v in values)
        chosen, path = ", ".join(quoted(c) for c in columns), os.path.abspath(f"written-{n}")
        duck.execute(f"COPY (SELECT {chosen} FROM weir_rows WHERE {where}) TO {literal(path)} ({options})")
        folder = hive_folder(keys, values)
        if os.path.getsize(path):
            key = f"{prefix}{folder}{run}_{n:05}" + ("" if kind == "csv" else "." + kind)
            s3.upload_file(path, bucket, key)
            objects.append(f"s3://{bucket}/{key}")
        places[values] = location + folder
    return {} if not keys else places, objects


def is_empty(location):
    return next(itertools.chain(objects(location)), None) is None
