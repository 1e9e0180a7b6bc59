"""
What the jobs of the lakehouse share: names and columns of its tables, the way to Kafka, and how what is delivered there becomes bronze.

Tables are Iceberg tables of the session's catalog `lake`; `--tables lake.ada_` puts `silver.orders` into `lake.ada_silver`, `--tables lake.` into `lake.silver`.
"""

import argparse
import datetime
import os
import threading

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

SOURCES = ("orders", "products", "customers")  # each by a topic of its own, shop.NAME
RAW = {
    "orders": "order_id int, customer_id int, ordered_at timestamp, updated_at timestamp, status string, total decimal(12,2), items array<struct<product_id: int, quantity: int, unit_price: decimal(10,2)>>",
    "products": "product_id string, title string, category string, price string",  # a file of texts
    "customers": "customer_id int, name string, email string, country string, updated_at timestamp",
}
KEYS = {"orders": "order_id", "products": "product_id", "customers": "customer_id"}
# As delivered, and when, from where (topic/partition/offset) and with what it came.
BRONZE = "key string, value string, delivered_at timestamp, _ingested_at timestamp, _source string, _batch_id string"
TABLES = {
    **{f"bronze.{name}": (BRONZE, "days(delivered_at)") for name in SOURCES},
    "silver.customers": ("customer_id int, name string, email string, country string, updated_at timestamp", None),
    "silver.products": ("product_id int, title string, category string, price decimal(10,2)", None),
    "silver.orders": ("order_id int, day date, customer_id int, ordered_at timestamp, status string, total decimal(12,2)", "day"),
    "silver.order_items": ("order_id int, line int, day date, product_id int, quantity int, unit_price decimal(10,2), amount decimal(12,2)", "day"),
    "silver.rejected": ("day date, kind string, key string, reason string, value string", "day"),
    "gold.dim_customers": ("customer_id int, name string, email string, country string, updated_at timestamp", None),
    "gold.dim_products": ("product_id int, title string, category string, price decimal(10,2)", None),
    "gold.fact_orders": ("order_id int, line int, day date, ordered_at timestamp, customer_id int, product_id int, status string, quantity int, unit_price decimal(10,2), amount decimal(12,2)", "day"),
    "gold.agg_daily_sales": ("day date, category string, orders bigint, units bigint, revenue decimal(14,2)", "day"),
    "gold.agg_customers": ("customer_id int, orders bigint, revenue decimal(14,2), last_order timestamp", None),
    "gold.quality": ("day date, dimension string, rule string, rows bigint, broken bigint, share double, threshold double, passed boolean, checked_at timestamp", "day"),
}


