"""
A crawler's run: weir_crawl.py REQUEST RESULT. Looks at its places in S3, finds out what lies there and writes tables and partitions into the
data catalog. Standard output is its log. With DuckDB it knows CSV, JSON and Parquet; without it, CSV and lines of JSON.
"""

import csv
import fnmatch
import gzip
import io
import json
import os
import re
import sys

import boto3

from weir_athena_ddl import Catalog, add_partitions, use_format
from weir_athena_tables import hive_type, literal

try:
    import duckdb
except ImportError:
    duckdb = None

SAMPLE = 8 * 1024 * 1024
KINDS = {"csv": "csv", "tsv": "csv", "txt": "csv", "json": "json", "jsonl": "json", "ndjson": "json", "parquet": "parquet"}


class Mixed(Exception):
    """What lies there is not one table."""


def say(text):
    print(text, flush=True)


# ---- what a file is ----


def kind_of(key, head):
    name = key.lower().removesuffix(".gz").removesuffix(".snappy")
    known = KINDS.get(name.rpartition(".")[2])
    if head[:4] == b"PAR1":
        return "parquet"
    return known or ("json" if head.lstrip()[:1] in (b"{", b"[") else "csv" if b"\0" not in head[:4096] else None)


def column_name(text):
    return re.sub(r"\s+", " ", str(text).strip().lower())


def guess(values):
    """bigint, double, boolean or string: what all values of a column can be."""
    values = [v for v in values if v not in ("", None)]
    for kind, pattern in (("bigint", r"[+-]?\d{1,18}"), ("double", r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"), ("boolean", r"(?i)true|false")):
        if values and all(re.fullmatch(pattern, v.strip()) for v in values):
            return kind
    return "string"


def read_csv(text):
    """Columns, separator, and whether there is a header: a first row that is unlike those below it."""
    first = text.partition("\n")[0]
    separator = max(",;\t|", key=first.count)
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator) if row][:1000]
    if not rows:
        raise Mixed("nothing in it")
    width = len(rows[0])
    body = [row for row in rows[1:] if len(row) == width]
    kinds = [guess([row[i] for row in body]) for i in range(width)]
    header = all(guess([v]) == "string" and v.strip() for v in rows[0]) and len(set(map(column_name, rows[0]))) == width and \
        (any(k != "string" for k in kinds) or not body or not any(rows[0][i] in {row[i] for row in body} for i in range(width)))
    names = [column_name(v) for v in rows[0]] if header else [f"col{i}" for i in range(width)]
    return list(zip(names, kinds if body else [guess([v]) if not header else "string" for v in rows[0]])), separator, header


def json_kind(value):
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "int" if -2**31 <= value < 2**31 else "bigint"
    if isinstance(value, float):
        return "double"
    if isinstance(value, list):
        return f"array<{merged([json_kind(v) for v in value])}>"
    if isinstance(value, dict):
        return "struct<" + ",".join(f"{column_name(k)}:{json_kind(v)}" for k, v in value.items()) + ">"
    return "string"


def merged(kinds):
    kinds = [k for k in dict.fromkeys(kinds) if k]
    if len(kinds) < 2:
        return kinds[0] if kinds else "string"
    numbers = ["int", "bigint", "double"]
    return max(kinds, key=numbers.index) if all(k in numbers for k in kinds) else kinds[0] if all(k.startswith("struct") for k in kinds) else "string"


def read_json(text):
    found = {}
    lines = text.splitlines()[:2000] if text.lstrip()[:1] != "[" else [json.dumps(v) for v in json.loads(text)]
    for line in filter(str.strip, lines):
        for key, value in json.loads(line).items():
            found.setdefault(column_name(key), []).append(json_kind(value) if value is not None else None)
    return [(key, merged(kinds)) for key, kinds in found.items()]


def read_parquet(path):
    if not duckdb:
        raise SystemExit("the sandbox's crawlers look into Parquet where python3 has the package duckdb (pip install duckdb)")
    return [(column_name(d[0]), hive_type(d[1])) for d in duckdb.sql(f"SELECT * FROM read_parquet({literal(path)}, hive_partitioning=false) LIMIT 0").description]


