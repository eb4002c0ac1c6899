import type { Json, JsonObject } from '../base/index.ts';

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

export interface ManagedFieldsEntry {
  readonly manager?: string;
  readonly operation?: 'Apply' | 'Update';
  readonly apiVersion?: string;
  readonly time?: string;
  readonly fieldsV1?: JsonObject;
  readonly subresource?: string;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string | null;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  readonly managedFields?: readonly ManagedFieldsEntry[];
}

/** An object as the API server sends it: plain JSON, fields we don't know included. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

/** Where a kind is served. */
export interface ResourceType {
  /** `''` for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

export interface ObjectRef {
  readonly namespace?: string | undefined;
  readonly name: string;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Time limit of the whole call; the client's default is used when absent. */
  readonly deadlineMs?: number;
  /** Ask for metadata only (`PartialObjectMetadata`): smaller, and keeps Secret data out of the process. */
  readonly metadataOnly?: boolean;
}

export interface ListOptions extends CallOptions {
  /** Absent = all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Page size; lists are always read in pages. Default 500. */
  readonly limit?: number;
}

export interface ListPage<T = KubeObject> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

export interface WatchOptions extends Omit<ListOptions, 'limit'> {
  readonly resourceVersion: string;
  /** Seconds after which the server ends the watch. */
  readonly timeoutSeconds?: number;
  /** The server has agreed to go on from that version; events follow, at once or much later. */
  readonly onOpen?: () => void;
}

export type WatchEvent<T = KubeObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export interface ApplyOptions extends CallOptions {
  readonly fieldManager: string;
  /** Take over fields that other managers own. Without it a conflict is an error with reason `Conflict`. */
  readonly force?: boolean;
  readonly dryRun?: boolean;
  /** `status` applies to the status subresource. */
  readonly subresource?: string;
}

export interface PatchOptions extends CallOptions {
  readonly type: 'merge' | 'json';
  readonly fieldManager?: string;
  readonly subresource?: string;
}

export interface RemoveOptions extends CallOptions {
  /** DeleteOptions as the API takes them: preconditions, propagationPolicy, gracePeriodSeconds. */
  readonly body?: JsonObject;
}

/**
 * One API server. Plain JSON in and out; every failure is a HansaError whose reason is one of
 * `NotFound`, `AlreadyExists`, `Conflict`, `Gone`, `Invalid`, `Forbidden`, `Unauthorized`,
 * `TooManyRequests`, `Timeout`, `Unreachable`, `ServerError`, or what the server's Status said.
 */
export interface ApiClient {
  /** Base address, for messages. */
  readonly server: string;
  get<T extends KubeObject = KubeObject>(
    type: ResourceType,
    ref: ObjectRef,
    options?: CallOptions,
  ): Promise<T>;
  /** Yields page after page; the last page's resourceVersion is that of the whole list. */
  list<T extends KubeObject = KubeObject>(
    type: ResourceType,
    options?: ListOptions,
  ): AsyncGenerator<ListPage<T>>;
  watch<T extends KubeObject = KubeObject>(
    type: ResourceType,
    options: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>>;
  create<T extends KubeObject = KubeObject>(
    type: ResourceType,
    object: KubeObject,
    options?: CallOptions & {
      readonly fieldManager?: string;
      readonly dryRun?: boolean;
      readonly subresource?: string;
    },
  ): Promise<T>;
  replace<T extends KubeObject = KubeObject>(
    type: ResourceType,
    object: KubeObject,
    options?: CallOptions & { readonly fieldManager?: string; readonly subresource?: string },
  ): Promise<T>;
  apply<T extends KubeObject = KubeObject>(
    type: ResourceType,
    object: KubeObject,
    options: ApplyOptions,
  ): Promise<T>;
  patch<T extends KubeObject = KubeObject>(
    type: ResourceType,
    ref: ObjectRef,
    patch: Json,
    options: PatchOptions,
  ): Promise<T>;
  remove(type: ResourceType, ref: ObjectRef, options?: RemoveOptions): Promise<void>;
  /** Any path; the answer's text. For `/readyz`, `/version` and discovery. */
  raw(
    path: string,
    options?: CallOptions & { readonly method?: 'GET' | 'POST'; readonly body?: Json },
  ): Promise<string>;
  /** Closes connections; calls under way fail with reason `Unreachable`. */
  close(): Promise<void>;
}
