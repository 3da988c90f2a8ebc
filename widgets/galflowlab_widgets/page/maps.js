// Maps of stars as levels of a colour table: `galflowlab.maps` and `rendering` in the browser.

// Unit vectors to the right and up on the sky, as of galflowlab.maps.project.
function axesOnSky(inclination, azimuth) {
  const radians = (degrees) => (degrees * Math.PI) / 180;
  const [sinI, cosI] = [Math.sin(radians(inclination)), Math.cos(radians(inclination))];
  const [sinA, cosA] = [Math.sin(radians(azimuth)), Math.cos(radians(azimuth))];
  return [[cosA, -sinA, 0], [sinA * cosI, cosA * cosI, sinI]];
}

class Pixels {
  // `view`: inclination, azimuth [degree], centre and half [kpc].
  constructor(stars, view, bins) {
    const { x, y, z } = stars;
    const [right, up] = axesOnSky(view.inclination, view.azimuth);
    const scale = bins / (2 * view.half);
    const [r0, u0] = view.centre.map((c) => bins / 2 - c * scale);
    this.area = (1 / scale) ** 2;
    this.index = new Int32Array(x.length);
    this.counts = new Float32Array(bins * bins);
    for (let s = 0; s < x.length; s++) {
      const i = Math.floor((x[s] * right[0] + y[s] * right[1]) * scale + r0);
      const j = Math.floor((x[s] * up[0] + y[s] * up[1] + z[s] * up[2]) * scale + u0);
      const inside = i >= 0 && i < bins && j >= 0 && j < bins;
      this.index[s] = inside ? j * bins + i : -1;
      if (inside) this.counts[this.index[s]]++;
    }
  }

  most() {
    let most = 0;
    for (const count of this.counts) if (count > most) most = count;
    return most;
  }

  // Surface density [Msun / kpc^2], the mass of a star being `mass`; as log10.
  density(mass) {
    const offset = Math.log10(mass / this.area);
    return this.counts.map((count) => (count ? Math.log10(count) + offset : 0));
  }

  mean(values) {
    const { index, counts } = this;
    const means = new Float32Array(counts.length);
    for (let s = 0; s < values.length; s++) if (index[s] >= 0) means[index[s]] += values[s];
    for (let i = 0; i < means.length; i++) if (counts[i]) means[i] /= counts[i];
    return means;
  }

  // Into bytes: 1 to 255 between the limits; 0 where there are no stars.
  levels(values, [low, high], out) {
    const scale = 254 / (high - low);
    for (let i = 0; i < values.length; i++) {
      const level = (values[i] - low) * scale + 1.5;
      out[i] = this.counts[i] ? Math.min(255, Math.max(1, level)) : 0;
    }
  }
}

// Limits of the colour bar of a quantity, and the field, whatever the direction and the zoom.
class Scales {
  constructor(stars, quantities, mass, bins) {
    this.half = fieldHalfWidth(stars);
    this.limits = {};
    for (const { name, column, limits, step } of quantities) {
      if (limits) this.limits[name] = limits;
      else if (step) this.limits[name] = abundanceLimits(stars[column], step);
      else this.limits[name] = densityLimits(this.brightest(stars, mass, bins));
    }
  }

  brightest(stars, mass, bins) {
    const view = { azimuth: 0, centre: [0, 0], half: this.half };
    const most = (inclination) => {
      const pixels = new Pixels(stars, { ...view, inclination }, bins);
      return (pixels.most() * mass) / pixels.area;
    };
    return Math.max(most(0), most(90)) || 1;
  }

  ticks({ name, column }) {
    const [low, high] = this.limits[name];
    return column ? linearTicks(low, high, 8) : decadeTicks(low, high);
  }
}

// Title and labels of the axes of a direction; axes that are not the galaxy's have a prime.
function columnOf(inclination, azimuth) {
  const names = { 0: "face-on", 90: "edge-on" };
  const up = { 0: "y", 90: "z" }[inclination] ?? "y′";
  const turned = azimuth % 360 !== 0;
  return {
    title: names[inclination] ?? `inclination ${inclination.toFixed(0)}°`,
    x: turned ? "x′ [kpc]" : "x [kpc]",
    y: turned && up === "y" ? "y′ [kpc]" : `${up} [kpc]`,
  };
}

// What map_canvas.js draws: two quantities, face-on and from the direction of the view.
function picture({ stars, scales, mass }, quantities, view, bins) {
  const [right, up, half] = view.field ?? [0, 0, scales.half];
  const sky = { azimuth: view.azimuth, centre: [right, up], half };
  const directions = [0, view.inclination];
  const sorted = directions.map((i) => new Pixels(stars, { ...sky, inclination: i }, bins));
  const pixels = new Uint8Array(2 * quantities.length * bins * bins);
  quantities.forEach(({ name, column }, row) => {
    sorted.forEach((part, i) => {
      const values = column ? part.mean(stars[column]) : part.density(mass);
      const from = (2 * row + i) * bins * bins;
      part.levels(values, scales.limits[name], pixels.subarray(from, from + bins * bins));
    });
  });
  const bar = niceLength(half);
  const frame = {
    bins,
    xticks: linearTicks(right - half, right + half),
    yticks: linearTicks(up - half, up + half),
    columns: directions.map((i) => columnOf(i, view.azimuth)),
    rows: quantities.map((q) => ({ label: q.label, palette: q.palette, ticks: scales.ticks(q) })),
    scale_bar: { fraction: bar / (2 * half), label: `${+bar.toPrecision(2)} kpc` },
    state: "settled",
  };
  const direction = [view.inclination, view.azimuth];
  return { pixels, frame, direction, field: [right, up, half] };
}
