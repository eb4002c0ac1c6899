import { parseAllDocuments } from 'yaml';
import type { KubeClusterSpec } from '../../api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import { durationMs } from '../../api/rollout.hansa.dev/v1alpha1/duration.ts';
import { isJsonObject, parseAddress, parseQuantity } from '../../base/index.ts';
import { type BackupSpec, type ClusterSpec, controlPlanes, type MachineSpec } from '../plan/cluster-spec.ts';
import { parseCron } from '../plan/cron.ts';
import { readEndpoint } from './endpoint.ts';
import { readKubeadm } from './kubeadm.ts';
import { checkDistinct, checkLabelKeys, type MachineObject, readMachine } from './machines.ts';
import { checkPrimaryFamily, checkTaken, readNetwork, type TakenAddress } from './networks.ts';
import type { Findings, ObjectFindings } from './problems.ts';
import { checkVersion } from './versions.ts';

const hourMs = 3_600_000;

/** A KubeCluster that has passed its schema. */
export interface ClusterObject {
  readonly name: string;
  readonly namespace: string;
  readonly spec: KubeClusterSpec;
}

/** Fills in every default and checks what spans fields and objects. What it gives is whole only if nothing was found. */
export function assembleCluster(
  { name, namespace, spec }: ClusterObject,
  machineObjects: readonly MachineObject[],
  findings: Findings,
): ClusterSpec {
  const found = findings.on(`KubeCluster ${name}`);
  if (name.length > 50 || !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) {
    found.problem(
      'metadata.name',
      'must be lower-case letters, digits and "-", at most 50: it is a part of host names',
    );
  }
  const version = checkVersion(spec.version, found);
  const network = readNetwork(spec, found);
  const machines = withLoneTaints(
    machineObjects.map((object) =>
      readMachine(object, {
        defaults: spec.machineDefaults,
        version,
        found: findings.on(`KubeMachine ${object.name}`),
      }),
    ),
  );
  checkDistinct(machines, findings);
  const masters = controlPlanes({ machines } as ClusterSpec);
  const endpoint = readEndpoint(spec, { clusterName: name, controlPlanes: masters, found });
  const etcd = readEtcd(spec, found);
  checkControlPlanes(masters, etcd, found);
  checkMachineNetworks(network, machines, findings);
  checkTaken(network, takenBy(machines, endpoint.host), found);
  for (const [index, san] of (spec.certSANs ?? []).entries()) checkSan(san, `spec.certSANs[${index}]`, found);
  checkLabelKeys(spec.register?.labels ?? {}, 'spec.register.labels', found);
  const drain = spec.rollout?.drain;
  return {
    name,
    namespace,
    version,
    network,
    endpoint,
    certSANs: spec.certSANs ?? [],
    imageRepository: spec.imageRepository ?? 'registry.k8s.io',
    cgroupDriver: spec.cgroupDriver ?? 'systemd',
    etcd,
    kubeadm: readKubeadm(spec, version, found),
    cni: readCni(spec, found),
    proxy: { mode: spec.proxy?.mode ?? 'iptables' },
    protection: readProtection(spec, found),
    rollout: {
      maxUnavailable: spec.rollout?.maxUnavailable ?? 1,
      drain: {
        timeoutMs: durationMs(drain?.timeout, 5 * 60_000),
        gracePeriodSeconds: drain?.gracePeriodSeconds,
        deleteEmptyDirData: drain?.deleteEmptyDirData ?? false,
        force: drain?.force ?? false,
      },
    },
    certificates: readCertificates(spec, found),
    backup: readBackup(spec, found),
    register: spec.register && { labels: spec.register.labels ?? {} },
    deletionPolicy: spec.deletionPolicy ?? 'Orphan',
    paused: spec.paused ?? false,
    machines,
  };
}

/** A cluster of one machine would else run nothing of its user's. */
function withLoneTaints(machines: readonly MachineSpec[]): readonly MachineSpec[] {
  return machines.length === 1
    ? machines.map((machine) => ({ ...machine, taints: machine.taints ?? [] }))
    : machines;
}

