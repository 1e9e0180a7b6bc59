"""The pages as they look in headless Chromium, held against small pictures in pictures/; what is broken on purpose has to be seen."""

import pytest

from camera import Camera
from support import Stack

PART = """
    stack: net
    inputs: {wide: 1}
    resources:
      vpc: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16, tags: {wide: "${inputs.wide}"}}
      inner: {type: aws.ec2.subnet, vpc_id: "${vpc.vpc_id}", cidr_block: 10.0.1.0/24}
      outer: {type: aws.ec2.subnet, vpc_id: "${vpc.vpc_id}", cidr_block: 10.0.2.0/24}
    outputs: {subnet: {value: "${inner.subnet_id}"}}
"""
STACK = """
    stack: shown
    inputs: {shards: 1, day: monday, later: false}
    modules: {net: {source: ./net, wide: "${inputs.shards}"}}
    resources:
      lake: {type: aws.s3.bucket, name: shown-lake}
      marts: {type: aws.s3.bucket, name: shown-marts, versioning: "${inputs.later}"}
      clicks: {type: aws.kinesis.stream, name: shown-clicks, shard_count: "${inputs.shards}", tags: {a: b}}
      load: {type: weir.command, command: "true", triggers: ["${inputs.day}", "${lake.arn}", "${clicks.arn}"]}
      told: {type: weir.value, value: "${load.triggers[0]} ${marts.arn} ${net.subnet}"}
"""
OLD = '      queue: {type: aws.sqs.queue, name: "shown-%s"}\n      gone: {type: aws.sns.topic, name: shown-gone, tags: {of: "${queue.arn}"}}\n'
NEW = '      queue: {type: aws.sqs.queue, name: "shown-%s"}\n      key: {type: aws.kms.key, description: "of ${lake.arn}"}\n      fresh: {type: aws.sns.topic, name: shown-fresh, tags: {of: "${key.arn} ${told.value}"}}\n'


@pytest.fixture
def camera(tmp_path):
    camera = Camera(tmp_path)
    yield camera
    camera.stop()


@pytest.fixture
def planned(tmp_path, fast_sandbox):
    """The page of a plan in which there is everything: all actions, a module, drift, and what it costs."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    stack.write(PART, "net/weir.yaml")
    stack.write(STACK + OLD % "old")
    stack.apply()
    fast_sandbox.client("kinesis").add_tags_to_stream(StreamName="shown-clicks", Tags={"a": "c"})
    stack.write(STACK + NEW % "new")
    return stack.run("plan", "--format", "html", "--cost", "-i", "shards=2", "-i", "later=true").out



OPENED = "document.querySelector('g[data-of=clicks]').dispatchEvent(new Event('click'))"
# What must be seen, as CSS of a page that has it wrong, and in which pictures.
BROKEN = {
    "no lines": "path[data-from] { display: none; }",
    "lines under boxes": "path[data-from] { transform: translate(0, 16px); }",
    "no heads of arrows": "svg g { marker-end: none; }",
    "a line that is not there": "path[data-from=lake][data-to=key], path[data-from=key][data-to=lake] { display: none; }",
    "a box beside its place": "g[data-of=load] { transform: translate(24px, 0); }",
    "a box over another": "g[data-of=marts] { transform: translate(0, -46px); }",
    "a box that is gone": "g[data-of=key] { display: none; }",
    "text that is cut off": ".box text { clip-path: inset(0 50% 0 0); }",
    "text out of its box": ".box text { font-size: 20px; }",
    "no text in boxes": ".box text { display: none; }",
    "no frame": "rect.module { display: none; }",
    "no legend": ".filters { visibility: hidden; }",
    "colours of others": ":root { --create: #cf222e !important; --delete: #1a7f37 !important; }",
    "one colour for all": ":root { --update: var(--line) !important; }",
    "no cost": ".cost { visibility: hidden; }",
    "no total": ".total { visibility: hidden; }",
    "no drift": ".drift { visibility: hidden; }",
    "a list that is cut off": "#changes summary { max-width: 8em; overflow: hidden; white-space: nowrap; }",
    "a list in one column with the picture": "main { grid-template-columns: 1fr !important; }",
}
UNREADABLE = {
    "text as dark as its ground": ":root { --text: #1f2328 !important; }",
    "dim text that is not seen": ":root { --dim: #30363d !important; }",
    "boxes of the light": ":root { --soft: #f6f8fa !important; }",
    "a ground of the light": ":root { --back: #fff !important; }",
}
# What other browsers and machines may do: lines on other halves of pixels, letters a little elsewhere.
HARMLESS = {
    "half a pixel": "#picture svg { transform: translate(.5px, .5px); }",
    "half a pixel up": "#picture svg { transform: translate(0, -.5px); }",
    "thinner lines": "svg rect, svg path { stroke-width: .95px }",
    "letters a pixel down": "#changes > * { transform: translate(0, 1px); }",
}


@pytest.mark.long
def test_plan(camera, planned):
    camera.show(planned)
    camera.run(OPENED)
    camera.holds("plan")
    camera.lets_pass("plan", HARMLESS)
    camera.sees("plan", BROKEN)


@pytest.mark.long
def test_plan_in_the_dark(camera, planned):
    camera.show(planned, dark=True)
    camera.run(OPENED)
    camera.holds("plan-dark")
    camera.sees("plan-dark", BROKEN | UNREADABLE)


@pytest.mark.long
def test_plan_in_print(camera, planned):
    """All is open, the picture is below the list, and what only a screen can do is not there."""
    camera.show(planned, 800, 1120, media="print")
    camera.holds("plan-print")
    kept = {"no legend", "no cost", "no drift", "no frame", "no lines", "a box that is gone", "text that is cut off", "no text in boxes", "colours of others"}
    camera.sees("plan-print", {what: css for what, css in BROKEN.items() if what in kept} | {
        "buttons": ".tools { display: flex !important; }",
        "a place to search": "#search { display: block !important; }",
        "a list as high as the screen": "#changes { height: 300px; overflow: auto !important; }",
        "no differences": "pre { display: none; }",
    })


LOCAL = """
    stack: drawn
    modules: {left: {source: ./part}, right: {source: ./part, of: "${left.end}"}}
    resources:
      first: {type: weir.value, value: 1}
      second: {type: weir.command, command: "true", triggers: ["${first.value}"]}
      third: {type: weir.value, value: "${first.value} ${right.end}"}
      a_name_that_is_long_enough: {type: weir.value, for_each: [a, b], value: "${third.value} ${second.triggers[0]}"}
