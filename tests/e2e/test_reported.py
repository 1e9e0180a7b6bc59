"""What services report otherwise than a specification has it, as recorded answers of real accounts show."""

# An answer of DescribeEndpoints has it so, whatever CreateEndpoint was given.
UPPER = {"match": "DescribeEndpoints", "times": 1000, "answer": [['"source"', '"SOURCE"'], ['"verify-full"', '"VERIFY-FULL"']]}
ENDPOINT = """stack: reported
inputs: {host: db, type: source}
resources:
  end: {type: aws.dms.endpoint, name: reported, endpoint_type: "${inputs.type}", engine_name: postgres, server_name: "${inputs.host}", ssl_mode: verify-full, port: 5432, username: u, password: p}
"""


def test_enumerations_in_other_case(stack, cloud):
    """A difference of case alone would delete and create the endpoint with every apply."""
    stack.write(ENDPOINT)
    stack.apply()
    cloud.fail(UPPER)
    stack.assert_settled()
    stack.assert_settled("-i", "type=SOURCE")
    assert stack.run("drift").status == 0
    assert stack.plan("-i", "type=target") == {"end": "replace"}
    assert stack.plan("-i", "host=other") == {"end": "update"}


def test_enumerations_are_sent_as_the_service_spells_them(stack, cloud):
    stack.write(ENDPOINT)
    cloud.forget_requests()
    stack.apply("-i", "type=Source")
    assert [one["EndpointType"] for one in cloud.sent("CreateEndpoint")] == ["source"]
