"""What a stack costs: by the table of prices, with what is used, held to a budget; prices fetched as AWS gives them."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
import yaml
from botocore.session import get_session
from botocore.validate import ParamValidator

from support import ROOT

TABLE = yaml.safe_load((ROOT / "provider/aws/prices.yaml").read_text())
NAT = """
stack: costly
{head}
inputs: {{shards: 3, nat: true}}
resources:
  lake: {{type: aws.s3.bucket, name: costly-lake}}
  clicks: {{type: aws.kinesis.stream, name: costly, shard_count: "${{inputs.shards}}"}}
  key: {{type: aws.kms.key}}
  db: {{type: aws.rds.instance, name: costly, engine: postgres, instance_class: db.t3.micro, allocated_storage: 20, storage_type: gp3, multi_az: true,
       master_username: weir, master_user_password: "Swordfish-77-of-the-lake", skip_final_snapshot: true, when: "${{inputs.nat}}"}}
"""


def cost(stack, *args):
    return json.loads(stack.run("cost", "--json", *args).out)


def test_what_is_paid_for_being_there(local_stack):
    local_stack.write(NAT.format(head="usage: {lake: {gb: 500}, lost: {gb: 1}, clicks: {gb: 1}}"))
    bill = cost(local_stack)
    hours = {thing["address"]: thing["hour"] for thing in bill["resources"]}
    assert hours["clicks"] == pytest.approx(3 * 0.015) and hours["key"] * 730 == pytest.approx(1)
    assert hours["db"] == pytest.approx(2 * 0.018 + 2 * 20 * 0.115 / 730) and hours["lake"] * 730 == pytest.approx(500 * 0.023)
    assert bill["hour"] == pytest.approx(sum(hours.values())) and bill["month"] == pytest.approx(730 * bill["hour"])
    text = local_stack.run("cost").out
    assert f"{730 * bill['hour']:.2f}" in text and "thousand_writes" in text and "of us-east-1 of 2025-06-01" in text
    assert 'Usage of "lost" is not counted' in text and 'Usage of "clicks" is not counted: it pays for no "gb"' in text


def test_each_group_of_machines_is_a_line(local_stack):
    local_stack.write("""
        stack: costly
        resources:
          c: {type: aws.emr.cluster, name: c, release_label: emr-7.5.0, service_role: s, job_flow_role: j, instance_groups: {
              first: {instance_role: MASTER, instance_type: m5.xlarge, instance_count: 1}, data: {instance_role: CORE, instance_type: r5.xlarge, instance_count: 2, market: SPOT}}}
          f: {type: aws.emr.cluster, name: f, release_label: emr-7.5.0, service_role: s, job_flow_role: j, instance_fleets: {
              first: {instance_fleet_type: MASTER, target_on_demand_capacity: 4, instance_type_configs: [{instance_type: m5.xlarge, weighted_capacity: 2}]}}}
    """)
    hours = {thing["address"]: thing["hour"] for thing in cost(local_stack)["resources"]}
    assert hours == {"c": pytest.approx(0.192 + 0.048 + 2 * (0.252 + 0.063)), "f": pytest.approx(2 * (0.192 + 0.048))}
    assert "2 r5.xlarge at most" in local_stack.run("cost").out


def test_instances_of_a_group_cost_what_its_template_says(local_stack):
    local_stack.write('''
stack: costly
resources:
  template: {type: aws.ec2.launch_template, name: worker, image_id: ami-1, instance_type: t4g.micro}
  group: {type: aws.autoscaling.group, name: workers, min_size: 1, max_size: 9, desired_capacity: 3, launch_template: {id: "${template.launch_template_id}"}, subnet_ids: [subnet-1]}
  least: {type: aws.autoscaling.group, name: more, min_size: 2, max_size: 9, launch_template: {name: elsewhere}, subnet_ids: [subnet-1]}
''')
    bill = cost(local_stack)
    things = {thing["address"]: thing for thing in bill["resources"]}
    assert things["group"]["hour"] == pytest.approx(3 * 0.0084) and things["group"]["charges"][0]["what"] == "3 x t4g.micro"
    assert things["least"]["charges"][0]["kind"] == "unknown"


def test_a_budget_is_held(stack):
    stack.write(NAT.format(head="budget: 2 USD/day"))
    refused = stack.run("plan", "--cost", "-i", "nat=false", "-i", "shards=9", status=3)
    assert "would cost 3.27 USD a day (0.00 now), and the budget of costly is 2 USD/day" in refused.err and "the dearest is clicks" in refused.err
    stack.run("apply", "-y", "-i", "nat=false", "-i", "shards=9", status=3)
    assert stack.addresses() == []
    stack.apply("-i", "nat=false", "-i", "shards=5")
    stack.write(NAT.format(head="budget: 1 USD/day"))
    told = stack.run("plan", "--cost", "-i", "nat=false", "-i", "shards=4").out  # beyond it, but less than now
    assert "-10.95  clicks" in told and "55.75 USD a month now, 44.80 after this" in told
    stack.run("plan", "-i", "nat=false", "-i", "shards=6", status=3)
    events = [json.loads(line) for line in stack.run("plan", "--cost", "--json", "--destroy", "-i", "nat=false").out.splitlines()]
    assert events[-1]["event"] == "cost" and events[-1]["hour_after"] == 0
    assert "not count" not in stack.run("plan", "-i", "nat=false", "-i", "shards=4").err
    stack.destroy("-i", "nat=false")


def test_what_a_budget_cannot_count(local_stack):
    """Of what has no price nobody may believe that it is within the budget."""
    text = "stack: x\nbudget: 1 USD/day\nresources:\n  db: {type: aws.rds.instance, name: x-db, engine: postgres, engine_version: '16', instance_class: db.%s, allocated_storage: 20, master_username: weir, manage_master_user_password: true}\n"
    told = local_stack.write(text % "x9.dear").run("plan", "--sandbox").err
    assert "warning: the budget does not count db (no price of db.x9.dear)" in told, told
    assert "not count" not in local_stack.write(text % "t4g.micro").run("plan", "--sandbox").err


def test_a_fleet_is_counted_for_all(local_stack):
    local_stack.write('stack: class\nfleet: {each: [ana, ben, eva], inputs: {who: "${each.key}"}}\ninputs: {who: null}\nresources:\n'
                      '  secret: {type: aws.secretsmanager.secret, name: "${inputs.who}/x", secret_string: x}\n')
    assert cost(local_stack)["members"] == 3 and re.search(r"3 members +0.0016 +1.20", local_stack.run("cost").out)
    assert cost(local_stack, "-e", "ana")["members"] == 1


def test_a_fleets_budget_is_that_of_all(local_stack):
    """Each member by itself keeps to it; what is there already may stay, and what is not worked on does not count."""
    local_stack.write("""
        stack: class
        budget: 10 USD/month
        inputs: {owner: {type: string}}
        fleet: {each: [ada, bob, eve], inputs: {owner: "${each.key}"}}
        resources: {door: {type: aws.ec2.elastic_ip, tags: {of: "${inputs.owner}"}}}
    """)
    assert "3 members together go beyond that" in local_stack.run("cost").out
    shown = local_stack.run("fleet", "plan", "--cost", "--sandbox", status=3)
    assert "10.95 after this (+10.95)" in shown.out and "+3.65  bob" in shown.out
    assert "this would cost 10.95 USD a month (0.00 now), and the budget of class is 10 USD/month" in shown.err
    assert "10.95 USD a month" in local_stack.run("fleet", "apply", "-y", "--sandbox", status=3).err
    local_stack.run("fleet", "apply", "-y", "--sandbox", "ada", "bob")
    hours = [(event["member"], event["hour_now"], event["hour_after"]) for event in local_stack.run("fleet", "plan", "--cost", "--json", "--sandbox", status=3).events() if event["event"] == "cost"]
    assert hours == [("ada", 0.005, 0.005), ("bob", 0.005, 0.005), ("eve", 0, 0.005)]
    local_stack.run("fleet", "destroy", "-y", "--sandbox")


@pytest.mark.parametrize("text", ["20 EUR/day", "20/day", "USD/day", "20 USD/decade", "-1 USD/day", "nan USD/day"])
def test_what_is_no_budget(local_stack, text):
    local_stack.write(f'stack: x\nbudget: "{text}"\nresources: {{}}\n')
    assert "this is no budget" in local_stack.run("validate", status=3).err


def test_every_rule_of_the_table(local_stack, weir_docs_examples):
    """Each type's own example has a price in each line that its rules name; types and prices that nobody knows do not stand there."""
    named = {rule["price"] for rules in TABLE["types"].values() for rule in rules}
    assert {name for name in named if not name.startswith("${")} <= set(TABLE["prices"])
    examples = weir_docs_examples(TABLE["types"])
    assert set(examples) == set(TABLE["types"])
    for name, example in examples.items():
        local_stack.write("stack: x\nresources:\n  it:\n" + "".join(f"    {line}\n" for line in example.splitlines()))
        found = cost(local_stack)["resources"][0]
        assert found["price"] == "priced" and found["charges"] is not None, name
        for charge in found["charges"]:
            assert charge["what"] != "it" and charge["kind"] != "unknown", (name, charge)


