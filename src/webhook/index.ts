export type { AdmissionAppOptions, Reviewed } from './admission-app.ts';
export type { AdmissionServer, AdmissionServerOptions, ServingPair } from './admission-server.ts';
export { startAdmissionServer } from './admission-server.ts';
export type { Authority, CertificateSet } from './certificates.ts';
export { bundleOf } from './certificates.ts';
export type { CertificateStore } from './keep-certificates.ts';
export { ensureCertificates, keepCertificates } from './keep-certificates.ts';
