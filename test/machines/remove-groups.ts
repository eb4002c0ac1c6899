import type { Docker } from './docker.ts';
import { forgetGroup } from './group-record.ts';
import { groupLabel, isLeftBehind, ownerLabel } from './labels.ts';

/** Takes a group down, whatever is left of it. */
export async function removeGroup(docker: Docker, group: string): Promise<void> {
  const filter = ['--filter', `label=${groupLabel}=${group}`];
  const containers = await docker.run(['ps', '--all', '--quiet', ...filter]);
  if (containers) await docker.run(['rm', '--force', '--volumes', ...containers.split('\n')]);
  const networks = await docker.run(['network', 'ls', '--quiet', ...filter]);
  if (networks) await docker.run(['network', 'rm', ...networks.split('\n')]);
  forgetGroup(group);
}

/** Takes down exactly the groups whose owners have ended without doing it. */
export async function removeLeftovers(docker: Docker): Promise<void> {
  const format = `{{.Label "${groupLabel}"}} {{.Label "${ownerLabel}"}}`;
  const filter = ['--filter', `label=${ownerLabel}`, '--format', format];
  const found = [
    await docker.run(['ps', '--all', ...filter]),
    await docker.run(['network', 'ls', ...filter]),
  ].join('\n');
  const left = new Set<string>();
  for (const line of found.split('\n')) {
    const [group, owner] = line.split(' ');
    if (group && owner && isLeftBehind(owner)) left.add(group);
  }
  for (const group of left) await removeGroup(docker, group);
}
