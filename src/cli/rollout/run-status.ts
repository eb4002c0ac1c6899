import { HansaError } from '../../base/index.ts';
import { type CacheState, systemClock } from '../../kube/index.ts';
import { explained } from '../../members/join/index.ts';
import { canDrawLive, liveBlock } from '../demo/live-block.ts';
import { printData } from '../host-options.ts';
import type { StatusFlags } from '../commands/rollout.ts';
import { changeLines } from './change-lines.ts';
import { colourFor } from './colour.ts';
import { type CommandContext, withHost } from './command-context.ts';
import { durationText } from './duration-text.ts';
import { expectedRevision } from './expected-revision.ts';
import { type FollowEnd, followRollout } from './follow-rollout.ts';
import { nextSteps } from './next-steps.ts';
import { readRollout } from './read-rollout.ts';
import { renderRolloutTree } from './render-tree.ts';
import { isUpToDate, type RolloutObject } from './rollout-object.ts';
import { exitCodes, verdictOn } from './verdict.ts';

export interface StatusRequest {
  readonly name: string;
  readonly flags: StatusFlags;
  readonly format: 'json' | undefined;
  readonly timeoutMs: number | undefined;
}

/** Pauses and soaks count down before one's eyes. */
const redrawMs = 1000;
const plainWidth = 120;

export async function runStatus(request: StatusRequest): Promise<void> {
  const { name, flags, format } = request;
  await withHost(flags, async (context) => {
    const ref = { namespace: context.namespace, name };
    const { client } = context.host;
    // Read before following: a cache would go on trying where a person wants to be told.
    const rollout = await explained(readRollout(client, ref, context.call), 'the host', client);
    if (flags.watch) return follow(request, context, await expectedRevision(client, rollout, context.call));
    if (format) return printData(statusData(rollout), format);
    const width = process.stdout.columns ?? plainWidth;
    const lines = treeOf(rollout, { width, colour: colourFor(process.stdout) });
    process.stdout.write(`${lines.join('\n')}\n`);
  });
}

/**
 * How long a verdict on an older revision than the federated object has is not believed: the controller looks within
 * seconds. For ever would be wrong, since the object may say what no run will come of.
 */
const newsLimitMs = 20_000;

async function follow(
  request: StatusRequest,
  context: CommandContext,
  expected: string | undefined,
): Promise<void> {
  const { flags, format, name, timeoutMs } = request;
  const view = format ? jsonView() : canDrawLive(process.stdout) ? liveView() : lineView();
  const believedFromMs = systemClock.monotonic() + newsLimitMs;
  const isNews = (rollout: RolloutObject) =>
    expected === undefined ||
    rollout.status?.revision === expected ||
    systemClock.monotonic() >= believedFromMs;
  let end: FollowEnd;
  try {
    end = await followRollout({
      client: context.host.client,
      ref: { namespace: context.namespace, name },
      signal: context.signal,
      timeoutMs,
      judge: (rollout) => {
        const verdict = verdictOn(rollout);
        if (verdict.kind === 'under-way' || !isNews(rollout)) return undefined;
        return flags.stay && verdict.kind === 'waits-for-person' ? undefined : verdict;
      },
      judgeAgainAfterMs: newsLimitMs,
      tell: view.tell,
      tellState: view.tellState,
    });
  } finally {
    view.end();
  }
  report(end, request, context);
}

/** The result as a word on stderr and an exit code; what was seen has been shown. */
function report(end: FollowEnd, { name, timeoutMs }: StatusRequest, { namespace }: CommandContext): void {
  const title = `${namespace}/${name}`;
  switch (end.kind) {
    case 'gone':
      throw new HansaError(`the Rollout ${title} was deleted`, { reason: 'NotFound', retry: 'never' });
    case 'timed-out':
      process.stderr.write(
        `hansa: ${title} is still under way after ${durationText(timeoutMs ?? 0)}: it goes on without this command\n`,
      );
      process.exitCode = exitCodes['timed-out'];
      return;
    case 'interrupted':
      // As a shell counts an end by Ctrl-C.
      process.exitCode = 130;
      return;
    case 'verdict': {
      const { verdict, rollout } = end;
      if (verdict.kind === 'completed' || verdict.kind === 'under-way') return;
      const next = nextSteps({ namespace, name, spec: rollout.spec, status: rollout.status });
      process.stderr.write(`hansa: ${verdict.message}\n`);
      for (const { command, effect } of next) process.stderr.write(`  ${command}  ${effect}\n`);
      process.exitCode = exitCodes[verdict.kind];
    }
  }
}

interface View {
  readonly tell: (rollout: RolloutObject) => void;
  readonly tellState: (state: CacheState) => void;
  readonly end: () => void;
}

/** The tree, drawn over itself. */
function liveView(): View {
  const block = liveBlock(process.stdout);
  const colour = colourFor(process.stdout);
  let seen: RolloutObject | undefined;
  let stale: string | undefined;
  const lines = (maxLines?: number) => {
    if (!seen) return [];
    const width = process.stdout.columns ?? 80;
    const room = maxLines === undefined ? {} : { maxLines: stale ? maxLines - 1 : maxLines };
    const tree = treeOf(seen, { width, colour, ...room });
    return stale ? [stale, ...tree] : tree;
  };
  // At the end too: a fleet of hundreds would push what matters out at the top.
  const fitting = () => lines((process.stdout.rows ?? 24) - 1);
  const draw = () => block.draw(fitting());
  const timer = setInterval(draw, redrawMs);
  return {
    tell: (rollout) => {
      seen = rollout;
      draw();
    },
    tellState: (state) => {
      stale = staleText(state);
      draw();
    },
    end: () => {
      clearInterval(timer);
      block.end(fitting());
    },
  };
}

/** One line a change, with the time, for logs. */
function lineView(): View {
  let before: RolloutObject | undefined;
  const write = (line: string) =>
    process.stdout.write(`${new Date(systemClock.now()).toISOString().slice(0, 19)}Z ${line}\n`);
  return {
    tell: (rollout) => {
      for (const line of changeLines(before, rollout)) write(line);
      before = rollout;
    },
    tellState: (state) => {
      const stale = staleText(state);
      if (stale) write(stale);
    },
    end: () => {},
  };
}

/** One object a change. */
function jsonView(): View {
  let before = '';
  return {
    tell: (rollout) => {
      const line = JSON.stringify(statusData(rollout));
      if (line !== before) process.stdout.write(`${line}\n`);
      before = line;
    },
    tellState: (state) => {
      const stale = staleText(state);
      if (stale) process.stderr.write(`${stale}\n`);
    },
    end: () => {},
  };
}

function staleText(state: CacheState): string | undefined {
  return state.kind === 'stale' ? `the host does not answer (${state.reason}); this may be old` : undefined;
}

/** The status, with what tells whose it is and whether it is about the object as it is now. */
export function statusData(rollout: RolloutObject): unknown {
  const { metadata, status = {} } = rollout;
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    generation: metadata.generation,
    verdict: verdictOn(rollout).kind,
    ...status,
  };
}

function treeOf(
  rollout: RolloutObject,
  room: { readonly width: number; readonly colour: boolean; readonly maxLines?: number },
): readonly string[] {
  const { metadata, spec, status } = rollout;
  return renderRolloutTree({
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    spec,
    status,
    upToDate: isUpToDate(rollout),
    nowMs: systemClock.now(),
    ...room,
  });
}
