"""A blank page with one canvas on it, and a model in place of the kernel."""

import base64

import numpy as np
from galflowlab_widgets.canvas import STYLE, MapCanvas
from galflowlab_widgets.chart import Chart
from galflowlab_widgets.plane import ContextPlane
from galflowlab_widgets.rendering import palettes
from galflowlab_widgets.sky_canvas import ObserverMap, SkyMap

KINDS = {
    MapCanvas: "gfl-canvas",
    ContextPlane: "gfl-plane",
    Chart: "gfl-chart",
    ObserverMap: "gfl-observer",
    SkyMap: "gfl-sky",
}
THEMES = {
    "light": {
        "--jp-ui-font-color1": "rgba(0, 0, 0, 0.87)",
        "--jp-ui-font-color2": "rgba(0, 0, 0, 0.54)",
        "--jp-layout-color0": "white",
        "--jp-layout-color2": "#eeeeee",
        "--jp-brand-color1": "#1976d2",
    },
    "dark": {
        "--jp-ui-font-color1": "rgba(255, 255, 255, 1)",
        "--jp-ui-font-color2": "rgba(255, 255, 255, 0.7)",
        "--jp-layout-color0": "#111111",
        "--jp-layout-color2": "#424242",
        "--jp-brand-color1": "#2196f3",
    },
}

# The interface that anywidget gives to a view, and records of what the view does.
STAGE = """
window.decode = (state) => Object.fromEntries(Object.entries(state).map(([name, value]) => {
  if (!value || value.base64 === undefined) return [name, value];
  const raw = Uint8Array.from('xxx' + atob(value.base64), (c) => c.charCodeAt(0));
  return [name, new DataView(raw.buffer, 3)];  // bytes need not start where their buffer does
}));
window.Model = class {
  constructor(state) {
    Object.assign(this, { state: decode(state), dirty: {}, saved: [], sent: [], ears: [] });
  }
  get(name) { return this.state[name]; }
  set(name, value) {
    if (JSON.stringify(this.state[name]) === JSON.stringify(value)) return;
    this.state[name] = this.dirty[name] = value;
    this.emit('change');
  }
  save_changes() {
    if (Object.keys(this.dirty).length) this.saved.push(this.dirty);
    this.dirty = {};
  }
  on(type, action) { this.ears.push([type, action]); }
  off(type, action) { this.ears = this.ears.filter(([t, a]) => t !== type || a !== action); }
  send(message) { this.sent.push(message); }
  emit(type, ...rest) { for (const [t, a] of [...this.ears]) if (t === type) a(...rest); }
  update(state) { Object.assign(this.state, decode(state)); this.emit('change'); }
};
window.texts = [];
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
  const size = this.measureText(text);
  const turned = this.getTransform();
  const corners = [
    [x - size.actualBoundingBoxLeft, y - size.actualBoundingBoxAscent],
    [x + size.actualBoundingBoxRight, y + size.actualBoundingBoxDescent],
  ].map(([a, b]) => turned.transformPoint({ x: a, y: b }));
  const [across, down] = ['x', 'y'].map((k) => corners.map((c) => c[k] / devicePixelRatio));
  const box = [Math.min(...across), Math.min(...down), Math.max(...across), Math.max(...down)];
  texts.push({ text, box, font: this.font, colour: this.fillStyle });
  return write.call(this, text, x, y);
};
window.watching = 0;
for (const Kind of [ResizeObserver, MutationObserver]) {
  const { observe, disconnect } = Kind.prototype;
  Kind.prototype.observe = function (target, ...rest) {
    if (target !== document) this.on ||= !!++watching;  // Playwright watches the document
    observe.call(this, target, ...rest);
  };
  Kind.prototype.disconnect = function () {
    if (this.on) watching--;
    this.on = false;
    disconnect.apply(this);
  };
}
window.begin = async (source, css, kind, width, state) => {
  document.head.append(Object.assign(document.createElement('style'), { textContent: css }));
  const el = Object.assign(document.createElement('div'), { className: kind });
  el.style.width = `${width}px`;
  (document.querySelector('main') ?? document.body).append(el);
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  const { default: { render } } = await import(url);
  window.model = new Model(state);
  window.el = el;
  window.dispose = render({ model, el });
  window.canvas = el.querySelector('canvas');
};
'ready';  // a function in the end would be called
"""
PIXEL = """([x, y]) => {
  const ratio = canvas.width / canvas.clientWidth;
  const context = new OffscreenCanvas(1, 1).getContext('2d');
  context.drawImage(canvas, -Math.floor(x * ratio), -Math.floor(y * ratio));
  return [...context.getImageData(0, 0, 1, 1).data];
}"""


