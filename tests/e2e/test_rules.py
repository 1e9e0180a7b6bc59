"""Rules: asked of plans, and of what is known only while one is applied, before the call."""

import json
import os
import subprocess
from pathlib import Path

import jsonschema
import pytest

from editor import Editor
from support import SANITIZED, cpu_of

LAKE = """
    stack: ruled
    locals:
      tags: {team: data}
    resources:
      lake:
        type: aws.s3.bucket
        name: ruled-lake
        tags: ${locals.tags}
      queue:
        type: aws.sqs.queue
        name: ruled-queue
        tags: {owner: ada}
"""
OWNED = """
    rules:
      owned:
        for: aws.*
        require: ${haskey(default(self.tags, {}), "owner")}
        message: ${type} ${address} has no owner
"""


def ruled(stack, rules, base=LAKE):
    return stack.write(base + rules)


def findings(result):
    return [(e["rule"], e["address"], e["outcome"]) for e in result.events() if e["event"] == "rule"]


def test_a_broken_rule_stops_before_any_call(stack, cloud):
    """Each way to print it says so, with the place of the attribute; no plan is saved."""
    ruled(stack, OWNED)
    said = stack.run("plan", "-o", "it.plan", status=3)
    assert "3 to create" not in said.out and "2 to create" in said.out and not (stack.folder / "it.plan").exists()
    assert "error: lake: aws.s3.bucket lake has no owner\n  --> weir.yaml:4:9" in said.err and 'the rule "owned"' in said.err
    assert "queue" not in said.err
    result = stack.run("plan", "--json", status=3)
    (event,) = [e for e in result.events() if e["event"] == "rule"]
    assert event == {"event": "rule", "rule": "owned", "address": "lake", "type": "aws.s3.bucket", "level": "error", "outcome": "broken", "message": "aws.s3.bucket lake has no owner", "file": "weir.yaml", "line": 4, "column": 9} | {key: event[key] for key in ("at", "run") if key in event}
    assert result.events()[-1]["status"] == 3
    assert "| `owned` | error | `lake` | aws.s3.bucket lake has no owner |" in stack.run("plan", "--format", "markdown", status=3).out
    assert "error  lake: aws.s3.bucket lake has no owner (owned, weir.yaml:4)" in stack.run("plan", "--format", "html", status=3).out
    cloud.forget_requests()
    stack.apply(status=3)
    assert not {"CreateBucket", "CreateQueue"} & set(cloud.requests()) and stack.addresses() == []
    stack.write((stack.folder / "weir.yaml").read_text().replace("team: data", "owner: ada")).apply()
    stack.assert_settled()


def test_a_warning_stops_nothing(stack):
    ruled(stack, OWNED + "        level: warning\n")
    assert "warning: lake: aws.s3.bucket lake has no owner" in stack.run("plan", "-o", "it.plan").err
    assert "warning  lake: aws.s3.bucket lake has no owner (owned, weir.yaml:4)" in stack.run("show", "it.plan").out
    assert findings(stack.run("show", "it.plan", "--json")) == [("owned", "lake", "broken")]
    assert "has no owner" in stack.run("apply", "it.plan").err
    assert "has no owner" in stack.run("plan").err  # also of what does not change


def test_an_unchanged_resource_breaks_a_new_rule(stack):
    stack.write(LAKE).apply()
    ruled(stack, OWNED)
    assert "lake has no owner" in stack.run("plan", status=3).err
    ruled(stack, OWNED.replace("        require", '        where: ${action != "noop"}\n        require'))
    stack.run("plan")


WAITS = """
    stack: ruled
    resources:
      queue: {type: aws.sqs.queue, name: ruled-queue}
      kept: {type: weir.value, value: "${queue.url}"}
      after: {type: weir.value, value: "${kept.value}"}
      apart: {type: weir.value, value: "1"}
    rules:
      outside:
        for: weir.value
        require: ${!endswith(self.value, "LAST")}
        message: ${address} has a wrong end
"""