"""
LOCAL_PART = """
    stack: part
    inputs: {of: ""}
    resources:
      x: {type: weir.value, value: "${inputs.of}"}
      y: {type: weir.value, value: "${x.value}"}
    outputs: {end: {value: "${y.value}"}}
"""


def graph(stack):
    stack.write(LOCAL_PART, "part/weir.yaml")
    stack.write(LOCAL)
    return stack.run("graph", "--format", "html").out


@pytest.mark.full
def test_graph(camera, local_stack):
    camera.show(graph(local_stack))
    camera.holds("graph")
    camera.sees("graph", {"no lines": BROKEN["no lines"]})


@pytest.mark.long
def test_what_is_seen_of_a_graph(camera, local_stack):
    camera.show(graph(local_stack))
    camera.lets_pass("graph", HARMLESS)
    kept = {"no lines", "lines under boxes", "text that is cut off", "text out of its box", "no text in boxes", "no frame"}
    camera.sees("graph", {what: css for what, css in BROKEN.items() if what in kept} | {
        "a box beside its place": "g[data-of=third] { transform: translate(24px, 0); }",
        "a box over another": "g[data-of=second] { transform: translate(0, -46px); }",
        "no tools": ".tools { display: none; }",
        "smaller": "#picture svg { transform: scale(.95); }",
    })


# What hangs on the clock, on who runs it and on how fast this machine is.
TIMELESS = """
    document.querySelectorAll("circle").forEach((dot, i) => dot.setAttribute("cx", 200 * i));
    for (const row of document.querySelectorAll("tbody tr"))
      for (const [column, text] of [[3, "2026-01-01T00:00:00Z"], [6, "10 ms"], [7, "ada@host"]]) row.cells[column].textContent = text;
