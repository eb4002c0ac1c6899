import type { StepContext } from '../engine/executor.ts';

/** Shows which phase kubeadm is in, once each: `[etcd] Waiting …` is phase etcd. */
export function tellPhase(context: Pick<StepContext, 'update'>, command: string): (line: string) => void {
  let last: string | undefined;
  return (line) => {
    const phase = /^\[([a-z-]+)\]/.exec(line)?.[1];
    if (phase === undefined || phase === last) return;
    last = phase;
    context.update(`${command}: ${phase}`);
  };
}
