import { HansaError, silentProgress } from '../base/index.ts';
import {
  ensureBinaries,
  findHelm,
  hostName,
  listSandboxes,
  openSandbox,
  type Parts,
  partsChoices,
  type SandboxStatus,
  startSandbox,
  stopSandbox,
} from '../sandbox/index.ts';
import type { BinariesFlags, DownFlags, KubeconfigFlags, StatusFlags, UpFlags } from './commands/sandbox.ts';
import { interruptSignal, invalidOption, printData, readOutput } from './host-options.ts';
import { createProgress } from './progress.ts';
import { binaryRows, renderBinaries, renderNextSteps, renderStatus } from './render-sandbox.ts';
import { readMembers, readNumber } from './sandbox-wishes.ts';

const highestPort = 65_535;

export async function runUp(name: string, flags: UpFlags): Promise<void> {
  const format = readOutput(flags.output, ['json']);
  const members = readMembers(flags.members, { regions: flags.regions, aliases: flags.aliases });
  const sandbox = await startSandbox({
    name,
    members,
    parts: readParts('--parts', flags.parts),
    detached: true,
    nodesPerMember: readNumber('--nodes', flags.nodes, { min: 0, max: 1000 }),
    podReadyDelayMs: readNumber('--pod-delay', flags.podDelay, { min: 0, max: 3_600_000 }),
    ...(flags.hostParts ? { hostParts: readParts('--host-parts', flags.hostParts) } : {}),
    ...(flags.kubernetesVersion ? { kubernetesVersion: flags.kubernetesVersion } : {}),
    ...(flags.basePort
      ? {
          basePort: readNumber('--base-port', flags.basePort, {
            min: 1024,
            max: highestPort - 2 * members.length - 1,
          }),
        }
      : {}),
    ...(flags.dir ? { dir: flags.dir } : {}),
    ...(flags.keep ? { keep: true } : {}),
    progress: format ? silentProgress : createProgress(),
    signal: interruptSignal(),
  });
  const status = listSandboxes(whereabouts(flags)).find((each) => each.name === sandbox.name);
  if (!status)
    throw new HansaError(`sandbox ${name} was taken down meanwhile`, { reason: 'SandboxNotFound' });
  if (format) await printData(status, format);
  else process.stdout.write(`${renderNextSteps(status, sandbox.kubectlPath)}\n`);
}

export async function runDown(name: string | undefined, flags: DownFlags): Promise<void> {
  const format = readOutput(flags.output, ['json']);
  const where = whereabouts(flags);
  const names = flags.all
    ? listSandboxes(where).map((each) => each.name)
    : [pickName(name, listSandboxes(where))];
  const signal = interruptSignal();
  const progress = format ? silentProgress : createProgress();
  const failed: unknown[] = [];
  for (const each of names) {
    const step = progress.step(`end sandbox ${each}`);
    try {
      await stopSandbox(each, { ...where, signal, ...(flags.keep ? { keep: true } : {}) });
      step.done();
    } catch (error) {
      // One that can't be ended keeps no other from it.
      step.fail('');
      failed.push(error);
    }
  }
  if (format) await printData({ ended: names.slice(0, names.length - failed.length) }, format);
  else if (names.length === 0) process.stdout.write('No sandbox.\n');
  if (failed.length > 0) throw failed[0];
}

export async function runStatus(name: string | undefined, flags: StatusFlags): Promise<void> {
  const format = readOutput(flags.output, ['json']);
  const all = listSandboxes(whereabouts(flags));
  const shown = name === undefined ? all : all.filter((each) => each.name === pickName(name, all));
  if (format) await printData(shown, format);
  else process.stdout.write(`${renderStatus(shown, Date.now())}\n`);
}

export async function runKubeconfig(name: string | undefined, flags: KubeconfigFlags): Promise<void> {
  const format = readOutput(flags.output, ['path', 'yaml']) ?? 'path';
  const where = whereabouts(flags);
  const sandbox = openSandbox(pickName(name, listSandboxes(where)), where);
  const path = flags.member ? memberKubeconfig(sandbox, flags.member) : sandbox.kubeconfigPath;
  if (format === 'path') process.stdout.write(`${path}\n`);
  else {
    const { readFileSync } = await import('node:fs');
    process.stdout.write(readFileSync(path, 'utf8'));
  }
}

export async function runBinaries(flags: BinariesFlags): Promise<void> {
  const format = readOutput(flags.output, ['json']);
  const ways = readOutput(flags.from, ['download', 'build']);
  const how = {
    ...(ways ? { ways: [ways] } : {}),
    progress: format ? silentProgress : createProgress(),
    signal: interruptSignal(),
  };
  const set = await ensureBinaries({ kubernetesVersion: flags.kubernetesVersion, ...how });
  // No part of a control plane; charts are rendered with it.
  const rows = [...binaryRows(set), { component: 'helm', ...(await findHelm(how)) }];
  if (format) await printData(rows, format);
  else process.stdout.write(`${renderBinaries(rows)}\n`);
}

function memberKubeconfig(sandbox: ReturnType<typeof openSandbox>, member: string): string {
  const found = [sandbox.host, ...sandbox.members].find((each) => each.name === member);
  if (found) return found.kubeconfigPath;
  throw invalidOption(
    `--member ${member}: choose one of ${[hostName, ...sandbox.members.map((each) => each.name)].join(', ')}`,
  );
}

/** Without a name the only sandbox is meant; with several, none is. */
function pickName(name: string | undefined, all: readonly SandboxStatus[]): string {
  if (name !== undefined) return name;
  const [only, ...others] = all;
  if (only && others.length === 0) return only.name;
  throw new HansaError(
    only
      ? `there are several sandboxes: name one of ${all.map((each) => each.name).join(', ')}`
      : 'there is no sandbox: start one with "hansa sandbox up"',
    { reason: only ? 'InvalidOption' : 'SandboxNotFound', retry: 'never' },
  );
}

function readParts(option: string, text: string): Parts {
  const found = partsChoices.find((each) => each === text);
  if (!found) throw invalidOption(`${option} ${text}: choose one of ${partsChoices.join(', ')}`);
  return found;
}

function whereabouts({ dir }: { readonly dir?: string }): { dir?: string } {
  return dir ? { dir } : {};
}
