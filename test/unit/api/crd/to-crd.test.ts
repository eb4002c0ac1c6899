import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { crdName, toCrd } from '../../../../src/api/crd/to-crd.ts';
import { isJsonObject, type Json } from '../../../../src/base/index.ts';
import { servedKinds } from '../../../../src/api/served-kinds.ts';
import { generatedFiles } from '../../../../src/main/generated-files.ts';

const crds = servedKinds.map((served) => [crdName(served), toCrd(served), served] as const);

describe('the generated files', () => {
  it.each([...generatedFiles()])(
    '%s is what the schemas say (run "npm run generate" if not)',
    async (path, content) => {
      expect(await readFile(path, 'utf8')).toBe(content);
    },
  );
});

describe('the CRDs together', () => {
  it('give a short name to one kind only', () => {
    const names = servedKinds.flatMap(({ shortNames }) => shortNames);
    expect(names).toEqual([...new Set(names)]);
  });

  it('have rules', () => {
    expect(crds.filter(([, crd]) => rulesOf(crd).length > 0).length).toBeGreaterThan(crds.length / 2);
  });

  it('exist once each', () => {
    const names = crds.map(([name]) => name);
    expect(names).toEqual([...new Set(names)]);
  });
});

describe.each(crds)('the CRD %s', (_, crd, { address, schema }) => {
  it('says that it is unapproved if its group belongs to Kubernetes, and only then', () => {
    const approval = JSON.stringify(crd['metadata']).includes('"api-approved.kubernetes.io":"unapproved, ');
    expect(approval).toBe(address.group.endsWith('.k8s.io'));
  });

  it('names the mend in each of its rules', () => {
    for (const rule of rulesOf(crd)) expect(rule).toHaveProperty('message');
  });

  it('describes each of its fields', () => {
    const bare = everyNode(crd).flatMap((node) =>
      isJsonObject(node['properties'])
        ? Object.entries(node['properties'])
            .filter(([name, field]) => name !== 'metadata' && isJsonObject(field) && !field['description'])
            .map(([name]) => name)
        : [],
    );
    expect(bare).toEqual([]);
  });

  it('has a status that the spec can not touch, if it has one', () => {
    expect(JSON.stringify(crd).includes('"subresources":{"status":{}}')).toBe('status' in schema.shape);
  });
});

function rulesOf(crd: Json): readonly Json[] {
  return everyNode(crd).flatMap((node) => (node['x-kubernetes-validations'] ?? []) as unknown as Json[]);
}

function everyNode(node: Json | undefined): readonly Record<string, Json | undefined>[] {
  if (Array.isArray(node)) return (node as readonly Json[]).flatMap((each) => everyNode(each));
  return isJsonObject(node) ? [node, ...Object.values(node).flatMap((each) => everyNode(each))] : [];
}
