"""Driving an app in the page of the live benchmark, and waiting until it has caught up."""

import time

from tests.benchmarks.live_probe import PROBE
from tests.browser.servers import ERRORS, RUN_ALL, SHUTDOWN, App

MOVES_PER_SECOND = 60
_QUIET = 300  # ms without any change after which nothing is left to come
_TIMEOUT = 90_000  # ms


class LivePage(App):
    """An app in a notebook, one of whose sliders is moved while the page watches itself."""

    def __init__(self, page, url):
        super().__init__(page)
        page.add_init_script(PROBE)
        page.goto(url)
        ready = "() => window.jupyterapp?.shell?.currentWidget?.sessionContext"
        page.wait_for_function(ready, timeout=_TIMEOUT)
        assert page.evaluate(RUN_ALL) is True, page.evaluate(ERRORS)

    def watch(self, name, selector):
        """Record from now on, and learn which value a picture shows at which slider step."""
        self.name = name
        self.page.wait_for_selector(
            f"{selector}[aria-label*='kpc'], {selector} img", timeout=_TIMEOUT
        )
        self.page.evaluate("([n, s]) => gflProbe.watch(n, s)", [name, selector])
        points = [self._end(key) for key in ("Home", "End")]
        self.page.evaluate(
            """([[i, a], [j, b]]) => {
              const step = (b - a) / (j - i);
              gflProbe.scale = [a - i * step, step];
            }""",
            points,
        )
        self.drag(2.0)  # to the middle
        self.keys(4)
        self.take()

    def _end(self, key):
        self.take()
        self.press(self.name, key)
        return self._wait("quiet => gflProbe.point(quiet)", 1000).json_value()

    def _wait(self, predicate, argument=None, polling=50):
        return self.page.wait_for_function(
            predicate, arg=argument, timeout=_TIMEOUT, polling=polling
        )

    def settle(self):
        """Wait until the last value is shown and refined and nothing changes any more."""
        self._wait("quiet => gflProbe.settled(quiet)", _QUIET)

    def take(self):
        """What the page has recorded since the last call."""
        return self.page.evaluate("() => gflProbe.take()")

    def keys(self, steps, *, after="settled"):
        """Press arrow keys, each once the page says so of the last: settled, shows, refining."""
        for i in range(steps):
            self.press(self.name, "ArrowLeft" if i // 10 % 2 else "ArrowRight")
            self._wait(f"quiet => gflProbe.{after}(quiet)", _QUIET, polling="raf")
        self.settle()

    def drag(self, seconds):
        """Pull the slider one way, nine tenths of its width in four seconds, and let it settle.

        One way, so that no value comes twice and a picture tells when its value was set.
        """
        line = self.page.locator(f".gfl-slider-{self.name} .noUi-base").first.bounding_box()
        speed, middle = 0.9 * line["width"] / 4, line["x"] + line["width"] / 2
        if abs(self._knob()[0] - middle) + line["width"] / 2 < speed * seconds:
            self.press(self.name, "Home")  # from where it is there is not enough room
            self.settle()
            self.take()
        x, y = self._knob()
        speed *= 1 if x < middle else -1
        mouse = self.page.mouse
        mouse.move(x, y)
        mouse.down()
        start = time.monotonic()
        while (passed := time.monotonic() - start) < seconds:
            mouse.move(x + speed * passed, y)
            passed = time.monotonic() - start
            time.sleep(-passed % (1 / MOVES_PER_SECOND))
        mouse.up()
        self.settle()

    def _knob(self):
        box = self.handle(self.name).bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def kernel_id(self):
        return self.page.evaluate(
            "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.id"
        )

    def close(self):
        self.page.evaluate(SHUTDOWN)
        self.page.close()
