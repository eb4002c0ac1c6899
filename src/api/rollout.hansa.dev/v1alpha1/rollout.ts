import { z } from 'zod';
import type { ServedKind } from '../../served-kind.ts';
import { clusterName } from '../../shared/cluster-name.ts';
import { conditions } from '../../shared/condition.ts';
import { labelSelector } from '../../shared/label-selector.ts';
import { rules } from '../../shared/rules.ts';
import { strategyFields } from './strategy.ts';
import { rolloutConditions, rolloutReasons } from './words.ts';

const objectRef = (description: string) =>
  z
    .object({
      apiVersion: z.exactOptional(
        z
          .string()
          .max(317)
          .meta({ description: 'Group and version; may be left out for kinds that Hansa knows.' }),
      ),
      kind: z.string().min(1).max(63).meta({ description: 'Kind of the object.' }),
      name: z
        .string()
        .min(1)
        .max(253)
        .meta({ description: 'Name of the object, in the namespace of the rollout.' }),
    })
    .meta({ description });

const helm = z
  .object({
    chart: z.string().min(1).max(2048).meta({ description: 'Name of the chart, or an oci:// reference.' }),
    repoURL: z.exactOptional(
      z.string().max(2048).meta({ description: 'Address of the chart repository; not for oci:// charts.' }),
    ),
    version: z.string().min(1).max(256).meta({ description: 'Version, or a constraint such as ~1.4.' }),
    releaseName: z.exactOptional(
      z
        .string()
        .min(1)
        .max(53)
        .meta({ description: 'Release name for the templates. Default: name of the rollout.' }),
    ),
    values: z.exactOptional(z.record(z.string(), z.unknown()).meta({ description: 'Values of the chart.' })),
    secretRef: z.exactOptional(
      z
        .object({ name: z.string().min(1).max(253).meta({ description: 'Name of the Secret.' }) })
        .meta({ description: 'Secret with `username` and `password`, or `token`, and optionally `ca.crt`.' }),
    ),
  })
  .meta({ description: 'A Helm chart, rendered once per revision and kept on the host.' });

