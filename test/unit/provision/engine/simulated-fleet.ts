import { type Clock, HansaError } from '../../../../src/base/index.ts';
import type { ClusterStore, Machine } from '../../../../src/provision/engine/executor.ts';
import type { MachineAccess } from '../../../../src/provision/engine/run-plan.ts';
import type { ClusterSpec, MachineSpec } from '../../../../src/provision/plan/cluster-spec.ts';
import type {
  ClusterSight,
  EtcdMember,
  MachineFacts,
  MachineSight,
  NodeSight,
  Observed,
} from '../../../../src/provision/plan/facts.ts';
import type { JournalRecord } from '../../../../src/provision/plan/journal.ts';
import { quorumOf } from '../../../../src/provision/plan/quorum.ts';

/** A machine, as far as kubeadm and etcd care. */
export interface Host {
  readonly name: string;
  readonly address: string;
  isOn: boolean;
  /** Switched on, and no SSH. */
  isCut: boolean;
  offSinceMs: number;
  hasKubelet: boolean;
  /** kubelet makes its Node when it starts, as soon as an API server hears it; not again later. */
  hasToRegister: boolean;
  readonly manifests: Set<string>;
  ca: string | undefined;
  /** CA that was staged for a join. */
  staged: string | undefined;
  /** The member whose data lie on the disk. */
  disk: string | undefined;
  readonly stamps: Map<string, string>;
  readonly loaded: Set<string>;
  /** Long commands by id; those without an end and not `running` were cut off by a restart. */
  readonly commands: Map<string, LongCommand>;
}

export interface LongCommand {
  readonly what: string;
  /** Each does one thing that can't be torn; throws where kubeadm would give up. */
  readonly phases: readonly (() => void)[];
  next: number;
  state: 'running' | 'ok' | 'failed' | 'cut-off';
  complaint: string;
}

export interface Member {
  readonly id: string;
  name: string;
  readonly peerUrl: string;
  isLearner: boolean;
}

export interface SimulatedNode {
  readonly name: string;
  readonly uid: string;
  readonly host: Host;
  isControlPlane: boolean;
  isCordoned: boolean;
  labels: Readonly<Record<string, string>>;
}

export interface SimulatedCluster {
  readonly uid: string;
  readonly ca: string;
  members: Member[];
  readonly nodes: Map<string, SimulatedNode>;
  leader: string | undefined;
  hasCni: boolean;
  hasConfiguration: boolean;
  isRegistered: boolean;
  /** kubeadm's configuration tells etcd that its cluster exists. */
  isFenced: boolean;
}

/** The engine's process is no more: whatever it awaited, it will never know. */
export class EngineKilled extends Error {}

export type KillPoint = { readonly at: number; readonly when: 'before' | 'after' };

/** As long as a node that fell silent is still called Ready. */
const readyLagMs = 45_000;

/**
 * Machines, etcd's membership and nodes as a small honest model. It has kubeadm's real ways to fail: a reset that leaves the
 * member, a join that takes an old member for the new, a learner that a restart turns into a started one, and a voter with
 * an empty disk that can never come up.
 */
export class SimulatedFleet {
  readonly hosts = new Map<string, Host>();
  readonly journal: JournalRecord[] = [];
  readonly secrets = new Map<string, Readonly<Record<string, string>>>();
  cluster: SimulatedCluster | undefined;
  /** What must never happen, in words. */
  readonly broken: string[] = [];
  /** Things done from outside so far: commands on machines and records in the journal. */
  touches = 0;
  /** Sees the world before each touch, and may change it. */
  watch: (() => void) | undefined;
  killPoint: KillPoint | undefined;
  isEngineDead = false;
  /** Makes the store refuse; undefined: it works. */
  refuseAppend: ((record: JournalRecord) => Error | undefined) | undefined;
  nowMs = Date.UTC(2026, 10, 23);
  #serial = 0;

  constructor(names: readonly string[]) {
    for (const name of names) this.addHost(name);
  }

  addHost(name: string, address = `10.0.0.${this.hosts.size + 1}`): Host {
    const host: Host = {
      name,
      address,
      isOn: true,
      isCut: false,
      offSinceMs: 0,
      hasKubelet: false,
      hasToRegister: false,
      manifests: new Set(),
      ca: undefined,
      staged: undefined,
      disk: undefined,
      stamps: new Map(),
      loaded: new Set(),
      commands: new Map(),
    };
    this.hosts.set(name, host);
    return host;
  }

