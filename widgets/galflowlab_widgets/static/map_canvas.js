// Draws maps sent as one byte per pixel, with axes and colour bars, on one canvas.
// No imports, no build: works offline, in JupyterLab and in Voila.

const SIZE = { left: 62, gap: 40, right: 90, inner: 100, top: 28, rowGap: 22, bottom: 46 };
const [BAR_WIDTH, BAR_GAP] = [14, 10];
const WIDEST_COLUMN = 425;
const BAR = Uint8Array.from({ length: 255 }, (_, i) => i + 1);
const HINT =
  "Drag or use the arrow keys to turn the galaxy. Mouse wheel or plus and minus to zoom, " +
  "shift with drag or arrow keys to move, 0 or double click to see the whole galaxy again.";

// What the kernel sent last, all at one time: pictures may be unpacked later than they arrive.
function received(model) {
  const names = ["frame", "pixels", "palettes", "alt", "direction", "field"];
  return Object.fromEntries(names.map((name) => [name, model.get(name)]));
}

// The colour scale of a panel: that of its row, unless its column has its own.
function scaleOf(frame, row, column) {
  return frame.columns[column].scales?.[row] ?? frame.rows[row];
}

// Colour bars stand at the right end, and where the next column is scaled otherwise.
function hasBar(frame, column) {
  const next = frame.columns[column + 1];
  return !next || Boolean(next.scales) !== Boolean(frame.columns[column].scales);
}

// Where the panels are: nothing but the width decides, so that nothing jumps.
function arranged(frame, available) {
  const [rows, columns] = [frame.rows.length, frame.columns.length];
  const gaps = frame.columns.map((_, i) => {
    if (!hasBar(frame, i)) return SIZE.gap;
    return i === columns - 1 ? SIZE.right : SIZE.inner;
  });
  const before = (column) => gaps.slice(0, column).reduce((sum, gap) => sum + gap, SIZE.left);
  const [margins, widest] = [before(columns), WIDEST_COLUMN * columns];
  const side = Math.max(80, Math.floor((Math.min(available, widest) - margins) / columns));
  const panels = frame.rows.flatMap((_, row) =>
    frame.columns.map((_, column) => {
      const x = before(column) + column * side;
      const y = SIZE.top + row * (side + SIZE.rowGap);
      return { row, column, side, x, y, width: side, height: side };
    }),
  );
  const height = SIZE.top + side * rows + SIZE.rowGap * (rows - 1) + SIZE.bottom;
  return { panels, width: margins + side * columns, height };
}

// Fractions of the field shown to fractions of the field wanted: [scale, right, up].
function moved(shown, wanted) {
  if (!shown || !wanted) return [1, 0, 0];
  const scale = shown[2] / wanted[2];
  const offset = (i) => (shown[i] - shown[2] - wanted[i] + wanted[2]) / (2 * wanted[2]);
  return [scale, offset(0), offset(1)];
}

class MapPainter extends Painter {
  picture({ source, ground }, panel, [scale, right, up]) {
    const { x, y, side } = panel;
    for (const colour of [this.colours.empty, ground]) {
      this.context.fillStyle = colour;
      this.context.fillRect(x, y, side, side);
    }
    const top = y + side * (1 - up - scale);
    this.inside(panel, () => {
      if (source) this.context.drawImage(source, x + right * side, top, scale * side, scale * side);
    });
    this.frame(x, y, side, side);
  }

  // Thin lines that stand out from dark and from bright pixels.
  contours(lines, panel, [scale, right, up]) {
    const path = new Path2D();
    for (const line of lines) {
      line.forEach(([fx, fy], i) => {
        const x = panel.x + panel.side * (scale * fx + right);
        const y = panel.y + panel.side * (1 - scale * fy - up);
        i ? path.lineTo(x, y) : path.moveTo(x, y);
      });
    }
    const c = this.context;
    this.inside(panel, () => {
      c.lineJoin = "round";
      for (const [width, colour] of [[3.4, "rgba(0, 0, 0, 0.7)"], [1.3, "#ffffff"]]) {
        c.lineWidth = width;
        c.strokeStyle = colour;
        c.stroke(path);
      }
    });
  }

