/**
 * Writes the dashboards that Grafana reads: npm run dashboards, or node build/grafana/source/generate.js FOLDER
 *
 * Classic JSON, which is what provisioning from files takes. The files are committed; a test compares them with what this
 * makes.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { dashboardFiles } from './dashboards.js';

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('usage: generate.js FOLDER');
  process.exitCode = 2;
} else {
  await mkdir(folder, { recursive: true });
  for (const [name, text] of dashboardFiles()) await writeFile(path.join(folder, name), text);
}
