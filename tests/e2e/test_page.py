"""weir plan --format html: one file that shows a plan in a browser, lets nothing else in, and tells no secret."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from browser import Browser
from support import ROOT

sys.path.append(str(ROOT / "tests/tools"))
from statelog import rewrite  # noqa: E402

HOSTILE = "</code></script><script>document.title='x'</script><img src=x onerror=alert(1)>"
SECRET = "page-Kingfisher-7"


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open = [], {}, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_data(self, data):
        if self.open:
            self.texts[self.open[-1]] = self.texts.get(self.open[-1], "") + data

    def all(self, tag, **has):
        return [attrs for name, attrs in self.tags if name == tag and all(value in attrs.get(key.replace("_", "-"), "").split() for key, value in has.items())]


@pytest.fixture
def made(local_stack):
    local_stack.env["WEIR_STATE_KEY"] = "0123456789abcdef" * 4
    local_stack.write(f"""
        stack: shown
        inputs: {{password: {{type: string, sensitive: true, default: {SECRET}}}, size: {{type: integer, default: 1}}}}
        resources:
          base: {{type: weir.value, value: {{size: "${{inputs.size}}", kept: 1}}}}
          both: {{type: weir.value, for_each: [a, b], value: "${{base.value.size}} ${{each.key}}"}}
          odd: {{type: weir.value, for_each: {{"{HOSTILE}": 1}}, value: "${{each.key}}"}}
          login: {{type: weir.value, value: "user:${{inputs.password}}@host"}}
    """)
    return local_stack


def test_what_the_page_holds(made):
    text = made.run("plan", "--format", "html").out
    page = Page(text)
    assert len(page.all("script")) == 1 and not page.all("img") and SECRET not in text
    assert not [attrs for _, attrs in page.tags if any(key.startswith("on") or key in ("src", "href") for key in attrs)]
    (policy,) = [attrs["content"] for attrs in page.all("meta") if "http-equiv" in attrs]
    script = re.search("<script>(.*)</script>", text, re.S)[1]
    assert f"script-src 'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in policy and "default-src 'none'" in policy
    assert len(page.all("details", **{"class": "create"})) == 5 and len(page.all("g", **{"class": "box"})) == 4
    assert {attrs["data-of"] for attrs in page.all("g", **{"class": "create"})} == {"base", "both", "odd", "login"}
    made.apply()
    changed = Page(made.run("plan", "-i", "size=2", "--format", "html").out)
    assert len(changed.all("details", **{"class": "update"})) == 3 and len(changed.all("g", **{"class": "noop"})) == 2
    assert not Page(made.run("graph", "--format", "html").out).all("details", **{"class": "change"})
    assert "does not go with --json" in made.run("plan", "--format", "html", "--json", status=3).out
    for args in [("--format", "html"), ("--json",), ()]:
        shown = made.run("plan", "-i", "size=2", "-o", "plan.html", *args)
        assert len(Page((made.folder / "plan.html").read_text()).all("details", **{"class": "update"})) == 3 and "<html" not in shown.out
        (made.folder / "plan.html").unlink()


@pytest.mark.long
def test_a_browser_shows_a_thousand(local_stack, tmp_path):
    browser = shutil.which("chromium") or pytest.skip("needs chromium")
    lines = "".join(f'  r{n}: {{type: weir.value, value: "${{r{n // 3}.value}} {n}"}}\n' for n in range(1, 1000))
    local_stack.write("stack: many\nresources:\n  r0: {type: weir.value, value: x}\n" + lines)
    text = local_stack.run("plan", "--format", "html").out
    assert len(text) < 1_000_000
    (tmp_path / "page.html").write_text(text)
    shown = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom", f"file://{tmp_path}/page.html"],
                           capture_output=True, text=True, check=True).stdout
    (svg,) = re.findall("<svg[^>]*>", shown)  # the script takes the size away: it ran, as the only one that may
    assert " width=" not in svg and shown.count("<details class=\"change create\"") == 1000


@pytest.mark.long
def test_a_thousand_can_be_read(local_stack, tmp_path):
    """What is looked at is near enough, whichever way it was come to; all of it is one key away."""
    lines = "".join(f'  r{n}: {{type: weir.value, value: "${{r{n // 3}.value}} {n}"}}\n' for n in range(1, 1000))
    local_stack.write("stack: many\nresources:\n  r0: {type: weir.value, value: x}\n" + lines)
    (tmp_path / "page.html").write_text(local_stack.run("plan", "--format", "html").out)
    browser = Browser("about:blank")
    browser("Emulation.setDeviceMetricsOverride", width=1280, height=800, deviceScaleFactor=1, mobile=False)
    browser("Page.navigate", url=f"file://{tmp_path}/page.html")
    seen = "(of => {const all = document.querySelector('#picture').getBoundingClientRect(), one = document.querySelector(`g[data-of=${of}] rect`).getBoundingClientRect(); return one.left > all.left && one.right < all.right && one.top > all.top && one.bottom < all.bottom && one.height})"
    try:
        browser.until("document.querySelectorAll('.box').length === 1000 && document.readyState === 'complete'")
        assert browser.run(f"{seen}('r0')") > 20
        browser.run("{const box = document.querySelector('#search'); box.value = 'r777'; box.dispatchEvent(new Event('input'))}")
        assert browser.run(f"{seen}('r777')") > 20 and not browser.run(f"{seen}('r0')")
        browser.run("{const box = document.querySelector('#search'); box.value = ''; box.dispatchEvent(new Event('input'))}")
        browser.run("document.querySelector('details.change[data-of=r500] > summary').click()")
        assert browser.run(f"{seen}('r500')") > 20
        browser.run("document.querySelector('#fit').click()")
        assert 0 < browser.run(f"{seen}('r0')") < 2 and browser.run("[...document.querySelectorAll('.box')].every(one => one.getBoundingClientRect().top >= document.querySelector('#picture').getBoundingClientRect().top)")
        assert not browser.complaints()
    finally:
        browser.stop()


# Where texts of a user's stand, and what a page makes of them: boxes, keys of instances and of maps, values, what was and what is to be, descriptions.
EVERYWHERE = """
    stack: shown
    description: "%(text)s"
    inputs: {word: {type: string, default: "%(text)s", description: "%(text)s"}, hidden: {type: string, sensitive: true, default: "%(secret)s"}}
    locals: {both: "${inputs.word} of ${inputs.hidden}"}
    resources:
      named: {type: weir.value, for_each: {"%(text)s": 1, plain: 2}, value: {"%(text)s": ["%(text)s", "${each.key}", {deep: "${inputs.word}"}]}}
      changed: {type: weir.value, value: "%(change)s ${inputs.word}"}
      secret: {type: weir.value, value: {"%(text)s": "${locals.both}", "of ${inputs.word}": "${inputs.hidden}"}}
      listed: {type: weir.value, value: ["${inputs.hidden}", "x${inputs.hidden}y", "${base64encode(inputs.hidden)}"]}
      said: {type: weir.command, command: "true", triggers: ["%(text)s", "${inputs.word}"]}
    outputs:
      shown: {value: "${inputs.word}", description: "%(text)s"}
      kept: {value: "${inputs.hidden}", description: "%(text)s", sensitive: true}
