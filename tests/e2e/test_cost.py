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
    (use,) = [charge for thing in bill["resources"] if thing["address"] == "lake" for charge in thing["charges"] if charge.get("usage") == "gb"]
    assert use["configured"] and not any(charge.get("configured") for thing in bill["resources"] if thing["address"] != "lake" for charge in thing["charges"])
    text = local_stack.run("cost").out
    assert f"{730 * bill['hour']:.2f}" in text and "thousand_writes" in text and "of us-east-1 of 2025-06-01" in text
    assert 'Usage of "lost" is not counted' in text and 'Usage of "clicks" is not counted: it has no charge for "gb"' in text


def test_each_group_of_machines_is_a_line(local_stack):
    local_stack.write("""
        stack: costly
        resources:
          c: {type: aws.emr.cluster, name: c, release_label: emr-7.5.0, service_role: s, job_flow_role: j, instance_groups: {
              first: {instance_role: MASTER, instance_type: m5.xlarge, instance_count: 1}, data: {instance_role: CORE, instance_type: r5.xlarge, instance_count: 2, market: SPOT}}}
          f: {type: aws.emr.cluster, name: f, release_label: emr-7.5.0, service_role: s, job_flow_role: j, instance_fleets: {
              first: {instance_fleet_type: MASTER, target_on_demand_capacity: 4, instance_type_configs: [{instance_type: m5.xlarge, weighted_capacity: 2}]}}}
          one_shard: {type: aws.kinesis.stream, name: one}
          on_demand: {type: aws.kinesis.stream, name: many, mode: ON_DEMAND}
    """)
    hours = {thing["address"]: thing["hour"] for thing in cost(local_stack)["resources"]}
    assert hours == {"c": pytest.approx(0.192 + 0.048 + 2 * (0.252 + 0.063)), "f": pytest.approx(2 * (0.192 + 0.048)), "one_shard": 0.015, "on_demand": 0.04}
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
    stack.destroy("-i", "nat=false")


def unpriced(name, what):
    return f"cannot be kept to: nobody knows what {name} ({what}) costs"


DB = """
stack: x
{head}
resources:
  db: {{type: aws.rds.instance, name: x-db, engine: postgres, instance_class: db.{size}, allocated_storage: 20, master_username: weir, manage_master_user_password: true, skip_final_snapshot: true}}
{more}
"""


@pytest.mark.full
def test_what_has_no_price_is_not_within_a_budget(local_stack):
    """Unknown is not zero: new, or as a change of what had a price; neither cheaper nor dearer. What the stack says instead counts."""
    def write(size, head="budget: 5 USD/day", more=""):
        return local_stack.write(DB.format(head=head, size=size, more=more))

    dear = unpriced("db", "db.x9.dear: no price of db.x9.dear")
    refused = write("x9.dear").run("plan", "--cost", "--sandbox", status=3)
    assert dear in refused.err and "weir cost update" in refused.err and "usage: {ADDRESS: {usd_per_hour: 1.25}}" in refused.err and "plan: the budget of x, 5 USD/day" in refused.err and "--> weir.yaml:3:9" in refused.err
    assert "not counted  db, db.x9.dear: no price of db.x9.dear" in refused.out, refused.out
    assert dear in local_stack.run("apply", "-y", "--sandbox", status=3).err and not local_stack.run("state", "list", "--sandbox").out
    write("t3.micro").run("apply", "-y", "--sandbox")
    assert dear in write("x9.dear").run("apply", "-y", "--sandbox", status=3).err  # larger, and by what is known cheaper
    assert "t3.micro" in local_stack.run("state", "show", "db", "--sandbox").out
    over = write("x9.dear", "budget: 5 USD/day\nusage: {db: {usd_per_hour: 9.5}}").run("apply", "-y", "--sandbox", status=3)
    assert "this would cost 228.00 USD a day (0.51 now)" in over.err, over.err
    other = '  thing: {type: http.resource, provider: http, path: /x}'
    told = write("t3.micro", 'budget: 5 USD/day\nproviders: {http: {url: "http://127.0.0.1:9"}}', other).run("cost").out
    assert "No price is known of thing (http.resource)" in told and "plan and apply refuse them" in told
    write("x9.dear", "budget: 300 USD/day\nusage: {db: {usd_per_hour: 9.5}}").run("apply", "-y", "--sandbox")
    assert "No changes" in local_stack.run("plan", "--sandbox").out
    assert "No changes" in write("x9.dear").run("plan", "--sandbox").out  # nothing to be refused
    assert "no price of db.x9.dear" in write("x9.dear", "").run("cost").out
    local_stack.run("destroy", "-y", "--sandbox")


