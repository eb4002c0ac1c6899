import { type Component, type ComponentVersions, isKubernetesComponent } from './versions.ts';

/** A Go module that some of our programs are built from. */
export interface GoModule {
  readonly name: 'kubernetes' | 'etcd' | 'kwok';
  readonly path: string;
  readonly version: string;
  /** The package of each program. */
  readonly packages: Readonly<Partial<Record<Component, string>>>;
}

/** The modules from which the wanted programs are built. */
export function goModulesFor(wanted: readonly Component[], versions: ComponentVersions): GoModule[] {
  const kubernetes = wanted.filter(isKubernetesComponent);
  const modules: GoModule[] = [
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

/** The linker flags: no debug tables, and for Kubernetes the version, which would else be told as v0.0.0. */
export function linkerFlags({ name, version }: GoModule): string {
  if (name !== 'kubernetes') return '-s -w';
  const [major, minor] = version.split('.');
  const base = 'k8s.io/component-base/version';
  const stamps = {
    [`${base}.gitVersion`]: `v${version}`,
    [`${base}.gitMajor`]: major,
    [`${base}.gitMinor`]: minor,
    [`${base}.gitTreeState`]: 'clean',
    [`${base}.gitCommit`]: 'unknown',
    'k8s.io/client-go/pkg/version.gitVersion': `v${version}`,
  };
  return ['-s -w', ...Object.entries(stamps).map(([key, value]) => `-X ${key}=${value}`)].join(' ');
}

/** The least Go version that a go.mod asks for. */
export function goVersionIn(goMod: string): string {
  return /^go (\S+)/m.exec(goMod)?.[1] ?? '1.21';
}
