"""What the page of the live benchmark records about itself, on its own clock.

`window.gflProbe` notes when the user did something (time stamps of the events), which value
that gave the slider, and the first animation frame after each change of the picture's pixels,
with the value that this picture shows. Times are milliseconds of ``performance.now()``.
"""

# An explorer says in the text of its canvas which stellar mass it shows, or else beside the
# slider. The picture of the baseline carries its value in the PNG's own title.
PROBE = r"""(() => {
  const BIG = 4096;  // bytes: messages of this size carry a picture
  const events = ["keydown", "pointerdown", "pointermove", "pointerup"];
  let log, cause, received, changed, value, picture, handle, frames;

  function clear() {
    log = { inputs: [], values: [], frames: [], status: [], sent: [], came: [] };
  }
  clear();

  for (const type of events) {
    addEventListener(type, (event) => {
      cause = event.timeStamp;
      if (type !== "pointermove" || event.buttons) log.inputs.push([type, cause]);
    }, true);
  }

  window.WebSocket = class extends WebSocket {
    constructor(...options) {
      super(...options);
      this.addEventListener("message", ({ data }) => {
        const size = data.byteLength ?? data.length;
        log.came.push([performance.now(), size]);
        if (size > BIG) received = { at: performance.now(), size };
      });
    }
    send(data) {
      log.sent.push(performance.now());
      super.send(data);
    }
  };

  const sample = new OffscreenCanvas(200, 200).getContext("2d", { willReadFrequently: true });
  sample.imageSmoothingEnabled = false;

  // Either kind of picture tells the value it shows and something that changes with its pixels.
  const canvasPicture = (canvas, label) => ({
    watched: [canvas, { attributes: true }],
    ready: null,
    shown() {
      const text = canvas.getAttribute("aria-label") ?? "";
      const found = /log10 M\D*([\d.]*\d)/.exec(text) ?? /: ([\d.]*\d)/.exec(label.textContent);
      return found ? Number(found[1]) : null;
    },
    // Every fourth pixel along both axes will do, and costs the page next to nothing.
    pixels() {
      const { width, height } = sample.canvas;
      sample.drawImage(canvas, 0, 0, width, height);
      const words = new Uint32Array(sample.getImageData(0, 0, width, height).data.buffer);
      return words.reduce((hash, word) => Math.imul(hash ^ word, 16777619), 0);
    },
  });
  const imagePicture = (box) => ({
    watched: [box, { childList: true, subtree: true, attributes: true }],
    ready: () => box.querySelector("img")?.decode().then(() => true, () => false),
    shown() {
      const start = box.querySelector("img")?.src.split(",")[1]?.slice(0, 1200) ?? "";
      const found = /Title\0([-\d.]+)/.exec(atob(start));
      return found ? Number(found[1]) : null;
    },
    pixels: () => box.querySelector("img")?.src,
  });

  // Two pictures drawn before one animation frame are one frame to the eye: the later.
  function onDrawn() {
    const waiting = frames.drawn !== null;
    frames.drawn = performance.now();
    frames.received = received;
    if (!waiting) requestAnimationFrame(onFrame);
  }

  function onFrame() {
    const now = performance.now();
    const { drawn, received } = frames;
    frames.drawn = null;
    const pixels = picture.pixels();
    if (pixels === frames.pixels) return;
    frames.pixels = pixels;
    changed = now;
    const shown = picture.shown();
    frames.same = shown === log.frames.at(-1)?.shown ? frames.same + 1 : 1;
    log.frames.push({ t: now, drawn, received, shown });
  }

  const statusText = () => document.querySelector(".gfl-status")?.textContent ?? "";
  const sliderValue = () => Number(handle.getAttribute("aria-valuenow"));

  window.gflProbe = {
    scale: [null, 1],  // from steps of the slider to the value that pictures show
    watch(name, selector) {
      const element = document.querySelector(selector);
      const label = document.querySelector(`.gfl-label-${name}`);
      handle = document.querySelector(`.gfl-slider-${name} .noUi-handle`);
      const drawn = element.tagName === "CANVAS";
      picture = drawn ? canvasPicture(element, label) : imagePicture(element);
      frames = { drawn: null, pixels: picture.pixels(), same: 0 };
      changed = performance.now();
      new MutationObserver(async () => {
        if (!picture.ready || (await picture.ready())) onDrawn();
      }).observe(...picture.watched);
      value = sliderValue();
      new MutationObserver(() => {
        if (value === sliderValue()) return;
        value = sliderValue();
        changed = performance.now();
        log.values.push({ t: cause, value });
      }).observe(handle, { attributes: true, attributeFilter: ["aria-valuenow"] });
      const status = document.querySelector(".gfl-status");
      const line = { childList: true, subtree: true, characterData: true };
      if (status) {
        new MutationObserver(() => log.status.push([performance.now(), statusText()]))
          .observe(status, line);
      }
    },
    shows() {
      if (frames.drawn !== null) return false;
      const [offset, step] = this.scale;
      return Math.abs(picture.shown() - offset - step * sliderValue()) < 0.5 * Math.abs(step);
    },
    // Whether nothing is left to come: the picture is that of the slider and has been refined.
    settled(quiet) {
      const done = performance.now() - changed > quiet && !statusText().includes("preview");
      return done && this.shows();
    },
    // Whether a picture with more stars has followed the first of this value, but not the last.
    refining() {
      return this.settled(300) || (this.shows() && frames.same > 1);
    },
    // The value of the slider and that of the picture, once a picture has come and none follows.
    point(quiet) {
      const done = log.frames.length && performance.now() - changed > quiet;
      return done ? [sliderValue(), picture.shown()] : null;
    },
    take() {
      const taken = log;
      clear();
      return { ...taken, scale: this.scale };
    },
  };
})();"""
