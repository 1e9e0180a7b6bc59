"""
Runs Athena's statements, for weir_resident.py. Queries go to DuckDB, which is shown the tables of the data catalog that they
name (weir_athena_tables.py); statements about the catalog itself are weir_athena_ddl.py's. Status 3: there is no DuckDB.
"""

import base64
import datetime
import decimal
import json
import math
import os
import re
import struct

import botocore.exceptions

import weir_athena_iceberg as iceberg
from weir_athena_tables import Refused, client, hive_type, literal, quoted, show_table

TOKEN = re.compile(r"""\s+|--[^\n]*|/\*.*?\*/|(?P<text>'(?:[^']|'')*')|(?P<name>"(?:[^"]|"")*"|`[^`]*`)|(?P<word>[A-Za-z_][\w$]*)|(?P<number>\d+(?:\.\d+)?)|(?P<other>.)""", re.S)
CATALOG = "awsdatacatalog"  # as statements name it
ATHENA = {"VARCHAR": "varchar", "BIGINT": "bigint", "INTEGER": "integer", "HUGEINT": "bigint", "DOUBLE": "double", "FLOAT": "float", "BOOLEAN": "boolean", "DATE": "date",
          "TIMESTAMP": "timestamp", "SMALLINT": "smallint", "TINYINT": "tinyint", "BLOB": "varbinary", "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
          "UBIGINT": "bigint", "UINTEGER": "bigint", "JSON": "json", "TIME": "time"}


# ---- the catalog ----


def view_text(table):
    """The SQL of a view; Athena keeps it as JSON in base64 in a comment."""
    text = table.get("ViewOriginalText", "")
    packed = re.fullmatch(r"/\* Presto View: (\S+) \*/", text.strip())
    return json.loads(base64.b64decode(packed[1]))["originalSql"] if packed else text


def hive_view(name, database, query, described):
    """A view as the service keeps it."""
    columns = [(d[0].lower(), d[1]) for d in described]
    packed = {"originalSql": query, "catalog": CATALOG, "schema": database, "columns": [{"name": n, "type": presto_type(t)} for n, t in columns]}
    return {"Name": name, "TableType": "VIRTUAL_VIEW", "Parameters": {"presto_view": "true", "comment": "Presto View"},
            "ViewOriginalText": f"/* Presto View: {base64.b64encode(json.dumps(packed).encode()).decode()} */", "ViewExpandedText": "/* Presto View */",
            "StorageDescriptor": {"Columns": [{"Name": n, "Type": hive_type(t)} for n, t in columns], "Location": "", "SerdeInfo": {}}}


def presto_type(duck):
    found = column("", duck)
    return f"decimal({found['Precision']},{found['Scale']})" if found["Type"] == "decimal" else found["Type"]


def show_catalog(duck, query):
    """What the query names, and what is named in the views among it. Returns the databases."""
    import duckdb
    glue, everything = client("glue"), re.search(r"\binformation_schema\b", query, re.I)
    databases = [d["Name"] for page in glue.get_paginator("get_databases").paginate() for d in page["DatabaseList"]]
    tables = [(d, t) for d in databases for tables in glue.get_paginator("get_tables").paginate(DatabaseName=d) for t in tables["TableList"]]
    text, wanted = query, {}
    while True:
        new = {(d, t["Name"]): t for d, t in tables if (d, t["Name"]) not in wanted and (everything or re.search(rf"\b{re.escape(t['Name'])}\b", text, re.I))}
        if not new:
            break
        wanted.update(new)
        text = "\n".join(view_text(t) for t in new.values())
    for database in databases:
        duck.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(database)}")
    views = []
    for number, ((database, _), table) in enumerate(wanted.items()):
        if table.get("TableType") == "VIRTUAL_VIEW":
            views.append((database, table))
        elif iceberg.is_iceberg(table):
            iceberg.show(duck, database, table, query)
        else:
            show_table(duck, database, table, os.path.abspath(f"table-{number}"))
    while views:  # one may stand on another: as long as any can be made
        left = []
        for database, table in views:
            try:
                duck.execute(f"USE {quoted(database)}")
                duck.execute(f"CREATE VIEW {quoted(database)}.{quoted(table['Name'])} AS {with_date_parse(view_text(table))}")
            except duckdb.Error as error:
                left.append((database, table))
                failure = error
        if len(left) == len(views):
            raise failure
        views = left
    return databases


# Functions that Trino has under other names; the format of date_format is MySQL's.
FORMAT = "replace(replace(replace(replace(replace(replace(f, '%M', '%B'), '%i', '%M'), '%s', '%S'), '%W', '%A'), '%h', '%I'), '%T', '%H:%M:%S')"
MACROS = {
    "date_format(t, f)": f"strftime(t, {FORMAT})",
    "from_unixtime(n)": "make_timestamp(CAST(CAST(n AS DOUBLE) * 1000000 AS BIGINT))",
    "to_unixtime(t)": "CAST(epoch(t) AS DOUBLE)",
    "json_extract_scalar(j, p)": "CASE WHEN json_type(json_extract(CAST(j AS JSON), p)) IN ('OBJECT', 'ARRAY') THEN NULL ELSE json_extract_string(CAST(j AS JSON), p) END",
    "regexp_like(t, p)": "regexp_matches(t, p)",
    "sequence(a, b)": "generate_series(a, b)",
}


