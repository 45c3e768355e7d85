/**
 * Copies a file or a folder with all its modes, owners and links between this machine and a guest, or two guests.
 *
 * One side packs with tar, the other unpacks, both by the same scripts wherever they run. As with cp -a: into the
 * destination if that is a folder, else under its name; its parent must exist. It is unpacked beside its place and
 * moved there, so that a copy which broke off leaves nothing under the final name.
 */
import { spawn } from 'node:child_process';
import { PassThrough, Writable, type Readable } from 'node:stream';

import { PortkeyError } from '../libraries/errors/index.js';
import { execInGuest } from './exec.js';
import type { VmPlace } from './topology.js';

export interface CopyEnd {
  /** Undefined: this machine. */
  readonly vm?: VmPlace | undefined;
  readonly path: string;
}

/** $1: the path to pack. */
const packScript = `
  [ -e "$1" ] || [ -L "$1" ] || { echo "$1: no such file or folder" >&2; exit 1; }
  exec tar -C "$(dirname -- "$1")" --numeric-owner -cf - -- "$(basename -- "$1")"`;

/** $1: the destination; $2: the source's base name. */
const unpackScript = `
  target=$1
  if [ -d "$target" ]; then target=\${target%/}/$2; fi
  parent=$(dirname -- "$target")
  [ -d "$parent" ] || { echo "$parent: no such folder" >&2; exit 1; }
  [ ! -d "$target" ] || { echo "$target: this folder is there already" >&2; exit 1; }
  work=$(mktemp -d -- "$parent/.portkey-cp.XXXXXX") || exit 1
  trap 'rm -rf -- "$work"' EXIT
  tar -C "$work" --numeric-owner -xpf - && mv -T -- "$work/$2" "$target"`;

/** Throws `command-failed` with what the failing side said. */
export async function copy(from: CopyEnd, to: CopyEnd, signal: AbortSignal): Promise<void> {
  const name = from.path.replace(/\/+$/, '').split('/').at(-1) ?? '';
  if (['', '.', '..'].includes(name))
    throw new PortkeyError('invalid-argument', `'${from.path}' has no name of its own to copy under`);
  const pipe = new PassThrough();
  const results = await Promise.all([
    runScript(from, packScript, [from.path], { stdout: pipe, signal }).finally(() => pipe.end()),
    runScript(to, unpackScript, [to.path, name], { stdin: pipe, signal }).finally(() => pipe.resume()),
  ]);
  const failure = results.find((message) => message !== undefined);
  if (failure !== undefined)
    throw new PortkeyError('command-failed', `cannot copy ${nameOf(from)} to ${nameOf(to)}: ${failure}`);
}

function nameOf({ vm, path }: CopyEnd): string {
  return vm === undefined ? path : `${vm.name}:${path}`;
}

interface Streams {
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  readonly signal: AbortSignal;
}

/** Resolves with the last line of stderr where the script failed. */
async function runScript(
  { vm }: CopyEnd,
  script: string,
  args: readonly string[],
  { stdin, stdout, signal }: Streams,
): Promise<string | undefined> {
  let complaints = '';
  const stderr = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      complaints += chunk.toString();
      done();
    },
  });
  const command = ['sh', '-c', script, 'sh', ...args];
  const streams = { stdout: stdout ?? nowhere(), stderr, signal, ...(stdin === undefined ? {} : { stdin }) };
  const exitCode =
    vm === undefined ? await runHere(command, streams) : await execInGuest(vm, command, streams);
  if (exitCode === 0) return undefined;
  return complaints.trim().split('\n').at(-1) ?? `exit code ${exitCode}`;
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

interface AllStreams {
  readonly stdin?: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly signal: AbortSignal;
}

function runHere(command: readonly string[], streams: AllStreams): Promise<number> {
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'pipe', signal: streams.signal });
    child.stdin.on('error', () => {
      /* the script may end without reading its input */
    });
    if (streams.stdin === undefined) child.stdin.end();
    else streams.stdin.pipe(child.stdin);
    child.stdout.pipe(streams.stdout, { end: false });
    child.stderr.pipe(streams.stderr, { end: false });
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}
