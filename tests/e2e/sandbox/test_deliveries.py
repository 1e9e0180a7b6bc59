"""Destinations of other accounts' filters, and deliveries of AWS's own logs: they are records."""

import json

from servers import code

BUCKET = {"destinationResourceArn": "arn:aws:s3:::lake"}


def test_what_is_delivered_where(sandbox):
    logs = sandbox.client("logs")
    logs.put_delivery_destination(name="lake", outputFormat="json", deliveryDestinationConfiguration=BUCKET)
    told = logs.get_delivery_destination(name="lake")["deliveryDestination"]
    assert (told["deliveryDestinationType"], told["outputFormat"], told["deliveryDestinationConfiguration"]) == ("S3", "json", BUCKET)
    assert [one["deliveryDestinationType"] for one in logs.describe_delivery_destinations()["deliveryDestinations"]] == ["S3"]
    assert code(logs.put_delivery_destination, name="other", outputFormat="words", deliveryDestinationConfiguration=BUCKET) == "ValidationException"
    made = logs.put_delivery_source(name="pages", logType="ACCESS_LOGS", resourceArn="arn:aws:cloudfront::123456789012:distribution/E1")["deliverySource"]
    assert made["service"] == "cloudfront" and made["resourceArns"] == ["arn:aws:cloudfront::123456789012:distribution/E1"]
    for kind in ("delivery_source", "delivery_destination"):
        getattr(logs, f"delete_{kind}")(name={"delivery_source": "pages", "delivery_destination": "lake"}[kind])
        assert code(getattr(logs, f"get_{kind}"), name="lake") == "ResourceNotFoundException"


def test_a_destination(sandbox):
    logs, role = sandbox.client("logs"), "arn:aws:iam::123456789012:role/logs"
    made = logs.put_destination(destinationName="all", targetArn="arn:aws:kinesis:us-east-1:123456789012:stream/all", roleArn=role, tags={"team": "a"})["destination"]
    logs.put_destination_policy(destinationName="all", accessPolicy=json.dumps({"Version": "2012-10-17", "Statement": []}))
    told = logs.describe_destinations(DestinationNamePrefix="al")["destinations"]
    assert [(one["arn"], one["roleArn"], json.loads(one["accessPolicy"])["Statement"]) for one in told] == [(made["arn"], role, [])]
    assert logs.list_tags_for_resource(resourceArn=made["arn"])["tags"] == {"team": "a"}
    logs.delete_destination(destinationName="all")
    assert not logs.describe_destinations()["destinations"]
