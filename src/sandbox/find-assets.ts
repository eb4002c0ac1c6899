import { accessSync, constants, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Program } from './binary-set.ts';
import { probeVersion } from './probe-version.ts';
import { type Component, components, isKubernetesComponent } from './versions.ts';

export type Assets = Readonly<Partial<Record<Component, Program>>>;

/** The programs of ours in a directory such as KUBEBUILDER_ASSETS, which often has only some of them. */
export async function findAssets(dir: string | undefined, signal?: AbortSignal): Promise<Assets> {
  if (!dir) return {};
  const found = await Promise.all(
    components
      .map((component) => ({ component, path: resolve(dir, component) }))
      .filter(({ path }) => isProgram(path))
      .map(async ({ component, path }) => {
        const version = await probeVersion(component, path, signal);
        return version ? ([component, { path, version, origin: 'assets' }] as const) : undefined;
      }),
  );
  return Object.fromEntries(found.filter((entry) => entry !== undefined));
}

/**
 * Which assets serve a wished version. The parts of one Kubernetes must be of one version, since a controller manager
 * newer than its API server is not supported; etcd and kwok fit any.
 */
export function fittingAssets(assets: Assets, kubernetesVersion: string): Assets {
  return Object.fromEntries(
    Object.entries(assets).filter(
      ([component, { version }]) =>
        !isKubernetesComponent(component as Component) || version === kubernetesVersion,
    ),
  );
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
