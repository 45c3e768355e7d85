export {
  filesOf,
  identitiesOf,
  makeCertificates,
  nameOf,
  type CertificateOptions,
  type Certificates,
} from './make-certificates.js';
