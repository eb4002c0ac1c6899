import { addressOf, federatedGroups, federatedKinds, type KindAddress } from '../api/federated-kinds.ts';
import { kubeFedCluster } from '../api/core.kubefed.io/v1beta1/kubefed-cluster.ts';
import { legacyReplicaSchedulingPreference } from '../api/scheduling.federation.k8s.io/v1alpha1/replica-scheduling-preference.ts';
import { replicaSchedulingPreference } from '../api/scheduling.kubefed.io/v1alpha1/replica-scheduling-preference.ts';
import { rollout } from '../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { invalidOption } from './host-options.ts';

/** Something that `hansa get` and `hansa describe` show, in the groups that serve it. */
export interface ShownKind {
  readonly family: 'cluster' | 'federated' | 'preference' | 'rollout';
  readonly kind: string;
  /** Today's group first. */
  readonly addresses: readonly KindAddress[];
  /** What a person may call it, in small letters. */
  readonly words: readonly string[];
}

/** Short names of the kinds in members, so that `hansa get deploy` finds FederatedDeployments. */
const targetShortNames: Readonly<Record<string, string>> = {
  Namespace: 'ns',
  ConfigMap: 'cm',
  Service: 'svc',
  Deployment: 'deploy',
};

export const shownKinds: readonly ShownKind[] = [
  {
    family: 'cluster',
    kind: kubeFedCluster.address.kind,
    addresses: [kubeFedCluster.address],
    words: ['clusters', 'cluster', 'members', 'member', 'kubefedclusters', 'kubefedcluster', 'kfc'],
  },
  ...federatedKinds.map((row): ShownKind => {
    const short = targetShortNames[row.target.kind];
    return {
      family: 'federated',
      kind: row.federatedKind,
      addresses: Object.values(federatedGroups).map((group) => addressOf(row, group)),
      words: [
        row.plural,
        row.federatedKind.toLowerCase(),
        ...row.shortNames,
        row.target.plural,
        row.target.kind.toLowerCase(),
        ...(short ? [short] : []),
      ],
    };
  }),
  {
    family: 'preference',
    kind: replicaSchedulingPreference.address.kind,
    addresses: [replicaSchedulingPreference.address, legacyReplicaSchedulingPreference.address],
    words: [
      'replicaschedulingpreferences',
      'replicaschedulingpreference',
      ...replicaSchedulingPreference.shortNames,
    ],
  },
  {
    family: 'rollout',
    kind: rollout.address.kind,
    addresses: [rollout.address],
    words: ['rollouts', 'rollout', ...rollout.shortNames],
  },
];

/** What `clusters`, `fdeploy,fcm`, `all` or `fdeploy/web` asks for. @throws HansaError InvalidOption */
export function readKinds(text: string): { readonly kinds: readonly ShownKind[]; readonly name?: string } {
  const [words = '', name, ...rest] = text.split('/');
  if (rest.length > 0) throw invalidOption(`"${text}": write KIND, KIND/NAME or KIND NAME`);
  const kinds = words.split(',').filter(Boolean).flatMap(kindsFor);
  return { kinds: [...new Set(kinds)], ...(name ? { name } : {}) };
}

function kindsFor(word: string): readonly ShownKind[] {
  const wanted = word.toLowerCase();
  if (wanted === 'all') return shownKinds.filter(({ family }) => family !== 'cluster');
  // `federateddeployments.types.kubefed.io` and the like: the group says no more than the plural does.
  const bare = wanted.split('.')[0] ?? '';
  const found = shownKinds.find(({ words }) => words.includes(bare));
  if (found) return [found];
  const known = shownKinds.map(({ words }) => words[0]).join(', ');
  throw invalidOption(`there is no kind "${word}": choose from ${known}, or all`);
}
