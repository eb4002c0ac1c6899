import { z } from 'zod';
import { duration } from '../../rollout.hansa.dev/v1alpha1/duration.ts';
import type { ServedKind } from '../../served-kind.ts';
import { conditions } from '../../shared/condition.ts';
import { count, int64 } from '../../shared/numbers.ts';
import { rules } from '../../shared/rules.ts';
import { backupTarget } from './backup-target.ts';
import {
  bastion,
  extraArgs,
  labelMap,
  objectName,
  portNumber,
  quantities,
  secretRef,
  sshFields,
  sshHost,
  time,
  version,
} from './fields.ts';
import { kubeClusterConditions, movedToAnnotation, provisionReasons } from './words.ts';

const cidrBlocks = (description: string) =>
  z
    .object({
      cidrBlocks: z
        .array(
          z
            .string()
            .max(49)
            .regex(/^[0-9a-fA-F.:]+\/[0-9]{1,3}$/, 'must be a CIDR such as 10.244.0.0/16'),
        )
        .min(1)
        .max(2)
        .meta({
          description: 'One CIDR, or one of each family for dual stack.',
          'x-kubernetes-list-type': 'atomic',
        }),
    })
    .meta({ description });

const clusterNetwork = z
  .object({
    pods: z.exactOptional(cidrBlocks('Addresses of pods. Default 10.244.0.0/16.')),
    services: z.exactOptional(cidrBlocks('Addresses of Services. Default 10.96.0.0/12.')),
    serviceDomain: z.exactOptional(
      z
        .string()
        .min(1)
        .max(253)
        .regex(
          /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
          'must be a DNS domain such as cluster.local',
        )
        .meta({ description: 'DNS domain of Services. Default cluster.local.' }),
    ),
  })
  .meta({
    description: 'Networks of the cluster; they stay as they are once it exists.',
  });

const controlPlaneEndpoint = z
  .object({
    host: z.exactOptional(
      sshHost(
        'Name or address. Default: the address of the control plane (Direct), or `api.<cluster>` (LocalProxy).',
      ),
    ),
    port: z.exactOptional(
      portNumber('Port. Default 6443 for Direct and External, 7443 for LocalProxy and Keepalived.'),
    ),
  })
  .meta({ description: 'Where the API server is reached.' });

const etcd = z
  .object({
    stacked: z.exactOptional(
      z
        .object({
          imageTag: z.exactOptional(
            z
              .string()
              .min(1)
              .max(128)
              .meta({ description: 'Tag of the image of etcd. Default: as kubeadm has it.' }),
          ),
        })
        .meta({ description: 'A member on each control plane. The default.' }),
    ),
    external: z.exactOptional(
      z
        .object({
          endpoints: z
            .array(
              z
                .string()
                .max(2048)
                .regex(/^https:\/\/[^/]+$/, 'must be a URL such as https://10.0.0.5:2379'),
            )
            .min(1)
            .max(9)
            .meta({ description: 'Client URLs of its members.', 'x-kubernetes-list-type': 'set' }),
          secretRef: secretRef('Secret with `ca.crt`, `tls.crt` and `tls.key` of a client.'),
        })
        .meta({ description: 'An etcd that others keep; Hansa does not touch its members.' }),
    ),
  })
  .meta({
    description: 'Where the state of the cluster is kept.',
    ...rules({
      rule: '!has(self.stacked) || !has(self.external)',
      message: 'set one of stacked, external, or none for stacked',
    }),
  });

const kubeadm = z
  .object({
    apiServer: z.exactOptional(
      z.object({ extraArgs: extraArgs('Flags of kube-apiserver.') }).meta({ description: 'The API server.' }),
    ),
    controllerManager: z.exactOptional(
      z
        .object({ extraArgs: extraArgs('Flags of kube-controller-manager.') })
        .meta({ description: 'The controller manager.' }),
    ),
    scheduler: z.exactOptional(
      z.object({ extraArgs: extraArgs('Flags of kube-scheduler.') }).meta({ description: 'The scheduler.' }),
    ),
    etcd: z.exactOptional(
      z
        .object({ extraArgs: extraArgs('Flags of etcd.') })
        .meta({ description: 'etcd, where it is stacked.' }),
    ),
    featureGates: z.exactOptional(
      z.record(z.string(), z.boolean()).meta({
        description: 'Feature gates of kubeadm. Those of components are flags: `feature-gates`.',
        maxProperties: 50,
      }),
    ),
    kubelet: z.exactOptional(
      z.record(z.string(), z.unknown()).meta({ description: 'Merged into KubeletConfiguration.' }),
    ),
    kubeProxy: z.exactOptional(
      z.record(z.string(), z.unknown()).meta({ description: 'Merged into KubeProxyConfiguration.' }),
    ),
    patches: z.exactOptional(
      z.record(z.string(), z.string().max(65536)).meta({
        description:
          "Files of kubeadm's patches directory by name, `target[suffix][+patchtype].extension`, such as `kube-apiserver0+merge.yaml`.",
        maxProperties: 50,
      }),
    ),
    ignorePreflightErrors: z.exactOptional(
      z.array(z.string().min(1).max(128)).max(50).meta({
        description: 'Checks of kubeadm whose errors count as warnings, such as Swap.',
        'x-kubernetes-list-type': 'set',
      }),
    ),
  })
  .meta({ description: "What goes into kubeadm's files." });

