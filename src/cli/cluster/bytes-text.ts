const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `41.5 MiB`. */
export function bytesText(bytes: number): string {
  if (!Number.isFinite(bytes)) return '? B';
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}
