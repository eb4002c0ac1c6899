import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { toHub } from '../../../../src/api/convert/to-hub.ts';
import { rollout, rolloutSchema } from '../../../../src/api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { rolloutPolicySchema } from '../../../../src/api/rollout.hansa.dev/v1alpha1/rollout-policy.ts';
import { buildPlan } from '../../../../src/rollout/plan/steps/index.ts';
import { fillQuery } from '../../../../src/rollout/plan/gates/placeholders.ts';
import type { RolloutObject } from '../../../../src/cli/rollout/rollout-object.ts';
import type { Member, MemberName } from '../../../../src/scheduling/index.ts';

const folder = 'examples/rollout';
const files = readdirSync(folder).toSorted();

function documentsOf(file: string): readonly RolloutObject[] {
  return parseAllDocuments(readFileSync(`${folder}/${file}`, 'utf8')).map(
    (each) => each.toJS() as RolloutObject,
  );
}

const documents = files.flatMap((file) =>
  documentsOf(file).map((each) => [`${file}: ${each.kind} ${each.metadata.name}`, each] as const),
);
const rollouts = documents.filter(([, { kind }]) => kind === rollout.address.kind);

function problemsOf(document: RolloutObject): unknown {
  switch (document.kind) {
    case 'Namespace':
      return undefined;
    case 'Rollout':
      return rolloutSchema.safeParse(document).error?.issues;
    case 'RolloutPolicy':
      return rolloutPolicySchema.safeParse(document).error?.issues;
    default: {
      const read = toHub(document);
      return read.ok ? undefined : read.problems;
    }
  }
}

describe('the examples of rollouts', () => {
  it.each(documents)('%s is in order', (_, document) => {
    expect(problemsOf(document)).toBeUndefined();
  });

  it.each(files)('%s says what it shows and what will be seen', (file) => {
    expect(readFileSync(`${folder}/${file}`, 'utf8')).toMatch(/^# .*\n(#.*\n)*# You will see: /);
  });

  it.each(files)('%s has a namespace of its own, and is complete in it', (file) => {
    const [namespace, ...rest] = documentsOf(file);
    expect(namespace?.kind).toBe('Namespace');
    expect(new Set(rest.map(({ metadata }) => metadata.namespace))).toEqual(
      new Set([namespace?.metadata.name]),
    );
    for (const { spec } of rest.filter(({ kind }) => kind === 'Rollout')) {
      const wanted = spec.source.federatedRef;
      if (wanted)
        expect(rest.map(({ kind, metadata }) => [kind, metadata.name])).toContainEqual([
          wanted.kind,
          wanted.name,
        ]);
    }
  });

  it.each(rollouts)('%s has a plan on clusters of its labels', (_, { metadata, spec }) => {
    const members: readonly Member[] = [
      { name: 'eu-1' as MemberName, labels: { canary: 'true' } },
      { name: 'us-1' as MemberName, labels: {} },
      { name: 'us-2' as MemberName, labels: {} },
    ];
    const built = buildPlan({
      name: metadata.name,
      namespace: metadata.namespace ?? '',
      spec,
      members,
      ...(spec.source.federatedRef ? { selected: members.map(({ name }) => name) } : {}),
    });
    expect(built.ok ? [] : built.problems).toEqual([]);
    expect(built.ok && built.plan.waves.flatMap((wave) => wave.members).toSorted()).toEqual([
      'eu-1',
      'us-1',
      'us-2',
    ]);
  });

  it('ask Prometheus what can be asked', () => {
    const queries = rollouts.flatMap(([, { spec }]) =>
      [...(spec.steps ?? []), ...(spec.waves ?? [])].flatMap(({ gates = [] }) =>
        gates.flatMap(({ prometheus }) => (prometheus ? [prometheus.query] : [])),
      ),
    );
    expect(queries.length).toBeGreaterThan(0);
    const [cluster, text] = ['eu-1', 'x'];
    const values = {
      cluster,
      namespace: text,
      name: text,
      revision: text,
      stableRevision: text,
      wave: text,
      step: text,
    };
    const sets = { clusters: [cluster], rolled: [cluster], notRolled: ['us-1'] };
    expect(queries.map((query) => fillQuery(query, { ...values, ...sets })).filter(({ ok }) => !ok)).toEqual(
      [],
    );
  });
});
