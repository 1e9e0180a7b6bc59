"""Raw CSV to trusted Parquet: horror films and series of all days' files, typed, each once.

    --SOURCE  folder with Movies/ and Series/, each with YYYY/M/D/*.csv below
    --TARGET  folder for the Parquet files, which are made anew

Glue passes job arguments on the command line, so the script also runs with plain spark-submit or python.
"""

import argparse
from collections import defaultdict
from functools import reduce

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

UNUSED = ("anoFalecimento", "profissao", "titulosMaisConhecidos", "personagem")
TYPES = {"id": "string", "anoLancamento": "int", "numeroVotos": "int", "anoNascimento": "int", "notaMedia": "float"}
FILM = ("id", "tituloPincipal", "anoLancamento", "genero", "notaMedia", "numeroVotos")
READ = (*FILM, "tituloOriginal", "tempoMinutos", "generoArtista", "nomeArtista", "anoNascimento", *UNUSED)
DAY = r"/(\d{4})/(\d{1,2})/(\d{1,2})/[^/]*$"


def read_days(spark: SparkSession, folder: str) -> DataFrame:
    """The columns of the table as text, by the names in each file's first line, with the day of the file; `\\N` is nothing, and a `"` is a character."""
    lines = spark.read.text(folder + "/*/*/*/*.csv").select("value", F.input_file_name().alias("file"), F.monotonically_increasing_id().alias("n"))
    files = defaultdict(list)
    for row in lines.groupBy("file").agg(F.min_by("value", "n").alias("first")).collect():
        files[row["first"]].append(row["file"])
    alike = [spark.read.csv(names, sep="|", header=True, quote="", nullValue="\\N", ignoreLeadingWhiteSpace=True, ignoreTrailingWhiteSpace=True) for names in files.values()]
    day = F.to_date(F.concat_ws("-", *(F.regexp_extract(F.input_file_name(), DAY, n) for n in (1, 2, 3))), "y-M-d")
    return reduce(DataFrame.unionByName, (rows.select(*READ, day.alias("day")) for rows in alike))


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("SOURCE", "TARGET"):
        parser.add_argument("--" + name, required=True)
    args, _ = parser.parse_known_args()

    spark = SparkSession.builder.appName("csv_to_trusted").getOrCreate()
    rows = read_days(spark, args.SOURCE + "/Movies").unionByName(read_days(spark, args.SOURCE + "/Series")).drop(*UNUSED)
    for column, kind in TYPES.items():
        rows = rows.withColumn(column, F.col(column).cast(kind))
    newest = Window.partitionBy("id").orderBy(F.desc("day"), *FILM)
    films = (
        rows.dropna()
        .withColumn("version", F.row_number().over(newest))
        .where("version = 1")
        .where(F.array_contains(F.split("genero", ","), "Horror"))
        .select(*FILM)
    )
    films.coalesce(1).write.mode("overwrite").parquet(args.TARGET)
    print(f"tb_csv: {spark.read.parquet(args.TARGET).count()} rows")


if __name__ == "__main__":
    main()
