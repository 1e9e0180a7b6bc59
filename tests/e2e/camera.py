"""Pages photographed by headless Chromium, and held against small pictures: pictures/NAME.png has a pixel for each cell of 8 by 8.

Every letter is drawn as the same bar (pictures/bars.ttf), so that a machine's fonts change neither lines nor widths; and a cell may be where its neighbour was, so
that another way of smoothing edges does not either. WEIR_PICTURES=draw draws the references anew: look at them before they are committed."""

import base64
import json
import os
from pathlib import Path

import pytest
from browser import Browser
from support import ROOT

HERE = Path(__file__).parent / "pictures"
CELL = 8
MEAN = 0.5  # of 255: how far cells may be from the reference on average,
FLAT, SHARE = 1.8, 0.24  # and how far each: this, and that share of the contrast about it

BARS = """(async () => {
  const bars = new FontFace("bars", "url(data:font/ttf;base64,%s)"), style = document.createElement("style");
  document.fonts.add(await bars.load());
  style.textContent = "* { font-family: bars !important; text-rendering: geometricPrecision !important; animation: none !important; transition: none !important; caret-color: transparent !important; }";
  document.head.append(style);
})()"""


class Camera:
    def __init__(self, folder):
        self.folder, self.page = folder, folder / "page.html"
        self.browser = Browser("about:blank")
        self.browser("Emulation.setScrollbarsHidden", hidden=True)
        self.browser("Page.setBypassCSP", enabled=True)  # for the bars; that the policy holds is for other tests

    def show(self, text, wide=1280, high=800, dark=False, media="", bars=True):
        """A page, in a window of that size, in the light or in the dark, on a screen or as it would be printed."""
        self.page.write_text(text)
        self.visit(f"file://{self.page}", wide, high, dark, media, bars)

    def visit(self, address, wide=1280, high=800, dark=False, media="", bars=True):
        self.browser("Emulation.setDeviceMetricsOverride", width=wide, height=high, deviceScaleFactor=1, mobile=False)
        self.browser("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.browser("Page.navigate", url="about:blank")
        self.browser("Page.navigate", url=address)
        self.browser.until(f"document.readyState === 'complete' && location.href.startsWith({json.dumps(address.partition('#')[0])})")
        if bars:
            self.run(BARS % base64.b64encode((HERE / "bars.ttf").read_bytes()).decode())
        if media == "print":
            self.run("dispatchEvent(new Event('beforeprint')), 0")

    def run(self, script):
        return self.browser.run(script)

    def photograph(self):
        """The whole page, also what a window would have to be scrolled for."""
        wide, high = self.run("[innerWidth, document.documentElement.scrollHeight]")
        return self.browser("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip={"x": 0, "y": 0, "width": wide, "height": high, "scale": 1})["data"]

    def look(self, name):
        """How far what is shown is from the reference of that name."""
        png = self.photograph()
        reference = HERE / f"{name}.png"
        known = base64.b64encode(reference.read_bytes()).decode() if reference.exists() else ""
        script = (HERE / "compare.js").read_text()
        found = self.run(f"(async () => {{ {script} return compared({json.dumps(png)}, {CELL}, {json.dumps(known)}, {FLAT}, {SHARE}); }})()")
        found["same"] = found["mean"] <= MEAN and found["most"] <= 1
        return found

    def holds(self, name):
        found = self.look(name)
        drawn = base64.b64decode(found.pop("drawn"))
        (self.folder / f"{name}.png").write_bytes(base64.b64decode(self.photograph()))
        if os.environ.get("WEIR_PICTURES") == "draw" and not found["same"]:
            (HERE / f"{name}.png").write_bytes(drawn)
            return
        assert found["same"], f"{name} looks different: {found}; see {self.folder}/{name}.png, and draw anew with WEIR_PICTURES=draw if it is as it should be"

    def styled(self, name, css):
        """The same with this CSS in the page, for so long."""
        self.run(f"document.head.append(Object.assign(document.createElement('style'), {{id: 'also', textContent: {json.dumps(css)}}}))")
        found = self.look(name)
        self.run("document.querySelector('#also').remove()")
        return found

    def sees(self, name, broken):
        """Whether each of these ways to break a page is told from the reference."""
        missed = [what for what, css in broken.items() if self.styled(name, css)["same"]]
        assert not missed, f"{name}: not seen: {missed}"

    def lets_pass(self, name, harmless):
        told = [what for what, css in harmless.items() if not self.styled(name, css)["same"]]
        assert not told, f"{name}: told of what is none: {told}"

    def judged(self):
        """What axe, which others wrote, has against the page: (rule, how often, the first place)."""
        axe = ROOT / ".cache/axe/node_modules/axe-core/axe.min.js"
        if not axe.exists():
            pytest.skip("needs axe (tools/setup editors)")
        self.run(axe.read_text() + "; 0")
        found = self.run("axe.run(document, {resultTypes: ['violations']}).then(said => said.violations.map(one => [one.id, one.nodes.length, one.nodes[0].html.slice(0, 200), one.nodes[0].failureSummary]))")
        return found

    def stop(self):
        self.browser.stop()
