"""Rows of the raw CSV files that have an id, as Parquet."""

import sys

from awsglue.context import GlueContext
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

options = getResolvedOptions(sys.argv, ["source", "target"])
spark = GlueContext(SparkContext.getOrCreate()).spark_session
rows = spark.read.option("header", True).csv(options["source"])
rows.dropna(subset=["id"]).dropDuplicates(["id"]).write.mode("overwrite").parquet(options["target"])
