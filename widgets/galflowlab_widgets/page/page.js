// What a kernel does for the apps, done by the page: it answers the canvases and the controls.

const data = JSON.parse(document.getElementById("data").textContent);
const element = (id) => document.getElementById(id);
const limitedTo = (value, end) => Math.min(end, Math.max(-end, value));

class Page {
  constructor(stars) {
    Object.assign(this, { stars, place: data.start, asked: 0, sweeping: 0, times: [] });
    this.galaxy = null; // until the next picture needs it
    this.view = { inclination: 90, azimuth: 0, field: null };
    this.rows = data.quantities.slice(0, 2);
    this.maps = new LocalModel({ palettes: fromBase64(data.palettes), alt: "" }, (name, value) =>
      this.seen(name, value),
    );
    this.plane = new LocalModel(this.planeState(), (_, value) => this.dragged(value));
    element("maps").replaceChildren();
    element("still").remove();
    renderMaps({ model: this.maps, el: element("maps") });
    renderPlane({ model: this.plane, el: element("plane") });
    this.controls();
    this.draw();
  }

  planeState() {
    const { axes, points, support, support_size, step, alt } = data.plane;
    const packed = { points: fromBase64(points), support: fromBase64(support) };
    return { ...packed, axes, support_size, step, alt, marked: [] };
  }

  controls() {
    for (const [i, id] of ["along", "off"].entries()) {
      const slider = element(id);
      slider.addEventListener("input", () => {
        this.sweep(false);
        this.move(i ? [this.place[0], +slider.value] : [+slider.value, this.place[1]]);
      });
    }
    element("typical").addEventListener("click", () => this.move([this.place[0], 0]));
    element("sweep").addEventListener("click", () => this.sweep(!this.sweeping));
    for (const [i, id] of ["upper", "lower"].entries()) {
      const menu = element(id);
      if (!menu) continue;
      for (const { name, menu: text } of data.quantities) menu.add(new Option(text, name));
      menu.value = this.rows[i].name;
      menu.addEventListener("change", () => {
        this.rows[i] = data.quantities.find(({ name }) => name === menu.value);
        this.move(this.place);
      });
    }
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const themed = () => (document.body.dataset.jpThemeName = dark.matches ? "dark" : "light");
    dark.addEventListener("change", themed); // the canvases watch for it
  }

  // Mass and log10 of the metallicity at a place of the grid.
  physical([along, off]) {
    const { low, high, width } = data.grid;
    const mass = (low + high) / 2 + ((high - low) / 2) * along;
    return [mass, this.stars.typical(along) + width * off];
  }

  fractions(place) {
    const { x, y } = data.plane.limits;
    const [mass, metallicity] = this.physical(place);
    return [(mass - x[0]) / (x[1] - x[0]), (metallicity - y[0]) / (y[1] - y[0])];
  }

  dragged(wish) {
    const { low, high, width } = data.grid;
    const { x, y } = data.plane.limits;
    const mass = x[0] + wish[0] * (x[1] - x[0]);
    const along = limitedTo((2 * mass - low - high) / (high - low), 1);
    const offset = y[0] + wish[1] * (y[1] - y[0]) - this.stars.typical(along);
    const place = [along, limitedTo(offset / width, 1)];
    this.fractions(place).forEach((f, i) => (wish[i] = f)); // so the handle stays on the grid
    this.sweep(false);
    this.move(place);
  }

  seen(name, value) {
    if (name === "turned") [this.view.inclination, this.view.azimuth] = value;
    if (name === "zoomed") this.view.field = value.length ? value : null;
    this.ask();
  }

  move(place) {
    this.place = place;
    this.galaxy = null;
    this.ask();
  }

  ask() {
    this.asked ||= requestAnimationFrame(() => this.draw());
  }

