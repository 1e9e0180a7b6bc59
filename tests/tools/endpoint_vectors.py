#!/usr/bin/env python3
"""Writes tests/unit/provider/aws/vectors/endpoints.json: hosts, signing regions and environment names as
botocore has them, for the services weir manages.

    tests/tools/endpoint_vectors.py > tests/unit/provider/aws/vectors/endpoints.json
"""
import json
import sys

import botocore.session

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
json.dump(rows, sys.stdout, indent=1)
print()
