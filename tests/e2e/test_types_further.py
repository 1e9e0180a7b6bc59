"""The life of what pipelines have besides: what machines start as, what they are told, how many there are (see life_cycle.py)."""

import base64

import pytest

from life_cycle import case_table, Case, tags_of, walk
from support import ACCOUNT

CASES, case = case_table()
NOT_ON_MOTO = {}


@case("dhcp options")
def _():
    def found(cloud):
        return [one for one in cloud.client("ec2").describe_dhcp_options()["DhcpOptions"] if any(tag["Key"] == "weir:stack" for tag in one.get("Tags", []))]

    def seen(cloud):
        (one,) = found(cloud)
        told = {each["Key"]: [value["Value"] for value in each["Values"]] for each in one["DhcpConfigurations"]}
        return {"told": told, "tags": tags_of(one["Tags"]).get("team")}

    def outside(cloud):
        cloud.client("ec2").create_tags(Resources=[found(cloud)[0]["DhcpOptionsId"]], Tags=[{"Key": "team", "Value": "theirs"}])

    first = {"domain_name": "films.internal", "domain_name_servers": ["10.0.0.2", "10.0.0.3"], "ntp_servers": ["169.254.169.123"], "netbios_node_type": "2", "tags": {"team": "a"}}
    return Case(
        type="aws.ec2.dhcp_options",
        first=first,
        then={**first, "tags": {"team": "b"}},
        seen=seen,
        unchanged={"told"},
        gone=lambda cloud: not found(cloud),
        outside=outside,
        drifted="tags",
        replaces=[{"domain_name": "songs.internal"}, {"domain_name_servers": ["AmazonProvidedDNS"]}],
    )


NOT_ON_MOTO["dhcp options"] = CASES.pop("dhcp options")  # moto forgets the tags that they are made with


@case("network with options")
def _():
    def networks(cloud):
        return [one for one in cloud.client("ec2").describe_vpcs()["Vpcs"] if one["CidrBlock"] == "10.9.0.0/16"]

    def seen(cloud):
        (one,) = networks(cloud)
        (options,) = cloud.client("ec2").describe_dhcp_options(DhcpOptionsIds=[one["DhcpOptionsId"]])["DhcpOptions"]
        return {"told": [each["Values"][0]["Value"] for each in options["DhcpConfigurations"]]}

    options = {name: {"type": "aws.ec2.dhcp_options", "domain_name": f"{name}.internal"} for name in ("films", "songs")}
    first = {"cidr_block": "10.9.0.0/16", "dhcp_options_id": "${films.dhcp_options_id}"}
    return Case(
        type="aws.ec2.vpc",
        around=options,
        first=first,
        then={**first, "dhcp_options_id": "${songs.dhcp_options_id}"},
        less={"cidr_block": "10.9.0.0/16"},
        seen=seen,
        gone=lambda cloud: not networks(cloud),
        outside=None,
    )


NOT_ON_MOTO["network with options"] = CASES.pop("network with options")  # the same


@case("launch template")
def _():
    def template(cloud):
        (one,) = cloud.client("ec2").describe_launch_templates()["LaunchTemplates"]
        return one

    def seen(cloud):
        (one,) = cloud.client("ec2").describe_launch_template_versions(LaunchTemplateId=template(cloud)["LaunchTemplateId"], Versions=["$Default"])["LaunchTemplateVersions"]
        data = one["LaunchTemplateData"]
        return {"type": data["InstanceType"], "disk": data["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"], "groups": data["SecurityGroupIds"], "tokens": data["MetadataOptions"]["HttpTokens"],
                "script": base64.b64decode(data["UserData"]), "about": one["VersionDescription"], "watched": data["Monitoring"]["Enabled"]}

    def outside(cloud):
        ec2, number = cloud.client("ec2"), template(cloud)["LaunchTemplateId"]
        made = ec2.create_launch_template_version(LaunchTemplateId=number, VersionDescription="theirs", LaunchTemplateData={"InstanceType": "m5.large"})
        ec2.modify_launch_template(LaunchTemplateId=number, DefaultVersion=str(made["LaunchTemplateVersion"]["VersionNumber"]))

    first = {"name": "life", "version_description": "first", "image_id": "ami-0a1b2c3d", "instance_type": "t4g.micro", "security_group_ids": ["sg-0a1b2c3d"], "user_data": "#!/bin/sh\necho first\n",
             "monitoring": True, "block_device_mappings": [{"device_name": "/dev/xvda", "volume_size": 20, "volume_type": "gp3"}], "metadata_options": {"http_tokens": "required"}, "tags": {"team": "a"}}  # moto shows the first tags for ever
    return Case(
        type="aws.ec2.launch_template",
        first=first,
        then={**first, "version_description": "then", "instance_type": "t4g.small", "security_group_ids": ["sg-4e5f6a7b"], "user_data": "#!/bin/sh\necho then\n", "monitoring": False,
              "block_device_mappings": [{"device_name": "/dev/xvda", "volume_size": 30, "volume_type": "gp3"}], "metadata_options": {"http_tokens": "optional"}},
        seen=seen,
        gone=lambda cloud: not cloud.client("ec2").describe_launch_templates()["LaunchTemplates"],
        outside=outside,
        drifted="instance_type",
        replaces=[{"name": "life-other"}],
    )


