import { federatedContent, noRevision, revisionOf } from '../../api/rollout.hansa.dev/v1alpha1/pins.ts';
import type { RolloutSpec, RolloutStatus } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { HansaError, type JsonObject, messageOf } from '../../base/index.ts';
import { type Cache, keyOf, type ResourceType } from '../../kube/index.ts';
import { isReady } from '../../members/index.ts';
import { fleetRevision, heldBefore, type Workloads } from '../plan/controller/index.ts';
import { workloadRevision } from '../plan/gated/index.ts';
import { type FederatedObjects, pinsOf } from './federated-objects.ts';
import { makePlan } from './make-plan.ts';
import type { RenderHelm, RolloutControllerOptions } from './options.ts';
import { isMade } from './policy-rollouts.ts';
import { objectsRevision, recordedContent, type Source } from './resolve-source.ts';
import type { RevisionStore } from './revision-store.ts';
import type { RolloutRecord } from './rollout-record.ts';
import { fleetOf, type Recorded } from './run.ts';
import { trouble } from './trouble.ts';

export interface SourceReaderDeps {
  readonly members: RolloutControllerOptions['members'];
  readonly rollouts: Cache<RolloutRecord>;
  readonly federated: FederatedObjects;
  readonly revisions: RevisionStore;
  readonly renderHelm: RenderHelm | undefined;
}

/** Finds out what a rollout is about: its source now, and the revisions on record. */
export class SourceReader {
  readonly #deps: SourceReaderDeps;

  constructor(deps: SourceReaderDeps) {
    this.#deps = deps;
  }

  /** What the source says now; undefined while that is not known yet. */
  async read(
    record: RolloutRecord,
    spec: RolloutSpec,
    state: RolloutStatus,
    signal: AbortSignal,
  ): Promise<Source | undefined> {
    const { federatedRef, workloadRef } = spec.source;
    if (federatedRef) return this.#resolveFederated(record, federatedRef, signal);
    if (workloadRef) return this.#resolveWorkload(record, spec, workloadRef, state, signal);
    const { helm, manifests = [] } = spec.source;
    return {
      kind: 'objects',
      revision: objectsRevision(spec.source),
      objects: async () => {
        if (!helm) return manifests as never;
        const { renderHelm } = this.#deps;
        if (!renderHelm) {
          throw trouble(
            'RenderingFailed',
            'this controller cannot render charts: it was started without helm',
          );
        }
        try {
          return await renderHelm(record, helm, signal);
        } catch (error) {
          if (signal.aborted) throw error;
          const retry = error instanceof HansaError ? error.retry : 'backoff';
          throw trouble('RenderingFailed', messageOf(error), retry === 'never' ? 60_000 : 10_000, error);
        }
      },
    };
  }

