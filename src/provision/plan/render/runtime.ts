import type { MachineFacts } from '../facts.ts';

export type RuntimeKind = 'containerd' | 'crio' | 'cri-dockerd';

export type RuntimeChoice =
  | { readonly kind: 'adopt'; readonly runtime: RuntimeKind; readonly socket: string }
  /** containerd from the bundle. */
  | { readonly kind: 'install'; readonly runtime: 'containerd'; readonly socket: string }
  | { readonly kind: 'refuse'; readonly reason: string; readonly message: string };

export const containerdSocket = '/run/containerd/containerd.sock';
const sockets: Readonly<Record<RuntimeKind, readonly string[]>> = {
  containerd: [containerdSocket],
  crio: ['/run/crio/crio.sock'],
  'cri-dockerd': ['/run/cri-dockerd.sock'],
};

/** Which container runtime a machine is to have: the one it has, if it is one that kubelet can use. */
export function chooseRuntime(
  facts: Pick<MachineFacts, 'runtimeSockets' | 'programs' | 'hostname' | 'stamps'>,
): RuntimeChoice {
  const there = new Set(facts.runtimeSockets.map(plainPath));
  const found = (Object.keys(sockets) as RuntimeKind[]).flatMap((runtime) =>
    sockets[runtime].filter((socket) => there.has(socket)).map((socket) => ({ runtime, socket })),
  );
  const hasDocker = facts.programs.dockerd !== undefined || there.has('/run/docker.sock');
  // Docker brings a containerd of its own, which doesn't count as a second runtime.
  const candidates = hasDocker ? found.filter(({ runtime }) => runtime !== 'containerd') : found;
  const [first, second] = candidates;
  if (first && second) {
    return refuse(
      'SeveralRuntimes',
      `${facts.hostname} has ${candidates.map(({ runtime }) => runtime).join(' and ')}, and which of them kubelet shall use can't be told: stop and disable all but one`,
    );
  }
  if (first) return { kind: 'adopt', ...first };
  if (hasDocker) {
    return refuse(
      'DockerWithoutCri',
      `${facts.hostname} runs Docker, which kubelet can't use by itself: install cri-dockerd beside it, or remove Docker so that Hansa installs containerd`,
    );
  }
  // A program that is there but doesn't run is started rather than replaced.
  if (facts.programs.containerd !== undefined && facts.stamps['install-runtime'] === undefined) {
    return { kind: 'adopt', runtime: 'containerd', socket: containerdSocket };
  }
  return { kind: 'install', runtime: 'containerd', socket: containerdSocket };
}

function plainPath(socket: string): string {
  return socket.replace(/^unix:\/\//, '').replace(/^\/var\/run\//, '/run/');
}

function refuse(reason: string, message: string): RuntimeChoice {
  return { kind: 'refuse', reason, message };
}
