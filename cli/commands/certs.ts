/** `certs DIR`: a CA and certificates for the services of a cluster. */
import { Command } from 'commander';

import { runCommand } from '../../libraries/process/index.js';
import { makeCertificates } from '../../libraries/certificates/index.js';
import type { Cli } from '../cli.js';
import { optionWithDefault, wholeNumber } from '../options.js';

interface CertsOptions {
  readonly vm: string[];
  readonly host: string[];
  readonly days: number;
  readonly renew?: boolean;
}

export function certsCommand(cli: Cli): Command {
  const collect = (value: string, all: string[]): string[] => [...all, value];
  return new Command('certs')
    .description('makes a CA and a certificate for each service, with OpenSSL')
    .argument('<folder>', 'where they go; what is there already stays')
    .option('--vm <name>', 'a VM, for its checkpoint and restore services (can be repeated)', collect, [])
    .option('--host <name>', 'a host, for its relay (can be repeated)', collect, [])
    .addOption(optionWithDefault('--days <n>', 'how long certificates are good', wholeNumber(1, 3650), '365'))
    .option('--renew', 'makes certificates anew, under the same CA')
    .addHelpText(
      'after',
      `
Each service gets its own three files: ca.pem, its certificate and its key. ca.key makes certificates, so whoever has it is
everybody: keep it off the hosts, and in the folder only while more are made.

Example:
  portkey certs /etc/portkey/certs --host host-a --vm vm-a --host host-b --vm vm-b`,
    )
    .action(async (folder: string, { vm, host, days, renew }: CertsOptions) => {
      const options = { folder, vms: vm, hosts: host, days, renew: renew === true };
      const { made, kept } = await makeCertificates(options, runCommand);
      cli.output.result({ folder, made, kept }, () =>
        [
          ...made.map((name) => `made ${folder}/${name}.pem and .key`),
          ...kept.map((name) => `${folder}/${name}.pem was there, and stays`),
        ].join('\n'),
      );
    });
}
