import { createHash } from 'node:crypto';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { HansaError, type Progress, silentProgress } from '../../src/base/index.ts';
import { assertPlainName } from '../../src/sandbox/places.ts';
import { writeAtomically } from '../../src/sandbox/write-atomically.ts';
import { type Docker, ensureDocker } from './docker.ts';
import { type GroupRecord, groupDir, groupsWritten, readGroup, writeGroup } from './group-record.ts';
import { inStep } from './in-step.ts';
import { groupLabel, machineLabel, ownerLabel, ownerless, ownerMark } from './labels.ts';
import { accessTo, type Machine, type MachineFacts, machineOf } from './machine.ts';
import { ensureMachineImage, type ImageVariant } from './machine-image.ts';
import { machineRights } from './machine-rights.ts';
import { raiseWatchLimit } from './raise-watch-limit.ts';
import { removeGroup, removeLeftovers } from './remove-groups.ts';
import { createNetwork, type GroupNetwork } from './networks.ts';
import { setupFiles } from './setup-files.ts';
import { waitForSsh } from './ssh.ts';

export interface MachinesOptions {
  /** How many, called m1, m2 …; or their names. Default 1. */
  readonly count?: number;
  readonly names?: readonly string[];
  /** Default: one that nobody else has. */
  readonly group?: string;
  /** `runtime` (default): containerd is there and runs. `bare`: it is not. */
  readonly variant?: ImageVariant;
  /** No route out of their network. */
  readonly internal?: boolean;
  /** A second network, so that a machine has to choose between two addresses. */
  readonly secondNetwork?: boolean;
  /** Directories that get a file system of their own, in megabytes, so that a test can fill it. */
  readonly disks?: Readonly<Record<string, number>>;
  /** Leaves Docker's resolver (127.0.0.11) in resolv.conf, which makes CoreDNS ask itself. */
  readonly keepResolver?: boolean;
  /** Lives on when this process ends, until it is taken down by name. */
  readonly keep?: boolean;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

export interface MachineGroup extends AsyncDisposable {
  readonly group: string;
  readonly machines: readonly Machine[];
  /** The machine of that name. */
  machine(name: string): Machine;
  /** One machine more, in the same network. */
  add(name: string): Promise<Machine>;
  /** Takes one machine away for good, with all it holds. */
  remove(name: string): Promise<void>;
}

/**
 * Starts machines that are reached over SSH, all at once.
 *
 * *Flow*: Docker and the image are made available; what crashed runs left is taken down; network; machines.
 * *Guarantees*: what is started is labelled with its owner, so that nothing outlives a crash for longer than to the next
 * start of machines. Disposing of the group takes everything down.
 * *Caveats*: 3 to 6 s a start once the image is there.
 */
export async function startMachines(options: MachinesOptions = {}): Promise<MachineGroup> {
  const { progress = silentProgress, signal = new AbortController().signal } = options;
  const group = options.group ?? `t${process.pid}-${(groupCount += 1)}`;
  assertPlainName(group, 'group');
  const names = options.names ?? Array.from({ length: options.count ?? 1 }, (_, index) => `m${index + 1}`);
  for (const name of names) assertPlainName(name, 'machine');
  const docker = await ensureDocker({ progress, signal });
  try {
    await removeLeftovers(docker);
    raiseWatchLimit();
    if (await isThere(docker, group)) {
      throw new HansaError(`there are machines called ${group} already: take them down first`, {
        reason: 'GroupExists',
        retry: 'never',
      });
    }
    const image = await ensureMachineImage(docker, options.variant ?? 'runtime', { progress, signal });
    return await startGroup({ docker, group, names, image, options, progress, signal });
  } catch (error) {
    await docker[Symbol.asyncDispose]();
    throw error;
  }
}

let groupCount = 0;

interface Start {
  readonly docker: Docker;
  readonly group: string;
  readonly names: readonly string[];
  readonly image: string;
  readonly options: MachinesOptions;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

async function startGroup({
  docker,
  group,
  names,
  image,
  options,
  progress,
  signal,
}: Start): Promise<MachineGroup> {
  const owner = options.keep ? ownerless : ownerMark();
  try {
    const of = { group, owner, internal: options.internal ?? false };
    const network = await createNetwork(docker, { ...of, name: `hansa-${group}` });
    const second = options.secondNetwork
      ? await createNetwork(docker, { ...of, name: `hansa-${group}-second`, internal: true })
      : undefined;
    const keys = writeKeys(group);
    const machines: Machine[] = [];
    let lastNumber = 10;
    const record = () => writeGroup({ group, network: network.name, machines: machines.map(factsOf) });
    const startOne = (name: string, number: number) =>
      startMachine(docker, { name, number, group, owner, image, network, second, keys, options }, signal);
    const numbered = names.map((name) => ({ name, number: (lastNumber += 1) }));
    await inStep(progress, `start ${names.length} machines (${group})`, async () => {
      machines.push(...(await Promise.all(numbered.map(({ name, number }) => startOne(name, number)))));
    });
    record();
    return {
      ...groupOf(docker, group, machines),
      async add(name) {
        assertPlainName(name, 'machine');
        const machine = await startOne(name, (lastNumber += 1));
        machines.push(machine);
        record();
        return machine;
      },
      async remove(name) {
        const index = machines.findIndex((each) => each.name === name);
        const [machine] = index < 0 ? [] : machines.splice(index, 1);
        if (machine) await docker.run(['rm', '--force', '--volumes', machine.container]);
        record();
      },
    };
  } catch (error) {
    await removeGroup(docker, group);
    throw error;
  }
}

function groupOf(
  docker: Docker,
  group: string,
  machines: readonly Machine[],
): Omit<MachineGroup, 'add' | 'remove'> {
  return {
    group,
    machines,
    machine(name) {
      const found = machines.find((each) => each.name === name);
      if (!found) throw new Error(`no machine ${name} in ${group}`);
      return found;
    },
    async [Symbol.asyncDispose]() {
      await removeGroup(docker, group);
      await docker[Symbol.asyncDispose]();
    },
  };
}

/** The machines of a group that another process has started and left running. */
export async function openMachines(
  group: string,
  options: { readonly progress?: Progress; readonly signal?: AbortSignal } = {},
): Promise<Omit<MachineGroup, 'add' | 'remove'>> {
  const { progress = silentProgress, signal = new AbortController().signal } = options;
  const record = readGroup(group);
  if (!record) {
    throw new HansaError(`there are no machines called ${group}: start them, or look at "list"`, {
      reason: 'NoSuchGroup',
      retry: 'never',
    });
  }
  const docker = await ensureDocker({ progress, signal });
  return groupOf(
    docker,
    group,
    record.machines.map((facts) => machineOf(docker, facts)),
  );
}

export function listGroups(): GroupRecord[] {
  return groupsWritten().flatMap((group) => readGroup(group) ?? []);
}

interface MachineSpec {
  readonly name: string;
  readonly number: number;
  readonly group: string;
  readonly owner: string;
  readonly image: string;
  readonly network: GroupNetwork;
  readonly second: GroupNetwork | undefined;
  readonly keys: Keys;
  readonly options: MachinesOptions;
}

const bootLimitMs = 90_000;

async function startMachine(docker: Docker, spec: MachineSpec, signal: AbortSignal): Promise<Machine> {
  const { name, number, group, owner, image, network, second, keys, options } = spec;
  const container = `hansa-${group}-${name}`;
  const ip = `${network.prefix}.${number}`;
  const secondIp = second && `${second.prefix}.${number}`;
  const hostKey = makeKeyPair(name);
  const password = `${group}-let-me-in`;
  const labels = [`${machineLabel}=${name}`, `${groupLabel}=${group}`, `${ownerLabel}=${owner}`];
  await docker.run([
    'create',
    `--name=${container}`,
    `--hostname=${name}`,
    `--network=${network.name}`,
    `--ip=${ip}`,
    ...labels.map((label) => `--label=${label}`),
    ...machineRights(),
    image,
  ]);
  const files = await setupFiles({
    authorizedKey: keys.public,
    hostKey,
    password,
    disks: options.disks ?? {},
    keepResolver: options.keepResolver ?? false,
    noRouteOut: options.internal ?? false,
  });
  await docker.run(['cp', '-', `${container}:/`], { input: files });
  if (second && secondIp) await docker.run(['network', 'connect', '--ip', secondIp, second.name, container]);
  await docker.run(['start', container]);
  const facts: MachineFacts = {
    name,
    container,
    hostname: name,
    ip,
    ...(secondIp ? { secondIp } : {}),
    ssh: {
      host: ip,
      port: 22,
      user: 'op',
      privateKeyPath: keys.path,
      privateKey: keys.private,
      hostKey: hostKey.public.split(' ').slice(0, 2).join(' '),
      fingerprint: fingerprintOf(hostKey.public),
      askedUser: 'asked',
      password,
    },
  };
  await waitForSsh(accessTo(facts), bootLimitMs, signal);
  return machineOf(docker, facts);
}

interface Keys {
  readonly path: string;
  readonly private: string;
  readonly public: string;
}

/** One of 256 that ssh2 makes can't be read again, not even by itself: its random number begins with a zero byte. */
function makeKeyPair(comment: string): { readonly private: string; readonly public: string } {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment });
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
}

function writeKeys(group: string): Keys {
  const pair = makeKeyPair(group);
  const path = join(groupDir(group), 'id');
  writeAtomically(path, pair.private);
  writeAtomically(`${path}.pub`, `${pair.public}\n`);
  return { path, private: pair.private, public: pair.public };
}

function fingerprintOf(publicKey: string): string {
  const body = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(body).digest('base64').replace(/=+$/, '')}`;
}

function factsOf({ name, container, hostname, ip, secondIp, ssh }: Machine): MachineFacts {
  return { name, container, hostname, ip, ...(secondIp ? { secondIp } : {}), ssh };
}

async function isThere(docker: Docker, group: string): Promise<boolean> {
  return (await docker.run(['ps', '--all', '--quiet', '--filter', `label=${groupLabel}=${group}`])) !== '';
}
