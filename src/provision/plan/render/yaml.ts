import { stringify } from 'yaml';

/** Documents as Go's YAML 1.1 reads them: there `yes`, `on` and `0755` are no texts unless they are quoted. */
export function yamlDocuments(documents: readonly object[]): string {
  return documents.map((document) => stringify(document, { version: '1.1', lineWidth: 0 })).join('---\n');
}
