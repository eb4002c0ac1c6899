export { accessOf, clusterRecord, serverOf } from './cluster-record.ts';
export type { Health, Probe, Thresholds } from './health.ts';
export { conditionsOf, nextHealth, unknownHealth } from './health.ts';
export type { Member } from './member.ts';
export { isReady } from './member.ts';
export { probeMember } from './probe.ts';
export type { HealthCheckOptions, MembersListener, MembersOptions } from './registry.ts';
export { clusterType, defaultHealthCheck, Members } from './registry.ts';
