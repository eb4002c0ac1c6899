import { stringify } from 'yaml';
import type { KubeObject } from '../../kube/index.ts';
import type { Member } from '../../scheduling/index.ts';
import { parseDocuments } from './parse-documents.ts';
import type { Printed } from './printed.ts';
import { renderDocuments } from './render-documents.ts';

export interface RenderOptions {
  readonly text: string;
  readonly members: readonly Member[];
  readonly namespace: string;
  readonly format: 'yaml' | 'json';
}

/** Renders the documents of a file; notes and failures go to standard error. */
export function runRender({ text, members, namespace, format }: RenderOptions): Printed {
  const documents = parseDocuments(text);
  const { objects, notes, failures } = renderDocuments({ documents, members, namespace });
  const told = documents.length === 0 ? [...failures, 'the input holds no document'] : failures;
  return {
    out: format === 'json' ? jsonLines(objects) : yamlStream(objects),
    err: [...notes.map((note) => `note: ${note}\n`), ...told.map((failure) => `error: ${failure}\n`)].join(
      '',
    ),
    exitCode: told.length > 0 ? 1 : 0,
  };
}

/** One document a line: readable one by one, and taken by kubectl as they stand. */
function jsonLines(objects: readonly KubeObject[]): string {
  return objects.map((object) => `${JSON.stringify(object)}\n`).join('');
}

function yamlStream(objects: readonly KubeObject[]): string {
  // Anchors would be right, but nobody expects them where a label is used twice.
  return objects.map((object) => stringify(object, { aliasDuplicateObjects: false })).join('---\n');
}
