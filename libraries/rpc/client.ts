/**
 * A typed gRPC client with promises: every call has a deadline, every failure is a PortkeyError.
 *
 * One client owns one channel at a time; `close` frees it. A channel reconnects by itself after its peer restarted, with a
 * back-off of at most a second, so that a restarted service is found again soon; one whose attempt to connect hangs is replaced
 * (connection.ts). A peer that hangs, or that a cut separates
 * from here, is noticed by pings while a call waits: the call fails then, long before the deadline of a step that may take
 * minutes. One whose host was started anew says nothing while no call waits: the next call finds the connection dead, and fails
 * at once. So questions, which change nothing, are put again then (`ask`).
 */
import { Client, Metadata, type ServiceDefinition } from '@grpc/grpc-js';

import { asPortkeyError, PortkeyError } from '../errors/index.js';
import { Connection } from './connection.js';
import type { Identity } from './identity.js';
import { mostBytesOf } from './message-limit.js';
import type { MethodName, Result, Sent } from './method-types.js';
import { definitionOf, type ServiceName } from './schema.js';
import { clientCredentials, clientTlsOptions, type Security } from './security.js';
import { fromStatus } from './status.js';

/** A ping goes out after this much silence, and must be answered within as much: twice this until a dead peer is noticed. */
const keepaliveMs = 8_000;
/** A question that failed before this met a connection that was dead, or nobody who listens. */
const atOnceMs = 2_000;

export interface CallOptions {
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Wait for a peer that is not up yet, within the deadline. */
  readonly waitForReady?: boolean;
}

export class RpcClient<S extends ServiceName> {
  private readonly connection: Connection;
  private readonly definition: ServiceDefinition;

  /** `peer` is how errors name the other side; `address` is host:port or unix:/path, where `expected` must answer. */
  constructor(
    service: S,
    readonly address: string,
    readonly peer: string,
    security: Security,
    expected: Identity,
  ) {
    this.definition = definitionOf(service);
    const options = {
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
      ...clientTlsOptions,
      'grpc.enable_http_proxy': 0,
      'grpc.enable_channelz': 0,
      'grpc.keepalive_time_ms': keepaliveMs,
      'grpc.keepalive_timeout_ms': keepaliveMs,
      'grpc.max_receive_message_length': mostBytesOf(service, 'answer'),
      'grpc.use_local_subchannel_pool': 1,
    };
    this.connection = new Connection(
      () => new Client(address, clientCredentials(security, expected), options),
    );
  }

