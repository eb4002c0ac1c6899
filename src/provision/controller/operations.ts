import type { KubeOperationStatus } from '../../api/provision.hansa.dev/v1alpha1/kube-operation.ts';
import { HansaError } from '../../base/index.ts';
import type { StoredBackup } from '../plan/backup.ts';
import { controlPlanes } from '../plan/cluster-spec.ts';
import type { Step } from '../plan/steps.ts';
import type { Ended, Run } from './carry-out.ts';
import { inHostWords } from './host-words.ts';
import type { HostWriter } from './host-writer.ts';
import type { Session, SessionOptions } from './open-session.ts';
import type { BackupView, OperationView } from './views.ts';
import { type AskedFor, forgottenIn } from './wish.ts';

export interface OperationTools {
  readonly input: AskedFor & { readonly backups: readonly BackupView[] };
  readonly writer: HostWriter;
  readonly run: (run: Run, changes?: Partial<SessionOptions>) => Promise<Ended>;
  /** RFC 3339. */
  readonly now: () => string;
  readonly openSession: (changes?: Partial<SessionOptions>) => Promise<Session>;
}

const last: readonly (KubeOperationStatus['phase'] | undefined)[] = [
  'Completed',
  'Failed',
  'RolledBack',
  'Refused',
];

/** It came to its end; who wants it again makes another. Runs of our own end with their process. */
export function isEnded({ status, isAutomatic }: Pick<OperationView, 'status' | 'isAutomatic'>): boolean {
  if (isAutomatic) return status?.phase !== 'WaitingForApproval';
  return last.includes(status?.phase);
}

/** Carries out what a person asked for. */
export async function runOperation(operation: OperationView, tools: OperationTools): Promise<Ended> {
  try {
    return await runByType(operation, tools);
  } catch (error) {
    // It can't even begin: that is its end, and the object says why.
    if (!(error instanceof HansaError) || error.retry !== 'never') throw error;
    const message = inHostWords(error.message, operation.spec.clusterName);
    await refuse(operation, message, tools);
    return { kind: 'refused', message, failure: { reason: error.reason, message }, taken: {} };
  }
}

async function runByType(operation: OperationView, tools: OperationTools): Promise<Ended> {
  const { name, spec } = operation;
  const { input, run } = tools;
  const common = { name, isAsked: true, mayDestroy: (step: Step) => isAgreed(operation, step) } as const;
  const apply = { kind: 'apply', forgetUnreachable: forgottenIn(input) } as const;
  checkMachines(operation, input);
  switch (spec.type) {
    case 'Apply':
      return run({ ...common, goal: apply });
    case 'Upgrade':
      return upgrade(operation, tools, { ...common, goal: apply });
    case 'RenewCertificates':
      return run({
        ...common,
        goal: { kind: 'renew-certificates', force: true, ...(spec.machines && { machines: spec.machines }) },
      });
    case 'Backup':
      if (!input.cluster.spec.backup) {
        throw never(
          'BackupTargetMissing',
          'the cluster names no place for backups: set spec.backup of the KubeCluster',
        );
      }
      return run({ ...common, goal: { kind: 'back-up', purpose: 'by request' } });
    case 'Restore':
      return run({ ...common, goal: { kind: 'restore', wish: await restoreWish(operation, tools) } });
    case 'ReplaceMachine':
      return replace(operation, tools, { ...common, goal: apply });
  }
}

/** The version goes into the spec once the plan was found to be possible, so that it stays. */
async function upgrade({ spec }: OperationView, tools: OperationTools, run: Run): Promise<Ended> {
  const { input, writer } = tools;
  const version = spec.version?.replace(/^v/, '') ?? '';
  const refusal = await whyNot(run, version, tools);
  if (refusal) throw never(refusal.reason, refusal.message);
  if (input.cluster.spec.version.replace(/^v/, '') === version) return tools.run(run);
  const cluster = await writer.setVersion(input.cluster, version);
  return tools.run(run, { asked: { ...input, cluster } });
}

async function whyNot({ goal }: Run, version: string, { openSession }: OperationTools) {
  await using session = await openSession({ version });
  const { refusals } = await session.work.plan(goal);
  return refusals[0];
}

/** It leaves and is reset, then joins anew: two applies. The journal knows whether the first is done. */
async function replace(operation: OperationView, tools: OperationTools, run: Run): Promise<Ended> {
  const [machine = ''] = operation.spec.machines ?? [];
  const hasLeft = await wasReset(operation, machine, tools);
  if (!hasLeft) {
    const left = await tools.run({ ...run, isFirstPart: true }, { replaced: [machine] });
    if (left.kind !== 'completed' && left.kind !== 'nothing') return left;
  }
  return tools.run(run);
}

async function wasReset({ name }: OperationView, machine: string, tools: OperationTools): Promise<boolean> {
  await using session = await tools.openSession();
  const { role } = session.read.spec.machines.find((each) => each.name === machine) ?? {};
  if (role === 'control-plane' && controlPlanes(session.read.spec).length === 1) {
    throw never(
      'LastControlPlane',
      `${machine} is the only control plane, and the cluster goes with it: add another one first`,
    );
  }
  const journal = await session.store.journal();
  return journal.some(
    ({ operation, step, event }) =>
      operation === name && step === `${machine}/reset-machine` && event === 'done',
  );
}

async function restoreWish({ uid, spec }: OperationView, { input, openSession }: OperationTools) {
  const backup = input.backups.find(({ name }) => name === spec.backupRef?.name);
  if (!backup) {
    throw never(
      'BackupMissing',
      `there is no EtcdBackup ${spec.backupRef?.name ?? ''} of cluster ${spec.clusterName}: "kubectl get etcdbackups" lists what there is`,
    );
  }
  await using session = await openSession();
  const listed: readonly StoredBackup[] = await session.work.backups();
  if (!listed.some(({ name }) => name === backup.spec.file)) {
    throw never(
      'BackupMissing',
      `the target of the cluster has no ${backup.spec.file}: bring it back there, or take another EtcdBackup`,
    );
  }
  const lost = controlPlanes(session.read.spec)
    .map(({ name }) => name)
    .filter((name) => spec.machines !== undefined && !spec.machines.includes(name));
  return {
    source: { kind: 'backup', name: backup.spec.file },
    without: lost,
    // The same for each try of it, so that one that was broken off goes on.
    token: `restore-${uid.slice(0, 8)}`,
  } as const;
}

/** To a plan that a person read, each step of it; or to the operation as a whole, before there was a plan. */
function isAgreed({ spec, status }: OperationView, { id }: Step): boolean {
  if (spec.approved !== true) return false;
  const read = status?.steps?.filter(({ destructive }) => destructive);
  return read === undefined || read.length === 0 || read.some((step) => step.id === id);
}

function checkMachines({ spec }: OperationView, { machines }: AskedFor): void {
  const unknown = (spec.machines ?? []).filter((name) => !machines.some((each) => each.name === name));
  if (unknown.length === 0) return;
  throw never(
    'NoSuchMachine',
    `cluster ${spec.clusterName} has no KubeMachine ${unknown.join(', ')}: it has ${machines.map(({ name }) => name).join(', ') || 'none'}`,
  );
}

async function refuse(operation: OperationView, message: string, tools: OperationTools): Promise<void> {
  await tools.writer.operationStatus(operation, { phase: 'Refused', message, completedAt: tools.now() });
}

function never(reason: string, message: string): HansaError {
  return new HansaError(message, { reason, retry: 'never' });
}
