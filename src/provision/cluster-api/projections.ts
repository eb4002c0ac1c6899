import { type Cached, type KubeObject, keyOf } from '../../kube/index.ts';
import { joinedAsLabel } from '../../members/join/index.ts';
import { memberRecord } from '../registration/membership.ts';
import { sourceOf } from '../registration/words.ts';
import type { SeenMember } from './decide.ts';

export interface CachedMember extends SeenMember, Cached {}

export function projectMember(object: KubeObject): CachedMember {
  const { name, resourceVersion = '', deletionTimestamp } = object.metadata;
  return { resourceVersion, name, isDeleting: deletionTimestamp !== undefined, ...memberRecord(object) };
}

/** The Secret of a member that is on its way out by this door. */
export interface CachedSecret extends Cached {
  readonly member: string;
  /** Of its Cluster. */
  readonly key: string;
}

export function projectSecret({ metadata }: KubeObject): CachedSecret | undefined {
  const { labels = {}, resourceVersion = '' } = metadata;
  const source = sourceOf(labels);
  const member = labels[joinedAsLabel];
  return source && member !== undefined ? { resourceVersion, member, key: keyOf(source) } : undefined;
}