  /** A call with one answer. */
  call<K extends MethodName<S>>(method: K, request: Sent<S, K>, options: CallOptions): Promise<Result<S, K>> {
    const { path, requestSerialize, responseDeserialize } = this.method(method);
    return new Promise((resolve, reject) => {
      const call = this.connection.current.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        this.metadata(options),
        { deadline: Date.now() + options.deadlineMs },
        (error, answer) => {
          watch.end();
          if (error) reject(watch.failure(error));
          else resolve(answer as Result<S, K>);
        },
      );
      const watch = this.watch(call, options);
    });
  }

  /** A call that changes nothing: it is made once more where the connection turns out to be dead. */
  async ask<K extends MethodName<S>>(
    method: K,
    request: Sent<S, K>,
    options: CallOptions,
  ): Promise<Result<S, K>> {
    const startMs = Date.now();
    try {
      return await this.call(method, request, options);
    } catch (error) {
      const tookMs = Date.now() - startMs;
      const isDead = asPortkeyError(error).code === 'service-unavailable' && tookMs < atOnceMs;
      if (!isDead || options.signal?.aborted === true) throw error;
      return this.call(method, request, { ...options, deadlineMs: options.deadlineMs - tookMs });
    }
  }

  /** A call whose answers arrive one after another; leaving the loop early cancels it. */
  async *stream<K extends MethodName<S>>(
    method: K,
    request: Sent<S, K>,
    options: CallOptions,
  ): AsyncGenerator<Result<S, K>> {
    const { path, requestSerialize, responseDeserialize } = this.method(method);
    const call = this.connection.current.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      this.metadata(options),
      { deadline: Date.now() + options.deadlineMs },
    );
    const watch = this.watch(call, options);
    try {
      for await (const message of call) yield message as Result<S, K>;
    } catch (error) {
      throw watch.failure(error);
    } finally {
      watch.end();
      call.cancel();
    }
  }

  /** A call that sends many messages and gets one answer; the receiver's pace holds the sender back. */
  async upload<K extends MethodName<S>>(
    method: K,
    messages: AsyncIterable<Sent<S, K>>,
    options: CallOptions,
  ): Promise<Result<S, K>> {
    const { path, requestSerialize, responseDeserialize } = this.method(method);
    let settle: { resolve: (value: Result<S, K>) => void; reject: (error: unknown) => void } | undefined;
    const answer = new Promise<Result<S, K>>((resolve, reject) => (settle = { resolve, reject }));
    const call = this.connection.current.makeClientStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      this.metadata(options),
      { deadline: Date.now() + options.deadlineMs },
      (error, value) => {
        if (error) settle?.reject(watch.failure(error));
        else settle?.resolve(value as Result<S, K>);
      },
    );
    const watch = this.watch(call, options);
    const sendAll = async (): Promise<void> => {
      for await (const message of messages) {
        if (!call.write(message))
          await Promise.race([new Promise((resolve) => call.once('drain', resolve)), answer]);
      }
      call.end();
    };
    try {
      await Promise.race([sendAll(), answer]);
      return await answer;
    } finally {
      watch.end();
      call.cancel();
    }
  }

  /**
   * Messages both ways at once; leaving the loop early cancels the call. When the answers end, the source of
   * messages is asked to return, but one that is still waiting for its next message is not waited for.
   */
  async *exchange<K extends MethodName<S>>(
    method: K,
    messages: AsyncIterable<Sent<S, K>>,
    options: CallOptions,
  ): AsyncGenerator<Result<S, K>> {
    const { path, requestSerialize, responseDeserialize } = this.method(method);
    const call = this.connection.current.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      this.metadata(options),
      { deadline: Date.now() + options.deadlineMs },
    );
    const watch = this.watch(call, options);
    const source = messages[Symbol.asyncIterator]();
    let sendError: unknown;
    const sendAll = async (): Promise<void> => {
      for (let next = await source.next(); next.done !== true; next = await source.next()) {
        if (call.closed || call.destroyed) return;
        if (!call.write(next.value))
          await new Promise((resolve) => call.once('drain', resolve).once('close', resolve));
      }
      call.end();
    };
    sendAll().catch((error: unknown) => {
      sendError = error;
      call.cancel();
    });
    try {
      for await (const message of call) yield message as Result<S, K>;
    } catch (error) {
      throw sendError === undefined ? watch.failure(error) : asPortkeyError(sendError);
    } finally {
      watch.end();
      call.cancel();
      source.return?.().catch(() => undefined);
    }
  }

  close(): void {
    this.connection.close();
  }

  /** Cancels `call` when its signal fires, or its connection does not come about. To be ended with the call. */
  private watch(call: { cancel(): void }, { signal, waitForReady }: CallOptions): Watch {
    let hangs = false;
    const unlink = onAbort(signal, () => call.cancel());
    const unwatch =
      waitForReady === true
        ? () => undefined
        : this.connection.watch(() => {
            hangs = true;
            call.cancel();
          });
    return {
      failure: (error) => (hangs ? unreachable(this.peer, error) : fromStatus(error, this.peer)),
      end: () => {
        unlink();
        unwatch();
      },
    };
  }

  private method(name: string): ServiceDefinition[string] {
    const method = this.definition[name];
    if (method === undefined) throw new PortkeyError('internal', `${this.peer} has no method ${name}`);
    return method;
  }

  private metadata(options: CallOptions): Metadata {
    return new Metadata({ waitForReady: options.waitForReady ?? false });
  }
}

interface Watch {
  /** What the call's error means. */
  readonly failure: (error: unknown) => PortkeyError;
  readonly end: () => void;
}

function unreachable(peer: string, cause: unknown): PortkeyError {
  const message = `${peer} does not answer: no connection to it comes about; is it running, and reachable?`;
  return new PortkeyError('service-unavailable', message, { cause });
}

/** Runs `act` when the signal fires; the returned function takes that back. */
function onAbort(signal: AbortSignal | undefined, act: () => void): () => void {
  if (signal === undefined) return () => undefined;
  if (signal.aborted) act();
  signal.addEventListener('abort', act, { once: true });
  return () => signal.removeEventListener('abort', act);
}
