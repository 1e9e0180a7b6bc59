"""Trusted tables to a star for analysis.

    dim_title      one row a film or series        bridge_title_genre   title and genre
    dim_artist     one row a person                bridge_title_artist  who did what in which title
    fact_title     rating, votes, money, and the rank of a title within its kind and decade

    --SOURCE  folder with movies/, series/ and details/ as Parquet
    --TARGET  folder for the tables above as Parquet
"""

import argparse

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F


def credits(spark: SparkSession, source: str) -> DataFrame:
    """Films and series in one shape: a row is one person's part in one title."""
    movies = (
        spark.read.parquet(source + "/movies")
        .withColumn("kind", F.lit("movie"))
        .withColumnRenamed("release_year", "year")
        .withColumn("end_year", F.lit(None).cast("int"))
    )
    series = spark.read.parquet(source + "/series").withColumn("kind", F.lit("series")).withColumnRenamed("start_year", "year")
    return movies.unionByName(series)


def facts(titles: DataFrame, details: DataFrame) -> DataFrame:
    decade = (F.floor(F.col("year") / 10) * 10).cast("int")
    best_first = Window.partitionBy("kind", "decade").orderBy(F.col("rating").desc_nulls_last(), F.col("votes").desc_nulls_last(), "id")
    return (
        titles.join(details.drop("kind"), "id", "left")
        .withColumn("decade", decade)
        .withColumn("profit", F.col("revenue") - F.col("budget"))
        .withColumn("rank_in_decade", F.row_number().over(best_first))
        .select("id", "kind", "decade", "rating", "votes", "popularity", "budget", "revenue", "profit", "rank_in_decade")
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("SOURCE", "TARGET"):
        parser.add_argument("--" + name, required=True)
    args, _ = parser.parse_known_args()

    spark = SparkSession.builder.appName("trusted_to_refined").getOrCreate()
    parts = credits(spark, args.SOURCE).cache()
    details = spark.read.parquet(args.SOURCE + "/details")
    titles = parts.dropDuplicates(["id"])
    tables = {
        "dim_title": titles.join(details.select("id", "language", "countries", "seasons", "episodes"), "id", "left").select(
            "id", "kind", "title", "original_title", "year", "end_year", "runtime_minutes", "language", "countries", "seasons", "episodes"
        ),
        "dim_artist": parts.dropDuplicates(["artist_id"]).select("artist_id", "artist_name", "artist_gender", "birth_year", "death_year"),
        "fact_title": facts(titles, details),
        "bridge_title_genre": titles.select("id", F.explode("genres").alias("genre")),
        "bridge_title_artist": parts.select("id", "artist_id", "profession", "character").distinct(),
    }
    for name, table in tables.items():
        table.coalesce(1).write.mode("overwrite").parquet(f"{args.TARGET}/{name}")
        print(f"{name}: {spark.read.parquet(f'{args.TARGET}/{name}').count()} rows")


if __name__ == "__main__":
    main()
