import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { kubeClusterSchema } from '../../api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import {
  kubeMachineSchema,
  type KubeMachineSpec,
} from '../../api/provision.hansa.dev/v1alpha1/kube-machine.ts';
import { provisionGroup } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import { durationMs, durationPattern } from '../../api/rollout.hansa.dev/v1alpha1/duration.ts';
import {
  formatNetwork,
  HansaError,
  isJsonObject,
  type JsonObject,
  parseAddress,
  parseCidr,
} from '../../base/index.ts';
import type { DrainSpec } from '../plan/cluster-spec.ts';
import { Findings, parseStrictly, tellProblems } from './problems.ts';
import { checkSecret } from './secrets.ts';

/** What is kept of one cluster, as a verb finds it and leaves it. */
export interface VerbState {
  readonly namespace: string;
  readonly name: string;
  /** KubeCluster and KubeMachines. */
  readonly objects: readonly JsonObject[];
  /** By name of the Secret. Only those that the verb reads need to be there: the credential. */
  readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface VerbResult {
  readonly objects: readonly JsonObject[];
  /** Secrets to be put beside those that are there. */
  readonly secrets: VerbState['secrets'];
  /** What the user should know, such as a flag that does nothing. */
  readonly notes: readonly string[];
}

export interface CreateCredentialFlags {
  /** `--user`, root in cctl. */
  readonly user?: string | undefined;
  /** Content of the file of `--private-key`. */
  readonly privateKey?: string | undefined;
  readonly passphrase?: string | undefined;
  readonly password?: string | undefined;
  readonly sudoPassword?: string | undefined;
  readonly agent?: boolean | undefined;
}

/** Name of the one credential that cctl's verbs give a cluster. */
export function credentialName(cluster: string): string {
  return `${cluster}-ssh`;
}

/**
 * `create credential`: one for all machines of a cluster; it may come before the cluster.
 * @throws HansaError InvalidFlag, AlreadyExists
 */
export function createCredential(state: VerbState, flags: CreateCredentialFlags): VerbResult {
  const name = credentialName(state.name);
  if (state.secrets[name]) {
    throw new HansaError(
      `cluster ${state.name} has a credential already: delete it first with "hansa delete credential", or apply a Secret ${name} to replace it`,
      { reason: 'AlreadyExists', retry: 'never' },
    );
  }
  const { user = 'root', privateKey, passphrase, password, sudoPassword, agent } = flags;
  const values = defined({
    user,
    'ssh-privatekey': privateKey,
    passphrase,
    password,
    'sudo-password': sudoPassword,
    agent: agent ? 'true' : undefined,
  });
  if (!privateKey && !password && !agent) {
    throw invalid('--private-key', 'is missing: name the file of the SSH key, or take --agent or --password');
  }
  const findings = new Findings();
  checkSecret('ssh', values, findings.on('--private-key'));
  if (findings.problems.length > 0) throw invalid('', tellProblems(findings.problems));
  // A cluster that was there first learns of it now.
  const objects = state.objects.map((object) =>
    object['kind'] === 'KubeCluster' ? withDefaults(object, name, user) : object,
  );
  return { objects, secrets: { [name]: values }, notes: [] };
}

/**
 * `delete credential`: the cluster without it.
 * @throws HansaError NotFound, InUse
 */
export function deleteCredential(state: VerbState): VerbResult {
  const name = credentialName(state.name);
  if (!state.secrets[name]) {
    throw new HansaError(`cluster ${state.name} has no credential`, { reason: 'NotFound', retry: 'never' });
  }
  const users = machinesOf(state).map((machine) => machine.name);
  if (users.length > 0) {
    throw new HansaError(
      `machines are reached with the credential of cluster ${state.name} (${users.join(', ')}): delete them first, or apply a Secret ${name} to replace it`,
      { reason: 'InUse', retry: 'never' },
    );
  }
  const objects = state.objects.map((object) =>
    object['kind'] === 'KubeCluster' ? withoutDefault(object, name) : object,
  );
  return { objects, secrets: {}, notes: [] };
}

/** Two files that belong together; texts, as read. */
export interface KeyPairFlags {
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

export interface CreateClusterFlags {
  /** Needed unless `file` has it. */
  readonly version?: string | undefined;
  /** `-f`: a whole KubeCluster, in place of all flags but those of CAs. */
  readonly file?: unknown;
  /** `--pod-network`. */
  readonly podNetwork?: string | undefined;
  /** `--service-network`. */
  readonly serviceNetwork?: string | undefined;
  readonly vip?: string | undefined;
  readonly routerId?: number | undefined;
  readonly endpointMode?: string | undefined;
  /** `--apiserver-ca-cert`, `--apiserver-ca-key`. */
  readonly apiServerCa?: KeyPairFlags | undefined;
  /** `--etcd-ca-cert`, `--etcd-ca-key`. */
  readonly etcdCa?: KeyPairFlags | undefined;
  /** `--front-proxy-ca-cert`, `--front-proxy-ca-key`. */
  readonly frontProxyCa?: KeyPairFlags | undefined;
  /** `--sa-public-key` as certificate, `--sa-private-key` as key. */
  readonly serviceAccount?: KeyPairFlags | undefined;
  /** Content of the file of `--cluster-config`, parsed. */
  readonly clusterConfig?: unknown;
}

/**
 * `create cluster`: the KubeCluster, and Secrets with the CAs that were brought along.
 * @throws HansaError InvalidFlag, AlreadyExists
 */
export function createCluster(state: VerbState, flags: CreateClusterFlags): VerbResult {
  if (clusterOf(state)) {
    throw new HansaError(
      `cluster ${state.name} exists already: change it with "hansa cluster apply -f", or take another name`,
      { reason: 'AlreadyExists', retry: 'never' },
    );
  }
  const object: JsonObject = {
    apiVersion: `${provisionGroup}/v1alpha1`,
    kind: 'KubeCluster',
    metadata: { name: state.name, namespace: state.namespace },
    spec: flags.file === undefined ? specOf(flags) : specOfFile(flags),
  };
  const name = credentialName(state.name);
  const credential = state.secrets[name];
  const whole = credential ? withDefaults(object, name, credential['user'] ?? 'root') : object;
  assertFits(kubeClusterSchema, whole, 'KubeCluster');
  return {
    objects: [...state.objects, whole],
    secrets: pairs(state.name, flags),
    notes: credential
      ? []
      : [`there is no credential yet: run "hansa create credential" before the first machine is made`],
  };
}

export interface CreateMachineFlags {
  readonly ip: string;
  readonly port?: number | undefined;
  readonly role: string;
  /** `--public-keys`: host keys that are trusted. */
  readonly publicKeys?: readonly string[] | undefined;
  readonly iface?: string | undefined;
}

/**
 * `create machine`: a KubeMachine by its address.
 * @throws HansaError InvalidFlag, AlreadyExists, NotFound
 */
export function createMachine(state: VerbState, flags: CreateMachineFlags): VerbResult {
  const cluster = clusterOf(state);
  if (!cluster) {
    throw new HansaError(`there is no cluster ${state.name}: run "hansa create cluster" first`, {
      reason: 'NotFound',
      retry: 'never',
    });
  }
  if (!parseAddress(flags.ip)) throw invalid('--ip', `"${flags.ip}" is not an IPv4 or IPv6 address`);
  if (machineAt(state, flags.ip)) {
    throw new HansaError(`there is a machine at ${flags.ip} already in cluster ${state.name}`, {
      reason: 'AlreadyExists',
      retry: 'never',
    });
  }
  const role = roles[flags.role];
  if (!role) throw invalid('--role', `"${flags.role}" must be one of ${Object.keys(roles).join(', ')}`);
  const masters = machinesOf(state).filter(({ spec }) => spec.role === 'control-plane');
  if (role === 'control-plane' && masters.length > 0 && !growsTo(cluster)) {
    throw invalid(
      '--role',
      `a second control plane needs an endpoint that both are behind, and cluster ${state.name} has none: give --vip and --router-id, or --endpoint-mode LocalProxy, with "hansa create cluster"`,
    );
  }
  const object: JsonObject = {
    apiVersion: `${provisionGroup}/v1alpha1`,
    kind: 'KubeMachine',
    metadata: { name: machineName(state.name, flags.ip), namespace: state.namespace },
    spec: {
      clusterName: state.name,
      role,
      host: flags.ip,
      ...(flags.port === undefined || flags.port === 22 ? {} : { port: flags.port }),
      internalAddress: flags.ip,
      ...(flags.publicKeys && flags.publicKeys.length > 0 ? { hostKeys: flags.publicKeys } : {}),
    },
  };
  assertFits(kubeMachineSchema, object, 'KubeMachine');
  return {
    objects: [...state.objects, object],
    secrets: {},
    notes:
      flags.iface === undefined
        ? []
        : [`--iface is not needed: the network card that has ${flags.ip} is used, whatever its name`],
  };
}

export interface DeleteMachineFlags {
  readonly ip: string;
  readonly force?: boolean | undefined;
  readonly skipDrainDelete?: boolean | undefined;
  readonly drainTimeout?: string | undefined;
  readonly drainGracePeriod?: number | undefined;
  readonly drainDeleteLocalData?: boolean | undefined;
  readonly drainForce?: boolean | undefined;
}

export interface DeleteMachineResult extends VerbResult {
  readonly machine: string;
  /** undefined: the Node is neither drained nor deleted. */
  readonly drain: DrainSpec | undefined;
  /** Only what is kept here is changed; the machine is not touched. */
  readonly isForgottenOnly: boolean;
}

/**
 * `delete machine`: the objects without it, and how it is to be drained. The quorum guard comes with the plan.
 * @throws HansaError InvalidFlag, NotFound, LastControlPlane
 */
export function deleteMachine(state: VerbState, flags: DeleteMachineFlags): DeleteMachineResult {
  const machine = machineAt(state, flags.ip);
  if (!machine) {
    const known = machinesOf(state).map(({ spec }) => spec.host ?? '');
    throw new HansaError(
      `cluster ${state.name} has no machine at ${flags.ip}: it has ${known.length > 0 ? known.join(', ') : 'none'}`,
      { reason: 'NotFound', retry: 'never' },
    );
  }
  const others = machinesOf(state).filter(({ name }) => name !== machine.name);
  const isLastMaster =
    machine.spec.role === 'control-plane' && !others.some(({ spec }) => spec.role === 'control-plane');
  if (isLastMaster && others.length > 0 && !flags.force) {
    throw new HansaError(
      `${machine.name} is the last control plane, and ${others.map(({ name }) => name).join(', ')} would be left without one: delete those first, or the whole cluster with "hansa cluster delete"`,
      { reason: 'LastControlPlane', retry: 'never' },
    );
  }
  return {
    objects: state.objects.filter((object) => object !== machine.object),
    secrets: {},
    notes: flags.force
      ? [
          `${machine.name} is forgotten here alone: its Node, its member of etcd and what runs on it stay until they are removed`,
        ]
      : [],
    machine: machine.name,
    drain: flags.skipDrainDelete ? undefined : drainOf(flags),
    isForgottenOnly: flags.force ?? false,
  };
}

function specOf(flags: CreateClusterFlags): JsonObject {
  const { version } = flags;
  if (version === undefined) {
    throw invalid('--version', 'is missing: name the version of Kubernetes, such as 1.36.3');
  }
  const pods = cidrBlocks('--pod-network', flags.podNetwork);
  const services = cidrBlocks('--service-network', flags.serviceNetwork);
  return {
    version,
    ...(pods || services ? { clusterNetwork: defined({ pods, services }) } : {}),
    ...endpointFields(flags),
    ...configFields(flags.clusterConfig),
  };
}

/** What a file says is not said a second time. */
function specOfFile({ file, ...flags }: CreateClusterFlags): JsonObject {
  if (!isJsonObject(file) || file['kind'] !== 'KubeCluster' || !isJsonObject(file['spec'])) {
    throw invalid(
      '--filename',
      `must hold a KubeCluster with a spec (apiVersion ${provisionGroup}/v1alpha1)`,
    );
  }
  const twice = [
    ['--version', flags.version],
    ['--pod-network', flags.podNetwork],
    ['--service-network', flags.serviceNetwork],
    ['--vip', flags.vip],
    ['--router-id', flags.routerId],
    ['--endpoint-mode', flags.endpointMode],
    ['--cluster-config', flags.clusterConfig],
  ].find(([, value]) => value !== undefined);
  if (twice) throw invalid(String(twice[0]), 'goes not with --filename: write it into the file');
  return file['spec'];
}

const roles: Readonly<Record<string, KubeMachineSpec['role']>> = {
  master: 'control-plane',
  'control-plane': 'control-plane',
  node: 'worker',
  worker: 'worker',
};

function drainOf(flags: DeleteMachineFlags): DrainSpec {
  const { drainTimeout = '5m', drainGracePeriod = -1, drainDeleteLocalData, drainForce } = flags;
  if (drainTimeout.length < 2 || !durationPattern.test(drainTimeout)) {
    throw invalid('--drain-timeout', `"${drainTimeout}" must be a duration such as 30s, 5m or 1h30m`);
  }
  if (!Number.isInteger(drainGracePeriod) || drainGracePeriod < -1) {
    throw invalid('--drain-grace-period', 'must be a number of seconds, or -1 for what each pod says');
  }
  return {
    timeoutMs: durationMs(drainTimeout, 0),
    gracePeriodSeconds: drainGracePeriod === -1 ? undefined : drainGracePeriod,
    deleteEmptyDirData: drainDeleteLocalData ?? false,
    force: drainForce ?? false,
  };
}

function endpointFields({ vip, routerId, endpointMode }: CreateClusterFlags): JsonObject {
  if ((vip === undefined) !== (routerId === undefined)) {
    throw invalid(
      vip === undefined ? '--vip' : '--router-id',
      'is missing: --vip and --router-id go together',
    );
  }
  if (vip === undefined || routerId === undefined) return endpointMode ? { endpointMode } : {};
  if (endpointMode !== undefined && endpointMode !== 'Keepalived') {
    throw invalid('--endpoint-mode', `${endpointMode} does not go with --vip, which is Keepalived`);
  }
  if (!parseAddress(vip)) throw invalid('--vip', `"${vip}" is not an IPv4 or IPv6 address`);
  if (!Number.isInteger(routerId) || routerId < 1 || routerId > 255) {
    throw invalid('--router-id', 'must be a whole number from 1 to 255');
  }
  return {
    endpointMode: 'Keepalived',
    controlPlaneEndpoint: { host: vip },
    keepalived: { virtualRouterId: routerId },
  };
}

function cidrBlocks(flag: string, text: string | undefined): JsonObject | undefined {
  if (text === undefined) return undefined;
  const blocks = text.split(',').map((block) => block.trim());
  for (const block of blocks) {
    const cidr = parseCidr(block);
    if (!cidr) throw invalid(flag, `"${block}" is not a CIDR such as 10.244.0.0/16`);
    if (cidr.address.value !== cidr.first) {
      throw invalid(flag, `${block} has bits behind its prefix: write ${formatNetwork(cidr)}`);
    }
  }
  return { cidrBlocks: blocks };
}

const componentMaps = {
  kubeAPIServer: 'apiServer',
  kubeControllerManager: 'controllerManager',
  kubeScheduler: 'scheduler',
} as const;
const componentConfigs = ['kubelet', 'kubeProxy'] as const;

/** cctl's ClusterConfig: maps of flags for three components, and the configuration of two. */
function configFields(config: unknown): JsonObject {
  if (config === undefined || config === null) return {};
  const flag = '--cluster-config';
  if (!isJsonObject(config)) throw invalid(flag, 'must be a map');
  const kubeadm: Record<string, JsonObject> = {};
  for (const [name, value] of Object.entries(config)) {
    if (['apiVersion', 'kind', 'metadata'].includes(name)) continue;
    if (!isJsonObject(value)) throw invalid(flag, `${name} must be a map`);
    if (Object.hasOwn(componentMaps, name)) {
      const component = componentMaps[name as keyof typeof componentMaps];
      const extraArgs = Object.entries(value).map(([flagName, text]) => ({
        name: flagName,
        value: typeof text === 'string' ? text : JSON.stringify(text),
      }));
      kubeadm[component] = { extraArgs };
    } else if (componentConfigs.some((known) => known === name)) {
      kubeadm[name] = value;
    } else {
      throw invalid(
        flag,
        `${name} is not known: it may have ${[...Object.keys(componentMaps), ...componentConfigs].join(', ')}`,
      );
    }
  }
  return Object.keys(kubeadm).length > 0 ? { kubeadm } : {};
}

function pairs(cluster: string, flags: CreateClusterFlags): VerbResult['secrets'] {
  const given = [
    ['ca', '--apiserver-ca-cert', '--apiserver-ca-key', flags.apiServerCa],
    ['etcd', '--etcd-ca-cert', '--etcd-ca-key', flags.etcdCa],
    ['proxy', '--front-proxy-ca-cert', '--front-proxy-ca-key', flags.frontProxyCa],
    ['sa', '--sa-public-key', '--sa-private-key', flags.serviceAccount],
  ] as const;
  const secrets: Record<string, Readonly<Record<string, string>>> = {};
  for (const [part, certificateFlag, keyFlag, pair] of given) {
    const { certificate, key } = pair ?? {};
    if (certificate === undefined && key === undefined) continue;
    if (certificate === undefined || key === undefined) {
      const [missing, there] =
        certificate === undefined ? [certificateFlag, keyFlag] : [keyFlag, certificateFlag];
      throw invalid(missing, `is missing: it goes together with ${there}`);
    }
    assertMatch({ certificate, key, certificateFlag, keyFlag, isCa: part !== 'sa' });
    secrets[`${cluster}-${part}`] = { 'tls.crt': certificate, 'tls.key': key };
  }
  return secrets;
}

interface MatchOptions {
  readonly certificate: string;
  readonly key: string;
  readonly certificateFlag: string;
  readonly keyFlag: string;
  readonly isCa: boolean;
}

/** A pair that does not match would be found out by the first API server, on a machine half made. */
function assertMatch({ certificate, key, certificateFlag, keyFlag, isCa }: MatchOptions): void {
  const privateKey = read(
    () => createPrivateKey(key),
    keyFlag,
    'is not a private key in PEM, without a passphrase',
  );
  const isMatch = isCa
    ? read(
        () => new X509Certificate(certificate),
        certificateFlag,
        'is not a certificate in PEM',
      ).checkPrivateKey(privateKey)
    : read(() => createPublicKey(certificate), certificateFlag, 'is not a public key in PEM').equals(
        createPublicKey(privateKey),
      );
  if (!isMatch) throw invalid(certificateFlag, `does not belong to the key of ${keyFlag}`);
  if (isCa && !new X509Certificate(certificate).ca) {
    throw invalid(certificateFlag, 'is not the certificate of a CA (CA:TRUE is missing)');
  }
}

/** What went wrong inside may quote the text, so it is not passed on. */
function read<T>(parse: () => T, flag: string, problem: string): T {
  try {
    return parse();
  } catch {
    throw invalid(flag, problem);
  }
}

function withDefaults(cluster: JsonObject, credential: string, user: string): JsonObject {
  const spec = isJsonObject(cluster['spec']) ? cluster['spec'] : {};
  const defaults = isJsonObject(spec['machineDefaults']) ? spec['machineDefaults'] : {};
  return {
    ...cluster,
    spec: { ...spec, machineDefaults: { ...defaults, user, credentialRef: { name: credential } } },
  };
}

function withoutDefault(cluster: JsonObject, credential: string): JsonObject {
  const spec = isJsonObject(cluster['spec']) ? cluster['spec'] : {};
  const defaults = isJsonObject(spec['machineDefaults']) ? spec['machineDefaults'] : {};
  const { credentialRef, ...rest } = defaults;
  if (!isJsonObject(credentialRef) || credentialRef['name'] !== credential) return cluster;
  return { ...cluster, spec: { ...spec, machineDefaults: rest } };
}

/** Whether more than one control plane can stand behind its endpoint. */
function growsTo(cluster: JsonObject): boolean {
  const spec = isJsonObject(cluster['spec']) ? cluster['spec'] : {};
  const mode = spec['endpointMode'];
  const endpoint = spec['controlPlaneEndpoint'];
  if (typeof mode === 'string') return mode !== 'Direct';
  return isJsonObject(endpoint) && typeof endpoint['host'] === 'string';
}

interface StoredMachine {
  readonly name: string;
  readonly spec: KubeMachineSpec;
  readonly object: JsonObject;
}

function machinesOf({ name, objects }: VerbState): readonly StoredMachine[] {
  return objects.flatMap((object) => {
    const { kind, metadata, spec } = object;
    if (
      kind !== 'KubeMachine' ||
      !isJsonObject(metadata) ||
      !isJsonObject(spec) ||
      spec['clusterName'] !== name
    )
      return [];
    if (typeof metadata['name'] !== 'string') return [];
    return [{ name: metadata['name'], spec: spec as unknown as KubeMachineSpec, object }];
  });
}

function machineAt(state: VerbState, ip: string): StoredMachine | undefined {
  const wanted = parseAddress(ip);
  const isIt = (text: string | undefined) => {
    const address = parseAddress(text ?? '');
    return wanted && address
      ? address.family === wanted.family && address.value === wanted.value
      : text === ip;
  };
  return machinesOf(state).find(({ spec }) => isIt(spec.host) || isIt(spec.internalAddress));
}

function clusterOf({ name, objects }: VerbState): JsonObject | undefined {
  return objects.find(
    ({ kind, metadata }) => kind === 'KubeCluster' && isJsonObject(metadata) && metadata['name'] === name,
  );
}

/** Addresses make good names: they say where the machine is, and no two are alike. */
function machineName(cluster: string, ip: string): string {
  return `${cluster}-${ip
    .toLowerCase()
    .replaceAll(/[^0-9a-f]+/g, '-')
    .replaceAll(/^-|-$/g, '')}`;
}

function assertFits(
  schema: typeof kubeClusterSchema | typeof kubeMachineSchema,
  object: JsonObject,
  kind: string,
): void {
  const findings = new Findings();
  parseStrictly(schema, { spec: object['spec'] }, findings.on(kind));
  if (findings.problems.length > 0) throw invalid('', tellProblems(findings.problems));
}

function defined<T>(values: Readonly<Record<string, T | undefined>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, T] => entry[1] !== undefined),
  );
}

function invalid(flag: string, message: string): HansaError {
  return new HansaError(flag === '' ? message : `${flag} ${message}`, {
    reason: 'InvalidFlag',
    retry: 'never',
  });
}
