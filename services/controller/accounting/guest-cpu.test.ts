import assert from 'node:assert/strict';

import { guestCpu } from './guest-cpu.js';

const step = (name: string, agentSeconds: number, programsSeconds: number) => ({
  ...{ step: name, agentSeconds, programsSeconds },
});

describe("a guest's CPU", () => {
  it('has each step, and the sum of those before the container runs at its destination', () => {
    const steps = [step('begin', 0.25, 0), step('dump', 0.5, 1), step('finish', 4, 2), step('between', 1, 0)];
    assert.deepEqual(guestCpu({ steps }), {
      agent: 1.75,
      programs: 1,
      byStep: {
        begin: { agent: 0.25, programs: 0 },
        dump: { agent: 0.5, programs: 1 },
        finish: { agent: 4, programs: 2 },
        between: { agent: 1, programs: 0 },
      },
    });
    assert.equal(guestCpu({ steps: [step('restore', 1, 2), step('release', 3, 4)] }).programs, 2);
  });
});
