/**
 * One message ↔ the bytes of its payload. docs/hypercalls.md is the reference; both are little-endian throughout.
 */
import { PortkeyError } from '../errors/index.js';
import {
  maxErrorTextBytes,
  maxFrameBytes,
  maxKernelBytes,
  maxMigrationIdBytes,
  maxObjectNameBytes,
  maxRunsPerSend,
  nonceBytes,
} from './limits.js';
import {
  agentNumbers,
  errorNumbers,
  frameTypes,
  type Agent,
  type Message,
  type MessageType,
  type WireErrorCode,
} from './messages.js';
import { PayloadReader, string, u16, u32, u64 } from './payload.js';
import { RunList } from './run-list.js';

/** Throws `invalid-argument` where a value does not fit its field. */
export function encodePayload(message: Message): Buffer {
  switch (message.type) {
    case 'hello':
      return Buffer.concat([
        u64(message.nonceAddress),
        u64(message.memoryBytes),
        u32(message.pageBytes),
        u16(agentNumbers[message.agent]),
        checkedNonce(message.nonce),
        string(message.kernel, maxKernelBytes, 'kernel'),
      ]);
    case 'open':
      return Buffer.concat([
        u32(message.object),
        string(message.migrationId, maxMigrationIdBytes, 'migration id'),
        string(message.name, maxObjectNameBytes, 'object name'),
      ]);
    case 'send':
      return encodeRuns('SEND', message.object, message.runs);
    case 'drop':
      return encodeRuns('DROP', message.object, message.pages);
    case 'close':
      return u32(message.object);
    case 'bye':
      return Buffer.alloc(0);
    case 'hello-ok':
      return Buffer.concat([checkedNonce(message.nonce), u32(message.maxFrameBytes), u32(message.credits)]);
    case 'complete':
      return Buffer.concat([
        u32(message.object),
        u32(message.sequence),
        u64(message.bytes),
        u64(message.starvedUs),
        u32(message.queueDepth),
      ]);
    case 'error':
      return Buffer.concat([
        u16(errorNumbers[message.code]),
        u32(message.object),
        string(shortened(message.text), maxErrorTextBytes, 'text'),
      ]);
  }
}

/** Throws `bad-frame`, naming the message and the field. */
export function decodePayload(type: MessageType, payload: Buffer): Message {
  const reader = new PayloadReader(payload, type.toUpperCase());
  const message = decodeFields(type, reader);
  reader.end();
  return message;
}

function decodeFields(type: MessageType, reader: PayloadReader): Message {
  switch (type) {
    case 'hello':
      return {
        type,
        nonceAddress: reader.u64('nonce address'),
        memoryBytes: reader.u64('memory size'),
        pageBytes: reader.u32('page size'),
        agent: agentOf(reader.u16('agent'), reader),
        nonce: reader.bytes(nonceBytes, 'nonce'),
        kernel: reader.string(maxKernelBytes, 'kernel'),
      };
    case 'open':
      return {
        type,
        object: reader.u32('object'),
        migrationId: reader.string(maxMigrationIdBytes, 'migration id'),
        name: reader.string(maxObjectNameBytes, 'object name'),
      };
    case 'send':
      return { type, object: reader.u32('object'), runs: decodeRuns(reader) };
    case 'drop':
      return { type, object: reader.u32('object'), pages: withoutFrames(decodeRuns(reader), reader) };
    case 'close':
      return { type, object: reader.u32('object') };
    case 'bye':
      return { type };
    case 'hello-ok':
      return {
        type,
        nonce: reader.bytes(nonceBytes, 'nonce'),
        maxFrameBytes: atMost(reader.u32('frame limit'), maxFrameBytes, 'frame limit', reader),
        credits: reader.u32('credits'),
      };
    case 'complete':
      return {
        type,
        object: reader.u32('object'),
        sequence: reader.u32('sequence'),
        bytes: reader.u64('bytes'),
        starvedUs: reader.u64('starved time'),
        queueDepth: reader.u32('queue depth'),
      };
    case 'error':
      return {
        type,
        code: errorCodeOf(reader.u16('code')),
        object: reader.u32('object'),
        text: reader.string(maxErrorTextBytes, 'text'),
      };
  }
}

function encodeRuns(name: string, object: number, runs: RunList): Buffer {
  if (runs.length === 0 || runs.length > maxRunsPerSend) {
    throw new PortkeyError(
      'invalid-argument',
      `a ${name} has 1 to ${maxRunsPerSend} runs, not ${runs.length}`,
    );
  }
  return Buffer.concat([u32(object), u32(runs.length), runs.bytes()]);
}

function withoutFrames(runs: RunList, reader: PayloadReader): RunList {
  for (let index = 0; index < runs.length; index += 1)
    if (runs.pfn(index) !== 0) throw reader.bad(`run ${index} names frame ${runs.pfn(index)}; 0 is allowed`);
  return runs;
}

function decodeRuns(reader: PayloadReader): RunList {
  const count = reader.u32('run count');
  const bytes = reader.rest();
  if (count === 0 || count > maxRunsPerSend)
    throw reader.bad(`${count} runs; 1 to ${maxRunsPerSend} are allowed`);
  const runs = RunList.fromBytes(bytes);
  if (runs.length !== count) throw reader.bad(`${count} runs announced, ${runs.length} there`);
  return runs;
}

export function messageTypeOf(number: number): MessageType | undefined {
  return keyOf(frameTypes, number);
}

function agentOf(number: number, reader: PayloadReader): Agent {
  const agent = keyOf(agentNumbers, number);
  if (agent === undefined) throw reader.bad(`unknown agent ${number}`);
  return agent;
}

/** A code from a newer relay is still an error. */
function errorCodeOf(number: number): WireErrorCode {
  return keyOf(errorNumbers, number) ?? 'internal';
}

function keyOf<K extends string>(numbers: Readonly<Record<K, number>>, wanted: number): K | undefined {
  return (Object.keys(numbers) as K[]).find((key) => numbers[key] === wanted);
}

function atMost(value: number, limit: number, field: string, reader: PayloadReader): number {
  if (value > limit) throw reader.bad(`${field} is ${value}, more than ${limit}`);
  return value;
}

function checkedNonce(nonce: Buffer): Buffer {
  if (nonce.length !== nonceBytes)
    throw new PortkeyError('invalid-argument', `a nonce has ${nonceBytes} bytes, not ${nonce.length}`);
  return nonce;
}

/** An error's text is for people; one that is too long loses its end. */
function shortened(text: string): string {
  const whole = Buffer.from(text)
    .toString()
    .replaceAll(/[\0\ufffd]/g, '?');
  return Buffer.byteLength(whole) <= maxErrorTextBytes
    ? whole
    : whole.slice(0, maxErrorTextBytes / 4).replace(/[\ud800-\udbff]$/, '');
}
