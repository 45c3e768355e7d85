/**
 * Fuzzing of what a destination VM takes from a hostile one: the second half of `npm run test:fuzz [-- --cases N] [-- --seed N]`.
 *
 * N is the number of the relay's cases (services/hypervisor-relay/fuzz). Of these here, of which most make files, there are as
 * many as take about as long. How it ends, libraries/fuzzing/program.ts has.
 */
import { mkdtempSync } from 'node:fs';
import path from 'node:path';

import { runFuzzProgram } from '../../../libraries/fuzzing/index.js';
import { decodersTarget } from './decoders-target.js';
import { landingTarget } from './landing-target.js';
import { uploadsTarget } from './uploads-target.js';

await runFuzzProgram(async (run, root) => {
  const folderFor = (name: string): string => mkdtempSync(path.join(root, `${name}-`));
  await run(decodersTarget(), 0.1);
  await run(landingTarget(folderFor('landing')), 0.002);
  await run(uploadsTarget(folderFor('uploads')), 0.003);
});
