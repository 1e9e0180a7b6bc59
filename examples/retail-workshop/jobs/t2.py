"""T2: silver to gold: sales by affiliate and month, by main category, by province.

    --SILVER, --GOLD  folders
"""

import argparse

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

TABLES = {
    "sales_by_month": ["affiliate", "month"],
    "sales_by_category": ["affiliate", "main_category_cd", "main_category_desc"],
    "sales_by_province": ["province", "sex", "age_group"],
}


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("SILVER", "GOLD"):
        parser.add_argument("--" + name, required=True)
    args, _ = parser.parse_known_args()

    spark = SparkSession.builder.appName("t2").getOrCreate()
    bought = spark.read.parquet(f"{args.SILVER}/purchase").cache()
    for table, keys in TABLES.items():
        sales = bought.groupBy(*keys).agg(
            F.count("*").alias("purchases"), F.countDistinct("affiliate", "receipt_no").alias("receipts"),
            F.countDistinct("customer_id").alias("customers"), F.sum("amount").alias("revenue"))
        sales.orderBy(*keys).coalesce(1).write.mode("overwrite").parquet(f"{args.GOLD}/{table}")
        print(f"{table}: {sales.count()} rows")


if __name__ == "__main__":
    main()
