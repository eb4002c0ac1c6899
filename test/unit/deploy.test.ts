import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { servedKinds } from '../../src/api/served-kinds.ts';
import { controllerOptions, variableOf } from '../../src/main/controller-options.ts';
import { hansaVersion } from '../../src/main/version.ts';

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly verbs: readonly string[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata?: { readonly name: string };
  readonly rules?: readonly Rule[];
  readonly spec?: { readonly template: { readonly spec: { readonly containers: readonly Container[] } } };
}

interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string }[];
}

const rbac = read('rbac.yaml');
const rules = rbac.flatMap(({ rules: own = [] }) => own);
const clusterRules = rbac.find(({ kind }) => kind === 'ClusterRole')?.rules ?? [];

describe('the rights of the controller on the host', () => {
  it.each(servedKinds.map(({ address: { group, plural } }) => [plural, group]))(
    'let it follow %s of %s',
    (plural, group) => {
      expect(verbsFor(group, plural)).toEqual(expect.arrayContaining(['get', 'list', 'watch']));
    },
  );

  it.each(
    servedKinds
      .filter(({ schema, address }) => 'status' in schema.shape && address.plural !== 'clusters')
      .map(({ address: { group, plural } }) => [plural, group]),
  )('let it write the status of %s of %s', (plural, group) => {
    expect(verbsFor(group, `${plural}/status`)).toContain('patch');
  });

  it('name every group, kind and verb', () => {
    expect(JSON.stringify(rules)).not.toContain('*');
  });

  it('let it create and delete none of what users own', () => {
    const made = ['rollouts', 'rolloutrevisions', 'releases', 'kubeoperations', 'etcdbackups'];
    const targets = ['installationtargets', 'capacitytargets', 'traffictargets'];
    const own = ['leases', 'events', ...made, ...targets];
    for (const { resources = [], verbs } of rulesBeside('hansa-rollout-secrets', 'hansa-provision')) {
      if (verbs.some((verb) => ['create', 'update', 'delete', 'deletecollection'].includes(verb))) {
        expect(resources.filter((resource) => !own.includes(resource))).toEqual([]);
      }
    }
  });

  it('open Secrets in its own namespace only, but for roles that can be taken away', () => {
    expect(JSON.stringify(clusterRules)).not.toMatch(/"secrets"/);
    const own = rulesBeside('hansa-rollout-secrets', 'hansa-provision').filter(({ resources = [] }) =>
      resources.includes('secrets'),
    );
    expect(own.flatMap(({ verbs }) => verbs)).toEqual(['get', 'list', 'watch', 'patch']);
    const secrets = rbac.find(({ metadata }) => metadata?.name === 'hansa-rollout-secrets')?.rules ?? [];
    expect(secrets.flatMap(({ resources = [] }) => resources)).toEqual(['secrets']);
    const provision = rbac.filter(({ metadata }) => metadata?.name === 'hansa-provision');
    expect(provision.map(({ kind }) => kind)).toEqual([
      'ClusterRole',
      'ClusterRoleBinding',
      'Role',
      'RoleBinding',
    ]);
  });
});

describe('the Deployment', () => {
  const [container] = read('deployment.yaml').flatMap(({ spec }) => spec?.template.spec.containers ?? []);

  it('runs the version of this repository', () => {
    expect(container?.image).toBe(`hansa:${hansaVersion}`);
    expect(container?.args).toEqual(['controller']);
  });

  it('sets only variables that the controller reads', () => {
    const known = Object.keys(controllerOptions.shape).map(variableOf);
    const ours = container?.env.map(({ name }) => name).filter((name) => name.startsWith('HANSA_')) ?? [];
    expect(ours).not.toEqual([]);
    expect(ours.filter((name) => !known.includes(name))).toEqual([]);
  });
});

function rulesBeside(...roles: readonly string[]): readonly Rule[] {
  return rbac.flatMap(({ metadata, rules: own = [] }) => (roles.includes(metadata?.name ?? '') ? [] : own));
}

function read(file: string): readonly Manifest[] {
  const path = fileURLToPath(new URL(`../../deploy/${file}`, import.meta.url));
  return parseAllDocuments(readFileSync(path, 'utf8')).map((document) => document.toJS() as Manifest);
}

function verbsFor(group: string, resource: string): readonly string[] {
  return rules
    .filter(({ apiGroups, resources }) => apiGroups?.includes(group) && resources?.includes(resource))
    .flatMap(({ verbs }) => verbs);
}
