import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';

import { setInterface } from './index.js';

describe("an interface's switch", () => {
  it('is left as it is by setting what is set', () => {
    // An interface that has an address is up.
    const [name] = Object.keys(networkInterfaces());
    assert.ok(name);
    if (process.getuid?.() === 0) setInterface(name, true);
    else assert.throws(() => setInterface(name, true), { code: 'command-failed', message: /EPERM/ });
    assert.ok(networkInterfaces()[name], 'still up');
  });

  it('names an interface that is not there, and a name that none can have', () => {
    assert.throws(() => setInterface('pk-none', false), {
      code: 'command-failed',
      message: 'SIOCGIFFLAGS of pk-none failed: ENODEV',
    });
    assert.throws(() => setInterface('sixteen-letters-', true), { code: 'invalid-argument' });
  });
});
