/** An address as a number. */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** A network, and the address that was written before the slash. */
export interface Cidr {
  readonly family: 4 | 6;
  /** As it was written; `10.0.0.5` of `10.0.0.5/24`. */
  readonly address: IpAddress;
  /** First address of the network. */
  readonly first: bigint;
  /** Last address of the network. */
  readonly last: bigint;
  readonly prefix: number;
}

const widths = { 4: 32, 6: 128 } as const;

/** Undefined for what is no address. Leading zeros are refused: half of all programs read them as octal. */
export function parseAddress(text: string): IpAddress | undefined {
  const value = text.includes(':') ? parseV6(text) : parseV4(text);
  return value === undefined ? undefined : { family: text.includes(':') ? 6 : 4, value };
}

/** Undefined for what is no CIDR such as `10.0.0.0/16` or `fd00::/48`. */
export function parseCidr(text: string): Cidr | undefined {
  const [before = '', length = '', ...rest] = text.split('/');
  const address = parseAddress(before);
  if (!address || rest.length > 0 || !/^(0|[1-9][0-9]{0,2})$/.test(length)) return undefined;
  const { family, value } = address;
  const prefix = Number(length);
  if (prefix > widths[family]) return undefined;
  const hostMask = (1n << BigInt(widths[family] - prefix)) - 1n;
  const first = (value | hostMask) ^ hostMask;
  return { family, address, first, last: first | hostMask, prefix };
}

/** IPv6 as RFC 5952 has it: lower case, the longest run of zeros left out. */
export function formatAddress({ family, value }: IpAddress): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  );
  const { start, length } = longestZeros(groups);
  if (length < 2) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}

/** The network itself, without what was written behind the prefix: `10.0.0.5/24` gives `10.0.0.0/24`. */
export function formatNetwork({ family, first, prefix }: Cidr): string {
  return `${formatAddress({ family, value: first })}/${prefix}`;
}

export function networksOverlap(a: Cidr, b: Cidr): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

export function networkHas({ family, first, last }: Cidr, address: IpAddress): boolean {
  return address.family === family && first <= address.value && address.value <= last;
}

/** Address number `index` of a network, from 0; undefined beyond its end. kubeadm gives DNS number 10 of the services. */
export function addressAt({ family, first, last }: Cidr, index: number): IpAddress | undefined {
  const value = first + BigInt(index);
  return value > last ? undefined : { family, value };
}

/** An address as it stands before a port: IPv6 in brackets; anything else as it is. */
export function hostWithPort(host: string, port: number): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255))
    return undefined;
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [before = '', after] = halves;
  const head = groupsOf(before, after === undefined);
  const tail = groupsOf(after ?? '', true);
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  // `::` stands for at least one group, so a full address has none.
  if (after === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
}

/** The last two groups may be written as IPv4. */
function groupsOf(half: string, isLast: boolean): readonly number[] | undefined {
  if (half === '') return [];
  const parts = half.split(':');
  const embedded = isLast && parts.at(-1)?.includes('.') ? parseV4(parts.at(-1) ?? '') : undefined;
  const plain = embedded === undefined ? parts : parts.slice(0, -1);
  if (!plain.every((part) => /^[0-9a-fA-F]{1,4}$/.test(part))) return undefined;
  const groups = plain.map((part) => Number.parseInt(part, 16));
  return embedded === undefined ? groups : [...groups, Number(embedded >> 16n), Number(embedded & 0xffffn)];
}

function longestZeros(groups: readonly string[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  for (const [index, group] of groups.entries()) {
    length = group === '0' ? length + 1 : 0;
    if (length > best.length) best = { start: index - length + 1, length };
  }
  return best;
}
