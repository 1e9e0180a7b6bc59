"""Modules that are left out: planned, applied, taken in and left out again."""

import pytest

STACK = """
stack: a
inputs: {on: true}
data: {me: {type: aws.sts.caller_identity}}
modules:
  plain: {source: ./inner, when: "${inputs.on}", text: plain}
  asked: {source: ./inner, when: '${me.account == "%s"}', text: "${me.account}"}
resources:
  beside: {type: weir.value, value: '${inputs.on ? plain.text : "nothing"}'}
outputs:
  plain: ${plain}
  asked: ${asked.text}
"""
INNER = """
inputs: {text: {}}
resources:
  kept: {type: weir.value, value: "${inputs.text}"}
outputs:
  text: ${kept.value}
"""


@pytest.fixture
def modules(stack):
    return stack.write(STACK % "123456789012").write(INNER, "inner/weir.yaml")


def test_in_and_out(modules):
    modules.run("validate")  # asks nobody who we are, so it stays open whether `asked` takes part
    modules.apply()
    assert sorted(modules.addresses()) == ["asked/kept", "beside", "plain/kept"]
    modules.assert_settled()
    off = ("-i", "on=false")
    assert modules.plan(*off) == {"plain/kept": "delete", "beside": "update"}
    modules.apply(*off)
    modules.assert_settled(*off)
    assert modules.outputs() == {"plain": None, "asked": "123456789012"}
    modules.write(STACK % "210987654321")
    modules.apply(*off)
    assert modules.addresses() == ["beside"] and modules.outputs() == {"plain": None, "asked": None}
    modules.apply()
    assert modules.run("console", stdin="plain.text\n").out.strip() == '"plain"'
    modules.destroy()
    assert modules.addresses() == []