def with_date_parse(query):
    """No macro can do it: DuckDB's strptime() wants its format as a text at the end of the call."""
    out, open_calls = [], []
    for token in TOKEN.finditer(query):
        text = token[0]
        if token["word"] and text.lower() == "date_parse":
            text = "strptime"
        elif text == "(":
            open_calls.append("".join(out).rstrip().endswith("strptime"))
        elif text == ")" and open_calls and open_calls.pop():
            at = max(i for i, one in enumerate(out) if one.strip())
            for mysql, python in (("%M", "%B"), ("%i", "%M"), ("%s", "%S"), ("%W", "%A"), ("%h", "%I"), ("%T", "%H:%M:%S")):
                out[at] = out[at].replace(mysql, python)
        out.append(text)
    return "".join(out)


def connect(query, database):
    """DuckDB as Trino calculates: integers divide to integers, and what the query names is there."""
    import duckdb
    duck = duckdb.connect()
    duck.execute(f"SET integer_division = true; ATTACH ':memory:' AS {CATALOG}; USE {CATALOG}")
    for head, body in MACROS.items():
        duck.execute(f"CREATE TEMP MACRO {head} AS {body}")
    databases = show_catalog(duck, query)
    if (database or "").lower() in databases:  # as in Trino, it need not be there
        duck.execute(f"USE {quoted(database)}")
    return duck


# ---- what comes out, in Athena's words ----


def number(value, digits):
    """As Java writes a double (17 digits) or a float (9)."""
    if math.isnan(value) or math.isinf(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    single = lambda x: struct.unpack("f", struct.pack("f", x))  # noqa: E731
    text = repr(value) if digits == 17 else next(t for n in range(1, 10) if single(float(t := f"{value:.{n}g}")) == single(value) or n == 9)
    sign, parts, exponent = decimal.Decimal(text).normalize().as_tuple()
    figures, point = "".join(map(str, parts)), len(parts) + exponent
    minus = "-" if sign else ""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return minus + (f"{figures[:point] if point > 0 else ''}{'0' * (point - len(figures))}" or "0") + "." + ("0" * -point + figures[max(point, 0):] or "0")
    return f"{minus}{figures[0]}.{figures[1:] or '0'}E{point - 1}"


def shown(value, kind):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return number(value, 9 if kind == "FLOAT" else 17)
    if isinstance(value, bytes):
        return " ".join(f"{byte:02x}" for byte in value)
    if isinstance(value, datetime.datetime):
        zone = " UTC" if value.tzinfo else ""
        value = value.astimezone(datetime.timezone.utc) if value.tzinfo else value
        return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03}" + zone
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(shown(item, "") for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{shown(k, '')}={shown(v, '')}" for k, v in value.items()) + "}"
    return str(value)


def column(name, kind):
    kind = str(kind)
    scaled = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind)
    found = "decimal" if scaled else "array" if kind.endswith("]") else "map" if kind.startswith("MAP") else "row" if kind.startswith("STRUCT") else ATHENA.get(kind, "varchar" if kind.startswith("ENUM") or kind == "UUID" else kind.lower())
    sizes = {"bigint": (19, 0), "integer": (10, 0), "smallint": (5, 0), "tinyint": (3, 0), "double": (17, 0), "float": (17, 0), "varchar": (2147483647, 0), "timestamp": (3, 0)}
    precision, scale = (int(scaled[1]), int(scaled[2])) if scaled else sizes.get(found, (0, 0))
    return {"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": name, "Label": name, "Type": found, "Precision": precision, "Scale": scale,
            "Nullable": "UNKNOWN", "CaseSensitive": found in ("varchar", "json")}


def parameter(text):
    """'text', 12 or DATE '2026-11-21' as it stands in SQL; what is none of SQL's expressions is a text."""
    import duckdb
    try:
        duckdb.connect().execute(f"SELECT {text}")
        return text
    except duckdb.Error:
        return literal(text)


def fill(query, parameters):
    """The query with its parameters in the place of the question marks."""
    tokens = list(TOKEN.finditer(query))
    wanted = sum(m["other"] == "?" for m in tokens)
    if wanted != len(parameters):
        raise Refused(f"INVALID_PARAMETER_USAGE: Incorrect number of parameters: expected {wanted} but found {len(parameters)}")
    values = map(parameter, parameters)
    return "".join(f"({next(values)})" if m["other"] == "?" else m[0] for m in tokens)


