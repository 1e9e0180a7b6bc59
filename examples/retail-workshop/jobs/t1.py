"""T1: bronze to silver: purchases that were kept, with their customer, product and place, by month.

    --DIMENSION, --BRONZE, --SILVER  folders
"""

import argparse

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

PRODUCT = ["affiliate", "division", "main_category", "sub_category"]


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("DIMENSION", "BRONZE", "SILVER"):
        parser.add_argument("--" + name, required=True)
    args, _ = parser.parse_known_args()

    spark = SparkSession.builder.appName("t1").getOrCreate()
    read = lambda table: spark.read.parquet(f"{args.DIMENSION}/{table}")  # noqa: E731
    people = read("customer").withColumnRenamed("id", "customer_id")
    places = read("zipcode").select(F.col("short_code").alias("residence"), F.col("province_en").alias("province"), F.col("city_en").alias("city"))
    bought = (
        spark.read.parquet(f"{args.BRONZE}/purchase")
        .where("amount > 0")  # what was taken back was not sold
        .join(F.broadcast(read("products_info")), PRODUCT, "left")
        .join(people, "customer_id", "left")
        .join(F.broadcast(places), "residence", "left")
        .withColumn("month", F.date_format("date", "yyyy-MM"))
    )
    target = f"{args.SILVER}/purchase"
    bought.repartition("month").write.mode("overwrite").partitionBy("month").parquet(target)
    print(f"purchase: {spark.read.parquet(target).count()} rows")


if __name__ == "__main__":
    main()
