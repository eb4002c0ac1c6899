import { revisionOn, tellInPlace } from '../plan/in-place/index.ts';
import type { RolloutMode } from '../mode.ts';
import type { Site } from './site.ts';

type Observe = (
  site: Site,
  call: Parameters<RolloutMode['observe']>[0],
) => ReturnType<RolloutMode['observe']>;

/**
 * A federated object's target in a member. Moving the pin is the whole change, and propagation writes it with the
 * revision's name: nothing is left to do here but look.
 */
export const observeFederated: Observe = async (site, { rollout }) => {
  const { target, contender, incumbent, namespace } = rollout;
  if (!target)
    return tellInPlace({ objects: [], installed: false, revision: undefined, hasIncumbent: false });
  const type = await site.find(target);
  const live = await site.get(type, {
    name: target.name,
    namespace: type.namespaced ? namespace : undefined,
  });
  const revision = live ? revisionOn(live) : undefined;
  return tellInPlace({
    objects: live ? [live] : [],
    installed: revision === contender.hash,
    revision,
    hasIncumbent: incumbent !== undefined,
  });
};
