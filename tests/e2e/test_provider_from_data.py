"""Providers whose settings come from a data source that hangs on resources: what is in them is looked at all the same, and what cannot be is told."""

import json

import pytest

from pg import ADMIN, Postgres
from support import Stack

ADMIN_PASSWORD = "admin-Kingfisher-31"
TEXT = """
stack: late
inputs: {password: {type: string, sensitive: true}, about: login of the database}
locals: {login: "${jsondecode(login.secret_string)}"}
providers:
  aws: {region: us-east-1}
  retail: {type: postgres, host: 127.0.0.1, port: "${locals.login.port}", user: "${locals.login.username}", password: "${locals.login.password}", dbname: postgres}
data:
  login: {type: aws.secretsmanager.secret, name: "${secret.name}"}
resources:
  secret:
    type: aws.secretsmanager.secret
    name: retail/login
    description: ${inputs.about}
    secret_string: '${jsonencode({username: "%s", password: inputs.password, port: %d})}'
    force_destroy: true
  reader: {type: postgres.role, provider: retail, name: reader}
  shop: {type: postgres.schema, provider: retail, name: shop}
  orders: {type: postgres.table, provider: retail, schema: "${shop.name}", name: orders, columns: [{name: id, type: int}]}
  read: {type: postgres.grant, provider: retail, role: "${reader.name}", on: table, schema: "${shop.name}", names: ["${orders.name}"], privileges: [select]}
"""
INSIDE = ["orders", "read", "reader", "shop"]
UNREAD = '4 recorded resources could not be read and count as recorded: the settings of provider "postgres.retail" are known only after apply:\n  orders\n  read\n  reader\n  shop\n'


@pytest.fixture(scope="module")
def server():
    server = Postgres(ADMIN_PASSWORD, fsync="off")
    yield server
    server.stop()


def written(stack, server, change=lambda text: text):
    stack.env["WEIR_INPUT_PASSWORD"] = ADMIN_PASSWORD
    return stack.write(change(TEXT % (ADMIN, server.port)))


@pytest.fixture
def stack(tmp_path, server, place):
    stack = written(Stack(tmp_path / "stack", place), server)
    yield stack
    server.psql("drop schema if exists shop cascade", "drop role if exists reader")


def drifted(stack):
    events = stack.run("drift", "--json", status=2).events()
    return {event["address"]: event.get("deleted", False) for event in events if event["event"] == "drift"}


def unread(stack, *args):
    events = stack.run(*args, "--json", status=None).events()
    (summary,) = (event for event in events if event["event"] == "summary")
    names = [event["address"] for event in events if event["event"] == "unread"]
    assert summary.get("unread", 0) == len(names)
    return names


@pytest.mark.full
def test_what_lies_behind_it_is_looked_at(stack, server, place):
    stack.apply()
    stack.assert_settled()
    assert stack.run("drift").out.startswith("No drift: ") and unread(stack, "plan") == []

    server.psql("alter table shop.orders rename to elsewhere")
    assert drifted(stack) == {"orders": True, "read": True}
    assert stack.plan() == {"orders": "create", "read": "create"}
    server.psql("alter table shop.elsewhere rename to orders")
    stack.assert_settled()

    server.psql("drop table shop.orders")
    assert drifted(stack) == {"orders": True, "read": True}
    stack.apply()
    assert server.psql("select has_table_privilege('reader', 'shop.orders', 'select')") == "t"

    server.psql("revoke select on shop.orders from reader")
    assert drifted(stack) == {"read": True}
    # Also where what the data source hangs on is to be changed: until then it says what it said.
    assert stack.plan("-i", "about=another") == {"secret": "update", "login": "read", "read": "create"}
    stack.apply("-i", "about=another")
    assert server.psql("select has_table_privilege('reader', 'shop.orders', 'select')") == "t"
    stack.env["WEIR_INPUT_ABOUT"] = "another"
    stack.assert_settled()
    stack.destroy()
    assert server.psql("select count(*) from pg_roles where rolname = 'reader'") == "0"


def test_the_source_is_asked_once(tmp_path, server, cloud):
    stack = written(Stack(tmp_path / "stack", cloud), server)
    stack.apply()
    cloud.forget_requests()
    stack.run("plan")
    asked = [request for request in cloud.requests() if "secretsmanager.GetSecretValue" in json.dumps(request)]
    assert len(asked) == 1, cloud.requests()
    stack.destroy()


def test_what_cannot_be_looked_at_is_told(stack, server, place):
    """The login is gone: nobody can say what has become of what it leads to."""
    stack.apply()
    place.client("secretsmanager").delete_secret(SecretId="retail/login", ForceDeleteWithoutRecovery=True)
    shown = stack.run("plan", "-o", "plan.json", "--format", "markdown")
    assert "> **4** recorded resources could not be read" in shown.out and "`orders`, `read`, `reader`, `shop`." in shown.out, shown.out
    assert UNREAD in stack.run("plan").out and UNREAD in stack.run("show", "plan.json").out
    assert unread(stack, "plan") == INSIDE == unread(stack, "drift")
    stack.run("plan", "--format", "html", "-o", "plan.html")
    assert "could not be read" in (stack.folder / "plan.html").read_text()
    drift = stack.run("drift", status=2)
    assert UNREAD in drift.out and "secret" in drift.out
    server.psql("drop table shop.orders")  # which shows as soon as somebody can look
    stack.apply()
    assert stack.plan() == {"orders": "create", "read": "create"}
    stack.destroy()


def test_drift_is_not_clean_where_it_could_not_look(stack, server):
    stack.apply()
    written(stack, server, lambda text: text.replace('user: "${locals.login.username}"', 'user: "${who.value}"') + f"  who: {{type: weir.value, value: {ADMIN}}}\n")
    drift = stack.run("drift", status=1)
    assert drift.out.startswith("No drift where weir could read.\n" + UNREAD), drift.out
    assert "4 recorded resources could not be read: whether they were changed is unknown" in drift.err
    assert stack.plan() == {"who": "create"}
    stack.apply()
    assert "No drift: nothing changed outside weir." in stack.run("drift").out
    stack.destroy()


def test_settings_of_what_is_left_out(stack, server):
    """There is none, and that is known."""
    written(stack, server, lambda text: text.replace("host: 127.0.0.1", "host: '${bastion == null ? \"127.0.0.1\" : bastion.value}'") + "  bastion: {type: weir.value, when: false, value: 127.0.0.9}\n").apply()
    server.psql("drop table shop.orders")
    assert drifted(stack) == {"orders": True, "read": True}
    stack.destroy()


def test_of_a_fleet_it_is_told_of_each(stack, server):
    fleet = lambda text: text.replace("inputs: {", "fleet: {each: [ann], inputs: {who: '${each.key}'}}\ninputs: {who: {type: string}, ")
    written(stack, server, fleet).run("fleet", "apply", "--yes")
    assert "as configured" in stack.run("fleet", "plan").out
    written(stack, server, lambda text: fleet(text).replace('port: "${locals.login.port}"', 'port: "${at.value}"') + f"  at: {{type: weir.value, value: {server.port}}}\n")
    shown = stack.run("fleet", "plan", "--full").out
    assert "4 could not be read" in shown and UNREAD in shown
    written(stack, server, fleet).run("fleet", "destroy", "--yes")
