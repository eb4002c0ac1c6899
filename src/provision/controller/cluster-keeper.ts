import type { KubeClusterStatus } from '../../api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import type { MachinePhase } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import { movedToAnnotation } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import { HansaError, type Logger, messageOf } from '../../base/index.ts';
import type { Outcome } from '../../kube/index.ts';
import { type BackupVerdict, backupVerdict, type StoredBackup } from '../plan/backup.ts';
import { type CertificateSight, certificateStatus, type CertificateVerdict } from '../plan/certificates.ts';
import type { ClusterSpec } from '../plan/cluster-spec.ts';
import type { Observed } from '../plan/facts.ts';
import type { Plan } from '../plan/steps.ts';
import { InvalidClusterError } from '../read/index.ts';
import type { Bundles } from './bundles.ts';
import { carryOut, type Ended, type Run } from './carry-out.ts';
import { clusterStatus, type Failure } from './cluster-status.ts';
import { decideWork, type FailedRun, type Work, type WorkSight } from './decide-work.ts';
import { syncBackups } from './etcd-backups.ts';
import { HostWriter } from './host-writer.ts';
import { inHostWords } from './host-words.ts';
import { machineStatus } from './machine-status.ts';
import { openSession, type Session, type SessionOptions } from './open-session.ts';
import { isEnded, runOperation } from './operations.ts';
import type { ProvisionControllerOptions } from './options.ts';
import type { BackupView, OperationView } from './views.ts';
import { type AskedFor, forgottenIn, wishOf } from './wish.ts';

/** What the host has of one cluster and of those beside it. */
export interface KeeperInput extends AskedFor {
  readonly operations: readonly OperationView[];
  readonly backups: readonly BackupView[];
  /** Networks of the other clusters. */
  readonly others: Observed['others'];
}

export interface KeeperOptions {
  readonly controller: ProvisionControllerOptions;
  readonly bundles: Bundles;
  readonly logger: Logger;
}

/** What was found out, and is found out again after a restart. Times are ms since 1970. */
interface Known {
  readonly spec?: ClusterSpec;
  readonly observed?: Observed;
  readonly lookedAt?: number;
  readonly certificates?: readonly CertificateSight[];
  readonly verdict?: CertificateVerdict;
  readonly backups?: readonly StoredBackup[];
  readonly backupComplaint?: string;
  readonly plan?: Plan;
  readonly appliedWish?: string;
  readonly failed?: FailedRun & Failure;
  readonly machineFailures?: Ended['machineFailures'];
  readonly notBefore?: WorkSight['notBefore'];
}

/** After a renewal or a backup of our own failed. */
const againAfterMs = 15 * 60_000;
/** Machines that are written about while a run is under way: not more often than this. */
const machineEveryMs = 3_000;

/**
 * Keeps one cluster: each pass does the one thing that comes next, and tells how it stands.
 *
 * *Guarantees*: nothing is changed on a machine before the cluster and its machines carry our finalizer; a run stops
 * starting steps as soon as something else is asked for.
 * *Assumes*: one pass at a time.
 */