  host(name: string): Host {
    const host = this.hosts.get(name);
    if (!host) throw new Error(`no host ${name}`);
    return host;
  }

  newId(kind: string): string {
    this.#serial += 1;
    return kind === 'member'
      ? (0xa000_0000_0000_0000n + BigInt(this.#serial)).toString(16)
      : `${kind}-${this.#serial}`;
  }

  // Faults.

  powerOff(name: string): void {
    const host = this.host(name);
    if (!host.isOn) return;
    host.isOn = false;
    host.offSinceMs = this.nowMs;
    for (const command of host.commands.values()) {
      if (command.state === 'running') command.state = 'cut-off';
    }
    this.#elect();
  }

  powerOn(name: string): void {
    const host = this.host(name);
    host.isOn = true;
    host.isCut = false;
    // kubelet starts what lies in its manifests: a learner that had not started by then starts now, and stays a learner.
    const own = this.cluster?.members.find(({ peerUrl }) => peerUrl === peerUrlOf(host));
    if (host.hasKubelet && host.manifests.has('etcd.yaml') && own?.name === '' && host.disk === undefined) {
      own.name = host.name;
      host.disk = own.id;
    }
    host.hasToRegister = host.hasKubelet;
    this.#elect();
  }

  startKubelet(host: Host): void {
    host.hasKubelet = true;
    host.hasToRegister = true;
  }

  /** What kubelets do by themselves. */
  registerNodes(): void {
    const { cluster } = this;
    if (!cluster || !this.hasQuorum) return;
    for (const host of this.hosts.values()) {
      if (!host.isOn || !host.hasKubelet || !host.hasToRegister) continue;
      host.hasToRegister = false;
      if (cluster.nodes.has(host.name)) continue;
      cluster.nodes.set(host.name, {
        name: host.name,
        uid: this.newId('node'),
        host,
        isControlPlane: false,
        isCordoned: false,
        labels: {},
      });
    }
  }

  /** By a person, with nobody to tell: it says that it worked, empties the disk and leaves the member. */
  kubeadmReset(name: string): void {
    const host = this.host(name);
    this.cleanNode(host);
    this.#elect();
  }

  cleanNode(host: Host): void {
    host.hasKubelet = false;
    host.hasToRegister = false;
    host.manifests.clear();
    host.ca = undefined;
    host.disk = undefined;
  }

  // etcd.

  isAlive(member: Member): boolean {
    const host = this.hostOf(member);
    return host !== undefined && host.isOn && host.manifests.has('etcd.yaml') && host.disk === member.id;
  }

  hostOf({ peerUrl }: Pick<Member, 'peerUrl'>): Host | undefined {
    return [...this.hosts.values()].find((host) => peerUrlOf(host) === peerUrl);
  }

  get voters(): readonly Member[] {
    return this.cluster?.members.filter(({ isLearner }) => !isLearner) ?? [];
  }

  get hasQuorum(): boolean {
    const { voters } = this;
    return (
      voters.length > 0 && voters.filter((voter) => this.isAlive(voter)).length >= quorumOf(voters.length)
    );
  }

  isBusy(name: string): boolean {
    return [...this.host(name).commands.values()].some(({ state }) => state === 'running');
  }

  /** Whether etcd would go on without a machine's member. */
  bearsLossOf(name: string): boolean {
    const { voters } = this;
    const left = voters.filter((voter) => this.isAlive(voter) && this.hostOf(voter)?.name !== name).length;
    return voters.length === 0 || left >= quorumOf(voters.length);
  }

  /** Every change of the membership comes by here, and is judged. */
  changeMembers(what: 'add' | 'promote' | 'remove', change: (cluster: SimulatedCluster) => void): void {
    const { cluster } = this;
    if (!cluster || !this.hasQuorum) throw new Error('etcdserver: no leader');
    const voters = this.voters.length;
    change(cluster);
    this.#elect();
    const urls = cluster.members.map(({ peerUrl }) => peerUrl);
    if (new Set(urls).size < urls.length) this.broken.push(`two members at one address: ${urls.join(', ')}`);
    // From one to two bears no loss, whoever does it.
    if (!this.hasQuorum && !(what === 'promote' && voters === 1)) this.broken.push(`quorum lost by ${what}`);
  }

  #elect(): void {
    if (!this.cluster) return;
    const alive = this.voters.filter((voter) => this.isAlive(voter));
    if (!this.hasQuorum) this.cluster.leader = undefined;
    else if (!alive.some(({ id }) => id === this.cluster?.leader)) this.cluster.leader = alive[0]?.id;
  }

  // Nodes.

  isReady({ host }: SimulatedNode): boolean {
    if (host.isOn) return host.hasKubelet;
    return this.nowMs - host.offSinceMs < readyLagMs;
  }

  hasApi(host: Host): boolean {
    const own = this.cluster?.members.find(({ peerUrl }) => peerUrl === peerUrlOf(host));
    return (
      host.isOn &&
      host.manifests.has('kube-apiserver.yaml') &&
      own !== undefined &&
      !own.isLearner &&
      this.isAlive(own) &&
      this.hasQuorum
    );
  }

  // How an engine reaches all this.

  /** A command on a machine, or a word to an API server: something that an engine may be killed before or after. */
  async act<T>(host: Host | undefined, effect: () => T): Promise<T> {
    await this.#touch('before');
    if (host) this.reach(host);
    const result = effect();
    await this.#touch('after');
    return result;
  }

  async #touch(when: KillPoint['when']): Promise<void> {
    await Promise.resolve();
    if (this.isEngineDead) throw new EngineKilled();
    if (when === 'before') {
      this.touches += 1;
      this.registerNodes();
      this.watch?.();
    }
    if (this.killPoint?.when === when && this.killPoint.at === this.touches) {
      this.isEngineDead = true;
      throw new EngineKilled();
    }
  }

