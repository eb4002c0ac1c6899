export type { GateProbesOptions } from './create-gate-probes.ts';
export { createGateProbes } from './create-gate-probes.ts';
export type { Credentials } from './credentials.ts';
export { noCredentials, readCredentials } from './credentials.ts';
export type { PostOptions, Posted } from './post.ts';
export { hideSecrets, post, shownUrl } from './post.ts';
export type { GateTimeouts } from './probe-deps.ts';
export { removeGateJobs } from './run-job.ts';
