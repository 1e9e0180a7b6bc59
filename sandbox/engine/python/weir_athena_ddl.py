"""Athena's statements about the data catalog: Hive's DDL, and those that make tables and rows of queries."""

import fnmatch
import re

import weir_athena_iceberg as iceberg
from weir_athena import CATALOG, TOKEN, column, connect, hive_view, run, view_text, with_date_parse
from weir_athena_tables import Refused, client, folders_of, hive_folder, hive_type, is_empty, projection, registered, write

LIBRARY, FORMATS = "org.apache.hadoop.hive.", {
    "PARQUET": ("ql.io.parquet.MapredParquetInputFormat", "ql.io.parquet.MapredParquetOutputFormat", "ql.io.parquet.serde.ParquetHiveSerDe"),
    "ORC": ("ql.io.orc.OrcInputFormat", "ql.io.orc.OrcOutputFormat", "ql.io.orc.OrcSerde"),
    "AVRO": ("ql.io.avro.AvroContainerInputFormat", "ql.io.avro.AvroContainerOutputFormat", "serde2.avro.AvroSerDe"),
    "TEXTFILE": (None, "ql.io.HiveIgnoreKeyTextOutputFormat", "serde2.lazy.LazySimpleSerDe")}
JSON_SERDE = "org.openx.data.jsonserde.JsonSerDe"


class Parser:
    """
    Hive's DDL as Athena takes it, a token after the other. Not sqlglot's (30.3, dialect athena): of 32 forms of statements it gives 13 back
    as they stand (ADD PARTITION … LOCATION, MSCK, SHOW, UNLOAD, PREPARE, OPTIMIZE …) and refuses one, and importing it takes several times
    as long as a statement here.
    """

    def __init__(self, text, database):
        self.text, self.database, self.at = text, database, 0
        self.tokens = [(m.lastgroup, m[0], m.start()) for m in TOKEN.finditer(text) if m.lastgroup]

    def peek(self, *words, ahead=0):
        """Do these words come next?"""
        for i, word in enumerate(words):
            at = self.at + ahead + i
            if at >= len(self.tokens) or self.tokens[at][0] in ("text", "name") or self.tokens[at][1].upper() != word:
                return False
        return True

    def take(self, *words):
        if not self.peek(*words):
            return False
        self.at += len(words)
        return True

    def need(self, *words):
        if not self.take(*words):
            where = repr(self.tokens[self.at][1]) if self.at < len(self.tokens) else "the end"
            raise Refused(f"FAILED: ParseException: expected {' '.join(words)} before {where}")

    def one(self, *kinds):
        if self.at >= len(self.tokens) or self.tokens[self.at][0] not in kinds:
            where = repr(self.tokens[self.at][1]) if self.at < len(self.tokens) else "the end"
            raise Refused(f"FAILED: ParseException: expected a {' or '.join(kinds)} before {where}")
        self.at += 1
        return self.tokens[self.at - 1][1]

    def string(self):
        return self.one("text")[1:-1].replace("''", "'")

    def name(self):
        text = self.one("word", "name")
        return (text[1:-1] if text[0] in "\"`" else text).lower()

    def names(self, most):
        """Names with dots between them, without the catalog's, which may be before them."""
        found = [self.name()]
        while self.take("."):
            found.append(self.name())
        if len(found) > most and found.pop(0) != CATALOG:
            raise Refused("CATALOG_NOT_FOUND: the sandbox has no catalog but AwsDataCatalog")
        return found

    def table(self):
        """(database, table)"""
        found = self.names(2)
        pair = (self.database, *(found[0].split(".", 1) if len(found) == 1 else found))[-2:]
        if not pair[0]:
            raise Refused("no database: name it before the table, or in the query's context")
        return pair

    def rest(self):
        text = self.text[self.tokens[self.at][2]:] if self.at < len(self.tokens) else ""
        self.at = len(self.tokens)
        return text

    def until(self, word):
        """The text up to that word outside brackets."""
        depth, start = 0, self.at
        while self.at < len(self.tokens) and (depth or not self.peek(word)):
            depth += (self.tokens[self.at][1] == "(") - (self.tokens[self.at][1] == ")")
            self.at += 1
        return self.text[self.tokens[start][2]:self.tokens[self.at][2]] if self.at < len(self.tokens) else ""

    def expressions(self):
        """All that is left, up to the end: a, f(b, c), …"""
        found, depth, start = [], 0, self.at
        for at in range(self.at, len(self.tokens) + 1):
            text = self.tokens[at][1] if at < len(self.tokens) else ","
            if depth == 0 and text == "," and at > start:
                last = self.tokens[at - 1]
                found.append(self.text[self.tokens[start][2]:last[2] + len(last[1])])
                start = at + 1
            depth += (text in "([") - (text in ")]")
        self.at = len(self.tokens)
        return found

    def end(self):
        if self.at < len(self.tokens):
            raise Refused(f"FAILED: ParseException: nothing is known of {self.tokens[self.at][1]!r} there")

    def type(self):
        """Up to the comma, the bracket or the COMMENT behind it."""
        depth, parts = 0, []
        while self.at < len(self.tokens):
            text = self.tokens[self.at][1]
            if depth == 0 and (text in ",)" or self.peek("COMMENT")):
                break
            depth += (text in "<(") - (text in ">)")
            parts.append(text.lower())
            self.at += 1
        return "".join(parts)

    def columns(self):
        found = []
        self.need("(")
        while True:
            one = {"Name": self.name(), "Type": self.type()}
            if self.take("COMMENT"):
                one["Comment"] = self.string()
            found.append(one)
            if not self.take(","):
                break
        self.need(")")
        return found

    def properties(self):
        """('k' = 'v', k = v)"""
        found = {}
        self.need("(")
        while not self.take(")"):
            kind, text, _ = self.tokens[self.at]
            key = self.string() if kind == "text" else self.name()
            self.need("=")
            found[key] = self.value()
            self.take(",")
        return found

    def value(self):
        if self.take("ARRAY"):
            items = []
            self.need("[")
            while not self.take("]"):
                items.append(self.string())
                self.take(",")
            return items
        kind = self.tokens[self.at][0] if self.at < len(self.tokens) else ""
        return self.string() if kind == "text" else self.one("number", "word")

    def partition(self, keys):
        """PARTITION (k = 'v', …): values in the order of the table's keys."""
        self.need("PARTITION")
        found = {key.lower(): value for key, value in self.properties().items()}
        if sorted(found) != sorted(key.lower() for key in keys):
            raise Refused(f"FAILED: SemanticException: the table is divided by {', '.join(keys) or 'nothing'}")
        return [found[key.lower()] for key in keys]


