"""A day's films from the API to trusted Parquet: genres joined, the release date parsed, horror only.

    --SOURCE  folder with YYYY/MM/DD/*.json below, each an array
    --TARGET  folder for the day's Parquet files, below YYYY/MM/DD/
    --DAY     which one, such as 2026-11-20
"""

import argparse

from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F

FILM = "id bigint, title string, overview string, genres array<string>, popularity double, release_date string"


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("SOURCE", "TARGET", "DAY"):
        parser.add_argument("--" + name, required=True)
    args, _ = parser.parse_known_args()
    folder = args.DAY.replace("-", "/")

    spark = SparkSession.builder.appName("json_to_trusted").getOrCreate()
    films = (
        spark.read.json(f"{args.SOURCE}/{folder}/*.json", schema=FILM, multiLine=True, mode="FAILFAST")
        .where(F.array_contains("genres", "Horror"))
        .withColumn("genres", F.concat_ws(", ", "genres"))
        .withColumn("release_date", F.to_date(F.when(F.col("release_date") != "", F.col("release_date"))))
        .withColumn("version", F.row_number().over(Window.partitionBy("id").orderBy(F.desc("popularity"), "title")))
        .where("version = 1")  # a film may move to another page meanwhile
        .select("id", "title", "overview", "genres", "popularity", "release_date")
    )
    target = f"{args.TARGET}/{folder}"
    films.coalesce(1).write.mode("overwrite").parquet(target)
    print(f"tb_json: {spark.read.parquet(target).count()} rows of {args.DAY}")


if __name__ == "__main__":
    main()
