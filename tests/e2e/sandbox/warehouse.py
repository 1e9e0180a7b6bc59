"""A warehouse in the sandbox, for tests that speak to it."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from servers import JobSandbox

HERE = bool(list(Path("/usr/lib/postgresql").glob("*/bin/initdb")))
needs_engine = pytest.mark.skipif(not HERE, reason="no PostgreSQL (tools/setup engines)")
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "redshift.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*", "glue:*"], "Resource": "*"}]})


class Warehouse(JobSandbox):
    """The workgroup `warehouse`, whose namespace has the user weir and the database lake; a role that may read what is in S3 and in Glue."""

    password = "Longenough1"

    def __init__(self, folder="-", **env):
        super().__init__(folder, **env)
        iam, serverless = self.client("iam"), self.client("redshift-serverless")
        self.spectrum = iam.create_role(RoleName="spectrum", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        iam.put_role_policy(RoleName="spectrum", PolicyName="all", PolicyDocument=ALL)
        serverless.create_namespace(namespaceName="warehouse", adminUsername="weir", adminUserPassword=self.password, dbName="lake", iamRoles=[self.spectrum])
        serverless.create_workgroup(workgroupName="warehouse", namespaceName="warehouse", baseCapacity=8)

    @property
    def at(self):
        return self.client("redshift-serverless").get_workgroup(workgroupName="warehouse")["workgroup"]["endpoint"]

    def psql(self, sql, database="lake", user="weir", password=password):
        words = ["psql", "-h", self.at["address"], "-p", str(self.at["port"]), "-U", user, "-d", database, "-v", "ON_ERROR_STOP=1", "-Atqc", sql]
        return subprocess.run(words, capture_output=True, text=True, env={**os.environ, "PGPASSWORD": password})

    def sql(self, sql):
        done = self.psql(sql)
        assert done.returncode == 0, done.stderr
        return [line.split("|") for line in done.stdout.splitlines()]

    def refused(self, sql):
        done = self.psql(sql)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def execute(self, sql, data=None, **more):
        """By the Data API. What DescribeStatement says at the end."""
        data = data or self.client("redshift-data")
        start = data.batch_execute_statement if isinstance(sql, list) else data.execute_statement
        number = start(**{"WorkgroupName": "warehouse", "Database": "lake", "Sqls" if isinstance(sql, list) else "Sql": sql, **more})["Id"]
        while (shown := data.describe_statement(Id=number))["Status"] not in ("FINISHED", "FAILED", "ABORTED"):
            time.sleep(0.02)
        return shown
