import { originalAnnotation } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { HansaError, isJsonObject, type JsonObject } from '../../base/index.ts';
import type { KubeObject, ResourceType } from '../../kube/index.ts';
import type { MemberObserved, StageDecision } from '../plan/steps/types.ts';
import type { ModeCall } from '../mode.ts';
import {
  healthOf,
  isStepped,
  partitionFor,
  replicasOf,
  shareAnnotation,
  shareOrdered,
  tellInPlace,
  withShare,
} from '../plan/in-place/index.ts';
import { workloadRevision } from '../plan/gated/index.ts';
import { takeOneBack } from './pods.ts';
import type { Site } from './site.ts';

const setType: ResourceType = {
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  namespaced: true,
};
const versionType: ResourceType = { ...setType, kind: 'ControllerRevision', plural: 'controllerrevisions' };

/** What is noted on the StatefulSet itself, so that any process goes on. */
interface Note {
  /** Its strategy before a rollout held it. */
  readonly updateStrategy: JsonObject;
  /** Hash of the pod template that all of its pods have. */
  readonly stable: string;
  /** Hash that the share is about; a newer edit starts from nothing. */
  readonly contender?: string;
}

/**
 * A StatefulSet that others edit in the member: its partition keeps an edit from every pod until the share says
 * otherwise.
 *
 * *Caveats*: an edit that comes while an older one is partly out reaches the pods above the partition at once, as
 * Kubernetes does it; the next look raises the partition again.
 */
export const statefulSetInPlace = {
  /** Holds it: whatever is edited from now on waits. */
  arm: async (site: Site, { rollout }: ModeCall): Promise<void> => {
    const live = await need(site, rollout);
    const note = noteOn(live);
    if (note && !(rollout.isDone && note.stable !== workloadRevision(live))) return;
    if (!note && !isSettled(live)) {
      throw new HansaError(`${describe(site, live)} is being updated: it is held once that is through`, {
        reason: 'Installing',
        retry: { afterMs: 2_000 },
      });
    }
    if (note) return;
    await write(site, live, { updateStrategy: strategyOf(live), stable: workloadRevision(live) }, nothing);
  },

  tend: async (site: Site, { rollout }: ModeCall): Promise<void> => {
    const live = await find(site, rollout);
    const note = live && noteOn(live);
    if (!live || !note) return;
    const newest = workloadRevision(live);
    if (newest !== note.stable && newest !== note.contender) {
      await write(site, live, { ...note, contender: newest }, nothing);
      return;
    }
    if (newest === note.stable) {
      const { contender: _, ...rest } = note;
      const { isMixed, isSeen } = healthOf(live);
      // Back at the old template: let go until all pods have it, then held for the next edit, at whatever size it has.
      if (isSeen) await write(site, live, rest, { share: 0, letGo: isMixed ? 100 : 0 });
      return;
    }
    await write(site, live, note, upTo(shareOrdered(live) ?? 0));
    await takeOneBack(site, live);
  },

  observe: async (site: Site, { rollout }: ModeCall): Promise<MemberObserved> => {
    const live = await find(site, rollout);
    if (!live) {
      return {
        ...tellInPlace({ objects: [], installed: false, revision: undefined, hasIncumbent: false }),
        problem: {
          reason: 'SourceNotFound',
          message: `there is no StatefulSet ${rollout.target?.name} in ${rollout.namespace} of ${site.member}: create it, or leave the cluster out of spec.placement`,
        },
      };
    }
    const note = noteOn(live);
    const revision = workloadRevision(live);
    const isStable = note === undefined || revision === note.stable;
    const installed = revision === rollout.contender.hash && (isStable || note?.contender === revision);
    const seen = tellInPlace({
      // What is stable here is all there, whatever the partition says of the next edit.
      objects: [isStable ? withShare(live, replicasOf(live), 100) : live],
      installed,
      revision,
      hasIncumbent: !isStable,
    });
    const refusal = isStepped(live)
      ? undefined
      : {
          reason: 'InvalidSpec',
          message: `${describe(site, live)} has updateStrategy OnDelete, which leaves it to people which pods become new: set spec.updateStrategy.type to RollingUpdate`,
        };
    return { ...seen, problem: refusal ?? seen.problem };
  },

  /** The edit is there already; from now on the share is about it. */
  install: async (site: Site, { rollout }: ModeCall): Promise<void> => {
    const live = await need(site, rollout);
    const note = noteOn(live) ?? { updateStrategy: strategyOf(live), stable: workloadRevision(live) };
    const newest = workloadRevision(live);
    if (newest === note.stable || note.contender === newest) return;
    await write(site, live, { ...note, contender: newest }, nothing);
  },

  set: async (
    site: Site,
    { rollout }: ModeCall,
    { capacity }: Extract<StageDecision, { kind: 'set' }>,
  ): Promise<void> => {
    const percent =
      capacity?.contender ?? (capacity?.incumbent === undefined ? undefined : 100 - capacity.incumbent);
    const live = await need(site, rollout);
    const note = noteOn(live);
    if (percent === undefined || !note) return;
    if (note.contender === workloadRevision(live)) await write(site, live, note, upTo(percent));
  },

  finish: async (site: Site, { rollout }: ModeCall): Promise<void> => {
    const live = await need(site, rollout);
    const note = noteOn(live);
    const newest = workloadRevision(live);
    if (!note || newest !== rollout.contender.hash) return;
    await write(site, live, { updateStrategy: note.updateStrategy, stable: newest }, nothing);
  },

  /** The pod template that the other pods still have, and nothing held, so that the new ones become old again. */
  putBack: async (site: Site, { rollout }: ModeCall): Promise<void> => {
    const live = await need(site, rollout);
    const note = noteOn(live);
    const newest = workloadRevision(live);
    if (!note || newest === note.stable) return;
    const { currentRevision } = (live['status'] ?? {}) as { readonly currentRevision?: string };
    const version = await site.get(versionType, {
      namespace: rollout.namespace,
      name: currentRevision ?? '',
    });
    const data = version?.['data'] as { readonly spec?: { readonly template?: JsonObject } } | undefined;
    const { $patch: _, ...template } = data?.spec?.template ?? {};
    if (!isJsonObject(template['spec'])) {
      throw new HansaError(
        `the old pod template of ${describe(site, live)} is not kept any more: put it back by editing the StatefulSet`,
        { reason: 'ClusterFailed', retry: { afterMs: 30_000 } },
      );
    }
    const { contender: _contender, ...rest } = note;
    const restored = {
      ...rest,
      stable: workloadRevision({ ...live, spec: { template } }),
    };
    await replace(site, live, restored, template);
  },

  /** Free again, with the strategy that it had. */
  leave: async (site: Site, { rollout }: ModeCall): Promise<void> => {
    const live = await find(site, rollout);
    const note = live && noteOn(live);
    if (!live || !note) return;
    const rolling = note.updateStrategy['rollingUpdate'];
    const partition = isJsonObject(rolling) ? (rolling['partition'] ?? null) : null;
    await site.patch(setType, live, {
      metadata: { annotations: { [originalAnnotation]: null, [shareAnnotation]: null } },
      spec: { updateStrategy: { rollingUpdate: { partition } } },
    });
  },
} as const;