class Catalog:
    def __init__(self):
        self.glue = client("glue")

    def find(self, database, name):
        try:
            return self.glue.get_table(DatabaseName=database, Name=name)["Table"]
        except self.glue.exceptions.EntityNotFoundException:
            return None

    def need(self, database, name):
        table = self.find(database, name)
        if not table:
            raise Refused(f"FAILED: SemanticException: Table not found {database}.{name}")
        return table

    def put(self, database, table, replace):
        known = ("Name", "Description", "Owner", "Retention", "StorageDescriptor", "PartitionKeys", "ViewOriginalText", "ViewExpandedText", "TableType", "Parameters")
        table = {key: value for key, value in table.items() if key in known}
        (self.glue.update_table if replace else self.glue.create_table)(DatabaseName=database, TableInput=table)


def leave_manifest(request, objects):
    """Which objects the rows lie in that a statement has written, as clients look for it."""
    bucket, key = request["output"].removeprefix("s3://").split("/", 1)
    client("s3").put_object(Bucket=bucket, Key=key.rpartition(".")[0] + "-manifest.csv", Body="".join(f"{one}\n" for one in objects).encode())


def answer(*rows, names=("result",)):
    return [column(name, "VARCHAR") for name in names], [list(row) for row in rows]


# ---- tables ----


def storage_of(p, table, storage, serde):
    """What stands behind the columns, in any order."""
    while p.at < len(p.tokens):
        if p.take("COMMENT"):
            table["Description"] = p.string()
        elif p.take("PARTITIONED", "BY"):
            table["PartitionKeys"] = p.columns()
        elif p.take("CLUSTERED", "BY"):
            p.need("(")
            storage["BucketColumns"] = []
            while not p.take(")"):
                storage["BucketColumns"].append(p.name())
                p.take(",")
            p.need("INTO")
            storage["NumberOfBuckets"] = int(p.one("number"))
            p.need("BUCKETS")
        elif p.take("ROW", "FORMAT", "SERDE"):
            serde["SerializationLibrary"] = p.string()
        elif p.take("WITH", "SERDEPROPERTIES"):
            serde["Parameters"] = p.properties()
        elif p.take("ROW", "FORMAT", "DELIMITED"):
            delimited(p, serde)
        elif p.take("STORED", "AS"):
            stored_as(p, storage, serde)
        elif p.take("LOCATION"):
            storage["Location"] = p.string()
        elif p.take("TBLPROPERTIES"):
            table["Parameters"].update(p.properties())
        else:
            p.end()


