"""
Products and customers from Kafka to bronze, all that has come since the last time; then waits until the stream has the orders that are there.

    --brokers     host:port,…
    --checkpoint  folder where it remembers how far it got
    --patience    seconds that the stream has; "none": there is no stream, orders are taken here
"""

import time

import lakehouse as lake
from pyspark.sql import SparkSession
from pyspark.sql import functions as F


def ends(spark: SparkSession, brokers: str) -> dict[int, int]:
    """The last offset in each partition of orders."""
    options = {**lake.kafka(brokers), "subscribe": lake.topic("orders")}
    rows = spark.read.format("kafka").options(**options).load()
    return {row["partition"]: row["last"] for row in rows.groupBy("partition").agg(F.max("offset").alias("last")).collect()}


def arrived(tables: lake.Tables) -> dict[int, int]:
    place = F.split("_source", "/")
    rows = tables.read("bronze.orders").select(place[1].cast("int").alias("partition"), place[2].cast("bigint").alias("offset"))
    return {row["partition"]: row["last"] for row in rows.groupBy("partition").agg(F.max("offset").alias("last")).collect()}


def main() -> None:
    args = lake.arguments("brokers", "checkpoint", "patience")
    spark = lake.session("bronze")
    tables = lake.Tables(spark, args.tables)
    streams = args.patience != "none"
    sources = ["products", "customers"] if streams else list(lake.SOURCES)
    lake.to_bronze(tables, args.brokers, sources, args.checkpoint, availableNow=True).awaitTermination()
    if streams:
        last, end = ends(spark, args.brokers), time.monotonic() + float(args.patience)
        while any(arrived(tables).get(partition, -1) < offset for partition, offset in last.items()):
            if time.monotonic() > end:
                raise TimeoutError(f"the stream has not come to {last} of {lake.topic('orders')} within {args.patience} seconds: does it run?")
            time.sleep(2)
    for source in lake.SOURCES:
        print(f"{tables.read(f'bronze.{source}').count()} in bronze.{source}")
    spark.stop()


if __name__ == "__main__":
    main()
