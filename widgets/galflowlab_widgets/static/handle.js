// A place in a box of a canvas that a hand moves: by dragging it, or by keys.

const limited = (fraction) => Math.min(1, Math.max(0, fraction));

class Handle {
  // Places are fractions of the box; `redraw` is called whenever the hand has moved.
  constructor(model, canvas, box, redraw) {
    Object.assign(this, { model, canvas, box, redraw, pointer: null });
    this.wish = new Wish(model, "dragged", 1500, redraw);
    this.ears = new AbortController();
    this.listen("pointerdown", (event) => this.grab(event));
    this.listen("pointermove", (event) => event.pointerId === this.pointer && this.drag(event));
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
      this.listen(type, (event) => this.release(event));
    }
    this.listen("keydown", (event) => this.key(event));
  }

  listen(type, action) {
    this.canvas.addEventListener(type, action, { signal: this.ears.signal });
  }

  dispose() {
    this.ears.abort();
    this.wish.drop();
  }

  // Where it is: under the hand, else where the kernel says.
  get position() {
    const position = this.wish.value ?? this.model.get("position");
    return position?.length === 2 ? position : null;
  }

  // The kernel shows something: is it what the hand wants?
  settle() {
    const step = this.model.get("step");
    this.wish.settle(this.model.get("position") ?? [], step?.length === 2 ? step : [0.01, 0.01]);
  }

  grab(event) {
    if (!event.isPrimary || event.button !== 0 || !this.position) return;
    this.pointer = event.pointerId;
    this.canvas.setPointerCapture(event.pointerId);
    this.wish.hold();
    this.drag(event);
  }

  drag(event) {
    const across = limited((event.offsetX - this.box.x) / this.box.width);
    this.send([across, limited(1 - (event.offsetY - this.box.y) / this.box.height)]);
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
    this.send(this.position.map((f, i) => limited(move[i] ? f + move[i] * step[i] : f)));
  }

  send(position) {
    this.wish.send(position);
    this.redraw();
  }

  // A slider with two directions: screen readers know one number, and read the text instead.
  describe() {
    const say = (name, value) => this.canvas.setAttribute(`aria-${name}`, value);
    say("label", this.model.get("alt"));
    say("valuetext", this.model.get("value_text"));
    say("valuenow", Math.round(100 * (this.position?.[0] ?? 0)));
  }
}

// A canvas for a handle, under an element.
function handleCanvas(el) {
  const canvas = document.createElement("canvas");
  const roles = { role: "slider", "aria-valuemin": 0, "aria-valuemax": 100 };
  for (const [name, value] of Object.entries(roles)) canvas.setAttribute(name, value);
  canvas.setAttribute("aria-roledescription", "slider in two directions");
  canvas.tabIndex = 0;
  el.append(canvas);
  return canvas;
}
