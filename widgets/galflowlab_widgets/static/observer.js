// The galaxy seen face-on, and on it the observer, who can be dragged.

const FIELD = { width: 300, height: 296, left: 54, right: 14, top: 10, bottom: 54 };
const BOX = {
  x: FIELD.left,
  y: FIELD.top,
  width: FIELD.width - FIELD.left - FIELD.right,
  height: FIELD.height - FIELD.top - FIELD.bottom,
};
const OBSERVER = 7; // px, the radius of the mark

class FieldPainter extends Painter {
  place([fx, fy]) {
    return [BOX.x + fx * BOX.width, BOX.y + (1 - fy) * BOX.height];
  }

  stars(levels, palette, bins) {
    const c = this.context;
    c.imageSmoothingEnabled = false;
    c.drawImage(bitmap(levels, palette, bins, bins), BOX.x, BOX.y, BOX.width, BOX.height);
  }

  // A stroke that stands out from dark and from bright pixels.
  stroke(path, width = 1.2) {
    const c = this.context;
    for (const [more, colour] of [[1.8, "rgba(0, 0, 0, 0.6)"], [0, "#ffffff"]]) {
      c.lineWidth = width + more;
      c.strokeStyle = colour;
      c.stroke(path);
    }
  }

  // The circle of its orbit, and the way it is going.
  orbit(observer) {
    const [x, y] = this.place(observer);
    const [cx, cy] = this.place([0.5, 0.5]);
    const radius = Math.hypot(x - cx, y - cy);
    const circle = new Path2D();
    circle.arc(cx, cy, radius, 0, 2 * Math.PI);
    this.context.setLineDash([3, 4]);
    this.stroke(circle, 1);
    this.context.setLineDash([]);
    if (radius < 4) return; // no direction in the centre
    const ahead = (along, aside) => [
      x + ((y - cy) * along + (x - cx) * aside) / radius,
      y + ((cx - x) * along + (y - cy) * aside) / radius,
    ];
    const arrow = new Path2D();
    arrow.moveTo(...ahead(OBSERVER + 2, 0));
    arrow.lineTo(...ahead(OBSERVER + 16, 0));
    arrow.moveTo(...ahead(OBSERVER + 11, 4));
    arrow.lineTo(...ahead(OBSERVER + 16, 0));
    arrow.lineTo(...ahead(OBSERVER + 11, -4));
    this.stroke(arrow, 1.6);
  }

  // As the Sun is written: a circle with a dot.
  observer(place) {
    const [x, y] = this.place(place);
    const c = this.context;
    const disc = (radius, colour) => {
      c.beginPath();
      c.arc(x, y, radius, 0, 2 * Math.PI);
      c.fillStyle = colour;
      c.fill();
    };
    disc(OBSERVER + 1.5, this.colours.paper);
    disc(OBSERVER, this.colours.brand);
    disc(OBSERVER - 2.5, this.colours.paper);
    disc(2.2, this.colours.brand);
  }

  axes({ x, y }) {
    this.frame(BOX.x, BOX.y, BOX.width, BOX.height);
    this.ticksBelow(x.ticks, BOX);
    this.ticksLeft(y.ticks, BOX, BOX.x - 28);
    const below = BOX.y + BOX.height + 34;
    this.text(x.label, BOX.x + BOX.width / 2, below, { room: BOX.width });
    const options = { turn: -Math.PI / 2, room: BOX.height };
    this.text(y.label, 11, BOX.y + BOX.height / 2, options);
  }
}

class Field {
  constructor(model, canvas) {
    Object.assign(this, { model, canvas, visible: false, drawn: 0 });
    this.handle = new Handle(model, canvas, BOX, () => this.draw());
    this.handle.listen("dblclick", () => this.home());
    this.handle.listen("keydown", (event) => this.key(event));
  }

  dispose() {
    this.handle.dispose();
    this.visible = false;
  }

  key(event) {
    if (event.key !== "0" || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation(); // or JupyterLab takes it for one of its shortcuts
    this.home();
  }

  // Ask for the place where the observer is by default: only the kernel knows it.
  home() {
    this.handle.send([]);
    this.handle.wish.drop();
    this.draw();
  }

  receive() {
    this.handle.settle();
    this.draw();
  }

  draw() {
    const { model, canvas, handle } = this;
    const [axes, bins] = [model.get("axes"), model.get("bins")];
    if (!this.visible || !axes?.x) return;
    const painter = prepare(canvas, FIELD.width, FIELD.height, FieldPainter);
    const levels = bytes(model.get("pixels"));
    const palette = colourTables(model.get("palettes"))(model.get("palette"));
    painter.inside(BOX, () => {
      if (bins > 0 && levels.length === bins * bins) painter.stars(levels, palette, bins);
      if (handle.position) painter.orbit(handle.position);
    });
    painter.axes(axes);
    if (handle.position) painter.observer(handle.position);
    handle.describe();
    canvas.dataset.frame = ++this.drawn;
  }
}

function render({ model, el }) {
  const canvas = handleCanvas(el);
  canvas.setAttribute("aria-description", "0 or double click brings it back to where it was.");
  const field = new Field(model, canvas);
  const stop = watch(el, () => {
    field.visible = true;
    field.draw();
  });
  const receive = () => field.receive();
  model.on("change", receive);
  return () => {
    model.off("change", receive);
    stop();
    field.dispose();
  };
}

export default { render };
