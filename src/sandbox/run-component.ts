import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { HansaError } from '../base/index.ts';
import {
  apiServerArguments,
  controllerManagerArguments,
  etcdArguments,
  kwokArguments,
  type Layout,
  schedulerArguments,
} from './component-arguments.ts';
import { markVariable } from './marked-processes.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { type StartedProcess, startProcess, tailOf } from './start-process.ts';
import { type ControlPlaneState, updateState, withProcess } from './state.ts';
import type { Component } from './versions.ts';

/** What each component of a sandbox is started with. */
export interface Ground {
  /** Directory of the sandbox. */
  readonly dir: string;
  readonly mark: string;
  readonly binaries: Readonly<Partial<Record<Component, string>>>;
  readonly podReadyDelayMs: number;
  readonly onStarted?: (identity: ProcessIdentity) => void;
  /** Processes that are ended on purpose, by their number: their end is no alarm. */
  readonly leaving: Set<number>;
}

const argumentsOf = {
  etcd: etcdArguments,
  'kube-apiserver': apiServerArguments,
  'kube-controller-manager': controllerManagerArguments,
  'kube-scheduler': schedulerArguments,
  kwok: kwokArguments,
} as const satisfies Partial<Record<Component, (layout: Layout) => string[]>>;
export type RunComponent = keyof typeof argumentsOf;

export function layoutOf(ground: Ground, { name, apiPort, etcdPort }: ControlPlaneState): Layout {
  const dir = join(ground.dir, name);
  return { name, dir, pkiDir: join(dir, 'pki'), apiPort, etcdPort };
}

function logPathOf(layout: Layout, component: RunComponent): string {
  return join(layout.dir, 'logs', `${component}.log`);
}

/** Starts one program of a control plane and writes it down before anything else. */
export async function runComponent(
  ground: Ground,
  layout: Layout,
  component: RunComponent,
): Promise<StartedProcess> {
  const command = ground.binaries[component];
  if (!command) {
    throw new HansaError(`no ${component} for this sandbox: run "hansa sandbox binaries"`, {
      reason: 'BinaryMissing',
      retry: 'never',
    });
  }
  const args = argumentsOf[component](layout);
  mkdirSync(layout.dir, { recursive: true, mode: 0o700 });
  return startProcess(
    { command, args, logPath: logPathOf(layout, component), env: environmentOf(ground), cwd: layout.dir },
    (identity) => {
      const record = {
        ...identity,
        controlPlane: layout.name,
        component,
        command: [command, ...args].join(' '),
      };
      updateState(ground.dir, (state) => withProcess(state, record));
      ground.onStarted?.(identity);
    },
  );
}

/** Little is handed on: a proxy, a kubeconfig or a cluster account of the user's would only lead the programs astray. */
function environmentOf(ground: Ground): Record<string, string | undefined> {
  const { PATH, HOME, TMPDIR } = process.env;
  return { PATH, HOME, TMPDIR, [markVariable]: ground.mark };
}

/** The error for a program that ended while others wait for it. */
export function endedError(layout: Layout, component: RunComponent): HansaError {
  const log = logPathOf(layout, component);
  const tail = tailOf(log, 8);
  return new HansaError(`${component} of ${layout.name} ended while starting; the end of its log:\n${tail}`, {
    reason: /address already in use/.test(tailOf(log, 30)) ? 'PortTaken' : 'ComponentEnded',
    retry: 'never',
  });
}
