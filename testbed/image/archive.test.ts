import assert from 'node:assert/strict';

import { findMirror, privateAptOptions } from './archive.js';

describe('private apt', () => {
  const uris = [
    "'https://mirror.example/packages/dists/stable-tools/InRelease' mirror.example_stable-tools 0 ",
    "'http://mirror.example/debian-security/dists/bookworm-security/InRelease' mirror.example_security 0 ",
    "'http://mirror.example/debian/dists/bookworm/InRelease' mirror.example_bookworm 0 ",
    "'http://mirror.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' mirror.example_main 0 ",
  ].join('\n');

  it("finds the archive that serves the host's own suite", () => {
    assert.equal(findMirror(uris, ['trixie', 'bookworm']), 'http://mirror.example/debian');
  });

  it('does not take another archive for it', () => {
    assert.equal(findMirror(uris, ['trixie']), undefined);
  });

  it("keeps away from the host's lists, sources and status", () => {
    const options = privateAptOptions('/work').join(' ');
    for (const name of ['Dir::State', 'Dir::State::status', 'Dir::State::lists', 'Dir::Etc::sourcelist'])
      assert.match(options, new RegExp(`-o ${name}=/work`));
    assert.match(options, /-o Dir::Etc::sourceparts=\/dev\/null/);
  });
});
