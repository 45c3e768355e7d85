/** All dashboards, as Grafana's JSON model and as the files that they become. */
import type { Dashboard, DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';

import { cpuBoard } from './cpu.js';
import { hypercallsBoard } from './hypercalls.js';
import { migrationsBoard } from './migrations.js';

const boards: Readonly<Record<string, () => DashboardBuilder>> = {
  migrations: migrationsBoard,
  hypercalls: hypercallsBoard,
  cpu: cpuBoard,
};

/** By the name of their files. */
export function dashboardModels(): Map<string, Dashboard> {
  return new Map(Object.entries(boards).map(([name, make]) => [`${name}.json`, make().build()]));
}

export function dashboardFiles(): Map<string, string> {
  return new Map(
    [...dashboardModels()].map(([name, model]) => [name, `${JSON.stringify(model, null, 2)}\n`]),
  );
}
