"""Chromium without a window, told what to do over a pipe (the DevTools protocol): no network but the page's own."""

import json
import os
import shutil
import subprocess
import tempfile

import pytest
from support import until


class Browser:
    def __init__(self, address):
        program = shutil.which("chromium") or pytest.skip("needs chromium")
        self.home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)  # its children may write a moment longer
        theirs, self.out = os.pipe()
        self.into, said = os.pipe()
        command = f'exec 3<&{theirs} 4>&{said}; exec "$0" --headless --no-sandbox --disable-gpu --remote-debugging-pipe --user-data-dir="$1" about:blank'
        self.process = subprocess.Popen(["bash", "-c", command, program, self.home.name], pass_fds=(theirs, said), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs)
        os.close(said)
        self.rest, self.number, self.session, self.events = b"", 0, None, []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self.session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in "Page", "Runtime", "Network", "Log":
            self(f"{domain}.enable")
        self("Page.navigate", url=address)

    def __call__(self, method, **params):
        self.number += 1
        asked = {"id": self.number, "method": method, "params": params} | ({"sessionId": self.session} if self.session else {})
        os.write(self.out, json.dumps(asked).encode() + b"\0")
        while (said := self.take()).get("id") != self.number:
            self.events.append(said)
        assert "error" not in said, said
        return said["result"]

    def take(self):
        while b"\0" not in self.rest:
            piece = os.read(self.into, 1 << 16)
            assert piece, "the browser has ended"
            self.rest += piece
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def run(self, script):
        done = self("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def until(self, script):
        return until(lambda: self.run(script), process=self.process)

    def shows(self, where, text):
        return self.until(f"document.querySelector({json.dumps(where)})?.textContent.includes({json.dumps(text)})")

    def click(self, where, text):
        """The first of these elements that has exactly this text, once it is there."""
        find = f"[...document.querySelectorAll({json.dumps(where)})].find(one => one.textContent === {json.dumps(text)})"
        self.until(f"!!{find}")
        self.run(f"{find}.click()")

    def requests(self):
        """Addresses that it has asked for."""
        self.run("0")
        return [event["params"]["request"]["url"] for event in self.events if event.get("method") == "Network.requestWillBeSent"]

    def complaints(self):
        """What it has refused to do, and what scripts have thrown."""
        self.run("0")
        return [event for event in self.events if event.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown")]

    def stop(self):
        self.session = None
        self("Browser.close")
        self.process.wait()
        os.close(self.out)
        os.close(self.into)
        self.home.cleanup()
