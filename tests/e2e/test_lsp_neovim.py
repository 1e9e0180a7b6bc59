"""weir lsp in Neovim, as the guide sets it up."""

import json
import os
import re
import shutil
import subprocess

import pytest

from support import ROOT, WEIR

pytestmark = [pytest.mark.long, pytest.mark.skipif(not shutil.which("nvim"), reason="needs Neovim")]
GUIDE = re.search(r"```lua\n(.*?)```", (ROOT / "docs/guides/editors.md").read_text(), re.S)[1]
STACK = "stack: demo\nresources:\n  lake:\n    type: aws.s3.bucket\n    name: demo-lake\n    versionning: true\n  copy:\n    type: weir.value\n    value: ${lake.arn}\n"
SCRIPT = """
local out = {}
local function wait(what) assert(vim.wait(60000, what, 20), "waited too long") end
vim.cmd("edit weir.yaml")
wait(function() return #vim.diagnostic.get(0) == 1 end)
local wrong = vim.diagnostic.get(0)[1]
out.wrong = { wrong.lnum, wrong.col, wrong.end_col, wrong.message }
local function ask(method, line, column, more)
  local params = vim.tbl_extend("force", { textDocument = vim.lsp.util.make_text_document_params(0), position = { line = line, character = column } }, more or {})
  for _, answer in pairs(vim.lsp.buf_request_sync(0, method, params, 60000)) do return answer.result end
end
out.hover = ask("textDocument/hover", 3, 12).contents.value
local found = ask("textDocument/definition", 8, 14)
out.definition = found.range.start.line
vim.api.nvim_buf_set_lines(0, 5, 6, false, { "    ver" })
local labels = {}
for _, item in ipairs(ask("textDocument/completion", 5, 7).items) do table.insert(labels, item.label) end
out.labels = labels
vim.api.nvim_buf_set_lines(0, 5, 6, false, { "    versioning: true" })
wait(function() return #vim.diagnostic.get(0) == 0 end)
local client = vim.lsp.get_active_clients()[1]
vim.lsp.util.apply_workspace_edit(ask("textDocument/rename", 2, 3, { newName = "store" }), client.offset_encoding)
out.text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\\n") .. "\\n"
client.stop()
wait(function() return client.is_stopped() end)
vim.fn.writefile({ vim.fn.json_encode(out) }, "out.json")
vim.cmd("qall!")
"""


def test_the_guide_holds(tmp_path):
    (tmp_path / "weir.yaml").write_text(STACK)
    (tmp_path / "init.lua").write_text(GUIDE)
    (tmp_path / "script.lua").write_text(f"local fine, why = pcall(function()\n{SCRIPT}\nend)\nif not fine then print(why) vim.cmd('cquit') end\n")
    env = {**os.environ, "PATH": f"{WEIR.parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    done = subprocess.run(["nvim", "--headless", "--clean", "-n", "-c", "filetype on", "-c", "luafile init.lua", "-c", "luafile script.lua"], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    out = json.loads((tmp_path / "out.json").read_text())
    assert out["wrong"] == [5, 4, 15, 'aws.s3.bucket has no attribute "versionning"\ndid you mean "versioning"?']
    assert out["hover"].startswith("**aws.s3.bucket**") and out["definition"] == 2 and out["labels"] == ["versioning"]
    assert out["text"] == STACK.replace("versionning", "versioning").replace("  lake:", "  store:").replace("lake.arn", "store.arn") + "\nmoved:\n  - {from: lake, to: store}\n"
