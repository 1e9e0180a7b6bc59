"""`data: {type: weir.stack}`: what another stack gives out, from wherever that keeps its state; its secrets stay secret."""

import json

import pytest
from pg import Postgres
from support import Stack, until

KEY = {"WEIR_STATE_KEY": "a passphrase of the network's team"}
NETWORK = """
    stack: network
    {state}
    inputs: {{password: {{type: string, sensitive: true, default: moss-covered-bridge}}}}
    resources: {{v: {{type: weir.value, value: {{vpc: vpc-1, zones: [a, b]}}}}}}
    outputs:
      vpc: "${{v.value.vpc}}"
      zones: "${{v.value.zones}}"
      nested: {{value: {{size: 3, on: true}}}}
      password: {{value: "${{inputs.password}}", sensitive: true}}
"""


def network(tmp_path, cloud=None, state="", env=None):
    stack = Stack(tmp_path / "network", cloud)
    stack.write(NETWORK.format(state=state)).apply(env=env)
    return stack


def reader(tmp_path, source, cloud=None, state="", more=""):
    return Stack(tmp_path / "reader", cloud).write(f"""
        stack: reader
        {state}
        data:
          network: {source}
        resources:
          copy: {{type: weir.value, value: "${{network.outputs.vpc}} ${{length(network.outputs.zones)}} ${{network.outputs.nested.size}}"}}
        outputs:
          copy: "${{copy.value}}"
          {more}
    """)


def test_from_its_folder(tmp_path):
    there = network(tmp_path)
    kept = there.state_text()
    here = reader(tmp_path, "{type: weir.stack, stack: network, dir: ../network}")
    here.apply()
    assert here.outputs() == {"copy": "vpc-1 2 3"}
    here.assert_settled()
    assert there.state_text() == kept, "reading it changes nothing"
    there.write(NETWORK.format(state="").replace("vpc-1", "vpc-2")).apply()
    assert here.plan() == {"copy": "update"}
    here.apply()
    assert here.outputs() == {"copy": "vpc-2 2 3"}
    here.destroy()


def test_while_it_is_locked(tmp_path, cloud):
    """Whoever reads waits for nobody."""
    there = network(tmp_path, cloud)
    there.write(NETWORK.format(state="").replace("resources: {", "resources: {role: {type: aws.iam.role, name: r, assume_role_policy: {Version: '2012-10-17', Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: 'sts:AssumeRole'}]}}, "))
    cloud.fail({"match": "CreateRole", "hold": True})
    process = there.start("apply", "--yes")
    until(lambda: "CreateRole" in cloud.requests(), process=process)
    here = reader(tmp_path, "{type: weir.stack, stack: network, dir: ../network}")
    here.apply()
    assert here.outputs() == {"copy": "vpc-1 2 3"}
    cloud.fail()
    assert process.communicate()[0] is not None and process.returncode == 0


def test_secrets_stay_secret(tmp_path):
    network(tmp_path, env=KEY)
    here = reader(tmp_path, "{type: weir.stack, stack: network, dir: ../network}", more='password: "${network.outputs.password}"')
    shown = here.apply(env=KEY)
    assert "moss-covered-bridge" not in shown.out + shown.err + here.run("apply", "--yes", "-vv", env=KEY).err
    assert "moss-covered-bridge" not in here.state_text()
    assert "moss-covered-bridge" not in here.run("output", "--json", env=KEY).out
    closed = here.run("plan", status=None)  # nothing of a sealed state is read without its key
    assert closed.status and "WEIR_STATE_KEY" in closed.err
    refused = here.run("output", "--raw", "password", status=None, env=KEY)
    assert refused.status and "sensitive" in refused.err and "moss" not in refused.err
    # used where a secret belongs, it is the value itself
    here.write("""
        stack: reader
        data: {network: {type: weir.stack, stack: network, dir: ../network}}
        resources:
          it: {type: weir.command, command: 'test "$P" = moss-covered-bridge && echo same', env: {P: "${network.outputs.password}"}}
        outputs: {same: "${it.result}"}
    """)
    here.apply(env=KEY)
    assert json.loads(here.run("output", "--json", env=KEY).out) == {"same": "same"}


def test_without_its_key_only_a_hash_is_known(tmp_path):
    network(tmp_path)  # kept without a key
    here = reader(tmp_path, "{type: weir.stack, stack: network, dir: ../network}")
    here.apply()  # what is not secret can be read
    here.write("""
        stack: reader
        data: {network: {type: weir.stack, stack: network, dir: ../network}}
        resources: {it: {type: weir.command, command: "true", env: {P: "${network.outputs.password}"}}}
    """)
    lost = here.run("plan", status=None)
    assert lost.status in (1, 3) and "hash" in lost.err, lost


