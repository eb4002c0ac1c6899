import {
  type Component,
  type ComponentVersions,
  isKubernetesComponent,
  type ProgramName,
} from './versions.ts';

/** A Go module that some of our programs are built from. */
export interface GoModule<P extends ProgramName = ProgramName> {
  readonly name: string;
  readonly path: string;
  readonly version: string;
  /** The package of each program. */
  readonly packages: Readonly<Partial<Record<P, string>>>;
  /** Variables that the linker sets, where the program would else tell a wrong version. */
  readonly stamps?: Readonly<Record<string, string | undefined>>;
  /** Files of packages of our own below `hansa.dev/sandbox-programs`. */
  readonly sources?: Readonly<Record<string, string>>;
  /** Its files that can't be built as they were published, each with what makes them so; it is then built from a copy. */
  readonly mends?: Readonly<Record<string, (text: string) => string>>;
}

/** The module that we build in. */
export const workModule = 'hansa.dev/sandbox-programs';
/** Where a copy of a mended module lies in it. */
export const mendedDir = 'mended';

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
      packages: kubernetesPackages(kubernetes),
      stamps: kubernetesStamps(versions['kube-apiserver']),
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

/** Each program of Kubernetes has its package under the same name. */
export function kubernetesPackages<P extends ProgramName>(
  programs: readonly P[],
): Partial<Record<P, string>> {
  return Object.fromEntries(programs.map((each) => [each, `k8s.io/kubernetes/cmd/${each}`])) as Partial<
    Record<P, string>
  >;
}

/**
 * A go.mod of ours that needs only the one module. Kubernetes names its staging modules by a path in its own
 * repository, which means nothing outside of it; each is published under v0 with the same minor and patch.
 */
export function goModText({ path, version, mends }: GoModule, theirGoMod: string): string {
  const staging = [...theirGoMod.matchAll(/^\s*(?:replace\s+)?(\S+) => \.\/staging\//gm)].map(
    ([, name]) => name ?? '',
  );
  const stagingVersion = `v0.${version.replace(/^1\./, '')}`;
  return [
    `module ${workModule}`,
    `go ${goVersionIn(theirGoMod)}`,
    ...(/^godebug .*$/m.exec(theirGoMod) ?? []),
    `require ${path} v${version}`,
    ...(staging.length > 0
      ? [`replace (\n${staging.map((name) => `\t${name} => ${name} ${stagingVersion}`).join('\n')}\n)`]
      : []),
    ...(mends ? [`replace ${path} => ./${mendedDir}`] : []),
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
    stamps: {
      'helm.sh/helm/v3/internal/version.version': `v${version}`,
      'helm.sh/helm/v3/internal/version.gitTreeState': 'clean',
    },
  };
}

/** The linker flags: no debug tables, and the version where it would else be told wrongly. */
export function linkerFlags({ stamps = {} }: Pick<GoModule, 'stamps'>): string {
  return ['-s -w', ...Object.entries(stamps).map(([key, value]) => `-X ${key}=${value}`)].join(' ');
}

/** What Kubernetes' own build writes into its programs. */
export function kubernetesStamps(version: string): Readonly<Record<string, string | undefined>> {
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