  // White on a dark plate: legible on any pixel.
  scaleBar({ fraction, label }, { x, y, side }) {
    const c = this.context;
    const [length, left, base] = [fraction * side, x + 10, y + side - 10];
    if (!(length >= 4 && length <= side - 20)) return; // while zooming
    const [text, size] = this.fitted(label, side - 20, SMALL);
    c.fillStyle = "rgba(0, 0, 0, 0.55)";
    c.beginPath();
    c.roundRect(left - 5, base - 18, Math.max(length, this.extent(text, size)) + 10, 23, 3);
    c.fill();
    c.fillStyle = "#ffffff";
    c.fillRect(left, base - 1, length, 2);
    this.text(text, left, base - 9, { align: "left", size, colour: "#ffffff" });
  }

  axes(frame, panel, [scale, right, up]) {
    const shift = (ticks, offset) =>
      ticks
        .map(([f, text]) => [scale * f + offset, text])
        .filter(([f]) => f >= -1e-6 && f <= 1 + 1e-6);
    const { x, y, side } = panel;
    const first = panel.column === 0;
    const bottom = panel.row === frame.rows.length - 1;
    const column = frame.columns[panel.column];
    this.ticksBelow(shift(frame.xticks, right), panel, bottom);
    this.ticksLeft(shift(frame.yticks, up), panel, first ? SIZE.left - 26 : 0);
    const turn = -Math.PI / 2;
    const upward = frame.rows[panel.row].y ?? column.y;
    const free = first || !hasBar(frame, panel.column - 1); // else the label of the bar is there
    if (free) this.text(upward, x - (first ? SIZE.left - 11 : 14), y + side / 2, { turn, room: side });
    const room = side + SIZE.gap - 8;
    if (bottom) this.text(column.x, x + side / 2, y + side + 36, { room });
    if (panel.row === 0) this.text(column.title, x + side / 2, y - 14, { size: 13, room });
  }

  colourBar(row, palette, { x, y, side }) {
    const bar = { x: x + side + BAR_GAP, y, width: BAR_WIDTH, height: side };
    this.context.drawImage(bitmap(BAR, palette, 1, 255), bar.x, y, bar.width, side);
    this.frame(bar.x, y, bar.width, side);
    this.ticksRight(row.ticks, bar, 28);
    this.upward(row.label, x + side + SIZE.right - 9, y + side / 2, side + SIZE.rowGap - 8);
  }
}

class MapView {
  constructor(model, canvas) {
    Object.assign(this, { model, canvas, latest: {}, shown: null, available: 0, drawn: 0 });
    Object.assign(this, { arrived: 0, closed: false, answered: new Set(), unpacked: {} });
    this.gestures = new Gestures(model, canvas, this);
  }

  get direction() {
    return this.shown?.direction?.length === 2 ? this.shown.direction : null;
  }

  get field() {
    return this.shown?.field?.length === 3 ? this.shown.field : null;
  }

  // Whether a column shows the galaxy as it is turned; the first one may be always face-on.
  tilts(column) {
    return this.shown.frame.columns[column].tilts ?? column > 0;
  }

  panelAt(x, y) {
    const hit = (p) => x >= p.x && x < p.x + p.side && y >= p.y && y < p.y + p.side;
    return this.layout?.panels.find(hit);
  }

