"""What moves on a terminal while weir works, as a terminal shows it: pyte is one, of any size."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

import pyte
import pytest

from support import until

STATUS = re.compile(r"^\S [\d.]+ \w+ .*(\d+) of (\d+) done, (\d+) in flight")


class Screen(pyte.Screen):
    """Counts how often it goes a line down: lines that wrap do so unasked."""

    downs = 0

    def linefeed(self):
        self.downs += 1
        super().linefeed()


class Terminal:
    def __init__(self, stack, *args, columns=80, rows=24, **env):
        self.screen, self.raw = Screen(columns, rows), b""
        self.stream = pyte.ByteStream(self.screen)
        self.master, slave = pty.openpty()
        self.resize(columns, rows)
        self.process = subprocess.Popen(stack.command(*args), cwd=stack.folder, env={**stack.env, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **env},
                                        stdin=slave, stdout=slave, stderr=slave, start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def read(self):
        """One piece of what is written; False at the end."""
        with contextlib.suppress(OSError):
            if select.select([self.master], [], [], 60)[0] and (piece := os.read(self.master, 65536)):
                self.raw += piece
                self.stream.feed(piece)
                return True
        return False

    def rows(self):
        return [row.rstrip() for row in self.screen.display]

    def shows(self, text, frames=1):
        """Reads until that is shown in the tree's last line, whole, and so many frames more were."""
        before = self.raw.count(b"A\r")
        until(lambda: self.read() and self.whole() and re.search(text, self.whole()) and self.raw.count(b"A\r") >= before + frames, self.process)
        return self.rows()

    def whole(self):
        """The last line where the cursor stands below it and nothing else does."""
        rows, at = self.rows(), self.screen.cursor.y
        return rows[at - 1] if at and not self.screen.cursor.x and not any(rows[at:]) and STATUS.search(rows[at - 1]) else None

    def end(self, status=0):
        while self.read():
            pass
        assert self.process.wait() == status, self.raw.decode()
        os.close(self.master)
        return self.rows()

    def never_wrapped(self):
        return self.screen.downs == self.raw.count(b"\n")


KEYS = ["데이터 호수 " * 12, "b" * 150, "\\u001b[2J"]


def hold(local_stack, count):
    """So many resources; two are in flight until somebody writes into the pipe of each."""
    os.mkfifo(local_stack.folder / "one")
    os.mkfifo(local_stack.folder / "two")
    many = "".join(f'  r{n}: {{type: weir.value, value: "${{gate.result}} {n}"}}\n' for n in range(count))
    local_stack.write(f"stack: part\nresources:\n  slow: {{type: weir.command, command: read go < {local_stack.folder}/two}}\n"
                      '  after: {type: weir.value, value: "${slow.result}"}\noutputs: {end: {value: "${after.value}"}}\n', "part/weir.yaml")
    local_stack.write("stack: held\nmodules: {net: {source: ./part}}\nresources:\n  gate: {type: weir.command, command: read go < one}\n"
                      f'  odd: {{type: weir.value, for_each: ["{KEYS[0]}", {KEYS[1]}, "{KEYS[2]}"], value: "${{gate.result}} ${{each.key}}"}}\n'
                      f'  last: {{type: weir.value, value: "${{r5.value}} ${{r7.value}} ${{net.end}}"}}\n{many}')
    return local_stack


@pytest.fixture
def held(local_stack):
    return hold(local_stack, 1990)


@pytest.fixture
def few(local_stack):
    return hold(local_stack, 8)


def applied(stack, **more):
    """What was looked at is carried out: the tree is all there is to see."""
    stack.run("plan", "-o", "it.plan")
    return Terminal(stack, "apply", "it.plan", **more)


def release(stack):
    for name in "one", "two":
        (stack.folder / name).write_text("go\n")


SIZES = [(80, 24), *(pytest.param(columns, rows, marks=pytest.mark.long) for columns in (60, 80, 200) for rows in (10, 40))]