function checkControlPlanes(
  masters: readonly MachineSpec[],
  etcd: ClusterSpec['etcd'],
  found: ObjectFindings,
): void {
  const count = masters.length;
  if (count === 0) {
    found.problem('', 'has no control plane: add a KubeMachine with role control-plane and its clusterName');
  } else if (count % 2 === 0 && etcd.kind === 'stacked') {
    found.warning(
      '',
      `has ${count} control planes: etcd survives the loss of ${Math.floor((count - 1) / 2)} of them, no more than with ${count - 1}, and more can fail. Take ${count - 1} or ${count + 1}`,
    );
  }
}

function checkMachineNetworks(
  network: ClusterSpec['network'],
  machines: readonly MachineSpec[],
  findings: Findings,
): void {
  for (const { name, internalAddress } of machines) {
    if (internalAddress === undefined) continue;
    checkPrimaryFamily(network, internalAddress, 'spec.internalAddress', findings.on(`KubeMachine ${name}`));
  }
}

function takenBy(machines: readonly MachineSpec[], endpointHost: string): readonly TakenAddress[] {
  const taken = machines.flatMap(({ name, internalAddress, ssh }) =>
    [...new Set([internalAddress, ssh.host])].flatMap((address) =>
      address === undefined || !parseAddress(address) ? [] : [{ of: `machine ${name}`, address }],
    ),
  );
  const isOwn = taken.some(({ address }) => address === endpointHost);
  return isOwn || !parseAddress(endpointHost)
    ? taken
    : [...taken, { of: 'the endpoint', address: endpointHost }];
}

function checkSan(san: string, field: string, found: ObjectFindings): void {
  const isName = /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/i.test(san);
  if (parseAddress(san) || (isName && !/^[0-9.]+$/.test(san))) return;
  found.problem(field, `"${san}" must be a DNS name or an address, without a port`);
}

function readEtcd({ etcd }: KubeClusterSpec, found: ObjectFindings): ClusterSpec['etcd'] {
  if (etcd?.stacked && etcd.external) {
    found.problem('spec.etcd', 'must have one of stacked, external, or none for stacked');
  }
  return etcd?.external
    ? { kind: 'external', endpoints: etcd.external.endpoints, secretName: etcd.external.secretRef.name }
    : { kind: 'stacked', imageTag: etcd?.stacked?.imageTag };
}

function readCni({ cni, clusterNetwork }: KubeClusterSpec, found: ObjectFindings): ClusterSpec['cni'] {
  if (cni && Object.keys(cni).length > 1) {
    found.problem('spec.cni', 'must have one of flannel, manifest, none, or nothing for flannel');
  }
  if (cni?.none) return { kind: 'none' };
  if (cni?.manifest !== undefined) {
    checkManifest(cni.manifest, found);
    return { kind: 'manifest', manifest: cni.manifest };
  }
  const { backend = 'vxlan', port } = cni?.flannel ?? {};
  if (backend === 'host-gw' && port !== undefined) {
    found.problem('spec.cni.flannel.port', 'means nothing with backend host-gw: remove it');
  }
  const first = clusterNetwork?.pods?.cidrBlocks[0];
  if (first?.includes(':') && clusterNetwork?.pods?.cidrBlocks.length === 1) {
    found.warning('spec.cni.flannel', 'over IPv6 alone is little used: try it before you build on it');
  }
  return { kind: 'flannel', backend, port };
}

function checkManifest(text: string, found: ObjectFindings): void {
  const documents = parseAllDocuments(text);
  const [error] = 'empty' in documents ? [] : documents.flatMap(({ errors }) => errors);
  if (error) {
    found.problem('spec.cni.manifest', `is not YAML: ${error.message.split('\n')[0]}`);
    return;
  }
  const objects = documents.map((document) => document.toJS() as unknown).filter((each) => each !== null);
  if (
    objects.length === 0 ||
    !objects.every((each) => isJsonObject(each) && typeof each['kind'] === 'string')
  ) {
    found.problem('spec.cni.manifest', 'must hold Kubernetes objects, each with apiVersion and kind');
  }
}

