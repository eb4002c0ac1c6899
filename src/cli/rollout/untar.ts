import { HansaError } from '../../base/index.ts';

const blockBytes = 512;

/** The plain files of a tar archive by path. Links and devices are passed over: nothing here needs them. */
export function untar(archive: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  let longName: string | undefined;
  for (let at = 0; at + blockBytes <= archive.length; ) {
    const header = archive.subarray(at, at + blockBytes);
    if (header.every((byte) => byte === 0)) break;
    const sizeBytes = Number.parseInt(textAt(header, 124, 12), 8) || 0;
    const from = at + blockBytes;
    const body = archive.subarray(from, from + sizeBytes);
    if (body.length < sizeBytes) throw broken();
    at = from + Math.ceil(sizeBytes / blockBytes) * blockBytes;
    switch (textAt(header, 156, 1)) {
      // What GNU and POSIX write before an entry whose path is longer than its field.
      case 'L':
        longName = textAt(body, 0, body.length);
        break;
      case 'x':
        longName = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(new TextDecoder().decode(body))?.[1] ?? longName;
        break;
      case '':
      case '0':
        files.set(cleanPath(longName ?? nameIn(header)), body);
        longName = undefined;
        break;
      default:
        longName = undefined;
    }
  }
  return files;
}

export function isTar(bytes: Uint8Array): boolean {
  return bytes.length >= blockBytes && textAt(bytes, 257, 5) === 'ustar';
}

function nameIn(header: Uint8Array): string {
  // Only the POSIX form has the field; GNU's keeps times there.
  const prefix = header[262] === 0 ? textAt(header, 345, 155) : '';
  const name = textAt(header, 0, 100);
  return prefix ? `${prefix}/${name}` : name;
}

/** The archive may be written to disk: no path in it leads out of its directory. */
function cleanPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length === 0 || parts.includes('..') || path.startsWith('/')) {
    throw new HansaError(`the archive has a file "${path}", which leads out of it`, {
      reason: 'ArtefactUnreadable',
      retry: 'never',
    });
  }
  return parts.join('/');
}

function textAt(bytes: Uint8Array, from: number, length: number): string {
  const field = bytes.subarray(from, from + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end)).trim();
}

function broken(): HansaError {
  return new HansaError('the archive ends in the middle of a file', {
    reason: 'ArtefactUnreadable',
    retry: 'never',
  });
}
