import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { silentLogger } from '../../../../src/base/index.ts';
import { systemClock } from '../../../../src/kube/index.ts';
import type { BundleItem, Machine, StepContext } from '../../../../src/provision/engine/executor.ts';
import type { ClusterSpec } from '../../../../src/provision/plan/cluster-spec.ts';
import type { Step, StepKind } from '../../../../src/provision/plan/steps.ts';
import { connect, type Transport } from '../../../../src/provision/transport/index.ts';
import { clusterOf } from '../plan/render/builders.ts';
import { SshServer, targetOf, withPassword } from '../transport/ssh-server.ts';

/** A machine behind a real SSH connection and a real shell, whose /etc, /var, /opt and /usr/local lie in a directory. */
export interface MovedMachine extends AsyncDisposable {
  readonly machine: Machine;
  readonly context: StepContext;
  readonly secrets: Map<string, Readonly<Record<string, string>>>;
  /** Every command that came over the wire, as its process list would show it. */
  readonly commands: readonly string[];
  /** Lines of what the stand-ins for systemctl, sysctl and others were called with. */
  calls(): Promise<readonly string[]>;
  put(path: string, content: string, mode?: number): Promise<void>;
  read(path: string): Promise<string | undefined>;
  /** A program in the machine's PATH. */
  program(name: string, script: string): Promise<void>;
}

export interface MovedOptions {
  readonly cluster?: ClusterSpec;
  readonly facts?: object;
  readonly items?: readonly BundleItem[];
}

/** These would change the computer the test runs on. */
const dangerous = ['systemctl', 'sysctl', 'modprobe', 'swapoff', 'ip', 'nft', 'iptables-save', 'kubeadm'];

export async function movedMachine({
  cluster = clusterOf(),
  facts = {},
  items = [],
}: MovedOptions = {}): Promise<MovedMachine> {
  const root = await mkdtemp(join(tmpdir(), 'hansa-steps-'));
  const binDir = join(root, 'bin');
  const at = (path: string) => join(root, path);
  await mkdir(binDir);
  const program = async (name: string, script: string) => {
    await writeFile(join(binDir, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(binDir, name), 0o755);
  };
  await program('id', '[ "$*" = -u ] && echo 0 || exec /usr/bin/id "$@"');
  await program('flock', 'exec /usr/bin/flock "$@"');
  for (const name of dangerous) await program(name, `echo "${name} $*" >>${root}/calls`);
  const server = await SshServer.start({ binDir });
  const transport = moved(await connect(targetOf(server), withPassword), root);
  const [spec] = cluster.machines;
  const machine = {
    spec,
    transport,
    facts: {
      arch: 'amd64',
      hostname: 'm1',
      isContainer: false,
      runtimeSockets: [],
      programs: {},
      stamps: {},
      interfaces: [],
      ...facts,
    },
    internalAddress: spec?.internalAddress ?? '10.0.0.1',
    runLong: async () => {
      throw new Error('no long commands here');
    },
  } as unknown as Machine;
  const secrets = new Map<string, Readonly<Record<string, string>>>();
  return {
    machine,
    secrets,
    commands: server.commands,
    context: {
      cluster,
      sight: { kind: 'absent' },
      journal: [],
      machine: () => machine,
      healthyControlPlane: async () => machine,
      secrets: {
        get: async (name) => secrets.get(name),
        put: async (name, values) => void secrets.set(name, values),
        remove: async (name) => void secrets.delete(name),
      },
      bundle: { version: cluster.version, items: () => items, open: neverOpened, text: neverOpened },
      intent: async () => undefined,
      note: () => undefined,
      update: () => undefined,
      clock: systemClock,
      rng: () => 0.5,
      logger: silentLogger,
      signal: new AbortController().signal,
    },
    calls: async () => (await readFile(at('calls'), 'utf8').catch(() => '')).split('\n').slice(0, -1),
    put: async (path, content, mode = 0o644) => {
      await mkdir(dirname(at(path)), { recursive: true });
      await writeFile(at(path), content);
      await chmod(at(path), mode);
    },
    read: (path) => readFile(at(path), 'utf8').catch(() => undefined),
    program,
    [Symbol.asyncDispose]: async () => {
      await transport.close();
      await server[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}

export function stepOf(kind: StepKind, inputs: Step['inputs'] = {}): Step {
  return {
    id: `m1/${kind}`,
    kind,
    machine: 'm1',
    title: kind,
    reason: '',
    needs: [],
    inputs,
    exclusive: undefined,
    isPointOfNoReturn: false,
    isDestructive: false,
  };
}

function neverOpened(): never {
  throw new Error('nothing of the bundle is read here');
}

function moved(transport: Transport, root: string): Transport {
  const move = (text: string) => text.replaceAll(/(?<![\w.}])\/(etc|var|opt|usr\/local)\//g, `${root}/$1/`);
  const own = `${process.getuid?.()}:${process.getgid?.()}`;
  return {
    address: transport.address,
    hostKeys: transport.hostKeys,
    exec: (command) =>
      transport.exec({
        ...command,
        script: move(command.script),
        ...(command.args && { args: command.args.map(move) }),
      }),
    writeFile: (file, signal) => transport.writeFile({ ...file, path: move(file.path), owner: own }, signal),
    readFile: (path, options) => transport.readFile(move(path), options),
    upload: (file) => transport.upload({ ...file, path: move(file.path) }),
    close: () => transport.close(),
    [Symbol.asyncDispose]: () => transport.close(),
  };
}
