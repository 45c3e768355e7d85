/**
 * Scales with their ticks: a linear one from 0 to a round number, and a logarithmic one between powers of ten, with
 * ticks in between where there are but two.
 */
export interface Scale {
  readonly ticks: readonly number[];
  /** From a value to a length in pixels. */
  readonly length: (value: number) => number;
  /** A tick as text, with as many digits as the step needs. */
  readonly label: (tick: number) => string;
}

/** `most` is the largest value to show, `pixels` the length of the axis. */
export function linearScale(most: number, pixels: number, wantedTicks = 5): Scale {
  const step = roundStep((most > 0 ? most : 1) / wantedTicks);
  const count = Math.max(1, Math.ceil(most / step - 1e-9));
  const top = step * count;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return {
    ticks: Array.from({ length: count + 1 }, (_, index) => index * step),
    length: (value) => (value / top) * pixels,
    label: (tick) => numberText(tick, digits),
  };
}

/** Both values are above 0. What is below the lowest tick, 0 above all, lies on it. */
export function logScale(least: number, most: number, pixels: number): Scale {
  const lowest = Math.floor(Math.log10(least) + 1e-9);
  const decades = Math.max(1, Math.ceil(Math.log10(most) - 1e-9) - lowest);
  const powers = Array.from({ length: decades + 1 }, (_, index) => 10 ** (lowest + index));
  return {
    ticks: decades > 1 ? powers : [1, 2, 5, 10].map((factor) => factor * 10 ** lowest),
    length: (value) => (Math.max(0, Math.log10(Math.max(value, 10 ** lowest)) - lowest) / decades) * pixels,
    label: (tick) => numberText(tick, Math.max(0, -Math.floor(Math.log10(tick) + 1e-9))),
  };
}

const numberText = (value: number, digits: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: digits }).replaceAll(',', ' ');

/** The next of 1, 2, 5 × 10ⁿ. */
function roundStep(atLeast: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(atLeast));
  for (const factor of [1, 2, 5]) if (factor * magnitude >= atLeast * (1 - 1e-9)) return factor * magnitude;
  return 10 * magnitude;
}
