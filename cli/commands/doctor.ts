/** `doctor`: what works on this machine and in the cluster, and how to mend what does not. */
import { Command } from 'commander';

import { asPortkeyError } from '../../libraries/errors/index.js';
import type { Cli } from '../cli.js';
import { checkLines, type Check } from '../doctor/check.js';
import { clusterChecks, controllerCheck } from '../doctor/cluster-checks.js';
import { hostChecks, thisMachine } from '../doctor/host-checks.js';

export function doctorCommand(cli: Cli): Command {
  return new Command('doctor')
    .description('checks the machine and the cluster; says what fails and how to mend it')
    .addHelpText('after', '\nExit code 1 if something needed does not work.')
    .action(async () => {
      const cluster = await checkCluster(cli);
      const host = await hostChecks(thisMachine(cli.env), {
        testbedIsUp: cluster !== undefined,
        controllerIsNamed: cli.namedController() !== undefined,
      });
      const checks = [...host, ...(cluster ?? [])];
      const healthy = checks.every(({ state }) => state !== 'failed');
      cli.output.result({ ok: healthy, checks }, () =>
        cluster === undefined
          ? `${checkLines(checks)}\n\nNo test bed is up, so the VMs were not checked.`
          : checkLines(checks),
      );
      if (!healthy) cli.exitCode = 1;
    });
}

/** undefined where no controller is known. */
async function checkCluster(cli: Cli): Promise<Check[] | undefined> {
  try {
    using controller = await cli.connect();
    const cluster = await controller.cluster();
    return [...clusterChecks(cluster, controller.address), ...(await checkOthers(cli, controller.address))];
  } catch (thrown) {
    const error = asPortkeyError(thrown);
    if (error.code === 'testbed-down') return undefined;
    if (error.exitCode === 2) throw error;
    const fix =
      cli.namedController() === undefined
        ? "'portkey testbed down', then 'portkey testbed up'"
        : 'start it, or check the address';
    return [{ area: 'cluster', name: 'controller', state: 'failed', detail: error.message, fix }];
  }
}

/** The controllers besides the one that was asked about the cluster. */
async function checkOthers(cli: Cli, asked: string): Promise<Check[]> {
  const others = (await cli.controllers()).filter((address) => address !== asked);
  return Promise.all(
    others.map(async (address): Promise<Check> => {
      try {
        using controller = await cli.connect(address);
        return controllerCheck(await controller.cluster(), address);
      } catch (thrown) {
        const detail = `${asPortkeyError(thrown).message}; the others work without it`;
        const fix =
          cli.namedController() === undefined
            ? "'portkey testbed status' names it, 'portkey testbed restart' starts it again"
            : 'start it, or leave its address out';
        return { area: 'cluster', name: 'controller', state: 'failed', detail, fix };
      }
    }),
  );
}
