import type { KubeClusterSpec } from '../../api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import { labelKeyPattern } from '../../api/provision.hansa.dev/v1alpha1/fields.ts';
import type { KubeMachineSpec } from '../../api/provision.hansa.dev/v1alpha1/kube-machine.ts';
import { formatAddress, networkHas, parseAddress, parseCidr } from '../../base/index.ts';
import type { MachineSpec, SshTarget } from '../plan/cluster-spec.ts';
import { checkFlags } from './kubeadm.ts';
import type { Findings, ObjectFindings } from './problems.ts';

type MachineDefaults = KubeClusterSpec['machineDefaults'];
type BastionFields = NonNullable<KubeMachineSpec['bastion']>;

/** A KubeMachine that has passed its schema. */
export interface MachineObject {
  readonly name: string;
  readonly spec: KubeMachineSpec;
}

export interface MachineContext {
  readonly defaults: MachineDefaults;
  readonly version: string;
  readonly found: ObjectFindings;
}

const localHost = 'localhost';

export function readMachine({ name, spec }: MachineObject, context: MachineContext): MachineSpec {
  const { defaults, version, found } = context;
  const ssh = readSsh(spec, defaults, found);
  const kubeletArgs = spec.kubelet?.extraArgs ?? [];
  checkFlags(kubeletArgs, { component: 'kubelet', field: 'spec.kubelet.extraArgs', version, found });
  checkLabelKeys(spec.labels ?? {}, 'spec.labels', found);
  for (const [index, taint] of (spec.taints ?? []).entries()) {
    const isTwice =
      spec.taints?.findIndex(({ key, effect }) => key === taint.key && effect === taint.effect) !== index;
    if (isTwice) found.problem(`spec.taints[${index}]`, `repeats ${taint.key}:${taint.effect}: remove one`);
  }
  const nodeName = spec.nodeName ?? name;
  checkNodeName(nodeName, spec.nodeName === undefined ? 'metadata.name' : 'spec.nodeName', found);
  return {
    name,
    role: spec.role,
    ssh,
    ...readAddress(spec, ssh, defaults, found),
    nodeName,
    labels: spec.labels ?? {},
    taints: spec.taints?.map(({ key, value, effect }) => ({ key, value, effect })),
    kubeletArgs,
  };
}

/** Two names for one machine would tear it apart: what one plan installs, the other removes. */
export function checkDistinct(machines: readonly MachineSpec[], findings: Findings): void {
  const ways: readonly (readonly [string, (machine: MachineSpec) => string | undefined])[] = [
    ['metadata.name', ({ name }) => name],
    ['spec.nodeName', ({ nodeName }) => nodeName],
    ['spec.internalAddress', ({ internalAddress }) => internalAddress && canonical(internalAddress)],
    ['spec.host', ({ ssh }) => sshIdentity(ssh)],
  ];
  for (const [field, keyOf] of ways) {
    const seen = new Map<string, string>();
    for (const machine of machines) {
      const key = keyOf(machine);
      if (key === undefined) continue;
      const other = seen.get(key);
      if (other === undefined) seen.set(key, machine.name);
      // The same name comes with the same everything; told once is enough.
      else if (field === 'metadata.name' || other !== machine.name) {
        findings
          .on(`KubeMachine ${machine.name}`)
          .problem(
            field,
            field === 'metadata.name'
              ? 'is there twice: give each KubeMachine a name of its own'
              : `${key.split('|')[0]} is that of ${other} too: each machine needs its own`,
          );
      }
    }
  }
}

export function checkLabelKeys(
  labels: Readonly<Record<string, string>>,
  field: string,
  found: ObjectFindings,
): void {
  for (const key of Object.keys(labels)) {
    if (key.length <= 317 && labelKeyPattern.test(key)) continue;
    found.problem(`${field}["${key}"]`, 'must be a label key such as region or example.com/tier');
  }
}