@case("template of what bears tags")
def _():
    def seen(cloud):
        (one,) = cloud.client("ec2").describe_launch_template_versions(Versions=["$Default"])["LaunchTemplateVersions"]
        (template,) = cloud.client("ec2").describe_launch_templates()["LaunchTemplates"]
        return {"tags": tags_of(template["Tags"]).get("team"), "bears": one["LaunchTemplateData"]["TagSpecifications"], "price": one["LaunchTemplateData"]["InstanceMarketOptions"]["SpotOptions"]["MaxPrice"],
                "public": one["LaunchTemplateData"]["NetworkInterfaces"][0]["AssociatePublicIpAddress"]}

    def bearing(team, price, public):
        return {"name": "life", "image_id": "ami-0a1b2c3d", "tag_specifications": [{"resource_type": "instance", "tags": {"team": team}}], "spot": {"market_type": "spot", "max_price": price},
                "network_interfaces": [{"device_index": 0, "associate_public_ip_address": public, "security_group_ids": ["sg-0a1b2c3d"]}], "tags": {"team": team}}

    return Case(
        type="aws.ec2.launch_template",
        first=bearing("a", "0.05", True),
        then=bearing("b", "0.06", False),
        seen=seen,
        gone=lambda cloud: not cloud.client("ec2").describe_launch_templates()["LaunchTemplates"],
        outside=None,
    )


NOT_ON_MOTO["template of what bears tags"] = CASES.pop("template of what bears tags")  # moto puts the template's own tags among them


@case("classifier")
def _():
    def seen(cloud):
        (one,) = cloud.client("glue").get_classifiers()["Classifiers"]
        return {"delimiter": one["CsvClassifier"]["Delimiter"], "begins": one["CsvClassifier"]["ContainsHeader"], "names": one["CsvClassifier"]["Header"]}

    def outside(cloud):
        cloud.client("glue").update_classifier(CsvClassifier={"Name": "life", "Delimiter": "|"})

    def csv(delimiter, begins, *names):
        return {"name": "life", "csv": {"delimiter": delimiter, "contains_header": begins, "header": list(names)}}

    return Case(
        type="aws.glue.classifier",
        first=csv(";", "PRESENT", "id", "stars"),
        then=csv(",", "ABSENT", "id", "rating"),
        seen=seen,
        gone=lambda cloud: not cloud.client("glue").get_classifiers()["Classifiers"],
        outside=outside,
        drifted="csv",
        replaces=[{"name": "life-other"}],
    )


@case("classifier of lines")
def _():
    def seen(cloud):
        (one,) = cloud.client("glue").get_classifiers()["Classifiers"]
        return {"pattern": one["GrokClassifier"]["GrokPattern"], "kind": one["GrokClassifier"]["Classification"]}

    def grok(kind, pattern):
        return {"name": "life", "grok": {"classification": kind, "grok_pattern": pattern}}

    return Case(
        type="aws.glue.classifier",
        first=grok("nginx", "%{IPORHOST:client}"),
        then=grok("apache", "%{IPORHOST:host} %{USER:user}"),
        seen=seen,
        gone=lambda cloud: not cloud.client("glue").get_classifiers()["Classifiers"],
        outside=None,
    )


for name in ("classifier", "classifier of lines"):  # moto has none
    NOT_ON_MOTO[name] = CASES.pop(name)

