import { z } from 'zod';
import { clusterName } from '../../shared/cluster-name.ts';
import { labelSelector } from '../../shared/label-selector.ts';
import { rules } from '../../shared/rules.ts';
import { duration } from './duration.ts';
import { gate } from './gate.ts';

const percent = (description: string) => z.int().min(0).max(100).meta({ description });

const share = (what: string) =>
  z
    .object({
      contender: percent(`Percent of ${what} of the new revision, rounded up to whole pods.`),
      incumbent: z.exactOptional(
        percent(`Percent of ${what} of the old revision. Default: what the new revision leaves of 100.`),
      ),
    })
    .meta({ description: `Shares of ${what} in each cluster.` });

const gates = (description: string) =>
  z
    .array(gate)
    .max(16)
    .meta({
      description,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    });

const step = z
  .object({
    name: z.string().min(1).max(63).meta({ description: 'Name of the step.' }),
    capacity: share('replicas'),
    traffic: z.exactOptional(share('traffic')),
    pause: z.exactOptional(
      z
        .object({
          duration: z.exactOptional(duration('How long.')),
          approval: z.exactOptional(z.boolean().meta({ description: 'Until `hansa rollout promote`.' })),
        })
        .meta({ description: 'Wait after the step was reached: for a time, for a person, or for both.' }),
    ),
    gates: z.exactOptional(gates('What must hold, once the step is reached, before the next one.')),
  })
  .meta({ description: 'A state that each cluster passes through.' });

