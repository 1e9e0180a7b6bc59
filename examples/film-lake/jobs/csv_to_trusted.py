"""Raw CSV to trusted Parquet: horror films and series of all days' files, typed, each once.

    --SOURCE  folder with Movies/ and Series/, each with YYYY/M/D/*.csv below
    --TARGET  folder for the Parquet files, which are made anew

Glue passes job arguments on the command line, so the script also runs with plain spark-submit or python.
"""

import argparse

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

UNUSED = ("artist_gender", "character", "birth_year", "death_year")
DAY = r"/(\d{4})/(\d{1,2})/(\d{1,2})/[^/]*$"


def read_days(spark: SparkSession, folder: str, year: str) -> DataFrame:
    """All columns as text; `\\N` is nothing. A series' year is the one in which it began."""
    rows = spark.read.csv(folder + "/*/*/*/*.csv", sep="|", header=True, nullValue="\\N", ignoreLeadingWhiteSpace=True, ignoreTrailingWhiteSpace=True)
    file = F.input_file_name()
    day = F.to_date(F.concat_ws("-", *(F.regexp_extract(file, DAY, n) for n in (1, 2, 3))), "y-M-d")
    return rows.withColumn("day", day).withColumnRenamed(year, "release_year").drop("end_year")


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("SOURCE", "TARGET"):
        parser.add_argument("--" + name, required=True)
    args, _ = parser.parse_known_args()

    spark = SparkSession.builder.appName("csv_to_trusted").getOrCreate()
    rows = read_days(spark, args.SOURCE + "/Movies", "release_year").unionByName(read_days(spark, args.SOURCE + "/Series", "start_year"))
    rows = rows.drop(*UNUSED)
    for column, kind in (("release_year", "int"), ("runtime_minutes", "int"), ("rating", "double"), ("votes", "bigint")):
        rows = rows.withColumn(column, F.col(column).cast(kind))
    newest = Window.partitionBy("id").orderBy(F.desc("day"), "artist_id", "profession")
    films = (
        rows.dropna()
        .withColumn("version", F.row_number().over(newest))
        .where("version = 1")
        .where(F.array_contains(F.split("genres", ","), "Horror"))
        .select("id", "title", "release_year", "genres", "rating", "votes")
    )
    films.coalesce(1).write.mode("overwrite").parquet(args.TARGET)
    print(f"tb_csv: {spark.read.parquet(args.TARGET).count()} rows")


if __name__ == "__main__":
    main()
