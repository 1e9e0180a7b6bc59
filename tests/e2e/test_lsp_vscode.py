"""weir's extension in VS Code (code-server, in headless Chromium): what its window shows, and what its commands give."""

import base64
import json
import os
import shutil
import socket
import subprocess

import pytest

from browser import Browser
from support import ROOT, WEIR, free_port, until

SERVER = ROOT / ".cache/vscode/node_modules/code-server/out/node/entry.js"
STACK = "stack: demo\nresources:\n  lake:\n    type: aws.s3.bucket\n    name: demo-lake\n    versionning: true\n  copy:\n    type: weir.value\n    value: ${lake.arn}\n"
WRONG = 'aws.s3.bucket has no attribute "versionning"'
# Another extension, which asks as a person would by keys, once the window has been looked at (`go` is there).
DRIVER = """
const vscode = require("vscode"), fs = require("fs"), path = require("path");
const until = async look => { for (;;) { const found = await look(); if (found) return found; await new Promise(done => setTimeout(done, 50)); } };
async function drive(folder) {
  const uri = vscode.Uri.file(path.join(folder, "weir.yaml")), out = {}, at = (line, column) => new vscode.Position(line, column);
  const document = await vscode.workspace.openTextDocument(uri), ask = (what, ...rest) => vscode.commands.executeCommand("vscode.execute" + what, uri, ...rest);
  const write = async text => { const edit = new vscode.WorkspaceEdit(); edit.replace(uri, new vscode.Range(5, 0, 5, document.lineAt(5).text.length), text); await vscode.workspace.applyEdit(edit); };
  await vscode.window.showTextDocument(document);
  const wrong = () => vscode.languages.getDiagnostics(uri);
  await until(() => wrong().length);
  out.wrong = wrong().map(one => [one.range.start.line, document.getText(one.range), one.message]);
  fs.writeFileSync(path.join(folder, "told"), "");
  await until(() => fs.existsSync(path.join(folder, "go")));
  out.hover = (await ask("HoverProvider", at(3, 12))).flatMap(one => one.contents.map(each => each.value));
  out.definition = (await ask("DefinitionProvider", at(8, 14))).map(one => (one.range || one.targetRange).start.line);
  out.repairs = (await ask("CodeActionProvider", wrong()[0].range)).map(one => one.title);
  out.symbols = (await ask("DocumentSymbolProvider")).flatMap(one => [one.name, ...one.children.map(each => each.name)]);
  await write("    ver");
  out.labels = (await ask("CompletionItemProvider", at(5, 7))).items.map(one => one.label.label || one.label);
  await write("    versioning: true");
  await until(() => !wrong().length);
  await vscode.workspace.applyEdit(await ask("DocumentRenameProvider", at(2, 3), "store"));
  out.text = document.getText();
  return out;
}
exports.activate = () => {
  const folder = vscode.workspace.workspaceFolders[0].uri.fsPath;
  drive(folder).catch(error => ({failed: String(error.stack)})).then(out => fs.writeFileSync(path.join(folder, "out.json"), JSON.stringify(out)));
};
"""
SETTINGS = {"weir.path": str(WEIR), "workbench.startupEditor": "none", "security.workspace.trust.enabled": False, "telemetry.telemetryLevel": "off", "extensions.autoCheckUpdates": False, "workbench.colorTheme": "Default Light Modern"}

pytestmark = pytest.mark.long


@pytest.fixture
def extension():
    if not SERVER.exists() or not shutil.which("npm"):
        pytest.skip("needs VS Code (tools/setup editors)")
    subprocess.run(["make", "-s", "vscode"], cwd=ROOT, check=True, capture_output=True)
    return ROOT / "build/weir.vsix"


@pytest.fixture
def window(tmp_path, extension):
    """VS Code with the extension, and its window, in a folder with a stack."""
    stack, extensions, own = tmp_path / "stack", tmp_path / "extensions", tmp_path / "own"
    (extensions / "test.driver-1.0.0").mkdir(parents=True)
    (extensions / "test.driver-1.0.0/package.json").write_text(json.dumps({"name": "driver", "publisher": "test", "version": "1.0.0", "engines": {"vscode": "^1.82.0"}, "main": "./driver.js", "activationEvents": ["onStartupFinished"]}))
    (extensions / "test.driver-1.0.0/driver.js").write_text(DRIVER)
    (own / "User").mkdir(parents=True)
    (own / "User/settings.json").write_text(json.dumps(SETTINGS))
    stack.mkdir()
    (stack / "weir.yaml").write_text(STACK)
    port = free_port()
    words = ["node", SERVER, "--extensions-dir", extensions, "--user-data-dir", own]
    env = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run([*words, "--install-extension", extension], check=True, env=env, capture_output=True)
    server = subprocess.Popen([*words, "--auth", "none", "--bind-addr", f"127.0.0.1:{port}", "--disable-telemetry", "--disable-update-check", "--disable-workspace-trust"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def answers():
        try:
            return socket.create_connection(("127.0.0.1", port)).close() is None
        except ConnectionRefusedError:
            return False

    until(answers)
    browser = Browser("about:blank")
    browser("Emulation.setDeviceMetricsOverride", width=1280, height=800, deviceScaleFactor=1, mobile=False)
    browser("Page.navigate", url=f"http://127.0.0.1:{port}/?folder={stack}")
    yield browser, stack
    browser.stop()
    os.killpg(server.pid, 15)
    server.wait()


def press(browser, key, code, modifiers=0):
    for kind in "rawKeyDown", "keyUp":
        browser("Input.dispatchKeyEvent", type=kind, key=key, code=f"Key{key.upper()}", windowsVirtualKeyCode=code, modifiers=modifiers)


def test_the_extension(window, tmp_path):
    browser, stack = window
    until(lambda: (stack / "told").exists() or (stack / "out.json").exists())
    assert not (stack / "out.json").exists(), (stack / "out.json").read_text()
    browser.until("document.querySelectorAll('.squiggly-error').length > 0")
    press(browser, "m", 77, 2 | 8)  # Ctrl+Shift+M: all problems
    browser.until(f"[...document.querySelectorAll('.markers-panel .monaco-list-row')].some(row => row.textContent.includes({json.dumps(WRONG)}))")
    (tmp_path / "window.png").write_bytes(base64.b64decode(browser("Page.captureScreenshot", format="png")["data"]))
    (stack / "go").write_text("")
    until((stack / "out.json").exists)
    out = until(lambda: json.loads((stack / "out.json").read_text() or "null"))
    assert "failed" not in out, out
    assert out["wrong"] == [[5, "versionning", WRONG + '\ndid you mean "versioning"?']]
    assert out["hover"][0].startswith("**aws.s3.bucket**") and out["definition"] == [2] and "versioning" in out["labels"] and any("versioning" in one for one in out["repairs"]) and {"lake", "copy"} <= set(out["symbols"])
    assert out["text"] == STACK.replace("versionning", "versioning").replace("  lake:", "  store:").replace("lake.arn", "store.arn") + "\nmoved:\n  - {from: lake, to: store}\n"
    browser.until("document.querySelectorAll('.squiggly-error').length === 0")
