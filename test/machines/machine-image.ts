import type { Docker, DockerOptions } from './docker.ts';
import { inStep } from './in-step.ts';
import { machineLabel } from './labels.ts';
import { ensureRootTree } from './root-tree.ts';

/** `runtime`: containerd is installed and runs. `bare`: neither containerd, runc nor CNI plugins. */
export type ImageVariant = 'runtime' | 'bare';

/** These are volumes since an overlay can't lie on an overlay, and so that they survive a kill without a copy. */
const volumes = [
  '/var/lib/containerd',
  '/var/lib/kubelet',
  '/var/lib/etcd',
  '/var/log',
  '/var/lib/machine-disks',
];

/** Makes sure that the engine has the image of a machine, and gives its name. */
export async function ensureMachineImage(
  docker: Docker,
  variant: ImageVariant,
  options: DockerOptions,
): Promise<string> {
  const tree = await ensureRootTree(options);
  const runtime = `hansa-machine:${tree.id}`;
  const { progress } = options;
  if (!(await hasImage(docker, runtime))) {
    const changes = [
      'ENTRYPOINT ["/usr/local/sbin/machine-entrypoint"]',
      `VOLUME ${JSON.stringify(volumes)}`,
      `LABEL ${machineLabel}=image`,
    ].flatMap((change) => ['--change', change]);
    await inStep(progress, 'import the machine image', () =>
      docker.run(['import', ...changes, tree.path, runtime], { timeoutMs: 300_000 }),
    );
  }
  switch (variant) {
    case 'runtime':
      return runtime;
    case 'bare':
      return ensureBareImage(docker, runtime, options);
  }
}

async function ensureBareImage(
  docker: Docker,
  runtime: string,
  { progress }: DockerOptions,
): Promise<string> {
  const bare = `${runtime}-bare`;
  if (await hasImage(docker, bare)) return bare;
  const dockerfile = [
    `FROM ${runtime}`,
    'RUN dpkg --purge containerd runc containernetworking-plugins && rm -rf /opt/cni /etc/containerd /etc/cni',
  ].join('\n');
  await inStep(progress, 'make the bare machine image', () =>
    docker.run(['build', '--quiet', '--network=none', '--tag', bare, '-'], {
      input: dockerfile,
      timeoutMs: 300_000,
    }),
  );
  return bare;
}

async function hasImage(docker: Docker, name: string): Promise<boolean> {
  return (await docker.run(['image', 'ls', '--quiet', name])) !== '';
}
