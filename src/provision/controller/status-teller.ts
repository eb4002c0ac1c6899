import type { KubeClusterStatus } from '../../api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import type { MachinePhase } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import { type Logger, messageOf } from '../../base/index.ts';
import type { StoredBackup } from '../plan/backup.ts';
import { clusterStatus } from './cluster-status.ts';
import type { Failure } from './cluster-story.ts';
import { backupObjectName, type HostWriter } from './host-writer.ts';
import { backupVerdictOf, type KeeperInput, type Known } from './known.ts';
import { machineStatus } from './machine-status.ts';
import type { ProvisionControllerOptions } from './options.ts';
import type { AskedFor } from './wish.ts';

export interface StatusTellerOptions {
  readonly controller: ProvisionControllerOptions;
  readonly writer: HostWriter;
  readonly logger: Logger;
}

/** Machines that are written about while a run is under way: not more often than this. */
const machineEveryMs = 3_000;

/** Tells people of one cluster: in statuses, events and metrics. */
export class StatusTeller {
  readonly #options: StatusTellerOptions;
  readonly #toldMachines = new Map<string, { readonly text: string; readonly at: number }>();
  #lastEvent = '';

  constructor(options: StatusTellerOptions) {
    this.#options = options;
  }

  /** All that is known of cluster and machines. `operation`: what is under way, or waits. */
  async tell(input: KeeperInput, known: Known, operation: string | undefined): Promise<void> {
    const { cluster, machines } = input;
    const { spec, leaving = [], observed, verdict, certificates, plan, failed, machineFailures } = known;
    if (!spec) return;
    const { controller, writer } = this.#options;
    const now = controller.clock.now();
    const newest = known.backups?.[0];
    const status = clusterStatus({
      spec,
      generation: cluster.generation,
      before: writer.statusOf(cluster),
      isDeleting: cluster.deletedAt !== undefined,
      observed,
      certificates: verdict,
      backup: {
        verdict: backupVerdictOf(input, known, now),
        newest,
        newestName: newest && backupNameFor(input, newest),
        complaint: known.backupComplaint,
      },
      plan,
      failure: failed,
      operation,
      now,
    });
    await writer.clusterStatus(cluster, status);
    this.#count(cluster, status, known);
    for (const machine of machines) {
      const of = [...spec.machines, ...leaving].find(({ name }) => name === machine.name);
      if (!of) continue;
      await writer.machineStatus(
        machine,
        machineStatus({
          machine: of,
          cluster: spec,
          generation: machine.generation,
          before: writer.statusOf(machine),
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

  /** What can't be read; nothing of the machines is known by it. */
  async tellUnread({ cluster }: KeeperInput, { reason, message }: Failure): Promise<void> {
    const { controller, writer } = this.#options;
    const before = writer.statusOf(cluster);
    const isMade = before?.initialization?.controlPlaneInitialized === true;
    const isResting =
      cluster.deletedAt !== undefined ? 'Deleting' : cluster.spec.paused ? 'Paused' : undefined;
    const phase = isResting ?? (isMade ? 'Degraded' : 'Failed');
    await writer.clusterStatus(cluster, {
      ...before,
      observedGeneration: cluster.generation,
      phase,
      summary: message,
      conditions: [
        ...(before?.conditions ?? []).filter(({ type }) => type !== 'UpToDate'),
        {
          type: 'UpToDate',
          status: 'False',
          reason,
          message,
          lastTransitionTime: new Date(controller.clock.now()).toISOString(),
        },
      ],
    });
    controller.metrics?.onPhase({ ...nameOf(cluster), phase });
  }

  async tellMoved({ cluster }: KeeperInput, to: string): Promise<void> {
    const { writer } = this.#options;
    await writer.clusterStatus(cluster, {
      ...writer.statusOf(cluster),
      phase: 'Moved',
      summary: `it is kept in ${to} now; nothing is done for it here`,
    });
  }

  /** Of the step that is under way on a machine. Not waited for, and not more often than people can read. */
  tellMachine(input: KeeperInput, name: string, phase: MachinePhase, detail: string): void {
    const { controller, writer, logger } = this.#options;
    const machine = input.machines.find((each) => each.name === name);
    const told = this.#toldMachines.get(name);
    const isRecent = told !== undefined && controller.clock.monotonic() - told.at < machineEveryMs;
    if (!machine || (isRecent && told.text.startsWith(`${phase}/`))) return;
    const text = `${phase}/${detail}`;
    if (told?.text === text) return;
    this.#toldMachines.set(name, { text, at: controller.clock.monotonic() });
    const status = { ...writer.statusOf(machine), phase, phaseDetail: detail };
    writer.machineStatus(machine, status).catch((error: unknown) => {
      logger.debug('machine not told', { machine: name, error: messageOf(error) });
    });
  }

  tellTrusted(input: KeeperInput, name: string, fingerprint: string, hostKey: string): void {
    const { controller, writer, logger } = this.#options;
    const machine = input.machines.find((each) => each.name === name);
    logger.info('host key trusted at first sight', { machine: name, fingerprint });
    if (!machine) return;
    const before = writer.statusOf(machine);
    const hostKeys = [...new Set([...(before?.hostKeys ?? []), hostKey])];
    writer.machineStatus(machine, { ...before, hostKeys }).catch((error: unknown) => {
      logger.debug('machine not told', { machine: name, error: messageOf(error) });
    });
    controller.tell?.(subjectOf(machine), {
      type: 'Normal',
      reason: 'HostKeyTrusted',
      action: 'Connect',
      note: `its host key ${fingerprint} was trusted at first sight: pin it in spec.hostKeys if it is the right one`,
    });
  }

  /** An event, once: what is so for an hour is no news each time it is found. */
  say({ cluster }: KeeperInput, type: 'Normal' | 'Warning', reason: string, note: string): void {
    const text = `${reason} ${note}`;
    if (text === this.#lastEvent) return;
    this.#lastEvent = text;
    this.#options.controller.tell?.(subjectOf(cluster), { type, reason, action: 'Provision', note });
  }

  #count(
    cluster: KeeperInput['cluster'],
    { phase, controlPlane, workers }: KubeClusterStatus,
    { backups, verdict }: Known,
  ): void {
    const { metrics } = this.#options.controller;
    const name = nameOf(cluster);
    const [newest] = backups ?? [];
    if (phase !== undefined) metrics?.onPhase({ ...name, phase });
    if (newest) metrics?.onBackup({ ...name, takenAt: newest.takenAt });
    if (verdict?.firstExpiry !== undefined)
      metrics?.onCertificates({ ...name, firstExpiry: verdict.firstExpiry });
    metrics?.onMachines({
      ...name,
      ready: (controlPlane?.ready ?? 0) + (workers?.ready ?? 0),
      desired: (controlPlane?.desired ?? 0) + (workers?.desired ?? 0),
    });
  }
}

function backupNameFor({ backups, cluster }: KeeperInput, { name, takenAt }: StoredBackup): string {
  return backups.find(({ spec }) => spec.file === name)?.name ?? backupObjectName(cluster.name, takenAt);
}

function nameOf({ namespace, name }: { readonly namespace: string; readonly name: string }) {
  return { namespace, name };
}

function subjectOf(object: AskedFor['cluster'] | AskedFor['machines'][number]) {
  const { apiVersion, kind, namespace, name, uid } = object;
  return { apiVersion, kind, metadata: { namespace, name, uid } };
}