const wave = z
  .object({
    name: z.string().min(1).max(63).meta({ description: 'Name of the wave.' }),
    clusters: z.exactOptional(
      // The API server bounds what the rule on each name may cost in all: 64 waves of 100 pass.
      z.array(clusterName('Name or alias of a cluster.')).max(100).meta({
        description: 'The clusters by name, in this order; for more than 100, use clusterSelector.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    clusterSelector: z.exactOptional(
      labelSelector('The clusters by label; those of an earlier wave are left out. `{}` takes all the rest.'),
    ),
    maxConcurrentClusters: z.exactOptional(
      z.int().min(1).max(1000).meta({
        description: 'Clusters of the wave that are under way at once. Absent: all of them.',
      }),
    ),
    soak: z.exactOptional(
      duration('Time that the finished wave must stay good before the next one starts. Default 0s.'),
    ),
    gates: z.exactOptional(gates('What must hold, after the soak, before the next wave.')),
  })
  .meta({
    description: 'Clusters that go together.',
    ...rules({
      rule: 'has(self.clusters) != has(self.clusterSelector)',
      message: 'set either clusters or clusterSelector',
    }),
  });

const notification = z
  .object({
    url: z.exactOptional(
      z
        .string()
        .max(2048)
        .regex(/^https?:\/\/.+/, 'must be a URL that starts with http:// or https://')
        .meta({
          description: 'Gets a POST for each transition. For an address that is a secret, use secretRef.',
        }),
    ),
    secretRef: z.exactOptional(
      z.object({ name: z.string().min(1).max(253).meta({ description: 'Name of the Secret.' }) }).meta({
        description: 'Secret in the namespace of the rollout with keys `url` and, optionally, `token`.',
      }),
    ),
    format: z.exactOptional(
      z
        .enum(['Json', 'Slack'])
        .meta({ description: 'Json (default), or the shape that Slack and its kin take.' }),
    ),
  })
  .meta({
    description: 'Who hears of transitions.',
    ...rules({
      rule: 'has(self.url) != has(self.secretRef)',
      message: 'set either url or secretRef',
    }),
  });

/** How a change goes through the fleet; the same in a Rollout and in a RolloutPolicy. */
export const strategyFields = {
  mode: z.exactOptional(
    z.enum(['SideBySide', 'Gated', 'InPlace']).meta({
      description:
        'How two revisions exist in one cluster. SideBySide: as two workloads. Gated: one Deployment or DaemonSet, whose new pods wait behind scheduling gates. InPlace: StatefulSets by partition; everything else at once, so that the revision differs between clusters only. Default: Gated for Deployments and DaemonSets by reference, SideBySide for manifests and charts, else InPlace.',
    }),
  ),
  steps: z.exactOptional(
    z
      .array(step)
      .min(1)
      .max(64)
      .meta({
        description: 'What each cluster passes through. Default: one step with everything new.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        ...rules(
          {
            rule: 'self[self.size() - 1].capacity.contender == 100',
            message: 'the last step must have capacity.contender 100, or the rollout could never end',
          },
          {
            rule: '!has(self[self.size() - 1].traffic) || self[self.size() - 1].traffic.contender > 0',
            message: 'the last step must give the contender traffic',
          },
        ),
      }),
  ),
  waves: z.exactOptional(
    z
      .array(wave)
      .min(1)
      .max(64)
      .meta({
        description: 'Which clusters go when. Clusters of no wave go last, together. Default: one wave.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      }),
  ),
  progress: z.exactOptional(
    z.enum(['WaveMajor', 'StepMajor', 'Lockstep']).meta({
      description:
        'WaveMajor (default): a wave passes through all steps before the next wave starts. StepMajor: a step goes through all waves before the next step. Lockstep: all clusters are at a step before any goes on; waves are not looked at.',
    }),
  ),
  failurePolicy: z.exactOptional(
    z.enum(['Pause', 'AbortWave', 'AbortAll', 'SkipCluster']).meta({
      description:
        'What a failed cluster or gate leads to. Pause (default): stop and wait for a person. AbortWave: take the wave back, keep earlier waves, and stop. AbortAll: take every cluster back. SkipCluster: take that cluster back and go on without it, up to maxFailedClusters.',
    }),
  ),
  maxFailedClusters: z.exactOptional(
    z.int().min(0).max(1000).meta({
      description:
        'Failed or skipped clusters that are tolerated before failurePolicy stops the rollout. Default 0.',
    }),
  ),
  progressDeadline: z.exactOptional(
    duration('A cluster that makes no progress towards its step for this long has failed. Default 10m.'),
  ),
  clusterUnreachable: z.exactOptional(
    z
      .object({
        grace: z.exactOptional(
          duration('How long a cluster may be away before `action` is taken. Default 5m.'),
        ),
        action: z.exactOptional(
          z.enum(['Wait', 'Skip', 'Fail']).meta({
            description: 'Wait (default) for it, go on without it, or count it as failed.',
          }),
        ),
      })
      .meta({ description: 'What an unreachable cluster leads to; it keeps what it has.' }),
  ),
  ignoreIncumbentHealth: z.exactOptional(
    z.boolean().meta({
      description:
        'Go on though pods of the old revision are not ready, so that a rollout can mend a broken one.',
    }),
  ),
  minHealthyPercent: z.exactOptional(
    percent(
      'Percent of the replicas that must be ready, with traffic, at every moment; nothing is lowered below it. Default 100.',
    ),
  ),
  traffic: z.exactOptional(
    z
      .object({
        provider: z.exactOptional(
          z.enum(['PodLabels', 'GatewayAPI', 'None']).meta({
            description:
              'PodLabels (default where a step has traffic): the Service selects pods by a label that Hansa sets. GatewayAPI: weights of an HTTPRoute. None: traffic goes as the pods do.',
          }),
        ),
        service: z.exactOptional(
          z.string().min(1).max(63).meta({
            description: 'Name of the Service. Default: the only one that selects the pods.',
          }),
        ),
        httpRoute: z.exactOptional(
          z.string().min(1).max(253).meta({ description: 'Name of the HTTPRoute, for GatewayAPI.' }),
        ),
      })
      .meta({ description: 'How traffic is steered.' }),
  ),
  whenWebhookDown: z.exactOptional(
    z.enum(['Hold', 'Proceed']).meta({
      description:
        'Gated mode, while the webhook does not answer. Hold (default): pods of the new revision are refused, those of the old one are not. Proceed: new pods start at once, as if there were no rollout.',
    }),
  ),
  blocks: z.exactOptional(
    z
      .object({
        override: z.exactOptional(
          z.array(z.string().max(317)).max(100).meta({
            description: 'RolloutBlocks to pass, as namespace/name.',
            'x-kubernetes-list-type': 'atomic',
          }),
        ),
      })
      .meta({
        description: 'RolloutBlocks of shipper.booking.com stop this rollout too, unless named here.',
      }),
  ),
  notifications: z.exactOptional(
    z.array(notification).max(8).meta({
      description: 'Who hears of transitions.',
      'x-kubernetes-list-type': 'atomic',
    }),
  ),
  historyLimit: z.exactOptional(
    z.int().min(1).max(100).meta({ description: 'Old revisions that are kept for undo. Default 10.' }),
  ),
};
