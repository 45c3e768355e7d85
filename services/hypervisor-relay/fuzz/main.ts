/**
 * Fuzzing of what the relay takes from a guest and from other relays: `npm run test:fuzz [-- --cases N] [-- --seed N]`.
 *
 * Cases are shared out so that each target has a hundred thousand of ten million at least, and none takes much longer than
 * another. docs/hostile-guests.md has what they are. How it ends, libraries/fuzzing/program.ts has.
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
    const folder = (name: string): string => mkdtempSync(path.join(root, `${name}-`));
    await run(framesTarget(), 0.92);
    await run(conversationTarget(test), 0.03);
    await run(streamTarget(folder('stream')), 0.02);
    await run(messagesTarget(folder('messages')), 0.01);
    await run(answers, 0.01);
    await run(admissionTarget(), 0.01);
  } finally {
    answers.close();
    test.close();
  }
});