def delimited(p, serde):
    serde.setdefault("SerializationLibrary", LIBRARY + FORMATS["TEXTFILE"][2])
    parameters = serde.setdefault("Parameters", {})
    words = {("FIELDS", "TERMINATED", "BY"): "field.delim", ("ESCAPED", "BY"): "escape.delim", ("COLLECTION", "ITEMS", "TERMINATED", "BY"): "collection.delim",
             ("MAP", "KEYS", "TERMINATED", "BY"): "mapkey.delim", ("LINES", "TERMINATED", "BY"): "line.delim", ("NULL", "DEFINED", "AS"): "serialization.null.format"}
    found = True
    while found:
        found = next((name for phrase, name in words.items() if p.take(*phrase)), None)
        if found:
            parameters[found] = p.string()
    if "field.delim" in parameters:
        parameters["serialization.format"] = parameters["field.delim"]


def stored_as(p, storage, serde):
    if p.take("INPUTFORMAT"):
        storage["InputFormat"] = p.string()
        p.need("OUTPUTFORMAT")
        storage["OutputFormat"] = p.string()
        return
    name = p.name().upper()
    if name not in (*FORMATS, "JSONFILE"):
        raise Refused(f"FAILED: SemanticException: nothing is known of STORED AS {name}")
    use_format(name, storage, serde)


def use_format(name, storage, serde):
    reader, writer, library = FORMATS["TEXTFILE" if name == "JSONFILE" else name]
    storage["InputFormat"] = LIBRARY + reader if reader else "org.apache.hadoop.mapred.TextInputFormat"
    storage["OutputFormat"] = LIBRARY + writer
    serde.setdefault("SerializationLibrary", JSON_SERDE if name == "JSONFILE" else LIBRARY + library)


def create_table(p, request):
    there = p.take("IF", "NOT", "EXISTS")
    database, name = p.table()
    table = {"Name": name, "TableType": "EXTERNAL_TABLE", "PartitionKeys": [], "Parameters": {"EXTERNAL": "TRUE"}}
    serde, storage = {}, {"Columns": p.columns() if p.peek("(") else []}
    storage_of(p, table, storage, serde)
    if "Location" not in storage:
        raise Refused("FAILED: SemanticException: an external table has a LOCATION")
    if "InputFormat" not in storage:
        use_format("TEXTFILE", storage, serde)
    for one in [*storage["Columns"], *table["PartitionKeys"]]:
        if not one["Type"]:
            raise Refused(f"FAILED: ParseException: the column {one['Name']} has no type")
    catalog = Catalog()
    if catalog.find(database, name):
        if there:
            return answer()
        raise Refused(f"FAILED: AlreadyExistsException: Table {name} already exists")
    catalog.put(database, {**table, "StorageDescriptor": {**storage, "SerdeInfo": serde}}, False)
    return answer()


def create_table_as(p, request):
    there = p.take("IF", "NOT", "EXISTS")
    database, name = p.table()
    if p.peek("("):
        return create_iceberg(p, database, name, there)
    options = {key.lower(): value for key, value in (p.properties() if p.take("WITH") else {}).items()}
    p.need("AS")
    query, catalog = p.rest(), Catalog()
    empty = re.search(r"\s+with\s+no\s+data\s*$", query, re.I)
    query = re.sub(r"\s+with\s+(no\s+)?data\s*$", "", query, flags=re.I)
    if catalog.find(database, name):
        if there:
            return answer()
        raise Refused(f"TABLE_ALREADY_EXISTS: Destination table '{database}.{name}' already exists")
    duck = connect(query, request.get("database"))
    described = duck.execute(f"SELECT * FROM ({with_date_parse(query)}) LIMIT 0").description
    columns = [{"Name": d[0].lower(), "Type": hive_type(d[1])} for d in described]
    if str(options.get("table_type", "")).upper() == "ICEBERG":
        return create_iceberg_as(database, name, columns, options, duck, None if empty else query)
    keys = [key.lower() for key in options.get("partitioned_by", [])]
    if keys and keys != [c["Name"] for c in columns[len(columns) - len(keys):]]:
        raise Refused("INVALID_TABLE_PROPERTY: the columns that a table is partitioned by come last in its query, in the same order")
    kind = {"JSON": "JSONFILE"}.get(options.get("format", "PARQUET").upper(), options.get("format", "PARQUET").upper())
    place, id = request["output"].rpartition("/")[::2]
    location = (options.get("external_location") or f"{place}/tables/{id.partition('.')[0]}").rstrip("/") + "/"
    if options.get("external_location") and not is_empty(location):
        raise Refused(f"HIVE_PATH_ALREADY_EXISTS: Target directory for table '{database}.{name}' already exists: {location}")
    serde, storage = {"Parameters": {"serialization.format": "1"}}, {"Columns": columns[:len(columns) - len(keys)], "Location": location}
    if kind == "TEXTFILE":
        separator = options.get("field_delimiter", "\x01")
        serde["Parameters"] = {"field.delim": separator, "serialization.format": separator}
    if kind not in (*FORMATS, "JSONFILE"):
        raise Refused(f"INVALID_TABLE_PROPERTY: nothing is known of the format {kind}")
    use_format(kind, storage, serde)
    table = {"Name": name, "TableType": "EXTERNAL_TABLE", "PartitionKeys": columns[len(columns) - len(keys):] if keys else [],
             "Parameters": {"EXTERNAL": "TRUE", "has_encrypted_data": "false"}, "StorageDescriptor": {**storage, "SerdeInfo": serde}}
    places, objects = ({}, []) if empty else write(duck, query, table, id.partition(".")[0])
    catalog.put(database, table, False)
    add_partitions(catalog, database, table, places)
    leave_manifest(request, objects)
    return answer()


