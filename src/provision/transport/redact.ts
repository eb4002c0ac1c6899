/** Hides secrets in what people and logs read. */
export interface Redactor {
  /** From now on this text is a secret. */
  add(secret: string): void;
  text(text: string): string;
  /** For lines in their order: remembers that it is inside a PEM block. Undefined: a line of its body, not to be shown. */
  lines(): (line: string) => string | undefined;
}

const mask = '***';

/**
 * Masks what looks like a secret (see `shapes`), and the given ones in the forms they travel in: as they are, in JSON, in a
 * URL, in base64.
 * *Guarantees*: no given secret is in what comes out. *Caveats*: one made of asterisks alone can't be told from the mask.
 */
export function createRedactor(secrets: Iterable<string> = []): Redactor {
  const known = new Set<string>();
  let longestFirst: readonly string[] = [];
  const add = (secret: string): void => {
    for (const form of formsOf(secret)) known.add(form);
    longestFirst = [...known].toSorted((a, b) => b.length - a.length);
  };
  for (const secret of secrets) add(secret);
  const text = (given: string) => maskKnown(maskShapes(maskKnown(given, longestFirst)), longestFirst);
  return { add, text, lines: () => lineRedactor(text) };
}

const withoutKnown = createRedactor();

/** Masks what looks like a secret of Kubernetes or a key. */
export function redact(text: string): string {
  return withoutKnown.text(text);
}

/** The one mask for what a pattern finds, and how much of the match stays readable. */
const shapes: readonly (readonly [RegExp, string])[] = [
  // To its end, or as far as it looks like one where the end is cut off.
  [
    /-----BEGIN ([A-Z0-9 ]+)-----(?:[\s\S]*?-----END [A-Z0-9 ]+-----|(?:\\[nr]|[A-Za-z0-9+/=\s])*)/g,
    `-----BEGIN $1-----${mask}`,
  ],
  // PEM in base64, as in Secrets and kubeconfigs.
  [/LS0tLS1CRUdJTi[A-Za-z0-9+/=]*/g, mask],
  [/((?:client-key-data|token|password|secret)["']?\s*[:=]\s*["']?)[A-Za-z0-9+/_.=-]{16,}/gi, `$1${mask}`],
  // Bootstrap token.
  [/(?<![a-z0-9])[a-z0-9]{6}\.[a-z0-9]{16}(?![a-z0-9])/g, mask],
  // Token of a service account.
  [/eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g, mask],
  // kubeadm's certificate key. Digests with their algorithm (`sha256:…` of images and of the CA, `sha256/…` in paths) stay:
  // they are public, people compare them to find a fault, and kubeadm never prints a certificate key in that form.
  [/(?<!sha256[:/])(?<![0-9a-fA-F])[0-9a-fA-F]{64}(?![0-9a-fA-F])/gi, mask],
];

function maskShapes(text: string): string {
  return shapes.reduce((masked, [shape, replacement]) => masked.replace(shape, replacement), text);
}

function maskKnown(given: string, secrets: readonly string[]): string {
  let text = given;
  // Again until nothing is found: a mask can complete a secret that has an asterisk in it.
  for (let before = ''; before !== text; ) {
    before = text;
    for (const secret of secrets) text = text.replaceAll(secret, mask);
  }
  return text;
}

function formsOf(secret: string): readonly string[] {
  // Lines on their own, since output is shown line by line; the short ones are no secret without the others.
  const lines = secret.split(/\r?\n/);
  const parts = lines.length > 1 ? [secret, ...lines.filter((line) => line.trim().length >= 8)] : [secret];
  return parts
    .flatMap((part) => [part, JSON.stringify(part).slice(1, -1), encodeUri(part), ...base64Forms(part)])
    .filter((form) => /[^*]/.test(form));
}

function encodeUri(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** How a text shows inside base64 at each of the three ways it can be aligned, without the characters its neighbours share. */
function base64Forms(text: string): readonly string[] {
  if (text.length < 8) return [];
  const bytes = Buffer.from(text);
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const tail = (shift + bytes.length) % 3 === 0 ? 0 : 1;
    return encoded.slice(shift === 0 ? 0 : shift + 1, encoded.length - tail);
  });
}

function lineRedactor(text: (line: string) => string): (line: string) => string | undefined {
  let insidePem = false;
  return (line) => {
    if (insidePem) {
      const end = /-----END [A-Z0-9 ]+-----/.exec(line);
      if (end) {
        insidePem = false;
        const rest = line.slice(end.index + end[0].length);
        return rest.trim() === '' ? undefined : text(rest);
      }
      if (/^[A-Za-z0-9+/=\s]*$/.test(line) || /^\s*(?:Proc-Type|DEK-Info):/.test(line)) return undefined;
      insidePem = false;
    }
    insidePem = /-----BEGIN [A-Z0-9 ]+-----(?![\s\S]*-----END )/.test(line);
    return text(line);
  };
}
