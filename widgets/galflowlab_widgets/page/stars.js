// Stars at any context: sums of Chebyshev polynomials, see galflowlab_widgets.page.stars.

function fromBase64(text) {
  const binary = atob(text);
  const out = new Uint8Array(binary.length);
  for (let i = 0; i < out.length; i++) out[i] = binary.charCodeAt(i);
  return out;
}

function polynomials(x, n) {
  const angle = Math.acos(Math.min(1, Math.max(-1, x)));
  return Float64Array.from({ length: n }, (_, k) => Math.cos(k * angle));
}

class Stars {
  constructor(data, coefficients) {
    Object.assign(this, data);
    this.nodes = this.shape[0] * this.shape[1];
    this.coefficients = coefficients; // of all columns, each node by node
    this.kept = {}; // arrays that are filled again for every context
  }

  // Low bytes, then high bytes, of numbers whose sign is folded in.
  static async unpacked(data, text) {
    const raw = await inflated(fromBase64(text));
    const size = raw.length / 2;
    const { columns, shape, count } = data;
    if (size !== columns.length * shape[0] * shape[1] * count) throw Error("stars are missing");
    const out = new Int16Array(size);
    for (let i = 0; i < size; i++) {
      const folded = raw[i] | (raw[size + i] << 8);
      out[i] = folded & 1 ? -((folded + 1) >> 1) : folded >> 1;
    }
    return new Stars(data, out);
  }

  weights([along, off]) {
    const [first, second] = [along, off].map((x, i) => polynomials(x, this.shape[i]));
    const out = new Float64Array(this.nodes);
    let k = 0;
    for (const a of first) for (const b of second) out[k++] = a * b;
    return out;
  }

  // The logarithm of a mean metallicity that is typical of a mass.
  typical(along) {
    const values = polynomials(along, this.relation.length);
    return this.relation.reduce((sum, c, k) => sum + c * values[k], 0);
  }

  value(coefficients, weights) {
    return coefficients.reduce((sum, c, k) => sum + c * weights[k], 0);
  }

  // Columns of the stars by name, in the units of galflowlab; filled anew by the next call.
  at(place, names) {
    const weights = this.weights(place);
    const out = Object.fromEntries(names.map((name) => [name, this.summed(name, weights)]));
    const scale = this.core * Math.exp(this.value(this.log_radius, weights));
    for (const name of ["x", "y", "z"]) {
      const values = out[name];
      for (let s = 0; s < values.length; s++) {
        const grown = Math.exp(values[s]);
        values[s] = 0.5 * scale * (grown - 1 / grown);
      }
    }
    const { age } = out;
    for (let s = 0; age && s < age.length; s++) age[s] = Math.min(this.age_max, Math.max(0, age[s]));
    return out;
  }

  // Four nodes in one go: the sums are then read and written a fourth as often.
  summed(name, weights) {
    const { count, nodes } = this;
    const sum = (this.kept[name] ??= new Float32Array(count)).fill(0);
    const column = this.columns.indexOf(name);
    const step = this.steps[column];
    const plane = (k) => this.coefficients.subarray((column * nodes + k) * count).subarray(0, count);
    // Where the metallicity is typical, two in five weigh nothing.
    const used = [...weights.keys()].filter((k) => Math.abs(weights[k]) > 1e-9);
    for (let i = 0; i < used.length; i += 4) {
      const four = [0, 1, 2, 3].map((j) => used[i + j] ?? used[i]);
      const [a, b, c, d] = four.map((k, j) => (i + j < used.length ? step * weights[k] : 0));
      const [p, q, r, t] = four.map(plane);
      for (let s = 0; s < count; s++) sum[s] += a * p[s] + b * q[s] + c * r[s] + d * t[s];
    }
    return sum;
  }
}
