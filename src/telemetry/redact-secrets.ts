/** Keys whose values are secrets wherever they stand: tokens, passwords, private keys, whole kubeconfigs. */
const secretKey =
  /(token|password|passphrase|authorization|cookie|client-?secret|kube-?config|(client|private|tls|ssh|api)-?key|key-?data)$/i;
/** Fields of a Secret as Kubernetes has it. */
const secretFields = ['data', 'stringData'];
/** Secrets inside a text: bearer tokens, signed web tokens, PEM keys. */
const secretText = [
  /\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi,
  /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g,
] as const;
const hidden = '[hidden]';
/** Deeper than this nobody reads a log line; it also ends circles. */
const maxDepth = 6;

/** A copy of what goes into a log line, with secrets hidden and everything made plain JSON. */
export function redactSecrets(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return hideIn(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= maxDepth) return '[deep]';
  if (value instanceof Error) return redactError(value, depth);
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.map((item) => redactSecrets(item, depth + 1));
  if (value instanceof Map) return redactSecrets(Object.fromEntries(value), depth);
  if (value instanceof Set) return redactSecrets([...value], depth);
  const isSecret = 'kind' in value && value.kind === 'Secret';
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const isHidden = secretKey.test(key) || (isSecret && secretFields.includes(key));
      return [key, isHidden && item ? hidden : redactSecrets(item, depth + 1)];
    }),
  );
}

/** A text with the secrets in it hidden. */
export function hideIn(text: string): string {
  return secretText.reduce((cleaned, pattern) => cleaned.replace(pattern, hidden), text);
}

function redactError(error: Error, depth: number): unknown {
  return {
    message: hideIn(error.message),
    ...(error.stack ? { stack: hideIn(error.stack) } : {}),
    ...(error.cause === undefined ? {} : { cause: redactSecrets(error.cause, depth + 1) }),
  };
}
