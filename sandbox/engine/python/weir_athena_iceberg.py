"""
Iceberg tables for Athena's statements. PyIceberg reads and writes them, through the same Glue catalog and S3 that everybody else has; what
rows they have then, DuckDB says. A statement that changes rows leaves a new snapshot with all rows that there are afterwards (copy on write).
"""

import datetime
import functools
import os
import re

from weir_athena_tables import Refused, client, duck_type, quoted, split_place

MISSING = "Iceberg tables take the Python packages pyiceberg and pyarrow, which the sandbox's python3 does not have: pip install 'pyiceberg[glue]' pyarrow"
PAST = re.compile(r"version|timestamp|system_version|system_time", re.I)
TRANSFORMS = {"year": "YearTransform", "month": "MonthTransform", "day": "DayTransform", "hour": "HourTransform", "bucket": "BucketTransform", "truncate": "TruncateTransform"}
KEPT_DAYS = 5  # of snapshots, where the table does not say


def is_iceberg(table):
    return table.get("Parameters", {}).get("table_type", "").upper() == "ICEBERG"


def columns_of(table):
    """Those of now: the catalog also keeps what was dropped."""
    found = table["StorageDescriptor"]["Columns"]
    return [c for c in found if c.get("Parameters", {}).get("iceberg.field.current") != "false"] if is_iceberg(table) else found


def catalog():
    env = os.environ
    return catalog_for(env["AWS_ENDPOINT_URL"], env["AWS_REGION"], env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env.get("AWS_SESSION_TOKEN"))


@functools.lru_cache(maxsize=4)
def catalog_for(endpoint, region, access, secret, token):
    """Its clients take a while to make."""
    try:
        import pyarrow  # noqa: F401
        from pyiceberg.catalog.glue import GlueCatalog
    except ImportError as error:
        raise Refused(MISSING) from error
    key = {"client.access-key-id": access, "client.secret-access-key": secret, **({"client.session-token": token} if token else {})}
    return GlueCatalog("glue", **{"glue.endpoint": endpoint, "s3.endpoint": endpoint, "client.region": region, **key})


def open_table(database, name):
    return catalog().load_table((database, name))


def committed(change):
    """What the change gives; another's commit in between is Athena's error."""
    from pyiceberg.exceptions import CommitFailedException
    try:
        return change()
    except CommitFailedException as error:
        raise Refused(f"ICEBERG_COMMIT_ERROR: Failed to commit during write: {error}") from error


# ---- reading ----


def with_past(query, tokens, value_of):
    """`t FOR VERSION AS OF 12` becomes "t@version:12", a name of its own, `FOR TIMESTAMP AS OF …` "t@timestamp:MILLISECONDS"."""
    words = [m for m in tokens.finditer(query) if m.lastgroup]
    upper, out, last, at = [m[0].upper() for m in words], [], 0, 1
    while at + 3 < len(words):
        if upper[at] != "FOR" or not PAST.fullmatch(words[at + 1][0]) or upper[at + 2:at + 4] != ["AS", "OF"]:
            at += 1
            continue
        end = end_of_expression(words, at + 4)
        if end == at + 4:
            raise Refused(f"SYNTAX_ERROR: nothing follows {query[words[at].start():words[at + 3].end()]}")
        version, text = "VERSION" in upper[at + 1], query[words[at + 4].start():words[end - 1].end()]
        moment = text.strip("'\"") if version else value_of(text)
        table = words[at - 1][0].strip('"`').lower()
        out += [query[last:words[at - 1].start()], quoted(f"{table}@{'version' if version else 'timestamp'}:{moment}")]
        last, at = words[end - 1].end(), end
    return "".join(out) + query[last:]


