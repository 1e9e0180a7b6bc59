"""weir lsp in Emacs, by eglot and by lsp-mode, as the guide sets them up."""

import json
import os
import re
import shutil
import subprocess

import pytest

from support import PATIENCE_S, ROOT, WEIR

GUIDES = re.findall(r"```elisp\n(.*?)```", (ROOT / "docs/guides/editors.md").read_text(), re.S)
STACK = "stack: demo\nresources:\n  lake:\n    type: aws.s3.bucket\n    name: demo-lake\n    versionning: true\n  copy:\n    type: weir.value\n    value: ${lake.arn}\n"
# What an Emacs without a window has to be told: commands are what its hooks wait for, and nobody gives any.
COMMON = """
(setq make-backup-files nil create-lockfiles nil enable-local-variables :all)
(defvar out nil)
(defun until (look) (let (found) (while (not (setq found (funcall look))) (accept-process-output nil 0.02)) found))
(defun told (name value) (push (cons name value) out))
(defun place (line column) (goto-char (point-min)) (forward-line line) (move-to-column column))
(defun put-line (line text) (place line 0) (delete-region (point) (line-end-position)) (insert text))
(defun completed () (place 5 7) (completion-at-point) (buffer-substring-no-properties (line-beginning-position) (line-end-position)))
"""
END = """
(told 'text (buffer-substring-no-properties (point-min) (point-max)))
(with-temp-file "out.json" (insert (json-encode out)))
(set-buffer-modified-p nil)
"""
EGLOT = """
(require 'yaml-mode)
(require 'eglot)
(find-file "weir.yaml")
(run-hooks 'post-command-hook)
(until #'eglot-current-server)
(flymake-start)
(defun wrong () (flymake-diagnostics))
(until #'wrong)
(let ((first (car (wrong))))
  (told 'wrong (list (length (wrong)) (line-number-at-pos (flymake-diagnostic-beg first)) (buffer-substring-no-properties (flymake-diagnostic-beg first) (flymake-diagnostic-end first)) (flymake-diagnostic-text first))))
(place 3 12)
(let (shown)
  (eglot-hover-eldoc-function (lambda (text &rest _) (setq shown (substring-no-properties text))))
  (until (lambda () shown))
  (told 'hover shown))
(place 8 14)
(call-interactively #'xref-find-definitions)
(told 'definition (line-number-at-pos))
(put-line 5 "    ver")
(told 'completed (completed))
(put-line 5 "    versioning: true")
(eglot--signal-textDocument/didChange)
(until (lambda () (not (wrong))))
(told 'right t)
(place 2 3)
(eglot-rename "store")
""" + END + """
(eglot-shutdown (eglot-current-server))
"""
LSP_MODE = """
(setq lsp-auto-guess-root t lsp-session-file (expand-file-name "session") lsp-enable-suggest-server-download nil lsp-headerline-breadcrumb-enable nil lsp-modeline-workspace-status-enable nil lsp-modeline-diagnostics-enable nil lsp-modeline-code-actions-enable nil)
(require 'yaml-mode)
(require 'lsp-mode)
(setq lsp-idle-delay 0.02)
(find-file "weir.yaml")
(lsp)
(until (lambda () (and (lsp-workspaces) (eq 'initialized (lsp--workspace-status (car (lsp-workspaces)))))))
(defun wrong () (gethash (lsp--fix-path-casing buffer-file-name) (lsp-diagnostics t)))
(until #'wrong)
(let* ((first (car (wrong))) (region (lsp--range-to-region (lsp:diagnostic-range first))))
  (told 'wrong (list (length (wrong)) (line-number-at-pos (car region)) (buffer-substring-no-properties (car region) (cdr region)) (lsp:diagnostic-message first))))
(place 3 12)
(told 'hover (lsp:markup-content-value (lsp:hover-contents (lsp-request "textDocument/hover" (lsp--text-document-position-params)))))
(place 8 14)
(lsp-find-definition)
(told 'definition (line-number-at-pos))
(lsp-completion-mode 1)
(put-line 5 "    ver")
(told 'completed (completed))
(put-line 5 "    versioning: true")
(lsp--flush-delayed-changes)
(until (lambda () (not (wrong))))
(told 'right t)
(place 2 3)
(lsp-rename "store")
""" + END + """
(lsp-workspace-shutdown (car (lsp-workspaces)))
"""


def has(library):
    return shutil.which("emacs") and subprocess.run(["emacs", "--batch", "--eval", f"(progn (require 'yaml-mode) (require '{library}))"], capture_output=True).returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("library, guide, script", [("eglot", GUIDES[0], EGLOT), ("lsp-mode", GUIDES[1], LSP_MODE)])
def test_the_guide_holds(tmp_path, library, guide, script):
    if not has(library):
        pytest.skip(f"needs Emacs with yaml-mode and {library}")
    (tmp_path / "weir.yaml").write_text(STACK)
    (tmp_path / "script.el").write_text(COMMON + guide + script)
    env = {**os.environ, "PATH": f"{WEIR.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run(["emacs", "--batch", "--load", "script.el"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (tmp_path / "out.json").exists(), done.stderr
    out = json.loads((tmp_path / "out.json").read_text())
    *where, said = out["wrong"]
    assert where == [1, 6, "versionning"] and said.removeprefix("weir: ") == 'aws.s3.bucket has no attribute "versionning"\ndid you mean "versioning"?' and out["right"]
    assert "aws.s3.bucket" in out["hover"] and out["definition"] == 3 and out["completed"].rstrip(": ") == "    versioning"
    assert out["text"] == STACK.replace("versionning", "versioning").replace("  lake:", "  store:").replace("lake.arn", "store.arn") + "\nmoved:\n  - {from: lake, to: store}\n"
