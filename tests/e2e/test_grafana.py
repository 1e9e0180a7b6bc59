"""The types of Grafana against a server made of its published API description (grafana_server.py); no Grafana answers here."""

import json

import pytest

from grafana_server import GrafanaServer
from support import ROOT, Stack

DESCRIPTION = ROOT / ".cache" / "grafana-openapi"
pytestmark = pytest.mark.long

RULE = {"type": "grafana.alert_rule", "uid": "late", "folder_uid": "${films.uid}", "rule_group": "daily", "condition": "A",
        "data": [{"refId": "A", "datasourceUid": "${warehouse.uid}", "relativeTimeRange": {"from": 600, "to": 0}, "model": {"refId": "A", "rawSql": "select 1"}}]}
FIRST = {
    "films": {"type": "grafana.folder", "uid": "films", "title": "Films"},
    "more": {"type": "grafana.folder", "uid": "more", "title": "More"},
    "warehouse": {"type": "grafana.datasource", "uid": "warehouse", "name": "Warehouse", "plugin": "postgres", "url": "db:5432", "user": "grafana", "json_data": {"database": "films"},
                  "secure_json_data": {"password": "hush-one"}},
    "board": {"type": "grafana.dashboard", "uid": "films", "model": {"uid": "films", "title": "Films", "panels": [{"type": "table"}]}, "folder_uid": "${films.uid}"},
    "late": {**RULE, "title": "Late", "for": "5m", "labels": {"team": "data"}},
    "team": {"type": "grafana.contact_point", "uid": "team", "name": "The team", "integration": "webhook", "settings": {"url": "https://hush-two.example.com"}},
}
THEN = {
    "films": {"type": "grafana.folder", "uid": "films", "title": "All films", "description": "of all years"},
    "more": {"type": "grafana.folder", "uid": "more", "title": "More", "parent_uid": "${films.uid}"},
    "warehouse": {**FIRST["warehouse"], "name": "Store", "url": "db:5433", "json_data": {"database": "more", "sslmode": "require"}, "secure_json_data": {"password": "hush-three"}},
    "board": {"type": "grafana.dashboard", "uid": "films", "model": {"uid": "films", "title": "Films now", "panels": []}},
    "late": {**RULE, "title": "Too late", "is_paused": True, "annotations": {"summary": "look"}},
    "team": {**FIRST["team"], "integration": "slack", "settings": {"url": "https://hush-four.example.com"}, "disable_resolve_message": True},
}


@pytest.fixture
def grafana():
    if not (DESCRIPTION / "models").is_dir():
        pytest.skip("no description: tools/setup grafana")
    server = GrafanaServer(DESCRIPTION)
    yield server
    server.stop()


def stack_at(tmp_path, grafana, resources):
    return Stack(tmp_path / "s").write(json.dumps({"stack": "boards", "providers": {"grafana": {"url": grafana.url, "user": "admin", "password": "hush-admin"}}, "resources": resources}))


def test_description_is_read(grafana):
    """A wrong member, type or path would be found."""
    assert len(grafana.description.models) > 200 and len(grafana.description.calls) > 200
    assert list(grafana.description.wrong("CreateFolderCommand", {"uid": 1, "name": "x"})) == ["CreateFolderCommand.uid: 1 is no string", "CreateFolderCommand: there is no name"]
    assert "ProvisionedAlertRule: folderUID is missing" in list(grafana.description.wrong("ProvisionedAlertRule", {"title": "x"}))
    assert grafana.description.call("PATCH", "/api/folders/x") == (None, None)


def test_life_cycle(tmp_path, grafana):
    stack = stack_at(tmp_path, grafana, FIRST)
    results = [stack.run("apply", "-y", "-vv")]
    stack.assert_settled()
    assert grafana.points["team"]["settings"]["url"] == "https://hush-two.example.com" and grafana.dashboards["films"]["meta"]["folderUid"] == "films"
    stack_at(tmp_path, grafana, THEN)
    assert stack.plan() == dict.fromkeys(THEN, "update")
    results.append(stack.run("apply", "-y", "-vv"))
    stack.assert_settled()
    assert grafana.folders["more"]["parentUid"] == "films" and grafana.rules["late"]["isPaused"] is True and grafana.dashboards["films"]["dashboard"]["panels"] == []
    grafana.dashboards["films"]["dashboard"]["title"] = "theirs"
    grafana.rules.pop("late")
    assert stack.plan() == {"board": "update", "late": "create"}
    results.append(stack.run("apply", "-y", "-vv"))
    stack.run("state", "rm", "films")
    stack.run("state", "import", "films", "films")
    stack.assert_settled()
    stack.destroy("--delete-adopted")
    assert not (grafana.folders or grafana.sources or grafana.dashboards or grafana.rules or grafana.points)
    assert grafana.wrong == []
    shown = "".join(result.out + result.err for result in results)
    assert "hush" not in shown and "hush" not in "".join(path.read_text() for path in stack.folder.rglob("*.log"))