def unnamed(duck, query):
    """Which columns nobody has named: Athena calls them _col0, _col1."""
    import duckdb
    try:
        node = json.loads(duckdb.connect().execute("SELECT json_serialize_sql(?)", [query]).fetchone()[0])["statements"][0]["node"]
        chosen = node["select_list"]
    except (duckdb.Error, LookupError, TypeError):
        return set()
    if any(one["class"] == "STAR" for one in chosen):
        return set()
    return {n for n, one in enumerate(chosen) if not one["alias"] and one["class"] != "COLUMN_REF"}


def select(duck, query):
    answer = duck.execute(query)
    kinds = [str(d[1]) for d in answer.description]
    nameless = unnamed(duck, query)
    columns = [column(f"_col{n}" if n in nameless else d[0], d[1]) for n, d in enumerate(answer.description)]
    return columns, [[None if v is None else shown(v, kind) for v, kind in zip(row, kinds)] for row in answer.fetchall()]


def write_result(request, columns, rows):
    """As a CSV file; what is no query's result as plain text."""
    bucket, _, key = request["output"].removeprefix("s3://").partition("/")
    if key.endswith(".txt"):
        text = "".join("\t".join(v or "" for v in row) + "\n" for row in rows)
    else:
        lines = [[c["Name"] for c in columns], *rows]
        text = "".join(",".join("" if v is None else '"' + v.replace('"', '""') + '"' for v in line) + "\n" for line in lines)
    client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())


def milliseconds(expression):
    """Of FOR TIMESTAMP AS OF."""
    import duckdb
    return duckdb.connect().execute(f"SET TimeZone = 'UTC'; SELECT CAST(epoch_ms(CAST(({expression}) AS TIMESTAMPTZ)) AS BIGINT)").fetchone()[0]


def run(request):
    import weir_athena_ddl  # which needs what is above
    query = request["query"].strip().rstrip(";").rstrip()
    query = re.sub(rf'"?\b{CATALOG}"?\."?information_schema\b"?', "information_schema", query, flags=re.I)  # DuckDB has it once
    statement = weir_athena_ddl.find_prepared(query, request)
    if statement:
        return statement()
    query = iceberg.with_past(fill(query, request.get("parameters", [])), TOKEN, milliseconds)
    is_view = re.match(r"create\s+(or\s+replace\s+)?view\b", query, re.I)  # whose text is kept as it is
    statement = weir_athena_ddl.find(query if is_view else with_date_parse(query), request)
    if statement:
        return statement()
    if not re.match(r"(\(|(select|with|values|explain|table)\b)", re.sub(r"^(\s|--[^\n]*\n|/\*.*?\*/)+", "", query, flags=re.S), re.I):
        raise Refused(f"the sandbox knows no statement that begins with {query.split()[0] if query else 'nothing'}")
    return select(connect(query, request.get("database")), with_date_parse(query))


# DuckDB's errors and Trino's, by which clients know what is missing.
FAULTS = [
    (r"Catalog Error: Table with name .*because schema \"(.+?)\" does not exist", "SCHEMA_NOT_FOUND: {at}Schema '{name}' does not exist"),
    (r"Catalog Error: Table with name (\S+) does not exist!", "TABLE_NOT_FOUND: {at}Table '{catalog}.{database}.{name}' does not exist"),
    (r"Binder Error: Referenced column \"(.+?)\" not found", "COLUMN_NOT_FOUND: {at}Column '{name}' cannot be resolved or requester is not authorized to access requested resources"),
    (r"Catalog Error: Scalar Function with name (\S+) does not exist!", "FUNCTION_NOT_FOUND: {at}Function '{name}' not registered"),
]


def in_trinos_words(error, request):
    for pattern, words in FAULTS:
        if match := re.match(pattern, error):
            query, name = request["query"], match[1].lower()
            found = re.search(rf"\b{re.escape(name)}\b", query, re.I)
            at = f"line {query.count(chr(10), 0, found.start()) + 1}:{found.start() - query.rfind(chr(10), 0, found.start())}: " if found else ""
            prefix = re.search(r'"?(\w+)"?\."?$', query[:found.start()] if found else "")
            return words.format(at=at, catalog=CATALOG, database=prefix[1].lower() if prefix else request["database"], name=name)
    return error.splitlines()[0]


def answer(request):
    """A status, and what went wrong; the rows are written to the file `result`."""
    request["database"] = request.get("database", "").strip('`"')  # some clients quote it
    try:
        import duckdb
        broken = duckdb.Error
    except ImportError:
        broken = ()
    try:
        columns, rows = run(request)
        if request.get("output"):
            write_result(request, columns, rows)
    except ImportError as error:
        if error.name == "duckdb" or "duckdb" in str(error) or not broken:
            return 3, ""
        raise
    except Refused as error:
        return 1, str(error)
    except botocore.exceptions.ClientError as error:
        return 1, f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
    except broken as error:
        return 1, in_trinos_words(str(error), request)
    with open(request["result"], "w") as file:
        json.dump({"columns": columns, "rows": rows, "header": not request.get("output", "").endswith(".txt")}, file)
    return 0, ""
