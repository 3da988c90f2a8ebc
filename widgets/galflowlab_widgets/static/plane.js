// A plane of two quantities with a handle that can be dragged over a population.

const PLANE = { width: 290, height: 230, left: 54, right: 16, top: 10, bottom: 42 };
const BOX = {
  x: PLANE.left,
  y: PLANE.top,
  width: PLANE.width - PLANE.left - PLANE.right,
  height: PLANE.height - PLANE.top - PLANE.bottom,
};
const HANDLE = 6.5;

const limited = (fraction) => Math.min(1, Math.max(0, fraction));

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
    Object.assign(this, { model, canvas, visible: false, drawn: 0, pointer: null });
    this.wish = new Wish(model, "dragged", 1500, () => this.draw());
    this.ears = new AbortController();
    const listen = (type, action) =>
      canvas.addEventListener(type, action, { signal: this.ears.signal });
    listen("pointerdown", (event) => this.grab(event));
    listen("pointermove", (event) => event.pointerId === this.pointer && this.drag(event));
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
      listen(type, (event) => this.release(event));
    }
    listen("keydown", (event) => this.key(event));
  }

  dispose() {
    this.ears.abort();
    this.wish.drop();
    this.visible = false;
  }

  // Where the handle is: under the hand, else where the kernel says.
  get position() {
    const position = this.wish.value ?? this.model.get("position");
    return position?.length === 2 ? position : null;
  }

  receive() {
    const step = this.model.get("step");
    this.wish.settle(this.model.get("position") ?? [], step?.length === 2 ? step : [0.01, 0.01]);
    this.draw();
  }

  grab(event) {
    if (!event.isPrimary || event.button !== 0 || !this.position) return;
    this.pointer = event.pointerId;
    this.canvas.setPointerCapture(event.pointerId);
    this.wish.hold();
    this.drag(event);
  }

  drag(event) {
    const across = limited((event.offsetX - BOX.x) / BOX.width);
    this.send([across, limited(1 - (event.offsetY - BOX.y) / BOX.height)]);
  }

  release(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.wish.release();
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || !this.position) return;
    const far = event.shiftKey ? 5 : 1;
    const moves = {
      ArrowLeft: [-far, 0],
      ArrowRight: [far, 0],
      ArrowUp: [0, far],
      ArrowDown: [0, -far],
      PageUp: [0, 5],
      PageDown: [0, -5],
      Home: [-Infinity, 0],
      End: [Infinity, 0],
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation(); // or JupyterLab takes it for one of its shortcuts
    const step = this.model.get("step");
    const next = this.position.map((f, i) => limited(move[i] ? f + move[i] * step[i] : f));
    this.send(next);
  }

  send(position) {
    this.wish.send(position);
    this.draw();
  }

  draw() {
    const { model, canvas } = this;
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
    if (this.position) painter.handle(this.position, model.get("outside"));
    this.describe();
    canvas.dataset.frame = ++this.drawn;
  }

  // A slider with two directions: screen readers know one number, and read the text instead.
  describe() {
    const say = (name, value) => this.canvas.setAttribute(`aria-${name}`, value);
    say("label", this.model.get("alt"));
    say("valuetext", this.model.get("value_text"));
    say("valuenow", Math.round(100 * (this.position?.[0] ?? 0)));
  }
}

function render({ model, el }) {
  const canvas = document.createElement("canvas");
  const roles = { role: "slider", "aria-valuemin": 0, "aria-valuemax": 100 };
  for (const [name, value] of Object.entries(roles)) canvas.setAttribute(name, value);
  canvas.setAttribute("aria-roledescription", "slider in two directions");
  canvas.tabIndex = 0;
  el.append(canvas);

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