def look(bucket, key, size):
    """(kind, columns, separator, header, compression) of one object."""
    s3 = boto3.client("s3")
    head = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{SAMPLE - 1}")["Body"].read()
    compression = "gzip" if head[:2] == b"\x1f\x8b" else "none"
    data = gzip.GzipFile(fileobj=io.BytesIO(head)).read(SAMPLE) if compression == "gzip" and size <= SAMPLE else head
    kind = kind_of(key, data)
    if kind == "parquet":
        s3.download_file(bucket, key, "sample")
        return kind, read_parquet(os.path.abspath("sample")), None, False, compression
    text = data.decode("utf-8", "replace")
    text = text if size <= SAMPLE else text.rpartition("\n")[0]
    if kind == "json":
        try:
            return kind, read_json(text), None, False, compression
        except (ValueError, AttributeError):
            return None
    return (kind, *read_csv(text), compression) if kind == "csv" and text.strip() else None


# ---- what a folder is ----


class Folder:
    """Objects below a prefix, by the folders between."""

    def __init__(self, bucket, prefix):
        self.bucket, self.prefix, self.files, self.folders = bucket, prefix, [], {}

    def add(self, name, key, size):
        first, slash, rest = name.partition("/")
        if slash:
            self.folders.setdefault(first, Folder(self.bucket, f"{self.prefix}{first}/")).add(rest, key, size)
        else:
            self.files.append((key, size))

    def leaves(self, way=()):
        if self.files:
            yield way, self
        for name, folder in sorted(self.folders.items()):
            yield from folder.leaves((*way, name))


def alike(a, b):
    """One table has both: the same kind, and most columns in common."""
    names, others = {n for n, _ in a[1]}, {n for n, _ in b[1]}
    return a[0] == b[0] and a[2:4] == b[2:4] and len(names & others) >= 0.7 * max(len(names), len(others), 1)


def together(looks):
    """The columns of all: what differs becomes text, what some lack is kept."""
    found = {}
    for one in looks:
        for name, kind in one[1]:
            found.setdefault(name, []).append(kind)
    return [(name, merged(kinds)) for name, kinds in found.items()]


def tables_of(folder, seen):
    """(folder, columns, look, {values: folder}, keys)"""
    leaves = list(folder.leaves())
    looks = [(way, leaf, seen(leaf)) for way, leaf in leaves]
    looks = [(way, leaf, found) for way, leaf, found in looks if found]
    if not looks:
        return
    if all(alike(looks[0][2], found) for _, _, found in looks) and len({len(way) for way, _, _ in looks}) == 1:
        ways = [way for way, _, _ in looks]
        keys = [next((w[i].partition("=")[0].lower() for w in ways if "=" in w[i]), f"partition_{i}") for i in range(len(ways[0]))]
        values = {tuple(part.partition("=")[2] if "=" in part else part for part in way): leaf for way, leaf, _ in looks}
        yield folder, together([found for _, _, found in looks]), looks[0][2], values, keys
        return
    if folder.files and seen(folder):
        own = Folder(folder.bucket, folder.prefix)
        own.files = folder.files
        yield from tables_of(own, seen)
    for _, inner in sorted(folder.folders.items()):
        yield from tables_of(inner, seen)


def table_name(request, folder, target):
    last = folder.prefix.rstrip("/").rpartition("/")[2] or folder.bucket
    return (request.get("prefix") or "") + re.sub(r"[^a-z0-9_]", "_", last.lower())


def described(request, folder, columns, found, keys, values):
    kind, _, separator, header, compression = found
    serde, storage = {}, {"Columns": [{"Name": n, "Type": "string" if kind == "csv" and t in ("date", "timestamp") else t} for n, t in columns if n not in keys], "Location": f"s3://{folder.bucket}/{folder.prefix}"}
    parameters = {"classification": kind, "compressionType": compression, "typeOfData": "file", "CrawlerSchemaSerializerVersion": "1.0", "CrawlerSchemaDeserializerVersion": "1.0", "UPDATED_BY_CRAWLER": request["name"]}
    use_format({"csv": "TEXTFILE", "json": "JSONFILE", "parquet": "PARQUET"}[kind], storage, serde)
    if kind == "csv":
        serde["Parameters"] = {"field.delim": separator}
        parameters |= {"delimiter": separator, "columnsOrdered": "true", "areColumnsQuoted": "false", **({"skip.header.line.count": "1"} if header else {})}
    types = [guess([v[i] for v in values]) for i in range(len(keys))]
    return {"TableType": "EXTERNAL_TABLE", "Parameters": parameters, "StorageDescriptor": {**storage, "Compressed": compression != "none", "SerdeInfo": serde, "Parameters": parameters},
            "PartitionKeys": [{"Name": k, "Type": "string" if t == "boolean" or k.startswith("partition_") else {"bigint": "bigint"}.get(t, "string")} for k, t in zip(keys, types)]}


# ---- the run ----


