import { describe, expect, it } from 'vitest';
import {
  compareVersions,
  components,
  defaultKubernetesVersion,
  resolveVersions,
  supportedKubernetesVersions,
  versionsBeside,
} from '../../../src/sandbox/versions.ts';

describe('the versions of a sandbox', () => {
  it('are those of the default without a wish, for every program', () => {
    const versions = resolveVersions();
    expect(versions['kube-apiserver']).toBe(defaultKubernetesVersion);
    expect(Object.keys(versions).toSorted()).toEqual([...components].toSorted());
    expect(supportedKubernetesVersions).toContain(defaultKubernetesVersion);
  });

  it.each([
    ['1.34', '1.34.4'],
    ['v1.36', '1.36.3'],
    ['1.36.1', '1.36.1'],
    ['v1.37.2', '1.37.2'],
  ])('%s means %s for all parts of Kubernetes', (wished, expected) => {
    const versions = resolveVersions(wished);
    expect(versions['kube-apiserver']).toBe(expected);
    expect(versions['kube-controller-manager']).toBe(expected);
    expect(versions.etcd).toMatch(/^3\.\d+\.\d+$/);
  });

  it.each(['1.12', '2.0.0', 'latest', '1', '', '1.36.3.4', '1.36; rm'])(
    '%j is refused with the choices',
    (wished) => {
      expect(() => resolveVersions(wished)).toThrow(/1\.36\.3/);
    },
  );

  it('follow an API server that is there already, even one too old for the table', () => {
    expect(versionsBeside('1.30.2')['kube-scheduler']).toBe('1.30.2');
    expect(versionsBeside('1.30.2').etcd).toBe(resolveVersions().etcd);
  });

  it.each([
    ['1.9.0', '1.10.0', -1],
    ['go1.26.8', '1.26', 1],
    ['1.26', 'go1.26.0', 0],
    ['1.36.3', '1.36.3', 0],
  ] as const)('%s beside %s is told by number, not by letter', (one, other, sign) => {
    expect(Math.sign(compareVersions(one, other))).toBe(sign);
  });
});
