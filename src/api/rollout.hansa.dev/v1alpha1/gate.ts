import { z } from 'zod';
import { duration } from './duration.ts';
import { rules } from '../../shared/rules.ts';

const prometheus = z
  .object({
    url: z
      .string()
      .max(2048)
      .regex(/^https?:\/\/.+/, 'must be a URL that starts with http:// or https://')
      .meta({ description: 'Base address of the Prometheus (or of what speaks its query API).' }),
    query: z.string().min(1).max(8192).meta({
      description:
        'PromQL of an instant query. `{{cluster}}`, `{{namespace}}`, `{{name}}`, `{{revision}}`, `{{stableRevision}}`, `{{wave}}` and `{{step}}` are put in; `{{clusters}}` (this scope), `{{rolled}}` and `{{notRolled}}` become alternations for =~.',
    }),
    success: z.string().max(1024).meta({
      description:
        'When the answer is good: a comparison of `result` with a number, such as `result < 0.01`; `and` and `or` join several. Of several series, each must pass.',
    }),
    failure: z.exactOptional(
      z.string().max(1024).meta({
        description:
          'When the answer is bad. Absent: whenever it is not good. Neither good nor bad, or no data, is inconclusive.',
      }),
    ),
    secretRef: z.exactOptional(
      z.object({ name: z.string().min(1).max(253).meta({ description: 'Name of the Secret.' }) }).meta({
        description:
          'Secret in the namespace of the rollout with key `token`, or `username` and `password`, and optionally `ca.crt`.',
      }),
    ),
  })
  .meta({ description: 'A query to Prometheus.' });

const webhook = z
  .object({
    url: z
      .string()
      .max(2048)
      .regex(/^https?:\/\/.+/, 'must be a URL that starts with http:// or https://')
      .meta({
        description:
          'Gets a POST with JSON: rollout, namespace, revision, stableRevision, wave, step, cluster or clusters. 2xx passes, 425 and 429 ask to wait, all else fails.',
      }),
    secretRef: z.exactOptional(
      z
        .object({ name: z.string().min(1).max(253).meta({ description: 'Name of the Secret.' }) })
        .meta({ description: 'Secret in the namespace of the rollout with key `token`.' }),
    ),
  })
  .meta({ description: 'A web service that is asked.' });

const job = z
  .object({
    template: z.record(z.string(), z.unknown()).meta({
      description:
        'A Job (its `spec`, and `metadata` if need be), run in each cluster of the scope. Complete passes, Failed fails.',
    }),
  })
  .meta({ description: 'A Job that is run.' });

const window = z
  .object({
    days: z.exactOptional(
      z
        .array(z.enum(['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']))
        .max(7)
        .meta({ description: 'Days on which it is open; absent means every day.' }),
    ),
    from: z
      .string()
      .regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, 'must be a time such as 09:30')
      .meta({ description: 'When it opens.' }),
    to: z
      .string()
      .regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, 'must be a time such as 17:00')
      .meta({ description: 'When it closes; before `from` means on the next day.' }),
    timeZone: z.exactOptional(
      z.string().max(64).meta({ description: 'IANA name such as Europe/Amsterdam; default UTC.' }),
    ),
  })
  .meta({ description: 'A time of the day and week.' });

/** What must hold before a step, a wave or a whole rollout goes on. */
export const gate = z
  .object({
    name: z
      .string()
      .min(1)
      .max(63)
      .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be lower-case letters, digits and "-"')
      .meta({ description: 'Name of the gate, for status, events and commands.' }),
    scope: z.exactOptional(
      z.enum(['Cluster', 'Wave', 'Fleet']).meta({
        description:
          'Asked once for each cluster, once for the wave, or once for the fleet. Default: Cluster for gates of a step, Wave for gates of a wave.',
      }),
    ),
    prometheus: z.exactOptional(prometheus),
    webhook: z.exactOptional(webhook),
    job: z.exactOptional(job),
    approval: z.exactOptional(
      z.object({}).meta({ description: 'A person says `hansa rollout promote`; who and when is recorded.' }),
    ),
    window: z.exactOptional(window),
    room: z.exactOptional(
      z.object({}).meta({
        description:
          "The cluster's nodes have room for what the next step adds (requests against allocatable).",
      }),
    ),
    ready: z.exactOptional(
      z.object({}).meta({
        description: 'Everything of the new revision is ready. Always asked; name it to watch it for longer.',
      }),
    ),
    interval: z.exactOptional(duration('Time between two questions. Default 10s.')),
    count: z.exactOptional(z.int().min(1).max(1000).meta({ description: 'Good answers needed. Default 1.' })),
    failureLimit: z.exactOptional(
      z.int().min(0).max(1000).meta({ description: 'Bad answers that are tolerated. Default 0.' }),
    ),
    inconclusiveLimit: z.exactOptional(
      z.int().min(0).max(1000).meta({
        description: 'Answers that say nothing before the rollout pauses for a person. Default 10.',
      }),
    ),
    initialDelay: z.exactOptional(duration('Time before the first question. Default 0s.')),
  })
  .meta({
    description: 'What must hold before the rollout goes on.',
    ...rules({
      rule: '[has(self.prometheus), has(self.webhook), has(self.job), has(self.approval), has(self.window), has(self.room), has(self.ready)].filter(set, set).size() == 1',
      message: 'set exactly one of prometheus, webhook, job, approval, window, room, ready',
    }),
  });

export type Gate = z.infer<typeof gate>;
