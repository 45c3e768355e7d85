/**
 * Ends CRIU's connection to its page server, so that a dump whose destination is gone fails now and not when TCP's
 * patience ends.
 *
 * Goal: a rollback that does not wait for a dead VM. CRIU at work in a container's tasks must not be killed, it would
 * leave its parasite there; but it waits in a send for a quarter of an hour, and for the server's last answer for
 * ever. An error of its socket makes it fail by itself: it cures the tasks and ends.
 * How: `ss --kill` has the kernel abort this one connection (CONFIG_INET_DIAG_DESTROY, which Debian's kernels have).
 * Where the kernel does not, a rule of the packet filter answers what CRIU sends with a TCP reset until it is over.
 * It is looked for again and again, because CRIU may not have connected yet.
 * Limits: the rule works when CRIU next sends something, which TCP does again by itself only every two minutes in
 * the end, and not while it waits for an answer. A rule of an agent that was killed meanwhile stays.
 */
import type { Clock, RunCommand } from '../../libraries/process/index.js';
import type { PageServer } from '../../libraries/rpc/index.js';

export interface CutParts {
  readonly run: RunCommand;
  readonly clock: Clock;
}

const lookMs = 200;
const commandMs = 10_000;

/** Waits for `work`, and until it has settled cuts each connection to what `pageServer` names. Fails only as `work` does. */
export async function cutWhile<T>(
  parts: CutParts,
  pageServer: () => PageServer | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const cutting = cutUntil(parts, pageServer, over.signal);
  try {
    return await work();
  } finally {
    over.abort();
    await cutting;
  }
}

async function cutUntil(
  { run, clock }: CutParts,
  pageServer: () => PageServer | undefined,
  over: AbortSignal,
): Promise<void> {
  const rules = new Map<string, readonly string[]>();
  const output = (argv: readonly string[]): Promise<string> =>
    run(argv, { timeoutMs: commandMs }).then(
      ({ stdout }) => stdout.trim(),
      () => '',
    );
  while (!over.aborted) {
    const server = await Promise.resolve()
      .then(pageServer)
      .catch(() => undefined);
    if (server !== undefined) {
      const { address, port } = server;
      const connection = ['dst', address, 'dport', '=', String(port)];
      // Prints what it could end; what the kernel cannot end it leaves out.
      const killed = await output(['ss', '-Htn', '--kill', ...connection]);
      const key = connection.join(' ');
      if (killed === '' && !rules.has(key) && (await output(['ss', '-Htn', ...connection])) !== '') {
        const rule = ['OUTPUT', '--destination', address, '--protocol', 'tcp', '--dport', String(port),
          '--jump', 'REJECT', '--reject-with', 'tcp-reset']; // prettier-ignore
        rules.set(key, rule);
        await output(['iptables', '--wait', '--insert', ...rule]);
      }
    }
    await clock.sleep(lookMs, over).catch(() => undefined);
  }
  for (const rule of rules.values()) await output(['iptables', '--wait', '--delete', ...rule]);
}
