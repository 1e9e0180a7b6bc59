"""Events of the shop from Kafka into bronze.events, for as long as it is left running.

    --brokers      host:port,…; with "files:DIR" JSON lines in a folder take Kafka's place, and it ends when all are read
    --topic        name of the topic
    --checkpoint   folder where it remembers how far it got, so that a restart loses nothing and repeats nothing
    --code         its own script: it ends when that has changed, so that the state machine starts the new one
"""

import lakehouse as lake
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

IAM = {
    "kafka.security.protocol": "SASL_SSL",
    "kafka.sasl.mechanism": "AWS_MSK_IAM",
    "kafka.sasl.jaas.config": "software.amazon.msk.auth.iam.IAMLoginModule required;",
    "kafka.sasl.client.callback.handler.class": "software.amazon.msk.auth.iam.IAMClientCallbackHandler",
}


LOOK_S = 60


def written_at(spark: SparkSession, url: str) -> int:
    path = spark._jvm.org.apache.hadoop.fs.Path(url)
    return path.getFileSystem(spark._jsc.hadoopConfiguration()).getFileStatus(path).getModificationTime()


def main() -> None:
    args = lake.arguments("brokers", "topic", "checkpoint", code=None)
    spark = lake.session("stream")
    tables = lake.Tables(spark, args)
    if args.brokers.startswith("files:"):
        source = spark.readStream.text(args.brokers.removeprefix("files:"))
    else:
        kafka = {"kafka.bootstrap.servers": args.brokers, "subscribe": args.topic, "startingOffsets": "earliest", **IAM}
        source = spark.readStream.format("kafka").options(**kafka).load().select(F.col("value").cast("string"))

    def keep(rows: DataFrame, _: int) -> None:
        events = rows.select(F.from_json("value", lake.EVENT).alias("e")).select("e.*").where("event_id is not null")
        tables.append("bronze.events", events)

    query = source.writeStream.foreachBatch(keep).option("checkpointLocation", args.checkpoint)
    if args.brokers.startswith("files:"):
        query = query.trigger(availableNow=True)
    else:
        query = query.trigger(processingTime="1 minute")
    code = args.code and written_at(spark, args.code)
    running = query.start()
    while not running.awaitTermination(LOOK_S):
        if args.code and written_at(spark, args.code) != code:
            running.stop()


if __name__ == "__main__":
    main()
