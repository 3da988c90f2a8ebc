// The whole sky as an ellipse, with a net of coordinates and a colour bar.

const ROOM = { left: 34, right: 92, top: 12, bottom: 12, bar: 14, barGap: 20 };
const WIDEST_SKY = 760;
const BAR = Uint8Array.from({ length: 255 }, (_, i) => i + 1);

// Where the ellipse is: nothing but the width decides, so that nothing jumps.
function arranged(available) {
  const room = Math.min(available, ROOM.left + WIDEST_SKY + ROOM.right);
  const width = Math.max(120, room - ROOM.left - ROOM.right);
  return { x: ROOM.left, y: ROOM.top, width, height: width / 2 };
}

class SkyPainter extends Painter {
  ellipse({ x, y, width, height }) {
    const c = this.context;
    c.beginPath();
    c.ellipse(x + width / 2, y + height / 2, width / 2, height / 2, 0, 0, 2 * Math.PI);
  }

  stars(source, ground, box) {
    const c = this.context;
    c.save();
    this.ellipse(box);
    c.clip();
    for (const colour of [this.colours.empty, ground]) {
      c.fillStyle = colour;
      c.fillRect(box.x, box.y, box.width, box.height);
    }
    c.imageSmoothingEnabled = true;
    // The outermost pixels of the picture are centred on the rim.
    const [w, h] = source ? [source.width, source.height] : [2, 2];
    const [right, up] = [box.width / (w - 1), box.height / (h - 1)];
    const place = [box.x - right / 2, box.y - up / 2, w * right, h * up];
    if (source) c.drawImage(source, ...place);
    c.restore();
  }

  // Thin lines that are seen on dark and on bright pixels, and do not hide them.
  net(lines, box) {
    const path = new Path2D();
    for (const line of lines) {
      line.forEach(([fx, fy], i) => {
        const place = [box.x + fx * box.width, box.y + (1 - fy) * box.height];
        i ? path.lineTo(...place) : path.moveTo(...place);
      });
    }
    const c = this.context;
    for (const [width, colour] of [[1.6, "rgba(0, 0, 0, 0.25)"], [0.7, "rgba(255, 255, 255, 0.6)"]]) {
      c.lineWidth = width;
      c.strokeStyle = colour;
      c.stroke(path);
    }
    c.lineWidth = 1;
    c.strokeStyle = this.colours.frame;
    this.ellipse(box);
    c.stroke();
  }

  // White with a dark rim: legible on any pixel.
  longitudes(labels, box) {
    const c = this.context;
    c.font = `${SMALL}px ${this.colours.family}`;
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.lineJoin = "round";
    c.lineWidth = 3;
    c.strokeStyle = "rgba(0, 0, 0, 0.75)";
    c.fillStyle = "#ffffff";
    for (const [fx, fy, text] of labels) {
      const [x, y] = [box.x + fx * box.width, box.y + (1 - fy) * box.height];
      c.strokeText(text, x, y);
      c.fillText(text, x, y);
    }
  }

  // Beside the rim, which slopes: the farther from the middle, the farther outwards.
  latitudes(labels, box) {
    for (const [fx, fy, text] of labels) {
      const [x, y] = [box.x + fx * box.width, box.y + (1 - fy) * box.height];
      this.text(text, x - 5, y + 14 * (0.5 - fy), { align: "right", size: SMALL });
    }
  }

  colourBar({ label, ticks }, palette, box) {
    const bar = { ...box, x: box.x + box.width + ROOM.barGap, width: ROOM.bar };
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(bitmap(BAR, palette, 1, 255), bar.x, bar.y, bar.width, bar.height);
    this.frame(bar.x, bar.y, bar.width, bar.height);
    this.ticksRight(ticks, bar, 28);
    this.upward(label, box.x + box.width + ROOM.right - 8, box.y + box.height / 2, box.height);
  }
}

class SkyView {
  constructor(model, canvas) {
    Object.assign(this, { model, canvas, available: 0, drawn: 0, closed: false });
    Object.assign(this, { latest: {}, arrived: 0, shown: null });
  }

  // What the kernel sent last, all at one time: pictures are unpacked later than they arrive.
  async receive() {
    const names = ["frame", "pixels", "palettes", "net", "alt"];
    const next = Object.fromEntries(names.map((name) => [name, this.model.get(name)]));
    if (!next.frame?.width || names.every((name) => next[name] === this.latest[name])) return;
    this.latest = next;
    next.number = ++this.arrived;
    try {
      this.accept(next, await inflated(bytes(next.pixels)));
    } catch (error) {
      console.error("the sky cannot be unpacked", error); // the last one stays
    }
  }

  accept(next, levels) {
    if (this.closed || next.number < (this.shown?.number ?? 0)) return; // overtaken
    const { width, height, palette } = next.frame;
    next.palette = colourTables(next.palettes)(palette);
    const whole = levels.length === width * height;
    next.source = whole ? bitmap(levels, next.palette, width, height) : null;
    this.shown = next;
    this.draw();
  }

  draw() {
    if (this.closed || !this.shown || !this.available) return;
    const { frame, source, palette, net, alt } = this.shown;
    const box = arranged(this.available);
    const width = box.x + box.width + ROOM.right;
    const painter = prepare(this.canvas, width, box.y + box.height + ROOM.bottom, SkyPainter);
    painter.stars(source, cssColour(palette[0]), box);
    painter.net(net.lines ?? [], box);
    painter.longitudes(net.longitudes ?? [], box);
    painter.latitudes(net.latitudes ?? [], box);
    painter.colourBar(frame, palette, box);
    this.canvas.setAttribute("aria-label", alt);
    this.canvas.dataset.state = frame.state ?? "";
    this.canvas.dataset.frame = ++this.drawn;
  }
}

function render({ model, el }) {
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  el.append(canvas);
  const view = new SkyView(model, canvas);
  let forget = null;
  const stop = watch(el, (width) => {
    forget ??= nameControls(el); // only now is it on the page
    view.available = width;
    view.draw();
  });
  const receive = () => view.receive();
  receive();
  model.on("change", receive); // once per message, however many traits it carries
  return () => {
    model.off("change", receive);
    stop();
    forget?.();
    view.closed = true;
  };
}

export default { render };
