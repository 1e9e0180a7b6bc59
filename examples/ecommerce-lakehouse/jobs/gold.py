"""
Silver to gold: the dimensions, the facts of a day, and what is added up of them.

    --day  YYYY-MM-DD, the day whose facts are made; those of other days stay
"""

import lakehouse as lake
from pyspark.sql import functions as F


def main() -> None:
    args = lake.arguments("day")
    spark = lake.session("gold")
    tables = lake.Tables(spark, args.tables)
    of_day = F.col("day") == F.lit(args.day).cast("date")
    tables.merge("gold.dim_customers", tables.read("silver.customers"), "customer_id")
    tables.merge("gold.dim_products", tables.read("silver.products"), "product_id")
    tables.replace_day("gold.fact_orders", lake.fact_orders(tables.read("silver.orders").where(of_day), tables.read("silver.order_items").where(of_day)), args.day)
    facts = tables.read("gold.fact_orders")
    tables.replace_day("gold.agg_daily_sales", lake.daily_sales(facts.where(of_day), tables.read("gold.dim_products")), args.day)
    tables.replace("gold.agg_customers", lake.customer_totals(facts))
    print(f"{facts.where(of_day).count()} in gold.fact_orders, {facts.count()} of all days")
    spark.stop()


if __name__ == "__main__":
    main()