def arguments(*names: str, **optional: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ("tables", *names):
        parser.add_argument("--" + name, required=True)
    for name, default in optional.items():
        parser.add_argument("--" + name, default=default)
    args = parser.parse_args()
    if "day" in args:
        args.day = day_of(args.day)
    return args


def day_of(text: str) -> str:
    """A day, 2026-11-20; of a time, 2026-11-21T02:00:00Z, the day before it, which is over."""
    day = datetime.date.fromisoformat(text[:10])
    return (day if len(text) == 10 else day - datetime.timedelta(days=1)).isoformat()


def session(name: str) -> SparkSession:
    """Tables are looked at anew each time: a stream writes with a session of its own."""
    return SparkSession.builder.appName(name).config("spark.sql.session.timeZone", "UTC").config("spark.sql.catalog.lake.cache-enabled", "false").getOrCreate()


# ---- tables ----


class Tables:
    """By layer and name, `silver.orders`; one that is not there yet is made when it is first asked for."""

    def __init__(self, spark: SparkSession, begin: str):
        self.spark, self.begin, self.there = spark, begin, set()

    def name(self, table: str) -> str:
        full = self.begin + table
        if table not in self.there:
            columns, partition = TABLES[table]
            self.spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {full.rpartition('.')[0]}")
            self.spark.sql(f"CREATE TABLE IF NOT EXISTS {full} ({columns}) USING iceberg" + (f" PARTITIONED BY ({partition})" if partition else ""))
            self.there.add(table)
        return full

    def read(self, table: str) -> DataFrame:
        return self.spark.table(self.name(table))

    def append(self, table: str, rows: DataFrame) -> None:
        rows.writeTo(self.name(table)).append()

    def replace(self, table: str, rows: DataFrame) -> None:
        """All of it; readers see what was there until all of it is."""
        self.in_order(table, rows).writeTo(self.name(table)).overwrite(F.lit(True))

    def replace_day(self, table: str, rows: DataFrame, day: str) -> None:
        """What is there of the day; other days stay."""
        self.in_order(table, rows).writeTo(self.name(table)).overwrite(F.col("day") == F.lit(day).cast("date"))

    def merge(self, table: str, rows: DataFrame, key: str) -> None:
        """Rows that are there are changed, others come to them; none goes."""
        self.in_order(table, rows).createOrReplaceTempView("merged")
        self.spark.sql(f"MERGE INTO {self.name(table)} t USING merged s ON t.{key} = s.{key} WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")

    def in_order(self, table: str, rows: DataFrame) -> DataFrame:
        return rows.select(*self.read(table).columns)


# ---- Kafka ----


def kafka(brokers: str) -> dict[str, str]:
    """How its brokers are spoken to: as the properties in KAFKA_PROPERTIES say, else MSK's with IAM; those of this machine ask nobody."""
    options = {"kafka.bootstrap.servers": brokers}
    if path := os.environ.get("KAFKA_PROPERTIES"):
        with open(path) as file:
            pairs = (line.strip().partition("=") for line in file if line.strip() and not line.startswith("#"))
            return options | {f"kafka.{key}": value for key, _, value in pairs}
    if all(broker.startswith("127.") for broker in brokers.split(",")):
        return options
    return options | {
        "kafka.security.protocol": "SASL_SSL",
        "kafka.sasl.mechanism": "AWS_MSK_IAM",
        "kafka.sasl.jaas.config": "software.amazon.msk.auth.iam.IAMLoginModule required;",
        "kafka.sasl.client.callback.handler.class": "software.amazon.msk.auth.iam.IAMClientCallbackHandler",
    }


def topic(source: str) -> str:
    return f"shop.{source}"


def to_bronze(tables: Tables, brokers: str, sources: list[str], checkpoint: str, **trigger: object):
    """
    What the topics have that this checkpoint has not seen, appended to the bronze tables for as long as the trigger wants. A batch that is delivered again after an
    interruption is known by its `_batch_id`, so it is there once.
    """
    named, started = {}, threading.Event()

    def keep(rows: DataFrame, number: int) -> None:
        started.wait()
        batch = f"{named['query']}:{number}"
        rows.persist()
        for source in sources:
            if tables.read(f"bronze.{source}").where(F.col("_batch_id") == batch).limit(1).count():
                continue
            of = rows.where(F.col("topic") == topic(source))
            tables.append(f"bronze.{source}", of.select(
                F.col("key").cast("string"), F.col("value").cast("string"), F.col("timestamp").alias("delivered_at"), F.current_timestamp().alias("_ingested_at"),
                F.concat_ws("/", "topic", "partition", "offset").alias("_source"), F.lit(batch).alias("_batch_id")))
        rows.unpersist()

    for source in sources:
        tables.name(f"bronze.{source}")
    options = {**kafka(brokers), "subscribe": ",".join(map(topic, sources)), "startingOffsets": "earliest"}
    read = tables.spark.readStream.format("kafka").options(**options).load()
    query = read.writeStream.foreachBatch(keep).option("checkpointLocation", checkpoint).trigger(**trigger).start()
    named["query"] = query.id
    started.set()
    return query


# ---- silver ----


def newest(rows: DataFrame, key: str, *by: str) -> DataFrame:
    """Of each the last by these columns; where they are alike, the one that came last."""
    order = Window.partitionBy(key).orderBy(*(F.desc_nulls_last(one) for one in (*by, "delivered_at", "_offset")))
    return rows.withColumn("_n", F.row_number().over(order)).where("_n = 1").drop("_n")


def parsed(bronze: DataFrame, source: str) -> DataFrame:
    """Its members as columns beside what bronze has; null where it is no such JSON. What has no id of its own is known by its text: delivered again, it is the same."""
    rows = bronze.withColumn("v", F.from_json("value", RAW[source])).withColumn("_offset", F.element_at(F.split("_source", "/"), -1).cast("bigint"))
    rows = rows.select("key", "value", "delivered_at", "_offset", "v.*")
    return rows.withColumn("_id", F.coalesce(F.col(KEYS[source]).cast("int").cast("string"), "value"))


def taken(rows: DataFrame, reason: Column, *by: str) -> tuple[DataFrame, DataFrame]:
    """The newest of each that can be taken; and what cannot of those that came on the last day, with the reason."""
    rows = rows.withColumn("reason", reason)
    last = rows.agg(F.max(F.to_date("delivered_at"))).first()[0]
    refused = newest(rows.where(F.to_date("delivered_at") == F.lit(last)), "_id", *by).where("reason is not null")
    return newest(rows.where("reason is null"), "_id", *by), refused


def silver_customers(bronze: DataFrame) -> tuple[DataFrame, DataFrame]:
    """An address that is none is nothing."""
    address = F.lower(F.trim("email"))
    rows = parsed(bronze, "customers").withColumn("name", F.trim("name")).withColumn("country", F.upper(F.trim("country")))
    rows = rows.withColumn("email", F.when(address.rlike(r"^\S+@\S+\.\S+$"), address))
    return taken(rows, F.when(F.col("customer_id").isNull() | F.col("name").isNull(), "incomplete"), "updated_at")


def silver_products(bronze: DataFrame) -> tuple[DataFrame, DataFrame]:
    rows = parsed(bronze, "products").withColumn("product_id", F.col("product_id").cast("int")).withColumn("price", F.col("price").cast("decimal(10,2)"))
    rows = rows.withColumn("category", F.lower(F.trim("category")))
    lacks = F.col("product_id").isNull() | F.col("title").isNull() | F.col("category").isNull()
    return taken(rows, F.when(lacks, "incomplete").when(F.coalesce("price", F.lit(0)) <= 0, "no price"))


def delivered(bronze: DataFrame, day: str) -> DataFrame:
    """Orders of the day, the newest of each; one without a time counts for the day of its last change, or else for that on which it came first."""
    since = F.least(F.lit(day).cast("date"), F.date_sub(F.current_date(), 7))  # none is delivered before its day, unless clocks differ
    rows = parsed(bronze.where(F.col("delivered_at") >= since.cast("timestamp")), "orders").withColumn("status", F.lower(F.trim("status")))
    came = F.min("delivered_at").over(Window.partitionBy("_id"))
    rows = rows.withColumn("day", F.to_date(F.coalesce("ordered_at", "updated_at", came)))
    return newest(rows, "_id", "updated_at").where(F.col("day") == F.lit(day).cast("date"))


def judged_orders(orders: DataFrame, customers: DataFrame, others: DataFrame) -> DataFrame:
    """With the reason for which one is not taken, or null. `others`: orders of other days, whose ids are theirs until their day is run again."""
    known = customers.select("customer_id", F.lit(True).alias("known"))
    orders = orders.join(others.select("order_id", F.lit(True).alias("elsewhere")), "order_id", "left").join(known, "customer_id", "left")
    lacks = F.col("order_id").isNull() | F.col("customer_id").isNull() | F.col("ordered_at").isNull() | F.col("status").isNull() | (F.coalesce(F.size("items"), F.lit(-1)) < 1)
    return orders.withColumn("reason", F.when(lacks, "incomplete").when(F.col("known").isNull(), "unknown customer").when(
        ~F.col("status").isin("paid", "shipped", "cancelled"), "unknown status").when(F.col("elsewhere"), "of another day")).drop("known", "elsewhere")


def judged_items(orders: DataFrame, products: DataFrame) -> DataFrame:
    known = products.select("product_id", F.lit(True).alias("known"))
    items = orders.select("order_id", "day", F.posexplode("items")).select("order_id", "day", (F.col("pos") + 1).alias("line"), "col.*")
    items = items.withColumn("amount", (F.col("quantity") * F.col("unit_price")).cast("decimal(12,2)"))
    wrong = (F.coalesce("quantity", F.lit(0)) <= 0) | (F.coalesce("unit_price", F.lit(0)) <= 0) | F.col("amount").isNull()
    return items.join(known, "product_id", "left").withColumn("reason", F.when(wrong, "nothing bought").when(F.col("known").isNull(), "unknown product")).drop("known")


# ---- gold ----


def fact_orders(orders: DataFrame, items: DataFrame) -> DataFrame:
    return items.join(orders.select("order_id", "ordered_at", "customer_id", "status"), "order_id")


def daily_sales(facts: DataFrame, products: DataFrame) -> DataFrame:
    sold = facts.where("status <> 'cancelled'").join(products.select("product_id", "category"), "product_id")
    return sold.groupBy("day", "category").agg(F.countDistinct("order_id").alias("orders"), F.sum("quantity").alias("units"), F.sum("amount").cast("decimal(14,2)").alias("revenue"))


def customer_totals(facts: DataFrame) -> DataFrame:
    sold = facts.where("status <> 'cancelled'").groupBy("customer_id")
    return sold.agg(F.countDistinct("order_id").alias("orders"), F.sum("amount").cast("decimal(14,2)").alias("revenue"), F.max("ordered_at").alias("last_order"))


# ---- databases ----


def login(user: str, secret: str) -> dict[str, str]:
    """For JDBC. The password is a secret of Secrets Manager, or of the environment: `env:LOADER_PASSWORD`."""
    if secret.startswith("env:"):
        password = os.environ[secret.removeprefix("env:")]
    else:
        import boto3

        password = boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    return {"user": user, "password": password, "driver": "org.postgresql.Driver"}
