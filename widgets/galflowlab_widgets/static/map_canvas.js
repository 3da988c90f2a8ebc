// Draws maps sent as one byte per pixel, with axes and colour bars, on one canvas.
// No imports, no build: works offline, in JupyterLab and in Voila.

const SIZE = { left: 54, gap: 44, right: 84, top: 28, rowGap: 22, bottom: 46, bar: 14, barGap: 10 };
const TICK = 4;
const MAX_WIDTH = 760;

// traitlets.Bytes arrives as a DataView that may start anywhere in its buffer.
function bytes(model, name) {
  const view = model.get(name);
  return view ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : new Uint8Array(0);
}

function theme(element) {
  const style = getComputedStyle(element);
  const read = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  return {
    text: read("--jp-ui-font-color1", "#333333"),
    frame: read("--jp-ui-font-color2", "#757575"),
    empty: read("--jp-layout-color2", "#eeeeee"),
    family: read("--jp-ui-font-family", "system-ui, sans-serif"),
  };
}

// A panel or colour bar as a small bitmap, to be scaled onto the canvas.
function bitmap(scratch, levels, palette, width, height) {
  scratch.width = width;
  scratch.height = height;
  const context = scratch.getContext("2d");
  const image = context.createImageData(width, height);
  const colours = new Uint32Array(image.data.buffer);
  for (let row = 0; row < height; row++) {
    const from = (height - 1 - row) * width; // row 0 of a map is at the bottom
    for (let column = 0; column < width; column++) {
      colours[row * width + column] = palette[levels[from + column]];
    }
  }
  context.putImageData(image, 0, 0);
  return scratch;
}

const BAR = Uint8Array.from({ length: 255 }, (_, i) => i + 1);

class Painter {
  constructor(context, colours) {
    this.context = context;
    this.colours = colours;
    context.lineWidth = 1;
  }

  text(string, x, y, { align = "center", baseline = "middle", size = 12, turn = 0 } = {}) {
    const c = this.context;
    c.save();
    c.translate(x, y);
    c.rotate(turn);
    c.font = `${size}px ${this.colours.family}`;
    c.textAlign = align;
    c.textBaseline = baseline;
    c.fillStyle = this.colours.text;
    c.fillText(string, 0, 0);
    c.restore();
  }

  frame(x, y, width, height) {
    this.context.strokeStyle = this.colours.frame;
    this.context.strokeRect(x - 0.5, y - 0.5, width + 1, height + 1);
  }

  line(x0, y0, x1, y1) {
    const c = this.context;
    c.strokeStyle = this.colours.frame;
    c.beginPath();
    c.moveTo(Math.round(x0) + 0.5, Math.round(y0) + 0.5);
    c.lineTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5);
    c.stroke();
  }

  panel(source, x, y, side) {
    this.context.fillStyle = this.colours.empty;
    this.context.fillRect(x, y, side, side);
    if (source) this.context.drawImage(source, x, y, side, side);
    this.frame(x, y, side, side);
  }

  panelAxes(axes, column, x, y, side, { first, bottom }) {
    for (const [fraction, label] of axes.ticks) {
      const across = x + fraction * side;
      const up = y + side - fraction * side;
      this.line(across, y + side, across, y + side + TICK);
      this.line(x - TICK - 1, up, x - 1, up);
      if (first) this.text(label, x - TICK - 4, up, { align: "right" });
      if (bottom) this.text(label, across, y + side + TICK + 4, { baseline: "top" });
    }
    const middle = y + side / 2;
    this.text(column.y, x - (first ? 42 : 16), middle, { turn: -Math.PI / 2 });
    if (bottom) this.text(column.x, x + side / 2, y + side + 34);
  }

  colourBar(row, palette, scratch, x, y, side) {
    this.context.drawImage(bitmap(scratch, BAR, palette, 1, 255), x, y, SIZE.bar, side);
    this.frame(x, y, SIZE.bar, side);
    for (const [fraction, label] of row.ticks) {
      const up = y + side - fraction * side;
      this.line(x + SIZE.bar, up, x + SIZE.bar + TICK, up);
      this.text(label, x + SIZE.bar + TICK + 4, up, { align: "left" });
    }
    this.text(row.label, x + SIZE.bar + 56, y + side / 2, { turn: -Math.PI / 2 });
  }
}

function draw(model, canvas, scratch, available) {
  const axes = model.get("axes");
  if (!axes || !axes.rows) return;
  const [rows, columns] = [axes.rows.length, axes.columns.length];
  const margins = SIZE.left + SIZE.gap * (columns - 1) + SIZE.right;
  const side = Math.max(80, Math.floor((Math.min(available, MAX_WIDTH) - margins) / columns));
  const width = margins + side * columns;
  const height = SIZE.top + side * rows + SIZE.rowGap * (rows - 1) + SIZE.bottom;
  const ratio = window.devicePixelRatio || 1;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * ratio); // also clears it
  canvas.height = Math.round(height * ratio);
  canvas.setAttribute("aria-label", model.get("alt"));

  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.imageSmoothingEnabled = false;
  const painter = new Painter(context, theme(canvas));
  const tables = new Uint32Array(bytes(model, "palettes").slice().buffer);
  const pixels = bytes(model, "pixels");
  const count = axes.bins * axes.bins;
  axes.rows.forEach((row, j) => {
    const y = SIZE.top + j * (side + SIZE.rowGap);
    const palette = tables.subarray(256 * row.palette, 256 * (row.palette + 1));
    axes.columns.forEach((column, i) => {
      const x = SIZE.left + i * (side + SIZE.gap);
      const start = (j * columns + i) * count;
      const levels = pixels.subarray(start, start + count);
      const full = levels.length === count;
      painter.panel(full && bitmap(scratch, levels, palette, axes.bins, axes.bins), x, y, side);
      painter.panelAxes(axes, column, x, y, side, { first: i === 0, bottom: j === rows - 1 });
      if (j === 0) painter.text(column.title, x + side / 2, y - 14, { size: 13 });
    });
    const x = SIZE.left + columns * side + (columns - 1) * SIZE.gap + SIZE.barGap;
    painter.colourBar(row, palette, scratch, x, y, side);
  });
}

function render({ model, el }) {
  const canvas = document.createElement("canvas");
  const scratch = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  el.append(canvas);
  let available = 0;
  const update = () => available > 0 && draw(model, canvas, scratch, available);

  const resized = new ResizeObserver((entries) => {
    const next = Math.floor(entries[entries.length - 1].contentRect.width);
    if (next > 0 && next !== available) {
      available = next;
      update();
    }
  });
  resized.observe(el);
  const themed = new MutationObserver(update);
  const attributes = ["data-jp-theme-name", "data-jp-theme-light", "class", "style"];
  themed.observe(document.body, { attributes: true, attributeFilter: attributes });
  themed.observe(document.documentElement, { attributes: true, attributeFilter: attributes });

  let resolution = null;
  const rescaled = () => {
    resolution?.removeEventListener("change", rescaled);
    resolution = window.matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    resolution.addEventListener("change", rescaled);
    update();
  };
  rescaled();
  model.on("change", update); // once per message, however many traits it carries

  return () => {
    model.off("change", update);
    resized.disconnect();
    themed.disconnect();
    resolution.removeEventListener("change", rescaled);
  };
}

export default { render };
