"""Reference pages: what they say of a type as a whole, and where they lead in the service's own documentation.

botocore's models tell which operations there are, what their documentation's identifier is, and link to pages of the same references.
"""

import contextlib
import json
import re
import subprocess
from functools import cache

import botocore.session
import pytest
import yaml

from support import ROOT, WEIR, spec_of

LOADER = botocore.session.get_session().get_component("data_loader")
SPECS = {spec["service"]: spec for spec in map(spec_of, sorted((ROOT / "provider/aws/specs").glob("*.yaml")))}
# References to which botocore has no link.
UNLINKED = {
    "apigateway": "apigateway/latest/api/", "athena": "athena/latest/APIReference/", "elbv2": "elasticloadbalancing/latest/APIReference/",
    "kinesis": "kinesis/latest/APIReference/", "lakeformation": "lake-formation/latest/APIReference/", "pipes": "eventbridge/latest/pipes-reference/",
    "redshift": "redshift/latest/APIReference/",
    "redshiftdata": "redshift-data/latest/APIReference/", "scheduler": "scheduler/latest/APIReference/", "sts": "STS/latest/APIReference/",
}


@cache
def model(service):
    return LOADER.load_service_model(SPECS[service].get("model", service), "service-2")


@cache
def texts(service):
    """All documentation of the service."""
    def walk(node):
        if isinstance(node, dict):
            for key, value in node.items():
                yield from [value] if key == "documentation" and isinstance(value, str) else walk(value)
        elif isinstance(node, list):
            for value in node:
                yield from walk(value)
    return "\n".join(walk(model(service)))


