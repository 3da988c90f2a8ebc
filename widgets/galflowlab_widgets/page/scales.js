// Field, limits and ticks from the stars alone: `galflowlab_widgets.scales` in the browser.

const NICE_WIDTHS = [1, 1.5, 2, 3, 5, 7];
const DECADES = 4.5; // of surface density in one picture
const SUPERSCRIPTS = Object.fromEntries([..."-0123456789"].map((c, i) => [c, "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"[i]]));

const minus = (text) => text.replace("-", "−");
const superscript = (number) => [...String(number)].map((c) => SUPERSCRIPTS[c]).join("");

function niceAbove(wanted, series) {
  const decade = 10 ** Math.floor(Math.log10(wanted));
  return [...series, 10].map((value) => value * decade).find((value) => value >= wanted);
}

// A fifth to a half of the half width, for a scale bar.
function niceLength(halfWidth) {
  const decade = 10 ** Math.floor(Math.log10(halfWidth));
  const lengths = [5, 2, 1, 0.5, 0.2].map((f) => f * decade);
  return lengths.find((length) => length <= 0.5 * halfWidth);
}

// At most `most` round values between the limits: [fraction of the axis, text].
function linearTicks(low, high, most = 7) {
  const raw = (high - low) / (most - 1);
  const decade = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((f) => f * decade).find((s) => s >= raw * (1 - 1e-9));
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i <= Math.floor(high / step + 1e-9); i++) {
    const fraction = Math.min(1, Math.max(0, (i * step - low) / (high - low)));
    ticks.push([fraction, minus((i * step + 0).toFixed(digits))]);
  }
  return ticks;
}

// Powers of ten between limits given as log10.
function decadeTicks(low, high) {
  const ticks = [];
  for (let i = Math.ceil(low); i <= Math.floor(high); i++) {
    ticks.push([(i - low) / (high - low), `10${superscript(i)}`]);
  }
  return ticks;
}

// Quantiles of values, interpolated between neighbours.
function quantiles(values, shares) {
  const sorted = values.slice().sort();
  return shares.map((share) => {
    const place = share * (sorted.length - 1);
    const [i, f] = [Math.floor(place), place % 1];
    return sorted[i] + f * ((sorted[i + 1] ?? sorted[i]) - sorted[i]);
  });
}

// Half the side [kpc] of a field that shows nearly all stars.
function fieldHalfWidth({ x, y, z }) {
  const squares = x.map((_, i) => x[i] * x[i] + y[i] * y[i] + z[i] * z[i]);
  return niceAbove(1.25 * Math.sqrt(quantiles(squares, [0.95])[0]), NICE_WIDTHS);
}

// Of log10 of the surface density, from its largest value.
function densityLimits(brightest) {
  const high = Math.ceil(2 * Math.log10(brightest)) / 2;
  return [high - DECADES, high];
}

// Whole steps around all values but a twentieth at either end.
function abundanceLimits(values, step) {
  const [low, high] = quantiles(values, [0.05, 0.95]);
  const first = Math.floor(low / step);
  return [first * step, Math.max(Math.ceil(high / step), first + 2) * step];
}
