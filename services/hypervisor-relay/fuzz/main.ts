/**
 * Fuzzing of what the relay takes from a guest and from other relays: `npm run test:fuzz [-- --cases N] [-- --seed N]`.
 *
 * Cases are shared out among the targets by what one of them costs. How it ends, libraries/fuzzing/program.ts has.
 */
import { mkdtempSync } from 'node:fs';
import path from 'node:path';

import { runFuzzProgram } from '../../../libraries/fuzzing/index.js';
import { admissionTarget } from './admission-target.js';
import { answersTarget } from './answers-target.js';
import { conversationTarget } from './conversation-target.js';
import { framesTarget } from './frames-target.js';
import { messagesTarget } from './messages-target.js';
import { openTestRam } from './test-ram.js';
import { streamTarget } from './stream-target.js';

await runFuzzProgram(async (run, root) => {
  const test = openTestRam(path.join(root, 'ram'));
  const answers = answersTarget(test);
  try {
    await run(framesTarget(), 0.93);
    await run(conversationTarget(test), 0.06);
    await run(streamTarget(mkdtempSync(path.join(root, 'landing-'))), 0.01);
    await run(messagesTarget(mkdtempSync(path.join(root, 'messages-'))), 0.01);
    await run(admissionTarget(), 0.01);
    await run(answers, 0.01);
  } finally {
    answers.close();
    test.close();
  }
});
