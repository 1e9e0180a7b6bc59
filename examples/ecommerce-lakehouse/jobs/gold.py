"""Silver tables to gold ones, and from there into the PostgreSQL warehouse.

    --secret  ARN of the warehouse's secret (user name and password); "none" leaves the warehouse out
    --jdbc    URL of the warehouse
"""

import json

import lakehouse as lake


def credentials(secret: str) -> dict[str, str]:
    import boto3  # on EMR; a laptop without a warehouse does without

    value = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
    return {"user": value["username"], "password": value["password"], "driver": "org.postgresql.Driver"}


def main() -> None:
    args = lake.arguments("secret", "jdbc")
    spark = lake.session("gold")
    tables = lake.Tables(spark, args)
    silver = {name: tables.read(f"silver.{name}") for name in (*lake.RAW, "events")}
    gold = {
        "daily_sales": lake.gold_daily_sales(silver["orders"], silver["order_items"], silver["products"]),
        "customers": lake.gold_customers(silver["customers"], silver["orders"], silver["order_items"]),
        "funnel": lake.gold_funnel(silver["events"], silver["products"]),
    }
    properties = None if args.secret == "none" else credentials(args.secret)
    for name, rows in gold.items():
        tables.replace(f"gold.{name}", rows)
        if properties:  # emptied and filled in one transaction, so that grants and views on it stay
            tables.read(f"gold.{name}").write.option("truncate", "true").jdbc(args.jdbc, name, mode="overwrite", properties=properties)
    spark.stop()


if __name__ == "__main__":
    main()
