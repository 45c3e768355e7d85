import assert from 'node:assert/strict';

import fc from 'fast-check';

import { PortkeyError } from '../../../libraries/errors/index.js';
import { SendsInFlight } from './sends-in-flight.js';

describe('SENDs in flight over several streams', () => {
  it('land in their order, each once and when its last part has, or fail once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 16 }),
        fc.infiniteStream(fc.nat()),
        fc.nat(40),
        (partCounts, chance, landings) => {
          const sends = new SendsInFlight();
          const told: string[] = [];
          const left = new Map<number, number>();
          partCounts.forEach((parts, index) => {
            const ticket = sends.add(parts, {
              onLanded: ({ bytes, starvedUs, queueDepth }) => {
                assert.equal(left.get(ticket), 0);
                assert.deepEqual([bytes, starvedUs, queueDepth], [parts * 10, parts, 7]);
                told.push(`${index} landed`);
              },
              onFailure: () => told.push(`${index} failed`),
            });
            left.set(ticket, parts);
          });
          for (let landing = 0; landing < landings; landing += 1) {
            const open = [...left].filter(([, parts]) => parts > 0);
            const [ticket, parts] = open[(chance.next().value ?? 0) % open.length] ?? [0, 0];
            if (ticket === 0) break;
            left.set(ticket, parts - 1);
            sends.landed(ticket, { bytes: 10, starvedUs: 1, queueDepth: parts === 1 ? 7 : 0 });
          }
          const whole = [...left.values()];
          const firstOpen = whole.findIndex((parts) => parts > 0);
          const landed = firstOpen < 0 ? whole.length : firstOpen;
          assert.deepEqual(
            told,
            whole.slice(0, landed).map((_, index) => `${index} landed`),
          );
          sends.failAll(new PortkeyError('stream-broken', 'cut'));
          sends.failAll(new PortkeyError('stream-broken', 'cut again'));
          for (const [ticket] of left) sends.landed(ticket, { bytes: 10, starvedUs: 1, queueDepth: 0 });
          assert.deepEqual(
            told,
            whole.map((_, index) => (index < landed ? `${index} landed` : `${index} failed`)),
          );
        },
      ),
    );
  });
});
