/**
 * The test bed of compose.yaml, as a user has it: `docker compose` with the files and variables that this machine needs.
 *
 * PORTKEY_DOCKER has the words to call docker with (tests/compose/engine.sh). Where Grafana's image is not there, it is left
 * out, and that is said. Images have been built before (tests/compose/images.sh).
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import { runCommand, type CommandResult } from '../../../libraries/process/index.js';
import { eventually } from '../../support/eventually.js';

export const docker = (process.env.PORTKEY_DOCKER ?? 'docker').split(' ');
export const project = process.env.COMPOSE_PROJECT_NAME ?? 'portkey-test';
const allProfiles = ['--profile', 'cli', '--profile', 'demo'];
const defaultTimeoutMs = 120_000;
const lookMs = 2_000;

export interface ComposeOptions {
  /** Besides compose.yaml. */
  readonly files?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export function runDocker(args: readonly string[], options: ComposeOptions = {}): Promise<CommandResult> {
  const { env = {}, timeoutMs = defaultTimeoutMs } = options;
  return runCommand([...docker, ...args], { timeoutMs, env: { ...process.env, ...env } });
}

/** Throws with what it said where it fails. */
export async function dockerOk(args: readonly string[], options: ComposeOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await runDocker(args, options);
  assert.equal(exitCode, 0, `docker ${args.join(' ')}: ${stderr.slice(-2_000)}`);
  return stdout;
}

export async function compose(args: readonly string[], options: ComposeOptions = {}): Promise<CommandResult> {
  return runDocker(await composeArgs(args, options), options);
}

export async function composeOk(args: readonly string[], options: ComposeOptions = {}): Promise<string> {
  return dockerOk(await composeArgs(args, options), options);
}

async function composeArgs(args: readonly string[], { files = [] }: ComposeOptions): Promise<string[]> {
  const own = (await hasGrafana()) ? [] : ['tests/compose/without-grafana.yaml'];
  return ['compose', ...['compose.yaml', ...own, ...files].flatMap((file) => ['-f', file]), ...args];
}

export async function hasGrafana(): Promise<boolean> {
  const configured = await dockerOk(['compose', 'config', '--images']);
  const image = configured.split('\n').find((name) => name.startsWith('grafana/')) ?? '';
  return (await runDocker(['image', 'inspect', image])).exitCode === 0;
}

/** `docker compose run --rm cli …`; without a terminal, so that output and errors stay apart. */
export async function cli(...args: readonly string[]): Promise<string> {
  return composeOk(['run', '--rm', '-T', 'cli', ...args], { timeoutMs: 240_000 });
}

/** Services may take three minutes to be healthy. */
export function up(options: ComposeOptions = {}): Promise<CommandResult> {
  return compose(['up', '--wait', '--no-build'], { timeoutMs: 240_000, ...options });
}

export async function down(): Promise<void> {
  await composeOk([...allProfiles, 'down', '--volumes', '--remove-orphans'], { timeoutMs: 180_000 });
}

export interface ServiceState {
  readonly service: string;
  readonly state: string;
  readonly health: string;
  readonly id: string;
}

/** Of all containers, also of those that have ended. */
export async function services(): Promise<ServiceState[]> {
  const format = '{{.Label "com.docker.compose.service"}} {{.State}} {{.ID}}';
  const filter = `label=com.docker.compose.project=${project}`;
  const lines = (await dockerOk(['ps', '-a', '--filter', filter, '--format', format])).trim().split('\n');
  return Promise.all(
    lines.filter(Boolean).map(async (line) => {
      const [service = '', state = '', id = ''] = line.split(' ');
      const health = await dockerOk([
        'inspect',
        '-f',
        '{{if .State.Health}}{{.State.Health.Status}}{{end}}',
        id,
      ]);
      return { service, state, id, health: health.trim() };
    }),
  );
}

/** What a service has said, without its name before each line. `since`: seconds. */
export async function logs(service: string, since = 3_600): Promise<string[]> {
  const args = ['logs', '--no-log-prefix', '--no-color', '--since', `${since}s`, service];
  const text = await composeOk(args);
  // Terminal codes that some versions of compose write even so.
  return text
    .split('\n')
    .map((line) => line.replace(/^(?:\x1b\[\d*\w)+/, ''))
    .filter(Boolean);
}

/** Looks at most every two seconds: each look starts programs, and emulated VMs need the processors. */
export function seldom<T>(look: () => Promise<T>): () => Promise<T> {
  return async () => {
    const seen = await look();
    await delay(lookMs);
    return seen;
  };
}

/** Resolves when a service's health check says so. */
export async function untilHealth(
  service: string,
  health: 'healthy' | 'unhealthy',
  limitMs: number,
): Promise<void> {
  const look = async (): Promise<boolean> =>
    (await services()).some((found) => found.service === service && found.health === health);
  await eventually(`${service} is ${health}`, seldom(look), limitMs + lookMs);
}