def create_iceberg(p, database, name, there):
    columns, parts, location, properties = p.columns(), [], None, {}
    while p.at < len(p.tokens):
        if p.take("PARTITIONED", "BY"):
            parts = iceberg.transforms(p)
        elif p.take("LOCATION"):
            location = p.string()
        elif p.take("TBLPROPERTIES"):
            properties = p.properties()
        elif p.take("COMMENT"):
            properties.setdefault("comment", p.string())
        else:
            p.end()
    if str(properties.get("table_type", "")).upper() != "ICEBERG":
        raise Refused("FAILED: SemanticException: CREATE TABLE with columns makes Iceberg tables: TBLPROPERTIES ('table_type' = 'ICEBERG'); others are CREATE EXTERNAL TABLE")
    if not location:
        raise Refused("FAILED: SemanticException: an Iceberg table has a LOCATION")
    if Catalog().find(database, name):
        if there:
            return answer()
        raise Refused(f"FAILED: AlreadyExistsException: Table {name} already exists")
    import duckdb
    iceberg.make(database, name, iceberg.schema_of(duckdb.connect(), columns), location, parts, iceberg.properties_of(properties))
    return answer()


def create_iceberg_as(database, name, columns, options, duck, query):
    if not options.get("location"):
        raise Refused("INVALID_TABLE_PROPERTY: an Iceberg table has a location: WITH (table_type = 'ICEBERG', location = 's3://…', is_external = false)")
    parts = iceberg.transforms(Parser("(" + ", ".join(options.get("partitioning", [])) + ")", database))
    iceberg.make(database, name, iceberg.schema_of(duck, columns), options["location"], parts, iceberg.properties_of(options))
    if query:
        iceberg.append(duck, query, database, Catalog().need(database, name))
    return answer()


def check_matches(p, duck, name):
    """MERGE changes a row by one row of the source; DuckDB takes several, one after the other."""
    target = p.text[p.tokens[2][2]:p.tokens[p.at][2]] + p.until("USING")
    p.need("USING")
    source = p.until("ON")
    p.need("ON")
    matched = p.until("WHEN")
    alias = target.split()[-1] if len(target.split()) > 1 else name
    if re.search(r"\bWHEN\s+MATCHED\b", p.rest(), re.IGNORECASE) and duck.execute(f"SELECT 1 FROM {target} JOIN {source} ON {matched} GROUP BY {alias}.rowid HAVING count(*) > 1 LIMIT 1").fetchone():
        raise Refused("MERGE_TARGET_ROW_MULTIPLE_MATCHES: One MERGE target table row matched more than one source row")


def change_rows(p, request):
    """MERGE INTO, UPDATE, DELETE FROM: DuckDB knows them as Trino does."""
    database, name = p.table()
    table = Catalog().need(database, name)
    if not iceberg.is_iceberg(table):
        raise Refused("NOT_SUPPORTED: Modifying Hive table rows is only supported for transactional tables")
    duck = connect(p.text, request.get("database"))
    if p.text.lstrip()[:5].upper() == "MERGE":
        check_matches(p, duck, name)
    return [column("rows", "BIGINT")], [[str(iceberg.change(duck, p.text, database, table))]]


def maintain(p, carry_out):
    database, name = p.table()
    if not iceberg.is_iceberg(Catalog().need(database, name)):
        raise Refused(f"NOT_SUPPORTED: {database}.{name} is no Iceberg table")
    carry_out(database, name)
    return answer()


