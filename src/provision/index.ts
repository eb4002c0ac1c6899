export type { ConnectMachine, MachineAccessOptions } from './access/connect-machine.ts';
export { secretTexts } from './read/index.ts';
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
export type { ClusterApiRegistrationOptions } from './cluster-api/controller.ts';
export { ClusterApiRegistration } from './cluster-api/controller.ts';
export { ProvisionController } from './controller/controller.ts';
export type { DefaultBundle, ProvisionControllerOptions, ProvisionMetrics } from './controller/options.ts';
export type { ClusterWorkOptions, Worked, WorkOptions } from './engine/cluster-work.ts';
export { ClusterWork } from './engine/cluster-work.ts';
export type { Goal } from './engine/goal.ts';
export type { RegistrationSteps, Registrar } from './engine/registrar.ts';
export type { BundleSource, ClusterStore, SecretStore } from './engine/executor.ts';
export type { RunResult, StepEnd } from './engine/run-plan.ts';
export type { KindSettings, KindTools, KindWorkOptions, Work } from './kind/index.ts';
export { KindWork, knownKind, openKindTools } from './kind/index.ts';
export type { BackupVerdict, StoredBackup } from './plan/backup.ts';
export { backupVerdict } from './plan/backup.ts';
export { noSpaceComplaint } from './plan/etcd-alarms.ts';
export type { CertificateVerdict } from './plan/certificate-verdict.ts';
export { certificateVerdict } from './plan/certificate-verdict.ts';
export type { CertificateSight } from './plan/certificates.ts';
export { bestSurvivor } from './plan/restore.ts';
export type { RestoreSource, RestoreWish } from './plan/restore.ts';
export type { ClusterSpec, MachineSpec } from './plan/cluster-spec.ts';
export type { ClusterSight, EtcdMember, MachineFacts, MachineSight, Observed } from './plan/facts.ts';
export type { JournalRecord } from './plan/journal.ts';
export { lastWordOn } from './plan/journal.ts';
export { hasQuorum, quorumOf, tallyOf, tell as tellTally } from './plan/quorum.ts';
export { hasNeverVoted, membersWithoutMachine, removalOf } from './plan/stale-member.ts';
export { needsBundle } from './plan/steps.ts';
export type { Plan as ClusterPlan, Refusal as PlanRefusal, Step as PlanStep } from './plan/steps.ts';
export type {
  CreateClusterFlags,
  CreateCredentialFlags,
  CreateMachineFlags,
  DeleteMachineFlags,
  KeyPairFlags,
  ReadCluster,
  ReadProblem,
  VerbResult,
  VerbState,
} from './read/index.ts';
export {
  createCluster,
  createCredential,
  createMachine,
  credentialName,
  deleteCredential,
  deleteMachine,
  InvalidClusterError,
  readCluster,
  readClusters,
  readLeaving,
  tellProblem,
  tellProblems,
} from './read/index.ts';
export type { PivotOptions, PivotResult } from './pivot/pivot.ts';
export { pivotToFile, pivotToHost, takeBackFromLostHost } from './pivot/pivot.ts';
export type { FederationRegistrar, RegistrarOptions } from './registration/registrar.ts';
export { createRegistrar } from './registration/registrar.ts';
export { registrationSteps } from './registration/steps.ts';
export type { ClusterKey, StoredCluster } from './store/index.ts';
export { fileClusterStore, keyText, passphraseFrom, StateFile } from './store/index.ts';
export type { FirstSight, Redactor } from './transport/index.ts';
export { createRedactor } from './transport/index.ts';