"""
BREAKING = [HOSTILE, "\"><svg onload=1>", "' onfocus='1", "--><b>", "]]></style></title><h1>", "&lt;i&gt;&#60;i>", "\u2028\u202e<u>", "</script", "<!--<script>", "javascript:1", "\\u003cb>", "{{1}}$`"]


def skeleton(text):
    """What a browser takes for elements and attributes, without the texts in them; as html5lib would, of the kind of markup that pages have."""
    page = Page(text)
    return [(tag, sorted(attrs)) for tag, attrs in page.tags], [(tag, len(attrs)) for tag, attrs in page.tags if tag in ("script", "style", "meta")]


@pytest.mark.parametrize("text", [BREAKING[0], *(pytest.param(text, marks=pytest.mark.long) for text in BREAKING[1:])])
def test_no_text_leaves_its_place(local_stack, text):
    """A page of hostile texts has the elements of one with harmless texts, and no secret in any shape; the same of its graph and its history."""
    local_stack.env["WEIR_STATE_KEY"] = "0123456789abcdef" * 4
    shapes = []
    for number, word in enumerate(["harmless", text]):
        quoted = json.dumps(word)[1:-1]
        folder = local_stack.folder / f"of-{number}"
        own = type(local_stack)(folder)
        own.env = local_stack.env
        own.write(EVERYWHERE % {"text": quoted, "secret": SECRET, "change": "first"})
        pages = [own.run("plan", "--format", "html").out, own.run("graph", "--format", "html").out]
        own.apply()
        own.write(EVERYWHERE % {"text": quoted, "secret": SECRET + "-2", "change": "second"})
        pages.append(own.run("plan", "--format", "html").out)
        own.apply()
        pages.append(own.run("history", "--format", "html").out)
        for page in pages:
            assert SECRET not in page and base64.b64encode(SECRET.encode()).decode()[:12] not in page
        shapes.append([skeleton(page) for page in pages])
    assert shapes[0] == shapes[1]


PRICED = """
stack: priced
usage: {lake: {gb: 100}}
inputs: {shards: 2}
resources:
  lake: {type: aws.s3.bucket, name: priced-lake}
  raw: {type: aws.s3.bucket, name: priced-raw}
  clicks: {type: aws.kinesis.stream, for_each: ["<b>one</b>"], name: priced-one, shard_count: "${inputs.shards}", tags: {a: b}}
  key: {type: aws.kms.key, description: "of ${lake.arn}"}