def test_what_is_unknown_is_asked_before_the_call(stack, cloud):
    """Only that branch stops, with the rule's message; the rest is made and recorded."""
    stack.write(WAITS.replace("LAST", "ruled-queue"))
    said = stack.run("plan", "-o", "it.plan")
    assert "asked during apply  kept: kept has a wrong end (outside, weir.yaml:5)" in said.out and "wrong end" not in said.err
    assert findings(stack.run("show", "it.plan", "--json")) == [("outside", "after", "waits"), ("outside", "kept", "waits")] or findings(stack.run("show", "it.plan", "--json")) == [("outside", "kept", "waits"), ("outside", "after", "waits")]
    failed = stack.run("apply", "it.plan", status=3)
    assert "kept has a wrong end" in failed.err and 'the rule "outside" at weir.yaml:' in failed.err, failed
    assert sorted(stack.addresses()) == ["apart", "queue"]
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == 1
    stack.write(WAITS.replace("LAST", "other")).apply()
    assert sorted(stack.addresses()) == ["after", "apart", "kept", "queue"]
    stack.assert_settled()


def test_a_warning_that_waits_warns(stack):
    stack.write(WAITS.replace("LAST", "ruled-queue") + "        level: warning\n")
    said = stack.apply()
    assert "kept: kept has a wrong end (rule outside)" in said.out + said.err
    assert len(stack.addresses()) == 4


def test_what_nobody_can_tell_is_not_kept(stack, cloud):
    """The queue's own URL is known only when it is there: before the call nobody can be asked."""
    stack.write("stack: ruled\nresources:\n  queue: {type: aws.sqs.queue, name: ruled-queue}\nrules:\n  told: {for: aws.sqs.queue, require: '${self.url != \"\"}', message: it has a URL}\n")
    said = stack.run("plan", status=3).err
    assert "queue: it has a URL" in said and "cannot be evaluated before the call" in said
    stack.apply(status=3)
    assert "QueueUrls" not in cloud.client("sqs").list_queues()


def test_a_rule_about_deletions(stack):
    keep = """
    rules:
      data_stays:
        for: aws.s3.bucket
        where: ${action == "delete" || action == "replace"}
        require: ${default(before.tags.keep, "yes") == "no"}
        message: ${address} holds data
"""
    ruled(stack, keep).apply()
    stack.write("stack: ruled\nresources: {}\n" + keep.replace("\n    ", "\n"))
    said = stack.run("plan", status=3)
    assert "lake: lake holds data" in said.err and "queue" not in said.err
    assert "lake holds data" in stack.run("destroy", "--yes", status=3).err
    assert sorted(stack.addresses()) == ["lake", "queue"]
    ruled(stack, keep, LAKE.replace("team: data", 'keep: "no"')).apply()
    stack.destroy()


def test_a_rule_about_the_plan(stack):
    few = "    rules:\n      few: {for: plan, require: '${plan.create < 2 && plan.resources == 2}', message: 'not ${plan.create} at once'}\n"
    assert "plan: not 2 at once" in ruled(stack, few).run("plan", status=3).err
    stack.write(LAKE).apply()
    ruled(stack, few).run("plan")


def test_what_refers_to_what(stack):
    rules = """
    rules:
      used:
        for: aws.sqs.queue
        require: '${length([for d in dependents : d if d.type == "aws.sns.subscription"]) == 1}'
        message: nobody sends to ${self.name}
      local:
        for: aws.sns.subscription
        require: '${[for d in dependencies : d.self.name] == ["ruled-topic", "ruled-queue"]}'
        message: it refers to something else
"""
    base = LAKE + """
      topic: {type: aws.sns.topic, name: ruled-topic}
      sub: {type: aws.sns.subscription, topic: "${topic.arn}", protocol: sqs, endpoint: "${QUEUE.arn}"}
      other: {type: aws.sqs.queue, name: ruled-other}
"""
    said = ruled(stack, rules, base.replace("QUEUE", "queue")).run("plan", status=3).err
    assert "other: nobody sends to ruled-other" in said and "nobody sends to ruled-queue" not in said and "something else" not in said, said


