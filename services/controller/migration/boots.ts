/** Which boot of a VM a migration has to do with: what was in it is gone with the next. */

/** Whether a VM that was in boot `before` is in another one `now`. Empty: nobody knows which, and so nothing is gone. */
export function isAnotherBoot(before: string, now: string): boolean {
  return before !== '' && now !== '' && now !== before;
}
