"""Trusted tables to the refined model: films of both sources, joined on their title.

    dim_nome_filme       names              joined_df            the three, joined
    fact_popularidade    votes, popularity  aggregated_order_df  most votes and highest popularity by year and title
    dim_tempo            years, dates

    --DATABASE  of tb_csv and tb_json in the data catalog; of tb_json the newest day counts
    --TARGET    folder for the tables above as Parquet
"""

import argparse

from awsglue.context import GlueContext
from pyspark.context import SparkContext
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

KEY = ["id", "tmdb_id"]


def refine(csv: DataFrame, json: DataFrame) -> dict[str, DataFrame]:
    newest = json.agg(F.max("dia").alias("dia"))
    films = csv.join(json.join(newest, "dia").select(F.col("id").alias("tmdb_id"), "title", "release_date", "popularity"), "title")
    names = films.select(*KEY, "title").distinct()
    facts = films.select(*KEY, "rating", "votes", "popularity").distinct()
    times = films.select(*KEY, "release_year", "release_date").distinct()
    joined = names.join(times, KEY).join(facts, KEY)
    aggregated = joined.groupBy("release_year", "title").agg(F.max("votes").alias("max_votes"), F.max("popularity").alias("max_popularity"))
    return {
        "dim_nome_filme": names,
        "fact_popularidade": facts,
        "dim_tempo": times,
        "joined_df": joined.select(*KEY, "title", "release_year", "release_date", "rating", "votes", "popularity"),
        "aggregated_order_df": aggregated.orderBy("release_year", F.desc("max_votes"), "title"),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("DATABASE", "TARGET"):
        parser.add_argument("--" + name, required=True)
    args, _ = parser.parse_known_args()

    glue = GlueContext(SparkContext.getOrCreate())
    read = lambda table: glue.create_dynamic_frame.from_catalog(database=args.DATABASE, table_name=table).toDF()  # noqa: E731
    for name, table in refine(read("tb_csv"), read("tb_json").cache()).items():
        target = f"{args.TARGET}/{name}"
        table.coalesce(1).write.mode("overwrite").parquet(target)
        print(f"{name}: {glue.spark_session.read.parquet(target).count()} rows")


if __name__ == "__main__":
    main()
