"""
What the sources have, as it is, to Kafka: a day of orders from the shop's API, products from a CSV file, customers from PostgreSQL.

    --day        YYYY-MM-DD, the day whose orders are fetched
    --brokers    host:port,…
    --orders     the API; or a folder with a file DAY.jsonl
    --products   the CSV file
    --customers  JDBC URL of the database with the table customers; "none" leaves them out
    --user       who reads there …
    --secret     … and where the password is: ARN of a secret, or env:NAME
"""

import json
import time
import urllib.error
import urllib.request

import lakehouse as lake
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

ATTEMPTS = 5


def fetch(url: str) -> dict:
    """One page; a server that is busy is asked again."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if attempt == ATTEMPTS or error.code < 500 and error.code != 429:
                raise
        except OSError:
            if attempt == ATTEMPTS:
                raise
        time.sleep(2**attempt / 4)
    raise AssertionError


def orders(spark: SparkSession, place: str, day: str) -> DataFrame:
    if not place.startswith(("http://", "https://")):
        lines = spark.read.text(f"{place.rstrip('/')}/{day}.jsonl")
    else:
        found, page = [], 1
        while page:
            answer = fetch(f"{place.rstrip('/')}/orders?day={day}&page={page}")
            found += [(json.dumps(order),) for order in answer["items"]]
            page = answer["next"]
        lines = spark.createDataFrame(found, "value string")
    return lines.select(F.get_json_object("value", "$.order_id").alias("key"), "value")


def as_json(rows: DataFrame, key: str) -> DataFrame:
    return rows.select(F.col(key).cast("string").alias("key"), F.to_json(F.struct(*rows.columns)).alias("value"))


def main() -> None:
    args = lake.arguments("day", "brokers", "orders", "products", "customers", user=None, secret=None)
    spark = lake.session("produce")
    rows = {
        "orders": orders(spark, args.orders, args.day),
        "products": as_json(spark.read.csv(args.products, header=True, escape='"', multiLine=True), "product_id"),
    }
    if args.customers != "none":
        rows["customers"] = as_json(spark.read.jdbc(args.customers, "customers", properties=lake.login(args.user, args.secret)), "customer_id")
    for source, sent in rows.items():
        sent = sent.persist()
        sent.write.format("kafka").options(**lake.kafka(args.brokers), topic=lake.topic(source)).save()
        print(f"{sent.count()} to {lake.topic(source)}")
    spark.stop()


if __name__ == "__main__":
    main()