@pytest.fixture
def weir_docs_examples(local_stack):
    def examples(types):
        text = {name: local_stack.run("docs", name, "--format", "markdown").out for name in types}
        return {name: re.sub(r"\$\{[^}]*}", "x", page.split("```yaml\n")[1].split("```")[0]) for name, page in text.items() if "```yaml\n" in page}
    return examples


# ---- fetching ----

def product(attributes, unit, usd):
    dimension = {"unit": unit, "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": usd}}
    return json.dumps({"product": {"attributes": attributes, "sku": "X"}, "serviceCode": "S", "terms": {"OnDemand": {"X.Y": {"priceDimensions": {"X.Y.Z": dimension}}}}})


class Prices(BaseHTTPRequestHandler):
    """GetProducts of AWS's price list: what may be asked is what botocore's model has."""

    model = get_session().get_service_model("pricing").operation_model("GetProducts").input_shape
    asked = []

    def do_POST(self):
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert not ParamValidator().validate(query, self.model).has_errors() and self.headers["X-Amz-Target"] == "AWSPriceListService.GetProducts"
        assert "/us-east-1/pricing/aws4_request" in self.headers["Authorization"]
        fields = {each["Field"]: each["Value"] for each in query["Filters"]}
        self.asked.append((query["ServiceCode"], fields))
        answer = {"FormatVersion": "aws_v1", "PriceList": []}
        if query["ServiceCode"] == "AmazonEC2" and fields.get("operation") == "NatGateway":
            answer["PriceList"] = [product(fields, "GB", "0.1"), product(fields, "Hrs", "0.052")]
        if fields.get("databaseEngine") == "PostgreSQL" and "NextToken" not in query:
            answer |= {"PriceList": [product({"instanceType": "db.t3.micro"}, "Hrs", "0.02")], "NextToken": "more"}
        elif fields.get("databaseEngine") == "PostgreSQL":
            answer["PriceList"] = [product({"instanceType": "db.t3.small"}, "Hrs", "0.04"), product({"instanceType": "db.t3.free"}, "Hrs", "0")]
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_prices_are_fetched(local_stack):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Prices)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        client = boto3.client("pricing", endpoint_url=url, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        query = [{"Type": "TERM_MATCH", "Field": "databaseEngine", "Value": "PostgreSQL"}]
        pages = list(client.get_paginator("get_products").paginate(ServiceCode="AmazonRDS", Filters=query))
        assert sum(len(page["PriceList"]) for page in pages) == 3  # the server answers as boto3 reads it
        local_stack.write(NAT.format(head=""))
        local_stack.env |= {"AWS_ENDPOINT_URL_PRICING": url, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        done = local_stack.run("cost", "update", "--region", "eu-west-1")
        asked = [name for name, price in TABLE["prices"].items() if "of" in price]
        assert f"3 of {len(asked)} prices" in done.err
        assert {fields["regionCode"] for _, fields in Prices.asked[2:]} == {"eu-west-1"}
        bill = cost(local_stack)
        hours = {thing["address"]: thing["hour"] for thing in bill["resources"]}
        assert bill["region"] == "eu-west-1" and hours["db"] == pytest.approx(2 * 0.02 + 2 * 20 * 0.115 / 730)
    finally:
        server.shutdown()
    (local_stack.folder / ".weir/prices.json").write_text("[1]")
    assert "is no table of prices" in local_stack.run("cost", status=1).err


SAME = {  # the same things in weir's words and in CloudFormation's
    "nat": ({"type": "aws.ec2.nat_gateway", "subnet_id": "subnet-1", "allocation_id": "eipalloc-1"}, {"type": "AWS::EC2::NatGateway", "SubnetId": "subnet-1", "AllocationId": "eipalloc-1"}),
    "machine": ({"type": "aws.ec2.instance", "image_id": "ami-1", "instance_type": "t3.large", "block_device_mappings": [{"device_name": "/dev/xvda", "volume_size": 100, "volume_type": "gp2"}]},
                {"type": "AWS::EC2::Instance", "ImageId": "ami-1", "InstanceType": "t3.large", "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 100, "VolumeType": "gp2"}}]}),
    "endpoint": ({"type": "aws.ec2.vpc_endpoint", "vpc_id": "vpc-1", "service_name": "x", "vpc_endpoint_type": "Interface", "subnet_ids": ["a", "b"]},
                 {"type": "AWS::EC2::VPCEndpoint", "VpcId": "vpc-1", "ServiceName": "x", "VpcEndpointType": "Interface", "SubnetIds": ["a", "b"]}),
    "db": ({"type": "aws.rds.instance", "name": "d", "engine": "postgres", "instance_class": "db.t3.micro", "allocated_storage": 20, "storage_type": "gp3", "multi_az": True, "master_username": "u"},
           {"type": "AWS::RDS::DBInstance", "Engine": "postgres", "DBInstanceClass": "db.t3.micro", "AllocatedStorage": "20", "StorageType": "gp3", "MultiAZ": True}),
    "warehouse": ({"type": "aws.redshift.cluster", "name": "w", "node_type": "ra3.large", "cluster_type": "multi-node", "number_of_nodes": 2, "master_username": "u"},
                  {"type": "AWS::Redshift::Cluster", "NodeType": "ra3.large", "NumberOfNodes": 2, "ClusterType": "multi-node", "DBName": "d", "MasterUsername": "u"}),
    "brokers": ({"type": "aws.kafka.cluster", "name": "k", "kafka_version": "3.6.0", "number_of_broker_nodes": 3, "instance_type": "kafka.t3.small", "volume_size": 50, "client_subnets": ["a", "b", "c"]},
                {"type": "AWS::MSK::Cluster", "ClusterName": "k", "KafkaVersion": "3.6.0", "NumberOfBrokerNodes": 3,
                 "BrokerNodeGroupInfo": {"InstanceType": "kafka.t3.small", "ClientSubnets": ["a"], "StorageInfo": {"EBSStorageInfo": {"VolumeSize": 50}}}}),
    "clicks": ({"type": "aws.kinesis.stream", "name": "c", "shard_count": 4}, {"type": "AWS::Kinesis::Stream", "ShardCount": 4}),
    "table": ({"type": "aws.dynamodb.table", "name": "ttt", "key_schema": [{"attribute_name": "a", "key_type": "HASH"}], "attribute_definitions": {"a": "S"}, "billing_mode": "PROVISIONED", "read_capacity": 5, "write_capacity": 7},
              {"type": "AWS::DynamoDB::Table", "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}], "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 7}}),
    "template": ({"type": "aws.ec2.launch_template", "name": "lll", "image_id": "ami-1", "instance_type": "t4g.micro"}, {"type": "AWS::EC2::LaunchTemplate", "LaunchTemplateData": {"ImageId": "ami-1", "InstanceType": "t4g.micro"}}),
    "group": ({"type": "aws.autoscaling.group", "name": "g", "min_size": 1, "max_size": 9, "desired_capacity": 3, "launch_template": {"id": "${template.launch_template_id}"}, "subnet_ids": ["a"]},
              {"type": "AWS::AutoScaling::AutoScalingGroup", "MinSize": "1", "MaxSize": "9", "DesiredCapacity": "3", "LaunchTemplate": {"LaunchTemplateId": "${template.LaunchTemplateId}", "Version": "1"}, "VPCZoneIdentifier": ["a"]}),
    "airflow": ({"type": "aws.mwaa.environment", "name": "m", "environment_class": "mw1.medium", "min_workers": 3, "dag_s3_path": "dags", "source_bucket": "arn:aws:s3:::b", "execution_role": "arn:aws:iam::123456789012:role/r", "subnet_ids": ["subnet-a", "subnet-b"], "security_group_ids": ["sg-a"]},
                {"type": "AWS::MWAA::Environment", "Name": "m", "EnvironmentClass": "mw1.medium", "MinWorkers": 3}),
    "door": ({"type": "aws.elbv2.load_balancer", "name": "d", "kind": "network", "subnets": ["a", "b"]}, {"type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Type": "network", "Subnets": ["a", "b"]}),
    "sftp": ({"type": "aws.transfer.server", "protocols": ["SFTP", "FTPS"]}, {"type": "AWS::Transfer::Server", "Protocols": ["SFTP", "FTPS"]}),
    "setting": ({"type": "aws.ssm.parameter", "name": "/a", "parameter_type": "String", "value": "v", "tier": "Advanced"}, {"type": "AWS::SSM::Parameter", "Type": "String", "Value": "v", "Tier": "Advanced"}),
    "lake": ({"type": "aws.s3.bucket", "name": "costly-lake"}, {"type": "AWS::S3::Bucket"}),
    "role": ({"type": "aws.iam.instance_profile", "name": "r"}, {"type": "AWS::IAM::InstanceProfile", "Roles": ["r"]}),
}


def test_it_costs_the_same_in_the_words_of_cloudformation(local_stack):
    bills = []
    for way in 0, 1:
        local_stack.write(json.dumps({"stack": "costly", "usage": {"lake": {"gb": 500}}, "resources": {name: both[way] for name, both in SAME.items()}}))
        bills.append({thing["address"]: (thing["hour"], thing["charges"]) for thing in cost(local_stack)["resources"]})
    ours, theirs = bills
    assert theirs == ours and all(ours[name][0] > 0 for name in ours if name not in ("template", "role", "nat")) and ours["group"][0] == pytest.approx(3 * 0.0084)
    assert "known after apply" not in json.dumps(ours)


def test_what_prices_ask_for_is_there_in_cloudformation():
    """Whoever adds a price whose expressions ask for attributes says what CloudFormation calls them."""
    not_driven = {"aws.emr.cluster", "aws.dms.replication_instance", "aws.rds.snapshot"}  # by the Cloud Control API
    for name, lines in TABLE["types"].items():
        texts = " ".join(str(value) for line in lines for value in line.values())
        asked = {word for inside in re.findall(r"\$\{(.*?)\}", texts) for word in re.findall(r"(?<![\"'.\w])[a-z]+_[a-z_]+\b(?!\()|\bengine\b|\btier\b|\bprotocols\b", inside)}
        said = TABLE["cloudformation"].get(name, {})
        assert name in not_driven or asked - set(said) == set(), (name, asked - set(said))


def test_a_stack_with_mistakes_has_no_bill(local_stack):
    local_stack.write("stack: wrong\nresources:\n  db: {type: aws.rds.instance, name: wrong, engine: postgres, instance_class: db.t3.micro, allocated_storage: 20}\n")
    done = local_stack.run("cost", status=3)
    assert "needs allocated_storage and master_username" in done.err and "weir.yaml:3:3" in done.err and not done.out, done
