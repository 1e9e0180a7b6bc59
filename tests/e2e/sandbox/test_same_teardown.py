"""Teardown as on moto (tests/e2e/test_teardown.py), and what only the sandbox has: network interfaces that linger."""

import pytest

from test_teardown import (  # noqa: F401
    EMPTY_ZIP, FUNCTION, bucket_with_versions_and_markers, test_adopted_is_refused, test_foreign_marks_are_refused, test_last_snapshot_is_told_of,
    test_log_group_survives_a_replacement, test_log_groups_of_services_go, test_managed_log_group_of_another_stack_stays, test_markdown_tells_what_goes,
    test_protected_databases, test_secrets, test_verify_after_destroy, test_verify_does_not_take_others_names,
    test_verify_finds_what_bears_the_marks, test_verify_finds_what_bears_the_name, test_what_the_stack_says_now_counts,
)

NETWORK = FUNCTION.replace("handler: f.handler,", "handler: f.handler, vpc_config: {subnet_ids: ['${subnet.subnet_id}'], security_group_ids: ['${group.group_id}']},") + """
      vpc: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}
      subnet: {type: aws.ec2.subnet, vpc_id: '${vpc.vpc_id}', cidr_block: 10.0.1.0/24}
      group: {type: aws.ec2.security_group, name: lab, description: lab, vpc_id: '${vpc.vpc_id}'}
"""


@pytest.mark.full
def test_bucket_with_versions_and_markers(stack, cloud):
    bucket_with_versions_and_markers(stack, cloud)


def test_function_in_a_network(stack, cloud):
    """Its interfaces outlive it; group and subnet wait for them, and the network for both."""
    stack.write(EMPTY_ZIP, "f.zip").write(NETWORK).apply()
    order = [event["address"] for event in stack.destroy("--json").events() if event["event"] == "done"]
    assert order.index("f") < min(order.index("group"), order.index("subnet"))
    assert order.index("vpc") > max(order.index("group"), order.index("subnet"))
    ec2 = cloud.client("ec2")
    assert ec2.describe_vpcs()["Vpcs"] == [] and ec2.describe_security_groups()["SecurityGroups"] == []
