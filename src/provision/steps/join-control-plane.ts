import { HansaError } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import { readMembers } from '../etcd/read-members.ts';
import { addressUrl } from '../plan/render/address-url.ts';
import type { Step } from '../plan/steps.ts';
import { clearStaleMemberOf, peerUrlOf } from './clear-stale-member.ts';
import { missingFiles } from './copy-pki.ts';
import { joinComplaint } from './join-worker.ts';
import { runKubectl } from './kubectl.ts';
import { runJoin } from './kubeadm-join.ts';
import { readSharedPki, stagePki } from './pki-files.ts';
import { machineOf } from './step-machine.ts';
import { untilNoComplaint } from './until.ts';

/**
 * Makes a machine a further control plane. Never over a member of etcd that is left from an earlier attempt: kubeadm would
 * take it for its own, and a voter that lost its log is one that others can't trust.
 */
export const joinControlPlane: Executor = {
  async observe(context, step) {
    const complaint = await complaintOf(context, step);
    return complaint === undefined ? { kind: 'done' } : { kind: 'todo', why: complaint };
  },

  async apply(context, step) {
    const machine = machineOf(context, step);
    await runJoin(context, step, machine, {
      evidence: { peerUrl: peerUrlOf(machine) },
      async prepare() {
        await clearStaleMemberOf(context, machine);
        const post = await context.healthyControlPlane([machine.spec.name]);
        const shared = await readSharedPki(context, post);
        // A failed attempt has used up what was staged.
        const missing = await missingFiles(context, machine, shared);
        if (missing.length > 0 || (await hasLeftovers(context, machine)))
          await stagePki(context, machine, shared);
      },
    });
  },

  async verify(context, step) {
    const complaint = await untilNoComplaint(context, { timeoutMs: 2 * 60_000 }, () =>
      complaintOf(context, step),
    );
    if (complaint !== undefined) throw new HansaError(complaint, { reason: 'JoinIncomplete' });
  },
};

/** The PKI in its place goes with what is cleared away, so it has to wait beside it. */
async function hasLeftovers({ signal }: StepContext, machine: Machine): Promise<boolean> {
  const { code } = await machine.transport.exec({
    script: '[ -e /etc/kubernetes/pki ] || [ -e /etc/kubernetes/kubelet.conf ]',
    root: true,
    signal,
  });
  return code === 0;
}

async function complaintOf(context: StepContext, step: Step): Promise<string | undefined> {
  const { cluster, signal } = context;
  const machine = machineOf(context, step);
  const notJoined = await joinComplaint(context, step);
  if (notJoined !== undefined) return notJoined;
  if (cluster.etcd.kind === 'stacked') {
    const post = await context.healthyControlPlane([machine.spec.name]);
    const members = await readMembers(post, { signal });
    const own = members.find(({ peerUrls }) => peerUrls.includes(peerUrlOf(machine)));
    if (!own) return `etcd has no member on ${machine.spec.name}`;
    if (own.isLearner) return `the member of etcd on ${machine.spec.name} does not vote yet`;
    if (own.isHealthy === false) return `the member of etcd on ${machine.spec.name} is not healthy`;
  }
  const ready = await runKubectl(
    machine,
    [
      '--server',
      addressUrl(machine.internalAddress, 6443),
      '--request-timeout=10s',
      'get',
      '--raw',
      '/readyz',
    ],
    { signal },
  );
  return ready.code === 0 ? undefined : `the API server on ${machine.spec.name} is not ready`;
}
