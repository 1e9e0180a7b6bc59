"""What a service writes otherwise than it was given, with no rule for it: said once, and no difference as long as both stay."""

from support import Stack

KEY = """
  key: {type: aws.kms.key, description: told}
  alias: {type: aws.kms.alias, name: alias/told, key: "${key.key_id}"}
"""
DATABASE = """stack: told
inputs: {key: alias/told, size: 20}
resources:
  net: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}
  subnets: {type: aws.ec2.subnet, for_each: {a: 1, b: 2}, vpc_id: "${net.vpc_id}", cidr_block: "10.0.${each.value}.0/24", availability_zone: "us-east-1${each.key}"}
  group: {type: aws.rds.subnet_group, name: told, description: d, subnet_ids: ["${subnets['a'].subnet_id}", "${subnets['b'].subnet_id}"]}
  db:
    type: aws.rds.instance
    name: told
    engine: mysql
    instance_class: db.t4g.micro
    allocated_storage: ${inputs.size}
    master_username: ada
    manage_master_user_password: true
    apply_immediately: true
    db_subnet_group_name: ${group.name}
    storage_encrypted: true
    kms_key: ${inputs.key}
    depends_on: [alias]
    skip_final_snapshot: true
""" + KEY
TRAIL = """stack: told
inputs: {key: ""}
resources:
  trails: {type: aws.cloudtrail.trail, name: told, bucket: "${lake.name}", kms_key: "${inputs.key == '' ? null : inputs.key}", depends_on: [alias]}
  lake:
    type: aws.s3.bucket
    name: told-trails
    force_destroy: true
    policy:
      Statement:
        - {Effect: Allow, Principal: {Service: cloudtrail.amazonaws.com}, Action: "s3:GetBucketAcl", Resource: "arn:aws:s3:::told-trails"}
        - {Effect: Allow, Principal: {Service: cloudtrail.amazonaws.com}, Action: "s3:PutObject", Resource: "arn:aws:s3:::told-trails/AWSLogs/*"}
""" + KEY
SAYS = "count as the same from now on"


def test_made(tmp_path, fast_sandbox):
    """RDS takes a key's alias and tells the key's ARN: with every plan the database would be made anew."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    stack.tells = True
    stack.write(DATABASE)
    said = stack.apply().out
    assert 'warning: db: the service reports "kms_key" as "arn:aws:kms:' in said and SAYS in said
    stack.assert_settled()
    assert SAYS not in stack.apply("-i", "size=30").out  # once is enough
    stack.assert_settled("-i", "size=30")
    assert stack.run("drift").status == 0
    assert stack.plan("-i", "size=30", "-i", "key=alias/other") == {"db": "replace"}
    key = fast_sandbox.client("kms").describe_key(KeyId="alias/told")["KeyMetadata"]
    for same in (key["KeyId"], key["Arn"]):  # that is known of it: `compare: arn`
        stack.assert_settled("-i", "size=30", "-i", f"key={same}")
    stack.destroy()


def test_changed(tmp_path, fast_sandbox):
    """What was sent and is read otherwise is sent once more; if it stays so, that is the service's way."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    stack.tells = True
    stack.write(TRAIL)
    stack.apply()
    stack.assert_settled()
    given = ("-i", "key=alias/told")
    stack.apply(*given)
    stack.apply(*given)
    stack.assert_settled(*given)
    trails, keys = (fast_sandbox.client(name) for name in ("cloudtrail", "kms"))
    other = keys.create_key()["KeyMetadata"]["Arn"]
    trails.update_trail(Name="told", KmsKeyId=other)
    assert stack.plan(*given) == {"trails": "update"}  # that is another
    stack.apply(*given)
    stack.apply(*given)
    stack.assert_settled(*given)
    stack.destroy()


def test_names(tmp_path, fast_sandbox):
    """Glue answers with the name of a crawler's role, in place of its ARN; RDS keeps names of groups in lower case."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    stack.write("""stack: told
resources:
  crawler: {type: aws.glue.crawler, name: told, role: "arn:aws:iam::123456789012:role/service-role/told", database: told, s3_targets: [{path: "s3://told/"}]}
  group: {type: aws.rds.parameter_group, name: told, family: mysql8.4, description: d}
  db: {type: aws.rds.instance, name: told, engine: mysql, instance_class: db.t4g.micro, allocated_storage: 20, master_username: ada, manage_master_user_password: true, db_parameter_group_name: TOLD, skip_final_snapshot: true, depends_on: [group]}
""")
    assert "the service reports" not in stack.apply().out
    glue = fast_sandbox.client("glue")
    glue.update_crawler(Name="told", Role="service-role/told")
    stack.assert_settled()
    glue.update_crawler(Name="told", Role="service-role/other")
    assert stack.plan() == {"crawler": "update"}
    stack.destroy()


def test_order_and_case(tmp_path, fast_sandbox):
    """What has no order, and headers, whose case does not matter, are no difference in another order and another case."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    stack.write("stack: told\nresources: {api: {type: aws.apigatewayv2.api, name: told, protocol_type: HTTP, cors: {allow_origins: ['https://a.example'], allow_methods: [GET, PUT], allow_headers: [X-Id, Accept]}}}")
    stack.apply()
    apis = fast_sandbox.client("apigatewayv2")
    (api,) = apis.get_apis()["Items"]
    same = {"AllowOrigins": ["https://a.example"], "AllowMethods": ["PUT", "GET"], "AllowHeaders": ["accept", "x-id"]}
    apis.update_api(ApiId=api["ApiId"], CorsConfiguration=same)
    stack.assert_settled()
    apis.update_api(ApiId=api["ApiId"], CorsConfiguration={**same, "AllowHeaders": ["accept", "x-other"]})
    assert stack.plan() == {"api": "update"}
    stack.destroy()
