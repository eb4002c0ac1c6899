import { HansaError, messageOf, silentLogger } from '../../src/base/index.ts';
import { systemClock } from '../../src/kube/index.ts';
import type {
  BundleSource,
  Executor,
  Machine,
  SecretStore,
  StepContext,
} from '../../src/provision/engine/executor.ts';
import { type ClusterSpec, controlPlanes } from '../../src/provision/plan/cluster-spec.ts';
import type { MachineFacts } from '../../src/provision/plan/facts.ts';
import type { JournalRecord } from '../../src/provision/plan/journal.ts';
import type { Step, StepKind } from '../../src/provision/plan/steps.ts';
import { connect, runLong, type Transport } from '../../src/provision/transport/index.ts';
import type { MachineFacts as LabFacts } from '../machines/machine.ts';

/** Executors run one after the other on real machines, without planner and engine. */
export interface ByHand extends AsyncDisposable {
  readonly context: StepContext;
  readonly secrets: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly journal: readonly JournalRecord[];
  machine(name: string): Machine;
  /** Observes, applies if there is something to do, verifies. Gives what was seen first. */
  run(kind: StepKind, executor: Executor, machine?: string, inputs?: Step['inputs']): Promise<string>;
}

export interface ByHandOptions {
  readonly bundle: BundleSource;
  /** What an earlier run has left. */
  readonly journal?: JournalRecord[];
  readonly tell?: (line: string) => void;
}

export async function byHand(
  cluster: ClusterSpec,
  machines: readonly LabFacts[],
  { bundle, journal = [], tell = () => undefined }: ByHandOptions,
): Promise<ByHand> {
  const stopping = new AbortController();
  const connected = new Map<string, Machine>();
  for (const spec of cluster.machines) {
    const lab = machines.find(({ name }) => name === spec.name);
    if (!lab) throw new Error(`no machine ${spec.name}`);
    connected.set(spec.name, await connectTo(spec, lab, stopping.signal));
  }
  const secrets = new Map<string, Readonly<Record<string, string>>>();
  const store: SecretStore = {
    get: async (name) => secrets.get(name),
    put: async (name, values) => void secrets.set(name, values),
    remove: async (name) => void secrets.delete(name),
  };
  const machine = (name: string): Machine => {
    const found = connected.get(name);
    if (found) return found;
    throw new HansaError(`no machine ${name}`, { reason: 'MachineUnreachable' });
  };
  let current: Step | undefined;
  const record = (
    event: JournalRecord['event'],
    evidence: JournalRecord['evidence'] = {},
    message?: string,
  ) => {
    if (!current) return;
    journal.push({
      at: new Date().toISOString(),
      operation: 'by-hand',
      step: current.id,
      attempt: 1,
      event,
      inputs: '',
      evidence,
      message,
    });
  };
  const context: StepContext = {
    cluster,
    sight: { kind: 'absent' },
    journal,
    machine,
    async healthyControlPlane(not = []) {
      for (const { name } of controlPlanes(cluster)) {
        if (not.includes(name) || !connected.has(name)) continue;
        const { code } = await machine(name).transport.exec({
          script:
            'kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=5s get --raw /readyz >/dev/null',
          root: true,
        });
        if (code === 0) return machine(name);
      }
      throw new HansaError('no control plane is well', { reason: 'NoControlPlane' });
    },
    secrets: store,
    bundle,
    intent: async (evidence) => record('intent', evidence),
    note: (evidence) => tell(`    note ${JSON.stringify(evidence)}`),
    update: (detail) => tell(`    ${detail}`),
    clock: systemClock,
    rng: () => 0.5,
    logger: silentLogger,
    signal: stopping.signal,
  };
  return {
    context,
    secrets,
    journal,
    machine,
    async run(kind, executor, name, inputs = {}) {
      const step: Step = {
        id: `${name ?? 'cluster'}/${kind}`,
        kind,
        machine: name,
        title: kind,
        reason: 'by hand',
        needs: [],
        inputs,
        exclusive: undefined,
        isPointOfNoReturn: false,
        isDestructive: false,
      };
      current = step;
      const began = performance.now();
      try {
        const seen = await executor.observe(context, step);
        tell(`${step.id}: ${seen.kind === 'todo' ? `todo, ${seen.why}` : seen.kind}`);
        if (seen.kind === 'blocked') throw new HansaError(seen.message, { reason: seen.reason });
        if (seen.kind === 'todo') {
          record('started');
          await executor.apply(context, step);
          await executor.verify(context, step);
          record('done');
        }
        tell(`${step.id}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
        return seen.kind === 'todo' ? seen.why : seen.kind;
      } catch (error) {
        record('failed', {}, messageOf(error));
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      stopping.abort(new Error('the test is over'));
      for (const { transport } of connected.values()) await transport.close();
    },
  };
}

async function connectTo(
  spec: ClusterSpec['machines'][number],
  lab: LabFacts,
  signal: AbortSignal,
): Promise<Machine> {
  const transport = await connect(spec.ssh, { privateKey: lab.ssh.privateKey }, { signal });
  return {
    spec,
    transport,
    facts: await quickFacts(transport),
    internalAddress: spec.internalAddress ?? lab.ip,
    runLong: (command) => runLong(transport, command),
  };
}

/** The few facts that executors look at. */
async function quickFacts(transport: Transport): Promise<MachineFacts> {
  const { stdout } = await transport.exec({
    script: `hostname
uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/'
awk '/^MemTotal/ {print $2 * 1024}' /proc/meminfo
[ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] && echo 2 || echo 1
for program in containerd crio dockerd haproxy keepalived; do command -v $program >/dev/null && printf '%s ' $program; done; echo
ls /run/containerd/containerd.sock 2>/dev/null || echo
ip -o addr show scope global | awk '{print $2, $4}'`,
    root: true,
  });
  const [hostname = '', arch = '', memory = '', cgroup = '', programs = '', socket = '', ...addresses] =
    stdout.trim().split('\n');
  return {
    hostname,
    arch,
    memoryBytes: Number(memory),
    cgroup: cgroup === '2' ? 2 : 1,
    isContainer: true,
    swapBytes: 0,
    programs: Object.fromEntries(
      programs
        .trim()
        .split(' ')
        .map((name) => [name, 'there']),
    ),
    runtimeSockets: socket === '' ? [] : [socket],
    stamps: {},
    interfaces: addresses.map((line) => {
      const [name = '', address = ''] = line.split(' ');
      return { name, mac: undefined, mtu: 1500, addresses: [address] };
    }),
  } as unknown as MachineFacts;
}