def listing(target):
    bucket, _, prefix = target["path"].removeprefix("s3://").partition("/")
    folder = Folder(bucket, prefix if not prefix or prefix.endswith("/") else prefix + "/")
    for page in boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder.prefix):
        for item in page.get("Contents", []):
            name = item["Key"][len(folder.prefix):]
            hidden = any(part.startswith(("_", ".")) or not part for part in name.split("/"))
            if item["Size"] and not hidden and not any(fnmatch.fnmatch(name, one) for one in target.get("exclusions") or []):
                folder.add(name, item["Key"], item["Size"])
    return folder


def seer(target):
    """What a folder's own files are: the first of them that says something speaks for all."""
    looks = {}

    def seen(folder):
        if folder.prefix not in looks:
            found = [one for one in (look(folder.bucket, key, size) for key, size in sorted(folder.files)[:target.get("sample_size") or 3]) if one]
            looks[folder.prefix] = (found[0][0], together(found), *found[0][2:]) if found and all(alike(found[0], one) for one in found) else None
        return looks[folder.prefix]
    return seen


def keep(catalog, request, name, made, counts):
    """Makes or changes a table, as the crawler's policy says."""
    old = catalog.find(request["database"], name)
    if not old:
        catalog.put(request["database"], {"Name": name, **made}, False)
        counts["TABLE"]["ADD"].append(name)
        say(f"INFO : Created table {name} in database {request['database']}")
    elif (request.get("policy") or {}).get("update_behavior") != "LOG" and not same(old, made):
        catalog.put(request["database"], {**old, **made, "Parameters": {**old.get("Parameters", {}), **made["Parameters"]}}, True)
        counts["TABLE"]["UPDATE"].append(name)
        say(f"INFO : Updated table {name} in database {request['database']}")
    return catalog.find(request["database"], name)


def same(old, made):
    return old["StorageDescriptor"]["Columns"] == made["StorageDescriptor"]["Columns"] and old.get("PartitionKeys", []) == made["PartitionKeys"] and \
        old["StorageDescriptor"].get("Location") == made["StorageDescriptor"]["Location"] and old.get("Parameters", {}).get("classification") == made["Parameters"]["classification"]


def forget(catalog, request, found, counts):
    """Tables that this crawler made and whose files are gone."""
    behavior = (request.get("policy") or {}).get("delete_behavior", "DEPRECATE_IN_DATABASE")
    for page in catalog.glue.get_paginator("get_tables").paginate(DatabaseName=request["database"]):
        for table in page["TableList"]:
            parameters = table.get("Parameters", {})
            if parameters.get("UPDATED_BY_CRAWLER") != request["name"] or table["Name"] in found:
                continue
            say(f"INFO : the files of table {table['Name']} are gone")
            if behavior == "DELETE_FROM_DATABASE":
                catalog.glue.delete_table(DatabaseName=request["database"], Name=table["Name"])
                counts["TABLE"]["DELETE"].append(table["Name"])
            elif behavior == "DEPRECATE_IN_DATABASE" and "DEPRECATED_BY_CRAWLER" not in parameters:
                catalog.put(request["database"], {**table, "Parameters": {**parameters, "DEPRECATED_BY_CRAWLER": request["name"]}}, True)


def main(request_file, result_file):
    with open(request_file) as file:
        request = json.load(file)
    catalog, found, counts = Catalog(), set(), {"TABLE": {"ADD": [], "UPDATE": [], "DELETE": []}, "PARTITION": {"ADD": []}}
    say(f"BENCHMARK : Running Start Crawl for Crawler {request['name']}")
    for target in request["targets"]:
        for folder, columns, one, leaves, keys in tables_of(listing(target), seer(target)):
            name = table_name(request, folder, target)
            number = 0
            while name in found:  # folders of one name: the service adds a hash
                number += 1
                name = f"{table_name(request, folder, target)}_{number}"
            found.add(name)
            table = keep(catalog, request, name, described(request, folder, columns, one, keys, list(leaves)), counts)
            if keys and [k["Name"] for k in table.get("PartitionKeys", [])] == keys:
                places = {values: f"s3://{leaf.bucket}/{leaf.prefix}" for values, leaf in leaves.items()}
                counts["PARTITION"]["ADD"] += [f"{name}/{'/'.join(p['Values'])}" for p in add_partitions(catalog, request["database"], table, places)]
    forget(catalog, request, found, counts)
    say(f"BENCHMARK : Classification complete, {len(found)} tables, {len(counts['PARTITION']['ADD'])} new partitions")
    say("BENCHMARK : Crawler has finished running and is in state READY")
    with open(result_file, "w") as file:
        json.dump({kind: {what: len(names) for what, names in by.items()} for kind, by in counts.items()}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
