import type { ObjectRef, ResourceType } from './types.ts';

type Query = Readonly<Record<string, string | number | undefined>>;

/** Path of a collection (no name) or an object, with its query. Names are escaped, so they can't reach elsewhere. */
export function resourcePath(
  type: ResourceType,
  { namespace, name }: Partial<ObjectRef>,
  query: Query = {},
  subresource?: string,
): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  const scope = type.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const object = name ? `/${encodeURIComponent(name)}` : '';
  const sub = subresource ? `/${subresource}` : '';
  return `${root}${scope}/${type.plural}${object}${sub}${queryString(query)}`;
}

function queryString(query: Query): string {
  const parts: string[] = [];
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined) parts.push(`${key}=${encodeURIComponent(value)}`);
  }
  return parts.length ? `?${parts.join('&')}` : '';
}

/** `apps/v1` for a group, `v1` for the core group. */
export function apiVersionOf({ group, version }: Pick<ResourceType, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}
