/**
 * Skips the running test (or, in a `before` hook, its whole suite) and says why: a skipped test without a reason is
 * one that nobody knows to be missing.
 */
export function skip(context: Mocha.Context, reason: string): never {
  const runnable = context.test;
  const isHook = runnable !== undefined && 'type' in runnable && runnable.type === 'hook';
  const titled = isHook ? runnable.parent : runnable;
  if (titled !== undefined) titled.title += ` (${reason})`;
  return context.skip();
}
