"""GlueContext: Spark, and frames read from and written to S3 and the data catalog."""

import functools
import logging

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import lit
from pyspark.sql.types import StructType

from awsglue.bookmarks import Bookmark
from awsglue.dynamicframe import DynamicFrame

WRITE_FORMATS = {"glueparquet": "parquet"}


def csv_options(options):
    """Glue's names for what Spark's CSV files have."""
    names = {"separator": "sep", "quoteChar": "quote", "escaper": "escape", "multiline": "multiLine"}
    result = {names[k]: v for k, v in options.items() if k in names}
    for name in ("withHeader", "writeHeader"):
        if name in options:
            result["header"] = options[name]
    return result


class Reader:
    """create_dynamic_frame and create_data_frame."""

    def __init__(self, context, make):
        self.context, self.make = context, make

    def from_options(self, connection_type, connection_options=None, format=None, format_options=None, transformation_ctx="", **_):
        options = connection_options or {}
        if connection_type not in ("s3", "file"):
            raise NotImplementedError(f"the sandbox reads from s3, not from {connection_type}")
        paths = options.get("paths") or [options["path"]]
        new = self.context.bookmark.choose(paths, transformation_ctx) if connection_type == "s3" else None
        if new == []:
            return self.make(self.context.nothing())
        return self.make(self.context.read(format, new or paths, format_options or {}, options.get("recurse", False), paths[0] if new else None))

    def from_catalog(self, database=None, table_name=None, name_space=None, transformation_ctx="", **_):
        table = self.context.table(database or name_space, table_name)
        new = self.context.bookmark.choose([table["StorageDescriptor"]["Location"].rstrip("/") + "/"], transformation_ctx)
        return self.make(self.context.read_table(table, new))


class Writer:
    """write_dynamic_frame and write_data_frame."""

    def __init__(self, context):
        self.context = context

    def from_options(self, frame, connection_type, connection_options=None, format=None, format_options=None, **_):
        options = connection_options or {}
        if connection_type not in ("s3", "file"):
            raise NotImplementedError(f"the sandbox writes to s3, not to {connection_type}")
        self.context.write(frame, format, options["path"], options.get("partitionKeys") or [], format_options or {})
        return frame

    def from_catalog(self, frame, database=None, table_name=None, name_space=None, **_):
        table = self.context.table(database or name_space, table_name)
        storage = table["StorageDescriptor"]
        keys = [key["Name"] for key in table.get("PartitionKeys", [])]
        self.context.write(frame, format_of(table), storage["Location"], keys, {"writeHeader": header_of(table)})
        return frame


class Sink:
    """getSink(): where to, then setFormat(), then writeFrame()."""

    def __init__(self, context, path, partition_keys):
        self.context, self.path, self.partition_keys = context, path, partition_keys
        self.format, self.format_options, self.table = None, {}, None

    def setFormat(self, format, **options):  # noqa: N802
        self.format, self.format_options = format, options

    def setCatalogInfo(self, catalogDatabase=None, catalogTableName=None, **_):  # noqa: N802, N803
        self.table = (catalogDatabase, catalogTableName)

    def writeFrame(self, frame):  # noqa: N802
        self.context.write(frame, self.format, self.path, self.partition_keys, self.format_options)
        if self.table:
            self.context.keep_table(*self.table, frame, self.format, self.path, self.partition_keys)
        return frame


def format_of(table):
    storage = table["StorageDescriptor"]
    words = (storage.get("InputFormat", "") + storage.get("SerdeInfo", {}).get("SerializationLibrary", "")).lower()
    for name in ("parquet", "orc", "avro", "json"):
        if name in words:
            return name
    return table.get("Parameters", {}).get("classification", "csv")


def header_of(table):
    count = table["StorageDescriptor"].get("Parameters", {}).get("skip.header.line.count") or table.get("Parameters", {}).get("skip.header.line.count")
    return str(count or 0) != "0"


def partitions_elsewhere(table):
    """All that are registered, where one does not lie in a folder of the table that is called like its values."""
    if not table.get("PartitionKeys"):
        return []
    import boto3  # only the catalog needs it
    pages = boto3.client("glue").get_paginator("get_partitions").paginate(DatabaseName=table["DatabaseName"], TableName=table["Name"])
    found, base = [partition for page in pages for partition in page["Partitions"]], table["StorageDescriptor"]["Location"].rstrip("/")

    def usual(partition):
        names = "/".join(f"{key['Name']}={value}" for key, value in zip(table["PartitionKeys"], partition["Values"]))
        return partition["StorageDescriptor"]["Location"].rstrip("/") == f"{base}/{names}"

    return [] if all(map(usual, found)) else found


