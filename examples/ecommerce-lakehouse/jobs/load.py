"""
Gold to the warehouse: what is staged there is taken over in one transaction, so that readers see all of a day or nothing of it.

    --day     YYYY-MM-DD
    --jdbc    URL of the warehouse
    --user    who writes there …
    --secret  … and where the password is: ARN of a secret, or env:NAME
"""

import lakehouse as lake
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

MERGED = {"dim_customers": "customer_id", "dim_products": "product_id"}
BY_DAY = ("fact_orders", "agg_daily_sales", "quality")
WHOLE = ("agg_customers",)


def statements(tables: lake.Tables, day: str) -> list[str]:
    """Dimensions before the facts that refer to them."""
    made = []
    for table in (*MERGED, *BY_DAY, *WHOLE):
        columns = tables.read(f"gold.{table}").columns
        names = ", ".join(f'"{column}"' for column in columns)
        insert = f"insert into gold.{table} ({names}) select {names} from staging.{table}"
        if table in MERGED:
            values = ", ".join(f'"{column}" = excluded."{column}"' for column in columns if column != MERGED[table])
            made.append(f"{insert} on conflict ({MERGED[table]}) do update set {values}")
        else:
            made += [f"delete from gold.{table}" + (f" where day = date '{day}'" if table in BY_DAY else ""), insert]
    made.append(f"insert into gold.loads (day, loaded_at, facts) select date '{day}', now(), count(*) from staging.fact_orders on conflict (day) do update set loaded_at = excluded.loaded_at, facts = excluded.facts")
    return made


def carry_out(spark: SparkSession, url: str, properties: dict[str, str], wanted: list[str]) -> None:
    """By Java's driver, which is there anyway; found where Spark keeps what it was given."""
    jvm = spark._jvm
    given = jvm.java.util.Properties()
    for name in ("user", "password"):
        given.setProperty(name, properties[name])
    driver = jvm.java.lang.Thread.currentThread().getContextClassLoader().loadClass(properties["driver"]).newInstance()
    connection = driver.connect(url, given)
    try:
        connection.setAutoCommit(False)
        statement = connection.createStatement()
        for sql in wanted:
            statement.execute(sql)
        connection.commit()
    finally:
        connection.close()


def main() -> None:
    args = lake.arguments("day", "jdbc", "user", "secret")
    spark = lake.session("load")
    tables = lake.Tables(spark, args.tables)
    properties = lake.login(args.user, args.secret)
    of_day = F.col("day") == F.lit(args.day).cast("date")
    for table in (*MERGED, *BY_DAY, *WHOLE):
        rows = tables.read(f"gold.{table}")
        rows = rows.where(of_day) if table in BY_DAY else rows
        rows.coalesce(1).write.jdbc(args.jdbc, f"staging.{table}", mode="overwrite", properties=properties)
    carry_out(spark, args.jdbc, properties, statements(tables, args.day))
    print(f"loaded {args.day}")
    spark.stop()


if __name__ == "__main__":
    main()
