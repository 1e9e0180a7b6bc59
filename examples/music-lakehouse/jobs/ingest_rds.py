"""The table of the songs database to the landing zone as Parquet; a Glue Spark job within the private network.

    --jdbc URL       of the database
    --secret ARN     secret with username and password, which RDS keeps
    --target URL     folder for TABLE/
"""

import argparse
import json

import boto3
from pyspark.sql import SparkSession

TABLES = ("songs",)


def main():
    parser = argparse.ArgumentParser()
    for name in ("jdbc", "secret", "target"):
        parser.add_argument("--" + name, required=True)
    options, _ = parser.parse_known_args()
    login = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=options.secret)["SecretString"])
    spark = SparkSession.builder.getOrCreate()
    for table in TABLES:
        rows = (
            spark.read.format("jdbc")
            .options(url=options.jdbc, dbtable=table, user=login["username"], password=login["password"], driver="org.postgresql.Driver")
            .option("sslmode", "prefer")  # RDS wants it encrypted; others may not know how
            .load()
        )
        rows.write.mode("overwrite").parquet(f"{options.target.rstrip('/')}/{table}")
        print(f"{table}: {rows.count()} rows")


if __name__ == "__main__":
    main()