"""


@pytest.mark.long
@pytest.mark.parametrize("dark", [False, True])
def test_history(camera, local_stack, dark):
    resources = "stack: kept\ninputs: {size: 1}\nresources:\n" + "".join(f"  r{n}: {{type: weir.value, value: '${{inputs.size}}'}}\n" for n in range(6))
    local_stack.write(resources)
    local_stack.apply()
    local_stack.write(resources + "  bad: {type: weir.command, command: 'exit ${inputs.size}'}\n")
    local_stack.apply("-i", "size=2", status=1)
    local_stack.write(resources.replace("  r5", "  other"))
    local_stack.apply("-i", "size=3")
    camera.show(local_stack.run("history", "--format", "html").out, dark=dark)
    camera.run(TIMELESS)
    name = "history-dark" if dark else "history"
    camera.holds(name)
    camera.sees(name, {
        "no line": "#line path { display: none; }",
        "no dots": "#line circle { display: none; }",
        "no run that failed": "#line circle.failed, tr.failed td { fill: var(--create) !important; color: inherit !important; }",
        "no runs that are chosen": "#line circle.chosen { stroke: none !important; }",
        "a table that is cut off": "table { display: block; width: 50% !important; overflow: hidden; }",
        "no difference": "#difference { visibility: hidden; }",
        "colours of others": ":root { --create: #cf222e !important; --delete: #1a7f37 !important; --update: #8250df !important; }",
        "below each other": "main { grid-template-columns: 1fr !important; }",
    } | ({what: css for what, css in UNREADABLE.items() if what != "boxes of the light"} if dark else {}))


@pytest.mark.long
def test_a_thousand_folded(camera, local_stack):
    """Ten modules of ninety-nine, each needing the one before: all folded, then one of them opened again."""
    parts = "".join(f"  r{n}: {{type: weir.value, value: '${{r{n // 3}.value}}'}}\n" for n in range(1, 99))
    local_stack.write("stack: part\ninputs: {of: ''}\nresources:\n  r0: {type: weir.value, value: '${inputs.of}'}\n" + parts + "outputs: {end: {value: '${r98.value}'}}\n", "part/weir.yaml")
    needed = ["''", *(f"'${{m{n}.end}}'" for n in range(9))]
    modules = "".join(f"  m{n}: {{source: ./part, of: {of}}}\n" for n, of in enumerate(needed))
    own = "".join(f"  o{n}: {{type: weir.value, value: '${{m{n}.end}}'}}\n" for n in range(10))
    local_stack.write(f"stack: many\nmodules:\n{modules}resources:\n{own}")
    camera.show(local_stack.run("plan", "--format", "html").out)
    assert camera.run("document.querySelectorAll('details.change').length") == 1000
    camera.run("for (const one of document.querySelectorAll('details[data-module]')) if (one.dataset.module) one.open = false")
    camera.browser.until("document.querySelectorAll('.frame[aria-expanded=false]').length === 10")
    camera.run("document.querySelector('#fit').click()")
    camera.holds("folded")
    camera.sees("folded", {
        "what is folded is there": ".away { display: revert !important; }",
        "no frames": ".frame { display: none; }",
        "no list": "details.module { display: none; }",
    })
    camera.run("document.querySelector('.frame[data-module=m4]').dispatchEvent(new MouseEvent('click'))")
    assert not camera.look("folded")["same"]


LETTERS_OUT = """(() => {
  const out = [];
  for (const box of document.querySelectorAll(".box")) {
    const around = box.querySelector("rect").getBoundingClientRect();
    for (const text of box.querySelectorAll("text")) {
      const at = text.getBoundingClientRect();
      if (at.left < around.left || at.right > around.right || at.top < around.top || at.bottom > around.bottom) out.push(text.textContent);
    }
  }
  for (const one of document.querySelectorAll("summary, pre, header > *, label")) if (one.scrollWidth > one.clientWidth + 1 && one.clientWidth) out.push(one.textContent);
  return out;
})()"""


@pytest.mark.long
@pytest.mark.parametrize("face", ["", "sans-serif", "serif", "monospace"])
def test_letters_stay_within_boxes(camera, planned, face):
    """With the fonts that this machine really has."""
    camera.show(planned, bars=False)
    if face:
        camera.run(f"document.head.append(Object.assign(document.createElement('style'), {{textContent: '* {{ font-family: {face} !important; }}'}}))")
    assert camera.run(LETTERS_OUT) == []
    camera.run("for (const text of document.querySelectorAll('.box text')) text.style.fontSize = '24px'")
    assert camera.run(LETTERS_OUT)


@pytest.mark.long
@pytest.mark.parametrize("dark", [False, True])
def test_axe_has_nothing_to_say(camera, planned, local_stack, dark):
    """Names and roles, contrasts, order, what a keyboard reaches: of a plan with a box opened, a graph, a history."""
    camera.show(planned, dark=dark, bars=False)
    camera.run(OPENED)
    assert camera.judged() == []
    assert "color-contrast" in {rule for rule, *_ in (camera.run("document.documentElement.style.setProperty('--dim', 'var(--line)')"), camera.judged())[1]}
    camera.show(graph(local_stack), dark=dark, bars=False)
    assert camera.judged() == []
    local_stack.apply()
    camera.show(local_stack.run("history", "--format", "html").out, dark=dark, bars=False)
    assert camera.judged() == []
