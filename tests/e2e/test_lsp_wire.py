"""weir lsp, byte by byte: what no client should send, and what is said to that."""

import json
import random
import subprocess

import pytest

from editor import Editor
from support import PATIENCE_S, ROOT, WEIR, cpu_of

INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}
GOODBYE = [{"jsonrpc": "2.0", "id": 99, "method": "shutdown"}, {"jsonrpc": "2.0", "method": "exit"}]


def framed(message):
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def say(*messages, raw=b""):
    """What the server answers, its exit status and what it says aside."""
    done = subprocess.run([WEIR, "lsp"], input=b"".join(map(framed, messages)) + raw, capture_output=True, timeout=PATIENCE_S)
    answers, rest = [], done.stdout
    while rest:
        head, _, rest = rest.partition(b"\r\n\r\n")
        size = int(head.partition(b":")[2])
        answers.append(json.loads(rest[:size]))
        rest = rest[size:]
    return answers, done.returncode, done.stderr.decode()


def codes(answers):
    return [(a.get("id"), a["error"]["code"] if "error" in a else "fine") for a in answers if "id" in a]


def opened(text, uri="file:///nowhere/weir.yaml"):
    return {"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}}}


def ask(number, method, uri="file:///nowhere/weir.yaml", line=0, character=0, **more):
    params = {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}, **more}
    return {"jsonrpc": "2.0", "id": number, "method": f"textDocument/{method}", "params": params}


def test_order_of_a_session():
    hover = ask(2, "hover")
    answers, status, _ = say(hover, INITIALIZE, INITIALIZE, {"jsonrpc": "2.0", "id": 3, "method": "no/such"}, GOODBYE[0], ask(4, "hover"), GOODBYE[1])
    assert codes(answers) == [(2, -32002), (1, "fine"), (1, -32600), (3, -32601), (99, "fine"), (4, -32600)] and status == 0
    assert say(INITIALIZE, GOODBYE[1])[1] == 1, "without a shutdown"
    answers, status, aside = say(INITIALIZE)
    assert status == 1 and "the editor closed the connection" in aside
    cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 2}}
    assert codes(say(INITIALIZE, hover, cancel, ask(5, "hover"), *GOODBYE)[0]) == [(1, "fine"), (2, -32800), (5, "fine"), (99, "fine")]


def test_what_is_no_message():
    wrong = [b"{", b"[1]", b'"x"', b"{}", b'{"jsonrpc":"2.0","id":{},"method":"x"}', b'{"jsonrpc":"2.0","method":3,"id":7}', b"\xff\xfe", b'"\xc3', b"[" * 100000]
    answers, status, _ = say(INITIALIZE, *wrong, *GOODBYE)
    assert [code for _, code in codes(answers)][1:-1] == [-32700, -32600, -32600, -32600, -32600, -32600, -32700, -32700, -32700] and status == 0
    for raw in (b"Content-Length: 99999999999999999999\r\n\r\n{}", b"Content-Length: -1\r\n\r\n", b"Length: 2\r\n\r\n{}", b"x" * 5000, b"Content-Length: 10\r\n\r\n{}", b"Content-Length: 1073741824\r\n\r\n{}"):
        answers, status, aside = say(INITIALIZE, raw=raw)
        assert status == 1 and codes(answers)[-1] == (None, -32700) and "error:" in aside, raw


