import { describe, expect, it } from 'vitest';
import {
  goModText,
  goModulesFor,
  goVersionIn,
  linkerFlags,
  toolsText,
} from '../../../src/sandbox/go-module.ts';
import { components, resolveVersions } from '../../../src/sandbox/versions.ts';

const theirs = `module k8s.io/kubernetes

go 1.26.0

godebug default=go1.26

require (
	example.org/x v1.0.0
)

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/client-go => ./staging/src/k8s.io/client-go
)
`;

describe('building from Go modules', () => {
  const [kubernetes] = goModulesFor(components, resolveVersions('1.36.3'));

  it('takes only the modules of what is missing', () => {
    expect(
      goModulesFor(['kwok', 'kubectl'], resolveVersions()).map(({ name, packages }) => [name, packages]),
    ).toEqual([
      ['kubernetes', { kubectl: 'k8s.io/kubernetes/cmd/kubectl' }],
      ['kwok', { kwok: 'sigs.k8s.io/kwok/cmd/kwok' }],
    ]);
  });

  it('puts the published staging modules in the place of their paths', () => {
    if (!kubernetes) throw new Error('no module');
    expect(goModText(kubernetes, theirs)).toBe(`module hansa.dev/sandbox-programs

go 1.26.0

godebug default=go1.26

require k8s.io/kubernetes v1.36.3

replace (
	k8s.io/api => k8s.io/api v0.36.3
	k8s.io/client-go => k8s.io/client-go v0.36.3
)
`);
    expect(toolsText(kubernetes)).toContain('\t_ "k8s.io/kubernetes/cmd/kube-apiserver"\n');
    expect(linkerFlags(kubernetes)).toContain('-X k8s.io/component-base/version.gitVersion=v1.36.3');
  });

  it('reads the Go version that a module asks for', () => {
    expect(goVersionIn(theirs)).toBe('1.26.0');
  });
});
