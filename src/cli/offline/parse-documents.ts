import { parseAllDocuments } from 'yaml';
import { isJsonObject } from '../../base/index.ts';

/** One object of a file, or what is wrong with the document it should have been. */
export type InputDocument =
  | { readonly ok: true; readonly where: string; readonly value: unknown }
  | { readonly ok: false; readonly where: string; readonly message: string };

/** Reads YAML or JSON with any number of documents. Lists are taken apart; a document that can't be read stays alone. */
export function parseDocuments(text: string): readonly InputDocument[] {
  // The merge key is not in YAML 1.2, but kubectl knows it.
  const parsed = parseAllDocuments(text, { merge: true });
  if (!Array.isArray(parsed)) return [];
  return parsed.flatMap((document, index): readonly InputDocument[] => {
    const where = `document ${index + 1}`;
    const [error] = document.errors;
    if (error) return [{ ok: false, where, message: error.message.trimEnd() }];
    let value: unknown;
    try {
      value = document.toJS();
    } catch (failure) {
      // An alias without its anchor, or one that unfolds without end.
      return [{ ok: false, where, message: failure instanceof Error ? failure.message : String(failure) }];
    }
    return value === null || value === undefined ? [] : takeApart(value, where);
  });
}

function takeApart(value: unknown, where: string): readonly InputDocument[] {
  const items = isJsonObject(value) && value['kind'] === 'List' ? value['items'] : value;
  if (!Array.isArray(items)) return [{ ok: true, where, value }];
  return items.map((item: unknown, index) => ({
    ok: true,
    where: `${where}, item ${index + 1}`,
    value: item,
  }));
}

/** The name that a person knows an object by: `FederatedDeployment shop/web`. */
export function titleOf(value: unknown, where: string): string {
  if (!isJsonObject(value)) return where;
  const metadata = isJsonObject(value['metadata']) ? value['metadata'] : {};
  const kind = typeof value['kind'] === 'string' ? value['kind'] : '';
  const name = typeof metadata['name'] === 'string' ? metadata['name'] : '';
  const namespace = typeof metadata['namespace'] === 'string' ? `${metadata['namespace']}/` : '';
  return kind && name ? `${kind} ${namespace}${name}` : where;
}
