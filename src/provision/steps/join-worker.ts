import { HansaError } from '../../base/index.ts';
import type { Executor, StepContext } from '../engine/executor.ts';
import type { Step } from '../plan/steps.ts';
import { runJoin } from './kubeadm-join.ts';
import { getObject } from './kubectl.ts';
import { machineOf } from './step-machine.ts';
import { untilNoComplaint } from './until.ts';

/** Makes a machine a worker of the cluster. */
export const joinWorker: Executor = {
  async observe(context, step) {
    const complaint = await joinComplaint(context, step);
    return complaint === undefined ? { kind: 'done' } : { kind: 'todo', why: complaint };
  },

  async apply(context, step) {
    await runJoin(context, step, machineOf(context, step), { prepare: async () => undefined, evidence: {} });
  },

  async verify(context, step) {
    const complaint = await untilNoComplaint(context, { timeoutMs: 60_000, everyMs: 1000 }, () =>
      joinComplaint(context, step),
    );
    if (complaint !== undefined) throw new HansaError(complaint, { reason: 'JoinIncomplete' });
  },
};

/** Why a machine is no node of the cluster; undefined: it is one. */
export async function joinComplaint(context: StepContext, step: Step): Promise<string | undefined> {
  const { signal } = context;
  const { spec, transport } = machineOf(context, step);
  const { code } = await transport.exec({
    script:
      '[ -s /etc/kubernetes/kubelet.conf ] && [ -s /var/lib/kubelet/config.yaml ] && systemctl is-active -q kubelet.service',
    root: true,
    signal,
  });
  if (code !== 0) return `no kubelet of a cluster runs on ${spec.name}`;
  const post = await context.healthyControlPlane([spec.name]);
  const node = await getObject(post, ['node', spec.nodeName], { signal });
  return node === undefined ? `there is no Node ${spec.nodeName}` : undefined;
}
