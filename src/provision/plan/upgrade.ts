import type { ClusterSpec, MachineSpec } from './cluster-spec.ts';
import { controlPlanes } from './cluster-spec.ts';
import { isCordonedByUs } from './cordon.ts';
import type { ClusterSight, MachineFacts, NodeSight, Observed } from './facts.ts';
import { type JournalRecord, lastWordOn } from './journal.ts';
import type { Plan, Refusal, Step } from './steps.ts';
import { type Hop, pathTo } from './upgrade-path.ts';
import { compareVersions, type KubeVersion, readVersion } from './version.ts';

export interface UpgradeTarget {
  readonly version: string;
  /** Versions that the bundle at hand holds; those between are taken from it. */
  readonly available: readonly string[];
}

/**
 * Brings a cluster to a version, one minor after the other.
 *
 * *Flow*, for each minor on the way: snapshot; binaries and images to every machine; control planes one by one, the
 * leader of etcd last; workers in batches of `maxUnavailable`; a look at the whole.
 * *Guarantees*: no control plane ever skips a minor, no kubelet gets newer than an API server or more than three minors
 * older. What is done already is left out, so a plan made in the middle goes on where the last one stopped.
 * *Caveats*: from the first control plane of a new minor on there is no way back but the snapshot, since its API server
 * may have written objects that the older one can't read: that step is marked.
 */
export function planUpgrade(
  spec: ClusterSpec,
  observed: Observed,
  journal: readonly JournalRecord[],
  target: UpgradeTarget,
): Plan {
  const { cluster } = observed;
  if (cluster.kind !== 'up') return refusedFor('ClusterNotUp', notUp(cluster));
  const seats = seatsOf(spec, observed, cluster);
  const path = pathTo(target, oldestOf(seats), newestOf(seats));
  if (path.kind === 'refused') return { steps: [], refusals: [path.refusal], warnings: [] };
  const started = startedBy(journal);
  const refusals = [
    ...seats.flatMap((seat) => refusalsOfSeat(seat, path.hops, started)),
    ...refusalsOfEtcd(spec, cluster, started),
  ];
  if (refusals.length > 0) return { steps: [], refusals, warnings: [] };
  const steps: Step[] = [];
  for (const hop of path.hops) {
    steps.push(...stepsOfHop(hop, { spec, seats, journal, started, after: steps.at(-1)?.id }));
  }
  steps.push(...forgottenCordons(seats, journal, steps));
  return { steps, refusals: [], warnings: steps.length === 0 ? [] : warningsOf(spec, seats, path.hops) };
}

/** A machine and the versions on it. */
interface Seat {
  readonly machine: MachineSpec;
  readonly facts: MachineFacts | undefined;
  readonly unreachable: string | undefined;
  readonly node: NodeSight | undefined;
  /** Control planes only. */
  readonly apiServer: KubeVersion | undefined;
  readonly kubelet: KubeVersion | undefined;
  readonly isEtcdLeader: boolean;
}

type Up = Extract<ClusterSight, { kind: 'up' }>;

function seatsOf(spec: ClusterSpec, observed: Observed, cluster: Up): readonly Seat[] {
  return spec.machines.map((machine) => {
    const sight = observed.machines[machine.name];
    const facts = sight?.kind === 'seen' ? sight.facts : undefined;
    const node = cluster.nodes.find(({ name }) => name === machine.nodeName);
    return {
      machine,
      facts,
      unreachable: sight?.kind === 'unreachable' ? sight.message : sight ? undefined : 'it was not asked',
      node,
      apiServer: machine.role === 'control-plane' ? apiServerVersion(machine, facts, cluster) : undefined,
      kubelet: node && readVersion(node.kubeletVersion),
      isEtcdLeader: cluster.members.some((member) => member.isLeader && member.name === machine.nodeName),
    };
  });
}

/** The manifest says what shall run, the API server what does; the older of them is still to be upgraded. */
function apiServerVersion(
  { name }: MachineSpec,
  facts: MachineFacts | undefined,
  cluster: Up,
): KubeVersion | undefined {
  const answers = readVersion(cluster.apiServers[name] ?? '');
  const image = readVersion(facts?.kubernetes.images['kube-apiserver'] ?? '');
  if (!answers || !image) return answers ?? image;
  return compareVersions(answers, image) < 0 ? answers : image;
}