@cache
def page(name, *more):
    return subprocess.run([WEIR, "docs", name, *more], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("service", SPECS)
def test_address_of_the_reference(service):
    address = SPECS[service]["reference"]
    form = re.fullmatch(r"https://docs\.aws\.amazon\.com/(?:(.+/)API_\$\{operation\}\.html|goto/WebAPI/(.+)/\$\{operation\})", address)
    assert form, address
    folder, uid = form.groups()
    assert uid == model(service)["metadata"]["uid"] if uid else folder == UNLINKED[service] if service in UNLINKED else f"docs.aws.amazon.com/{folder}API_" in texts(service)


@pytest.mark.parametrize("service", SPECS)
def test_types_lead_to_an_operation(service):
    """The first operation that the type's `create` names, or a data source's `read`, except those that only look."""
    for section, step in (("types", "create"), ("data", "read")):
        for name, one in (SPECS[service].get(section) or {}).items():
            shown = re.search(r"^\| API reference \| \[(\w+)\]\((.+)\) \|$", page(f"{'data.' if section == 'data' else ''}aws.{service}.{name}", "--format", "markdown"), re.M)
            if not shown:
                assert "call" not in str(one.get(step)) and "native" in one, name
                continue
            made = str(one.get(step) or one["run"])  # of what only the state has: how it is started
            assert shown[1] in model(service)["operations"] and shown[2] == SPECS[service]["reference"].replace("${operation}", shown[1])
            assert re.search(rf"\b{shown[1]}\b", made), name
            assert section == "data" or not re.match(r"(Describe|Head|List)[A-Z]", shown[1]), name


@pytest.mark.parametrize("service", SPECS)
def test_tags_are_compared(service):
    """Everything that has tags has a call that lists them: what others change of them is seen."""
    for name in SPECS[service].get("types") or {}:
        row = re.search(r"^\| `tags` .*$", page(f"aws.{service}.{name}", "--format", "markdown"), re.M)
        assert not row or "not compared" not in row[0], name


def test_page_of_a_type():
    text = page("aws.dms.replication_instance", "--format", "markdown")
    assert """
| | |
| --- | --- |
| Identifier | `name` |
| API reference | [CreateReplicationInstance](https://docs.aws.amazon.com/dms/latest/APIReference/API_CreateReplicationInstance.html) |
| CloudFormation | `AWS::DMS::ReplicationInstance` |
| Refresh | listed in bulk |
| After a lost answer | found by its name |
| Service | `dms` |
| Endpoint variable | `AWS_ENDPOINT_URL_DATABASE_MIGRATION_SERVICE` |
""" in text
    settable, read_only = text.split("## Read-only attributes")
    rows = {row.split("`")[1]: row for row in settable.splitlines() if row.startswith("| `")}
    assert "API name KmsKeyId" in rows["kms_key"] and "computed by the service if not configured" in rows["kms_key"]
    assert "API name" not in rows["allocated_storage"] + rows["multi_az"]  # MultiAZ is the same word
    assert "API name ReplicationInstanceArn" in read_only and "read-only" not in read_only


def test_names_in_the_api():
    """Of a setting with a call of its own, of a member in structures, of a plural."""
    rows = {row.split("`")[1]: row for row in page("aws.s3.bucket", "--format", "markdown").splitlines() if row.startswith("| `")}
    assert "API name VersioningConfiguration.Status" in rows["versioning"]
    assert "API name" not in rows["cors[].allowed_methods"]
    assert "API name networkConfiguration" not in page("aws.ecs.service") and "API name deploymentConfiguration.deploymentCircuitBreaker" in " ".join(page("aws.ecs.service").split())


def test_code_in_a_text():
    """Names of attributes in a text are code on the page, with what else would be escaped."""
    rows = {row.split("`")[1]: row for row in page("aws.s3.directory", "--format", "markdown").splitlines() if row.startswith("| `")}
    assert " `*.py` at any depth" in rows["include"] and "`__pycache__`, `*.pyc`" in rows["exclude"]
    assert r"\_" in next(row for row in page("aws.sqs.queue", "--format", "markdown").splitlines() if row.startswith("| `name`"))


def test_page_in_the_terminal():
    assert re.search(r"^    API reference +https://docs\.aws\.amazon\.com/glue/latest/webapi/API_CreateJob\.html\n", page("aws.glue.job"), re.M)
    assert re.search(r"^    Refresh +read one at a time\n", page("aws.ecs.service"), re.M)
    assert "After a lost answer" not in page("data.aws.sts.caller_identity")


def test_notes_of_a_data_source():
    """Its arguments are no settings of a resource."""
    text = page("data.aws.ec2.image", "--format", "markdown")
    assert "| `owner` | string | Owner of the image: amazon, self, or an account id. | default \"amazon\" |\n" in text
    assert "reported if not configured" in text.split("## Read-only attributes")[0] and "live resource" not in text


def test_head_names_an_address(tmp_path):
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/shop.yaml").write_text("service: shop\nprotocol: json-1.1\nreference: https://example.org/\ntypes: {}\n")
    (tmp_path / "weir.yaml").write_text("stack: s\nspecs: specs\nresources: {}\n")
    answer = subprocess.run([WEIR, "validate"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 3 and "reference is an address with ${operation} in it" in answer.stderr


# ---- the texts themselves ----

# Words that the field does not use so (the right ones: reported, configured, has the tag, created again, unsupported, filter …).
OLD_WORDS = re.compile(
    r"\b(tells?|told|untold|unsaid|said|says|bears?|steers?|borrow(s|ed)?|anew|lacking|lacks|sought|somebody|nobody|anybody|whoever|likewise|the like|unless given"
    r"|of one's own|let go|ownership mark|behind the door|made of it)\b", re.I,
)
# Beginnings of lines that only those understand who know already: "What is run.", "Of all regions.", "These tags."
RIDDLES = re.compile(r"(What|Whose|Whom|Where|Which|Those|These|That|It|Its|All of|One of|Any of|From|Of|At|By|With|Up to|As|So many|The same|In this)\b|(Is|Begins|Ends) (one|none|with)\b")


def texts_in(node, path=()):
    """Each `doc:` with where it is, but not an attribute that is called doc."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "doc" and isinstance(value, str):
                yield path, value
            else:
                yield from texts_in(value, (*path, key))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from texts_in(value, (*path, i))


def complaints(path, text):
    """What is wrong with a text; nothing is."""
    of_type = len(path) == 2 and path[0] in ("types", "data")
    if of_type and len(text.split()) < 3:
        yield "a type is named and explained in three words or more"
    if not of_type and path and len(text.split()) < 2 and text != "Tags.":
        yield "one word does not explain an attribute"
    if max(len(sentence.split()) for sentence in re.split(r"(?<=[.;]) ", text)) > 30:
        yield "a sentence has more than 30 words"
    if len(re.findall(r"\.(?= [A-Z]|$)", text)) > 2:
        yield "more than two sentences"
    if old := OLD_WORDS.search(text):
        yield f"an old word: {old[0]}"
    if riddle := RIDDLES.match(text):
        yield f"begins like a riddle: {riddle[0]}"


def all_specs():
    """Those of the providers, of the sandbox alone, and those that the guides show."""
    yield from ((f"{file.parent.parent.name}/{file.name}", spec_of(file)) for file in sorted([*ROOT.glob("provider/*/specs/*.yaml"), *ROOT.glob("sandbox/specs/*.yaml")]))
    for page in sorted((ROOT / "docs").glob("**/*.md")):
        for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.M | re.S):
            with contextlib.suppress(yaml.YAMLError):  # some only show a form
                if isinstance(spec := yaml.safe_load(block), dict) and {"service", "types", "shapes"} & set(spec):
                    yield page.name, spec


def test_texts_are_plain():
    found, seen = {}, 0
    for name, spec in all_specs():
        for path, text in texts_in(spec):
            seen += 1
            if wrong := list(complaints(path, text)):
                found[f"{name} {'.'.join(map(str, path))}"] = (text, *wrong)
    assert seen > 3000
    assert not found, "\n".join(f"{where}: {what}" for where, what in found.items())


def descriptions(node, path=()):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "description" and isinstance(value, str):
                yield path, value
            else:
                yield from descriptions(value, (*path, key))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from descriptions(value, (*path, i))


def test_texts_outside_of_specs_are_plain():
    """Those in the program's own tables: keys of the stack language, settings, native types, functions."""
    schema = json.loads(subprocess.run([WEIR, "schema"], capture_output=True, text=True, check=True).stdout)
    texts = {"/".join(map(str, path)): text for path, text in descriptions(schema)}
    rows = re.findall(r"^\| `(\w+)\(.*?\) -> \w+` \| (.*?) \|", (ROOT / "docs/functions.md").read_text(), re.M)
    assert len(texts) > 5000 and len(rows) > 90
    found = {where: (text, *wrong) for where, text in [*texts.items(), *rows] if (wrong := list(complaints((), text)))}
    assert not found, "\n".join(f"{where}: {what}" for where, what in found.items())


def messages_in(node):
    """What people read when a value is not as it has to be, and what they can do about it."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if key in ("message", "hint") and isinstance(value, str):
            yield value
        else:
            yield from messages_in(value)


def test_messages_are_plain():
    messages = {text for _, spec in all_specs() for text in messages_in(spec)}
    assert len(messages) > 300
    assert not {text for text in messages if OLD_WORDS.search(text) or len(text.split()) > 30}


@pytest.mark.parametrize("text", [
    "A machine.", "From or to.", "What is run.", "All of these.", "Where tasks run for which nothing is said.", "Whose key it is.", "GiB.", "It tells the time.",
    "Name of the table. Name of the database. Name of the catalog.", "Name " + "of a name " * 10 + "and so on.",
])
def test_a_riddle_is_found(text):
    assert list(complaints(("types", "table"), text))


def test_a_plain_text_is_none():
    assert not list(complaints(("types", "table"), "A DMS replication instance: the managed server that runs replication tasks."))
    assert not list(complaints(("types", "table", "attributes", "size"), "Size of the volume in GiB."))
