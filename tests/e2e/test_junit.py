"""Results as JUnit XML, read by the library that others read such files with (PyPI `junitparser`)."""

import pytest
from junitparser import Failure, JUnitXml, Skipped

RULED = """
    stack: ruled
    resources:
      lake: {type: aws.s3.bucket, name: ruled-lake, tags: {team: "a<b&\\"c\\""}}
      queue: {type: aws.sqs.queue, name: ruled-queue, tags: {owner: ada}}
      url: {type: weir.value, value: "${queue.url}"}
    rules:
      owned: {for: aws.*, require: '${haskey(default(self.tags, {}), "owner")}', message: "${address} has no owner: ${self.tags.team}"}
      named: {for: aws.*, require: '${startswith(self.name, "ruled-")}', message: x}
      versioned: {for: aws.s3.bucket, require: "${self.versioning == true}", message: no versions, level: warning}
      far: {for: weir.value, require: '${startswith(self.value, "http")}', message: no URL}
      encrypted: {for: aws.sqs.queue, require: "${false}", message: no key}
      waive: [{rule: encrypted, for: queue, reason: it is a copy, until: 2099-12-31}]
"""


def cases(text):
    """(classname, name) -> what it says: None where it passed."""
    xml = JUnitXml.fromstring(text.encode())
    suites = [xml] if xml._elem.tag == "testsuite" else list(xml)
    found = {}
    for suite in suites:
        assert (suite.tests, suite.failures, suite.skipped) == (len(list(suite)), sum(case.is_failure for case in suite), sum(case.is_skipped for case in suite))
        for case in suite:
            found[case.classname, case.name] = [(type(one), one.message, one.text) for one in case.result] or case.system_out
    return found


def test_what_rules_say(stack):
    """Of a plan, of a saved one, and of what needs no plan."""
    said = cases(stack.write(RULED).run("plan", "--format", "junit", status=3).out)
    no_owner = 'lake has no owner: a<b&"c"'
    waits, waived = [(Skipped, "asked during apply: no URL", None)], [(Skipped, "waived until 2099-12-31: it is a copy: no key", None)]
    assert said == {("owned", "lake"): [(Failure, no_owner, f"weir.yaml:4: {no_owner}")], ("versioned", "lake"): "weir.yaml:4: no versions", ("far", "url"): waits, ("encrypted", "queue"): waived, ("named", "kept"): None}
    valid = cases(stack.run("validate", "--format", "junit", status=3).out)
    assert [one for one in valid.values() if isinstance(one, list)] == [[(Failure, f"lake: {no_owner}", f"weir.yaml:4: lake: {no_owner}")]]
    stack.write(RULED.replace('team: "a', 'owner: "a').replace("self.tags.team", "self.name")).run("plan", "-o", "it.plan")
    assert cases(stack.run("show", "it.plan", "--format", "junit").out) == {("versioned", "lake"): "weir.yaml:4: no versions", ("far", "url"): waits, ("encrypted", "queue"): waived}


def test_mistakes_and_none(local_stack):
    local_stack.write("stack: a\nresources:\n  v: {type: weir.value, valu: 3}\n")
    said = cases(local_stack.run("validate", "--format", "junit", status=3).out)
    assert said["weir", "weir.yaml:3:25"][0][0] is Failure and {one[0] for one in said} == {"weir"}
    local_stack.write("stack: a\nresources: {}\n")
    assert cases(local_stack.run("validate", "--format", "junit").out) == {("weir validate", "the stack is valid"): None}
    assert cases(local_stack.run("plan", "--format", "junit").out) == {("a", "there are no rules"): None}


def test_drift(stack):
    stack.write(RULED.split("    rules:")[0]).apply()
    assert cases(stack.run("drift", "--format", "junit").out) == {("ruled", "nothing was changed outside weir"): None}
    stack.client("s3").put_bucket_tagging(Bucket="ruled-lake", Tagging={"TagSet": [{"Key": "team", "Value": "other"}]})
    said = cases(stack.run("drift", "--format", "junit", status=2).out)
    assert said == {("aws.s3.bucket", "lake"): [(Failure, "changed outside weir: tags", None)]}


@pytest.mark.parametrize("command", ["plan", "validate", "drift"])
def test_one_way_to_print(local_stack, command):
    local_stack.write("stack: a\nresources: {}\n").run(command, "--format", "junit", "--json", status=3)