const cni = z
  .object({
    flannel: z.exactOptional(
      z
        .object({
          backend: z.exactOptional(
            z
              .enum(['vxlan', 'host-gw'])
              .meta({ description: 'vxlan (default) works over routers, host-gw on one network only.' }),
          ),
          port: z.exactOptional(portNumber('UDP port of VXLAN. Default: 8472, the kernel’s.')),
        })
        .meta({ description: 'flannel from the bundle. The default.' }),
    ),
    manifest: z.exactOptional(
      z
        .string()
        .min(1)
        .max(500_000)
        .meta({ description: 'YAML that is applied as it is: a CNI of your own.' }),
    ),
    none: z.exactOptional(
      z.object({}).meta({ description: 'Nothing: Nodes stay NotReady until you have put one there.' }),
    ),
  })
  .meta({
    description: 'Network of the pods.',
    ...rules({
      rule: '[has(self.flannel), has(self.manifest), has(self.none)].filter(set, set).size() <= 1',
      message: 'set one of flannel, manifest, none, or nothing for flannel',
    }),
  });

const drain = z
  .object({
    timeout: z.exactOptional(duration('Time for all pods to go. Default 5m.')),
    gracePeriodSeconds: z.exactOptional(count('Grace period of the pods. Default: their own.')),
    deleteEmptyDirData: z.exactOptional(
      z.boolean().meta({ description: 'Pods with emptyDir volumes go too, and lose them. Default false.' }),
    ),
    force: z.exactOptional(
      z.boolean().meta({
        description: 'Pods without a controller go too, and nobody brings them back. Default false.',
      }),
    ),
  })
  .meta({ description: 'How pods leave a machine before it is changed.' });

const backup = z
  .object({
    schedule: z.exactOptional(
      z
        .string()
        .min(1)
        .max(100)
        .meta({ description: 'Cron in UTC, five fields, such as `15 */6 * * *`. Absent: only when asked.' }),
    ),
    retention: z.exactOptional(
      z.int().min(1).max(1000).meta({ description: 'Backups that are kept. Default 14.', format: 'int32' }),
    ),
    target: backupTarget,
    encryptionSecretRef: secretRef(
      'Secret with `passphrase`. Keep a copy elsewhere: without it a backup can’t be read.',
    ),
  })
  .meta({ description: 'Snapshots of etcd, with PKI and configuration.' });

const { host: _, hostKeys: __, ...machineFields } = sshFields;

const machineDefaults = z
  .object({
    ...machineFields,
    transport: z.exactOptional(
      z.enum(['ssh2', 'openssh', 'local']).meta({
        description: 'ssh2 (default) is built in, openssh runs the program, local is this machine.',
      }),
    ),
    bastion: z.exactOptional(bastion),
    addressSelector: z.exactOptional(
      z
        .object({
          cidr: z
            .string()
            .min(1)
            .max(49)
            .meta({ description: 'CIDR that their address among one another lies in.' }),
        })
        .meta({ description: 'Which of the addresses of a machine the others reach it by.' }),
    ),
  })
  .meta({ description: 'For KubeMachines that don’t say it themselves.' });

const image = (description: string) =>
  z
    .string()
    .min(1)
    .max(512)
    .regex(/^[a-zA-Z0-9][-a-zA-Z0-9._/:@]*$/, 'must be an image such as kindest/node:v1.36.3')
    .meta({ description });

