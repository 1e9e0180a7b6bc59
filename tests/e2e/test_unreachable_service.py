"""A service that the stack itself makes, and that does not answer any more: what lies in it goes with it, or comes again with it. Of any other service that is an error."""

import json

import pytest

from rest_server import RestServer
from sshd import Sshd, fingerprint, have_sshd, keygen
from support import Stack

TEXT = """
stack: s
providers: {http: {url: "%s", user: ada, password: hush-hush}}
resources:
  up: {type: weir.command, command: "touch up", creates: up, delete: "%s"}
  at: {type: weir.command, command: "echo %s", depends_on: [up]}
  it: {type: http.resource, for_each: [a, b], path: /api/things, id: "${each.key}", body: {size: 2}, create: {method: PUT}, depends_on: [up]}
  on: {type: weir.value, value: "${it[\\"a\\"].id}"}
"""


class Mortal(RestServer):
    """Dies, and comes again at its port with what it had."""

    def again(self):
        things, port = self.things, int(self.url.rpartition(":")[2])
        self.__init__(port=port)
        self.things = things


@pytest.fixture
def server():
    server = Mortal()
    yield server
    server.stop()


def made(tmp_path, server, url="${at.result}", delete="rm up"):
    stack = Stack(tmp_path / "s").write(TEXT % (url.replace("HERE", server.url), delete, server.url))
    stack.env["WEIR_CLOCK_SPEED"] = "50"  # of pauses
    stack.apply()
    assert set(server.things) == {"a", "b"}
    return stack


def errors(result):
    return [line for line in result.err.splitlines() if line.startswith("error: ")]


def test_what_lies_in_it_goes_with_it(tmp_path, server):
    stack = made(tmp_path, server)
    server.stop()
    done = stack.destroy()
    assert "5 deleted" in done.out and '2 resources could not be looked up: their service is deleted with the stack and was unreachable: it["a"], it["b"].' in done.out
    assert not stack.addresses() and not (stack.folder / "up").exists()

    server.again()
    server.things.clear()  # it went with it
    stack.apply()
    server.stop()
    events = stack.destroy("--verify", "--json").events()
    (result,) = (event for event in events if event["event"] == "result")
    (told,) = (event for event in events if event["event"] == "verified")
    assert result["unseen"] == told["unseen"] == ['it["a"]', 'it["b"]'] and (result["delete"], told["left"]) == (5, 0)
    waits = [event["text"] for event in events if event["event"] == "progress" and event["address"].startswith("it") and " try, " not in event["text"]]
    assert waits == ["its service is unreachable; it is deleted with up"] * 2


def test_of_a_fleet_each_is_named(tmp_path, server):
    """With whose it is."""
    text = (TEXT % ("${at.result}", "rm up", server.url)).replace("resources:", "inputs: {owner: {type: string}}\nfleet: {each: [ada, bob], inputs: {owner: '${each.key}'}}\nresources:")
    stack = Stack(tmp_path / "s").write(text.replace('id: "${each.key}"', 'id: "${inputs.owner}-${each.key}"').replace("creates: up", 'creates: "up-${inputs.owner}"').replace("touch up", "touch up-${inputs.owner}").replace("rm up", "rm up-${inputs.owner}"))
    stack.env["WEIR_CLOCK_SPEED"] = "50"
    stack.run("fleet", "apply", "-y")
    assert set(server.things) == {"ada-a", "ada-b", "bob-a", "bob-b"}
    server.stop()
    done = stack.run("fleet", "destroy", "-y", "--verify").out
    assert 'their service is deleted with the stack and was unreachable: it["a"] of ada, it["b"] of ada, it["a"] of bob, it["b"] of bob.' in done, done
    assert '4 resources could not be looked up after the deletion: their service was deleted, too: it["a"] of ada, it["b"] of ada,' in done, done


