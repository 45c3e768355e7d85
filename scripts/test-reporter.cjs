// Mocha's own output, then why each skipped test was skipped, then one line: "N passed, N failed". A run in which no
// test passed is a failure, even if none failed.
//
// TEST_SUMMARY names a file to which the last line is added, for a caller that has more to say before it.
//
// A test that skips itself has its reason in its title (tests/support/skip.ts).
const { appendFileSync } = require('node:fs');

const { reporters, Runner } = require('mocha');

module.exports = class extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const skipped = [];
    runner.on(Runner.constants.EVENT_TEST_PENDING, (test) => skipped.push(test.fullTitle()));
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      for (const title of skipped) console.log(`skipped: ${title}`);
      const summary = `${this.stats.passes} passed, ${this.stats.failures} failed`;
      const file = process.env.TEST_SUMMARY;
      if (file === undefined) console.log(summary);
      else appendFileSync(file, `${summary}\n`);
    });
  }

  // Mocha hands the number of failures on to its exit code through here.
  done(failures, finish) {
    finish(this.stats.passes === 0 ? Math.max(1, failures) : failures);
  }
};
