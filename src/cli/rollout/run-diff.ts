import { randomBytes } from 'node:crypto';
import { HansaError } from '../../base/index.ts';
import type { RolloutFlags } from '../commands/rollout.ts';
import { explained } from '../../members/join/index.ts';
import { invalidOption } from '../host-options.ts';
import { paintWith } from './paint.ts';
import { withHost } from './command-context.ts';
import { chooseRevisions } from './choose-revisions.ts';
import { colourFor } from './colour.ts';
import { listRevisions, readRollout } from './read-rollout.ts';
import { revisionLines } from './revision-text.ts';
import type { RevisionObject, RolloutObject } from './rollout-object.ts';
import { maskWith } from './secret-mask.ts';
import { unifiedDiff } from './unified-diff.ts';

export interface DiffRequest {
  readonly name: string;
  /** Hashes, their beginnings, or numbers; the older one first. */
  readonly revisions: readonly string[];
  readonly flags: RolloutFlags;
}

export async function runDiff({ name, revisions: wanted, flags }: DiffRequest): Promise<void> {
  if (wanted.length > 2) throw invalidOption('name two revisions at most');
  await withHost(flags, async ({ host, call, namespace }) => {
    const ref = { namespace, name };
    const reading = async () => {
      const rollout = await readRollout(host.client, ref, call);
      return { rollout, revisions: await listRevisions(host.client, ref, call) };
    };
    const { rollout, revisions } = await explained(reading(), 'the host', host.client);
    const chosen = chooseRevisions(rollout, revisions, wanted);
    if (!chosen.ok) throw new HansaError(chosen.because, { reason: 'NotFound', retry: 'never' });
    const lines = diffOf(rollout, chosen.before, chosen.after);
    const paint = paintWith(colourFor(process.stdout));
    if (lines.length === 0) process.stderr.write('Both have the same content.\n');
    for (const line of lines) {
      const style = line.startsWith('+') ? 'green' : line.startsWith('-') ? 'red' : 'dim';
      process.stdout.write(`${line.startsWith(' ') ? line : paint(style, line)}\n`);
    }
  });
}

function diffOf(rollout: RolloutObject, before: RevisionObject, after: RevisionObject): readonly string[] {
  // A key that ends with the process: what is masked can be compared here and nowhere else.
  const mask = maskWith(randomBytes(32));
  const isSecret = rollout.spec.source.federatedRef?.kind === 'FederatedSecret';
  const side = (revision: RevisionObject) => ({
    title: `${revision.spec.rollout} ${revision.spec.revision} (number ${revision.spec.number})`,
    lines: revisionLines(revision, { isSecret, mask }),
  });
  return unifiedDiff(side(before), side(after));
}