API = {"type": "aws.apigatewayv2.api", "name": "life", "protocol_type": "HTTP"}


def api_of(cloud):
    (one,) = cloud.client("apigatewayv2").get_apis()["Items"]
    return one


def no_api(cloud):
    return not cloud.client("apigatewayv2").get_apis()["Items"]


def part_of(cloud, call, **given):
    (one,) = getattr(cloud.client("apigatewayv2"), call)(ApiId=api_of(cloud)["ApiId"], **given)["Items"]
    return one


@case("api")
def _():
    def seen(cloud):
        one = api_of(cloud)
        return {"name": one["Name"], "about": one["Description"], "cors": one["CorsConfiguration"]["AllowOrigins"], "tags": one["Tags"].get("team")}

    def outside(cloud):
        cloud.client("apigatewayv2").update_api(ApiId=api_of(cloud)["ApiId"], Description="theirs")

    first = {"name": "life", "protocol_type": "HTTP", "description": "first", "cors": {"allow_origins": ["https://a.example"], "allow_methods": ["GET"], "max_age": 60}, "tags": {"team": "a"}}
    then = {**first, "name": "life-then", "description": "then", "cors": {"allow_origins": ["https://b.example"]}, "tags": {"team": "b"}}
    return Case(
        type="aws.apigatewayv2.api",
        first=first,
        then=then,
        less={key: value for key, value in then.items() if key != "cors"},
        seen=seen,
        gone=no_api,
        outside=outside,
        drifted="description",
        replaces=[{"protocol_type": "WEBSOCKET", "route_selection_expression": "$request.body.action", "cors": None}],
    )


@case("integration of an api")
def _():
    def seen(cloud):
        one = part_of(cloud, "get_integrations")
        return {"uri": one["IntegrationUri"], "method": one["IntegrationMethod"], "time": one["TimeoutInMillis"], "about": one["Description"]}

    def outside(cloud):
        cloud.client("apigatewayv2").update_integration(ApiId=api_of(cloud)["ApiId"], IntegrationId=part_of(cloud, "get_integrations")["IntegrationId"], TimeoutInMillis=100)

    first = {"api": "${api.api_id}", "integration_type": "HTTP_PROXY", "integration_uri": "https://a.example", "integration_method": "GET", "timeout_in_millis": 5000, "description": "first", "payload_format_version": "1.0"}
    return Case(
        type="aws.apigatewayv2.integration",
        around={"api": API},
        first=first,
        then={**first, "integration_uri": "https://b.example", "integration_method": "ANY", "timeout_in_millis": 6000, "description": "then"},
        seen=seen,
        gone=no_api,
        outside=outside,
        drifted="timeout_in_millis",
    )


@case("route of an api")
def _():
    def seen(cloud):
        one = part_of(cloud, "get_routes")
        return {"key": one["RouteKey"], "name": one["OperationName"], "who": one["AuthorizationType"]}

    def outside(cloud):
        cloud.client("apigatewayv2").update_route(ApiId=api_of(cloud)["ApiId"], RouteId=part_of(cloud, "get_routes")["RouteId"], OperationName="theirs")

    first = {"api": "${api.api_id}", "route_key": "GET /orders", "operation_name": "orders", "authorization_type": "NONE"}
    return Case(
        type="aws.apigatewayv2.route",
        around={"api": API},
        first=first,
        then={**first, "route_key": "POST /orders", "operation_name": "order", "authorization_type": "AWS_IAM"},
        seen=seen,
        gone=no_api,
        outside=outside,
        drifted="operation_name",
    )


@case("authorizer of an api")
def _():
    def seen(cloud):
        one = part_of(cloud, "get_authorizers")
        return {"name": one["Name"], "who": one["JwtConfiguration"]["Audience"], "where": one["IdentitySource"]}

    def outside(cloud):
        cloud.client("apigatewayv2").update_authorizer(ApiId=api_of(cloud)["ApiId"], AuthorizerId=part_of(cloud, "get_authorizers")["AuthorizerId"], Name="theirs")

    first = {"api": "${api.api_id}", "name": "life", "authorizer_type": "JWT", "identity_source": ["$request.header.Authorization"], "jwt": {"issuer": "https://a.example", "audience": ["web"]}}
    return Case(
        type="aws.apigatewayv2.authorizer",
        around={"api": API},
        first=first,
        then={**first, "name": "life-then", "identity_source": ["$request.querystring.auth"], "jwt": {"issuer": "https://b.example", "audience": ["app"]}},
        seen=seen,
        gone=no_api,
        outside=outside,
        drifted="name",
    )