function readSsh(spec: KubeMachineSpec, defaults: MachineDefaults, found: ObjectFindings): SshTarget {
  const kind = spec.transport ?? defaults?.transport ?? 'ssh2';
  const credential = spec.credentialRef?.name ?? defaults?.credentialRef?.name ?? '';
  if (spec.host === undefined && kind !== 'local') {
    found.problem(
      'spec.host',
      'is missing: give the address or name for SSH, or set transport local for this machine',
    );
  }
  // The program finds keys by itself, and this machine needs none.
  if (credential === '' && kind === 'ssh2') {
    found.problem(
      'spec.credentialRef',
      'is missing: name a Secret with the SSH key here or in machineDefaults of the KubeCluster, or set transport openssh',
    );
  }
  const bastion = spec.bastion ?? defaults?.bastion;
  if (bastion && kind === 'local') {
    found.problem('spec.bastion', 'means nothing with transport local: remove it');
  }
  const insecureIgnoreHostKey = spec.insecureIgnoreHostKey ?? defaults?.insecureIgnoreHostKey ?? false;
  if (insecureIgnoreHostKey && kind !== 'local') {
    found.warning(
      'spec.insecureIgnoreHostKey',
      'takes any host key: whoever sits in between reads every secret. Pin the key in hostKeys instead',
    );
  }
  return {
    kind,
    host: spec.host ?? localHost,
    port: spec.port ?? defaults?.port ?? 22,
    user: spec.user ?? defaults?.user ?? 'root',
    credential,
    hostKeys: spec.hostKeys ?? [],
    bastion: bastion && kind !== 'local' ? readBastion(bastion, kind, credential) : undefined,
    insecureIgnoreHostKey,
  };
}

function readBastion(
  bastion: BastionFields,
  kind: SshTarget['kind'],
  credential: string,
): Omit<SshTarget, 'bastion'> {
  return {
    kind,
    host: bastion.host,
    port: bastion.port ?? 22,
    user: bastion.user ?? 'root',
    credential: bastion.credentialRef?.name ?? credential,
    hostKeys: bastion.hostKeys ?? [],
    insecureIgnoreHostKey: bastion.insecureIgnoreHostKey ?? false,
  };
}

function readAddress(
  { internalAddress, addressSelector }: KubeMachineSpec,
  ssh: SshTarget,
  defaults: MachineDefaults,
  found: ObjectFindings,
): Pick<MachineSpec, 'internalAddress' | 'addressSelector'> {
  if (internalAddress !== undefined && addressSelector !== undefined) {
    found.problem('spec.addressSelector', 'is there beside internalAddress: keep one of them');
  }
  if (internalAddress !== undefined) {
    checkAddress(internalAddress, found);
    return { internalAddress, addressSelector: undefined };
  }
  const selector = addressSelector ?? defaults?.addressSelector;
  if (selector) {
    const cidr = parseCidr(selector.cidr);
    if (!cidr) {
      found.problem('spec.addressSelector.cidr', `"${selector.cidr}" is not a CIDR such as 10.0.0.0/24`);
    }
    // A machine with its address in that network says so already, and a plan can be made without asking it.
    const host = parseAddress(ssh.host);
    return cidr && host && networkHas(cidr, host)
      ? { internalAddress: ssh.host, addressSelector: undefined }
      : { internalAddress: undefined, addressSelector: selector.cidr };
  }
  if (parseAddress(ssh.host)) {
    checkAddress(ssh.host, found);
    return { internalAddress: ssh.host, addressSelector: undefined };
  }
  found.problem(
    'spec.internalAddress',
    `is missing: ${ssh.kind === 'local' ? 'set' : `"${ssh.host}" is a name, so set`} the address by which the other machines reach this one, or addressSelector.cidr`,
  );
  return { internalAddress: undefined, addressSelector: undefined };
}

const unusable = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/4', '::/128', '::1/128', 'fe80::/10', 'ff00::/8'];

function checkAddress(text: string, found: ObjectFindings): void {
  const address = parseAddress(text);
  if (!address) {
    found.problem('spec.internalAddress', `"${text}" is not an IPv4 or IPv6 address`);
    return;
  }
  const network = unusable.find((each) => {
    const cidr = parseCidr(each);
    return cidr && networkHas(cidr, address);
  });
  if (network !== undefined) {
    found.problem(
      'spec.internalAddress',
      `${text} (in ${network}) can’t be reached from other machines: set the one of its network card`,
    );
  }
}

/** The kubelet takes no other, and kubeadm finds out only half-way. */
function checkNodeName(nodeName: string, field: string, found: ObjectFindings): void {
  const isSubdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(nodeName);
  // Longer names are cut in the label kubernetes.io/hostname, which has to be a label value.
  if (isSubdomain && nodeName.length <= 63) return;
  found.problem(
    field,
    `"${nodeName}" can’t be the name of a Node: it must be lower-case letters, digits, "-" and ".", at most 63${field === 'metadata.name' ? '. Set spec.nodeName' : ''}`,
  );
}

function canonical(text: string): string {
  const address = parseAddress(text);
  return address ? formatAddress(address) : text;
}

/** The same address behind two bastions may be two machines. */
function sshIdentity({ kind, host, port, bastion }: SshTarget): string {
  return kind === 'local'
    ? localHost
    : `${host.toLowerCase()}:${port}|${bastion ? `${bastion.host}:${bastion.port}` : ''}`;
}