@pytest.mark.full
def test_a_budget_is_a_rule(local_stack):
    """Listed, waived, a warning, to be agreed to; and one that is not strict counts what has no price as nothing."""
    def write(head, size="x9.dear"):
        return local_stack.write(DB.format(head=head, size=size, more=""))

    assert "max(0.208333333333, plan.cost.hour_now) >= plan.cost.hour" in write("budget: 5 USD/day").run("rules", "budget").out
    lax = write("budget: {limit: 0.001 USD/hour, strict: false}").run("plan", "--sandbox", status=3)
    assert "would cost 0.00 USD an hour (0.00 now), and the budget of x is 0.001 USD/hour" in lax.err, lax
    write("budget: {limit: 5 USD/day, strict: false}").run("plan", "--sandbox")
    assert "warning: plan: the budget of x, 5 USD/day, cannot be kept to" in write("budget: {limit: 5 USD/day, level: warning}").run("plan", "--sandbox").err
    waived = "budget: 5 USD/day\nrules: {waive: [{rule: budget, for: plan, reason: a fair, until: 2099-01-01}]}"
    assert "waived  plan: the budget of x" in write(waived).run("plan", "--sandbox").out
    agreed = write("budget: {limit: 0.1 USD/day, level: approval}", "t3.micro")
    assert "wants approval  plan: this would cost 0.51 USD a day" in agreed.run("plan", "--sandbox").out
    assert "--approve budget --reason TEXT" in agreed.run("apply", "-y", "--sandbox", status=3).err
    agreed.run("apply", "-y", "--sandbox", "--approve", "budget", "--reason", "agreed")
    agreed.run("destroy", "-y", "--sandbox")


@pytest.mark.parametrize("budget, says", [("{level: error}", "this budget has no `limit`"), ("{limit: 3 USD/day, strict: maybe}", '"strict"'), ("{limit: 3 USD/day, leve: error}", 'did you mean "level"'), ("{limit: 3 USD/day, level: eror}", 'did you mean "error"')])
def test_what_is_no_map_of_a_budget(local_stack, budget, says):
    assert says in local_stack.write(f"stack: x\nbudget: {budget}\nresources: {{}}\n").run("validate", status=3).err


def test_a_type_without_a_price_is_not_within_a_budget(local_stack):
    stack = local_stack.write('stack: x\nbudget: 1 USD/day\nresources:\n  it: {type: "AWS::Kendra::Index", Name: x, Edition: DEVELOPER_EDITION, RoleArn: "arn:aws:iam::123456789012:role/x"}\n')
    assert unpriced("it", "no price of AWS::Kendra::Index") in stack.run("plan", "--sandbox", status=3).err


@pytest.mark.parametrize("given, hourly", [
    ("type: aws.rds.instance, name: x, engine: sqlserver-ex, instance_class: db.t3.micro, allocated_storage: 20, master_username: weir", None),
    ("type: aws.rds.instance, name: x, engine: postgres, instance_class: db.t3.micro, allocated_storage: 100, storage_type: io1, iops: 1000, master_username: weir, master_user_password: long-enough", 0.018 + (12.5 + 100) / 730),
    ("type: aws.rds.cluster, name: x, engine: postgres, instance_class: db.r6gd.large, allocated_storage: 100, iops: 1000, storage_type: io1, master_username: weir", None),
    ("type: aws.rds.cluster, name: x, engine: aurora-postgresql, master_username: weir", 0),
    ("type: aws.rds.instance, name: x, engine: aurora-postgresql, instance_class: db.r5.large, cluster: elsewhere", 0.29),
    ("type: aws.rds.instance, name: x, engine: aurora-postgresql, instance_class: db.serverless, cluster: elsewhere", None),
    ("type: aws.ec2.instance, image_id: ami-1, instance_type: t3.nano, block_device_mappings: [{device_name: /dev/xvda, volume_size: 100, volume_type: io1, iops: 2000}]", 0.0052 + (12.5 + 130) / 730),
    ("type: aws.batch.compute_environment, name: x, kind: EC2, min_vcpus: 64, max_vcpus: 64, subnets: [subnet-1], security_group_ids: [sg-1]", None),
    ("type: aws.ecs.service, cluster: c, name: x, task_definition: elsewhere, launch_type: FARGATE, desired_count: 50", None),
    ("type: aws.ecs.service, cluster: c, name: x, task_definition: elsewhere, launch_type: EC2, desired_count: 50", 0),
])
def test_what_costs_for_being_there_is_not_free(local_stack, given, hourly):
    """What another table would take for nothing, or for something else, has its price or is known to have none."""
    local_stack.write(f"stack: x\nresources:\n  it: {{{given}}}\n")
    thing = cost(local_stack)["resources"][0]
    if hourly is None:
        assert any(charge["kind"] == "unknown" for charge in thing["charges"]), thing
    else:
        assert thing["price"] == "priced" and thing["hour"] == pytest.approx(hourly) and not any(charge["kind"] == "unknown" for charge in thing["charges"]), thing


