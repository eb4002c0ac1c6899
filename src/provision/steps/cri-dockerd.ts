import { HansaError } from '../../base/index.ts';
import type { Machine, StepContext } from '../engine/executor.ts';
import type { RuntimeSettings } from '../plan/render/runtime-config.ts';
import { placeFiles } from './originals.ts';
import { runScript } from './run-script.ts';

const dropInPath = '/etc/systemd/system/cri-docker.service.d/90-hansa.conf';

/** What is not yet right with cri-dockerd; undefined: nothing. */
export async function criDockerdComplaint(
  context: StepContext,
  machine: Machine,
  { sandboxImage }: RuntimeSettings,
): Promise<string | undefined> {
  const { command } = await lookAtDocker(context, machine);
  return command.includes(`--pod-infra-container-image=${sandboxImage}`)
    ? undefined
    : 'cri-dockerd does not use the pause image of the cluster';
}

/**
 * Docker's own settings are left to whoever runs it: a cgroup driver that differs would need all its containers restarted.
 * @throws HansaError CgroupDriverDiffers
 */
export async function adoptCriDockerd(
  context: StepContext,
  machine: Machine,
  { sandboxImage, cgroupDriver }: RuntimeSettings,
): Promise<void> {
  const { command, driver } = await lookAtDocker(context, machine);
  if (driver !== cgroupDriver) {
    throw new HansaError(
      `Docker on ${machine.spec.name} has the cgroup driver ${driver || 'unknown'}, and the cluster ${cgroupDriver}: set "exec-opts": ["native.cgroupdriver=${cgroupDriver}"] in /etc/docker/daemon.json there and restart Docker, or set spec.cgroupDriver`,
      { reason: 'CgroupDriverDiffers', retry: 'never' },
    );
  }
  const plain = command.replace(/ --pod-infra-container-image[= ]\S+/, '');
  const content = `# Written by Hansa.
[Service]
ExecStart=
ExecStart=${plain} --pod-infra-container-image=${sandboxImage}
`;
  const changed = await placeFiles(context, machine, [{ path: dropInPath, content, mode: 0o644 }]);
  if (changed.length === 0) return;
  await runScript(context, machine, {
    script: 'systemctl daemon-reload && systemctl restart cri-docker.service',
    deadlineMs: 2 * 60_000,
    reason: 'RuntimeNotReady',
    mend: 'see "journalctl -u cri-docker.service" there',
  });
}

async function lookAtDocker(
  context: StepContext,
  machine: Machine,
): Promise<{ readonly command: string; readonly driver: string }> {
  const said = await runScript(context, machine, {
    // The last ExecStart is the one in force.
    script: `systemctl cat cri-docker.service | sed -n 's/^ExecStart=\\(..*\\)/\\1/p' | tail -n 1
docker info --format '{{.CgroupDriver}}'`,
    reason: 'RuntimeUnknown',
    mend: 'Docker or cri-dockerd does not answer: see "systemctl status docker cri-docker" there',
  });
  const [command = '', driver = ''] = said.split('\n');
  return { command, driver: driver.trim() };
}
