import { byBytes } from './byte-order.ts';

/** A container's status, as far as it tells why a pod is not ready. */
export interface ContainerSeen {
  readonly name: string;
  readonly isReady: boolean;
  readonly state: 'Running' | 'Waiting' | 'Terminated' | undefined;
  readonly reason: string;
}

export interface PodSeen {
  readonly name: string;
  readonly conditions: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason?: string;
  }[];
  readonly initContainers: readonly ContainerSeen[];
  readonly containers: readonly ContainerSeen[];
}

/** More would bloat the status without telling more. */
export const sadPodLimit = 5;

/** Pods with a condition that is False, by name, at most five. */
export function findSadPods<Pod extends Pick<PodSeen, 'name' | 'conditions'>>(
  pods: readonly Pod[],
): readonly Pod[] {
  return pods
    .filter(({ conditions }) => conditions.some(({ status }) => status === 'False'))
    .toSorted((a, b) => byBytes(a.name, b.name))
    .slice(0, sadPodLimit);
}

/** One line for all of them: `2x"app" containers with [ErrImagePull ImagePullBackOff]; …`. */
export function summarizeSadPods(pods: readonly Pick<PodSeen, 'initContainers' | 'containers'>[]): string {
  const byName = new Map<string, { count: number; reasons: Set<string> }>();
  for (const { initContainers, containers } of pods) {
    for (const { name, isReady, state, reason } of [...initContainers, ...containers]) {
      if (isReady) continue;
      const sad = byName.get(name) ?? { count: 0, reasons: new Set() };
      byName.set(name, sad);
      sad.count += 1;
      if (state === 'Waiting' || state === 'Terminated') sad.reasons.add(reason);
    }
  }
  return [...byName]
    .toSorted(([a], [b]) => byBytes(a, b))
    .map(([name, { count, reasons }]) => `${count}x"${name}" containers with [${sorted(reasons)}]`)
    .join('; ');
}

function sorted(reasons: ReadonlySet<string>): string {
  return [...reasons].toSorted(byBytes).join(' ');
}
