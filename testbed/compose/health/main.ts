/**
 * Whether services serve, by gRPC's health check: node health.mjs FOLDER ROLE[/NAME] ROLE[/NAME]@ADDRESS[#PART] …
 *
 * FOLDER has the certificate by which the second argument speaks; a service's container asks as the service itself. Exit code 0
 * where all serve, 1 otherwise, with the names of those that do not, and why. `docker inspect` shows the last lines.
 */
import { filesOf } from '../../../libraries/certificates/index.js';
import { PortkeyError } from '../../../libraries/errors/index.js';
import { HealthProbe, readSecurity, roles, type Identity } from '../../../libraries/rpc/index.js';
import { runProgram } from '../command.js';

const deadlineMs = 4_000;

await runProgram('health', async () => {
  const [folder = '', asker = '', ...targets] = process.argv.slice(2);
  const security = readSecurity(filesOf(folder, identityNamed(asker)));
  const answers = await Promise.all(
    targets.map(async (target) => {
      const [identity = '', place = ''] = target.split('@');
      const [address = '', part = ''] = place.split('#');
      const probe = new HealthProbe(address, security, identityNamed(identity), part);
      const isServing = await probe.isServing(deadlineMs);
      probe.close();
      return { name: part === '' ? identity : `${identity}'s ${part}`, isServing, problem: probe.problem };
    }),
  );
  const silent = answers
    .filter((answer) => !answer.isServing)
    .map(({ name, problem }) => `${name} (${problem})`);
  if (silent.length > 0) throw new PortkeyError('service-unavailable', `not serving: ${silent.join(', ')}`);
  console.log(`serving: ${answers.map(({ name }) => name).join(', ')}`);
});

/** "relay/host-a". */
function identityNamed(text: string): Identity {
  const [name = '', ...rest] = text.split('/');
  const role = roles.find((known) => known === name);
  if (role === undefined)
    throw new PortkeyError('invalid-argument', `'${name}' is none of the roles ${roles.join(', ')}`);
  return { role, name: rest.join('/') };
}
