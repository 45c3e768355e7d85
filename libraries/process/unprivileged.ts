/** Starts a program without any capability, and with no way to one: setpriv(1), put before its argv. Root only. */
export const unprivileged: readonly string[] = [
  'setpriv',
  '--bounding-set=-all',
  '--inh-caps=-all',
  '--no-new-privs',
];
