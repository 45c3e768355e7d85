/**
 * The variables of the dashboards: which modes and hosts to show. All of them unless some are chosen, also series that have no
 * such label.
 */
import {
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';

import { prometheus } from './panels.js';

/** Matchers for the chosen ones. */
export const ofModes = 'mode=~"$mode"';
export const ofHosts = 'host=~"$host"';

export function modeVariable(): QueryVariableBuilder {
  return variable(
    'mode',
    'Mode',
    'How the pages travel: by hypercalls (portkey), or as CRIU does it, through the guests (criu).',
    'label_values(portkey_migrations_total, mode)',
  );
}

export function hostVariable(): QueryVariableBuilder {
  return variable(
    'host',
    'Host',
    'The host on which a VM and its relay run.',
    'label_values(portkey_vm_cpu_seconds_total, host)',
  );
}

function variable(name: string, label: string, description: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .description(description)
    .datasource(prometheus)
    .query({ query, refId: 'A' })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ selected: true, text: 'All', value: '$__all' });
}
