import assert from 'node:assert/strict';

import { skip } from '../../tests/support/skip.js';
import { sendRawFrame } from './index.js';

describe('sendRawFrame', () => {
  it('refuses what is no Ethernet frame, and an interface that is not there', () => {
    assert.throws(() => sendRawFrame('lo', Buffer.alloc(13)), { code: 'invalid-argument' });
    assert.throws(() => sendRawFrame('lo', Buffer.alloc(1515)), { code: 'invalid-argument' });
    assert.throws(() => sendRawFrame('none0', Buffer.alloc(60)), {
      message: /if_nametoindex of none0 failed: ENODEV/,
    });
  });

  it('sends out of an interface', function () {
    if (process.getuid?.() !== 0) skip(this, 'only root may send raw frames');
    sendRawFrame('lo', Buffer.alloc(60));
  });
});
