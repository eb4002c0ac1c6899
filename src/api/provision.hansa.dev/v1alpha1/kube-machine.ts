import { z } from 'zod';
import type { ServedKind } from '../../served-kind.ts';
import { conditions } from '../../shared/condition.ts';
import { int64 } from '../../shared/numbers.ts';
import { rules } from '../../shared/rules.ts';
import {
  bastion,
  clusterName,
  extraArgs,
  labelKeyPattern,
  labelMap,
  labelValuePattern,
  objectName,
  sshFields,
  time,
} from './fields.ts';
import { forgetMachineAnnotation, kubeMachineConditions, machinePhases, provisionReasons } from './words.ts';

const taint = z
  .object({
    key: z
      .string()
      .max(317)
      .regex(labelKeyPattern, 'must be a label key such as example.com/dedicated')
      .meta({ description: 'Key of the taint.' }),
    value: z.exactOptional(
      z
        .string()
        .max(63)
        .regex(labelValuePattern, 'must be a label value: letters, digits, "-", "_" and "."')
        .meta({ description: 'Value of the taint.' }),
    ),
    effect: z
      .enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
      .meta({ description: 'What it does to pods that don’t tolerate it.' }),
  })
  .meta({ description: 'A taint.' });

const { host, ...ssh } = sshFields;