MODULE = """
    inputs: {name: {type: string}}
    resources:
      store: {type: aws.s3.bucket, name: "${inputs.name}"}
    rules:
      named: {for: aws.s3.bucket, require: '${startswith(self.name, "lab-")}', message: "${self.name} begins with lab-"}
"""


def test_rules_of_a_module_hold_in_it(stack):
    """The place is where the caller gave the value."""
    stack.write(MODULE, "lab/weir.yaml").write("""
        stack: ruled
        resources:
          lake: {type: aws.s3.bucket, name: ruled-lake}
        modules:
          good: {source: ./lab, name: lab-1}
          bad:
            source: ./lab
            name: home-1
    """)
    said = stack.run("plan", status=3).err
    assert "error: bad/store: home-1 begins with lab-\n  --> weir.yaml:9:11" in said and "--> lab/weir.yaml:6:3" in said and said.count("error: ") == 1, said


@pytest.mark.parametrize("rule, says", [
    ("require: '${self.tags.owner}'", '"owner"'),
    ("require: '${self.name}'", "`require` of the rule \"it\" is true or false, not a string"),
    ("where: '${self.policy}', require: '${true}'", "`where` of the rule \"it\" is true or false, not null"),
    ("require: '${before.name == 1}'", "null and has no attribute"),
])
def test_a_mistake_in_a_rule_is_an_error_with_a_place(stack, rule, says):
    ruled(stack, f"    rules:\n      it: {{for: aws.s3.bucket, {rule}, message: x}}\n")
    said = stack.run("plan", status=3).err
    assert says in said and "--> weir.yaml:15:" in said and "it was asked of lake" in said, said


def test_validate_and_editors_ask_what_needs_no_plan(stack):
    changes = OWNED.replace("aws.*", "weir.value").replace("owned", "changes").replace("    rules:\n", "") + '        where: ${action == "create"}\n'
    ruled(stack, OWNED + changes.replace('haskey(default(self.tags, {}), "owner")', "false"))
    said = stack.run("validate", status=3).err
    assert "error: lake: aws.s3.bucket lake has no owner" in said and said.count("error: ") == 1
    editor = Editor(stack.folder)
    editor.open((stack.folder / "weir.yaml").read_text())
    ((part, message),) = editor.wrong()
    assert "lake has no owner" in message and part == "{team: data}"
    text = (stack.folder / "weir.yaml").read_text()
    editor.open(text.replace("{team: data}", "{owner: ada}"))  # as one types
    assert editor.wrong() == []
    own = 'name: ruled-lake\n    lifecycle: {precondition: {require: "${self.name != \'ruled-lake\'}", message: another name}}'
    editor.open(text.replace("{team: data}", "{owner: ada}").replace("name: ruled-lake", own))
    ((part, message),) = editor.wrong()
    assert "lake: another name" in message and part == "ruled-lake"
    assert editor.leave() == 0


@pytest.mark.full
def test_many_rules_of_many_resources_cost_little(local_stack):
    """60 rules of 10,000 resources: by much less than one plan for each more; of three runs each the best."""
    body = "stack: big\nresources:\n" + "".join(f'  v{i}: {{type: weir.value, value: "{i}"}}\n' for i in range(10_000))
    rules = "rules:\n" + "".join(
        f"  r{i}: {{for: weir.*, where: '${{action != \"delete\"}}', require: '${{length(self.value) < {i + 10} && !startswith(self.value, \"no{i}\")}}', message: m}}\n" for i in range(60)
    )
    local_stack.write(body, "plain.yaml").write(body + rules, "ruled.yaml")
    plain, ruled_s = (min(cpu_of(lambda: local_stack.run("plan", "-C", name))[1] for _ in range(3)) for name in ("plain.yaml", "ruled.yaml"))
    assert SANITIZED or ruled_s < 12 * plain, (plain, ruled_s)
    broken = local_stack.write(body + rules.replace("< 10 ", "< 4 "), "ruled.yaml").run("plan", "-C", "ruled.yaml", "--json", status=3)
    assert len(findings(broken)) == 9000 and json.loads(broken.out.splitlines()[-1])["message"].startswith("9000 rules are broken")


