import { createHash, X509Certificate } from 'node:crypto';
import { isJsonObject } from '../../base/index.ts';
import type { MachineFacts, ReachOutcome } from '../plan/facts.ts';

/** Reads the answer of the facts script. What a machine did not say is absent, zero or empty. */
export function parseFacts(
  text: string,
  { askedAtSeconds, canSudo }: { readonly askedAtSeconds: number; readonly canSudo: boolean },
): MachineFacts {
  const answers = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    if (space <= 0) continue;
    const value = line.slice(space + 1).trim();
    if (value === '') continue;
    const key = line.slice(0, space);
    answers.set(key, [...(answers.get(key) ?? []), value]);
  }
  const all = (key: string): readonly string[] => answers.get(key) ?? [];
  const one = (key: string): string | undefined => all(key)[0];
  const pairs = (key: string): Readonly<Record<string, string>> =>
    Object.fromEntries(all(key).map((value) => splitOnce(value)));
  const manifests = pairs('manifest');
  const [via, routeInterface] = (one('default-route') ?? '').split(' ');
  return {
    hostname: one('hostname') ?? '',
    machineId: one('machine-id') ?? '',
    productUuid: one('product-uuid')?.toLowerCase(),
    os: {
      id: one('os-id') ?? 'unknown',
      version: one('os-version') ?? '',
      name: one('os-name') ?? 'unknown',
    },
    kernel: one('kernel') ?? '',
    arch: goArch(one('arch') ?? ''),
    cpus: Number(one('cpus') ?? 0),
    memoryBytes: Number(one('memory-kb') ?? 0) * 1024,
    swapBytes: Number(one('swap-kb') ?? 0) * 1024,
    cgroup: one('cgroup') === '2' ? 2 : 1,
    isContainer: one('container') === 'yes',
    isRoot: one('uid') === '0',
    canSudo,
    clockSeconds: Number(one('clock') ?? 0),
    askedAtSeconds,
    interfaces: all('interface').map((value) => {
      const [name = '', mac = '-', mtu = '0'] = value.split(' ');
      const addresses = all('address').flatMap((each) => {
        const [on, address = ''] = each.split(' ');
        return on === name ? [address] : [];
      });
      return { name, mac: mac === '-' || /^[0:]*$/.test(mac) ? undefined : mac, mtu: Number(mtu), addresses };
    }),
    defaultRoute: via && routeInterface ? { via, interface: routeInterface } : undefined,
    routes: all('route').filter((route) => route !== 'default'),
    resolvers: all('resolver'),
    reaches: all('reach').flatMap((value) => {
      const [address = '', port = '', outcome] = value.split(' ');
      return isReachOutcome(outcome) ? [{ address, port: Number(port), outcome }] : [];
    }),
    listening: all('listening').map((value) => {
      const [port = '', address = '', program = '-'] = value.split(' ');
      return { port: Number(port), address, program: program === '-' ? undefined : program };
    }),
    disks: all('disk').map((value) => {
      const [path = '', freeKb = '0', totalKb = '0', inodes = '0', mode = 'rw'] = value.split(' ');
      return {
        path,
        freeBytes: Number(freeKb) * 1024,
        totalBytes: Number(totalKb) * 1024,
        freeInodes: Number(inodes) || 0,
        readOnly: mode === 'ro',
      };
    }),
    fsyncP99Ms: positive(one('fsync-p99-ms')),
    programs: pairs('program'),
    runtimeSockets: all('socket'),
    modules: all('module'),
    missingModules: all('missing-module'),
    sysctls: pairs('sysctl'),
    units: pairs('unit'),
    security: {
      selinux: one('selinux') ?? 'absent',
      apparmor: one('apparmor') === 'yes',
      firewalld: pairs('unit')['firewalld'] === 'active',
    },
    proxyEnvironment: pairs('proxy'),
    cniConfigs: all('cni-config'),
    kubernetes: {
      hasKubeletConfig: one('kubelet-config') === 'yes',
      hasAdminConfig: one('admin-config') === 'yes',
      manifests: Object.keys(manifests),
      pki: all('pki'),
      etcdData: etcdData(one('etcd-data')),
      server: one('server'),
      nodeName: one('node-name'),
      caHash: caHash(one('ca')),
      images: Object.fromEntries(
        Object.entries(manifests).map(([file, image]) => [file.replace(/\.yaml$/, ''), image]),
      ),
    },
    stamps: stampsIn(one('stamps')),
    hostKeys: all('host-key'),
  };
}

function positive(text: string | undefined): number | undefined {
  const value = Number(text);
  return value > 0 ? value : undefined;
}

function splitOnce(value: string): readonly [string, string] {
  const space = value.indexOf(' ');
  return space < 0 ? [value, ''] : [value.slice(0, space), value.slice(space + 1).trim()];
}

const goArchitectures: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  aarch64: 'arm64',
  armv7l: 'arm',
};

function goArch(machine: string): string {
  return goArchitectures[machine] ?? machine;
}

function etcdData(word: string | undefined): MachineFacts['kubernetes']['etcdData'] {
  return word === 'present' || word === 'empty' ? word : 'absent';
}

/** As kubeadm pins it: of the public key, not of the whole certificate. */
function caHash(base64: string | undefined): string | undefined {
  if (!base64) return undefined;
  try {
    const { publicKey } = new X509Certificate(Buffer.from(base64, 'base64'));
    const hash = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' }));
    return `sha256:${hash.digest('hex')}`;
  } catch {
    return undefined;
  }
}

function stampsIn(base64: string | undefined): Readonly<Record<string, string>> {
  if (!base64) return {};
  try {
    const value: unknown = JSON.parse(Buffer.from(base64, 'base64').toString('utf8'));
    if (!isJsonObject(value)) return {};
    return Object.fromEntries(
      Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    );
  } catch {
    // Half-written by a machine that lost power: the steps are done again.
    return {};
  }
}

const reachOutcomes: readonly ReachOutcome[] = [
  'reached',
  'refused',
  'silent',
  'unreachable',
  'unknown-name',
];

function isReachOutcome(text: string | undefined): text is ReachOutcome {
  return reachOutcomes.some((outcome) => outcome === text);
}
