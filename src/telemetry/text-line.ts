/** One log line for a person: `12:03:04.123 WARN  run failed  key=shop/web reason=Conflict`. */
export function textLine(jsonLine: string): string {
  const { time, level, msg, ...fields } = JSON.parse(jsonLine) as Record<string, unknown>;
  const { stack, ...inline } = fields;
  const pairs = Object.entries(inline).map(([key, value]) => `${key}=${shown(value)}`);
  const head = `${String(time).slice(11, 23)} ${String(level).toUpperCase().padEnd(5)} ${String(msg)}`;
  const line = pairs.length > 0 ? `${head}  ${pairs.join(' ')}` : head;
  return typeof stack === 'string' ? `${line}\n${stack}\n` : `${line}\n`;
}

function shown(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  return /^[\w./:@+-]+$/.test(value) ? value : JSON.stringify(value);
}
