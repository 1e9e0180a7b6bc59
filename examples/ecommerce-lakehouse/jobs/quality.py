"""
How good a day's orders are: completeness, accuracy, consistency. Fails where a share is below its threshold, so that nothing bad reaches gold; the result is kept in any case.

    --day         YYYY-MM-DD
    --thresholds  {"completeness": 0.9, "accuracy": 0.9, "consistency": 0.9}: which share of rows has to keep the rules
    --report      folder for reports, one a day
    --metrics     namespace of CloudWatch that gets the shares
"""

import datetime
import json

import lakehouse as lake
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

DIMENSIONS = ("completeness", "accuracy", "consistency")


def rules(day: dict[str, DataFrame]) -> list[tuple[str, str, int, int]]:
    """Dimension, rule, how many rows, how many of them break it."""
    orders, items, customers = (day[name] for name in ("orders", "order_items", "customers"))
    refused = {(row["kind"], row["reason"]): row["count"] for row in day["rejected"].groupBy("kind", "reason").count().collect()}
    delivered = orders.count() + sum(n for (kind, _), n in refused.items() if kind == "order")
    lines = items.count() + sum(n for (kind, _), n in refused.items() if kind == "item")
    sums = items.groupBy("order_id").agg(F.sum("amount").alias("amount"))
    whole = orders.join(day["rejected"].where("kind = 'item'").select(F.split("key", "/")[0].cast("int").alias("order_id")), "order_id", "left_anti").join(sums, "order_id")
    return [
        ("completeness", "orders say who bought what, and when", delivered, refused.get(("order", "incomplete"), 0)),
        ("completeness", "customers have an address", customers.count(), customers.where("email is null").count()),
        ("accuracy", "orders have a status that is known", delivered, refused.get(("order", "unknown status"), 0)),
        ("accuracy", "something was bought, for money", lines, refused.get(("item", "nothing bought"), 0)),
        ("accuracy", "totals are the sums of their items", whole.count(), whole.where("total is null or total <> amount").count()),
        ("consistency", "orders have a customer", delivered, refused.get(("order", "unknown customer"), 0)),
        ("consistency", "items have a product", lines, refused.get(("item", "unknown product"), 0)),
        ("consistency", "orders are there once", delivered, refused.get(("order", "of another day"), 0)),
    ]


class NotGoodEnough(Exception):
    """Not just an end with a status: what Spark's services give as the reason is the exception."""


def judged(found: list[tuple[str, str, int, int]], thresholds: dict[str, float]) -> list[dict]:
    """A rule that there are no rows for is broken: nothing was delivered."""
    results = []
    for dimension, rule, rows, broken in found:
        share = 1 - broken / rows if rows else 0.0
        results.append({"dimension": dimension, "rule": rule, "rows": rows, "broken": broken, "share": share, "threshold": float(thresholds[dimension]),
                        "passed": share >= float(thresholds[dimension])})
    return results


def put_metrics(namespace: str, results: list[dict]) -> None:
    import boto3

    worst = {dimension: min(r["share"] for r in results if r["dimension"] == dimension) for dimension in DIMENSIONS}
    data = [{"MetricName": dimension, "Value": share, "Unit": "None"} for dimension, share in worst.items()]
    boto3.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)


def main() -> None:
    args = lake.arguments("day", "thresholds", report=None, metrics=None)
    spark = lake.session("quality")
    tables = lake.Tables(spark, args.tables)
    of_day = F.col("day") == F.lit(args.day).cast("date")
    day = {name: tables.read(f"silver.{name}").where(of_day) for name in ("orders", "order_items", "rejected")}
    results = judged(rules({**day, "customers": tables.read("silver.customers")}), json.loads(args.thresholds))
    now = datetime.datetime.now(datetime.timezone.utc)
    rows = [{"day": datetime.date.fromisoformat(args.day), "checked_at": now, **result} for result in results]
    tables.replace_day("gold.quality", spark.createDataFrame(rows, lake.TABLES["gold.quality"][0]), args.day)
    if args.report:
        text = json.dumps({"day": args.day, "checked_at": now.isoformat(), "rules": results}, indent=1)
        spark.createDataFrame([(text,)], "value string").coalesce(1).write.mode("overwrite").text(f"{args.report.rstrip('/')}/day={args.day}")
    if args.metrics:
        put_metrics(args.metrics, results)
    spark.stop()
    for result in results:
        print(f"{'ok' if result['passed'] else 'BROKEN'}  {result['share']:.3f} of {result['threshold']:.3f}  {result['dimension']}: {result['rule']} ({result['broken']} of {result['rows']} do not)")
    if not all(result["passed"] for result in results):
        raise NotGoodEnough(f"the orders of {args.day} are not good enough")


if __name__ == "__main__":
    main()