  // Something came from the kernel, or from a gesture, which changes nothing that is shown.
  async receive() {
    const next = received(this.model);
    if (!next.frame?.rows || Object.keys(next).every((n) => next[n] === this.latest[n])) return;
    this.latest = next;
    next.number = ++this.arrived;
    if (!next.frame.zlib) return this.accept(next, bytes(next.pixels));
    if (this.unpacked.from !== next.pixels) {
      this.unpacked = { from: next.pixels, levels: inflated(bytes(next.pixels)) };
    }
    try {
      this.accept(next, await this.unpacked.levels);
    } catch (error) {
      console.error("the maps cannot be unpacked", error); // the last ones stay
    }
  }

  accept(next, levels) {
    if (this.closed) return;
    if (next.number < (this.shown?.number ?? 0)) return this.answer(next.frame); // overtaken
    const { bins, rows, columns } = next.frame;
    const tables = colourTables(next.palettes);
    const count = bins * bins;
    const parts = rows.flatMap((_, j) => columns.map((_, i) => [j, i]));
    next.pictures = parts.map(([row, column], i) => {
      const part = levels.subarray(i * count, (i + 1) * count);
      const palette = tables(scaleOf(next.frame, row, column).palette);
      const source = part.length === count ? bitmap(part, palette, bins, bins) : null;
      return { source, ground: cssColour(palette[0]) };
    });
    this.shown = next;
    this.gestures.shown(next);
    this.draw();
  }

  draw() {
    if (this.closed || !this.shown || !this.available) return;
    const { frame, pictures, palettes, alt } = this.shown;
    this.layout = arranged(frame, this.available);
    const { panels, width, height } = this.layout;
    const painter = prepare(this.canvas, width, height, MapPainter);
    painter.context.imageSmoothingEnabled = false;
    const shift = moved(this.field, this.gestures.zoom.value);
    const bar = frame.scale_bar;
    panels.forEach((panel, i) => {
      painter.picture(pictures[i], panel, shift);
      painter.contours(frame.contours?.[panel.column] ?? [], panel, shift);
      painter.axes(frame, panel, shift);
      if (bar) painter.scaleBar({ ...bar, fraction: bar.fraction * shift[0] }, panel);
    });
    const tables = colourTables(palettes);
    for (const panel of panels.filter((p) => hasBar(frame, p.column))) {
      const scale = scaleOf(frame, panel.row, panel.column);
      painter.colourBar(scale, tables(scale.palette), panel);
    }
    this.canvas.setAttribute("aria-label", alt);
    this.describe();
    this.canvas.dataset.frame = ++this.drawn;
    this.canvas.dataset.state = frame.state ?? "";
    this.answer(frame);
  }

  // Maps that can be turned or moved take keys; others are only a picture.
  describe() {
    const handled = Boolean(this.direction || this.field);
    if (this.handled === handled) return;
    this.handled = handled;
    this.canvas.tabIndex = handled ? 0 : -1;
    // With this role screen readers leave the arrow keys to the canvas.
    this.canvas.setAttribute("role", handled ? "application" : "img");
    for (const [name, text] of [["roledescription", "maps"], ["description", HINT]]) {
      if (handled) this.canvas.setAttribute(`aria-${name}`, text);
      else this.canvas.removeAttribute(`aria-${name}`);
    }
  }

  answer({ ping }) {
    if (typeof ping !== "number" || this.answered.has(ping)) return;
    this.answered.add(ping);
    this.model.send({ type: "pong", ping });
  }
}

function render({ model, el }) {
  const canvas = document.createElement("canvas");
  el.append(canvas);

  const view = new MapView(model, canvas);
  let forget = null;
  const stop = watch(el, (width) => {
    forget ??= nameControls(el); // only now is it on the page
    view.available = width;
    view.draw();
  });
  const receive = () => view.receive();
  const order = (message) => {
    if (message?.type === "snapshot" && view.drawn) download(canvas, message.name);
  };
  receive();
  model.on("change", receive); // once per message, however many traits it carries
  model.on("msg:custom", order);
  return () => {
    model.off("change", receive);
    model.off("msg:custom", order);
    stop();
    forget?.();
    view.closed = true;
    view.gestures.dispose();
  };
}

export default { render };
