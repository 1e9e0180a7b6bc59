"""Bronze tables to silver ones: one row a thing, nothing that points nowhere."""

import lakehouse as lake


def main() -> None:
    args = lake.arguments()
    spark = lake.session("silver")
    tables = lake.Tables(spark, args)
    bronze = {name: tables.read(f"bronze.{name}").drop("file", "day") for name in (*lake.RAW, "events")}
    customers = lake.silver_customers(bronze["customers"])
    orders = lake.silver_orders(bronze["orders"], customers)
    tables.replace("silver.customers", customers)
    tables.replace("silver.products", bronze["products"])
    tables.replace("silver.orders", orders)
    tables.replace("silver.order_items", lake.silver_items(bronze["order_items"], orders, bronze["products"]))
    tables.replace("silver.events", lake.silver_events(bronze["events"]))
    spark.stop()


if __name__ == "__main__":
    main()
