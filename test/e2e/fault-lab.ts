import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { on } from 'node:events';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect } from 'vitest';
import { plainProgress } from '../../src/cli/progress.ts';
import { systemClock } from '../../src/kube/index.ts';
import { createFromDirectories } from '../../src/provision/index.ts';
import { type FleetCluster, fleetYaml } from '../demo/fleet.ts';
import { ensureBundleDir } from '../machines/bundle-dir.ts';
import { ensureDocker } from '../machines/docker.ts';
import { type MachineGroup, startMachines } from '../machines/machines.ts';
import { machinesDir } from '../machines/places.ts';

const progress = plainProgress((line) => console.log(line));
const { signal } = new AbortController();
const cliPath = fileURLToPath(new URL('../../src/cli/hansa.ts', import.meta.url));
const longestMs = 10 * 60_000;
const statePassphrase = 'only for this test';

/** What `hansa cluster apply -o json` and its like answer. */
export interface Answer {
  readonly isComplete: boolean;
  readonly refusals: readonly Complaint[];
  readonly warnings: readonly Complaint[];
  readonly steps: readonly {
    readonly id: string;
    readonly kind: string;
    readonly reason?: string;
    readonly message?: string;
    readonly isUndone?: boolean;
  }[];
}

interface Complaint {
  readonly reason: string;
  readonly machine?: string;
  readonly message: string;
}

export interface JournalEntry {
  readonly step: string;
  readonly attempt: number;
  readonly event: string;
  readonly message?: string;
}

export interface FaultLab extends AsyncDisposable {
  readonly dir: string;
  readonly group: MachineGroup;
  /** All that Hansa has said until now, on both outputs. */
  readonly said: readonly string[];
  /** Starts the command; what it says is collected, however it ends. */
  start(...args: readonly string[]): RunningHansa;
  /** Its result; what it said beside is in `told`. */
  hansa(...args: readonly string[]): Promise<string>;
  told(...args: readonly string[]): Promise<string>;
  /** Writes the file of the cluster and gives the arguments that apply it. */
  applyOf(cluster: FleetCluster, version?: string): Promise<readonly string[]>;
  apply(cluster: FleetCluster, version?: string): Promise<Answer>;
  journal(cluster: string): Promise<readonly JournalEntry[]>;
  /** Runs a script as root on a machine, with kubectl at hand where there is an admin.conf. */
  on(machine: string, script: string, timeoutMs?: number): Promise<string>;
  /** Tries until the script succeeds on the machine. */
  until(machine: string, script: string, limitMs: number): Promise<string>;
  /** Machines, Nodes and, of control planes, members of etcd are the same; one leads; the canary lives. */
  expectWhole(cluster: FleetCluster): Promise<void>;
  /** Secrets that stand in what was said or, unsealed, in the state: lines of the SSH key, passphrases, and `more`. */
  leaks(more: readonly string[]): Promise<readonly string[]>;
}

