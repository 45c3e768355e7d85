/**
 * From which value on something is bad, as a colour. Without any, Grafana paints what is above 80 red, whatever it is.
 */
import {
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type Threshold,
} from '@grafana/grafana-foundation-sdk/dashboard';

/** Neither good nor bad. */
export function noThresholds(): ThresholdsConfigBuilder {
  return absolute([{ value: null, color: 'text' }]);
}

export function badFrom(value: number): ThresholdsConfigBuilder {
  return absolute([
    { value: null, color: 'green' },
    { value, color: 'red' },
  ]);
}

export function goodFrom(value: number): ThresholdsConfigBuilder {
  return absolute([
    { value: null, color: 'red' },
    { value, color: 'green' },
  ]);
}

function absolute(steps: Threshold[]): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps);
}