def test_places_that_are_not_there():
    uri = "file:///nowhere/weir.yaml"
    change = {"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {"textDocument": {"uri": uri, "version": 2}, "contentChanges": []}}
    ranges = [{"start": {"line": 9999999999999, "character": -5}, "end": {"line": 0, "character": 0}}, {"start": {}, "end": 3}, {"start": {"line": -1, "character": 2**40}, "end": {"line": 1.5}}]
    change["params"]["contentChanges"] = [{"range": r, "text": "\U0001f30a"} for r in ranges]
    questions = [ask(i, m, line=line, character=c, newName="x") for i, (m, line, c) in enumerate([("completion", 10**12, 3), ("hover", -1, -1), ("definition", 0, 10**12), ("rename", 3, 3), ("references", 1, 1)], 10)]
    answers, status, _ = say(INITIALIZE, opened("stack: demo\nresources:\n  a: {type: weir.value}\n"), change, *questions, ask(20, "hover", uri="file:///else"), ask(21, "hover", uri="untitled:1"), *GOODBYE)
    assert status == 0 and [number for number, _ in codes(answers)] == [1, 10, 11, 12, 13, 14, 20, 21, 99]


def test_a_large_stack(tmp_path):
    """In proportion to `validate`: the place of each answer was counted from the text's beginning, a module was read anew for each use."""
    net = tmp_path / "net/weir.yaml"
    net.parent.mkdir()
    net.write_text("outputs:\n" + "".join(f"  o{i}: {{value: {i}}}\n" for i in range(500)))
    text = "stack: large\nmodules:\n  net: {source: ./net}\nresources:\n  a0: {type: weir.value, value: x}\n"
    text += "".join(f'  a{i}: {{type: weir.value, value: "${{a0.value}}${{net.o1}}"}}\n' for i in range(1, 4000))
    (tmp_path / "weir.yaml").write_text(text)
    uri = (tmp_path / "weir.yaml").as_uri()
    methods = [("documentSymbol", 0, 0), ("references", 4, 3), ("rename", 2, 3), ("completion", 100, 36)]
    questions = [ask(i, m, uri=uri, line=line, character=character, newName="renamed") for i, (m, line, character) in enumerate(methods, 2)]
    _, validated = cpu_of(lambda: subprocess.run([WEIR, "validate"], cwd=tmp_path, check=True, capture_output=True))
    (answers, status, _), answered = cpu_of(lambda: say(INITIALIZE, opened(text, uri), *questions, *GOODBYE))
    assert answered < 50 * validated and status == 0
    symbols, references, renamed, completed = (a["result"] for a in answers if a.get("id") in range(2, 6))
    assert len(symbols[2]["children"]) == len(references) + 1 == 4000 < len(completed["items"])
    assert len(renamed["changes"][uri]) == 4001 and references[-1]["range"]["start"] == {"line": 4003, "character": 38}


def cut_texts(step):
    """Examples that end in the middle, stirred."""
    dice = random.Random(5)
    for path in sorted(ROOT.glob("examples/*/weir.yaml"))[:3]:
        text = path.read_text()
        for end in range(0, len(text), step):
            letters = list(text[:end])
            for _ in range(dice.randrange(4)):
                letters.insert(dice.randrange(end + 1), dice.choice("{}[]\"'${:-|>#&*!\t\n\r\\."))
            yield "".join(letters)


@pytest.mark.long
def test_questions_in_texts_cut_anywhere():
    dice, messages, number = random.Random(6), [INITIALIZE], 100
    for cut in cut_texts(100):
        messages.append(opened(cut))
        line, character = cut.count("\n"), len(cut.rpartition("\n")[2])
        for method in ("completion", "hover", "definition", "references", "rename", "prepareRename", "documentSymbol", "formatting"):
            number += 1
            messages.append(ask(number, method, line=dice.choice([line, dice.randrange(line + 1)]), character=dice.choice([character, dice.randrange(80)]), newName="renamed"))
    answers, status, aside = say(*messages, *GOODBYE)
    assert status == 0 and len(codes(answers)) == number - 100 + 2, aside


@pytest.mark.long
def test_checks_of_texts_cut_anywhere(tmp_path):
    """Whatever comes, something is said of it, and of the whole text that nothing is wrong."""
    editor = Editor(tmp_path)
    for cut in cut_texts(150):
        editor.open(cut)
        editor.diagnostics()
    editor.open("stack: demo\nresources: {}\n")
    assert editor.wrong() == [] and editor.leave() == 0
