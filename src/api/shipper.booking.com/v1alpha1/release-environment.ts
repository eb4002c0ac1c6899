import { z } from 'zod';
import { anyObject } from '../../shared/any-object.ts';
import { count } from '../../shared/numbers.ts';
import { type CelRule, rules } from '../../shared/rules.ts';
import { chartSchema } from './chart.ts';

const percent = (description: string) => z.int().min(0).max(100).meta({ description, format: 'int32' });

const step = z.looseObject({
  name: z.string().meta({ description: 'Name of the step, for people.' }),
  capacity: z
    .looseObject({
      incumbent: percent('Percent of its pods that the old release keeps.'),
      contender: percent('Percent of its pods that the new release gets.'),
    })
    .meta({ description: 'How many pods each side has in this step.' }),
  traffic: z
    .looseObject({
      incumbent: count('Weight of the old release.'),
      contender: count('Weight of the new release.'),
    })
    .meta({
      description: 'How traffic is shared in this step: weights, which need not add up to 100.',
    }),
});

const region = z.looseObject({
  name: z.string().min(1).max(253).meta({ description: 'Region, as `spec.region` of a Cluster says.' }),
  replicas: z.exactOptional(count('How many clusters of the region get the release. Default 1.')),
});

/** What is rolled out, where and in which steps. Fields that Shipper did not know are kept. */
export function releaseEnvironment(description: string, ...transitionRules: readonly CelRule[]) {
  return z
    .looseObject({
      chart: chartSchema,
      values: anyObject("The chart's values."),
      clusterRequirements: z
        .looseObject({
          regions: z.array(region).meta({
            description: 'Regions that get the release. Named twice, the last entry counts.',
            'x-kubernetes-list-type': 'atomic',
          }),
          capabilities: z.exactOptional(
            z.array(z.string()).meta({
              description: 'What every chosen cluster must be capable of.',
              'x-kubernetes-list-type': 'atomic',
            }),
          ),
        })
        .meta({ description: 'Which clusters the release may go to.' }),
      strategy: z
        .looseObject({
          steps: z.array(step).meta({
            description: 'The steps of the rollout, first to last. The last one ends it.',
            'x-kubernetes-list-type': 'atomic',
            ...rules({
              rule: 'self.size() > 0',
              message:
                'must have at least one step; for a rollout all at once: name "full on", capacity and traffic with incumbent 0 and contender 100',
            }),
          }),
        })
        .meta({ description: 'The steps from the old release to the new one.' }),
    })
    .meta({ description, ...(transitionRules.length > 0 ? rules(...transitionRules) : {}) });
}

export type ReleaseEnvironment = z.infer<ReturnType<typeof releaseEnvironment>>;
export type StrategyStep = z.infer<typeof step>;
export type RegionRequirement = z.infer<typeof region>;
