import { join } from 'node:path';

/** Where the parts of one control plane find each other. */
export interface Layout {
  readonly name: string;
  /** Directory of this control plane. */
  readonly dir: string;
  readonly pkiDir: string;
  readonly apiPort: number;
  readonly etcdPort: number;
}

const loopback = '127.0.0.1';
const serviceRange = '10.96.0.0/16';
const issuer = 'https://kubernetes.default.svc.cluster.local';

export function serverOf({ apiPort }: Pick<Layout, 'apiPort'>): string {
  return `https://${loopback}:${apiPort}`;
}

export function kubeconfigPathOf(dir: string, client: string): string {
  return join(dir, `${client}.kubeconfig`);
}

export function etcdArguments({ name, dir, pkiDir, etcdPort }: Layout): string[] {
  const client = `https://${loopback}:${etcdPort}`;
  // A single member never calls a peer, so the peer address is a name only, and it listens on any free port.
  const peer = `https://${loopback}:2380`;
  const [certificate, key, ca] = ['etcd.crt', 'etcd.key', 'etcd-ca.crt'].map((file) => join(pkiDir, file));
  return [
    `--name=${name}`,
    `--data-dir=${join(dir, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=https://${loopback}:0`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=${name}=${peer}`,
    '--client-cert-auth=true',
    `--cert-file=${certificate}`,
    `--key-file=${key}`,
    `--trusted-ca-file=${ca}`,
    '--peer-client-cert-auth=true',
    `--peer-cert-file=${certificate}`,
    `--peer-key-file=${key}`,
    `--peer-trusted-ca-file=${ca}`,
    // A sandbox may lose its data in a power cut, but not in the crash of a process; that is what fsync is worth here.
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

export function apiServerArguments({ pkiDir, apiPort, etcdPort }: Layout): string[] {
  const file = (name: string) => join(pkiDir, name);
  return [
    `--bind-address=${loopback}`,
    // Named, since without a default route the server finds no address of its own and gives up.
    `--advertise-address=${loopback}`,
    `--secure-port=${apiPort}`,
    `--tls-cert-file=${file('apiserver.crt')}`,
    `--tls-private-key-file=${file('apiserver.key')}`,
    `--client-ca-file=${file('ca.crt')}`,
    '--anonymous-auth=false',
    '--authorization-mode=RBAC',
    '--allow-privileged=true',
    `--etcd-servers=https://${loopback}:${etcdPort}`,
    `--etcd-cafile=${file('etcd-ca.crt')}`,
    `--etcd-certfile=${file('apiserver-etcd-client.crt')}`,
    `--etcd-keyfile=${file('apiserver-etcd-client.key')}`,
    `--service-account-issuer=${issuer}`,
    `--service-account-key-file=${file('sa.pub')}`,
    `--service-account-signing-key-file=${file('sa.key')}`,
    `--service-cluster-ip-range=${serviceRange}`,
    // Endpoints of the kubernetes service must not be loopback addresses, and there is no other one to name.
    '--endpoint-reconciler-type=none',
    '--event-ttl=30m',
    '--profiling=false',
    '--v=1',
  ];
}

export function controllerManagerArguments({ dir, pkiDir }: Layout): string[] {
  return [
    `--kubeconfig=${kubeconfigPathOf(dir, 'controller-manager')}`,
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${join(pkiDir, 'sa.key')}`,
    `--root-ca-file=${join(pkiDir, 'ca.crt')}`,
    `--cluster-signing-cert-file=${join(pkiDir, 'ca.crt')}`,
    `--cluster-signing-key-file=${join(pkiDir, 'ca.key')}`,
    `--service-cluster-ip-range=${serviceRange}`,
    // There is one of it, so it need not wait for its own lease.
    '--leader-elect=false',
    '--secure-port=0',
    '--profiling=false',
    // The usual 20 calls a second are meant for a shared server; here they only make tests wait.
    '--kube-api-qps=300',
    '--kube-api-burst=600',
    '--v=1',
  ];
}

export function schedulerArguments({ dir }: Layout): string[] {
  return [
    `--kubeconfig=${kubeconfigPathOf(dir, 'scheduler')}`,
    '--leader-elect=false',
    '--secure-port=0',
    '--profiling=false',
    '--kube-api-qps=300',
    '--kube-api-burst=600',
    '--v=1',
  ];
}

export function kwokArguments({ dir }: Layout): string[] {
  return [
    `--kubeconfig=${kubeconfigPathOf(dir, 'kwok')}`,
    `--config=${stagesPathOf(dir)}`,
    '--manage-all-nodes=true',
    '--node-lease-duration-seconds=40',
    `--node-ip=${loopback}`,
    '--cidr=10.244.0.0/16',
  ];
}

export function stagesPathOf(dir: string): string {
  return join(dir, 'kwok-stages.yaml');
}
