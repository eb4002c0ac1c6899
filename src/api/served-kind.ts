import type { z } from 'zod';
import type { KindAddress } from './federated-kinds.ts';

export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** Shown only with `-o wide`. */
  readonly wide?: boolean;
}

/** A kind that Hansa's CRDs add to the host: all that CRD, reference page and editor schema are made from. */
export interface ServedKind {
  readonly address: KindAddress;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Markdown, first sentence first: the CRD takes it whole. */
  readonly description: string;
  /** Everything but apiVersion, kind and metadata. A field `status` becomes a subresource. */
  readonly schema: z.ZodObject;
  readonly columns: readonly PrinterColumn[];
  /** Annotations or labels that mean something on objects of this kind. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Groups below k8s.io need the word of the Kubernetes API reviewers, or that there is none. */
  readonly unapprovedBecause?: string;
  /** YAML to copy for the reference page. */
  readonly example: string;
}