def test_what_its_neighbours_say_is_counted(local_stack):
    local_stack.write("""
        stack: x
        resources:
          aurora: {type: aws.rds.cluster, name: x, engine: aurora-postgresql, master_username: weir, serverless_v2_scaling: {min_capacity: 4, max_capacity: 8}}
          server: {type: aws.rds.instance, name: x-1, engine: aurora-postgresql, instance_class: db.serverless, cluster: "${aurora.name}"}
          task: {type: aws.ecs.task_definition, name: x, cpu: 2048, memory: 4096, containers: [{name: main, image: x}]}
          tasks: {type: aws.ecs.service, cluster: c, name: x, task_definition: "${task.arn}", launch_type: FARGATE, desired_count: 5}
          code: {type: aws.lambda.function, name: x, role: "arn:aws:iam::123456789012:role/x", memory_size: 2048, code: {image_uri: x}, package_type: Image}
          live: {type: aws.lambda.alias, name: live, function: "${code.name}", function_version: "1", provisioned_concurrency: 10}
    """)
    hours = {thing["address"]: thing["hour"] for thing in cost(local_stack)["resources"]}
    assert hours["server"] == pytest.approx(4 * 0.12) and hours["tasks"] == pytest.approx(5 * (2 * 0.04048 + 4 * 0.004445)) and hours["live"] == pytest.approx(10 * 2 * 0.015)


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
    assert "3 members together exceed it" in local_stack.run("cost").out
    shown = local_stack.run("fleet", "plan", "--cost", "--sandbox", status=3)
    assert "10.95 after this (+10.95)" in shown.out and "+3.65  bob" in shown.out
    assert "this would cost 10.95 USD a month (0.00 now), and the budget of class is 10 USD/month" in shown.err
    assert "10.95 USD a month" in local_stack.run("fleet", "apply", "-y", "--sandbox", status=3).err
    local_stack.run("fleet", "apply", "-y", "--sandbox", "ada", "bob")
    hours = [(event["member"], event["hour_now"], event["hour_after"]) for event in local_stack.run("fleet", "plan", "--cost", "--json", "--sandbox", status=3).events() if event["event"] == "cost"]
    assert hours == [("ada", 0.005, 0.005), ("bob", 0.005, 0.005), ("eve", 0, 0.005)]
    local_stack.run("fleet", "destroy", "-y", "--sandbox")


def test_a_fleets_budget_wants_every_price(local_stack):
    text = DB.format(head='budget: 50 USD/day\ninputs: {size: {type: string, default: "t3.micro"}}\nfleet: {each: {ada: {size: t3.micro}, bob: {size: x9.dear}}, inputs: {size: "${each.value.size}"}}',
                     size="${inputs.size}", more="").replace("name: x-db", 'name: "x-${stack.env}"').replace("db.${inputs.size}", '"db.${inputs.size}"')
    local_stack.write(text)
    for command in ("plan", "--cost"), ("apply", "-y"):
        refused = local_stack.run("fleet", *command, "--sandbox", status=3).err
        assert unpriced("bob", "db: db.x9.dear: no price of db.x9.dear") in refused and "usage: {ADDRESS: {usd_per_hour: 1.25}}" in refused, refused
    local_stack.run("fleet", "apply", "-y", "--sandbox", "ada")
    local_stack.write(text.replace("budget: 50 USD/day", "budget: 500 USD/day\nusage: {db: {usd_per_hour: 9.5}}"))
    local_stack.run("fleet", "apply", "-y", "--sandbox")
    local_stack.run("fleet", "destroy", "-y", "--sandbox")