  // Back and forth over the masses, until something else is wished.
  sweep(on) {
    cancelAnimationFrame(this.sweeping);
    this.sweeping = 0;
    element("sweep").setAttribute("aria-pressed", on);
    if (!on) return;
    const begin = performance.now() - (Math.acos(-this.place[0]) / Math.PI) * 8000;
    const next = (now) => {
      this.sweeping = requestAnimationFrame(next);
      this.move([-Math.cos((Math.PI * (now - begin)) / 8000), this.place[1]]);
    };
    this.sweeping = requestAnimationFrame(next);
  }

  drawn() {
    const columns = this.rows.map(({ column }) => column).filter(Boolean);
    const stars = this.stars.at(this.place, [...new Set(["x", "y", "z", ...columns])]);
    const mass = 10 ** this.physical(this.place)[0] / this.stars.count;
    return { stars, mass, scales: new Scales(stars, this.rows, mass, data.bins) };
  }

  draw() {
    const begin = performance.now();
    this.asked = 0;
    this.galaxy ??= this.drawn();
    const shown = picture(this.galaxy, this.rows, this.view, data.bins);
    this.maps.show({ ...shown, alt: this.inWords(shown) });
    this.describe();
    this.times.push(performance.now() - begin);
    if (this.times.length > 1000) this.times.shift();
  }

  supported() {
    const [columns, rows] = data.plane.support_size;
    const [fx, fy] = this.fractions(this.place);
    const cell = (f, n) => Math.min(n - 1, Math.max(0, Math.floor(f * n)));
    return this.plane.get("support")[cell(fy, rows) * columns + cell(fx, columns)] > 0;
  }

  describe() {
    const [mass, metallicity] = this.physical(this.place);
    const offset = data.grid.width * this.place[1];
    const apart = Math.abs(offset) < 0.005 ? "" : ` ${minus(signed(offset))} dex`;
    const texts = {
      along: `${mass.toFixed(2)} ${data.labels.mass_unit}`,
      off: `${(10 ** metallicity).toPrecision(3)} · typical${apart}`,
    };
    for (const [i, id] of ["along", "off"].entries()) {
      const slider = element(id);
      slider.value = this.place[i];
      slider.setAttribute("aria-valuetext", texts[id]);
      element(`${id}-value`).textContent = texts[id];
    }
    const outside = !this.supported();
    const weights = this.stars.weights(this.place);
    const others = data.others.map(
      ({ label, unit, coefficients }) =>
        `${label} ${this.stars.value(coefficients, weights).toFixed(1)} ${unit}`,
    );
    element("others").textContent = others.length ? `typical for these: ${others.join(", ")}` : "";
    const position = this.fractions(this.place);
    const { mass: massLabel, metallicity: metallicityLabel } = data.labels;
    const value_text = `${massLabel} ${texts.along}, ${metallicityLabel} ${texts.off}`;
    this.plane.show({ position, outside, value_text });
    element("outside").hidden = !outside;
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      const warning = outside ? `. ${element("outside").textContent}` : "";
      element("spoken").textContent = `${value_text}${warning}`;
    }, 700);
  }

  inWords({ frame, field }) {
    const names = this.rows.map((q) => q.menu).join(" and ");
    const titles = frame.columns.map(({ title }) => title).join(" and ");
    return `Maps of the ${names} of a galaxy; ${titles}; ${+(2 * field[2]).toPrecision(3)} kpc across.`;
  }
}

const signed = (value) => (value > 0 ? "+" : "") + value.toFixed(2);

async function start() {
  const page = new Page(await Stars.unpacked(data.stars, element("stars").textContent));
  document.body.dataset.ready = "yes";
  // For tests and the curious: where it is, and what it shows.
  window.galflowlab = {
    move: (along, off) => page.move([along, off]),
    stars: (along, off) => page.stars.at([along, off], data.stars.columns),
    shown: () => page.maps.state,
    times: page.times, // ms of each frame
  };
}

start().catch((error) => {
  element("still").textContent = "A still picture: this browser cannot unpack the stars.";
  throw error;
});
