import type { Bundle, BundleSignature, CreatedBundle, StoredItem } from '../../provision/bundle/index.ts';
import { renderTable } from '../table.ts';

/** What `bundle create` tells a person. */
export function renderCreated({ path, file, sizeBytes, notes }: CreatedBundle, isSigned: boolean): string {
  const { kubernetes, architectures, items } = file;
  return [
    `${path}: Kubernetes ${kubernetes.join(', ')} for ${architectures.join(', ')}, ${items.length} items, ${megabytes(sizeBytes)}${isSigned ? ', signed' : ', not signed'}.`,
    ...notes.map((note) => `! ${note}`),
  ].join('\n');
}

export function renderVerdict(bundle: Bundle): string {
  return `${bundle.path} is whole: ${bundle.file.items.length} items, ${megabytes(bundle.sizeBytes)}; ${signatureText(bundle.signature)}.`;
}

/** A table of all items below some lines about the whole. */
export function renderInspection(bundle: Bundle, wide: boolean): string {
  const { file, sizeBytes, signature } = bundle;
  return [
    `Kubernetes     ${file.kubernetes.join(', ')}`,
    `Architectures  ${file.architectures.join(', ')}`,
    `Created        ${file.created}`,
    `Size           ${megabytes(sizeBytes)}`,
    `Signature      ${signatureText(signature)}`,
    '',
    renderTable<StoredItem>(
      [
        { heading: 'KIND', cell: ({ kind }) => kind },
        { heading: 'NAME', cell: ({ name }) => name },
        { heading: 'VERSION', cell: ({ version }) => version },
        { heading: 'FOR', cell: ({ role, kubernetes }) => [role, ...(kubernetes ?? [])].join(' ') },
        { heading: 'ARCH', cell: ({ arch }) => arch ?? 'any' },
        { heading: 'SIZE', cell: (item) => megabytes(item.sizeBytes), align: 'right' },
        { heading: 'SHA256', cell: ({ sha256 }) => sha256, wide: true },
        { heading: 'SOURCE', cell: ({ source }) => source, wide: true },
      ],
      file.items.toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1)),
      { wide },
    ),
  ].join('\n');
}

function keyOf({ kind, name, arch = '', version = '' }: StoredItem): string {
  return [kind, name, arch, version].join(' ');
}

function signatureText(signature: BundleSignature): string {
  switch (signature.kind) {
    case 'none':
      return 'not signed';
    case 'unchecked':
      return 'signed, not checked for want of a public key';
    case 'good':
      return `signed with ${signature.publicKey}`;
  }
}

function megabytes(bytes: number): string {
  return bytes < 100_000
    ? `${Math.max(1, Math.round(bytes / 1000))} kB`
    : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