function oldestOf(seats: readonly Seat[]): KubeVersion | undefined {
  return versionsOf(seats).toSorted(compareVersions)[0];
}

function newestOf(seats: readonly Seat[]): KubeVersion | undefined {
  return versionsOf(seats).toSorted(compareVersions).at(-1);
}

function versionsOf(seats: readonly Seat[]): readonly KubeVersion[] {
  // A kubelet may be older than the API servers; it doesn't set the pace, but it is upgraded too.
  return seats.flatMap(({ apiServer }) => apiServer ?? []);
}

function refusalsOfSeat(seat: Seat, hops: readonly Hop[], started: ReadonlySet<string>): readonly Refusal[] {
  const { machine, unreachable, node, kubelet, apiServer } = seat;
  const { name, nodeName, role } = machine;
  const first = hops[0];
  if (!first) return [];
  const refuse = (reason: string, message: string): Refusal => ({
    reason,
    machine: name,
    field: undefined,
    message,
  });
  if (unreachable !== undefined) {
    return [
      refuse(
        'MachineUnreachable',
        `${name} can't be reached (${unreachable}): bring it back, or take it out of the cluster before the upgrade`,
      ),
    ];
  }
  if (!node || (role === 'control-plane' && !apiServer)) {
    return [
      refuse('NodeMissing', `${name} has not joined: let "hansa cluster apply" finish before the upgrade`),
    ];
  }
  const found: Refusal[] = [];
  // A node that an interrupted upgrade left broken must not stop the upgrade that mends it.
  if (!node.isReady && !started.has(name)) {
    found.push(
      refuse(
        'NodeNotReady',
        `node ${nodeName} is not Ready: mend or remove it first, an upgrade would hide the cause`,
      ),
    );
  }
  if (kubelet && first.version.minor - kubelet.minor > maxKubeletLag) {
    found.push(
      refuse(
        'KubeletTooOld',
        `the kubelet of ${nodeName} is ${kubelet.text}, more than ${maxKubeletLag} minors older than ${first.version.text}: ` +
          'replace this machine, or upgrade its kubelet by hand first',
      ),
    );
  }
  return found;
}

const maxKubeletLag = 3;

function refusalsOfEtcd(spec: ClusterSpec, cluster: Up, started: ReadonlySet<string>): readonly Refusal[] {
  if (spec.etcd.kind === 'external') return [];
  const learners = cluster.members.filter(({ isLearner }) => isLearner);
  const ill = cluster.members.filter(
    ({ isLearner, isHealthy, name }) =>
      !isLearner && isHealthy === false && !isBeingUpgraded(spec, name, started),
  );
  const voters = cluster.members.length - learners.length;
  const refuse = (message: string): Refusal => ({
    reason: 'EtcdNotHealthy',
    machine: undefined,
    field: undefined,
    message,
  });
  return [
    ...(ill.length > 0
      ? [
          refuse(
            `${voters - ill.length} of ${voters} members of etcd are well; not ${ill.map(({ name, id }) => name || id).join(', ')}: ` +
              'an upgrade restarts each of them, so all must be well first',
          ),
        ]
      : []),
    ...learners.map(({ id, name }) =>
      refuse(
        `etcd has the learner ${name || id}, left by an unfinished join: let "hansa cluster apply" clear it first`,
      ),
    ),
  ];
}

function isBeingUpgraded(spec: ClusterSpec, nodeName: string, started: ReadonlySet<string>): boolean {
  const machine = spec.machines.find((one) => one.nodeName === nodeName);
  return machine !== undefined && started.has(machine.name);
}

/** Machines whose latest upgrade step was begun and didn't end well. */
function startedBy(journal: readonly JournalRecord[]): ReadonlySet<string> {
  const open = new Set<string>();
  for (const { step, event } of journal) {
    const [machine, kind] = step.split('/');
    if (machine === undefined || !kind?.startsWith('upgrade-')) continue;
    if (event === 'done' || event === 'undone') open.delete(machine);
    else open.add(machine);
  }
  return open;
}

interface HopContext {
  readonly spec: ClusterSpec;
  readonly seats: readonly Seat[];
  readonly journal: readonly JournalRecord[];
  readonly started: ReadonlySet<string>;
  /** Last step of the hop before. */
  readonly after: string | undefined;
}

