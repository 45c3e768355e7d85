export { RpcClient, type CallOptions } from './client.js';
export { RpcServer, type CallContext, type FailedCall, type Handlers } from './server.js';
export { isServing } from './health.js';
export { identityOf, isName, nameRule, uriOf, type Identity, type Role } from './identity.js';
export { readSecurity, type Security, type Tls, type TlsFiles } from './security.js';
export { definitionOf, serviceFullName, type ServiceName } from './schema.js';
export { fromStatus, toStatus } from './status.js';
export type { Answered, MethodName, Received, Result, Sent } from './method-types.js';
export type * from './messages.js';
