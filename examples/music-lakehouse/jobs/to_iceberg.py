"""The landing zone to Iceberg tables users, songs, sessions, plays and sales in the Glue catalog; a Glue Spark job.

    --source URL      the landing zone
    --database NAME   Glue database of the tables
    --folder DIR      instead: tables as folders of Parquet, for trying it out

Each table gets what is new merged in by its key, so the job may run as often as one likes. A session that was delivered again is as it was delivered
last: what it had before and has no longer goes. A column that a table does not have yet is added to it.
"""

import argparse

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

KEYS = {"users": ["user_id"], "songs": ["song_id"], "sessions": ["session_id"], "plays": ["session_id", "position"], "sales": ["session_id", "position"]}
USERS = "user_id int, name string, country string, plan string, updated_at timestamp"
SESSIONS = "session_id string, user_id int, device string, started_at timestamp, plays array<struct<song_id: int, seconds: int>>, bought array<struct<song_id: int, price: double>>"
# When a line was delivered: when its file was written, and where it is in there.
DELIVERED = ("_metadata.file_modification_time", "_metadata.file_name", "line")


def newest(rows: DataFrame, key: str, *by: str) -> DataFrame:
    """Of each the last by these columns, or else the one that was delivered last; what has no key is left out."""
    order = Window.partitionBy(key).orderBy(*(F.desc_nulls_last(one) for one in (*by, *DELIVERED)))
    rows = rows.where(f"{key} is not null").withColumn("line", F.monotonically_increasing_id())
    rows = rows.withColumn("n", F.row_number().over(order)).where("n = 1").drop("n", "line")
    return rows.localCheckpoint()  # numbers of lines are not what MERGE may compute again


def users(raw: DataFrame) -> DataFrame:
    """Each user as last changed."""
    return newest(raw, "user_id", "updated_at")


def songs(raw: DataFrame) -> DataFrame:
    """Each song that has a title and an artist, once."""
    return raw.select("song_id", "title", "album", "artist_id", "artist", "duration_s", "genre").dropna(subset=["song_id", "title", "artist_id"]).dropDuplicates(["song_id"])


def of_sessions(raw: DataFrame, known: DataFrame, nested: str) -> DataFrame:
    """One row a song of a nested list; without songs that nobody knows."""
    each = raw.select("session_id", "user_id", "device", "started_at", F.posexplode(nested).alias("position", "song"))
    return each.select("*", "song.*").join(known.select("song_id"), "song_id", "left_semi")


def plays(raw: DataFrame, known: DataFrame) -> DataFrame:
    return of_sessions(raw, known, "plays").select("session_id", "position", "user_id", "song_id", "seconds", "device", "started_at")


def sales(raw: DataFrame, known: DataFrame) -> DataFrame:
    return of_sessions(raw, known, "bought").select("session_id", "position", "user_id", "song_id", "price", F.col("started_at").alias("sold_at"))


def add_columns(spark: SparkSession, table: str, rows: DataFrame) -> None:
    there = spark.table(table).columns
    if new := [f"{field.name} {field.dataType.simpleString()}" for field in rows.schema if field.name not in there]:
        spark.sql(f"alter table {table} add columns ({', '.join(new)})")


def merge(spark: SparkSession, table: str, rows: DataFrame, keys: list, within: DataFrame | None = None) -> None:
    """In one commit. `within`: sessions of which these are all the rows, so that others which the table has of them go."""
    add_columns(spark, table, rows)
    gone = spark.table(table).limit(0) if within is None else spark.table(table).join(within, "session_id", "left_semi").join(rows, keys, "left_anti")
    arrived = rows.withColumn("gone", F.lit(False)).unionByName(gone.select(*rows.columns, F.lit(True).alias("gone")))
    arrived.createOrReplaceTempView("arrived")
    same = " and ".join(f"there.{key} = arrived.{key}" for key in keys)
    spark.sql(f"merge into {table} there using arrived on {same} when matched and arrived.gone then delete when matched then update set * when not matched then insert *")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True)
    parser.add_argument("--database")
    parser.add_argument("--folder")
    options, _ = parser.parse_known_args()
    spark = SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    source, place = options.source.rstrip("/"), f"glue_catalog.{options.database}."

    def keep(name: str, rows: DataFrame, within: DataFrame | None = None) -> None:
        if options.folder:
            rows.write.mode("overwrite").parquet(f"{options.folder}/{name}")
        else:
            merge(spark, place + name, rows, KEYS[name], within)

    known = songs(spark.read.parquet(f"{source}/rds/songs"))
    keep("users", users(spark.read.schema(USERS).json(f"{source}/api/users/*/*")))
    keep("songs", known)
    if not options.folder:
        known = spark.table(place + "songs")  # those of earlier days, too
    sessions = newest(spark.read.schema(SESSIONS).json(f"{source}/api/sessions/*/*"), "session_id")
    keep("sessions", sessions.drop("plays", "bought"))
    keep("plays", plays(sessions, known), sessions)
    keep("sales", sales(sessions, known), sessions)


if __name__ == "__main__":
    main()