def end_of_expression(words, at):
    depth, first = 0, at
    ends = {"WHERE", "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "ON", "ORDER", "GROUP", "HAVING", "LIMIT", "OFFSET", "UNION", "EXCEPT", "INTERSECT", "AS", "USING", "WHEN", "TABLESAMPLE", ","}
    while at < len(words) and not (depth == 0 and (words[at][0].upper() in ends or words[at][0] == ")" or is_alias(words, first, at))):
        depth += (words[at][0] == "(") - (words[at][0] == ")")
        at += 1
    return at


def is_alias(words, first, at):
    """A word right behind a text, a number or a bracket, which no operator leads to: AS OF 12 t."""
    before = words[at - 1]
    keyword = words[at][0].upper() in ("AT", "AND", "OR", "DAY", "HOUR", "MINUTE", "SECOND", "MONTH", "YEAR")
    return at > first and words[at].lastgroup in ("word", "name") and not keyword and (before.lastgroup in ("text", "number") or before[0] == ")" or before[0].upper() in ("DAY", "HOUR", "MINUTE", "SECOND", "MONTH", "YEAR"))


def snapshot_of(table, kind, text):
    found = None
    if kind == "timestamp":
        found = table.snapshot_as_of_timestamp(int(text))
    elif text.isdigit():
        found = table.snapshot_by_id(int(text))
    else:
        found = table.snapshot_by_name(text)
    if not found:
        when = f"No version history table at or before {datetime.datetime.fromtimestamp(int(text) / 1000, datetime.timezone.utc):%Y-%m-%d %H:%M:%S.%f}" if kind == "timestamp" else f"Iceberg snapshot ID does not exists: {text}"
        raise Refused(f"INVALID_ARGUMENTS: {when}")
    return found.snapshot_id


def place(duck, database, name, rows, kept):
    duck.register("weir_iceberg", rows)
    duck.execute(f"CREATE TABLE {quoted(database)}.{quoted(name)} AS SELECT * FROM weir_iceberg")
    duck.unregister("weir_iceberg")
    kept.append(rows)


def show(duck, database, described, query):
    """The table as it is, as it was where the query asks for that, and what Iceberg keeps of it ("t$snapshots")."""
    name, table, kept = described["Name"], open_table(database, described["Name"]), []
    place(duck, database, name, table.scan().to_arrow(), kept)
    for kind, text in set(re.findall(rf'\b{re.escape(name)}@(version|timestamp):([^"]+)', query, re.I)):
        place(duck, database, f"{name}@{kind}:{text}", table.scan(snapshot_id=snapshot_of(table, kind, text)).to_arrow(), kept)
    for what in set(re.findall(rf"\b{re.escape(name)}\$(\w+)", query, re.I)):
        if what.lower() not in ("snapshots", "history", "files", "manifests", "partitions", "refs"):
            raise Refused(f"SYNTAX_ERROR: Table '{database}.{name}${what}' does not exist")
        place(duck, database, f"{name}${what}", getattr(table.inspect, what.lower())(), kept)


# ---- making ----


def schema_of(duck, columns):
    """Hive's words, by way of DuckDB, as Arrow's."""
    catalog()  # which says what is missing
    chosen = ", ".join(f"CAST(NULL AS {duck_type(c['Type'])}) AS {quoted(c['Name'])}" for c in columns)
    return duck.execute(f"SELECT {chosen}").to_arrow_table().schema


def transforms(p):
    """PARTITIONED BY (day(ts), bucket(16, id), kind): [(transform, width, column)]"""
    found = []
    p.need("(")
    while not p.take(")"):
        name, width = p.name(), None
        if p.take("("):
            first = p.one("word", "name", "number")
            width, column = (int(first), p.need(",") or p.name()) if first.isdigit() else (None, first.strip('"`').lower())
            if p.take(","):
                width = int(p.one("number"))
            p.need(")")
            found.append((name, width, column))
        else:
            found.append(("identity", None, name))
        p.take(",")
    return found


def make(database, name, schema, location, parts, properties):
    import pyiceberg.transforms as of
    made = committed(lambda: catalog().create_table((database, name), schema, location=location.rstrip("/"), properties=properties))
    if parts:
        with made.update_spec() as spec:
            for kind, width, column in parts:
                if column not in [field.name for field in made.schema().fields]:
                    raise Refused(f"COLUMN_NOT_FOUND: the table is divided by {column}, which is none of its columns")
                if kind != "identity" and kind.removesuffix("s") not in TRANSFORMS:
                    raise Refused(f"INVALID_TABLE_PROPERTY: nothing is known of the partition transform {kind}")
                transform = getattr(of, TRANSFORMS.get(kind.removesuffix("s"), "IdentityTransform"))
                spec.add_field(column, transform(width) if width else transform())
    return made


def properties_of(given):
    """Athena's words for what Iceberg calls otherwise; the rest goes with them."""
    words = {"format": "write.format.default", "write_compression": "write.parquet.compression-codec"}
    if given.get("format", "parquet").lower() != "parquet":
        raise Refused(f"INVALID_TABLE_PROPERTY: the sandbox writes Iceberg tables as Parquet, not as {given['format']}")
    return {words.get(key, key): value.lower() if key in words else value for key, value in given.items() if key not in ("table_type", "is_external", "location", "partitioning", "external_location")}


# ---- changing ----


def rows_of(duck, query, table):
    """A query's rows, with the table's columns in their types."""
    names = ", ".join(f"weir_{i}" for i in range(len(columns_of(table))))
    typed = ", ".join(f"CAST(weir_{i} AS {duck_type(c['Type'])}) AS {quoted(c['Name'])}" for i, c in enumerate(columns_of(table)))
    return duck.execute(f"SELECT {typed} FROM ({query}) weir_query({names})").to_arrow_table()


def fitting(rows, table):
    """Arrow's variants of one type become the one that the table has."""
    return rows.cast(table.schema().as_arrow())


def append(duck, query, database, described):
    table, rows = open_table(database, described["Name"]), rows_of(duck, query, described)
    if rows.num_rows:
        committed(lambda: table.append(fitting(rows, table)))
    return rows.num_rows


def change(duck, statement, database, described):
    """MERGE, UPDATE or DELETE, on the copy that DuckDB was shown; the table gets what came of it. How many rows it was about."""
    table, name = open_table(database, described["Name"]), described["Name"]
    count = duck.execute(statement).fetchone()[0]
    if count:
        rows = rows_of(duck, f"SELECT * FROM {quoted(database)}.{quoted(name)}", described)
        committed(lambda: table.overwrite(fitting(rows, table)) if rows.num_rows else table.delete())
    return count


def optimize(database, name):
    """Small files become one for each partition."""
    table = open_table(database, name)
    if len(table.inspect.files()) > len(table.inspect.partitions() if table.spec().fields else [1]):
        committed(lambda: table.overwrite(table.scan().to_arrow()))


def vacuum(database, name):
    """Snapshots that are older than the table keeps them are forgotten, but for the current one."""
    table = open_table(database, name)
    seconds = int(table.properties.get("vacuum_max_snapshot_age_seconds", KEPT_DAYS * 86400))
    limit = datetime.datetime.now(datetime.timezone.utc).timestamp() * 1000 - seconds * 1000
    least = int(table.properties.get("vacuum_min_snapshots_to_keep", 1))
    old = [s.snapshot_id for s in sorted(table.snapshots(), key=lambda s: s.timestamp_ms)[:-least] if s.timestamp_ms < limit and s.snapshot_id != table.metadata.current_snapshot_id]
    if old:
        committed(lambda: table.maintenance.expire_snapshots().by_ids(old).commit())


def alter(p, database, described, duck):
    """Columns and properties; False: it is none of these."""
    table = open_table(database, described["Name"])
    if p.take("ADD", "COLUMNS"):
        import pyarrow as pa
        from pyiceberg.io.pyarrow import visit_pyarrow, _ConvertToIcebergWithoutIDs
        new = schema_of(duck, p.columns())
        with table.update_schema() as update:
            for field in new:
                update.add_column(field.name, visit_pyarrow(pa.schema([field]), _ConvertToIcebergWithoutIDs()).fields[0].field_type)
    elif p.take("DROP", "COLUMN"):
        name = p.name()
        with table.update_schema() as update:
            update.delete_column(name)
    elif p.take("SET", "TBLPROPERTIES"):
        given = p.properties()
        with table.transaction() as changes:
            changes.set_properties(properties_of(given))
    else:
        return False
    return True


def drop(database, name):
    """With all that lies in its place, as Athena does it."""
    location = open_table(database, name).location()
    catalog().drop_table((database, name))
    bucket, prefix = split_place(location)
    for page in client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        if page.get("Contents"):
            client("s3").delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": one["Key"]} for one in page["Contents"]]})


def divided_by(database, name):
    """As SHOW CREATE TABLE writes it."""
    table, found = open_table(database, name), []
    for field in table.spec().fields:
        column, transform = table.schema().find_column_name(field.source_id), str(field.transform)
        width = re.fullmatch(r"(\w+)\[(\d+)\]", transform)
        found.append(column if transform == "identity" else f"{width[1]}({width[2]}, {column})" if width else f"{transform}({column})")
    return found
