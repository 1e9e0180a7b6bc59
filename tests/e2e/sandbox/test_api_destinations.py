"""EventBridge's connections and API destinations: what is secret is in a secret, and in no answer."""

import json

import pytest
from botocore.exceptions import ClientError

ENDPOINT = {"InvocationEndpoint": "https://example.com/api", "HttpMethod": "POST"}


def test_credentials_are_kept_in_a_secret(sandbox):
    events, secrets = sandbox.client("events"), sandbox.client("secretsmanager")
    made = events.create_connection(Name="shop", AuthorizationType="BASIC", AuthParameters={"BasicAuthParameters": {"Username": "u", "Password": "p"}})
    assert made["ConnectionState"] == "AUTHORIZED" and made["ConnectionArn"].startswith("arn:aws:events:us-east-1:000000000000:connection/shop/")
    told = events.describe_connection(Name="shop")
    assert told["AuthParameters"] == {"BasicAuthParameters": {"Username": "u"}}
    secret = secrets.get_secret_value(SecretId=told["SecretArn"])
    assert json.loads(secret["SecretString"]) == {"username": "u", "password": "p"} and told["SecretArn"].startswith("arn:aws:secretsmanager:us-east-1:000000000000:secret:" + secret["Name"] + "-")
    events.create_api_destination(Name="orders", ConnectionArn=made["ConnectionArn"], **ENDPOINT)
    shown = events.describe_api_destination(Name="orders")
    assert (shown["ApiDestinationState"], shown["InvocationRateLimitPerSecond"]) == ("ACTIVE", 300)
    assert events.delete_connection(Name="shop")["ConnectionState"] == "DELETING"
    with pytest.raises(ClientError, match="Connection 'shop' does not exist"):
        events.describe_connection(Name="shop")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        secrets.describe_secret(SecretId=told["SecretArn"])
    with pytest.raises(ClientError, match=r"2 validation errors detected: Value 'no-arn' at 'connectionArn' .*; Value 'ASK' at 'httpMethod' failed to satisfy constraint: Member must satisfy enum"):
        events.create_api_destination(Name="x", ConnectionArn="no-arn", **ENDPOINT | {"HttpMethod": "ASK"})


def test_a_secret_follows_its_connection(sandbox):
    """AWS's answer: the secret stays the same and has a new version."""
    events, secrets = sandbox.client("events"), sandbox.client("secretsmanager")

    def credentials(user):
        return {"BasicAuthParameters": {"Username": user, "Password": user + "-pass"}, "InvocationHttpParameters": {}}

    events.create_connection(Name="shop", AuthorizationType="BASIC", AuthParameters=credentials("old"))
    arn = events.describe_connection(Name="shop")["SecretArn"]
    before = secrets.get_secret_value(SecretId=arn)
    assert json.loads(before["SecretString"]) == {"username": "old", "password": "old-pass", "invocation_http_parameters": {}}
    events.update_connection(Name="shop", AuthParameters=credentials("new"))
    assert events.describe_connection(Name="shop")["SecretArn"] == arn
    after = secrets.get_secret_value(SecretId=arn)
    assert json.loads(after["SecretString"]) == {"username": "new", "password": "new-pass", "invocation_http_parameters": {}}
    assert after["VersionId"] != before["VersionId"] and after["VersionStages"] == ["AWSCURRENT"]
    events.update_connection(Name="shop", AuthorizationType="API_KEY", AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "k"}})
    assert json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"]) == {"api_key_name": "X-Key", "api_key_value": "k"}