  reach(host: Host): void {
    if (this.isEngineDead) throw new EngineKilled();
    if (host.isOn && !host.isCut) return;
    throw new HansaError(`${host.name} can't be reached`, { reason: 'Unreachable' });
  }

  /** Reads; throws as a connection does. */
  see(name: string): Host {
    const host = this.host(name);
    this.reach(host);
    return host;
  }

  access(specs: readonly MachineSpec[]): MachineAccess {
    const machine = (name: string): Machine => {
      const spec = specs.find((each) => each.name === name);
      const host = this.hosts.get(name);
      if (!spec || !host) throw unreachable(name);
      this.reach(host);
      return { spec, facts: this.#factsOf(host), internalAddress: host.address } as Machine;
    };
    return {
      machine,
      healthyControlPlane: async (not) => {
        if (this.isEngineDead) throw new EngineKilled();
        for (const { name } of specs) {
          const host = this.hosts.get(name);
          if (host && !not.includes(name) && host.isOn && !host.isCut && this.hasApi(host))
            return machine(name);
        }
        throw new HansaError('no control plane is well', { reason: 'NoControlPlane' });
      },
    };
  }

  get store(): ClusterStore {
    return {
      secrets: {
        get: async (name) => this.secrets.get(name),
        put: (name, values) => this.act(undefined, () => void this.secrets.set(name, values)),
        remove: async (name) => void this.secrets.delete(name),
      },
      journal: async () => [...this.journal],
      append: (record) =>
        this.act(undefined, () => {
          const refusal = this.refuseAppend?.(record);
          if (refusal) throw refusal;
          this.journal.push(record);
        }),
      lock: () => Promise.reject(new Error('not here')),
    };
  }

  /** Time passes as fast as anybody sleeps. */
  get clock(): Clock {
    return {
      now: () => this.nowMs,
      monotonic: () => this.nowMs,
      sleep: async (ms, signal) => {
        await Promise.resolve();
        signal?.throwIfAborted();
        if (this.isEngineDead) throw new EngineKilled();
        this.nowMs += ms;
      },
      after: () => () => undefined,
    };
  }

  /** Another engine comes; what runs on machines by itself has come to its end meanwhile. */
  newEngine(): void {
    this.isEngineDead = false;
    this.killPoint = undefined;
    for (const host of this.hosts.values()) {
      for (const command of host.commands.values()) {
        while (host.isOn && command.state === 'running') advance(command);
      }
    }
    this.registerNodes();
  }

  observe(spec: ClusterSpec, leaving: readonly MachineSpec[] = []): Observed {
    const names = [...spec.machines, ...leaving].map(({ name }) => name);
    return {
      machines: Object.fromEntries(names.map((name) => [name, this.#sightOf(name)])),
      cluster: this.#clusterSight(names),
      others: [],
    };
  }

  #sightOf(name: string): MachineSight {
    const host = this.hosts.get(name);
    return host?.isOn && !host.isCut
      ? { kind: 'seen', facts: this.#factsOf(host) }
      : { kind: 'unreachable', reason: 'Unreachable', message: 'no route to host' };
  }

  #clusterSight(names: readonly string[]): ClusterSight {
    const hosts = names
      .flatMap((name) => this.hosts.get(name) ?? [])
      .filter(({ isOn, isCut }) => isOn && !isCut);
    const begun = hosts.filter(({ manifests }) => manifests.has('kube-apiserver.yaml'));
    if (begun.length === 0) return { kind: 'absent' };
    const up = begun.filter((host) => this.hasApi(host));
    const { cluster } = this;
    if (!cluster || up.length === 0) {
      return { kind: 'down', message: 'no API server answers', members: cluster && this.members() };
    }
    return {
      kind: 'up',
      uid: cluster.uid,
      apiServers: Object.fromEntries(up.map(({ name }) => [name, '1.36.3'])),
      members: this.members(),
      nodes: [...cluster.nodes.values()].map((node): NodeSight => this.#nodeSight(node)),
      hasCni: cluster.hasCni,
      dnsReady: true,
      configuration: {
        etcd: {
          local: {
            extraArgs: cluster.isFenced ? [{ name: 'initial-cluster-state', value: 'existing' }] : [],
          },
        },
      },
    };
  }

  members(): readonly EtcdMember[] {
    const { hasQuorum, cluster } = this;
    return (cluster?.members ?? []).map((member) => ({
      id: member.id,
      name: member.name,
      peerUrls: [member.peerUrl],
      clientUrls: member.name === '' ? [] : [member.peerUrl.replace('2380', '2379')],
      isLearner: member.isLearner,
      isHealthy: hasQuorum && this.isAlive(member),
      isLeader: cluster?.leader === member.id,
      dbSizeBytes: 1,
      raftIndex: this.isAlive(member) ? '10' : undefined,
      alarms: [],
    }));
  }

  #nodeSight(node: SimulatedNode): NodeSight {
    return {
      name: node.name,
      uid: node.uid,
      isReady: this.isReady(node),
      readySince: undefined,
      internalAddress: node.host.address,
      kubeletVersion: 'v1.36.3',
      isControlPlane: node.isControlPlane,
      isCordoned: node.isCordoned,
      labels: node.labels,
      taints: [],
      podCidrs: [],
    };
  }

  #factsOf(host: Host): MachineFacts {
    return {
      hostname: host.name,
      machineId: `id of ${host.name}`,
      os: { id: 'debian', version: '12', name: 'Debian GNU/Linux 12' },
      kernel: '6.1.0',
      arch: 'amd64',
      programs: {},
      runtimeSockets: [],
      missingModules: [],
      routes: [],
      resolvers: [],
      reaches: [],
      cniConfigs: [],
      units: {},
      security: { selinux: 'absent', apparmor: false, firewalld: false },
      hostKeys: [`ssh-ed25519 ${host.name}`],
      cpus: 2,
      memoryBytes: 4e9,
      swapBytes: 0,
      cgroup: 2,
      isContainer: true,
      isRoot: true,
      canSudo: true,
      clockSeconds: this.nowMs / 1000,
      askedAtSeconds: this.nowMs / 1000,
      listening: [],
      disks: [],
      proxyEnvironment: {},
      interfaces: [{ name: 'eth0', mac: undefined, mtu: 1500, addresses: [`${host.address}/24`] }],
      stamps: Object.fromEntries(host.stamps),
      kubernetes: {
        hasKubeletConfig: host.hasKubelet,
        hasAdminConfig: host.manifests.has('kube-apiserver.yaml'),
        manifests: [...host.manifests],
        pki: host.ca === undefined ? [] : ['ca.crt'],
        etcdData: host.disk === undefined ? 'absent' : 'present',
        server: host.hasKubelet ? 'https://api:6443' : undefined,
        nodeName: host.hasKubelet ? host.name : undefined,
        caHash: host.ca,
        images: {},
      },
    } as Partial<MachineFacts> as MachineFacts;
  }
}

/** Lets a long command do its next thing. */
export function advance(command: LongCommand): void {
  if (command.state !== 'running') return;
  try {
    command.phases[command.next]?.();
    command.next += 1;
    if (command.next >= command.phases.length) command.state = 'ok';
  } catch (error) {
    command.state = 'failed';
    command.complaint = error instanceof Error ? error.message : String(error);
  }
}

export function peerUrlOf({ address }: Pick<Host, 'address'>): string {
  return `https://${address}:2380`;
}

export function unreachable(name: string): HansaError {
  return new HansaError(`machine ${name} could not be reached`, { reason: 'MachineUnreachable' });
}
