"""What AWS's documentation says of its services, one statement a row: `documented_*.py` have them, test_assertions.py asks servers for them."""

import io
import json
import uuid
import zipfile

from botocore.exceptions import ClientError
from servers import TRUST, role_of

SAID = {}  # (service, statement) -> what finds out whether it holds


def says(service, statement):
    """Marks a function as the proof of a statement; it asserts, and is given an account."""
    def keep(prove):
        assert (service, statement) not in SAID, f"twice: {service}: {statement}"
        SAID[service, statement] = prove
        return prove
    return keep


def refuses(service, statement, code, call):
    """A statement about an error: calling this has that code."""
    says(service, statement)(lambda c: refused(code, call, c))


def refused(code, call, *words, **given):
    """The error, whose code is this, or one of these."""
    try:
        answer = call(*words, **given)
    except ClientError as error:
        assert error.response["Error"]["Code"] in (code if isinstance(code, tuple) else (code,)), error
        return error
    raise AssertionError(f"no error: {str(answer)[:200]}")


def name(kind="n"):
    return f"{kind}-{uuid.uuid4().hex[:12]}"


def archive(text="def handler(event, context):\n    return event\n"):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        out.writestr(zipfile.ZipInfo("main.py"), text)
    return file.getvalue()


def pages(call, listed, **given):
    """What all pages list; a client follows the token itself."""
    return call.__self__.get_paginator(call.__name__).paginate(**given).build_full_result()[listed]


def until(ask, *states):
    """Asks again until it answers one of these."""
    for _ in range(20000):
        if (state := ask()) in states:
            return state
    raise AssertionError(f"still {state}")


class Account:
    """A server's clients by name (`c.sqs`, `c.lambda_`), and things that statements need besides."""

    def __init__(self, server):
        self.server, self.kept = server, {}

    def __getattr__(self, service):
        return self.server.client(service.rstrip("_").replace("_", "-"))

    def raw(self, service):
        """One that leaves it to the server to judge a request."""
        return self.once("raw " + service, lambda: self.server.client(service, parameter_validation=False))

    def once(self, what, make):
        if what not in self.kept:
            self.kept[what] = make()
        return self.kept[what]

    @property
    def role(self):
        def make():
            if self.server.kind == "sandbox":
                return role_of(self.server, "said")
            return self.iam.create_role(RoleName="said", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        return self.once("role", make)

    @property
    def bucket(self):
        def make():
            self.s3.create_bucket(Bucket=(bucket := name("b")))
            return bucket
        return self.once("bucket", make)

    @property
    def vpc(self):
        return self.once("vpc", lambda: self.ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"])

    @property
    def subnets(self):
        def make():
            return [self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.77.{n}.0/24", AvailabilityZone="us-east-1" + zone)["Subnet"]["SubnetId"] for n, zone in enumerate("ab")]
        return self.once("subnets", make)

    @property
    def group(self):
        return self.once("group", lambda: self.ec2.create_security_group(GroupName=name(), Description="d", VpcId=self.vpc)["GroupId"])

    @property
    def database(self):
        def make():
            self.glue.create_database(DatabaseInput={"Name": (given := name("db"))})
            return given
        return self.once("database", make)

    def function(self, **more):
        given = {"FunctionName": name(), "Role": self.role, "Runtime": "python3.12", "Handler": "main.handler", "Code": {"ZipFile": archive()}}
        return self.raw("lambda").create_function(**given | more)


def document(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
