/** What services outside the VMs count, asked for where they can be reached: in the outside network namespace. */
import { runChecked, runCommand } from '../../../libraries/process/index.js';
import { outsideNamespace } from '../../../testbed/index.js';

const fetchText = `
fetch(process.argv[1]).then((answer) => answer.text()).then((text) => process.stdout.write(text));
`;

/** One metric without labels, of the service whose metrics are at `address`. */
export async function metric(address: string, name: string): Promise<number> {
  // prettier-ignore
  const text = await runChecked(runCommand, ['ip', 'netns', 'exec', outsideNamespace,
                                             process.execPath, '-e', fetchText, `http://${address}/metrics`]);
  const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(text) ?? [];
  if (value === undefined) throw new Error(`no ${name} among the metrics at ${address}`);
  return Number(value);
}