def insert(p, request):
    database, name = p.table()
    table = Catalog().need(database, name)
    if table.get("TableType") == "VIRTUAL_VIEW":
        raise Refused(f"NOT_SUPPORTED: Inserting into views is not supported: {database}.{name}")
    all_columns = [c["Name"] for c in [*iceberg.columns_of(table), *table.get("PartitionKeys", [])]]
    named = None
    if p.peek("(") and not p.peek("(", "SELECT") and not p.peek("(", "WITH"):
        p.need("(")
        named = []
        while not p.take(")"):
            named.append(p.name())
            p.take(",")
    query = p.rest()
    if named:
        unknown = [c for c in named if c not in all_columns]
        if unknown:
            raise Refused(f"COLUMN_NOT_FOUND: Insert column name does not exist in target table: {unknown[0]}")
        aliases = ", ".join(f"weir_given_{i}" for i in range(len(named)))
        query = "SELECT " + ", ".join(f"weir_given_{named.index(c)}" if c in named else "NULL" for c in all_columns) + f" FROM ({query}) weir_given({aliases})"
    duck = connect(query, request.get("database"))
    if iceberg.is_iceberg(table):
        return [column("rows", "BIGINT")], [[str(iceberg.append(duck, query, database, table))]]
    places, objects = write(duck, query, table, request["output"].rpartition("/")[2].partition(".")[0])
    add_partitions(Catalog(), database, table, places)
    leave_manifest(request, objects)
    count = duck.execute("SELECT count(*) FROM weir_rows").fetchone()[0]
    return [column("rows", "BIGINT")], [[str(count)]]


def unload(p, request):
    text = p.rest()
    match = re.fullmatch(r"\((.*)\)\s*TO\s*'([^']+)'\s*(?:WITH\s*(\(.*\)))?\s*", text, re.S | re.I)
    if not match:
        raise Refused("FAILED: ParseException: UNLOAD (query) TO 's3://…' WITH (format = 'PARQUET')")
    options = {k.lower(): v for k, v in (Parser(match[3], "").properties() if match[3] else {}).items()}
    duck = connect(match[1], request.get("database"))
    if not is_empty(match[2]):
        raise Refused(f"HIVE_PATH_ALREADY_EXISTS: Target directory already exists: {match[2]}")
    columns = [{"Name": d[0], "Type": hive_type(d[1])} for d in duck.execute(f"SELECT * FROM ({match[1]}) LIMIT 0").description]
    kind = {"JSON": "JSONFILE"}.get(options.get("format", "PARQUET").upper(), options.get("format", "PARQUET").upper())
    keys, serde, storage = len(options.get("partitioned_by", [])), {"Parameters": {"field.delim": options.get("field_delimiter", "\x01")}}, {"Location": match[2]}
    if kind not in (*FORMATS, "JSONFILE"):
        raise Refused(f"INVALID_TABLE_PROPERTY: nothing is known of the format {kind}")
    use_format(kind, storage, serde)
    storage |= {"Columns": columns[:len(columns) - keys], "SerdeInfo": serde}
    made = {"StorageDescriptor": storage, "PartitionKeys": columns[len(columns) - keys:] if keys else []}
    leave_manifest(request, write(duck, match[1], made, request["output"].rpartition("/")[2].partition(".")[0])[1])
    return answer()


# ---- partitions ----


def add_partitions(catalog, database, table, places):
    known = set(registered(database, table)) if places else set()
    new = [{"Values": list(values), "StorageDescriptor": {**table["StorageDescriptor"], "Location": place}} for values, place in places.items() if tuple(values) not in known]
    for start in range(0, len(new), 100):
        catalog.glue.batch_create_partition(DatabaseName=database, TableName=table["Name"], PartitionInputList=new[start:start + 100])
    return new


def repair(p, request):
    database, name = p.table()
    p.end()
    catalog = Catalog()
    table = catalog.need(database, name)
    keys = [k["Name"] for k in table.get("PartitionKeys", [])]
    new = add_partitions(catalog, database, table, folders_of(table["StorageDescriptor"]["Location"], keys) if keys else {})
    return answer(*[[f"Repair: Added partition to metastore {name}:{hive_folder(keys, one['Values']).rstrip('/')}"] for one in new])