function stepsOfHop(hop: Hop, context: HopContext): readonly Step[] {
  const { spec, seats, journal, started, after } = context;
  const { version } = hop;
  const outdated = seats.filter((seat) => isOutdated(seat, version));
  if (outdated.length === 0) return [];
  const lanes = new Lanes(version.text, after);
  const snapshotId = `cluster/snapshot-etcd-${version.text}`;
  // Half way through, a new snapshot would hold what the new version wrote; the one from before is the way back.
  const isUnderWay = started.size > 0 || seats.some(({ apiServer }) => apiServer?.text === version.text);
  const hasSnapshot = isUnderWay && lastWordOn(journal, snapshotId)?.event === 'done';
  const snapshot = hasSnapshot
    ? []
    : [
        lanes.add('cluster', 'snapshot-etcd', {
          title: `back up before ${version.text}`,
          reason: hop.isNewMinor
            ? `${version.text} changes what etcd holds`
            : 'so that there is a way back, whatever comes',
          inputs: { purpose: `before ${version.text}` },
          needs: [],
        }),
      ];
  // Everything lies ready everywhere before anything changes, so a full disk or a lost link costs nothing.
  const ready = outdated.flatMap(({ machine }) => {
    const loaded = lanes.add(machine.name, 'load-bundle', {
      title: `fetch ${version.text}`,
      reason: `${machine.name} is to run ${version.text}`,
      needs: snapshot,
    });
    return [
      lanes.add(machine.name, 'import-images', {
        title: `import images of ${version.text}`,
        needs: [loaded],
      }),
    ];
  });
  let gate: readonly string[] = ready;
  let isFirst = true;
  for (const seat of byLeadership(outdated)) {
    const last = addMachine(lanes, seat, context, {
      version,
      needs: gate,
      // Once an API server of a new minor has written, the older one may not read it.
      isPointOfNoReturn: isFirst && hop.isNewMinor && isOlder(seat.apiServer, version),
    });
    isFirst = false;
    gate = [last];
  }
  const workers = outdated.filter(({ machine }) => machine.role === 'worker');
  const atOnce = Math.max(1, spec.rollout.maxUnavailable);
  for (let index = 0; index < workers.length; index += atOnce) {
    // A batch waits for all of the one before: a version that breaks kubelets stops after one batch.
    const batch: readonly string[] = gate;
    gate = workers
      .slice(index, index + atOnce)
      .map((seat) => addMachine(lanes, seat, context, { version, needs: batch, isPointOfNoReturn: false }));
  }
  lanes.add('cluster', 'verify-cluster', {
    title: `check the cluster at ${version.text}`,
    reason: 'every node and member must be well before the next step',
    needs: gate,
  });
  return lanes.steps;
}

/** The leader of etcd comes last, so that leadership moves once. */
function byLeadership(seats: readonly Seat[]): readonly Seat[] {
  const planes = seats.filter(({ machine }) => machine.role === 'control-plane');
  return [
    ...planes.filter(({ isEtcdLeader }) => !isEtcdLeader),
    ...planes.filter(({ isEtcdLeader }) => isEtcdLeader),
  ];
}

function addMachine(
  lanes: Lanes,
  { machine, apiServer, kubelet }: Seat,
  { spec, seats }: HopContext,
  wanted: {
    readonly version: KubeVersion;
    readonly needs: readonly string[];
    readonly isPointOfNoReturn: boolean;
  },
): string {
  const { version } = wanted;
  const isPlane = machine.role === 'control-plane';
  const now = isPlane
    ? `API server ${apiServer?.text}, kubelet ${kubelet?.text}`
    : `kubelet ${kubelet?.text}`;
  // On the only node pods have nowhere to go; they live on while the kubelet changes.
  const drains = seats.length > 1;
  const drained = drains
    ? [
        lanes.add(machine.name, 'cordon-and-drain', {
          title: 'drain',
          reason: `${machine.name} has ${now}`,
          needs: wanted.needs,
          inputs: { ...spec.rollout.drain },
        }),
      ]
    : wanted.needs;
  const upgraded = lanes.add(machine.name, isPlane ? 'upgrade-control-plane' : 'upgrade-worker', {
    title: `upgrade to ${version.text}`,
    reason: `${machine.name} has ${now}`,
    needs: drained,
    exclusive: isPlane ? 'etcd' : undefined,
    isPointOfNoReturn: wanted.isPointOfNoReturn,
  });
  if (!drains) return upgraded;
  return lanes.add(machine.name, 'uncordon', { title: 'take pods again', needs: [upgraded] });
}

