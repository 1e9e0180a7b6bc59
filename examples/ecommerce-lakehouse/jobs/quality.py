"""Checks the silver tables and fails when one does not hold, so that nothing bad reaches gold. Results are kept in gold.quality."""

import datetime

import lakehouse as lake
from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def duplicates(rows: DataFrame, *key: str) -> int:
    return rows.groupBy(*key).count().where("count > 1").count()


def checks(silver: dict[str, DataFrame]) -> dict[str, int]:
    """How many rows break each rule."""
    return {
        "customers are there once": duplicates(silver["customers"], "customer_id"),
        "customers have an address": silver["customers"].where(~F.col("email").contains("@")).count(),
        "orders are there once": duplicates(silver["orders"], "order_id"),
        "orders have a known status": silver["orders"].where("status not in ('paid', 'shipped', 'cancelled')").count(),
        "orders have a customer": silver["orders"].join(silver["customers"], "customer_id", "left_anti").count(),
        "items are there once": duplicates(silver["order_items"], "order_id", "line"),
        "items cost something": silver["order_items"].where("amount <= 0").count(),
        "items have an order": silver["order_items"].join(silver["orders"], "order_id", "left_anti").count(),
        "events are there once": duplicates(silver["events"], "event_id"),
    }


def main() -> None:
    args = lake.arguments()
    spark = lake.session("quality")
    tables = lake.Tables(spark, args)
    broken = checks({name: tables.read(f"silver.{name}") for name in (*lake.RAW, "events")})
    now = datetime.datetime.now(datetime.timezone.utc)
    tables.append("gold.quality", spark.createDataFrame([(rule, count, now) for rule, count in broken.items()], "rule string, rows int, checked_at timestamp"))
    spark.stop()
    for rule, count in broken.items():
        print(f"{'ok' if not count else count}  {rule}")
    if any(broken.values()):
        raise SystemExit("the silver tables are not as they should be")


if __name__ == "__main__":
    main()