const reservable = ['cpu', 'memory', 'ephemeral-storage', 'pid'];
const evictionSignals = [
  'memory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
  'containerfs.available',
  'containerfs.inodesFree',
  'pid.available',
];
const reserved = { cpu: '100m', memory: '256Mi' };
/** All of them: a signal that isn't named here falls back to nothing once another one is. */
const evictionHard = {
  'memory.available': '500Mi',
  'nodefs.available': '10%',
  'nodefs.inodesFree': '5%',
  'imagefs.available': '15%',
};

function readProtection({ protection }: KubeClusterSpec, found: ObjectFindings): ClusterSpec['protection'] {
  const check = (name: 'kubeReserved' | 'systemReserved' | 'evictionHard', keys: readonly string[]) => {
    for (const [key, value] of Object.entries(protection?.[name] ?? {})) {
      const field = `spec.protection.${name}["${key}"]`;
      if (!keys.includes(key)) found.problem(field, `is none of ${keys.join(', ')}`);
      const isShare = name === 'evictionHard' && /^(100|[0-9]{1,2})(\.[0-9]+)?%$/.test(value);
      const quantity = parseQuantity(value);
      if (!isShare && !quantity.ok) found.problem(field, quantity.message);
      else if (quantity.ok && quantity.milli < 0n) found.problem(field, 'must not be negative');
    }
  };
  check('kubeReserved', reservable);
  check('systemReserved', reservable);
  check('evictionHard', evictionSignals);
  return {
    enabled: protection?.enabled ?? true,
    kubeReserved: protection?.kubeReserved ?? reserved,
    systemReserved: protection?.systemReserved ?? reserved,
    evictionHard: protection?.evictionHard ?? evictionHard,
  };
}

function readCertificates(
  { certificates }: KubeClusterSpec,
  found: ObjectFindings,
): ClusterSpec['certificates'] {
  const validityMs = durationMs(certificates?.validity, 8760 * hourMs);
  const caValidityMs = durationMs(certificates?.caValidity, 87_600 * hourMs);
  // With a short life of its own choice, a user needn't say the rest too: a third of it, as certificate managers do.
  const renewBeforeMs = durationMs(certificates?.renewBefore, Math.min(720 * hourMs, validityMs / 3));
  if (validityMs === 0)
    found.problem('spec.certificates.validity', 'must be more than nothing, such as 8760h');
  else if (renewBeforeMs >= validityMs) {
    found.problem(
      'spec.certificates.renewBefore',
      'must be shorter than validity, or certificates would be renewed without end',
    );
  }
  if (caValidityMs < validityMs) {
    found.problem(
      'spec.certificates.caValidity',
      'must not be shorter than validity: no certificate outlives its CA',
    );
  }
  return {
    validityHours: validityMs / hourMs,
    caValidityHours: caValidityMs / hourMs,
    renewBeforeHours: renewBeforeMs / hourMs,
  };
}

function readBackup({ backup, etcd }: KubeClusterSpec, found: ObjectFindings): BackupSpec | undefined {
  if (!backup) return undefined;
  if (etcd?.external) {
    found.problem(
      'spec.backup',
      'is for stacked etcd: whoever keeps the external one backs it up. Remove it',
    );
  }
  if (backup.schedule !== undefined) {
    const parsed = parseCron(backup.schedule);
    if (!parsed.ok) found.problem('spec.backup.schedule', parsed.message);
  }
  const target = readTarget(backup.target, found);
  return {
    schedule: backup.schedule,
    retention: backup.retention ?? 14,
    target,
    encryptionSecretName: backup.encryptionSecretRef.name,
  };
}

function readTarget(
  { directory, s3 }: NonNullable<KubeClusterSpec['backup']>['target'],
  found: ObjectFindings,
): BackupSpec['target'] {
  if ((directory === undefined) === (s3 === undefined)) {
    found.problem('spec.backup.target', 'must have exactly one of directory, s3');
  }
  if (!s3) return { kind: 'directory', path: directory?.path ?? '' };
  return {
    kind: 's3',
    bucket: s3.bucket,
    prefix: s3.prefix ?? '',
    endpoint: s3.endpoint,
    region: s3.region ?? 'us-east-1',
    secretName: s3.secretRef.name,
  };
}