export class ClusterKeeper {
  readonly #options: KeeperOptions;
  readonly #writer: HostWriter;
  #known: Known = {};
  #running:
    | { readonly wish: string; readonly stopping: AbortController; readonly isPatient: boolean }
    | undefined;
  /** Operations that came to their end, or wait: caches may be behind. */
  readonly #ended = new Set<string>();
  readonly #waiting = new Set<string>();
  readonly #toldMachines = new Map<string, { readonly text: string; readonly at: number }>();
  /** Backups that this process took, by file: what their EtcdBackups shall say. */
  #taken: Ended['taken'] = {};
  #lastEvent = '';
  #hasClosedOld = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#writer = new HostWriter(options.controller.host);
  }

  /** Something of the cluster was changed by others. */
  changed(asked: AskedFor): void {
    const running = this.#running;
    if (!running || running.stopping.signal.aborted) return;
    const isUnwanted =
      asked.cluster.spec.paused === true || asked.cluster.annotations[movedToAnnotation] !== undefined;
    if (isUnwanted || (!running.isPatient && wishOf(asked) !== running.wish)) running.stopping.abort();
  }

  async pass(input: KeeperInput, signal: AbortSignal): Promise<Outcome> {
    const now = this.#options.controller.clock.now();
    const work = decideWork(this.#sight(input, now), now);
    switch (work.kind) {
      case 'nothing':
        return { again: 'on-change' };
      case 'wait':
        return { again: 'after', afterMs: Math.max(0, work.until - now) };
      case 'moved':
        await this.#letBe(input, work);
        return { again: 'on-change' };
      case 'paused':
        await this.#tellPaused(input, signal);
        return { again: 'on-change' };
      case 'delete':
      case 'operation':
      case 'apply':
      case 'renew-certificates':
      case 'back-up':
        return this.#do(input, work, signal);
    }
  }

  async #do(
    input: KeeperInput,
    work: Extract<Work, { kind: 'delete' | 'operation' | 'apply' | 'renew-certificates' | 'back-up' }>,
    signal: AbortSignal,
  ): Promise<Outcome> {
    await this.#closeOld(input);
    const wish = wishOf(input);
    const running = { wish, stopping: new AbortController(), isPatient: work.kind === 'operation' };
    this.#running = running;
    try {
      switch (work.kind) {
        case 'delete':
          await this.#delete(input, signal);
          break;
        case 'operation':
          await this.#operation(input, work.name, signal);
          break;
        case 'apply':
          await this.#apply(input, signal);
          break;
        case 'renew-certificates':
          await this.#chore(
            input,
            { goal: { kind: 'renew-certificates', force: false }, name: 'renew' },
            signal,
          );
          break;
        case 'back-up':
          await this.#chore(
            input,
            { goal: { kind: 'back-up', purpose: 'by schedule' }, name: 'back-up' },
            signal,
          );
          break;
      }
    } catch (error) {
      // A conflict is the API's way to say "look again": nothing is wrong with the cluster.
      if (signal.aborted || (error instanceof HansaError && error.reason === 'Conflict')) throw error;
      if (!(error instanceof HansaError)) throw error;
      await this.#failedToBegin(input, error);
    } finally {
      this.#running = undefined;
    }
    return { again: 'after', afterMs: 0 };
  }

  /** Runs of a process that is no more: nobody else would say how they ended. */
  async #closeOld({ operations }: KeeperInput): Promise<void> {
    if (this.#hasClosedOld) return;
    for (const operation of operations) {
      if (!operation.isAutomatic || operation.status?.phase !== 'Running') continue;
      const message = 'the controller was stopped in the middle of it; a new run goes on from there';
      await this.#writer.operationStatus(operation, { phase: 'Interrupted', message });
    }
    this.#hasClosedOld = true;
  }

  async #apply(input: KeeperInput, signal: AbortSignal): Promise<void> {
    const begun = await this.#settled(input, signal);
    if (!begun.plan || begun.plan.steps.length === 0 || begun.plan.refusals.length > 0) return;
    const ended = await this.#run(
      input,
      {
        goal: { kind: 'apply', forgetUnreachable: forgottenIn(input) },
        name: this.#runName('apply'),
        mayDestroy: (step, read) =>
          (step.machine !== undefined && read.leaving.includes(step.machine)) ||
          (step.machine === undefined && forgottenIn(input).length > 0),
      },
      signal,
    );
    await this.#settleAfter(input, ended, signal);
  }

  /** Work of our own that is not asked for by the spec. */
  async #chore(input: KeeperInput, chore: Pick<Run, 'goal' | 'name'>, signal: AbortSignal): Promise<void> {
    const ended = await this.#run(
      input,
      { ...chore, name: this.#runName(chore.name), mayDestroy: () => false },
      signal,
    );
    const { clock } = this.#options.controller;
    const later = clock.now() + againAfterMs;
    const which = chore.goal.kind === 'back-up' ? 'backup' : 'renewal';
    const { [which]: _, ...others } = this.#known.notBefore ?? {};
    this.#known = {
      ...this.#known,
      notBefore: ended.failure ? { ...others, [which]: later } : others,
    };
    // What failed here is told by its conditions and an event; the spec is carried out all the same.
    if (ended.failure) this.#say(input, 'Warning', ended.failure.reason, ended.failure.message);
    await this.#settled(input, signal);
  }

  async #operation(input: KeeperInput, name: string, signal: AbortSignal): Promise<void> {
    const operation = input.operations.find((each) => each.name === name);
    if (!operation) return;
    const ended = await runOperation(operation, {
      input,
      writer: this.#writer,
      run: (run, changes) => this.#run(input, run, signal, changes),
      openSession: (changes) => this.#open(input, signal, changes),
      now: () => new Date(this.#options.controller.clock.now()).toISOString(),
    });
    if (ended.kind === 'waits') this.#waiting.add(operation.uid);
    else if (ended.kind !== 'interrupted') {
      this.#waiting.delete(operation.uid);
      this.#ended.add(operation.uid);
    }
    if (ended.kind === 'completed')
      this.#say(input, 'Normal', `${operation.spec.type}Completed`, `${name}: ${ended.message}`);
    if (ended.failure) this.#say(input, 'Warning', ended.failure.reason, `${name}: ${ended.failure.message}`);
    await this.#settled(input, signal);
  }

  async #delete(input: KeeperInput, signal: AbortSignal): Promise<void> {
    const { cluster, machines } = input;
    const ended = await this.#run(
      input,
      {
        goal: { kind: 'delete', forgetUnreachable: forgottenIn(input) },
        name: this.#runName('delete'),
        mayDestroy: () => true,
      },
      signal,
    ).catch((error: unknown) => {
      // Nothing is asked of the machines, so nothing needs to be read.
      if (error instanceof InvalidClusterError && isLetGoAsItIs(input)) return undefined;
      throw error;
    });
    if (ended?.kind === 'interrupted') return;
    if (ended?.failure) {
      await this.#settleAfter(input, ended, signal);
      return;
    }
    if (cluster.spec.deletionPolicy === 'Reset') {
      for (const operation of input.operations.filter((each) => each.isAutomatic)) {
        await this.#writer.removeOperation(operation);
      }
    }
    for (const machine of machines) await this.#writer.letGo(machine);
    await this.#writer.letGo(cluster);
    this.#options.controller.metrics?.forget(cluster);
    this.#known = {};
  }

  /** Looks, compares, and tells. What was found is what the next decision is made from. */
  async #settled(input: KeeperInput, signal: AbortSignal, after?: Ended): Promise<Known> {
    const { clock } = this.#options.controller;
    await using session = await this.#open(input, signal);
    const { read, work } = session;
    const observed = await work.look();
    const isThere = observed.cluster.kind !== 'absent';
    const [certificates, listed] = await Promise.all([
      isThere && !read.kind ? work.certificates(observed) : undefined,
      read.spec.backup ? listBackups(session) : undefined,
    ]);
    const plan =
      input.cluster.deletedAt === undefined
        ? await work.plan({ kind: 'apply', forgetUnreachable: forgottenIn(input) }, observed)
        : undefined;
    const now = clock.now();
    const failure = this.#failureOf(input, plan, session, after);
    const isAsDesired =
      plan !== undefined && plan.steps.length === 0 && plan.refusals.length === 0 && !failure;
    const wish = wishOf(input);
    const {
      failed,
      appliedWish: _,
      backups: __,
      backupComplaint: ___,
      plan: ____,
      machineFailures: _____,
      ...rest
    } = this.#known;
    this.#known = {
      ...rest,
      spec: read.spec,
      observed,
      lookedAt: now,
      ...(certificates && { certificates, verdict: verdictOf(read.spec, observed, certificates, now) }),
      ...(typeof listed === 'string' ? { backupComplaint: listed } : listed ? { backups: listed } : {}),
      ...(plan && { plan: inWords(plan, input.cluster.name) }),
      ...(isAsDesired && { appliedWish: wish }),
      ...(failure && {
        failed: { ...failure, wish, at: now, times: failed?.wish === wish ? failed.times + 1 : 1 },
      }),
      ...(after && { machineFailures: after.machineFailures }),
    };
    if (typeof listed === 'object')
      await syncBackups(input, listed, { writer: this.#writer, taken: this.#taken });
    if (isAsDesired) await this.#letGoOfOld(input);
    await this.#tell(input);
    if (failure) this.#say(input, 'Warning', failure.reason, failure.message);
    else if (isAsDesired && failed)
      this.#say(input, 'Normal', 'AsDesired', 'it is as the spec wants it again');
    else if (isAsDesired && after?.kind === 'completed')
      this.#say(input, 'Normal', 'AsDesired', after.message);
    return this.#known;
  }

  /** Machines that have left, and questions that need no answer any more. */
  async #letGoOfOld({ machines, operations }: KeeperInput): Promise<void> {
    for (const machine of machines) if (machine.deletedAt !== undefined) await this.#writer.letGo(machine);
    for (const operation of operations) {
      const waits = operation.status?.phase === 'WaitingForApproval' && !this.#ended.has(operation.uid);
      if (operation.isAutomatic && waits) await this.#writer.removeOperation(operation);
    }
  }

  /** After a run. A look that fails hides nothing of how the run ended. */
  async #settleAfter(input: KeeperInput, ended: Ended, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await this.#settled(input, signal, ended);
  }

  #failureOf(
    input: KeeperInput,
    plan: Plan | undefined,
    session: Session,
    after: Ended | undefined,
  ): Failure | undefined {
    if (after?.failure) return after.failure;
    const [refusal, ...more] = plan?.refusals ?? [];
    if (refusal) {
      const message = inHostWords(refusal.message, input.cluster.name);
      return {
        reason: refusal.reason,
        message: more.length > 0 ? `${message} (and ${more.length} more refusals)` : message,
      };
    }
    if (after?.kind === 'completed' && plan && plan.steps.length > 0) {
      const names = plan.steps.map(({ id, reason }) => `${id} (${reason})`).join(', ');
      return { reason: 'NotConverged', message: `every step was done, and still to do is: ${names}` };
    }
    const complaint = session.bundleComplaint();
    if (complaint && plan?.steps.some(({ kind }) => kind === 'load-bundle' || kind.startsWith('upgrade'))) {
      return { reason: complaint.reason, message: complaint.message };
    }
    return undefined;
  }

  #open(input: KeeperInput, signal: AbortSignal, changes: Partial<SessionOptions> = {}): Promise<Session> {
    const { controller, bundles, logger } = this.#options;
    return openSession({
      controller,
      bundles,
      asked: input,
      others: input.others,
      logger,
      onFirstSight: (machine, { fingerprint, hostKey }) =>
        this.#trusted(input, machine, fingerprint, hostKey),
      signal,
      stopping: this.#running?.stopping.signal ?? signal,
      ...changes,
    });
  }

  async #run(
    input: KeeperInput,
    run: Run,
    signal: AbortSignal,
    changes: Partial<SessionOptions> = {},
  ): Promise<Ended> {
    const { controller, logger } = this.#options;
    const ended = await carryOut(run, {
      cluster: input.cluster,
      controller,
      logger,
      signal,
      stopping: this.#running?.stopping.signal ?? signal,
      open: (progress) => this.#open(input, signal, { ...changes, progress }),
      onBegin: async (operation) => {
        await this.#writer.hold(input.cluster, input.machines);
        await this.#tell(input, operation);
      },
      onMachine: (machine, phase, detail) => this.#onMachine(input, machine, phase, detail),
    });
    this.#taken = { ...this.#taken, ...ended.taken };
    return ended;
  }

  /** Of the step that is under way on a machine. Not waited for, and not more often than people can read. */
  #onMachine(input: KeeperInput, name: string, phase: MachinePhase, detail: string): void {
    const machine = input.machines.find((each) => each.name === name);
    const { clock } = this.#options.controller;
    const told = this.#toldMachines.get(name);
    const isRecent = told !== undefined && clock.monotonic() - told.at < machineEveryMs;
    if (!machine || (isRecent && told.text.startsWith(`${phase}/`))) return;
    const text = `${phase}/${detail}`;
    if (told?.text === text) return;
    this.#toldMachines.set(name, { text, at: clock.monotonic() });
    const status = { ...this.#writer.statusOf(machine), phase, phaseDetail: detail };
    this.#writer.machineStatus(machine, status).catch((error: unknown) => {
      this.#options.logger.debug('machine not told', { machine: name, error: messageOf(error) });
    });
  }

  #trusted(input: KeeperInput, name: string, fingerprint: string, hostKey: string): void {
    const machine = input.machines.find((each) => each.name === name);
    this.#options.logger.info('host key trusted at first sight', { machine: name, fingerprint });
    if (!machine) return;
    const before = this.#writer.statusOf(machine);
    const hostKeys = [...new Set([...(before?.hostKeys ?? []), hostKey])];
    this.#writer.machineStatus(machine, { ...before, hostKeys }).catch(() => undefined);
    this.#options.controller.tell?.(subjectOf(machine), {
      type: 'Normal',
      reason: 'HostKeyTrusted',
      action: 'Connect',
      note: `its host key ${fingerprint} was trusted at first sight: pin it in spec.hostKeys if it is the right one`,
    });
  }

  async #tell(input: KeeperInput, operation?: string): Promise<void> {
    const { cluster, machines } = input;
    const { spec, observed, verdict, certificates, plan, failed, machineFailures } = this.#known;
    if (!spec) return;
    const now = this.#options.controller.clock.now();
    const { metrics } = this.#options.controller;
    const newest = this.#known.backups?.[0];
    const waiting = input.operations.find(({ uid }) => this.#waiting.has(uid))?.name;
    const status = clusterStatus({
      spec,
      generation: cluster.generation,
      before: this.#writer.statusOf(cluster),
      isDeleting: cluster.deletedAt !== undefined,
      observed,
      certificates: verdict,
      backup: {
        verdict: this.#backupVerdict(input, now),
        newest,
        newestName: newest && backupNameFor(input, newest),
        complaint: this.#known.backupComplaint,
      },
      plan,
      failure: failed,
      operation: operation ?? waiting,
      now,
    });
    await this.#writer.clusterStatus(cluster, status);
    this.#count(cluster, status);
    if (newest) metrics?.onBackup({ ...nameOf(cluster), takenAt: newest.takenAt });
    if (verdict?.firstExpiry !== undefined) {
      metrics?.onCertificates({ ...nameOf(cluster), firstExpiry: verdict.firstExpiry });
    }
    for (const machine of machines) {
      const of = spec.machines.find(({ name }) => name === machine.name);
      if (!of) continue;
      await this.#writer.machineStatus(
        machine,
        machineStatus({
          machine: of,
          cluster: spec,
          generation: machine.generation,
          before: this.#writer.statusOf(machine),
          isLeaving: machine.deletedAt !== undefined,
          observed,
          certificates,
          plan,
          failure: machineFailures?.[machine.name],
          now,
        }),
      );
    }
  }

  #count(cluster: KeeperInput['cluster'], { phase, controlPlane, workers }: KubeClusterStatus): void {
    const { metrics } = this.#options.controller;
    if (phase !== undefined) metrics?.onPhase({ ...nameOf(cluster), phase });
    metrics?.onMachines({
      ...nameOf(cluster),
      ready: (controlPlane?.ready ?? 0) + (workers?.ready ?? 0),
      desired: (controlPlane?.desired ?? 0) + (workers?.desired ?? 0),
    });
  }

  /** What could not even be read or reached: nothing of the machines is known by it. */
  async #failedToBegin(input: KeeperInput, error: HansaError): Promise<void> {
    const now = this.#options.controller.clock.now();
    const wish = wishOf(input);
    const before = this.#known.failed;
    const failure = { reason: error.reason, message: inHostWords(error.message, input.cluster.name) };
    this.#known = {
      ...this.#known,
      failed: { ...failure, wish, at: now, times: before?.wish === wish ? before.times + 1 : 1 },
    };
    this.#options.logger.warn('cluster not kept', { ...nameOf(input.cluster), ...failure });
    this.#say(input, 'Warning', failure.reason, failure.message);
    if (this.#known.spec) await this.#tell(input);
    else await this.#writer.clusterStatus(input.cluster, statusUnread(input, this.#writer, failure, now));
    const { phase } = this.#writer.statusOf(input.cluster) ?? {};
    if (phase !== undefined) this.#options.controller.metrics?.onPhase({ ...nameOf(input.cluster), phase });
  }

  async #letBe({ cluster, machines }: KeeperInput, work: Extract<Work, { kind: 'moved' }>): Promise<void> {
    this.#known = {};
    this.#options.controller.metrics?.forget(cluster);
    for (const machine of machines) if (machine.deletedAt !== undefined) await this.#writer.letGo(machine);
    if (work.release) {
      await this.#writer.letGo(cluster);
      return;
    }
    await this.#writer.clusterStatus(cluster, {
      ...this.#writer.statusOf(cluster),
      phase: 'Moved',
      summary: `it is kept in ${work.to} now; nothing is done for it here`,
    });
  }

  async #tellPaused(input: KeeperInput, signal: AbortSignal): Promise<void> {
    try {
      await using session = await this.#open(input, signal);
      this.#known = { ...this.#known, spec: session.read.spec };
      await this.#tell(input);
    } catch (error) {
      if (!(error instanceof InvalidClusterError)) throw error;
      const now = this.#options.controller.clock.now();
      await this.#writer.clusterStatus(input.cluster, statusUnread(input, this.#writer, error, now));
    }
  }

  #sight(input: KeeperInput, now: number): WorkSight {
    const { cluster, operations } = input;
    const { lookedAt, failed, verdict, appliedWish, notBefore = {}, observed } = this.#known;
    return {
      movedTo: cluster.annotations[movedToAnnotation],
      paused: cluster.spec.paused ?? false,
      isDeleting: cluster.deletedAt !== undefined,
      wish: wishOf(input),
      appliedWish,
      isMade:
        observed?.cluster.kind === 'up' || cluster.status?.initialization?.controlPlaneInitialized === true,
      lookedAt,
      failure: failed,
      operations: operations
        .filter((each) => !isEnded(each) && !this.#ended.has(each.uid))
        .map(({ name, uid, spec, status }) => ({
          name,
          type: spec.type,
          approved: spec.approved ?? false,
          isDestructive: this.#waiting.has(uid) || status?.phase === 'WaitingForApproval' ? true : undefined,
        })),
      certificates: verdict,
      backup: this.#backupVerdict(input, now),
      notBefore,
    };
  }

  #backupVerdict({ cluster }: KeeperInput, now: number): BackupVerdict {
    const { backup } = cluster.spec;
    // Without its list nobody knows what is due.
    if (!backup || this.#known.backupComplaint !== undefined) return { kind: 'never' };
    const at = cluster.status?.lastBackup?.at;
    const last = this.#known.backups?.[0]?.takenAt ?? (at === undefined ? undefined : Date.parse(at));
    return backupVerdict({ schedule: backup.schedule }, { last, since: Date.parse(cluster.createdAt), now });
  }

  /** Unique, and in the order of time: so are the objects that are made of it. */
  #runName(kind: string): string {
    const at = new Date(this.#options.controller.clock.now()).toISOString();
    return `${kind}-${at.replace(/[-:.]/g, '').toLowerCase()}`;
  }

  /** Once: what is so for an hour is no news each time it is found. */
  #say({ cluster }: KeeperInput, type: 'Normal' | 'Warning', reason: string, note: string): void {
    const text = `${reason} ${note}`;
    if (text === this.#lastEvent) return;
    this.#lastEvent = text;
    this.#options.controller.tell?.(subjectOf(cluster), { type, reason, action: 'Provision', note });
  }
}

