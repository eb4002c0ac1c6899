import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDuration } from '../../../../src/cli/rollout/duration-text.ts';
import { parseOciReference, registryUrl } from '../../../../src/cli/rollout/oci-reference.ts';
import { readManifests } from '../../../../src/cli/rollout/read-manifests.ts';
import {
  checkRollout,
  readRolloutFile,
  withManifests,
} from '../../../../src/cli/rollout/read-rollout-file.ts';

const header = 'apiVersion: rollout.hansa.dev/v1alpha1\nkind: Rollout\nmetadata: {name: web}\n';
const configMap = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`;

describe('the file of a Rollout', () => {
  it.each([
    ['', 'holds no Rollout'],
    [`${header}---\n${header}`, 'holds 2 Rollouts'],
    [`${header}---\n${configMap('a')}`, 'ConfigMap a is not a Rollout'],
    [
      'apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: web}',
      'is not a Rollout of rollout.hansa.dev',
    ],
    ['apiVersion: rollout.hansa.dev/v1alpha1\nkind: Rollout\nspec: {}', 'no metadata.name'],
    ['a: [', 'document 1'],
  ])('%j is refused', (text, because) => {
    expect(() => readRolloutFile(text)).toThrow(because);
  });

  it('gets objects where it had none or other ones, and keeps the rest', () => {
    const [object] = [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }];
    const bare = readRolloutFile(`${header}spec:\n  placement: {clusterSelector: {}}\n`);
    expect(withManifests(bare, [object])).toMatchObject({
      spec: { source: { manifests: [object] }, placement: { clusterSelector: {} } },
    });
    const filled = readRolloutFile(`${header}spec:\n  source: {manifests: [{kind: Old}]}\n`);
    expect(withManifests(filled, [object])['spec']).toEqual({ source: { manifests: [object] } });
  });

  it('has one source', () => {
    const helm = readRolloutFile(`${header}spec:\n  source: {helm: {chart: web, version: "1"}}\n`);
    expect(() => withManifests(helm, [])).toThrow('spec.source.helm');
  });

  it.each([
    ['spec: {source: {helm: {chart: web}}}', 'spec.source.helm.version'],
    [
      'spec: {source: {federatedRef: {kind: X, name: y}}, steps: [{name: a, capacity: {contender: 101}}]}',
      'spec.steps[0].capacity.contender',
    ],
    ['spec: {source: {federatedRef: {kind: X, name: y}}, progressDeadline: soon}', 'spec.progressDeadline'],
  ])('with %s is refused by the name of the field', (text, field) => {
    expect(() => checkRollout(readRolloutFile(`${header}${text}`))).toThrow(field);
  });

  it('that is too large for the host is refused before it is sent', () => {
    const large = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a' },
      data: { a: 'x'.repeat(1_400_000) },
    };
    const rollout = readRolloutFile(`${header}spec:\n  placement: {clusterSelector: {}}\n`);
    expect(() => checkRollout(withManifests(rollout, [large]))).toThrow('1.4 MB');
  });
});

describe('manifests of files and directories', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'hansa-manifests-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const write = (name: string, text: string) => writeFileSync(join(dir, name), text);

  it('are read in order, lists taken apart, other files passed over', async () => {
    write('b.yaml', configMap('b'));
    write(
      'a.json',
      JSON.stringify({
        kind: 'List',
        items: [{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } }],
      }),
    );
    write('README.md', '# not a manifest');
    expect((await readManifests([dir])).map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
  });

  it.each([
    ['a.yaml', 'kind: ConfigMap\n', 'needs apiVersion, kind and metadata.name'],
    ['a.yaml', `${configMap('a')}---\n${configMap('a')}`, 'ConfigMap a is there twice'],
    ['kustomization.yaml', 'resources: []', 'render it with -k'],
    ['a.txt', 'nothing', 'no objects were found'],
  ])('%s with %j is refused', async (name, text, because) => {
    write(name, text);
    await expect(readManifests([dir])).rejects.toThrow(because);
  });

  it('say which path cannot be read', async () => {
    await expect(readManifests([join(dir, 'absent')])).rejects.toThrow('absent cannot be read');
  });
});

describe('a reference to an OCI artefact', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  it.each([
    ['ghcr.io/acme/web:1.2', 'https://ghcr.io', 'acme/web', '1.2'],
    ['oci://ghcr.io/acme/web', 'https://ghcr.io', 'acme/web', 'latest'],
    [`registry.example:5000/web@${digest}`, 'https://registry.example:5000', 'web', digest],
    [`registry.example/web:1@${digest}`, 'https://registry.example', 'web', digest],
    ['localhost:5000/web:1', 'http://localhost:5000', 'web', '1'],
    ['127.0.0.1:5000/web:1', 'http://127.0.0.1:5000', 'web', '1'],
    ['acme/web:1', 'https://registry-1.docker.io', 'acme/web', '1'],
    ['web', 'https://registry-1.docker.io', 'library/web', 'latest'],
    ['docker.io/web', 'https://registry-1.docker.io', 'library/web', 'latest'],
  ])('%s', (text, url, repository, version) => {
    const reference = parseOciReference(text);
    expect([registryUrl(reference), reference.repository, reference.version]).toEqual([
      url,
      repository,
      version,
    ]);
  });

  it.each([
    '',
    'ghcr.io/',
    'ghcr.io/Acme/web',
    'ghcr.io/a/../b',
    'ghcr.io/a b:1',
    'u:p@ghcr.io/a/b',
    'ghcr.io/a@sha256:1',
  ])('%j is refused', (text) =>
    expect(() => parseOciReference(text)).toThrow('write REGISTRY/REPOSITORY:TAG'),
  );
});

describe('a duration on the command line', () => {
  it.each([
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['45s', 45_000],
  ])('%s', (text, ms) => expect(readDuration('--timeout', text)).toBe(ms));

  it.each(['', '10', 'm', 'soon', '-1m', '1.5h'])('%j is refused', (text) => {
    expect(() => readDuration('--timeout', text)).toThrow('write a duration such as');
  });
});
