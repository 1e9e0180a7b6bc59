"""
Bronze to silver: one row a thing, in one spelling, nothing that points nowhere; what is not taken stands in silver.rejected, with the reason.

    --day  YYYY-MM-DD, the day whose orders are made
"""

import lakehouse as lake
from pyspark.sql import functions as F


def main() -> None:
    args = lake.arguments("day")
    spark = lake.session("silver")
    tables = lake.Tables(spark, args.tables)
    tables.replace("silver.customers", lake.silver_customers(tables.read("bronze.customers")))
    tables.replace("silver.products", lake.silver_products(tables.read("bronze.products")))
    orders = lake.judged_orders(lake.delivered(tables.read("bronze.orders"), args.day), tables.read("silver.customers")).persist()
    good = orders.where("reason is null")
    items = lake.judged_items(good, tables.read("silver.products")).persist()
    tables.replace_day("silver.orders", good, args.day)
    tables.replace_day("silver.order_items", items.where("reason is null"), args.day)
    rejected = orders.where("reason is not null").select("day", F.lit("order").alias("kind"), "key", "reason", "value").unionByName(
        items.where("reason is not null").select("day", F.lit("item").alias("kind"), F.concat_ws("/", "order_id", "line").alias("key"), "reason",
                                                 F.to_json(F.struct("product_id", "quantity", "unit_price")).alias("value")))
    tables.replace_day("silver.rejected", rejected, args.day)
    for name in ("orders", "order_items", "rejected"):
        print(f"{tables.read(f'silver.{name}').where(F.col('day') == F.lit(args.day).cast('date')).count()} in silver.{name}")
    spark.stop()


if __name__ == "__main__":
    main()