function statusUnread(
  { cluster }: KeeperInput,
  writer: HostWriter,
  { reason, message }: Failure,
  now: number,
): KubeClusterStatus {
  const before = writer.statusOf(cluster);
  const isMade = before?.initialization?.controlPlaneInitialized === true;
  const phase = cluster.deletedAt !== undefined ? 'Deleting' : cluster.spec.paused ? 'Paused' : undefined;
  const at = new Date(now).toISOString();
  return {
    ...before,
    observedGeneration: cluster.generation,
    phase: phase ?? (isMade ? 'Degraded' : 'Failed'),
    summary: message,
    conditions: [
      ...(before?.conditions ?? []).filter(({ type }) => type !== 'UpToDate'),
      { type: 'UpToDate', status: 'False', reason, message, lastTransitionTime: at },
    ],
  };
}

/** The machines run on, and no federation has to be left. */
function isLetGoAsItIs({ cluster }: KeeperInput): boolean {
  return cluster.spec.deletionPolicy !== 'Reset' && cluster.spec.register === undefined;
}

function inWords(plan: Plan, cluster: string): Plan {
  const translated = (all: Plan['refusals']) =>
    all.map((each) => ({ ...each, message: inHostWords(each.message, cluster) }));
  return { ...plan, refusals: translated(plan.refusals), warnings: translated(plan.warnings) };
}

