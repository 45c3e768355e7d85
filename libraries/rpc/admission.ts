/**
 * Who calls is checked against access.ts before anything of the request is read: a message of somebody who may not call is
 * neither kept nor decoded.
 *
 *     headers ──▶ role may call ──▶ request is read, and decoded ──▶ handler
 *                 └─ may not ─────▶ `not-permitted`, whatever else comes is dropped
 *
 * gRPC's health service is for whoever has a certificate of the CA.
 */
import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';

import { PortkeyError } from '../errors/index.js';
import { callersOf, mayCall } from './access.js';
import { identityOf, uriOf, type Identity } from './identity.js';
import { methodAt, type ServiceName } from './schema.js';
import { toStatus } from './status.js';

interface SecuredCall {
  getAuthContext(): { sslPeerCertificate?: { subjectaltname?: string } };
}

/** Undefined where its certificate has no identity of Portkey's. */
export function callerOf(call: SecuredCall): Identity | undefined {
  return identityOf(call.getAuthContext().sslPeerCertificate?.subjectaltname);
}

/** `onRefusal` hears "Restore.PutImages", and why. */
export function admission(onRefusal: (method: string, error: PortkeyError) => void): ServerInterceptor {
  return ({ path }, call) =>
    new ServerInterceptingCall(call, {
      start: (proceed) => {
        proceed({
          onReceiveMetadata: (metadata, admit) => {
            const called = methodAt(path);
            const refusal =
              called === undefined ? undefined : refusalOf(callerOf(call), called.service, called.method);
            if (called === undefined || refusal === undefined) {
              admit(metadata);
              return;
            }
            onRefusal(`${called.service}.${called.method}`, refusal);
            call.sendStatus(toStatus(refusal));
          },
        });
      },
    });
}

function refusalOf(
  caller: Identity | undefined,
  service: ServiceName,
  method: string,
): PortkeyError | undefined {
  if (caller !== undefined && mayCall(caller.role, service, method)) return undefined;
  const who = caller === undefined ? 'a certificate without an identity of Portkey’s' : uriOf(caller);
  return new PortkeyError(
    'not-permitted',
    `${service}.${method} is not for ${who}, but for: ${callersOf(service, method).join(', ')}; see: portkey certs --help`,
  );
}
