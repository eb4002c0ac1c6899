import {
  type Component,
  type ComponentVersions,
  isKubernetesComponent,
  type ProgramName,
} from './versions.ts';

/** A Go module that some of our programs are built from. */
export interface GoModule<P extends ProgramName = ProgramName> {
  readonly name: 'kubernetes' | 'etcd' | 'kwok' | 'helm';
  readonly path: string;
  readonly version: string;
  /** The package of each program. */
  readonly packages: Readonly<Partial<Record<P, string>>>;
}

/** The modules from which the wanted programs are built. */
export function goModulesFor(
  wanted: readonly Component[],
  versions: ComponentVersions,
): GoModule<Component>[] {
  const kubernetes = wanted.filter(isKubernetesComponent);
  const modules: GoModule<Component>[] = [
    {
      name: 'kubernetes',
      path: 'k8s.io/kubernetes',
      version: versions['kube-apiserver'],
      packages: Object.fromEntries(kubernetes.map((each) => [each, `k8s.io/kubernetes/cmd/${each}`])),
    },
    {
      name: 'etcd',
      path: 'go.etcd.io/etcd/server/v3',
      version: versions.etcd,
      packages: wanted.includes('etcd') ? { etcd: 'go.etcd.io/etcd/server/v3' } : {},
    },
    {
      name: 'kwok',
      path: 'sigs.k8s.io/kwok',
      version: versions.kwok,
      packages: wanted.includes('kwok') ? { kwok: 'sigs.k8s.io/kwok/cmd/kwok' } : {},
    },
  ];
  return modules.filter(({ packages }) => Object.keys(packages).length > 0);
}

/**
 * A go.mod of ours that needs only the one module. Kubernetes names its staging modules by a path in its own
 * repository, which means nothing outside of it; each is published under v0 with the same minor and patch.
 */
export function goModText({ path, version }: GoModule, theirGoMod: string): string {
  const staging = [...theirGoMod.matchAll(/^\s*(?:replace\s+)?(\S+) => \.\/staging\//gm)].map(
    ([, name]) => name ?? '',
  );
  const stagingVersion = `v0.${version.replace(/^1\./, '')}`;
  return [
    'module hansa.dev/sandbox-programs',
    `go ${goVersionIn(theirGoMod)}`,
    ...(/^godebug .*$/m.exec(theirGoMod) ?? []),
    `require ${path} v${version}`,
    ...(staging.length > 0
      ? [`replace (\n${staging.map((name) => `\t${name} => ${name} ${stagingVersion}`).join('\n')}\n)`]
      : []),
  ]
    .map((part) => `${part}\n`)
    .join('\n');
}

/** A source file that keeps `go mod tidy` from dropping what is built. */
export function toolsText({ packages }: GoModule): string {
  const imports = Object.values(packages).map((name) => `\t_ "${name}"`);
  return `//go:build tools\n\npackage tools\n\nimport (\n${imports.join('\n')}\n)\n`;
}

/** The module from which helm is built. */
export function helmModule(version: string): GoModule<'helm'> {
  return {
    name: 'helm',
    path: 'helm.sh/helm/v3',
    version,
    packages: { helm: 'helm.sh/helm/v3/cmd/helm' },
  };
}

/** The linker flags: no debug tables, and the version where it would else be told wrongly. */
export function linkerFlags(module: GoModule): string {
  const stamps = Object.entries(stampsOf(module)).map(([key, value]) => `-X ${key}=${value}`);
  return ['-s -w', ...stamps].join(' ');
}

function stampsOf({ name, version }: GoModule): Readonly<Record<string, string | undefined>> {
  switch (name) {
    case 'kubernetes':
      return kubernetesStamps(version);
    case 'helm':
      return {
        'helm.sh/helm/v3/internal/version.version': `v${version}`,
        'helm.sh/helm/v3/internal/version.gitTreeState': 'clean',
      };
    case 'etcd':
    case 'kwok':
      return {};
  }
}

function kubernetesStamps(version: string): Readonly<Record<string, string | undefined>> {
  const [major, minor] = version.split('.');
  const base = 'k8s.io/component-base/version';
  return {
    [`${base}.gitVersion`]: `v${version}`,
    [`${base}.gitMajor`]: major,
    [`${base}.gitMinor`]: minor,
    [`${base}.gitTreeState`]: 'clean',
    [`${base}.gitCommit`]: 'unknown',
    'k8s.io/client-go/pkg/version.gitVersion': `v${version}`,
  };
}

/** The least Go version that a go.mod asks for. */
export function goVersionIn(goMod: string): string {
  return /^go (\S+)/m.exec(goMod)?.[1] ?? '1.21';
}
