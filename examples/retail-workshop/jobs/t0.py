"""T0: the private database, table by table, to Parquet as it is.

    --SECRET     secret with host, port, user, password and dbname
    --DIMENSION  folder for customer/, products_info/ and zipcode/
    --BRONZE     folder for purchase/
"""

import argparse
import json

import boto3
from pyspark.sql import DataFrame, SparkSession

PARTS = 4


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("SECRET", "DIMENSION", "BRONZE"):
        parser.add_argument("--" + name, required=True)
    args, _ = parser.parse_known_args()
    login = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=args.SECRET)["SecretString"])

    spark = SparkSession.builder.appName("t0").getOrCreate()
    where = {"url": f"jdbc:postgresql://{login['host']}:{login['port']}/{login['dbname']}?sslmode=prefer", "user": login["user"], "password": login["password"],
             "driver": "org.postgresql.Driver", "fetchsize": "10000"}

    def read(**what) -> DataFrame:
        return spark.read.format("jdbc").options(**where, **what).load()

    for table in ("customer", "products_info", "zipcode", "purchase"):
        if table == "purchase":  # by several connections at a time, each with some of the receipts
            share = f"(select *, mod(hashtext(receipt_no)::bigint + 2147483648, {PARTS}) as part from retail.purchase) as purchase"
            rows = read(dbtable=share, partitionColumn="part", lowerBound="0", upperBound=str(PARTS), numPartitions=str(PARTS)).drop("part")
            target = f"{args.BRONZE}/purchase"
        else:
            rows, target = read(dbtable=f"retail.{table}"), f"{args.DIMENSION}/{table}"
        rows.write.mode("overwrite").parquet(target)
        print(f"{table}: {spark.read.parquet(target).count()} rows")


if __name__ == "__main__":
    main()