const spec = z
  .object({
    clusterName,
    role: z.enum(['control-plane', 'worker']).meta({ description: 'What it is in the cluster.' }),
    transport: z.exactOptional(
      z.enum(['ssh2', 'openssh', 'local']).meta({
        description: 'ssh2 (default) is built in, openssh runs the program, local is this machine.',
      }),
    ),
    host: z.exactOptional(host),
    ...ssh,
    bastion: z.exactOptional(bastion),
    internalAddress: z.exactOptional(
      z
        .string()
        .min(2)
        .max(45)
        .regex(/^[0-9a-fA-F.:]+$/, 'must be an IPv4 or IPv6 address')
        .meta({
          description:
            'Address by which the other machines reach it; one that it has itself. Default: `host`, if that is an address.',
        }),
    ),
    addressSelector: z.exactOptional(
      z
        .object({ cidr: z.string().min(1).max(49).meta({ description: 'CIDR that the address lies in.' }) })
        .meta({ description: 'Instead of internalAddress: the one address of the machine in a network.' }),
    ),
    nodeName: z.exactOptional(
      objectName('Name of the Node. Default: name of the KubeMachine. It stays once the machine has joined.'),
    ),
    labels: z.exactOptional(labelMap('Labels of the Node.')),
    taints: z.exactOptional(
      z.array(taint).max(50).meta({
        description:
          'Taints of the Node. Absent: that of control planes as kubeadm has it, and none for a cluster of one machine. `[]`: none.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    kubelet: z.exactOptional(
      z
        .object({ extraArgs: extraArgs('Flags of this kubelet. What all share is in the KubeCluster.') })
        .meta({ description: 'The kubelet of this machine.' }),
    ),
  })
  .meta({
    description: 'A machine as a part of a cluster.',
    ...rules(
      {
        rule: "has(self.host) || (has(self.transport) && self.transport == 'local')",
        message: 'must be set: the address or name for SSH. Only transport local goes without',
        fieldPath: '.host',
      },
      {
        rule: '!has(self.internalAddress) || !has(self.addressSelector)',
        message: 'set internalAddress or addressSelector, not both',
        fieldPath: '.addressSelector',
      },
      {
        rule: 'self.clusterName == oldSelf.clusterName',
        message: 'can’t be changed: delete the KubeMachine and make it anew for the other cluster',
        fieldPath: '.clusterName',
      },
      {
        rule: 'self.role == oldSelf.role',
        message: 'can’t be changed: delete the KubeMachine and make it anew with the other role',
        fieldPath: '.role',
      },
    ),
  });

const status = z
  .object({
    observedGeneration: z.exactOptional(int64('Generation of the spec that this is about.')),
    phase: z.exactOptional(z.enum(machinePhases).meta({ description: 'Where it is on its way.' })),
    phaseDetail: z.exactOptional(
      z.string().meta({ description: 'The step in the phase, such as EtcdLearner while it joins.' }),
    ),
    internalAddress: z.exactOptional(z.string().meta({ description: 'The address that is used.' })),
    hostKeys: z.exactOptional(
      z.array(z.string()).meta({
        description: 'Host keys that were trusted on first sight; another one stops everything.',
        'x-kubernetes-list-type': 'set',
      }),
    ),
    nodeRef: z.exactOptional(
      z
        .object({
          name: z.string().meta({ description: 'Name of the Node.' }),
          uid: z.exactOptional(z.string().meta({ description: 'UID of the Node.' })),
        })
        .meta({ description: 'Its Node.' }),
    ),
    etcdMemberID: z.exactOptional(z.string().meta({ description: 'ID of its member of etcd, in hex.' })),
    versions: z.exactOptional(
      z
        .object({
          kubelet: z.exactOptional(z.string().meta({ description: 'kubelet.' })),
          apiServer: z.exactOptional(z.string().meta({ description: 'kube-apiserver.' })),
          etcd: z.exactOptional(z.string().meta({ description: 'etcd.' })),
          runtime: z.exactOptional(z.string().meta({ description: 'Container runtime.' })),
        })
        .meta({ description: 'What runs there.' }),
    ),
    certificatesExpiryDate: z.exactOptional(time('When the first of its certificates ends.')),
    conditions: z.exactOptional(conditions(kubeMachineConditions, provisionReasons)),
  })
  .meta({ description: 'How the machine stands; written by Hansa alone.' });

export const kubeMachineSchema = z.object({ spec, status: z.exactOptional(status) });
export type KubeMachineSpec = z.infer<typeof spec>;
export type KubeMachineStatus = z.infer<typeof status>;

export const kubeMachineAddress = {
  group: 'provision.hansa.dev',
  version: 'v1alpha1',
  kind: 'KubeMachine',
  plural: 'kubemachines',
  namespaced: true,
} as const;

const condition = (type: string) => `.status.conditions[?(@.type=="${type}")]`;

export const kubeMachine: ServedKind = {
  address: kubeMachineAddress,
  shortNames: ['kma'],
  categories: ['hansa', 'provision'],
  description:
    'A machine, reached over SSH, that is to be a part of a KubeCluster. Deleting it drains the Node, removes its member of etcd and resets the machine, as far as quorum allows.',
  schema: kubeMachineSchema,
  annotations: {
    [forgetMachineAnnotation]:
      'The name of the KubeMachine: it may be deleted though the machine does not answer and could not be reset. Fence it first.',
  },
  columns: [
    { name: 'Cluster', type: 'string', jsonPath: '.spec.clusterName', description: 'Its KubeCluster' },
    { name: 'Role', type: 'string', jsonPath: '.spec.role', description: 'What it is in the cluster' },
    { name: 'Host', type: 'string', jsonPath: '.spec.host', description: 'Address or name for SSH' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'Where it is on its way' },
    { name: 'Node', type: 'string', jsonPath: '.status.nodeRef.name', description: 'Its Node' },
    {
      name: 'Version',
      type: 'string',
      jsonPath: '.status.versions.kubelet',
      description: 'Version of kubelet',
    },
    {
      name: 'Address',
      type: 'string',
      jsonPath: '.status.internalAddress',
      description: 'Address by which the others reach it',
      wide: true,
    },
    {
      name: 'Member',
      type: 'string',
      jsonPath: '.status.etcdMemberID',
      description: 'ID of its member of etcd',
      wide: true,
    },
    {
      name: 'Message',
      type: 'string',
      jsonPath: `${condition('Ready')}.message`,
      description: 'What to do next',
      wide: true,
    },
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Since when it exists',
    },
  ],
  example: `apiVersion: provision.hansa.dev/v1alpha1
kind: KubeMachine
metadata:
  name: shop-1
  namespace: clusters
spec:
  clusterName: shop
  role: control-plane
  host: 203.0.113.11
  user: ops
  credentialRef: {name: shop-ssh}
  internalAddress: 10.0.0.11
  labels: {topology.kubernetes.io/zone: a}
`,
};
