/** The process of a test bed of its own, see remote-runner.ts. Where whoever started it is gone, all of it ends. */
import path from 'node:path';

import type { Conditions } from './cell.js';
import type { RunnerAnswer, RunnerRequest } from './remote-runner.js';
import { LocalRunner } from './runner.js';

/** Its state folder is all that it has outside its namespaces. */
const name = path.basename(process.env.XDG_STATE_HOME ?? 'another bed');
const say = (line: string): void => console.error(`${name}: ${line}`);
const answer = (message: RunnerAnswer): void => void process.send?.(message);

process.on('disconnect', () => process.exit(1));
const conditions = JSON.parse(process.argv[2] ?? '') as Conditions;
const runner = await LocalRunner.start(false, conditions, say);

async function obey(request: RunnerRequest): Promise<void> {
  if (request !== 'close') {
    answer({ result: await runner.run(request) });
    return;
  }
  await runner.close();
  process.exit(0);
}

process.on('message', (request: RunnerRequest) => {
  obey(request).catch((error: unknown) => {
    say(String(error));
    process.exit(1);
  });
});
answer({ ready: true });
