/**
 * From a generated service definition to the types of its calls.
 *
 * A generated `MethodDefinition` has four types: what a client may send, what a server may answer, and the same
 * two as they come out on the other side, with all defaults filled in.
 */
import type { MethodDefinition } from '@grpc/proto-loader';

import type { Definitions, ServiceName } from './schema.js';

type Methods<S extends ServiceName> = { [K in MethodName<S>]: Definitions[S][K] };

/** A definition's own keys, without the index signature that it inherits. */
export type MethodName<S extends ServiceName> = string &
  keyof {
    [K in keyof Definitions[S] as string extends K ? never : number extends K ? never : K]: never;
  };

type Parts<M> =
  M extends MethodDefinition<infer Sent, infer Answered, infer Received, infer Result>
    ? { sent: Sent; answered: Answered; received: Received; result: Result }
    : never;

/** What a client sends. */
export type Sent<S extends ServiceName, K extends MethodName<S>> = Parts<Methods<S>[K]>['sent'];
/** What the client gets back. */
export type Result<S extends ServiceName, K extends MethodName<S>> = Parts<Methods<S>[K]>['result'];
/** What the server receives. */
export type Received<S extends ServiceName, K extends MethodName<S>> = Parts<Methods<S>[K]>['received'];
/** What the server answers. */
export type Answered<S extends ServiceName, K extends MethodName<S>> = Parts<Methods<S>[K]>['answered'];
