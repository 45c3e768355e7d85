/** All dashboards as the files that they become. */
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';

import { cpuBoard } from './cpu.js';
import { hypercallsBoard } from './hypercalls.js';
import { migrationsBoard } from './migrations.js';

const boards: Readonly<Record<string, () => DashboardBuilder>> = {
  migrations: migrationsBoard,
  hypercalls: hypercallsBoard,
  cpu: cpuBoard,
};

export function dashboardFiles(): Map<string, string> {
  return new Map(
    Object.entries(boards).map(([name, make]) => [
      `${name}.json`,
      `${JSON.stringify(make().build(), null, 2)}\n`,
    ]),
  );
}
