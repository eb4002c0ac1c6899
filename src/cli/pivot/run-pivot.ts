import { hostname, userInfo } from 'node:os';
import { HansaError, messageOf, silentLogger } from '../../base/index.ts';
import { systemClock } from '../../kube/index.ts';
import {
  type ClusterKey,
  keyText,
  type PivotResult,
  pivotToFile,
  pivotToHost,
  type StateFile,
  takeBackFromLostHost,
} from '../../provision/index.ts';
import { openState } from '../cluster/state-place.ts';
import type { PivotFlags } from '../commands/pivot.ts';
import { interruptSignal, invalidOption, openHost, printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import { keysInFile, keysOnHost } from './choose-keys.ts';
import { renderPivot } from './render-pivot.ts';

export type Direction = 'to-host' | 'to-file';

/** Moves clusters one after the other. Exit code 1: one of them could not be moved; the others were. */
export async function runPivot(
  direction: Direction,
  names: readonly string[],
  flags: PivotFlags,
): Promise<number> {
  const format = readOutput(flags.output, ['json']);
  const state = openState(flags);
  const wish = { names, namespace: flags.namespace, all: flags.all ?? false };
  const results: PivotResult[] = [];
  const failures: { readonly cluster: string; readonly reason: string; readonly message: string }[] = [];
  const tell = (result: PivotResult) => {
    results.push(result);
    for (const warning of result.warnings) process.stderr.write(`warning: ${result.name}: ${warning}\n`);
    if (!format) process.stdout.write(`${renderPivot(result)}\n`);
  };
  const eachOf = async (keys: readonly ClusterKey[], move: (key: ClusterKey) => Promise<PivotResult>) => {
    for (const key of keys) {
      try {
        tell(await move(key));
      } catch (error) {
        if (!(error instanceof HansaError) || error.reason === 'Cancelled') throw error;
        failures.push({ cluster: keyText(key), reason: error.reason, message: messageOf(error) });
        process.stderr.write(`hansa: ${messageOf(error)}\n`);
      }
    }
  };
  if (flags.hostIsLost) {
    if (flags.dryRun)
      throw invalidOption('--host-is-lost has no --dry-run: it only takes a mark off the state file');
    await eachOf(await keysInFile(state, wish), (key) =>
      takeBackFromLostHost({ state, key, filePlace: placeOf(flags) }),
    );
  } else {
    await withHost(direction, { state, flags, wish, eachOf });
  }
  if (format) await printData({ moved: results, failed: failures }, format);
  return failures.length === 0 ? 0 : 1;
}

async function withHost(
  direction: Direction,
  {
    state,
    flags,
    wish,
    eachOf,
  }: {
    readonly state: StateFile;
    readonly flags: PivotFlags;
    readonly wish: Parameters<typeof keysInFile>[1];
    readonly eachOf: (
      keys: readonly ClusterKey[],
      move: (key: ClusterKey) => Promise<PivotResult>,
    ) => Promise<void>;
  },
): Promise<void> {
  const kubeconfig = flags.kubeconfig ?? flags.hostKubeconfig;
  const host = await openHost({ ...flags, ...(kubeconfig === undefined ? {} : { kubeconfig }) });
  try {
    const keys =
      direction === 'to-host' ? await keysInFile(state, wish) : await keysOnHost(host.client, wish);
    const move = direction === 'to-host' ? pivotToHost : pivotToFile;
    const progress = createProgress();
    const signal = interruptSignal();
    await eachOf(keys, (key) =>
      move({
        state,
        filePlace: placeOf(flags),
        host: host.client,
        key,
        owner: `${userInfo().username}@${hostname()} (pid ${process.pid})`,
        dryRun: flags.dryRun ?? false,
        clock: systemClock,
        rng: Math.random,
        logger: silentLogger,
        progress,
        signal,
      }),
    );
  } finally {
    await host.client.close();
  }
}

/** For whoever finds the cluster marked as moved: whom to ask, and for which file. */
function placeOf({ state }: PivotFlags): string {
  const path = state ?? process.env['HANSA_STATE'];
  return `the state file ${path ? `${path} ` : ''}of ${userInfo().username}@${hostname()}`;
}
