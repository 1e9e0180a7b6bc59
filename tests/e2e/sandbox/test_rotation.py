"""Secrets that make new ones of themselves: what weir says of that is what boto3 is told."""

import pytest
from servers import Moto
from support import Stack


@pytest.mark.parametrize("where", ["cloud", pytest.param("shared_moto", marks=pytest.mark.long)])
def test_a_secret_that_rotates(tmp_path, request, where):
    """moto takes no rotation back of a secret that has no function: the rest of its life is the sandbox's."""
    cloud = request.getfixturevalue(where)
    stack, secrets = Stack(tmp_path / "stack", cloud), cloud.client("secretsmanager")

    def write(rotation):
        stack.write(f"stack: rotating\nresources:\n  s: {{type: aws.secretsmanager.secret, name: rotated-by-itself, secret_string: one-of-many, force_destroy: true{rotation}}}\n")

    def told():
        return secrets.describe_secret(SecretId="rotated-by-itself")

    write(", rotation: true, rotation_rules: {days: 30}")
    stack.apply()
    stack.assert_settled()
    assert told()["RotationEnabled"] and told()["RotationRules"]["AutomaticallyAfterDays"] == 30
    write(", rotation: true, rotation_rules: {days: 60}")
    assert stack.plan() == {"s": "update"}
    stack.apply()
    stack.assert_settled()
    assert told()["RotationRules"]["AutomaticallyAfterDays"] == 60
    secrets.rotate_secret(SecretId="rotated-by-itself", RotationRules={"AutomaticallyAfterDays": 7})
    assert stack.plan() == {"s": "update"}
    if not isinstance(cloud, Moto):
        secrets.cancel_rotate_secret(SecretId="rotated-by-itself")
        stack.apply()
        assert told()["RotationEnabled"] and told()["RotationRules"]["AutomaticallyAfterDays"] == 60
        write("")
        stack.apply()
        stack.assert_settled()
        assert not told()["RotationEnabled"]
    stack.destroy()