"""


def priced(stack, *args):
    return stack.run("plan", "--format", "html", "--cost", *args).out


def test_cost_within_the_page(stack, cloud):
    """Each resource's price where its change is, the total in the head, and those that are paid for as they are."""
    stack.write(PRICED)
    new = priced(stack)
    assert re.search(r"<b>25\.20 USD a month</b> after this \(\+25\.20\)", new) and "not counted: what depends on use (3 resources)" in new
    assert "<b>one</b>" not in new and new.count('<table class="cost">') == 4 and "depends on use: 0.023 per" in new
    assert 'class="total"' not in stack.run("plan", "--format", "html").out
    stack.apply()
    cloud.client("kinesis").add_tags_to_stream(StreamName="priced-one", Tags={"a": "c"})
    changed = priced(stack, "-i", "shards=4")
    (update,) = re.findall(r'<details class="change update" data-of="clicks">.*?</details>', changed, re.S)
    assert re.search(r"now</td><td>0\.0300</td><td>21\.90</td>", update) and re.search(r"after this</td><td>0\.0600</td><td>43\.80</td>", update)
    drifted = Page(changed).all("details", **{"class": "drifted"})
    assert [attrs["data-of"] for attrs in drifted] == ["clicks"] and "Unchanged resources with costs" in changed
    assert {attrs["data-of"] for attrs in Page(changed).all("details", **{"class": "noop"})} == {"lake", "raw", "key"}
    event = [json.loads(line) for line in stack.run("plan", "--cost", "--json", "-i", "shards=4").out.splitlines()][-1]
    (clicks,) = [thing for thing in event["resources"] if thing["address"].startswith("clicks")]
    assert (clicks["hour_now"], clicks["hour_after"]) == (0.03, 0.06) and [charge["kind"] for charge in clicks["charges"]].count("there") == 1
    assert "-25.20" in priced(stack, "--destroy").replace("&minus;", "-")
    stack.destroy()


@pytest.mark.long
def test_a_click_on_a_box_opens_all_about_it(stack, cloud, tmp_path):
    browser = shutil.which("chromium") or pytest.skip("needs chromium")
    stack.write(PRICED)
    stack.apply()
    cloud.client("kinesis").add_tags_to_stream(StreamName="priced-one", Tags={"a": "c"})
    click = """<script>document.querySelector('g[data-of=clicks]').dispatchEvent(new Event('click'))</script></body>"""
    text = re.sub("<meta http-equiv[^>]*>", "", priced(stack, "-i", "shards=4")).replace("</body>", click)  # the page itself lets no script in
    (tmp_path / "page.html").write_text(text)
    shown = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom", f"file://{tmp_path}/page.html"],
                           capture_output=True, text=True, check=True).stdout
    opened = [attrs for attrs in Page(shown).all("details", **{"class": "chosen"}) if "open" in attrs]
    assert sorted(attrs["class"] for attrs in opened) == ["change drifted chosen", "change update chosen"]
    stack.destroy()


