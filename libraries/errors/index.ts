export { errorCodes, isErrorCode, type ErrorCode } from './codes.js';
export { asPortkeyError, PortkeyError, type ErrorContext } from './portkey-error.js';
