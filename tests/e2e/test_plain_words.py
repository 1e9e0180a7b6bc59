"""The pages that people write use the field's words, in short sentences and lines. Nothing here calls anybody."""

import re

import pytest

from support import ROOT

# An old word, and what to write for it; whole words, outside of code.
OLD = {
    r"bears?|bearing": "has",
    r"(?<!question )(?<!quotation )marks?": "ownership tag",
    r"lets? go of|let go": "forget",
    r"not in the stack any more": "removed from the configuration",
    r"said|unsaid": "configured, reported",
    r"told|untold": "reported, not reported",
    r"silent": "unreachable",
    r"sought": "filter",
    r"settles?|settled": "recover",
    r"doors?": "listener, tunnel, network",
    r"hangs? on": "depends on",
    r"things?": "resource",
    r"sole": "unique",
    r"facets?": "sub-resource",
    r"companions?": "implied resources",
    r"steers?": "is used by weir itself",
    r"refreshed (?:in|by) pages": "listed in bulk",
    r"one by one": "read one at a time",
    r"embedded clouds?": "sandbox",
    r"trials?": "checks before creation",
    r"surroundings": "network checks",
    r"houses?|rooms?": "layers, modules",
    r"residents?": "warm worker",
    r"wakes?|woken": "restore, start",
    r"folds?": "normalise",
    r"lacking": "unsupported",
    r"habits?": "alias",
    r"letters? of access": "access sheet",
    r"from elsewhere": "remote",
    r"usual layout": "canonical format",
    r"carr(?:y|ies|ied) out": "execute, apply",
    r"mends?|mended": "repair, fix",
    r"mak(?:e|es|ing) it so": "apply the changes",
    r"sealed": "encrypted",
    r"borrows?|borrowed": "temporary grant",
    r"unheard": "broken pipe",
    r"stands?|lies?": "is, is stored",
    r"what it is worth knowing": "notes",
    r"takes? over|take over": "import",
    r"nobody's business": "not managed",
}
GENERATED = {"cli.md", "functions.md"}  # from texts in the code: help of every command, and functions
REFERENCE = [*(ROOT / "docs" / name for name in sorted(GENERATED)), *sorted((ROOT / "docs/types").glob("*.md"))]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(path for path in sorted((ROOT / "docs").glob("*.md")) if path.name not in GENERATED), *sorted((ROOT / "docs/guides").glob("*.md")),
         *sorted((ROOT / "examples").glob("*/README.md")), ROOT / "editors/vscode/README.md", ROOT / "tests/answers/README.md"]
LONGEST_LINE, LONGEST_SENTENCE = 120, 30


def prose(text):
    """(line number, text) of each paragraph, list item, heading and table cell; code, quoted code and addresses of links are left out."""
    text = re.sub(r"<!--.*?-->", lambda found: "\n" * found[0].count("\n"), text, flags=re.S)
    start, open_, fenced = 0, [], False
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if line.startswith("```"):
            fenced, line = not fenced, ""
        code = fenced or line.startswith("    ") and (not open_)
        begins = re.match(r"\s*(?:[-*] |\d+\. |#|\||>)", line)
        if open_ and (code or begins or not line.strip()):
            yield start, " ".join(open_)
            open_ = []
        if code or not line.strip():
            continue
        if line.startswith("|"):
            yield from ((number, part.strip()) for cell in re.split(r"(?<!\\)\|", line.strip("|")) for part in cell.split("; "))
        else:
            start = start if open_ else number
            open_.append(re.sub(r"^\s*(?:[-*] |\d+\. |#+ |> )?", "", line))


def plain(text):
    """Without markup: a link is its words, quoted code one word."""
    text = re.sub(r"`+.*?`+", "CODE", text)
    return re.sub(r"\*\*|\]\([^)]*\)|[\[\]]", "", text)


def sentences(text):
    return [part for part in re.split(r"(?<=[.!?:])\s+(?=[A-Z(\"*]|weir )", text) if part]


def problems(text, words=OLD):
    found = []
    for number, paragraph in prose(text):
        clean = plain(paragraph)
        for old, new in words.items():
            found += [f"{number}: {hit[0]!r}: write {new}" for hit in re.finditer(rf"\b(?:{old})\b", clean, re.I)]
        long = [sentence for sentence in sentences(clean) if len(re.findall(r"[\w'’.-]*\w[\w'’.-]*", sentence)) > LONGEST_SENTENCE]
        found += [f"{number}: a sentence of more than {LONGEST_SENTENCE} words: {sentence}" for sentence in long]
    return found