const source = z
  .object({
    manifests: z.exactOptional(
      z.array(z.record(z.string(), z.unknown())).min(1).max(500).meta({
        description:
          'The objects themselves. `hansa rollout apply` fills them from files, a kustomize directory or an OCI artefact.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    helm: z.exactOptional(helm),
    federatedRef: z.exactOptional(
      objectRef(
        'A Federated* object in the same namespace: each change of its template or overrides is rolled out.',
      ),
    ),
    workloadRef: z.exactOptional(
      objectRef(
        'A Deployment, DaemonSet or StatefulSet that exists in the clusters already and is edited there by others.',
      ),
    ),
  })
  .meta({
    description: 'What is rolled out.',
    ...rules({
      rule: '[has(self.manifests), has(self.helm), has(self.federatedRef), has(self.workloadRef)].filter(set, set).size() == 1',
      message: 'set exactly one of manifests, helm, federatedRef, workloadRef',
    }),
  });

const placement = z
  .object({
    clusters: z.exactOptional(
      z
        .array(
          z
            .object({ name: clusterName('Name or alias of a cluster.') })
            .meta({ description: 'A cluster by name.' }),
        )
        .max(1000)
        .meta({
          description: 'The clusters by name; wins over the others.',
          'x-kubernetes-list-type': 'atomic',
        }),
    ),
    clusterSelector: z.exactOptional(labelSelector('The clusters by label; `{}` selects all.')),
    regions: z.exactOptional(
      z
        .array(
          z
            .object({
              name: z
                .string()
                .min(1)
                .max(63)
                .meta({ description: 'Value of the label region or topology.kubernetes.io/region.' }),
              replicas: z.exactOptional(
                z.int().min(0).max(1000).meta({ description: 'Clusters of that region. Default 1.' }),
              ),
            })
            .meta({ description: 'A region.' }),
        )
        .max(100)
        .meta({
          description:
            'So many clusters of each region, chosen by weighted rendezvous hashing, so that the choice stays when clusters come and go.',
          'x-kubernetes-list-type': 'atomic',
        }),
    ),
  })
  .meta({
    description:
      'Which clusters get it; for manifests, charts and workloadRef. A federated object has its own placement.',
  });

const command = z
  .object({
    paused: z.exactOptional(z.boolean().meta({ description: 'Nothing moves while this is true.' })),
    abort: z.exactOptional(
      z
        .string()
        .max(64)
        .meta({ description: 'Revision that is taken back everywhere. `hansa rollout abort` sets it.' }),
    ),
    retry: z.exactOptional(
      z.string().max(64).meta({ description: 'A new value starts an aborted or failed revision again.' }),
    ),
    undoTo: z.exactOptional(
      z.string().max(64).meta({ description: 'Revision to go back to, as a new run through all steps.' }),
    ),
    targetStep: z.exactOptional(
      z.int().min(0).max(63).meta({
        description: 'Go to this step (from 0), forward or back, and stay there. Absent: go on to the end.',
      }),
    ),
    promotions: z.exactOptional(
      z
        .array(
          z
            .object({
              revision: z.string().max(64).meta({ description: 'Revision that is meant.' }),
              at: z
                .string()
                .max(256)
                .meta({ description: 'What is let go: a pause or gate, or `full` for all that is left.' }),
              by: z.exactOptional(z.string().max(256).meta({ description: 'Who said so.' })),
              time: z.exactOptional(z.string().meta({ description: 'When.', format: 'date-time' })),
            })
            .meta({ description: 'A word that something may go on.' }),
        )
        .max(256)
        .meta({
          description: 'Words of people that something may go on.',
          'x-kubernetes-list-type': 'atomic',
        }),
    ),
  })
  .meta({ description: 'What people say while it runs; the verbs of `hansa rollout` write here.' });

const time = (description: string) => z.string().meta({ description, format: 'date-time' });

const gateStatus = z
  .object({
    key: z.string().meta({ description: 'Which gate, where: revision/wave/step/cluster/name.' }),
    phase: z
      .enum(['Pending', 'Running', 'Passed', 'Failed', 'Inconclusive'])
      .meta({ description: 'How it stands.' }),
    good: z.exactOptional(z.int().meta({ description: 'Good answers so far.' })),
    bad: z.exactOptional(z.int().meta({ description: 'Bad answers so far.' })),
    inconclusive: z.exactOptional(z.int().meta({ description: 'Answers that said nothing.' })),
    lastAskedAt: z.exactOptional(time('When it was last asked.')),
    startedAt: z.exactOptional(time('Since when it is looked at.')),
    message: z.exactOptional(z.string().meta({ description: 'The last answer, in a sentence.' })),
  })
  .meta({ description: 'How one gate stands.' });

const clusterStatus = z
  .object({
    name: z.string().meta({ description: 'Name of the cluster.' }),
    wave: z.exactOptional(z.string().meta({ description: 'Its wave.' })),
    phase: z
      .enum([
        'Pending',
        'Progressing',
        'StepReached',
        'Done',
        'Reverting',
        'Reverted',
        'Failed',
        'Skipped',
        'Unreachable',
      ])
      .meta({
        description: 'How far it is.',
      }),
    step: z.exactOptional(z.int().meta({ description: 'Step it goes to or has reached, from 0.' })),
    reachedStep: z.exactOptional(z.int().meta({ description: 'Last step that was reached in full.' })),
    reachedAt: z.exactOptional(time('When that was.')),
    progressedAt: z.exactOptional(time('When something last moved; the progress deadline counts from here.')),
    unreachableSince: z.exactOptional(time('Since when it does not answer.')),
    skipped: z.exactOptional(
      z.boolean().meta({ description: 'It failed, and the rollout goes on without it.' }),
    ),
    stage: z.exactOptional(
      z.string().meta({
        description:
          'What is under way: Installation, ContenderCapacity, ContenderTraffic, IncumbentTraffic, IncumbentCapacity.',
      }),
    ),
    revision: z.exactOptional(z.string().meta({ description: 'Revision it has or goes to.' })),
    contender: z.exactOptional(
      z
        .object({
          desired: z.exactOptional(z.int().meta({ description: 'Replicas it should have now.' })),
          ready: z.exactOptional(z.int().meta({ description: 'Ready replicas.' })),
          traffic: z.exactOptional(z.int().meta({ description: 'Pods, or weight, with traffic.' })),
        })
        .meta({ description: 'The new revision here.' }),
    ),
    incumbent: z.exactOptional(
      z
        .object({
          desired: z.exactOptional(z.int().meta({ description: 'Replicas it should have now.' })),
          ready: z.exactOptional(z.int().meta({ description: 'Ready replicas.' })),
          traffic: z.exactOptional(z.int().meta({ description: 'Pods, or weight, with traffic.' })),
        })
        .meta({ description: 'The old revision here.' }),
    ),
    total: z.exactOptional(z.int().meta({ description: 'Replicas that the workload has when whole.' })),
    reason: z.exactOptional(z.string().meta({ description: 'Why it is where it is, in one word.' })),
    message: z.exactOptional(
      z.string().meta({ description: 'Why, in a sentence that tells what to do next.' }),
    ),
  })
  .meta({ description: 'How one cluster stands.' });

const status = z
  .object({
    observedGeneration: z.exactOptional(
      z.int().meta({ description: 'Generation of the spec that this is about.' }),
    ),
    phase: z.exactOptional(
      z
        .enum([
          'Idle',
          'Progressing',
          'Paused',
          'WaitingForApproval',
          'Soaking',
          'Blocked',
          'Reverting',
          'Aborted',
          'Failed',
          'Completed',
        ])
        .meta({ description: 'The whole in one word.' }),
    ),
    summary: z.exactOptional(z.string().meta({ description: 'The whole in one line.' })),
    revision: z.exactOptional(
      z.string().meta({ description: 'The newest revision: the contender while it is under way.' }),
    ),
    stableRevision: z.exactOptional(
      z.string().meta({ description: 'The last revision that was completed: the incumbent.' }),
    ),
    startedAt: z.exactOptional(time('When this run started.')),
    completedAt: z.exactOptional(time('When it ended.')),
    abortedBecause: z.exactOptional(
      z.string().meta({ description: 'Why this revision was taken back; absent while it was not.' }),
    ),
    retried: z.exactOptional(
      z.string().meta({ description: 'The last value of command.retry that was followed.' }),
    ),
    undo: z.exactOptional(
      z
        .object({
          to: z.string().meta({ description: 'Revision that command.undoTo asked for.' }),
          from: z.string().meta({
            description: 'Revision of the source then; once the source changes, it is followed again.',
          }),
        })
        .meta({ description: 'The undo that is, or was, followed.' }),
    ),
    wave: z.exactOptional(z.string().meta({ description: 'Wave under way.' })),
    step: z.exactOptional(z.int().meta({ description: 'Step under way, from 0.' })),
    waves: z.exactOptional(
      z
        .array(
          z
            .object({
              name: z.string().meta({ description: 'Name of the wave.' }),
              phase: z
                .enum([
                  'Pending',
                  'Progressing',
                  'Soaking',
                  'Gates',
                  'Done',
                  'Reverting',
                  'Reverted',
                  'Failed',
                ])
                .meta({ description: 'How far it is.' }),
              startedAt: z.exactOptional(time('When it started.')),
              reachedAt: z.exactOptional(
                time('When all its clusters had reached what they go to; the soak counts from here.'),
              ),
            })
            .meta({ description: 'How one wave stands.' }),
        )
        .meta({
          description: 'The waves in order.',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
        }),
    ),
    clusters: z.exactOptional(
      z.array(clusterStatus).meta({
        description: 'The clusters, in the order in which they go.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      }),
    ),
    gates: z.exactOptional(
      z.array(gateStatus).meta({
        description: 'Gates that were looked at in this run.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['key'],
      }),
    ),
    history: z.exactOptional(
      z
        .array(
          z
            .object({
              revision: z.string().meta({ description: 'The revision.' }),
              outcome: z
                .enum(['Completed', 'Aborted', 'Superseded'])
                .meta({ description: 'What came of it.' }),
              startedAt: z.exactOptional(time('When its run started.')),
              endedAt: z.exactOptional(time('When its run ended.')),
              message: z.exactOptional(z.string().meta({ description: 'Why it ended so.' })),
            })
            .meta({ description: 'A run that is over.' }),
        )
        .meta({ description: 'Runs that are over, the oldest first.', 'x-kubernetes-list-type': 'atomic' }),
    ),
    conditions: z.exactOptional(conditions(rolloutConditions, rolloutReasons)),
  })
  .meta({ description: 'How the rollout stands; written by Hansa alone.' });

export const rolloutSchema = z.object({
  spec: z
    .object({
      source,
      placement: z.exactOptional(placement),
      ...strategyFields,
      command: z.exactOptional(command),
    })
    .meta({
      description: 'What is rolled out, and how.',
      ...rules(
        {
          rule: '!has(self.placement) || !has(self.source.federatedRef)',
          message: 'must be left out with source.federatedRef: the federated object has its own placement',
          fieldPath: '.placement',
        },
        {
          rule: 'has(self.placement) || has(self.source.federatedRef)',
          message: 'must say which clusters get it: set clusters, clusterSelector or regions',
          fieldPath: '.placement',
        },
        {
          rule: "!has(self.mode) || self.mode != 'SideBySide' || has(self.source.manifests) || has(self.source.helm)",
          message:
            'SideBySide needs source.manifests or source.helm: a referenced workload stays one; use Gated',
          fieldPath: '.mode',
        },
        {
          rule: "!has(self.mode) || self.mode != 'Gated' || has(self.source.federatedRef) || has(self.source.workloadRef)",
          message:
            'Gated needs source.federatedRef or source.workloadRef; use SideBySide for manifests and charts',
          fieldPath: '.mode',
        },
        {
          rule: '!has(self.command) || !has(self.command.targetStep) || (has(self.steps) ? self.command.targetStep < self.steps.size() : self.command.targetStep == 0)',
          message: 'must be the number of a step, counted from 0',
          fieldPath: '.command.targetStep',
        },
      ),
    }),
  status: z.exactOptional(status),
});

export type RolloutSpec = z.infer<typeof rolloutSchema>['spec'];
export type RolloutStatus = z.infer<typeof status>;
export type RolloutClusterStatus = z.infer<typeof clusterStatus>;
export type RolloutGateStatus = z.infer<typeof gateStatus>;

export const rolloutAddress = {
  group: 'rollout.hansa.dev',
  version: 'v1alpha1',
  kind: 'Rollout',
  plural: 'rollouts',
  namespaced: true,
} as const;

export const rollout: ServedKind = {
  address: rolloutAddress,
  shortNames: ['hro'],
  categories: ['hansa'],
  description:
    'A change that goes through clusters in waves and, inside each cluster, through steps of capacity and traffic. `kubectl get hro` lists them; `hansa rollout status` shows one live.',
  schema: rolloutSchema,
  columns: [
    { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'The whole in one word' },
    { name: 'Wave', type: 'string', jsonPath: '.status.wave', description: 'Wave under way' },
    { name: 'Step', type: 'integer', jsonPath: '.status.step', description: 'Step under way, from 0' },
    { name: 'Revision', type: 'string', jsonPath: '.status.revision', description: 'The newest revision' },
    { name: 'Summary', type: 'string', jsonPath: '.status.summary', description: 'The whole in one line' },
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Since when it exists',
    },
  ],
  example: `apiVersion: rollout.hansa.dev/v1alpha1
kind: Rollout
metadata:
  name: web
  namespace: shop
spec:
  source:
    federatedRef:
      kind: FederatedDeployment
      name: web
  steps:
    - name: canary
      capacity: {contender: 10}
      pause: {duration: 5m}
    - name: half
      capacity: {contender: 50}
    - name: full
      capacity: {contender: 100}
  waves:
    - name: first
      clusterSelector: {matchLabels: {region: eu}}
      soak: 30m
    - name: rest
      clusterSelector: {}
  failurePolicy: AbortAll
`,
};