WAIVED = """
      waive:
        - {rule: owned, for: lake, reason: the owner has left, until: 2099-12-31}
"""


def test_a_waiver_is_shown_in_each_plan(stack):
    """With its reason and last day; only for what it names, and an error when it is over."""
    ruled(stack, OWNED.rstrip() + WAIVED)
    said = stack.run("plan", "-o", "it.plan")
    line = "waived  lake: aws.s3.bucket lake has no owner (owned, weir.yaml:4); until 2099-12-31: the owner has left"
    assert line in said.out and "owner has left" not in said.err
    assert line in stack.run("show", "it.plan").out and "until 2099-12-31" in stack.run("plan", "--format", "markdown").out
    (event,) = [e for e in stack.run("plan", "--json").events() if e["event"] == "rule"]
    assert (event["outcome"], event["reason"], event["until"]) == ("waived", "the owner has left", "2099-12-31")
    assert "waived until 2099-12-31: owned for lake: the owner has left" in stack.run("rules").out
    stack.run("apply", "it.plan")
    ruled(stack, OWNED.rstrip() + WAIVED.replace("for: lake", "for: [queue, other]"))
    assert "lake has no owner" in stack.run("plan", status=3).err
    ruled(stack, OWNED.rstrip() + WAIVED.replace("2099", "2024"))
    said = stack.run("validate", status=3).err
    assert 'the waiver of "owned" ended on 2024-12-31\n  --> weir.yaml:21:14' in said and "lake has no owner" in said
    stack.destroy()


@pytest.mark.parametrize("waiver, says", [
    ("{rule: ownd, for: lake, reason: x, until: 2099-12-31}", 'did you mean "owned"?'),
    ("{rule: owned, for: lake, until: 2099-12-31}", "this waiver has no `reason`"),
    ("{rule: owned, for: lake, reason: x, until: soon}", '"soon" is not a date'),
    ("{rule: owned, reason: x, until: 2099-12-31}", "this waiver has no `for`"),
])
def test_a_mistake_in_a_waiver(stack, waiver, says):
    ruled(stack, OWNED.rstrip() + f"\n      waive: [{waiver}]\n")
    assert says in stack.run("validate", status=3).err


COMPANY = "rules:\n  owned: {for: aws.s3.bucket, require: '${haskey(default(self.tags, {}), \"owner\")}', message: no owner}\n"


def test_rules_of_an_organisation_hold_without_being_named(stack):
    """By WEIR_RULES, or a file above the stack's folder; a stack waives them only where they say so."""
    stack.write(LAKE)
    stack.write(COMPANY, "../company.yaml")
    stack.run("validate", env={"WEIR_RULES": ""})
    rules = {"WEIR_RULES": str(stack.folder.parent / "company.yaml")}
    said = stack.run("plan", status=3, env=rules).err
    assert "lake: no owner" in said and 'the rule "company/owned"' in said
    stack.write(COMPANY.replace("no owner", "nobody owns it"), "../weir-rules.yaml")
    assert "lake: nobody owns it" in stack.run("validate", status=3).err
    waived = LAKE + "    rules:\n      waive: [{rule: owned, for: lake, reason: x, until: 2099-12-31}]\n"
    assert 'the rule "weir-rules/owned" cannot be waived by a stack' in stack.write(waived).run("plan", status=3).err
    stack.write("waivable: true\n" + COMPANY, "../weir-rules.yaml").run("plan")
    stack.write(COMPANY.replace("message", "waivable: true, message"), "../weir-rules.yaml").run("plan")
    stack.write("rules:\n  use: [weir.baseline]\n", "../weir-rules.yaml")
    assert "lake: the bucket does not block all public access" in stack.write(LAKE).run("validate", status=3).err
    stack.write("rules:\n  it: {for: aws.s3.bukket, require: '${true}', message: x}\n", "../weir-rules.yaml")
    assert 'did you mean "aws.s3.bucket"?' in stack.run("validate", status=3).err
    (stack.folder.parent / "weir-rules.yaml").unlink()


