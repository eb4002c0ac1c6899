import { HansaError } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import type { Step } from '../plan/steps.ts';
import { offlineConfiguration, renderPhaseConfig, writePhaseConfig } from './kubeadm-config.ts';
import { installGiven, isGiven } from './given-certificates.ts';
import { refuseToRiskQuorum } from './quorum-at-restart.ts';
import { type CertificateFile, readCertificates, readServedCertificate } from './read-certificates.ts';
import { renewKubeletClient } from './renew-kubelet-client.ts';
import { mustRunToEnd } from './run-to-end.ts';
import {
  putBackManifests,
  restartStaticPod,
  type StaticPod,
  staticPodStarts,
  staticPods,
} from './static-pods.ts';
import { machineOf, textsInput } from './step-machine.ts';

/**
 * Renews the certificates of one machine and makes its programs use them.
 *
 * *Flow*: `kubeadm certs renew all` with a configuration of our own; the kubelet gets a new client certificate if its own
 * has ended; etcd, API server, controller manager and scheduler are restarted one after the other; what the ports show is
 * compared with the files. What others sign (for an external etcd) is taken from its Secret. `inputs.replace` has
 * fingerprints of the certificates that must go.
 * *Guarantees*: works with every certificate expired and no API server up. Done again, it does only what is left.
 * *Assumes*: the authorities' keys are on the machine, and no other machine is restarted meanwhile.
 */
export const renewCertificates: Executor = {
  async observe(context, step) {
    const machine = machineOf(context, step);
    const left = await whatIsLeft(context, step, machine);
    if (left.stale.length > 0) return { kind: 'todo', why: `${left.stale.join(', ')} must be renewed` };
    if (left.restart.length > 0)
      return { kind: 'todo', why: `${left.restart.join(', ')} must take up new certificates` };
    const complaint = await complaintOfPorts(context, machine);
    return complaint ? { kind: 'todo', why: complaint } : { kind: 'done' };
  },

  async apply(context, step) {
    const machine = machineOf(context, step);
    await putBackManifests(machine, context.signal);
    const { stale } = await whatIsLeft(context, step, machine);
    await context.intent({ machine: machine.spec.name, renew: stale.join(',') });
    const isPlane = machine.spec.role === 'control-plane';
    const given = stale.filter((name) => isGiven(context.cluster, name));
    if (isPlane && given.length > 0) await installGiven(context, step, machine);
    if (isPlane && stale.some((name) => name !== 'kubelet' && !given.includes(name))) {
      await renewFiles(context, step, machine);
    }
    // Before the pods: a kubelet that was started after its certificate ended exits at once, and starts no pod.
    if (stale.includes('kubelet')) await renewKubeletClient(context, step, machine);
    for (const pod of (await whatIsLeft(context, step, machine)).restart) {
      if (pod === 'etcd') await refuseToRiskQuorum(context, machine);
      await restartStaticPod(context, step, machine, pod);
    }
  },

  async verify(context, step) {
    const machine = machineOf(context, step);
    const { stale, restart } = await whatIsLeft(context, step, machine);
    if (stale.length > 0 || restart.length > 0) {
      throw new HansaError(
        `${machine.spec.name} still uses old certificates (${[...stale, ...restart].join(', ')}): ` +
          'see "kubeadm certs check-expiration" there',
        { reason: 'CertificatesNotRenewed' },
      );
    }
    const complaint = await complaintOfPorts(context, machine);
    if (complaint) {
      throw new HansaError(`${complaint}: see the log of its pod below /var/log/pods`, {
        reason: 'CertificatesNotRenewed',
      });
    }
  },
};

interface Left {
  /** Names of certificates that are still the old ones. */
  readonly stale: readonly string[];
  /** Pods that started before their certificates were written. */
  readonly restart: readonly StaticPod[];
}

/** Which files each pod reads when it starts. */
const readBy: Readonly<Record<StaticPod, (name: string) => boolean>> = {
  etcd: (name) => name.startsWith('etcd-') && name !== 'etcd-ca' && name !== 'etcd-healthcheck-client',
  'kube-apiserver': (name) =>
    name.startsWith('apiserver') || name === 'front-proxy-client' || name === 'etcd-ca',
  'kube-controller-manager': (name) => name === 'controller-manager.conf',
  'kube-scheduler': (name) => name === 'scheduler.conf',
};

