import { byBytes } from './byte-order.ts';

/**
 * JSON as Go's encoding/json writes it: no spaces, keys in byte order, the characters that HTML gives a
 * meaning to escaped. Byte for byte, as names are hashes of it.
 *
 * *Caveats.* Whole numbers beyond 2^53 lost digits when they were read into JavaScript numbers; as bigint
 * they keep them.
 */
export function goJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return goString(value);
    case 'number':
      // Both languages write the shortest digits that read back the same, and change to exponents at the
      // same sizes. Negative zero is read as a whole number there, without a sign.
      return String(value);
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`;
      if (typeof value === 'object' && value !== null) return goMap(value);
      return 'null';
  }
}

function goMap(map: object): string {
  const members = Object.entries(map)
    .filter(([, value]) => value !== undefined)
    .toSorted(([a], [b]) => byBytes(a, b))
    .map(([key, value]) => `${goString(key)}:${goJson(value)}`);
  return `{${members.join(',')}}`;
}

// Half a surrogate pair was already replaced when Go read the text.
const loneSurrogate = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

const short: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function goString(text: string): string {
  const escaped = text
    .replace(loneSurrogate, '\uFFFD')
    // No \b and \f: the Go of Shipper's time had no short forms for them.
    .replace(
      /[\u0000-\u001F"\\<>&\u2028\u2029]/g,
      (character) => short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  return `"${escaped}"`;
}
