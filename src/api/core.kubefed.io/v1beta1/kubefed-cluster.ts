import { z } from 'zod';
import { aliasAnnotation, clusterConditions } from '../../names.ts';
import type { ServedKind } from '../../served-kind.ts';
import { rules } from '../../shared/rules.ts';

const dnsSubdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const endpointUrl = "(self.contains('://') ? self : 'https://' + self)";
const endpointPort = `int(url(${endpointUrl}).getPort())`;

const spec = z
  .object({
    apiEndpoint: z
      .string()
      .min(1)
      .max(2048)
      .meta({
        description:
          'Address of the API server: a host, host:port, IP or http(s) URL. Without a scheme, https is used.',
        ...rules(
          {
            rule: `isURL(${endpointUrl}) && url(${endpointUrl}).getScheme() in ['http', 'https']`,
            message: 'must be a host, host:port or a URL that starts with https:// or http://',
          },
          {
            rule: `!isURL(${endpointUrl}) || url(${endpointUrl}).getPort() == '' || (${endpointPort} >= 1 && ${endpointPort} <= 65535)`,
            message: 'must have a port from 1 to 65535, or none',
          },
        ),
      }),
    caBundle: z.exactOptional(
      z.string().meta({
        description:
          "PEM certificates, in base64, that sign the API server's. Absent means the system's roots.",
        format: 'byte',
      }),
    ),
    secretRef: z
      .object({
        name: z
          .string()
          .min(1)
          .max(253)
          .regex(dnsSubdomain, 'must be the name of a Secret')
          .meta({ description: 'Name of the Secret.' }),
      })
      .meta({
        description:
          'The Secret in the same namespace whose key `token` holds the bearer token for the cluster.',
      }),
    disabledTLSValidations: z.exactOptional(
      z
        .array(z.enum(['*', 'SubjectName', 'ValidityPeriod']))
        .max(3)
        .meta({
          description:
            'Checks of the certificate to leave out: `SubjectName`, `ValidityPeriod`, or `*` alone for all.',
          'x-kubernetes-list-type': 'atomic',
          ...rules({
            rule: "!('*' in self) || self.size() == 1",
            message: '"*" stands for all checks: leave the others out',
          }),
        }),
    ),
    proxyURL: z.exactOptional(
      z
        .string()
        .max(2048)
        .meta({
          description: 'Proxy on the way to the cluster: an http, https or socks5 URL.',
          ...rules({
            rule: "self == '' || (isURL(self) && url(self).getScheme() in ['http', 'https', 'socks5'])",
            message: 'must be a URL that starts with http://, https:// or socks5://',
          }),
        }),
    ),
  })
  .meta({ description: 'How the cluster is reached.' });

const condition = z.object({
  type: z.string().meta({
    description: Object.entries(clusterConditions)
      .map(([type, meaning]) => `\`${type}\`: ${meaning}`)
      .join('; '),
  }),
  status: z.enum(['True', 'False', 'Unknown']).meta({ description: 'Whether it holds.' }),
  reason: z.exactOptional(z.string().meta({ description: 'Why, in one word.' })),
  message: z.exactOptional(
    z.string().meta({ description: 'Why, in a sentence that tells what to do next.' }),
  ),
  lastProbeTime: z.string().meta({ description: 'When the cluster was last asked.', format: 'date-time' }),
  lastTransitionTime: z.exactOptional(
    z.string().meta({ description: 'When the status last changed.', format: 'date-time' }),
  ),
});

const status = z
  .object({
    conditions: z.exactOptional(
      z.array(condition).meta({
        description: 'The state of the cluster, one entry a type.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
      }),
    ),
    kubernetesVersion: z.exactOptional(
      z.string().meta({ description: 'Version of the API server, as it says itself.' }),
    ),
    zones: z.exactOptional(
      z.array(z.string()).meta({ description: 'Zones of its nodes.', 'x-kubernetes-list-type': 'atomic' }),
    ),
    region: z.exactOptional(z.string().meta({ description: 'Region of its nodes.' })),
  })
  .meta({ description: 'What Hansa found; written by Hansa alone.' });

export const kubeFedClusterSchema = z.object({ spec, status: z.exactOptional(status) });

export const kubeFedCluster: ServedKind = {
  address: {
    group: 'core.kubefed.io',
    version: 'v1beta1',
    kind: 'KubeFedCluster',
    plural: 'kubefedclusters',
    namespaced: true,
  },
  shortNames: ['kfc'],
  categories: [],
  description:
    'A member cluster: where its API server is and which Secret opens it. `hansa join` makes it. Its labels are what every clusterSelector looks at.',
  schema: kubeFedClusterSchema,
  columns: [
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Since when it has been joined',
    },
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether the API server is ready',
    },
    {
      name: 'Version',
      type: 'string',
      jsonPath: '.status.kubernetesVersion',
      description: 'Version of the API server',
    },
    {
      name: 'Region',
      type: 'string',
      // Either label; a union is what a column's path can do in place of "or".
      jsonPath: ".metadata.labels['region','topology\\.kubernetes\\.io/region']",
      description: 'Label region or topology.kubernetes.io/region',
    },
    {
      name: 'Alias',
      type: 'string',
      jsonPath: `.metadata.annotations['${aliasAnnotation.replaceAll('.', '\\.')}']`,
      description: `Annotation ${aliasAnnotation}`,
      wide: true,
    },
    {
      name: 'Endpoint',
      type: 'string',
      jsonPath: '.spec.apiEndpoint',
      description: 'Address of the API server',
      wide: true,
    },
  ],
  annotations: {
    [aliasAnnotation]:
      'A second name of the cluster, accepted wherever a cluster is named; it may have capitals, such as `A`. Two clusters with one alias make that alias an error where it is used.',
  },
  example: `apiVersion: core.kubefed.io/v1beta1
kind: KubeFedCluster
metadata:
  name: cluster1
  namespace: kube-federation-system
  labels:
    region: eu
  annotations:
    ${aliasAnnotation}: A
spec:
  apiEndpoint: https://cluster1.example.com:6443
  secretRef:
    name: cluster1
`,
};
