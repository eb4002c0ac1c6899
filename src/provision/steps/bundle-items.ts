import { HansaError } from '../../base/index.ts';
import type { BundleItem, Machine, StepContext } from '../engine/executor.ts';
import type { Placement } from './install-binaries.ts';

const programDirectory = '/usr/local/bin';
const cniDirectory = '/opt/cni/bin';

const cniPlugins = new Set(
  (
    'bandwidth bridge dhcp dummy firewall flannel host-device host-local ipvlan ' +
    'loopback macvlan portmap ptp sbr static tap tuning vlan vrf'
  ).split(' '),
);

/** Where programs go, those of them that the bundle holds. */
export function programPlacements(
  items: readonly BundleItem[],
  names: readonly string[],
): readonly Placement[] {
  return names.flatMap((name) => {
    const item = items.find((each) => each.kind === 'binary' && each.name === name);
    return item ? [{ item, path: `${programDirectory}/${name}` }] : [];
  });
}

export function cniPlacements(items: readonly BundleItem[]): readonly Placement[] {
  return items
    .filter(({ kind, name }) => kind === 'binary' && cniPlugins.has(pluginName(name)))
    .map((item) => ({ item, path: `${cniDirectory}/${pluginName(item.name)}` }));
}

function pluginName(name: string): string {
  return name.replace(/^cni-/, '');
}

/** @throws HansaError BundleItemMissing */
export function mustHave(
  context: StepContext,
  machine: Machine,
  placements: readonly Placement[],
  names: readonly string[],
): void {
  const missing = names.filter(
    (name) => !placements.some(({ path }) => path === `${programDirectory}/${name}`),
  );
  if (missing.length === 0) return;
  throw new HansaError(
    `the bundle holds no ${missing.join(', ')} for ${machine.facts.arch}, which ${machine.spec.name} needs: make one with "hansa bundle create --versions ${context.cluster.version} --arch ${machine.facts.arch}"`,
    { reason: 'BundleItemMissing', retry: 'never' },
  );
}

/** Under the name that the cluster's images have. @throws HansaError BundleItemMissing */
export function sandboxImage({ cluster, bundle }: StepContext, items: readonly BundleItem[]): string {
  const image = items.find(({ kind, name }) => kind === 'image' && /(^|\/)pause:[^/]+$/.test(name));
  if (image) return `${cluster.imageRepository}/${image.name.split('/').at(-1)}`;
  throw new HansaError(
    `the bundle ${bundle.version} holds no pause image, which the container runtime needs for every pod: make it anew with "hansa bundle create --versions ${cluster.version}"`,
    { reason: 'BundleItemMissing', retry: 'never' },
  );
}
