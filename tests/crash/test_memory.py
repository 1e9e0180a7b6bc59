"""
Out of memory at any allocation: one line on stderr, status 1, and the next run carries on as after a kill. The
allocations of a run are counted up to where it needs no more; without WEIR_LONG a few of them fail, spread over all.
"""

import os

import pytest
from support import SANITIZED, WEIR, Stack

LONG = bool(os.environ.get("WEIR_LONG"))
STEP = 1 if LONG else 11
STACK = """
    stack: small
    inputs: {n: {type: integer, default: 1}}
    resources:
      a: {type: weir.value, for_each: [x, y, z], value: "${inputs.n} ${each.key}"}
      b: {type: weir.value, value: '${join(",", [for v in values(a) : v.value])}'}
    outputs: {b: {value: "${b.value}"}}
"""


@pytest.mark.parametrize("before", [None, "n=0"])
def test_out_of_memory(tmp_path, before):
    at, failures = 1, 0
    while True:
        stack = Stack(tmp_path / str(at)).write(STACK)
        if before:
            stack.apply("-i", before)
        result = stack.run("apply", "--yes", status=None, env={"WEIR_FAIL_ALLOC": str(at)})
        assert result.status in (0, 1), str(result)
        failed = "out of memory" in result.err
        assert failed == (result.status == 1), str(result)
        stack.apply()
        stack.assert_settled()
        assert stack.outputs()["b"] == "1 x,1 y,1 z", stack.outputs()
        if not failed:
            break
        failures, at = failures + 1, at + STEP
    assert failures > 5, failures


SECRET = """
    stack: small
    inputs: {p: {type: string, sensitive: true}}
    resources: {a: {type: weir.value, value: "${inputs.p}"}}
"""


@pytest.mark.skipif(SANITIZED, reason="sanitizers take their address space beforehand")
@pytest.mark.parametrize("key", [{}, {"WEIR_STATE_KEY": "a passphrase of some length"}])
def test_little_memory(tmp_path, key):
    """What libraries cannot allocate ends in the same line: hashing and sealing a secret want megabytes."""
    told = 0
    for mib in range(24, 400, 1 if LONG else 3):
        stack = Stack(tmp_path / str(mib)).write(SECRET)
        stack.command = lambda *args, mib=mib: ["prlimit", f"--as={mib << 20}", str(WEIR), *args]
        result = stack.run("apply", "--yes", "--parallelism", "1", "-i", "p=swordfish", status=None, env=key)
        if result.status == 0:
            break
        assert result.status in (1, 127), str(result)  # 127: it is too little for the loader
        assert result.status == 127 or "error: " in result.err, str(result)
        told += result.status == 1
    assert told and result.status == 0