def test_where_this_stack_keeps_its_own(tmp_path):
    """One `state:` for all: what it says of this stack holds for the other, too."""
    network(tmp_path, state=f"state: {{backend: file, path: {tmp_path}/states}}")
    here = reader(tmp_path, "{type: weir.stack, stack: network}", state=f"state: {{backend: file, path: {tmp_path}/states}}")
    here.apply()
    assert here.outputs() == {"copy": "vpc-1 2 3"}


def test_environments(tmp_path):
    there = Stack(tmp_path / "network")
    there.write("stack: network\nenvironments: {dev: {}, prod: {}}\nresources: {v: {type: weir.value, value: 1}}\noutputs: {env: '${stack.env}'}\n")
    for env in "dev", "prod":
        there.apply("--env", env)
    here = Stack(tmp_path / "reader")
    here.write("""
        stack: reader
        data:
          dev: {type: weir.stack, stack: network, env: dev, dir: ../network}
          prod: {type: weir.stack, stack: network, env: prod, dir: ../network}
        outputs: {both: "${dev.outputs.env} ${prod.outputs.env}"}
    """)
    here.apply()
    assert here.outputs() == {"both": "dev prod"}


def test_on_s3(tmp_path, cloud):
    cloud.client("s3").create_bucket(Bucket="states")
    state = "{backend: s3, bucket: states, prefix: team}"
    network(tmp_path, cloud, f"state: {state}")
    here = reader(tmp_path, f"{{type: weir.stack, stack: network, state: {state}}}", cloud)
    here.apply()
    assert here.outputs() == {"copy": "vpc-1 2 3"}
    here.assert_settled()
    assert json.loads(here.run("policy", "plan").out)["Statement"] == [
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:*:s3:::states/team/network/*"]},
        {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:*:s3:::states"]}]
    here = reader(tmp_path, "{type: weir.stack, stack: netwerk}", cloud, f"state: {state}")
    absent = here.run("plan", status=None)
    assert absent.status in (1, 3) and 'did you mean "network"' in absent.err, absent


def test_in_postgres(tmp_path):
    server = Postgres()
    try:
        state = f"{{backend: postgres, url: 'postgres://weir@127.0.0.1:{server.port}/postgres'}}"
        network(tmp_path, state=f"state: {state}")
        here = reader(tmp_path, f"{{type: weir.stack, stack: network, state: {state}}}")
        here.apply()
        assert here.outputs() == {"copy": "vpc-1 2 3"}
    finally:
        server.stop()


def test_in_the_sandbox(tmp_path):
    """--sandbox keeps states of its own: that of the other stack is the one that it keeps for that."""
    (tmp_path / ".weir").mkdir()
    there = Stack(tmp_path / "network").write(NETWORK.format(state=""))
    here = reader(tmp_path, "{type: weir.stack, stack: network, dir: ../network}")
    there.apply("--sandbox")
    assert here.run("plan", status=None).status in (1, 3)
    here.apply("--sandbox")
    assert json.loads(here.run("output", "--sandbox", "--json").out) == {"copy": "vpc-1 2 3"}


@pytest.mark.parametrize("source, says", [
    ("{type: weir.stack, stack: netwrk, dir: ../network}", ['there is no state of "netwrk"', 'did you mean "network"']),
    ("{type: weir.stack, stack: network}", ['there is no state of "network"', "apply that stack first"]),
    ("{type: weir.stack, stack: network, env: prod, dir: ../network}", ['there is no state of "network.prod"']),
    ("{type: weir.stack, stack: network, state: {backend: pigeon}}", ["pigeon", "file, s3 and postgres"]),
    ("{type: weir.stack, stack: network, state: {backend: file, pth: x}}", ["pth"]),
    ("{type: weir.stack, stack: network, state: file}", ["state"]),
    ("{type: weir.stack, stack: ../network}", ["../network", "does not match"]),
    ("{type: weir.stack, dir: ../network}", ["stack"]),
    ("{type: weir.stack, stack: network, dir: ../network, outputs: {}}", ["outputs"]),
])
def test_what_is_wrong_is_told(tmp_path, source, says):
    network(tmp_path)
    answer = reader(tmp_path, source).run("plan", status=None)
    assert answer.status in (1, 3) and all(one in answer.err for one in says), answer


def test_an_output_that_is_not_there(tmp_path):
    network(tmp_path)
    here = reader(tmp_path, "{type: weir.stack, stack: network, dir: ../network}", more="subnet: ${network.outputs.zone}")
    answer = here.run("plan", status=None)
    assert answer.status in (1, 3) and "zone" in answer.err and "weir.yaml:" in answer.err, answer


def test_a_state_that_has_moved(tmp_path):
    there = network(tmp_path)
    there.write(NETWORK.format(state=f"state: {{backend: file, path: {tmp_path}/elsewhere}}"))
    there.run("state", "migrate", "--yes", status=None)
    here = reader(tmp_path, "{type: weir.stack, stack: network, dir: ../network}")
    answer = here.run("plan", status=None)
    if (tmp_path / "elsewhere").exists():
        assert answer.status and "elsewhere" in answer.err, answer
