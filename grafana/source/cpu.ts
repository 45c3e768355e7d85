/** CPU: what a migration costs either host in either mode, and what Portkey mode saves. */
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';

import { board, hostVariable, modeVariable } from './board.js';
import { figure, half, stacked, whole } from './panels.js';

export function cpuBoard(): DashboardBuilder {
  return board(
    'portkey-cpu',
    'Portkey: CPU, Portkey against CRIU',
    'CPU of both hosts for moving containers, by mode, with what an idle VM uses taken off.',
  )
    .withVariable(modeVariable())
    .withVariable(hostVariable())
    .withPanel(
      figure(
        {
          title: 'Portkey mode saves',
          description:
            'Of the CPU that CRIU mode takes for the same memory of containers, on each side. Empty until a migration has completed in each mode.',
          unit: 'percentunit',
          span: half,
        },
        [{ expr: 'side:portkey_migration_cpu_saving:ratio', legend: '{{side}}' }],
      ),
    )
    .withPanel(
      figure(
        {
          title: 'CPU per GiB',
          description: 'For each GiB of memory of the containers that were moved, on each side.',
          unit: 's',
          span: half,
        },
        [
          {
            expr: 'mode_side:portkey_migration_cpu_seconds_per_gibibyte{mode=~"$mode"}',
            legend: '{{mode}}, {{side}}',
          },
        ],
      ),
    )
    .withPanel(
      stacked(
        {
          title: 'CPU per GiB, by component',
          description:
            'vm is all of QEMU, the guest in it included; relay, virtiofsd and vhost are beside it.',
          unit: 's',
          span: whole,
        },
        [
          {
            expr: 'mode_side_component:portkey_migration_cpu_seconds_per_gibibyte{mode=~"$mode"}',
            legend: '{{mode}}, {{side}}: {{component}}',
          },
        ],
      ),
    )
    .withPanel(
      stacked(
        {
          title: 'CPUs in use, by host and component',
          description:
            'vcpu runs the guest, vmm is the rest of QEMU. The share of an idle VM is in here; it is taken off in the panels above.',
          unit: 'short',
          span: whole,
        },
        [
          {
            expr: 'sum by (host, component) (host_vm_component:portkey_vm_cpu_seconds:rate1m{host=~"$host"})',
            legend: '{{host}}: {{component}}',
          },
        ],
      ),
    );
}
