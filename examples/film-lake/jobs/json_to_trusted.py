"""Raw JSON lines to trusted Parquet: languages, budgets and seasons of titles, the newest day's of each.

    --SOURCE  folder with YYYY/MM/DD/*.jsonl below; a pattern may name several
    --TARGET  folder for details/ as Parquet
"""

import argparse

from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F

DETAILS = (
    "id string, kind string, language string, countries array<string>, popularity double, "
    "budget long, revenue long, seasons int, episodes int"
)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("SOURCE", "TARGET"):
        parser.add_argument("--" + name, required=True)
    args, _ = parser.parse_known_args()

    spark = SparkSession.builder.appName("json_to_trusted").getOrCreate()
    rows = spark.read.json(f"{args.SOURCE}/*/*/*/*.jsonl", schema=DETAILS, mode="FAILFAST")
    newest_first = Window.partitionBy("id").orderBy(F.desc("day"), F.desc("file"))
    rows = (
        rows.withColumn("file", F.input_file_name())
        .withColumn("day", F.regexp_extract("file", r"(\d{4}/\d{2}/\d{2})/[^/]*$", 1))
        .withColumn("version", F.row_number().over(newest_first))
        .where("version = 1")
        .drop("file", "day", "version")
    )
    # The source writes 0 where it does not know an amount.
    for amount in ("budget", "revenue"):
        rows = rows.withColumn(amount, F.when(F.col(amount) > 0, F.col(amount)))
    target = f"{args.TARGET}/details"
    rows.coalesce(1).write.mode("overwrite").parquet(target)
    print(f"details: {spark.read.parquet(target).count()} rows")


if __name__ == "__main__":
    main()