@pytest.mark.long
@pytest.mark.skipif(not have_sshd(), reason="needs OpenSSH's server")
def test_behind_a_connection(tmp_path, server):
    """Nothing is started by a destroy: it does not wait for a service to come."""
    mine, host = keygen(tmp_path / "mine"), keygen(tmp_path / "host")
    with Sshd(tmp_path / "sshd", [mine], [host]) as machine:
        text = TEXT.replace("ada,", "ada, via: door,") + f"connections: {{door: {machine.connection(mine, type='ssh', host_key=fingerprint(host))}}}\n"
        stack = Stack(tmp_path / "s").write(text % ("${at.result}", "rm up", server.url))
        stack.apply()
        server.stop()
        done = stack.run("destroy", "--yes", "-v")
        assert "they went with it" in done.out and "waiting" not in done.out + done.err and not stack.addresses()


@pytest.mark.long
def test_what_makes_it_stays(tmp_path, server):
    """Then nothing is forgotten, and the next run carries on."""
    stack = made(tmp_path, server, delete="test ! -e held && rm up")
    (stack.folder / "held").touch()
    server.stop()
    failed = stack.run("destroy", "--yes", status=1)
    assert "3 resources failed" in failed.err and set(stack.addresses()) == {"up", 'it["a"]', 'it["b"]'}
    refused = stack.run("destroy", "--yes", "--target", 'it["a"]', status=3)
    assert "its service is a part of up, which this run does not delete" in refused.err
    (stack.folder / "held").unlink()
    assert "they went with it" in stack.destroy().out and not stack.addresses()


@pytest.mark.long
@pytest.mark.parametrize("url, delete", [("HERE", "rm up"), ("${at.result}", "")], ids=["said by hand", "only said by the stack"])
def test_a_service_of_others(tmp_path, server, url, delete):
    stack = made(tmp_path, server, url, delete)
    if not delete:
        stack.write(stack.folder.joinpath("weir.yaml").read_text().replace(', delete: ""', ""))
        stack.apply()
    server.stop()
    failed = stack.run("destroy", "--yes", status=1)
    assert 'the service of provider "http" is none that this stack makes' in failed.err and "weir state rm 'it[\"a\"]'" in failed.err
    assert {'it["a"]', 'it["b"]', "up"} <= set(stack.addresses())
    stack.run("state", "rm", 'it["a"]', 'it["b"]')
    stack.destroy(verify=False)  # which cannot look there, and says so


@pytest.mark.long
def test_a_run_that_was_cut_off(tmp_path, server):
    """What made the service is gone, and what lay in it was not recorded as gone yet: nobody knows any more where it was."""
    stack = made(tmp_path, server)
    server.stop()
    (log,) = stack.folder.glob(".weir/**/*.log")
    stack.destroy()
    lines = log.read_text().splitlines(True)
    records = [json.loads(line.split(" ", 1)[1]) for line in lines]
    (last,) = (i for i, record in enumerate(records) if record["kind"] == "done" and record.get("address") == "up" and record.get("action") == "delete")
    assert {record.get("address") for record in records[last + 1:]} >= {'it["a"]', 'it["b"]'}
    log.write_text("".join(lines[:last + 1]))
    stack.run("state", "doctor", "--accept-loss")
    assert stack.addresses() == ['it["a"]', 'it["b"]']
    assert "they went with it" in stack.destroy().out and not stack.addresses()


@pytest.mark.long
def test_plan(tmp_path, server):
    stack = made(tmp_path, server)
    server.stop()
    refused = stack.run("plan", status=1)
    assert len(errors(refused)) == 1 and 'the service of provider "http" is made by up of this stack' in refused.err and "weir apply --replace 'up'" in refused.err
    # It is seen to be gone, is made anew by hand, or is changed: then it may come again.
    assert stack.plan("--replace", "up") == {"up": "replace"}
    (stack.folder / "up").unlink()
    shown = stack.run("plan", "-v")
    assert stack.plan() == {"up": "create"}
    assert "2 recorded resources could not be read and count as recorded: the service does not answer, and up, which it is a part of, has a change planned; plan again afterwards" in shown.out + shown.err
    server.again()
    del server.things["a"]
    (stack.folder / "up").touch()
    assert stack.plan() == {'it["a"]': "create"}
    server.stop()
    (stack.folder / "up").unlink()
    stack.apply()
    server.again()
    assert stack.plan() == {'it["a"]': "create"}
    stack.destroy()
    assert not server.things