/** Machines, a bundle of the given versions of Kubernetes, and the real command with a state file of its own. */
export async function openFaultLab({
  name,
  count,
  versions,
}: {
  readonly name: string;
  readonly count: number;
  /** Default: the newest. */
  readonly versions?: readonly string[];
}): Promise<FaultLab> {
  await ensureDocker({ progress, signal });
  const dir = join(machinesDir(), `${name}-${process.pid}`);
  const bundlePath = join(dir, 'bundle');
  const statePath = join(dir, 'state.json');
  const sources = [];
  for (const version of versions ?? [undefined]) {
    sources.push(await ensureBundleDir({ progress, signal }, version));
  }
  const newest = sources.at(-1)?.kubernetesVersion ?? '';
  await mkdir(join(dir, 'backups'), { recursive: true });
  await createFromDirectories(
    sources.map(({ path }) => path),
    { to: bundlePath, privateKey: undefined, clock: systemClock },
  );
  const group = await startMachines({ count, progress, signal });
  const said: string[] = [];

  const lab: FaultLab = {
    dir,
    group,
    said,
    start(...args) {
      const child = startHansa(args, statePath);
      void child.then(({ stdout, stderr }) => said.push(stdout, stderr));
      return child;
    },
    async hansa(...args) {
      const { stdout } = await lab.start(...args);
      return stdout;
    },
    async told(...args) {
      const { stdout, stderr } = await lab.start(...args);
      return `${stdout}\n${stderr}`;
    },
    async applyOf(cluster, version = newest) {
      const path = join(dir, `${cluster.name}.yaml`);
      const text = fleetYaml([cluster], (machine) => group.machine(machine), version);
      await writeFile(path, text, { mode: 0o600 });
      return ['cluster', 'apply', '-f', path, '--bundle', bundlePath, '--allow-unsigned', '-o', 'json'];
    },
    async apply(cluster, version) {
      const text = await lab.hansa(...(await lab.applyOf(cluster, version)));
      return answerIn(text);
    },
    async journal(cluster) {
      const { clusters } = JSON.parse(await readFile(statePath, 'utf8')) as {
        readonly clusters: Readonly<Record<string, { readonly journal: readonly JournalEntry[] }>>;
      };
      return clusters[`clusters/${cluster}`]?.journal ?? [];
    },
    on: (machine, script, timeoutMs = 120_000) =>
      group
        .machine(machine)
        .exec(`export KUBECONFIG=/etc/kubernetes/admin.conf ETCDCTL_API=3; ${etcdctl}${script}`, {
          timeoutMs,
        }),
    async until(machine, script, limitMs) {
      const endMs = performance.now() + limitMs;
      for (;;) {
        try {
          return await lab.on(machine, script, 30_000);
        } catch (error) {
          if (performance.now() > endMs) throw error;
          await new Promise((resolve) => setTimeout(resolve, 250));
        }
      }
    },
    async expectWhole({ machines, workers = [] }) {
      const [first = ''] = machines;
      const members = await lab.on(first, 'etcd_here endpoint status --cluster -w json');
      // Ids are uint64.
      const statuses = JSON.parse(members.replaceAll(/:(\d{16,})/g, ':"$1"')) as readonly {
        readonly Status: { readonly leader: string };
      }[];
      expect(statuses).toHaveLength(machines.length);
      expect(new Set(statuses.map(({ Status }) => Status.leader)).size).toBe(1);
      const nodes = await lab.on(first, 'kubectl get nodes -o jsonpath={.items[*].metadata.name}');
      expect(nodes.split(' ').toSorted()).toEqual([...machines, ...workers].toSorted());
      expect(await lab.on(first, 'kubectl get configmap canary -o jsonpath={.data.sings}')).toBe('yes');
    },
    async leaks(more) {
      const state = await readFile(statePath, 'utf8');
      const keys = group.machines.map(({ ssh }) => ssh.privateKey.split('\n')[2] ?? '');
      const passwords = group.machines.map(({ ssh }) => ssh.password);
      const secrets = [...keys, ...passwords, statePassphrase, ...more];
      expect(secrets.filter((secret) => secret.length < 10)).toEqual([]);
      return secrets.filter((secret) => state.includes(secret) || said.some((text) => text.includes(secret)));
    },
    async [Symbol.asyncDispose]() {
      await group[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return lab;
}

export type RunningHansa = ReturnType<typeof startHansa>;

function startHansa(args: readonly string[], statePath: string) {
  return execa(process.execPath, [cliPath, ...args], {
    env: { HANSA_STATE: statePath, HANSA_STATE_PASSPHRASE: statePassphrase },
    reject: false,
    stdin: 'ignore',
    timeout: longestMs,
  });
}

/** Resolves once the command has said so on stderr. */
export async function whenSaid({ stderr }: RunningHansa, what: RegExp, limitMs = 60_000): Promise<void> {
  let said = '';
  for await (const [chunk] of on(stderr, 'data', { signal: AbortSignal.timeout(limitMs), close: ['end'] })) {
    said += String(chunk);
    if (what.test(said)) return;
  }
  throw new Error(`it never said ${what}: ${said}`);
}

/** Answers of several clusters come as a list; these tests have one. */
export function answerIn(text: string): Answer {
  const answer = JSON.parse(text) as Answer | readonly Answer[];
  return 'isComplete' in answer ? answer : (answer[0] as Answer);
}

/** Of an id, with a message that tells what happened instead. */
export function stepOf({ steps }: Answer, id: string): Answer['steps'][number] {
  const step = steps.find((each) => each.id === id);
  if (!step) throw new Error(`no step ${id} in ${steps.map((each) => each.id).join(', ')}`);
  return step;
}

const etcdctl = `
etcd_here() {
  etcdctl --endpoints https://127.0.0.1:2379 --cacert /etc/kubernetes/pki/etcd/ca.crt \
    --cert /etc/kubernetes/pki/etcd/server.crt --key /etc/kubernetes/pki/etcd/server.key "$@"
}
`;
