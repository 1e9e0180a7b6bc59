"""A state file that was cut at the end of a record, where nothing in it looks damaged."""

import pytest

STACK = """
    stack: lost
    inputs: {n: {type: integer, default: 1}}
    resources:
      a: {type: weir.value, value: "${inputs.n}"}
      b: {type: weir.value, value: "b ${a.value}"}
"""

@pytest.fixture
def applied(local_stack):
    local_stack.write(STACK).apply()
    local_stack.apply("-i", "n=2")
    return local_stack

def test_cut_at_the_end_of_each_record(applied):
    whole = applied.log().read_bytes()
    ends = [at + 1 for at, byte in enumerate(whole) if byte == 10]
    assert len(ends) > 8
    for number, end in enumerate(ends[:-1], 1):
        applied.log().write_bytes(whole[:end])
        refused = applied.run("plan", "-i", "n=2", status=None)
        missing = len(ends) - number
        assert refused.status and f"ends at record {number}, but it had been written up to record {len(ends)}: {missing} that were relied on" in refused.err, str(refused)
        assert "weir state doctor --accept-loss" in refused.err
    applied.log().write_bytes(whole)
    applied.assert_settled("-i", "n=2")

def test_cut_within_the_last_records(applied):
    """Relied on, too: what is torn is only what was never acknowledged."""
    whole = applied.log().read_bytes()
    applied.log().write_bytes(whole[:-5])
    assert "that were relied on are missing" in applied.run("plan", status=None).err

def test_the_log_has_gone(applied):
    applied.log().unlink()
    refused = applied.apply(status=None)
    assert refused.status and "is missing: it had" in refused.err
    applied.run("state", "doctor", "--accept-loss")
    applied.apply()
    applied.assert_settled()

def test_a_loss_that_is_accepted(applied):
    lines = applied.log().read_bytes().splitlines(keepends=True)
    applied.log().write_bytes(b"".join(lines[:-3]))
    assert applied.run("state", "doctor", status=None).status
    assert "the 3 records after it are lost" in applied.run("state", "doctor", "--accept-loss").err
    applied.run("state", "doctor")
    applied.apply("-i", "n=2")
    applied.assert_settled("-i", "n=2")
    assert "Nothing is missing" in applied.run("state", "doctor", "--accept-loss").err

@pytest.mark.parametrize("left", [b"", b"0000", b"not a number at all\n\n"], ids=["none", "torn", "other"])
def test_without_the_second_place(applied, left):
    """As states of before, and after a power cut: then nobody knows, and the next run writes it."""
    head = applied.log().with_suffix(".head")
    assert int(head.read_text().split()[0]) == len(applied.log().read_text().splitlines())
    head.write_bytes(left) if left else head.unlink()
    applied.assert_settled("-i", "n=2")
    applied.apply("-i", "n=3")
    assert int(head.read_text().split()[0]) == len(applied.log().read_text().splitlines())

def test_behind_is_no_loss(applied):
    """A power cut may leave an earlier number."""
    applied.log().with_suffix(".head").write_text("%020d\n" % 2)
    applied.assert_settled("-i", "n=2")

