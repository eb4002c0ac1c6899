import { z } from 'zod';
import { isJsonObject, type JsonObject } from '../../base/index.ts';
import {
  addressOf,
  type FederatedKind,
  federatedGroups,
  federatedKinds,
  findFederatedKind,
} from '../federated-kinds.ts';
import type { FederatedHub, HubOverride } from '../hub.ts';
import { anyObject } from '../shared/any-object.ts';
import { type FederatedStatus, statusWithReplicas } from '../shared/federated-status.ts';
import { legacyFederatedFields } from '../types.federation.k8s.io/v1alpha1/federated.ts';
import { federatedFields } from '../types.kubefed.io/v1beta1/federated.ts';
import { openObject, type OpenedObject, withoutNulls } from './object-door.ts';
import { type Problem, problemsOf } from './problem.ts';

export type ToHub =
  | { readonly ok: true; readonly hub: FederatedHub }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads a federated object of either group into the shape that the engine knows.
 *
 * *Guarantees*: fields it doesn't know are passed over; a problem names the field as the user wrote it.
 * *Caveats*: an override that does not fit its template is no problem here: it fails its own cluster only, later.
 */
export function toHub(object: unknown): ToHub {
  const door = openObject(object);
  if ('problems' in door) return { ok: false, problems: door.problems };
  const { opened } = door;
  const found = findFederatedKind(opened.apiVersion, opened.kind);
  if (!found) return { ok: false, problems: [unknownKind(opened)] };

  const { row, group } = found;
  const read = group.overrideStyle === 'dotted' ? readLegacySpec(opened.spec) : readSpec(opened.spec);
  const problems = [...(read.ok ? [] : read.problems), ...templateProblems(opened.spec['template'], row)];
  if (!read.ok || problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    hub: {
      source: addressOf(row, group),
      target: row.target,
      metadata: opened.metadata,
      overrideStyle: group.overrideStyle,
      ...read.spec,
      ...statusOf(opened.status),
    },
  };
}

type SpecOfHub = Pick<FederatedHub, 'template' | 'placement' | 'overrides' | 'retainReplicas' | 'rollout'>;
type ReadSpec =
  | { readonly ok: true; readonly spec: SpecOfHub }
  | { readonly ok: false; readonly problems: readonly Problem[] };

const fieldsOfBoth = {
  template: z.exactOptional(anyObject('')),
  retainReplicas: z.exactOptional(z.boolean()),
};
const specSchema = z.object({ ...fieldsOfBoth, ...federatedFields });
const legacySpecSchema = z.object({ ...fieldsOfBoth, ...legacyFederatedFields });

function readSpec(spec: JsonObject): ReadSpec {
  const parsed = specSchema.safeParse(absentForNull(spec));
  if (!parsed.success) return { ok: false, problems: problemsOf(parsed.error, 'spec') };
  const { template = {}, placement = {}, overrides = [], ...rest } = parsed.data;
  const problems = overrides.flatMap((entry, index) =>
    entry.clusterName !== undefined && entry.clusterSelector !== undefined
      ? [
          {
            field: `spec.overrides[${index}]`,
            message: 'set either clusterName or clusterSelector, not both',
          },
        ]
      : [],
  );
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    spec: { template: template as JsonObject, placement, overrides: overrides.map(withChanges), ...rest },
  };
}

function readLegacySpec(spec: JsonObject): ReadSpec {
  const parsed = legacySpecSchema.safeParse(absentForNull(spec));
  if (!parsed.success) return { ok: false, problems: problemsOf(parsed.error, 'spec') };
  const { template = {}, placement = {}, overrides = [], ...rest } = parsed.data;
  const { clusterNames, ...selector } = placement;
  return {
    ok: true,
    spec: {
      template: template as JsonObject,
      placement: clusterNames ? { clusters: clusterNames.map((name) => ({ name })), ...selector } : selector,
      overrides: overrides.map(withChanges),
      ...rest,
    },
  };
}

function withChanges({ clusterOverrides = [], ...entry }: Partial<HubOverride>): HubOverride {
  return { ...entry, clusterOverrides };
}

/** As KubeFed reads it: null is absent, wherever a field of ours may be left out. */
function absentForNull(spec: JsonObject): unknown {
  const { placement, overrides, ...rest } = spec;
  return withoutNulls({
    ...rest,
    ...(placement === undefined ? {} : { placement: withoutNulls(placement) as JsonObject }),
    ...(overrides === undefined
      ? {}
      : { overrides: Array.isArray(overrides) ? overrides.map(withoutNulls) : overrides }),
  });
}

function templateProblems(template: unknown, { target }: FederatedKind): readonly Problem[] {
  if (!isJsonObject(template)) return [];
  const { kind, apiVersion } = template;
  const problems: Problem[] = [];
  if (kind !== undefined && kind !== target.kind) {
    problems.push({ field: 'spec.template.kind', message: `must be ${target.kind}, or be left out` });
  }
  if (apiVersion !== undefined && (typeof apiVersion !== 'string' || groupOf(apiVersion) !== target.group)) {
    const home =
      target.group === ''
        ? 'the core group, such as v1'
        : `group ${target.group}, such as ${target.group}/v1`;
    problems.push({
      field: 'spec.template.apiVersion',
      message: `must be a version of ${home}, or be left out`,
    });
  }
  return problems;
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash === -1 ? '' : apiVersion.slice(0, slash);
}

/** A status that can't be read counts as none: it is ours, and is written anew. */
function statusOf(status: unknown): { readonly status?: FederatedStatus } {
  const parsed = statusWithReplicas.safeParse(status);
  return parsed.success ? { status: parsed.data } : {};
}

function unknownKind({ apiVersion, kind }: OpenedObject): Problem {
  const groups = Object.values(federatedGroups).map(({ group, version }) => `${group}/${version}`);
  return groups.includes(apiVersion)
    ? {
        field: 'kind',
        message: `"${kind}" is not served in ${apiVersion}: use one of ${federatedKinds.map((row) => row.federatedKind).join(', ')}`,
      }
    : {
        field: 'apiVersion',
        message: `"${apiVersion}" is not served for federated objects: use ${groups.join(' or, in the shape of 2019, ')}`,
      };
}
