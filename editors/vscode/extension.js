// Starts `weir lsp` for YAML files: everything that an editor shows of a stack comes from there.
const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

async function start() {
  const settings = vscode.workspace.getConfiguration("weir");
  const run = { command: settings.get("path"), args: ["lsp", ...settings.get("arguments")] };
  client = new LanguageClient("weir", "weir", run, { documentSelector: [{ scheme: "file", language: "yaml" }] });
  try {
    await client.start();
  } catch (error) {
    vscode.window.showErrorMessage(`weir: ${run.command} could not be started (${error.message}); the setting weir.path says where it is.`);
  }
}

async function restart() {
  await client?.stop().catch(() => {});
  await start();
}

exports.activate = async context => {
  context.subscriptions.push(
    vscode.commands.registerCommand("weir.restart", restart),
    vscode.workspace.onDidChangeConfiguration(change => change.affectsConfiguration("weir") && restart()));
  await start();
};

exports.deactivate = () => client?.stop();
