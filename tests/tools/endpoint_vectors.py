#!/usr/bin/env python3
"""Writes tests/unit/provider/aws/vectors/endpoints.json: hosts, signing regions and environment names as
botocore has them, for the services weir manages.

    tests/tools/endpoint_vectors.py > tests/unit/provider/aws/vectors/endpoints.json
"""
import json

import botocore.session
from botocore.endpoint_provider import EndpointProvider

SERVICES = """athena batch cloudwatch dynamodb ec2 ecr ecs efs elbv2 emr-serverless events glue grafana iam kafka
kms lambda logs mwaa rds redshift redshift-serverless resourcegroupstaggingapi s3 scheduler
secretsmanager sns sqs ssm stepfunctions sts""".split()
REGIONS = ["us-east-1", "eu-west-1", "ap-northeast-2", "cn-north-1", "cn-northwest-1", "us-gov-west-1"]

session = botocore.session.get_session()
endpoints = session.get_component("endpoint_resolver")
rows = []
for service in SERVICES:
    model = session.get_service_model(service)
    prefix = model.endpoint_prefix
    for region in REGIONS:
        found = endpoints.construct_endpoint(prefix, region)
        scope = found.get("credentialScope", {})
        host = found.get("sslCommonName") or found["hostname"]
        if service in ("sqs", "rds"):  # their certificates are shared; the hosts are not
            host = found["hostname"]
        if service == "sts" and region == "us-east-1":
            host = "sts.us-east-1.amazonaws.com"  # sts_regional_endpoints: regional
        if service == "s3" and region == "us-east-1":
            host = "s3.us-east-1.amazonaws.com"
        env = "AWS_ENDPOINT_URL_" + model.service_id.replace(" ", "_").replace("-", "_").upper()
        rows.append(dict(service=service, prefix=prefix, region=region, host=host, env=env,
                         is_global=found.get("endpointName", "").endswith("-global"),
                         signing_region=scope.get("region", region)))

# Hosts with IPv6 and FIPS are those of the endpoint rules. China has no FIPS endpoints, Cognito only in America; the rules have names for them all the same.
RULED = """apigateway application-autoscaling autoscaling cloudtrail cognito-idp dms emr firehose kinesis lakeformation pipes
redshift-data route53 s3tables transfer wafv2""".split()
loader = session.get_component("data_loader")
partitions = loader.load_data("partitions")
for service in sorted({*SERVICES, *RULED}):
    model = session.get_service_model(service)
    rules = EndpointProvider(loader.load_service_model(service, "endpoint-rule-set-1"), partitions)
    for region in REGIONS:
        for fips, dual in ((True, False), (False, True), (True, True)):
            if fips and region.startswith("cn-") or (service == "cognito-idp" and fips and region[:3] != "us-"):
                continue
            found = rules.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dual)
            scheme = (found.properties.get("authSchemes") or [{}])[0]
            rows.append(dict(service=service, prefix=model.endpoint_prefix, region=region, host=found.url.removeprefix("https://"), fips=fips, dual=dual,
                             is_global=service in ("iam", "route53"), is_s3=service == "s3", signing_region=scheme.get("signingRegion", region)))
print("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]")
