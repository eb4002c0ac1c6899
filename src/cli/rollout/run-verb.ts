import { systemClock } from '../../kube/index.ts';
import { explained } from '../../members/join/index.ts';
import type { RolloutFlags } from '../commands/rollout.ts';
import { changeRollout } from './change-rollout.ts';
import { type CommandContext, withHost } from './command-context.ts';
import type { RolloutRef } from './read-rollout.ts';
import type { Verb } from './verb.ts';
import { whoAmI } from './who-am-i.ts';

export interface VerbDeps {
  readonly context: CommandContext;
  readonly ref: RolloutRef;
  /** RFC 3339. */
  readonly now: string;
  readonly by: () => Promise<string>;
}

/** Says one verb to one Rollout, and tells what was said. */
export async function runVerb(
  name: string,
  flags: RolloutFlags,
  makeVerb: (deps: VerbDeps) => Verb | Promise<Verb>,
): Promise<void> {
  await withHost(flags, async (context) => {
    const { host, call, namespace } = context;
    const ref = { namespace, name };
    const saying = async () => {
      const verb = await makeVerb({
        context,
        ref,
        now: new Date(systemClock.now()).toISOString(),
        by: () => whoAmI(host, call),
      });
      return changeRollout(host.client, ref, verb, call);
    };
    const said = await explained(saying(), 'the host', host.client);
    process.stdout.write(`${said.told}\n`);
  });
}