class GlueContext:
    def __init__(self, sparkContext=None, **_):  # noqa: N803
        self.spark_session = SparkSession.builder.getOrCreate()
        self._sc = sparkContext or self.spark_session.sparkContext
        self.create_dynamic_frame = Reader(self, lambda df: DynamicFrame(df, self))
        self.create_data_frame = Reader(self, lambda df: df)
        self.write_dynamic_frame = Writer(self)
        self.write_data_frame = Writer(self)
        self.bookmark = Bookmark()  # a job that is initialized gives its own

    @property
    def sparkSession(self):  # noqa: N802
        return self.spark_session

    def get_logger(self):
        return logging.getLogger("GlueLogger")

    def getSink(self, connection_type, path=None, partitionKeys=None, **_):  # noqa: N802, N803
        if connection_type != "s3" or not path:
            raise NotImplementedError("the sandbox's sinks write to s3, to a path")
        return Sink(self, path, partitionKeys or [])

    def table(self, database, name):
        import boto3  # only the catalog needs it
        return boto3.client("glue").get_table(DatabaseName=database, Name=name)["Table"]

    def keep_table(self, database, name, frame, format, path, partition_keys):
        """The table in the catalog as the frame has its columns, made or changed."""
        import boto3
        types = {f.name: f.dataType.simpleString() for f in frame.toDF().schema.fields}
        described = {"Name": name, "TableType": "EXTERNAL_TABLE", "PartitionKeys": [{"Name": key, "Type": types[key]} for key in partition_keys],
                     "Parameters": {"classification": WRITE_FORMATS.get(format, format or "parquet"), "skip.header.line.count": "1"}, "StorageDescriptor": {
                         "Columns": [{"Name": k, "Type": v} for k, v in types.items() if k not in partition_keys], "Location": path}}
        glue = boto3.client("glue")
        try:
            glue.create_table(DatabaseName=database, TableInput=described)
        except glue.exceptions.AlreadyExistsException:
            glue.update_table(DatabaseName=database, TableInput=described)

    def nothing(self):
        return self.spark_session.createDataFrame([], StructType([]))

    def read(self, format, paths, options, recurse, base=None):
        reader = self.spark_session.read
        if base:  # single files: what their folders are called is still theirs
            reader = reader.option("basePath", base)
        elif recurse:
            reader = reader.option("recursiveFileLookup", "true")
        if format == "csv":
            named = csv_options(options)
            frame = reader.options(**named).csv(paths)
            if str(named.get("header", False)).lower() != "true":  # Spark calls them _c0 …, Glue col0 …
                frame = frame.toDF(*(f"col{i}" for i in range(len(frame.columns))))
            return frame
        if format == "json":
            return reader.option("multiLine", options.get("multiline", False)).json(paths)
        return reader.format(format or "parquet").load(paths)

    def read_table(self, table, only=None):
        """All of its files, or only some; none of them is an empty frame with its columns."""
        storage = table["StorageDescriptor"]
        columns = ", ".join(f"`{c['Name']}` {c['Type']}" for c in storage["Columns"] + table.get("PartitionKeys", []))
        format, reader = format_of(table), self.spark_session.read.schema(columns)
        if format == "csv":
            separator = storage.get("SerdeInfo", {}).get("Parameters", {}).get("field.delim", ",")
            reader = reader.option("header", header_of(table)).option("sep", separator)
        if only == []:
            return self.spark_session.createDataFrame([], reader.format(format).load(storage["Location"]).schema)
        if only:
            return reader.format(format).option("basePath", storage["Location"]).load(only)
        if elsewhere := partitions_elsewhere(table):
            return self.read_partitions(table, elsewhere)
        return reader.format(format).load(storage["Location"])

    def read_partitions(self, table, partitions):
        """One after the other: what their folders are called says nothing of their values."""
        storage, frames = table["StorageDescriptor"], []
        for partition in partitions:
            frame = self.read_table({**table, "PartitionKeys": [], "StorageDescriptor": {**storage, "Location": partition["StorageDescriptor"]["Location"]}})
            for key, value in zip(table["PartitionKeys"], partition["Values"]):
                frame = frame.withColumn(key["Name"], lit(value).cast(key["Type"]))
            frames.append(frame)
        return functools.reduce(DataFrame.unionByName, frames)

    def write(self, frame, format, path, partition_keys, options):
        df = frame.toDF() if isinstance(frame, DynamicFrame) else frame
        format = WRITE_FORMATS.get(format, format or "parquet")
        writer = df.write.mode("append")
        if format == "csv":
            writer = writer.options(**{"header": True, **csv_options(options)})
        if options.get("compression"):
            writer = writer.option("compression", options["compression"])
        if partition_keys:
            writer = writer.partitionBy(*partition_keys)
        writer.format(format).save(path)
