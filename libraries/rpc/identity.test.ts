import assert from 'node:assert/strict';

import fc from 'fast-check';

import { identityOf, isName, roles, uriOf } from './identity.js';

describe('the identity in a certificate', () => {
  it('comes out as it went in, whatever other names stand beside it', () => {
    const name = fc.stringMatching(/^([a-zA-Z0-9][a-zA-Z0-9_.-]{0,20})?$/);
    fc.assert(
      fc.property(fc.constantFrom(...roles), name, (role, name) => {
        assert.deepEqual(identityOf(`DNS:localhost, URI:${uriOf({ role, name })}, IP Address:10.0.0.1`), {
          role,
          name,
        });
      }),
    );
  });

  it('is there for just the names that are called names', () => {
    const likely = fc.string({
      unit: fc.constantFrom('a', 'Z', '0', '_', '.', '-', '/', ' ', ',', '\n', '\0', 'é'),
      maxLength: 70,
    });
    const check = (name: string): void =>
      assert.equal(identityOf(`URI:${uriOf({ role: 'relay', name })}`)?.name === name, isName(name));
    fc.assert(
      fc.property(
        likely.filter((name) => name !== ''),
        check,
      ),
    );
    for (const name of ['a'.repeat(63), 'a'.repeat(64), 'h/../../x', '..', '.a', '-a', 'my vm', 'vm\n'])
      check(name);
    assert.ok(isName('a'.repeat(63)) && !isName('a'.repeat(64)) && !isName(''));
  });

  it('is none where there are two, where it is of no known role, or where it only looks like one', () => {
    for (const names of [
      undefined,
      '',
      'DNS:portkey:controller',
      'URI:portkey:controller, URI:portkey:operator',
      'URI:portkey:root',
      'URI:portkey:relay/a/b',
      'URI:portkey:relay/',
      'URI:https://example.org/portkey:controller',
      'URI:"portkey:controller, x"',
      'URI:portkey:checkpoint/vm-a\0',
    ])
      assert.equal(identityOf(names), undefined, names);
  });
});
