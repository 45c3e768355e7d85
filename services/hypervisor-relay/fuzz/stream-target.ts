/**
 * What a relay that lies sends to a landing, as bytes: streams that were recorded, with bits, fields and pieces of them
 * changed. The rules are those of landing-under-test.ts.
 *
 * Limits: a message more or less is a break in the sequence, so the orders of messages are those of the recorded streams;
 * messages-target.ts has the others.
 */
import { mutate, type Target } from '../../../libraries/fuzzing/index.js';
import { closeBody, fileBody, objectBody, rangesBody } from '../stream/bodies.js';
import { encodeMessage } from '../stream/protocol.js';
import { hostileNames, LandingUnderTest, maxCaseBytes } from './landing-under-test.js';

export function streamTarget(root: string): Target<Buffer> {
  const landing = new LandingUnderTest(root);
  return {
    name: 'stream from another relay',
    seeds: [
      wholeStream(),
      ...hostileNames.map((name) => Buffer.concat([named(name, 1), fileMessage(name, 2)])),
      ...outOfOrder().map((messages) => Buffer.concat(messages)),
    ],
    change: (from, other, random) => mutate(from, other, random).subarray(0, maxCaseBytes),
    run: (bytes) => landing.receive(bytes).outcome,
    print: (bytes) => bytes.toString('hex'),
    rest: () => landing.requireUntouched(),
  };
}

function wholeStream(): Buffer {
  const ranges = [{ page: 3, count: 1 }];
  return Buffer.concat([
    named('pages/1.img', 1),
    Buffer.concat([encodeMessage('batch', 2, rangesBody(1, ranges), 4096), Buffer.alloc(4096, 9)]),
    encodeMessage('zero', 3, rangesBody(1, [{ page: 9, count: 4 }])),
    encodeMessage('drop', 4, rangesBody(1, ranges)),
    encodeMessage('close', 5, closeBody(1)),
    fileMessage('final/inventory.img', 6),
    encodeMessage('end', 7),
  ]);
}

/** Of objects that are not open, or open already. */
function outOfOrder(): Buffer[][] {
  const ranges = [{ page: 1, count: 1 }];
  return [
    [encodeMessage('close', 1, closeBody(9))],
    [encodeMessage('zero', 1, rangesBody(9, ranges))],
    [encodeMessage('drop', 1, rangesBody(9, ranges))],
    [Buffer.concat([encodeMessage('batch', 1, rangesBody(9, ranges), 4096), Buffer.alloc(4096)])],
    [named('a', 1), encodeMessage('object', 2, objectBody(1, 'b'))],
  ];
}

function named(name: string, sequence: number): Buffer {
  return encodeMessage('object', sequence, objectBody(sequence, name));
}

function fileMessage(name: string, sequence: number): Buffer {
  return Buffer.concat([encodeMessage('file', sequence, fileBody(name), 100), Buffer.alloc(100, 5)]);
}