def test_rules_of_a_folder(stack):
    """A module that is used for its rules only: nothing else of it counts, and it sees nothing of the stack."""
    stack.write("inputs: {nobody: {type: string}}\n" + COMPANY, "company/weir.yaml")
    used = LAKE + "    rules: {use: [./company]}\n"
    said = stack.write(used).run("plan", status=3).err
    assert "lake: no owner" in said and "--> company/weir.yaml:3:3" in said and 'the rule "company/owned"' in said
    stack.write(used.replace("./company", "./nowhere")).run("plan", status=3)
    stack.write("outputs: {a: 1}\n", "company/weir.yaml")
    assert "company/weir.yaml has no rules" in stack.write(used).run("plan", status=3).err


def test_rules_of_a_repository_are_pinned(stack):
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", str(stack.folder.parent / "rules.git")]
    stack.write(COMPANY, "../rules.git/weir.yaml")
    for command in ["init", "-q"], ["add", "."], ["commit", "-qm", "rules"], ["tag", "v1"]:
        subprocess.run([*git, *command], check=True)
    stack.write(LAKE + f"    rules: {{use: ['git::file://{stack.folder.parent}/rules.git?ref=v1']}}\n")
    assert "does not resolve this source" in stack.run("validate", status=3).err
    stack.run("modules", "update")
    assert "lake: no owner" in stack.run("validate", status=3).err


DATA_STAYS = """
    rules:
      data_stays:
        for: aws.s3.bucket
        where: ${action == "delete"}
        require: ${false}
        message: ${address} holds data
        level: approval
"""


def test_what_somebody_has_to_agree_to(stack):
    """A plan only says so; an apply wants the rule's name and a reason, and the history keeps them."""
    ruled(stack, DATA_STAYS).apply()
    stack.write(LAKE.split("lake:")[0].rstrip() + " {}\n" + DATA_STAYS)
    said = stack.run("plan", "-o", "it.plan")
    assert "wants approval  lake: lake holds data (data_stays, weir.yaml:" in said.out
    assert "wants approval" in stack.run("show", "it.plan").out
    for args in ["apply", "--yes"], ["apply", "it.plan"], ["destroy", "--yes"]:
        refused = stack.run(*args, status=3).err
        assert "approval required: lake: lake holds data (rule data_stays)" in refused and "--approve data_stays --reason TEXT" in refused
    assert "--approve wants a --reason" in stack.run("apply", "--yes", "--approve", "data_stays", status=3).err
    assert 'no rule "data_stay" asks for approval' in stack.run("apply", "--yes", "--approve", "data_stay", "--reason", "x", status=3).err
    assert "--reason says why" in stack.run("apply", "--yes", "--reason", "x", status=3).err
    assert len(stack.addresses()) == 2
    done = stack.run("apply", "it.plan", "--approve", "data_stays", "--reason", "moved to another account", "--json")
    assert findings(done) == [("data_stays", "lake", "approved")]
    assert "approved data_stays: moved to another account" in stack.run("history").out
    run = stack.run("history", "--json").events()[-1]
    assert (run["approved"], run["reason"]) == ("data_stays", "moved to another account")
    assert stack.addresses() == []


