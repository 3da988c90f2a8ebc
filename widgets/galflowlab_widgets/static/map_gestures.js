// Mouse, touch and keys on the maps: turn the galaxy, move and zoom the field.

const DEGREES_PER_PIXEL = 0.5;
const KEY_TURN = 5; // degrees
const KEY_PAN = 0.1; // of the width of the field
const ZOOM = 1.15; // per notch of the wheel
const NARROWEST = 0.001; // kpc, half the width; the kernel takes a little more on both sides
const WIDEST = 1e5;

class Gestures {
  // The view tells what is shown where, and is told to redraw.
  constructor(model, canvas, view) {
    Object.assign(this, { model, canvas, view, drag: null });
    this.turn = new Wish(model, "turned", 1500, () => {});
    this.zoom = new Wish(model, "zoomed", 1500, () => view.draw());
    this.ears = new AbortController();
    const listen = (type, action) =>
      canvas.addEventListener(type, action, { signal: this.ears.signal, passive: false });
    listen("pointerdown", (event) => this.grab(event));
    listen("pointermove", (event) => this.move(event));
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
      listen(type, (event) => this.release(event));
    }
    // The middle button must not start the scrolling of the browser.
    listen("mousedown", (event) => event.button === 1 && event.preventDefault());
    listen("dblclick", () => this.follow());
    listen("wheel", (event) => this.wheel(event));
    listen("keydown", (event) => this.key(event));
  }

  dispose() {
    this.ears.abort();
    this.turn.drop();
    this.zoom.drop();
  }

  // Direction and field from which a gesture goes on; null before the kernel has shown any.
  get direction() {
    return this.turn.value ?? this.view.direction;
  }

  get field() {
    return this.zoom.value ?? this.view.field;
  }

  // The kernel shows something: is it what the user asked for?
  shown({ direction, field }) {
    const near = 1e-6 * (field?.[2] ?? 0);
    this.turn.settle(direction, [0.51, 0.51]); // the kernel may round to whole degrees
    this.zoom.settle(field, [near, near, near]);
  }

  grab(event) {
    if (!event.isPrimary || event.button > 1) return;
    const panel = this.view.panelAt(event.offsetX, event.offsetY);
    if (!panel) return;
    const pan = event.shiftKey || event.button === 1;
    if (!(pan ? this.field : this.direction)) return;
    const tilts = this.view.tilts(panel.column);
    const behind = !tilts && event.offsetY < panel.y + panel.side / 2;
    const last = [event.clientX, event.clientY];
    this.drag = { id: event.pointerId, panel, pan, tilts, behind, last };
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.style.cursor = pan ? "move" : "grabbing";
    (pan ? this.zoom : this.turn).hold();
  }

  move(event) {
    const drag = this.drag;
    if (!drag) {
      const over = this.direction && this.view.panelAt(event.offsetX, event.offsetY);
      this.canvas.style.cursor = over ? "grab" : "";
    }
    if (!drag || event.pointerId !== drag.id) return;
    const right = event.clientX - drag.last[0];
    const down = event.clientY - drag.last[1];
    if (!right && !down) return;
    drag.last = [event.clientX, event.clientY];
    if (drag.pan) {
      const scale = (2 * this.field[2]) / drag.panel.side;
      this.shift(-right * scale, down * scale);
    } else {
      // The near side follows the hand. Seen face-on, what lies above the centre moves the
      // other way than what lies below it, and there is no near side to lift.
      const around = DEGREES_PER_PIXEL * right * (drag.behind ? -1 : 1);
      this.rotate(drag.tilts ? -DEGREES_PER_PIXEL * down : 0, around);
    }
  }

  release(event) {
    if (!this.drag || event.pointerId !== this.drag.id) return;
    this.drag = null;
    this.canvas.style.cursor = "";
    this.turn.release();
    this.zoom.release();
  }

  wheel(event) {
    const panel = this.view.panelAt(event.offsetX, event.offsetY);
    if (!panel || !this.field) return;
    event.preventDefault();
    // A notch is 50 to 120 pixels or a few lines; the small steps of touchpads add up to one.
    const notch = event.deltaMode === 0 && Math.abs(event.deltaY) < 40;
    const notches = notch ? event.deltaY / 100 : Math.sign(event.deltaY);
    const across = (2 * (event.offsetX - panel.x)) / panel.side - 1;
    const up = 1 - (2 * (event.offsetY - panel.y)) / panel.side;
    this.scale(ZOOM ** notches, across, up);
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const step = arrow[event.key];
    if (step && event.shiftKey) this.field && this.pan(...step);
    else if (step) this.direction && this.rotate(KEY_TURN * step[1], KEY_TURN * step[0]);
    else if ("+=".includes(event.key)) this.field && this.scale(1 / ZOOM, 0, 0);
    else if ("-_".includes(event.key)) this.field && this.scale(ZOOM, 0, 0);
    else if (event.key === "0") this.follow();
    else return;
    event.preventDefault();
    event.stopPropagation(); // or JupyterLab takes it for one of its shortcuts
  }

  rotate(tilt, around) {
    const [inclination, azimuth] = this.direction;
    const tilted = Math.min(180, Math.max(0, inclination + tilt));
    this.turn.send([tilted, (((azimuth + around) % 360) + 360) % 360]);
  }

  pan(right, up) {
    const step = 2 * KEY_PAN * this.field[2];
    this.shift(right * step, up * step);
  }

  shift(right, up) {
    const [x, y, half] = this.field;
    this.show([x + right, y + up, half]);
  }

  // Zoom about a place in a panel, given from -1 to 1 to the right and up: it stays where it is.
  scale(factor, across, up) {
    const [x, y, half] = this.field;
    // A field that is beyond the limits already stays or comes back: no step goes the wrong way.
    const [narrowest, widest] = [Math.min(NARROWEST, half), Math.max(WIDEST, half)];
    const next = Math.min(widest, Math.max(narrowest, half * factor));
    this.show([x + across * (half - next), y + up * (half - next), next]);
  }

  show(field) {
    this.zoom.send(field);
    this.view.draw(); // the present picture, moved, until the next one is here
  }

  // Let the field follow the galaxy again.
  follow() {
    if (!this.view.field) return;
    this.zoom.send([]);
    this.zoom.drop();
    this.view.draw();
  }
}
