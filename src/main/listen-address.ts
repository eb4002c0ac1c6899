/** Splits `[address]:port`; an empty address means all. */
export function listenAddress(listen: string): { readonly address: string; readonly port: number } {
  const colon = listen.lastIndexOf(':');
  return { address: listen.slice(0, Math.max(colon, 0)), port: Number(listen.slice(colon + 1)) };
}