/** A node that was cordoned for an upgrade which ended just before it was opened again. */
function forgottenCordons(
  seats: readonly Seat[],
  journal: readonly JournalRecord[],
  planned: readonly Step[],
): readonly Step[] {
  const handled = new Set(planned.map(({ machine }) => machine));
  return seats
    .filter(
      ({ machine, node }) =>
        node?.isCordoned && !handled.has(machine.name) && isCordonedByUs(journal, machine.name),
    )
    .map(({ machine }) => ({
      id: `${machine.name}/uncordon`,
      kind: 'uncordon',
      machine: machine.name,
      title: 'take pods again',
      reason: `${machine.name} was cordoned for an upgrade that is done`,
      needs: [],
      inputs: {},
      exclusive: undefined,
      isPointOfNoReturn: false,
      isDestructive: false,
    }));
}

/** Collects the steps of one version; their ids end in it, since a chain comes by the same machine again. */
class Lanes {
  readonly steps: Step[] = [];
  readonly #version: string;
  readonly #after: string | undefined;

  constructor(version: string, after: string | undefined) {
    this.#version = version;
    this.#after = after;
  }

  add(
    machine: string,
    kind: Step['kind'],
    {
      title,
      needs,
      reason,
      inputs,
      exclusive,
      isPointOfNoReturn,
    }: Partial<Step> & { title: string; needs: readonly string[] },
  ): string {
    const id = `${machine}/${kind}-${this.#version}`;
    this.steps.push({
      id,
      kind,
      machine: machine === 'cluster' ? undefined : machine,
      title,
      reason: reason ?? `part of the upgrade to ${this.#version}`,
      needs: needs.length > 0 ? needs : this.#after === undefined ? [] : [this.#after],
      inputs: { version: this.#version, ...inputs },
      exclusive,
      isPointOfNoReturn: isPointOfNoReturn ?? false,
      isDestructive: false,
    });
    return id;
  }
}

function isOutdated({ machine, apiServer, kubelet }: Seat, version: KubeVersion): boolean {
  return isOlder(kubelet, version) || (machine.role === 'control-plane' && isOlder(apiServer, version));
}

function isOlder(have: KubeVersion | undefined, version: KubeVersion): boolean {
  return have === undefined || compareVersions(have, version) < 0;
}

function warningsOf(spec: ClusterSpec, seats: readonly Seat[], hops: readonly Hop[]): readonly Refusal[] {
  const warn = (reason: string, message: string): Refusal => ({
    reason,
    machine: undefined,
    field: undefined,
    message,
  });
  const warnings: Refusal[] = [];
  if (hops.length > 1) {
    warnings.push(
      warn(
        'SeveralMinors',
        `the way goes over ${hops.map(({ version }) => version.text).join(', ')}: each is finished on all machines before the next, and you can stop between them`,
      ),
    );
  }
  if (hops.length > 0 && seats.length === 1) {
    warnings.push(
      warn(
        'NotDrained',
        'there is one node, so it is not drained: its pods run on, and its API is away for a minute',
      ),
    );
  } else if (hops.length > 0 && controlPlanes(spec).length === 1) {
    warnings.push(warn('OneControlPlane', 'there is one control plane: the API is away for about a minute'));
  }
  // etcd 3.5 to 3.6: members promoted under an old 3.5 can turn learners again, and removed ones can come back.
  if (hops.some(({ version, isNewMinor }) => isNewMinor && version.minor === 34)) {
    warnings.push(
      warn(
        'EtcdMembership',
        'etcd goes from 3.5 to 3.6: run 3.5.26 or later before, and compare the members with the machines after',
      ),
    );
  }
  return warnings;
}

function notUp(cluster: ClusterSight): string {
  return cluster.kind === 'down'
    ? `no API server answers (${cluster.message}): bring the cluster back before an upgrade ("hansa certs renew" if certificates are expired, "hansa cluster restore" if quorum is lost)`
    : 'there is no cluster yet: "hansa cluster apply" makes it at the version asked for';
}

function refusedFor(reason: string, message: string): Plan {
  return { steps: [], refusals: [{ reason, machine: undefined, field: undefined, message }], warnings: [] };
}