@case("stage of an api")
def _():
    def seen(cloud):
        one = part_of(cloud, "get_stages")
        return {"about": one["Description"], "auto": one["AutoDeploy"], "variables": one["StageVariables"], "rate": one["DefaultRouteSettings"]["ThrottlingRateLimit"],
                "log": one["AccessLogSettings"]["Format"], "tags": one["Tags"].get("team")}

    def outside(cloud):
        cloud.client("apigatewayv2").update_stage(ApiId=api_of(cloud)["ApiId"], StageName="$default", Description="theirs")

    def stage(word, rate, auto):
        return {"api": "${api.api_id}", "name": "$default", "description": word, "auto_deploy": auto, "stage_variables": {"word": word}, "default_route_settings": {"throttling_rate_limit": rate},
                "access_log": {"destination": "arn:aws:logs:us-east-1:123456789012:log-group:life", "format": f"{word} $context.requestId"}, "tags": {"team": word}}

    return Case(
        type="aws.apigatewayv2.stage",
        around={"api": API},
        first=stage("a", 10.5, True),
        then=stage("b", 20.5, False),
        seen=seen,
        gone=no_api,
        outside=outside,
        drifted="description",
        replaces=[{"name": "v1"}],
    )


SERVED = {"type": "aws.apigatewayv2.deployment", "api": "${api.api_id}", "triggers": ["${route.id}"]}
ROUTE = {"type": "aws.apigatewayv2.route", "api": "${api.api_id}", "route_key": "GET /"}


@case("deployment of an api")
def _():
    def deployment(word):
        return {"api": "${api.api_id}", "description": word, "triggers": ["${route.id}"]}

    return Case(
        type="aws.apigatewayv2.deployment",
        around={"api": API, "route": ROUTE},
        first=deployment("a"),
        then=deployment("b"),
        seen=lambda cloud: {"about": part_of(cloud, "get_deployments")["Description"]},
        gone=no_api,
        outside=None,
        replaces=[{"triggers": ["other"]}],
        imports=False,  # what triggers it nobody tells
    )


@case("stage of a deployment")
def _():
    def outside(cloud):
        cloud.client("apigatewayv2").update_stage(ApiId=api_of(cloud)["ApiId"], StageName="v1", Description="theirs")

    return Case(
        type="aws.apigatewayv2.stage",
        around={"api": API, "route": ROUTE, "served": SERVED, "next": {**SERVED, "triggers": ["${route.id}", "next"]}},
        first={"api": "${api.api_id}", "name": "v1", "deployment_id": "${served.deployment_id}", "description": "a"},
        then={"api": "${api.api_id}", "name": "v1", "deployment_id": "${next.deployment_id}", "description": "b"},
        seen=lambda cloud: {"served": part_of(cloud, "get_stages")["DeploymentId"], "about": part_of(cloud, "get_stages")["Description"]},
        gone=no_api,
        outside=outside,
        drifted="description",
    )


for name in ("authorizer of an api", "stage of an api", "deployment of an api", "stage of a deployment"):  # moto lists no authorizers, changes no stages, and deploys nothing
    NOT_ON_MOTO[name] = CASES.pop(name)


def pool_of(cloud):
    (one,) = cloud.client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]
    return cloud.client("cognito-idp").describe_user_pool(UserPoolId=one["Id"])["UserPool"]


def no_pool(cloud):
    return not cloud.client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]


POOL = {"type": "aws.cognitoidp.user_pool", "name": "life-pool"}


