export { TlsContext, type TlsIdentity } from './context.js';
export { TlsSession, type ReleasedSession } from './session.js';
