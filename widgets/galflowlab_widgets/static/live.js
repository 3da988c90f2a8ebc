// Shared by all canvases: how a canvas keeps up with its page, its user and the kernel.

// Call `update(width)` whenever the width, the theme or the resolution of the screen changes.
function watch(el, update) {
  let available = 0;
  const again = () => available > 0 && update(available);
  const resized = new ResizeObserver((entries) => {
    const next = Math.floor(entries[entries.length - 1].contentRect.width);
    if (next > 0 && next !== available) {
      available = next;
      again();
    }
  });
  resized.observe(el);

  const themed = new MutationObserver(again);
  const attributeFilter = ["data-jp-theme-name", "data-jp-theme-light", "class", "style"];
  for (const root of [document.body, document.documentElement]) {
    themed.observe(root, { attributes: true, attributeFilter });
  }

  let resolution = null;
  const rescaled = () => {
    resolution?.removeEventListener("change", rescaled);
    resolution = window.matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    resolution.addEventListener("change", rescaled);
    again();
  };
  rescaled();
  return () => {
    resized.disconnect();
    themed.disconnect();
    resolution.removeEventListener("change", rescaled);
  };
}

// What the user asked for with the hand, until the kernel shows it or a while has passed.
// Further movements start from it, not from what the kernel shows, which is late.
class Wish {
  constructor(model, name, patience, dropped) {
    Object.assign(this, { model, name, patience, dropped, value: null, held: false, timer: 0 });
  }

  send(value) {
    this.value = value;
    this.model.set(this.name, null); // or a wish that was sent before would not go out again
    this.model.set(this.name, value);
    this.model.save_changes();
    if (!this.held) this.wait();
  }

  hold() {
    this.held = true;
    clearTimeout(this.timer);
  }

  release() {
    this.held = false;
    if (this.value) this.wait();
  }

  wait() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.drop();
      this.dropped();
    }, this.patience);
  }

  // The kernel shows something: was it this?
  settle(shown, tolerances) {
    if (this.held || !this.value) return;
    if (this.value.every((v, i) => Math.abs(v - shown[i]) <= tolerances[i])) this.drop();
  }

  drop() {
    clearTimeout(this.timer);
    this.value = null;
  }
}

// Some controls of ipywidgets have no name for a screen reader. The handles of sliders are given
// the text of their labels, and it is kept right: a slider of class gfl-slider-NAME has its label
// in an element of class gfl-label-NAME, or else in its own title. The buttons of a player show
// nothing but icons.
const PLAYER = { "fa-play": "play or pause", "fa-pause": "play or pause", "fa-stop": "stop playing" };

function nameControls(el) {
  const app = el.closest(".gfl-app");
  if (!app) return () => {};
  const prefix = "gfl-slider-";
  let timer = 0;
  const update = () => {
    timer = 0;
    for (const slider of app.querySelectorAll(`[class*="${prefix}"]`)) {
      const own = [...slider.classList].find((c) => c.startsWith(prefix));
      if (!own) continue;
      const label = app.querySelector(`.gfl-label-${CSS.escape(own.slice(prefix.length))}`);
      const title = slider.title || slider.querySelector("[title]")?.title;
      const text = label?.textContent.trim() || title;
      for (const handle of text ? slider.querySelectorAll(".noUi-handle") : []) {
        if (handle.getAttribute("aria-label") !== text) handle.setAttribute("aria-label", text);
      }
    }
    for (const button of app.querySelectorAll(".gfl-play button:not([aria-label])")) {
      const icon = Object.keys(PLAYER).find((name) => button.querySelector(`.${name}`));
      if (icon) button.setAttribute("aria-label", PLAYER[icon]);
    }
  };
  const changed = new MutationObserver(() => {
    timer ||= setTimeout(update, 150); // labels change with every frame of a drag
  });
  const attributeFilter = ["title"];
  changed.observe(app, { childList: true, characterData: true, subtree: true, attributeFilter });
  update();
  return () => {
    clearTimeout(timer);
    changed.disconnect();
  };
}

// Save what a canvas shows, on the background of the theme, as a file.
function download(canvas, name) {
  const copy = document.createElement("canvas");
  copy.width = canvas.width;
  copy.height = canvas.height;
  const context = copy.getContext("2d");
  context.fillStyle = theme(canvas).paper;
  context.fillRect(0, 0, copy.width, copy.height);
  context.drawImage(canvas, 0, 0);
  copy.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  });
}
