import { z } from 'zod';
import type { ServedKind } from '../../served-kind.ts';
import { conditions } from '../../shared/condition.ts';
import { int64 } from '../../shared/numbers.ts';
import { rules } from '../../shared/rules.ts';
import { clusterName, objectName, time, version } from './fields.ts';
import { automaticLabel, kubeOperationConditions, operationTypes, provisionReasons } from './words.ts';

const same = (field: string) =>
  `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`;

const spec = z
  .object({
    clusterName,
    type: z.enum(operationTypes).meta({
      description:
        'What is done. Apply: all that the spec of the cluster asks for; Hansa makes these itself. Destructive ones wait for `approved`.',
    }),
    machines: z.exactOptional(
      z.array(objectName('Name of a KubeMachine.')).max(100).meta({
        description: 'Only these machines; for ReplaceMachine the one that goes. Absent: all.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    version: z.exactOptional(version('For Upgrade: the version to go to.')),
    backupRef: z.exactOptional(
      z
        .object({ name: objectName('Name of the EtcdBackup.') })
        .meta({ description: 'For Restore: what is restored.' }),
    ),
    approved: z.exactOptional(
      z
        .boolean()
        .meta({ description: 'A person has read the plan in the status, and it may run. Default false.' }),
    ),
    requestedBy: z.exactOptional(z.string().max(256).meta({ description: 'Who asked for it.' })),
    note: z.exactOptional(z.string().max(1024).meta({ description: 'Why; for those who look later.' })),
  })
  .meta({
    description: 'What is done. It stays as it is, but for `approved`.',
    ...rules(
      {
        rule: ['clusterName', 'type', 'machines', 'version', 'backupRef', 'requestedBy', 'note']
          .map(same)
          .join(' && '),
        message: 'can’t be changed, but for approved: make another KubeOperation',
      },
      {
        rule: "(self.type == 'Upgrade') == has(self.version)",
        message: 'is what Upgrade needs, and it alone',
        fieldPath: '.version',
      },
      {
        rule: "(self.type == 'Restore') == has(self.backupRef)",
        message: 'is what Restore needs, and it alone',
        fieldPath: '.backupRef',
      },
      {
        rule: "self.type != 'ReplaceMachine' || (has(self.machines) && self.machines.size() == 1)",
        message: 'must name the one machine that goes with type ReplaceMachine',
        fieldPath: '.machines',
      },
    ),
  });

const step = z
  .object({
    id: z.string().meta({ description: '`machine/kind`, or `cluster/kind`.' }),
    title: z.string().meta({ description: 'What it does, in a few words.' }),
    reason: z.exactOptional(z.string().meta({ description: 'Why it is in the plan.' })),
    state: z
      .enum(['Pending', 'Running', 'Done', 'Failed', 'Undone', 'Skipped'])
      .meta({ description: 'How it stands.' }),
    pointOfNoReturn: z.exactOptional(
      z.boolean().meta({ description: 'After it there is no way back but a restore.' }),
    ),
    destructive: z.exactOptional(z.boolean().meta({ description: 'Data or machines may be lost.' })),
    message: z.exactOptional(z.string().meta({ description: 'What came of it.' })),
  })
  .meta({ description: 'A step.' });

const record = z
  .object({
    at: time('When.'),
    operation: z.string().meta({ description: 'Run of the engine.' }),
    step: z.string().meta({ description: 'Id of the step.' }),
    attempt: z.int().meta({ description: 'Which try, from 1.' }),
    event: z
      .enum(['intent', 'started', 'done', 'failed', 'interrupted', 'undone'])
      .meta({ description: 'What happened. An intent stands here before the change that it names.' }),
    inputs: z.string().meta({ description: 'Hash of what the step was to do.' }),
    evidence: z
      .record(z.string(), z.string())
      .meta({ description: 'For whoever comes next: a peer URL, the UID of a Node, an exit code.' }),
    message: z.exactOptional(z.string().meta({ description: 'What went wrong.' })),
  })
  .meta({ description: 'A line of the journal.' });

const status = z
  .object({
    observedGeneration: z.exactOptional(int64('Generation of the spec that this is about.')),
    phase: z.exactOptional(
      z
        .enum([
          'Planned',
          'WaitingForApproval',
          'Running',
          'Completed',
          'Failed',
          'RolledBack',
          'Refused',
          'Interrupted',
        ])
        .meta({ description: 'The whole in one word.' }),
    ),
    message: z.exactOptional(z.string().meta({ description: 'How it stands, and what to do next.' })),
    startedAt: z.exactOptional(time('When it was started.')),
    completedAt: z.exactOptional(time('When it ended.')),
    sequence: z.exactOptional(
      int64('Order of the operations of a cluster, from 1; clocks may jump, this does not.'),
    ),
    steps: z.exactOptional(
      z.array(step).meta({ description: 'The plan, in its order.', 'x-kubernetes-list-type': 'atomic' }),
    ),
    journal: z.exactOptional(
      z.array(record).meta({
        description: 'What was about to be done and what came of it; written before and after each step.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    conditions: z.exactOptional(conditions(kubeOperationConditions, provisionReasons)),
  })
  .meta({ description: 'How the operation stands; written by Hansa alone.' });

export const kubeOperationSchema = z.object({ spec, status: z.exactOptional(status) });
export type KubeOperationSpec = z.infer<typeof spec>;
export type KubeOperationStatus = z.infer<typeof status>;

export const kubeOperationAddress = {
  group: 'provision.hansa.dev',
  version: 'v1alpha1',
  kind: 'KubeOperation',
  plural: 'kubeoperations',
  namespaced: true,
} as const;

export const kubeOperation: ServedKind = {
  address: kubeOperationAddress,
  shortNames: ['kop'],
  categories: ['hansa', 'provision'],
  description:
    'One thing that is done to a KubeCluster: an upgrade, a backup, a restore and so on, with its plan and its journal. One at a time runs in a cluster.',
  schema: kubeOperationSchema,
  columns: [
    { name: 'Cluster', type: 'string', jsonPath: '.spec.clusterName', description: 'Its KubeCluster' },
    { name: 'Type', type: 'string', jsonPath: '.spec.type', description: 'What is done' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'The whole in one word' },
    {
      name: 'Approved',
      type: 'boolean',
      jsonPath: '.spec.approved',
      description: 'A person said that it may run',
    },
    { name: 'Message', type: 'string', jsonPath: '.status.message', description: 'What to do next' },
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Since when it exists',
    },
  ],
  annotations: {
    [automaticLabel]:
      'A label: Hansa made the object for a run of its own, and removes it when enough newer ones are there.',
  },
  example: `apiVersion: provision.hansa.dev/v1alpha1
kind: KubeOperation
metadata:
  name: shop-replace-2
  namespace: clusters
spec:
  clusterName: shop
  type: ReplaceMachine
  machines: [shop-2]
  note: its disk reports errors
  approved: true
`,
};
