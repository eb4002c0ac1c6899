import { movedToAnnotation } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import { HansaError, type Logger } from '../../base/index.ts';
import type { Outcome } from '../../kube/index.ts';
import { needsBundle, type Plan } from '../plan/steps.ts';
import { InvalidClusterError } from '../read/index.ts';
import type { Bundles } from './bundles.ts';
import { carryOut, type Ended, type Run } from './carry-out.ts';
import type { Failure } from './cluster-story.ts';
import { decideWork, type Work } from './decide-work.ts';
import { syncBackups } from './etcd-backups.ts';
import { failedAfter } from './failed-after.ts';
import { HostWriter } from './host-writer.ts';
import { inHostWords } from './host-words.ts';
import {
  inWords,
  type KeeperInput,
  type Known,
  listBackups,
  seenOrBefore,
  sightOf,
  verdictOf,
} from './known.ts';
import { openSession, type Session, type SessionOptions } from './open-session.ts';
import { runOperation } from './operations.ts';
import type { ProvisionControllerOptions } from './options.ts';
import { StatusTeller } from './status-teller.ts';
import { type AskedFor, forgottenIn, wishOf } from './wish.ts';

export interface KeeperOptions {
  readonly controller: ProvisionControllerOptions;
  readonly bundles: Bundles;
  readonly logger: Logger;
}

/** After a renewal or a backup of our own failed. */
const againAfterMs = 15 * 60_000;

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
  readonly #teller: StatusTeller;
  #known: Known = {};
  #running:
    | { readonly wish: string; readonly stopping: AbortController; readonly isPatient: boolean }
    | undefined;
  /** Operations that came to their end, or wait: caches may be behind. */
  readonly #ended = new Set<string>();
  readonly #waiting = new Set<string>();
  /** Backups that this process took, by file: what their EtcdBackups shall say. */
  #taken: Ended['taken'] = {};
  #hasClosedOld = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#writer = new HostWriter(options.controller.host);
    this.#teller = new StatusTeller({ ...options, writer: this.#writer });
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
    const work = decideWork(
      sightOf(input, this.#known, { ended: this.#ended, waiting: this.#waiting, now }),
      now,
    );
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
      // Where nothing could be done about what is due, it is due again at once.
      notBefore: ended.kind === 'completed' && which === 'backup' ? others : { ...others, [which]: later },
    };
    // What failed here is told by its conditions and an event; the spec is carried out all the same.
    if (ended.failure) this.#teller.say(input, 'Warning', ended.failure.reason, ended.failure.message);
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
      this.#teller.say(input, 'Normal', `${operation.spec.type}Completed`, `${name}: ${ended.message}`);
    if (ended.failure)
      this.#teller.say(input, 'Warning', ended.failure.reason, `${name}: ${ended.failure.message}`);
    await this.#settled(input, signal);
  }

  async #delete(input: KeeperInput, signal: AbortSignal): Promise<void> {
    const { cluster, machines } = input;
    const name = this.#runName('delete');
    const ended = await this.#run(
      input,
      {
        goal: { kind: 'delete', forgetUnreachable: forgottenIn(input) },
        name,
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
      // A new cluster of this name must not begin with the keys of the old one.
      await this.#writer.removeSecrets(cluster);
      const runs = input.operations.filter(({ isAutomatic }) => isAutomatic).map((each) => each.name);
      for (const run of new Set([...runs, `${cluster.name}-${name}`])) {
        await this.#writer.removeOperation({ namespace: cluster.namespace, name: run });
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
    const before = this.#known;
    const failed = failedAfter(before.failed, { failure, isAsDesired, wish, now });
    const machineFailures = after ? after.machineFailures : failed && before.machineFailures;
    this.#known = {
      spec: read.spec,
      leaving: session.leaving,
      observed,
      lookedAt: now,
      ...seenOrBefore(
        before,
        certificates && verdictOf(read.spec, observed, certificates, now),
        certificates,
      ),
      ...(typeof listed === 'string' ? { backupComplaint: listed } : listed ? { backups: listed } : {}),
      ...(plan && { plan: inWords(plan, input.cluster.name) }),
      ...(isAsDesired && { appliedWish: wish }),
      ...(failed && { failed }),
      ...(machineFailures && { machineFailures }),
      ...(before.notBefore && { notBefore: before.notBefore }),
    };
    if (typeof listed === 'object') {
      await syncBackups(input, listed, { writer: this.#writer, taken: this.#taken });
      this.#taken = {};
    }
    if (isAsDesired) await this.#letGoOfOld(input);
    await this.#tell(input);
    if (failure) this.#teller.say(input, 'Warning', failure.reason, failure.message);
    else if (isAsDesired && before.failed)
      this.#teller.say(input, 'Normal', 'AsDesired', 'it is as the spec wants it again');
    else if (isAsDesired && after?.kind === 'completed')
      this.#teller.say(input, 'Normal', 'AsDesired', after.message);
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

  /** After a run: how things stand now, unless everything ends. */
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
    if (complaint && plan && needsBundle(plan)) {
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
        this.#teller.tellTrusted(input, machine, fingerprint, hostKey),
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
      onMachine: (machine, phase, detail) => this.#teller.tellMachine(input, machine, phase, detail),
    });
    this.#taken = { ...this.#taken, ...ended.taken };
    return ended;
  }

  #tell(input: KeeperInput, operation?: string): Promise<void> {
    const waiting = input.operations.find(({ uid }) => this.#waiting.has(uid))?.name;
    return this.#teller.tell(input, this.#known, operation ?? waiting);
  }

  async #failedToBegin(input: KeeperInput, error: HansaError): Promise<void> {
    const now = this.#options.controller.clock.now();
    const { namespace, name } = input.cluster;
    const failure = { reason: error.reason, message: inHostWords(error.message, name) };
    const failed = failedAfter(this.#known.failed, { failure, isAsDesired: false, wish: wishOf(input), now });
    this.#known = { ...this.#known, ...(failed && { failed }) };
    this.#options.logger.warn('cluster not kept', { namespace, name, ...failure });
    this.#teller.say(input, 'Warning', failure.reason, failure.message);
    if (this.#known.spec) await this.#tell(input);
    else await this.#teller.tellUnread(input, failure);
  }

  async #letBe(input: KeeperInput, work: Extract<Work, { kind: 'moved' }>): Promise<void> {
    const { cluster, machines } = input;
    this.#known = {};
    this.#options.controller.metrics?.forget(cluster);
    for (const machine of machines) if (machine.deletedAt !== undefined) await this.#writer.letGo(machine);
    if (work.release) await this.#writer.letGo(cluster);
    else await this.#teller.tellMoved(input, work.to);
  }

  async #tellPaused(input: KeeperInput, signal: AbortSignal): Promise<void> {
    try {
      await using session = await this.#open(input, signal);
      this.#known = { ...this.#known, spec: session.read.spec };
      await this.#tell(input);
    } catch (error) {
      if (!(error instanceof InvalidClusterError)) throw error;
      await this.#teller.tellUnread(input, error);
    }
  }

  /** Unique, and in the order of time: so are the objects that are made of it. */
  #runName(kind: string): string {
    const at = new Date(this.#options.controller.clock.now()).toISOString();
    return `${kind}-${at.replace(/[-:.]/g, '').toLowerCase()}`;
  }
}

/** The machines run on, and no federation has to be left. */
function isLetGoAsItIs({ cluster }: KeeperInput): boolean {
  return cluster.spec.deletionPolicy !== 'Reset' && cluster.spec.register === undefined;
}