@case("user pool")
def _():
    def seen(cloud):
        one = pool_of(cloud)
        return {"length": one["Policies"]["PasswordPolicy"]["MinimumLength"], "subject": one["EmailVerificationSubject"], "alone": one["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"],
                "verified": one["AutoVerifiedAttributes"], "ways": one["AccountRecoverySetting"]["RecoveryMechanisms"][0]["Name"]}

    def outside(cloud):
        cloud.client("cognito-idp").update_user_pool(UserPoolId=pool_of(cloud)["Id"], EmailVerificationSubject="theirs")

    def pool(length, subject, alone, verified, way):
        return {"name": "life", "password_policy": {"minimum_length": length, "require_numbers": True}, "email_verification_subject": subject, "admin_create_user": {"allow_admin_create_user_only": alone},
                "auto_verified_attributes": [verified], "account_recovery": [{"name": way, "priority": 1}]}

    return Case(
        type="aws.cognitoidp.user_pool",
        first=pool(12, "first", True, "email", "verified_email"),
        then=pool(14, "then", False, "phone_number", "admin_only"),
        seen=seen,
        gone=no_pool,
        outside=outside,
        drifted="email_verification_subject",
        replaces=[{"username_attributes": ["email"]}],
    )


@case("user pool with a second factor")
def _():
    def seen(cloud):
        one = pool_of(cloud)
        return {"factor": one["MfaConfiguration"], "name": one["Name"], "protected": one["DeletionProtection"], "tags": one["UserPoolTags"].get("team")}

    first = {"name": "life", "mfa_configuration": "OPTIONAL", "deletion_protection": "INACTIVE", "tags": {"team": "a"}}
    return Case(
        type="aws.cognitoidp.user_pool",
        first=first,
        then={**first, "name": "life-then", "mfa_configuration": "ON", "tags": {"team": "b"}},
        less={"name": "life"},
        seen=seen,
        unchanged={"protected"},
        gone=no_pool,
        outside=None,
    )


for name in ("user pool", "user pool with a second factor"):  # moto forgets its name, factor and tags when something changes
    NOT_ON_MOTO[name] = CASES.pop(name)


def domain_of(cloud):
    return cloud.client("cognito-idp").describe_user_pool_domain(Domain="life-pages")["DomainDescription"]


@case("domain of a user pool")
def _():
    first = {"domain": "life-pages", "user_pool": "${pool.user_pool_id}"}
    return Case(
        type="aws.cognitoidp.user_pool_domain",
        around={"pool": POOL},
        first=first,
        then=None,
        seen=lambda cloud: {"pool": domain_of(cloud)["UserPoolId"] == pool_of(cloud)["Id"]},
        gone=lambda cloud: not domain_of(cloud) and no_pool(cloud),
        outside=None,
        replaces=[{"domain": "life-other-pages"}],
    )


@case("pages of a user pool")
def _():
    first = {"domain": "life-pages", "user_pool": "${pool.user_pool_id}", "managed_login_version": 1}
    return Case(
        type="aws.cognitoidp.user_pool_domain",
        around={"pool": POOL},
        first=first,
        then={**first, "managed_login_version": 2},
        less={"domain": "life-pages", "user_pool": "${pool.user_pool_id}"},
        seen=lambda cloud: {"pages": domain_of(cloud)["ManagedLoginVersion"]},
        gone=lambda cloud: not domain_of(cloud) and no_pool(cloud),
        outside=None,
    )


NOT_ON_MOTO["pages of a user pool"] = CASES.pop("pages of a user pool")  # it does not tell which they are


@case("client of a user pool")
def _():
    def found(cloud):
        cognito, pool = cloud.client("cognito-idp"), pool_of(cloud)["Id"]
        (one,) = cognito.list_user_pool_clients(UserPoolId=pool)["UserPoolClients"]
        return cognito.describe_user_pool_client(UserPoolId=pool, ClientId=one["ClientId"])["UserPoolClient"]

    def seen(cloud):
        one = found(cloud)
        return {"name": one["ClientName"], "flows": sorted(one["ExplicitAuthFlows"]), "back": one["CallbackURLs"], "scopes": one["AllowedOAuthScopes"], "holds": one["AccessTokenValidity"], "unit": one["TokenValidityUnits"]["AccessToken"]}

    def outside(cloud):
        one = found(cloud)
        cloud.client("cognito-idp").update_user_pool_client(UserPoolId=one["UserPoolId"], ClientId=one["ClientId"], CallbackURLs=["https://theirs.example"])

    first = {"user_pool": "${pool.user_pool_id}", "name": "life", "explicit_auth_flows": ["ALLOW_USER_SRP_AUTH"], "allowed_oauth_flows": ["code"], "allowed_oauth_flows_user_pool_client": True,
             "allowed_oauth_scopes": ["openid"], "callback_urls": ["https://a.example"], "supported_identity_providers": ["COGNITO"], "access_token_validity": 30, "token_validity_units": {"access_token": "minutes"}}
    return Case(
        type="aws.cognitoidp.user_pool_client",
        around={"pool": POOL},
        first=first,
        then={**first, "name": "life-then", "explicit_auth_flows": ["ALLOW_USER_PASSWORD_AUTH"], "allowed_oauth_scopes": ["email"], "callback_urls": ["https://b.example"], "access_token_validity": 2,
              "token_validity_units": {"access_token": "hours"}},
        seen=seen,
        gone=no_pool,
        outside=outside,
        drifted="callback_urls",
        replaces=[{"generate_secret": True}],
    )