def long_lines(text):
    """Tables, code and what tests draw may be wider."""
    text = re.sub(r"^```.*?^```|<!-- (?!end of).*?-->.*?<!-- end of.*?-->|<!--.*?-->", lambda found: "\n" * found[0].count("\n"), text, flags=re.S | re.M)
    return [f"{number}: {len(line)} columns" for number, line in enumerate(text.splitlines(), 1) if len(line) > LONGEST_LINE and not re.match(r"\||    ", line)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_pages_are_plain(path):
    text = path.read_text()
    found = problems(text) + long_lines(text)
    assert not found, "\n" + "\n".join(found)


def without_field_names(text):
    """The names of JSON events' fields are code, and stay as they are."""
    head, title, events = text.partition("\n| event | fields | meaning |\n")
    return head + title + re.sub(r"^(\| `[^|]*\|)[^|]*\|", r"\1 |", events, flags=re.M)


def test_help_and_reference_have_the_fields_words():
    found = [f"{path.relative_to(ROOT)}:{problem}" for path in REFERENCE for problem in problems(without_field_names(path.read_text()))
             if path.name == "cli.md" or ": write " in problem]  # docs/cli.md has short sentences, too
    assert len(REFERENCE) > 200 and not found, "\n" + "\n".join(found)


SAYS = r"\b(?:err_set|err_hint|err_context|diag_(?:error|warning|hint|label|note)|invocation_note|load_error|usage_error|warn_user)\("
QUOTED = r'"((?:[^"\\]|\\.)*)"'


def messages(code):
    """(line number, text) of what calls that report something are given: texts side by side are one."""
    for call in re.finditer(SAYS, code):
        end, depth = call.end(), 1
        while depth:  # quoted parentheses are no ends
            token = re.compile(QUOTED + "|[()]").search(code, end)
            depth += {"(": 1, ")": -1}.get(token[0], 0)
            end = token.end()
        yield code[:call.start()].count("\n") + 1, "".join(re.findall(QUOTED, code[call.end():end]))


def test_messages_have_the_fields_words():
    """All but the sandbox's, which are AWS's own."""
    files = [path for folder in ("base", "stacks", "plan", "provider", "cmd") for path in sorted((ROOT / folder).rglob("*.c"))]
    found = [f"{path.relative_to(ROOT)}:{line}: {problem}" for path in files for line, text in messages(path.read_text()) for problem in problems(text) if ": write " in problem]
    assert len(files) > 300 and not found, "\n" + "\n".join(found)


TOKENS = re.compile(QUOTED + r"|'(?:[^'\\\n]|\\.)*'|/\*(.*?)\*/", re.DOTALL)
RIDDLE = re.compile(r"[a-z]\?$|^(?:Is|Are|May|Can|Who|Whoever|Nobody|Somebody|One that)\b|\bsomebody\b")


def riddles(code):
    """(line number, text) of each comment that asks, or that says who and what by a pronoun alone."""
    for token in TOKENS.finditer(code):
        comment = " ".join(re.sub(r"\n\s*\* ?", "\n", token[2] or "").split())
        if RIDDLE.search(comment):
            yield code[:token.start()].count("\n") + 1, comment


def test_comments_tell():
    files = [path for folder in ("base", "stacks", "plan", "provider", "cmd", "sandbox") for path in sorted((ROOT / folder).rglob("*.[ch]"))]
    found = [f"{path.relative_to(ROOT)}:{line}: {comment}" for path in files for line, comment in riddles(path.read_text())]
    assert len(files) > 800 and not found, "\n" + "\n".join(found)


def test_what_is_found():
    assert list(riddles('/* Is it\n * a file? */\nchar *s = "/* Is it? */";\nchar c = \'"\'; /* Returns a name. */\n')) == [(1, "Is it a file?")]
    page = "# A page\n\nThe role bears\na mark.\n\n    weir settle\n\n- `facets` are said\n\n| a | " + "word " * 31 + "|\n\n```\nthings\n```\n" + "x" * 121 + "\n"
    assert [problem.split(":")[0:2] for problem in problems(page)] == [["3", " 'bears'"], ["3", " 'mark'"], ["8", " 'said'"], ["10", " a sentence of more than 30 words"]]
    assert long_lines(page) == ["15: 121 columns"]
