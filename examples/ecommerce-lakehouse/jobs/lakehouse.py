"""What the jobs of the lakehouse share: the tables of each layer as functions from rows to rows, and where they are kept.

In the cloud tables are Iceberg tables of the Glue catalog (`--catalog lake.ada_` puts `silver.orders` into the database `ada_silver` of
the session's catalog `lake`); on a laptop, folders of Parquet (`--folder DIR`).
"""

import argparse

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

RAW = {
    "customers": "customer_id int, name string, email string, country string, updated_at timestamp",
    "products": "product_id int, title string, category string, price decimal(10,2)",
    "orders": "order_id int, customer_id int, ordered_at timestamp, status string",
    "order_items": "order_id int, line int, product_id int, quantity int, unit_price decimal(10,2)",
}
EVENT = "event_id string, customer_id int, product_id int, kind string, at timestamp"


def arguments(*names: str, **optional: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in names:
        parser.add_argument("--" + name, required=True)
    for name, default in optional.items():
        parser.add_argument("--" + name, default=default)
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--catalog", help="what the names of tables begin with")
    place.add_argument("--folder", help="folder of Parquet tables")
    return parser.parse_args()


def session(name: str) -> SparkSession:
    return SparkSession.builder.appName(name).config("spark.sql.session.timeZone", "UTC").getOrCreate()


class Tables:
    """Tables by layer and name, `silver.orders`."""

    def __init__(self, spark: SparkSession, args: argparse.Namespace):
        self.spark, self.catalog, self.folder = spark, args.catalog, args.folder

    def read(self, name: str) -> DataFrame:
        if self.catalog:
            return self.spark.table(f"{self.catalog}{name}")
        return self.spark.read.parquet(f"{self.folder}/{name}")

    def replace(self, name: str, rows: DataFrame) -> None:
        """The whole table anew; readers see the old one until the new one is complete."""
        if self.catalog:
            rows.writeTo(f"{self.catalog}{name}").using("iceberg").createOrReplace()
        else:
            rows.write.mode("overwrite").parquet(f"{self.folder}/{name}")

    def append(self, name: str, rows: DataFrame) -> None:
        if self.catalog:
            rows.writeTo(f"{self.catalog}{name}").append()
        else:
            rows.write.mode("append").parquet(f"{self.folder}/{name}")


# ---- silver: typed, one row a thing, nothing that points nowhere ----


def newest(rows: DataFrame, key: str, by: str) -> DataFrame:
    order = Window.partitionBy(key).orderBy(F.desc(by))
    return rows.withColumn("_n", F.row_number().over(order)).where("_n = 1").drop("_n")


def silver_customers(customers: DataFrame) -> DataFrame:
    return newest(customers, "customer_id", "updated_at").withColumn("email", F.lower("email"))


def silver_orders(orders: DataFrame, customers: DataFrame) -> DataFrame:
    """Orders once each, of customers that exist."""
    known = customers.select("customer_id")
    return orders.dropDuplicates(["order_id"]).join(known, "customer_id", "left_semi")


def silver_items(items: DataFrame, orders: DataFrame, products: DataFrame) -> DataFrame:
    """Lines of known orders and products with something bought; `amount` is what the line costs."""
    return (
        items.where("quantity > 0")
        .join(orders.select("order_id"), "order_id", "left_semi")
        .join(products.select("product_id"), "product_id", "left_semi")
        .withColumn("amount", (F.col("quantity") * F.col("unit_price")).cast("decimal(12,2)"))
    )


def silver_events(events: DataFrame) -> DataFrame:
    """A stream may deliver an event more than once."""
    return newest(events, "event_id", "at")


# ---- gold: what is looked at ----


def gold_daily_sales(orders: DataFrame, items: DataFrame, products: DataFrame) -> DataFrame:
    sold = orders.where("status <> 'cancelled'").join(items, "order_id").join(products.select("product_id", "category"), "product_id")
    return sold.groupBy(F.to_date("ordered_at").alias("day"), "category").agg(
        F.countDistinct("order_id").alias("orders"), F.sum("quantity").alias("units"), F.sum("amount").alias("revenue")
    )


def gold_customers(customers: DataFrame, orders: DataFrame, items: DataFrame) -> DataFrame:
    """What each customer has bought so far; those who bought nothing are in it, too."""
    spent = (
        orders.where("status <> 'cancelled'")
        .join(items, "order_id")
        .groupBy("customer_id")
        .agg(F.countDistinct("order_id").alias("orders"), F.sum("amount").alias("revenue"), F.max("ordered_at").alias("last_order"))
    )
    return customers.select("customer_id", "name", "country").join(spent, "customer_id", "left").fillna(0, ["orders", "revenue"])


def gold_funnel(events: DataFrame, products: DataFrame) -> DataFrame:
    counted = [F.sum(F.when(F.col("kind") == kind, 1).otherwise(0)).alias(kind + "s") for kind in ("view", "cart", "buy")]
    return events.join(products.select("product_id", "category"), "product_id").groupBy("category").agg(*counted)