const kindProvider = z
  .object({
    nodeImage: z.exactOptional(
      image('Image of the nodes, with a digest to pin it. Default kindest/node:v<version>.'),
    ),
    controlPlanes: z.exactOptional(
      z.int().min(1).max(9).meta({ description: 'Control planes. Default 1.', format: 'int32' }),
    ),
    workers: z.exactOptional(
      z.int().min(0).max(50).meta({
        description: 'Workers. Default 0: the control planes run the pods.',
        format: 'int32',
      }),
    ),
    extraPortMappings: z.exactOptional(
      z
        .array(
          z
            .object({
              containerPort: portNumber('Port of the node, such as that of a NodePort.'),
              hostPort: z.exactOptional(
                portNumber('Port of the machine that runs Docker. Default: a free one.'),
              ),
              listenAddress: z.exactOptional(
                sshHost('Address of the machine that runs Docker. Default 127.0.0.1.'),
              ),
              protocol: z.exactOptional(z.enum(['TCP', 'UDP', 'SCTP']).meta({ description: 'Default TCP.' })),
            })
            .meta({ description: 'A port.' }),
        )
        .max(100)
        .meta({
          description: 'Ports of the first control plane that are reached from outside of Docker.',
          'x-kubernetes-list-type': 'atomic',
        }),
    ),
    kubeadmConfigPatches: z.exactOptional(
      z.array(z.string().min(1).max(65536)).max(50).meta({
        description:
          'Merged into the files of kubeadm, as kind does it: YAML with the kind it is for, such as `kind: KubeletConfiguration`.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
  })
  .meta({
    description:
      'Containers of the Docker engine at hand, made by the program kind. No KubeMachines; it can be made and deleted, not changed. deletionPolicy is Reset by default.',
  });

const provider = z
  .object({ kind: kindProvider })
  .meta({ description: 'Who makes the nodes. Absent: Hansa itself, of KubeMachines.' });

const immutable = (field: string) => ({
  rule: `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`,
  message: 'can’t be changed once the cluster exists: make another cluster and move the workloads',
  fieldPath: `.${field}`,
});

const spec = z
  .object({
    version: version('Version of Kubernetes, such as 1.36.3. A higher one upgrades, minor by minor.'),
    provider: z.exactOptional(provider),
    bundle: z.exactOptional(
      z
        .object({
          path: z.exactOptional(
            z.string().min(1).max(4096).meta({
              description: 'Directory or archive, where Hansa runs. Default: the one Hansa was started with.',
            }),
          ),
          publicKey: z.exactOptional(
            z.string().max(4096).meta({ description: 'ed25519 key that must have signed it, in PEM.' }),
          ),
        })
        .meta({ description: 'Where programs and images come from; `hansa bundle create` makes one.' }),
    ),
    imageRepository: z.exactOptional(
      z
        .string()
        .min(1)
        .max(512)
        .regex(
          /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?(\/[a-z0-9]([-a-z0-9._]*[a-z0-9])?)*$/,
          'must be a registry and path such as registry.k8s.io',
        )
        .meta({ description: 'Where all images come from, the pause image too. Default registry.k8s.io.' }),
    ),
    clusterNetwork: z.exactOptional(clusterNetwork),
    controlPlaneEndpoint: z.exactOptional(controlPlaneEndpoint),
    endpointMode: z.exactOptional(
      z.enum(['Direct', 'External', 'LocalProxy', 'Keepalived']).meta({
        description:
          'Direct: the one control plane itself; there can’t be a second one later. External: a load balancer that others keep. LocalProxy: haproxy on every machine. Keepalived: an address that moves between control planes. Default: External if controlPlaneEndpoint.host is set, else Direct with one control plane and LocalProxy with more.',
      }),
    ),
    keepalived: z.exactOptional(
      z
        .object({
          virtualRouterId: z.int().min(1).max(255).meta({
            description: 'Number of the virtual router, 1 to 255; unique in the network.',
            format: 'int32',
          }),
        })
        .meta({ description: 'For endpointMode Keepalived.' }),
    ),
    certSANs: z.exactOptional(
      z.array(z.string().min(1).max(253)).max(100).meta({
        description:
          'More names and addresses in the certificates of the API servers; the endpoint and all machines are there anyway.',
        'x-kubernetes-list-type': 'set',
      }),
    ),
    cgroupDriver: z.exactOptional(
      z.enum(['systemd', 'cgroupfs']).meta({ description: 'Of kubelet and runtime. Default systemd.' }),
    ),
    etcd: z.exactOptional(etcd),
    kubeadm: z.exactOptional(kubeadm),
    cni: z.exactOptional(cni),
    proxy: z.exactOptional(
      z
        .object({
          mode: z
            .enum(['nftables', 'iptables', 'none'])
            .meta({ description: 'Of kube-proxy, a DaemonSet; none leaves it out. Default iptables.' }),
        })
        .meta({ description: 'How Services are reached.' }),
    ),
    protection: z.exactOptional(
      z
        .object({
          enabled: z.exactOptional(z.boolean().meta({ description: 'Default true.' })),
          kubeReserved: z.exactOptional(
            quantities('Kept for kubelet and runtime. Default `{cpu: 100m, memory: 256Mi}`.'),
          ),
          systemReserved: z.exactOptional(
            quantities('Kept for the rest of the system. Default `{cpu: 100m, memory: 256Mi}`.'),
          ),
          evictionHard: z.exactOptional(
            quantities(
              'When pods are put out. Default `{memory.available: 500Mi, nodefs.available: 10%, nodefs.inodesFree: 5%, imagefs.available: 15%}`.',
            ),
          ),
        })
        .meta({ description: 'What keeps pods from starving kubelet, runtime and control plane.' }),
    ),
    machineDefaults: z.exactOptional(machineDefaults),
    rollout: z.exactOptional(
      z
        .object({
          maxUnavailable: z.exactOptional(
            z.int().min(1).max(1000).meta({
              description: 'Workers that change at once; control planes always go one by one. Default 1.',
              format: 'int32',
            }),
          ),
          drain: z.exactOptional(drain),
        })
        .meta({ description: 'How changes go through the machines.' }),
    ),
    certificates: z.exactOptional(
      z
        .object({
          validity: z.exactOptional(duration('Of all but the CAs. Default 8760h, a year.')),
          caValidity: z.exactOptional(duration('Of the CAs. Default 87600h, ten years.')),
          renewBefore: z.exactOptional(
            duration(
              'They are renewed so long before their end. Default 720h, or a third of a validity below 2160h.',
            ),
          ),
        })
        .meta({ description: 'Certificates of the control plane.' }),
    ),
    backup: z.exactOptional(backup),
    register: z.exactOptional(
      z.object({ labels: z.exactOptional(labelMap('Labels of the KubeFedCluster.')) }).meta({
        description: 'Joins the cluster to the federation when it is ready. Absent: it isn’t joined.',
      }),
    ),
    deletionPolicy: z.exactOptional(
      z.enum(['Orphan', 'Reset']).meta({
        description: 'Orphan (default) lets the machines run on, Reset takes Kubernetes off them.',
      }),
    ),
    paused: z.exactOptional(z.boolean().meta({ description: 'Nothing is done while this is true.' })),
  })
  .meta({
    description: 'What the cluster shall be. Its machines are KubeMachines.',
    ...rules(
      {
        rule: "!has(self.endpointMode) || self.endpointMode != 'Keepalived' || (has(self.keepalived) && has(self.controlPlaneEndpoint) && has(self.controlPlaneEndpoint.host))",
        message: 'Keepalived needs keepalived.virtualRouterId and the address in controlPlaneEndpoint.host',
        fieldPath: '.endpointMode',
      },
      {
        rule: "!has(self.keepalived) || (has(self.endpointMode) && self.endpointMode == 'Keepalived')",
        message: 'must be left out unless endpointMode is Keepalived',
        fieldPath: '.keepalived',
      },
      {
        rule: "!has(self.endpointMode) || self.endpointMode != 'External' || (has(self.controlPlaneEndpoint) && has(self.controlPlaneEndpoint.host))",
        message: 'External needs the name or address of the load balancer in controlPlaneEndpoint.host',
        fieldPath: '.endpointMode',
      },
      immutable('clusterNetwork'),
      {
        rule: 'has(self.provider) == has(oldSelf.provider)',
        message: 'can’t be changed once the cluster exists: make another cluster and move the workloads',
        fieldPath: '.provider',
      },
    ),
  });

const machineCount = (description: string) =>
  z
    .object({
      desired: count('In the spec.'),
      ready: count('Ready.'),
      upToDate: z.exactOptional(count('With version and configuration of the spec.')),
    })
    .meta({ description });

const status = z
  .object({
    observedGeneration: z.exactOptional(int64('Generation of the spec that this is about.')),
    phase: z.exactOptional(
      z
        .enum([
          'Pending',
          'Provisioning',
          'Ready',
          'Changing',
          'Degraded',
          'Failed',
          'Paused',
          'Deleting',
          'Moved',
        ])
        .meta({ description: 'The whole in one word; derived from the conditions.' }),
    ),
    summary: z.exactOptional(z.string().meta({ description: 'The whole in one line.' })),
    version: z.exactOptional(z.string().meta({ description: 'Lowest version of an API server.' })),
    endpoint: z.exactOptional(
      z.string().meta({ description: 'Where the API server is reached: host:port.' }),
    ),
    uid: z.exactOptional(
      z.string().meta({ description: 'UID of its namespace kube-system: the identity of the cluster.' }),
    ),
    initialization: z.exactOptional(
      z
        .object({
          controlPlaneInitialized: z.boolean().meta({
            description: 'The first control plane was up once; from then on machines only join.',
          }),
        })
        .meta({ description: 'What happens once in a life.' }),
    ),
    controlPlane: z.exactOptional(machineCount('Control planes.')),
    workers: z.exactOptional(machineCount('Workers.')),
    etcdMembers: z.exactOptional(
      z
        .array(
          z
            .object({
              id: z.string().meta({ description: 'ID in hex.' }),
              name: z.exactOptional(z.string().meta({ description: 'Name; empty until it started once.' })),
              machine: z.exactOptional(
                z.string().meta({ description: 'Its KubeMachine; absent: no machine of the spec.' }),
              ),
              peerURL: z.exactOptional(z.string().meta({ description: 'URL for the other members.' })),
              learner: z.exactOptional(z.boolean().meta({ description: 'It has no vote yet.' })),
              healthy: z.exactOptional(z.boolean().meta({ description: 'It answers, without an alarm.' })),
            })
            .meta({ description: 'A member.' }),
        )
        .meta({ description: 'Members of etcd, as it tells them.', 'x-kubernetes-list-type': 'atomic' }),
    ),
    certificatesExpiryDate: z.exactOptional(time('When the first certificate ends.')),
    lastBackup: z.exactOptional(
      z
        .object({
          name: objectName('Name of the EtcdBackup.'),
          at: time('When it was taken.'),
        })
        .meta({ description: 'The newest backup that was verified.' }),
    ),
    currentOperation: z.exactOptional(
      z.string().meta({ description: 'KubeOperation that is under way, or waits for approval.' }),
    ),
    conditions: z.exactOptional(conditions(kubeClusterConditions, provisionReasons)),
  })
  .meta({ description: 'How the cluster stands; written by Hansa alone.' });

export const kubeClusterSchema = z.object({ spec, status: z.exactOptional(status) });
export type KubeClusterSpec = z.infer<typeof spec>;
export type KubeClusterStatus = z.infer<typeof status>;

export const kubeClusterAddress = {
  group: 'provision.hansa.dev',
  version: 'v1alpha1',
  kind: 'KubeCluster',
  plural: 'kubeclusters',
  namespaced: true,
} as const;

export const kubeCluster: ServedKind = {
  address: kubeClusterAddress,
  shortNames: ['kcl'],
  categories: ['hansa', 'provision'],
  description:
    'A Kubernetes cluster that Hansa makes from machines with kubeadm, and keeps. Its machines are KubeMachines that name it; the same YAML serves `hansa cluster apply -f` with nothing running yet.',
  schema: kubeClusterSchema,
  annotations: {
    [movedToAnnotation]:
      'Where the cluster is kept now; nothing is done for it here any more. `hansa pivot` sets it.',
  },
  columns: [
    { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'The whole in one word' },
    {
      name: 'Version',
      type: 'string',
      jsonPath: '.status.version',
      description: 'Lowest version of an API server',
    },
    {
      name: 'Control Planes',
      type: 'integer',
      jsonPath: '.status.controlPlane.ready',
      description: 'Ready control planes',
    },
    { name: 'Workers', type: 'integer', jsonPath: '.status.workers.ready', description: 'Ready workers' },
    {
      name: 'Endpoint',
      type: 'string',
      jsonPath: '.status.endpoint',
      description: 'Where the API server is reached',
      wide: true,
    },
    {
      name: 'Certificates',
      type: 'string',
      jsonPath: '.status.certificatesExpiryDate',
      description: 'When the first certificate ends',
      wide: true,
    },
    {
      name: 'Backup',
      type: 'date',
      jsonPath: '.status.lastBackup.at',
      description: 'Age of the newest backup',
    },
    {
      name: 'Summary',
      type: 'string',
      jsonPath: '.status.summary',
      description: 'The whole in one line',
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
kind: KubeCluster
metadata:
  name: shop
  namespace: clusters
spec:
  version: 1.36.3
  endpointMode: LocalProxy
  clusterNetwork:
    pods: {cidrBlocks: [10.244.0.0/16]}
    services: {cidrBlocks: [10.96.0.0/12]}
  machineDefaults:
    user: ops
    credentialRef: {name: shop-ssh}
  certificates:
    renewBefore: 720h
  backup:
    schedule: 15 */6 * * *
    retention: 28
    target:
      s3: {bucket: backups, prefix: shop, endpoint: "https://s3.example.com", secretRef: {name: shop-s3}}
    encryptionSecretRef: {name: shop-backup}
  register:
    labels: {region: eu}
`,
};
