import { promoteAll } from '../../rollout/plan/steps/index.ts';
import { type Promotable, promotables } from './promotables.ts';
import { isPromoted, promotionsWith } from './promotions.ts';
import type { RolloutObject } from './rollout-object.ts';
import { commandLine, type Said, titleOf, type Verb } from './verb.ts';

export interface PromoteOptions {
  /** One gate or pause, by its key. */
  readonly gate: string | undefined;
  readonly full: boolean;
  /** RFC 3339. */
  readonly now: string;
  readonly by: string;
}

/** Lets go on what waits for a person, or what holds the rollout up. Who and when is recorded. */
export function promote(options: PromoteOptions): Verb {
  return (rollout) => {
    const title = titleOf(rollout);
    const { spec, status } = rollout;
    const revision = status?.revision;
    if (revision === undefined)
      return { kind: 'refused', because: `${title} has no revision yet: nothing waits` };
    if (revision === status?.stableRevision)
      return {
        kind: 'refused',
        because: `every cluster of ${title} has revision ${revision}: nothing waits`,
      };
    const known = promotables(rollout);
    if (options.full) {
      if (isPromoted(spec, revision, promoteAll)) {
        return {
          kind: 'already',
          told: `All that is left of revision ${revision} of ${title} is let go already.`,
        };
      }
      const whole = `${title} goes to the end of revision ${revision} without further pauses, gates and soaks.`;
      return change(rollout, [promoteAll], whole, known, options);
    }
    const chosen = options.gate === undefined ? waiting(known) : named(known, options.gate);
    if (chosen.length > 0) {
      const keys = chosen.map(({ key }) => key);
      const what = chosen.map((each) => each.title).join(', ');
      return change(rollout, keys, `${title} goes on past ${what}.`, chosen, options);
    }
    if (options.gate !== undefined && isPromoted(spec, revision, options.gate)) {
      return { kind: 'already', told: `${options.gate} of ${title} is let go already.` };
    }
    return { kind: 'refused', because: refusal(rollout, known, options.gate) };
  };
}

/** What a person means who names nothing: what waits for a word; else a pause; else the gates that stopped it. */
function waiting(known: readonly Promotable[]): readonly Promotable[] {
  for (const kind of ['approval', 'pause', 'failed-gate'] as const) {
    const found = known.filter((each) => each.kind === kind);
    if (found.length > 0) return found;
  }
  return [];
}

/** By the whole key, by its end, or by the name of a gate, which may stand in several clusters. */
function named(known: readonly Promotable[], wanted: string): readonly Promotable[] {
  const exact = known.filter(({ key }) => key === wanted);
  return exact.length > 0 ? exact : known.filter(({ key }) => key.endsWith(`/${wanted}`));
}

function change(
  rollout: RolloutObject,
  keys: readonly string[],
  told: string,
  chosen: readonly Promotable[],
  { now, by }: PromoteOptions,
): Said {
  const { spec, status } = rollout;
  const revision = status?.revision ?? '';
  const added = keys.map((at) => ({ revision, at, by, time: now }));
  const hasFailed = chosen.some(({ kind }) => kind === 'failed-gate');
  return {
    kind: 'change',
    command: {
      promotions: promotionsWith(spec, revision, added),
      // A gate that failed has stopped its cluster or wave: that starts again, and the gate is passed over then.
      ...(hasFailed ? { retry: now } : {}),
    },
    told: spec.command?.paused ? `${told} It is still paused: ${commandLine('resume', rollout)}.` : told,
  };
}

function refusal(rollout: RolloutObject, known: readonly Promotable[], gate: string | undefined): string {
  const title = titleOf(rollout);
  const keys = known.map(({ key }) => key).join(', ');
  if (gate !== undefined) {
    return `nothing of ${title} is held up by "${gate}"${keys ? `: choose from ${keys}` : ''}`;
  }
  const summary = rollout.status?.summary;
  const open = keys ? `; "--gate KEY" passes over one of ${keys}` : '';
  return (
    `nothing of ${title} waits for a person${summary ? ` (${summary})` : ''}: ` +
    `${commandLine('promote', rollout, '--full')} passes over all pauses, gates and soaks that are left${open}`
  );
}
