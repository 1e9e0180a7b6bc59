"""A module for each of many: instances come and go, are targeted, moved and seen in the state."""

import pytest

STACK = """
stack: workshop
inputs: {people: {type: list(string), default: [ada, ben]}}
modules:
  person:
    source: ./lab
    for_each: ${inputs.people}
    name: ${each.key}
resources:
  everybody: {type: weir.value, value: "${[for k, m in person : m.bucket]}"}
outputs:
  buckets: '${{for k, m in person : k => m.bucket}}'
"""
LAB = """
inputs: {name: {}}
resources:
  lake: {type: aws.s3.bucket, name: "lab-${inputs.name}", force_destroy: true}
  part: {type: weir.value, for_each: [in, out], value: "${lake.name}/${each.key}"}
outputs:
  bucket: ${lake.name}
"""


@pytest.fixture
def workshop(stack):
    return stack.write(STACK).write(LAB, "lab/weir.yaml")


def buckets(cloud):
    return sorted(bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"])


def test_people_come_and_go(workshop, cloud):
    workshop.run("validate")
    workshop.apply()
    workshop.assert_settled()
    assert buckets(cloud) == ["lab-ada", "lab-ben"] and workshop.outputs()["buckets"] == {"ada": "lab-ada", "ben": "lab-ben"}
    assert 'person["ada"]/lake' in workshop.addresses() and 'person["ben"]/part["out"]' in workshop.addresses()
    others = ("-i", "people=[ben, cleo]")
    actions = workshop.plan(*others)
    assert {address for address, action in actions.items() if action == "delete"} == {f'person["ada"]/{what}' for what in ("lake", 'part["in"]', 'part["out"]')}
    assert not any(address.startswith('person["ben"]') for address in actions)
    workshop.apply(*others)
    workshop.assert_settled(*others)
    assert buckets(cloud) == ["lab-ben", "lab-cleo"]
    assert workshop.run("console", *others, stdin='person["cleo"].bucket\n').out.strip() == '"lab-cleo"'
    workshop.run("graph", *others)
    workshop.destroy(*others)
    assert buckets(cloud) == [] and workshop.addresses() == []


def test_one_is_targeted(workshop, cloud):
    assert set(workshop.plan("--target", 'person["ben"]')) == {f'person["ben"]/{what}' for what in ("lake", 'part["in"]', 'part["out"]')}
    workshop.apply("--target", 'person["ben"]/lake')
    assert buckets(cloud) == ["lab-ben"]
    workshop.apply("--target", "person")
    assert buckets(cloud) == ["lab-ada", "lab-ben"] and "everybody" not in workshop.addresses()
    assert set(workshop.plan("--replace", 'person["ada"]/part["in"]')) == {'person["ada"]/part["in"]', "everybody"}
    assert "nobody" in workshop.run("plan", "--target", 'person["nobody"]', status=3).err


def test_a_single_module_becomes_one_of_many(workshop, cloud):
    single = STACK.replace("    for_each: ${inputs.people}\n", "").replace("${each.key}", "ada").replace("[for k, m in person : m.bucket]", "[person.bucket]")
    workshop.write(single.replace("'${{for k, m in person : k => m.bucket}}'", "${person.bucket}"))
    workshop.apply()
    workshop.write(STACK + "moved: [{from: person, to: 'person[\"ada\"]'}]\n")
    assert "delete" not in workshop.plan().values()
    workshop.apply()
    workshop.assert_settled()
    assert buckets(cloud) == ["lab-ada", "lab-ben"]


def test_key_with_everything(workshop, cloud):
    workshop.write(STACK.replace("name: ${each.key}", 'name: "${replace(each.key, "/", "-")}"'.replace('"${', "'${").replace('}"', "}'")))
    key = ("-i", 'people=["a/b"]')
    workshop.apply(*key)
    workshop.assert_settled(*key)
    assert 'person["a/b"]/lake' in workshop.addresses()
    workshop.run("state", "show", 'person["a/b"]/part["in"]')
    workshop.destroy(*key)
    assert buckets(cloud) == []


def test_replaced_by_what_an_instance_tells(local_stack):
    local_stack.write(
        """
        inputs: {text: {}}
        resources:
          told: {type: weir.value, value: "${inputs.text}"}
          inner: {type: weir.value, value: fixed, lifecycle: {replace_triggered_by: ["${inputs.text}"]}}
        outputs: {told: "${told.value}"}
        """,
        "part/weir.yaml",
    )
    local_stack.write("""
        stack: told
        inputs: {v: {default: one}}
        modules:
          part: {source: ./part, for_each: [x, y], text: "${each.key}-${a.value}"}
        resources:
          a: {type: weir.value, value: "${inputs.v}"}
          outer: {type: weir.value, value: fixed, lifecycle: {replace_triggered_by: ['${part["x"].told}']}}
    """)
    local_stack.apply()
    local_stack.assert_settled()
    actions = local_stack.plan("-i", "v=two")
    assert {address for address, action in actions.items() if action == "replace"} == {"outer", 'part["x"]/inner', 'part["y"]/inner'}
    local_stack.apply("-i", "v=two")
    local_stack.assert_settled("-i", "v=two")
