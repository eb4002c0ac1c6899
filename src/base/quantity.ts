export type ParsedQuantity =
  | { readonly ok: true; readonly milli: bigint }
  | { readonly ok: false; readonly message: string };

const decimalPowers: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const binaryPowers: Readonly<Record<string, bigint>> = {
  Ki: 10n,
  Mi: 20n,
  Gi: 30n,
  Ti: 40n,
  Pi: 50n,
  Ei: 60n,
};
/** The suffix `E` is exa; `E` with digits behind it is an exponent, as in `1E3`. */
const quantityPattern =
  /^([+-]?)(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))(?:[eE]([+-]?[0-9]+)|([KMGTPE]i|[numkMGTPE])?)$/;
/** Longer than any real one; keeps a hostile text from costing time. */
const maxLength = 64;
const maxExponent = 30;

/**
 * An amount as Kubernetes writes it (`250m`, `1.5Gi`, `2e3`), in exact thousandths. What is finer than a thousandth
 * is rounded away from zero, as Kubernetes does when it counts a pod's cpu.
 */
export function parseQuantity(text: string | number): ParsedQuantity {
  const match = quantityPattern.exec(String(text).slice(0, maxLength + 1));
  const [, sign, whole, fraction = '', bareFraction, exponent, suffix = ''] = match ?? [];
  const power = Number(exponent ?? 0);
  if (!match || match[0].length > maxLength || Math.abs(power) > maxExponent) {
    return {
      ok: false,
      message: `"${String(text).slice(0, maxLength)}" is not a quantity such as 250m, 2 or 1.5Gi`,
    };
  }
  const digits = BigInt((whole ?? '') + (bareFraction ?? fraction));
  const shift = 3 + power + (decimalPowers[suffix] ?? 0) - (bareFraction ?? fraction).length;
  const scaled = digits * 2n ** (binaryPowers[suffix] ?? 0n);
  const milli = shift >= 0 ? scaled * 10n ** BigInt(shift) : divideUp(scaled, 10n ** BigInt(-shift));
  return { ok: true, milli: sign === '-' ? -milli : milli };
}

function divideUp(amount: bigint, by: bigint): bigint {
  return (amount + by - 1n) / by;
}

/** Thousandths of a cpu for people: `250m`, `2`. */
export function formatCpu(milli: bigint): string {
  return milli % 1000n === 0n ? String(milli / 1000n) : `${milli}m`;
}

const byteUnits = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const;

/** Thousandths of a byte for people, in the largest unit that leaves at least one: `1.5Gi`. At most one decimal. */
export function formatBytes(milli: bigint): string {
  const bytes = milli / 1000n;
  const size = bytes < 0n ? -bytes : bytes;
  let unit = 0;
  while (unit < byteUnits.length - 1 && size >= 1024n ** BigInt(unit + 1)) unit += 1;
  const tenths = (size * 10n) / 1024n ** BigInt(unit);
  const decimal = tenths % 10n === 0n ? '' : `.${tenths % 10n}`;
  return `${bytes < 0n ? '-' : ''}${tenths / 10n}${decimal}${byteUnits[unit]}`;
}
