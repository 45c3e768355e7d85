/**
 * A typed gRPC client with promises: every call has a deadline, every failure is a PortkeyError.
 *
 * One client owns one channel; `close` frees it. A channel reconnects by itself after its peer restarted, with a
 * back-off of at most a second, so that a restarted service is found again soon. A peer that hangs, or that a cut separates
 * from here, is noticed by pings while a call waits: the call fails then, long before the deadline of a step that may take
 * minutes. One whose host was started anew says nothing while no call waits: the next call finds the connection dead, and fails
 * at once. So questions, which change nothing, are put again then (`ask`).
 */
import { Client, Metadata, type ServiceDefinition } from '@grpc/grpc-js';

import { asPortkeyError, PortkeyError } from '../errors/index.js';
import type { Identity } from './identity.js';
import { mostMessageBytes } from './message-limit.js';
import type { MethodName, Result, Sent } from './method-types.js';
import { definitionOf, type ServiceName } from './schema.js';
import { clientCredentials, type Security } from './security.js';
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
  private readonly client: Client;
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
    this.client = new Client(address, clientCredentials(security, expected), {
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
      'grpc.enable_http_proxy': 0,
      'grpc.enable_channelz': 0,
      'grpc.keepalive_time_ms': keepaliveMs,
      'grpc.keepalive_timeout_ms': keepaliveMs,
      'grpc.max_receive_message_length': mostMessageBytes,
    });
  }

  /** A call with one answer. */
  call<K extends MethodName<S>>(method: K, request: Sent<S, K>, options: CallOptions): Promise<Result<S, K>> {
    const { path, requestSerialize, responseDeserialize } = this.method(method);
    return new Promise((resolve, reject) => {
      const call = this.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        this.metadata(options),
        { deadline: Date.now() + options.deadlineMs },
        (error, answer) => {
          unlink();
          if (error) reject(fromStatus(error, this.peer));
          else resolve(answer as Result<S, K>);
        },
      );
      const unlink = onAbort(options.signal, () => call.cancel());
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
    const call = this.client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      this.metadata(options),
      { deadline: Date.now() + options.deadlineMs },
    );
    const unlink = onAbort(options.signal, () => call.cancel());
    try {
      for await (const message of call) yield message as Result<S, K>;
    } catch (error) {
      throw fromStatus(error, this.peer);
    } finally {
      unlink();
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
    const call = this.client.makeClientStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      this.metadata(options),
      { deadline: Date.now() + options.deadlineMs },
      (error, value) => {
        if (error) settle?.reject(fromStatus(error, this.peer));
        else settle?.resolve(value as Result<S, K>);
      },
    );
    const unlink = onAbort(options.signal, () => call.cancel());
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
      unlink();
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
    const call = this.client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      this.metadata(options),
      { deadline: Date.now() + options.deadlineMs },
    );
    const unlink = onAbort(options.signal, () => call.cancel());
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
      throw sendError === undefined ? fromStatus(error, this.peer) : asPortkeyError(sendError);
    } finally {
      unlink();
      call.cancel();
      source.return?.().catch(() => undefined);
    }
  }

  close(): void {
    this.client.close();
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

/** Runs `act` when the signal fires; the returned function takes that back. */
function onAbort(signal: AbortSignal | undefined, act: () => void): () => void {
  if (signal === undefined) return () => undefined;
  if (signal.aborted) act();
  signal.addEventListener('abort', act, { once: true });
  return () => signal.removeEventListener('abort', act);
}
