"""Raw CSV to bronze tables, as they came: typed, with the file and the day they arrived in.

    --source  folder with one CSV a table
    --day     YYYY-MM-DD
"""

import lakehouse
from pyspark.sql import functions as F


def main() -> None:
    args = lakehouse.arguments("source", "day")
    spark = lakehouse.session("bronze")
    tables = lakehouse.Tables(spark, args)
    for name, schema in lakehouse.RAW.items():
        # A row that does not fit the schema fails the job rather than losing a value.
        rows = spark.read.csv(f"{args.source}/{name}.csv", schema=schema, header=True, enforceSchema=False, mode="FAILFAST")
        tables.replace(f"bronze.{name}", rows.withColumn("file", F.input_file_name()).withColumn("day", F.lit(args.day).cast("date")))
    spark.stop()


if __name__ == "__main__":
    main()
