import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';

import { asPortkeyError, PortkeyError } from './index.js';

describe('anything thrown', () => {
  it('stays what it is where it is an error of the project', () => {
    const error = new PortkeyError('cancelled', 'it was enough');
    assert.equal(asPortkeyError(error), error);
  });

  it('says that a file system is full, and which file found that', async () => {
    const thrown: unknown = await writeFile('/dev/full', 'one byte is too many').catch(
      (error: unknown) => error,
    );
    const { code, message } = asPortkeyError(thrown);
    assert.equal(code, 'disk-full');
    assert.match(message, /no room is left.*ENOSPC.*make room/);
  });

  it('is internal otherwise', () => {
    const { code, message, cause } = asPortkeyError('a word');
    assert.deepEqual({ code, message, cause }, { code: 'internal', message: 'a word', cause: 'a word' });
    assert.equal(asPortkeyError(new RangeError('not there')).code, 'internal');
  });
});
