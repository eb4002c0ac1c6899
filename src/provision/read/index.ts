export type {
  CreateClusterFlags,
  CreateCredentialFlags,
  CreateMachineFlags,
  DeleteMachineFlags,
  DeleteMachineResult,
  KeyPairFlags,
  VerbResult,
  VerbState,
} from './from-verbs.ts';
export {
  createCluster,
  createCredential,
  createMachine,
  credentialName,
  deleteCredential,
  deleteMachine,
} from './from-verbs.ts';
export { networkOf } from './networks.ts';
export type { ReadProblem } from './problems.ts';
export { InvalidClusterError, tellProblem, tellProblems } from './problems.ts';
export { readLeaving } from './read-leaving.ts';
export type { ReadCluster } from './read-cluster.ts';
export { readCluster, readClusters } from './read-cluster.ts';
export type { SecretNeed, SecretUse, SecretValues } from './secrets.ts';
export { secretTexts } from './secrets.ts';