@pytest.mark.long
def test_a_module_is_folded_on_both_sides(local_stack, tmp_path):
    local_stack.write("stack: part\nresources:\n  x: {type: weir.value, value: 1}\n  y: {type: weir.value, value: '${x.value}'}\noutputs: {end: {value: '${y.value}'}}\n", "part/weir.yaml")
    local_stack.write("stack: whole\nmodules: {net: {source: ./part}, 'log': {source: ./part}}\nresources:\n  a: {type: weir.value, value: '${net.end} ${log.end}'}\n")
    (tmp_path / "page.html").write_text(local_stack.run("plan", "--format", "html").out)
    browser = Browser(f"file://{tmp_path}/page.html")
    away = "[...document.querySelectorAll('.away[data-of]')].map(one => one.dataset.of)"
    lines = "[...document.querySelectorAll('path[data-from]:not(.away)')].map(one => one.dataset.from + ' ' + one.dataset.to)"
    try:
        browser.until("document.querySelectorAll('.frame').length === 2 && document.readyState === 'complete'")
        before = browser.run(lines)
        browser.run("document.querySelector('.frame[data-module=net]').dispatchEvent(new MouseEvent('click'))")
        assert sorted(browser.run(away)) == ["net/x", "net/y"] and set(before) - set(browser.run(lines)) == {"net/x net/y"}
        assert not browser.run("document.querySelector('details[data-module=net]').open") and browser.run("document.querySelector('.frame[data-module=net] text').textContent") == "net (2)"
        browser.run("document.querySelector('details[data-module=log] > summary').click()")
        browser.until(away + ".length === 4")
        browser.run("document.querySelector('details.change[data-of=\"net/x\"] > summary').click()")  # what is chosen in the list is shown
        browser.until(away + ".join() === 'log/x,log/y' || " + away + ".join() === 'log/y,log/x'")
        assert not browser.complaints()
    finally:
        browser.stop()


def history(stack):
    text = stack.run("history", "--format", "html").out
    return text, Page(text)


def test_the_page_of_a_history(made):
    made.apply()
    made.apply("-i", "size=2")
    made.apply("-i", "size=2", "-i", "password=page-Heron-8")
    text, page = history(made)
    assert SECRET not in text and "Heron" not in text and not page.all("img")
    script = re.search("<script>(.*)</script>", text, re.S)[1]
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in text
    first, second, third = json.loads(re.search('<script type="application/json" id="steps">(.*?)</script>', text, re.S)[1])
    assert set(first) == {"base", 'both["a"]', 'both["b"]', "login", f'odd["{HOSTILE}"]'}
    assert set(second) == {"base", 'both["a"]', 'both["b"]'} and set(third) == {"login"} and "as of run 3" in third["login"]["value"]
    assert len(page.all("circle")) == 3 and [attrs["value"] for attrs in page.all("input", name="to") if "checked" in attrs] == ["2"]
    assert "does not go with --json" in made.run("history", "--format", "html", "--json", status=3).out

    # Who may write to the state does not write the page.
    (log,) = (made.folder / ".weir").glob("*.log")
    rewrite(log, lambda record: record | {key: f'{record[key]}"><img src=x>' for key in ("run", "status", "command", "owner") if key in record})
    text, page = history(made)
    assert "&lt;img" in text and not page.all("img") and len(page.all("circle")) == 3


@pytest.mark.long
def test_a_browser_tells_two_runs_apart(made, tmp_path):
    browser = shutil.which("chromium") or pytest.skip("needs chromium")
    made.apply()
    made.apply("-i", "size=2")
    made.write("stack: shown\nresources:\n  base: {type: weir.value, value: {size: 2, kept: 1}}\n")
    made.apply()
    (tmp_path / "page.html").write_text(history(made)[0])
    shown = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom", f"file://{tmp_path}/page.html"],
                           capture_output=True, text=True, check=True).stdout
    assert shown.count('<details class="change delete"') == 4 and 'class="change update"' not in shown and "<title>x</title>" not in shown