function verdictOf(
  spec: ClusterSpec,
  { machines }: Observed,
  certificates: readonly CertificateSight[],
  now: number,
): CertificateVerdict {
  const verdict = certificateStatus(certificates, {
    now,
    renewBeforeHours: spec.certificates.renewBeforeHours,
    clockSkewMs: Object.fromEntries(
      Object.entries(machines).flatMap(([name, sight]) =>
        sight.kind === 'seen'
          ? [[name, (sight.facts.clockSeconds - sight.facts.askedAtSeconds) * 1000] as const]
          : [],
      ),
    ),
  });
  return { ...verdict, message: inHostWords(verdict.message, spec.name) };
}

/** Newest first; a target that can't be read is told of, and hides nothing else. */
async function listBackups({ work }: Session): Promise<readonly StoredBackup[] | string> {
  try {
    return await work.backups();
  } catch (error) {
    if (error instanceof HansaError) return error.message;
    throw error;
  }
}

function backupNameFor({ backups, cluster }: KeeperInput, { name, takenAt }: StoredBackup): string {
  return backups.find(({ spec }) => spec.file === name)?.name ?? `${cluster.name}-${stampOf(takenAt)}`;
}

function stampOf(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:]/g, '')
    .toLowerCase();
}

function nameOf({ namespace, name }: { readonly namespace: string; readonly name: string }) {
  return { namespace, name };
}

function subjectOf({
  apiVersion,
  kind,
  namespace,
  name,
  uid,
}: AskedFor['cluster'] | AskedFor['machines'][number]) {
  return { apiVersion, kind, metadata: { namespace, name, uid } };
}
