"""Trusted tables to the refined model: films of both sources, joined on their title.

    dim_nome_filme       names, overview    joined_df            the three, joined
    fact_popularidade    votes, popularity  aggregated_order_df  most votes and highest popularity by year and title, the latest first
    dim_tempo            years, dates

    --DATABASE  of tb_csv and tb_json in the data catalog; of tb_json the newest day counts
    --TARGET    folder for the tables above as Parquet
"""

import argparse

from awsglue.context import GlueContext
from pyspark.context import SparkContext
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

KEY = ["id_csv", "id_json"]


def refine(csv: DataFrame, json: DataFrame) -> dict[str, DataFrame]:
    """Names as the model has them; those of the catalog are all in lower case."""
    newest = json.agg(F.max("dia").alias("dia"))
    of_api = json.join(newest, "dia").select(F.col("id").alias("id_json"), F.col("title").alias("tituloPincipal"), "overview", "popularity", "release_date")
    films = csv.withColumnRenamed("id", "id_csv").join(of_api, "tituloPincipal")
    names = films.select(*KEY, "tituloPincipal", "genero", "overview").distinct()
    facts = films.select(*KEY, "notamedia", "numerovotos", "popularity").distinct()
    times = films.select(*KEY, "anolancamento", "release_date").distinct()
    joined = names.join(facts, KEY).join(times, KEY)
    aggregated = joined.groupBy("anolancamento", "tituloPincipal").agg(
        F.max("numerovotos").alias("maior_numero_votos_por_ano"), F.max("popularity").alias("maior_popularidade_por_ano"))
    return {
        "dim_nome_filme": names,
        "fact_popularidade": facts,
        "dim_tempo": times,
        "joined_df": joined.select("tituloPincipal", "genero", "notamedia", "numerovotos", "popularity", "anolancamento", "release_date", "overview"),
        "aggregated_order_df": aggregated.orderBy(F.desc("anolancamento"), F.desc("maior_popularidade_por_ano"), F.desc("maior_numero_votos_por_ano"), "tituloPincipal"),
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
