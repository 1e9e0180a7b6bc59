#!/usr/bin/env python3
"""Writes tests/unit/provider/aws/vectors/sigv4.json: what botocore's signers make of awkward requests.

    tests/tools/sigv4_vectors.py > tests/unit/provider/aws/vectors/sigv4.json

Every vector keeps each stage (canonical request, string to sign, signature), so that a difference shows
where it begins. The clock stands still, so the output is the same on every run.
"""
import datetime
import json
import sys
from unittest import mock
from urllib.parse import parse_qsl, quote, urlsplit

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 11, 21, 9, 30, 7)
ACCESS, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEA/+=token//with==sub-delims"

VECTORS = []


def vector(name, method="GET", path="/", query="", headers=(), body="", service="glue", region="eu-west-1",
           token="", payload_hash="", form="header", expires=0, host="host.example.com"):
    s3 = service == "s3"
    credentials = Credentials(ACCESS, SECRET, token or None)
    url = f"https://{host}{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method=method, url=url, data=body.encode())
    all_headers = [("Host", host), *headers]
    for header, value in all_headers:
        request.headers.add_header(header, value)
    if payload_hash == "UNSIGNED-PAYLOAD" and form == "header":
        request.context["payload_signing_enabled"] = False
        if s3:
            request.context["client_config"] = mock.Mock(s3={"payload_signing_enabled": False})
    kinds = {("header", False): botocore.auth.SigV4Auth, ("header", True): botocore.auth.S3SigV4Auth,
             ("query", False): botocore.auth.SigV4QueryAuth, ("query", True): botocore.auth.S3SigV4QueryAuth}
    options = {"expires": expires} if form == "query" else {}
    signer = kinds[form, s3](credentials, service, region, **options)
    stages = {}

    def keep(stage):
        real = getattr(signer, stage)

        def wrapped(*args):
            stages[stage] = real(*args)
            return stages[stage]
        setattr(signer, stage, wrapped)
    for stage in ("canonical_request", "string_to_sign", "signature"):
        keep(stage)
    with mock.patch("botocore.auth.get_current_datetime", lambda *a, **k: NOW):
        signer.add_auth(request)
    out = dict(name=name, form=form, method=method, path=path, query=query, headers=all_headers, body=body,
               service=service, region=region, token=token, payload_hash=payload_hash, expires=expires, **stages)
    if form == "header":
        out["authorization"] = request.headers["Authorization"]
    else:
        out["signed_query"] = sorted(map(list, parse_qsl(urlsplit(request.url).query, keep_blank_values=True)))
    VECTORS.append(out)


FORM = ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
JSON = ("Content-Type", "application/x-amz-json-1.1")

PATHS = {
    "root": "/", "plain": "/bucket/key", "double slash": "/a//b", "leading slashes": "///a", "dot": "/a/./b",
    "dot dot": "/a/../b", "only dots": "/a/..", "above the root": "/../../a", "trailing slash": "/a/b/",
    "trailing slashes": "/a/b//", "escaped space": "/my%20key/x%20y", "utf-8": quote("/Ünïcode/日本語.csv"),
    "sub-delims": quote("/a!b$c&d'e(f)g*h+i,j;k=l:m@n", safe="/"), "unreserved": "/a-b_c.d~e",
    "escaped slash": "/a%2Fb/c", "escaped percent": "/100%25", "dots in names": "/a/...b/c..", "tilde": "/~/x",
    "version": "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A1%3Afunction%3Ax",
}
QUERIES = {
    "flag": "versioning", "flag with equals": "acl=", "unsorted": "b=2&a=1&c=3", "repeated": "a=2&a=1&a=10",
    "empty value": "prefix=&delimiter=%2F", "case": "B=1&a=2&A=3&b=4", "prefix keys": "ab=1&a=2&a-b=3",
    "escaped": "prefix=a%20b%2Fc&marker=%E2%82%AC", "sub-delims": "x=%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40",
    "list": "list-type=2&prefix=RAW%2FLocal%2F&max-keys=1000&continuation-token=1%2Fa%2Bb%3D%3D",
}


def main():
    for service in ("glue", "s3"):
        for name, path in PATHS.items():
            vector(f"{service} path: {name}", path=path, service=service)
        for name, query in QUERIES.items():
            vector(f"{service} query: {name}", query=query, service=service)
    vector("query protocol", method="POST", headers=[FORM], body="Action=ListRoles&Version=2010-05-08",
           service="iam", region="us-east-1", host="iam.amazonaws.com")
    vector("json protocol", method="POST", headers=[JSON, ("X-Amz-Target", "AWSGlue.GetJobs")],
           body='{"MaxResults":100}')
    vector("session token", method="POST", headers=[FORM], body="Action=GetCallerIdentity", service="sts",
           token=TOKEN)
    vector("s3 session token", method="PUT", path="/b/k", body="data", service="s3", token=TOKEN)
    vector("header white space", headers=[("X-Amz-Meta-A", "  a   b\t c  "), ("x-amz-meta-b", "x,  y")])
    vector("repeated header", headers=[("X-Amz-Meta-A", "2"), ("x-amz-meta-a", " 1 "), ("X-Amz-Meta-A", "3")])
    vector("empty header", headers=[("X-Amz-Meta-Empty", "")])
    vector("header order", headers=[("Z-Last", "1"), ("Content-MD5", "abc=="), ("A-First", "2"), ("a", "3")])
    vector("utf-8 header", headers=[("X-Amz-Meta-Name", "Müller")])
    vector("headers that are not signed", headers=[("User-Agent", "weir/1"), ("Expect", "100-continue"),
                                                   ("X-Amzn-Trace-Id", "Root=1"), ("Connection", "close")])
    vector("s3 tagging header", method="PUT", path="/b/k%20k", service="s3", body="x",
           headers=[("x-amz-tagging", "a=1&b=%20"), ("Content-Type", "text/csv")])
    vector("unsigned payload", method="PUT", path="/b/k", service="s3", body="big",
           payload_hash="UNSIGNED-PAYLOAD")
    vector("utf-8 body", method="POST", headers=[JSON], body=json.dumps({"a": "ü€😀"}, ensure_ascii=False))
    vector("delete", method="DELETE", path="/b", query="policy", service="s3")
    vector("head", method="HEAD", path="/b", service="s3", region="cn-north-1")
    vector("port in host", host="127.0.0.1:4566", method="POST", headers=[JSON], body="{}")
    vector("china", method="POST", headers=[FORM], body="Action=X", service="ec2", region="cn-northwest-1")
    vector("presigned get", path="/b/a%20b//c", service="s3", form="query", expires=3600)
    vector("presigned put with header", method="PUT", path="/b/k", service="s3", form="query", expires=60,
           headers=[("x-amz-acl", "private")])
    vector("presigned with query", path="/b/k", query="versionId=a%2Fb&response-content-type=text%2Fcsv",
           service="s3", form="query", expires=604800)
    vector("presigned with token", path="/k", service="s3", form="query", expires=900, token=TOKEN)
    vector("presigned other service", path="/a//b/../c", query="Action=GetCallerIdentity&Version=2011-06-15",
           service="sts", form="query", expires=60)
    json.dump(dict(access_key=ACCESS, secret_key=SECRET, wall="2026-11-21T09:30:07Z", vectors=VECTORS),
              sys.stdout, indent=1, ensure_ascii=False)
    print()


main()