def test_an_approval_that_waits(stack):
    """What is known only after apply is asked then, and wants the same."""
    stack.write(WAITS.replace("LAST", "ruled-queue") + "        level: approval\n")
    failed = stack.run("apply", "--yes", status=3).err
    assert "kept has a wrong end" in failed and "--approve outside --reason TEXT" in failed
    stack.apply("--approve", "outside", "--reason", "agreed")
    assert len(stack.addresses()) == 4


def test_what_nobody_can_tell_can_be_agreed_to(stack):
    stack.write("stack: ruled\nresources:\n  queue: {type: aws.sqs.queue, name: ruled-queue}\nrules:\n  told: {for: aws.sqs.queue, require: '${self.url != \"\"}', message: it has a URL, level: approval}\n")
    assert "approval required: queue: it has a URL" in stack.run("apply", "--yes", status=3).err
    stack.apply("--approve", "told", "--reason", "it will have one")
    assert stack.addresses() == ["queue"]


def test_rules_hold_for_each_member_of_a_fleet(stack):
    stack.write("stack: lab\ninputs: {owner: x}\nfleet: {each: [ada, bob], inputs: {owner: '${each.key}'}}\nresources:\n  lake: {type: aws.s3.bucket, name: 'lab-${inputs.owner}'}\n"
                "rules:\n  named: {for: aws.s3.bucket, require: '${self.name != \"lab-bob\"}', message: not bob}\n")
    assert "1 rule is broken: named of lake" in stack.run("fleet", "plan", status=3).err
    stack.run("fleet", "apply", "--yes", status=3)
    assert [b["Name"] for b in stack.client("s3").list_buckets()["Buckets"]] == ["lab-ada"]


def test_what_rules_say_of_a_fleet(stack):
    """Once, with the names of those of whom it is said; and what a member costs is known."""
    stack.write("stack: lab\ninputs: {owner: x}\nfleet: {each: [ada, bob, eve], inputs: {owner: '${each.key}'}}\n"
                "resources:\n  lake: {type: aws.s3.bucket, name: 'lab-${inputs.owner}'}\n  door: {type: aws.ec2.elastic_ip, tags: {of: '${inputs.owner}'}}\n"
                "rules:\n  owned: {for: aws.s3.bucket, require: '${haskey(default(self.tags, {}), \"owner\")}', message: no owner, level: warning}\n"
                "  eve: {for: aws.s3.bucket, require: '${!endswith(self.name, \"eve\")}', message: it is hers, level: warning}\n"
                "  cheap: {for: plan, require: '${plan.cost.month < 5 && plan.cost.month > 1}', message: 'it costs ${plan.cost.month}'}\n"
                "  dear: {for: plan, require: '${plan.cost.month < 1}', message: 'it costs ${plan.cost.month}', level: warning}\n")
    said = stack.run("fleet", "plan").out
    assert "  warning  lake: no owner (owned, weir.yaml:5): ada, bob, eve\n" in said and "  warning  lake: it is hers (eve, weir.yaml:5): eve\n" in said, said
    assert "  warning  plan: it costs 3.65 (dear, weir.yaml:11): ada, bob, eve\n" in said, said
    assert {e["member"] for e in stack.run("fleet", "plan", "--json").events() if e["event"] == "rule" and e["rule"] == "owned"} == {"ada", "bob", "eve"}


def sarif(result):
    """Checked by the standard's own schema where it is at hand (WEIR_SARIF_SCHEMA, sarif-schema-2.1.0.json of OASIS)."""
    whole = json.loads(result.out)
    if path := os.environ.get("WEIR_SARIF_SCHEMA"):
        schema = json.loads(Path(path).read_text())
        kind = jsonschema.validators.validator_for(schema)
        kind(schema, format_checker=kind.FORMAT_CHECKER).validate(whole)
    (run,) = whole["runs"]
    assert whole["version"] == "2.1.0" and run["tool"]["driver"]["name"] == "weir" and run["columnKind"] == "unicodeCodePoints"
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for one in run["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"] and one["message"]["text"]
        for place in one["locations"]:
            assert place["physicalLocation"]["region"]["startLine"] >= 1 and not place["physicalLocation"]["artifactLocation"]["uri"].startswith("weir.baseline")
    return run


