"""The life of what pipelines have besides: what machines start as, what they are told, how many there are (see life.py)."""

import base64

import pytest

from life import case_table, Case, tags_of, walk

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


@pytest.mark.parametrize("name", CASES)
def test_life(stack, cloud, name):
    walk(stack, cloud, CASES[name])