async function whatIsLeft(context: StepContext, step: Step, machine: Machine): Promise<Left> {
  const { signal } = context;
  const all = await readCertificates(machine, signal);
  const files = all.filter(({ isAuthority, name }) => !isAuthority || isGiven(context.cluster, name));
  const replace = new Set(textsInput(step, 'replace'));
  const stale = files.filter(({ fingerprint }) => replace.has(fingerprint)).map(({ name }) => name);
  if (machine.spec.role === 'worker') return { stale, restart: [] };
  const starts = await staticPodStarts(machine, signal);
  const hasEtcd = context.cluster.etcd.kind === 'stacked';
  return {
    stale,
    restart: staticPods.filter((pod) => (pod !== 'etcd' || hasEtcd) && isOlder(pod, files, starts[pod])),
  };
}

/** A pod that doesn't run at all is restarted too: with expired certificates it may be in a crash loop. */
function isOlder(pod: StaticPod, files: readonly CertificateFile[], startedAt: number | undefined): boolean {
  const written = files
    .filter(({ name }) => readBy[pod](name))
    .map(({ writtenAtSeconds }) => writtenAtSeconds);
  return startedAt === undefined || written.some((at) => at > startedAt);
}

async function renewFiles(context: StepContext, step: Step, machine: Machine): Promise<void> {
  context.update('renewing certificates');
  const path = await writePhaseConfig(
    machine,
    'renew-certificates',
    renderPhaseConfig(machine, offlineConfiguration(context.cluster, context.cluster.version)),
    context.signal,
  );
  const { stdout } = await mustRunToEnd(context, step, machine, {
    what: 'renew-certificates',
    script: 'kubeadm certs renew all --config "$1"',
    args: [path],
    deadlineMs: 5 * 60_000,
    reason: 'RenewalFailed',
    mend: `run "kubeadm certs renew all" on ${machine.spec.name} and see what it says`,
  });
  // kubeadm skips, with exit code 0, what it has no authority's key for.
  const skipped = stdout.split('\n').filter((line) => /external|can't be renewed/i.test(line));
  if (skipped.length > 0) {
    throw new HansaError(
      `${machine.spec.name} has not the keys of all authorities, so kubeadm skipped some certificates: make requests with ` +
        '"kubeadm certs generate-csr", have them signed by whoever holds the keys, and put the certificates in place',
      { reason: 'AuthorityIsExternal', retry: 'never' },
    );
  }
}

/** Ports and the file whose certificate they show; the last two make their own at each start. */
const servers = [
  { port: 6443, name: 'apiserver' },
  { port: 2379, name: 'etcd-server' },
  { port: 2380, name: 'etcd-peer', atInternalAddress: true },
  { port: 10257, name: undefined },
  { port: 10259, name: undefined },
] as const;

/** Whether what is shown is what the files are; undefined: it is. A worker shows nothing of these. */
async function complaintOfPorts(context: StepContext, machine: Machine): Promise<string | undefined> {
  if (machine.spec.role === 'worker') return undefined;
  const { signal } = context;
  const { name: here } = machine.spec;
  const files = await readCertificates(machine, signal);
  for (const { port, name, ...server } of servers) {
    const isEtcd = name?.startsWith('etcd-') ?? false;
    if (isEtcd && context.cluster.etcd.kind === 'external') continue;
    const host = 'atInternalAddress' in server ? machine.internalAddress : '127.0.0.1';
    const served = await readServedCertificate(machine, port, { host, signal });
    if (!served) return `port ${port} of ${here} shows no certificate`;
    if (served.notAfter <= context.clock.now()) return `port ${port} of ${here} shows one that has expired`;
    const file = files.find((each) => each.name === name);
    if (file && file.fingerprint !== served.fingerprint) {
      return `port ${port} of ${here} shows another than ${file.path}`;
    }
    context.note({ [`notAfter-${port}`]: new Date(served.notAfter).toISOString() });
  }
  return undefined;
}
