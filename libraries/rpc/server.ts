/**
 * A gRPC server made of plain async functions.
 *
 * A handler takes the request (or an async iterable of them) and a context and returns a promise (one answer) or
 * an async iterable (many); what it throws becomes a status in status.ts, and whoever owns the server hears of it.
 * `context.signal` fires when the caller is gone or its deadline has passed. Who calls is checked before its request is read
 * (admission.ts). The server carries gRPC's standard health service. Limits: `stop` waits a while for running calls, then
 * cuts them, because grpc-js's own tryShutdown can wait for ever on an idle connection.
 */
import { unlink } from 'node:fs/promises';

import {
  Server,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';

import { asPortkeyError, PortkeyError } from '../errors/index.js';
import { admission, callerOf } from './admission.js';
import type { Identity } from './identity.js';
import { mostBytesOf } from './message-limit.js';
import type { Answered, MethodName, Received } from './method-types.js';
import { definitionOf, serviceFullName, type ServiceName } from './schema.js';
import { serverCredentials, type Security } from './security.js';
import { toStatus } from './status.js';

export interface CallContext {
  readonly signal: AbortSignal;
  /** Undefined where connections are not secured: it may be anybody. */
  readonly caller: Identity | undefined;
}

/** A call that its handler ended with an error. */
export interface FailedCall {
  /** "Checkpoint.Dump". */
  readonly method: string;
  readonly error: PortkeyError;
}

/** For each method: one answer, or many, from one request or (client streaming) from an iterable of them. */
export type Handlers<S extends ServiceName> = {
  [K in MethodName<S>]: (
    request: Received<S, K> & AsyncIterable<Received<S, K>>,
    context: CallContext,
  ) => Promise<Answered<S, K>> | AsyncIterable<Answered<S, K>>;
};

type OnError = (thrown: unknown) => void;
/** What calls of all kinds have. */
interface Call {
  on(event: 'cancelled', listener: () => void): unknown;
  getAuthContext(): { sslPeerCertificate?: { subjectaltname?: string } };
}
type ContextOf = (call: Call) => CallContext;
type AnyHandler = (request: unknown, context: CallContext) => Promise<object> | AsyncIterable<object>;

/** Those of one connection. A controller has some for each migration that it works on. */
const mostConcurrentCalls = 256;

export class RpcServer {
  private readonly health = new HealthImplementation();
  private readonly implementations = new Map<ServiceName, UntypedServiceImplementation>();
  private server: Server | undefined;

  constructor(
    private readonly security: Security,
    private readonly onFailure: (call: FailedCall) => void = () => undefined,
  ) {
    this.health.setStatus('', 'NOT_SERVING');
  }

  add<S extends ServiceName>(name: S, handlers: Handlers<S>): void {
    const implementation: UntypedServiceImplementation = {};
    for (const [method, definition] of Object.entries(definitionOf(name))) {
      const handler = (handlers as unknown as Record<string, AnyHandler>)[method];
      if (handler === undefined) throw new PortkeyError('internal', `${name} lacks a handler for ${method}`);
      const onError = (thrown: unknown): void =>
        this.onFailure({ method: `${name}.${method}`, error: asPortkeyError(thrown) });
      implementation[method] = handleCall(definition, handler, (call) => this.contextOf(call), onError);
    }
    this.implementations.set(name, implementation);
  }

  /** Binds every address ("host:port" or "unix:/path") and reports healthy. Throws `service-unavailable`. */
  async listen(addresses: readonly string[]): Promise<number[]> {
    const server = (this.server = this.serverOfAll());
    const ports: number[] = [];
    for (const address of addresses) {
      // A socket file left by a crashed run makes bind fail; grpc-js does not remove it.
      if (address.startsWith('unix:')) await unlink(address.slice('unix:'.length)).catch(() => undefined);
      ports.push(await this.bind(server, address));
    }
    this.setServing(true);
    return ports;
  }

  /** Of a part by its own name, for who asks for that; the service as a whole is healthy without it. */
  setPartServing(part: string, serving: boolean): void {
    this.health.setStatus(part, serving ? 'SERVING' : 'NOT_SERVING');
  }

  async stop(graceMs: number): Promise<void> {
    this.setServing(false);
    const { server } = this;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      const cut = setTimeout(() => {
        server.forceShutdown();
        resolve();
      }, graceMs);
      server.tryShutdown(() => {
        clearTimeout(cut);
        resolve();
      });
    });
  }

  private serverOfAll(): Server {
    const names = [...this.implementations.keys()];
    const refused = (method: string, error: PortkeyError): void => this.onFailure({ method, error });
    const server = new Server({
      // What channelz would note of each call, nobody here asks for.
      'grpc.enable_channelz': 0,
      'grpc.max_concurrent_streams': mostConcurrentCalls,
      'grpc.max_receive_message_length': Math.max(...names.map((name) => mostBytesOf(name, 'request'))),
      interceptors: this.security === 'insecure' ? [] : [admission(refused)],
    });
    for (const [name, implementation] of this.implementations)
      server.addService(definitionOf(name), implementation);
    this.health.addToServer(server);
    return server;
  }

  private setServing(serving: boolean): void {
    const state = serving ? 'SERVING' : 'NOT_SERVING';
    for (const name of ['', ...[...this.implementations.keys()].map(serviceFullName)])
      this.health.setStatus(name, state);
  }

  private contextOf(call: Call): CallContext {
    const controller = new AbortController();
    call.on('cancelled', () => controller.abort());
    const { signal } = controller;
    return { signal, caller: this.security === 'insecure' ? undefined : callerOf(call) };
  }

  private bind(server: Server, address: string): Promise<number> {
    return new Promise((resolve, reject) => {
      server.bindAsync(address, serverCredentials(this.security), (error, port) => {
        if (error === null) resolve(port);
        else
          reject(
            new PortkeyError('service-unavailable', `cannot listen on ${address}: ${error.message}`, {
              cause: error,
            }),
          );
      });
    });
  }
}

