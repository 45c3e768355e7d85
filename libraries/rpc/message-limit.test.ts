import assert from 'node:assert/strict';

import type { ServiceName } from './schema.js';
import { definitionOf } from './schema.js';

function method(service: ServiceName, name: string) {
  const found = definitionOf(service)[name];
  assert.ok(found !== undefined);
  return found;
}

/** A field of length 0, again and again: two bytes each, and each an object once it is decoded. */
const emptyFields = (number: number, count: number): Buffer =>
  Buffer.alloc(2 * count).fill(Buffer.from([(number << 3) | 2, 0]));

describe('the limit of a message', () => {
  it('is 1 MiB, whichever way it goes', () => {
    const { responseDeserialize } = method('Containers', 'List');
    const { requestDeserialize } = method('Restore', 'Prepare');
    const containers = responseDeserialize(emptyFields(1, 2 ** 19)) as unknown as { containers: object[] };
    assert.equal(containers.containers.length, 2 ** 19);
    assert.throws(() => responseDeserialize(emptyFields(1, 2 ** 19 + 1)), {
      message: 'an answer of Containers.List has 1048578 bytes, and may have 1048576',
    });
    assert.throws(
      () => requestDeserialize(emptyFields(1, 2 ** 19 + 1)),
      /^Error: a request for Restore\.Prepare/,
    );
  });

  it('is 16 MiB for what lists pages, of which not everything may be an object of its own', () => {
    const { responseDeserialize } = method('Restore', 'DigestPages');
    const regions = responseDeserialize(emptyFields(2, 2 ** 20)) as unknown as { regions: object[] };
    assert.equal(regions.regions.length, 2 ** 20);
    assert.throws(() => responseDeserialize(emptyFields(2, 2 ** 20 + 1)), /more than 1048576 elements/);
    assert.throws(() => responseDeserialize(Buffer.alloc(2 ** 24 + 1)), /has 16777217 bytes/);
    // One task with as many runs as fit: packed numbers of one byte each.
    const head = Buffer.from([0x0a, 0xf5, 0xff, 0xff, 0x07, 0x12, 0xf0, 0xff, 0xff, 0x07]);
    const list = Buffer.concat([head, Buffer.alloc(0xfffff0, 1)]);
    const { tasks } = method('Restore', 'ListPages').responseDeserialize(list) as unknown as {
      tasks: { runs: number[] }[];
    };
    assert.equal(tasks[0]?.runs.length, 0xfffff0);
  });

  it('refuses a number that is none, wherever it is', () => {
    const { responseSerialize, responseDeserialize } = method('Checkpoint', 'Round');
    const decoded = (seconds: number): object =>
      responseDeserialize(responseSerialize({ result: { seconds, cpu: { scanSeconds: 1 } } })) as object;
    assert.ok('result' in decoded(1.5));
    for (const seconds of [NaN, Infinity, -Infinity])
      assert.throws(() => decoded(seconds), {
        message: `an answer of Checkpoint.Round has ${seconds} for a number`,
      });
  });

  it('refuses what is no message', () => {
    const { responseDeserialize } = method('Containers', 'List');
    for (const bytes of [[0x0a, 5, 1], [0x0b], [0xff]])
      assert.throws(() => responseDeserialize(Buffer.from(bytes)), bytes.join());
  });
});
