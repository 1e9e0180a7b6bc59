"""weir lsp in Vim by ALE, as the guide sets it up."""

import contextlib
import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import termios
from pathlib import Path

import pyte
import pytest

from support import PATIENCE_S, ROOT, WEIR

ALE = Path("/usr/share/vim-ale")  # Debian's
GUIDE = re.search(r"```vim\n(.*?)```", (ROOT / "docs/guides/editors.md").read_text(), re.S)[1]
STACK = "stack: demo\nresources:\n  lake:\n    type: aws.s3.bucket\n    name: demo-lake\n    versionning: true\n  copy:\n    type: weir.value\n    value: ${lake.arn}\n"
SCRIPT = """
let g:out = {}
function Until(what)
  while !eval(a:what)
    sleep 20m
  endwhile
endfunction
function Wrong()
  return map(copy(getloclist(0)), {_, one -> [one.lnum, one.col, one.text]})
endfunction
function Shown(text)
  return filter(map(range(1, bufnr('$')), {_, n -> join(getbufline(n, 1, '$'), ' ')}), {_, one -> one =~# a:text})
endfunction
runtime autoload/ale/util.vim
function! ale#util#Input(...)
  return 'store'
endfunction
let g:ale_hover_to_preview = 1
try
  edit weir.yaml
  call ale#Queue(0)
  call Until('len(Wrong()) > 0')
  let g:out.wrong = Wrong()
  call cursor(9, 14)
  ALEGoToDefinition
  call Until('line(".") == 3')
  call cursor(4, 12)
  ALEHover
  call Until("len(Shown('Identifier: ')) > 0")
  let g:out.hover = Shown('Identifier: ')
  call setline(6, '    versioning: true')
  write
  call ale#Queue(0)
  call Until('len(Wrong()) == 0')
  call cursor(3, 4)
  ALERename
  call Until("getline(3) =~# 'store'")
  let g:out.text = join(getline(1, '$'), "\\n") . "\\n"
catch
  let g:out.failed = v:exception . ' ' . v:throwpoint
endtry
call writefile([json_encode(g:out)], 'out.json')
qall!
"""

pytestmark = [pytest.mark.long, pytest.mark.skipif(not shutil.which("vim") or not ALE.exists(), reason="needs Vim and ALE")]


@pytest.fixture
def env(tmp_path):
    (tmp_path / "weir.yaml").write_text(STACK)
    (tmp_path / "vimrc").write_text(f"set rtp^={ALE} hidden nomore noswapfile\nfiletype plugin on\n{GUIDE}")
    return {**os.environ, "PATH": f"{WEIR.parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "TERM": "linux"}


def test_the_guide_holds(tmp_path, env):
    (tmp_path / "script.vim").write_text(SCRIPT)
    done = subprocess.run(["vim", "-N", "-u", "vimrc", "-i", "NONE", "--not-a-term", "-S", "script.vim"], cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (tmp_path / "out.json").exists(), (done.stdout, done.stderr)
    out = json.loads((tmp_path / "out.json").read_text())
    assert "failed" not in out, out
    assert [one[:2] for one in out["wrong"]] == [[6, 5]] and 'aws.s3.bucket has no attribute "versionning"' in out["wrong"][0][2]
    assert "aws.s3.bucket" in out["hover"][0]
    assert out["text"] == STACK.replace("versionning", "versioning").replace("  lake:", "  store:").replace("lake.arn", "store.arn") + "\nmoved:\n  - {from: lake, to: store}\n"


def test_what_is_offered_while_one_types(tmp_path, env):
    (tmp_path / "weir.yaml").write_text(STACK.replace("versionning: true", "ve"))
    screen = pyte.Screen(90, 24)
    stream = pyte.ByteStream(screen)
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(tmp_path)
        os.execvpe("vim", ["vim", "-N", "-u", "vimrc", "-i", "NONE", "weir.yaml"], env)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 90, 0, 0))

    def shows(text):
        while not any(re.search(text, row) for row in screen.display):
            stream.feed(os.read(terminal, 65536))

    shows("^>> *ve")  # that is not a key yet
    os.write(terminal, b"6GAr")
    shows("versioning: +m boolean")
    os.write(terminal, b"\x1b:qall!\r")
    with contextlib.suppress(OSError):
        while os.read(terminal, 65536):
            pass
    os.waitpid(pid, 0)
    os.close(terminal)