def alter_table(p, request):
    database, name = p.table()
    catalog = Catalog()
    table = catalog.need(database, name)
    keys, storage = [k["Name"] for k in table.get("PartitionKeys", [])], table["StorageDescriptor"]
    if iceberg.is_iceberg(table):
        import duckdb
        if not iceberg.alter(p, database, table, duckdb.connect()):
            raise Refused("NOT_SUPPORTED: of an Iceberg table ADD COLUMNS, DROP COLUMN and SET TBLPROPERTIES change something")
    elif p.peek("ADD", "PARTITION") or p.peek("ADD", "IF"):
        p.need("ADD")
        there, places = p.take("IF", "NOT", "EXISTS"), {}
        while p.at < len(p.tokens):
            values = p.partition(keys)
            places[tuple(values)] = p.string() if p.take("LOCATION") else storage["Location"].rstrip("/") + "/" + hive_folder(keys, values)
        if len(add_partitions(catalog, database, table, places)) < len(places) and not there:
            raise Refused(f"FAILED: AlreadyExistsException: Partition already exists in {database}.{name}")
    elif p.peek("DROP", "PARTITION") or p.peek("DROP", "IF"):
        p.need("DROP")
        there = p.take("IF", "EXISTS")
        while p.at < len(p.tokens):
            values = p.partition(keys)
            if tuple(values) in registered(database, table):
                catalog.glue.delete_partition(DatabaseName=database, TableName=name, PartitionValues=values)
            elif not there:
                raise Refused(f"FAILED: SemanticException: Partition not found {values}")
            p.take(",")
    elif p.take("SET", "TBLPROPERTIES"):
        catalog.put(database, {**table, "Parameters": {**table.get("Parameters", {}), **p.properties()}}, True)
    elif p.take("SET", "LOCATION"):
        catalog.put(database, {**table, "StorageDescriptor": {**storage, "Location": p.string()}}, True)
    elif p.take("ADD", "COLUMNS"):
        catalog.put(database, {**table, "StorageDescriptor": {**storage, "Columns": [*storage["Columns"], *p.columns()]}}, True)
    elif p.take("REPLACE", "COLUMNS"):
        catalog.put(database, {**table, "StorageDescriptor": {**storage, "Columns": p.columns()}}, True)
    p.end()
    return answer()


# ---- views, databases ----


def create_view(p, request, replace):
    database, name = p.table()
    p.need("AS")
    query, catalog = p.rest(), Catalog()
    old = catalog.find(database, name)
    if old and (not replace or old.get("TableType") != "VIRTUAL_VIEW"):
        raise Refused(f"TABLE_ALREADY_EXISTS: '{database}.{name}' already exists")
    described = connect(query, request.get("database") or database).execute(f"SELECT * FROM ({with_date_parse(query)}) LIMIT 0").description
    catalog.put(database, hive_view(name, database, query, described), bool(old))
    return answer()


def drop(p, request, what):
    there = p.take("IF", "EXISTS")
    database, name = p.table()
    p.end()
    catalog = Catalog()
    table = catalog.find(database, name)
    if not table and not there:
        raise Refused(f"FAILED: SemanticException: Table not found {database}.{name}")
    if table and (table.get("TableType") == "VIRTUAL_VIEW") != (what == "VIEW"):
        raise Refused(f"FAILED: {database}.{name} is {'no view' if what == 'VIEW' else 'a view'}: DROP {'TABLE' if what == 'VIEW' else 'VIEW'} drops it")
    if table and iceberg.is_iceberg(table):
        iceberg.drop(database, name)
    elif table:
        catalog.glue.delete_table(DatabaseName=database, Name=name)
    return answer()


def create_database(p, request):
    there, catalog = p.take("IF", "NOT", "EXISTS"), Catalog()
    made = {"Name": p.names(1)[0]}
    while p.at < len(p.tokens):
        if p.take("COMMENT"):
            made["Description"] = p.string()
        elif p.take("LOCATION"):
            made["LocationUri"] = p.string()
        elif p.take("WITH", "DBPROPERTIES"):
            made["Parameters"] = p.properties()
        else:
            p.end()
    try:
        catalog.glue.create_database(DatabaseInput=made)
    except catalog.glue.exceptions.AlreadyExistsException:
        if not there:
            raise Refused(f"FAILED: AlreadyExistsException: Database {made['Name']} already exists") from None
    return answer()


def drop_database(p, request):
    there, catalog = p.take("IF", "EXISTS"), Catalog()
    name, cascade = p.names(1)[0], p.take("CASCADE") or (p.take("RESTRICT") and False)
    p.end()
    try:
        tables = [t["Name"] for page in catalog.glue.get_paginator("get_tables").paginate(DatabaseName=name) for t in page["TableList"]]
        if tables and not cascade:
            raise Refused(f"FAILED: InvalidOperationException: Database {name} is not empty. One or more tables exist.")
        for table in tables:
            catalog.glue.delete_table(DatabaseName=name, Name=table)
        catalog.glue.delete_database(Name=name)
    except catalog.glue.exceptions.EntityNotFoundException:
        if not there:
            raise Refused(f"FAILED: SemanticException: Database does not exist: {name}") from None
    return answer()


# ---- looking ----


