import { type KubeObject, systemClock } from '../kube/index.ts';
import { explained } from '../members/join/index.ts';
import type { GetFlags, GetFormat } from './commands/get.ts';
import { type Host, invalidOption, openHost, printData } from './host-options.ts';
import { readKinds, shownKinds } from './kind-words.ts';
import { type Listing, readObjects, type Selection } from './read-objects.ts';
import { listingsAsData, objectName, renderListings } from './render-listings.ts';
import { watchObjects } from './watch-objects.ts';

export interface GetRequest {
  readonly kind: string | undefined;
  readonly name: string | undefined;
  readonly flags: GetFlags;
  readonly format: GetFormat | undefined;
  readonly signal: AbortSignal;
}

/** Reads, or follows, and prints. */
export async function runGet(request: GetRequest): Promise<void> {
  const host = await openHost(request.flags);
  try {
    const selection = selectionFrom(request, host.namespace);
    const reading = readObjects(host.client, selection, { signal: request.signal });
    // Read before following, too: a cache would go on trying where a person wants to be told.
    const listings = await explained(reading, 'the host', host.client);
    if (request.flags.watch) await follow(request, selection, host);
    else await print(request, selection, listings);
  } finally {
    await host.client.close();
  }
}

/** What the words of the command ask for. Without a kind: everything, everywhere. */
export function selectionFrom(
  { kind, name, flags }: Pick<GetRequest, 'kind' | 'name' | 'flags'>,
  contextNamespace: string | undefined,
): Selection {
  const asked = kind === undefined ? { kinds: shownKinds } : readKinds(kind);
  if (asked.name !== undefined && name !== undefined)
    throw invalidOption(`two names: "${asked.name}" and "${name}"`);
  const wanted = asked.name ?? name;
  const everywhere = flags.allNamespaces || (kind === undefined && flags.namespace === undefined);
  if (wanted !== undefined && flags.allNamespaces) {
    throw invalidOption('a name and --all-namespaces: name the namespace with -n');
  }
  return {
    kinds: asked.kinds,
    name: wanted,
    namespace: everywhere ? undefined : (flags.namespace ?? contextNamespace ?? 'default'),
    hostNamespace: flags.kubefedNamespace ?? flags.hostNamespace,
    labelSelector: flags.selector,
  };
}

async function print(
  { format, kind }: GetRequest,
  selection: Selection,
  listings: readonly Listing[],
): Promise<void> {
  const objects = listings.flatMap((listing) => listing.objects);
  switch (format) {
    case 'json':
    case 'yaml':
      return printData(listingsAsData(listings, { single: selection.name !== undefined }), format);
    case 'name':
      for (const object of objects) process.stdout.write(`${objectName(object)}\n`);
      return;
    case 'wide':
    case undefined:
      if (objects.length === 0) process.stderr.write(`${nothingFound(kind, selection)}\n`);
      else process.stdout.write(`${tables(listings, selection, format)}\n`);
  }
}

function tables(
  listings: readonly Listing[],
  { namespace }: Selection,
  format: GetFormat | undefined,
): string {
  return renderListings(listings, {
    nowMs: systemClock.now(),
    wide: format === 'wide',
    allNamespaces: namespace === undefined,
  });
}

function nothingFound(kind: string | undefined, { kinds, namespace }: Selection): string {
  if (kind === undefined) return 'Nothing yet: "hansa join NAME" makes a cluster a member.';
  if (kinds.every(({ family }) => family === 'cluster'))
    return 'No clusters have joined: "hansa join NAME" makes one a member.';
  return namespace === undefined
    ? 'No such objects in any namespace.'
    : `No such objects in namespace "${namespace}"; -A looks in all.`;
}

/** Several changes at once are one picture; a person reads no faster. */
const redrawPauseMs = 200;

async function follow({ format, signal }: GetRequest, selection: Selection, host: Host): Promise<void> {
  const live = process.stdout.isTTY && format !== 'json' && format !== 'name';
  const deps = { client: host.client, clock: systemClock, rng: Math.random, signal, pauseMs: redrawPauseMs };
  await watchObjects(selection, deps, (listings, changed) => {
    if (live) process.stdout.write(`\x1b[H\x1b[2J${tables(listings, selection, format)}\n`);
    else
      for (const object of changed)
        process.stdout.write(`${changeLine(object, listings, selection, format)}\n`);
  });
}

/** A changed object in one line; for tables without the heading, so that lines can be searched. */
function changeLine(
  object: KubeObject,
  listings: readonly Listing[],
  selection: Selection,
  format: GetFormat | undefined,
): string {
  if (format === 'json') return JSON.stringify(object);
  if (format === 'name') return objectName(object);
  if (!listings.some(({ objects }) => objects.includes(object))) return `${objectName(object)} is gone`;
  // The other kinds stay in, empty: they decide whether a line names its kind.
  const alone = listings.map(({ shown, objects }) => ({
    shown,
    objects: objects.filter((each) => each === object),
  }));
  return tables(alone, selection, format).split('\n').slice(1).join('\n');
}
