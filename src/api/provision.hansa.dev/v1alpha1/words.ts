/** Words that provisioning objects carry and that others read. Never renamed. */

export const provisionGroup = 'provision.hansa.dev';

/** On everything that belongs to a KubeCluster: its name. */
export const clusterLabel = 'provision.hansa.dev/cluster';
/** On KubeOperations that Hansa made for a run of its own; people make theirs without it. */
export const automaticLabel = 'provision.hansa.dev/automatic';
/** Finalizer of KubeCluster and KubeMachine: they go only when what they stand for is let go of. */
export const provisionFinalizer = 'provision.hansa.dev/let-go';
/** On a KubeCluster that was handed over to another home: where it is kept now. Nothing is done for it here any more. */
export const movedToAnnotation = 'provision.hansa.dev/moved-to';
/**
 * On a KubeMachine that can't be reached and shall be deleted all the same; its value is the machine's name. On a
 * KubeCluster: names of Nodes that no machine is behind any more, separated by commas.
 */
export const forgetMachineAnnotation = 'provision.hansa.dev/forget-machine';

/** Type of the Secrets that hold an SSH credential. */
export const sshCredentialType = 'provision.hansa.dev/ssh-credential';
/** What such a Secret may hold. */
export const sshCredentialKeys = {
  'ssh-privatekey': 'private key, PEM or OpenSSH',
  passphrase: 'passphrase of the private key',
  password: 'password for the login',
  'sudo-password': 'password for sudo; absent: sudo must ask for none',
  agent: '"true": the keys of the SSH agent of whoever runs Hansa',
  user: 'user that "create credential" was given; it goes into machineDefaults of the cluster, and is not read from here',
} as const;

export const kubeClusterConditions = {
  Available: 'the API server answers at the endpoint, and etcd has its quorum',
  ControlPlaneInitialized: 'the first control plane is up',
  EtcdClusterHealthy: 'every member of etcd is well, and they are the machines of the spec',
  ControlPlaneComponentsHealthy: 'the API server of every control plane answers',
  CertificatesValid: 'no certificate is near its end',
  BackupRecent: 'the last backup that was asked for by the schedule is there and verified',
  RollingOut: 'machines are being brought to another version or configuration',
  ScalingUp: 'machines are being added',
  ScalingDown: 'machines are being removed',
  UpToDate: 'version and configuration of every machine are those of the spec',
  Registered: 'the cluster is a member of the federation',
  Paused: 'nothing is done until spec.paused is taken back',
  Deleting: 'the cluster is being deleted',
} as const;
export type KubeClusterConditionType = keyof typeof kubeClusterConditions;

export const kubeMachineConditions = {
  Reachable: 'it answers over SSH',
  HostKeyVerified:
    'its host key is the one that is trusted; False with reason Insecure where none is asked for',
  PreflightPassed: 'it fits: hardware, kernel, clock, names, ports, reachability',
  Provisioned: 'runtime, kubelet and kubeadm are installed as the spec wants them',
  Joined: 'its Node is in the cluster',
  NodeHealthy: 'its Node is Ready',
  EtcdMemberHealthy: 'its member of etcd is well; for control planes with stacked etcd',
  UpToDate: 'version and configuration are those of the spec',
  Ready: 'all of the above',
} as const;
export type KubeMachineConditionType = keyof typeof kubeMachineConditions;

export const kubeOperationConditions = {
  Approved: 'it may lose data or machines, and a person has said that it may run',
  Progressing: 'steps are being done',
  Completed: 'every step is done',
} as const;
export type KubeOperationConditionType = keyof typeof kubeOperationConditions;

/** Why a condition has its status. Refusals of a plan and errors of steps use their own reason unchanged. */
export const provisionReasons = {
  AsDesired: 'it is as the spec wants it',
  InProgress: 'it is being brought there; the message names the step',
  NotYet: 'its turn has not come',
  NotAsked: 'the spec does not ask for it',
  Unknown: 'it could not be looked at',
  InvalidSpec: 'the spec cannot be carried out; the message names the field',
  Refused: 'the plan was refused before anything was changed',
  StepFailed: 'a step failed; the message says what to do',
  NeedsApproval: 'it waits for spec.approved: true',
  Unreachable: 'the machine does not answer',
  HostKeyChanged: 'the machine shows another host key than the trusted one',
  Insecure: 'any host key is taken, as the spec says',
  SudoFailed: 'sudo refused',
  QuorumAtRisk: 'etcd could lose its quorum',
  QuorumLost: 'etcd has lost its quorum',
  NearExpiry: 'certificates end soon',
  Expired: 'certificates have ended',
  Paused: 'spec.paused is true',
  Moved: 'the cluster is kept elsewhere now',
  Deleting: 'the object is being deleted',
} as const;

export const machinePhases = [
  'Pending',
  'Connecting',
  'Preflight',
  'Preparing',
  'Installing',
  'Init',
  'Joining',
  'Verifying',
  'Ready',
  'Draining',
  'LeavingEtcd',
  'Resetting',
  'Gone',
  'Failed',
] as const;
export type MachinePhase = (typeof machinePhases)[number];

export const operationTypes = [
  'Apply',
  'Upgrade',
  'RenewCertificates',
  'Backup',
  'Restore',
  'ReplaceMachine',
] as const;
export type OperationType = (typeof operationTypes)[number];