def like(p):
    """['a*|b*'] or LIKE 'a*'"""
    p.take("LIKE")
    pattern = p.string() if p.at < len(p.tokens) else "*"
    return lambda name: any(fnmatch.fnmatchcase(name, one) for one in pattern.split("|"))


def show_databases(p, request):
    fits = like(p)
    return answer(*[[d["Name"]] for page in Catalog().glue.get_paginator("get_databases").paginate() for d in page["DatabaseList"] if fits(d["Name"])], names=["database_name"])


def show_tables(p, request, views=False):
    database = p.name() if p.take("IN") or p.take("FROM") else p.database
    fits = like(p)
    tables = [t for page in Catalog().glue.get_paginator("get_tables").paginate(DatabaseName=database) for t in page["TableList"]]
    return answer(*[[t["Name"]] for t in sorted(tables, key=lambda t: t["Name"]) if fits(t["Name"]) and (not views or t.get("TableType") == "VIRTUAL_VIEW")], names=["views" if views else "tab_name"])


def show_columns(p, request):
    if not p.take("IN"):
        p.need("FROM")
    database, name = p.table()
    if p.take("IN") or p.take("FROM"):
        database = p.name()
    table = Catalog().need(database, name)
    return answer(*[[c["Name"]] for c in [*iceberg.columns_of(table), *table.get("PartitionKeys", [])]], names=["field"])


def show_partitions(p, request):
    database, name = p.table()
    table = Catalog().need(database, name)
    keys = [k["Name"] for k in table.get("PartitionKeys", [])]
    if not keys:
        raise Refused(f"FAILED: Execution Error: Table {name} is not a partitioned table")
    enabled = table.get("Parameters", {}).get("projection.enabled", "").lower() == "true"
    found = projection(table, keys) if enabled else registered(database, table)
    return answer(*[[hive_folder(keys, values).rstrip("/")] for values in sorted(found)], names=["partition"])


def show_properties(p, request):
    database, name = p.table()
    return answer(*[[f"{k}\t{v}"] for k, v in sorted(Catalog().need(database, name).get("Parameters", {}).items())], names=["prpt_name"])


def lines_of(columns):
    return ",\n".join(f"  `{c['Name']}` {c['Type']}" + (f" COMMENT {escaped(c['Comment'])}" if c.get("Comment") else "") for c in columns)


def escaped(text):
    return "'" + text.replace("'", "''") + "'"


def pairs_of(values):
    return ",\n".join(f"  {escaped(k)}={escaped(v)}" for k, v in sorted(values.items()))


def show_create(p, request, view):
    database, name = p.table()
    table = Catalog().need(database, name)
    if view or table.get("TableType") == "VIRTUAL_VIEW":
        return answer(*[[line] for line in f"CREATE VIEW {database}.{name} AS\n{view_text(table)}".splitlines()], names=["create view"])
    if iceberg.is_iceberg(table):
        return show_create_iceberg(database, name, table)
    storage, text = table["StorageDescriptor"], f"CREATE EXTERNAL TABLE `{database}.{name}`(\n{lines_of(table['StorageDescriptor']['Columns'])})\n"
    serde = storage.get("SerdeInfo", {})
    if table.get("PartitionKeys"):
        text += f"PARTITIONED BY (\n{lines_of(table['PartitionKeys'])})\n"
    if serde.get("SerializationLibrary"):
        text += f"ROW FORMAT SERDE\n  {escaped(serde['SerializationLibrary'])}\n"
    if serde.get("Parameters"):
        text += f"WITH SERDEPROPERTIES (\n{pairs_of(serde['Parameters'])})\n"
    text += f"STORED AS INPUTFORMAT\n  {escaped(storage.get('InputFormat', ''))}\nOUTPUTFORMAT\n  {escaped(storage.get('OutputFormat', ''))}\nLOCATION\n  {escaped(storage['Location'])}\n"
    if table.get("Parameters"):
        text += f"TBLPROPERTIES (\n{pairs_of(table['Parameters'])})\n"
    return answer(*[[line] for line in text.splitlines()], names=["createtab_stmt"])


def show_create_iceberg(database, name, table):
    parts, shown = iceberg.divided_by(database, name), {k: v for k, v in table["Parameters"].items() if not k.endswith("metadata_location")}
    text = f"CREATE TABLE {database}.{name} (\n{lines_of(iceberg.columns_of(table)).replace('`', '')})\n" + (f"PARTITIONED BY ({', '.join(f'`{part}`' for part in parts)})\n" if parts else "")
    text += f"LOCATION {escaped(table['StorageDescriptor']['Location'])}\nTBLPROPERTIES (\n{pairs_of({**shown, 'table_type': 'iceberg'})}\n)"
    return answer(*[[line] for line in text.splitlines()], names=["createtab_stmt"])