def server_of(cloud):
    (one,) = cloud.client("transfer").list_servers()["Servers"]
    return cloud.client("transfer").describe_server(ServerId=one["ServerId"])["Server"]


def no_server(cloud):
    return not cloud.client("transfer").list_servers()["Servers"]


@case("transfer server")
def _():
    def seen(cloud):
        one = server_of(cloud)
        return {"role": one["LoggingRole"], "speaks": sorted(one["Protocols"]), "before": one["PreAuthenticationLoginBanner"], "ciphers": one["SecurityPolicyName"], "logs": one["StructuredLogDestinations"],
                "tags": tags_of(one["Tags"]).get("team")}

    def outside(cloud):
        cloud.client("transfer").update_server(ServerId=server_of(cloud)["ServerId"], PreAuthenticationLoginBanner="theirs")

    def server(word, policy, *protocols):
        return {"protocols": list(protocols), "logging_role": f"arn:aws:iam::123456789012:role/{word}", "pre_authentication_login_banner": word, "security_policy": policy,
                "structured_log_destinations": [f"arn:aws:logs:us-east-1:123456789012:log-group:{word}:*"], "tags": {"team": word}}

    return Case(
        type="aws.transfer.server",
        first=server("first", "TransferSecurityPolicy-2022-03", "SFTP"),
        then=server("then", "TransferSecurityPolicy-2024-01", "SFTP", "FTPS"),
        less={"tags": {"team": "first"}},
        seen=seen,
        gone=no_server,
        outside=outside,
        drifted="pre_authentication_login_banner",
        replaces=[{"domain": "EFS"}],
    )


@case("transfer user")
def _():
    def user(cloud):
        return cloud.client("transfer").describe_user(ServerId=server_of(cloud)["ServerId"], UserName="partner")["User"]

    def seen(cloud):
        one = user(cloud)
        return {"role": one["Role"].rpartition("/")[2], "begins": one.get("HomeDirectory"), "sees": one["HomeDirectoryMappings"][0]["Target"], "tags": tags_of(one["Tags"]).get("team")}

    def outside(cloud):
        cloud.client("transfer").update_user(ServerId=server_of(cloud)["ServerId"], UserName="partner", HomeDirectoryMappings=[{"Entry": "/", "Target": "/theirs"}])

    def declared(word):
        return {"server": "${server.server_id}", "name": "partner", "role": f"arn:aws:iam::123456789012:role/{word}", "home_directory_type": "LOGICAL", "home_directory_mappings": [{"entry": "/", "target": f"/lake/{word}"}],
                "policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::lake/{word}/*"}]}, "tags": {"team": word}}

    return Case(
        type="aws.transfer.user",
        around={"server": {"type": "aws.transfer.server"}},
        first=declared("first"),
        then=declared("then"),
        seen=seen,
        unchanged={"begins"},
        gone=no_server,
        outside=outside,
        drifted="home_directory_mappings",
        replaces=[{"name": "partner-other"}],
    )


for name in ("transfer server", "transfer user"):  # moto changes neither
    NOT_ON_MOTO[name] = CASES.pop(name)


def dms_of(cloud, call, at):
    found = getattr(cloud.client("dms"), call)()[at]
    return next(one for one in found if any(value == "life" for key, value in one.items() if key.endswith("Identifier")))


def no_dms(cloud):
    dms = cloud.client("dms")
    return not (dms.describe_replication_instances()["ReplicationInstances"] or dms.describe_endpoints()["Endpoints"] or dms.describe_replication_tasks()["ReplicationTasks"])


def dms_tags(cloud, arn):
    return tags_of(cloud.client("dms").list_tags_for_resource(ResourceArn=arn)["TagList"]).get("team")


