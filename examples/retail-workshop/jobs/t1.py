"""T1: bronze to silver: purchases that were kept, with their customer, product and place, by month.

    --DIMENSION, --BRONZE, --SILVER  folders
"""

import argparse

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

PRODUCT = ["affiliate", "division_cd", "main_category_cd", "sub_category_cd"]


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("DIMENSION", "BRONZE", "SILVER"):
        parser.add_argument("--" + name, required=True)
    args, _ = parser.parse_known_args()

    spark = SparkSession.builder.appName("t1").getOrCreate()
    read = lambda table: spark.read.parquet(f"{args.DIMENSION}/{table}")  # noqa: E731
    # Cities may share a short code, and a purchase is made once: where its buyer may live in several, all are named.
    names = lambda column: F.array_join(F.sort_array(F.collect_set(column)), ", ")  # noqa: E731
    places = read("zipcode").groupBy(F.col("short_zipcode").alias("residence")).agg(names("province_city_eng").alias("province"), names("city_county_eng").alias("city"))
    bought = (
        spark.read.parquet(f"{args.BRONZE}/purchase")
        .where("amount > 0")  # what was taken back was not sold
        .join(F.broadcast(read("products_info")), PRODUCT, "left")
        .join(read("customer"), "customer_id", "left")
        .join(F.broadcast(places), "residence", "left")
        .withColumn("month", F.substring("purchase_date", 1, 7))
    )
    target = f"{args.SILVER}/purchase"
    bought.repartition("month").write.mode("overwrite").partitionBy("month").parquet(target)
    print(f"purchase: {spark.read.parquet(target).count()} rows")


if __name__ == "__main__":
    main()
