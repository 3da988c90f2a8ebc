// A plane of two quantities with a handle that can be dragged over a population.

const PLANE = { width: 290, height: 230, left: 54, right: 16, top: 10, bottom: 42 };
const BOX = {
  x: PLANE.left,
  y: PLANE.top,
  width: PLANE.width - PLANE.left - PLANE.right,
  height: PLANE.height - PLANE.top - PLANE.bottom,
};
const HANDLE = 6.5;

class PlanePainter extends Painter {
  place([fx, fy]) {
    return [BOX.x + fx * BOX.width, BOX.y + (1 - fy) * BOX.height];
  }

  disc(centre, radius) {
    const [x, y] = this.place(centre);
    this.context.beginPath();
    this.context.arc(x, y, radius, 0, 2 * Math.PI);
  }

  // Where training galaxies support the model: a soft shade, scaled up from a coarse grid.
  support(levels, [nx, ny]) {
    if (!(nx > 0 && ny > 0) || levels.length !== nx * ny) return;
    const [red, green, blue] = parseColour(this.colours.brand);
    const strongest = this.colours.dark ? 0.35 : 0.22;
    const shades = new Uint32Array(256);
    const parts = new Uint8Array(shades.buffer);
    for (let level = 0; level < 256; level++) {
      parts.set([red, green, blue, Math.round(strongest * level)], 4 * level);
    }
    const c = this.context;
    c.imageSmoothingEnabled = true;
    c.imageSmoothingQuality = "high";
    c.drawImage(bitmap(levels, shades, nx, ny), BOX.x, BOX.y, BOX.width, BOX.height);
  }

  points(fractions) {
    const c = this.context;
    c.save();
    c.fillStyle = this.colours.text;
    c.globalAlpha = 0.45;
    for (let i = 0; i + 1 < fractions.length; i += 2) {
      this.disc(fractions.subarray(i, i + 2), 1.4);
      c.fill();
    }
    c.restore();
  }

  ring(centre) {
    const c = this.context;
    for (const [width, colour] of [[4, this.colours.paper], [1.8, this.colours.text]]) {
      c.lineWidth = width;
      c.strokeStyle = colour;
      this.disc(centre, 5);
      c.stroke();
    }
  }

  // Outside the population it differs in shape too, for those who do not see the colour.
  handle(centre, outside) {
    const c = this.context;
    const colour = outside ? this.colours.warn : this.colours.brand;
    this.disc(centre, HANDLE + 1.5);
    c.fillStyle = this.colours.paper;
    c.fill();
    this.disc(centre, outside ? HANDLE - 1.5 : HANDLE);
    c.fillStyle = c.strokeStyle = colour;
    c.lineWidth = 3;
    outside ? c.stroke() : c.fill();
  }

  axes({ x, y }) {
    this.frame(BOX.x, BOX.y, BOX.width, BOX.height);
    this.ticksBelow(x.ticks, BOX);
    this.ticksLeft(y.ticks, BOX, BOX.x - 28);
    const bottom = PLANE.height - 9;
    this.text(x.label, BOX.x + BOX.width / 2, bottom, { room: BOX.width + 20 });
    const options = { turn: -Math.PI / 2, room: BOX.height + 16 };
    this.text(y.label, 11, BOX.y + BOX.height / 2, options);
  }
}

class Plane {
  constructor(model, canvas) {
    Object.assign(this, { model, canvas, visible: false, drawn: 0 });
    this.handle = new Handle(model, canvas, BOX, () => this.draw());
  }

  dispose() {
    this.handle.dispose();
    this.visible = false;
  }

  receive() {
    this.handle.settle();
    this.draw();
  }

  draw() {
    const { model, canvas, handle } = this;
    const axes = model.get("axes");
    if (!this.visible || !axes?.x) return;
    const painter = prepare(canvas, PLANE.width, PLANE.height, PlanePainter);
    painter.inside(BOX, () => {
      painter.support(bytes(model.get("support")), model.get("support_size"));
      painter.points(new Float32Array(bytes(model.get("points")).slice().buffer));
    });
    painter.axes(axes);
    const marked = model.get("marked");
    if (marked?.length === 2) painter.ring(marked);
    if (handle.position) painter.handle(handle.position, model.get("outside"));
    handle.describe();
    canvas.dataset.frame = ++this.drawn;
  }
}

function render({ model, el }) {
  const canvas = handleCanvas(el);
  const plane = new Plane(model, canvas);
  const stop = watch(el, () => {
    plane.visible = true;
    plane.draw();
  });
  const receive = () => plane.receive();
  model.on("change", receive);
  return () => {
    model.off("change", receive);
    stop();
    plane.dispose();
  };
}

export default { render };