  async #resolveFederated(
    record: RolloutRecord,
    { kind, name }: { readonly kind: string; readonly name: string },
    signal: AbortSignal,
  ): Promise<Source> {
    const { federated, rollouts, members } = this.#deps;
    const { namespace } = record;
    const rivals = [...rollouts.keysBy('object', `${kind}|${keyOf({ namespace, name })}`)]
      .flatMap((key) => rollouts.get(key) ?? [])
      .filter(({ deleting }) => !deleting)
      .toSorted(byPrecedence);
    const [first] = rivals;
    if (first && first.name !== record.name) {
      throw trouble(
        'InvalidSpec',
        `spec.source.federatedRef: ${kind} "${name}" is rolled out by the Rollout "${first.name}" already; delete one of the two`,
      );
    }
    const entry = federated.find(kind, { namespace, name });
    if (!entry || entry.deleting || !entry.row.target.namespaced) {
      throw trouble(
        'SourceNotFound',
        entry
          ? `${kind} "${name}" ${entry.deleting ? 'is being deleted' : 'cannot be rolled out: a namespace goes with its first object'}`
          : `there is no ${kind} "${name}" in namespace "${namespace}": create it`,
      );
    }
    const read = await federated.hubOf(entry, signal);
    if (!read.ok) throw trouble('SourceNotFound', `${kind} "${name}" breaks its schema: ${read.message}`);
    const { hub, generation } = read;
    const selected = federated.selectedBy(hub, namespace, members.views());
    return {
      kind: 'federated',
      revision: revisionOf(federatedContent(hub)),
      entry,
      hub,
      generation,
      selected,
    };
  }

  async #resolveWorkload(
    record: RolloutRecord,
    spec: RolloutSpec,
    { apiVersion = 'apps/v1', kind, name }: { apiVersion?: string; kind: string; name: string },
    state: RolloutStatus,
    signal: AbortSignal,
  ): Promise<Source> {
    const type = workloadTypes[kind];
    if (apiVersion !== 'apps/v1' || !type) {
      throw trouble(
        'InvalidSpec',
        `spec.source.workloadRef.kind: "${kind}" of ${apiVersion} cannot be rolled out: name a Deployment, DaemonSet or StatefulSet of apps/v1`,
      );
    }
    const plan = makePlan(record, spec, this.#deps.members, { targetKind: kind, selected: undefined });
    const seen: Record<string, string> = {};
    const members = plan.waves.flatMap((wave) => wave.members).map((each) => this.#deps.members.get(each));
    await Promise.all(
      members.map(async (member) => {
        if (!member?.client || !isReady(member)) return;
        try {
          const object = await member.client.get(type, { namespace: record.namespace, name }, { signal });
          seen[member.name] = workloadRevision(object);
        } catch (error) {
          // One that is not there, or a member that does not answer, says nothing of the others.
          if (signal.aborted || !(error instanceof HansaError)) throw error;
        }
      }),
    );
    const known = await this.recorded(record, state.revision ?? state.stableRevision ?? noRevision, signal);
    const stable = await this.recorded(record, state.stableRevision ?? noRevision, signal);
    const fleet = fleetRevision(
      known ? fleetOf(known) : undefined,
      seen,
      stable && state.abortedBecause !== undefined ? fleetOf(stable) : undefined,
    );
    if (!fleet) {
      throw trouble(
        'SourceNotFound',
        `no cluster has a ${kind} "${name}" in namespace "${record.namespace}": create it there`,
        5_000,
      );
    }
    return { kind: 'workload', revision: fleet.revision, fleet };
  }

  /** Puts the source's revision on record before anything is told of it. */
  async keep(record: RolloutRecord, found: Source, signal: AbortSignal): Promise<void> {
    const { revisions } = this.#deps;
    const entry = await revisions.keep(record, found.revision, () => recordedContent(found), signal);
    if (found.kind !== 'workload') return;
    const content = await revisions.contentOf(record, found.revision, signal);
    const known = (content?.['workloads'] ?? {}) as Workloads;
    const isNew = Object.keys(found.fleet.workloads).some((name) => known[name] === undefined);
    if (isNew) await revisions.amend(entry, { workloads: { ...found.fleet.workloads, ...known } }, signal);
  }

  /** A revision as it was put on record. */
  async recorded(
    record: RolloutRecord,
    revision: string,
    signal: AbortSignal,
  ): Promise<Recorded | undefined> {
    const entry = this.#deps.revisions.find(record, revision);
    if (!entry) return undefined;
    const content: JsonObject | undefined = await this.#deps.revisions.contentOf(record, revision, signal);
    return { hash: revision, number: entry.number, content };
  }

  /** What clusters held before the first round, or that this is not known yet. */
  adopt(
    record: RolloutRecord,
    state: RolloutStatus,
    found: Source,
  ): { readonly isKnown: false } | { readonly isKnown: true; readonly stable: string | undefined } {
    const nothing = { isKnown: true, stable: undefined } as const;
    if (state.revision !== undefined || state.stableRevision !== undefined) return nothing;
    // What others edit is there already: only their next edit is something to roll out.
    if (found.kind === 'workload') return { isKnown: true, stable: found.revision };
    if (found.kind !== 'federated') return nothing;
    if (found.selected.length === 0) return nothing;
    const pins = pinsOf(found.entry);
    if (pins?.rollout === record.name) return nothing;
    switch (heldBefore(found.entry.status, found.generation, found.selected)) {
      case 'the-spec':
        return { isKnown: true, stable: found.revision };
      case 'something-else':
        return nothing;
      case 'not-known-yet':
        return { isKnown: false };
    }
  }
}

/** What a person wrote goes before what a policy made; then the older one. */
function byPrecedence(a: RolloutRecord, b: RolloutRecord): number {
  const made = Number(isMade(a)) - Number(isMade(b));
  if (made !== 0) return made;
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}

const workloadTypes: Readonly<Record<string, ResourceType>> = Object.fromEntries(
  [
    ['Deployment', 'deployments'],
    ['DaemonSet', 'daemonsets'],
    ['StatefulSet', 'statefulsets'],
  ].map(([kind = '', plural = '']) => [
    kind,
    { group: 'apps', version: 'v1', kind, plural, namespaced: true },
  ]),
);