function handleCall(
  { requestStream, responseStream }: { requestStream: boolean; responseStream: boolean },
  handler: AnyHandler,
  contextOf: ContextOf,
  onError: OnError,
): UntypedHandleCall {
  if (responseStream)
    return requestStream
      ? bidirectional(handler, contextOf, onError)
      : serverStreaming(handler, contextOf, onError);
  return requestStream ? clientStreaming(handler, contextOf, onError) : unary(handler, contextOf, onError);
}

function unary(handler: AnyHandler, contextOf: ContextOf, onError: OnError) {
  return (call: ServerUnaryCall<unknown, object>, answer: sendUnaryData<object>): void => {
    answerOnce(() => handler(call.request, contextOf(call)), answer, onError);
  };
}

function clientStreaming(handler: AnyHandler, contextOf: ContextOf, onError: OnError) {
  return (call: ServerReadableStream<unknown, object>, answer: sendUnaryData<object>): void => {
    answerOnce(() => handler(call, contextOf(call)), answer, onError);
  };
}

/** What the handler throws at once and what it throws later go the same way. */
function answerOnce(
  start: () => Promise<object> | AsyncIterable<object>,
  answer: sendUnaryData<object>,
  onError: OnError,
): void {
  const run = async (): Promise<object> => {
    const result = start();
    if (!(result instanceof Promise))
      throw new PortkeyError('internal', 'a handler with one answer returned a stream');
    return result;
  };
  run().then(
    (value) => answer(null, value),
    (error: unknown) => {
      onError(error);
      answer(toStatus(error));
    },
  );
}

function serverStreaming(handler: AnyHandler, contextOf: ContextOf, onError: OnError) {
  return (call: ServerWritableStream<unknown, object>): void => {
    answerMany(call, contextOf, (context) => handler(call.request, context), onError);
  };
}

function bidirectional(handler: AnyHandler, contextOf: ContextOf, onError: OnError) {
  return (call: ServerDuplexStream<unknown, object>): void => {
    // The default iterator destroys the stream when a handler stops reading, and with it the answers.
    const requests = { [Symbol.asyncIterator]: () => call.iterator({ destroyOnReturn: false }) };
    answerMany(call, contextOf, (context) => handler(requests, context), onError);
  };
}

function answerMany(
  call: ServerWritableStream<unknown, object> | ServerDuplexStream<unknown, object>,
  contextOf: ContextOf,
  start: (context: CallContext) => Promise<object> | AsyncIterable<object>,
  onError: OnError,
): void {
  const sendAll = async (): Promise<void> => {
    const context = contextOf(call);
    const messages = start(context);
    if (messages instanceof Promise)
      throw new PortkeyError('internal', 'a streaming handler returned a promise');
    for await (const message of messages) {
      if (context.signal.aborted) return;
      if (!call.write(message))
        await new Promise((resolve) => call.once('drain', resolve).once('cancelled', resolve));
    }
    call.end();
  };
  sendAll().catch((error: unknown) => {
    onError(error);
    call.emit('error', toStatus(error));
  });
}
