export type { ConnectMachine, MachineAccessOptions } from './access/connect-machine.ts';
export { machineAccess } from './access/connect-machine.ts';
export type { Bundle, BundleSignature, CreatedBundle, StoredItem } from './bundle/index.ts';
export {
  createBundle,
  createFromDirectories,
  downloadContents,
  makeSigningKeys,
  openBundle,
  ownArchitecture,
  parseMirrors,
  publicKeyText,
  readPrivateKey,
  readPublicKey,
  upgradePath,
} from './bundle/index.ts';
export type { ClusterWorkOptions, Worked, WorkOptions } from './engine/cluster-work.ts';
export { ClusterWork } from './engine/cluster-work.ts';
export type { Goal } from './engine/goal.ts';
export type { RegistrationSteps, Registrar } from './engine/registrar.ts';
export type { BundleSource, ClusterStore, SecretStore } from './engine/executor.ts';
export type { RunResult, StepEnd } from './engine/run-plan.ts';
export type { StoredBackup } from './plan/backup.ts';
export type { CertificateSight, CertificateVerdict } from './plan/certificates.ts';
export { certificateStatus } from './plan/certificates.ts';
export { bestSurvivor } from './plan/restore.ts';
export type { RestoreSource, RestoreWish } from './plan/restore.ts';
export type { ClusterSpec, MachineSpec } from './plan/cluster-spec.ts';
export type { ClusterSight, MachineFacts, MachineSight, Observed } from './plan/facts.ts';
export type { JournalRecord } from './plan/journal.ts';
export type { Plan as ClusterPlan, Refusal as PlanRefusal, Step as PlanStep } from './plan/steps.ts';
export type { ReadCluster, ReadProblem } from './read/index.ts';
export { InvalidClusterError, readCluster, readClusters, tellProblem, tellProblems } from './read/index.ts';
export type { ClusterKey, StoredCluster } from './store/index.ts';
export { fileClusterStore, keyText, passphraseFrom, StateFile } from './store/index.ts';
export type { FirstSight, Redactor } from './transport/index.ts';
export { createRedactor } from './transport/index.ts';
