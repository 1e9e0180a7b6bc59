"""The landing zone to Iceberg tables users, songs, plays and sales in the Glue catalog; a Glue Spark job.

    --source URL      the landing zone
    --database NAME   Glue database of the tables
    --folder DIR      instead: tables as folders of Parquet, for trying it out

Each table gets what is new merged in by its key, so the job may run as often as one likes.
"""

import argparse

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

KEYS = {"users": ["user_id"], "songs": ["song_id"], "plays": ["session_id", "position"], "sales": ["session_id", "position"]}
USERS = "user_id int, name string, country string, plan string, updated_at timestamp"
SESSIONS = "session_id string, user_id int, device string, started_at timestamp, plays array<struct<song_id: int, seconds: int>>, bought array<struct<song_id: int, price: double>>"


def users(raw: DataFrame) -> DataFrame:
    """Each user as last changed."""
    newest = Window.partitionBy("user_id").orderBy(F.desc("updated_at"))
    return raw.withColumn("n", F.row_number().over(newest)).where("n = 1").drop("n")


def songs(raw: DataFrame) -> DataFrame:
    """Each song that has a title and an artist."""
    return raw.select("song_id", "title", "album", "artist_id", "artist", "duration_s", "genre").dropna(subset=["song_id", "title", "artist_id"])


def of_sessions(raw: DataFrame, known: DataFrame, nested: str) -> DataFrame:
    """One row a song of a nested list, of sessions that may have been sent twice; without songs that nobody knows."""
    each = raw.dropDuplicates(["session_id"]).select("session_id", "user_id", "device", "started_at", F.posexplode(nested).alias("position", "song"))
    return each.select("*", "song.*").join(known.select("song_id"), "song_id", "left_semi")


def plays(raw: DataFrame, known: DataFrame) -> DataFrame:
    return of_sessions(raw, known, "plays").select("session_id", "position", "user_id", "song_id", "seconds", "device", "started_at")


def sales(raw: DataFrame, known: DataFrame) -> DataFrame:
    return of_sessions(raw, known, "bought").select("session_id", "position", "user_id", "song_id", "price", F.col("started_at").alias("sold_at"))


def merge(spark: SparkSession, table: str, rows: DataFrame, keys: list) -> None:
    rows.createOrReplaceTempView("arrived")
    same = " and ".join(f"there.{key} = arrived.{key}" for key in keys)
    spark.sql(f"merge into {table} there using arrived on {same} when matched then update set * when not matched then insert *")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True)
    parser.add_argument("--database")
    parser.add_argument("--folder")
    options, _ = parser.parse_known_args()
    spark = SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    source = options.source.rstrip("/")
    known = songs(spark.read.parquet(f"{source}/rds/songs"))
    sessions = spark.read.schema(SESSIONS).json(f"{source}/api/sessions/*/*")
    tables = {
        "users": users(spark.read.schema(USERS).json(f"{source}/api/users/*/*")),
        "songs": known,
        "plays": plays(sessions, known),
        "sales": sales(sessions, known),
    }
    for name, rows in tables.items():
        if options.folder:
            rows.write.mode("overwrite").parquet(f"{options.folder}/{name}")
        else:
            merge(spark, f"glue_catalog.{options.database}.{name}", rows, KEYS[name])


if __name__ == "__main__":
    main()