function find(site: Site, { target, namespace }: ModeCall['rollout']): Promise<KubeObject | undefined> {
  return site.get(setType, { namespace, name: target?.name ?? '' });
}

async function need(site: Site, rollout: ModeCall['rollout']): Promise<KubeObject> {
  const live = await find(site, rollout);
  if (live) return live;
  throw new HansaError(
    `there is no StatefulSet ${rollout.target?.name} in ${rollout.namespace} of ${site.member}: create it, or leave the cluster out of spec.placement`,
    { reason: 'SourceNotFound' },
  );
}

/** What was ordered, and what the partition lets go: the same, but on the way back to what is stable. */
interface Shares {
  readonly share: number;
  readonly letGo: number;
}

function upTo(percent: number): Shares {
  return { share: percent, letGo: percent };
}

const nothing: Shares = { share: 0, letGo: 0 };

/** Notes and shares in one write, and none where nothing differs. */
async function write(site: Site, live: KubeObject, note: Note, { share, letGo }: Shares): Promise<void> {
  const text = JSON.stringify(note);
  const partition = partitionFor(replicasOf(live), letGo);
  const isSame =
    live.metadata.annotations?.[originalAnnotation] === text &&
    shareOrdered(live) === share &&
    partitionOf(live) === partition;
  if (isSame) return;
  await site.patch(setType, live, {
    metadata: {
      // An edit in between must be seen before a share is given to it.
      ...(live.metadata.resourceVersion ? { resourceVersion: live.metadata.resourceVersion } : {}),
      annotations: { [originalAnnotation]: text, [shareAnnotation]: String(share) },
    },
    spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition } } },
  });
}

async function replace(site: Site, live: KubeObject, note: Note, template: JsonObject): Promise<void> {
  const { name, namespace, resourceVersion = '' } = live.metadata;
  const key = (annotation: string) => `/metadata/annotations/${annotation.replaceAll('/', '~1')}`;
  await site.client.patch(
    setType,
    { name, namespace },
    [
      { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
      { op: 'replace', path: '/spec/template', value: template },
      {
        op: 'add',
        path: '/spec/updateStrategy',
        value: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
      },
      { op: 'add', path: key(originalAnnotation), value: JSON.stringify(note) },
      { op: 'add', path: key(shareAnnotation), value: '100' },
    ],
    { type: 'json', fieldManager: 'hansa-rollout', signal: site.signal },
  );
}

function noteOn({ metadata }: KubeObject): Note | undefined {
  const text = metadata.annotations?.[originalAnnotation];
  if (text === undefined) return undefined;
  try {
    const note: unknown = JSON.parse(text);
    return isJsonObject(note) && isJsonObject(note['updateStrategy']) && typeof note['stable'] === 'string'
      ? (note as unknown as Note)
      : undefined;
  } catch {
    return undefined;
  }
}

function strategyOf(live: KubeObject): JsonObject {
  const { updateStrategy } = (live['spec'] ?? {}) as { readonly updateStrategy?: JsonObject };
  return updateStrategy ?? {};
}

function partitionOf(live: KubeObject): number | undefined {
  const rolling = strategyOf(live)['rollingUpdate'];
  const partition = isJsonObject(rolling) ? rolling['partition'] : undefined;
  return typeof partition === 'number' ? partition : undefined;
}

/** All pods are of its newest revision, and ready. */
function isSettled(live: KubeObject): boolean {
  const { isWhole, isMixed } = healthOf(live);
  return isWhole && !isMixed;
}

function describe(site: Site, { metadata }: KubeObject): string {
  return `StatefulSet ${metadata.name} in ${metadata.namespace} of ${site.member}`;
}
