/** A service that keeps something of each migration is found, and one whose heap goes up and down is not. */
import assert from 'node:assert/strict';

import { growthOf, verdictOn, type Verdict } from '../faults/memory.js';

const mebibyte = 2 ** 20;

/** What is said of a service that holds so much after each migration. */
function verdict(migrations: number, bytesAfter: (index: number) => number): Verdict {
  const samples = Array.from({ length: migrations }, (_, index) => [
    { service: 'relay', pid: 7, bytes: bytesAfter(index) },
  ]);
  const [growth] = growthOf(samples);
  assert.ok(growth);
  return verdictOn(growth);
}

/** Up and down by 5 MiB, without a trend. */
const breath = (index: number): number => 60 * mebibyte + 5 * mebibyte * Math.sin(index * 2.4);

describe('the memory of services through many migrations', () => {
  it('is flat where a heap breathes, and where it has found its size in the first half', () => {
    assert.equal(verdict(30, breath), 'flat');
    assert.equal(verdict(100, breath), 'flat');
    assert.equal(
      verdict(60, (index) => breath(index) + Math.min(index, 25) * 4 * mebibyte),
      'flat',
    );
  });

  it('grows where each migration leaves a MiB, however little that is in all', () => {
    assert.equal(
      verdict(30, (index) => breath(index) + index * mebibyte),
      'grows',
    );
    assert.equal(
      verdict(100, (index) => breath(index) + index * 0.7 * mebibyte),
      'grows',
    );
  });

  it('grows where much has been added at once, in a short life too', () => {
    assert.equal(
      verdict(8, (index) => breath(index) + (index === 7 ? 40 * mebibyte : 0)),
      'grows',
    );
  });

  it('is not judged by a few migrations', () => {
    assert.equal(verdict(29, breath), 'too short a life to tell');
  });

  it('is that of the longest life of each service', () => {
    const life = (service: string, pid: number, bytes: number) => [{ service, pid, bytes }];
    const samples = [life('relay', 1, 5), life('relay', 2, 10), life('relay', 2, 30), life('redis', 3, 1)];
    assert.deepEqual(growthOf(samples), [
      { service: 'relay', migrations: 2, middleBytes: 30, endBytes: 30, bytesPerMigration: 0 },
      { service: 'redis', migrations: 1, middleBytes: 1, endBytes: 1, bytesPerMigration: 0 },
    ]);
  });
});
