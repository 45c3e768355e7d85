/** CPU: what a migration costs either host in either mode, and what Portkey mode saves. */
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';

import { board } from './board.js';
import { composed, figure, stacked, third, whole } from './panels.js';
import { goodFrom } from './thresholds.js';
import { ofHosts, ofModes } from './variables.js';

const perGib = (matchers: string): string =>
  `mode_side:portkey_migration_cpu_seconds_per_gibibyte{${matchers}}`;
const transferPerGib = (matchers: string): string =>
  `mode_side:portkey_migration_transfer_cpu_seconds_per_gibibyte{${matchers}}`;
const inUse = (component: string): string =>
  `host_vm_component:portkey_vm_cpu_seconds:rate1m{${ofHosts},component${component}}`;
const perGibByComponent = `mode_side_component:portkey_migration_cpu_seconds_per_gibibyte{${ofModes}}`;

const needsBoth = 'needs a migration in each mode';

export function cpuBoard(): DashboardBuilder {
  return board(
    {
      uid: 'portkey-cpu',
      title: 'Portkey: CPU, Portkey against CRIU',
      description:
        'CPU of both hosts for moving containers, by mode, of all completed migrations since the controllers started.',
    },
    [...saving(), ...shares()],
  );
}

const saving = () => [
  figure(
    {
      title: 'Portkey mode saves',
      description:
        "Of the CPU that CRIU mode's transfer takes on both hosts for the same memory of containers: until the last page has landed, without CRIU's restore, which is the same in both modes. Below 0 it takes more.",
      unit: 'percentunit',
      span: third,
      thresholds: goodFrom(0),
      empty: needsBoth,
    },
    [
      {
        expr: `1 - sum(${transferPerGib('mode="portkey"')}) / sum(${transferPerGib('mode="criu"')})`,
        legend: 'saved',
      },
    ],
  ),
  figure(
    {
      title: 'Saved on each side',
      description:
        "On the host that a container leaves, and on the one to which it goes: of the transfer, and of the whole migration with CRIU's restore.",
      unit: 'percentunit',
      span: third,
      thresholds: goodFrom(0),
      empty: needsBoth,
    },
    [
      { expr: 'side:portkey_migration_transfer_cpu_saving:ratio', legend: '{{side}}: transfer' },
      { expr: 'side:portkey_migration_cpu_saving:ratio', legend: '{{side}}: all' },
    ],
  ),
  figure(
    {
      title: 'CPU per GiB',
      description:
        'On both hosts together, for each GiB of memory of the containers that were moved, without what idle VMs use.',
      unit: 's',
      span: third,
    },
    [{ expr: `sum by (mode) (${perGib(ofModes)})`, legend: '{{mode}}' }],
  ),
];

const shares = () => [
  composed(
    {
      title: 'CPU per GiB, by host and component',
      description:
        'On the host that a container leaves (source) and on the one to which it goes (destination). vm is all of QEMU, the guest in it included; relay, virtiofsd and vhost are beside it. Without what idle VMs use.',
      unit: 's',
      span: whole,
    },
    `label_join(${perGibByComponent}, "host_in_mode", ", ", "mode", "side")`,
    { row: 'host_in_mode', part: 'component' },
  ),
  stacked(
    {
      title: 'CPUs in use, by host and component',
      description:
        'vcpu runs the guest, vmm is the rest of QEMU. What idle VMs use is in here, and what runs beside migrations; it is taken off in the panels above.',
      unit: 'short',
      span: whole,
    },
    [
      {
        // Each VM's figures have all of the relay.
        expr: `sum by (host, component) (${inUse('!="relay"')}) or max by (host, component) (${inUse('="relay"')})`,
        legend: '{{host}}: {{component}}',
      },
    ],
  ),
];