@pytest.mark.parametrize("columns, rows", SIZES)
def test_a_tree_of_what_is_in_flight_and_what_waits_for_it(held, columns, rows):
    terminal = applied(held, columns=columns, rows=rows)
    shown = terminal.shows("0 of 1997 done, 2 in flight, 1995 waiting"[: columns - 20], frames=5)
    tree = shown[[at for at, row in enumerate(shown) if "creating" in row][0] - (rows > 8):]
    assert len([row for row in shown if "creating" in row]) == 2 and len([row for row in shown if STATUS.search(row)]) == 1
    assert any(re.search(r"creating gate .* \(\d+\+ wait\)", row) for row in tree), tree
    assert any(re.search(r"creating (net/)?slow .* \(2 wait\)", row) for row in tree), tree
    assert len([row for row in tree if re.search("[├└] to create (r|odd)", row)]) == (3 if rows > 10 else 2), tree
    if rows > 10:
        assert any(re.search("[├└] to create net/after", row) for row in tree) and any(re.search("^  net  0 of 2 done", row) for row in tree), tree
    assert terminal.never_wrapped() and not terminal.screen.cursor.hidden
    release(held)
    final = terminal.end()
    assert not any(STATUS.search(row) or "in flight" in row for row in final) and any("1997 created" in row for row in final), final
    assert b"\x1b[?25l" not in terminal.raw and b"\x1b[2J" not in terminal.raw


@pytest.mark.long
def test_a_window_that_changes(few):
    terminal = applied(few, columns=120, rows=30)
    terminal.shows("2 in flight")
    for columns, rows in ((70, 30), (70, 12), (160, 40)):
        terminal.resize(columns, rows)
        shown = terminal.shows("2 in flight", frames=3)
        assert len([row for row in shown if "creating" in row]) == 2 and len([row for row in shown if STATUS.search(row)]) == 1, shown
    release(few)
    terminal.end()


def test_what_is_left_when_it_is_stopped(few):
    stopped = applied(few)
    stopped.shows("2 in flight")
    os.write(stopped.master, b"\x03")  # Ctrl-C
    stopped.shows("stopping")
    os.write(stopped.master, b"\x03")
    rows = stopped.end(status=130)
    assert not any(STATUS.search(row) for row in rows) and not stopped.screen.cursor.hidden
    killed = applied(few)
    killed.shows("2 in flight")
    killed.process.kill()
    killed.end(status=-signal.SIGKILL)
    release(few)  # what it had started outlives it
    assert not killed.screen.cursor.hidden and not killed.screen.cursor.x  # a shell's prompt stands where it belongs


def test_where_lines_are_better(few):
    for env in ({"TERM": "dumb"}, {"CI": "true"}, {"NO_COLOR": "1"}):
        terminal = Terminal(few, "apply", "--yes", "--target", "net", **env)
        (few.folder / "two").write_text("go\n")
        terminal.end()
        assert b"\x1b[1A" not in terminal.raw and b"A\r" not in terminal.raw and b"created net/slow" in terminal.raw, env
        terminal = Terminal(few, "destroy", "--yes", **env)
        terminal.end()
        assert b"A\r" not in terminal.raw


@pytest.mark.long
def test_a_service_that_is_throttled(stack, cloud):
    """What is sent again is said, while it waits."""
    slow = "<Error><Code>SlowDown</Code><Message>not so fast</Message></Error>"
    cloud.fail({"match": "PUT /slow-lake", "times": 1, "status": 503, "body": slow}, {"match": "PUT /slow-lake", "hold": True})
    stack.write("stack: slow\nresources: {lake: {type: aws.s3.bucket, name: slow-lake}}\n")
    terminal = applied(stack, columns=100)
    shown = terminal.shows("1 in flight, throttled 1 time")
    assert any("creating lake" in row and row.rstrip().endswith("CreateBucket: 2nd try, throttled") for row in shown), shown
    cloud.fail()
    terminal.end()


def test_a_fleet_in_a_narrow_window(local_stack):
    """A row that wraps is more lines than are erased before it is drawn again."""
    names = "anna-with-a-long-name", "bob-with-a-longer-name"
    for name in names:
        os.mkfifo(local_stack.folder / name)
    local_stack.write(f"""
        stack: lab
        inputs: {{owner: {{type: string}}}}
        fleet: {{each: [{", ".join(names)}], inputs: {{owner: "${{each.key}}"}}}}
        resources: {{a: {{type: weir.command, command: "read go < ${{inputs.owner}}"}}, b: {{type: weir.value, value: "${{a.result}}"}}}}
    """)
    fleet = Terminal(local_stack, "fleet", "apply", "-y", columns=32)
    until(lambda: fleet.read() and "0 done, 2 running" in "".join(fleet.rows()) and fleet.raw.count(b"2 running") > 3, fleet.process)
    row = r"(anna|bob)\S+… +%d of 2 +[0-9.]+ m?s"
    assert sum(bool(re.fullmatch(row % 0, shown)) for shown in fleet.rows()) == 2, fleet.rows()
    for name in names:
        (local_stack.folder / name).write_text("go\n")
    assert sum(bool(re.fullmatch(row % 2, shown)) for shown in fleet.end()) == 2
