// Shared by all canvases: put in front of each module, since one file cannot import another here.
// Nothing in it knows about galaxies.

const FONT = 12;
const SMALL = 11; // numbers at ticks
const LEAST = 8; // a text never gets smaller than this; what is still too long is cut
const TICK = 4;

// traitlets.Bytes arrives as a DataView that may start anywhere in its buffer.
function bytes(view) {
  return view ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : new Uint8Array(0);
}

// What zlib has packed.
async function inflated(data) {
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Red, green, blue and alpha, 0..255, of any colour that CSS can name.
const parseColour = (() => {
  const known = new Map();
  let pixel = null;
  return (colour) => {
    if (!known.has(colour)) {
      pixel ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
      pixel.clearRect(0, 0, 1, 1);
      pixel.fillStyle = "#000";
      pixel.fillStyle = colour;
      pixel.fillRect(0, 0, 1, 1);
      known.set(colour, [...pixel.getImageData(0, 0, 1, 1).data]);
    }
    return known.get(colour);
  };
})();

function theme(element) {
  const style = getComputedStyle(element);
  const read = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  const text = read("--jp-ui-font-color1", style.color || "#333333");
  const [red, green, blue] = parseColour(text);
  const dark = 0.3 * red + 0.6 * green + 0.1 * blue > 127; // light text: a dark theme
  return {
    dark,
    text,
    frame: read("--jp-ui-font-color2", dark ? "#b0b0b0" : "#757575"),
    paper: read("--jp-layout-color0", dark ? "#111111" : "#ffffff"),
    empty: read("--jp-layout-color2", dark ? "#333333" : "#eeeeee"),
    brand: read("--jp-brand-color1", dark ? "#42a5f5" : "#1976d2"),
    warn: dark ? "#ffa040" : read("--jp-warn-color0", "#b34700"),
    family: read("--jp-ui-font-family", "system-ui, sans-serif"),
  };
}

// Colour tables of 256 RGBA entries each, one 32-bit number per entry.
function colourTables(view) {
  const entries = new Uint32Array(bytes(view).slice().buffer);
  return (index) => entries.subarray(256 * index, 256 * (index + 1));
}

function cssColour(entry) {
  const [red, green, blue, alpha] = new Uint8Array(Uint32Array.of(entry).buffer);
  return `rgba(${red}, ${green}, ${blue}, ${alpha / 255})`;
}

// Levels as a small picture, to be scaled onto a canvas; row 0 is at the bottom.
function bitmap(levels, palette, width, height) {
  const image = new ImageData(width, height);
  const colours = new Uint32Array(image.data.buffer);
  for (let row = 0; row < height; row++) {
    const from = (height - 1 - row) * width;
    for (let column = 0; column < width; column++) {
      colours[row * width + column] = palette[levels[from + column]];
    }
  }
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// Every k-th tick, with the smallest k for which the texts keep clear of each other.
function spaced(ticks, length, extent, gap) {
  const zero = Math.max(0, ticks.findIndex(([, text]) => text === "0"));
  const clear = ([f, text], [g, other]) =>
    Math.abs(f - g) * length >= (extent(text) + extent(other)) / 2 + gap;
  for (let step = 1; ; step++) {
    const kept = ticks.filter((_, i) => (i - zero) % step === 0);
    if (kept.every((tick, i) => i === 0 || clear(tick, kept[i - 1]))) return kept;
  }
}

class Painter {
  constructor(context, colours) {
    this.context = context;
    this.colours = colours;
  }

  extent(string, size = FONT) {
    this.context.font = `${size}px ${this.colours.family}`;
    return this.context.measureText(string).width;
  }

  // The text and size with which a string fits into a room.
  fitted(string, room, size = FONT) {
    const wanted = this.extent(string, size);
    if (wanted <= room) return [string, size];
    const smaller = Math.max(LEAST, Math.floor((2 * size * room) / wanted) / 2);
    let kept = string;
    while (kept && this.extent(kept, smaller) > room) {
      kept = kept === "…" ? "" : `${kept.replace(/.?…?$/u, "")}…`;
    }
    return [kept, smaller];
  }

  text(string, x, y, options = {}) {
    const { align = "center", baseline = "middle", turn = 0, room = Infinity } = options;
    const [shown, size] = this.fitted(string, room, options.size);
    const c = this.context;
    c.save();
    c.translate(x, y);
    c.rotate(turn);
    c.font = `${size}px ${this.colours.family}`;
    c.textAlign = align;
    c.textBaseline = baseline;
    c.fillStyle = options.colour ?? this.colours.text;
    c.fillText(shown, 0, 0);
    c.restore();
  }

  // A text that runs upwards; in two lines, broken before its unit, where one is too short.
  upward(string, x, y, room) {
    const turn = -Math.PI / 2;
    const cut = string.lastIndexOf(" [");
    if (cut < 0 || this.extent(string) <= room) return this.text(string, x, y, { turn, room });
    this.text(string.slice(0, cut), x - 14, y, { turn, room });
    this.text(string.slice(cut + 1), x, y, { turn, room });
  }

  frame(x, y, width, height) {
    this.context.lineWidth = 1;
    this.context.strokeStyle = this.colours.frame;
    this.context.strokeRect(x - 0.5, y - 0.5, width + 1, height + 1);
  }

  line(x0, y0, x1, y1) {
    const c = this.context;
    c.lineWidth = 1;
    c.strokeStyle = this.colours.frame;
    c.beginPath();
    c.moveTo(Math.round(x0) + 0.5, Math.round(y0) + 0.5);
    c.lineTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5);
    c.stroke();
  }

  // Draw something that must not leave a box.
  inside({ x, y, width, height }, action) {
    this.context.save();
    this.context.beginPath();
    this.context.rect(x, y, width, height);
    this.context.clip();
    action();
    this.context.restore();
  }

  ticksBelow(ticks, { x, y, width, height }, numbers = true) {
    const down = y + height;
    for (const [f] of ticks) this.line(x + f * width, down, x + f * width, down + TICK);
    if (!numbers) return;
    for (const [f, text] of spaced(ticks, width, (t) => this.extent(t, SMALL), 6)) {
      this.text(text, x + f * width, down + TICK + 4, { baseline: "top", size: SMALL });
    }
  }

  // Without room for numbers there are only marks.
  ticksLeft(ticks, { x, y, height }, room = 0) {
    const place = (f) => y + (1 - f) * height;
    for (const [f] of ticks) this.line(x - TICK - 1, place(f), x - 1, place(f));
    if (!room) return;
    for (const [f, text] of spaced(ticks, height, () => SMALL, 3)) {
      this.text(text, x - TICK - 4, place(f), { align: "right", size: SMALL, room });
    }
  }

  ticksRight(ticks, { x, y, width, height }, room) {
    const from = x + width;
    const place = (f) => y + (1 - f) * height;
    for (const [f] of ticks) this.line(from, place(f), from + TICK, place(f));
    for (const [f, text] of spaced(ticks, height, () => SMALL, 3)) {
      this.text(text, from + TICK + 4, place(f), { align: "left", size: SMALL, room });
    }
  }
}

// A painter on an empty canvas of a size in CSS pixels, sharp on any screen.
function prepare(canvas, width, height, Kind = Painter) {
  const ratio = window.devicePixelRatio || 1;
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  const context = canvas.getContext("2d");
  if (canvas.width !== across || canvas.height !== down) {
    canvas.width = across; // a new bitmap, which costs more than clearing the old one
    canvas.height = down;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  } else {
    context.resetTransform();
    context.clearRect(0, 0, across, down);
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return new Kind(context, theme(canvas));
}
