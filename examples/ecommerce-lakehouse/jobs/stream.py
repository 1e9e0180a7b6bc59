"""
Orders from Kafka into bronze.orders, for as long as it is left running.

    --brokers     host:port,…
    --checkpoint  folder where it remembers how far it got: a restart loses nothing and repeats nothing
    --every       seconds between two looks at the topic
    --code        what it was started from …
    --wanted      … and the parameter of Systems Manager that says what is wanted: once that is something else, it ends
"""

import time

import lakehouse as lake

LOOK_S, PATIENCE_S = 10, 120


def wanted(parameter: str) -> str:
    import boto3

    return boto3.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]


def end(query) -> None:
    """After the batch that is being done, if that is soon; one that is broken off is done again by who comes next."""
    late = time.monotonic() + PATIENCE_S
    while query.status["isTriggerActive"] and time.monotonic() < late:
        time.sleep(0.1)
    query.stop()
    print("something else is wanted", flush=True)


def main() -> None:
    args = lake.arguments("brokers", "checkpoint", every="30", code=None, wanted=None)
    spark = lake.session("stream")
    query = lake.to_bronze(lake.Tables(spark, args.tables), args.brokers, ["orders"], args.checkpoint, processingTime=f"{args.every} seconds")
    print("reading", lake.topic("orders"), "with", args.code or "this code", flush=True)
    while not query.awaitTermination(LOOK_S):
        if args.wanted and wanted(args.wanted) != args.code:
            end(query)
            break
    spark.stop()


if __name__ == "__main__":
    main()