def encoded(state):
    return {
        name: {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
        for name, value in state.items()
    }


class Stage:
    """One canvas on a page."""

    def __init__(self, page, widget, state, width, theme="light", before=""):
        self.page, self.errors = page, []
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.set_content(f"<!doctype html><style>body {{margin: 0}}</style>{before}")
        page.evaluate(STAGE)
        self.theme(theme)
        kind = KINDS[widget]
        source = [widget._esm, STYLE.read_text(), kind, width, encoded(state)]
        page.evaluate("parts => begin(...parts)", source)
        self.wait_for_frame(0)

    def theme(self, name):
        text = ";".join(f"{k}: {v}" for k, v in THEMES[name].items())
        text += ";background: var(--jp-layout-color0)"
        self.page.evaluate("text => { document.body.style = text }", text)

    @property
    def frames(self):
        return int(self.page.evaluate("canvas.dataset.frame ?? 0"))

    def wait_for_frame(self, after):
        self.page.wait_for_function("n => +(canvas.dataset.frame ?? 0) > n", arg=after)

    def update(self, **state):
        self.page.evaluate("state => model.update(state)", encoded(state))

    def take(self, name):
        """What the view has saved under a name since the last time."""
        saved = self.page.evaluate("model.saved.splice(0)")
        return [state[name] for state in saved if name in state]

    @property
    def pongs(self):
        return [m["ping"] for m in self.page.evaluate("model.sent") if m["type"] == "pong"]

    def pixel(self, x, y):
        return tuple(self.page.evaluate(PIXEL, [x, y]))

    def resize(self, width):
        before = self.frames
        self.page.evaluate("width => { el.style.width = `${width}px` }", width)
        self.wait_for_frame(before)

    def texts(self):
        """All texts of one drawing: (text, box in CSS pixels)."""
        before = self.frames
        self.page.evaluate("texts.length = 0; document.body.setAttribute('data-jp-theme-name', '')")
        self.wait_for_frame(before)
        return [(t["text"], t["box"]) for t in self.page.evaluate("texts")]

    def size(self):
        return self.page.evaluate("[canvas.clientWidth, canvas.clientHeight]")

    def drag(self, start, *ends, button="left"):
        self.page.mouse.move(*start)
        self.page.mouse.down(button=button)
        for end in ends:
            self.page.mouse.move(*end)
        self.page.mouse.up(button=button)

    def press(self, key):
        self.page.evaluate("canvas.focus()")
        self.page.keyboard.press(key)

    def check_texts(self):
        """No text is cut by the canvas or lies on another."""
        texts = self.texts()
        width, height = self.size()
        for i, (text, (left, top, right, bottom)) in enumerate(texts):
            assert left >= 0, text
            assert top >= 0, text
            assert right <= width, text
            assert bottom <= height, text
            for other, (a, b, c, d) in texts[:i]:
                assert right <= a or c <= left or bottom <= b or d <= top, (text, other)
        return [text for text, _ in texts]


BINS = 32
ROOM = {"left": 62, "gap": 40, "right": 90, "top": 28, "row_gap": 22}


def ticks(*values, low=-10.0, high=10.0):
    return [[(v - low) / (high - low), f"{v:g}".replace("-", "−")] for v in values]


def frame(**changes):
    wide = ticks(-10, -5, 0, 5, 10)
    density = {"label": "surface density [M☉ kpc⁻²]", "palette": 0}
    density["ticks"] = [[i / 4, f"10{s}"] for i, s in enumerate("⁴⁵⁶⁷⁸")]
    age = {"label": "mean age [Gyr]", "palette": 1}
    age["ticks"] = ticks(0, 2, 4, 6, 8, 10, 12, 14, low=0, high=14)
    return {
        "bins": BINS,
        "xticks": wide,
        "yticks": wide,
        "columns": [
            {"title": "face-on", "x": "x′ [kpc]", "y": "y′ [kpc]"},
            {"title": "inclination 45.5°", "x": "x′ [kpc]", "y": "y′ [kpc]"},
        ],
        "rows": [density, age],
        "scale_bar": {"fraction": 0.25, "label": "5 kpc"},
        "contours": [[], []],
        "zlib": False,
        "ping": None,
    } | changes


def levels():
    """Panels that differ, each with a bright pixel in its lower left corner."""
    out = np.zeros((4, BINS, BINS), np.uint8)
    for i, panel in enumerate(out):
        panel[:] = 20 * (i + 1)
        panel[:6, :6] = 255
    return out


def maps(page, width=640, theme="light", before="", **changes):
    state = {
        "pixels": levels().tobytes(),
        "frame": frame(),
        "palettes": palettes(),
        "alt": "Maps of a galaxy",
        "direction": [45.5, 30.0],
        "field": [0.0, 0.0, 10.0],
        "turned": [],
        "zoomed": [],
    }
    return Stage(page, MapCanvas, state | changes, width, theme, before)


def spot(stage, column, row, fx, fy, width=640):
    """Place on the page of a fraction of a panel."""
    side = (min(width, 850) - ROOM["left"] - ROOM["gap"] - ROOM["right"]) // 2
    x = ROOM["left"] + column * (side + ROOM["gap"]) + fx * side
    return x, ROOM["top"] + row * (side + ROOM["row_gap"]) + (1 - fy) * side


def colour(palette, level):
    tables = np.frombuffer(palettes(), np.uint8).reshape(-1, 256, 4)
    return tuple(int(part) for part in tables[palette, level])


SLIDERS = """<main class="gfl-app"><span class="gfl-label-mass">mass: 10</span>
<div class="gfl-slider-mass"><div class="noUi-handle"></div></div>
<div class="gfl-slider-age" title="age of the stars"><div class="noUi-handle"></div></div>
<div class="gfl-slider-none"><div class="noUi-handle"></div></div></main>"""


def plane(page, theme="light", before="", **changes):
    rng = np.random.default_rng(0)
    x = rng.uniform(0.1, 0.9, 80)
    points = np.stack([x, 0.2 + 0.6 * x + rng.normal(0, 0.06, 80)], 1).astype("<f4")
    gx, gy = np.meshgrid(*2 * [(np.arange(40) + 0.5) / 40])
    support = (255 * (np.abs(gy - 0.2 - 0.6 * gx) < 0.18) * (gx > 0.05)).astype(np.uint8)
    state = {
        "points": points.tobytes(),
        "support": support.tobytes(),
        "support_size": [40, 40],
        "axes": {
            "x": {
                "label": "log₁₀ stellar mass [M☉]",
                "ticks": ticks(7, 8, 9, 10, 11, low=7, high=11.4),
            },
            "y": {
                "label": "mean metallicity Z",
                "ticks": [[0, "10⁻⁴"], [0.5, "10⁻³"], [1, "10⁻²"]],
            },
        },
        "position": [0.5, 0.5],
        "marked": [],
        "outside": False,
        "alt": "80 training galaxies",
        "value_text": "mass 10, metallicity 0.01",
        "step": [0.01, 0.02],
        "dragged": [],
    }
    return Stage(page, ContextPlane, state | changes, 290, theme, before)


def figure(**changes):
    x = np.linspace(0, 1, 60)
    waves = [
        [[a, 0.5 + 0.4 * np.sin(6 * a + phase)] for a in x.tolist()] for phase in (0, 0.7, 1.4)
    ]
    waves[1][30] = None
    names = ["model", "nearest galaxy", ""]
    lines = [
        {"points": points, "colour": i, "dash": i == 1, "label": names[i]}
        for i, points in enumerate(waves)
    ]
    lines[0]["band"] = [[a, b - 0.05, b + 0.05] for a, b in waves[0]]
    axes = {
        "x": {"label": "age [Gyr]", "ticks": ticks(0, 2, 4, 6, 8, 10, 12, low=0, high=13.8)},
        "y": {"label": "stars per Gyr", "ticks": ticks(0, 0.25, 0.5, 0.75, 1, low=0, high=1)},
    }
    image = {"offset": 0, "width": 8, "height": 4, "palette": 1}
    panels = [axes | {"image": None, "lines": lines}, axes | {"image": image, "lines": lines[2:]}]
    return {"height": 230, "panels": panels} | changes


def chart(page, width=640, theme="light", before="", **changes):
    image = np.full((4, 8), 40, np.uint8)
    image[0] = 200
    state = {"figure": figure(), "pixels": image.tobytes(), "palettes": palettes(), "alt": "Two"}
    return Stage(page, Chart, state | changes, width, theme, before)


QUIET = """async () => {
  let before = -1;
  for (let same = 0; same < 3; ) {
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    same = model.saved.length === before ? same + 1 : 0;
    before = model.saved.length;
  }
}"""


def quiet(page):
    """Wait until the canvas has done what it was going to do."""
    page.evaluate(QUIET)