def describe(p, request):
    p.take("EXTENDED") or p.take("FORMATTED")
    database, name = p.table()
    table = Catalog().need(database, name)
    keys = table.get("PartitionKeys", [])
    rows = [f"{c['Name']:<20}\t{c['Type']:<20}\t{c.get('Comment', ''):<20}" for c in [*iceberg.columns_of(table), *keys]]
    if keys:
        rows += ["", "# Partition Information", f"{'# col_name':<20}\t{'data_type':<20}\t{'comment':<20}", ""]
        rows += [f"{c['Name']:<20}\t{c['Type']:<20}\t{c.get('Comment', ''):<20}" for c in keys]
    return answer(*[[row] for row in rows], names=["col_name", "data_type", "comment"])


# ---- prepared statements: the service keeps them ----


def prepare(p, request):
    name = p.one("word")
    p.need("FROM")
    athena, kept = client("athena"), {"StatementName": name, "WorkGroup": request["workgroup"], "QueryStatement": p.rest()}
    try:
        athena.get_prepared_statement(StatementName=name, WorkGroup=request["workgroup"])
    except athena.exceptions.ResourceNotFoundException:
        athena.create_prepared_statement(**kept)
    else:
        athena.update_prepared_statement(**kept)
    return answer()


def execute(p, request):
    if p.take("IMMEDIATE"):
        query = p.string()
    else:
        name, athena = p.one("word"), client("athena")
        try:
            query = athena.get_prepared_statement(StatementName=name, WorkGroup=request["workgroup"])["PreparedStatement"]["QueryStatement"]
        except athena.exceptions.ResourceNotFoundException:
            raise Refused(f"NOT_FOUND: Prepared statement not found: {name}") from None
    given = p.expressions() if p.take("USING") else request.get("parameters", [])
    p.end()
    return run({**request, "query": query, "parameters": given})


def deallocate(p, request):
    name, athena = p.one("word"), client("athena")
    p.end()
    try:
        athena.delete_prepared_statement(StatementName=name, WorkGroup=request["workgroup"])
    except athena.exceptions.ResourceNotFoundException:
        raise Refused(f"NOT_FOUND: Prepared statement not found: {name}") from None
    return answer()


PREPARED = [(("PREPARE",), prepare), (("EXECUTE",), execute), (("DEALLOCATE", "PREPARE"), deallocate)]
STATEMENTS = [
    (("CREATE", "EXTERNAL", "TABLE"), create_table), (("CREATE", "TABLE"), create_table_as), (("CREATE", "OR", "REPLACE", "VIEW"), lambda p, r: create_view(p, r, True)),
    (("CREATE", "VIEW"), lambda p, r: create_view(p, r, False)), (("CREATE", "DATABASE"), create_database), (("CREATE", "SCHEMA"), create_database),
    (("DROP", "TABLE"), lambda p, r: drop(p, r, "TABLE")), (("DROP", "VIEW"), lambda p, r: drop(p, r, "VIEW")), (("DROP", "DATABASE"), drop_database), (("DROP", "SCHEMA"), drop_database),
    (("MERGE", "INTO"), change_rows), (("UPDATE",), change_rows), (("DELETE", "FROM"), change_rows),
    (("OPTIMIZE",), lambda p, r: maintain(p, iceberg.optimize)), (("VACUUM",), lambda p, r: maintain(p, iceberg.vacuum)), (("INSERT", "INTO"), insert), (("UNLOAD",), unload), (("MSCK", "REPAIR", "TABLE"), repair), (("ALTER", "TABLE"), alter_table),
    (("SHOW", "DATABASES"), show_databases), (("SHOW", "SCHEMAS"), show_databases), (("SHOW", "TABLES"), show_tables), (("SHOW", "VIEWS"), lambda p, r: show_tables(p, r, True)),
    (("SHOW", "COLUMNS"), show_columns), (("SHOW", "PARTITIONS"), show_partitions), (("SHOW", "TBLPROPERTIES"), show_properties),
    (("SHOW", "CREATE", "TABLE"), lambda p, r: show_create(p, r, False)), (("SHOW", "CREATE", "VIEW"), lambda p, r: show_create(p, r, True)),
    (("DESCRIBE",), describe), (("DESC",), describe)]


def find_among(statements, query, request):
    p = Parser(query, request.get("database"))
    for words, carry_out in statements:
        if p.take(*words):
            return lambda: carry_out(p, request)
    return None


def find_prepared(query, request):
    """The same for those in which a ? is not theirs to fill."""
    return find_among(PREPARED, query, request)


def find(query, request):
    """What carries the statement out; None: it is a query."""
    return find_among(STATEMENTS, query, request)
