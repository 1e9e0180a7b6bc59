"""Raw CSV to trusted Parquet: films and series of all days, typed, the newest version of each row.

    --SOURCE  folder with Movies/ and Series/, each with YYYY/MM/DD/*.csv below
    --TARGET  folder for movies/ and series/ as Parquet

Glue passes job arguments on the command line, so the script also runs with plain spark-submit or python.
"""

import argparse

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

PEOPLE = (
    "artist_gender string, character string, artist_id string, artist_name string, "
    "birth_year int, death_year int, profession string"
)
WORK = "runtime_minutes int, genres string, rating double, votes long, "
MOVIES = "id string, title string, original_title string, release_year int, " + WORK + PEOPLE
SERIES = "id string, title string, original_title string, start_year int, end_year int, " + WORK + PEOPLE


def read_days(spark: SparkSession, folder: str, schema: str) -> DataFrame:
    """A row that does not fit the schema fails the job rather than losing a value."""
    rows = spark.read.csv(
        folder + "/*/*/*/*.csv",
        schema=schema,
        sep="|",
        header=True,
        enforceSchema=False,
        nullValue="\\N",
        ignoreLeadingWhiteSpace=True,
        ignoreTrailingWhiteSpace=True,
        mode="FAILFAST",
    )
    newest_first = Window.partitionBy("id", "artist_id", "profession", "character").orderBy(F.desc("file"))
    return (
        rows.withColumn("file", F.input_file_name())
        .withColumn("version", F.row_number().over(newest_first))
        .where("version = 1")
        .drop("file", "version")
        .withColumn("genres", F.split("genres", ","))
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("SOURCE", "TARGET"):
        parser.add_argument("--" + name, required=True)
    args, _ = parser.parse_known_args()

    spark = SparkSession.builder.appName("csv_to_trusted").getOrCreate()
    for folder, schema in (("Movies", MOVIES), ("Series", SERIES)):
        target = f"{args.TARGET}/{folder.lower()}"
        read_days(spark, f"{args.SOURCE}/{folder}", schema).coalesce(1).write.mode("overwrite").parquet(target)
        print(f"{folder}: {spark.read.parquet(target).count()} rows")


if __name__ == "__main__":
    main()