COPIES = {"type": "aws.dms.replication_instance", "name": "life-copies", "instance_class": "dms.t3.micro"}
ENDS = {kind: {"type": "aws.dms.endpoint", "name": f"life-{kind}", "endpoint_type": kind, "engine_name": "postgres", "server_name": f"{kind}.example", "port": 5432} for kind in ("source", "target")}


@case("group of subnets that copies are made in")
def _():
    def seen(cloud):
        one = dms_of(cloud, "describe_replication_subnet_groups", "ReplicationSubnetGroups")
        return {"about": one["ReplicationSubnetGroupDescription"], "subnets": sorted(each["SubnetIdentifier"] for each in one["Subnets"])}

    def group(about, *subnets):
        return {"name": "life", "description": about, "subnet_ids": list(subnets), "tags": {"team": about}}

    return Case(
        type="aws.dms.subnet_group",
        first=group("first", "subnet-1", "subnet-2"),
        then=group("then", "subnet-1", "subnet-3"),
        seen=seen,
        gone=lambda cloud: not cloud.client("dms").describe_replication_subnet_groups()["ReplicationSubnetGroups"],
        outside=lambda cloud: cloud.client("dms").modify_replication_subnet_group(ReplicationSubnetGroupIdentifier="life", ReplicationSubnetGroupDescription="theirs", SubnetIds=["subnet-1", "subnet-2"]),
        drifted="description",
        replaces=[{"name": "life-other"}],
    )


@case("machine that copies")
def _():
    def seen(cloud):
        one = dms_of(cloud, "describe_replication_instances", "ReplicationInstances")
        return {"class": one["ReplicationInstanceClass"], "disk": one["AllocatedStorage"], "tags": dms_tags(cloud, one["ReplicationInstanceArn"])}

    def machine(size, disk, team):
        return {"name": "life", "instance_class": size, "allocated_storage": disk, "tags": {"team": team}}

    return Case(
        type="aws.dms.replication_instance",
        first=machine("dms.t3.micro", 20, "a"),
        then=machine("dms.t3.small", 30, "b"),
        seen=seen,
        gone=no_dms,
        outside=lambda cloud: cloud.client("dms").modify_replication_instance(ReplicationInstanceArn=dms_of(cloud, "describe_replication_instances", "ReplicationInstances")["ReplicationInstanceArn"], AllocatedStorage=90),
        drifted="allocated_storage",
        replaces=[{"publicly_accessible": False}],
    )


@case("end that is copied to")
def _():
    def seen(cloud):
        one = dms_of(cloud, "describe_endpoints", "Endpoints")
        return {"folder": one["S3Settings"]["BucketFolder"], "format": one["S3Settings"]["DataFormat"], "tags": dms_tags(cloud, one["EndpointArn"])}

    def end(folder, form):
        return {"name": "life", "endpoint_type": "target", "engine_name": "s3", "s3": {"bucket": "life-lake", "folder": folder, "role": "arn:aws:iam::123456789012:role/r", "data_format": form}, "tags": {"team": folder}}

    return Case(
        type="aws.dms.endpoint",
        first=end("first", "csv"),
        then=end("then", "parquet"),
        seen=seen,
        gone=no_dms,
        outside=lambda cloud: cloud.client("dms").modify_endpoint(EndpointArn=dms_of(cloud, "describe_endpoints", "Endpoints")["EndpointArn"], S3Settings={"BucketFolder": "theirs", "BucketName": "life-lake"}),
        drifted="s3",
        replaces=[{"endpoint_type": "source"}],
    )


@case("what is copied")
def _():
    def seen(cloud):
        one = dms_of(cloud, "describe_replication_tasks", "ReplicationTasks")
        return {"kind": one["MigrationType"], "tables": one["TableMappings"], "tags": dms_tags(cloud, one["ReplicationTaskArn"])}

    def task(kind, schema):
        return {"name": "life", "source": "${source.arn}", "target": "${target.arn}", "replication_instance": "${copies.arn}", "migration_type": kind, "tags": {"team": schema},
                "table_mappings": {"rules": [{"rule-type": "selection", "rule-id": "1", "rule-name": "1", "object-locator": {"schema-name": schema, "table-name": "%"}, "rule-action": "include"}]}}

    return Case(
        type="aws.dms.task",
        around={"copies": COPIES, **ENDS},
        first=task("full-load", "first"),
        then=task("cdc", "then"),
        seen=seen,
        gone=no_dms,
        outside=lambda cloud: cloud.client("dms").modify_replication_task(ReplicationTaskArn=dms_of(cloud, "describe_replication_tasks", "ReplicationTasks")["ReplicationTaskArn"], MigrationType="full-load-and-cdc"),
        drifted="migration_type",
        replaces=[{"name": "life-other"}],
    )


