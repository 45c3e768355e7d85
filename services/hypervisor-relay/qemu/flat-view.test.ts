import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { RamMap } from '../ram/ram-map.js';
import { sectionsOf } from './flat-view.js';

/** Printed by QEMU 7.2.22, -machine q35,memory-backend=ram0 with 3 GiB. */
const q35 = readFileSync('services/hypervisor-relay/fixtures/info-mtree-q35-3g.txt', 'utf8');
const GiB = 2 ** 30;

describe('the flat view of a q35 machine with 3 GiB', () => {
  const sections = sectionsOf(q35, 'ram0');

  it('has the RAM in two halves, with the hole of the ROMs', () => {
    assert.deepEqual(sections, [
      { guestAddress: 0, byteLength: 0xc0000, fileOffset: 0 },
      { guestAddress: 0x100000, byteLength: 2 * GiB - 0x100000, fileOffset: 0x100000 },
      { guestAddress: 4 * GiB, byteLength: GiB, fileOffset: 2 * GiB },
    ]);
    const map = new RamMap(sections);
    assert.equal(map.fileBytes, 3 * GiB);
    assert.equal(map.ramBytes, 3 * GiB - 0x40000);
  });

  it('is read whatever ends its lines, and with an accelerator named at their end', () => {
    const windows = q35.replaceAll('\n', '\r\n');
    assert.deepEqual(sectionsOf(windows, 'ram0'), sections);
    const kvm = q35.replaceAll(/(ram0(?: @[0-9a-f]+)?)$/gm, '$1 KVM');
    assert.notEqual(kvm, q35);
    assert.deepEqual(sectionsOf(kvm, 'ram0'), sections);
  });

  it('takes neither ROMs, nor other views, nor regions of other names', () => {
    assert.deepEqual(sectionsOf(q35, 'pc.rom'), []);
    assert.deepEqual(sectionsOf(q35, 'ram'), []);
    assert.deepEqual(
      sectionsOf(q35.replace('Root memory region: system', 'Root memory region: other'), 'ram0'),
      [],
    );
  });
});
