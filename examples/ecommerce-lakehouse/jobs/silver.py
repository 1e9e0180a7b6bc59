"""
Bronze to silver: one row a thing, in one spelling, nothing that points nowhere; what is not taken stands in silver.rejected, with the reason.

    --day  YYYY-MM-DD, the day whose orders are made
"""

import lakehouse as lake
from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def rejected(kind: str, rows: DataFrame, day: str, key: str = "key", value: str = "value") -> DataFrame:
    return rows.where("reason is not null").selectExpr(f"date '{day}' as day", f"'{kind}' as kind", f"{key} as key", "reason", f"{value} as value")


def main() -> None:
    args = lake.arguments("day")
    spark = lake.session("silver")
    tables = lake.Tables(spark, args.tables)
    customers, bad_customers = lake.silver_customers(tables.read("bronze.customers"))
    products, bad_products = lake.silver_products(tables.read("bronze.products"))
    tables.replace("silver.customers", customers)
    tables.replace("silver.products", products)
    others = tables.read("silver.orders").where(F.col("day") != F.lit(args.day).cast("date"))
    orders = lake.judged_orders(lake.delivered(tables.read("bronze.orders"), args.day), tables.read("silver.customers"), others).persist()
    good = orders.where("reason is null")
    items = lake.judged_items(good, tables.read("silver.products")).persist()
    tables.replace_day("silver.orders", good, args.day)
    tables.replace_day("silver.order_items", items.where("reason is null"), args.day)
    bad = rejected("order", orders, args.day).unionByName(rejected("item", items, args.day, "concat_ws('/', order_id, line)", "to_json(struct(product_id, quantity, unit_price))"))
    bad = bad.unionByName(rejected("product", bad_products, args.day)).unionByName(rejected("customer", bad_customers, args.day))
    tables.replace_day("silver.rejected", bad, args.day)
    for name in ("orders", "order_items", "rejected"):
        print(f"{tables.read(f'silver.{name}').where(F.col('day') == F.lit(args.day).cast('date')).count()} in silver.{name}")
    spark.stop()


if __name__ == "__main__":
    main()