def outline(run):
    return {(one["ruleId"], one["locations"][0].get("logicalLocations", [{}])[0].get("fullyQualifiedName"), one["level"], one["kind"], one.get("suppressions", [{}])[0].get("justification")) for one in run["results"]}


def test_findings_as_sarif(stack):
    """At the attribute, with what the rule is called, why, and its page; what waits is open, what is waived suppressed."""
    stack.write(WAITS.replace("LAST", "other") + """
      owned: {for: aws.sqs.queue, require: '${haskey(default(self.tags, {}), "owner")}', message: no owner, doc: Somebody pays., link: https://example.org/owners}
      few: {for: plan, require: '${plan.create < 2}', message: too many, level: warning}
      waive: [{rule: owned, for: queue, reason: next week, until: 2099-01-01}]
""")
    run = sarif(stack.run("plan", "--format", "sarif", "-o", "it.plan"))
    found = {("outside", "kept", "none", "open", None), ("outside", "after", "none", "open", None), ("owned", "queue", "error", "fail", "next week"), ("few", "plan", "warning", "fail", None)}
    assert outline(run) == found
    (owned,) = [rule for rule in run["tool"]["driver"]["rules"] if rule["id"] == "owned"]
    assert owned["shortDescription"]["text"] == "Somebody pays." and owned["helpUri"] == "https://example.org/owners"
    (kept,) = [one for one in run["results"] if one["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "kept"]
    assert kept["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "weir.yaml"}, "region": {"startLine": 5, "startColumn": 38, "endColumn": 47}}
    assert outline(sarif(stack.run("show", "it.plan", "--format", "sarif"))) == found


def test_mistakes_as_sarif(local_stack):
    """`weir validate`: rules by their names, all else as weir's; also where nothing can be read, and where nothing is wrong."""
    local_stack.write(LAKE + OWNED, "a b/weir.yaml")
    run = sarif(local_stack.run("validate", "-C", "a b", "--format", "sarif", status=3))
    assert outline(run) == {("owned", None, "error", "fail", None)} and run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b/weir.yaml"
    local_stack.write(LAKE.replace("name: ruled-queue", "nam: ruled-queue"))
    assert outline(sarif(local_stack.run("validate", "--format", "sarif", status=3))) == {("weir", None, "error", "fail", None)}
    local_stack.write("stack: [")
    assert len(sarif(local_stack.run("validate", "--format", "sarif", status=3))["results"]) == 1
    assert sarif(local_stack.write(LAKE).run("validate", "--format", "sarif"))["results"] == []
    assert "two ways to print it" in local_stack.run("validate", "--format", "sarif", "--json", status=3).out


def test_a_rule_about_the_cost(stack):
    """A budget is a rule like others: of the month after the plan; where a price is not known it is not kept."""
    def priced(limit, engine="postgres"):
        return stack.write(f"stack: priced\nresources:\n  db: {{type: aws.rds.instance, name: x, engine: {engine}, instance_class: db.t3.micro, allocated_storage: 20, storage_type: gp3, master_username: keeper, manage_master_user_password: true, skip_final_snapshot: true}}\n"
                           f"rules:\n  cheap: {{for: plan, require: '${{plan.cost.month < {limit} && plan.cost.month_now == 0}}', message: 'it costs more than {limit} USD a month'}}\n")

    assert "plan: it costs more than 1 USD a month" in priced(1).run("plan", status=3).err
    priced(1000).run("plan")
    said = priced(1000, "sqlserver-ex").run("plan", status=3).err
    assert "it costs more than 1000 USD" in said and "cannot be evaluated before the call" in said
    priced(1000).run("validate")
