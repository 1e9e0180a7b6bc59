"""weir import cloudformation of what `cdk synth` writes: its files, its custom resources and their helpers, its names."""

import json

import pytest
import yaml

from support import Stack, until

BUCKET = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
INGEST, SEEDS, HELPER = "ab" * 32, "cd" * 32, "ef" * 32
CODE = 'import os, boto3\n\ndef handler(event, context):\n    for one in event["Records"]:\n        boto3.client("s3").put_object(Bucket=os.environ["LAKE"], Key=one["s3"]["object"]["key"].split("/")[-1], Body=b"")\n'
INLINE = "def handler(event, context):\n    return len(event)\n"
TRUST = {"Version": "2012-10-17", "Statement": [{"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}]}


def ref(name):
    return {"Ref": name}


def arn(name):
    return {"Fn::GetAtt": [name, "Arn"]}


def joined(*parts):
    return {"Fn::Join": ["", list(parts)]}


def one(path, kind, properties, **more):
    return {"Type": kind, "Properties": properties, **more, "Metadata": {"aws:cdk:path": f"Shop/{path}"}}


def statements(*those):
    return {"Version": "2012-10-17", "Statement": list(those)}


def allow(actions, *resources, **more):
    return {"Action": actions, "Effect": "Allow", **({"Resource": list(resources)} if resources else {}), **more}


def policy(path, role, *those):
    name = path.replace("/", "") + "9F0A1B2C"
    return one(f"{path}/Resource", "AWS::IAM::Policy", {"PolicyDocument": statements(*those), "PolicyName": name, "Roles": [ref(role)]})


def function(path, role, code, **more):
    return one(path, "AWS::Lambda::Function", {"Code": code, "Handler": "index.handler", "Role": arn(role), "Runtime": "python3.12"}, **more)


def asset(key):
    return {"S3Bucket": {"Fn::Sub": BUCKET}, "S3Key": f"{key}.zip"}


def template(bucket=None):
    """What the CDK makes of two buckets, of which one calls a function and is emptied when it is destroyed, and of two files' folders."""
    where = {"Fn::Sub": BUCKET} if bucket is None else bucket
    resources = {
        "Landing1A2B3C4D": one("Landing/Resource", "AWS::S3::Bucket", {"Tags": [{"Key": "aws-cdk:auto-delete-objects", "Value": "true"}]}, DeletionPolicy="Delete"),
        "LandingPolicy0B1C2D3E": one("Landing/Policy/Resource", "AWS::S3::BucketPolicy", {"Bucket": ref("Landing1A2B3C4D"), "PolicyDocument": statements(
            allow(["s3:List*", "s3:DeleteObject*"], arn("Landing1A2B3C4D"), Principal={"AWS": arn("CustomEmptyRole5CADE7E1")}))}),
        "LandingAutoDelete27DBD78E": one("Landing/AutoDeleteObjectsCustomResource/Default", "Custom::S3AutoDeleteObjects",
            {"ServiceToken": arn("CustomEmptyHandler9D90184F"), "BucketName": ref("Landing1A2B3C4D")}, DependsOn=["LandingPolicy0B1C2D3E"]),
        "CustomEmptyRole5CADE7E1": one("Custom::S3AutoDeleteObjectsCustomResourceProvider/Role", "AWS::IAM::Role", {"AssumeRolePolicyDocument": TRUST}),
        "CustomEmptyHandler9D90184F": function("Custom::S3AutoDeleteObjectsCustomResourceProvider/Handler", "CustomEmptyRole5CADE7E1", asset(HELPER), DependsOn=["CustomEmptyRole5CADE7E1"]),
        "LandingNotifications9AEE80A8": one("Landing/Notifications/Resource", "Custom::S3BucketNotifications", {
            "ServiceToken": arn("NotifierHandler7ECC3691"), "BucketName": ref("Landing1A2B3C4D"), "Managed": True, "NotificationConfiguration": {
                "EventBridgeConfiguration": {},
                "LambdaFunctionConfigurations": [{"Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}}, "LambdaFunctionArn": arn("Ingest4069586C")}]}},
            DependsOn=["LandingAllowIngest193F6133", "LandingNotificationsHandlerPolicy51D98CE8", "LandingPolicy0B1C2D3E"]),
        "LandingAllowIngest193F6133": one("Landing/AllowIngest", "AWS::Lambda::Permission",
            {"Action": "lambda:InvokeFunction", "FunctionName": arn("Ingest4069586C"), "Principal": "s3.amazonaws.com", "SourceAccount": ref("AWS::AccountId"), "SourceArn": arn("Landing1A2B3C4D")}),
        "NotifierHandlerRoleB6FB88EC": one("BucketNotificationsHandler/Role/Resource", "AWS::IAM::Role", {"AssumeRolePolicyDocument": TRUST}),
        "NotifierHandler7ECC3691": function("BucketNotificationsHandler/Resource", "NotifierHandlerRoleB6FB88EC", {"ZipFile": "import boto3  # of the CDK"}),
        "LandingNotificationsHandlerPolicy51D98CE8": policy("Landing/Notifications/HandlerPolicy", "NotifierHandlerRoleB6FB88EC", allow("s3:PutBucketNotification", arn("Landing1A2B3C4D"))),
        "Lake5F1B88EA": one("Lake/Resource", "AWS::S3::Bucket", {"Tags": [{"Key": "team", "Value": "data"}, {"Key": "aws-cdk:cr-owned:1", "Value": "true"}]}),
        "IngestServiceRole0956ED6B": one("Ingest/ServiceRole/Resource", "AWS::IAM::Role", {"AssumeRolePolicyDocument": statements(
            allow("sts:AssumeRole", Principal={"Service": "lambda.amazonaws.com"}), allow("sts:AssumeRole", Principal={"Service": "glue.amazonaws.com"}))}),
        "IngestServiceRoleDefaultPolicyB95F9D07": policy("Ingest/ServiceRole/DefaultPolicy", "IngestServiceRole0956ED6B",
            allow("s3:PutObject*", joined(arn("Lake5F1B88EA"), "/*")), allow("s3:GetObject*", joined("arn:", ref("AWS::Partition"), ":s3:::", where, "/*"))),
        "Ingest4069586C": function("Ingest/Resource", "IngestServiceRole0956ED6B", {"S3Bucket": where, "S3Key": f"{INGEST}.zip"}, DependsOn=["IngestServiceRoleDefaultPolicyB95F9D07"]),
        "IngestLogRetentionA4981524": one("Ingest/LogRetention/Resource", "Custom::LogRetention",
            {"ServiceToken": arn("LogRetentionFD4BFC8A"), "LogGroupName": joined("/aws/lambda/", ref("Ingest4069586C")), "RetentionInDays": 7}),
        "LogRetentionServiceRole9741ECFB": one("LogRetention/ServiceRole/Resource", "AWS::IAM::Role", {"AssumeRolePolicyDocument": TRUST}),
        "LogRetentionFD4BFC8A": function("LogRetention/Resource", "LogRetentionServiceRole9741ECFB", asset(HELPER)),
        "LogRetentionServiceRoleDefaultPolicyADDA7DEB": policy("LogRetention/ServiceRole/DefaultPolicy", "LogRetentionServiceRole9741ECFB", allow("logs:PutRetentionPolicy", "*")),
        "Count0A1B2C3D": function("Count/Resource", "IngestServiceRole0956ED6B", {"ZipFile": INLINE}),
        "Bronze": one("Bronze", "AWS::Glue::Job", {"Name": "bronze", "Role": arn("IngestServiceRole0956ED6B"), "Command": {
            "Name": "pythonshell", "ScriptLocation": {"Fn::Sub": f"s3://{BUCKET}/{SEEDS}.py"} if bucket is None else f"s3://{bucket}/{SEEDS}.py"}}),
        "SeedsCustomResource512E14D5": one("Seeds/CustomResource/Default", "Custom::CDKBucketDeployment", {
            "ServiceToken": arn("DeployC81C01536"), "SourceBucketNames": [where], "SourceObjectKeys": [f"{SEEDS}.zip"], "DestinationBucketName": ref("Lake5F1B88EA"),
            "DestinationBucketKeyPrefix": "seeds", "Prune": True, "WaitForDistributionInvalidation": True}),
        "DeployRole89A01265": one("Custom::CDKBucketDeployment8693BB64/ServiceRole/Resource", "AWS::IAM::Role", {"AssumeRolePolicyDocument": TRUST}),
        "DeployLayerE839502A": one("Seeds/AwsCliLayer/Resource", "AWS::Lambda::LayerVersion", {"Content": asset(HELPER)}),
        "DeployC81C01536": one("Custom::CDKBucketDeployment8693BB64/Resource", "AWS::Lambda::Function",
            {"Code": asset(HELPER), "Handler": "index.handler", "Role": arn("DeployRole89A01265"), "Runtime": "python3.13", "Layers": [ref("DeployLayerE839502A")]}),
        "CDKMetadata": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2"}, "Condition": "CDKMetadataAvailable", "Metadata": {"aws:cdk:path": "Shop/CDKMetadata/Default"}},
    }
    return {
        "Resources": resources,
        "Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap/hnb659fds/version"}},
        "Conditions": {"CDKMetadataAvailable": {"Fn::Equals": [ref("AWS::Region"), "us-east-1"]}},
        "Rules": {"CheckBootstrapVersion": {"Assertions": []}},
        "Outputs": {"ExportsOutputRefLake5F1B88EA7E0F1A2B": {"Value": ref("Lake5F1B88EA")}, "Logs": {"Value": {"Fn::GetAtt": ["IngestLogRetentionA4981524", "LogGroupName"]}}},
    }


def synthesize(stack, whole, bucket=BUCKET):
    files = {key: (f"asset.{key}{end}", f"{key}{end or '.zip'}") for key, end in ((INGEST, ""), (HELPER, ""))}
    files |= {"seeds": (f"asset.{SEEDS}", f"{SEEDS}.zip"), "script": (f"asset.{SEEDS}.py", f"{SEEDS}.py"), "net": ("ShopNet.nested.template.json", f"{'0f' * 32}.json")}
    manifest = {name: {"source": {"path": path}, "destinations": {"here": {"bucketName": bucket, "objectKey": key}}} for name, (path, key) in files.items()}
    for path, text in ((f"asset.{INGEST}/index.py", CODE), (f"asset.{HELPER}/index.js", "// of the CDK"), (f"asset.{SEEDS}/2026/a.csv", "a,b\n"), (f"asset.{SEEDS}.py", "print(1)\n"),
                       ("Shop.assets.json", json.dumps({"version": "1", "files": manifest})), ("Shop.template.json", json.dumps(whole))):
        stack.write(text, f"cdk.out/{path}")


def stack_of(folder):
    return yaml.safe_load((folder / "weir.yaml").read_text())


def test_an_app_is_moved(tmp_path, fast_sandbox):
    stack = Stack(tmp_path / "stack", fast_sandbox)
    synthesize(stack, template())
    said = stack.run("import", "cloudformation", "cdk.out/Shop.template.json", "-o", ".").err
    made = stack_of(stack.folder)
    assert "warning" not in said and "0 of CloudFormation's, 0 left out" in said
    resources = made["resources"]
    assert set(resources) == {
        "landing", "landing_notifications", "landing_allow_ingest", "lake", "ingest_service_role", "code_bucket", "ingest_code", "ingest", "ingest_log_retention", "count_code", "count",
        "bronze_code", "bronze", "seeds"}
    assert set(made) == {"stack", "data", "resources", "outputs"} and made["outputs"] == {"lake": "${lake.name}", "logs": "${ingest_log_retention.name}"}
    assert resources["landing"] == {"type": "aws.s3.bucket", "name": "${stack.name}-landing", "force_destroy": True}
    assert resources["landing_notifications"] == {
        "type": "aws.s3.bucket_notification", "bucket": "${landing.name}", "event_bridge": True,
        "lambda_functions": [{"function": "${ingest.arn}", "events": ["s3:ObjectCreated:*"], "filter": [{"name": "prefix", "value": "in/"}]}], "depends_on": ["landing_allow_ingest"]}
    assert resources["lake"]["tags"] == {"team": "data"}
    assert resources["ingest_code"] == {"type": "weir.artifact", "source": "code/ingest", "package": "zip", "store": "${code_bucket.name}"}
    assert resources["ingest"]["code"] == {"s3_bucket": "${code_bucket.name}", "s3_key": "${ingest_code.key}"}
    assert resources["ingest_log_retention"] == {"type": "aws.logs.log_group", "name": "/aws/lambda/${ingest.name}", "retention_in_days": 7}
    assert resources["bronze"]["command"]["script_location"] == "${bronze_code.url}" and resources["bronze_code"]["package"] == "file"
    assert list(resources["ingest_service_role"]["policies"]) == ["IngestServiceRoleDefaultPolicy"]
    assert resources["seeds"] == {"type": "aws.s3.directory", "bucket": "${lake.name}", "prefix": "seeds", "source": "code/seeds"}
    assert sorted(path.relative_to(stack.folder).as_posix() for path in stack.folder.glob("code/**/*") if path.is_file()) == [
        "code/bronze.py", "code/count/index.py", "code/ingest/index.py", "code/seeds/2026/a.csv"]
    assert (stack.folder / "code/count/index.py").read_text() == INLINE and (stack.folder / "code/ingest/index.py").read_text() == CODE
    stack.run("fmt", "--check", "weir.yaml")
    text = (stack.folder / "weir.yaml").read_text()
    stack.write(text.replace("runtime: python3.12", "runtime: python3.12\n    environment: {LAKE: \"${lake.name}\"}").replace("stack: shop", "stack: shop-of-the-cdk"))
    stack.apply()
    stack.assert_settled()
    s3, functions = stack.client("s3"), stack.client("lambda")
    s3.put_object(Bucket="shop-of-the-cdk-landing", Key="in/x", Body=b"x")
    until(lambda: [found["Key"] for found in s3.list_objects_v2(Bucket="shop-of-the-cdk-lake")["Contents"]] == ["seeds/2026/a.csv", "x"])
    assert json.loads(functions.invoke(FunctionName="shop-of-the-cdk-count", Payload=b'{"a": 1}')["Payload"].read()) == 1
    s3.delete_object(Bucket="shop-of-the-cdk-lake", Key="x")
    stack.destroy()  # though something is in the landing bucket
    assert not [bucket["Name"] for bucket in s3.list_buckets()["Buckets"] if bucket["Name"].startswith("shop-of-the-cdk")]


def test_an_account_that_is_known_and_stacks_within_it(local_stack):
    """The bucket's name is no function then; a nested stack has its files, and a bucket for them, in its own folder."""
    bucket = "cdk-hnb659fds-assets-123456789012-us-east-1"
    whole = template(bucket)
    whole["Resources"]["NetNestedStack3A4B5C6D"] = one("Net.NestedStack/Net.NestedStackResource", "AWS::CloudFormation::Stack", {
        "TemplateURL": joined("https://s3.us-east-1.", ref("AWS::URLSuffix"), f"/{bucket}/{'0f' * 32}.json"), "Parameters": {"referencetoShopLake5F1B88EARef": ref("Lake5F1B88EA")}})
    role = one("Net/Take/ServiceRole/Resource", "AWS::IAM::Role", {"AssumeRolePolicyDocument": TRUST})
    within = {"Parameters": {"referencetoShopLake5F1B88EARef": {"Type": "String"}}, "Resources": {
        "TakeServiceRole0A0B0C0D": role, "Take0A1B2C3D": function("Net/Take/Resource", "TakeServiceRole0A0B0C0D", {"S3Bucket": bucket, "S3Key": f"{INGEST}.zip"})}}
    within["Resources"]["Take0A1B2C3D"]["Properties"]["Environment"] = {"Variables": {"LAKE": ref("referencetoShopLake5F1B88EARef")}}
    synthesize(local_stack, whole, bucket)
    local_stack.write(json.dumps(within), "cdk.out/ShopNet.nested.template.json")
    local_stack.run("import", "cloudformation", "cdk.out/Shop.template.json")
    made, net = stack_of(local_stack.folder), stack_of(local_stack.folder / "net")
    assert made["resources"]["bronze"]["command"]["script_location"] == "${bronze_code.url}"
    assert made["resources"]["ingest_service_role"]["policies"]["IngestServiceRoleDefaultPolicy"]["Statement"][1]["Resource"] == ["arn:${here.partition}:s3:::${code_bucket.name}/*"]
    assert made["modules"] == {"net": {"source": "./net", "shop_lake_ref": "${lake.name}", "stack_name": "${stack.name}-net"}}
    assert set(net["resources"]) == {"take_service_role", "code_bucket", "take_code", "take"} and net["resources"]["take_code"]["source"] == "code/take"
    assert (local_stack.folder / "net/code/take/index.py").read_text() == CODE
    local_stack.run("validate")


def test_stacks_of_an_app_refer_to_each_other(tmp_path, fast_sandbox):
    """What another template beside it exports is read from that stack; a definition in one line is a map; a mapping that nobody looks at is gone."""
    root = Stack(tmp_path / "app", fast_sandbox)
    base = {"Resources": {"Lake5F1B88EA": one("Lake/Resource", "AWS::S3::Bucket", {"BucketName": "lake-of-two-stacks"})}, "Outputs": {
        "Other": {"Value": "x"}, **{f"ExportsOutput{kind}Lake5F1B88EA{end}": {"Value": value, "Export": {"Name": f"Base:ExportsOutput{kind}Lake5F1B88EA{end}"}}
                                    for kind, end, value in (("Ref", "BDBCEEF1", ref("Lake5F1B88EA")), ("FnGetAtt", "Arn65E67816", arn("Lake5F1B88EA")))}}}
    machine = {"StartAt": "Put", "States": {"Put": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObject", "Parameters": {"Bucket": "@", "Key": "${literal}"}, "End": True}}}
    before, after = json.dumps(machine).split("@")
    name, own = {"Fn::ImportValue": "Base:ExportsOutputRefLake5F1B88EABDBCEEF1"}, {"Fn::ImportValue": "Base:ExportsOutputFnGetAttLake5F1B88EAArn65E67816"}
    role = {"AssumeRolePolicyDocument": statements(allow("sts:AssumeRole", Principal={"Service": "states.amazonaws.com"}, Condition={
        "ArnLike": {"aws:SourceArn": joined("arn:", ref("AWS::Partition"), ":states:", ref("AWS::Region"), ":", ref("AWS::AccountId"), ":stateMachine:*")}}))}
    jobs = {"Mappings": {"LatestNodeRuntimeMap": {"us-east-1": {"value": "nodejs22.x"}}}, "Resources": {
        "LoadRole0A0B0C0D": one("Load/Role/Resource", "AWS::IAM::Role", role), "LoadRolePolicy0A0B0C0D": policy("Load/Role/DefaultPolicy", "LoadRole0A0B0C0D", allow("s3:PutObject", joined(own, "/*"))),
        "Load0A1B2C3D": one("Load/Resource", "AWS::StepFunctions::StateMachine", {"DefinitionString": joined(before, name, after), "RoleArn": arn("LoadRole0A0B0C0D")})}}
    root.write(json.dumps(base), "cdk.out/Base.template.json").write(json.dumps(jobs), "cdk.out/Jobs.template.json")
    for stack in ("Base", "Jobs"):
        assert "warning" not in root.run("import", "cloudformation", f"cdk.out/{stack}.template.json", "-o", stack.lower()).err
    made = stack_of(root.folder / "jobs")
    assert made["data"]["base"] == {"type": "weir.stack", "stack": "base", "dir": "../base"} and "locals" not in made and "inputs" not in made
    assert made["resources"]["load_role"]["policies"]["LoadRoleDefaultPolicy"]["Statement"][0]["Resource"] == ["${base.outputs.lake_arn}/*"]
    assert made["resources"]["load"]["definition"]["States"]["Put"]["Parameters"] == {"Bucket": "${base.outputs.lake}", "Key": "$${literal}"}
    text = (root.folder / "base/weir.yaml").read_text()
    root.write(text.replace("prevent_destroy: true", "prevent_destroy: false"), "base/weir.yaml")
    root.run("apply", "--all", "--yes")
    machines = root.client("stepfunctions")
    (made,) = [one["stateMachineArn"] for one in machines.list_state_machines()["stateMachines"] if one["name"] == "jobs-load"]
    definition = json.loads(machines.describe_state_machine(stateMachineArn=made)["definition"])
    assert definition["States"]["Put"]["Parameters"] == {"Bucket": "lake-of-two-stacks", "Key": "${literal}"}
    assert "0 to create, 0 to update, 0 to replace, 0 to delete" in root.run("plan", "--all").out
    root.run("destroy", "--all", "--yes")


def test_nothing_is_written_over(local_stack):
    synthesize(local_stack, template())
    local_stack.write("mine", "code/ingest/mine.py")
    assert "code/ingest exists already, and nothing was written" in local_stack.run("import", "cloudformation", "cdk.out/Shop.template.json", status=3).err
    assert sorted(path.name for path in local_stack.folder.iterdir()) == ["cdk.out", "code"] and not (local_stack.folder / "code/bronze.py").exists()
    assert f"# ---- code/count/index.py ----\n\n{INLINE}" in local_stack.run("import", "cloudformation", "cdk.out/Shop.template.json", "-o", "-").out
    local_stack.run("import", "cloudformation", "cdk.out/Shop.template.json", "--force")
    assert sorted(path.name for path in (local_stack.folder / "code/ingest").iterdir()) == ["index.py", "mine.py"]


def test_without_the_files_code_stays_where_it_is(local_stack):
    """Of a template alone, or of one that CloudFormation gives: the CDK's bucket has the files."""
    local_stack.write(json.dumps(template()), "shop.json")
    local_stack.run("import", "cloudformation", "shop.json")
    made = stack_of(local_stack.folder)["resources"]
    assert made["ingest"]["code"] == {"s3_bucket": "cdk-hnb659fds-assets-${here.account}-${here.region}", "s3_key": f"{INGEST}.zip"}
    assert "seeds" not in made and made["count_code"]["source"] == "code/count"


API_CALL = one("Call/Resource/Default", "Custom::AWS", {"ServiceToken": arn("AWS679f53fac002430cb0da5b7982bd22872D164C4C"), "Create": "{}"}, DependsOn=["CallPolicy0A0B0C0D"])
MARKED = {"SourceMarkers": [{"<<marker:0xbaba:0>>": ref("Lake5F1B88EA")}]}


def test_images_are_built_and_pushed(local_stack):
    """What the CDK builds and pushes into its own repository, the stack does into one of its own, if docker.image can."""
    images, tag = "cdk-hnb659fds-container-assets-${AWS::AccountId}-${AWS::Region}", "1a" * 32
    where = {"Fn::Sub": "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/" + f"{images}:{tag}"}
    task = {"Family": "load", "RequiresCompatibilities": ["FARGATE"], "NetworkMode": "awsvpc", "Cpu": "256", "Memory": "512", "ExecutionRoleArn": arn("Role"), "ContainerDefinitions": [{"Name": "load", "Image": where, "Essential": True}]}
    resources = {
        "Role": one("Role/Resource", "AWS::IAM::Role", {"AssumeRolePolicyDocument": statements(allow("sts:AssumeRole", Principal={"Service": ["lambda.amazonaws.com", "ecs-tasks.amazonaws.com"]}))}),
        "RolePolicy": policy("Role/DefaultPolicy", "Role", allow("ecr:BatchGetImage", joined("arn:", ref("AWS::Partition"), ":ecr:", ref("AWS::Region"), ":", ref("AWS::AccountId"), ":repository/", {"Fn::Sub": images}))),
        "Fn": one("Crunch/Resource", "AWS::Lambda::Function", {"Code": {"ImageUri": where}, "PackageType": "Image", "Role": arn("Role")}),
        "Task": one("Load/Resource", "AWS::ECS::TaskDefinition", task),
    }
    source = {"directory": f"asset.{tag}", "dockerFile": "Dockerfile.fn", "dockerBuildArgs": {"A": "b"}, "dockerBuildTarget": "run", "platform": "linux/arm64"}
    to = {"repositoryName": images, "assumeRoleArn": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/cdk-hnb659fds-image-publishing-role"}
    manifest = {"files": {}, "dockerImages": {tag: {"source": source, "destinations": {"here": to | {"imageTag": tag}}}}}
    for path, text in ((f"asset.{tag}/Dockerfile.fn", "FROM scratch\n"), ("Shop.assets.json", json.dumps(manifest)), ("Shop.template.json", json.dumps({"Resources": resources, "Outputs": {"Image": {"Value": where}}}))):
        local_stack.write(text, f"cdk.out/{path}")
    said = local_stack.run("import", "cloudformation", "cdk.out/Shop.template.json", "-o", ".").err
    made, here = stack_of(local_stack.folder), local_stack.folder / "code/crunch/Dockerfile.fn"
    assert made["providers"]["docker"] == {"registries": {"${login.registry}": {"token": "${login.token}"}}} and made["data"]["login"] == {"type": "aws.ecr.authorization_token"}
    assert made["resources"]["code_images"] == {"type": "aws.ecr.repository", "name": "${stack.name}-code-images", "force_destroy": True} and here.read_text() == "FROM scratch\n"
    assert made["resources"]["crunch_image"] == {"type": "docker.image", "name": "${code_images.url}:crunch", "context": "code/crunch", "dockerfile": "Dockerfile.fn", "args": {"A": "b"}, "target": "run", "platform": "linux/arm64", "push": True}
    assert made["resources"]["crunch"]["code"] == {"image_uri": "${crunch_image.reference}"} and made["resources"]["load"]["containers"][0]["image"] == "${crunch_image.reference}"
    assert made["outputs"] == {"image": "${crunch_image.reference}"} and "repository/${code_images.name}" in json.dumps(made["resources"]["role"]["policies"])
    local_stack.run("validate")
    local_stack.env |= {"DOCKER_HOST": f"unix://{local_stack.folder}/none.sock"}
    assert local_stack.plan("--sandbox")["crunch_image"] == "create", said
    manifest["dockerImages"]["other"] = {"source": {"executable": ["./build.sh"]}, "destinations": {}}
    local_stack.write(json.dumps(manifest), "cdk.out/Shop.assets.json")
    local_stack.run("import", "cloudformation", "cdk.out/Shop.template.json", "-o", "scripted")
    kept = stack_of(local_stack.folder / "scripted")
    assert "providers" not in kept and kept["resources"]["crunch"]["code"]["image_uri"].endswith(f"-${{here.region}}:{tag}")


def test_names_without_paths(local_stack):
    """Without the paths of the app in the template a logical id's hash goes, also where something follows it."""
    table = {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST", "KinesisStreamSpecification": {"StreamArn": arn("Changes510ED4B0")}}
    whole = {"Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap/hnb659fds/version"}},
             "Resources": {"Changes510ED4B0": {"Type": "AWS::Kinesis::Stream", "Properties": {"ShardCount": 1}}, "Items5C12978B": {"Type": "AWS::DynamoDB::Table", "Properties": table}}}
    stack_of_template(local_stack, whole)
    assert set(stack_of(local_stack.folder)["resources"]) == {"changes", "items", "items_stream"}


@pytest.mark.parametrize("more,told", [
    ({"Call0A1B2C3D": API_CALL, "AWS679f53fac002430cb0da5b7982bd22872D164C4C": function("AWS679f53fac002430cb0da5b7982bd2287/Resource", "CallRole0A0B0C0D", asset(HELPER)),
      "CallRole0A0B0C0D": one("AWS679f53fac002430cb0da5b7982bd2287/ServiceRole/Resource", "AWS::IAM::Role", {"AssumeRolePolicyDocument": TRUST}),
      "CallPolicy0A0B0C0D": policy("Call/Policy", "CallRole0A0B0C0D", allow("s3:PutObject", "*"))}, 'no resource type is called "Custom::AWS"'),
    ({"Mine0A1B2C3D": one("Mine/Default", "Custom::Mine", {"ServiceToken": arn("Ingest4069586C")})}, 'no resource type is called "Custom::Mine"'),
    ({"NoRules0A1B2C3D": one("NoRules/Default", "Custom::VpcRestrictDefaultSG", {"ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:f"})}, "the VPC's default security group keeps its rules"),
    ({"Site0A1B2C3D": one("Site/CustomResource/Default", "Custom::CDKBucketDeployment", {
        "ServiceToken": arn("DeployC81C01536"), "SourceObjectKeys": [f"{SEEDS}.zip"], "DestinationBucketName": ref("Lake5F1B88EA"), **MARKED})},
     'no resource type is called "Custom::CDKBucketDeployment"'),
], ids=["a call", "a function of one's own", "rules", "files with markers"])
def test_what_has_no_equivalent_is_told_of(local_stack, more, told):
    """The rest is as it is without it: no function of the CDK's stays for what is left out."""
    whole = template()
    whole["Resources"] |= more
    synthesize(local_stack, whole)
    plain = stack_of_template(local_stack, template())
    result = local_stack.write(json.dumps(whole), "cdk.out/Shop.template.json").run("import", "cloudformation", "cdk.out/Shop.template.json", "--force")
    assert told in result.err and stack_of(local_stack.folder)["resources"] == plain, result.err
    local_stack.run("validate")


def stack_of_template(stack, whole):
    stack.write(json.dumps(whole), "cdk.out/Shop.template.json").run("import", "cloudformation", "cdk.out/Shop.template.json", "--force")
    return stack_of(stack.folder)["resources"]


def test_a_live_stack_is_taken_over(stack, cloud):
    """Its names and ids, and code that goes into a bucket of the stack; what is new is only that bucket with it."""
    whole = template("cdk-hnb659fds-assets-123456789012-us-east-1")
    live = {name: one for name, one in whole["Resources"].items() if name in (
        "Landing1A2B3C4D", "Lake5F1B88EA", "IngestServiceRole0956ED6B", "IngestServiceRoleDefaultPolicyB95F9D07", "Ingest4069586C")}
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="cdk-hnb659fds-assets-123456789012-us-east-1")
    s3.put_object(Bucket="cdk-hnb659fds-assets-123456789012-us-east-1", Key=f"{INGEST}.zip", Body=b"PK\5\6" + bytes(18))
    cloud.client("cloudformation").create_stack(StackName="Shop", TemplateBody=json.dumps({"Resources": live}), Capabilities=["CAPABILITY_IAM"])
    synthesize(stack, {"Resources": live}, "cdk-hnb659fds-assets-123456789012-us-east-1")
    stack.run("import", "cloudformation", "cdk.out/Shop.template.json", "--stack", "Shop")
    plan = stack.plan()
    assert {name for name, action in plan.items() if action == "create"} == {"code_bucket", "ingest_code"}, plan
    assert {name for name, action in plan.items() if action == "adopt"} == {"landing", "lake", "ingest_service_role", "ingest"}, plan
    stack.apply()
    stack.assert_settled()
    code = cloud.client("lambda").get_function(FunctionName=stack_of(stack.folder)["resources"]["ingest"]["name"])["Configuration"]
    assert code["CodeSize"] > 100, code