for name in ("group of subnets that copies are made in", "machine that copies", "end that is copied to", "what is copied"):  # moto changes none of them
    NOT_ON_MOTO[name] = CASES.pop(name)


# Each has a sibling here that lives through the same, and its own cycle in sandbox/test_every_type.py.
LONG_FORM = {f"test_life_cycle[{name}]" for name in ("launch template", "route of an api", "integration of an api")}


@case("pipe")
def _():
    def seen(cloud):
        (found,) = cloud.client("pipes").list_pipes()["Pipes"]
        answer = cloud.client("pipes").describe_pipe(Name=found["Name"])
        return {key: answer.get(key) for key in ("Description", "DesiredState", "Source", "SourceParameters", "Enrichment", "EnrichmentParameters", "Target", "TargetParameters", "RoleArn", "LogConfiguration", "Tags")}

    def arn(service, what):
        return f"arn:aws:{service}:us-east-1:{ACCOUNT}:{what}"

    role = f"arn:aws:iam::{ACCOUNT}:role/pipes"
    source = arn("kinesis", "stream/clicks")
    log = {"level": "ERROR", "log_group": arn("logs", "log-group:/pipes")}
    ecs = {"task_definition": arn("ecs", "task-definition/t:1"), "launch_type": "FARGATE", "subnets": ["subnet-0123456789abcdef0"], "overrides": {"container_overrides": [{"name": "c", "environment": {"ID": "$.data.id"}}]}}
    return Case(
        type="aws.pipes.pipe",
        first={"name": "life-pipe", "description": "first", "desired_state": "STOPPED", "source": source, "target": arn("lambda", "function:f"), "role": role, "tags": {"team": "a"}, "log_configuration": log,
               "source_parameters": {"filters": [{"pattern": {"data": {"kind": ["new"]}}}], "kinesis": {"starting_position": "LATEST", "batch_size": 10}},
               "enrichment": arn("lambda", "function:e"), "enrichment_parameters": {"input_template": '{"id": <$.data.id>}'}, "target_parameters": {"lambda": {"invocation_type": "FIRE_AND_FORGET"}}},
        then={"name": "life-pipe", "description": "then", "desired_state": "RUNNING", "source": source, "target": arn("ecs", "cluster/c"), "role": role + "-2", "tags": {"team": "b"}, "log_configuration": {**log, "level": "INFO"},
              "source_parameters": {"filters": [{"pattern": {"data": {"kind": ["old"]}}}], "kinesis": {"starting_position": "LATEST", "maximum_retry_attempts": 3, "on_partial_batch_item_failure": "AUTOMATIC_BISECT"}},
              "enrichment": arn("events", "api-destination/a/12345678"), "enrichment_parameters": {"http": {"headers": {"kind": "$.data.kind"}}}, "target_parameters": {"ecs": ecs}},
        less={"name": "life-pipe", "source": source, "target": arn("ecs", "cluster/c"), "role": role + "-2", "source_parameters": {"kinesis": {"starting_position": "LATEST"}}, "target_parameters": {"ecs": ecs}},
        seen=seen,
        unchanged={"Source"},
        gone=lambda cloud: not cloud.client("pipes").list_pipes()["Pipes"],
        outside=lambda cloud: cloud.client("pipes").update_pipe(Name="life-pipe", RoleArn=role, Description="others'"),
        drifted="description",
        replaces=[{"name": "life-other"}, {"source": arn("kinesis", "stream/others")}, {"source_parameters": {"kinesis": {"starting_position": "TRIM_HORIZON"}}}],
    )


NOT_ON_MOTO["pipe"] = CASES.pop("pipe")  # moto has no UpdatePipe


@pytest.mark.parametrize("name", CASES)
def test_life_cycle(stack, cloud, name):
    walk(stack, cloud, CASES[name])
