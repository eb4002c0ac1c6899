/** An image as containerd tells of it. */
export interface SeenImage {
  /** `sha256:…` */
  readonly digest: string;
  /** All its content is there, and unpacked. */
  readonly isComplete: boolean;
}

/** Reads `ctr images check`: the name, the digest, whether it is complete, whether it is unpacked. */
export function parseImageCheck(text: string): ReadonlyMap<string, SeenImage> {
  const images = new Map<string, SeenImage>();
  for (const line of text.split('\n')) {
    const words = line.trim().split(/\s+/);
    const [name, , digest, status] = words;
    if (!name || !digest?.startsWith('sha256:')) continue;
    images.set(name, { digest, isComplete: status === 'complete' && words.at(-1) === 'true' });
  }
  return images;
}

/** Reads `ctr images ls`: names of images that have a label. */
export function parseLabelled(text: string, label: string): ReadonlySet<string> {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  const names = lines.filter((words) => words.at(-1)?.split(',').includes(label)).map(([name]) => name ?? '');
  return new Set(names.filter(Boolean));
}