@pytest.mark.parametrize("text", ["20 EUR/day", "20/day", "USD/day", "20 USD/decade", "-1 USD/day", "nan USD/day"])
def test_what_is_no_budget(local_stack, text):
    local_stack.write(f'stack: x\nbudget: "{text}"\nresources: {{}}\n')
    assert "this is not a budget" in local_stack.run("validate", status=3).err


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
            known = charge["kind"] != "unknown" or charge["why"] == "the stack does not configure how much"  # but the resource that it refers to
            assert charge["what"] != "it" and known, (name, charge)


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
    assert "is not a table of prices" in local_stack.run("cost", status=1).err


SAME = {  # the same things in weir's words and in CloudFormation's
    "nat": ({"type": "aws.ec2.nat_gateway", "subnet_id": "subnet-1", "allocation_id": "eipalloc-1"}, {"type": "AWS::EC2::NatGateway", "SubnetId": "subnet-1", "AllocationId": "eipalloc-1"}),
    "machine": ({"type": "aws.ec2.instance", "image_id": "ami-1", "instance_type": "t3.large", "block_device_mappings": [{"device_name": "/dev/xvda", "volume_size": 100, "volume_type": "gp2"}]},
                {"type": "AWS::EC2::Instance", "ImageId": "ami-1", "InstanceType": "t3.large", "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 100, "VolumeType": "gp2"}}]}),
    "endpoint": ({"type": "aws.ec2.vpc_endpoint", "vpc_id": "vpc-1", "service_name": "x", "vpc_endpoint_type": "Interface", "subnet_ids": ["a", "b"]},
                 {"type": "AWS::EC2::VPCEndpoint", "VpcId": "vpc-1", "ServiceName": "x", "VpcEndpointType": "Interface", "SubnetIds": ["a", "b"]}),
    "db": ({"type": "aws.rds.instance", "name": "d", "engine": "postgres", "instance_class": "db.t3.micro", "allocated_storage": 20, "storage_type": "gp3", "multi_az": True, "master_username": "u", "master_user_password": "long-enough"},
           {"type": "AWS::RDS::DBInstance", "Engine": "postgres", "DBInstanceClass": "db.t3.micro", "AllocatedStorage": "20", "StorageType": "gp3", "MultiAZ": True}),
    "warehouse": ({"type": "aws.redshift.cluster", "name": "w", "node_type": "ra3.large", "cluster_type": "multi-node", "number_of_nodes": 2, "master_username": "u"},
                  {"type": "AWS::Redshift::Cluster", "NodeType": "ra3.large", "NumberOfNodes": 2, "ClusterType": "multi-node", "DBName": "d", "MasterUsername": "u"}),
    "brokers": ({"type": "aws.kafka.cluster", "name": "k", "kafka_version": "3.6.0", "number_of_broker_nodes": 3, "instance_type": "kafka.t3.small", "volume_size": 50, "client_subnets": ["a", "b", "c"]},
                {"type": "AWS::MSK::Cluster", "ClusterName": "k", "KafkaVersion": "3.6.0", "NumberOfBrokerNodes": 3,
                 "BrokerNodeGroupInfo": {"InstanceType": "kafka.t3.small", "ClientSubnets": ["a"], "StorageInfo": {"EBSStorageInfo": {"VolumeSize": 50}}}}),
    "clicks": ({"type": "aws.kinesis.stream", "name": "c", "shard_count": 4}, {"type": "AWS::Kinesis::Stream", "ShardCount": 4}),
    "visits": ({"type": "aws.kinesis.stream", "name": "v", "mode": "ON_DEMAND"}, {"type": "AWS::Kinesis::Stream", "StreamModeDetails": {"StreamMode": "ON_DEMAND"}}),
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
    local_stack.write("stack: wrong\nresources:\n  db: {type: aws.rds.instance, name: wrong, engine: postgres, instance_class: db.t3.micro, allocated_storage: 20, manage_master_user_password: true}\n")
    done = local_stack.run("cost", status=3)
    assert "needs allocated_storage and master_username" in done.err and "weir.yaml:3:3" in done.err and not done.out, done
